# SPDX-License-Identifier: BSD-2-Clause
"""What every test of tests/fault begins with: a scratch folder, the daemon in it, a next hop and
clients that keep accounts (tests/tools/tally.c, load.c), and orders to the library that makes system
calls fail (failing.c). No test here tells how the spool works; they hold it to its promises."""

import concurrent.futures
import json
import mmap
import os
import pathlib
import queue
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

PWRITE, SYNC, WRITE, WRITEV, SENDMSG, TRUNCATE, UNLINK = 1, 2, 4, 8, 16, 32, 64
EVERY_KIND = 127
KILL, TORN, EIO, ENOSPC, EINTR, SHORT, POWER, SCATTER, HANG = range(1, 10)
FOR_EVER = 0xFFFFFFFF

CONFIGURATION = """
hostname = "mail.example.org"
user     = ""
mode     = "{mode}"
spool    = "{folder}/spool.db"
socket   = "{folder}/socket"
log      = "{folder}/log"
listen   = ( {{ address = "127.0.0.1:{port}", protocol = "smtp", trusted = [ "127.0.0.0/8" ] }} )
route    = (
  {{ for = "a.example", to = [ "smtp://127.0.0.1:{tally}" ] }},
  {{ for = "b.example", to = [ "smtp://127.0.0.2:{tally}" ] }},
  {{ for = "s.example", to = [ "smtp://127.0.0.3:{tally}" ] }},
  {{ for = "down.example", to = [ "smtp://127.0.0.4:9" ] }}
)
limit    = ( {{ for = "*", connections = 100 }} )
retry    = ( {{ for = "*", schedule = "1s", warn_after = [], expire_after = "1h" }} )
"""


def free_port():
    """Below the range of ports that connections get of themselves: else one that is made while the
    daemon is down may take its port, or even talk to itself."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def wait_until(what, seconds, condition, pause=0.01):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not seen within {seconds} seconds: {what}")
        time.sleep(pause)


def lines_of(path):
    """Whole lines only: the program that writes them may be in the middle of one."""
    try:
        text = pathlib.Path(path).read_text()
    except FileNotFoundError:
        return []
    return text[: text.rfind("\n") + 1].splitlines()


def in_parallel(tasks, work, workers=8):
    """work(task, key) for each of them, in threads that are told apart by key; most of the time of a
    story is waiting. The first break is everybody's."""
    keys = queue.Queue()
    for key in range(workers):
        keys.put(key)

    def run(task):
        key = keys.get()
        try:
            return work(task, key)
        finally:
            keys.put(key)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, tasks))


