# SPDX-License-Identifier: BSD-2-Clause
"""Next hops that are not SMTP: LMTP (a real Dovecot, its mail read back by POP3), error:, discard:."""
import os
import signal

from dovecot import Dovecot
from lib import Hop, await_, equal, main, match


def stage(world, to, home, more=""):
    world.configure(f'route = ( {{ for = "*", to = [ "{home.to()}" ] }}, {{ for = "d.example", to = [ "{to}" ] }} )\n'
                    'retry = ( { for = "*", schedule = "120s" } )\n' + more)
    world.start()


def by_dovecot(world, dovecot, to):
    """The journey: a client gives a message, Dovecot takes it by LMTP, it is read by POP3."""
    home = Hop(world).up()
    stage(world, to, home)
    world.sendmail("-f", "s@home.example", "alice@d.example", "bob@d.example", "nobody@d.example",
                   text="Subject: journey\n\n.a line that begins with a dot\n")
    world.await_log(r"to=<alice@d\.example>, relay=.*status=sent \(250 2\.0\.0 <alice@d\.example>")
    world.await_log(r"to=<bob@d\.example>, relay=.*status=sent \(250 2\.0\.0 <bob@d\.example>")
    world.await_log(r"to=<nobody@d\.example>, .*dsn=5\.1\.1, status=bounced .*in reply to RCPT TO command")
    notice = home.await_one("nobody@d.example", "(the notice)")
    equal(notice.rcpts, ["s@home.example"], "whom it goes to")
    equal(b"alice" in notice.data.split(b"message/delivery-status")[-1].split(b"--")[0], False, "alice in the notice")
    for user in ("alice", "bob"):
        (text,) = dovecot.mail(user)
        match(text, r"^Subject: journey$", user)
        match(text, r"^\.a line that begins with a dot$", user)
        match(text, r"^Return-Path: <s@home\.example>$", user)
    big = "Subject: big\n\n" + ("x" * 70 + "\n") * 100
    world.sendmail("-f", "s@home.example", "alice@d.example", "overquota@d.example", text=big)
    world.await_log(r"to=<overquota@d\.example>.*dsn=[45]\.2\.2, status=(bounced|deferred)")
    await_(lambda: len(dovecot.mail("alice")) == 2, "the big one for alice")
    equal(dovecot.mail("overquota"), [], "over quota")


def test_lmtp_by_tcp(world):
    dovecot = Dovecot(world)
    by_dovecot(world, dovecot, f"lmtp://127.0.0.1:{dovecot.lmtp}")
    match(world.log(), rf"relay=127\.0\.0\.1\[127\.0\.0\.1\]:{dovecot.lmtp}, ")


def test_lmtp_by_socket(world):
    dovecot = Dovecot(world)
    by_dovecot(world, dovecot, f"lmtp://{dovecot.socket}")
    match(world.log(), rf"relay={dovecot.socket}, ")


def test_lmtp_while_nobody_listens(world):
    """The socket is not there: mail waits, and goes when Dovecot has come."""
    home = Hop(world).up()
    folder = world.path("dovecot")
    stage(world, f"lmtp://{folder}/run/lmtp-test", home)
    world.sendmail("-f", "s@home.example", "alice@d.example", text="Subject: later\n\nx\n")
    world.await_log(r"to=<alice@d\.example>, relay=/.*/lmtp-test, .*dsn=4\.4\.1, status=deferred "
                    r"\(connect to /.*/lmtp-test: No such file or directory\)")
    dovecot = Dovecot(world)
    world.run("fermoposta", "flush")
    await_(lambda: len(dovecot.mail("alice")) == 1, "the message")
    world.await_empty()


def maildir(world, *parts):
    folder = world.path(*parts, "new")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    texts = []
    for name in names:
        with open(os.path.join(folder, name), "rb") as f:
            texts.append(f.read())
        match(name, rf"^[0-9]+\.M[0-9]{{6}}P[0-9]+Q[0-9]+\.mail\.example\.org,S={len(texts[-1])}$", "name")
    return texts


