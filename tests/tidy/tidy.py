#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a compiler does not check: rules of docs/architecture.md, held by machine.

  tidy.py CHECK ROOT [BUILD]      0 when ROOT follows the rule; else every break as FILE:LINE: sentence, 1
  tidy.py CHECK --rejects FOLDER  0 only when the check finds what each bad sample in FOLDER breaks

A bad sample is a small tree FOLDER/CHECK/ with a file `expect` that holds one piece of text per line
which the check's output must contain. A check without a bad sample fails: a check that checks nothing
passes for years.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOMS = ["receive", "queue", "scheduler", "deliver", "bounce", "control"]
PRODUCT = ["core", "io", *ROOMS, "config", "pipeline", "daemon", "simulate", "command"]
SUFFIXES = ["uv", "db", "dns", "http", "fs", "sys", "conf", "json", "idn2", "sasl"]
ALLOW = pathlib.Path(__file__).with_name("purity.allow")

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
# In tests tables of cases stand in files and functions, and are read by the row.
TEST_LINES_MAX = 1000
TEST_FUNCTION_LINES_MAX = 100
COLUMNS_MAX = 100


class Tree:
    """The files of a source tree, and the breaks found in them."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.breaks = []

    def say(self, path, line, sentence):
        self.breaks.append(f"{path.relative_to(self.root)}:{line}: {sentence}")

    def files(self, folders, patterns):
        for folder in folders:
            base = self.root / folder
            for pattern in patterns:
                for path in sorted(base.rglob(pattern)):
                    if not self.is_sample(path) and path.is_file():
                        yield path

    def is_sample(self, path):
        parts = path.relative_to(self.root).parts
        return parts[:3] == ("tests", "tidy", "bad") or parts[0] in ("build", ".git")

    def sources(self, folders=None):
        return self.files(folders or [*PRODUCT, "tests", "bench"], ["*.c", "*.h"])


def suffix_of(name):
    stem = name.rsplit(".", 1)[0]
    last = stem.rsplit("_", 1)[-1]
    return last if "_" in stem and last in SUFFIXES else ""


def blank_out(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments_and_strings(text):
    """The code alone, with every line in its place. Strings keep their quotes."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank_out, text, flags=re.S)


def read(path):
    return path.read_text(encoding="utf-8", errors="surrogateescape")


# ---- includes ------------------------------------------------------------------------------------

LIBRARY_HEADERS = {
    "uv.h": "uv",
    "sqlite3.h": "db",
    "curl/curl.h": "http",
    "resolv.h": "dns",
    "arpa/nameser.h": "dns",
    "libconfig.h": "conf",
    "jansson.h": "json",
    "idn2.h": "idn2",
    "gsasl.h": "sasl",
}


def may_include(folder, name, target):
    """May a file of `folder` with that name include a header of the folder `target`?"""
    if target in (folder, "core"):
        return True
    if folder == "core":
        return False
    if folder == "io":
        return False
    if folder in ROOMS:
        return target == "io" and suffix_of(name) == "uv"
    if folder == "config":
        return target in ROOMS or (target == "io" and bool(suffix_of(name)))
    if folder == "pipeline":
        return target in (*ROOMS, "config")
    if folder == "daemon":
        return target != "command" and (target != "simulate" or name.startswith("main_"))
    if folder == "simulate":
        return target not in ("command", "daemon")
    return folder == "command" and target in ("config", "receive", "control")


def check_includes(tree):
    for path in tree.sources(PRODUCT):
        folder = path.relative_to(tree.root).parts[0]
        for number, line in enumerate(read(path).splitlines(), 1):
            own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            other = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
            if own:
                check_own_include(tree, path, folder, number, own.group(1))
            elif other:
                want = LIBRARY_HEADERS.get(other.group(1))
                uses_both = other.group(1) == "uv.h" and suffix_of(path.name) == "http"  # on the loop
                if want and suffix_of(path.name) != want and not uses_both:
                    tree.say(path, number, f"<{other.group(1)}> belongs in *_{want} files only")


def check_own_include(tree, path, folder, number, header):
    target = header.split("/")[0]
    if "/" not in header:
        tree.say(path, number, f'write "{folder}/{header}", from the root')
    elif not may_include(folder, path.name, target):
        tree.say(path, number, f"{folder}/ must not include {target}/ from here")
    elif not suffix_of(path.name) and suffix_of(pathlib.PurePath(header).name) not in ("", "json", "idn2"):
        tree.say(path, number, f"a pure file includes {header}, which touches the world")


# ---- calls ---------------------------------------------------------------------------------------

