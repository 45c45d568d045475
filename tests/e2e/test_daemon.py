# SPDX-License-Identifier: BSD-2-Clause
"""The daemon's life: starting, refusing to start, being told to read again, ending, dying."""
import os
import pwd
import signal
import socket
import sqlite3
import threading
import time

from lib import HANG, Hop, Skip, await_, equal, main, match, need_root

RETRY = 'retry = ( { for = "*", schedule = "120s" } )\n'


def route(hop, domain="*"):
    return f'route = ( {{ for = "{domain}", to = [ "{hop.to()}" ] }} )\n' + RETRY


def refused(world, code, pattern):
    """The daemon must not start; it says why in one sentence."""
    p = world.run("fermoposta", "daemon", code=code)
    match(p.err, pattern, "what it says")
    equal(len(p.err.strip().splitlines()), 1, f"sentences in {p.err!r}")


def test_reload(world):
    first, second = Hop(world).up(), Hop(world).up()
    world.configure(route(first))
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example", text="Subject: one\n\nx\n")
    first.await_one("Subject: one")
    world.configure(route(second) + "nonsense = 1\n")
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log(r"fermoposta\.conf:\d+: .*nonsense")
    world.await_log("configuration not changed: the one in use stays")
    world.sendmail("-f", "a@s.example", "b@d.example", text="Subject: two\n\nx\n", code=78)  # the command reads it too
    with world.client() as c:
        c.envelope()
        c.send("Subject: two\r\n\r\nx\r\n.\r\n")
        match(c.reply(), "^250", "the daemon goes on")
    first.await_one("Subject: two")
    world.configure(route(second) + 'max_recipients = 99\nnonsense = 1\n')
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log(r"error: \S*fermoposta\.conf:\d+: .*nonsense")
    world.await_log(r"warning: \S*fermoposta\.conf:\d+: max_recipients is below 100")
    world.configure(route(second), spool=world.path("other.db"))
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    world.await_log('spool = ".*other.db": changes at the next start')
    world.sendmail("-f", "a@s.example", "b@d.example", text="Subject: three\n\nx\n")
    second.await_one("Subject: three")
    equal(len(first.taken), 2, "by the first")


def test_reload_applies_to_queued_mail(world):
    down, hop = Hop(world), Hop(world).up()
    world.configure(route(down))
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example")
    await_(lambda: world.queue("state=deferred"), "deferred")
    world.configure(route(hop))
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    world.run("fermoposta", "flush")
    hop.await_one("Subject: test")
    world.await_empty()


def test_log_is_opened_again(world):
    world.configure()
    world.start()
    os.rename(world.path("log"), world.path("log.1"))
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    match(world.read("log.1"), "daemon started")


def test_end_during_a_delivery(world):
    """SIGTERM: what is under way may finish; what cannot, stays; it does not take for ever."""
    asked, go = threading.Event(), threading.Event()

    def answer(verb, *_):
        if verb == "DOT":
            asked.set()
            go.wait(60)
        return None
    slow = Hop(world, answer=answer).up()
    stuck = Hop(world, answer=lambda verb, *_: HANG if verb == "MAIL" else None).up()
    world.configure(f'route = ( {{ for = "slow.example", to = [ "{slow.to()}" ] }},'
                    f'{{ for = "stuck.example", to = [ "{stuck.to()}" ] }} )\n' + RETRY)
    world.start()
    world.sendmail("-f", "a@s.example", "b@slow.example", text="Subject: slow\n\nx\n")
    world.sendmail("-f", "a@s.example", "b@stuck.example", text="Subject: stuck\n\nx\n")
    await_(lambda: asked.is_set() and any("MAIL" in line for _, line in stuck.commands), "both under way")
    world.daemon.send_signal(signal.SIGTERM)
    world.await_log("stopping")
    go.set()
    equal(world.daemon.wait(90), 0, "the end")
    match(world.log(), "daemon stopped")
    world.children.remove(world.daemon)
    equal([r["recipients"][0]["address"] for r in world.queue()], ["b@stuck.example"], "what stays")
    equal(len(slow.taken), 1, "what was finished")
    stuck.answer = None
    world.start()
    world.run("fermoposta", "flush")
    stuck.await_one("Subject: stuck")
    world.await_empty()
    equal(len(slow.taken), 1, "nothing twice")


