# SPDX-License-Identifier: BSD-2-Clause
"""A power cut right after a 250: what was promised stands in the spool, and arrives whole, though most of
a long message was stored before its last chunk. And a test of the tests: on a disk whose syncs lie, the
same cut is found to lose it."""

from stage import EVERY_KIND, POWER, SCATTER, Stage, main, wait_until

ROUNDS = 5
LINES = (20, 30000)  # a few hundred octets; several chunks


def lost(stage, how, lies, prefix):
    """How many of the promised messages a power cut takes away."""
    stage.orders.give(EVERY_KIND, how, 0, lies=lies)
    stage.start(failing=True)
    wanted = [f"{prefix}{n}@down.example" for n in range(ROUNDS)]
    for n, address in enumerate(wanted):
        reply = stage.send([address], lines=LINES[n % 2], token=f"{prefix}{n}")
        assert reply and reply[0] == "2", f"not taken: {reply}"
    stage.cut_power(how)
    return len(set(wanted) - set(stage.recorded_open(check=not lies)))


def arrive(stage):
    """The next hop that was down is there now."""
    configuration = stage.config.read_text()
    stage.config.write_text(configuration.replace("127.0.0.4:9", f"127.0.0.4:{stage.tally_port}"))
    wanted = set(stage.recorded_open())
    stage.start()
    wait_until("all that was promised", 60, lambda: wanted <= set(stage.account("arrived")))
    stage.stop()
    stage.config.write_text(configuration)
    damaged = stage.account("damaged")
    assert not damaged, f"{len(damaged)} of {len(wanted)} are not whole: {damaged}"


def test():
    with Stage() as stage:
        stage.start()
        stage.stop()
        for how in (POWER, SCATTER):
            count = lost(stage, how, False, f"honest{how}-")
            assert count == 0, f"a power cut lost {count} of {ROUNDS} messages after their 250"
        arrive(stage)
        count = lost(stage, POWER, True, "lied-to-")
        assert count == ROUNDS, f"only {count} of {ROUNDS} were lost: these power cuts show nothing"
        print(f"nothing lost; {count} lost where syncs lie")


main(test)
