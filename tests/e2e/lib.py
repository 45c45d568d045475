# SPDX-License-Identifier: BSD-2-Clause
"""What the end-to-end tests stand on: a scratch folder with a real daemon, scripted next hops, peers.

A test file holds functions named test_*, each of which gets a fresh World, and ends by calling
main(globals()). Nothing waits for a fixed time and then asserts: await_() looks until a deadline that
a slow machine meets too. Exit status 77 (CTest: skipped) where no test of the file can run, because a
peer or root's rights are not there; a peer that is not there is a failure where CI=true or
FP_REQUIRE_PEERS=1.
"""
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("FP_BUILD") or os.path.join(SOURCE, "build/dev")
PATIENCE = int(os.environ.get("FP_PATIENCE", "60"))  # seconds until something that must happen counts as not happening
SKIPPED = 77
LINKS = ("fermoposta", "sendmail", "mailq", "postqueue")


class Skip(Exception):
    """This test cannot run here."""


class Failed(AssertionError):
    pass


def equal(got, want, what=""):
    if got != want:
        raise Failed(f"{what}: got {got!r}, wanted {want!r}")


def match(text, pattern, what=""):
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if not re.search(pattern, text, re.M):
        raise Failed(f"{what}: no {pattern!r} in {text!r}")


def await_(condition, what, seconds=PATIENCE):
    """Calls condition() until it is true; returns what it returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not seen within {seconds} s: {what}; last: {value!r}")
        time.sleep(0.03)


def free_port(ip="127.0.0.1"):
    """A port that nobody has now, below those that the kernel gives to connections."""
    while True:
        port = random.randint(10000, 30000)
        with socket.socket() as s, socket.socket(type=socket.SOCK_DGRAM) as u:
            try:
                s.bind((ip, port))
                u.bind((ip, port))
                return port
            except OSError:
                continue


def must_have_peers():
    return os.environ.get("CI") == "true" or os.environ.get("FP_REQUIRE_PEERS") == "1"


def peer(name):
    """The path of a foreign program."""
    folders = [os.environ.get("FP_PEERS", ""), os.environ.get("FP_PEERS_DIR", ""),
               os.path.join(SOURCE, "build/peers/bin")]
    folders += os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/sbin"]
    for folder in filter(None, folders):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    if must_have_peers():
        raise Failed(f"{name} is not here, and it must be")
    raise Skip(f"{name} is not here")


def need_root():
    if os.geteuid() != 0:
        raise Skip("only root can do this")


# ---- a next hop ------------------------------------------------------------------------------------

RESET = "reset"  # in place of a reply: the connection is reset
CLOSE = "close"  # in place of a reply: the connection is closed
HANG = "hang"    # in place of a reply: nothing more is said


class Taken:
    """A message that a hop answered 250 for."""

    def __init__(self, sender, rcpts, data, connection, mail_line):
        self.sender, self.rcpts, self.data = sender, rcpts, data
        self.connection, self.mail_line = connection, mail_line

    @property
    def header(self):
        return self.data.split(b"\r\n\r\n", 1)[0] + b"\r\n"

    @property
    def body(self):
        return self.data.split(b"\r\n\r\n", 1)[1] if b"\r\n\r\n" in self.data else b""

    def field(self, name):
        """All values of a header field, unfolded."""
        text = re.sub(r"\r\n[ \t]+", " ", self.header.decode("utf-8", "surrogateescape"))
        return re.findall(rf"(?im)^{name}:[ \t]*(.*?)\r$", text)


class Hop:
    """A scripted SMTP server in threads. It holds its port from the start, but only listens (and so
    only then does not refuse connections) after up().

    answer(verb, line, session) decides a reply: a string without CRLF (several lines: joined by \\n),
    RESET, CLOSE or HANG; None means the usual one. Verbs: GREETING, EHLO, HELO, MAIL, RCPT, DATA, DOT,
    BDAT (but for the last, which is DOT), RSET, NOOP, STAR(TTLS), QUIT. tls: an ssl.SSLContext, offered by STARTTLS, or spoken at once (is_implicit).
    """

    def __init__(self, world=None, ip="127.0.0.1", port=0, answer=None, keywords=("PIPELINING", "8BITMIME", "SIZE"),
                 tls=None, is_implicit=False):
        self.tls, self.is_implicit, self.handshakes = tls, is_implicit, []
        self.ip, self.port, self.answer, self.keywords = ip, port, answer, keywords
        self.taken, self.connections, self.commands = [], 0, []
        self.attempts = []  # whole messages, whatever was answered
        self.lock = threading.Lock()
        self.sockets, self.listener, self.holder = set(), None, None
        self._bind()
        if world:
            world.closers.append(self.close)

    def _socket(self):
        family = socket.AF_INET6 if ":" in self.ip else socket.AF_INET
        s = socket.socket(family)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.ip, self.port))
        return s

    def _bind(self):
        self.holder = self._socket()
        self.port = self.holder.getsockname()[1]

    def up(self):
        self.listener, self.holder = self.holder, None
        self.listener.listen(128)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def down(self):
        """Refuses connections from now on, and drops those it has."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        with self.lock:
            for s in self.sockets:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        if not self.holder:
            self._bind()

    def close(self):
        self.down()
        self.holder.close()

    def to(self, scheme="smtp"):
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{scheme}://{host}:{self.port}"

    def find(self, text):
        """The messages taken whose data holds text."""
        text = text.encode() if isinstance(text, str) else text
        return [m for m in list(self.taken) if text in m.data]

    def await_one(self, text="", what=""):
        await_(lambda: self.find(text), f"a message with {text!r} {what}")
        return self.find(text)[0]

    def _accept(self, listener):
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
                self.sockets.add(s)
            threading.Thread(target=self._serve, args=(s, number), daemon=True).start()

    def _serve(self, s, number):
        try:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.is_implicit:
                s = self._secure(s)
            with s.makefile("rb") as lines:
                self._talk(s, lines, number)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.sockets.discard(s)
            s.close()

    def _reply(self, s, verb, line, session, usual):
        reply = self.answer(verb, line, session) if self.answer else None
        reply = usual if reply is None else reply
        if reply == RESET:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if reply in (RESET, CLOSE):
            raise OSError("as scripted")
        if reply == HANG:
            s.recv(1)
            raise OSError("as scripted")
        parts = reply.split("\n")
        code = parts[-1][:3]
        text = "".join(f"{p}\r\n" for p in parts) if all(p.startswith(code) for p in parts) else reply
        s.sendall(text.encode())
        if code == "421":
            raise OSError("as announced")
        return code[0]

    def _secure(self, s):
        try:
            s = self.tls.wrap_socket(s, server_side=True)
        except OSError as e:
            self.handshakes.append(str(e))
            raise
        self.handshakes.append("resumed" if s.session_reused else s.version())
        return s

    def _talk(self, s, lines, number, greets=True, is_secure=False):
        session = {"connection": number, "sender": None, "rcpts": []}
        is_secure = is_secure or self.is_implicit
        if greets and self._reply(s, "GREETING", "", session, "220 hop.example ESMTP") != "2":
            return
        while True:
            line = lines.readline()
            if not line:
                return
            line = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            verb = line[:4].upper()
            with self.lock:
                self.commands.append((number, line))
            usual = {"MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", "DATA": "354 go on", "QUIT": "221 bye",
                     "RSET": "250 ok", "STAR": "220 go", "NOOP": "250 ok", "HELO": "250 hop.example"}.get(verb, "502 5.5.1 what?")
            if verb == "EHLO":
                words = ["hop.example", *self.keywords] + (["STARTTLS"] if self.tls and not is_secure else [])
                usual = "\n".join(f"250{'-' if w is not words[-1] else ' '}{w}" for w in words)
            if verb == "DATA" and not session["rcpts"]:
                usual = "554 5.5.1 no valid recipients"
            if verb == "BDAT":
                self._take_piece(s, lines, line, session)
                continue
            code = self._reply(s, verb, line, session, usual)
            if verb == "QUIT":
                return
            if verb == "STAR" and code == "2":
                with self._secure(s) as inner, inner.makefile("rb") as inner_lines:
                    return self._talk(inner, inner_lines, number, greets=False, is_secure=True)
            if verb in ("RSET", "EHLO", "HELO"):
                session.update(sender=None, rcpts=[])
            elif verb == "MAIL" and code == "2":
                session.update(sender=re.search("<(.*?)>", line).group(1), rcpts=[], mail=line)
            elif verb == "RCPT" and code == "2":
                session["rcpts"].append(re.search("<(.*)>", line).group(1))
            elif verb == "DATA" and code == "3":
                self._take(s, lines, session)

    def _take_piece(self, s, lines, line, session):
        session["pieces"] = session.get("pieces", b"") + lines.read(int(line.split()[1]))
        if line.upper().endswith(" LAST"):
            self._keep(s, session, session.pop("pieces"))
        else:
            self._reply(s, "BDAT", line, session, "250 2.0.0 more")

    def _take(self, s, lines, session):
        data = []
        while True:
            line = lines.readline()
            if not line:
                return
            if line == b".\r\n":
                break
            data.append(line[1:] if line.startswith(b".") else line)
        self._keep(s, session, b"".join(data))

    def _keep(self, s, session, data):
        message = Taken(session["sender"], session["rcpts"], data, session["connection"], session["mail"])
        with self.lock:
            self.attempts.append(message)
        if self._reply(s, "DOT", "", dict(session, message=message), "250 2.0.0 taken") == "2":
            with self.lock:
                self.taken.append(message)
        session.update(sender=None, rcpts=[])


