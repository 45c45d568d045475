# SPDX-License-Identifier: BSD-2-Clause
"""Debian packages without installing them: downloaded, unpacked, and made a root directory of its own.

A mail system's package would start it and replace the one that is installed. In a root directory below
the scratch folder it finds its files where it was built to find them, and nothing else of the machine.
"""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

SPLIT = ("bin", "sbin", "lib", "lib64")  # links to usr/ in a merged system; some packages say them still
DEVICES = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9)}


class Missing(Exception):
    """It cannot be had here, for the reason said."""


def why_not():
    """Why other mail systems cannot take part; None when they can."""
    if os.geteuid() != 0:
        return "only root can give them a root directory of their own"
    for name in ("apt-get", "dpkg", "chroot"):
        if not shutil.which(name):
            return f"{name} is not here"
    return None


class Packages:
    def __init__(self, folder, may_download):
        self.folder = pathlib.Path(folder)
        self.may_download = may_download
        self.is_updated = False

    def find(self, name):
        found = sorted(self.folder.glob(f"{name}_*.deb"), key=lambda path: path.stat().st_mtime)
        return found[-1] if found else None

    def get(self, name):
        if not self.find(name):
            if not self.may_download:
                raise Missing(f"the package {name} was not downloaded yet")
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._download(name) and not (self._update() and self._download(name)):
                raise Missing(f"apt-get download {name} fails")
        return self.find(name)

    def version(self, name):
        return name + " " + self.find(name).name.split("_")[1]

    def _download(self, name):
        return subprocess.run(["apt-get", "download", "-q", "-q", name], cwd=self.folder, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def _update(self):
        if self.is_updated:
            return False
        self.is_updated = True
        return subprocess.run(["apt-get", "update", "-q", "-q"], check=False, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0


class Root:
    """A root directory for one mail system."""

    def __init__(self, folder, packages):
        self.folder = pathlib.Path(folder)
        self.packages = packages
        for name in SPLIT:
            (self.folder / "usr" / name).mkdir(parents=True, exist_ok=True)
            (self.folder / name).symlink_to("usr/" + name)
        for name in ("etc", "dev", "tmp", "var/tmp", "var/spool", "var/lib", "var/log", "run"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("tmp", "var/tmp"):
            (self.folder / name).chmod(0o1777)

    def path(self, name):
        return self.folder / name.lstrip("/")

    def write(self, name, text):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text, encoding="ascii")
        self.path(name).chmod(0o644)

    def argv(self, *words):
        return ["chroot", str(self.folder), *words]

    def unpack(self, name):
        with tempfile.TemporaryDirectory(dir=self.folder / "tmp") as folder:
            subprocess.run(["dpkg", "-x", self.packages.get(name), folder], check=True)
            for part in pathlib.Path(folder).iterdir():
                if part.is_dir():
                    to = self.folder / ("usr/" + part.name if part.name in SPLIT else part.name)
                    shutil.copytree(part, to, symlinks=True, dirs_exist_ok=True)

    def complete(self, programs, more_packages):
        """The libraries that the programs need: this machine's, or unpacked where it lacks them."""
        if not self._copy_libraries(programs):
            for name in more_packages:
                self.unpack(name)
            if not self._copy_libraries(programs):
                raise Missing(f"libraries of {programs[0]} are not to be found")

    def _copy_libraries(self, programs):
        own = [str(folder) for folder in self.folder.glob("usr/lib/*") if folder.is_dir()]
        out = subprocess.run(["ldd", *map(str, programs)], env={**os.environ, "LD_LIBRARY_PATH": ":".join(own)},
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
        for path in sorted(set(re.findall(r"(/\S+) \(0x", out))):
            if not path.startswith(str(self.folder)) and not self.path(path).exists():
                self.path(path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, self.path(path))
        return "not found" not in out

    def furnish(self, users, groups):
        """Devices, accounts (name: number) and what the C library asks for."""
        for name, (major, minor) in DEVICES.items():
            os.mknod(self.path("dev/" + name), stat.S_IFCHR | 0o666, os.makedev(major, minor))
            self.path("dev/" + name).chmod(0o666)
        users = {"root": 0, "nobody": 65534, **users}
        groups = {"root": 0, "mail": 8, "nogroup": 65534, **groups}
        self.write("etc/passwd", "".join(f"{name}:x:{uid}:{groups.get(name, uid)}::/:/bin/false\n"
                                         for name, uid in users.items()))
        self.write("etc/group", "".join(f"{name}:x:{gid}:\n" for name, gid in groups.items()))
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n")
        self.write("etc/hosts", "127.0.0.1 localhost bench.example\n")
        self.write("etc/services", "smtp 25/tcp mail\n")
        self.write("etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.write("etc/mailname", "bench.example\n")
