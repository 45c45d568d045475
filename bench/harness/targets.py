# SPDX-License-Identifier: BSD-2-Clause
"""What is to be reached. A line of the table that misses its target says so."""

from typing import NamedTuple, Optional


class Target(NamedTuple):
    test: str
    load: str  # "" for every load of the test
    figure: str
    relation: str  # "≥" or "≤"
    bound: float
    unit: str = ""
    peer: Optional[str] = None  # the bound is so many times this one's figure in the same run

    def words(self):
        bound = f"{self.bound:g}" if self.bound >= 1 or not self.peer else f"1/{1 / self.bound:.0f}"
        if self.peer:
            return f"{self.relation} {bound} × {self.peer}"
        return f"{self.relation} {bound} {self.unit}".rstrip()

    def is_met(self, value, other):
        """value: the median; other: that of the peer. None when there is nothing to compare with."""
        if self.peer and other is None:
            return None
        bound = self.bound * (other if self.peer else 1)
        return value >= bound if self.relation == "≥" else value <= bound


def relay(load, rate, cpu):
    return (Target("relay", load, "end_to_end_per_s", "≥", rate, peer="postfix"),
            Target("relay", load, "cpu_us", "≤", 1 / cpu, peer="postfix"))


TARGETS = (
    *relay("-s 20", 5, 12), *relay("-s 100", 5, 12),
    *relay("-s 20 -d", 6, 15), *relay("-s 100 -d", 6, 15),
    Target("relay", "-s 1", "end_to_end_per_s", "≥", 1.5, peer="postfix"),
    Target("relay", "-s 100", "syncs_per_message", "≤", 0.15, "/message"),
    Target("relay", "-s 100 -d", "syncs_per_message", "≤", 0.15, "/message"),
    Target("dot", "", "dot_median_us", "≤", 1, peer="postfix"),
    Target("dot", "", "dot_p99_us", "≤", 1, peer="postfix"),
    Target("durable", "background", "not_durable", "≤", 0, "messages"),
    Target("durable", "interactive", "syncs", "≤", 0, ""),
    Target("backlog", "", "settled_per_s", "≥", 5, peer="postfix"),
    Target("backlog", "", "bytes_per_message", "≤", 9000, "bytes"),
    Target("submit", "", "submit_per_s", "≥", 1.3, peer="dma"),
    Target("submit", "", "submit_cpu_us", "≤", 1500, "µs"),
    Target("large", "", "text_per_s", "≥", 400000, "/s"),
    Target("large", "", "text_first_s", "≤", 0.05, "s"),
    Target("large", "", "jsonl_per_s", "≥", 100000, "/s"),
    Target("large", "", "stats_s", "≤", 0.5, "s"),
    Target("large", "", "filter_s", "≤", 1, "s"),
    Target("large", "", "start_to_220_s", "≤", 1, "s"),
    Target("large", "", "start_to_first_s", "≤", 2, "s"),
    Target("large", "", "hwm_mib", "≤", 64, "MiB"),
    Target("large", "", "hwm_due_mib", "≤", 64, "MiB"),
    Target("large", "", "log_peak_mib", "≤", 256, "MiB"),
    Target("large", "", "accept_listing_share", "≥", 0.8),
    Target("flush", "", "flush_per_s", "≥", 4, peer="postfix"),
    Target("flush", "", "accept_during_share", "≥", 0.5),
    Target("decisions", "", "decision_growth", "≤", 2),
    Target("decisions", "", "heap_mib", "≤", 64, "MiB"),
    Target("hole", "", "hole_share", "≤", 1.2),
    Target("hung", "", "hung_share", "≥", 0.9),
    Target("secured", "", "tls_share", "≥", 0.6),
    Target("lookups", "", "threads_added", "≤", 0, "threads"),
    Target("lookups", "", "known_added_ms", "≤", 5, "ms"),
    Target("lookups", "", "known_dead_longest_ms", "≤", 1000, "ms"),
    Target("huge", "", "hwm_mib", "≤", 96, "MiB"),
    Target("huge", "", "through_mib_per_s", "≥", 100, "MiB/s"),
)


def find(test, load, figure):
    """Only the whole load's name fits, or a target for all loads of the test."""
    for target in TARGETS:
        if (target.test, target.figure) == (test, figure) and target.load in ("", load):
            return target
    return None


def unseen(results):
    """Those whose figure was never measured: a name has changed here or there."""
    seen = {(row["test"], name) for row in results for name in row["figures"]}
    return [target for target in TARGETS if (target.test, target.figure) not in seen]
