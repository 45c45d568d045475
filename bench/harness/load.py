# SPDX-License-Identifier: BSD-2-Clause
"""The generator (smtp-source) and the sink (smtp-sink), Postfix's own test programs."""

import os
import re
import socket
import tempfile
import time

from group import Group
from process import Noise, Program, await_banner, free_port

SENDER = "sender@origin.example"
RECIPIENT = "somebody@dest.example"
STALL_S = 60
PROCESSORS = len(os.sched_getaffinity(0))


class Wrong(Exception):
    """A message was lost, doubled, or stuck: no figure is worth anything then."""


class Counter:
    """The last number that a program prints, each over the one before. Its output goes to a file in
    memory, so that counting costs no disk."""

    def __init__(self):
        self.file = tempfile.TemporaryFile(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)

    def last(self, pattern):
        """What it matched last, in the newest lines."""
        size = os.fstat(self.file.fileno()).st_size
        found = re.findall(pattern, os.pread(self.file.fileno(), 256, max(0, size - 256)))
        return found[-1] if found else None

    def value(self):
        return int(self.last(rb"(\d+)\r") or 0)

    def close(self):
        self.file.close()


class Generator(Program):
    """Sends n messages in so many sessions; one connection per message unless they are kept."""

    def __init__(self, bench, port, n, sessions, keep=False, size=5120, to=RECIPIENT, is_counting=False):
        argv = [str(bench.peers_bin / "smtp-source"), "-N", "-m", str(n), "-s", str(sessions), "-l", str(size)]
        # A full listen queue answers with RST on some systems; the generator would give up.
        argv += ["-C", "10", "-f", SENDER, "-t", to]
        argv += (["-d"] if keep else []) + (["-c"] if is_counting else [])
        self.n = n
        self.counter = Counter() if is_counting else None
        super().__init__(argv + [f"127.0.0.1:{port}"], stdout=self.counter.file if is_counting else None)

    def finish(self, limit_s=STALL_S * 10):
        if not self.wait(limit_s) or self.status != 0:
            self.stop()
            raise Wrong(f"smtp-source ended with {self.status}")
        return self

    def rate(self):
        return self.n / (self.ended - self.started)


class Sink:
    """Counts what arrives."""

    def __init__(self, bench):
        self.port = free_port()
        self.group = Group(f"sink{self.port}")
        self.counter = Counter()
        self.program = Program(self.words(bench), self.group, stdout=self.counter.file)
        await_banner(self.port)

    def words(self, bench):
        argv = [str(bench.peers_bin / "smtp-sink"), "-c"]
        argv += ["-u", "nobody"] if os.geteuid() == 0 else []
        return argv + [f"127.0.0.1:{self.port}", "1024"]

    def count(self):
        return self.counter.value()

    def await_count(self, n, stall_s=STALL_S):
        """The moment at which it has n. Fails when nothing moves any more."""
        last, moved = -1, time.monotonic()
        while True:
            count, now = self.count(), time.monotonic()
            if count >= n:
                return now
            if count != last:
                last, moved = count, now
            if now - moved > stall_s:
                raise Wrong(f"the sink has {count} of {n}, and no more arrive")
            time.sleep(0.002)

    def cpu(self):
        return self.group.cpu()

    def close(self):
        self.program.stop()
        self.counter.close()
        self.group.close()


class Hole:
    """A host that takes connections and never says a word."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


def cost(used, n):
    """CPU per message in microseconds: all of it, user and system."""
    return {"cpu_us": used.total * 1e6 / n, "user_us": used.user * 1e6 / n, "system_us": used.system * 1e6 / n}


class Run:
    """What is used between its beginning and its figures."""

    def __init__(self, peer, *sinks):
        self.peer, self.sinks = peer, sinks
        self.noise = Noise(*peer.groups(), *(sink.group for sink in sinks))
        self.cpu, self.sink_cpu = peer.cpu(), [sink.cpu() for sink in sinks]
        self.started = time.monotonic()

    def figures(self, n, generator=None):
        used = self.peer.cpu().since(self.cpu)
        sink = sum(s.cpu().since(b).total for s, b in zip(self.sinks, self.sink_cpu))
        whole = (time.monotonic() - self.started) * PROCESSORS
        found = {**cost(used, n), "own_share": used.total / whole}
        if generator:
            found["generator_us"] = generator.own_cpu() * 1e6 / n
            found["sink_us"] = sink * 1e6 / n
            found["tools_share"] = (generator.own_cpu() + sink) / whole
        return {**found, "others_cores": self.noise.cores()}


class Stage:
    """A mail system with an empty spool, or with messages that wait, and a sink that it relays to."""

    def __init__(self, bench, peer, waiting=0):
        self.bench, self.peer, self.waiting = bench, peer, waiting
        self.before = 0  # messages that came before those that are measured

    def __enter__(self):
        self.peer.clear()
        if self.waiting:
            self.peer.prefill(self.bench, self.waiting)
        self.bench.wait_for_quiet()
        self.sink = Sink(self.bench)
        try:
            self.peer.start(self.bench.routes(self.sink.port))
        except BaseException:
            self.sink.close()
            raise
        return self

    def warm_up(self, n, sessions, keep=False):
        """Processes are started and files have their size before anything is measured."""
        Generator(self.bench, self.peer.port, n, sessions, keep).finish()
        self.await_count(n)
        self.settle_down(n)

    def settle_down(self, n):
        """n messages were there to begin with; what waits goes on waiting."""
        self.before += n
        self.bench.await_idle(self.peer)
        if self.waiting and (self.peer.count(), self.sink.count()) != (self.waiting, self.before):
            raise Wrong(f"{self.peer.name}: {self.waiting} messages do not wait as they should")

    def await_count(self, n, stall_s=STALL_S):
        return self.sink.await_count(self.before + n, stall_s)

    def check_even(self, n, limit_s=20):
        """What came out is what went in, and nothing is left."""
        end = time.monotonic() + limit_s
        while (left := self.peer.count()) and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.2)
        if (count := self.sink.count()) != self.before + n:
            raise Wrong(f"{self.peer.name}: {count} messages came out, {self.before + n} went in")
        if left:
            raise Wrong(f"{self.peer.name}: {left} messages are left in the queue")

    def __exit__(self, *error):
        self.peer.stop()
        self.sink.close()