BANNED = {
    "strcpy": "snprintf or struct buf",
    "strcat": "struct buf",
    "strncpy": "snprintf or struct buf",
    "strncat": "struct buf",
    "stpcpy": "struct buf",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "fgets",
    "strtok": "slices",
    "scanf": "slices",
    "sscanf": "slices",
    "atoi": "a parser that says what is wrong",
    "atol": "a parser that says what is wrong",
    "atof": "a parser that says what is wrong",
    "system": "execv without a shell",
    "popen": "execv without a shell",
    "rand": "a seed that comes with the event",
    "srand": "a seed that comes with the event",
    "random": "a seed that comes with the event",
    "alloca": "must_alloc",
    "tmpnam": "mkstemp",
    "mktemp": "mkstemp",
    "vfork": "posix_spawn",
    "gethostbyname": "getaddrinfo",
}
# What never returns NULL is asked for instead; the tests' tools need not.
ALLOCATION = ["malloc", "calloc", "realloc", "strdup", "strndup", "asprintf", "vasprintf"]


def check_calls(tree):
    for path in tree.sources([*PRODUCT, "tests/tools"]):
        relative = path.relative_to(tree.root)
        banned = dict(BANNED)
        if relative.parts[0] in PRODUCT and str(relative) != "core/must.c":
            banned.update({name: "must_alloc and its like (core/must.h)" for name in ALLOCATION})
        pattern = re.compile(r"(?<![\w.>])(" + "|".join(banned) + r")\s*\(")
        code = without_comments_and_strings(read(path))
        for number, line in enumerate(code.splitlines(), 1):
            for name in pattern.findall(line):
                tree.say(path, number, f"{name}() is banned; use {banned[name]}")


# ---- lengths -------------------------------------------------------------------------------------


def function_name(lines, opening):
    """The name before the parenthesis of the signature that ends above line `opening`."""
    signature = ""
    for line in reversed(lines[max(0, opening - 8) : opening]):
        if line.strip() in ("", "}", "};") or line.startswith(("#", "//")):
            break
        signature = line + " " + signature
    found = re.search(r"([A-Za-z_]\w*)\s*\(", signature)
    return found.group(1) if found else "?"


def check_lengths(tree):
    for path in tree.sources():
        lines = read(path).splitlines()
        is_test = path.relative_to(tree.root).parts[0] == "tests"
        most = TEST_LINES_MAX if is_test else FILE_LINES_MAX
        most_in_function = TEST_FUNCTION_LINES_MAX if is_test else FUNCTION_LINES_MAX
        if len(lines) > most:
            tree.say(path, len(lines), f"{len(lines)} lines, at most {most}: split by noun")
        opening = None
        for number, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > COLUMNS_MAX:
                tree.say(path, number, f"{len(line)} columns, at most {COLUMNS_MAX}")
            if line == "{":
                opening = number
            elif line == "}" and opening:
                length = number - opening + 1
                if length > most_in_function:
                    name = function_name(lines, opening - 1)
                    tree.say(path, opening, f"{name} has {length} lines, at most {most_in_function}")
                opening = None


# ---- tops of files -------------------------------------------------------------------------------

SPDX = "SPDX-License-Identifier: BSD-2-Clause"


def check_tops(tree):
    for path in tree.sources():
        lines = read(path).splitlines()
        if not lines or lines[0] != "// " + SPDX:
            tree.say(path, 1, f'the first line must be "// {SPDX}"')
        elif len(lines) < 2 or not lines[1].startswith("// "):
            tree.say(path, 2, "a paragraph must say what this file is")
    scripts = [*tree.files(["tests", "bench", "packaging"], ["*.py", "*.sh"])]
    scripts += [tree.root / name for name in ("check", "quickstart", ".ci/run")]
    for path in scripts:
        if path.is_file() and SPDX not in "\n".join(read(path).splitlines()[:3]):
            tree.say(path, 1, f'"# {SPDX}" is missing below the first line')


# ---- traces --------------------------------------------------------------------------------------

# What belongs to a machine or a moment, not to the program.
TRACES = [
    (r"(?<![\w.])/(?:root|home|work|Users)/", "a path of one machine"),
    (r"\.\./shared", "a folder outside the tree"),
    (r"\b(?:TODO|FIXME|XXX|HACK)\b", "finish it, or say in a sentence what is not there"),
    (r"(?i)\bco-authored-by\b|\bgenerated (?:by|with) ", "who wrote it stands in git"),
    (r"(?i)\bissue #?\d", "a number that says nothing here; say the reason"),
    (r"^(?:<{7}|={7}|>{7})(?: |$)", "a merge that was not finished"),
]
# The folder of outside cases is a default that may be absent.
TRACE_EXCEPTIONS = {"tests/CMakeLists.txt": r"\.\./shared"}


def check_traces(tree):
    patterns = ["*.c", "*.h", "*.py", "*.sh", "*.md", "*.txt", "*.cmake", "*.conf", "*.[1-8]", "*.service"]
    own = pathlib.Path(__file__).resolve()
    paths = set(tree.files(["."], patterns))
    paths |= {tree.root / name for name in ("check", "quickstart", ".ci/run")}
    for path in sorted(paths):
        if path == own or not path.is_file():
            continue
        exception = TRACE_EXCEPTIONS.get(str(path.relative_to(tree.root)))
        for number, line in enumerate(read(path).splitlines(), 1):
            for pattern, sentence in TRACES:
                if pattern != exception and re.search(pattern, line):
                    tree.say(path, number, sentence)


