# SPDX-License-Identifier: BSD-2-Clause
"""After a big outage the spool's file becomes small again beside a running daemon; and mail that comes
and goes uses the same room again and again."""
import os
import pwd
import re
import socket

from lib import Failed, await_, equal, free_port, main, peer

MESSAGES = 8000
MIB = 1024 * 1024


def start_sink(world, port):
    user = ["-u", pwd.getpwuid(65534).pw_name] if os.geteuid() == 0 else []
    world.spawn([peer("smtp-sink"), *user, f"127.0.0.1:{port}", "256"])

    def listens():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    await_(listens, "the sink")


def generate(world, count, size=5120):
    p = world.run(peer("smtp-source"), "-d", "-s", "10", "-l", str(size), "-m", str(count), "-f", "a@s.example",
                  "-t", "b@d.example", f"127.0.0.1:{world.port}")
    equal(p.err, "", "smtp-source is content")


def size_of(world, ending=""):
    try:
        return os.stat(world.path("spool.db" + ending)).st_size
    except FileNotFoundError:
        return 0


def test_shrinks_after_an_outage(world):
    port = free_port()
    world.configure(f'route = ( {{ for = "*", to = [ "smtp://127.0.0.1:{port}" ] }} )\n')
    world.start()
    generate(world, MESSAGES)
    full = size_of(world) + size_of(world, "-wal")  # what is not copied yet stands in the log alone
    if full < MESSAGES * 5120:
        raise Failed(f"{MESSAGES} messages of 5 KiB take only {full} bytes")
    start_sink(world, port)
    world.run("fermoposta", "flush", "-c", world.path("fermoposta.conf"))
    world.await_empty()

    def free():
        stats = world.run("fermoposta", "stats", "--format=json", "-c", world.path("fermoposta.conf")).out
        return int(re.search(r'"free_bytes": *(\d+)', stats).group(1))
    await_(lambda: size_of(world) < 10 * MIB, "the file to shrink")
    await_(lambda: free() <= 5 * MIB, "no more free room in it than it keeps")
    await_(lambda: size_of(world, "-wal") <= 64 * MIB, "the log to shrink")
    generate(world, 10)  # it is the same daemon, and it takes mail
    world.await_empty()
    world.stop()


def test_room_is_used_again(world):
    port = free_port()
    world.configure(f'route = ( {{ for = "*", to = [ "smtp://127.0.0.1:{port}" ] }} )\nhistory = "0"\n')
    start_sink(world, port)
    world.start()
    generate(world, 1000)
    world.await_empty()
    first = size_of(world)
    for _ in range(4):
        generate(world, 1000)
        world.await_empty()
    if size_of(world) > first + 8 * MIB:
        raise Failed(f"{first} bytes after 1,000 messages, {size_of(world)} after 5,000")
    world.stop()


main(globals())
