# SPDX-License-Identifier: BSD-2-Clause
"""Who may see and change what: root, operators, everybody else. Needs root, to become others."""
import grp
import os
import pwd

from lib import Hop, await_, equal, main, match, need_root


def as_user(uid, gid, groups=()):
    return {"user": uid, "group": gid, "extra_groups": list(groups)}


def stage(world, replies=None):
    """Two messages of two users, one of root; the daemon belongs to nobody of them."""
    need_root()
    replies = {"RCPT": "450 4.2.2 mailbox full"} if replies is None else replies
    names = pwd.getpwnam("daemon"), pwd.getpwnam("bin"), pwd.getpwnam("games")
    service, one, two = (as_user(n.pw_uid, n.pw_gid) for n in names)
    hop = Hop(world, answer=lambda verb, *_: replies.get(verb)).up()
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }} )\nretry = ( {{ for = "*", schedule = "1h" }},\n  {{ for = "*", on = "host", schedule = "3h" }} )\n',
                    user=names[0].pw_name, operators="", spool=world.path("spool/spool.db"), listen=False)
    world.start()
    world.sendmail("-f", "one@s.example", "b@d.example", text="Subject: of one\n\nx\n", **one)
    world.sendmail("-f", "two@s.example", "b@d.example", text="Subject: of two\n\nx\n", **two)
    world.sendmail("-f", "root@s.example", "b@d.example", text="Subject: of root\n\nx\n")
    await_(lambda: len(world.queue("attempts>=1")) == 3, "three wait")
    return service, one, two


def senders(world, **user):
    out = world.run("fermoposta", "list", "--format=csv", **user).out
    return sorted(line.split(",")[4].split("@")[0] for line in out.splitlines()[1:])


def test_others_have_only_their_own(world):
    service, one, two = stage(world)
    foreign = world.id_of("from=two@s.example")
    equal(senders(world, **one), ["one"], "what one sees")
    match(world.run("mailq", **one).out, "^\t\tTotal requests: 1$")
    world.run("fermoposta", "show", foreign, code=66, **one)
    for verb in ("hold", "remove", "bounce", "requeue", "flush"):
        world.run("fermoposta", verb, foreign, code=66, **one)
        match(world.run("fermoposta", verb, "from=two@s.example", **one).out, "0 recipients of 0 messages", verb)
    equal(senders(world), ["one", "root", "two"], "nothing changed")
    match(world.run("fermoposta", "hold", "--all", **one).out, "^hold: 1 recipient of 1 message$")
    equal([r["sender"] for r in world.queue("state=held")], ["one@s.example"], "held")
    match(world.run("fermoposta", "remove", "--all", **one).out, "^remove: 1 recipient of 1 message$")
    equal(senders(world), ["root", "two"], "own mail may be removed")
    equal(senders(world, **service), ["root", "two"], "the service user sees all")
    match(world.run("fermoposta", "remove", foreign, **service).out, "^remove: 1 ")
    equal(senders(world), ["root"], "and may remove")
    world.sendmail("-q", code=0, **one)  # flushes what is theirs: nothing


def test_operators_may_all(world):
    _, one, _ = stage(world)
    name = grp.getgrgid(pwd.getpwnam("bin").pw_gid).gr_name
    with open(world.conf) as f:
        text = f.read()
    with open(world.conf, "w") as f:
        f.write(text.replace('operators = ""', f'operators = "{name}"'))
    world.restart()
    equal(senders(world, **one), ["one", "root", "two"], "what an operator sees")
    match(world.run("fermoposta", "remove", "from=two@s.example", **one).out, "^remove: 1 recipient of 1 message$")
    equal(senders(world), ["one", "root"], "what stays")


def test_others_addresses_stay_private(world):
    """What a host says of somebody's mail, and everybody's mail waits for then, names nobody to others."""
    replies = {"RCPT": "450 4.2.2 mailbox full"}
    _, one, _ = stage(world, replies)
    replies["RCPT"] = "421 4.7.0 not now, <two@s.example> and b@d.example have sent enough"
    world.run("fermoposta", "flush", "from=two@s.example")
    ours = "not now, <two@s.example> and b@d.example have sent"
    await_(lambda: ours in world.run("mailq").out, "the destination rests")
    own = world.id_of("from=one@s.example")
    for words in (("list",), ("list", "--format=jsonl"), ("show", own, "--envelope"), ("why", own), ("why", "b@d.example"),
                  ("why", own, "--format=json")):
        out = world.run("fermoposta", *words, **one).out
        match(out, r"not now, <\.\.\.> and \.\.\. have sent enough", " ".join(words))
        equal("two@" in out, False, f"the other's address in {words}: {out}")
        match(world.run("fermoposta", *words).out, ours, "operators see all of it")
    match(world.run("mailq", **one).out, r"not now, <\.\.\.> and", "mailq")


