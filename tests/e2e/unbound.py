# SPDX-License-Identifier: BSD-2-Clause
"""A real resolver that validates (unbound), in front of a name server with a signed zone."""
import os

from knot import ask
from lib import await_, peer


class Unbound:
    """On 127.0.0.1:port; knows what `knot` knows of mailtest.example, that there is a root, and nothing else.

    refused: names that it will not look up. anchor: which key it trusts, if not the right one: then all is forged.
    also: other addresses that it listens on.
    """

    def __init__(self, world, port, knot, refused=(), anchor=None, also=()):
        self.folder = world.path("unbound")
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, "anchor"), "w") as f:
            f.write(anchor or knot.trust_anchor())
        conf = os.path.join(self.folder, "unbound.conf")
        with open(conf, "w") as f:
            f.write(f"""server:
    interface: 127.0.0.1@{port}
{"".join(f"    interface: {ip}@{port}{chr(10)}" for ip in also)}    num-threads: 1
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{self.folder}"
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    access-control: 0.0.0.0/0 allow
    module-config: "validator iterator"
    trust-anchor-file: "{self.folder}/anchor"
    local-zone: "example." nodefault
    local-data: ". 1 IN MX 0 ."
{"".join(f'    local-zone: "{name}." refuse{chr(10)}' for name in refused)}    cache-max-ttl: 1
    cache-max-negative-ttl: 1
stub-zone:
    name: "mailtest.example"
    stub-addr: 127.0.0.1@{knot.port}
remote-control:
    control-enable: no
""")
        with open(os.path.join(self.folder, "out"), "ab") as out:
            self.child = world.spawn([peer("unbound"), "-d", "-c", conf], stdout=out, stderr=out)

        def is_up():
            if self.child.poll() is not None:
                raise AssertionError(f"unbound ended: {world.read('unbound/out')}")
            flags = ask(port, knot.probe)
            return flags is not None and (flags & 0xF == 0 or anchor)
        await_(is_up, "an answer of unbound")