# ---- format --------------------------------------------------------------------------------------


def check_format(tree):
    program = next(filter(None, map(shutil.which, ["clang-format-14", "clang-format"])), None)
    if not program:
        print("clang-format is not here: nothing was looked at")
        return
    paths = [str(path) for path in tree.sources()]
    if not paths:
        return
    style = tree.root / ".clang-format"
    if not style.exists():
        style = pathlib.Path(__file__).resolve().parents[2] / ".clang-format"
    command = [program, f"--style=file:{style}", "--dry-run", "-Werror", *paths]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    places = re.findall(r"^(.+?):(\d+):\d+: error: code should be clang-formatted", result.stderr, re.M)
    first = {}
    for path, line in places:
        first.setdefault(path, line)
    for path, line in first.items():
        tree.say(pathlib.Path(path), line, "not in the project's format; run clang-format -i")


# ---- purity --------------------------------------------------------------------------------------


def undefined_symbols(archives):
    """What all pure archives together still want from outside."""
    with tempfile.TemporaryDirectory() as folder:
        joined = str(pathlib.Path(folder) / "pure.o")
        subprocess.run(["ld", "-r", "--whole-archive", *map(str, archives), "-o", joined], check=True)
        listing = subprocess.run(["nm", "-u", joined], capture_output=True, text=True, check=True)
    return sorted({line.split()[-1] for line in listing.stdout.splitlines() if line.strip()})


def allowed_symbols():
    lines = (line.split("#")[0].strip() for line in ALLOW.read_text().splitlines())
    return {word for line in lines for word in line.split()}


def users_of(symbol, archives):
    users = []
    for archive in archives:
        listing = subprocess.run(["nm", "-uA", str(archive)], capture_output=True, text=True, check=True)
        for line in listing.stdout.splitlines():
            if line.split()[-1] == symbol:
                users.append(line.split(":")[1])
    return ", ".join(users) or "?"


def check_purity(tree, build=None):
    archives = sorted(pathlib.Path(build or tree.root).glob("libfp_*.a"))
    archives = [a for a in archives if a.stem.removeprefix("libfp_") in PRODUCT]
    if not archives:
        tree.breaks.append("purity: no archive of pure code was found to look at")
        return
    allowed = allowed_symbols()
    for symbol in undefined_symbols(archives):
        name = re.sub(r"^__isoc99_", "", symbol).split("@")[0]
        if name not in allowed:
            tree.breaks.append(f"{users_of(symbol, archives)}: pure code calls {name}")


# ---- running -------------------------------------------------------------------------------------

CHECKS = {
    "includes": check_includes,
    "calls": check_calls,
    "lengths": check_lengths,
    "tops": check_tops,
    "traces": check_traces,
    "format": check_format,
    "purity": check_purity,
}


def build_sample(sample):
    """Archives of a bad sample, as a build of the project would name them."""
    folder = pathlib.Path(tempfile.mkdtemp())
    for room in sorted(path for path in sample.iterdir() if path.is_dir()):
        objects = []
        for source in sorted(room.glob("*.c")):
            objects.append(folder / (source.stem + ".o"))
            subprocess.run(["cc", "-c", str(source), "-o", str(objects[-1])], check=True)
        subprocess.run(["ar", "rc", str(folder / f"libfp_{room.name}.a"), *map(str, objects)], check=True)
    return folder


def rejects(check, folder):
    sample = pathlib.Path(folder) / check
    if not (sample / "expect").is_file():
        print(f"{check}: no bad sample in {sample}")
        return 1
    if check == "format" and not (shutil.which("clang-format-14") or shutil.which("clang-format")):
        print("clang-format is not here: nothing was looked at")
        return 0
    tree = Tree(sample)
    if check == "purity":
        build = build_sample(sample)
        check_purity(tree, build)
        shutil.rmtree(build)
    else:
        CHECKS[check](tree)
    output = "\n".join(tree.breaks)
    missing = [line for line in (sample / "expect").read_text().splitlines() if line not in output]
    for line in missing:
        print(f"{check}: the bad sample was not rejected with: {line}")
    print(output)
    wanted = len((sample / "expect").read_text().splitlines())
    if len(tree.breaks) != wanted:
        print(f"{check}: {len(tree.breaks)} breaks were found in the bad sample, {wanted} are there")
    return 1 if missing or len(tree.breaks) != wanted or wanted == 0 else 0


def main(argv):
    if len(argv) < 3 or argv[1] not in CHECKS:
        print(__doc__)
        return 64
    if argv[2] == "--rejects":
        return rejects(argv[1], argv[3])
    tree = Tree(argv[2])
    if argv[1] == "purity":
        check_purity(tree, argv[3] if len(argv) > 3 else None)
    else:
        if not any(True for _ in tree.sources()):
            print(f"{argv[1]}: no source was found to look at")
            return 1
        CHECKS[argv[1]](tree)
    print("\n".join(tree.breaks))
    return 1 if tree.breaks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
