# SPDX-License-Identifier: BSD-2-Clause
"""The table: a line for each figure, with min, median and max of its repetitions for every mail system."""

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import time
from typing import NamedTuple

import targets
from group import how

OURS = "fermoposta"
NOISY_CORES = 0.35

UNITS = {"few_instructions": ("a decision, 1,000 destinations", "instructions"),
         "many_instructions": ("a decision, 100,000 destinations", "instructions"),
         "few_ns": ("a decision, 1,000 destinations", "ns"),
         "many_ns": ("a decision, 100,000 destinations", "ns"),
         "decision_growth": ("with 100,000, times as much", ""),
         "heap_mib": ("memory of 100,000 destinations", "MiB"),
         "end_to_end_per_s": ("end to end", "messages/s"), "accept_per_s": ("accepted", "messages/s"),
         "settled_per_s": ("accepted, until all is tried and waits", "messages/s"),
         "submit_per_s": ("submitted", "messages/s"), "per_s": ("rate", "/s"),
         "cpu_us": ("CPU", "µs/message"), "user_us": ("… user", "µs/message"),
         "system_us": ("… kernel", "µs/message"),
         "own_share": ("its share of all processors", ""),
         "generator_us": ("CPU of the generator", "µs/message"),
         "sink_us": ("CPU of the sink", "µs/message"),
         "tools_share": ("generator's and sink's share of all processors", ""),
         "syncs_per_message": ("fdatasync and fsync", "/message"),
         "syncs_per_message_strace": ("fdatasync and fsync (slowed by strace)", "/message"),
         "dot_median_us": ("final dot to 250, median", "µs"), "dot_p99_us": ("final dot to 250, 99th percentile", "µs"),
         "dot_longest_us": ("final dot to 250, longest", "µs"),
         "durable_messages": ("messages seen to be synced before their 250", ""),
         "not_durable": ("messages not synced before their 250", ""), "syncs": ("fdatasync and fsync", ""),
         "submit_cpu_us": ("CPU, command and daemon", "µs/message"),
         "command_us": ("… command", "µs/message"), "daemon_us": ("… daemon", "µs/message"),
         "bytes_per_message": ("disk, without the log", "bytes/message"),
         "log_mib": ("write-ahead log", "MiB"), "log_peak_mib": ("write-ahead log, largest", "MiB"),
         "pss_mib": ("memory (PSS)", "MiB"), "pss_peak_mib": ("memory (PSS), largest seen", "MiB"),
         "rss_mib": ("memory (RSS)", "MiB"), "hwm_mib": ("memory, peak (VmHWM)", "MiB"),
         "hwm_due_mib": ("memory, peak (VmHWM), all due", "MiB"),
         "rss_started_mib": ("memory when started", "MiB"),
         "text_first_s": ("list, text, first byte", "s"), "text_s": ("list, text", "s"),
         "text_per_s": ("list, text", "messages/s"), "jsonl_first_s": ("list, jsonl, first byte", "s"),
         "jsonl_s": ("list, jsonl", "s"), "jsonl_per_s": ("list, jsonl", "messages/s"),
         "stats_s": ("stats", "s"), "filter_s": ("list of one recipient's mail", "s"),
         "start_to_220_s": ("start until 220", "s"), "start_to_220_due_s": ("start until 220, all due", "s"),
         "start_to_first_s": ("start until the first delivery", "s"),
         "accept_alone_per_s": ("accepted, alone", "messages/s"),
         "accept_listing_per_s": ("accepted under listing", "messages/s"),
         "accept_listing_share": ("accepted under listing, as a share of the rate alone", ""),
         "flush_per_s": ("flushed", "messages/s"), "flush_first_s": ("flush until the first", "s"),
         "flush_during_per_s": ("flushed while accepting", "messages/s"),
         "accept_during_per_s": ("accepted while flushing", "messages/s"),
         "accept_during_share": ("accepted while flushing, as a share of the rate alone", ""),
         "half_healthy_s": ("healthy half, the other healthy too", "s"),
         "half_holed_s": ("healthy half, the other a black hole", "s"),
         "hole_share": ("healthy half beside a black hole, times as long", ""),
         "alone_per_s": ("relayed, nobody hangs", "messages/s"),
         "beside_hung_per_s": ("relayed beside hosts that hang", "messages/s"),
         "hung_share": ("relayed beside hosts that hang, as a share of the rate alone", ""),
         "first_beside_hung_s": ("first mail to a host that was not tried before, while they hang", "s"),
         "alone_us": ("CPU, nobody hangs", "µs/message"), "beside_hung_us": ("CPU beside hosts that hang", "µs/message"),
         "clear_per_s": ("relayed in clear", "messages/s"), "tls_per_s": ("relayed with TLS", "messages/s"),
         "clear_us": ("CPU in clear", "µs/message"), "tls_us": ("CPU with TLS", "µs/message"),
         "tls_share": ("messages per second of its CPU with TLS, as a share of those in clear", ""),
         "handshakes_per_1000": ("handshakes", "/1,000 messages"), "resumed_share": ("of these, resumed", ""),
         "lookups": ("questions to a slow name server at the same time", ""),
         "threads_added": ("threads more than before, meanwhile", ""),
         "lookups_s": ("until all of that mail has arrived", "s"),
         "known_ms": ("one message to a domain that is known, median", "ms"),
         "known_dead_ms": ("the same, the name server dead, median", "ms"),
         "known_dead_longest_ms": ("the same, longest", "ms"),
         "known_added_ms": ("what a dead name server adds to it, median", "ms"),
         "through_mib_per_s": ("end to end", "MiB/s"), "accept_mib_per_s": ("accepted", "MiB/s"),
         "cpu_per_mib_us": ("CPU", "µs/MiB"), "others_cores": ("others on the machine", "processors")}


