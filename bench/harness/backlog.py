# SPDX-License-Identifier: BSD-2-Clause
"""A long queue: filling it while the next hop is down, listing it, restarting, flushing it."""

import subprocess
import time

from load import Generator, Sink
from process import Noise, await_banner, free_port
from relay import STALL_S, Wrong, await_count, check_even, cost

MIB = 1024.0


def fill(bench, peer, n, sessions):
    empty = peer.spool_bytes()
    before, noise = peer.cpu(), Noise()
    generator = Generator(bench.tools, peer.port, n, sessions)
    if not generator.wait(STALL_S * 10) or generator.status != 0:
        raise Wrong(f"smtp-source ended with {generator.status}")
    await_idle(peer)
    after = peer.cpu()
    used = sum(after) - sum(before) + generator.own_cpu()
    figures = {"accept_per_s": n / (generator.ended - generator.started), **cost(before, after, n),
               "others_cores": noise.cores(used),
               "bytes_per_message": (peer.spool_bytes() - empty) / n,
               "resident_mib": peer.memory_kib() / MIB, "peak_mib": peer.memory_kib("VmHWM") / MIB}
    if peer.count() != n:
        raise Wrong(f"{peer.name}: {peer.count()} messages are queued, {n} were accepted")
    return figures


def await_idle(peer, limit_s=120):
    """Until it uses less than 2 % of a processor: all was accepted, tried once, and waits."""
    end = time.monotonic() + limit_s
    last = sum(peer.cpu())
    while time.monotonic() < end:
        time.sleep(0.5)
        now = sum(peer.cpu())
        if now - last < 0.01 + 1e-9:
            return
        last = now


def listing(peer, form, n):
    """Seconds for the whole queue, as the caller of the command waits for it."""
    start = time.monotonic()
    out = subprocess.run(peer.commands()[form], stdout=subprocess.PIPE, check=True).stdout
    took = time.monotonic() - start
    seen = out.count(b"\n") if form == "jsonl" else out.count(b"dest.example\n")
    if seen < n:
        raise Wrong(f"{peer.name}: the list ({form}) shows {seen} of {n}")
    return took


def restart(peer, next_hop):
    start = time.monotonic()
    peer.stop()
    stopped = time.monotonic()
    peer.start(next_hop)
    return {"stop_s": stopped - start, "restart_to_220_s": time.monotonic() - stopped,
            "resident_after_restart_mib": peer.memory_kib() / MIB}


def flush(bench, peer, next_hop, n):
    sink = Sink(bench.tools, next_hop)
    try:
        before, noise = peer.cpu(), Noise()
        sink_before, start = sink.cpu(), time.monotonic()
        subprocess.run(peer.commands()["flush"], stdout=subprocess.DEVNULL, check=True)
        first = await_count(sink, 1)
        ended = await_count(sink, n)
        time.sleep(0.2)
        after = peer.cpu()
        used = sum(after) - sum(before) + sink.cpu() - sink_before
        figures = {"flush_per_s": n / (ended - start), "flush_first_s": first - start,
                   "others_cores": noise.cores(used)}
        figures.update({"flush_" + name: value for name, value in cost(before, after, n).items()})
        check_even(peer, sink, n)
        return figures
    finally:
        sink.close()


def backlog(bench, peer, n, sessions=20):
    bench.wait_for_quiet()
    next_hop = free_port()
    peer.clear()
    peer.start(next_hop)
    try:
        filled = fill(bench, peer, n, sessions)
        seen = {f"list_{form}_s": listing(peer, form, n) for form in ("text", "jsonl")}
        seen["resident_after_list_mib"] = peer.memory_kib() / MIB
        again = restart(peer, next_hop)
        if peer.count() != n:
            raise Wrong(f"{peer.name}: {peer.count()} of {n} messages are there after a restart")
        flushed = flush(bench, peer, next_hop, n)
    finally:
        peer.stop()
    noise = max(filled.pop("others_cores"), flushed.pop("others_cores"))
    return {**filled, **seen, **again, **flushed, "others_cores": noise}
