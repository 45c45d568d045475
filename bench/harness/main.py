# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark's plan: what is measured, how often, in which order. Started by bench/run."""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import backlog
import decisions
import dot
import durable
import flush
import hole
import huge
import hung
import large
import lookups
import physical
import profiling
import relay
import report
import secured
import submit
import syscalls
import targets
from dma import Dma
from group import close_all
from load import Wrong
from packages import Missing, Packages, why_not
from peer import Fermoposta, Routes
from postfix import Postfix
from process import stop_all, wait_for_quiet

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = {"fermoposta": Fermoposta, "postfix": Postfix, "dma": Dma}
TESTS = ("physical", "decisions", "relay", "dot", "durable", "submit", "backlog", "large", "flush", "hole", "hung",
         "secured", "lookups", "huge", "profile")
OPTIONAL = ("profile",)

# (sessions, kept, messages): a session is a connection, with one message unless it is kept.
SHAPES = ((1, False, 4000), (20, False, 20000), (100, False, 20000), (1, True, 4000),
          (20, True, 20000), (100, True, 20000))
SUBMITS = ((1, 500), (8, 1000))
DOTS = 2000
PROOFS = 300
BACKLOG = 20000
LARGE = {"fermoposta": 1000000, "postfix": 50000}
FLUSH = {"fermoposta": 100000, "postfix": 10000}
HOLE = {"fermoposta": 20000, "postfix": 2000}
HUNG, HUNG_HOSTS = 20000, 1000
SECURED = 20000
LOOKUPS, KNOWN = 200, 200
HUGE, HUGE_AT_ONCE, HUGE_BYTES = 40, 20, 50 << 20
SYNC_S = 2.0
QUICK, SMOKE = 0.25, 0.01  # shares of the messages
SMOKE_WITH_PEERS = ("dot", "durable", "submit")


def shape_name(sessions, keep):
    return f"-s {sessions}" + (" -d" if keep else "")


class Bench:
    def __init__(self, args):
        self.root = ROOT
        self.build = pathlib.Path(args.build).resolve()
        self.peers_bin = pathlib.Path(args.peers).resolve()
        self.packages = Packages(self.peers_bin.parent / "packages", not args.smoke)
        self.is_smoke, self.is_quick = args.smoke, args.quick
        self.reps = 1 if args.smoke or args.quick else args.reps
        self.share = SMOKE if args.smoke else QUICK if args.quick else 1
        self.quiet_s = 0 if args.smoke else args.quiet
        self.patience_s = 20 * self.quiet_s  # in all: on a machine that is never quiet it takes no longer
        self.out = pathlib.Path(args.out or self.build / "bench-results")
        self.load = os.getloadavg()
        self.began = time.monotonic()
        self.null = open(os.devnull, "wb")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fermoposta-bench.", dir=args.scratch))
        self.folder.chmod(0o711)  # the user nobody has files to reach below it
        self.has_perf = not args.smoke and syscalls.perf_works()
        self.has_strace = syscalls.strace_works()
        self.peers, self.versions = [], {}
        self.left_out = {}  # mail systems and measurements, with the reason
        self.results = []

    def prepare(self, names):
        for name in names:
            reason = None if name == "fermoposta" else why_not()
            try:
                if not reason:
                    self.peers.append(PEERS[name](self.folder / name, self))
                    self.versions[name] = self.peers[-1].version()
            except Missing as missing:
                reason = str(missing)
            if reason:
                self.leave_out(name, reason)

    def leave_out(self, what, reason):
        if what not in self.left_out:
            print(f"bench: without {what}: {reason}", file=sys.stderr, flush=True)
        self.left_out[what] = reason

    # ---- for the measurements -------------------------------------------------------------------

    def file(self, name):
        return self.folder / name

    def tool(self, name):
        """A program of bench/*.c"""
        path = self.build / "bench" / name
        return path if path.exists() else self.build / name

    @staticmethod
    def routes(next_hop):
        return Routes(next_hop)

    def wait_for_quiet(self):
        self.patience_s -= wait_for_quiet(min(self.quiet_s, self.patience_s))

    def await_idle(self, peer, limit_s=180):
        """Until it has used less than 2 % of a processor for half a second: what was accepted was tried
        once, and waits or has gone. Returns the moment at which that half second began."""
        end = time.monotonic() + limit_s
        seen = [(time.monotonic(), peer.cpu().total)]
        while time.monotonic() < end:
            time.sleep(0.05)
            seen.append((time.monotonic(), peer.cpu().total))
            while seen[-1][0] - seen[1][0] >= 0.5:
                seen.pop(0)
            (begin, before), (now, after) = seen[0], seen[-1]
            if now - begin >= 0.5 and after - before <= 0.02 * (now - begin):
                return begin
        raise Wrong(f"{peer.name} is still busy after {limit_s} s")

    def messages(self, peer, n):
        """So many of n, for a run of about the same length."""
        return max(int(n * peer.pace * self.share), 5)

    def note(self, test, peer, load, figures):
        self.results.append({"test": test, "peer": peer, "load": load, "figures": figures})
        brief = ", ".join(f"{name} {report.number(value)}" for name, value in figures.items())
        print(f"# {time.monotonic() - self.began:.0f} s: {test} {peer} {load}: {brief}", file=sys.stderr, flush=True)

    def smtp_peers(self, test):
        """A smoke run looks at our daemon; at the others only as far as their part of the harness goes."""
        are_all = not self.is_smoke or test in SMOKE_WITH_PEERS
        return [peer for peer in self.peers if peer.takes_smtp and (are_all or peer.name == "fermoposta")]

    def close(self):
        stop_all()
        close_all()
        shutil.rmtree(self.folder, ignore_errors=True)


