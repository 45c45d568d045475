# SPDX-License-Identifier: BSD-2-Clause
"""Clients that do not keep to the manners: they do not read, say too much, or stop in the middle."""
import resource
import select
import socket
import time

from lib import Failed, Hop, equal, main, match

FLOOD_MAX = 64 * 1024 * 1024  # far beyond what the kernel keeps for a connection


def stage(world):
    hop = Hop(world).up()
    world.configure('route = ( {{ for = "*", to = [ "{}" ] }} )\n'.format(hop.to()))
    world.start()


def local(world, first_line):
    s = socket.socket(socket.AF_UNIX)
    s.connect(world.path("socket"))
    s.settimeout(60)
    s.sendall(first_line)
    return s


def flood(s, command):
    """Sends commands until the other side takes no more for a second, without reading a reply.
    Returns how many whole commands were sent."""
    s.setblocking(False)
    data, sent = command * (65536 // len(command)), 0
    while sent < FLOOD_MAX and select.select([], [s], [], 1)[1]:
        sent += s.send(data[sent % len(command):])
    if sent >= FLOOD_MAX:
        raise Failed(f"{sent} octets of commands were taken from a client that reads no reply")
    s.settimeout(60)
    return sent // len(command)


def count_replies(s, wanted, end):
    count, last = 0, b""
    deadline = time.monotonic() + 120
    while count < wanted:
        if time.monotonic() > deadline:
            raise Failed(f"{count} of {wanted} replies")
        piece = s.recv(1 << 20)
        if not piece:
            raise Failed(f"closed after {count} of {wanted} replies")
        count += (last + piece).count(end)
        last = piece[-(len(end) - 1):]
    return count


def test_a_client_that_does_not_read(world):
    """It waits; the daemon keeps little of what it does not hear, and goes on when it reads."""
    stage(world)
    with socket.create_connection(("127.0.0.1", world.port)) as s:
        s.recv(4096)
        sent = flood(s, b"EHLO client.example\r\n")
        equal(count_replies(s, sent, b"250 ENHANCEDSTATUSCODES\r\n"), sent, "replies")
    with local(world, b"SMTP\r\n") as s:
        s.recv(4096)
        sent = flood(s, b"NOOP\n")
        equal(count_replies(s, sent, b"250 2.0.0 Ok\r\n"), sent, "replies")


def test_a_long_dialogue_through_sendmail(world):
    """sendmail -bs reads replies while the daemon takes no more commands."""
    stage(world)
    out = world.run("sendmail", "-bs", stdin=50000 * b"EHLO client.example\n" + b"QUIT\n").out
    equal(out.count("250 ENHANCEDSTATUSCODES"), 50000, "replies")
    match(out, "^221 ")


def test_a_crowd_on_this_machine(world):
    """It keeps nobody else out."""
    stage(world)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    crowd = [local(world, b"CONTROL 1\n") for _ in range(1010)]
    with world.client() as c:
        match(c.banner, "^220 ")
    world.sendmail("b@d.example")
    for s in crowd:
        s.close()


def test_an_operator_that_does_not_read(world):
    stage(world)
    with local(world, b"CONTROL 1\n") as s:
        sent = flood(s, b"x\n")
        equal(count_replies(s, sent, b'{"exit":'), sent, "answers")
    world.run("mailq")


def test_an_operator_that_closes_one_direction(world):
    """What was asked before is answered."""
    stage(world)
    with local(world, b'CONTROL 1\n' + 50 * b'{"verb":"list","words":[]}\n{"verb":"stats","words":[]}\n' + b"rest") as s:
        s.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: s.recv(65536), b""))
    equal(got.count(b'{"exit":0}\n'), 100, "answers")
    match(got, "The queue is empty")


def test_a_request_without_end(world):
    stage(world)
    with local(world, b"CONTROL 1\n") as s:
        s.sendall(b"x" * (3 * 1024 * 1024) + b'\n{"verb":"list"}\n')
        s.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: s.recv(65536), b""))
        match(got, "the request is too long")
        equal(got.count(b'{"exit":64}\n'), 1, "answers")
    world.run("mailq")


def test_lines_in_a_reason(world):
    """They forge no line of the log."""
    world.configure('route = ( { for = "*", to = [ "smtp://127.0.0.1:9" ] } )\n')
    world.start()
    world.sendmail("b@d.example")
    world.run("fermoposta", "hold", "--all", "--reason", "one\nNov 22 two: \x1b[7mthree")
    world.await_log(r"hold: 1 recipients of 1 messages, reason: one Nov 22 two: \\x1b\[7mthree$")


if __name__ == "__main__":
    main(globals())
