# SPDX-License-Identifier: BSD-2-Clause
"""BDAT (RFC 3030): taken from clients, and said to hosts that offer CHUNKING where that is wanted."""
from lib import Hop, equal, main, match

CHUNKING = ("PIPELINING", "8BITMIME", "SIZE", "CHUNKING")
# Dots at line starts, and an end mark in the middle.
TEXT = b"Subject: story.\r\n\r\n.\r\n..two\r\n" + b"".join(b"line %d\r\n" % i for i in range(100000))


def stage(world, hop, **settings):
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }} )\nchunking = true\n', **settings)
    world.start()


def send(world, pieces):
    with world.client() as c:
        match(c.want("EHLO client.example", "250"), "^250.CHUNKING$", "offered")
        c.want("MAIL FROM:<a@s.example>", "250")
        c.want("RCPT TO:<b@d.example>", "250")
        for i, piece in enumerate(pieces):
            c.send(b"BDAT %d%s\r\n" % (len(piece), b" LAST" if i + 1 == len(pieces) else b"") + piece)
        for _ in pieces:
            equal(c.reply()[:3], "250", "a piece")
        c.want("QUIT", "221")


def content(m):
    """What stands behind our trace field."""
    return m.data[m.data.index(b"Subject:"):]


def test_through(world):
    """In by pieces and out by pieces, all at once; the same octets as by DATA."""
    hop = Hop(world, keywords=CHUNKING).up()
    stage(world, hop)
    send(world, [TEXT[i:i + 70001] for i in range(0, len(TEXT), 70001)])
    equal(content(hop.await_one("Subject: story.")) == TEXT, True, "by BDAT")
    equal([c for _, c in hop.commands if c == "DATA"], [], "DATA")
    equal(len([c for _, c in hop.commands if c.startswith("BDAT")]) > 1, True, "more than one BDAT")
    world.await_empty()


def test_not_offered(world):
    hop = Hop(world).up()
    stage(world, hop)
    send(world, [TEXT])
    equal(content(hop.await_one("Subject: story.")) == TEXT, True, "by DATA")


def test_refused_in_the_middle(world):
    """The host will not have the first piece: it is its word on the message."""
    hop = Hop(world, keywords=CHUNKING, answer=lambda verb, *_: "552 5.3.4 too much" if verb == "BDAT" else None).up()
    stage(world, hop)
    send(world, [TEXT])
    world.await_log(r"to=<b@d\.example>.*status=bounced .*552 5\.3\.4 too much")


def test_in_mode_interactive(world):
    """The next hop's answer to the last piece is what the client hears."""
    hop = Hop(world, keywords=CHUNKING).up()
    stage(world, hop, mode="interactive")
    send(world, [TEXT[:50000], TEXT[50000:]])
    equal(content(hop.await_one("Subject: story.")) == TEXT, True, "by BDAT")


main(globals())
