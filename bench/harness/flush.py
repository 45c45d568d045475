# SPDX-License-Identifier: BSD-2-Clause
"""A long queue goes out, all to one next hop; and new mail is accepted meanwhile."""

import subprocess
import time

from load import Generator, Run, Stage

SESSIONS = 20


def start_flush(peer):
    subprocess.run(peer.commands()["flush"], stdout=subprocess.DEVNULL, check=True)


def accept_alone(bench, peer, n):
    with Stage(bench, peer) as stage:
        stage.warm_up(max(n // 10, 1), SESSIONS)
        generator = Generator(bench, peer.port, n, SESSIONS, is_counting=True).finish()
        stage.await_count(n)
        stage.check_even(n)
    return generator.rate()


def flush_alone(bench, peer, n):
    with Stage(bench, peer, waiting=n) as stage:
        stage.warm_up(max(n // 100, 1), SESSIONS)
        run = Run(peer, stage.sink)
        start_flush(peer)
        first = stage.await_count(1)
        ended = stage.await_count(n)
        time.sleep(0.1)
        figures = run.figures(n)
        stage.check_even(n)
    return {"flush_per_s": n / (ended - run.started), "flush_first_s": first - run.started, **figures}


def flush_and_accept(bench, peer, n, more):
    """Accepted and delivered per second, as long as not more than n have come out: so long the flush
    goes on in any case. Or until all that is new was accepted."""
    with Stage(bench, peer, waiting=n) as stage:
        stage.warm_up(max(n // 100, 1), SESSIONS)
        start_flush(peer)
        stage.await_count(1)
        before = stage.sink.count()
        generator = Generator(bench, peer.port, more, SESSIONS, is_counting=True)
        while (out := stage.sink.count()) < stage.before + n and not generator.is_over():
            time.sleep(0.002)
        accepted, seconds = generator.counter.value(), time.monotonic() - generator.started
        generator.finish()
        stage.await_count(n + more)
        stage.check_even(n + more)
    return accepted / seconds, (out - before) / seconds


def flush(bench, peer, n):
    more = max(n // 10, 1)
    figures = flush_alone(bench, peer, n)
    alone = accept_alone(bench, peer, more)
    accepted, flushed = flush_and_accept(bench, peer, n, more)
    return {**figures, "accept_alone_per_s": alone, "accept_during_per_s": accepted,
            "accept_during_share": accepted / alone, "flush_during_per_s": flushed}
