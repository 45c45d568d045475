# SPDX-License-Identifier: BSD-2-Clause
"""From the final dot to the 250: bench/dot.c, one message after the other."""

import subprocess

from load import Stage, Wrong
from process import Noise


def send(bench, peer, n, token="t", body_bytes=5120):
    """(seconds, median, 99th percentile, longest in µs)"""
    argv = [bench.tool("dot"), str(peer.port), str(n), str(body_bytes), token]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Wrong(f"{peer.name}: {done.stderr.strip()}")
    return map(float, done.stdout.split())


def dot(bench, peer, n):
    with Stage(bench, peer) as stage:
        stage.warm_up(max(n // 10, 1), 1)
        noise = Noise(*peer.groups(), stage.sink.group)
        seconds, median, p99, longest = send(bench, peer, n)
        figures = {"dot_median_us": median, "dot_p99_us": p99, "dot_longest_us": longest,
                   "accept_per_s": n / seconds, "others_cores": noise.cores()}
        stage.await_count(n)
        stage.check_even(n)
    return figures
