# SPDX-License-Identifier: BSD-2-Clause
"""Why mail waits, what is planned, and what became of mail, as people ask it."""
import json

from lib import Hop, await_, equal, main, match


def stage(world, **settings):
    """One message that is deferred by one next hop, and delivered by another."""
    good = Hop(world).up()
    slow = Hop(world, answer=lambda verb, *_: "450 4.7.1 come back in a while" if verb == "RCPT" else None).up()
    world.configure(f'route = ( {{ for = "good.example", to = [ "{good.to()}" ] }},\n'
                    f'  {{ for = "*", to = [ "{slow.to()}" ] }} )\n'
                    'retry = ( { for = "*", schedule = "1h", jitter = "0%" } )\n', **settings)
    world.start()
    world.sendmail("-f", "anna@home.example", "b@d.example", "c@good.example")
    await_(lambda: good.find("anna") and world.queue("attempts>=1"), "one tried, one delivered")
    await_(lambda: len(world.queue("to=c@good.example")) == 0, "the outcome stored")
    return slow, world.id_of("to=b@d.example")


def why(world, *words, code=0):
    return json.loads(world.run("fermoposta", "why", *words, "--format=json", code=code).out)


def test_a_message(world):
    slow, id = stage(world)
    answer = why(world, id)["recipients"]
    equal([r["state"] for r in answer], ["deferred", "delivered"], "both recipients, in order")
    waits, done = answer
    equal((waits["recipient"], waits["sender"], waits["attempts"]), ("b@d.example", "anna@home.example", 1), "who")
    equal(waits["now"]["what"], "not-due", "what holds it")
    equal(len(waits["tries"]), 1, "attempts")
    attempt = waits["tries"][0]
    equal((attempt["stage"], attempt["class"], attempt["ip"]), ("rcpt", "greylist", "127.0.0.1"), "the attempt")
    match(attempt["reply"], "450 4.7.1 come back")
    match(attempt["rule"], r'^retry "\*", .*:\d+$')
    equal(attempt["next_attempt"], waits["next_attempt"], "when it is tried next")
    match(done["end"]["reply"], "^250")
    text = world.run("fermoposta", "why", id).out
    for want in (f"^{id} from <anna@home.example> to <b@d.example>$", "now:  +not due yet$", "next try: .*by retry",
                 "warning: .*in 3h", "gives up: .*in 4d", "to <c@good.example>$", "end: .*was delivered to"):
        match(text, want)


def test_what_has_gone(world):
    slow, id = stage(world)
    world.run("fermoposta", "remove", id, "--reason", "by hand")
    for verb in ("show", "hold", "release", "remove", "bounce", "requeue", "flush", "list"):
        said = world.run("fermoposta", verb, id, code=66).err
        match(said, "no such message in the queue")
        match(said, "<c@good.example> was delivered to .*: 250")
        match(said, "<b@d.example> was removed by an operator on .*: by hand")
    equal([r["state"] for r in why(world, id, code=66)["recipients"]], ["removed", "delivered"], "why")
    match(world.run("fermoposta", "why", id, code=66).out, "attempts before the end:")
    equal([r["queue_id"] for r in why(world, "C@good.example")["recipients"]], [id], "by address")


def test_address_and_destination(world):
    slow, id = stage(world)
    for _ in range(3):
        world.sendmail("-f", "anna@home.example", "b@d.example")
    await_(lambda: len(world.queue("attempts>=1")) == 4, "all tried")
    equal(len(why(world, "<b@D.example>")["recipients"]), 4, "all of an address")
    place = why(world, "d.example")
    equal((place["destination"], place["waiting"], place["state"]), (slow.to(), 4, "open"), "destination")
    equal([l["name"] for l in place["limits"]], ["connections", "messages_per_connection", "recipients_per_message", "rate"], "limits")
    equal(why(world, slow.to())["waiting"], 4, "the same by its name")
    slow.down()
    world.run("fermoposta", "flush", "domain=d.example")
    await_(lambda: why(world, "d.example")["state"] == "resting", "it fails, and rests")
    match(world.run("fermoposta", "why", "d.example").out, r"next probe: .*by retry \"\*\", .*:\d+")
    await_(lambda: why(world, id)["recipients"][0]["now"]["what"] == "resting", "so its mail waits for that")
    match(world.run("fermoposta", "why", id).out, "its destination .* rests until .* it has failed 1 time: ")


def test_plan(world):
    slow, id = stage(world)
    match(world.run("fermoposta", "plan", "--for", "10m").out, "^Nothing is due within 10m")
    match(world.run("fermoposta", "plan", "--for=2h").out, r"smtp://127.0.0.1:\d+ +1  in 5\dm")
    plan = json.loads(world.run("fermoposta", "plan", "--for=2h", "--format=json").out)
    equal((plan["recipients"], plan["destinations"], plan["plan"][0]["destination"]), (1, 1, slow.to()), "plan")


def test_bad_input(world):
    stage(world)
    for code, *words in ((64, "why"), (64, "why", ""), (64, "why", "a@d.example", "b@d.example"), (64, "why", "x" * 400),
                         (64, "why", "d.example", "--format=csv"), (64, "why", "d.example", "--all"), (64, "plan", "d.example"),
                         (64, "plan", "--for=never"), (64, "plan", "--for=-1h"), (64, "plan", "--format=csv"), (66, "why", "0A1B2C3D4E5F"),
                         (66, "why", "nobody@d.example"), (66, "why", "nowhere.example"), (66, "why", "smtp://nowhere:25"),
                         (66, "why", "\x1b[2J"), (66, "why", "%"), (66, "why", "@"), (66, "why", "a@")):
        said = world.run("fermoposta", *words, code=code).err
        equal(len(said.strip().splitlines()), 1, f"one sentence on {words}: {said}")
        equal("\x1b" in said, False, "harmless")


def test_without_a_daemon(world):
    slow, id = stage(world)
    world.stop()
    text = world.run("fermoposta", "why", id).out
    match(text, "now:  +the daemon does not run$")
    match(text, "450 4.7.1 come back")
    match(text, "was delivered to")
    equal(why(world, id)["recipients"][0]["now"]["what"], "no-daemon", "in JSON too")
    world.run("fermoposta", "why", "0A1B2C3D4E5F", code=66)
    world.start()
    world.run("fermoposta", "suspend", "d.example", "--reason", "they move")
    world.stop()
    match(world.run("fermoposta", "why", id).out, "d.example is suspended: they move\n  next try: +when it is resumed$")
    world.start()
    world.run("fermoposta", "hold", id, "--reason", "because")
    world.stop()
    match(world.run("fermoposta", "why", id).out, "held: because\n  next try: +when it is released$")
    match(world.run("fermoposta", "list").out, "held: because$")
    match(world.run("fermoposta", "list", id, "age>9d", code=66).err, "the other terms select nothing of it")
    match(world.run("fermoposta", "list", "age>9d").out, "^No mail in the queue fits")
    match(world.run("fermoposta", "why", "d.example", code=75).err, "queue id only")
    match(world.run("fermoposta", "plan", code=75).err, "needs the running daemon")


main(globals())
