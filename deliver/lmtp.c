// SPDX-License-Identifier: BSD-2-Clause
// lmtp: see lmtp.h.
#include "deliver/lmtp.h"

#include "core/must.h"
#include "deliver/client_state.h"

static uint32_t accepted_from(const struct tally *t, uint32_t i)
{
    while (i < t->batch->rcpt_count && !t->rcpts[i].is_accepted)
        i++;
    return i;
}

bool lmtp_on_dot(struct client *c)
{
    struct tally *t = c->tally;
    struct outcome o;
    uint32_t i = accepted_from(t, c->dot_rcpt);
    must(i < t->batch->rcpt_count);
    classify_reply(STAGE_DOT, &c->reply, &c->hop, &o);
    if (!o.has_reply) {
        client_lose(c, &o);
        return false;
    }
    client_note_onward(c, &o);
    tally_decide(t, i, &o);
    c->dot_delivered |= o.result == OUTCOME_DELIVERED;
    c->dot_rcpt = accepted_from(t, i + 1);
    bool is_last = c->dot_rcpt == t->batch->rcpt_count;
    if (o.scope == SCOPE_HOST) { // 421: no reply comes behind it
        if (is_last)
            client_lose(c, &o);
        else
            client_lose_by(c, FAULT_CLOSED, "421 to a recipient before");
        return false;
    }
    if (!is_last) {
        client_wait(c, c->settings->dot_ms);
        return false;
    }
    c->delivered_count += c->dot_delivered;
    *tally_settle(t) = o; // all have their own: for whoever asks about the host
    return true;
}

bool lmtp_take_decided(struct client *c, uint32_t *ret_rcpt)
{
    if (c->state != CLIENT_DOT || !c->hop.is_lmtp)
        return false;
    while (c->dot_told < c->dot_rcpt) {
        uint32_t i = c->dot_told++;
        const struct tally_rcpt *r = &c->tally->rcpts[i];
        if (r->is_accepted && r->own && r->own->result == OUTCOME_DELIVERED) {
            *ret_rcpt = i;
            return true;
        }
    }
    return false;
}