# ---- the machine ---------------------------------------------------------------------------------


def first_line(argv):
    try:
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False).stdout.strip().splitlines()[0]
    except (OSError, IndexError):
        return "?"


def processor():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        names = [line.partition(":")[2].strip() for line in f if line.startswith("model name")]
    return f"{len(names)} × {names[0]}" if names else f"{os.cpu_count()} × {platform.machine()}"


class Mount(NamedTuple):
    device: str = "?"
    kind: str = "?"
    options: str = "?"
    where: str = ""


def mount_of(path):
    best = Mount()
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as f:
        for line in f:
            device, where, kind, options = line.split()[:4]
            is_above = where == "/" or str(path) == where or str(path).startswith(where + "/")
            if is_above and len(where) >= len(best.where):
                best = Mount(device, kind, options, where)
    return best


def disk(path):
    """What the kernel knows of the disk below a path's file system."""
    number = os.stat(path).st_dev
    base = f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"
    facts = []
    for folder in (base, base + "/.."):
        for name in ("queue/rotational", "queue/write_cache", "queue/scheduler", "device/model"):
            try:
                with open(f"{folder}/{name}", encoding="ascii", errors="replace") as f:
                    facts.append(f"{name.partition('/')[2]} {f.read().strip()}")
            except OSError:
                pass
        if facts:
            break
    return ", ".join(facts) or "unknown"


def library(name):
    return f"{name} " + first_line(["pkg-config", "--modversion", name])


def machine(bench):
    mount = mount_of(bench.folder)
    with open("/etc/os-release", encoding="utf-8") as f:
        system = dict(line.rstrip().split("=", 1) for line in f if "=" in line)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    noise = [r["figures"]["others_cores"] for r in bench.results if "others_cores" in r["figures"]]
    libraries = [library(name) for name in ("libuv", "libconfig", "jansson")]
    return {"when": time.strftime("%Y-%m-%d %H:%M %Z"), "processors": processor(),
            "memory": f"{memory_gib:.1f} GiB",
            "system": system.get("PRETTY_NAME", "?").strip('"') + ", Linux " + platform.release(),
            "scratch folder": f"{mount.kind} ({mount.options}) on {mount.device}",
            "disk": disk(bench.folder),
            "mail systems": ", ".join(bench.versions.values()),
            "left out": "; ".join(f"{k}: {v}" for k, v in bench.left_out.items()) or "nothing",
            "source": first_line(["git", "-C", str(bench.root), "describe", "--always", "--dirty"]),
            "built with": ", ".join([first_line(["cc", "--version"]), f"SQLite {sqlite3.sqlite_version}", *libraries]),
            "CPU counted by": how(),
            "load average when it began": " ".join(f"{x:.2f}" for x in bench.load),
            "others on the machine": f"{number(statistics.median(noise))} processors (median of the runs), "
                                     f"{number(max(noise))} at most" if noise else "?",
            "repetitions": str(bench.reps) + (", quick" if bench.is_quick else "")}


