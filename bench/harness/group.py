# SPDX-License-Identifier: BSD-2-Clause
"""All processes of one party, and what they cost: those that have ended included.

With a control group of its own (version 1 or 2, as root) the kernel adds them up to the microsecond,
daemons that left their parents too. Without one it is a tree of processes in /proc: those living, and
those that were waited for.
"""

import os
import pathlib
import signal
import subprocess
import time
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
JOIN = 'echo $$ >"$0" && exec "$@"'


class Cpu(NamedTuple):
    """Seconds. The sum is exact; how it parts into user and kernel is what the clock's ticks saw."""

    total: float
    user: float
    system: float

    def since(self, before):
        total, user, system = (a - b for a, b in zip(self, before))
        seen = user + system
        share = user / seen if seen > 0 else 0.0
        return Cpu(total, total * share, total * (1 - share))


def stat_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            # The name may hold blanks and parentheses; what follows the last one does not.
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def run_seconds(pid):
    """Of its living threads, to the nanosecond. Two hundred processes that each lose up to a hundredth
    of a second make seconds."""
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
    except OSError:
        pass
    return total / 1e9


def tree(root):
    """The process and its living descendants."""
    children = {}
    for name in os.listdir("/proc"):
        fields = stat_of(name) if name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo.extend(children.get(pid, []))
    return found


def _base():
    """Where control groups that count CPU time can be made; None when they cannot."""
    for path in ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup"):
        base = pathlib.Path(path)
        if not ((base / "cpuacct.usage").exists() or (base / "cgroup.controllers").exists()):
            continue
        probe = base / f"fermoposta-bench.{os.getpid()}.probe"
        try:
            probe.mkdir()
            joined = subprocess.run(["/bin/sh", "-c", JOIN, probe / "cgroup.procs", "true"],
                                    stderr=subprocess.DEVNULL, check=False).returncode == 0
            counts = any((probe / name).exists() for name in ("cpuacct.usage", "cpu.stat"))
            _remove(probe)
            if joined and counts:
                return base
        except OSError:
            pass
    return None


def _remove(folder):
    for _ in range(50):
        try:
            folder.rmdir()
            return
        except OSError:
            time.sleep(0.02)


_BASE = _base() if os.geteuid() == 0 else None


def how():
    return "control groups" if _BASE else "/proc, for want of control groups"


class Group:
    made = []

    def __init__(self, name):
        self.folder = None
        self.root = None
        Group.made.append(self)
        if _BASE:
            self.folder = _BASE / f"fermoposta-bench.{os.getpid()}.{name}"
            self.folder.mkdir()

    def wrap(self, argv):
        """The command's words so that it runs in here."""
        if not self.folder:
            return argv
        return ["/bin/sh", "-c", JOIN, str(self.folder / "cgroup.procs"), *argv]

    def cpu(self):
        if not self.folder:
            return self._cpu_of_tree()
        if (self.folder / "cpuacct.usage").exists():
            total = int((self.folder / "cpuacct.usage").read_text()) / 1e9
            words = (self.folder / "cpuacct.stat").read_text().split()
            return Cpu(total, int(words[1]) / TICKS, int(words[3]) / TICKS)
        stat = dict(line.split() for line in (self.folder / "cpu.stat").read_text().splitlines())
        return Cpu(*(int(stat[name + "_usec"]) / 1e6 for name in ("usage", "user", "system")))

    def _cpu_of_tree(self):
        total = user = system = 0.0
        for pid in self.pids():
            fields = stat_of(pid)
            if fields:
                own, waited_for = (sum(map(int, fields[i : i + 2])) / TICKS for i in (11, 13))
                total += max(own, run_seconds(pid)) + waited_for
                user += (int(fields[11]) + int(fields[13])) / TICKS
                system += (int(fields[12]) + int(fields[14])) / TICKS
        return Cpu(total, user, system)

    def pids(self):
        if self.folder:
            return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]
        return tree(self.root) if self.root else []

    def memory_mib(self, name):
        """Pss and Rss of smaps_rollup, VmRSS and VmHWM of status; the sum of all processes."""
        file = "status" if name.startswith("Vm") else "smaps_rollup"
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/{file}", encoding="ascii", errors="replace") as f:
                    total += sum(int(line.split()[1]) for line in f if line.startswith(name + ":"))
            except OSError:
                pass
        return total / 1024.0

    def await_empty(self, limit_s=10):
        """Until the last of them has ended. Who is left then is killed: all of them are ours."""
        end = time.monotonic() + limit_s
        while (pids := self.pids() if self.folder else []) and time.monotonic() < end + limit_s:
            for pid in pids if time.monotonic() > end else []:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)

    def close(self):
        if self.folder:
            self.await_empty(1)
            _remove(self.folder)
            self.folder = None


def close_all():
    """Those that a failure has left behind."""
    for group in Group.made:
        group.close()
