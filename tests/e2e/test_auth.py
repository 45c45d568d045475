# SPDX-License-Identifier: BSD-2-Clause
"""Authentication to next hops: every mechanism, against the server's half of libgsasl and against scripts; secrets
that are wrong, missing, corrected."""
import base64
import os
import signal
import sqlite3
import subprocess
import threading

from lib import BUILD, Hop, await_, equal, main, match
from test_tls import Certificates, server

PASSWORD = "s3cret, with blanks"


class Server:
    """tests/tools/authserver; what it prints stands in lines."""

    def __init__(self, world, mechanisms, pair=(), version=(), password=PASSWORD):
        self.lines = []
        program = os.environ.get("FP_AUTHSERVER") or os.path.join(BUILD, "tests/tools/authserver")
        self.child = world.spawn([program, mechanisms, "ann", password, *pair, *version], stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline().split()[1])
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.strip())

    def to(self, scheme="smtp"):
        return f"{scheme}://127.0.0.1:{self.port}"

    def await_line(self, line):
        await_(lambda: line in self.lines, f"{line!r} of the server; it said {self.lines}")


def write_secret(world, text, name="password"):
    path = world.path(name)
    with open(path, "w") as f:
        f.write(text + "\n")
    os.chmod(path, 0o600)
    return path


def configure(world, to, row, more=""):
    """to: the next hop of everything, or by domain."""
    routes = to if isinstance(to, dict) else {"*": to}
    rows = ", ".join(f'{{ for = "{name}", to = [ "{target}" ] }}' for name, target in routes.items())
    world.configure(f"route = ( {rows} )\n" 'retry = ( { for = "*", schedule = "1s*3 120s" } )\n'
                    f'credentials = ( {{ for = "127.0.0.1", user = "ann", {row} }} )\n{more}\n')


def secret_of(world, text=PASSWORD):
    return f'password_file = "{write_secret(world, text)}"'


def history(world):
    """How what was delivered was protected, and who we were."""
    spool = sqlite3.connect(f"file:{world.path('spool.db')}?mode=ro", uri=True)
    try:
        return [row[0] for row in spool.execute("SELECT tls FROM history WHERE outcome = 'delivered'")]
    finally:
        spool.close()


def flush(world):
    """Behind the outcome of every attempt so far: what is on its way to the spool is not flushed."""
    world.await_log("status=deferred")
    world.run("fermoposta", "flush")


def send(world, to="b@x.example", text="x"):
    world.sendmail("-f", "a@home.example", to, text=f"Subject: {text}.\n\nx\n")


def check_mechanisms(world, names, version=()):
    """Each at a server that offers nothing else, in TLS."""
    pair = Certificates(world).self_signed("own")
    servers = {f"d{i}.example": Server(world, name, pair, version) for i, name in enumerate(names)}
    configure(world, {domain: s.to() for domain, s in servers.items()}, secret_of(world))
    world.start()
    for domain, name in zip(servers, names):
        send(world, f"b@{domain}")
        servers[domain].await_line(f"login {name} ann tls")
        await_(lambda s=servers[domain]: any(line.startswith("message") for line in s.lines), f"a message behind {name}")
        world.await_log(rf"SASL authentication succeeded at 127\.0\.0\.1\[127\.0\.0\.1\]:\d+: sasl_method={name}, sasl_username=ann$")
    world.await_empty()
    if "s3cret" in world.log():
        raise AssertionError("the log holds the password")


def test_mechanisms(world):
    check_mechanisms(world, ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
                             "SCRAM-SHA-256-PLUS"])


def test_bound_to_an_older_tls(world):
    check_mechanisms(world, ["SCRAM-SHA-256-PLUS"], ["tls1.2"])


def test_the_best_is_taken(world):
    pair = Certificates(world).self_signed("own")
    s = Server(world, "LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS", pair)
    configure(world, s.to(), secret_of(world))
    world.start()
    send(world)
    s.await_line("login SCRAM-SHA-256-PLUS ann tls")
    world.await_empty()
    equal(history(world), ["TLSv1.3 TLS_AES_256_GCM_SHA384, ann by SCRAM-SHA-256-PLUS"], "history")
    configure(world, s.to(), secret_of(world) + ', mechanisms = [ "plain", "LOGIN" ]')
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    send(world)
    s.await_line("login PLAIN ann tls")