def test_second_signal(world):
    hop = Hop(world, answer=lambda verb, *_: HANG if verb == "MAIL" else None).up()
    world.configure(route(hop))
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example")
    await_(lambda: any("MAIL" in line for _, line in hop.commands), "under way")
    world.daemon.send_signal(signal.SIGTERM)
    world.await_log("stopping")
    world.stop(signal.SIGTERM)
    equal(len(world.queue()), 1, "nothing is lost")


def test_survives_restart_and_kill(world):
    hop = Hop(world)
    world.configure(route(hop))
    world.start()
    for n in range(10):
        world.sendmail("-f", f"n{n}@s.example", "b@d.example", text=f"Subject: n{n}.\n\n" + ("x" * 70 + "\n") * n * 1000)
    before = {r["queue_id"]: r["arrival_time"] for r in world.queue()}
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        world.stop(number)
        equal({r["queue_id"]: r["arrival_time"] for r in world.queue()}, before, f"without the daemon after {number}")
        world.start()
        equal({r["queue_id"]: r["arrival_time"] for r in world.queue()}, before, f"after {number}")
    hop.up()
    world.run("fermoposta", "flush")
    await_(lambda: len(hop.taken) == 10, "all")
    world.await_empty()
    for n in range(10):
        equal(hop.find(f"Subject: n{n}.")[0].body, (b"x" * 70 + b"\r\n") * n * 1000, "body")


def test_killed_while_it_delivers(world):
    """Whenever it dies: each message arrives, and one that a hop answered 250 for twice at most."""
    hop = Hop(world)
    world.configure(route(hop) + 'limit = ( { for = "*", connections = 2, messages_per_connection = 5 } )')
    world.start()
    with world.client() as c:
        c.want("EHLO client.example", "250")
        for n in range(200):
            c.mail(f"n{n}@s.example")
            c.send(f"Subject: n{n}.\r\n\r\nx\r\n.\r\n")
            match(c.reply(), "^250")
    hop.up()
    for enough in (20, 90, 150):
        world.run("fermoposta", "flush")
        await_(lambda n=enough: len(hop.taken) >= n, f"{enough} messages")
        world.stop(signal.SIGKILL)
        world.start()
    world.run("fermoposta", "flush")
    world.await_empty()
    senders = [m.sender for m in list(hop.taken)]
    equal(set(senders), {f"n{n}@s.example" for n in range(200)}, "each arrives")
    if len(senders) > 200 + 3 * 100:
        raise AssertionError(f"{len(senders)} deliveries of 200 messages")


def test_only_one(world):
    world.configure()
    world.start()
    first = world.daemon.pid
    world.configure(listen=False, socket=world.path("other.socket"))
    refused(world, 75, rf"locked by process {first}")
    world.configure(listen=False)  # with the same socket, which it must not take away
    world.run("fermoposta", "daemon", code=75)
    world.sendmail("b@d.example")
    world.configure()  # and with the same listener
    p = world.run("fermoposta", "daemon", code=None)
    equal(len(p.err.strip().splitlines()), 1, "one sentence")
    if p.returncode == 0:
        raise AssertionError("a second daemon ran")
    equal(world.daemon.poll(), None, "the first goes on")
    world.sendmail("b@d.example")


def test_spools_that_are_none(world):
    world.configure()
    world.start()
    world.stop()
    db = sqlite3.connect(world.path("spool.db"))
    db.execute("PRAGMA user_version = 999")
    db.commit()
    db.close()
    refused(world, 65, r"spool\.db.*version 999")
    world.run("fermoposta", "list", code=65)
    with open(world.path("text.db"), "w") as f:
        f.write("this is no database, but longer than a page is\n" * 200)
    before = os.stat(world.path("text.db"))
    world.configure(spool=world.path("text.db"))
    refused(world, 65, r"text\.db.*not a spool")
    after = os.stat(world.path("text.db"))
    equal((after.st_size, after.st_mtime_ns), (before.st_size, before.st_mtime_ns), "it is not touched")
    db = sqlite3.connect(world.path("foreign.db"))
    db.execute("CREATE TABLE theirs (a)")
    db.commit()
    db.close()
    world.configure(spool=world.path("foreign.db"))
    refused(world, 65, r"foreign\.db.*not a spool")


