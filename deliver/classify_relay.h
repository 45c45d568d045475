// SPDX-License-Identifier: BSD-2-Clause
// classify_relay: what a relay of ours holds against us, and not against the mail.
//
// Only for next hops that a route names. A wrong "it is us" would keep mail waiting that should go
// back, and a wrong "it is the mail" would give everybody's mail back for a mistake made here. In
// the greeting, at EHLO, STARTTLS and AUTH nobody has spoken of any mail yet. Later the code
// decides where it can mean nothing else, and else the words: they have to be about the client.
#ifndef FP_DELIVER_CLASSIFY_RELAY_H
#define FP_DELIVER_CLASSIFY_RELAY_H

#include "core/outcome.h"
#include "core/reply.h"

// A refusal (4xx, 5xx). True: the relay refuses us; klass and blocked of ret are set.
bool classify_relay_refusal(enum outcome_stage stage, const struct reply_parser *reply,
                            struct outcome *ret);

#endif
