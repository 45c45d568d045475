# SPDX-License-Identifier: BSD-2-Clause
"""SMTP coming in: what is offered, what is refused and how, where a message ends."""
import re
import socket

from lib import Hop, await_, equal, free_port, main, match

ROUTES = 'route = ( {{ for = "here.example", to = [ "{0}" ] }}, {{ for = "*", to = [ "{0}" ] }} )\n'


def stage(world, **settings):
    hop = Hop(world).up()
    world.configure(ROUTES.format(hop.to()), **settings)
    world.start()
    return hop


def test_a_session(world):
    hop = stage(world, max_message_size="1M")
    with world.client() as c:
        match(c.banner, r"^220 mail\.example\.org ESMTP")
        keywords = c.want("EHLO client.example", "250").split("\n")
        equal(keywords[0][:20], "250-mail.example.org", "EHLO's first line")
        equal(sorted(k[4:] for k in keywords[1:]), ["8BITMIME", "CHUNKING", "DELIVERBY", "DSN", "ENHANCEDSTATUSCODES", "MT-PRIORITY", "PIPELINING", "SIZE 1048576", "SMTPUTF8"],
              "keywords")
        equal(c.want("HELO client.example", "250"), "250 mail.example.org", "HELO")
        c.want("mail from:<a@s.example>", "250 2.1.0")
        c.want("Rcpt to:<b@here.example>", "250 2.1.5")
        c.want("RCPT TO:<b@here.example>", "250 2.1.5")
        c.want("NOOP", "250 2.0.0")
        c.want("data", "354")
        c.send("Subject: one\r\n\r\n..\r\n.text\r\n.\r\n")
        queued = c.reply()
        match(queued, "^250 2.0.0 Ok: queued as [0-9A-F]{12}$")
        c.want("QUIT", "221 2.0.0")
        equal(c.is_closed(), True, "closed after QUIT")
    m = hop.await_one("Subject: one")
    equal((m.sender, m.rcpts), ("a@s.example", ["b@here.example"]), "envelope, each recipient once")
    equal(m.body, b".\r\ntext\r\n", "dots undone")
    match(m.field("Received")[0], rf"^from client\.example .*\[127\.0\.0\.1\].* by mail\.example\.org .*id {queued[-12:]}",
          "Received")


def test_order_and_errors(world):
    """A refused command changes nothing; the session goes on."""
    stage(world)
    with world.client() as c:
        c.want("MAIL FROM:<a@s.example>", "503 5.5.1")
        c.want("EHLO", "501")
        c.want("EHLO client.example", "250")
        c.want("RCPT TO:<b@here.example>", "503 5.5.1")
        c.want("DATA", "503 5.5.1")
        c.want("MAIL FROM:a b", "501")
        c.want("MAIL FROM:<a@@b>", "501")
        c.want("MAIL FROM:<a@s.example> WHATEVER=1", "555")
        c.want("MAIL FROM:<a@s.example> SIZE=x", "501")
        c.want("MAIL FROM:<a@s.example> SIZE=99999999999", "552 5.3.4")
        c.want("MAIL FROM:<a@s.example> BODY=8BITMIME SIZE=100", "250")
        c.want("MAIL FROM:<a@s.example>", "503 5.5.1")
        c.want("DATA", "503 5.5.1")
        c.want("RCPT TO:<bad", "501")
        c.want("RCPT TO:<>", "5")
        c.want("RCPT TO:<b@here.example>", "250")
        c.want("DATA now", "501")
        c.want("TURN", "502 5.5.1")
        c.want("STARTTLS", "50")
        c.want("XYZZY", "500 5.5.2")
        c.want("VRFY b@here.example", "252")
        c.want("RSET", "250")
        c.want("RCPT TO:<b@here.example>", "503 5.5.1")
        c.want("MAIL FROM:<>", "250")
        c.want("RCPT TO:<Postmaster>", "250")
        c.want("DATA", "354")
        c.send("\r\n.\r\n")
        match(c.reply(), "^250 2.0.0")


