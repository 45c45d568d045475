# SPDX-License-Identifier: BSD-2-Clause
"""The order of system calls: between the last read of a message's bytes and the write of its "250 2.0.0
Ok: queued as", they were written to the spool's write-ahead log, and it was synced. What is looked at is
what the kernel was asked, in the order a tracer saw it. Needs strace; without it the test is skipped, or
fails where CI=true. Where syncs are left out, it is shown to see that."""

import os
import re
import shutil
import sys

from stage import Stage, lines_of, main

CALLS = "fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg,read,readv,recvfrom,recvmsg"
READS = ("read", "readv", "recvfrom", "recvmsg")
WRITES = ("write", "writev", "sendto", "sendmsg")
MESSAGES = 10


def lines_in(n):
    """Every other message comes in several chunks, of which only the last is committed with it."""
    return 6000 * 5 if n % 2 else 20


class Call:
    """One system call: where in the trace it began and ended, its name, arguments and result."""

    def __init__(self, begin, name, text):
        self.begin, self.end, self.name, self.text = begin, None, name, text


def parse(lines):
    """Calls of all threads; one that another thread's line interrupts is put together again."""
    calls, open_calls = [], {}
    for number, line in enumerate(lines):
        match = re.match(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)", line)
        if not match:
            continue
        thread, resumed, name, rest = match.groups()
        if resumed:
            call = open_calls.pop((thread, resumed), None)
            if not call:
                continue
            call.text += rest
        else:
            call = Call(number, name, rest)
            calls.append(call)
            if rest.endswith("<unfinished ...>"):
                open_calls[(thread, name)] = call
                continue
        call.end = number
    return [call for call in calls if call.end is not None]


def is_socket(call):
    return re.match(r"\d+<(socket|TCP|TCPv6):", call.text) is not None


def is_synced(calls, token, lines):
    """Its last line is read, it is written to the log, the log is synced, 250 is written."""
    last = f"{token} {lines - 1} text"
    reads = [c for c in calls if c.name in READS and is_socket(c) and last in c.text]
    assert len(reads) == 1, f"{token}: its end was read {len(reads)} times"
    later = [c for c in calls if c.begin > reads[0].end]
    replies = [c for c in later if c.name in WRITES and is_socket(c) and "250 2.0.0 Ok: queued as" in c.text]
    assert replies, f"{token}: no 250 was written"
    logged = [c for c in later if c.name == "pwrite64" and "spool.db-wal>" in c.text and last in c.text]
    assert logged, f"{token}: was not written to the log"
    return any(c.name in ("fdatasync", "fsync") and "spool.db-wal>" in c.text and c.text.endswith("= 0")
               and c.begin > logged[0].end and c.end < replies[0].begin for c in later)


def trace_messages(lies):
    """How many of them were not synced before their 250. The daemon may be made to lie to itself."""
    with Stage() as stage:
        trace = stage.folder / "trace"
        stage.orders.give(0, 0, 0, lies=lies)
        # The ends of messages must be seen: strings are kept whole.
        stage.start(failing=lies, before=["strace", "-f", "-y", "-s", "100000", "-o", trace, "-e", f"trace={CALLS}"])
        for n in range(MESSAGES):
            reply = stage.send([f"t{n}@down.example"], lines=lines_in(n), token=f"t{n}")
            assert reply and "queued as" in reply, f"not taken: {reply}"
        stage.stop()
        calls = parse(lines_of(trace))
        return sum(not is_synced(calls, f"t{n}", lines_in(n)) for n in range(MESSAGES))


def test():
    count = trace_messages(lies=False)
    assert count == 0, f"{count} of {MESSAGES} got 250 without a sync"
    count = trace_messages(lies=True)
    assert count == MESSAGES, f"where nothing is synced, only {count} of {MESSAGES} were found"
    print(f"{MESSAGES} messages: each was synced before its 250")


if shutil.which("strace"):
    main(test)
else:
    print("strace is not here")
    sys.exit(1 if os.environ.get("CI") == "true" else 77)
