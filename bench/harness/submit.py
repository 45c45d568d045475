# SPDX-License-Identifier: BSD-2-Clause
"""The sendmail command: each message is a process, as programs that send mail start it."""

import os
import subprocess
import time

from load import RECIPIENT, PROCESSORS, Run, Stage, Wrong
from peer import NOBODY

BODY = (b"From: <sender@origin.example>\nTo: <somebody@dest.example>\nSubject: the weekly figures\n\n"
        + b"They are as they were in the week before.\n" * 122)


def spawn(bench, peer, n, at_once):
    """Seconds until the last command had ended, and their CPU seconds."""
    file = peer.place("message", BODY)
    argv = [bench.tool("spawn")]
    argv += ["-r", peer.root.folder] if peer.root else []
    argv += ["-u", str(NOBODY)] if os.geteuid() == 0 else []
    argv += [str(n), str(at_once), file, *peer.submit(RECIPIENT)]
    out = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout
    seconds, failed, user, system = map(float, out.split())
    if failed:
        raise Wrong(f"{peer.name}: the sendmail command failed {failed:.0f} times of {n}")
    return seconds, user + system


def submit(bench, peer, n, at_once):
    with Stage(bench, peer) as stage:
        few = max(n // 10, 1)
        spawn(bench, peer, few, at_once)
        stage.await_count(few)
        stage.settle_down(few)
        run = Run(peer, stage.sink)
        seconds, command_s = spawn(bench, peer, n, at_once)
        finished = stage.await_count(n)
        time.sleep(0.1)
        used = run.figures(n)
        stage.check_even(n)
    whole = PROCESSORS * (finished - run.started)
    return {"submit_per_s": n / seconds, "end_to_end_per_s": n / (finished - run.started),
            "submit_cpu_us": command_s * 1e6 / n + used["cpu_us"], "command_us": command_s * 1e6 / n,
            "daemon_us": used["cpu_us"], "own_share": used["own_share"] + command_s / whole,
            "others_cores": used["others_cores"]}
