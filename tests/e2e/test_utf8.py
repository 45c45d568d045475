# SPDX-License-Identifier: BSD-2-Clause
"""Internationalised mail (RFC 6531): in by the listener and by sendmail, out where it is offered, and
given back in the words of RFC 6533 where it is not."""
from lib import Hop, equal, main, match

UTF8 = ("PIPELINING", "8BITMIME", "SIZE", "SMTPUTF8")


def stage(world, hop, home=None):
    home = home or Hop(world, keywords=UTF8).up()
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }}, {{ for = "xn--mnchen-3ya.example", to = [ "{home.to()}" ] }} )')
    world.start()
    return home


def send(world, mail="", text="Subject: story.\r\n\r\nbody\r\n", sender="jürgen@münchen.example", rcpts=("ö@d.example",)):
    with world.client() as c:
        c.want("EHLO client.example", "250")
        c.want(f"MAIL FROM:<{sender}>{mail}", "250")
        for rcpt in rcpts:
            c.want(f"RCPT TO:<{rcpt}>", "250")
        c.want("DATA", "354")
        c.want(text + ".", "250")


def test_passed_on(world):
    """Local parts as they came, domains in the one form that everybody knows; over a restart too."""
    hop = Hop(world, keywords=UTF8)
    stage(world, hop)
    send(world, " SMTPUTF8", "Subject: Grüße\r\n\r\nbody\r\n", rcpts=("ö@例え.example", "b@d.example"))
    world.await_log("status=deferred")
    world.restart()
    equal(sorted(r["address"] for r in world.queue()[0]["recipients"]), ["b@d.example", "ö@xn--r8jz45g.example"], "the listing")
    match(world.run("mailq").out, "jürgen@xn--mnchen-3ya.example", "mailq")
    equal(world.run("fermoposta", "list", "to=ö@例え.example", "--format=jsonl").out.count("\n"), 1, "a filter as people type it")
    match(world.run("fermoposta", "why", "ö@例え.example").out, "refused", "why")
    hop.up()
    world.run("fermoposta", "flush")
    m = hop.await_one("Subject: Grüße")
    match(m.mail_line, r"^MAIL FROM:<jürgen@xn--mnchen-3ya\.example> .*SMTPUTF8", "MAIL")
    world.await_empty()
    equal(sorted(r for m in hop.taken for r in m.rcpts), ["b@d.example", "ö@xn--r8jz45g.example"], "recipients")
    match(m.data, "with UTF8SMTP id", "the trace field")


def test_given_back(world):
    """A host without it: who needs it is given back, in UTF-8, and who does not need it gets the mail."""
    hop = Hop(world).up()
    home = stage(world, hop)
    send(world, " SMTPUTF8", rcpts=("ö@d.example", "b@d.example"), sender="al@münchen.example")
    equal(hop.await_one("Subject: story.").rcpts, ["b@d.example"], "recipients")
    notice = home.await_one("Undelivered")
    match(notice.data, r"^Content-Type: message/global-delivery-status\r?$", "its type")
    match(notice.data, r"^Final-Recipient: utf-8; ö@d\.example\r?$", "whom it names")
    match(notice.data, r"^Status: 5\.6\.7\r?$", "why")
    equal(notice.rcpts, ["al@xn--mnchen-3ya.example"], "to whom")
    send(world, " SMTPUTF8", sender="jürgen@münchen.example", rcpts=("c@d.example",))
    notice = home.await_one("c@d.example")
    equal(notice.rcpts, ["jürgen@xn--mnchen-3ya.example"], "to whom")
    match(notice.mail_line, "SMTPUTF8", "the notice is such mail, too")
    match(notice.data, r"^To: jürgen@xn--mnchen-3ya\.example\r?$", "To")
    send(world, " SMTPUTF8", "Subject: Grüße\r\n\r\nbody\r\n", sender="bo@münchen.example", rcpts=("d@d.example",))
    notice = home.await_one("d@d.example")
    match(notice.data, r"^Status: 5\.6\.9\r?$", "by its header")
    match(notice.data, r"^Content-Type: message/global-headers\r?$", "what comes back")


def test_sendmail(world):
    hop = Hop(world, keywords=UTF8).up()
    stage(world, hop)
    world.run("sendmail", "-f", "jürgen@a.example", "-t", stdin="To: Ö <ö@bücher.example>\n\nx\n".encode())
    m = hop.await_one("To: Ö")
    equal((m.sender, m.rcpts), ("jürgen@a.example", ["ö@xn--bcher-kva.example"]), "envelope")
    match(m.mail_line, "SMTPUTF8", "MAIL")
    world.run("sendmail", "b@bücher.example", stdin=b"Subject: plain\n\nx\n")
    equal("SMTPUTF8" in hop.await_one("Subject: plain").mail_line, False, "a domain alone does not need it")


def test_refused(world):
    """Who does not say SMTPUTF8 may not use it."""
    stage(world, Hop(world).up())
    with world.client() as c:
        match(c.want("EHLO client.example", "250"), "SMTPUTF8", "offered")
        c.want("MAIL FROM:<jürgen@a.example>", "553")
        c.want("MAIL FROM:<a@a.example>", "250")
        c.want("RCPT TO:<ö@d.example>", "553")
        c.want("RCPT TO:<b@bücher.example>", "553")


main(globals())
