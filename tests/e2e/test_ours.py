#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A relay that will not have us, and refusals that too many mails meet alike: nobody's mail pays for it."""
import json

from lib import Hop, await_, equal, main, match


def routes(home, relay):
    return (f'route = ( {{ for = "home.example", to = [ "smtp://127.0.0.1:{home.port}" ] }},\n'
            f'          {{ for = "*", to = [ "smtp://127.0.0.1:{relay.port}" ] }} )\n')


def test_relay_refuses_us(world):
    """Seen in mailq, list, why, stats and the log; said once; over with the first mail that the relay takes."""
    refuses = {"RCPT": "554 5.7.1 <b@d.example>: Relay access denied"}
    home, relay = Hop(world).up(), Hop(world, answer=lambda verb, _, __: refuses.get(verb)).up()
    world.configure(routes(home, relay) + 'retry = ( { for = "*", schedule = "1s" } )')
    world.start()
    for n in range(6):
        world.sendmail("-f", f"a{n}@home.example", f"b{n}@d.example", text=f"Subject: n{n}\n\nx\n")
    why = r"blocked here: the relay refuses us: .*Relay access denied"
    await_(lambda: len(world.queue("error~blocked here")) >= 3, "three in a row, and the relay is left alone")
    match(world.run("mailq").out, why, "mailq")
    match(world.run("fermoposta", "list").out, why, "list")
    for what in ("d.example", "b0@d.example", "b5@d.example"):  # the last one was not tried
        match(world.run("fermoposta", "why", what).out, why, f"why {what}")
    for _ in range(3):
        commands = len(relay.commands)
        world.run("fermoposta", "flush")
        await_(lambda: len(relay.commands) > commands, "another attempt")
    equal(len(world.queue("attempts>=1")), 0, "attempts that count")
    match(world.run("fermoposta", "stats").out, rf"Blocked here .*\n.*the relay refuses us: smtp://127.0.0.1:{relay.port}", "stats")
    blocked = json.loads(world.run("fermoposta", "stats", "--format=json").out)["blocked"]
    equal([b["kind"] for b in blocked], ["the relay refuses us"], "stats in JSON")
    equal(world.log().count("nothing of it is used up or given back"), 1, "loud lines in the log")
    refuses.clear()
    world.run("fermoposta", "flush")
    world.await_empty()
    equal(len(relay.taken), 6, "messages that the relay has")
    equal(len(home.taken), 0, "notices")
    world.await_log(r"no longer blocked here: the relay refuses us")
    equal(json.loads(world.run("fermoposta", "stats", "--format=json").out)["blocked"], [], "blocked afterwards")


def test_bounce_brake(world):
    """Two notices, the rest is held; release delivers it after the fix, bounce gives it back."""
    refuses = {"DOT": "550 5.7.1 your address is listed"}
    home, relay = Hop(world).up(), Hop(world, answer=lambda verb, _, __: refuses.get(verb)).up()
    world.configure(routes(home, relay) + 'brake = { failures = 3, senders = 2, within = "10m" }')
    world.start()
    for n in range(8):
        world.sendmail("-f", f"a{n}@home.example", f"b{n}@d.example", text=f"Subject: n{n}\n\nx\n")
    await_(lambda: len(world.queue("state=held")) == 6, "six held")
    await_(lambda: len(home.taken) == 2, "two notices")
    match(world.run("fermoposta", "stats").out, r"Bounce brake .*\n.*6 recipients held", "stats")
    match(world.run("fermoposta", "why", "b7@d.example").out, r"bounce brake", "why")
    equal(len([line for line in world.log().splitlines() if "error: bounce brake: " in line]), 1, "loud lines")
    world.run("fermoposta", "bounce", "to=b7@d.example", "state=held")
    await_(lambda: len(home.taken) == 3, "the third notice")
    equal(len(home.find("550 5.7.1 your address is listed")), 3, "notices that say what the relay said")
    refuses.clear()
    world.run("fermoposta", "release", "state=held")
    world.await_empty()
    equal(len(relay.taken), 5, "released and delivered")
    equal(len(home.taken), 3, "notices")


main(globals())
