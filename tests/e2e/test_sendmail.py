# SPDX-License-Identifier: BSD-2-Clause
"""The sendmail command: what it takes, what it says, and what arrives at the next hop for it."""
import signal

from lib import Hop, await_, equal, main, match

ROUTE = 'route = ( {{ for = "*", to = [ "{}" ] }} )\n'


def stage(world):
    hop = Hop(world).up()
    world.configure(ROUTE.format(hop.to()), listen=False, max_message_size="100K")
    world.start()
    return hop


def sent(world, hop, *arguments, text):
    """Gives a message to sendmail, and returns what the hop took for it."""
    before = len(hop.taken)
    world.sendmail(*arguments, text=text)
    await_(lambda: len(hop.taken) > before, f"delivery of {arguments}")
    return hop.taken[before]


def test_recipients_of_the_header(world):
    hop = stage(world)
    m = sent(world, hop, "-t", "-f", "sender@s.example", text=(
        "To: Anna <anna@d.example>,\n =?utf-8?q?B=C3=A4r?= <bear@d.example>\n"
        "Cc: group: carl@d.example, dora@d.example;\n"
        "Bcc: secret@d.example\nSubject: -t\n\nHello.\n"))
    equal(sorted(m.rcpts), [f"{n}@d.example" for n in ("anna", "bear", "carl", "dora", "secret")], "recipients")
    equal(m.sender, "sender@s.example", "envelope sender")
    equal(m.field("Bcc"), [], "Bcc")
    if b"secret" in m.header:
        raise AssertionError("the blind copy is seen in the header")
    match(m.header, r"^To: Anna <anna@d\.example>", "To stays")
    for name in ("Date", "Message-ID", "From", "Received"):
        equal(len(m.field(name)), 1, f"{name} added")
    match(m.field("From")[0], "sender@s.example", "From")
    match(m.field("Message-ID")[0], r"^<[^<>@ ]+@mail\.example\.org>$", "Message-ID")
    match(m.field("Date")[0], r"^(\w{3}, )?\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "Date")
    equal(m.body, b"Hello.\r\n", "body")


def test_what_stands_there_stays(world):
    hop = stage(world)
    text = ("Date: Mon, 2 Jan 2006 15:04:05 -0700\nFrom: Real <real@s.example>\nMessage-ID: <own@s.example>\n"
            "To: shown@elsewhere.example\nX-Fold: a\n\tb\n\n..two dots\n. one\n\xe9\n")
    m = sent(world, hop, "-i", "-f", "f@s.example", "b@d.example", text=text.encode("latin-1"))
    equal(m.rcpts, ["b@d.example"], "without -t the header names nobody")
    for name, want in (("Date", "Mon, 2 Jan 2006 15:04:05 -0700"), ("From", "Real <real@s.example>"),
                       ("Message-ID", "<own@s.example>"), ("To", "shown@elsewhere.example"), ("X-Fold", "a b")):
        equal(m.field(name), [want], name)
    equal(m.body, b"..two dots\r\n. one\r\n\xe9\r\n", "body")
    match(m.mail_line, "BODY=8BITMIME", "8-bit text is announced")


def test_dots(world):
    hop = stage(world)
    text = "Subject: dots\n\none\n.\ntwo\n"
    for arguments, want in ((("b@d.example",), b"one\r\n"), (("-i", "b@d.example"), b"one\r\n.\r\ntwo\r\n"),
                            (("-oi", "b@d.example"), b"one\r\n.\r\ntwo\r\n"),
                            (("-O", "IgnoreDots=true", "b@d.example"), b"one\r\n.\r\ntwo\r\n")):
        equal(sent(world, hop, *arguments, text=text).body, want, f"body with {arguments}")


def test_senders_and_names(world):
    hop = stage(world)
    text = "Subject: who\n\nx\n"
    m = sent(world, hop, "-r", "r@s.example", "-F", "Full Name", "b@d.example", text=text)
    equal(m.sender, "r@s.example", "-r")
    equal(m.field("From"), ["Full Name <r@s.example>"], "-F")
    m = sent(world, hop, "-fattached@s.example", "b@d.example", text=text)
    equal(m.sender, "attached@s.example", "-f attached")
    equal(sent(world, hop, "-f", "", "b@d.example", text=text).sender, "", "null sender")
    equal(sent(world, hop, "-f", "<>", "b@d.example", text=text).sender, "", "null sender")
    match(sent(world, hop, "b@d.example", text=text).sender, r"^[^@]+@mail\.example\.org$", "the caller")
    equal(sent(world, hop, "-f", "short", "b@d.example", text=text).sender, "short@mail.example.org", "made whole")


def test_options_of_others(world):
    hop = stage(world)
    m = sent(world, hop, "-bm", "-oem", "-odq", "-o7", "-G", "-N", "never", "-R", "hdrs", "-v", "-oMrSMTP",
             "-f", "a@s.example", "--", "-odd@d.example", "c@d.example", text="Subject: options\n\nx\n")
    equal(sorted(m.rcpts), ["-odd@d.example", "c@d.example"], "recipients behind --")
    world.sendmail("-Z", "b@d.example", code=64)
    equal(len(hop.taken), 1, "a refused call sends nothing")


def test_lists_and_flush(world):
    hop = Hop(world)
    world.configure(ROUTE.format(hop.to()) + 'retry = ( { for = "*", schedule = "1h" } )', listen=False)
    world.start()
    match(world.run("sendmail", "-bp").out, "^Mail queue is empty$")
    world.sendmail("-f", "a@s.example", "b@d.example")
    await_(lambda: world.queue("state=deferred"), "deferred")
    match(world.run("sendmail", "-bp").out, r"^\t\tTotal requests: 1$")
    equal(world.run("mailq").out, world.run("sendmail", "-bp").out, "mailq and -bp")
    hop.up()
    world.run("sendmail", "-q")
    hop.await_one("Subject: test")
    world.await_empty()


def test_smtp_on_standard_input(world):
    hop = stage(world)
    p = world.run("sendmail", "-bs", stdin=(
        "EHLO here\r\nMAIL FROM:<a@s.example>\r\nRCPT TO:<b@d.example>\r\nRCPT TO:<bad\r\nDATA\r\n"
        "Subject: bs\r\n\r\n..dot\r\n.\r\nNOOP\r\nQUIT\r\n"))
    codes = [line[:3] for line in p.out.splitlines() if line[3:4] != "-"]
    equal(codes, ["220", "250", "250", "250", "501", "354", "250", "250", "221"], "the talk")
    match(p.out, "^250 2.0.0 Ok: queued as [0-9A-F]{12}\r?$")
    equal(hop.await_one("Subject: bs").body, b".dot\r\n", "body")


def test_refusals(world):
    hop = stage(world)
    for arguments, text, code, says in (
            ((), "Subject: x\n\nx\n", 64, "recipients"),
            (("-t",), "Subject: x\n\nx\n", 64, "recipient"),
            (("-t",), "Bcc:\n\nx\n", 64, "recipient"),
            (("a@b@c.example",), "x\n", 65, "address"),
            (("a b@c.example",), "x\n", 65, "address"),
            (("-t",), "To: broken <a@\n\nx\n", 65, "address"),
            (("-f", "a@b@c", "b@d.example"), "x\n", 65, "address"),
            (("b@d.example",), "Subject: big\n\n" + "x" * 70 * 2000, 65, "too big"),
            (("-C", "nowhere.conf", "b@d.example"), "x\n", 78, "nowhere.conf"),
            (("-f",), "x\n", 64, "-f")):
        p = world.sendmail(*arguments, text=text, code=code)
        match(p.err, says, f"{arguments}")
        equal(p.out, "", f"standard output of {arguments}")
        equal(len(p.err.strip().splitlines()), 1, f"one sentence for {arguments}")
    equal(world.queue(), [], "nothing was left")
    equal(len(hop.taken), 0, "nothing was sent")
    bad = world.path("bad.conf")
    with open(bad, "w") as f:
        f.write('hostname = "m.example.org"\nspol = "/x"\n')
    match(world.sendmail("-C", bad, "b@d.example", code=78).err, r"bad\.conf:2: .*\"spool\"", "nearest name")


def test_input_that_cannot_be_read(world):
    hop = stage(world)
    for how in ("</", "<&-"):
        match(world.run("sh", "-c", f'sendmail b@d.example {how}', code=74).err, "cannot read the message", how)
    equal((world.queue(), len(hop.taken)), ([], 0), "nothing was left")
    equal(sent(world, hop, "b@d.example", text="").body, b"", "no input at all is an empty message")


def test_addresses(world):
    """A list in one argument, a name that needs a domain, the same one twice."""
    hop = stage(world)
    world.sendmail("-f", "a@s.example", "b@d.example, Somebody <c@d.example>,e", "b@D.EXAMPLE")
    await_(lambda: sum(len(m.rcpts) for m in hop.taken) >= 3, "three")
    world.await_empty()
    equal(sorted(r for m in hop.taken for r in m.rcpts), ["b@d.example", "c@d.example", "e@mail.example.org"], "recipients")
    m = sent(world, hop, "-ti", "y@d.example", text="To: x@d.example\nSubject: both\n\nx\n")
    equal(sorted(m.rcpts), ["x@d.example", "y@d.example"], "-t adds to the arguments")


def test_international_domains(world):
    """They go as A-labels, which every host can do something with."""
    hop = stage(world)
    m = sent(world, hop, "-f", "a@Größe.example", "b@BÜCHER.example", text="Subject: x.\n\nx\n")
    equal((m.sender, m.rcpts), ("a@xn--gre-6ka8i.example", ["b@xn--bcher-kva.example"]), "envelope")
    m = sent(world, hop, "-t", text="To: b@müller.example\n\nx\n")
    equal(m.rcpts, ["b@xn--mller-kva.example"], "of the header")
    p = world.run("sendmail", "b@a＠b.exämple", stdin=b"x\n", code=65)
    match(p.err, r"Bad recipient address: its domain is no international name \(IDNA\)", "why")


def test_help_and_usage(world):
    world.configure(listen=False)
    for words, pattern in (("fermoposta --help", "^usage: fermoposta VERB"), ("fermoposta --version", r"^fermoposta \d"),
                           ("fermoposta hold --help", "^usage: fermoposta hold"), ("sendmail --help", "^usage: sendmail"),
                           ("sendmail --version", r"^fermoposta \d"), ("mailq --help", "^usage: mailq"),
                           ("mailq --version", r"^fermoposta \d"), ("postqueue --help", "^usage: postqueue"),
                           ("fermoposta check", "")):
        p = world.run(*words.split())
        match(p.out, pattern, words)
        equal(p.err, "", f"standard error of {words}")
    for words, pattern in (("fermoposta", "a verb is missing"), ("fermoposta lsit", 'did you mean "list"'),
                           ("fermoposta list --fromat=csv", "did you mean"), ("postqueue -x", "write one of"),
                           ("postqueue", "write one of"), ("sendmail -bz x@d.example", "-bz"), ("mailq --nonsense", "nonsense")):
        match(world.run(*words.split(), code=64).err, pattern, words)
    match(world.run("fermoposta", "list", "-c", world.path("none.conf"), code=78).err, "none.conf", "no such file")


def test_without_a_daemon(world):
    world.configure(listen=False)
    for _ in range(2):
        match(world.sendmail("b@d.example", code=75).err, "daemon is not running")
        world.start()
        world.stop()  # the second time its socket may be left
    world.run("sendmail", "-bs", stdin="QUIT\r\n", code=75)
    world.run("sendmail", "-q", code=75)


def test_zero_means_committed(world):
    """After exit 0 the daemon may be killed at once; after a kill in the middle there is no exit 0."""
    hop = Hop(world)
    world.configure(ROUTE.format(hop.to()), listen=False)
    world.start()
    for n in range(5):
        world.sendmail("-f", f"n{n}@s.example", "b@d.example")
        world.stop(signal.SIGKILL)
        world.start()
        equal(len(world.queue(f"from=n{n}@s.example")), 1, "what was promised is there")
    child = world.spawn([world.path("bin/sendmail"), "-f", "half@s.example", "b@d.example"], stdin=-1, stderr=-1)
    child.stdin.write(b"Subject: half\n\n" + b"half a line\n" * 50000)
    child.stdin.flush()
    world.stop(signal.SIGKILL)
    try:
        child.stdin.write(b"the rest\n")
        child.stdin.close()
    except OSError:
        pass
    equal(child.wait(60), 75, "the interrupted one")
    child.stderr.close()
    world.start()
    equal(world.queue("from=half@s.example"), [], "half a message is none")
    equal(len(world.queue()), 5, "the others stay")


def test_input_that_takes_its_time(world):
    """The daemon need not be there before the message is: who writes it may work for hours."""
    hop = Hop(world).up()
    world.configure(ROUTE.format(hop.to()), listen=False)
    child = world.spawn([world.path("bin/sendmail"), "-f", "slow@s.example", "b@d.example"], stdin=-1, stderr=-1)
    child.stdin.write(b"Subject: slow\n\nthe first line\n")
    child.stdin.flush()
    world.start()
    child.stdin.write(b"the last\n")
    child.stdin.close()
    equal(child.wait(60), 0, child.stderr.read())
    child.stderr.close()
    equal(hop.await_one("Subject: slow").body, b"the first line\r\nthe last\r\n", "body")


def test_many_recipients_and_long_lines(world):
    hop = stage(world)
    names = [f"r{n}@d.example" for n in range(250)]
    world.sendmail("-f", "a@s.example", *names, text="Subject: many\n\nx\n")
    await_(lambda: sum(len(m.rcpts) for m in hop.taken) >= 250, "all recipients")
    equal(sorted(r for m in hop.taken for r in m.rcpts), sorted(names), "each once")
    line = "y" * 990
    equal(sent(world, hop, "b@d.example", text=f"Subject: long\n\n{line}\n").body, line.encode() + b"\r\n", "998")
    world.await_empty()


main(globals())
