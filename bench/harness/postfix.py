# SPDX-License-Identifier: BSD-2-Clause
"""Debian's Postfix as a peer, in a root directory of its own.

Its settings favour it: limits are raised, nothing is looked up, no TLS, no rate is counted, no service
has to change its root, and what its log costs is not counted as its own. Its durability is untouched:
one fsync for each message before the 250.
"""

import os
import re
import shutil
import time

from load import SENDER
from packages import Root
from peer import Peer
from process import Program, await_banner
from logger import Devlog

LIBRARIES = ("libdb5.3", "libicu72", "libnsl2", "libtirpc3", "libsasl2-2", "libssl3")
POSTFIX_ID, POSTDROP_ID = 59125, 59126  # numbers that nobody has
QUEUE = "var/spool/postfix"
PRIVATE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
           "saved", "trace")
QUEUED = ("incoming", "active", "deferred", "maildrop", "hold")
CLEARED = QUEUED + ("bounce", "defer", "trace", "flush", "corrupt")

MAIN_CF = """
compatibility_level = 3.6
queue_directory = /var/spool/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
data_directory = /var/lib/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
message_size_limit = 67108864
relayhost = [127.0.0.1]:{next_hop}
transport_maps = inline:{{ {transports} }}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_recipient_restrictions = permit_mynetworks, reject
smtp_tls_security_level = none
smtpd_tls_security_level = none
default_process_limit = 200
initial_destination_concurrency = 20
smtp_destination_concurrency_limit = 50
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
minimal_backoff_time = 4000s
"""

# name, type, private, wakeup, maximum of processes, program
SERVICES = (
    ("pickup", "unix", "n", "60", "1", "pickup"), ("cleanup", "unix", "n", "-", "0", "cleanup"),
    ("qmgr", "unix", "n", "300", "1", "qmgr"), ("rewrite", "unix", "-", "-", "-", "trivial-rewrite"),
    ("bounce", "unix", "-", "-", "0", "bounce"), ("defer", "unix", "-", "-", "0", "bounce"),
    ("trace", "unix", "-", "-", "0", "bounce"), ("verify", "unix", "-", "-", "1", "verify"),
    ("flush", "unix", "n", "1000?", "0", "flush"), ("proxymap", "unix", "-", "-", "-", "proxymap"),
    ("smtp", "unix", "-", "-", "-", "smtp"), ("showq", "unix", "n", "-", "-", "showq"),
    ("error", "unix", "-", "-", "-", "error"), ("retry", "unix", "-", "-", "-", "error"),
    ("anvil", "unix", "-", "-", "1", "anvil"), ("scache", "unix", "-", "-", "1", "scache"),
)


def master_cf(port):
    rows = ((f"127.0.0.1:{port}", "inet", "n", "-", "-", "smtpd"),) + SERVICES
    return "".join(f"{name} {kind} {private} - n {wakeup} {most} {program}\n"
                   for name, kind, private, wakeup, most, program in rows)


class Postfix(Peer):
    name = "postfix"
    pace = 0.25

    def __init__(self, folder, bench):
        super().__init__(folder)
        self.program = None
        self.root = Root(self.folder / "root", bench.packages)
        self.root.unpack("postfix")
        programs = [*self.root.folder.glob("usr/lib/postfix/sbin/*"), *self.root.folder.glob("usr/sbin/post*")]
        self.root.complete([p for p in programs if p.is_file() and p.read_bytes()[:4] == b"\x7fELF"], LIBRARIES)
        self.root.furnish({"postfix": POSTFIX_ID}, {"postfix": POSTFIX_ID, "postdrop": POSTDROP_ID})
        self.make_folders()
        self.devlog = Devlog(bench, self)

    def make_folders(self):
        queue = self.root.path(QUEUE)
        for name in ("pid", "maildrop", "public", *PRIVATE):
            (queue / name).mkdir(parents=True, exist_ok=True)
        for name in PRIVATE:
            self.own(queue / name, 0, 0o700)
        self.own(queue / "maildrop", POSTDROP_ID, 0o1730)
        self.own(queue / "public", POSTDROP_ID, 0o2710)
        self.root.path("var/lib/postfix").mkdir(exist_ok=True)
        self.own(self.root.path("var/lib/postfix"), POSTFIX_ID, 0o700)
        for name in ("postdrop", "postqueue"):
            os.chown(self.root.path("usr/sbin/" + name), 0, POSTDROP_ID)
            self.root.path("usr/sbin/" + name).chmod(0o2755)

    @staticmethod
    def own(path, group, mode):
        os.chown(path, POSTFIX_ID, group)
        path.chmod(mode)

    def version(self):
        return self.root.packages.version("postfix")

    def start(self, routes):
        transports = ", ".join(f"{{ {domain} = smtp:[127.0.0.1]:{port} }}"
                               for domain, port in routes.by_domain.items())
        text = MAIN_CF.format(next_hop=routes.next_hop, transports=transports)
        if not transports:
            text = re.sub("transport_maps.*\n", "", text)
        for name, content in (("main.cf", text), ("master.cf", master_cf(self.port))):
            self.root.write("etc/postfix/" + name, content)
            # It waits up to two seconds for a file to settle that has only just been written.
            an_hour_ago = time.time() - 3600
            os.utime(self.root.path("etc/postfix/" + name), (an_hour_ago, an_hour_ago))
        self.devlog.start()
        # -s: in the foreground, as the leader of a session; it kills that group when it ends.
        with open(self.folder / "out", "ab") as out:
            self.program = Program(self.root.argv("/usr/lib/postfix/sbin/master", "-s"), self.group,
                                   stdout=out, stderr=out, start_new_session=True)
        try:
            return self.program.started, await_banner(self.port)
        except RuntimeError as error:
            self.stop()
            raise RuntimeError(f"Postfix: {error}\n{self.devlog.tail()}") from None

    def stop(self):
        self.program.stop()
        self.group.await_empty()
        self.devlog.stop()

    def clear(self):
        for name in CLEARED:
            for path in self.root.path(QUEUE + "/" + name).iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        self.devlog.clear()

    def groups(self):
        return [self.group, self.devlog.group]

    def spool(self):
        return self.root.path(QUEUE)

    def commands(self):
        return {"text": self.root.argv("/usr/sbin/postqueue", "-p"),
                "jsonl": self.root.argv("/usr/sbin/postqueue", "-j"),
                "flush": self.root.argv("/usr/sbin/postqueue", "-f")}

    def submit(self, recipient):
        return ["/usr/sbin/sendmail", "-i", "-f", SENDER, recipient]

    def count(self):
        queue = self.root.path(QUEUE)
        return sum(len(files) for name in QUEUED for _, _, files in os.walk(queue / name))
