# SPDX-License-Identifier: BSD-2-Clause
"""Death at random moments under load: SIGKILL, and power cuts, after which what was not synced is gone.
An account of what clients were promised and one of what the next hop got are compared: nothing is
lost, nothing that was refused arrives, nobody gets a notice, and exactly what the next hop had taken
while the spool did not know it yet comes twice.

In mode "interactive" next to nothing is ever in the spool, so that what was taken meanwhile was never
promised, and does not come twice.

FP_KILLS says how often (12), FP_MODE is the setting mode ("background"), FP_SEED the moments, FP_RATE messages a second (1000; 0: all it can),
FP_POWER=0 leaves the power cuts out."""

import collections
import os
import random
import re
import signal
import time

from stage import EVERY_KIND, POWER, SCATTER, Stage, main, wait_until

KILLS = int(os.environ.get("FP_KILLS", "12"))
SEED = int(os.environ.get("FP_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
RATE = int(os.environ.get("FP_RATE", "1000"))
WAYS = {"SIGKILL": 0, "power cut": POWER, "power cut, scattered": SCATTER}
if os.environ.get("FP_POWER") == "0":
    WAYS = {"SIGKILL": 0}
CONNECTIONS = 50
TALLY_DELAY_MS = 60  # of one answer in four: so that deaths meet deliveries in every state
RUN_S = (0.05, 1.0)


class Round:
    """From a start to a death."""

    def __init__(self, stage, chance):
        self.stage = stage
        self.name, self.how = chance.choice(list(WAYS.items()))
        self.seconds = chance.uniform(*RUN_S)
        self.had = len(stage.account("arrived"))
        has_mail = bool(stage.recorded_open())
        began = time.monotonic()
        stage.orders.give(EVERY_KIND, self.how, 0)
        stage.start(failing=self.how != 0)
        self.ready_s = time.monotonic() - began
        if has_mail:
            wait_until("a delivery after the restart", 30, lambda: len(stage.account("arrived")) > self.had)
        self.delivery_s = time.monotonic() - began if has_mail else 0

    def die(self):
        """Returns what must come twice: taken by the next hop in this round, but in the spool still."""
        time.sleep(self.seconds)
        if self.how:
            self.stage.cut_power(self.how)
        else:
            self.stage.kill()
        wait_until("the end of the dead daemon's connections", 20, lambda: self.stage.stat()[0] == 0)
        return set(self.stage.account("arrived")[self.had:]) & set(self.stage.recorded_open())


def report(stage, counts, rounds, twice, duplicates, seconds):
    deaths = collections.Counter(r.name for r in rounds)
    print(f"{len(rounds)} deaths ({dict(deaths)}), {CONNECTIONS} connections, load: {counts.strip()}")
    print(f"lost 0, ghosts 0, notices 0, delivered {len(set(stage.account('arrived')))} recipients")
    print(f"duplicates {duplicates}: {twice} were taken by the next hop and not recorded at a death; "
          f"it saw {stage.stat()[1]} in transactions that broke")
    print(f"accepted {len(stage.account('acked')) / seconds:.0f} recipients/s while the load ran, restarts included")
    print(f"slowest restart: ready after {max(r.ready_s for r in rounds):.2f} s, "
          f"first delivery after {max(r.delivery_s for r in rounds):.2f} s")


def check(stage, twice, duplicates):
    assert not stage.recorded_open(check=True), "the queue is not empty"
    assert not stage.account("notices"), f"notices: {stage.account('notices')[:5]}"
    assert duplicates == twice, f"{duplicates} duplicates, but {twice} attempts without a recorded result"
    assert len(stage.account("acked")) > 100 * KILLS, "hardly any load: this shows nothing"
    assert stage.account("cut"), "no client went away in the middle: this shows nothing"
    bad = [line for line in stage.log_from(0).splitlines() if re.search(r"error: |status=(deferred|bounced)", line)]
    assert not bad, f"the log complains: {bad[:3]}"


def test():
    print(f"FP_SEED={SEED}", flush=True)
    chance = random.Random(SEED)
    with Stage(TALLY_DELAY_MS) as stage:
        stage.start()
        stage.stop()  # so that there is a spool to look at
        began = time.monotonic()
        load = stage.load(CONNECTIONS, RATE)
        rounds, twice = [], 0
        for _ in range(KILLS):
            rounds.append(Round(stage, chance))
            twice += len(rounds[-1].die())
        stage.start()
        time.sleep(0.5)
        load.send_signal(signal.SIGTERM)
        counts = load.communicate(timeout=60)[0]
        seconds = time.monotonic() - began
        stage.drain(300)
        stage.stop()
        duplicates = stage.check_accounts()
        report(stage, counts, rounds, twice, duplicates, seconds)
        check(stage, twice, duplicates)


main(test)
