// SPDX-License-Identifier: BSD-2-Clause
// shell: the driver that executes the pipeline's effects with libuv, the spool's threads, the name
// servers and the wall clock. Decides nothing.
#ifndef FP_DAEMON_SHELL_UV_H
#define FP_DAEMON_SHELL_UV_H

#include "config/config.h"

// Runs the daemon in the foreground until SIGTERM or SIGINT. Takes the configuration. Returns a
// sysexits code; what went wrong at the start has been said on standard error.
int shell_run(struct config *config);

#endif