def test_stats_is_for_operators(world):
    _, one, _ = stage(world)
    match(world.run("fermoposta", "stats", code=77, **one).err, "operators")
    match(world.run("fermoposta", "stats").out, "^messages ")


def test_suspend_is_for_operators(world):
    _, one, _ = stage(world)
    for words in (("suspend",), ("suspend", "d.example"), ("suspend", "from=one@s.example"), ("resume", "d.example")):
        match(world.run("fermoposta", *words, code=77, **one).err, "operators", " ".join(words))
    world.run("fermoposta", "suspend", "d.example", "--reason", "a test")
    match(world.run("mailq", **one).out, "suspended by root: a test", "everybody sees what holds their mail")


def test_answers_are_about_own_mail(world):
    """Why, and what became of it: of what they submitted, in the queue or not; destinations are everybody's."""
    _, one, _ = stage(world)
    own, foreign = world.id_of("from=one@s.example"), world.id_of("from=two@s.example")
    match(world.run("fermoposta", "why", own, **one).out, "from <one@s.example> to <b@d.example>")
    equal(world.run("fermoposta", "why", foreign, code=66, **one).out, "", "why of others' mail")
    about = world.run("fermoposta", "why", "b@d.example", **one).out
    equal(about.count("from <"), 1, f"own mail to an address: {about}")
    equal(world.run("fermoposta", "why", "b@d.example").out.count("from <"), 3, "an operator's")
    match(world.run("fermoposta", "why", "d.example", code=77, **one).err, "operators")
    match(world.run("fermoposta", "plan", code=77, **one).err, "operators")
    world.run("fermoposta", "remove", own, foreign.lower(), code=64)
    for id in (own, foreign):
        world.run("fermoposta", "remove", id)
    match(world.run("fermoposta", "show", own, code=66, **one).err, "was removed by an operator")
    match(world.run("fermoposta", "why", own, code=66, **one).out, "removed, 1 attempt")
    equal(world.run("fermoposta", "show", foreign, code=66, **one).err, "fermoposta: no such message in the queue, and history does not know it\n", "others'")
    equal(world.run("fermoposta", "why", foreign, code=66, **one).out, "", "what became of others' mail")
    equal(world.run("fermoposta", "why", "b@d.example", **one).out.count("from <"), 1, "history of an address")


def test_the_spool_is_private(world):
    service, one, _ = stage(world)
    world.stop()
    for verb in ("list", "stats"):
        p = world.run("fermoposta", verb, code=77, **one)
        equal((p.out, len(p.err.strip().splitlines())), ("", 1), f"{verb} by others, without the daemon")
    equal(senders(world, **service), ["one", "root", "two"], "the service user")
    equal(senders(world), ["one", "root", "two"], "root")
    for name in ("spool.db", "spool.db.lock", "spool.db.ballast"):
        equal(os.stat(world.path("spool", name)).st_mode & 0o077, 0, f"mode of {name}")
    world.start()
    equal(senders(world), ["one", "root", "two"], "reading as root left nothing in the daemon's way")
    world.sendmail("-f", "more@s.example", "b@d.example")


def test_submitter_stands_in_the_message(world):
    """Not to be forged by an option: the Received field names who gave it."""
    stage(world)
    name = pwd.getpwnam("bin")
    world.sendmail("-f", "root@s.example", "b@d.example", text="Subject: forged\n\nx\n",
                   **as_user(name.pw_uid, name.pw_gid))
    show = world.run("fermoposta", "show", sorted(r["queue_id"] for r in world.queue("from=root@s.example"))[-1], "--headers")
    match(show.out, rf"(?s)Received: .*(userid {name.pw_uid}|uid {name.pw_uid}|\bbin\b)")


main(globals())
