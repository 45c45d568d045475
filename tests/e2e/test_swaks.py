# SPDX-License-Identifier: BSD-2-Clause
"""A session by a foreign client: swaks (Debian)."""
from lib import Hop, equal, main, match, peer


def test_swaks(world):
    swaks = peer("swaks")
    hop = Hop(world).up()
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }} )', max_message_size="1M")
    world.start()
    p = world.run(swaks, "--server", "127.0.0.1", "--port", str(world.port), "--pipeline", "--from", "a@s.example",
                  "--to", "b@d.example,c@d.example", "--ehlo", "client.example", "--header", "Subject: by swaks",
                  "--body", "one\\n.two\\n..\\n")
    match(p.out, r"^<[-~]  250-mail\.example\.org")
    match(p.out, r"^<[-~]  250 2\.0\.0 Ok: queued as [0-9A-F]{12}")
    m = hop.await_one("Subject: by swaks")
    equal(sorted(m.rcpts), ["b@d.example", "c@d.example"], "recipients")
    match(m.body, r"\Aone\r\n\.two\r\n\.\.\r\n", "body")
    big = world.path("big")
    with open(big, "w") as f:
        f.write("Subject: big\n\n" + ("x" * 70 + "\n") * 20000)
    p = world.run(swaks, "--server", "127.0.0.1", "--port", str(world.port), "--from", "a@s.example",
                  "--to", "b@d.example", "--data", "@" + big, code=26)
    match(p.out, r"^<\*\* 552 5\.3\.4", "too big")
    equal(len(hop.taken), 1, "messages")


main(globals())
