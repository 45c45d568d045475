# SPDX-License-Identifier: BSD-2-Clause
"""Relaying: generator, mail system, sink. And the sendmail command, which goes the same way."""

import concurrent.futures
import os
import time

from load import RECIPIENT, Generator, Sink
from process import Noise
from syscalls import PerfCounter, StraceCounter

STALL_S = 60


class Wrong(Exception):
    """A message was lost, doubled, or stuck: no figure is worth anything then."""


def await_count(sink, n):
    """The moment at which the sink has n. Fails when nothing moves any more."""
    last, moved = -1, time.monotonic()
    while True:
        count, now = sink.count(), time.monotonic()
        if count >= n:
            return now
        if count != last:
            last, moved = count, now
        if now - moved > STALL_S:
            raise Wrong(f"the sink has {count} of {n}, and no more arrive")
        time.sleep(0.002)


def check_even(peer, sink, n):
    """What came out is what went in, and nothing is left."""
    time.sleep(0.2)
    if sink.count() != n:
        raise Wrong(f"{peer.name}: {sink.count()} messages came out, {n} went in")
    end = time.monotonic() + 10
    while (left := peer.count()) and time.monotonic() < end:
        time.sleep(0.2)
    if left:
        raise Wrong(f"{peer.name}: {left} messages are left in the queue")


class Stage:
    """A mail system with an empty spool, and a sink it relays to."""

    def __init__(self, bench, peer):
        self.bench, self.peer = bench, peer

    def __enter__(self):
        self.bench.wait_for_quiet()
        self.peer.clear()
        self.sink = Sink(self.bench.tools)
        self.peer.start(self.sink.port)
        return self

    def __exit__(self, *error):
        self.peer.stop()
        self.sink.close()


def cost(before, after, n):
    """CPU per message in microseconds: user, system and both."""
    user, system = ((b - a) * 1e6 / n for a, b in zip(before, after))
    return {"cpu_us": user + system, "user_us": user, "system_us": system}


def send(stage, n, sessions, keep):
    """One run. Returns its figures."""
    peer, sink, tools = stage.peer, stage.sink, stage.bench.tools
    before, sink_before, noise = peer.cpu(), sink.cpu(), Noise()
    generator = Generator(tools, peer.port, n, sessions, keep)
    ended = await_count(sink, n)
    if not generator.wait(STALL_S) or generator.status != 0:
        raise Wrong(f"smtp-source ended with {generator.status}")
    time.sleep(0.1)  # the last outcomes are still being committed
    after, sink_after = peer.cpu(), sink.cpu()
    measured = sum(after) - sum(before) + sink_after - sink_before + generator.own_cpu()
    return {"end_to_end_per_s": n / (max(ended, generator.ended) - generator.started),
            "accept_per_s": n / (generator.ended - generator.started),
            **cost(before, after, n),
            "generator_us": generator.own_cpu() * 1e6 / n,
            "sink_us": (sink_after - sink_before) * 1e6 / n,
            "others_cores": noise.cores(measured)}


def relay(bench, peer, n, sessions, keep):
    with Stage(bench, peer) as stage:
        counter = PerfCounter(peer.pid(), bench.file("perf")) if bench.has_perf else None
        figures = send(stage, n, sessions, keep)
        if counter:
            figures["syncs_per_message"] = sum(counter.stop().values()) / n
        check_even(peer, stage.sink, n)
    if not counter and bench.has_strace:
        figures["syncs_per_message_strace"] = count_with_strace(bench, peer, n, sessions, keep)
    return figures


def count_with_strace(bench, peer, n, sessions, keep):
    few = max(n // 5, 1)
    with Stage(bench, peer) as stage:
        counter = StraceCounter(peer.pid(), bench.file("strace"))
        send(stage, few, sessions, keep)
        return sum(counter.stop().values()) / few


# ---- the sendmail command ------------------------------------------------------------------------

BODY = b"Subject: the weekly figures\n\n" + (b"They are as they were in the week before.\n" * 122)


def spawn(argv, file):
    """Runs it with the file as its input; returns the exit status and the CPU seconds."""
    actions = [(os.POSIX_SPAWN_OPEN, 0, file, os.O_RDONLY, 0)]
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def submit(bench, peer, n, at_once):
    """The command n times; each is a process, as programs that send mail start it."""
    message = str(bench.file("message"))
    with open(message, "wb") as f:
        f.write(BODY)
    argv = peer.submit(RECIPIENT)
    with Stage(bench, peer) as stage:
        before, noise, start = peer.cpu(), Noise(), time.monotonic()
        sink_before = stage.sink.cpu()
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            ended = list(pool.map(lambda _: spawn(argv, message), range(n)))
        submitted = time.monotonic()
        finished = await_count(stage.sink, n)
        time.sleep(0.1)
        after = peer.cpu()
        if any(status for status, _ in ended):
            raise Wrong(f"sendmail failed {sum(1 for status, _ in ended if status)} times of {n}")
        command = sum(cpu for _, cpu in ended)
        # The commands were waited for, so their time is our own by os.times().
        others = noise.cores(sum(after) - sum(before) + stage.sink.cpu() - sink_before)
        check_even(peer, stage.sink, n)
    return {"submit_per_s": n / (submitted - start), "end_to_end_per_s": n / (finished - start),
            "command_us": command * 1e6 / n, **cost(before, after, n), "others_cores": others}