def test_maildir(world):
    home = Hop(world).up()
    os.mkdir(world.path("mail"))
    stage(world, f"maildir://{world.path('mail')}/{{domain}}/{{user}}", home)
    world.sendmail("-f", "s@home.example", "Alice@d.example", "bob@d.example", "x/y@d.example",
                   text="Subject: in a folder\n\n.dot\nend\n")
    for user in ("alice", "bob"):
        await_(lambda: maildir(world, "mail/d.example", user), f"mail of {user}")
        (text,) = maildir(world, "mail/d.example", user)
        match(text, r"\AReturn-Path: <s@home\.example>\nDelivered-To: (Alice|bob)@d\.example\nReceived: ", "top")
        match(text, r"^Subject: in a folder\n(.*\n)*\n\.dot\nend\n\Z", "text")
        equal(b"\r" in text, False, "CR")
        equal(os.listdir(world.path("mail/d.example", user, "tmp")), [], "tmp")
        for part in ("", "cur", "new", "tmp"):
            mode = os.stat(world.path("mail/d.example", user, part)).st_mode & 0o7777
            equal(mode, 0o700, f"mode of {part}")
    world.await_log(rf"to=<bob@d\.example>, relay={world.path('mail')}/d\.example/bob, .*dsn=2\.0\.0, "
                    r"status=sent \(delivered to maildir\)")
    world.await_log(r"to=<x/y@d\.example>, relay=none, .*dsn=5\.1\.3, status=bounced")
    home.await_one("5.1.3", "(the notice)")
    big = "Subject: big\n\n" + ("y" * 70 + "\n") * 30000
    world.sendmail("-f", "s@home.example", "bob@d.example", text=big)
    await_(lambda: len(maildir(world, "mail/d.example/bob")) == 2, "the big one")
    equal(max(t.count(b"y" * 70 + b"\n") for t in maildir(world, "mail/d.example/bob")), 30000, "lines")
    world.await_empty()


def test_maildir_in_trouble(world):
    """A disk that is not mounted: mail waits; what stands where one user's folder should be: that user's mail alone."""
    home = Hop(world).up()
    stage(world, f"maildir://{world.path('mail')}/{{user}}", home)
    world.sendmail("-f", "s@home.example", "alice@d.example", text="Subject: waits\n\nx\n")
    world.await_log(r"to=<alice@d\.example>, .*dsn=4\.3\.5, status=deferred \(maildir .*: No such file or directory")
    equal(os.path.exists(world.path("mail")), False, "made all the same")
    os.mkdir(world.path("mail"))
    with open(world.path("mail/bob"), "w") as f:
        f.write("a file where a folder should be")
    os.symlink(world.path("nowhere"), world.path("mail/dan"))
    world.run("fermoposta", "flush")
    await_(lambda: maildir(world, "mail/alice"), "mail")
    world.sendmail("-f", "s@home.example", "bob@d.example", text="Subject: a file\n\nx\n")
    world.await_log(r"to=<bob@d\.example>, .*dsn=4\.3\.\d, status=deferred \(maildir .*: Not a directory")
    world.sendmail("-f", "s@home.example", "dan@d.example", "carol@d.example", text="Subject: others\n\nx\n")
    world.await_log(r"to=<carol@d\.example>, .*status=sent", "beside them")
    world.await_log(r"to=<dan@d\.example>, .*dsn=4\.3\.\d, status=deferred \(maildir .*: Not a directory")
    world.sendmail("-f", "s@home.example", "carol@d.example", text="Subject: again\n\nx\n")
    world.await_log(r"to=<carol@d\.example>, .*status=sent", "after them", count=2)
    os.unlink(world.path("mail/dan"))
    os.unlink(world.path("mail/bob"))
    world.run("fermoposta", "flush")
    await_(lambda: maildir(world, "mail/bob"), "mail")
    world.await_empty()


def test_pipe(world):
    """What the program gets, what its end means, that nothing of it is left over at its limit."""
    home = Hop(world).up()
    with open(world.path("program"), "w") as f:
        f.write(f"""#!/bin/sh
case "$3" in
ok) cat >{world.dir}/got; env | sort >{world.dir}/env; pwd >{world.dir}/pwd; echo "$@" >{world.dir}/args; echo stored ;;
deaf) exec 0<&-; exit 0 ;;
unknown) echo "nobody here"; echo "of that name" >&2; exit 67 ;;
later) exit 75 ;;
killed) kill -9 $$ ;;
slow) sleep 1000 & echo $! >{world.dir}/sleeper; sleep 1000 ;;
esac
""")
    os.chmod(world.path("program"), 0o755)

    def configure(limit):
        world.configure(f'pipe_timeout = "{limit}"\nroute = ( {{ for = "*", to = [ "{home.to()}" ] }},\n'
                        f'  {{ for = "d.example", to = [ "pipe://{world.path("program")} {{sender}} a;b {{user}}" ] }},\n'
                        f'  {{ for = "gone.example", to = [ "pipe://{world.path("missing")}" ] }} )\n'
                        'retry = ( { for = "*", schedule = "120s" } )\n')

    configure("1h")
    os.chmod(world.dir, 0o777)
    world.start()
    world.sendmail("-f", "s@home.example", "ok@d.example", "unknown@d.example", text="Subject: piped\n\n.x\n")
    world.await_log(r"to=<ok@d\.example>, relay=.*/program, .*dsn=2\.0\.0, status=sent \(delivered to program: stored\)")
    world.await_log(r"to=<unknown@d\.example>, .*dsn=5\.1\.1, status=bounced \(program ended with status 67, user unknown: "
                    r"nobody here of that name\)")
    match(home.await_one("nobody here").data, r"^Status: 5\.1\.1\r?$", "the notice")
    match(world.read("got"), r"\AReturn-Path: <s@home\.example>\nDelivered-To: ok@d\.example\nReceived: ", "top")
    match(world.read("got"), r"\n\n\.x\n\Z", "body")
    equal(world.read("args"), "s@home.example a;b ok\n", "words")
    equal(world.read("pwd"), "/\n", "folder")
    names = [line.split("=")[0] for line in world.read("env").splitlines()]
    equal([n for n in names if n not in ("HOME", "LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_")], [], "environment")
    big = "Subject: big\n\n" + ("y" * 70 + "\n") * 30000
    world.sendmail("-f", "s@home.example", "deaf@d.example", text=big)
    world.await_log(r"to=<deaf@d\.example>, .*status=sent")
    world.sendmail("-f", "s@home.example", "ok@d.example", text=big)
    await_(lambda: world.read("got").count("y" * 70 + "\n") == 30000, "the big one")
    for user, said in (("later", "status 75, temporary failure"), ("killed", "ended by signal 9"),
                       ("slow", r"did not end within 1 s and was killed")):
        if user == "slow":
            configure("1s")
            world.restart()
        world.sendmail("-f", "s@home.example", f"{user}@d.example")
        world.await_log(rf"to=<{user}@d\.example>, .*dsn=4\.3\.0, status=deferred \(program .*{said}")
    sleeper = world.read("sleeper").strip() or "none"

    def is_gone():
        try:
            with open(f"/proc/{sleeper}/stat") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True
    await_(is_gone, "the end of what the program started")
    world.sendmail("-f", "s@home.example", "x@gone.example")
    world.await_log(r"to=<x@gone\.example>, .*dsn=4\.3\.5, status=deferred \(program .*no such file or directory")
    world.stop()


