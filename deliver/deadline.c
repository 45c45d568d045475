// SPDX-License-Identifier: BSD-2-Clause
// deadline: see deadline.h.
#include "deliver/deadline.h"

#include "core/deliver_by.h"
#include "core/time.h"

static bool is_return(const struct session_batch *b)
{
    return b->deliver_by_ms != 0 && (b->traits & MESSAGE_BY_RETURN) != 0;
}

static int64_t seconds_left(const struct session_batch *b, int64_t now_ms)
{
    return (b->deliver_by_ms - now_ms) / TIME_SECOND_MS;
}

// Does the host keep the time? One that wants more than is left does not (RFC 2852 4.1).
static bool is_kept(const struct session_batch *b, const struct ehlo_caps *caps, int64_t now_ms)
{
    return caps->has_deliverby && (!is_return(b) || seconds_left(b, now_ms) >= caps->by_min_s);
}

void deadline_add(const struct session_batch *b, const struct ehlo_caps *caps, int64_t now_ms,
                  struct buf *to)
{
    if (b->deliver_by_ms == 0 || !is_kept(b, caps, now_ms))
        return;
    (void)buf_add_str(to, " BY=");
    deliver_by_add(&(struct deliver_by){.seconds = seconds_left(b, now_ms),
                                        .is_return = is_return(b),
                                        .is_traced = (b->traits & MESSAGE_BY_TRACE) != 0},
                   to);
}

bool deadline_refuse(struct tally *t, const struct ehlo_caps *caps, const struct hop *hop,
                     int64_t now_ms)
{
    const struct session_batch *b = t->batch;
    if (!is_return(b))
        return false;
    if (seconds_left(b, now_ms) < 1)
        classify_overdue(hop, tally_settle(t));
    else if (!hop->is_lmtp && !is_kept(b, caps, now_ms))
        classify_no_deadline(hop, tally_settle(t));
    return t->is_settled;
}

bool deadline_is_told(const struct session_batch *b, const struct ehlo_caps *caps)
{
    return (b->traits & MESSAGE_BY_TRACE) || (b->deliver_by_ms != 0 && !caps->has_deliverby);
}