def test_strangers_may_not_relay(world):
    hop = Hop(world).up()
    port = free_port()
    world.configure(ROUTES.format(hop.to()) +
                    f'listen = ( {{ address = "127.0.0.1:{port}", trusted = [] }} )')
    world.start()
    with world.client(port) as c:
        c.want("EHLO client.example", "250")
        c.want("MAIL FROM:<a@s.example>", "250")
        c.want("RCPT TO:<b@there.example>", "554 5.7.1")
        c.want("RCPT TO:<b@sub.here.example>", "554 5.7.1")
        c.want("RCPT TO:<b%there.example@x.there.example>", "554 5.7.1")
        c.want("DATA", "554 5.5.1")
        c.want("RCPT TO:<b@HERE.example>", "250")
        c.want("DATA", "354")
        c.send("Subject: in\r\n\r\nx\r\n.\r\n")
        match(c.reply(), "^250")
    equal(hop.await_one("Subject: in").rcpts, ["b@HERE.example"], "recipients")
    world.sendmail("-f", "a@s.example", "b@there.example", text="Subject: local\n\nx\n")
    hop.await_one("Subject: local")  # this machine's users may


def test_strangers_reach_the_postmaster(world):
    hop = Hop(world).up()
    port = free_port()
    world.configure(ROUTES.format(hop.to()) + 'postmaster = "admin@here.example"\n'
                    f'listen = ( {{ address = "127.0.0.1:{port}", trusted = [] }} )')
    world.start()
    with world.client(port) as c:
        c.want("EHLO client.example", "250")
        c.want("MAIL FROM:<a@s.example>", "250")
        c.want("RCPT TO:<b@mail.example.org>", "554 5.7.1")
        c.want("RCPT TO:<postmaster>", "250")
        c.want("DATA", "354")
        c.send("Subject: help\r\n\r\nx\r\n.\r\n")
        match(c.reply(), "^250")
    equal(hop.await_one("Subject: help").rcpts, ["admin@here.example"], "recipients")


def test_sizes(world):
    hop = stage(world, max_message_size="64K")
    with world.client() as c:
        c.want("EHLO client.example", "250")
        for n, code in ((60, "250"), (70, "552 5.3.4"), (60, "250"), (700, "552 5.3.4")):
            c.mail()
            c.send(b"Subject: n%d\r\n\r\n" % n + (b"z" * 1022 + b"\r\n") * n + b".\r\n")
            match(c.reply(), f"^{code}", f"{n} KiB")
        c.want("QUIT", "221")
    await_(lambda: len(hop.taken) == 2, "two messages")
    world.await_empty()
    equal(len(hop.taken), 2, "what was refused is not sent")


def test_too_many_recipients(world):
    hop = stage(world, max_recipients=10)
    with world.client() as c:
        c.want("EHLO client.example", "250")
        c.want("MAIL FROM:<a@s.example>", "250")
        for n in range(10):
            c.want(f"RCPT TO:<r{n}@here.example>", "250")
        c.want("RCPT TO:<r10@here.example>", "452 4.5.3")
        c.want("RCPT TO:<r3@here.example>", "250")  # stands there already
        c.want("DATA", "354")
        c.send("Subject: ten\r\n\r\nx\r\n.\r\n")
        match(c.reply(), "^250")
    equal(len(hop.await_one("Subject: ten").rcpts), 10, "recipients")


def test_long_lines(world):
    hop = stage(world)
    with world.client() as c:
        c.want("EHLO client.example", "250")
        c.want("NOOP " + "x" * 505, "250")
        c.want("NOOP " + "x" * 100000, "500 5.5.2")
        c.want("NOOP", "250")
        c.send("NOOP\n")
        c.send("NOOP\r\n")
        match(c.reply(), "^500 5.5.2", "LF alone ends no command")
        c.mail()
        c.send("Subject: line\r\n\r\n" + "y" * 998 + "\r\n.\r\n")
        match(c.reply(), "^250")
    equal(len(hop.await_one("Subject: line").body), 1000, "a line of 998")


