# SPDX-License-Identifier: BSD-2-Clause
"""A large queue: starting with it, looking at it, accepting mail beside it."""

import os
import subprocess
import threading
import time

from load import Generator, Run, Sink, Wrong
from names import Names
from peer import Routes
from process import Watch, free_port

MIB = 1024.0 * 1024
FORMS = ("text", "jsonl")
DESTINATIONS = 5000


def read_all(argv):
    """(seconds until the first byte, until the end, lines), as the command's caller gets them."""
    start, first, lines = time.monotonic(), None, 0
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as command:
        while piece := os.read(command.stdout.fileno(), 1 << 18):
            first = first or time.monotonic()
            lines += piece.count(b"\n")
    took = time.monotonic() - start
    if command.returncode != 0 or first is None:
        raise Wrong(f"{argv[0]} ended with {command.returncode}")
    return first - start, took, lines


def look(peer, n):
    """Everything that the commands show, once."""
    figures, commands = {}, peer.commands()
    for form in FORMS:
        first, took, lines = read_all(commands[form])
        if lines < n:
            raise Wrong(f"{peer.name}: the list ({form}) shows {lines} lines for {n} messages")
        figures.update({f"{form}_first_s": first, f"{form}_s": took, f"{form}_per_s": n / took})
    for name in ("stats", "filter"):
        if name in commands:
            figures[f"{name}_s"] = read_all(commands[name])[1]
    return figures


def memory(peer):
    found = {"pss_mib": peer.memory_mib("Pss")}
    if peer.name == "fermoposta":
        found.update(rss_mib=peer.memory_mib("VmRSS"), hwm_mib=peer.memory_mib("VmHWM"))
    return found


class Lister:
    """The text list, again and again."""

    def __init__(self, peer):
        self.argv, self.is_over, self.rounds, self.failed = peer.commands()["text"], False, 0, 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.is_over:
            done = subprocess.run(self.argv, stdout=subprocess.DEVNULL, check=False)
            self.failed += done.returncode != 0
            self.rounds += 1

    def stop(self):
        self.is_over = True
        self.thread.join()
        if self.failed:
            raise Wrong(f"{self.argv[0]} failed {self.failed} times of {self.rounds}")


def accept(bench, peer, sink, n, is_listing):
    """Messages accepted per second, relayed beside the large queue; the largest log; others' share."""
    bench.wait_for_quiet()
    before = sink.count()
    run = Run(peer, sink)
    log = Watch(peer.log_bytes, 0.02)
    lister = Lister(peer) if is_listing else None
    try:
        generator = Generator(bench, peer.port, n, 20).finish()
        sink.await_count(before + n)
    finally:
        largest = log.stop()
        if lister:
            lister.stop()
    return generator.rate(), largest / MIB, run.noise.cores()


def beside_listing(bench, peer, sink, n):
    alone, _, _ = accept(bench, peer, sink, n, False)
    listing, log_mib, others = accept(bench, peer, sink, n, True)
    return {"accept_alone_per_s": alone, "accept_listing_per_s": listing,
            "accept_listing_share": listing / alone, "log_peak_mib": log_mib, "others_cores": others}


def await_left(peer, n):
    """What was relayed meanwhile has gone; the large queue is still there."""
    end = time.monotonic() + 20
    while (left := peer.count()) != n and time.monotonic() < end:
        time.sleep(0.2)
    if left != n:
        raise Wrong(f"{peer.name}: {left} messages are in the queue, not {n}")


def starts(bench, peer, routes, repetitions):
    for _ in range(repetitions):
        bench.wait_for_quiet()
        begin, ready = peer.start(routes)
        yield {"start_to_220_s": ready - begin, "rss_started_mib": peer.memory_mib("VmRSS")
               if peer.name == "fermoposta" else peer.memory_mib("Pss")}
        peer.stop()


def first_deliveries(bench, peer, n, repetitions):
    """Everything is due at the start: what is delivered then has gone from the queue, and no more."""
    peer.clear()
    peer.fill(bench, n, DESTINATIONS, 1024, "due")
    names, left = Names(), n
    try:
        for _ in range(repetitions):
            bench.wait_for_quiet()
            sink = Sink(bench)
            try:
                begin, ready = peer.start(Routes(sink.port, names=names.port))
                first = sink.await_count(1)
                largest = peer.memory_mib("VmHWM")
                peer.stop()
                gone, now = sink.count(), peer.count()
                if gone < left - now:
                    raise Wrong(f"{peer.name}: {left - now} messages have gone, {gone} came out")
                left = now
            finally:
                sink.close()
            yield {"start_to_first_s": first - begin, "start_to_220_due_s": ready - begin,
                   "hwm_due_mib": largest}
    finally:
        names.close()


def large_own(bench, peer, n, repetitions):
    """Fermoposta: n messages for many destinations that rest, each with hosts of its own."""
    peer.clear()
    peer.fill(bench, n, DESTINATIONS, 1024)
    names, sink = Names(), Sink(bench)
    routes = Routes(free_port(), {"dest.example": sink.port}, names.port)
    try:
        yield from starts(bench, peer, routes, repetitions)
        peer.start(routes)
        try:
            yield from looks(bench, peer, sink, n, repetitions)
        finally:
            peer.stop()
    finally:
        names.close()
        sink.close()
    yield from first_deliveries(bench, peer, n, repetitions)


def large_other(bench, peer, n, repetitions):
    peer.clear()
    peer.prefill(bench, n)
    sink = Sink(bench)
    routes = Routes(free_port(), {"dest.example": sink.port})
    try:
        yield from starts(bench, peer, routes, repetitions)
        peer.start(routes)
        try:
            yield from looks(bench, peer, sink, n, repetitions)
        finally:
            peer.stop()
    finally:
        sink.close()


def looks(bench, peer, sink, n, repetitions):
    for _ in range(repetitions):
        bench.wait_for_quiet()
        yield look(peer, n)
    accept(bench, peer, sink, bench.messages(peer, 2000), False)
    for _ in range(repetitions):
        yield beside_listing(bench, peer, sink, bench.messages(peer, 20000))
    yield memory(peer)
    await_left(peer, n)


def large(bench, peer, n, repetitions):
    """Yields figures, each repetition for itself."""
    yield from (large_own if peer.knows_large_queue else large_other)(bench, peer, n, repetitions)
