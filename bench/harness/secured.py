# SPDX-License-Identifier: BSD-2-Clause
"""Relaying to a next hop with TLS, beside the same one in clear: what TLS costs the mail system itself."""

import statistics
import time

from load import Generator, Run, Sink
from peer import Routes

SESSIONS = 20
PAIRS = 3


class TlsSink(Sink):
    """Offers STARTTLS, or does not."""

    def __init__(self, bench, is_secured):
        self.is_secured = is_secured
        super().__init__(bench)

    def words(self, bench):
        return [str(bench.tool("tlssink")), str(self.port)] + (["tls"] if self.is_secured else [])

    def handshakes(self):
        """Those that resumed a session; all."""
        resumed, shaken = self.counter.last(rb"(\d+)/(\d+) \d+\r")
        return int(resumed), int(shaken)


def once(bench, peer, n, is_secured):
    peer.clear()
    bench.wait_for_quiet()
    sink = TlsSink(bench, is_secured)
    warm = max(n // 10, 1)
    try:
        peer.start(Routes(sink.port))
        try:
            Generator(bench, peer.port, warm, SESSIONS, keep=True).finish()
            sink.await_count(warm)
            bench.await_idle(peer)
            run = Run(peer, sink)
            generator = Generator(bench, peer.port, n, SESSIONS, keep=True)
            ended = sink.await_count(warm + n)
            generator.finish()
            time.sleep(0.1)  # the last outcomes are still being committed
            figures = run.figures(n, generator)
        finally:
            peer.stop()
        resumed, shaken = sink.handshakes()
    finally:
        sink.close()
    return {**figures, "per_s": n / (max(ended, generator.ended) - generator.started),
            "handshakes": 1000 * shaken / (warm + n), "resumed": resumed / shaken if shaken else 0.0}


def secured(bench, peer, n, pairs=PAIRS):
    """In turns, as everything on one machine differs from minute to minute."""
    runs = [(once(bench, peer, n, False), once(bench, peer, n, True)) for _ in range(pairs)]

    def middle(which, figure):
        return statistics.median(pair[which][figure] for pair in runs)
    return {"clear_per_s": middle(0, "per_s"), "tls_per_s": middle(1, "per_s"),
            "clear_us": middle(0, "cpu_us"), "tls_us": middle(1, "cpu_us"),
            "tls_share": statistics.median(clear["cpu_us"] / tls["cpu_us"] for clear, tls in runs),
            "handshakes_per_1000": middle(1, "handshakes"), "resumed_share": middle(1, "resumed"),
            "others_cores": max(run["others_cores"] for pair in runs for run in pair)}
