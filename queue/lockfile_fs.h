// SPDX-License-Identifier: BSD-2-Clause
// lockfile: one writer per spool, by a lock on a file beside it.
//
// The lock belongs to the open file description: it goes when the process goes, however that ends,
// and the file itself may stay. It is not the database file, because closing any descriptor of that
// would drop SQLite's own POSIX locks.
#ifndef FP_QUEUE_LOCKFILE_FS_H
#define FP_QUEUE_LOCKFILE_FS_H

#include "core/buf.h"

struct lockfile {
    int fd; // -1: not held
};

#define LOCKFILE_NONE ((struct lockfile){-1})

// Takes PATH exclusively, or FP_BUSY (why says which process holds it), FP_DENIED, FP_FULL, FP_IO.
enum fp_err lockfile_take(const char *path, struct lockfile *ret, struct buf *why);
void lockfile_release(struct lockfile *lock); // idempotent

#endif
