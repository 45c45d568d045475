// SPDX-License-Identifier: BSD-2-Clause
// suspend: what an operator has suspended is neither started nor read. See suspend.h, scheduler.h
// (D9).
//
// Destinations and domains carry a mark, so that nothing is looked up for a message. What is in the
// windows goes back when something is suspended: the pipeline tells the domains again, and they
// wait with their mark until it is over.
#include "scheduler/suspend.h"

#include "scheduler/domain.h"
#include "scheduler/window.h"

bool suspend_has_name(const struct scheduler *s, const char *name)
{
    return suspensions_has(&s->suspensions, SUSPENSION_DESTINATION) &&
           suspensions_find(&s->suspensions, SUSPENSION_DESTINATION, name);
}

bool suspend_has_all(const struct scheduler *s)
{
    return suspensions_has(&s->suspensions, SUSPENSION_EVERYTHING);
}

static void mark_destinations(struct scheduler *s)
{
    struct destination *d, *next;
    HASH_ITER(hh, s->destinations, d, next)
    {
        d->is_suspended = suspend_has_name(s, d->name);
        destination_refresh(s, d);
    }
}

static void mark_domains(struct scheduler *s)
{
    struct domain *d, *next;
    HASH_ITER(hh, s->domains, d, next)
    {
        domain_suspend(s, d, suspend_has_name(s, d->name));
    }
}

// Of all: mail of a domain, or sender, may be in anybody's. But in manual mode what is cleared is
// not read again, and a flush that is under way for others goes on.
static void clear_windows(struct scheduler *s)
{
    struct destination *d, *next;
    HASH_ITER(hh, s->destinations, d, next)
    {
        if (!s->settings.is_manual || suspend_has_name(s, d->name))
            window_clear(s, d);
    }
}

void suspend_begin(struct scheduler *s, const struct sched_event *event)
{
    suspensions_put(&s->suspensions, event->suspension);
    clear_windows(s);
    if (!s->settings.is_manual)
        domain_forget_all(s);
    mark_destinations(s);
    mark_domains(s);
}

void suspend_end(struct scheduler *s, const struct sched_event *event)
{
    // The event's row may be our own.
    suspensions_remove(&s->suspensions, event->suspension->kind, event->suspension->name);
    mark_destinations(s);
    mark_domains(s);
}

bool suspend_pull(struct scheduler *s, struct sched_effect *ret)
{
    const struct suspension *over = suspensions_find_over(&s->suspensions, s->now_ms);
    if (!over)
        return false;
    suspension_close(&s->over);
    suspension_copy(&s->over, over);
    suspend_end(s, &(struct sched_event){.suspension = &s->over});
    *ret = (struct sched_effect){.kind = SCHED_SUSPENSION_OVER, .suspension = &s->over};
    return true;
}

const struct suspensions *scheduler_suspensions(const struct scheduler *s)
{
    return &s->suspensions;
}
