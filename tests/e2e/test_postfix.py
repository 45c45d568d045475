# SPDX-License-Identifier: BSD-2-Clause
"""A real Postfix as the other domain's server: what it offers is used, what it says is understood."""
from certificates import Certificates
from dovecot import Dovecot
from knot import Knot
from lib import await_, equal, free_port, main, match
from postfix import Postfix
from test_journey import BODY, SENDER, ZONE

DOMAIN = "d.mailtest.example"


class Stage:
    """bob lives at home, which is ours; alice and overquota at d, which is Postfix's. "ghost" is somebody that only
    Postfix knows."""

    def __init__(self, world, settings="", more="", schedule="1s"):
        self.world, self.dovecot, self.port, self.dns = world, Dovecot(world), free_port("127.0.2.1"), free_port()
        Knot(world, self.dns, ZONE, "home.mailtest.example")
        users = ["alice", "overquota", "ghost"] + [f"n{i}" for i in range(30)]
        self.postfix = Postfix(world, DOMAIN, "127.0.2.2", self.port, self.dovecot.socket, users,
                               f"[127.0.2.1]:{self.port}", settings)
        world.configure(f'listen = ( {{ address = "127.0.2.1:{self.port}" }} )\nroute = ( {{ for = "*", to = [ "mx" ] }},\n'
                        f'  {{ for = "home.mailtest.example", to = [ "lmtp://{self.dovecot.socket}" ] }} )\n'
                        f'retry = ( {{ for = "*", schedule = "{schedule}" }} )\n' + more, hostname="mx-home.mailtest.example",
                        nameservers=[f"127.0.0.1:{self.dns}"], smtp_port=self.port)
        world.start()

    def send(self, *rcpts, text="Subject: x\n\nx\n"):
        self.world.sendmail("-i", "-f", SENDER, *(f"{r}@{DOMAIN}" for r in rcpts), text=text)

    def read(self, user, count=1):
        return await_(lambda: (lambda mail: mail if len(mail) >= count else None)(self.dovecot.mail(user)),
                      f"{count} messages for {user}")


def test_message(world):
    """Through our queue and its own, every octet of the body."""
    stage = Stage(world)
    stage.send("alice", text=b"Subject: journey\n\n" + BODY.replace(b"\r\n", b"\n"))
    (text,) = stage.read("alice")
    header, body = text.split(b"\n\n", 1)
    equal(body.rstrip(b"\n"), BODY.replace(b"\r\n", b"\n").rstrip(b"\n"), "the body")
    match(header, rf"^Return-Path: <{SENDER}>$", "return path")
    world.await_log(rf"to=<alice@d\.mailtest\.example>, relay=mx-d\.mailtest\.example\[127\.0\.2\.2\]:{stage.port}, "
                    r".*dsn=2\.0\.0, status=sent \(250 2\.0\.0 Ok: .*queued as [0-9A-Z]+\)")
    world.await_empty()


def test_message_by_bdat(world):
    """Postfix offers CHUNKING, and gets it."""
    stage = Stage(world, more="chunking = true\n")
    stage.send("alice", text=b"Subject: journey\n\n" + BODY.replace(b"\r\n", b"\n"))
    (text,) = stage.read("alice")
    equal(text.split(b"\n\n", 1)[1].rstrip(b"\n"), BODY.replace(b"\r\n", b"\n").rstrip(b"\n"), "the body")
    world.await_empty()
    stage.postfix.await_log(r"disconnect from .* bdat=[1-9]")


def test_one_of_two(world):
    """One recipient is refused, and comes back; the other's mail goes."""
    stage = Stage(world)
    stage.send("alice", "nobody")
    stage.read("alice")
    (notice,) = stage.read("bob")
    match(notice, r"^Final-Recipient: rfc822; ?nobody@d\.mailtest\.example$", "whom it is about")
    match(notice, r"^Diagnostic-Code: smtp; ?550 5\.1\.1 <nobody@d\.mailtest\.example>: Recipient$", "what Postfix said")
    equal(b"alice" in notice.split(b"message/delivery-status")[-1].split(b"--")[0], False, "alice in the notice")
    world.await_empty()


def test_notice_of_postfix(world):
    """It takes what Dovecot then refuses: its notice comes in at our listener, from nobody, to bob's mailbox."""
    stage = Stage(world)
    stage.send("ghost")
    (notice,) = stage.read("bob")
    match(notice, r"^Return-Path: <>$", "the sender")
    match(notice, r"^Reporting-MTA: dns; mx-d\.mailtest\.example$", "who says it")
    match(notice, r"^Status: 5\.1\.1$", "status")
    world.await_empty()


def goes_when_the_limit_is_gone(stage, count):
    """Nothing is lost meanwhile, and nobody gets a notice."""
    stage.postfix.reload()
    await_(lambda: stage.world.run("fermoposta", "flush") and len(stage.dovecot.mail("alice")) >= count, f"{count} messages")
    stage.world.await_empty()
    equal((len(stage.dovecot.mail("alice")), stage.dovecot.mail("bob")), (count, []), "messages, and notices")


def test_too_much_mail(world):
    """Its words for "too fast" are known as that."""
    stage = Stage(world, """\
        smtpd_client_event_limit_exceptions =
        smtpd_client_message_rate_limit = 2
        anvil_rate_time_unit = 600s
        """)
    for _ in range(4):
        stage.send("alice")
    world.await_log(r"dsn=4\.7\.1, status=deferred \(host .* said: 450 4\.7\.1 Error: too much mail from 127\.0\.0\.1")
    match(world.run("fermoposta", "why", f"alice@{DOMAIN}").out, "rate", "why")
    goes_when_the_limit_is_gone(stage, 4)


def test_too_many_connections(world):
    """The one connection that it takes was the test's own."""
    stage = Stage(world, """\
        smtpd_client_event_limit_exceptions =
        smtpd_client_connection_rate_limit = 1
        anvil_rate_time_unit = 600s
        """)
    stage.send("alice")
    world.await_log(r"dsn=4\.7\.0, status=deferred \(host .* refused to talk to me: 421 4\.7\.0 \S+ Error: too many connections")
    goes_when_the_limit_is_gone(stage, 1)


def test_more_recipients_than_it_takes(world):
    """25 in one message, where it takes 10 at a time: the rest follows at once, and nobody gets two."""
    stage = Stage(world, "smtpd_recipient_limit = 10\nsmtpd_recipient_overshoot_limit = 1\n", schedule="600s")
    stage.send(*(f"n{i}" for i in range(25)))
    for i in range(25):
        stage.postfix.await_log(rf"to=<n{i}@d\.mailtest\.example>")
    world.await_empty()
    for i in range(25):
        equal(stage.postfix.log().count(f"to=<n{i}@{DOMAIN}>"), 1, f"mails for n{i}")


def test_tls(world):
    """STARTTLS with a certificate that proves the host."""
    certificates = Certificates(world)
    cert, key = certificates.make("mx", "DNS:mx-d.mailtest.example")
    stage = Stage(world, f"smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n",
                  f'tls = ( {{ for = "{DOMAIN}", policy = "verify", ca_file = "{certificates.ca}" }} )\n')
    stage.send("alice")
    stage.send("alice")
    stage.read("alice", 2)
    world.await_log(r"Verified TLS connection established to mx-d\.mailtest\.example\[127\.0\.2\.2\]:\d+: TLSv1\.3 ")
    world.await_empty()


if __name__ == "__main__":
    main(globals())
