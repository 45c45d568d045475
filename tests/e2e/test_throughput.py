# SPDX-License-Identifier: BSD-2-Clause
"""Ten thousand messages by smtp-source, through the daemon, to smtp-sink: exactly so many arrive. Not
timed: this is about loss and doubling when many sessions meet."""
import os
import pwd
import re

from lib import await_, equal, free_port, main, peer

MESSAGES = 10000


def test_ten_thousand(world):
    source, sink = peer("smtp-source"), peer("smtp-sink")
    port = free_port()
    counted = world.path("sink")
    user = ["-u", pwd.getpwuid(65534).pw_name] if os.geteuid() == 0 else []
    with open(counted, "wb") as out:
        counter = world.spawn([sink, "-c", *user, f"127.0.0.1:{port}", "256"], stdout=out, stderr=out)
    world.configure(f'route = ( {{ for = "*", to = [ "smtp://127.0.0.1:{port}" ] }} )\n')
    world.start()
    p = world.run(source, "-s", "20", "-l", "5120", "-m", str(MESSAGES), "-f", "a@s.example", "-t", "b@d.example",
                  f"127.0.0.1:{world.port}")
    equal(p.err, "", "smtp-source is content")

    def count():
        equal(counter.poll(), None, "smtp-sink runs")
        numbers = re.findall(r"\d+", world.read("sink").replace("\r", "\n"))
        return int(numbers[-1]) if numbers else 0
    await_(lambda: count() >= MESSAGES, "all of them")
    world.await_empty()
    world.stop()
    equal(count(), MESSAGES, "counted by the sink")
    equal(world.queue(), [], "the queue")
    log = world.log()
    equal(log.count("status=sent"), MESSAGES, "sent, by the log")
    equal(len(set(re.findall(r" ([0-9A-F]{12}): removed", log))), MESSAGES, "ids, by the log")
    equal(log.count("status=deferred"), 0, "deferred")


main(globals())