class Orders:
    """What failing.c is told; see there."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(32))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 32)

    def give(self, kinds, how, first, last=None, lies=False, has_power=None):
        """Numbers are counted from here on. Whether power can be cut is settled when the daemon starts."""
        if has_power is None:
            has_power = how in (POWER, SCATTER)
        self.map[0:32] = struct.pack("8I", kinds, 0, 0, how, 0, 0, lies, has_power)
        self.map[8:12] = struct.pack("I", first if last is None else last)
        self.map[4:8] = struct.pack("I", first)

    def disarm(self):
        self.map[4:8] = bytes(4)

    def seen(self):
        return struct.unpack("I", self.map[16:20])[0]

    def failed(self):
        return struct.unpack("I", self.map[20:24])[0]


class Stage:
    """One daemon with its folder and its next hop."""

    def __init__(self, tally_delay_ms=0):
        self.build = pathlib.Path(os.environ["FP_BUILD"])
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fermoposta-fault."))
        (self.folder / "log").touch()
        self.children = []
        self.daemon = None
        self.starts = 0
        self.orders = Orders(self.folder / "orders")
        tally = self.spawn([os.environ["FP_TALLY"], self.folder, str(tally_delay_ms)],
                           stdout=subprocess.PIPE, text=True)
        self.tally_port = int(tally.stdout.readline())
        self.port = free_port()
        self.config = self.folder / "fermoposta.conf"
        self.config.write_text(CONFIGURATION.format(folder=self.folder, port=self.port, tally=self.tally_port,
                                                    mode=os.environ.get("FP_MODE", "background")))

    def spawn(self, words, **options):
        child = subprocess.Popen([str(word) for word in words], **options)
        self.children.append(child)
        return child

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        if kind:
            print("---- the end of the log\n" + "\n".join(lines_of(self.folder / "log")[-30:]), file=sys.stderr)
        if os.environ.get("FP_KEEP"):
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder)

    # ---- the daemon

    def start(self, failing=False, before=(), must_start=True, environment=None):
        """Starts it and waits until it is ready; False if it ended before (only if it may). `before` is
        a tracer and its arguments."""
        environment = {**os.environ, **(environment or {})}
        if failing:
            environment["LD_PRELOAD"] = os.environ["FP_FAILING_LIBRARY"]
            environment["FP_FAILING"] = str(self.orders.path)
        if "LD_PRELOAD" in environment:
            environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        if before:  # leaks cannot be looked for by who is being traced
            environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        begun = self.log_size()
        words = [*before, self.build / "fermopostad", "daemon", "-c", self.config]
        self.daemon = self.spawn(words, env=environment)
        wait_until("daemon started", 30,
                   lambda: self.daemon.poll() is not None or "daemon started" in self.log_from(begun))
        assert not must_start or self.daemon.poll() is None, f"the daemon ended with {self.daemon.returncode}"
        return self.daemon.poll() is None

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()

    def cut_power(self, how=POWER):
        """It must have been started with orders that say that this can happen."""
        self.orders.give(EVERY_KIND, how, 1, FOR_EVER)
        self.daemon.wait(timeout=20)
        assert self.daemon.returncode == -signal.SIGKILL, f"the daemon ended with {self.daemon.returncode}"

    def stop(self):
        """A tracer would keep the signal to itself."""
        children = pathlib.Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text().split()
        os.kill(int(children[0]) if children else self.daemon.pid, signal.SIGTERM)
        assert self.daemon.wait(timeout=60) == 0, f"the daemon ended with {self.daemon.returncode}"
        assert not (self.folder / "spool.db-wal").exists(), "a spool at rest is to be one file"

    def log_size(self):
        return (self.folder / "log").stat().st_size

    def log_from(self, offset):
        with open(self.folder / "log", errors="replace") as log:
            log.seek(offset)
            return log.read()

    def stats(self):
        """What `stats` says of the daemon."""
        run = subprocess.run([self.build / "fermoposta", "stats", "-c", self.config, "--format=json"],
                             capture_output=True, text=True, check=True)
        return json.loads(run.stdout)["daemon"]

    def queue(self):
        """Recipients in the queue, as the program tells; None if the daemon is just dying."""
        run = subprocess.run([self.build / "fermoposta", "list", "-c", self.config, "--format=jsonl"],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0 or self.daemon.poll() is not None:
            return None
        return [r["address"] for line in run.stdout.splitlines() for r in json.loads(line)["recipients"]]

    def recorded_open(self, check=False):
        """Recipients that stand in the spool of a daemon that is dead. A copy is looked at: what is
        to be recovered, the daemon is to recover."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            for name in ("spool.db", "spool.db-wal"):
                if (self.folder / name).exists():
                    shutil.copy(self.folder / name, folder)
            db = sqlite3.connect(f"{folder}/spool.db")
            if check:
                verdict = db.execute("PRAGMA integrity_check").fetchone()[0]
                assert verdict == "ok", f"integrity_check: {verdict}"
            rows = db.execute("SELECT recipient FROM mailq").fetchall()
            db.close()
        return [row[0] for row in rows]

    # ---- the accounts

    def account(self, name):
        return lines_of(self.folder / name)

    def stat(self):
        """(connections, recipients in transactions that broke) of the next hop."""
        with socket.create_connection(("127.0.0.1", self.tally_port)) as s:
            s.sendall(b"STAT\r\n")
            f = s.makefile()
            f.readline()
            words = f.readline().split()
        return int(words[2]), int(words[4])

    def load(self, connections, rate=0):
        return self.spawn([os.environ["FP_LOAD"], self.port, connections, self.folder, rate],
                          stdout=subprocess.PIPE, text=True)

    def send(self, recipients, lines=20, token="t1", patience=30):
        """One message; the reply to its dot, or None if the connection broke before."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as s:
                f = s.makefile("rwb")

                def say(line):
                    f.write(line + b"\r\n")
                    f.flush()
                    while True:
                        reply = f.readline().decode()
                        if not reply.endswith("\n"):
                            raise ConnectionResetError
                        if reply[3] != "-":
                            return reply

                f.readline()
                for line in ("EHLO test.example", "MAIL FROM:<sender@s.example>",
                             *(f"RCPT TO:<{r}>" for r in recipients), "DATA"):
                    reply = say(line.encode())
                    if reply[0] not in "23":
                        return reply
                body = [f"{token} {i} text" for i in range(lines)]
                header = [f"Message-ID: <{token}@s.example>", f"X-Token: {token} {lines}", ""]
                return say("\r\n".join([*header, *body, "."]).encode())
        except OSError:
            return None

    # ---- what must hold in the end

    def drain(self, seconds=60):
        """The program is asked only when all that was promised is there, or time goes by: it may have a
        long list to print."""

        def is_done():
            return not set(self.account("acked")) - set(self.account("arrived")) and self.queue() == []

        def is_stuck():
            return time.monotonic() > begin + 10 and self.queue() == []

        begin = time.monotonic()
        wait_until("an empty queue", seconds, lambda: is_done() or is_stuck(), 0.2)

    def check_accounts(self):
        """Nothing that was promised is lost, nothing that was not arrives. Returns duplicates."""
        arrived, acked = self.account("arrived"), self.account("acked")
        lost = set(acked) - set(arrived)
        assert len(acked) == len(set(acked))
        assert not lost, f"{len(lost)} LOST of {len(acked)}: {sorted(lost)[:5]}"
        for name in ("refused", "cut"):
            ghosts = set(self.account(name)) & set(arrived)
            assert not ghosts, f"{len(ghosts)} arrived though {name}: {sorted(ghosts)[:5]}"
        damaged = self.account("damaged")
        assert not damaged, f"{len(damaged)} damaged: {damaged[:5]}"
        return len(arrived) - len(set(arrived))


def main(test):
    """Runs it; its breaks are told in a sentence."""
    try:
        test()
    except AssertionError as e:
        print(f"FAILED: {e}", file=sys.stderr)
        sys.exit(1)
