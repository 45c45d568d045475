# SPDX-License-Identifier: BSD-2-Clause
"""A real Postfix as the mail server of a domain: SMTP in, LMTP out to where the test says."""
import os
import re
import shutil
import signal
import socket
import subprocess
import textwrap

from lib import Skip, await_, must_have_peers, need_root, peer

OWNER, GROUP = "daemon", "games"  # of an account and a group that are nobody else's; it may not be nobody
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


def find_tree():
    """The folder below which Postfix lies, installed or unpacked; "" is the root."""
    unpacked = os.path.dirname(os.path.dirname(peer("smtp-sink")))
    for tree in (unpacked, ""):
        if os.access(tree + "/usr/lib/postfix/sbin/master", os.X_OK):
            return tree
    if must_have_peers():
        raise AssertionError("Postfix is not here, and it must be")
    raise Skip("Postfix is not here")


class Postfix:
    """users: whom the domain has; the others are refused. lmtp: the socket that their mail goes to; all other
    mail goes to the relay, "[IP]:PORT"."""

    def __init__(self, world, domain, ip, port, lmtp, users, relay, settings=""):
        need_root()
        self.world, self.ip, self.port, self.tree = world, ip, port, find_tree()
        self.folder = world.path("postfix")
        os.mkdir(self.folder)
        self.make_folders()
        self.write("users", "".join(f"{user}@{domain} x\n" for user in users))
        self.main = textwrap.dedent(f"""\
            compatibility_level = 3.6
            queue_directory = {self.folder}/queue
            data_directory = {self.folder}/data
            daemon_directory = {self.tree}/usr/lib/postfix/sbin
            command_directory = {self.tree}/usr/sbin
            shlib_directory = no
            mail_owner = {OWNER}
            setgid_group = {GROUP}
            maillog_file_prefixes = {self.folder}
            maillog_file = {self.folder}/log
            import_environment = MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH={self.libraries()}
            myhostname = mx-d.mailtest.example
            mydestination =
            mynetworks = 127.0.0.0/8
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            relay_domains = {domain}
            relay_transport = lmtp:unix:{lmtp}
            relay_recipient_maps = texthash:{self.folder}/users
            alias_maps =
            smtpd_relay_restrictions = permit_mynetworks, reject
            smtp_host_lookup = native
            disable_dns_lookups = yes
            relayhost = {relay}
            """)
        self.write("main.cf", self.main + textwrap.dedent(settings))
        self.write("master.cf", self.services())
        with open(os.path.join(self.folder, "out"), "ab") as out:
            self.child = world.spawn([self.tree + "/usr/lib/postfix/sbin/master", "-c", self.folder, "-d"], stdout=out,
                                     stderr=out, env=dict(os.environ, LD_LIBRARY_PATH=self.libraries(), MAIL_CONFIG=self.folder))
        await_(self.is_up, "Postfix")

    def libraries(self):
        machine = os.uname().machine
        return f"{self.tree}/usr/lib/postfix:{self.tree}/usr/lib/{machine}-linux-gnu"

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)

    def make_folders(self):
        for name in ("queue", "queue/pid", "queue/maildrop", "queue/public", "data") + tuple(f"queue/{q}" for q in QUEUES):
            path = os.path.join(self.folder, name)
            os.mkdir(path)
            os.chmod(path, 0o755)
            if name not in ("queue", "queue/pid"):
                shutil.chown(path, OWNER)

    def services(self):
        rows = [f"{self.ip}:{self.port} inet n - n - - smtpd", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
                "rewrite unix - - n - - trivial-rewrite", "relay unix - - n - - smtp", "postlog unix-dgram n - n - 1 postlogd",
                "anvil unix - - n - 1 anvil", "tlsmgr unix - - n 1000? 1 tlsmgr", "scache unix - - n - 1 scache", "proxymap unix - - n - - proxymap"]
        rows += [f"{name} unix - - n - 0 bounce" for name in ("bounce", "defer", "trace")]
        rows += [f"{name} unix - - n - - {name}" for name in ("smtp", "lmtp", "error")]
        return "\n".join(rows) + "\n"

    def reload(self, settings=""):
        """Other settings from now on."""
        self.write("main.cf", self.main + textwrap.dedent(settings))
        self.child.send_signal(signal.SIGHUP)
        self.await_log("postfix/master.*: reload ")

    def is_up(self):
        if self.child.poll() is not None:
            raise AssertionError(f"Postfix ended: {self.world.read('postfix/out')} {self.log()}")
        try:
            with socket.create_connection((self.ip, self.port), 5) as s:
                return s.recv(100).startswith(b"220 ")
        except OSError:
            return False

    def log(self):
        return self.world.read("postfix/log")

    def await_log(self, pattern):
        return await_(lambda: re.search(pattern, self.log(), re.M), f"in Postfix's log: {pattern}")
