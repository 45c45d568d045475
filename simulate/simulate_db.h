// SPDX-License-Identifier: BSD-2-Clause
// simulate: what would become of mail under a configuration, with some weather. The real pipeline
// with the real spool, in a world of its own: no socket, no network, no daemon, and no spool but
// one in a private folder that goes with it.
#ifndef FP_SIMULATE_SIMULATE_DB_H
#define FP_SIMULATE_SIMULATE_DB_H

#include "config/config.h"

#include <signal.h>
#include <stddef.h>

enum {
    SIMULATE_OUTPUT_MAX = 1024 * 1024 * 1024,
    SIMULATE_NOTES_MAX = 1024 * 1024,
};

struct simulate_task {
    struct config *config;    // taken over, unless it did not begin
    const char *const *words; // its options (simulate/options.h)
    size_t count;
    const volatile sig_atomic_t *stop; // ends it once it is not 0; may be NULL
};

// Adds what happened to `out`, and what is to be said about the options to `notes`, a line each.
// Returns an exit status: EX_OK; EX_USAGE, an option is wrong; EX_CANTCREAT, there is no place for
// the spool.
int simulate_run(const struct simulate_task *task, struct buf *out, struct buf *notes);

#endif
