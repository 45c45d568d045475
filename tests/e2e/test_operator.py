# SPDX-License-Identifier: BSD-2-Clause
"""The operator's verbs: what they select, what they change, what they refuse, what they say."""
import csv
import io
import json
import re
import threading

from lib import Hop, await_, equal, main, match

RETRY = 'retry = ( { for = "*", schedule = "1h" } )\n'


def stage(world):
    """Four messages that wait; one of them for two recipients in two domains. The next hop would have
    them later: all were tried, and nothing rests. It takes them when its `answer` is None."""
    home = Hop(world).up()
    hop = Hop(world, answer=lambda verb, *_: "450 4.2.2 mailbox full" if verb == "RCPT" else None).up()
    world.configure(f'route = ( {{ for = "home.example", to = [ "{home.to()}" ] }},\n'
                    f'  {{ for = "*", to = [ "{hop.to()}" ] }} )\n' + RETRY)
    world.start()
    for sender, *rcpts in (("anna", "b@d.example"), ("anna", "c@d.example", "c@e.example"), ("bert", "b@e.example"),
                           ("cora", "b@d.example")):
        size = 100 if sender == "bert" else 1
        world.sendmail("-f", f"{sender}@home.example", *rcpts,
                       text=f"Subject: of {sender} to {len(rcpts)}\n\n" + ("x" * 70 + "\n") * size)
    await_(lambda: len(open_rcpts(world, "attempts>=1", "state=deferred")) == 5, "all deferred")
    return home, hop


def open_rcpts(world, *filters):
    return sorted(r["address"] for row in world.queue(*filters) for r in row["recipients"])


def test_filters(world):
    stage(world)
    for words, want in ((("from=anna@home.example",), 2), (("from=anna*",), 2), (("to=b@d.example",), 2), (("domain=e.example",), 2),
                        (("domain=d.example", "from=anna@*"), 2), (("to=c@*",), 1), (("state=deferred",), 4), (("state=held",), 0),
                        (("size>5K",), 1), (("size<5K",), 3), (("age<1h",), 4), (("age>1h",), 0), (("attempts>=1",), 4),
                        (("attempts>5",), 0), (("error~mailbox",), 4), (("error~nonsense",), 0), (("next<2h",), 4),
                        (("next<1m",), 0), (("from=ANNA@HOME.EXAMPLE",), 2)):
        equal(len(world.queue(*words)), want, f"{words}")
    equal(open_rcpts(world, "domain=e.example"), ["b@e.example", "c@e.example"], "recipients of a domain")
    one = world.id_of("from=bert@home.example")
    equal([r["queue_id"] for r in world.queue(one)], [one], "by id")
    for words in (("form=anna",), ("age>soon",), ("state=lost",), ("size~1",), ("XYZ",)):
        equal(len(world.run("fermoposta", "list", *words, code=64).err.strip().splitlines()), 1, f"sentence on {words}")
    match(world.run("fermoposta", "list", "form=anna", code=64).err, "from")


def test_refusals(world):
    stage(world)
    for verb in ("hold", "release", "remove", "bounce", "requeue"):
        match(world.run("fermoposta", verb, code=64).err, "--all", f"{verb} without a filter")
        match(world.run("fermoposta", verb, "000000000000", code=66).err, "no such message", f"{verb} of what is gone")
        match(world.run("fermoposta", verb, "from=nobody@x.example").out, r"0 recipients of 0 messages", f"{verb} of nothing")
    world.run("fermoposta", "show", "000000000000", code=66)
    world.run("fermoposta", "flush", "000000000000", code=66)
    world.run("postqueue", "-i", "000000000000", code=66)
    world.run("fermoposta", "removed", "--all", code=64)
    world.run("fermoposta", "remove", "--al", code=64)
    equal(len(world.queue()), 4, "nothing changed")
    one = world.id_of("from=bert@home.example")
    world.run("fermoposta", "remove", one)
    for verb in ("hold", "release", "remove", "bounce", "requeue", "show", "flush"):
        world.run("fermoposta", verb, one, code=66)


