# SPDX-License-Identifier: BSD-2-Clause
"""The main job: a next hop that is down, the delay warning, the bounce, the return, the flush. And
what a next hop may answer. Hours are made seconds by the configuration."""
import json
import os
import re
import subprocess
import time

from lib import CLOSE, HANG, RESET, Hop, await_, equal, main, match

JUDGE = os.environ.get("FP_JUDGE_DSN") or os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__))))), "shared/judge-dsn")


def judge(world, notice, *expected):
    """What other people's parsers read in a notice, where they are at hand."""
    match(notice.field("Content-Type")[0], "multipart/report.*report-type=\"?delivery-status", "content type")
    equal(notice.sender, "", "a notice has the null sender")
    equal(notice.field("Auto-Submitted")[0].split()[0].rstrip(";"), "auto-replied", "Auto-Submitted")
    if not os.access(JUDGE, os.X_OK):
        return
    path = world.path("notice.eml")
    with open(path, "wb") as f:
        f.write(notice.data.replace(b"\r\n", b"\n"))
    words = [w for e in expected for w in ("--expect", e)]
    p = subprocess.run(["/usr/bin/python3", JUDGE, *words, path], capture_output=True)
    if p.returncode == 1:
        raise AssertionError(f"judged badly: {p.stdout.decode()}{notice.data.decode()}")


def routes(**hops):
    rows = [f'{{ for = "{name}.example", to = [ "{hop.to()}" ] }}' for name, hop in hops.items()]
    return "route = (\n  " + ",\n  ".join(rows) + ' )\n'


def test_down_warned_flushed(world):
    home, away = Hop(world).up(), Hop(world)
    world.configure(routes(home=home, away=away) + '''retry = (
        { for = "*", schedule = "1s" },
        { for = "away.example", schedule = "1s 2s 120s", warn_after = [ "2s" ], expire_after = "1h" } )''')
    world.start()
    world.sendmail("-f", "anna@home.example", "bert@away.example", text="Subject: late\nMessage-ID: <late@x>\n\nHello.\n")
    await_(lambda: world.queue("state=deferred"), "deferred")
    row = world.queue()[0]
    equal((row["sender"], row["queue_name"], row["forced_expire"]), ("anna@home.example", "deferred", False), "listed")
    equal(row["recipients"][0]["address"], "bert@away.example", "recipient")
    match(row["recipients"][0]["delay_reason"], "[Cc]onnection refused", "reason")
    match(world.run("mailq").out, r"^\(.*Connection refused\)$|^ *\(.*Connection refused\)$", "reason in mailq")
    match(world.run("postqueue", "-p").out, r"^ {41}bert@away\.example$", "column of the recipient")
    equal(json.loads(world.run("postqueue", "-j").out)["queue_id"], row["queue_id"], "postqueue -j")
    warning = home.await_one("Action: delayed", "(the warning)")
    equal(warning.rcpts, ["anna@home.example"], "the warning's recipient")
    match(warning.data, r"late@x", "what it is about")
    judge(world, warning, "bert@away.example=delayed")
    await_(lambda: world.queue()[0]["attempts"] >= 3, "three attempts")
    away.up()
    world.run("fermoposta", "flush")
    m = away.await_one("Subject: late")
    equal((m.sender, m.rcpts, m.body), ("anna@home.example", ["bert@away.example"], b"Hello.\r\n"), "what arrives")
    world.await_empty()
    match(world.run("mailq").out, "^Mail queue is empty$")
    equal(len(home.find("Action: delayed")), 1, "one warning")
    equal(len(home.taken), 1, "nothing else")
    world.await_log(rf"{row['queue_id']}: removed$")


