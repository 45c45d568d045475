# SPDX-License-Identifier: BSD-2-Clause
"""The spool on a small file system that fills up: what cannot be stored is refused for the moment, what
was promised stays, what was delivered is recorded, and with room again nobody needs to do anything."""
import ctypes
import os

from lib import Hop, Skip, await_, equal, main, match, need_root

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000


def mount_small(world, name, mebibytes):
    """A tmpfs that only this process and its children see."""
    need_root()
    libc = ctypes.CDLL(None, use_errno=True)
    path = world.path(name)
    os.mkdir(path)
    if (libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) or
            libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, f"size={mebibytes}m,mode=755".encode())):
        raise Skip(f"no file system can be mounted: {os.strerror(ctypes.get_errno())}")
    world.closers.append(lambda: libc.umount2(path.encode(), 2))
    return path


BODY = "x" * 998 + "\r\n"


def offer(c, n, size):
    """One message of `size` KiB in a session; the last reply."""
    c.want(f"MAIL FROM:<n{n}@s.example>", "250")
    reply = c.ask("RCPT TO:<b@d.example>")
    if reply.startswith("250"):
        reply = c.ask("DATA")
    if not reply.startswith("354"):
        c.ask("RSET")
        return reply
    c.send(f"Subject: n{n}.\r\n\r\n" + BODY * size + ".\r\n")
    return c.reply()


def fill(world, size):
    """Sends until nothing more is taken. The numbers of what was promised."""
    promised = []
    with world.client() as c:
        c.want("EHLO client.example", "250")
        for n in range(2000):
            reply = offer(c, n, size)
            if reply.startswith("452"):
                match(reply, r"^452 4\.3\.1")
                return promised
            match(reply, "^250", f"message {n}")
            promised.append(n)
    raise AssertionError("the disk did not fill")


def stage(world, mebibytes):
    folder = mount_small(world, "small", mebibytes)
    hop = Hop(world)
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }} )\n'
                    'retry = ( { for = "*", schedule = "1s", warn_after = [] } )\n', spool=os.path.join(folder, "spool.db"))
    world.start()
    return folder, hop


def arrived(hop):
    return sorted(int(m.sender.split("@")[0][1:]) for m in list(hop.taken))


def test_full_and_again(world):
    """Filled by mail, emptied by delivering it."""
    _, hop = stage(world, 64)
    promised = fill(world, 400)
    if len(promised) < 10:
        raise AssertionError(f"full after {len(promised)} messages")
    match(world.sendmail("-f", "n9999@s.example", "b@d.example", text="Subject: big\n\n" + ("y" * 70 + "\n") * 8000, code=75).err,
          "452|No room")
    equal(len(world.queue()), len(promised), "in the queue")
    world.stop(9)
    world.start()  # on the full disk
    equal(len(world.queue()), len(promised), "in the queue after a crash")
    hop.up()
    await_(lambda: len(hop.taken) >= len(promised), "what was promised")
    world.await_empty()
    equal(arrived(hop), promised, "each once")

    def works():
        return world.sendmail("-f", "n5000@s.example", "b@d.example", code=None).returncode == 0
    await_(works, "it works again by itself")
    hop.await_one("Subject: test")
    world.await_empty()


def test_filled_by_others(world):
    """Another program takes the room, and gives it back."""
    folder, hop = stage(world, 64)
    world.sendmail("-f", "n1@s.example", "b@d.example")
    hog = os.path.join(folder, "hog")
    with open(hog, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"z" * 65536)
        except OSError:
            pass
    promised = [1]
    refused = 0
    for n in range(2, 40):
        code = world.sendmail("-f", f"n{n}@s.example", "b@d.example", text="Subject: y\n\n" + ("y" * 70 + "\n") * 2000,
                              code=None).returncode
        if code == 0:
            promised.append(n)
        else:
            equal(code, 75, "status on a full disk")
            refused += 1
    if not refused:
        raise AssertionError("nothing was refused")
    hop.up()
    await_(lambda: arrived(hop) == promised, "what was promised goes out")
    world.await_empty()  # and that it went out could be written down
    os.unlink(hog)
    await_(lambda: world.sendmail("-f", "n100@s.example", "b@d.example", text="Subject: y\n\n" + ("y" * 70 + "\n") * 2000,
                                  code=None).returncode == 0, "it works again by itself")
    await_(lambda: arrived(hop) == [*promised, 100], "delivered")
    await_(lambda: os.path.exists(os.path.join(folder, "spool.db.ballast")), "the ballast is there again")
    world.await_empty()


main(globals())
