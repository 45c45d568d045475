# SPDX-License-Identifier: BSD-2-Clause
"""Traces of which it is known what the proof of durability has to say. A check that checks nothing
passes for years: these are looked at before every proof."""

READ = '7 1.0 read(9<socket:[5]>, "x\\r\\np0-1 ends\\r\\n.\\r\\n", 65536) = 20'
WRITE = '8 1.0 pwrite64(4</s/spool.db-wal>, "x\\r\\np0-1 ends\\r\\n", 4096, 0) = 4096'
SYNC = "8 1.0 fdatasync(4</s/spool.db-wal>) = 0"
SAID = '7 1.0 write(9<socket:[5]>, "250 2.0.0 Ok: queued as 0A\\r\\n", 28) = 28'
SYNC_BEGUN = "8 1.0 fdatasync(4</s/spool.db-wal> <unfinished ...>"
SYNC_ENDED = "8 1.0 <... fdatasync resumed>) = 0"
WAITS = "6 1.0 read(9<socket:[7]>, <unfinished ...>"
HANDED_ON = '6 1.0 <... read resumed>"x\\r\\np0-1 ends\\r\\n", 4096) = 16'
OTHER_SAID = SAID.replace("[5]", "[6]")

# (what it is, is it durable, the lines)
SAMPLES = (
    ("as it should be", True, (READ, WRITE, SYNC, SAID)),
    ("a sync in two halves", True, (READ, WRITE, SYNC_BEGUN, OTHER_SAID, SYNC_ENDED, SAID)),
    ("another process is handed it on", True, (WAITS, READ, HANDED_ON, WRITE, SYNC, SAID)),
    ("the file is moved meanwhile", True, (READ, WRITE, SYNC.replace("/s/", "/s/active/"), SAID)),
    ("no sync", False, (READ, WRITE, SAID)),
    ("the sync comes too late", False, (READ, WRITE, SAID, SYNC)),
    ("the sync has not ended", False, (READ, WRITE, SYNC_BEGUN, SAID, SYNC_ENDED)),
    ("the sync comes before the write", False, (READ, SYNC, WRITE, SAID)),
    ("the sync began before the write", False, (READ, SYNC_BEGUN, WRITE.replace("8 ", "6 ", 1), SYNC_ENDED, SAID)),
    ("another file is synced", False, (READ, WRITE, SYNC.replace("spool.db-wal", "log"), SAID)),
    ("the sync fails", False, (READ, WRITE, SYNC.replace("= 0", "= -1 EIO (Input/output error)"), SAID)),
    ("the write fails", False, (READ, WRITE.replace("= 4096", "= -1 ENOSPC (No space left on device)"), SYNC, SAID)),
    ("nothing is written", False, (READ, SYNC, SAID)),
    ("another message is written", False, (READ, WRITE.replace("p0-1", "p0-11"), SYNC, SAID)),
    ("no reply", False, (READ, WRITE, SYNC, OTHER_SAID)),
)


def wrong(parse, prove):
    """The names of the samples that are judged wrongly."""
    for name, is_durable, lines in SAMPLES:
        found = prove(parse(lines))
        if found.keys() != {"p0-1"} or (found["p0-1"] is None) != is_durable:
            yield name
