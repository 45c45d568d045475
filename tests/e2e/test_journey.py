# SPDX-License-Identifier: BSD-2-Clause
"""The whole way with real peers: a client gives a message to our listener, its MX (knotd) is the other
domain's server, a second daemon, which gives it to Dovecot by LMTP, where it is read by POP3."""
from dovecot import Dovecot
from knot import Knot
from lib import World, await_, equal, free_port, main, match, peer

ZONE = """$ORIGIN mailtest.example.
$TTL 60
@     SOA ns hostmaster 1 3600 600 86400 60
      NS  ns
ns    A   127.0.0.1
home  MX  10 mx-home
d     MX  10 mx-d
mx-home A 127.0.2.1
mx-d    A 127.0.2.2
"""
SENDER = "bob@home.mailtest.example"
MX, LMTP = '{ for = "*", to = [ "mx" ] }', '{ for = "%s.mailtest.example", to = [ "%s" ] }'

# What a body must survive: dots, 8 bits, blanks at the ends of lines, the longest line, no last empty line.
BODY = b"\r\n".join([b".", b"..", b".a line that begins with a dot", b"", b"trailing blanks  \t", b"From here",
                     "Grüße, 漢字".encode(), bytes(range(160, 256)), b"x" * 998, b"." + b"y" * 997, b"", b"last"]) + b"\r\n"


class Stage:
    """Two domains, each with its daemon, and Dovecot behind both: bob lives at home, the others at d."""

    def __init__(self, world, retry="", dovecot_more=""):
        self.home, self.dovecot = world, Dovecot(world, dovecot_more)
        self.d = World("d")
        world.closers.append(self.d.close)
        self.port, self.dns, self.retry = free_port("127.0.2.1"), free_port(), retry
        Knot(world, self.dns, ZONE, "home.mailtest.example")
        for which, name, ip in ((self.home, "home", "127.0.2.1"), (self.d, "d", "127.0.2.2")):
            self.start(which, name, ip)

    def start(self, world, name, ip):
        to = f"lmtp://{self.dovecot.socket}"
        world.configure(f'listen = ( {{ address = "{ip}:{self.port}" }} )\nroute = ( {MX}, {LMTP % (name, to)} )\n'
                        f'retry = ( {{ for = "*", schedule = "120s" }}{self.retry} )', hostname=f"mx-{name}.mailtest.example",
                        nameservers=[f"127.0.0.1:{self.dns}"], smtp_port=self.port)
        world.start()

    def swaks(self, to, data):
        """Gives a message to the listener of home with swaks."""
        path = self.home.path("message")
        with open(path, "wb") as f:
            f.write(data)
        return self.home.run(peer("swaks"), "--server", "127.0.2.1", "--port", str(self.port), "--helo", "client.example",
                             "--from", SENDER, "--to", to, "--data", f"@{path}", "--suppress-data")

    def read(self, user, count=1):
        """The user's messages by POP3 as soon as there are `count`."""
        return await_(lambda: (lambda mail: mail if len(mail) >= count else None)(self.dovecot.mail(user)),
                      f"{count} messages for {user}")


def test_message(world):
    """Every octet of the body arrives, and both daemons' trace fields stand on top."""
    stage = Stage(world)
    stage.swaks("alice@d.mailtest.example", f"From: <{SENDER}>\r\nSubject: journey\r\n\r\n".encode() + BODY)
    (text,) = stage.read("alice")
    header, body = text.split(b"\n\n", 1)
    equal(body.rstrip(b"\n"), BODY.replace(b"\r\n", b"\n").rstrip(b"\n"), "the body")
    match(header, r"^Subject: journey$", "subject")
    match(header, rf"^Return-Path: <{SENDER}>$", "return path")
    by = [line.split(b"by ")[1].split()[0] for line in header.replace(b"\n\t", b" ").replace(b"\n ", b" ").split(b"\n")
          if line.startswith(b"Received:") and b"mailtest.example (Fermoposta" in line]
    equal(by, [b"mx-d.mailtest.example", b"mx-home.mailtest.example"], "the way, latest first")
    world.await_log(rf"to=<alice@d\.mailtest\.example>, relay=mx-d\.mailtest\.example\[127\.0\.2\.2\]:{stage.port}, "
                    r".*status=sent \(250 2\.0\.0 ")
    stage.d.await_log(r"to=<alice@d\.mailtest\.example>, relay=/.*status=sent \(250 2\.0\.0 <alice@d\.mailtest\.example>")
    world.await_empty()
    stage.d.await_empty()


