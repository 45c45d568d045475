# SPDX-License-Identifier: BSD-2-Clause
"""A real name server (knotd) with a zone that the test writes."""
import os
import signal
import socket
import struct
import subprocess

from lib import await_, equal, peer

SIGNED = """    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: here
"""
POLICY = """policy:
  - id: here
    single-type-signing: on
    algorithm: ecdsap256sha256
"""


class Knot:
    """knotd with the zone `text` of mailtest.example, and one more zone whose file is missing (SERVFAIL).

    probe: a name with MX in it, by which it is seen that it answers. is_signed: with DNSSEC.
    """

    def __init__(self, world, port, text, probe, is_signed=False):
        self.world, self.port, self.probe, self.knotd = world, port, probe, peer("knotd")
        self.folder = world.path("knot")
        os.makedirs(os.path.join(self.folder, "db"))
        with open(os.path.join(self.folder, "test.zone"), "w") as f:
            f.write(text)
        with open(os.path.join(self.folder, "knot.conf"), "w") as f:
            f.write(f"""server:
    rundir: "{self.folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{self.folder}/db"
    journal-db-max-size: 10M
    kasp-db-max-size: 10M
    timer-db-max-size: 10M
    catalog-db-max-size: 10M
log:
  - target: stderr
    any: warning
{POLICY if is_signed else ""}zone:
  - domain: mailtest.example
    file: "{self.folder}/test.zone"
    zonefile-sync: -1
{SIGNED if is_signed else "    journal-content: none"}
  - domain: broken.example
    file: "{self.folder}/none.zone"
    journal-content: none
""")
        self.start()

    def start(self):
        with open(os.path.join(self.folder, "out"), "ab") as out:
            self.child = self.world.spawn([self.knotd, "-c", os.path.join(self.folder, "knot.conf")], stdout=out, stderr=out)

        def is_up():
            if self.child.poll() is not None:
                raise AssertionError(f"knotd ended: {self.world.read('knot/out')}")
            return ask(self.port, self.probe) is not None
        await_(is_up, "an answer of knotd")

    def trust_anchor(self):
        """The DS records by which the signed zone can be trusted."""
        p = subprocess.run([peer("keymgr"), "-c", os.path.join(self.folder, "knot.conf"), "mailtest.example.", "ds"],
                           capture_output=True, text=True)
        equal(p.returncode, 0, p.stderr)
        return p.stdout

    def stop(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()


def ask(port, name, kind=15):
    """The flags of the answer by UDP, None without one."""
    query = struct.pack(">6H", 4711, 0x0100, 1, 0, 0, 0)
    query += b"".join(bytes([len(w)]) + w.encode() for w in name.split(".")) + b"\0" + struct.pack(">2H", kind, 1)
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        s.sendto(query, ("127.0.0.1", port))
        try:
            answer = s.recv(4096)
        except OSError:
            return None
    flags, answers = struct.unpack(">H2xH", answer[2:8])
    return flags if flags & 0xF or flags & 0x0200 or answers else None
