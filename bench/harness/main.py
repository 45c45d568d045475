# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark's plan: what is measured, how often, in which order. Started by bench/run."""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import backlog
import peer as peers
import physical
import profiling
import relay
import report
import syscalls
from load import Tools
from process import wait_for_quiet

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ("physical", "relay", "submit", "backlog", "profile")

# (sessions, kept, messages): a session is a connection, with one message unless it is kept.
SHAPES = ((1, False, 4000), (20, False, 20000), (100, False, 20000), (1, True, 4000),
          (20, True, 20000), (100, True, 20000))
SUBMITS = ((1, 500), (8, 1000))
BACKLOG = 20000
SYNC_S = 2.0
SMOKE_SHARE = 100  # a smoke run does the same with so much less


def shape_name(sessions, keep):
    return f"-s {sessions}" + (" -d" if keep else "")


class Bench:
    def __init__(self, args):
        self.root = ROOT
        self.build = pathlib.Path(args.build).resolve()
        self.tools = Tools(args.peers)
        self.is_smoke = args.smoke
        self.reps = 1 if args.smoke else args.reps
        self.share = SMOKE_SHARE if args.smoke else 1
        self.quiet_s = 0 if args.smoke else args.quiet
        self.out = pathlib.Path(args.out or self.build / "bench-results")
        self.load = os.getloadavg()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fermoposta-bench.", dir=args.scratch))
        self.has_perf = not args.smoke and syscalls.perf_works()
        self.has_strace = not args.smoke and shutil.which("strace") is not None
        self.peers = [peers.PEERS[name](self.folder / name, self.build)
                      for name in args.only_peers.split(",")]
        self.results = []

    def file(self, name):
        return self.folder / name

    def wait_for_quiet(self):
        wait_for_quiet(self.quiet_s)

    def some(self, n):
        return max(n // self.share, 5)

    def note(self, test, peer, shape, figures):
        if figures is None:
            return
        self.results.append({"test": test, "peer": peer, "shape": shape, "figures": figures})
        brief = ", ".join(f"{name} {report.number(value)}" for name, value in figures.items())
        print(f"# {test} {peer} {shape}: {brief}", file=sys.stderr, flush=True)


def run_physical(b):
    seconds = SYNC_S / b.share
    for is_growing in (True, False):
        b.wait_for_quiet()
        name = "8 KiB + fdatasync, " + ("growing file" if is_growing else "in place")
        b.note("physical", "–", name, physical.synced_writes(b, seconds, is_growing))
    for batch in (1, 32):
        name = f"spool alone, {batch} per commit"
        b.note("physical", "–", name, physical.spool_alone(b, b.some(320 * (20 + batch)), batch))
    for sessions, keep, n in SHAPES:
        b.wait_for_quiet()
        name = "generator into sink, " + shape_name(sessions, keep)
        b.note("physical", "–", name, physical.straight(b, b.some(n), sessions, keep))


def run_relay(b):
    for sessions, keep, n in SHAPES:
        for peer in b.peers:
            b.note("relay", peer.name, shape_name(sessions, keep),
                   relay.relay(b, peer, b.some(n), sessions, keep))


def run_submit(b):
    for at_once, n in SUBMITS:
        for peer in b.peers:
            b.note("submit", peer.name, f"sendmail, {at_once} at once",
                   relay.submit(b, peer, b.some(n), at_once))


def run_backlog(b):
    for peer in b.peers:
        n = b.some(BACKLOG)
        b.note("backlog", peer.name, f"{n} messages, next hop down", backlog.backlog(b, peer, n))


RUNS = {"physical": run_physical, "relay": run_relay, "submit": run_submit, "backlog": run_backlog}


def parse(argv):
    p = argparse.ArgumentParser(prog="bench/run", description="Measures Fermoposta on this machine.")
    p.add_argument("--reps", type=int, default=3, help="repetitions (3); each does everything once")
    p.add_argument("--only", default=",".join(t for t in TESTS if t != "profile"),
                   help="of " + ",".join(TESTS) + " (all but the last)")
    p.add_argument("--mail-systems", dest="only_peers", default="fermoposta",
                   help="of " + ",".join(peers.PEERS))
    p.add_argument("--quiet", type=float, default=30, metavar="SECONDS",
                   help="before each run wait so long at most until others leave the machine (30)")
    p.add_argument("--scratch", default=os.environ.get("TMPDIR", "/var/tmp"),
                   help="a folder on a real disk (/var/tmp)")
    p.add_argument("--build", default=str(ROOT / "build/release"), help="build folder (build/release)")
    p.add_argument("--out", help="where results.md and results.jsonl go (BUILD/bench-results)")
    p.add_argument("--smoke", action="store_true", help="tiny, untimed, for the test suite")
    p.add_argument("--peers", default=str(ROOT / "build/peers/bin"), help=argparse.SUPPRESS)
    args = p.parse_args(argv)
    unknown = [t for t in args.only.split(",") if t not in TESTS]
    unknown += [t for t in args.only_peers.split(",") if t not in peers.PEERS]
    if unknown:
        p.error(f"unknown: {', '.join(unknown)}")
    kind = report.mount_of(pathlib.Path(args.scratch).resolve())[0]
    if kind in ("tmpfs", "ramfs", "overlay", "nfs", "nfs4") and not args.smoke:
        p.error(f"--scratch {args.scratch} is {kind}: syncing costs nothing there, or something else")
    return args


def measure(bench, tests):
    # Repetitions outside: mail systems and shapes take turns, so that a bad minute hits them alike.
    for _ in range(bench.reps):
        for test in tests:
            if test != "profile":
                RUNS[test](bench)
    if "profile" in tests:
        for peer in bench.peers:
            print(profiling.profile(bench, peer, bench.some(20000)))


def main(argv):
    args = parse(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(args)
    try:
        measure(bench, args.only.split(","))
        if bench.results and not bench.is_smoke:
            print(report.write(bench, bench.results))
            print(f"written: {bench.out}/results.md, results.jsonl")
        if bench.is_smoke:
            report.tables(bench.results)
            print(f"bench: {len(bench.results)} measurements work")
        return 0
    except relay.Wrong as wrong:
        print(f"bench: {wrong}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
