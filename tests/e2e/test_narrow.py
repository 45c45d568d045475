# SPDX-License-Identifier: BSD-2-Clause
"""8-bit content at a next hop that takes only 7 bits: what arrives decodes to what was sent."""
import email
import email.policy

from lib import Hop, equal, main, match

NARROW = ("PIPELINING", "SIZE")
MESSAGE = b"""From: a@home.example
Subject: narrow.
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"
Content-Transfer-Encoding: 8bit

--outer
Content-Type: multipart/alternative; boundary="outer-1"

--outer-1
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Gr\xc3\xbc\xc3\x9fe an alle, die das hier lesen = gut 
.
From here on
--outer-1
Content-Type: text/html; charset=koi8-r

\xd4\xc5\xcb\xd3\xd4
--outer-1--
--outer
Content-Type: message/rfc822

Subject: inner
Content-Type: text/plain; charset=iso-8859-1

Gr\xfc\xdfe von innen, und dazu etwas mehr
--outer
Content-Type: image/x
Content-Transfer-Encoding: base64

R3I=
--outer
Content-Type: application/octet-stream
Content-Transfer-Encoding: 8bit

""" + bytes(n for n in range(256) if n not in (10, 13)) * 2000 + b"""
--outer--
"""


def stage(world, hop, home, **settings):
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }}, {{ for = "home.example", to = [ "{home.to()}" ] }} )\n',
                    **settings)
    world.start()


def leaves(octets):
    """Type and decoded body of each part, and whether all is right with its form."""
    found = []
    message = email.message_from_bytes(octets, policy=email.policy.SMTP.clone(cte_type="8bit"))
    for part in message.walk():
        equal(part.defects, [], "defects")
        if not part.is_multipart():
            found.append((part.get_content_type(), part.get_payload(decode=True)))
    return found


def test_converted(world):
    hop, home = Hop(world, keywords=NARROW).up(), Hop(world).up()
    stage(world, hop, home)
    for _ in range(2):  # the second by the same connection, or read back
        world.sendmail("-i", "-f", "a@home.example", "b@narrow.example", text=MESSAGE)
    world.sendmail("-i", "-f", "a@home.example", "b@home.example", text=MESSAGE)
    whole = home.await_one("Subject: narrow.").data
    hop.await_one("Subject: narrow.")
    world.await_empty()
    equal(len(hop.taken), 2, "messages")
    for m in hop.taken:
        equal([c for c in m.data if c > 127], [], "octets above 127")
        equal(max(len(line) for line in m.data.splitlines()) <= 998, True, "short lines")
        equal(leaves(m.data), leaves(whole), "parts")
        equal(m.mail_line.count("BODY="), 0, m.mail_line)
    equal(world.log().count("warning"), 0, "warnings")


def test_signed(world):
    hop = Hop(world, keywords=NARROW).up()
    stage(world, hop, hop)
    world.sendmail("-i", "b@narrow.example", text=b"DKIM-Signature: v=1; x\n" + MESSAGE)
    hop.await_one("Subject: narrow.")
    world.await_log(r"^.* [0-9A-F]{12}: warning: 8-bit content was encoded for 127\.0\.0\.1, .*signature")


def test_bounced(world):
    hop, home = Hop(world, keywords=NARROW).up(), Hop(world).up()
    stage(world, hop, home, eight_bit="bounce")
    world.sendmail("-i", "-f", "a@home.example", "b@narrow.example", text=MESSAGE)
    notice = home.await_one("Undelivered")
    match(notice.data, r"^Status: 5\.6\.3\r?$", "status")
    world.sendmail("-i", "-f", "a@home.example", "b@narrow.example", text="Subject: seven.\n\nbits\n")
    hop.await_one("Subject: seven.")
    equal(len(hop.taken), 1, "messages")


def test_sent_as_it_is(world):
    hop = Hop(world, keywords=NARROW).up()
    stage(world, hop, hop, eight_bit="send")
    world.sendmail("b@narrow.example", text=b"Subject: raw.\n\n\xfc\n")
    equal(hop.await_one("Subject: raw.").body, b"\xfc\r\n", "body")


main(globals())
