// SPDX-License-Identifier: BSD-2-Clause
// fetching: the shell's side of MTA-STS policies: finds out where a domain's policy server is and
// gets the policy from there (RFC 8461 3.3).
#ifndef FP_DAEMON_FETCHING_UV_H
#define FP_DAEMON_FETCHING_UV_H

#include "daemon/shell_internal_uv.h"

void fetching_start(struct shell *sh, const struct pipeline_effect *fx);
void fetching_close(struct shell *sh);  // what is under way comes to nothing
void fetching_forget(struct shell *sh); // frees it, when the loop has ended

#endif
