# SPDX-License-Identifier: BSD-2-Clause
"""`fermoposta simulate` as people type it: no daemon, no rights, nothing left behind."""
import json
import os
import signal
import time

from lib import Failed, equal, main, match


def stage(world):
    world.configure('route = ( { for = "example.net", to = [ "smtp://relay.example:25" ] } )\n', listen=False)
    os.mkdir(world.path("tmp"))
    world.env["TMPDIR"] = world.path("tmp")


def simulate(world, *words, code=0):
    return world.run("fermoposta", "simulate", *words, code=code).out


def left_behind(world):
    return os.listdir(world.path("tmp"))


def test_outage(world):
    stage(world)
    out = simulate(world, "--down", "example.com=6h", "--greylist", "example.net=10m", "--messages", "50")
    match(out, r"(?m)^\+00:00:00 example.com fails: connect to mx.example.com")
    match(out, r"(?m)^\+04:00:\d\d 25 warnings to senders")
    match(out, r"(?m)^\+06:\d\d:\d\d example.com answers again: 25 delivered")
    match(out, r"(?m)^delivered     50, the longest wait 6h")
    equal(left_behind(world), [], "in TMPDIR")
    equal(os.path.exists(world.path("spool.db")), False, "a real spool was made")


def test_json(world):
    stage(world)
    answer = json.loads(simulate(world, "--messages=3", "--format=json"))
    equal(answer["summary"]["delivered"], 3)


def test_tls(world):
    """Whatever a row asks for can be had."""
    for policy in ("none", "may", "encrypt", "verify", "dane", "dane-only"):
        world.configure('route = ( { for = "example.net", to = [ "smtp://relay.example:25" ] } )\n'
                        f'tls = ( {{ for = "*", policy = "{policy}" }} )\n', listen=False, nameservers=["127.0.0.1"])
        answer = json.loads(simulate(world, "--messages=4", "--to=example.net,example.com", "--format=json"))
        equal((answer["summary"]["delivered"], answer["summary"]["attempts"]), (4, 4), policy)


def test_bad_input(world):
    stage(world)
    match(world.run("fermoposta", "simulate", "--messages=0", code=64).err, "write a number from 1")
    match(world.run("fermoposta", "simulate", "--donw=1", code=64).err, "did you mean --down")
    match(world.run("fermoposta", "simulate", "--down=x.example=1h", "--to=y.example").err, "no message goes there")
    with open(world.path("bad.conf"), "w", encoding="utf-8") as f:
        f.write("smtp_prot = 25\n")
    match(world.run("fermoposta", "simulate", "-c", world.path("bad.conf"), code=78).err, "bad.conf:1: ")


def test_signal(world):
    stage(world)
    process = world.spawn([world.path("bin/fermoposta"), "simulate", "--messages=1000000", "--down=*=30d"])
    until = time.time() + 60
    while not left_behind(world) and time.time() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    equal(process.wait(60), -signal.SIGTERM, "how it ended")
    if left_behind(world):
        raise Failed(f"left behind: {left_behind(world)}")


if __name__ == "__main__":
    main(globals())