def test_dry_runs(world):
    stage(world)
    before = world.run("fermoposta", "list", "--format=csv").out
    for verb in ("hold", "remove", "bounce", "requeue", "flush"):
        out = world.run("fermoposta", verb, "--dry-run", "from=anna@home.example").out
        match(out, rf"^{verb} would change: 3 recipients of 2 messages$", verb)
        equal(len(re.findall(r"^[0-9A-F]{12}  \S+@\S+$", out, re.M)), 3, f"sample of {verb}")
    equal(world.run("fermoposta", "list", "--format=csv").out, before, "nothing changed")
    world.run("fermoposta", "list", "--dry-run", code=64)


def test_hold_and_release(world):
    home, hop = stage(world)
    match(world.run("fermoposta", "hold", "domain=e.example", "--reason", "by the test").out, "^hold: 2 recipients of 2 messages$")
    equal(open_rcpts(world, "state=held"), ["b@e.example", "c@e.example"], "held")
    equal(open_rcpts(world, "state=deferred"), ["b@d.example", "b@d.example", "c@d.example"], "not held")
    one = world.id_of("from=bert@home.example")
    match(world.run("mailq").out, rf"^{one}! ", "mark of held mail")
    world.await_log(r"hold: 2 recipients of 2 messages, reason: by the test")
    hop.answer = None
    match(world.run("fermoposta", "flush").out, r"^flush: what waits for 1 domain is due now")
    await_(lambda: len(world.queue()) == 2, "what is not held goes")
    world.restart()
    equal(open_rcpts(world), ["b@e.example", "c@e.example"], "still held after a restart")
    equal(len(hop.taken), 3, "sent")
    world.run("fermoposta", "release", one)
    await_(lambda: one not in [r["queue_id"] for r in world.queue()], "released mail goes by itself")
    equal(open_rcpts(world), ["c@e.example"], "the other stays")
    world.run("fermoposta", "release", "--all")
    world.await_empty()
    equal(len(home.taken), 0, "notices")


def test_remove(world):
    home, hop = stage(world)
    world.run("fermoposta", "remove", "to=c@e.example")
    equal(open_rcpts(world), ["b@d.example", "b@d.example", "b@e.example", "c@d.example"], "one recipient less")
    world.run("fermoposta", "remove", "from=anna@home.example", "to=b@*")
    equal(open_rcpts(world), ["b@d.example", "b@e.example", "c@d.example"], "terms are all to hold")
    world.run("fermoposta", "remove", "--all")
    world.await_empty()
    hop.answer = None
    world.run("fermoposta", "flush")
    world.sendmail("-f", "last@home.example", "b@d.example", text="Subject: last\n\nx\n")
    hop.await_one("Subject: last")
    equal((len(hop.taken), len(home.taken)), (1, 0), "removed mail is neither sent nor given back")


def test_bounce(world):
    home, _ = stage(world)
    match(world.run("fermoposta", "bounce", "domain=e.example", "--reason", "the domain was closed").out,
          "^bounce: 2 recipients of 2 messages$")
    world.await_log("bounce: 2 recipients of 2 messages, reason: the domain was closed")
    await_(lambda: len(home.taken) == 2, "two bounces")
    await_(lambda: open_rcpts(world) == ["b@d.example", "b@d.example", "c@d.example"], "what stays")
    for notice, rcpt in zip(sorted(home.taken, key=lambda m: m.rcpts), ("c@e.example", "b@e.example")):
        match(notice.data, rf"^Final-Recipient: rfc822; ?{rcpt}\r?$", "of whom")
        match(notice.data, "^Action: failed\r?$", "action")
        match(notice.data, "the domain was closed", "the operator's reason")
    one = world.id_of("from=cora@home.example")
    world.run("fermoposta", "bounce", one)
    await_(lambda: len(home.find("Subject: of cora")) == 1, "by id")


