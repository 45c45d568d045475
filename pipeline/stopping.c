// SPDX-License-Identifier: BSD-2-Clause
// stopping: see stopping.h.
#include "pipeline/stopping.h"

#include "pipeline/pipeline_internal.h"

enum {
    STOP_GRACE_MS = 5 * 1000,     // for attempts under way at a shutdown
    STOP_OUTCOMES_MS = 20 * 1000, // and then for the spool, to take what became of them
};

static void tell_stopped(struct pipeline *p)
{
    p->is_stopped = true;
    effect_add(p, PIPELINE_STOPPED)->begins_again = p->begins_again;
}

// First the attempts are cut short; then outcomes that the spool will not take are given up, too:
// what they are of is tried again after the next start.
void stopping_grace_over(struct pipeline *p)
{
    if (!p->is_aborted) {
        p->is_aborted = true;
        carriers_abort(p);
        alarm_set(p, &p->alarm_stop, p->now_ms + STOP_OUTCOMES_MS);
        return;
    }
    effect_logf(p, LOG_LEVEL_ERROR, "stopping, though the spool has not taken every outcome");
    tell_stopped(p);
}

static void stop(struct pipeline *p)
{
    if (p->is_stopping)
        return;
    p->is_stopping = true;
    windows_feed(p, &(struct sched_event){.kind = SCHED_PAUSE});
    relaying_shutdown(p);
    carriers_quit_idle(p);
    struct conn *c, *next;
    HASH_ITER(hh, p->conns, c, next)
    {
        if (c->kind == CONN_DOOR)
            door_shutdown(p, c->door);
    }
    alarm_set(p, &p->alarm_stop, p->now_ms + STOP_GRACE_MS);
}

void stopping_begin(struct pipeline *p)
{
    p->begins_again = false;
    stop(p);
}

void pipeline_begin_again(struct pipeline *p)
{
    p->begins_again = true;
    stop(p);
}

void pipeline_check_stopped(struct pipeline *p)
{
    if (!p->is_stopping || p->is_stopped)
        return;
    if (p->carriers || p->settlings || HASH_COUNT(p->waiters) > 0)
        return;
    tell_stopped(p);
}
