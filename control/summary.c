// SPDX-License-Identifier: BSD-2-Clause
// summary: the recipients of one message taken together. See summary.h.
#include "control/summary.h"

#include "core/time.h"

static bool is_later(const struct listing_recipient *a, const struct listing_recipient *b)
{
    return !b || a->rcpt->last_attempt_ms > b->rcpt->last_attempt_ms;
}

struct summary summary_of(const struct listing_row *row)
{
    struct summary s = {
        .is_held = row->rcpt_count > 0, .next_attempt_ms = TIME_NEVER, .expires_ms = TIME_NEVER};
    uint32_t waiting = 0, for_resume = 0;
    for (uint32_t i = 0; i < row->rcpt_count; i++) {
        const struct listing_recipient *r = &row->rcpts[i];
        bool is_held = r->rcpt->state == RECIPIENT_HELD && !r->is_active;
        s.is_active |= r->is_active;
        s.is_held &= is_held;
        s.waits |= !is_held && summary_reason(r)[0] != '\0';
        waiting += !is_held;
        for_resume += !is_held && r->waits_for_resume;
        if (r->rcpt->attempts > s.attempts)
            s.attempts = r->rcpt->attempts;
        if (!is_held && r->next_attempt_ms < s.next_attempt_ms)
            s.next_attempt_ms = r->next_attempt_ms;
        if (r->expires_ms > 0 && r->expires_ms < s.expires_ms)
            s.expires_ms = r->expires_ms;
        if (r->rcpt->attempts > 0 && is_later(r, s.last))
            s.last = r;
    }
    s.is_tried = s.attempts > 0;
    s.waits_for_resume = waiting > 0 && for_resume == waiting;
    return s;
}

const char *summary_state(const struct summary *s)
{
    if (s->is_active)
        return "active";
    if (s->is_held)
        return "held";
    return s->is_tried ? "deferred" : "queued";
}

const char *summary_queue(const struct summary *s)
{
    if (s->is_active)
        return "active";
    if (s->is_held)
        return "hold";
    // Mail behind a destination that rests waits for a retry too, though it was not tried itself.
    return s->is_tried || s->waits ? "deferred" : "incoming";
}

const char *summary_reason(const struct listing_recipient *r)
{
    if (r->is_active)
        return "";
    if (r->held_why)
        return r->held_why;
    return r->reason ? r->reason : "";
}
