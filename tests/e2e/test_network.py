# SPDX-License-Identifier: BSD-2-Clause
"""A way out of the machine appears: what waits for it goes at once, not at the end of a rest. In a network of
its own, so as root."""
import os
import shutil
import subprocess
import sys

from lib import Hop, equal, main, match

IP = "192.0.2.1"


def enter_network():
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        print("skipped: needs root, unshare and ip")
        sys.exit(77)
    os.environ["FP_NETWORK"] = "own"
    os.execvp("unshare", ["unshare", "-n", sys.executable, "-B", *sys.argv])


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def test_appears(world):
    ip("link", "set", "lo", "up")
    world.configure(f'route = ( {{ for = "*", to = [ "smtp://{IP}:2525" ] }} )\nretry = ( {{ for = "*", schedule = "1h" }} )\n')
    world.start()
    world.sendmail("-f", "a@s.example", "b@d.example", text="Subject: one\n\nx\n")
    world.await_log("status=deferred")
    match(world.run("mailq").out, "[Uu]nreachable", "why it waits")
    with open("/proc/sys/net/ipv4/ip_nonlocal_bind", "w", encoding="ascii") as f:
        f.write("1")
    hop = Hop(world, ip=IP, port=2525).up()  # it listens before there is a way to it
    ip("address", "add", f"{IP}/32", "dev", "lo")
    hop.await_one("Subject: one")
    world.await_log("a network has appeared: 1 resting destination is tried now")
    world.await_empty()
    equal(len(hop.taken), 1, "once")


if os.environ.get("FP_NETWORK") != "own":
    enter_network()
main(globals())
