# SPDX-License-Identifier: BSD-2-Clause
"""What the machine allows: no mail system on it could be faster than these."""

import os
import re
import subprocess
import time

from load import Generator, Sink
from process import Noise

PIECE = b"x" * 8192  # about what one small message adds to a write-ahead log


def synced_writes(bench, seconds, is_growing):
    """fdatasync per second of one thread: behind writes that grow a file, or into one that is there."""
    path = bench.file("sync")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    room = 1024
    try:
        if not is_growing:
            for i in range(room):
                os.pwrite(fd, PIECE, i * len(PIECE))
            os.fsync(fd)
        noise, own = Noise(), sum(os.times()[:4])
        start, n = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            os.pwrite(fd, PIECE, (n if is_growing else n % room) * len(PIECE))
            os.fdatasync(fd)
            n += 1
        wall = time.monotonic() - start
        return {"per_s": n / wall, "cpu_us": (sum(os.times()[:4]) - own) * 1e6 / n,
                "others_cores": noise.cores()}
    finally:
        os.close(fd)
        os.unlink(path)


def straight(bench, n, sessions, keep):
    """The generator into the sink, nothing between them."""
    sink = Sink(bench)
    try:
        before, noise = sink.cpu(), Noise(sink.group)
        generator = Generator(bench, sink.port, n, sessions, keep)
        ended = sink.await_count(n)
        generator.finish()
        used = sink.cpu().since(before).total
        return {"per_s": n / (max(ended, generator.ended) - generator.started),
                "generator_us": generator.own_cpu() * 1e6 / n, "sink_us": used * 1e6 / n,
                "others_cores": noise.cores()}
    finally:
        sink.close()


def sockets_alone(bench, n, sessions, keep):
    """Two processes that exchange what an SMTP conversation exchanges and do nothing else."""
    noise = Noise()
    argv = [bench.tool("pingpong"), str(n), str(sessions), "5120", "keep" if keep else "anew"]
    rate, cpu = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    return {"per_s": float(rate), "cpu_us": float(cpu), "others_cores": noise.cores()}


def spool_alone(bench, n, batch):
    """queue/ without network and scheduler: accepted in one commit, delivered in the next."""
    folder = bench.file("spool-alone")
    folder.mkdir()
    try:
        noise = Noise()
        out = subprocess.run([bench.tool("spool_bench"), folder, str(n), str(batch), "5120", "1"], text=True,
                             stdout=subprocess.PIPE, check=True).stdout
        rate, cpu = re.search(r": (\d+)/s, ([\d.]+) us", out).groups()
        return {"per_s": float(rate), "cpu_us": float(cpu), "others_cores": noise.cores()}
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
