// SPDX-License-Identifier: BSD-2-Clause
// chunking: see chunking.h.
#include "deliver/chunking.h"

#include "deliver/client_state.h"

bool chunking_is_wanted(const struct client *c)
{
    return c->settings->chunking && c->caps.has_chunking && c->caps.has_pipelining &&
           !c->hop.is_lmtp;
}

bool chunking_awaits(const struct client *c)
{
    bool is_last_out = c->state == CLIENT_DOT;
    return (c->state == CLIENT_BODY || is_last_out) && c->chunks_open > (is_last_out ? 1 : 0);
}

// Decided, but not by the reply to the last BDAT.
static void refused(struct client *c, const struct outcome *o)
{
    *tally_settle(c->tally) = *o;
    client_drop(c);
    c->news = NEWS_DONE;
}

// (H2)
void chunking_on_reply(struct client *c)
{
    struct outcome o;
    c->chunks_open--;
    classify_reply(STAGE_DOT, &c->reply, &c->hop, &o);
    if (!o.has_reply) { // by the state, whether it may have been delivered
        client_lose_by(c, FAULT_GARBAGE, "no reply to BDAT");
        return;
    }
    if (o.result == OUTCOME_DELIVERED) {
        if (c->state == CLIENT_DOT)
            client_wait(c, c->settings->dot_ms);
        return;
    }
    if (o.scope == SCOPE_HOST)
        client_lose(c, &o);
    else
        refused(c, &o);
}
