# SPDX-License-Identifier: BSD-2-Clause
"""The generator (smtp-source) and the sink (smtp-sink), Postfix's own test programs."""

import os
import pathlib
import tempfile

from process import Program, await_banner, cpu_seconds, free_port

SENDER = "sender@origin.example"
RECIPIENT = "somebody@dest.example"


class Tools:
    def __init__(self, folder):
        self.source = pathlib.Path(folder) / "smtp-source"
        self.sink = pathlib.Path(folder) / "smtp-sink"


class Generator(Program):
    """Sends n messages in so many sessions; one connection per message unless they are kept."""

    def __init__(self, tools, port, n, sessions, keep=False, size=5120):
        argv = [str(tools.source), "-N", "-m", str(n), "-s", str(sessions), "-l", str(size)]
        # A full listen queue answers with RST on some systems; the generator would give up.
        argv += ["-C", "10", "-f", SENDER, "-t", RECIPIENT]
        argv += ["-d"] if keep else []
        super().__init__(argv + [f"127.0.0.1:{port}"])


class Sink:
    """Counts what arrives. Its counter goes to a file in memory, so that counting costs no disk."""

    def __init__(self, tools, port=None):
        self.port = port or free_port()
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.file = tempfile.TemporaryFile(dir=memory)
        argv = [str(tools.sink), "-c"]
        argv += ["-u", "nobody"] if os.geteuid() == 0 else []
        self.program = Program(argv + [f"127.0.0.1:{self.port}", "1024"], stdout=self.file)
        await_banner(self.port)

    def count(self):
        size = os.fstat(self.file.fileno()).st_size
        tail = os.pread(self.file.fileno(), 256, max(0, size - 256))
        last = tail.rpartition(b"mesg=")[2].partition(b"\r")[0]
        return int(last) if last else 0

    def cpu(self):
        return sum(cpu_seconds(self.program.pid))

    def close(self):
        self.program.stop()
        self.file.close()
