// SPDX-License-Identifier: BSD-2-Clause
// verb: `fermoposta simulate`, a simulation for whoever types it.
#ifndef FP_SIMULATE_VERB_SYS_H
#define FP_SIMULATE_VERB_SYS_H

#include "config/config.h"

#include <stddef.h>

// config may be taken over. Prints what happened to standard output, and what is wrong with the
// words, or worth a note, to standard error. Returns an exit status: EX_OK, EX_USAGE, EX_CANTCREAT,
// EX_IOERR. SIGINT, SIGTERM and SIGHUP end the process, with nothing left behind.
int verb_run(struct config *config, const char *const *words, size_t count);

#endif