def test_changes_during_an_attempt(world):
    """Hold and remove win after the attempt: nothing comes back, and what was sent is not sent again."""
    asked, go = threading.Event(), threading.Event()

    def answer(verb, *_):
        if verb == "RCPT":
            asked.set()
            go.wait(60)
            return "450 4.2.2 mailbox full"
        return None
    for verb, left in (("hold", ["held"]), ("remove", [])):
        asked.clear()
        go.clear()
        hop = Hop(world, answer=answer).up()
        world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }} )\n'
                        'retry = ( { for = "*", schedule = "1s", warn_after = [] } )\n')
        world.start()
        world.sendmail("-f", "a@s.example", f"{verb}@d.example")
        await_(asked.is_set, "an attempt is under way")
        equal(len(world.queue("state=active")), 1, "active")
        match(world.run("mailq").out, r"^[0-9A-F]{12}\* ", "mark of active mail")
        match(world.run("fermoposta", verb, f"to={verb}@d.example").out, f"^{verb}: 1 recipient of 1 message$")
        go.set()
        await_(lambda: not world.queue("state=active"), "the attempt ends")
        equal([r["state"] for r in world.queue()], left, f"after {verb}")
        world.run("fermoposta", "remove", "--all")
        world.stop()


def test_removed_but_delivered(world):
    """What was removed while it was being delivered is gone from the queue; that it went out is said."""
    asked, go = threading.Event(), threading.Event()

    def answer(verb, *_):
        if verb == "DOT":
            asked.set()
            go.wait(60)
        return None
    hop = Hop(world, answer=answer).up()
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }} )\n')
    world.start()
    for words in (("to=b@d.example",), ("--all",)):  # one recipient of two, then both
        asked.clear()
        go.clear()
        before = world.log().count("status=sent")
        world.sendmail("-f", "a@s.example", "b@d.example", "c@d.example")
        await_(asked.is_set, "the end of the message is under way")
        world.run("fermoposta", "remove", *words)
        go.set()
        world.await_log("status=sent", count=before + 2)
        world.await_empty()
    equal(len(hop.taken), 2, "deliveries")


def test_requeue_and_flush(world):
    _, hop = stage(world)
    one = world.id_of("from=bert@home.example")
    world.run("postqueue", "-i", one)
    await_(lambda: world.queue(one)[0]["attempts"] == 2, "flush is an attempt")
    world.run("fermoposta", "requeue", one)
    await_(lambda: world.queue(one)[0]["attempts"] == 1, "attempts are forgotten, and it is due now")
    hop.answer = None
    world.run("fermoposta", "flush", "from=bert@home.example")
    m = hop.await_one("Subject: of bert")
    match(m.header, f"id {one}", "with the same id")
    await_(lambda: not world.queue("from=bert@home.example"), "bert's is gone")
    world.run("fermoposta", "flush", "domain=e.example")
    hop.await_one("Subject: of anna to 2")
    equal(world.run("postqueue", "-f").out, "", "postqueue says")
    world.await_empty()


