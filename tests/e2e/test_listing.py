# SPDX-License-Identifier: BSD-2-Clause
"""Listings on the wire: as JSON and as a stream, to clients that stop or go away, from daemons that lie."""
import csv
import io
import json
import os
import signal
import socket
import threading

from lib import Failed, Hop, await_, equal, main, match

MESSAGES, RCPTS = 40, 500  # together more text than the kernel keeps for a connection


def stage(world, messages=3, rcpts=2):
    """Mail that waits for a host that is not there."""
    world.configure('route = ( { for = "*", to = [ "smtp://127.0.0.1:9" ] } )\n')
    world.start()
    to = [f"recipient-number-{i}@d.example" for i in range(rcpts)]
    for _ in range(messages):
        world.sendmail("-f", "anna@home.example", *to)
    await_(lambda: all(r["queue_name"] == "deferred" for r in world.queue()), "all tried, or waiting behind one that was")


def ask(world, **request):
    """The bytes of the daemon's answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(world.path("socket"))
        s.sendall(b"CONTROL 1\n" + json.dumps(request).encode() + b"\n")
        s.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: s.recv(65536), b""))


def text_of(answer):
    """The text in an answer, how it came, and the exit code."""
    text, ways, code = b"", set(), None
    while answer:
        line, _, answer = answer.partition(b"\n")
        part = json.loads(line)
        ways |= part.keys() - {"exit"}
        if "text" in part:
            text += part["text"].encode()
        elif "bytes" in part:
            text, answer = text + answer[:part["bytes"]], answer[part["bytes"]:]
        elif "exit" in part:
            code = part["exit"]
    return text, ways, code


def test_both_ways(world):
    stage(world)
    for words in ([], ["--format=postfix"], ["--format=jsonl"], ["--format=csv"], ["to=nobody@d.example"]):
        # A table says how long it is until something happens, so its digits differ.
        shown = lambda text: text.translate(None, b"0123456789 ms") if not words else text
        plain, ways, code = text_of(ask(world, verb="list", words=words))
        equal((ways, code), ({"text"}, 0), "plainly asked")
        for stream in (True, False):
            text, ways, code = text_of(ask(world, verb="list", words=words, stream=stream))
            equal((ways, code), ({"bytes" if stream else "text"}, 0), f"stream: {stream}")
            equal(shown(text), shown(plain), f"{words}")
        out = world.run("fermoposta", "list", *words).stdout
        equal(shown(out), shown(plain), f"by the command: {words}")


def test_errors_of_a_stream(world):
    stage(world)
    for request, code in (({"verb": "show", "words": ["000000000000"]}, 66), ({"verb": "list", "words": ["form=x"]}, 64),
                          ({"verb": "list", "stream": 1}, 64), ({"verb": "list", "stream": "yes"}, 64)):
        _, ways, got = text_of(ask(world, **{"stream": True, **request}))
        equal((ways, got), ({"error"}, code), f"{request}")


def test_octets_as_they_are(world):
    """A message that is no UTF-8 is shown as it was stored."""
    stage(world, messages=0)
    body = bytes(range(32, 256)) + b"\n"
    world.sendmail("b@d.example", text=b"Subject: octets\n\n" + body)
    equal(world.run("fermoposta", "show", world.id_of(), "--body").stdout, body, "with the daemon")
    world.stop()
    ids = world.run("fermoposta", "list", "--format=csv").out.splitlines()[1].split(",")
    equal(world.run("fermoposta", "show", ids[0], "--body").stdout, body, "without it")


def test_reasons_of_two_destinations(world):
    """One message, two hosts that fail in their own ways: each recipient has its own reason, with a daemon and without."""
    busy = Hop(world, answer=lambda verb, *_: "421 4.3.2 too busy" if verb == "GREETING" else None).up()
    world.configure(f'route = ( {{ for = "d.example", to = [ "smtp://127.0.0.1:9" ] }}, {{ for = "*", to = [ "{busy.to()}" ] }} )\n')
    world.start()
    for _ in range(2):  # the first one is tried, the second waits behind it
        world.sendmail("b@d.example", "b@e.example")
        await_(lambda: all(r["queue_name"] == "deferred" for r in world.queue()), "deferred")

    def reasons():
        return {(line["recipient"], line["delay_reason"].split(":")[-1].split(" (")[0].strip())
                for line in csv.DictReader(io.StringIO(world.run("fermoposta", "list", "--format=csv").out))}
    await_(lambda: len(reasons()) == 2, "both have failed")
    known = reasons()
    equal(len({reason for _, reason in known}), 2, f"different reasons: {known}")
    world.stop()
    equal(reasons(), known, "without the daemon")


def list_without_reading(world):
    """A listing that has begun and whose reader takes no more of it."""
    reader, writer = os.pipe()
    child = world.spawn([world.path("bin/fermoposta"), "list", "--format=jsonl"], stdout=writer)
    os.close(writer)
    equal(len(os.read(reader, 100)), 100, "the beginning of a listing")
    return child, reader


def test_clients_that_stop_or_go_away(world):
    stage(world, MESSAGES, RCPTS)
    children = [list_without_reading(world) for _ in range(3)]
    equal(len(world.queue()), MESSAGES, "others are answered meanwhile")
    world.sendmail("b@d.example")
    equal(len(world.queue()), MESSAGES + 1, "mail is taken meanwhile")
    children[0][0].send_signal(signal.SIGKILL)
    children[0][0].wait(60)
    os.close(children[1][1])
    equal(children[1][0].wait(60), -signal.SIGPIPE, "who has no reader ends")
    equal(len(world.queue()), MESSAGES + 1, "others are answered after it")
    rest = b"".join(iter(lambda: os.read(children[2][1], 65536), b""))
    equal(children[2][0].wait(60), 0, "the one that was only slow")
    if rest.count(b'"queue_name"') not in (MESSAGES - 1, MESSAGES):  # what came meanwhile may be in it
        raise Failed(f"it got {rest.count(b'queue_name')} of {MESSAGES} messages")
    world.stop()


def answer_with(world, answer):
    """What the command makes of a daemon that answers so."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(world.path("socket"))
        s.listen(1)

        def serve():
            with s.accept()[0] as c:
                c.recv(65536)
                try:
                    c.sendall(answer)
                except BrokenPipeError:
                    pass  # it has heard enough

        thread = threading.Thread(target=serve)
        thread.start()
        p = world.run("fermoposta", "list", code=None)
        thread.join(60)
    os.unlink(world.path("socket"))
    return p.stdout, p.returncode, p.err


def test_daemons_that_lie(world):
    world.configure()
    for answer, want in ((b'{"bytes":3}\nabc{"exit":0}\n', (b"abc", 0, "")),
                         (b'{"text":"abc"}\n{"exit":3}\n', (b"abc", 3, "")),
                         (b'{"bytes":3}\nabcd{"exit":0}\n', (b"abc", 76, "an answer that is none")),
                         (b'{"bytes":0}\n{"exit":0}\n', (b"", 76, "an answer that is none")),
                         (b'{"bytes":-5}\n{"exit":0}\n', (b"", 76, "an answer that is none")),
                         (b'{"bytes":1048577}\n' + 2000000 * b"x", (b"", 76, "an answer that is none")),
                         (2000000 * b"x", (b"", 76, "an answer that is none")),
                         (b'{"bytes":9}\nabc', (b"abc", 75, "went away")),
                         (b'', (b"", 75, "went away"))):
        out, code, err = answer_with(world, answer)
        equal((out, code), want[:2], f"{answer[:40]}")
        match(err, want[2], f"{answer[:40]}")


if __name__ == "__main__":
    main(globals())
