# SPDX-License-Identifier: BSD-2-Clause
"""The system log of a mail system in a root directory of its own: what it says goes into a file."""

import time

from group import Group
from process import Program


class Devlog:
    def __init__(self, bench, peer):
        self.tool = bench.tool("devlog")
        self.socket = peer.root.path("dev/log")
        self.file = peer.folder / "log"
        self.group = Group(peer.name + "-log")
        self.program = None

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.program = Program([str(self.tool), str(self.socket), str(self.file)], self.group)
        end = time.monotonic() + 10
        while not self.socket.exists():
            if time.monotonic() > end:
                raise RuntimeError(f"no socket {self.socket}")
            time.sleep(0.001)

    def stop(self):
        self.program.stop()

    def clear(self):
        self.file.unlink(missing_ok=True)

    def tail(self):
        return self.file.read_text(errors="replace")[-2000:] if self.file.exists() else "it logged nothing"
