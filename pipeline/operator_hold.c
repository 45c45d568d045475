// SPDX-License-Identifier: BSD-2-Clause
// operator_hold: what holds mail at this moment: the scheduler's word, and above it what an
// operator, the mode or a trouble of our own holds up. See operator_internal.h.
#include "core/must.h"
#include "pipeline/operator_internal.h"

static void take_standing(const struct standing_view *v, struct why_hold *ret)
{
    static const enum why_kind kinds[] = {
        [STANDING_ACTIVE] = WHY_ACTIVE,     [STANDING_NOT_DUE] = WHY_NOT_DUE,
        [STANDING_ON_FLUSH] = WHY_ON_FLUSH, [STANDING_RESTING] = WHY_RESTING,
        [STANDING_PROBING] = WHY_PROBING,   [STANDING_STOPPED] = WHY_STOPPED,
        [STANDING_RATE] = WHY_RATE,         [STANDING_CONCURRENCY] = WHY_CONCURRENCY,
        [STANDING_FULL] = WHY_FULL,         [STANDING_TURN] = WHY_TURN,
    };
    must((unsigned)v->what < sizeof kinds / sizeof *kinds);
    ret->kind = kinds[v->what];
    ret->until_ms = v->until_ms;
    ret->before = v->before;
    ret->is_in_spool = v->is_in_spool;
    ret->allowed = v->allowed;
}

const char *operator_why_stopped(const struct pipeline *p)
{
    if (p->is_stopping)
        return "the daemon is stopping";
    if (p->brakes & BRAKE_LOADING)
        return "what is suspended is not known yet";
    if (p->is_spool_failing)
        return "outcomes cannot be stored";
    if (p->brakes & BRAKE_SETTLING)
        return "outcomes wait for the disk";
    return p->brakes & BRAKE_TURNS ? "mail that comes in has its turn" : NULL;
}

static void take_health(struct pipeline *p, const char *destination, struct why_hold *ret)
{
    struct destination_view view;
    if (!scheduler_destination(p->scheduler, destination, &view) || view.failures == 0)
        return;
    ret->since_ms = view.since_ms;
    ret->failures = view.failures;
    ret->reason = view.why ? view.why->text : NULL;
    ret->klass = view.why ? view.why->klass : CLASS_NONE;
}

void operator_take_blocked(struct pipeline *p, const char *destination, struct why_hold *ret)
{
    struct destination_view view = {.state = DESTINATION_OPEN};
    scheduler_destination(p->scheduler, destination, &view);
    const char *text = view.state == DESTINATION_OPEN ? blocking_of_some(p, destination)
                                                      : blocking_text(p, destination, &view);
    if (!text)
        return;
    const char *what = outcome_behind_blocked(text); // which the kind says already
    *ret = (struct why_hold){
        .kind = WHY_BLOCKED,
        .destination = destination,
        .reason = what ? what : text,
        .until_ms = view.rest_until_ms,
    };
}

void operator_take_suspension(struct pipeline *p, const struct suspension *row,
                              struct why_hold *ret)
{
    struct buf name;
    if (!row)
        return;
    buf_init(&name, 64 * 1024);
    suspension_name(row, &name);
    *ret = (struct why_hold){
        .kind = WHY_SUSPENDED,
        .destination = effect_keep(p, buf_slice(&name)).p,
        .reason = row->reason,
        .since_ms = row->since_ms,
        .until_ms = row->until_ms,
    };
    buf_close(&name);
}

static void find_hold(struct pipeline *p, const struct recipient *r, const char *destination,
                      struct why_hold *ret)
{
    struct standing_view v;
    scheduler_standing(p->scheduler, r, destination, &v);
    take_standing(&v, ret);
    ret->destination = destination;
    if (ret->kind == WHY_RESTING || ret->kind == WHY_PROBING)
        take_health(p, destination, ret);
    else if (ret->kind == WHY_STOPPED)
        ret->reason = operator_why_stopped(p);
    if (ret->kind == WHY_RESTING || ret->kind == WHY_PROBING)
        operator_take_blocked(p, destination, ret);
    if (ret->kind == WHY_RESTING && ret->failures == 0)
        ret->reason = "a trouble of our own";
}

void operator_hold(void *arg, const struct message *m, const struct recipient *r,
                   struct why_hold *ret)
{
    struct pipeline *p = arg;
    struct buf name;
    *ret = (struct why_hold){.kind = WHY_TURN};
    buf_init(&name, 64 * 1024);
    windows_destination(p, r->address, r->domain, m->sender, &name);
    find_hold(p, r, effect_keep(p, buf_slice(&name)).p, ret);
    buf_close(&name);
    if (ret->kind != WHY_ACTIVE)
        operator_take_suspension(p, suspending_holds(p, m, r), ret);
    if (r->state == RECIPIENT_HELD && ret->kind != WHY_ACTIVE) {
        ret->kind = WHY_HELD;
        ret->reason = r->held_why;
    }
}

void operator_hold_discreet(void *arg, const struct message *m, const struct recipient *r,
                            struct why_hold *ret)
{
    operator_hold(arg, m, r, ret);
    if (ret->kind == WHY_RESTING || ret->kind == WHY_PROBING || ret->kind == WHY_BLOCKED)
        ret->reason = operator_discreet(arg, ret->reason);
}
