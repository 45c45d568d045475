# SPDX-License-Identifier: BSD-2-Clause
"""A thousand hosts that hang: each takes a connection and says nothing, beside one that is well."""

import resource
import smtplib
import socket
import statistics
import threading
import time

from hole import await_queue
from load import SENDER, Generator, Run, Sink, Wrong
from names import Names
from peer import Routes

SESSIONS = 20
PAIRS = 3
BODY = "Subject: x\r\n\r\n" + "x" * 70 + "\r\n"


class HungHosts:
    """At one port of all addresses of this machine; those of 127.0.0.0/8 are as many hosts."""

    def __init__(self):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.taken = []
        self.socket = socket.create_server(("", 0), backlog=4096)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                self.taken.append(self.socket.accept()[0])
            except OSError:
                return

    def hosts(self):
        return len({taken.getsockname()[0] for taken in self.taken})

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for taken in [self.socket, *self.taken]:
            taken.close()


def submit(port, domains):
    """A message for each."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        for domain in domains:
            client.sendmail(SENDER, [f"somebody@{domain}"], BODY)


def await_all(hosts, n, limit_s=60):
    end = time.monotonic() + limit_s
    while hosts.hosts() < n:
        if time.monotonic() > end:
            raise Wrong(f"{hosts.hosts()} of {n} hosts that hang were connected to")
        time.sleep(0.02)


def healthy(bench, peer, n, hung):
    """Messages per second to the host that is well, and what each costs."""
    peer.clear()
    good, hosts, names = Sink(bench), HungHosts(), Names(is_spread=True)
    try:
        peer.start(Routes(hosts.port, {"dest.example": good.port}, names.port))
        try:
            submit(peer.port, [f"d{i}.hung.example" for i in range(hung)])
            await_all(hosts, hung)
            first = Generator(bench, peer.port, 1, 1).finish()
            first_s = good.await_count(1) - first.started
            warm = max(n // 10, 1)
            Generator(bench, peer.port, warm, SESSIONS).finish()
            good.await_count(1 + warm)
            bench.wait_for_quiet()
            run = Run(peer, good)
            generator = Generator(bench, peer.port, n, SESSIONS)
            ended = good.await_count(1 + warm + n)
            generator.finish()
            figures = {**run.figures(n, generator), "first_s": first_s}
            await_queue(bench, peer, hung)
        finally:
            peer.stop()
    finally:
        for one in (good, hosts, names):
            one.close()
    return n / (max(ended, generator.ended) - generator.started), figures


def hung(bench, peer, n, hosts, pairs=PAIRS):
    """In turns, as rates on one machine differ from minute to minute."""
    alone, beside = [], []
    for _ in range(pairs):
        alone.append(healthy(bench, peer, n, 0))
        beside.append(healthy(bench, peer, n, hosts))

    def middle(runs, figure=None):
        return statistics.median(f[figure] if figure else rate for rate, f in runs)
    return {"alone_per_s": middle(alone), "beside_hung_per_s": middle(beside),
            "hung_share": statistics.median(b[0] / a[0] for a, b in zip(alone, beside)),
            "first_beside_hung_s": max(f["first_s"] for _, f in beside),
            "alone_us": middle(alone, "cpu_us"), "beside_hung_us": middle(beside, "cpu_us"),
            "others_cores": max(f["others_cores"] for _, f in alone + beside)}
