# SPDX-License-Identifier: BSD-2-Clause
"""Suspend and resume by hand, over restarts, and what is shown meanwhile with the daemon and without."""
import json
import time

from lib import Hop, await_, equal, main, match

RETRY = 'retry = ( { for = "*", schedule = "1h" } )\n'


def stage(world):
    first, second = Hop(world).up(), Hop(world).up()
    world.configure(f'route = ( {{ for = "a.example", to = [ "{first.to()}" ] }},\n'
                    f'  {{ for = "*", to = [ "{second.to()}" ] }} )\n' + RETRY)
    world.start()
    return first, second


def send(world, sender, rcpt):
    world.sendmail("-f", f"{sender}@s.example", rcpt, text=f"Subject: of {sender} to {rcpt}\n\nx\n")


def suspensions(world):
    return [json.loads(line) for line in world.run("fermoposta", "suspend", "--format=jsonl").out.splitlines()]


def test_by_hand_over_a_restart(world):
    first, second = stage(world)
    match(world.run("fermoposta", "suspend").out, "^Nothing is suspended$")
    match(world.run("fermoposta", "suspend", "a.example", "--for", "2h", "--reason", "they move").out,
          r"^suspended: a\.example until 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    match(world.run("fermoposta", "suspend", "from=news@s.example").out, r"^suspended: from=news@s\.example until it is resumed$")
    world.await_log(r"operator \S+: suspend a\.example until \S+, reason: they move")
    for sender, rcpt in (("anna", "x@a.example"), ("news", "x@b.example"), ("anna", "x@b.example")):
        send(world, sender, rcpt)
    second.await_one("Subject: of anna to x@b.example")
    world.restart()
    send(world, "bert", "x@b.example")
    second.await_one("Subject: of bert")
    equal((len(first.taken), len(second.taken)), (0, 2), "only what is not suspended")
    equal([(s["kind"], s["name"], s["reason"]) for s in suspensions(world)],
          [("destination", "a.example", "they move"), ("sender", "news@s.example", "")], "listed")
    match(world.run("mailq").out, r"\(suspended until \S+ by \S+: they move\)")
    reasons = {r["address"]: r["delay_reason"] for row in world.queue() for r in row["recipients"]}
    match(reasons["x@a.example"], "^suspended until .* they move$")
    match(reasons["x@b.example"], "^suspended by ")
    match(world.run("fermoposta", "stats").out, r"^Suspended:\n    a\.example: until ")
    match(world.run("fermoposta", "flush").out, "still suspended, and not tried: 2")
    world.stop()
    match(world.run("fermoposta", "suspend").out, r"a\.example: until ")
    match(world.run("fermoposta", "list", "--format=postfix").out, "they move")
    world.run("fermoposta", "resume", "a.example", code=75)
    world.start()
    world.run("fermoposta", "resume", "a.example", "--reason", "they have moved")
    first.await_one("Subject: of anna to x@a.example")
    world.await_log(r"operator \S+: resume a\.example, reason: they have moved")
    equal(len(second.taken), 2, "the sender is still suspended")
    world.run("fermoposta", "resume", "from=news@s.example")
    second.await_one("Subject: of news")
    world.await_empty()
    equal(suspensions(world), [], "nothing is")


def test_comes_to_its_end(world):
    first, _ = stage(world)
    began = time.monotonic()
    world.run("fermoposta", "suspend", "--all", "--for=2s")
    send(world, "anna", "x@a.example")
    first.await_one("Subject: of anna")
    if time.monotonic() - began < 1.9:
        raise AssertionError("it was tried before the end")
    world.await_log("the suspension of everything by .* has come to its end: resumed")


def test_refusals(world):
    stage(world)
    match(world.run("fermoposta", "suspend", "a.exmaple", code=66).err, r"did you mean a\.example\?")
    match(world.run("fermoposta", "suspend", "nowhere.test", code=66).err, "--force")
    match(world.run("fermoposta", "resume", "a.example", code=66).err, "is not suspended")
    world.run("fermoposta", "suspend", "a@a.example", code=64)
    world.run("fermoposta", "suspend", "a.example", "--for=-1h", code=64)
    match(world.run("fermoposta", "suspend", "nowhere.test", "--force", "--dry-run").out, "would suspend nowhere.test until it is")
    equal(suspensions(world), [], "nothing is")


main(globals())