def test_loops(world):
    hop = stage(world)
    with world.client() as c:
        c.want("EHLO client.example", "250")
        for count, code in ((100, "554 5.4.6"), (90, "250")):
            c.mail()
            c.send("Received: from a by b\r\n" * count + f"Subject: {count}\r\n\r\nReceived: x\r\n.\r\n")
            match(c.reply(), f"^{code}", f"{count} Received fields")
    hop.await_one("Subject: 90")
    equal(len(hop.taken), 1, "messages")


SMUGGLED = "MAIL FROM:<evil@s.example>\r\nRCPT TO:<victim@here.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


def test_only_one_end(world):
    """Nothing but CRLF.CRLF ends a message, on the way in and on the way out."""
    hop = stage(world)
    ends = ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n.\r\r\n", "\r\n.\n\r\n", "\r\n\0.\r\n",
            "\r\n.\0\r\n", "\n\n.\r\n", "\r\r\n.\n"]
    for n, end in enumerate(ends):
        with world.client() as c:
            c.envelope(sender=f"n{n}@s.example")
            c.send(f"Subject: honest {n}\r\n\r\nfirst{end}{SMUGGLED}")
            match(c.reply(), "^250", f"{end!r}: the end")
            c.want("QUIT", "221")
    await_(lambda: len(hop.taken) >= len(ends), "all messages")
    world.await_empty()
    equal(len(hop.taken), len(ends), "messages")
    for m in hop.taken:
        match(m.sender, "^n", "sender")
        match(m.data, "MAIL FROM:<evil@s.example>", "the rest is text")
        if re.search(rb"(?<!\r)\n|\r(?!\n)", m.data):
            raise AssertionError(f"something bare left: {m.data!r}")


def test_byte_by_byte(world):
    hop = stage(world)
    with world.client() as c:
        for byte in "EHLO x\r\nMAIL FROM:<a@s.example>\r\nRCPT TO:<b@here.example>\r\nDATA\r\n":
            c.send(byte)
        equal([c.reply()[:3] for _ in range(4)], ["250", "250", "250", "354"], "replies")
        for byte in "Subject: bytes\r\n\r\n..a\r\n..\n..\r\nb\r..\r\n\r\n..\r\n.\r\nQUIT\r\n":
            c.send(byte)
        equal([c.reply()[:3] for _ in range(2)], ["250", "221"], "replies")
    equal(hop.await_one("Subject: bytes").body, b".a\r\n.\r\n..\r\nb\r\n..\r\n\r\n.\r\n",
          "a dot is undone behind CRLF alone")


def test_pipelining(world):
    """Two messages and the end in one write."""
    hop = stage(world)
    one = "MAIL FROM:<a@s.example>\r\nRCPT TO:<b{0}@here.example>\r\nRCPT TO:<broken\r\nDATA\r\nSubject: p{0}\r\n\r\nx\r\n.\r\n"
    with world.client() as c:
        c.send("EHLO x\r\n" + one.format(1) + one.format(2) + "NOOP\r\nQUIT\r\n")
        codes = [c.reply()[:3] for _ in range(13)]
        equal(codes, ["250", *["250", "250", "501", "354", "250"] * 2, "250", "221"], "replies")
        equal(c.is_closed(), True, "closed")
    hop.await_one("Subject: p1")
    hop.await_one("Subject: p2")


def test_too_many_errors(world):
    stage(world)
    with world.client() as c:
        for n in range(60):
            reply = c.ask("XYZZY")
            if not reply.startswith("500"):
                break
        match(reply, "^421 4.7.0")
        if n < 5:
            raise AssertionError(f"{n} errors are not many")
        equal(c.is_closed(), True, "closed")
    with world.client() as c:  # and others are served
        c.want("EHLO x", "250")