# ---- the daemon in its folder ----------------------------------------------------------------------


class World:
    def __init__(self, name):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix="fermoposta-e2e.")
        os.chmod(self.dir, 0o755)
        self.conf = self.path("fermoposta.conf")
        self.log_file = self.path("log")
        self.children, self.closers, self.daemon = [], [], None
        os.mkdir(self.path("bin"))
        home = self.programs()
        for link in LINKS:
            os.symlink(os.path.join(home, "fermoposta"), self.path("bin", link))
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("FERMOPOSTA")}
        self.env.update(PATH=self.path("bin") + ":" + os.environ.get("PATH", ""), FERMOPOSTA_CONF=self.conf,
                        LC_ALL="C", TZ="UTC")
        self.port = None

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def configure(self, text="", listen=True, **settings):
        """Writes the configuration: what every test has, settings that differ, then the tables."""
        base = {"hostname": "mail.example.org", "user": "", "spool": self.path("spool.db"),
                "socket": self.path("socket"), "log": self.log_file}
        base.update(settings)
        lines = []
        for key, value in base.items():
            lines.append(f"{key} = {value}" if isinstance(value, int) else f"{key} = {json.dumps(value)}")
        if "listen" not in text:
            if listen:
                self.port = self.port or free_port()
                lines.append(f'listen = ( {{ address = "127.0.0.1:{self.port}" }} )')
            else:
                lines.append("listen = ()")
        with open(self.conf, "w") as f:
            f.write("\n".join(lines) + "\n" + text + "\n")

    def programs(self):
        """Where the programs lie for everybody: a build in a private folder is copied."""
        folder = BUILD
        while os.stat(folder).st_mode & 0o001:
            if folder == os.path.dirname(folder):
                return BUILD
            folder = os.path.dirname(folder)
        os.mkdir(self.path("programs"))
        for name in ("fermoposta", "fermopostad"):
            shutil.copy(os.path.join(BUILD, name), self.path("programs", name))
        return self.path("programs")

    def spawn(self, argv, **options):
        child = subprocess.Popen(argv, env=options.pop("env", self.env), cwd=self.dir, **options)
        self.children.append(child)
        return child

    def start(self, **options):
        """Starts the daemon (options: of subprocess.Popen) and waits until it says that it is there."""
        before = self.log().count("daemon started")
        errors = open(self.path("stderr"), "ab")
        self.daemon = self.spawn([self.path("bin/fermoposta"), "daemon"], stdin=subprocess.DEVNULL,
                                 stdout=errors, stderr=errors, **options)
        errors.close()

        def is_up():
            if self.daemon.poll() is not None:
                raise Failed(f"the daemon ended with {self.daemon.returncode}: {self.read('stderr')}")
            return self.log().count("daemon started") > before
        await_(is_up, "daemon started")

    def stop(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        code = self.daemon.wait(PATIENCE)
        self.children.remove(self.daemon)
        equal(code, -number if number == signal.SIGKILL else 0, "the daemon's end")
        self.daemon = None

    def restart(self):
        self.stop()
        self.start()

    def read(self, name):
        try:
            with open(self.path(name), errors="backslashreplace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def log(self):
        return self.read("log")

    def await_log(self, pattern, what="", count=1):
        return await_(lambda: len(re.findall(pattern, self.log(), re.M)) >= count, f"in the log: {pattern} {what}")

    def run(self, *argv, stdin=b"", code=0, **options):
        """A command by its name; its exit status must be `code` (None: any). stdout and stderr as text."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        argv = [self.path("bin", argv[0]) if argv[0] in LINKS else argv[0], *argv[1:]]
        p = subprocess.run(argv, input=stdin, capture_output=True, env=options.pop("env", self.env), cwd=self.dir,
                           timeout=PATIENCE, **options)
        p.out = p.stdout.decode("utf-8", "backslashreplace")
        p.err = p.stderr.decode("utf-8", "backslashreplace")
        if code is not None:
            equal(p.returncode, code, f"exit status of {' '.join(argv)} ({(p.out + p.err)[-600:]})")
        return p

    def sendmail(self, *arguments, text="Subject: test\n\nbody\n", code=0, **options):
        return self.run("sendmail", *arguments, stdin=text, code=code, **options)

    def queue(self, *filters):
        """The queue as `list --format=jsonl` tells it."""
        return [json.loads(line) for line in self.run("fermoposta", "list", "--format=jsonl", *filters).out.splitlines()]

    def id_of(self, *filters):
        rows = self.queue(*filters)
        equal(len(rows), 1, f"messages with {filters}")
        return rows[0]["queue_id"]

    def await_empty(self):
        await_(lambda: not self.queue(), "an empty queue")

    def client(self, port=None):
        return Client("127.0.0.1", port or self.port)

    def close(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        for closer in self.closers:
            closer()
        shutil.rmtree(self.dir, ignore_errors=True)


class Client:
    """An SMTP client that says what it is told to, byte by byte if need be."""

    def __init__(self, ip, port):
        self.s = socket.create_connection((ip, port), timeout=PATIENCE)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.s.makefile("rb")
        self.banner = self.reply()

    def reply(self):
        """One reply, its lines joined by \\n; "" when the connection has ended."""
        got = []
        while True:
            line = self.lines.readline().decode().rstrip("\r\n")
            got.append(line)
            if len(line) < 4 or line[3] != "-":
                return "\n".join(got)

    def send(self, data):
        self.s.sendall(data.encode() if isinstance(data, str) else data)

    def ask(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def want(self, line, code):
        got = self.ask(line)
        if not got.startswith(code):
            raise Failed(f"{line[:80]!r}: got {got!r}, wanted {code}")
        return got

    def envelope(self, sender="a@s.example", rcpts=("b@d.example",), hello="EHLO client.example"):
        self.want(hello, "250")
        self.mail(sender, rcpts)
        return self

    def mail(self, sender="a@s.example", rcpts=("b@d.example",)):
        self.want(f"MAIL FROM:<{sender}>", "250")
        for rcpt in rcpts:
            self.want(f"RCPT TO:<{rcpt}>", "250")
        self.want("DATA", "354")

    def is_closed(self):
        try:
            return self.lines.readline() == b""
        except ConnectionError:
            return True

    def close(self):
        self.lines.close()
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- running ---------------------------------------------------------------------------------------


def run_one(name, function):
    """"ok", "failed" or "skipped"."""
    world = World(name)
    began = time.monotonic()
    try:
        function(world)
        print(f"ok      {name} ({time.monotonic() - began:.1f} s)", flush=True)
        return "ok"
    except Skip as why:
        print(f"skipped {name}: {why}", flush=True)
        return "skipped"
    except Exception:
        print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
        print("---- log\n" + "\n".join(world.log().splitlines()[-60:]) + "\n---- stderr\n" + world.read("stderr")[-2000:])
        return "failed"
    finally:
        world.close()


def main(names):
    """Runs every test_* of a file, or those that the command line names."""
    tests = [n for n in names if n.startswith("test_") and (len(sys.argv) < 2 or n in sys.argv[1:])]
    if not tests:
        sys.exit("no tests")
    if not os.access(os.path.join(BUILD, "fermopostad"), os.X_OK):
        sys.exit(f"no programs in {BUILD}: set FP_BUILD")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1))  # so that what was started is ended
    results = [run_one(n, names[n]) for n in tests]
    if "failed" in results:
        sys.exit(1)
    sys.exit(0 if "ok" in results else SKIPPED)
