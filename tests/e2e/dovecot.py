# SPDX-License-Identifier: BSD-2-Clause
"""A real Dovecot: LMTP in, POP3 out."""
import os
import poplib
import socket
import textwrap

from lib import await_, free_port, need_root, peer


class Dovecot:
    """LMTP on a port and on a socket; mail in Maildirs, read by POP3 with the password "pw".

    alice, bob; overquota has room for 2 KiB; nobody else is known.
    more: lines for the end of its configuration.
    """

    def __init__(self, world, more=""):
        need_root()
        program = peer("dovecot")
        self.world, self.folder = world, world.path("dovecot")
        self.lmtp, self.pop3 = free_port(), free_port()
        self.socket = os.path.join(self.folder, "run/lmtp-test")
        os.mkdir(self.folder)
        os.mkdir(os.path.join(self.folder, "mail"), 0o777)
        os.chmod(os.path.join(self.folder, "mail"), 0o777)
        with open(os.path.join(self.folder, "users"), "w") as f:
            for name in ("alice", "bob"):
                f.write(f"{name}::65534:65534::{self.folder}/mail/{name}\n")
            f.write(f"overquota::65534:65534::{self.folder}/mail/overquota::userdb_quota_rule=*:storage=2K\n")
        self.conf = os.path.join(self.folder, "dovecot.conf")
        with open(self.conf, "w") as f:
            f.write(textwrap.dedent(f"""\
                base_dir = {self.folder}/run
                state_dir = {self.folder}/state
                log_path = {self.folder}/log
                protocols = lmtp pop3
                ssl = no
                disable_plaintext_auth = no
                auth_username_format = %n
                mail_location = maildir:{self.folder}/mail/%n
                default_internal_user = dovecot
                default_login_user = dovenull
                first_valid_uid = 1
                mail_plugins = quota
                plugin {{
                  quota = maildir:User quota
                  quota_rule = *:storage=0
                }}
                passdb {{
                  driver = static
                  args = password=pw
                }}
                userdb {{
                  driver = passwd-file
                  args = username_format=%n {self.folder}/users
                }}
                service lmtp {{
                  unix_listener lmtp-test {{
                    mode = 0666
                  }}
                  inet_listener lmtp {{
                    address = 127.0.0.1
                    port = {self.lmtp}
                  }}
                }}
                service pop3-login {{
                  inet_listener pop3 {{
                    address = 127.0.0.1
                    port = {self.pop3}
                  }}
                  inet_listener pop3s {{
                    port = 0
                  }}
                }}
                """) + more)
        with open(os.path.join(self.folder, "out"), "ab") as out:
            self.child = world.spawn([program, "-F", "-c", self.conf], stdout=out, stderr=out)
        await_(self.is_up, "Dovecot")

    def is_up(self):
        if self.child.poll() is not None:
            raise AssertionError(f"dovecot ended: {self.world.read('dovecot/out')} {self.world.read('dovecot/log')}")
        for port in (self.lmtp, self.pop3):
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
            except OSError:
                return False
        return os.path.exists(self.socket)

    def _log_in(self, user):
        p = poplib.POP3("127.0.0.1", self.pop3, 30)
        p.user(user)
        p.pass_("pw")
        return p

    def mail(self, user):
        """Every message of the user, by POP3; lines end with LF."""
        p = self._log_in(user)
        texts = [b"\n".join(p.retr(n + 1)[1]) for n in range(len(p.list()[1]))]
        p.quit()
        return texts

    def empty(self, user):
        """Removes every message of the user, as a mail reader does."""
        p = self._log_in(user)
        for n in range(len(p.list()[1])):
            p.dele(n + 1)
        p.quit()