def test_list(world):
    """Who is down is passed over, also after a restart, until he is found to work again."""
    first, second, home = Hop(world), Hop(world).up(), Hop(world).up()
    world.configure(f'route = ( {{ for = "*", from = "boss@s.example", to = [ "{home.to()}" ] }},\n'
                    f'  {{ for = "*", to = [ "{first.to()}", "{second.to()}" ] }} )\n'
                    'retry = ( { for = "*", schedule = "120s" } )')
    world.start()
    world.sendmail("-f", "s@s.example", "a@d.example", text="Subject: one\n\nx\n")
    second.await_one("Subject: one")
    world.await_log(rf"next hop {first.to()} does not work, others of its list are tried first until 20")
    first.up()
    world.restart()
    world.sendmail("-f", "s@s.example", "a@d.example", text="Subject: two\n\nx\n")
    second.await_one("Subject: two")
    match(world.run("fermoposta", "stats").out, rf"{first.to()}: passed over until", "stats")
    match(world.run("fermoposta", "why", "d.example").out, rf"next hop: +{first.to()} rests until", "why")
    match(world.run("fermoposta", "route", "a@d.example").out, rf"1  127\.0\.0\.1\[127\.0\.0\.1\]:{second.port} ", "route")
    world.run("fermoposta", "flush")
    world.sendmail("-f", "s@s.example", "a@d.example", text="Subject: three\n\nx\n")
    first.await_one("Subject: three")
    world.await_log(rf"next hop {first.to()} works again")
    world.sendmail("-f", "boss@s.example", "a@d.example", text="Subject: four\n\nx\n")
    home.await_one("Subject: four", "(by the row for the boss)")
    world.await_empty()


def test_error_and_discard(world):
    home = Hop(world).up()
    world.configure(f'route = ( {{ for = "*", to = [ "{home.to()}" ] }},\n'
                    '  { for = "gone.example", to = [ "error:5.1.2 we closed in May" ] },\n'
                    '  { for = "later.example", to = [ "error:4.7.1 come back in June" ] },\n'
                    '  { for = "void.example", to = [ "discard:" ] } )\n'
                    'retry = ( { for = "*", schedule = "120s" } )')
    world.start()
    world.sendmail("-f", "s@home.example", "a@gone.example", "b@later.example", "c@void.example",
                   text="Subject: decided\n\nx\n")
    world.await_log(r"to=<a@gone\.example>, relay=none, .*dsn=5\.1\.2, status=bounced \(we closed in May\)")
    world.await_log(r"to=<b@later\.example>, relay=none, .*dsn=4\.7\.1, status=deferred \(come back in June\)")
    world.await_log(r"to=<c@void\.example>, relay=none, .*dsn=2\.0\.0, status=sent \(discarded\)")
    notice = home.await_one("we closed in May")
    match(notice.data, r"^Status: 5\.1\.2\r?$", "status")
    match(notice.data, r"^Final-Recipient: rfc822; ?a@gone\.example\r?$", "recipient")
    await_(lambda: len(world.queue()) == 1, "one that waits")
    world.configure(f'route = ( {{ for = "*", to = [ "{home.to()}" ] }} )')
    world.daemon.send_signal(signal.SIGHUP)
    await_(lambda: "reload" in world.log() or "read again" in world.log(), "the new configuration")
    world.run("fermoposta", "flush")
    home.await_one("decided")
    world.await_empty()


main(globals())
