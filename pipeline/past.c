// SPDX-License-Identifier: BSD-2-Clause
// past: what the spool's history says about mail that has left the queue. See past.h.
#include "pipeline/past.h"

#include "core/must.h"

struct gone past_end(const struct op_end *e)
{
    static const enum gone_how hows[] = {
        [FINISHED_DELIVERED] = GONE_DELIVERED, [FINISHED_FAILED] = GONE_FAILED,
        [FINISHED_EXPIRED] = GONE_EXPIRED,     [FINISHED_REMOVED] = GONE_REMOVED,
        [FINISHED_BOUNCED] = GONE_BOUNCED,
    };
    must((unsigned)e->outcome < sizeof hows / sizeof *hows);
    return (struct gone){
        .how = hows[e->outcome],
        .at_ms = e->at_ms,
        .address = e->address,
        .host = e->host,
        .reply = e->reply,
        .reason = e->reason,
    };
}

bool past_may_hear(const struct op_history *h, int64_t uid)
{
    for (uint32_t i = 0; i < h->end_count; i++)
        if (uid < 0 || h->ends[i].uid == uid)
            return true;
    return false;
}

static void add_ends(const struct op_history *h, int utc_offset_s, struct buf *to)
{
    for (uint32_t i = 0; i < h->end_count; i++) {
        struct gone g = past_end(&h->ends[i]);
        buf_add_str(to, h->end_count > 1 ? "\n  " : ": ");
        gone_sentence(&g, utc_offset_s, to);
    }
    if (!h->is_done)
        buf_add_str(to, "\n  and more: `why` with the id tells of all");
}

void past_sentence(const struct op_history *h, int64_t uid, const struct filter *filter,
                   int utc_offset_s, struct buf *to)
{
    if (h->is_queued && (uid < 0 || h->uid == uid)) {
        buf_add_str(to, "the message is in the queue, but ");
        buf_add_str(to, filter->count > 1 ? "the other terms select nothing of it"
                                          : "this changes nothing of it");
        return;
    }
    buf_add_str(to, "no such message in the queue");
    if (past_may_hear(h, uid))
        add_ends(h, utc_offset_s, to);
    else
        buf_add_str(to, ", and history does not know it");
}
