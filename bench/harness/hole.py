# SPDX-License-Identifier: BSD-2-Clause
"""A black hole: every second message is for a host that takes connections and says nothing."""

from load import Generator, Hole, Noise, Sink, Wrong
from peer import Routes

SESSIONS = 10


def healthy_half(bench, peer, n, is_hole):
    """Seconds until the healthy half has arrived, while the other half goes elsewhere."""
    bench.wait_for_quiet()
    peer.clear()
    good = Sink(bench)
    other = Hole() if is_hole else Sink(bench)
    try:
        peer.start(Routes(good.port, {"other.example": other.port}))
        try:
            sinks = [good] if is_hole else [good, other]
            noise = Noise(*peer.groups(), *(sink.group for sink in sinks))
            halves = [Generator(bench, peer.port, n, SESSIONS, to=to)
                      for to in ("somebody@other.example", "somebody@dest.example")]
            ended = good.await_count(n)
            for half in halves:
                half.finish()
            others = noise.cores()
            if not is_hole:
                other.await_count(n)
            await_queue(bench, peer, n if is_hole else 0)
            if good.count() != n or (not is_hole and other.count() != n):
                raise Wrong(f"{peer.name}: {good.count()} came out, {n} went in")
        finally:
            peer.stop()
    finally:
        good.close()
        other.close()
    return ended - halves[0].started, others


def await_queue(bench, peer, n):
    bench.await_idle(peer)
    if (left := peer.count()) != n:
        raise Wrong(f"{peer.name}: {left} messages are left in the queue, not {n}")


def hole(bench, peer, n):
    healthy, others = healthy_half(bench, peer, n, False)
    holed, others_too = healthy_half(bench, peer, n, True)
    return {"half_healthy_s": healthy, "half_holed_s": holed, "hole_share": holed / healthy,
            "others_cores": max(others, others_too)}
