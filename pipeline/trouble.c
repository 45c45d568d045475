// SPDX-License-Identifier: BSD-2-Clause
// trouble: a spool that cannot be written.
//
// When an outcome cannot be stored, nothing more is tried: what is delivered meanwhile would be
// known in memory only, and a crash would have all of it delivered twice. The first write that
// succeeds lets everything go on. A single damaged row must not hold up the queue for ever, so
// after a while attempts go on all the same. See pipeline_internal.h.
#include "pipeline/pipeline_internal.h"

enum { PATIENCE_MS = 60 * 1000 };

static void resume(struct pipeline *p)
{
    if (!p->is_stopping)
        windows_feed(p, &(struct sched_event){.kind = SCHED_RESUME});
}

static bool proves_writing(const struct op *op)
{
    return op->err == FP_OK &&
           (op->kind == OP_SETTLE || op->kind == OP_ACCEPT || op->kind == OP_APPEND);
}

// Outcomes have room for longer than new mail (the ballast), so each may fail alone.
static void list_no_longer(struct pipeline *p)
{
    if (!p->is_spool_failing && p->accept_err == FP_OK)
        blocked_end(p->blocked, BLOCKED_SPOOL, "", p->now_ms);
}

void trouble_with_room(struct pipeline *p, enum fp_err err)
{
    if (err != FP_OK)
        blocked_begin(p->blocked, BLOCKED_SPOOL, "", fp_err_text(err), p->now_ms);
    else
        list_no_longer(p);
}

void trouble_heard(struct pipeline *p, const struct op *op)
{
    if (op->kind == OP_SETTLE && fp_err_is_trouble(op->err) && !p->is_spool_failing) {
        p->is_spool_failing = true;
        p->spool_patience_ms = p->now_ms + PATIENCE_MS;
        effect_logf(p, LOG_LEVEL_ERROR,
                    "spool: an outcome cannot be stored: %s; nothing more is tried until it can",
                    fp_err_text(op->err));
        blocked_begin(p->blocked, BLOCKED_SPOOL, "", fp_err_text(op->err), p->now_ms);
        windows_feed(p, &(struct sched_event){.kind = SCHED_PAUSE});
    } else if (p->is_spool_failing && proves_writing(op)) {
        p->is_spool_failing = false;
        effect_logf(p, LOG_LEVEL_INFO, "spool: outcomes can be stored again");
        list_no_longer(p);
        resume(p);
    }
}

void trouble_wait(struct pipeline *p)
{
    if (!p->is_spool_failing || p->now_ms < p->spool_patience_ms)
        return;
    p->is_spool_failing = false; // the next failure pauses again, and says so again
    resume(p);
}