def test_expired_is_given_back(world):
    home, away = Hop(world).up(), Hop(world)
    world.configure(routes(home=home, away=away) +
                    'retry = ( { for = "*", schedule = "1s", warn_after = [], expire_after = "4s" } )')
    world.start()
    world.sendmail("-f", "anna@home.example", "bert@away.example", "cora@away.example",
                   text="Subject: never\nX-Mine: yes\n\nThe text.\n")
    world.sendmail("-f", "", "dora@away.example", text="Subject: null sender\n\nx\n")
    bounce = home.await_one("Action: failed", "(the bounce)")
    equal(bounce.rcpts, ["anna@home.example"], "the bounce's recipient")
    for text in ("X-Mine: yes", "bert@away.example", "cora@away.example"):
        match(bounce.data, text, "in the bounce")
    if b"The text." in bounce.data:
        raise AssertionError("only the header is returned")
    judge(world, bounce, "bert@away.example=failed", "cora@away.example=failed")
    world.await_empty()
    world.await_log(r"from=<anna@home\.example>, status=expired, returned to sender")
    equal(len(home.taken), 1, "one bounce, and none for the null sender")
    equal(len(away.taken), 0, "delivered")


def test_retries_by_itself(world):
    hop = Hop(world)
    world.configure(routes(d=hop) + 'retry = ( { for = "*", schedule = "1s" } )')
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example")
    await_(lambda: world.queue("attempts>=2"), "two attempts")
    hop.up()
    hop.await_one("Subject: test")
    world.await_empty()
    equal(len(hop.taken), 1, "delivered once")


def test_each_recipient_has_its_own_outcome(world):
    answers = {"ok": None, "later": "450 4.2.1 mailbox busy", "never": "550 5.1.1 no such user"}

    def answer(verb, line, _):
        return answers[line.split("<")[1].split("@")[0]] if verb == "RCPT" else None
    home, hop = Hop(world).up(), Hop(world, answer=answer).up()
    world.configure(routes(home=home, d=hop) + 'retry = ( { for = "*", schedule = "1s 120s" } )')
    world.start()
    world.sendmail("-f", "a@home.example", "ok@d.example", "later@d.example", "never@d.example")
    m = hop.await_one("Subject: test")
    equal(m.rcpts, ["ok@d.example"], "delivered to")
    bounce = home.await_one("Action: failed")
    match(bounce.data, r"550 5\.1\.1 no such user", "the reply")
    judge(world, bounce, "never@d.example=failed=5.1.1")
    row = await_(lambda: world.queue("to=later@d.example", "attempts>=1"), "the one that waits")[0]
    equal([r["address"] for r in row["recipients"]], ["later@d.example"], "in the queue")
    match(row["recipients"][0]["delay_reason"], "mailbox busy", "reason")
    for status, dsn, name in (("sent", r"2\.\d\.\d", "ok"), ("deferred", r"4\.2\.1", "later"), ("bounced", r"5\.1\.1", "never")):
        world.await_log(rf"to=<{name}@d\.example>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:{hop.port}, .*dsn={dsn}, status={status} \(")
    answers["later"] = None
    world.run("fermoposta", "flush", "to=later@d.example")
    await_(lambda: len(hop.taken) == 2, "the late one")
    equal(hop.taken[1].rcpts, ["later@d.example"], "recipients")
    world.await_empty()
    equal(len(home.taken), 1, "notices")


def test_answers_to_the_whole_message(world):
    """4xx and 5xx to the dot, to MAIL, 421 at the greeting: deferred or given back, never both."""
    at = {"verb": "", "reply": ""}

    def answer(verb, _, __):
        return at["reply"] if verb == at["verb"] else None
    home, hop = Hop(world).up(), Hop(world, answer=answer).up()
    world.configure(routes(home=home, d=hop) + 'retry = ( { for = "*", schedule = "120s" } )')
    world.start()
    for n, (verb, reply, kept) in enumerate((
            ("DOT", "452 4.3.1 full", True), ("DOT", "554 5.6.0 no", False), ("MAIL", "451 4.7.1 grey", True),
            ("MAIL", "550 5.1.8 not you", False), ("DATA", "451 4.3.0 no", True), ("GREETING", "421 4.3.2 not now", True),
            ("GREETING", "554 5.3.2 go away", True), ("EHLO", "421 4.3.2 busy", True), ("MAIL", "421 4.3.2 tired", True),
            ("MAIL", "what is this", True), ("DOT", CLOSE, True), ("RCPT", RESET, True), ("GREETING", CLOSE, True))):
        hop.down()  # a connection that was kept would have its greeting behind it
        hop.up()
        at.update(verb=verb, reply=reply)
        world.sendmail("-f", f"n{n}@home.example", "b@d.example", text=f"Subject: n{n}\n\nx\n")
        if kept:
            # A relay that bars us is no attempt of that mail.
            await_(lambda: world.queue(f"from=n{n}@home.example", "attempts>=1") or
                   world.queue(f"from=n{n}@home.example", "error~blocked here"), f"{reply} to {verb}: deferred")
        else:
            home.await_one(f"Subject: n{n}\r\n", f"(bounce for {reply} to {verb})")
        equal(len(world.queue(f"from=n{n}@home.example")), int(kept), f"kept after {reply} to {verb}")
        at.update(verb="")
        world.run("fermoposta", "flush")
        world.await_empty()
        equal(len(hop.find(f"Subject: n{n}\r\n")), int(kept), f"delivered after {reply} to {verb}")
    equal(len(home.taken), 2, "bounces")


