# SPDX-License-Identifier: BSD-2-Clause
"""Counts system calls of a running program: perf where it may, strace where it must.

perf counts at tracepoints and hardly slows what it looks at, so it runs beside a measurement. strace
stops the program at each call: what it counts comes from a run of its own, and is marked.
"""

import os
import re
import shutil
import signal
import subprocess
import time

from process import Program

SYNCS = ("fdatasync", "fsync")


def perf_works():
    if not shutil.which("perf"):
        return False
    argv = ["perf", "stat", "-x,", "-e", "syscalls:sys_enter_fdatasync", "true"]
    out = subprocess.run(argv, stderr=subprocess.PIPE, text=True, check=False)
    return out.returncode == 0 and re.search(r"^\d+,", out.stderr, re.M) is not None


def strace_works():
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def is_traced(pid):
    """All of its threads; of one that has ended there is nothing to trace."""
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status", encoding="ascii", errors="replace") as f:
                if "TracerPid:\t0\n" in f.read():
                    return False
    except OSError:
        pass
    return True


def strace(options, pids, file):
    """It follows the processes and all that they start, from the moment of return."""
    attach = [word for pid in pids for word in ("-p", str(pid))]
    program = Program(["strace", "-f", "-o", str(file), *options, *attach], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while not all(map(is_traced, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return program


class PerfCounter:
    how = "perf"

    def __init__(self, pids, file, calls=SYNCS):
        self.file = file
        events = ",".join(f"syscalls:sys_enter_{name}" for name in calls)
        self.program = Program(["perf", "stat", "-x,", "-o", str(file), "-e", events, "-p",
                                ",".join(map(str, pids))])
        time.sleep(0.3)  # it says nothing when it has begun

    def stop(self):
        self.program.stop(signal.SIGINT)
        counts = {}
        with open(self.file, encoding="ascii", errors="replace") as f:
            for line in f:
                found = re.match(r"(\d+),,syscalls:sys_enter_(\w+)", line)
                if found:
                    counts[found[2]] = int(found[1])
        return counts


class StraceCounter:
    how = "strace"

    def __init__(self, pids, file, calls=SYNCS):
        self.file = file
        wanted = ["-e", "trace=" + ",".join(calls)] if calls else []
        self.program = strace(["-c", *wanted], pids, file)

    def stop(self):
        self.program.stop(signal.SIGINT)
        counts = {}
        with open(self.file, encoding="ascii", errors="replace") as f:
            for line in f:
                words = line.split()
                if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
                    counts[words[-1]] = int(words[3])
        return counts
