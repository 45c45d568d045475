# SPDX-License-Identifier: BSD-2-Clause
"""The n-th system call of a fixed story goes wrong, for many n: the daemon is killed there, or its
power is cut, or the call fails. The story: one message for three recipients, of whom one is delivered,
one is put off once, one is refused; the notice of it is delivered to the sender. Whatever n was, after
a restart everything ends right: nothing lost, exactly one notice for each message that was taken (its
Message-ID and its In-Reply-To tell), the queue empty. After a death the next start dies as well, early.

In mode "interactive" a message that was not promised may have reached some of its recipients.

FP_MODE is the setting mode ("background"). FP_POINTS says how many n for each way of going wrong (10), spread over the story; 0: every one."""

import contextlib
import os
import shutil
import sys
import time

from stage import (EINTR, EIO, ENOSPC, EVERY_KIND, KILL, POWER, PWRITE, SCATTER, SENDMSG, SHORT, SYNC, TORN, WRITE,
                   WRITEV, Stage, in_parallel, main, wait_until)

POINTS = int(os.environ.get("FP_POINTS", "10"))
WORKERS = 8
# Then some recipients may have a message before anything is stored or promised.
IS_RELAYED = os.environ.get("FP_MODE") == "interactive"
WAYS = [
    ("kill", KILL, EVERY_KIND),
    ("torn write, kill", TORN, EVERY_KIND),
    ("power cut", POWER, EVERY_KIND),
    ("power cut, scattered", SCATTER, EVERY_KIND),
    ("EIO", EIO, PWRITE | SYNC),
    ("ENOSPC", ENOSPC, PWRITE),
    ("EINTR", EINTR, PWRITE | WRITE | WRITEV | SENDMSG),
    ("short write", SHORT, PWRITE | WRITE | WRITEV | SENDMSG),
]
DYING = (KILL, TORN, POWER, SCATTER)
FILES = ("spool.db", "spool.db-wal", "spool.db-shm", "spool.db.ballast")


class Story:
    """The message, told again, with another token, as often as it was not promised to be kept."""

    def __init__(self, stage):
        self.stage = stage
        self.kept, self.refused, self.unknown = None, [], []
        for name in FILES:
            (stage.folder / name).unlink(missing_ok=True)
        shutil.copy(stage.folder / "template", stage.folder / "spool.db")
        for name in ("arrived", "notices", "damaged", "log"):
            os.truncate(stage.folder / name, 0)

    def tell(self):
        token = f"t{time.monotonic_ns()}"
        reply = self.stage.send(self.recipients(token), token=token)
        if reply is None:
            self.unknown.append(token)
        elif reply[0] == "2":
            self.kept = token
        else:
            assert reply[0] == "4", f"refused for good: {reply}"
            self.refused.append(token)

    @staticmethod
    def recipients(token):
        return [f"{token}.ok@a.example", f"later-{token}@a.example", f"never-{token}@b.example"]

    def notices(self, token):
        lines = [line.split() for line in self.stage.account("notices")]
        return {to_id for rcpt, to_id, about in lines if rcpt == "sender@s.example" and token in about}

    def is_over(self):
        arrived = self.stage.account("arrived")
        return all(r in arrived for r in self.recipients(self.kept)[:2]) and self.notices(self.kept) \
            and self.stage.queue() == []

    def check(self):
        arrived = "\n".join(self.stage.account("arrived"))
        assert len(self.notices(self.kept)) == 1, f"notices: {self.notices(self.kept)}"
        for token in self.unknown:
            expected = (0, 1) if IS_RELAYED else (int(token in arrived),)
            assert len(self.notices(token)) in expected, f"notices: {self.notices(token)}"
        for token in self.refused:
            assert not self.notices(token), f"{token} was refused, and kept"
            assert IS_RELAYED or token not in arrived, f"{token} was refused, and arrived"
        assert not self.stage.account("damaged")


def is_dead(stage):
    return stage.daemon.poll() is not None


def play(stage, how, kinds, n):
    """The story with its n-th call going wrong (0: none does). Returns how many calls it had."""
    story = Story(stage)
    stage.orders.give(kinds, how, n)
    if stage.start(failing=True, must_start=False):
        story.tell()
        if story.kept:
            wait_until("the story's end", 20, lambda: is_dead(stage) or story.is_over(), 0.05)
    if not is_dead(stage):
        stage.daemon.terminate()
        stage.daemon.wait(timeout=30)
    seen = stage.orders.seen()
    if how in DYING and stage.orders.failed():
        die_again(stage, how, 1 + n % 12)
    finish(stage, story)
    return seen


def die_again(stage, how, n):
    stage.orders.give(EVERY_KIND, how, n)
    if stage.start(failing=True, must_start=False):
        stage.kill()


def finish(stage, story):
    """Without faults everything must come to its end."""
    stage.start()
    for _ in range(3):
        if not story.kept:
            story.tell()
    wait_until("the story's end", 20, story.is_over, 0.05)
    stage.stop()
    assert not stage.recorded_open(check=True), "the queue is not empty"
    story.check()


def points(stage):
    """Every way with the numbers at which it is tried."""
    for name, how, kinds in WAYS:
        count = play(stage, KILL, kinds, 0)
        assert count > 10, f"{name}: only {count} calls"
        step = max(1, count // POINTS) if POINTS else 1
        for n in range(1 + step // 2 if step > 1 else 1, count + 1, step):
            yield name, how, kinds, n


def prepare(stage):
    """An empty spool is no part of the story."""
    stage.start()
    stage.stop()
    shutil.copy(stage.folder / "spool.db", stage.folder / "template")
    return stage


def test():
    began = time.monotonic()
    stages = [Stage() for _ in range(WORKERS)]
    failed = dict.fromkeys((way[0] for way in WAYS), 0)

    def work(point, key):
        name, how, kinds, n = point
        try:
            play(stages[key], how, kinds, n)
        except Exception:
            print(f"{name} at call {n}:", file=sys.stderr)
            raise
        failed[name] += stages[key].orders.failed() > 0

    with contextlib.ExitStack() as stack:
        for stage in stages:
            prepare(stack.enter_context(stage))
        tried = list(points(stages[0]))
        in_parallel(tried, work, WORKERS)
    for name, count in failed.items():
        print(f"{name}: {count} points")
        assert count > 0, f"{name}: never happened"
    print(f"{len(tried)} points in {time.monotonic() - began:.0f} s: nothing lost, one notice each")


main(test)
