# SPDX-License-Identifier: BSD-2-Clause
"""A test of the tests' own tool (failing.c): who touches a mapped file whose growth a power cut is just
undoing dies of the cut, and of nothing else. SQLite maps the index of its log like this."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from stage import EVERY_KIND, POWER, Orders, main

PAGES = 2000
VICTIM = """
import mmap, os, sys, threading
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
for page in range(int(sys.argv[2])):
    os.pwrite(fd, b"x" * 4096, 4096 * page)
seen = mmap.mmap(fd, 0)
def touch():
    while True:
        seen[-1]
threading.Thread(target=touch, daemon=True).start()
with open(sys.argv[3], "r+b") as orders:
    mmap.mmap(orders.fileno(), 32)[4:8] = (1).to_bytes(4, sys.byteorder)
for _ in range(1000):
    os.pwrite(fd, b"y", 0)
"""


def test():
    with tempfile.TemporaryDirectory(prefix="fermoposta-fault.") as folder:
        folder = pathlib.Path(folder)
        orders = Orders(folder / "orders")
        orders.give(EVERY_KIND, POWER, 0, 0xFFFFFFFF)
        environment = dict(os.environ, LD_PRELOAD=os.environ["FP_FAILING_LIBRARY"], FP_FAILING=str(orders.path))
        words = [sys.executable, "-c", VICTIM, folder / "file", str(PAGES), orders.path]
        code = subprocess.run(words, env=environment, timeout=60).returncode
        assert code == -signal.SIGKILL, f"died with {code}, not of the power cut"
        assert (folder / "file").stat().st_size == 0, "what was never synced is still there"


main(test)