def test_wrong_and_corrected(world):
    """A refusal bounces nobody and uses up nothing; a file that was put right counts without a reload."""
    s = Server(world, "SCRAM-SHA-256 PLAIN", Certificates(world).self_signed("own"))
    configure(world, s.to(), secret_of(world, "something else"))
    world.start()
    send(world)
    s.await_line("refused SCRAM-SHA-256")
    world.await_log(r"blocked here: the relay refuses our credentials: host 127\.0\.0\.1\[127\.0\.0\.1\] said: 535 5\.7\.8 "
                    r"credentials invalid \(in reply to AUTH command\)")
    world.await_log(r"SASL authentication failed at .*sasl_method=SCRAM-SHA-256, sasl_username=ann$")
    match(world.run("fermoposta", "stats").out, "the relay refuses our credentials", "stats")
    equal(world.queue()[0]["attempts"], 0, "attempts")
    write_secret(world, PASSWORD)
    flush(world)
    s.await_line("login SCRAM-SHA-256 ann tls")
    world.await_empty()
    world.await_log("no longer blocked here: the relay refuses our credentials")


def test_wrong_in_a_plain_way(world):
    s = Server(world, "PLAIN", Certificates(world).self_signed("own"))
    configure(world, s.to(), secret_of(world, "no"))
    world.start()
    send(world)
    s.await_line("refused PLAIN")
    world.await_log("blocked here: the relay refuses our credentials")
    configure(world, s.to(), f'password_file = "{write_secret(world, PASSWORD, "other")}"')
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    flush(world)
    world.await_empty()


def test_a_command_that_is_asked_again(world):
    """What it prints is kept, until it is refused."""
    script = world.path("token")
    with open(script, "w") as f:
        f.write(f"#!/bin/sh\necho x >>{world.path('asked')}\nhead -n 1 {world.path('password')}\n")
    os.chmod(script, 0o700)
    write_secret(world, "stale")
    s = Server(world, "PLAIN", Certificates(world).self_signed("own"))
    configure(world, s.to(), f'password_command = [ "{script}" ], keep = "1h"', 'idle_connections = 0')
    world.start()
    send(world)
    s.await_line("refused PLAIN")
    write_secret(world, PASSWORD)
    world.await_log("blocked here: the relay refuses our credentials")
    flush(world)
    world.await_empty()
    equal(len(world.read("asked").split()), 2, "how often it was asked")
    send(world, text="second")
    await_(lambda: s.lines.count("login PLAIN ann tls") == 2, "a second login")
    world.await_empty()
    equal(len(world.read("asked").split()), 2, "how often it was asked")


def test_no_secret(world):
    s = Server(world, "PLAIN", Certificates(world).self_signed("own"))
    path = world.path("password")
    configure(world, s.to(), f'password_file = "{path}"')
    world.start()
    send(world)
    world.await_log(r"blocked here: our credentials cannot be used: 127\.0\.0\.1\[127\.0\.0\.1\]: \S+/password: No such file")
    equal(s.lines, [], "what the server heard")
    write_secret(world, PASSWORD)
    flush(world)
    world.await_empty()
    configure(world, s.to(), 'password_command = [ "/bin/sh", "-c", "echo no such token >&2; exit 3" ]')
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    send(world)
    world.await_log(r"our credentials cannot be used: 127\.0\.0\.1\[127\.0\.0\.1\]: /bin/sh: exit status 3")


def test_a_command_that_hangs(world):
    """It ends with its time limit, and with the daemon."""
    s = Server(world, "PLAIN", Certificates(world).self_signed("own"))
    configure(world, s.to(), 'password_command = [ "/bin/sleep", "3600" ], timeout = "1s"')
    world.start()
    send(world)
    world.await_log(r"our credentials cannot be used: 127\.0\.0\.1\[127\.0\.0\.1\]: /bin/sleep: no answer within 1 s")
    pid_file = world.path("pid")
    configure(world, s.to(), f'password_command = [ "/bin/sh", "-c", "echo $$ >{pid_file}; exec sleep 3600" ]')
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    flush(world)
    pid = int(await_(lambda: world.read("pid").strip(), "the command"))
    world.daemon.send_signal(signal.SIGTERM)
    world.await_log("stopping")
    world.stop()  # asked twice: no grace
    await_(lambda: not os.path.exists(f"/proc/{pid}"), "the command's end")
    equal(s.lines, [], "what the server heard")


