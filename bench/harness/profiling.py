# SPDX-License-Identifier: BSD-2-Clause
"""Where the time goes: perf's hottest functions, and system calls per message by strace."""

import re
import shutil
import signal
import subprocess
import time

from load import Stage
from process import Program
from relay import send
from syscalls import StraceCounter

TOP = 40


def sampled(bench, peer, n, sessions):
    """perf record around one run; the report's lines without call chains, then by folder of code."""
    data = bench.file("perf.data")
    with Stage(bench, peer) as stage:
        argv = ["perf", "record", "-q", "-g", "-F", "1999", "-o", str(data), "-p",
                ",".join(map(str, peer.group.pids()))]
        recorder = Program(argv, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        figures = send(stage, n, sessions, False)
        recorder.stop(signal.SIGINT, 60)
    bench.out.mkdir(parents=True, exist_ok=True)
    shutil.copy(data, bench.out / f"{peer.name}.perf.data")
    text = []
    for words in (["--sort", "comm,dso"], ["--sort", "symbol"]):
        argv = ["perf", "report", "-i", str(data), "--no-children", "-g", "none", "--stdio", *words]
        out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                             check=False).stdout
        lines = [line.rstrip() for line in out.splitlines() if re.match(r"\s+\d", line)]
        text += ["", "perf " + " ".join(words)] + lines[:TOP]
    return [f"{peer.name}: {figures['cpu_us']:.0f} µs/message ({figures['user_us']:.0f} user, "
            f"{figures['system_us']:.0f} kernel) while sampled"] + text


def counted(bench, peer, n, sessions):
    with Stage(bench, peer) as stage:
        counter = StraceCounter(peer.group.pids(), bench.file("strace"), calls=())
        send(stage, n, sessions, False)
        counts = counter.stop()
    lines = [f"  {name:<20} {count / n:8.3f}" for name, count in
             sorted(counts.items(), key=lambda item: -item[1]) if count / n >= 0.001]
    total = sum(counts.values()) / n
    return ["", f"system calls per message (strace, which slows the run): {total:.1f}"] + lines


def profile(bench, peer, n, sessions=20):
    text = [f"## profile, -s {sessions}"]
    text += sampled(bench, peer, n, sessions) if bench.has_perf else ["perf does not work here"]
    text += counted(bench, peer, max(n // 4, 1), sessions) if bench.has_strace else []
    return "\n".join(text)
