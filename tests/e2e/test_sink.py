# SPDX-License-Identifier: BSD-2-Clause
"""Postfix's smtp-sink as next hop, with each of its faults: what becomes of the mail, and what the log
and the history say of it."""
import glob
import os
import re
import socket
import sqlite3
import subprocess

from lib import await_, equal, free_port, main, match, peer

SAID = r"host 127\.0\.0\.1\[127\.0\.0\.1\] said: "
LOST = r"lost connection with 127\.0\.0\.1\[127\.0\.0\.1\] while "
REFUSED = r"host 127\.0\.0\.1\[127\.0\.0\.1\] refused to talk to me: "
SOFT, HARD, BYE = r"450 4\.3\.0 Error: command failed", r"500 5\.3\.0 Error: command failed", r"421 4\.0\.0 Server closing connection"
SENT = ("2.0.0", "sent", r"250 2\.0\.0 Ok", "none", "end of data")


def said(dsn, status, text, command, kind, stage):
    return dsn, status, rf"{SAID}{text} \(in reply to {command}(?: command)?\)", kind, stage


def lost(doing, stage, more=""):
    return "4.4.2", "deferred", LOST + doing + more, "host", stage


# Options of the sink, and: enhanced status, status, the reason; class and stage in the history.
ROWS = [
    ("", SENT),
    ("-8", SENT),  # no 8BITMIME: it is converted
    ("-e", SENT),  # no ESMTP: EHLO is refused, HELO is not
    ("-p", SENT),  # no PIPELINING
    ("-P", SENT),  # a greeting as of a Cisco PIX
    ("-N", SENT),  # no DSN
    ("-E", SENT),  # no ENHANCEDSTATUSCODES
    ("-a -C -F", SENT),
    ("-L", ("2.2.0", "sent", r"250 2\.2\.0 Ok", "none", "end of data")),
    ("-w 1", SENT),
    ("-p -W RCPT:1", SENT),
    ("-r CONNECT", ("4.3.0", "deferred", REFUSED + SOFT, "host", "greeting")),
    ("-r EHLO", said("4.3.0", "deferred", SOFT, "EHLO", "host", "ehlo")),
    ("-r MAIL", said("4.3.0", "deferred", SOFT, "MAIL FROM", "message", "mail")),
    ("-r RCPT", said("4.3.0", "deferred", SOFT, "RCPT TO", "greylist", "rcpt")),
    ("-r DATA", said("4.3.0", "deferred", SOFT, "DATA", "message", "data")),
    ("-r .", said("4.3.0", "deferred", SOFT, "end of DATA", "message", "end of data")),
    ("-r RSET", SENT),
    ("-r QUIT", SENT),
    ("-f CONNECT", ("4.3.0", "deferred", REFUSED + HARD, "host", "greeting")),  # the host's, not the mail's
    ("-f EHLO", SENT),
    ("-f EHLO,HELO", said("4.3.0", "deferred", HARD, r"\w+", "host", "ehlo")),
    ("-f MAIL", said("5.3.0", "bounced", HARD, "MAIL FROM", "refused", "mail")),
    ("-f RCPT", said("5.3.0", "bounced", HARD, "RCPT TO", "refused", "rcpt")),
    ("-f DATA", said("5.3.0", "bounced", HARD, "DATA", "refused", "data")),
    ("-f .", said("5.3.0", "bounced", HARD, "end of DATA", "refused", "end of data")),
    ("-f RSET", SENT),
    ("-f QUIT", SENT),
    ("-q CONNECT", lost("receiving the initial server greeting", "greeting")),
    ("-q EHLO", lost("performing the EHLO handshake", "ehlo")),
    ("-q MAIL", lost("sending MAIL FROM", "mail")),
    ("-q RCPT", lost("sending RCPT TO", "rcpt")),
    ("-q DATA", lost("sending DATA command", "data")),
    ("-q .", lost("sending end of data", "end of data", " -- message may have been delivered")),
    ("-q RSET", SENT),
    ("-q QUIT", SENT),
    ("-Q CONNECT", ("4.0.0", "deferred", REFUSED + BYE, "host", "greeting")),
    ("-Q EHLO", said("4.0.0", "deferred", BYE, "EHLO", "host", "ehlo")),
    ("-Q MAIL", said("4.0.0", "deferred", BYE, "MAIL FROM", "host", "mail")),
    ("-Q RCPT", said("4.0.0", "deferred", BYE, "RCPT TO", "host", "rcpt")),
    ("-Q DATA", said("4.0.0", "deferred", BYE, "DATA", "host", "data")),
    ("-Q .", said("4.0.0", "deferred", BYE, "end of DATA", "host", "end of data")),
    ("-Q RSET", SENT),
    ("-Q QUIT", SENT),
    ("-r RCPT -b 452_4.2.2_Full", said("4.2.2", "deferred", r"452 4\.2\.2 Full", "RCPT TO", "mailbox-full", "rcpt")),
    ("-r RCPT -b 450_4.7.1_Try_again_in_300_seconds",
     said("4.7.1", "deferred", r"450 4\.7\.1 Try again in 300 seconds", "RCPT TO", "greylist", "rcpt")),
    ("-r MAIL -b 451_4.7.1_Rate_limit_exceeded",
     said("4.7.1", "deferred", r"451 4\.7\.1 Rate limit exceeded", "MAIL FROM", "rate", "mail")),
    ("-r CONNECT -b 421_4.7.0_Too_many_connections",
     ("4.7.0", "deferred", REFUSED + r"421 4\.7\.0 Too many connections", "rate", "greeting")),
    ("-f RCPT -B 550_5.1.1_No_such_user", said("5.1.1", "bounced", r"550 5\.1\.1 No such user", "RCPT TO", "refused", "rcpt")),
]