def test_gone_in_the_middle(world):
    hop = stage(world)
    for text in ("Subject: half\r\n\r\nhalf", "Subject: half\r\n\r\nx\r\n.\r"):
        with world.client() as c:
            c.envelope()
            c.send(text)
    with world.client() as c:
        c.envelope()
        c.send("Subject: whole\r\n\r\nx\r\n.\r\n")
    hop.await_one("Subject: whole")  # complete, though nobody heard the 250
    world.await_empty()
    equal(len(hop.taken), 1, "messages")


def test_closing_one_direction(world):
    """Who closes behind the final dot, or behind more commands, hears everything all the same."""
    hop = stage(world)
    for n, behind in enumerate(("", "NOOP\r\nQUIT\r\n")):
        with world.client() as c:
            c.envelope()
            c.send(f"Subject: closed{n}\r\n\r\nx\r\n.\r\n" + behind)
            c.s.shutdown(socket.SHUT_WR)
            equal([c.reply()[:3] for _ in range(3)], ["250", *(["250", "221"] if behind else ["", ""])], "replies")
        hop.await_one(f"Subject: closed{n}")


def test_a_large_message(world):
    """Stored piece by piece, and the same when it comes out."""
    hop = stage(world)
    rows = [f".{n:07} " + "abcdefghijklmnopqrstuvwxyz0123456789" * 2 for n in range(150000)]
    with world.client() as c:
        c.envelope()
        c.send("Subject: large\r\n\r\n" + "".join(f".{r}\r\n" for r in rows) + ".\r\n")
        match(c.reply(), "^250")
    body = await_(lambda: hop.taken, "the large message")[0].body
    if body != "".join(f"{r}\r\n" for r in rows).encode():
        raise AssertionError("it is not the same")
    world.await_empty()


def test_many_clients_at_once(world):
    """A hundred sessions side by side; one that says nothing keeps nobody waiting."""
    hop = stage(world)
    silent = [world.client() for _ in range(20)]
    clients = [world.client() for _ in range(100)]
    for n, c in enumerate(clients):
        c.envelope(sender=f"n{n}@s.example")
    for c in reversed(clients):
        c.send("Subject: many\r\n\r\nx\r\n.\r\n")
    for c in clients:
        match(c.reply(), "^250")
    for c in silent + clients:
        c.close()
    await_(lambda: len(hop.taken) >= 100, "all")
    world.await_empty()
    equal(len({m.sender for m in hop.taken}), 100, "senders")


def test_told_to_end(world):
    """SIGTERM between messages: 421; in the middle of one it is not promised."""
    stage(world)
    idle, half = world.client(), world.client()
    idle.want("EHLO x", "250")
    half.envelope()
    half.send("Subject: half\r\n\r\nx\r\n")
    world.stop()
    match(idle.reply(), "^421 4.3.2")
    equal(idle.is_closed(), True, "closed")
    match(half.reply(), "^(421 .*)?$")
    idle.close()
    half.close()
    equal(world.queue(), [], "nothing was promised")


def test_two_listeners(world):
    hop = Hop(world).up()
    a, b = free_port(), free_port()
    world.configure(ROUTES.format(hop.to()) + f'listen = ( {{ address = "127.0.0.1:{a}", trusted = [ "127.0.0.1" ] }},\n'
                    f'  {{ address = "unix:{world.path("smtp")}" }}, {{ address = "127.0.0.1:{b}", trusted = [ "10.0.0.0/8" ] }} )')
    world.start()
    for port, code in ((a, "250"), (b, "554 5.7.1")):
        with world.client(port) as c:
            c.want("EHLO x", "250")
            c.want("MAIL FROM:<a@s.example>", "250")
            c.want("RCPT TO:<b@there.example>", code)


main(globals())
