# SPDX-License-Identifier: BSD-2-Clause
"""A disk that fails under load: syncs with EIO, writes with EIO or for want of room, once, for a while,
or until the daemon is killed. No client gets a wrong 250: what was promised arrives, what was refused
does not, not even after a kill or a power cut right after the failure. While it lasts clients hear 4xx, the log says
what happened, and afterwards mail is taken again without anybody's help.

FP_SHIFT is added to the number of the first call that fails (0)."""

import os
import signal
import time

from stage import EIO, ENOSPC, FOR_EVER, KILL, POWER, PWRITE, SYNC, Stage, in_parallel, main, wait_until

SHIFT = int(os.environ.get("FP_SHIFT", "0"))
CONNECTIONS = 20
RATE = 300
SETTLE_S = 0.5  # for promises that were on their way when the failure came

LATE_POWER = "late"  # a power cut, but not before mail is taken again

# name, which calls fail, how, from the so-manieth on, how many; how it ends (POWER: what failed syncs
# did not bring to the disk is gone)
CASES = [
    ("one sync fails", SYNC, EIO, 5, 1, None),
    ("a sync fails, then a kill", SYNC, EIO, 9, 1, KILL),
    ("a sync fails, then a power cut", SYNC, EIO, 4, 1, POWER),
    ("a sync fails, is recovered from, then a power cut", SYNC, EIO, 6, 2, LATE_POWER),
    ("syncs fail for a while, then a power cut", SYNC, EIO, 2, 30, LATE_POWER),
    ("syncs fail until the power is cut", SYNC, EIO, 8, FOR_EVER, POWER),
    ("syncs fail for a while", SYNC, EIO, 3, 40, None),
    ("syncs fail until the end", SYNC, EIO, 7, FOR_EVER, KILL),
    ("one write fails", PWRITE, EIO, 11, 1, None),
    ("writes fail until the end", PWRITE, EIO, 20, FOR_EVER, KILL),
    ("one write finds no room", PWRITE, ENOSPC, 15, 1, None),
    ("there is no room for a while", PWRITE, ENOSPC, 10, 100, None),
    ("there is no room until the end", PWRITE, ENOSPC, 30, FOR_EVER, KILL),
]


def play(case, _):
    try:
        return run(case)
    except AssertionError as e:
        raise AssertionError(f"{case[0]}: {e}") from e


def run(case):
    name, kinds, how, first, count, end = case
    first += SHIFT
    with Stage() as stage:
        stage.start()
        stage.stop()
        stage.orders.give(0, how, 0, has_power=end in (POWER, LATE_POWER))
        stage.start(failing=True)
        load = stage.load(CONNECTIONS, RATE)
        wait_until("some load", 20, lambda: len(stage.account("acked")) > 100)
        last = FOR_EVER if count == FOR_EVER else first + count - 1
        stage.orders.give(kinds, how, first, last)
        wait_until(f"{name}: the failure", 30, lambda: stage.orders.failed() > 0)
        if count == FOR_EVER:
            check_refusing(stage)
        elif end in (None, LATE_POWER):
            check_recovering(stage, count)
        if end:
            stage.kill() if end == KILL else stage.cut_power()
            stage.start()
        time.sleep(SETTLE_S)
        load.send_signal(signal.SIGTERM)
        counts = load.communicate(timeout=60)[0].strip()
        stage.drain(60)
        stage.stop()
        duplicates = stage.check_accounts()
        assert not stage.recorded_open(check=True), "the queue is not empty"
        assert not stage.account("notices"), "our own disk's trouble made a notice"
        assert end or duplicates == 0, f"{name}: {duplicates} duplicates though nothing died"
        if count == FOR_EVER or end in (None, LATE_POWER):  # else it had no time
            assert "error: spool: a commit failed: " in stage.log_from(0), f"{name}: the log does not say"
        if end in (None, LATE_POWER):
            assert "spool: commits succeed again" in stage.log_from(0), f"{name}: the log does not say the end"
        return f"{name}: {counts}, duplicates {duplicates}"


def check_refusing(stage):
    """Nothing is promised any more; but it is answered."""
    time.sleep(SETTLE_S)
    acked, refused = len(stage.account("acked")), len(stage.account("refused"))
    wait_until("refusals", 20, lambda: len(stage.account("refused")) > refused + 10)
    assert len(stage.account("acked")) == acked, "250 though nothing can be stored"


def check_recovering(stage, count):
    """By itself, and soon."""
    wait_until("all failures", 30, lambda: stage.orders.failed() >= count)
    acked = len(stage.account("acked"))
    wait_until("mail taken again", 5, lambda: len(stage.account("acked")) > acked + 50)


def test():
    for line in in_parallel(CASES, play, 4):
        print(line)


main(test)