def check_formats(world):
    rows = world.queue()
    ids = [r["queue_id"] for r in rows]
    equal(ids, sorted(ids), "by arrival")
    first = list(rows[0])
    equal(first[:7], ["queue_name", "queue_id", "arrival_time", "message_size", "forced_expire", "sender", "recipients"], "members")
    for name in ("state", "attempts", "next_attempt", "expires", "last_status", "last_host"):
        if name not in first:
            raise AssertionError(f"no {name} in {first}")
    equal(json.loads(world.run("fermoposta", "list", "--format=json").out), rows, "json and jsonl")
    table = list(csv.reader(io.StringIO(world.run("fermoposta", "list", "--format=csv").out)))
    equal({r[0] for r in table[1:]}, set(ids), "csv")
    for out in (world.run("fermoposta", "list").out, world.run("fermoposta", "list", "--format=sendmail").out):
        for one in ids:
            match(out, one, "in the table")
    out = world.run("mailq").out
    lines = out.splitlines()
    equal(lines[0], "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------", "header")
    for row in rows:
        match(out, rf"^{row['queue_id']}[ *!] +{row['message_size']} \w{{3}} \w{{3}} [ \d]\d \d\d:\d\d:\d\d  {row['sender']}$", "message")
    equal(sum(line.startswith(" " * 41) and line[41] != " " for line in lines), 5, "recipients in column 42")
    equal(lines[-2], "\t\tTotal requests: 4", "the line before the end")
    match(lines[-1], r"^-- \d+ Kbytes in 4 Requests\.$", "the end")
    stats = world.run("fermoposta", "stats").out
    for text in ("d.example", "e.example", "TOTAL"):
        match(stats, text, "stats")
    json.loads(world.run("fermoposta", "stats", "--format=json").out)
    show = world.run("fermoposta", "show", ids[1])
    for text in ("anna@home.example", "c@d.example", "c@e.example", "mailbox full", "Subject: of anna to 2"):
        match(show.out, text, "show")
    match(world.run("fermoposta", "show", ids[1], "--headers").out, r"\AReceived: ", "headers")
    equal(world.run("fermoposta", "show", ids[1], "--body").out, "x" * 70 + "\n", "body")
    if "Subject" in world.run("fermoposta", "show", ids[1], "--envelope").out:
        raise AssertionError("the envelope has no header fields")


def test_formats(world):
    """The same with the daemon and without it."""
    stage(world)
    check_formats(world)
    known = world.run("fermoposta", "list", "--format=csv").out
    world.stop()
    check_formats(world)
    equal(world.run("fermoposta", "list", "--format=csv").out, known, "without the daemon")
    world.run("fermoposta", "hold", "--all", code=75)
    world.run("fermoposta", "show", "000000000000", code=66)


def test_strangers_texts_are_harmless(world):
    hop = Hop(world, answer=lambda verb, *_: "450 4.2.0 \x1b]0;owned\x07\u202e\u0085 evil" if verb == "RCPT" else None).up()
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }} )\n' + RETRY)
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example")
    await_(lambda: world.queue("attempts>=1"), "deferred")
    for words in (("mailq",), ("fermoposta", "list"), ("fermoposta", "list", "--format=csv"), ("fermoposta", "stats"),
                  ("fermoposta", "list", "--format=sendmail"), ("fermoposta", "show", world.id_of())):
        out = world.run(*words).out.replace("\r\n", "\n")  # the line ends of CSV
        if re.search("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202e]", out):
            raise AssertionError(f"{words} prints {out!r}")
    if re.search("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202e]", world.log()):
        raise AssertionError("the log holds controls")
    match(world.run("mailq").out, "evil")


def test_a_long_queue(world):
    """More than one page, while it grows."""
    hop = Hop(world)
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }} )\n' + RETRY)
    world.start()
    with world.client() as c:
        c.want("EHLO x", "250")
        c.send("".join(f"MAIL FROM:<n{n}@s.example>\r\nRCPT TO:<b@d.example>\r\nDATA\r\n" + f"Subject: {n}\r\n\r\nx\r\n.\r\n"
                       for n in range(2500)))
        for _ in range(2500 * 4):
            match(c.reply(), "^[23]")
    rows = world.queue()
    equal(len({r["queue_id"] for r in rows}), 2500, "messages")
    match(world.run("mailq").out, "^\t\tTotal requests: 2500$")
    match(world.run("fermoposta", "hold", "from=n1*").out, "^hold: 1111 recipients of 1111 messages$")
    equal(len(world.queue("state=held")), 1111, "held")
    match(world.run("fermoposta", "remove", "--all").out, "^remove: 2500 recipients of 2500 messages$")
    world.await_empty()


main(globals())
