# SPDX-License-Identifier: BSD-2-Clause
"""What a sender asks to be told (RFC 3461): taken, kept over a restart, passed on, or answered for."""
from lib import Hop, await_, equal, main, match

DSN = ("PIPELINING", "8BITMIME", "SIZE", "DSN")


def stage(world, more="", hop=None, **settings):
    """home.example takes what comes back to a@home.example; everything else goes to hop."""
    home = Hop(world).up()
    hop = hop or Hop(world).up()
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }}, {{ for = "home.example", to = [ "{home.to()}" ] }} )\n' + more,
                    **settings)
    world.start()
    return home, hop


def send(world, mail="", rcpt="", to="b@d.example", text="Subject: story.\r\n\r\nbody\r\n"):
    with world.client() as c:
        c.want("EHLO client.example", "250")
        c.want(f"MAIL FROM:<a@home.example>{mail}", "250")
        c.want(f"RCPT TO:<{to}>{rcpt}", "250")
        c.want("DATA", "354")
        c.want(text + ".", "250")


def refusing():
    return lambda verb, *_: "550 5.1.1 nobody of that name" if verb == "RCPT" else None


def test_passed_on(world):
    """A host that offers DSN gets all of it, after a restart too, and nobody else says anything."""
    hop = Hop(world, keywords=DSN)
    home, hop = stage(world, 'retry = ( { for = "*", schedule = "1h" } )', hop)
    send(world, " RET=HDRS ENVID=Q+2B1", " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B+2Bx@d.example")
    world.sendmail("-f", "a@home.example", "-N", "never", "-R", "full", "-V", "my id", "c@d.example")
    world.await_log("status=deferred")
    await_(lambda: len(world.queue()) == 2, "both in the spool")
    world.restart()
    hop.up()
    world.run("fermoposta", "flush")
    story = hop.await_one("Subject: story.")
    test = hop.await_one("Subject: test")
    world.await_empty()
    match(story.mail_line, r" RET=HDRS ENVID=Q\+2B1$", "MAIL")
    match(test.mail_line, r" RET=FULL ENVID=my\+20id$", "MAIL of sendmail")
    commands = [c for _, c in hop.commands if c.startswith("RCPT")]
    equal(sorted(commands), ["RCPT TO:<b@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B+2Bx@d.example",
                             "RCPT TO:<c@d.example> NOTIFY=NEVER"], "RCPT")
    equal(len(home.taken), 0, "notices")


def test_priority(world):
    """Not of RFC 3461, but it takes the same way: told to hosts that offer to hear it."""
    hop = Hop(world, keywords=("PIPELINING", "MT-PRIORITY"))
    _, hop = stage(world, hop=hop.up())
    send(world, " MT-PRIORITY=-3")
    match(hop.await_one("Subject: story.").mail_line, r" MT-PRIORITY=-3$", "MAIL")


def test_deadline(world):
    """DELIVERBY (RFC 2852): what is left of the time is told to hosts that keep it, over a restart too."""
    hop = Hop(world, keywords=("PIPELINING", "DSN", "DELIVERBY"))
    home, _ = stage(world, hop=hop)
    send(world, " BY=7200;R")
    send(world, " BY=+3600;NT", text="Subject: other.\r\n\r\n")
    await_(lambda: len(world.queue()) == 2 and "status=deferred" in world.log(), "both in the spool")
    world.restart()
    match(world.run("fermoposta", "show", world.queue()[0]["queue_id"]).out, r"^Deliver by: .*, else returned$", "show")
    hop.up()
    world.run("fermoposta", "flush")
    match(hop.await_one("Subject: story.").mail_line, r" BY=7[12]\d\d;R$", "MAIL")
    match(hop.await_one("Subject: other.").mail_line, r" BY=3[56]\d\d;NT$", "MAIL")
    match(home.await_one("as you asked").data, r"^Action: relayed\r?$", "the trace")
    world.await_empty()
    equal(len(home.taken), 1, "notices")


def test_deadline_not_kept(world):
    home, hop = stage(world)
    send(world, " BY=7200;R")
    match(home.await_one("Undelivered").data, r"^Status: 5\.3\.3\r?$", "given back")
    send(world, " BY=7200;N", to="c@d.example")
    match(home.await_one("as you asked").data, r"^Final-Recipient: rfc822; c@d.example\r?$", "told that nobody keeps it now")


def test_relayed(world):
    """A host without DSN: we say that it was handed on, and send no parameters."""
    home, hop = stage(world)
    send(world, " RET=FULL ENVID=Q+2B1", " NOTIFY=SUCCESS ORCPT=rfc822;B+2Bx@d.example")
    m = hop.await_one("Subject: story.")
    equal("ENVID" in m.mail_line or "RET" in m.mail_line, False, m.mail_line)
    notice = home.await_one("as you asked")
    for line in ("Original-Envelope-Id: Q\\+1", "Original-Recipient: rfc822; B\\+x@d.example",
                 "Final-Recipient: rfc822; b@d.example", "Action: relayed", "Status: 2.0.0",
                 "Content-Type: text/rfc822-headers"):
        match(notice.data, rf"^{line}\r?$", "the notice")
    equal(notice.sender, "", "its sender")
    equal(b"body" in notice.body.split(b"rfc822-headers")[1], False, "headers only")
    world.await_empty()
    equal(len(home.taken), 1, "notices")


def test_relayed_in_mode_interactive(world):
    home, hop = stage(world, mode="interactive")
    send(world, "", " NOTIFY=SUCCESS")
    hop.await_one("Subject: story.")
    match(home.await_one("as you asked").data, r"^Action: relayed\r?$", "the notice")
    world.await_empty()


def test_delivered(world):
    """A target at which mail ends."""
    home, _ = stage(world)
    world.configure(f'route = ( {{ for = "*", to = [ "discard:" ] }}, {{ for = "home.example", to = [ "{home.to()}" ] }} )')
    world.restart()
    send(world, "", " NOTIFY=SUCCESS")
    notice = home.await_one("as you asked")
    match(notice.data, r"^Action: delivered\r?$", "the notice")


def test_failures(world):
    """NEVER and SUCCESS tell nothing of a failure; RET decides what comes back."""
    home, _ = stage(world, hop=Hop(world, answer=refusing()).up())
    send(world, "", " NOTIFY=NEVER", "never@d.example")
    send(world, "", " NOTIFY=SUCCESS,DELAY", "success@d.example")
    send(world, " RET=FULL ENVID=full", " NOTIFY=FAILURE", "full@d.example")
    send(world, " RET=HDRS ENVID=hdrs", "", "hdrs@d.example")
    full, hdrs = home.await_one("Envelope-Id: full"), home.await_one("Envelope-Id: hdrs")
    world.await_empty()
    match(full.data, r"^Content-Type: message/rfc822\r?$", "RET=FULL")
    match(hdrs.data, r"^Content-Type: text/rfc822-headers\r?$", "RET=HDRS")
    match(full.data, r"^Action: failed\r?$", "failed")
    equal(len(home.taken), 2, "notices")


def test_delays(world):
    home, _ = stage(world, 'retry = ( { for = "*", schedule = "1s", warn_after = [ "1s" ], expire_after = "1h" } )',
                    hop=Hop(world))
    send(world, "", " NOTIFY=FAILURE", "quiet@d.example")
    send(world, "", " NOTIFY=DELAY", "told@d.example")
    send(world, "", "", "usual@d.example")
    for who in ("told", "usual"):
        match(home.await_one(f"rfc822; {who}@").data, r"^Action: delayed\r?$", who)
    equal(home.find("quiet@"), [], "not asked for")


main(globals())
