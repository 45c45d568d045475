// SPDX-License-Identifier: BSD-2-Clause
// offline: list, show, stats, why of an id, while no daemon runs: reads the spool itself, changes
// nothing.
#ifndef FP_DAEMON_OFFLINE_DB_H
#define FP_DAEMON_OFFLINE_DB_H

#include "config/config.h"

// words: filters and options behind the verb. Prints to standard output; returns a sysexits code.
int offline_run(const struct config *config, const char *verb, const char *const *words,
                size_t count);

#endif
