# SPDX-License-Identifier: BSD-2-Clause
"""Accepting while the next hop is down, until everything was tried once and waits."""

from load import Generator, Run, Wrong
from peer import Routes
from process import free_port

MIB = 1024.0 * 1024


def backlog(bench, peer, n, sessions=20):
    bench.wait_for_quiet()
    peer.clear()
    routes = Routes(free_port())
    peer.start(routes)
    try:
        empty = peer.disk_bytes() - peer.log_bytes()
        run = Run(peer)
        generator = Generator(bench, peer.port, n, sessions).finish()
        settled = bench.await_idle(peer)
        figures = {"settled_per_s": n / (settled - generator.started), "accept_per_s": generator.rate(),
                   **run.figures(n)}
        figures.update(log_mib=peer.log_bytes() / MIB, pss_mib=peer.memory_mib("Pss"))
        if peer.name == "fermoposta":
            figures.update(rss_mib=peer.memory_mib("VmRSS"), hwm_mib=peer.memory_mib("VmHWM"))
        peer.stop()
        # Without a log: what it held is now where it stays.
        figures["bytes_per_message"] = (peer.disk_bytes() - empty) / n
        peer.start(routes)
        if peer.count() != n:
            raise Wrong(f"{peer.name}: {peer.count()} messages are queued, {n} were accepted")
    finally:
        peer.stop()
    return figures
