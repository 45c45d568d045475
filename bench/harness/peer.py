# SPDX-License-Identifier: BSD-2-Clause
"""A mail system under measurement. Another one is another class like these and a row in main.PEERS."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
from typing import NamedTuple, Optional

from group import Group
from load import SENDER, Generator
from process import Program, await_banner, free_port

NOBODY = 65534


class Routes(NamedTuple):
    """Where mail goes: ports of 127.0.0.1."""

    next_hop: int
    by_domain: dict = {}
    names: Optional[int] = None  # of a name server: then other domains go to the hosts that it names,
    #                              on the port of next_hop


class Peer:
    """What the measurements need of a mail system. It lives in a folder of its own on a real disk."""

    name = ""
    pace = 1.0  # so many of the messages that Fermoposta gets, for a run of about the same length
    takes_smtp = True
    knows_large_queue = False  # a queue can be made without sending it
    root = None  # its root directory, if it has one of its own

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.port = free_port()
        self.group = Group(self.name)

    def version(self):
        raise NotImplementedError

    def start(self, routes):
        """Returns the moments of the start and of the first 220."""
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def clear(self):
        """An empty spool, while it is stopped."""
        raise NotImplementedError

    def spool(self):
        """The folder whose growth is what a queued message costs."""
        raise NotImplementedError

    def commands(self):
        """By name: how the queue is listed, "text" and "jsonl"; "flush"; others where they exist."""
        raise NotImplementedError

    def submit(self, recipient):
        """The sendmail command's words, as its root directory and the user nobody see them."""
        raise NotImplementedError

    def count(self):
        """How many messages are queued."""
        raise NotImplementedError

    # ---- the same for all -----------------------------------------------------------------------

    def cpu(self):
        return self.group.cpu()

    def groups(self):
        return [self.group]

    def memory_mib(self, name):
        return self.group.memory_mib(name)

    def place(self, name, content):
        """A file that everybody may read; returns its path as submit's words see it."""
        base = self.root.folder if self.root else self.folder
        path = base / "tmp" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
        return "/" + str(path.relative_to(base)) if self.root else str(path)

    def prefill(self, bench, n):
        """n messages of 5 KiB that wait, while it is stopped; it is empty before."""
        self.start(Routes(free_port()))
        try:
            Generator(bench, self.port, n, 20, keep=True).finish()
            bench.await_idle(self)
        finally:
            self.stop()

    def disk_bytes(self, is_wanted=lambda name: True):
        total = 0
        for folder, folders, files in os.walk(self.spool()):
            for name in filter(is_wanted, folders + files):
                try:
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
                except FileNotFoundError:
                    pass
        return total

    def log_bytes(self):
        """Of the write-ahead log, where it has one."""
        return 0


class Fermoposta(Peer):
    """The release daemon, as many connections as the others may make, its log in a file."""

    name = "fermoposta"
    knows_large_queue = True

    def __init__(self, folder, bench):
        super().__init__(folder)
        self.build = bench.build
        self.conf = self.folder / "fermoposta.conf"
        self.settings = ""
        self.program = None
        # A copy: the user nobody need not reach the build.
        (self.folder / "bin").mkdir()
        shutil.copy2(self.build / "fermoposta", self.folder / "bin" / "fermoposta")
        (self.folder / "bin" / "sendmail").symlink_to("fermoposta")
        (self.folder / "bin" / "fermopostad").symlink_to(self.build / "fermopostad")

    def version(self):
        return subprocess.run([self.build / "fermopostad", "--version"], stdout=subprocess.PIPE,
                              check=True, text=True).stdout.strip()

    def configure(self, routes):
        rows = [(domain, f"smtp://127.0.0.1:{port}") for domain, port in routes.by_domain.items()]
        rows += [("*", "mx" if routes.names else f"smtp://127.0.0.1:{routes.next_hop}")]
        rows = ",\n  ".join(f'{{ for = "{domain}", to = [ "{to}" ] }}' for domain, to in rows)
        names = f"""
nameservers = [ "127.0.0.1:{routes.names}" ]
smtp_port   = {routes.next_hop}
""" if routes.names else ""
        self.conf.write_text(f"""
hostname = "bench.example"
spool    = "{self.folder}/spool/spool.db"
socket   = "{self.folder}/socket"
user     = ""
log      = "{self.folder}/log"
max_message_size = "64M"
listen   = ( {{ address = "127.0.0.1:{self.port}", protocol = "smtp", trusted = [ "127.0.0.0/8" ] }} )
route    = (
  {rows}
)
retry    = ( {{ for = "*", schedule = "4000s", warn_after = [], expire_after = "5d" }} )
limit    = ( {{ for = "*", connections = 50 }} )
{names}{self.settings}
""", encoding="ascii")

    def knows(self, settings):
        """Does this build know them?"""
        self.settings = settings
        self.configure(Routes(free_port()))
        self.settings = ""
        return subprocess.run([self.build / "fermoposta", "check", "-c", self.conf], check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def start(self, routes):
        self.configure(routes)
        (self.folder / "spool").mkdir(exist_ok=True)
        with open(self.folder / "out", "ab") as out:
            self.program = Program([str(self.build / "fermopostad"), "daemon", "-c", str(self.conf)],
                                   self.group, stdout=out, stderr=out)
        return self.program.started, await_banner(self.port)

    def stop(self):
        self.program.stop(signal.SIGTERM)
        if self.program.status != 0:
            log = (self.folder / "out").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the daemon ended with {self.program.status}\n{log}")

    def clear(self):
        shutil.rmtree(self.folder / "spool", ignore_errors=True)
        (self.folder / "log").unlink(missing_ok=True)

    def spool(self):
        return self.folder / "spool"

    def log_bytes(self):
        return self.disk_bytes(lambda name: name.endswith("-wal"))

    def fill(self, bench, n, destinations, body_bytes, *words):
        """Without the daemon, straight into the spool, as a long outage leaves it."""
        self.spool().mkdir(exist_ok=True)
        argv = [bench.tool("fill_spool"), self.spool() / "spool.db", str(n), str(destinations),
                str(body_bytes), *words]
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)

    def prefill(self, bench, n):
        self.fill(bench, n, 1, 5120)

    def commands(self):
        def verb(*words):
            return [str(self.folder / "bin" / "fermoposta"), words[0], "-c", str(self.conf), *words[1:]]
        return {"text": verb("list", "--format=postfix"), "jsonl": verb("list", "--format=jsonl"),
                "stats": verb("stats"), "filter": verb("list", "--format=postfix", "to=user1711@d01711.example"),
                "flush": verb("flush")}

    def submit(self, recipient):
        return [str(self.folder / "bin" / "sendmail"), "-C", str(self.conf), "-i", "-f", SENDER, recipient]

    def count(self):
        argv = self.commands()["stats"] + ["--format=json"]
        return json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)["messages"]