# ---- the table -----------------------------------------------------------------------------------


def number(x):
    if abs(x) >= 1000:
        return f"{x:,.0f}"
    if x == 0 or abs(x) >= 100:
        return f"{x:.0f}"
    return f"{x:.1f}" if abs(x) >= 10 else f"{x:.2f}" if abs(x) >= 0.1 else f"{x:.4f}"


def cell(values):
    if not values:
        return ""
    middle = f"**{number(statistics.median(values))}**"
    return middle if len(values) == 1 else f"{number(min(values))} / {middle} / {number(max(values))}"


class Verdict(NamedTuple):
    words: str = ""  # for the table's last column
    missed: str = ""  # a sentence, if the target is missed


def judge(test, load, figure, medians):
    target = targets.find(test, load, figure)
    if not target or OURS not in medians:
        return Verdict()
    ours, other = medians[OURS], medians.get(target.peer)
    met = target.is_met(ours, other)
    if met is not False:
        return Verdict(target.words() + (" ✓" if met else " ?"))
    title, unit = UNITS[figure]
    name = f"{test}, {load}" if load else test
    beside = f" ({number(other)})" if target.peer else ""
    return Verdict(target.words() + " **missed**",
                   f"{name}: {title} {number(ours)} {unit}, to be {target.words()}{beside}".replace(" ,", ","))


def values_of(rows, figure):
    """By mail system."""
    found = {}
    for row in rows:
        if figure in row["figures"]:
            found.setdefault(row["peer"], []).append(row["figures"][figure])
    return found


def ratios(medians, others):
    for other in others:
        is_there = OURS in medians and medians.get(other)
        yield number(medians[OURS] / medians[other]) if is_there else ""


def row_of(cells):
    return "| " + " | ".join(cells) + " |"


def line(test, load, figure, rows, peers):
    values = values_of(rows, figure)
    medians = {peer: statistics.median(v) for peer, v in values.items()}
    title, unit = UNITS.get(figure, (figure, ""))
    cells = [load, title, unit, *(cell(values.get(peer, [])) for peer in peers)]
    cells += ratios({} if figure == "others_cores" else medians, peers[1:])
    verdict = judge(test, load, figure, medians)
    others = max([0.0, *(statistics.median(v) for v in values_of(rows, "others_cores").values())])
    if verdict.missed and others > NOISY_CORES:
        return row_of([*cells, verdict.words + ", noisy"]), f"{verdict.missed}; others used {number(others)} processors"
    return row_of([*cells, verdict.words]), verdict.missed


def table(test, rows, missed):
    peers = list(dict.fromkeys(row["peer"] for row in rows))
    heads = ["load", "figure", "unit", *peers, *("ratio to " + peer for peer in peers[1:]), "target"]
    lines = [f"## {test}", "", row_of(heads), "|---" * len(heads) + "|"]
    for load in dict.fromkeys(row["load"] for row in rows):
        same = [row for row in rows if row["load"] == load]
        for figure in dict.fromkeys(name for row in same for name in row["figures"]):
            text, sentence = line(test, load, figure, same, peers)
            lines.append(text)
            missed += [sentence] if sentence else []
    return lines + [""]


def tables(results):
    """results: rows of {test, peer, load, figures}. Returns (lines, figures that miss their target)."""
    lines, missed = [], []
    for test in dict.fromkeys(r["test"] for r in results):
        lines += table(test, [r for r in results if r["test"] == test], missed)
    return lines, missed


def write(bench):
    facts = machine(bench)
    lines, missed = tables(bench.results)
    text = ["# Benchmark", "", "What each figure means: docs/performance.md. Each cell: min / **median** / max.", ""]
    text += [f"- {name}: {value}" for name, value in facts.items()]
    noisy = sum(r["figures"].get("others_cores", 0) > NOISY_CORES for r in bench.results)
    text += [f"- runs in which others used more than {NOISY_CORES} processors: {noisy} of {len(bench.results)}"]
    text += ["", "## Targets missed", ""] + [f"- {m}" for m in missed or ["none"]] + [""] + lines
    bench.out.mkdir(parents=True, exist_ok=True)
    (bench.out / "results.md").write_text("\n".join(text), encoding="utf-8")
    with open(bench.out / "results.jsonl", "w", encoding="utf-8") as f:
        f.write(json.dumps({"machine": facts}, ensure_ascii=False) + "\n")
        for row in bench.results:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")
    return "\n".join(text)
