# SPDX-License-Identifier: BSD-2-Clause
"""A power cut right after a 250: what was promised stands in the spool. And a test of the tests: on a
disk whose syncs lie, the same cut is found to lose it."""

from stage import EVERY_KIND, POWER, SCATTER, Stage, main

ROUNDS = 5


def lost(stage, how, lies, prefix):
    """How many of the promised messages a power cut takes away."""
    stage.orders.give(EVERY_KIND, how, 0, lies=lies)
    stage.start(failing=True)
    wanted = [f"{prefix}{n}@down.example" for n in range(ROUNDS)]
    for address in wanted:
        reply = stage.send([address])
        assert reply and reply[0] == "2", f"not taken: {reply}"
    stage.cut_power(how)
    return len(set(wanted) - set(stage.recorded_open(check=not lies)))


def test():
    with Stage() as stage:
        stage.start()
        stage.stop()
        for how in (POWER, SCATTER):
            count = lost(stage, how, False, f"honest{how}-")
            assert count == 0, f"a power cut lost {count} of {ROUNDS} messages after their 250"
        count = lost(stage, POWER, True, "lied-to-")
        assert count == ROUNDS, f"only {count} of {ROUNDS} were lost: these power cuts show nothing"
        print(f"nothing lost; {count} lost where syncs lie")


main(test)
