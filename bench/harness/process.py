# SPDX-License-Identifier: BSD-2-Clause
"""Processes: started, waited for, and what they cost. Knows nothing of mail.

CPU time is that of a whole tree: a process, all of its threads, its living descendants, and those
children that were waited for. So a program of one process and one of hundreds are counted alike.
"""

import os
import signal
import socket
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            # The name may hold blanks and parentheses; what follows the last one does not.
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def tree(root):
    """The process and its living descendants."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _stat(name)
            if fields:
                children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo.extend(children.get(pid, []))
    return found


def cpu_seconds(root):
    """User and system time of the tree: fields 14 to 17 of proc(5), a pair."""
    user = system = 0
    for pid in tree(root):
        fields = _stat(pid)
        if fields:
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return user / TICKS, system / TICKS


def memory_kib(root, name="VmRSS"):
    total = 0
    for pid in tree(root):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith(name + ":"))
        except OSError:
            pass
    return total


def machine_busy_seconds():
    """All processors' time that was not idle, since the start of the machine."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _idle, _iowait, irq, softirq = map(int, f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_banner(port, limit_s=30):
    """Seconds until the port says 220."""
    start = time.monotonic()
    while time.monotonic() - start < limit_s:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=limit_s) as s:
                if s.recv(512).startswith(b"220"):
                    return time.monotonic() - start
        except OSError:
            pass
        time.sleep(0.001)
    raise RuntimeError(f"no 220 on port {port} within {limit_s} s")


class Program:
    """A child of ours. A thread waits for it, so that the moment of its end is known exactly."""

    def __init__(self, argv, **kwargs):
        self.argv = argv
        self.started = time.monotonic()
        self.ended = self.status = self.usage = None
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        self.child = subprocess.Popen(argv, **kwargs)
        self.pid = self.child.pid
        self.waiter = threading.Thread(target=self._wait, daemon=True)
        self.waiter.start()

    def _wait(self):
        _, status, usage = os.wait4(self.pid, 0)
        self.ended = time.monotonic()
        self.status = os.waitstatus_to_exitcode(status)
        self.child.returncode = self.status
        self.usage = usage

    def is_over(self):
        return self.ended is not None

    def wait(self, limit_s):
        self.waiter.join(limit_s)
        return self.is_over()

    def own_cpu(self):
        """Of a program that has ended."""
        return self.usage.ru_utime + self.usage.ru_stime

    def stop(self, number=signal.SIGTERM, limit_s=20):
        if not self.is_over():
            os.kill(self.pid, number)
            if not self.wait(limit_s):
                os.kill(self.pid, signal.SIGKILL)
                self.wait(limit_s)


class Noise:
    """How many processors others used while something was measured."""

    def __init__(self):
        self.busy = machine_busy_seconds()
        self.own = sum(os.times()[:4])
        self.started = time.monotonic()

    def cores(self, measured_cpu_s):
        wall = time.monotonic() - self.started
        own = sum(os.times()[:4]) - self.own
        rest = machine_busy_seconds() - self.busy - own - measured_cpu_s
        return max(rest, 0.0) / wall if wall > 0 else 0.0


def wait_for_quiet(limit_s, cores=0.2):
    """Until others use less than that, or the time is over."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        noise = Noise()
        time.sleep(1)
        if noise.cores(0) < cores:
            return True
    return limit_s == 0
