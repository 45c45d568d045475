# SPDX-License-Identifier: BSD-2-Clause
"""Debian's dma as a peer: the sendmail command alone, which delivers by itself. No daemon, no SMTP in."""

import os

from load import SENDER
from packages import Root
from peer import Peer
from logger import Devlog

QUEUE = "var/spool/dma"
MAIL_ID = 8


class Dma(Peer):
    name = "dma"
    takes_smtp = False

    def __init__(self, folder, bench):
        super().__init__(folder)
        self.root = Root(self.folder / "root", bench.packages)
        self.root.unpack("dma")
        program = self.root.path("usr/sbin/dma")
        self.root.complete([program], ("libssl3",))
        self.root.furnish({"dma": 59127}, {"dma": MAIL_ID})
        os.chown(program, 0, MAIL_ID)
        program.chmod(0o2755)
        self.root.path(QUEUE).mkdir(parents=True, exist_ok=True)
        os.chown(self.root.path(QUEUE), 0, MAIL_ID)
        self.root.path(QUEUE).chmod(0o2775)
        self.devlog = Devlog(bench, self)

    def version(self):
        return self.root.packages.version("dma")

    def start(self, routes):
        self.root.write("etc/dma/dma.conf", f"SMARTHOST 127.0.0.1\nPORT {routes.next_hop}\n"
                                            "SPOOLDIR /var/spool/dma\nMAILNAME bench.example\n")
        self.devlog.start()

    def stop(self):
        self.devlog.stop()

    def clear(self):
        for path in self.root.path(QUEUE).iterdir():
            path.unlink()
        self.devlog.clear()

    def groups(self):
        return [self.devlog.group]

    def spool(self):
        return self.root.path(QUEUE)

    def commands(self):
        return {}

    def submit(self, recipient):
        return ["/usr/sbin/dma", "-i", "-f", SENDER, recipient]

    def count(self):
        return sum(1 for path in self.root.path(QUEUE).iterdir() if path.name.startswith("Q"))