def test_destinations_end_side_by_side(world):
    """Several next hops of one message settle at once: one bounce for what failed, nothing forgotten."""
    home = Hop(world).up()
    good = [Hop(world).up() for _ in range(3)]
    bad = [Hop(world, answer=lambda verb, *_: "550 5.1.1 no" if verb == "RCPT" else None).up() for _ in range(2)]
    hops = {f"good{n}": h for n, h in enumerate(good)} | {f"bad{n}": h for n, h in enumerate(bad)}
    world.configure(routes(home=home, **hops))
    world.start()
    for n in range(20):
        world.sendmail("-f", f"n{n}@home.example", *[f"r@{name}.example" for name in hops])
    await_(lambda: all(len(h.taken) >= 20 for h in good), "everything that can be delivered")
    world.await_empty()
    for hop in good:
        equal(sorted(m.sender for m in hop.taken), sorted(f"n{n}@home.example" for n in range(20)), "each once")
    failed = sorted((m.rcpts[0], r.decode()) for m in home.taken
                    for r in re.findall(rb"(?m)^Final-Recipient: rfc822; ?(\S+)", m.data))
    equal(failed, sorted((f"n{n}@home.example", f"r@bad{b}.example") for n in range(20) for b in range(2)), "told")


def test_slow_destination_keeps_nobody_waiting(world):
    slow = Hop(world, answer=lambda verb, *_: HANG if verb == "EHLO" else None).up()
    fast = Hop(world).up()
    world.configure(routes(slow=slow, fast=fast))
    world.start()
    for n in range(30):
        world.sendmail("-f", f"n{n}@s.example", "b@slow.example")
    await_(lambda: slow.connections, "a connection that hangs")
    for n in range(30):
        world.sendmail("-f", f"n{n}@s.example", "b@fast.example")
    await_(lambda: len(fast.taken) == 30, "the others")
    await_(lambda: {r["recipients"][0]["address"] for r in world.queue()} == {"b@slow.example"}, "only the slow wait")
    equal(len(world.queue()), 30, "what waits")


def test_eight_bits_for_old_servers(world):
    """A server that does not announce 8BITMIME gets seven bits, and no parameter about it (more of
    that in test_narrow.py)."""
    hop = Hop(world, keywords=("PIPELINING",)).up()
    world.configure(routes(d=hop))
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example", text=b"Subject: bits\n\n\xc3\xa4\n")
    m = hop.await_one("Subject: bits")
    equal((m.mail_line, m.body), ("MAIL FROM:<a@s.example>", b"w6QNCg==\r\n"), "what arrives")
    equal(m.field("Content-Transfer-Encoding"), ["base64"], "how it is to be read")


def test_in_doubt(world):
    """The connection breaks after the dot: possibly delivered, so kept, never given back for it."""
    script = {"reply": RESET}
    home = Hop(world).up()
    hop = Hop(world, answer=lambda verb, _, __: script["reply"] if verb == "DOT" else None).up()
    world.configure(routes(home=home, d=hop) +
                    'retry = ( { for = "*", schedule = "1s", warn_after = [], expire_after = "1h" } )')
    world.start()
    world.sendmail("-f", "a@home.example", "b@d.example", text="Subject: doubt\n\nx\n")
    row = await_(lambda: len(hop.attempts) >= 2 and world.queue("state=deferred"), "tried again")[0]
    match(row["recipients"][0]["delay_reason"], "may have been delivered", "said")
    match(world.run("fermoposta", "show", row["queue_id"]).out, "in doubt:", "kept as that")
    script["reply"] = None
    hop.await_one("Subject: doubt")
    world.await_empty()
    equal(len(home.taken), 0, "bounces")


