// SPDX-License-Identifier: BSD-2-Clause
// route: the verb `route` while no daemon runs: asks the name servers itself. See guide.h.
#ifndef FP_DAEMON_ROUTE_UV_H
#define FP_DAEMON_ROUTE_UV_H

#include "config/config.h"

// words: those behind the verb. Prints to standard output; returns a sysexits code.
int route_run(const struct config *config, const char *const *words, size_t count);

#endif
