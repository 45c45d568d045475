// SPDX-License-Identifier: BSD-2-Clause
// carrier_decided: recipients of a batch that have got their mail while others still wait for their
// replies (LMTP). See carrier.h.
//
// A host may take minutes for each. What it has said is stored as it comes, so that a crash
// meanwhile makes it deliver nothing twice. That is so for deliveries alone: failures of a batch
// are told to its sender in one notice, and who asks to hear of arrivals is told of all of them at
// once, too. In mode "interactive" nothing stands in the spool yet.
#include "pipeline/carrier.h"

#include <stdlib.h>

void carrier_decided(struct pipeline *p, struct carrier *h, uint32_t i, const struct outcome *o)
{
    const struct batch *b = h->batch;
    if ((b->rcpts[i].notify & DSN_SUCCESS) || relaying_has(p, b->message.id))
        return;
    struct session_times st;
    session_times(h->session, &st);
    struct settle_times times = {st.started_ms, st.connected_ms, st.ready_ms, p->now_ms};
    if (!h->is_settled)
        h->is_settled = must_zalloc(b->rcpt_count * sizeof *h->is_settled);
    h->is_settled[i] = true;
    settling_one(p, b, i, o, &times);
}

void carrier_leave_out(struct batch *b, struct outcome *outcomes, bool *is_settled)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; is_settled && i < b->rcpt_count; i++) {
        if (is_settled[i]) {
            recipient_close(&b->rcpts[i]);
            continue;
        }
        b->rcpts[kept] = b->rcpts[i];
        outcomes[kept++] = outcomes[i];
    }
    if (is_settled)
        b->rcpt_count = kept;
    must(b->rcpt_count > 0); // the last one that was asked for is decided with the batch
    free(is_settled);
}
