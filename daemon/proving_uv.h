// SPDX-License-Identifier: BSD-2-Clause
// proving: the shell's side of authentication to next hops: gets the secret, and turns challenges
// into responses (io/secret_uv, io/sasl_sasl). A secret leaves this file as a response only.
#ifndef FP_DAEMON_PROVING_UV_H
#define FP_DAEMON_PROVING_UV_H

#include "daemon/shell_internal_uv.h"

void proving_execute(struct link *l, const struct auth_order *order);
void proving_drop(struct link *l);    // its connection ends
void proving_close(struct shell *sh); // when all have ended; what still runs ends by itself

#endif
