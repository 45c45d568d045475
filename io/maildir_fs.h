// SPDX-License-Identifier: BSD-2-Clause
// maildir_fs: one message into a Maildir: tmp, then new, on disk before it says so. Blocking calls.
//
//     err = maildir_fs_create(&f, order);   folders are made where they may be
//     err = maildir_fs_write(&f, p, n);     any number of times
//     err = maildir_fs_commit(&f);          it is in new, file and folder are on disk
//     maildir_fs_close(&f);                 without commit: as if nothing had been
//
// Functions return 0 or an errno. What is in tmp after a crash is the folder's readers' to clear,
// by the convention: after 36 hours.
#ifndef FP_IO_MAILDIR_FS_H
#define FP_IO_MAILDIR_FS_H

#include "core/buf.h"
#include "core/handover.h"

struct maildir_file {
    int fd; // -1: none
    uint64_t size;
    bool is_in_tmp;
    char *folder, *name; // owned
};

int maildir_fs_create(struct maildir_file *f, const struct handover_order *order);
int maildir_fs_write(struct maildir_file *f, const void *p, size_t n);
int maildir_fs_commit(struct maildir_file *f);
void maildir_fs_close(struct maildir_file *f);

#endif
