# SPDX-License-Identifier: BSD-2-Clause
"""A clock that was ahead by four years is set right while mail comes in and mail waits: the daemon begins
again by the new one, with its listeners open and its promises kept, and ends cleanly behind that."""

import mmap
import os
import struct

from stage import Stage, lines_of, main, wait_until

YEARS_S = 4 * 365 * 24 * 3600


def test_clock():
    with Stage() as stage:
        path = stage.folder / "clock"
        path.write_bytes(struct.pack("q", YEARS_S))
        with open(path, "r+b") as f:
            clock = mmap.mmap(f.fileno(), 8)
        stage.start(environment={"LD_PRELOAD": os.environ["FP_SHIFTED_LIBRARY"], "FP_CLOCK": str(path)})
        assert stage.send(["t1.r0@a.example", "t1.r1@down.example"]).startswith("250")
        wait_until("the first one", 30, lambda: stage.account("arrived") == ["t1.r0@a.example"])
        begun = stage.log_size()
        clock[0:8] = struct.pack("q", 0)
        wait_until("a new beginning", 90, lambda: "daemon started" in stage.log_from(begun))
        assert "the clock was set back by" in stage.log_from(begun), stage.log_from(begun)
        assert stage.queue() == ["t1.r1@down.example"], stage.queue()
        begun = stage.log_size()
        assert stage.send(["t2.r0@a.example"], token="t2").startswith("250")
        wait_until("the second one", 30, lambda: "t2.r0@a.example" in stage.account("arrived"))
        wait_until("an attempt", 30, lambda: "t1.r1@down.example" in stage.log_from(begun))
        assert len(stage.account("arrived")) == 2, stage.account("arrived")
        stage.stop()
        assert stage.recorded_open(check=True) == ["t1.r1@down.example"]
        assert lines_of(stage.folder / "log")[-1].endswith("daemon stopped")


main(test_clock)