class Sink:
    """smtp-sink on a port of its own; what it takes is written to files below dumps/NAME."""

    def __init__(self, world, name, options):
        self.world, self.program, self.port = world, peer("smtp-sink"), free_port()
        self.folder = world.path("dumps", name)
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o777)  # it does not stay root
        self.up(options)

    def up(self, options):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        options = [option.replace("_", " ") for option in options.split()]
        argv = [self.program, *user, "-d", self.folder + "/m.", *options, f"127.0.0.1:{self.port}", "100"]
        with open(self.world.path("sinks"), "ab") as out:
            self.child = self.world.spawn(argv, stdout=out, stderr=subprocess.STDOUT)
        await_(self.is_up, f"smtp-sink {options}")

    def is_up(self):
        if self.child.poll() is not None:
            raise AssertionError(f"smtp-sink ended: {self.world.read('sinks')}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        except OSError:
            return False
        return True

    def down(self):
        self.child.terminate()
        self.child.wait()

    def taken(self):
        """The messages, without what the sink writes above them."""
        texts = []
        for path in glob.glob(self.folder + "/m.*"):
            with open(path, "rb") as f:
                texts.append(f.read())
        return [t for t in texts if b"Subject:" in t]


def start(world, sinks):
    rows = []
    for i, (options, sink) in enumerate(sinks):
        scheme = "lmtp" if options == "-L" else "smtp"
        rows.append(f'{{ for = "d{i}.example", to = [ "{scheme}://127.0.0.1:{sink.port}" ] }}')
    world.configure('route = (\n' + ",\n".join(rows) + ',\n{ for = "*", to = [ "discard:" ] } )\n'
                    'retry = ( { for = "*", schedule = "600s" } )\n')
    world.start()


def send(world, i):
    world.sendmail("-f", "a@home.example", f"b@d{i}.example", text=f"Subject: n{i}\n\nGrüße\n")


def check_row(world, i, options, want):
    dsn, status, text, _, _ = want
    await_(lambda: f"to=<b@d{i}.example>" in world.log(), f"an attempt with {options!r}")
    line = next(line for line in world.log().splitlines() if f"to=<b@d{i}.example>" in line)
    match(line, rf"dsn={re.escape(dsn)}, status={status} \({text}\)$", f"with {options!r}")


def test_faults(world):
    sinks = [(options, Sink(world, f"n{i}", options)) for i, (options, _) in enumerate(ROWS)]
    start(world, sinks)
    for i in range(len(ROWS)):
        send(world, i)
    for i, (options, want) in enumerate(ROWS):
        check_row(world, i, options, want)
    waiting = sorted(f"b@d{i}.example" for i, (_, want) in enumerate(ROWS) if want[1] == "deferred")
    await_(lambda: len(world.queue()) == len(waiting), f"{len(waiting)} messages in the queue")
    equal(sorted(r["address"] for m in world.queue() for r in m["recipients"]), waiting, "who waits")
    spool = sqlite3.connect(world.path("spool.db"))
    for i, (options, want) in enumerate(ROWS):
        got = spool.execute("SELECT class, stage FROM history WHERE recipient = ?", (f"b@d{i}.example",)).fetchall()
        equal(got, [want[3:]], f"class and stage with {options!r}")
        # A sink that breaks off behind the end mark, or refuses then, has the message all the same.
        if want[4] != "end of data" or want[1] == "sent":
            equal(len(sinks[i][1].taken()), int(want[1] == "sent"), f"messages that the sink took with {options!r}")
    spool.close()
    match(sinks[0][1].taken()[0], "^Grüße$", "as it was, to a host with 8BITMIME")
    match(sinks[1][1].taken()[0], "^R3LDvMOfZQ0K$", "without it: the same in base64")


def test_verdict_that_comes_early(world):
    """550 right behind 354: before anything was sent it is nobody's answer, behind the end mark it counts. Which
    of the two it is, chance decides."""
    start(world, [("-A 0", Sink(world, "n0", "-A 0"))])
    send(world, 0)
    world.await_log(r"to=<b@d0\.example>.*(dsn=5\.0\.0, status=bounced|dsn=4\.0\.0, status=deferred) \(" + SAID +
                    "550 This violates SMTP")


def test_afterwards(world):
    """The faults are over: everything that waited goes, and what was in doubt goes again."""
    rows = ["-r CONNECT", "-r RCPT", "-r .", "-q MAIL", "-q DATA", "-q .", "-Q EHLO", "-Q .", "-f CONNECT"]
    sinks = [(options, Sink(world, f"n{i}", options)) for i, options in enumerate(rows)]
    start(world, sinks)
    for i in range(len(rows)):
        send(world, i)
    for i in range(len(rows)):
        world.await_log(rf"to=<b@d{i}\.example>.* status=deferred")
    for _, sink in sinks:
        sink.down()
        for path in glob.glob(sink.folder + "/*"):
            os.unlink(path)
        sink.up("")
    world.run("fermoposta", "flush")
    world.await_empty()
    for i, (options, sink) in enumerate(sinks):
        world.await_log(rf"to=<b@d{i}\.example>.* status=sent")
        equal(len(sink.taken()), 1, f"messages in the end, after {options!r}")


main(globals())
