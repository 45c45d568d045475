# SPDX-License-Identifier: BSD-2-Clause
"""The proof of durability, the same for every mail system: what the kernel was asked, in order.

For each message strace must have seen this: its last bytes are read from the client; then they are
written to a file; then that file is synced, with success; then its 250 is written to the client. The
messages come in ten sessions at once, so that commits which messages share are looked at as well.
"""

import re
import shutil
import signal
import time

import samples
from load import Stage, Wrong
from process import Program
from syscalls import PerfCounter, StraceCounter, strace

READS = ("read", "readv", "recvfrom", "recvmsg")
WRITES = ("write", "writev", "sendto", "sendmsg")
FILES = ("write", "writev", "pwrite64", "pwritev", "pwritev2")
SYNCS = ("fsync", "fdatasync")
CALLS = dict.fromkeys(READS + WRITES + FILES + SYNCS)
SHOWN = 1 << 20  # bytes of each call: more than a commit that many messages share
SESSIONS = 10
BODY_BYTES = 1000
LINE = re.compile(r"(\d+) +\d+\.\d+ (?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)", re.S)
TARGET = re.compile(r"\d+<([^>]*)>")
TOKEN = re.compile(r"p\d-\d+(?= ends)")


class Call:
    """One system call: the lines of the trace where it began and ended, and what was said of it."""

    def __init__(self, begin, name, text):
        self.begin, self.end, self.name, self.text = begin, begin, name, text

    def target(self):
        """The file's name, or the socket with its number. Postfix moves a file from folder to folder
        while it is being written; its name stays."""
        found = TARGET.match(self.text)
        return found[1].rpartition("/")[2] if found else ""

    def is_socket(self):
        return self.target().startswith(("socket:", "TCP:"))

    def succeeded(self):
        return re.search(r"= (-1|\?)", self.text[-80:]) is None


def parse(lines):
    """All calls in the order of their beginnings; halves are put together. One that was still open
    at the end is left out."""
    calls, halves = [], {}
    for number, line in enumerate(lines):
        match = LINE.match(line)
        if not match:
            continue
        thread, resumed, name, rest = match.groups()
        if resumed:
            call = halves.pop(thread, None)
            if call:
                call.text, call.end = call.text + rest, number
        else:
            call = Call(number, name, rest)
            calls.append(call)
            if rest.rstrip().endswith("<unfinished ...>"):
                halves[thread] = call
    open_calls = set(map(id, halves.values()))
    return [call for call in calls if id(call) not in open_calls]


def prove(calls):
    """By message: None if it was durable before its 250, else what is missing."""
    tokens, by_target = {}, {}
    for call in calls:
        by_target.setdefault(call.target(), []).append(call)
        if call.is_socket() and call.name in READS:
            for token in TOKEN.findall(call.text):
                # Mail systems of several processes hand it on; the client's is what ended first.
                if token not in tokens or call.end < tokens[token].end:
                    tokens[token] = call
    writes = {}
    for call in calls:
        if call.name in FILES and not call.is_socket():
            for token in TOKEN.findall(call.text):
                writes.setdefault(token, []).append(call)
    return {token: missing(read, writes.get(token, []), by_target) for token, read in tokens.items()}


def missing(read, writes, by_target):
    replies = [c for c in by_target[read.target()]
               if c.begin > read.end and c.name in WRITES and '"250' in c.text]
    if not replies:
        return "no 250 was written"
    written = [c for c in writes if c.begin > read.end and c.end < replies[0].begin and c.succeeded()]
    if not written:
        return "it was not written to a file before its 250"
    for write in written:
        for sync in by_target[write.target()]:
            if (sync.name in SYNCS and sync.succeeded() and sync.begin > write.end
                    and sync.end < replies[0].begin):
                return None
    return "the file was not synced before its 250"


def send_all(bench, peer, n):
    """n messages in ten sessions at once; returns how many."""
    each = max(n // SESSIONS, 1)
    argv = [str(bench.tool("dot")), str(peer.port), str(each), str(BODY_BYTES)]
    senders = [Program([*argv, f"p{i}"], stdout=bench.null) for i in range(SESSIONS)]
    for sender in senders:
        if not sender.wait(300) or sender.status != 0:
            raise Wrong(f"{peer.name}: a sender ended with {sender.status}")
    return each * SESSIONS


def durable(bench, peer, n):
    for name in samples.wrong(parse, prove):
        raise Wrong(f"the proof of durability judges wrongly: {name}")
    trace = bench.file("trace")
    with Stage(bench, peer) as stage:
        options = ["-ttt", "-y", "-s", str(SHOWN), "-e", "trace=" + ",".join(CALLS)]
        tracer = strace(options, peer.group.pids(), trace)
        sent = send_all(bench, peer, n)
        stage.await_count(sent)
        tracer.stop(signal.SIGINT, 60)
        stage.check_even(sent)
    with open(trace, encoding="ascii", errors="replace") as f:
        found = prove(parse(f))
    broken = {token: why for token, why in found.items() if why}
    if broken or len(found) != sent:
        first = next(iter(broken.items()), "")
        bench.out.mkdir(parents=True, exist_ok=True)
        shutil.copy(trace, bench.out / f"{peer.name}.trace")
        raise Wrong(f"{peer.name}: of {sent} messages {len(found)} were seen in the trace, "
                    f"{len(broken)} were not durable before their 250: {first}; see {bench.out}/{peer.name}.trace")
    return {"durable_messages": float(sent), "not_durable": 0.0}


def interactive(bench, peer, n):
    """Relayed before the 250: nothing need be durable, and nothing is synced."""
    peer.settings = 'mode = "interactive"\n'
    try:
        with Stage(bench, peer) as stage:
            time.sleep(0.5)  # what the start has to write is written
            counter = (PerfCounter if bench.has_perf else StraceCounter)(
                peer.group.pids(), bench.file("count"), (*SYNCS, "read"))
            sent = send_all(bench, peer, n)
            stage.await_count(sent)
            counts = counter.stop()
            stage.check_even(sent)
    finally:
        peer.settings = ""
    if counts.get("read", 0) < sent:
        raise Wrong(f"of {sent} messages only {counts.get('read', 0)} reads were counted")
    return {"syncs": float(sum(counts.get(name, 0) for name in SYNCS))}