def run_physical(b):
    for is_growing in (True, False):
        b.wait_for_quiet()
        name = "8 KiB + fdatasync, " + ("growing file" if is_growing else "in place")
        b.note("physical", "machine", name, physical.synced_writes(b, SYNC_S * b.share, is_growing))
    for batch in (1, 32):
        n = max(int(320 * (20 + batch) * b.share), 5)
        b.note("physical", "machine", f"spool alone, {batch} per commit", physical.spool_alone(b, n, batch))
    for name, measure in (("sockets alone", physical.sockets_alone), ("generator into sink", physical.straight)):
        for sessions, keep, n in SHAPES:
            b.wait_for_quiet()
            b.note("physical", "machine", f"{name}, {shape_name(sessions, keep)}",
                   measure(b, max(int(n * b.share), 5), sessions, keep))


def run_decisions(b):
    b.note("decisions", "fermoposta", "scheduler alone", decisions.decisions(b, b.share if b.is_smoke else 1))


def run_relay(b):
    for sessions, keep, n in SHAPES:
        for peer in b.smtp_peers("relay"):
            b.note("relay", peer.name, shape_name(sessions, keep),
                   relay.relay(b, peer, b.messages(peer, n), sessions, keep))


def run_dot(b):
    for peer in b.smtp_peers("dot"):
        b.note("dot", peer.name, "-s 1", dot.dot(b, peer, b.messages(peer, DOTS)))


def run_durable(b):
    if not b.has_strace:
        b.leave_out("the proof of durability", "strace does not work here")
        return
    n = 20 if b.is_smoke else PROOFS
    for peer in b.smtp_peers("durable"):
        b.note("durable", peer.name, "background", durable.durable(b, peer, n))
    for peer in b.peers:
        if peer.name == "fermoposta":
            if peer.knows('mode = "interactive"\n'):
                b.note("durable", peer.name, "interactive", durable.interactive(b, peer, n))
            else:
                b.leave_out("interactive mode", "this build does not know the setting mode")


def run_submit(b):
    for at_once, n in SUBMITS:
        for peer in b.peers:
            b.note("submit", peer.name, f"sendmail, {at_once} at once",
                   submit.submit(b, peer, max(int(n * b.share), 5), at_once))


def run_backlog(b):
    for peer in b.smtp_peers("backlog"):
        n = max(int(BACKLOG * b.share * (peer.pace + 1) / 2), 5)
        b.note("backlog", peer.name, "next hop down", backlog.backlog(b, peer, n))


def run_large(b):
    for peer in b.smtp_peers("large"):
        for figures in large.large(b, peer, max(int(LARGE[peer.name] * b.share), 5), 1 if b.is_smoke else 3):
            b.note("large", peer.name, "", figures)


def run_flush(b):
    for peer in b.smtp_peers("flush"):
        n = max(int(FLUSH[peer.name] * b.share), 5)
        b.note("flush", peer.name, "", flush.flush(b, peer, n))


def run_hole(b):
    for peer in b.smtp_peers("hole"):
        b.note("hole", peer.name, "", hole.hole(b, peer, max(int(HOLE[peer.name] * b.share), 5)))


def ours(b):
    return [peer for peer in b.peers if peer.name == "fermoposta"]


def run_hung(b):
    hosts, pairs = (20, 1) if b.is_smoke else (HUNG_HOSTS, hung.PAIRS)
    for peer in ours(b):
        b.note("hung", peer.name, f"{hosts} hosts", hung.hung(b, peer, b.messages(peer, HUNG), hosts, pairs))


def run_secured(b):
    pairs = 1 if b.is_smoke else secured.PAIRS
    for peer in ours(b):
        b.note("secured", peer.name, "-s 20 -d", secured.secured(b, peer, b.messages(peer, SECURED), pairs))


