# SPDX-License-Identifier: BSD-2-Clause
"""Processes: started, waited for; and how busy the machine is. Knows nothing of mail."""

import os
import signal
import socket
import subprocess
import threading
import time

from group import TICKS


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
    """The moment at which the port says 220."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=limit_s) as s:
                if s.recv(512).startswith(b"220"):
                    now = time.monotonic()
                    s.sendall(b"QUIT\r\n")
                    return now
        except OSError:
            pass
        time.sleep(0.001)
    raise RuntimeError(f"no 220 on port {port} within {limit_s} s")


class Program:
    """A child of ours. A thread waits for it, so that the moment of its end is known exactly."""

    running = set()

    def __init__(self, argv, group=None, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        self.argv = argv
        self.ended = self.status = self.usage = None
        self.started = time.monotonic()
        self.child = subprocess.Popen(group.wrap(argv) if group else argv, **kwargs)
        self.pid = self.child.pid
        Program.running.add(self)
        if group:
            group.root = self.pid
        self.waiter = threading.Thread(target=self._wait, daemon=True)
        self.waiter.start()

    def _wait(self):
        _, status, usage = os.wait4(self.pid, 0)
        self.ended = time.monotonic()
        self.usage = usage
        Program.running.discard(self)
        self.child.returncode = self.status = os.waitstatus_to_exitcode(status)

    def is_over(self):
        return self.status is not None

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


def stop_all():
    """Those that a failure has left behind."""
    for program in list(Program.running):
        program.stop()


class Watch:
    """Looks at something again and again in a thread of its own and keeps the largest value."""

    def __init__(self, look, every_s=0.05):
        self.look, self.every_s = look, every_s
        self.largest = look()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.is_over.wait(self.every_s):
            self.largest = max(self.largest, self.look())

    def stop(self):
        self.is_over.set()
        self.thread.join()
        return max(self.largest, self.look())


class Noise:
    """How many processors others used while something was measured.

    Ours are the harness with all children that it waited for meanwhile, and the groups given."""

    def __init__(self, *groups):
        self.groups = groups
        self.before = self._ours()
        self.busy = machine_busy_seconds()
        self.started = time.monotonic()

    def _ours(self):
        return sum(os.times()[:4]) + sum(group.cpu().total for group in self.groups)

    def cores(self):
        wall = time.monotonic() - self.started
        rest = machine_busy_seconds() - self.busy - (self._ours() - self.before)
        return max(rest, 0.0) / wall if wall > 0 else 0.0


def wait_for_quiet(limit_s, cores=0.2):
    """Until others use less than that, or the time is over. Returns the seconds waited in vain."""
    began = time.monotonic()
    while time.monotonic() - began < limit_s:
        noise = Noise()
        time.sleep(0.5)
        if noise.cores() < cores:
            break
    return max(time.monotonic() - began - 0.5, 0.0)
