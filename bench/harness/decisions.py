# SPDX-License-Identifier: BSD-2-Clause
"""What a decision of the scheduler costs with few destinations and with many, and what those take in memory."""

import re
import resource
import shutil
import subprocess

FEW, MANY = 1000, 100000
SHORT, LONG = 20000, 40000


def counts(bench):
    """A smoke run may be of a build that valgrind cannot run."""
    return shutil.which("valgrind") is not None and not bench.is_smoke


def run_once(bench, destinations, decisions):
    """Instructions, where they can be counted, else processor time in ns; and bytes of heap per destination."""
    argv = [bench.tool("decide"), str(destinations), str(decisions)]
    if counts(bench):
        argv = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *argv]
        p = subprocess.run(argv, check=True, text=True, capture_output=True)
        return int(re.search(r"Collected : (\d+)", p.stderr).group(1)), int(p.stdout)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run(argv, check=True, text=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) * 1e9, int(p.stdout)


def cost(bench, destinations, share):
    """Of one decision: telling of the destinations, and the first ones, are in both runs."""
    short, long = max(int(SHORT * share), 50), max(int(LONG * share), 150)
    less, _ = run_once(bench, destinations, short)
    more, heap = run_once(bench, destinations, long)
    return (more - less) / (long - short), heap


def decisions(bench, share):
    few, _ = cost(bench, max(int(FEW * share), 50), share)
    many, heap = cost(bench, max(int(MANY * share), 500), share)
    unit = "instructions" if counts(bench) else "ns"
    return {f"few_{unit}": few, f"many_{unit}": many, "decision_growth": many / few if few > 0 else 0,
            "heap_mib": heap * MANY / 1024 / 1024}
