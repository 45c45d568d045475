// SPDX-License-Identifier: BSD-2-Clause
// chunking: content by BDAT, for hosts that offer it. RFC 3030 2.
//
// Each piece of the content goes as it is behind a BDAT with its length; the last one says LAST.
// There is no DATA, no dot is doubled, and no end mark can be mistaken or smuggled. Where a setting
// wants it, and the host offers CHUNKING and PIPELINING; not by LMTP. Everything else of a
// transaction is the client's as usual.
//
// (H1) Each BDAT has a reply, in order; while content goes out one may come for each that is out.
// The
//      reply to the last decides (RFC 3030 2), and from the moment that is handed out the outcome
//      is in doubt until it came, as behind an end mark.
// (H2) Where a host refuses a BDAT before the last, the message is refused; the connection ends, as
//      what it says of the others means nothing.
#ifndef FP_DELIVER_CHUNKING_H
#define FP_DELIVER_CHUNKING_H

#include "deliver/client.h"

bool chunking_is_wanted(const struct client *c);
// A BDAT is handed out.
static inline void chunking_count(struct client *c)
{
    c->chunks_open++;
}
// Does the reply that has come, or comes, belong to a BDAT before the last?
bool chunking_awaits(const struct client *c);
void chunking_on_reply(struct client *c);

#endif