def test_many(world):
    """smtp-source as the client: as many as it gave are read, each once."""
    stage = Stage(world)
    world.run(peer("smtp-source"), "-c", "-m", "60", "-s", "4", "-l", "3000", "-f", SENDER, "-t",
              "alice@d.mailtest.example", f"127.0.2.1:{stage.port}")
    mail = stage.read("alice", 60)
    equal(len(mail), 60, "messages")
    world.await_empty()
    stage.d.await_empty()
    equal(len(stage.dovecot.mail("alice")), 60, "messages in the end")


def test_unknown_user(world):
    """Dovecot knows nobody of that name: the other side returns it, into the sender's mailbox."""
    stage = Stage(world)
    stage.swaks("nobody@d.mailtest.example", b"Subject: to whom?\r\n\r\nx\r\n")
    (notice,) = stage.read("bob")
    match(notice, r"^Return-Path: <>$", "the notice's sender")
    match(notice, r"^Reporting-MTA: dns; ?mx-d\.mailtest\.example$", "who says it")
    match(notice, r"^Final-Recipient: rfc822; ?nobody@d\.mailtest\.example$", "for whom")
    match(notice, r"^Status: 5\.1\.1$", "status")
    match(notice, r"^Diagnostic-Code: smtp; ?550[- ]5\.1\.1 ", "what Dovecot said")
    match(notice, r"^Subject: to whom\?$", "the original's header")
    world.await_empty()
    stage.d.await_empty()


def big():
    return b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 100


def test_over_quota(world):
    """Refused for good: returned with what Dovecot said."""
    stage = Stage(world)
    stage.swaks("overquota@d.mailtest.example", big())
    (notice,) = stage.read("bob")
    match(notice, r"^Status: 5\.2\.2$", "status")
    match(notice, r"^Diagnostic-Code: smtp; ?55\d 5\.2\.2 ", "what Dovecot said")
    stage.d.await_log(r"to=<overquota@d\.mailtest\.example>.*dsn=5\.2\.2, status=bounced")
    equal(stage.dovecot.mail("overquota"), [], "over quota")


def test_mailbox_full_for_now(world):
    """Refused for now: the rule for full mailboxes holds, and it goes when the owner has made room."""
    stage = Stage(world, ', { for = "*", on = "mailbox-full", schedule = "1s" }', "quota_full_tempfail = yes\n")
    stage.swaks("overquota@d.mailtest.example", b"Subject: small\r\n\r\n" + b"x" * 1500 + b"\r\n")
    stage.read("overquota")
    stage.swaks("overquota@d.mailtest.example", b"Subject: next\r\n\r\n" + b"y" * 1500 + b"\r\n")
    stage.d.await_log(r"to=<overquota@d\.mailtest\.example>.*dsn=4\.2\.2, status=deferred", count=2)
    match(stage.d.run("fermoposta", "why", "overquota@d.mailtest.example").out, "mailbox-full", "why")
    stage.dovecot.empty("overquota")
    await_(lambda: any(b"Subject: next" in m for m in stage.dovecot.mail("overquota")), "the second message")
    stage.d.await_empty()
    equal(stage.dovecot.mail("bob"), [], "notices")


if __name__ == "__main__":
    main(globals())
