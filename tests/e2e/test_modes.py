# SPDX-License-Identifier: BSD-2-Clause
"""The setting `mode` with real clients and next hops: "interactive" hands mail on without touching the
disk and spools what could not be delivered at once; "queue" delivers what is flushed."""
import os
import pwd
import re
import signal
import socket
import threading
import time

from lib import Failed, Hop, await_, equal, free_port, main, match, peer

MESSAGES = 2000
CALLS = "fsync,fdatasync,sync_file_range,pwrite64,pwritev"


def configure(world, to, mode="interactive", **settings):
    world.configure(f'route = ( {{ for = "*", to = [ "{to}" ] }} )\n'
                    'retry = ( { for = "*", schedule = "1s", warn_after = [] } )\n', mode=mode, **settings)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def trace(world, calls):
    """A tracer of the daemon; returns how to end it, which gives the lines that it wrote."""
    said, lines = world.path("strace.err"), world.path("strace")
    with open(said, "wb") as err:
        tracer = world.spawn([peer("strace"), "-f", "-o", lines, "-e", f"trace={calls}", "-p", str(world.daemon.pid)],
                             stdout=err, stderr=err)
    await_(lambda: "attached" in world.read("strace.err") or tracer.poll() is not None, "the tracer")

    def end():
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        return [line for line in world.read("strace").splitlines() if "(" in line and "---" not in line]
    return end


def test_nothing_is_synced(world):
    source, sink = peer("smtp-source"), peer("smtp-sink")
    port = free_port()
    user = ["-u", pwd.getpwuid(65534).pw_name] if os.geteuid() == 0 else []
    with open(world.path("sink"), "wb") as out:
        counter = world.spawn([sink, "-c", *user, f"127.0.0.1:{port}", "256"], stdout=out, stderr=out)
    configure(world, f"smtp://127.0.0.1:{port}")
    await_(lambda: listens(port), "smtp-sink")
    began = time.monotonic()
    world.start()
    world.sendmail("b@d.example")  # when this is answered ids have been reserved
    world.await_log("removed")  # and what became of it is stored
    end = trace(world, CALLS)
    p = world.run(source, "-s", "10", "-l", "5120", "-m", str(MESSAGES), "-f", "a@s.example", "-t", "b@d.example",
                  f"127.0.0.1:{world.port}")
    equal(p.err, "", "smtp-source is content")
    calls = end()
    # What the daemon does once a minute is not about these messages.
    once_a_minute = MESSAGES / 20 if time.monotonic() - began > 45 else 0
    if len(calls) > once_a_minute:
        raise Failed(f"{len(calls)} system calls that write to the disk, such as {calls[:3]}")
    equal(counter.poll(), None, "smtp-sink runs")
    world.stop()
    log = world.log()
    equal(log.count("status=sent"), MESSAGES + 1, "sent, by the log")
    equal(len(set(re.findall(r" ([0-9A-F]{12}): removed", log))), MESSAGES + 1, "ids, by the log")
    equal(world.queue(), [], "the queue")


def test_next_hop_is_down(world):
    swaks = peer("swaks")
    hop = Hop(world)
    configure(world, hop.to())
    world.start()
    p = world.run(swaks, "--server", "127.0.0.1", "--port", str(world.port), "--from", "a@s.example",
                  "--to", "b@d.example", "--header", "Subject: by swaks")
    match(p.out, r"^<[-~]  250 2\.0\.0 Ok: queued as [0-9A-F]{12}")
    number = re.search("queued as ([0-9A-F]{12})", p.out).group(1)
    world.await_log(rf"{number}: to=<b@d.example>.*status=deferred \(connect to ")
    equal(world.id_of(), number, "in the queue")
    world.stop(signal.SIGKILL)  # it is safe there
    hop.up()
    world.start()
    hop.await_one("Subject: by swaks")
    world.await_empty()
    equal(len(hop.taken), 1, "messages")


def test_slow_next_hop(world):
    """The client does not wait for ever; the attempt goes on."""
    go_on = threading.Event()
    world.closers.append(go_on.set)

    def answer(verb, line, session):
        if verb == "DOT":
            go_on.wait()
    hop = Hop(world, answer=answer).up()
    configure(world, hop.to(), interactive_timeout="1s")
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example")
    equal([(m["state"], m["attempts"]) for m in world.queue()], [("active", 0)], "the queue")
    equal(len(hop.attempts), 1, "attempts")
    go_on.set()
    world.await_empty()
    equal((len(hop.attempts), len(hop.taken)), (1, 1), "attempts, messages")


def test_answers(world):
    """What a next hop refuses for good comes back as a notice; what it took is not tried again."""
    def answer(verb, line, session):
        return "550 5.1.1 nobody here" if verb == "RCPT" and "<no@" in line else None
    hop = Hop(world, answer=answer).up()
    configure(world, hop.to())
    world.start()
    with world.client() as c:
        c.envelope(rcpts=("b@d.example", "no@d.example"))
        match(c.ask("Subject: one\r\n\r\none\r\n."), "^250 2.0.0 Ok: queued as ")
        c.mail()
        match(c.ask("Subject: two\r\n\r\ntwo\r\n."), "^250 2.0.0 Ok: queued as ")
    notice = hop.await_one("Action: failed")
    equal((notice.sender, notice.rcpts), ("", ["a@s.example"]), "the notice")
    match(notice.data, "550 5.1.1 nobody here")
    world.await_empty()
    equal([len(hop.find(f"Subject: {n}\r\n\r\n{n}")) for n in ("one", "two")], [1, 1], "delivered")


def test_queue(world):
    hop = Hop(world)
    configure(world, hop.to(), mode="queue")
    world.start()
    for name in ("one", "two", "three"):
        world.sendmail("-f", "a@s.example", f"{name}@d.example", text=f"Subject: {name}\n\nx\n")
    match(world.run("mailq").out, r"in 3 Requests\.")
    match(world.run("fermoposta", "list").out, r"^[0-9A-F]{12}  queued .* on flush ")
    equal([m["next_attempt"] for m in world.queue()], [None] * 3, "next attempts")
    equal(hop.connections, 0, "connections")
    world.run("fermoposta", "flush", "to=two@*")
    world.await_log(r"to=<two@d.example>.*status=deferred")
    await_(lambda: [m["state"] for m in world.queue()] == ["queued", "deferred", "queued"], "one was tried")
    hop.up()
    world.restart()
    world.run("fermoposta", "flush", "to=three@*")
    hop.await_one("Subject: three")
    world.run("sendmail", "-q")
    world.await_empty()
    equal(sorted(m.rcpts[0] for m in hop.taken), [f"{name}@d.example" for name in ("one", "three", "two")], "delivered")
    equal(re.findall(r"to=<two@d.example>.* status=(\w+)", world.log()), ["deferred", "sent"], "attempts")


def test_reload(world):
    hop = Hop(world).up()
    configure(world, hop.to(), mode="background")
    world.start()
    world.sendmail("b@d.example")
    world.await_empty()
    configure(world, hop.to())
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    world.sendmail("b@d.example")
    world.sendmail("b@d.example")
    equal(len(hop.attempts), 3, "before the command ended")


main(globals())
