// SPDX-License-Identifier: BSD-2-Clause
// scratch: the folder in which a simulation keeps its spool: private, and removed with it.
#ifndef FP_SIMULATE_SCRATCH_FS_H
#define FP_SIMULATE_SCRATCH_FS_H

#include "core/buf.h"

// A new folder with mode 0700 in $TMPDIR when that is set, else in memory (/dev/shm) where there is
// room, else in /tmp. Its path is the caller's to free. FP_IO: `why` has a sentence about it.
enum fp_err scratch_new(char **ret_path, struct buf *why);
char *scratch_path(const char *folder, const char *name); // FOLDER/NAME, the caller's to free
void scratch_remove(const char *folder); // with the files in it; exit() does it too

#endif
