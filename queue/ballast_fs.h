// SPDX-License-Identifier: BSD-2-Clause
// ballast: room on the disk that is kept back, to be given up when there is no other.
//
// On a full disk even a DELETE fails, because the write-ahead log must grow. Giving the ballast up
// lets outcomes be recorded and finished mail be removed, which in turn makes room.
#ifndef FP_QUEUE_BALLAST_FS_H
#define FP_QUEUE_BALLAST_FS_H

#include <stdbool.h>

enum { BALLAST_BYTES = 16 * 1024 * 1024 };

struct ballast {
    char *path;   // NULL: none is kept
    bool is_held; // the file stands, full size
};

// Takes the ballast over, or makes it. Having no room for it is no error: is_held says so.
void ballast_init(struct ballast *b, const char *path);
void ballast_close(struct ballast *b); // the file stays
void ballast_release(struct ballast *b);
// Makes it again when at least twice its size is free.
void ballast_restore(struct ballast *b);
// It was given up and could not be made again: new mail must wait.
static inline bool ballast_is_spent(const struct ballast *b)
{
    return b->path && !b->is_held;
}

#endif