def test_connections_are_used_again(world):
    hop = Hop(world).up()
    world.configure(routes(d=hop) + '''retry = ( { for = "*", schedule = "120s" } )
        limit = ( { for = "*", connections = 1, messages_per_connection = 8 } )''')
    hop.down()
    world.start()
    for n in range(20):
        world.sendmail("-f", f"n{n}@s.example", "b@d.example")
    await_(lambda: len(world.queue()) == 20, "twenty waiting")
    hop.up()
    world.run("fermoposta", "flush")
    await_(lambda: len(hop.taken) == 20, "all")
    world.await_empty()
    per = [sum(m.connection == c for m in hop.taken) for c in range(1, hop.connections + 1)]
    equal(max(per), 8, "messages of one connection")
    equal(hop.connections, 3, "connections")
    equal(sorted(m.sender for m in hop.taken), sorted(f"n{n}@s.example" for n in range(20)), "each once")


def test_kept_connection_that_died(world):
    """A next hop that closes what was kept for the next message is no failure of that message."""
    hop = Hop(world).up()
    world.configure(routes(d=hop) + 'retry = ( { for = "*", schedule = "120s" } )')
    world.start()
    for n in range(5):
        world.sendmail("-f", f"n{n}@s.example", "b@d.example", text=f"Subject: n{n}\n\nx\n")
        hop.await_one(f"Subject: n{n}\r\n")
        hop.down()
        hop.up()
    world.await_empty()
    equal(world.log().count("status=deferred"), 0, "deferred")


def test_limit_of_connections(world):
    """Never more at once than the limit says, though there is more to do. A conversation that only
    says goodbye does not count: its QUIT may be read after the next one's MAIL."""
    now, most = set(), []

    def answer(verb, _, session):
        if verb == "MAIL":
            now.add(session["connection"])
            most.append(len(now))
            time.sleep(0.02)  # a host that takes its time, so that several are under way
        elif verb == "DOT":
            now.discard(session["connection"])
        return None
    hop = Hop(world, answer=answer)
    world.configure(routes(d=hop) + '''retry = ( { for = "*", schedule = "120s" } )
        limit = ( { for = "*", connections = 3, messages_per_connection = 2 } )''')
    world.start()
    for n in range(30):
        world.sendmail("-f", f"n{n}@s.example", "b@d.example")
    hop.up()
    world.run("fermoposta", "flush")
    await_(lambda: len(hop.taken) == 30, "all")
    if not 2 <= max(most) <= 3:
        raise AssertionError(f"at most {max(most)} at once")


def test_second_target(world):
    first, second = Hop(world), Hop(world).up()
    world.configure(f'route = ( {{ for = "*", to = [ "{first.to()}", "{second.to()}" ] }} )')
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example", text="Subject: one\n\nx\n")
    second.await_one("Subject: one")
    first.answer = lambda verb, *_: "421 4.3.2 not now" if verb == "GREETING" else None
    first.up()
    world.sendmail("-f", "a@s.example", "b@d.example", text="Subject: two\n\nx\n")
    second.await_one("Subject: two")
    first.answer = None
    world.sendmail("-f", "a@s.example", "b@d.example", text="Subject: three\n\nx\n")
    await_(lambda: len(first.taken) + len(second.taken) == 3, "three")
    world.await_empty()


def test_old_servers(world):
    """No EHLO, no PIPELINING, no 8BITMIME: HELO and one command after the other."""
    hop = Hop(world, keywords=(), answer=lambda verb, *_: "502 5.5.1 unknown" if verb == "EHLO" else None).up()
    world.configure(routes(d=hop))
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example", "c@d.example")
    m = hop.await_one("Subject: test")
    equal(m.mail_line.split()[1:], ["FROM:<a@s.example>"], "no parameters")
    equal([c.split()[0] for _, c in hop.commands][:3], ["EHLO", "HELO", "MAIL"], "commands")


main(globals())