def test_many_at_once(world):
    """Each connection has an exchange of its own; a restart finds everything as it was."""
    s = Server(world, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", Certificates(world).self_signed("own"))
    configure(world, s.to(), f'password_command = [ "/bin/sh", "-c", "cat {write_secret(world, PASSWORD)}" ], keep = "0"')
    world.start()
    for i in range(40):
        send(world, f"b{i}@x.example")
    await_(lambda: sum(line.startswith("message") for line in s.lines) >= 40, "40 messages")
    world.await_empty()
    equal([line for line in s.lines if "refused" in line], [], "refusals")
    world.stop()
    equal(world.read("stderr"), "", "what the daemon said")


def test_a_credential_of_the_service(world):
    s = Server(world, "PLAIN", Certificates(world).self_signed("own"))
    configure(world, s.to(), 'password_credential = "relay"')
    os.mkdir(world.path("credentials"))
    write_secret(world, PASSWORD, "credentials/relay")
    world.start(env=dict(world.env, CREDENTIALS_DIRECTORY=world.path("credentials")))
    send(world)
    s.await_line("login PLAIN ann tls")
    world.await_empty()
    world.stop()
    world.start()
    send(world)
    world.await_log(r"our credentials cannot be used: .*\$CREDENTIALS_DIRECTORY/relay")


def test_in_clear(world):
    """What shows the secret is not said in clear, unless it is wanted."""
    s = Server(world, "PLAIN LOGIN")
    configure(world, s.to(), secret_of(world))
    world.start()
    send(world)
    world.await_log("our credentials cannot be used: .*not said without TLS")
    equal(s.lines, [], "what the server heard")
    configure(world, s.to(), secret_of(world) + ", clear = true")
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    flush(world)
    s.await_line("login PLAIN ann clear")
    world.await_empty()
    equal(history(world), ["in clear, ann by PLAIN"], "history")


class Tokens:
    """A hop's answers: lets in who brings the token."""

    def __init__(self, mechanism, token):
        self.want = {"XOAUTH2": f"user=ann\1auth=Bearer {token}\1\1",
                     "OAUTHBEARER": f"n,a=ann,\1host=127.0.0.1\1port=PORT\1auth=Bearer {token}\1\1"}[mechanism]
        self.farewell = {"XOAUTH2": "", "OAUTHBEARER": "AQ=="}[mechanism]
        self.mechanism, self.port, self.has_failed, self.farewells = mechanism, 0, False, []

    def __call__(self, verb, line, session):
        if self.has_failed and verb != "AUTH":
            self.has_failed = False
            self.farewells.append(line)
            return "535 5.7.8 token expired"
        if verb == "MAIL" and not session.get("is_known"):
            return "530 5.7.0 who are you?"
        if verb != "AUTH" and not session.get("waits"):
            return None
        text = line if session.pop("waits", False) else line.partition(" ")[2].partition(" ")[2]
        if not text:
            session["waits"] = True
            return "334 "
        session["is_known"] = base64.b64decode(text).decode() == self.want.replace("PORT", str(self.port))
        self.has_failed = not session["is_known"]
        return "235 2.7.0 hello" if session["is_known"] else "334 " + base64.b64encode(b'{"status":"401"}').decode()


def check_token(world, mechanism, token):
    answer = Tokens(mechanism, token)
    hop = Hop(world, answer=answer, keywords=("PIPELINING", f"AUTH {mechanism} PLAIN"),
              tls=server(Certificates(world).self_signed("own"))).up()
    answer.port = hop.port
    configure(world, hop.to(), f'token_file = "{write_secret(world, "stale")}"')
    world.start()
    send(world)
    world.await_log(r"blocked here: the relay refuses our credentials: .* said: 535 5\.7\.8 token expired")
    equal(answer.farewells[0], answer.farewell, "what was said to the error")
    write_secret(world, token)
    flush(world)
    hop.await_one("Subject: x.")
    world.await_empty()
    world.await_log(rf"sasl_method={mechanism}, sasl_username=ann$")


def test_xoauth2(world):
    check_token(world, "XOAUTH2", "ya29.token")


def test_a_token_that_has_run_out(world):
    """One that was kept is asked for anew when it is refused, and nothing waits for that."""
    answer = Tokens("XOAUTH2", "first")
    hop = Hop(world, answer=answer, keywords=("AUTH XOAUTH2",), tls=server(Certificates(world).self_signed("own"))).up()
    path = write_secret(world, "first")
    script = world.path("token")
    with open(script, "w") as f:
        f.write(f"#!/bin/sh\necho x >>{world.path('asked')}\nexec cat {path}\n")
    os.chmod(script, 0o700)
    configure(world, hop.to(), f'token_command = [ "{script}" ], keep = "1h"', "idle_connections = 0")
    world.start()
    send(world, text="one")
    hop.await_one("Subject: one.")
    world.await_empty()
    send(world, text="two")
    hop.await_one("Subject: two.")
    world.await_empty()
    equal(len(world.read("asked").split()), 1, "how often it was asked")
    write_secret(world, "second")
    answer.want = Tokens("XOAUTH2", "second").want
    send(world, text="three")
    hop.await_one("Subject: three.")
    world.await_empty()
    equal(len(world.read("asked").split()), 2, "how often it was asked")
    equal(answer.farewells, [""], "what was said to the error")
    if "blocked here" in world.log():
        raise AssertionError("something was blocked")


def test_oauthbearer(world):
    check_token(world, "OAUTHBEARER", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")


def test_a_long_token(world):
    """It does not fit into the command AUTH, and comes behind an empty challenge."""
    check_token(world, "XOAUTH2", "t" * 4000)


if __name__ == "__main__":
    main(globals())
