# SPDX-License-Identifier: BSD-2-Clause
"""The table: per measurement one line for each figure, min, median and max of its repetitions."""

import json
import os
import platform
import sqlite3
import statistics
import subprocess

UNITS = {"end_to_end_per_s": ("end to end", "messages/s"), "accept_per_s": ("accepted", "messages/s"),
         "submit_per_s": ("submitted", "messages/s"), "flush_per_s": ("flushed", "messages/s"),
         "per_s": ("rate", "/s"), "cpu_us": ("CPU of what is measured", "µs/message"),
         "user_us": ("… user", "µs/message"), "system_us": ("… kernel", "µs/message"),
         "generator_us": ("CPU of the generator", "µs/message"),
         "sink_us": ("CPU of the sink", "µs/message"),
         "command_us": ("CPU of the command", "µs/message"),
         "syncs_per_message": ("fdatasync and fsync", "/message"),
         "syncs_per_message_strace": ("fdatasync and fsync (slowed by strace)", "/message"),
         "bytes_per_message": ("disk", "bytes/message"), "resident_mib": ("resident, full", "MiB"),
         "peak_mib": ("resident, peak of filling", "MiB"),
         "resident_after_list_mib": ("resident, after listing", "MiB"),
         "resident_after_restart_mib": ("resident, restarted", "MiB"),
         "list_text_s": ("list, text", "s"), "list_jsonl_s": ("list, jsonl", "s"),
         "stop_s": ("stopping", "s"), "restart_to_220_s": ("start until 220", "s"),
         "flush_first_s": ("flush until the first", "s"),
         "flush_cpu_us": ("CPU of flushing", "µs/message"),
         "flush_user_us": ("… user", "µs/message"), "flush_system_us": ("… kernel", "µs/message"),
         "others_cores": ("others on the machine", "processors")}


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


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def mount_of(path):
    """(type, options) of the file system that the path is on."""
    best = ("", "?", "?")
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as f:
        for line in f:
            _, where, kind, options = line.split()[:4]
            is_above = where == "/" or str(path) == where or str(path).startswith(where + "/")
            if is_above and len(where) >= len(best[0]):
                best = (where, kind, options)
    return best[1], best[2]


def machine(bench):
    kind, options = mount_of(bench.folder)
    with open("/etc/os-release", encoding="utf-8") as f:
        system = dict(line.rstrip().split("=", 1) for line in f if "=" in line)
    return {"processor": processor(), "memory": f"{memory_gib():.1f} GiB",
            "system": system.get("PRETTY_NAME", "?").strip('"') + ", Linux " + platform.release(),
            "scratch folder": f"{kind} ({options})",
            "load when it began": " ".join(f"{x:.2f}" for x in bench.load),
            "compiler": first_line(["cc", "--version"]), "SQLite": sqlite3.sqlite_version,
            "libuv": first_line(["pkg-config", "--modversion", "libuv"]),
            "mail systems": ", ".join(p.version() for p in bench.peers),
            "source": first_line(["git", "-C", str(bench.root), "describe", "--always", "--dirty"]),
            "repetitions": str(bench.reps)}


def number(x):
    if x >= 1000:
        return f"{x:,.0f}"
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}" if x >= 0.1 else f"{x:.3f}"


def tables(results):
    """results: rows of {test, peer, shape, figures}. One table per test."""
    lines = []
    for test in dict.fromkeys(r["test"] for r in results):
        lines += [f"## {test}", "", "| mail system | load | figure | unit | min | median | max |",
                  "|---|---|---|---|---|---|---|"]
        mine = [r for r in results if r["test"] == test]
        for key in dict.fromkeys((r["peer"], r["shape"]) for r in mine):
            same = [r["figures"] for r in mine if (r["peer"], r["shape"]) == key]
            for name in same[0]:
                values = [f[name] for f in same if name in f]
                title, unit = UNITS.get(name, (name, ""))
                lines.append("| {} | {} | {} | {} | {} | **{}** | {} |".format(
                    key[0], key[1], title, unit, number(min(values)),
                    number(statistics.median(values)), number(max(values))))
        lines.append("")
    return lines


def write(bench, results):
    facts = machine(bench)
    text = ["# Benchmark", "", "What each figure means: docs/performance.md.", ""]
    text += [f"- {name}: {value}" for name, value in facts.items()] + [""] + tables(results)
    bench.out.mkdir(parents=True, exist_ok=True)
    (bench.out / "results.md").write_text("\n".join(text), encoding="utf-8")
    with open(bench.out / "results.jsonl", "w", encoding="utf-8") as f:
        f.write(json.dumps({"machine": facts}, ensure_ascii=False) + "\n")
        for row in results:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")
    return "\n".join(text)