def test_configuration_errors(world):
    world.configure(log="/nowhere/log")
    match(world.run("fermoposta", "daemon", code=73).err, "/nowhere/log")
    for text, pattern in (
            ("hostnam = \"x.example\"\n", r"c\.conf:1: .*\"hostname\""),
            ("\n\nsmtp_port = 70000\n", r"c\.conf:3: .*smtp_port"),
            ("smtp_port = \"25\"\n", r"c\.conf:1: .*smtp_port"),
            ("max_message_size = \"50 apples\"\n", r"c\.conf:1: .*max_message_size"),
            ("retry = (\n  { for = \"*\", schedul = \"5m\" } )\n", r"c\.conf:2: .*\"schedule\""),
            ("retry = (\n  { for = \"*\", schedule = \"5q\" } )\n", r"c\.conf:2: .*5q"),
            ("route = ( { for = \"*\", to = [ \"smpt://x\" ] } )\n", r"c\.conf:1: .*smpt"),
            ("route = ( { for = \"*\", to = [ \"mx\" ] },\n { for = \"*\", to = [ \"mx\" ] } )\n", r"c\.conf:2: .*(twice|already)"),
            ("log = \"stderr\"\nlog = \"syslog\"\n", r"c\.conf:2: "),
            ("listen = ( { address = \"nonsense\" } )\n", r"c\.conf:1: .*nonsense"),
            ("hostname = \"x\n", r"c\.conf:[12]: "),
            ("user = \"nobody-of-that-name\"\n", r"c\.conf.*nobody-of-that-name")):
        with open(world.path("c.conf"), "w") as f:
            f.write(text)
        for verb in ("check", "daemon"):
            match(world.run("fermoposta", verb, "-c", "c.conf", code=78).err, pattern, f"{verb} on {text!r}")
    with open(world.path("c.conf"), "w") as f:
        f.write("hostnam = 1\nsmtp_port = 0\nretri = ()\n")
    equal(len(world.run("fermoposta", "check", "-c", "c.conf", code=78).err.strip().splitlines()), 3, "every problem")
    match(world.run("fermoposta", "check", "-c", "none.conf", code=78).err, "none.conf")


def test_never_root_again(world):
    need_root()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as why:
        raise Skip("there is no nobody") from why
    hop = Hop(world).up()
    spool = world.path("spool/spool.db")
    world.configure(route(hop), user="nobody", spool=spool, socket=world.path("run/socket"))
    world.start(extra_groups=[0, 4, 6])
    with open(f"/proc/{world.daemon.pid}/status") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    equal(status["Uid"].split(), [str(nobody.pw_uid)] * 4, "user")
    equal(status["Gid"].split(), [str(nobody.pw_gid)] * 4, "group")
    equal(status["Groups"].split(), [], "further groups")
    equal(int(status["CapEff"], 16) | int(status["CapPrm"], 16), 0, "capabilities")
    equal(os.stat(spool).st_uid, nobody.pw_uid, "the spool's owner")
    equal(os.stat(spool).st_mode & 0o777, 0o600, "the spool's mode")
    equal(os.stat(world.path("run/socket")).st_mode & 0o777, 0o666, "the socket's mode")
    world.sendmail("-f", "a@s.example", "b@d.example")
    hop.await_one("Subject: test")
    world.await_empty()
    world.restart()
    world.sendmail("-f", "a@s.example", "b@d.example", text="Subject: again\n\nx\n")
    hop.await_one("Subject: again")


def test_tells_the_service_manager(world):
    path = world.path("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(60)
        world.env["NOTIFY_SOCKET"] = path
        world.configure()
        world.start()
        equal(s.recv(100), b"READY=1", "when it has started")
        world.daemon.send_signal(signal.SIGHUP)
        match(s.recv(100), "^RELOADING=1")
        equal(s.recv(100), b"READY=1", "when it has read again")
        world.stop()
        equal(s.recv(100), b"STOPPING=1", "when it ends")


def test_idle_costs_nothing(world):
    """No busy waiting, with mail waiting too."""
    hop = Hop(world)
    world.configure(route(hop))
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example")
    await_(lambda: world.queue("state=deferred"), "deferred")

    def ticks():
        with open(f"/proc/{world.daemon.pid}/stat") as f:
            return sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:13])
    before = ticks()
    time.sleep(2)
    if ticks() - before > os.sysconf("SC_CLK_TCK") / 4:
        raise AssertionError(f"{ticks() - before} ticks in two idle seconds")


main(globals())
