# SPDX-License-Identifier: BSD-2-Clause
"""Relaying: generator, mail system, sink."""

import time

from load import Generator, Run, Stage
from syscalls import PerfCounter, StraceCounter


def send(stage, n, sessions, keep):
    """One run. Returns its figures."""
    run = Run(stage.peer, stage.sink)
    generator = Generator(stage.bench, stage.peer.port, n, sessions, keep)
    ended = stage.await_count(n)
    generator.finish()
    time.sleep(0.1)  # the last outcomes are still being committed
    return {"end_to_end_per_s": n / (max(ended, generator.ended) - generator.started),
            "accept_per_s": generator.rate(), **run.figures(n, generator)}


def relay(bench, peer, n, sessions, keep):
    with Stage(bench, peer) as stage:
        stage.warm_up(max(n // 10, 1), sessions, keep)
        counter = PerfCounter(peer.group.pids(), bench.file("perf")) if bench.has_perf else None
        figures = send(stage, n, sessions, keep)
        if counter:
            figures["syncs_per_message"] = sum(counter.stop().values()) / n
        stage.check_even(n)
    if not bench.has_perf and bench.has_strace:
        figures["syncs_per_message_strace"] = count_with_strace(bench, peer, n, sessions, keep)
    return figures


def count_with_strace(bench, peer, n, sessions, keep):
    few = max(n // 5, 1)
    with Stage(bench, peer) as stage:
        counter = StraceCounter(peer.group.pids(), bench.file("strace"))
        send(stage, few, sessions, keep)
        return sum(counter.stop().values()) / few
