# SPDX-License-Identifier: BSD-2-Clause
"""Names: many questions to a slow name server at once, and one that has died."""

import heapq
import os
import smtplib
import statistics
import threading
import time

from hung import submit
from load import SENDER, Sink, Wrong
from names import Names
from peer import Routes
from process import Watch

BODY = "Subject: x\r\n\r\nx\r\n"


class SlowNames(Names):
    """Answers each question so much later, or none any more."""

    def __init__(self):
        self.slow_s, self.is_dead = 0.0, False
        self.waiting, self.turn = [], threading.Condition()
        self.is_closed, self.number = False, 0
        self.answering = threading.Thread(target=self._answer, daemon=True)
        super().__init__(has_mx=True)
        self.answering.start()

    def reply(self, query, who):
        with self.turn:
            if not self.is_dead:
                self.number += 1
                heapq.heappush(self.waiting, (time.monotonic() + self.slow_s, self.number, query, who))
                self.turn.notify()

    def _answer(self):
        with self.turn:
            while not self.is_closed:
                now = time.monotonic()
                while self.waiting and self.waiting[0][0] <= now:
                    _, _, query, who = heapq.heappop(self.waiting)
                    super().reply(query, who)
                self.turn.wait(self.waiting[0][0] - now if self.waiting else None)

    def in_flight(self):
        with self.turn:
            return len(self.waiting)

    def close(self):
        with self.turn:
            self.is_closed = True
            self.turn.notify()
        self.answering.join()
        super().close()


def threads_of(peer):
    return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in peer.group.pids())


def latencies(peer, sink, n):
    """Of single messages to a domain that is known, from their first octet until the sink has them."""
    found = []
    with smtplib.SMTP("127.0.0.1", peer.port) as client:
        for _ in range(n):
            wanted, began = sink.count() + 1, time.monotonic()
            client.sendmail(SENDER, ["somebody@known.example"], BODY)
            found.append((sink.await_count(wanted) - began) * 1000)
    return found


def many_at_once(peer, sink, names, n, slow_s):
    before = threads_of(peer)
    names.slow_s = slow_s
    began, count = time.monotonic(), sink.count()
    flight, threads = Watch(names.in_flight, 0.01), Watch(lambda: threads_of(peer), 0.01)
    submit(peer.port, [f"d{i}.slow.example" for i in range(n)])
    ended = sink.await_count(count + n)
    names.slow_s = 0.0
    return {"lookups": flight.stop(), "threads_added": threads.stop() - before, "lookups_s": ended - began}


def lookups(bench, peer, n, messages, slow_s=2.0):
    peer.clear()
    sink, names = Sink(bench), SlowNames()
    try:
        peer.start(Routes(sink.port, {}, names.port))
        try:
            latencies(peer, sink, max(messages // 10, 1))
            figures = many_at_once(peer, sink, names, n, slow_s)
            if figures["lookups"] < n and not bench.is_smoke:
                raise Wrong(f"{figures['lookups']} questions at once, {n} were wanted")
            bench.wait_for_quiet()
            alive = latencies(peer, sink, messages)
            names.is_dead = True
            submit(peer.port, [f"d{i}.dead.example" for i in range(n)])
            dead = latencies(peer, sink, messages)
        finally:
            peer.stop()
    finally:
        sink.close()
        names.close()
    middle = statistics.median(alive)
    return {**figures, "known_ms": middle, "known_dead_ms": statistics.median(dead), "known_dead_longest_ms": max(dead),
            "known_added_ms": max(statistics.median(dead) - middle, 0.0)}
