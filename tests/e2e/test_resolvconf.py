# SPDX-License-Identifier: BSD-2-Clause
"""Name servers of /etc/resolv.conf: which are asked, and which are believed. With a network and a resolv.conf of
its own, so as root."""
import os
import shutil
import socket
import subprocess
import sys

from certificates import Certificates, server
from knot import Knot
from lib import Hop, Skip, await_, equal, main
from unbound import Unbound

ELSEWHERE = "192.0.2.53"  # an address that is no loopback, where the same resolver answers
SILENT = "192.0.2.99"     # nobody answers there
PORT = 2525


def enter():
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        print("skipped: needs root, unshare and ip")
        sys.exit(77)
    os.environ["FP_NETWORK"] = "own"
    os.execvp("unshare", ["unshare", "-n", "-m", sys.executable, "-B", *sys.argv])


def run(*words):
    subprocess.run(words, check=True)


class Stage:
    def __init__(self, world):
        self.world, self.conf = world, world.path("resolv.conf")
        run("ip", "link", "set", "lo", "up")
        for address in (ELSEWHERE, SILENT):
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=False, capture_output=True)
        self.resolv("nameserver 127.0.0.1")
        if subprocess.run(["mount", "--bind", self.conf, "/etc/resolv.conf"], check=False).returncode:
            raise Skip("/etc/resolv.conf cannot be another one here")
        world.closers.append(lambda: run("umount", "/etc/resolv.conf"))
        certificates = Certificates(world)
        own = certificates.self_signed("own")
        zone = ("$ORIGIN mailtest.example.\n$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 1\n  NS ns\nns A 127.0.0.1\n"
                f"mx A 127.0.4.1\n_{PORT}._tcp.mx TLSA 3 1 1 {certificates.pin(own[0])}\n*.d MX 10 mx\nprobe MX 10 ns\n")
        knot = Knot(world, 5300, zone, "probe.mailtest.example", is_signed=True)
        Unbound(world, 53, knot, also=[ELSEWHERE])
        self.hop = Hop(world, "127.0.4.1", PORT, tls=server(own)).up()
        world.configure('tls = ( { for = "*", policy = "dane" } )\nlimit = ( { for = "*", messages_per_connection = 1 } )\n',
                        smtp_port=PORT)

    def resolv(self, *lines):
        with open(self.conf, "w") as f:
            f.write("\n".join(lines) + "\n")

    def send(self, name):
        """How the connection of a message to a new domain was protected."""
        before = self.world.log().count("TLS connection established")
        self.world.sendmail("-f", "a@home.example", f"b@{name}.d.mailtest.example", text=f"Subject: {name}.\n\nx\n")
        self.hop.await_one(f"Subject: {name}.")
        lines = await_(lambda: [line for line in self.world.log().splitlines() if "TLS connection established" in line][before:],
                       "the connection")
        return lines[0].split("]: ")[1].split()[0]

    def warnings(self):
        p = self.world.run("fermoposta", "check")
        return (p.out + p.err).count("is trusted, and there is none")


def test_who_is_believed(world):
    stage = Stage(world)
    world.start()
    equal((stage.send("here"), stage.warnings()), ("Verified", 0), "on this machine")
    stage.resolv(f"nameserver {ELSEWHERE}")
    await_(lambda: stage.send(f"there{len(stage.hop.taken)}") == "Untrusted", "the new file is read")
    equal(stage.warnings(), 1, "elsewhere")
    stage.resolv(f"nameserver {ELSEWHERE}", "options edns0 trust-ad")
    await_(lambda: stage.send(f"told{len(stage.hop.taken)}") == "Verified", "the new file is read")
    equal(stage.warnings(), 0, "elsewhere, and told to believe")


def test_one_is_silent(world):
    """It is asked once; then the other one goes first."""
    stage = Stage(world)
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind((SILENT, 53))
        silent.setblocking(False)
        stage.resolv(f"nameserver {SILENT}", "nameserver 127.0.0.1", "options timeout:1")
        world.start()
        for name in ("one", "two", "three"):
            equal(stage.send(name), "Verified", name)
        equal(world.log().count("status=deferred"), 0, "deferred")
        asked = set()
        try:
            while True:
                asked.add(silent.recv(4000)[12:].split(b"\0")[0])
        except BlockingIOError:
            pass
        equal(any(b"three" in name for name in asked), False, f"the silent one was asked for the third, too: {asked}")


def test_none_is_there(world):
    """Nothing is tried meanwhile, and all goes when the file names one again."""
    stage = Stage(world)
    world.start()
    equal(stage.send("before"), "Verified", "with one")
    stage.resolv(f"nameserver {SILENT}", "options timeout:1")
    sent = []

    def waits():
        out = world.run("fermoposta", "list").out
        if out.startswith("The queue is empty"):  # the old file was still in use
            sent.append(f"n{len(sent)}")
            world.sendmail("-f", "a@home.example", f"b@{sent[-1]}.d.mailtest.example", text=f"Subject: {sent[-1]}.\n\nx\n")
        return "blocked here: no name server answers" in out
    await_(waits, "mail that waits for a name server")
    stage.resolv("nameserver 127.0.0.1")
    world.run("fermoposta", "flush")
    stage.hop.await_one(f"Subject: {sent[-1]}.")


if os.environ.get("FP_NETWORK") != "own":
    enter()
main(globals())