def run_lookups(b):
    n, known, slow_s = (20, 10, 0.5) if b.is_smoke else (LOOKUPS, KNOWN, 2.0)
    for peer in ours(b):
        b.note("lookups", peer.name, f"{n} domains", lookups.lookups(b, peer, n, known, slow_s))


def run_huge(b):
    n, size = (HUGE, HUGE_BYTES) if b.share == 1 else (HUGE // 2, HUGE_BYTES) if b.is_quick else (5, 1 << 20)
    for peer in b.smtp_peers("huge"):
        b.note("huge", peer.name, "", huge.huge(b, peer, n, min(HUGE_AT_ONCE, n), size))


RUNS = {"physical": run_physical, "decisions": run_decisions, "relay": run_relay, "dot": run_dot, "durable": run_durable,
        "submit": run_submit, "backlog": run_backlog, "large": run_large, "flush": run_flush,
        "hole": run_hole, "hung": run_hung, "secured": run_secured, "lookups": run_lookups, "huge": run_huge}
# A count, a proof, and what repeats within itself.
ONCE = ("decisions", "durable", "large", "hung", "secured", "lookups")


def measure(b, tests):
    # Repetitions outside: mail systems and loads take turns, so that a bad minute hits them alike.
    for rep in range(b.reps):
        for test in tests:
            if test in RUNS and (rep == 0 or test not in ONCE):
                RUNS[test](b)
    if "profile" in tests:
        for peer in b.smtp_peers("profile"):
            print(profiling.profile(b, peer, b.messages(peer, 20000)))


def parse(argv):
    p = argparse.ArgumentParser(prog="bench/run", description="Measures Fermoposta on this machine, beside Postfix "
                                "and dma where root runs it on Debian. Nothing is installed.")
    p.add_argument("--reps", type=int, default=3, help="repetitions (3); each does everything once")
    p.add_argument("--quick", action="store_true", help="one repetition with a quarter of the messages")
    p.add_argument("--only", default=",".join(t for t in TESTS if t not in OPTIONAL),
                   help="of " + ",".join(TESTS) + " (all but the last)")
    p.add_argument("--mail-systems", dest="only_peers", default=",".join(PEERS), help="of " + ",".join(PEERS))
    p.add_argument("--quiet", type=float, default=15, metavar="SECONDS",
                   help="before each run wait so long at most until others leave the machine, "
                   "and twenty times that in all (15)")
    p.add_argument("--scratch", default=os.environ.get("TMPDIR", "/var/tmp"),
                   help="a folder on a real disk with 5 GB free (/var/tmp)")
    p.add_argument("--build", default=str(ROOT / "build/release"), help="build folder (build/release)")
    p.add_argument("--out", help="where results.md and results.jsonl go (BUILD/bench-results)")
    p.add_argument("--smoke", action="store_true", help="tiny, untimed, for the test suite")
    p.add_argument("--peers", default=str(ROOT / "build/peers/bin"), help=argparse.SUPPRESS)
    args = p.parse_args(argv)
    unknown = [t for t in args.only.split(",") if t not in TESTS]
    unknown += [t for t in args.only_peers.split(",") if t not in PEERS]
    if unknown:
        p.error(f"unknown: {', '.join(unknown)}")
    kind = report.mount_of(pathlib.Path(args.scratch).resolve()).kind
    if kind in ("tmpfs", "ramfs", "overlay", "nfs", "nfs4") and not args.smoke:
        p.error(f"--scratch {args.scratch} is {kind}: syncing costs nothing there, or something else")
    return args


def check_targets(bench, tests):
    """Each is held against something, but for what cannot be measured here or is not timed."""
    excused = {"syncs_per_message"} | ({"syncs"} if "interactive mode" in bench.left_out else set())
    excused |= {"syncs", "not_durable"} if not bench.has_strace else set()
    is_ours = any(peer.name == "fermoposta" for peer in bench.peers)
    for target in targets.unseen(bench.results) if is_ours else []:
        if target.test in tests and target.figure not in excused:
            raise Wrong(f"a target speaks of {target.test}, {target.figure}, which nobody measures")


def run(bench, args):
    bench.prepare(args.only_peers.split(","))
    try:
        measure(bench, args.only.split(","))
    finally:
        # What was measured before something failed is not lost.
        if bench.results and not bench.is_smoke:
            print(report.write(bench))
            print(f"written: {bench.out}/results.md, results.jsonl")
    if bench.is_smoke:
        check_targets(bench, args.only.split(","))
        report.tables(bench.results)
        print(f"bench: {len(bench.results)} measurements work")


def main(argv):
    args = parse(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(args)
    try:
        run(bench, args)
        return 0
    except Wrong as wrong:
        print(f"bench: {wrong}", file=sys.stderr)
        return 1
    finally:
        bench.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
