# SPDX-License-Identifier: BSD-2-Clause
"""A mail system under measurement. Another one is another class here and a row in PEERS."""

import os
import pathlib
import shutil
import signal
import subprocess

from process import Program, await_banner, cpu_seconds, free_port, memory_kib


class Peer:
    """What the measurements need of a mail system. It lives in a folder of its own on a real disk."""

    name = ""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()

    def version(self):
        raise NotImplementedError

    def start(self, next_hop):
        """Everything is relayed to that port of 127.0.0.1. Returns once its own port says 220."""
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def clear(self):
        """An empty spool, while it is stopped."""
        raise NotImplementedError

    def pid(self):
        """The root of its tree of processes."""
        raise NotImplementedError

    def spool(self):
        """The folder whose growth is what a queued message costs."""
        raise NotImplementedError

    def commands(self):
        """By name: how the queue is listed, "text" and "jsonl"; and "flush"."""
        raise NotImplementedError

    def submit(self, recipient):
        """The sendmail command's words."""
        raise NotImplementedError

    def count(self):
        """How many messages are queued."""
        out = subprocess.run(self.commands()["jsonl"], stdout=subprocess.PIPE, check=True)
        return out.stdout.count(b"\n")

    # ---- the same for all -----------------------------------------------------------------------

    def cpu(self):
        return cpu_seconds(self.pid())

    def memory_kib(self, name="VmRSS"):
        return memory_kib(self.pid(), name)

    def spool_bytes(self):
        total = 0
        for folder, folders, files in os.walk(self.spool()):
            for name in folders + files:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
        return total


class Fermoposta(Peer):
    """The release daemon with its default limits, its log in a file."""

    name = "fermoposta"

    def __init__(self, folder, build):
        super().__init__(folder)
        self.build = pathlib.Path(build)
        self.conf = self.folder / "fermoposta.conf"
        self.program = None
        (self.folder / "bin").mkdir(parents=True)
        for name in ("fermoposta", "sendmail"):
            (self.folder / "bin" / name).symlink_to(self.build / "fermoposta")

    def version(self):
        out = subprocess.run([self.build / "fermopostad", "--version"], stdout=subprocess.PIPE,
                             check=True, text=True)
        return out.stdout.strip()

    def configure(self, next_hop):
        self.conf.write_text(f"""
hostname = "bench.example"
spool    = "{self.folder}/spool/spool.db"
socket   = "{self.folder}/socket"
user     = ""
log      = "{self.folder}/log"
listen   = ( {{ address = "127.0.0.1:{self.port}", protocol = "smtp", trusted = [ "127.0.0.0/8" ] }} )
route    = ( {{ for = "*", to = [ "smtp://127.0.0.1:{next_hop}" ] }} )
retry    = ( {{ for = "*", schedule = "4000s", warn_after = [], expire_after = "5d" }} )
""", encoding="ascii")

    def start(self, next_hop):
        self.configure(next_hop)
        (self.folder / "spool").mkdir(exist_ok=True)
        with open(self.folder / "out", "ab") as out:
            self.program = Program([str(self.build / "fermopostad"), "daemon", "-c", str(self.conf)],
                                   stdout=out, stderr=out)
        await_banner(self.port)

    def stop(self):
        self.program.stop(signal.SIGTERM)
        if self.program.status != 0:
            log = (self.folder / "out").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the daemon ended with {self.program.status}\n{log}")

    def clear(self):
        shutil.rmtree(self.folder / "spool", ignore_errors=True)
        (self.folder / "log").unlink(missing_ok=True)

    def pid(self):
        return self.program.pid

    def spool(self):
        return self.folder / "spool"

    def commands(self):
        program = str(self.folder / "bin" / "fermoposta")
        conf = ["-c", str(self.conf)]
        return {"text": [program, "list", *conf, "--format=postfix"],
                "jsonl": [program, "list", *conf, "--format=jsonl"],
                "flush": [program, "flush", *conf]}

    def submit(self, recipient):
        from load import SENDER
        return [str(self.folder / "bin" / "sendmail"), "-C", str(self.conf), "-i", "-f", SENDER,
                recipient]


PEERS = {"fermoposta": Fermoposta}
