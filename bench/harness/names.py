# SPDX-License-Identifier: BSD-2-Clause
"""A name server that knows an address (A) for every name, an MX where it is wanted, and nothing else."""

import socket
import struct
import threading
import zlib

A, SOA, MX = 1, 6, 15
# Behind an answer that there is nothing: for how long that may be remembered (RFC 2308).
NOTHING = b"\0" + struct.pack(">2HIH", SOA, 1, 3600, 22) + b"\0\0" + struct.pack(">5I", 1, 3600, 600, 86400, 3600)
HERE = bytes((127, 0, 0, 1))


def address_of(name, is_spread):
    """This machine; or, when spread, nearly always another of its addresses for another name."""
    if not is_spread:
        return HERE
    n = zlib.crc32(name)
    return bytes((127, 1 + (n >> 16) % 254, n >> 8 & 255, 1 + n % 254))


def record(kind, content):
    return b"\xc0\x0c" + struct.pack(">2HIH", kind, 1, 3600, len(content)) + content


def answer(query, is_spread, has_mx):
    """The question comes back; behind it what it asked for, if there is such a thing."""
    end = query.index(b"\0", 12) + 5
    kind = struct.unpack(">H", query[end - 4 : end - 2])[0]
    found = b""
    if kind == A:
        found = record(A, address_of(query[12:end - 4], is_spread))
    elif kind == MX and has_mx:
        found = record(MX, struct.pack(">H", 10) + b"\xc0\x0c")  # its own name
    header = query[:2] + struct.pack(">5H", 0x8580, 1, 1 if found else 0, 0 if found else 1, 0)
    return header + query[12:end] + (found or NOTHING)


class Names:
    def __init__(self, is_spread=False, has_mx=False):
        self.is_spread, self.has_mx = is_spread, has_mx
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            query, who = self.socket.recvfrom(4096)
            if not query:
                return
            try:
                self.reply(query, who)
            except (ValueError, struct.error, OSError):
                pass

    def reply(self, query, who):
        self.socket.sendto(answer(query, self.is_spread, self.has_mx), who)

    def close(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()
