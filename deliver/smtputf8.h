// SPDX-License-Identifier: BSD-2-Clause
// smtputf8: what of a batch only a host that offers SMTPUTF8 can take. Pure. RFC 6531 3.2.
//
// Domains are A-labels since the mail came in (core/domain_idn2.h), so that only local parts beyond
// ASCII, and a header that its sender said to be UTF-8, ask for the extension. Mail for which it
// was asked, but which turned out not to need it, goes to other hosts as usual.
#ifndef FP_DELIVER_SMTPUTF8_H
#define FP_DELIVER_SMTPUTF8_H

#include "deliver/ehlo.h"
#include "deliver/tally.h"

// Is SMTPUTF8 to be said with MAIL, where it is offered?
bool smtputf8_is_wanted(const struct session_batch *batch);

// Decides whom the host cannot have: everybody (5.6.7 by the sender's address, 5.6.9 by the
// header), or the recipients that are beyond ASCII themselves (5.6.7). True when nobody is left to
// ask for; then the tally is settled.
bool smtputf8_refuse(struct tally *t, const struct ehlo_caps *caps, const struct hop *hop);

#endif
