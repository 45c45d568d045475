# SPDX-License-Identifier: BSD-2-Clause
"""LMTP's replies, one for each recipient: what was said is stored as it comes."""
import signal
import threading

from lib import Hop, await_, equal, main


class Mailboxes(Hop):
    """Answers recipient by recipient; `first` of them at once, the others when `go` is set."""

    def __init__(self, world):
        super().__init__(world, answer=lambda verb, *_: "250-hop.example\n250 PIPELINING" if verb == "LHLO" else None)
        self.got, self.first, self.go = [], 1, threading.Event()

    def _keep(self, s, session, data):
        for i, rcpt in enumerate(session["rcpts"]):
            if i >= self.first:
                self.go.wait()
            s.sendall(b"250 2.0.0 in the mailbox\r\n")
            with self.lock:
                self.got.append(rcpt)
        session.update(sender=None, rcpts=[])


def stage(world, **settings):
    box = Mailboxes(world).up()
    world.closers.insert(0, box.go.set)
    world.configure(f'route = ( {{ for = "*", to = [ "{box.to("lmtp")}" ] }} )\n'
                    'retry = ( { for = "*", schedule = "1s" } )\n', **settings)
    world.start()
    return box


def send(world):
    with world.client() as c:
        c.want("EHLO client.example", "250")
        c.want("MAIL FROM:<a@home.example>", "250")
        for rcpt in ("one", "two", "three"):
            c.want(f"RCPT TO:<{rcpt}@d.example>", "250")
        c.want("DATA", "354")
        c.want("Subject: story.\r\n\r\nbody\r\n.", "250")


def recipients(world):
    return sorted(r["address"] for m in world.queue() for r in m["recipients"])


def test_a_crash_between_replies(world):
    """Nobody gets the message twice whose reply had come before the crash."""
    box = stage(world)
    send(world)
    world.await_log(r"to=<one@d\.example>.*status=sent")
    await_(lambda: recipients(world) == ["three@d.example", "two@d.example"], "the first one is out of the queue")
    world.stop(signal.SIGKILL)
    box.down()
    box.go.set()
    box.up()
    world.start()
    world.run("fermoposta", "flush")
    world.await_empty()
    equal(box.got.count("one@d.example"), 1, "messages for the first")
    equal({"two@d.example", "three@d.example"} <= set(box.got), True, "messages for the others")


def test_all_come(world):
    """Without a crash each is told of once, in the log and in history."""
    box = stage(world)
    box.first = 2
    send(world)
    world.await_log(r"to=<two@d\.example>.*status=sent")
    box.go.set()
    world.await_empty()
    equal(sorted(box.got), ["one@d.example", "three@d.example", "two@d.example"], "mailboxes")
    for rcpt in ("one", "two", "three"):
        equal(world.log().count(f"to=<{rcpt}@d.example>"), 1, rcpt)
    equal(len([line for line in world.log().splitlines() if line.endswith(": removed")]), 1, "removed")


def test_in_mode_interactive(world):
    """Nothing is stored before the client has its answer."""
    box = stage(world, mode="interactive")
    threading.Timer(0.2, box.go.set).start()
    send(world)
    world.await_empty()
    equal(sorted(box.got), ["one@d.example", "three@d.example", "two@d.example"], "mailboxes")


main(globals())
