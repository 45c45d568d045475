// SPDX-License-Identifier: BSD-2-Clause
// signature: what is the same about two refusals. Pure.
//
// Refusals that have one cause of ours (a relay that does not know us any more, a list that our
// address got on) differ only in addresses, numbers and the host's own ids. Without these the texts
// are equal, and counting equal ones finds the cause.
#ifndef FP_BOUNCE_SIGNATURE_H
#define FP_BOUNCE_SIGNATURE_H

#include "core/buf.h"
#include "core/outcome.h"

enum { SIGNATURE_MAX = OUTCOME_HOST_SIZE + OUTCOME_TEXT_SIZE + 8 }; // bytes of one

// Adds "HOST TEXT" in lower case: in place of each word with '@' stands "@", of each word with a
// digit "#" (the reply's code and its enhanced code stay), and of the recipient's local part and
// domain "@" wherever they stand as words. to->max >= SIGNATURE_MAX is always enough.
void signature_add(const struct outcome *o, struct slice rcpt, struct buf *to);

#endif
