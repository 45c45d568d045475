# SPDX-License-Identifier: BSD-2-Clause
"""A disk that stops answering while two hundred clients send: they wait, and are not read; what is on its
way to the disk and what the daemon holds altogether keeps to its bounds, and `stats` tells all of it.
When the disk answers again everybody hears 250, and everything arrives once."""

import pathlib
import re

from stage import FOR_EVER, HANG, SYNC, Stage, in_parallel, main, wait_until

CLIENTS = 200
LINES = 9000  # of a message, some 17 octets each
CHUNK = 256 * 1024
RESIDENT_KIB = 64 * 1024


def resident_kib(stage):
    """The most there ever was. None where sanitizers have memory of their own."""
    process = pathlib.Path(f"/proc/{stage.daemon.pid}")
    if "libasan" in (process / "maps").read_text() or "libtsan" in (process / "maps").read_text():
        return None
    return int(re.search(r"VmHWM:\s+(\d+)", (process / "status").read_text()).group(1))


def check_resident(stage):
    kib = resident_kib(stage)
    assert kib is None or kib <= RESIDENT_KIB, f"{kib} KiB are resident"


def is_still(stage, before):
    """Nobody is read, and that is more than the moment's chance."""
    stats = stage.stats()
    is_same = before and stats["incoming"] == before[-1]["incoming"]
    before.append(stats)
    return is_same and stats["reading_stopped"] > 0 and stats["sessions_unread"] == stats["sessions"] == CLIENTS


def test_slow():
    with Stage() as stage:
        stage.start(failing=True)
        stage.orders.give(SYNC, HANG, 1, FOR_EVER)
        replies = []

        def send(number, _):
            replies.append(stage.send([f"t{number}.r0@a.example"], LINES, f"t{number}", patience=400))

        def watch(_, __):
            seen = []
            wait_until("clients wait", 120, lambda: is_still(stage, seen), 0.1)
            stats = seen[-1]
            assert stats["incoming"] > stats["incoming_max"], stats
            assert stats["incoming"] <= stats["incoming_max"] + 2 * CHUNK, stats
            assert stats["incoming_in_sessions"] > 0, stats
            assert stats["writer_operations"] > 10, stats
            assert stats["refused_for_room"] == 0, stats
            assert replies == [], replies
            check_resident(stage)
            stage.orders.disarm()

        tasks = [lambda key, n=n: send(n, key) for n in range(CLIENTS)]
        in_parallel([lambda key: watch(None, key), *tasks], lambda task, key: task(key), CLIENTS + 1)
        assert len(replies) == CLIENTS
        bad = [r for r in replies if not r or not r.startswith("250")]
        assert not bad, f"{len(bad)} refused, such as {bad[0]!r}"
        stage.drain()
        arrived = stage.account("arrived")
        assert sorted(arrived) == sorted(f"t{n}.r0@a.example" for n in range(CLIENTS)), f"{len(arrived)} arrived"
        stats = stage.stats()
        assert stats["incoming"] == stats["sessions_unread"] == stats["writer_operations"] == 0, stats
        check_resident(stage)
        stage.stop()


main(test_slow)
