// SPDX-License-Identifier: BSD-2-Clause
// suspending: what operators have suspended, between the spool, the scheduler and today's mail. See
// pipeline_internal.h.
//
// The scheduler keeps them, and leaves suspended destinations alone. Mail of a suspended sender may
// stand among others' in any domain, so it is left out here, on its way to the scheduler. In the
// spool its next attempt is put off to the end of the suspension: it is read once, and does not lie
// in the way of other mail.
//
// (U1) Nothing is started before the spool has said what is suspended, and who rests.
// (U2) What is suspended is not tried, so it does not expire; and when that is over, a new epoch
//      begins (S1): one real attempt comes first. Warnings go on.
// (U3) What was put off is due when its suspension ends, however that happens. After a crash in
//      between the start makes due what would wait longer than any schedule says (repair.c); what
//      stays put off waits no longer than that.
#include "core/text.h"
#include "pipeline/pipeline_internal.h"

#include <stdlib.h>
#include <utlist.h>

enum { LOAD_AGAIN_MS = 1000, STORE_AGAIN_MS = 1000, RELEASE_PAGE = 500 };

// Mail of a sender whose suspension has no end is put off for so long; it is not put off anew while
// half of that is left.
#define FAR_MS (3650 * TIME_DAY_MS)

void suspending_load(struct pipeline *p)
{
    brake_set(p, BRAKE_LOADING, true); // U1
    store_op(p, op_new(OP_SUSPENSIONS), WAIT_LOADING);
}

void suspending_loaded(struct pipeline *p, struct op *op)
{
    if (op->err) {
        effect_logf(p, LOG_LEVEL_ERROR, "spool: suspensions could not be read: %s; trying again",
                    fp_err_text(op->err));
        alarm_set(p, &p->alarm_loading, p->now_ms + LOAD_AGAIN_MS);
        return;
    }
    for (uint32_t i = 0; i < op->suspensions.row_count; i++)
        windows_feed(p, &(struct sched_event){.kind = SCHED_SUSPEND,
                                              .suspension = &op->suspensions.rows[i]});
    windows_start(p); // which lets go
}

// ---- what is held ----------------------------------------------------------------------------

static const struct suspensions *all(const struct pipeline *p)
{
    return scheduler_suspensions(p->scheduler);
}

const struct suspension *suspending_holds(const struct pipeline *p, const struct message *m,
                                          const struct recipient *r)
{
    struct buf name;
    if (all(p)->count == 0)
        return NULL;
    buf_init(&name, 64 * 1024);
    windows_destination(p, r->address, r->domain, m->sender, &name);
    const struct suspension *found =
        suspensions_holding(all(p), buf_slice(&name).p, r->domain, m->sender);
    buf_close(&name);
    return found;
}

int64_t suspending_epoch(const struct pipeline *p, const struct message *m,
                         const struct recipient *r)
{
    return suspending_holds(p, m, r) ? TIME_NEVER : p->epoch_ms;
}

bool suspending_holds_any(const struct pipeline *p, const struct entry *e)
{
    for (uint32_t i = 0; all(p)->count > 0 && i < e->rcpt_count; i++)
        if (suspending_holds(p, &e->message, &e->rcpts[i]))
            return true;
    return false;
}

static void add_postponed(struct pipeline *p, const struct op_postpone_row *row)
{
    if (!p->postponing)
        p->postponing = op_new(OP_POSTPONE);
    struct op_postpone *o = &p->postponing->postpone;
    if ((o->row_count & (o->row_count - 1)) == 0) // powers of two
        o->rows = must_realloc(o->rows, (o->row_count ? 2 * o->row_count : 1) * sizeof *o->rows);
    o->rows[o->row_count++] = *row;
}

static void postpone(struct pipeline *p, const struct recipient *r, int64_t until_ms)
{
    int64_t far_ms = p->now_ms + FAR_MS;
    int64_t to_ms = until_ms < far_ms ? until_ms : far_ms;
    windows_due(p, r->domain, to_ms);
    if (r->next_attempt_ms >= (until_ms < far_ms ? until_ms : p->now_ms + FAR_MS / 2))
        return;
    add_postponed(p,
                  &(struct op_postpone_row){.message = r->message, .n = r->n, .until_ms = to_ms});
}

// Its sender's or its domain's; a destination's is the scheduler's affair.
static bool leave_out(struct pipeline *p, const struct message *m, const struct recipient *r)
{
    const struct suspension *sender = suspensions_find_sender(all(p), m->sender);
    if (sender)
        postpone(p, r, sender->until_ms);
    else if (suspensions_find(all(p), SUSPENSION_DESTINATION, r->domain))
        windows_due(p, r->domain, p->now_ms);
    else
        return false;
    return true;
}

uint32_t suspending_filter(struct pipeline *p, const struct message *m, struct recipient *rcpts,
                           uint32_t count)
{
    if (!suspensions_has(all(p), SUSPENSION_SENDER) &&
        !suspensions_has(all(p), SUSPENSION_DESTINATION))
        return count;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!leave_out(p, m, &rcpts[i])) {
            if (kept != i) {
                rcpts[kept] = rcpts[i];
                rcpts[i] = (struct recipient){0};
            }
            kept++;
            continue;
        }
        recipient_close(&rcpts[i]);
        rcpts[i] = (struct recipient){0};
    }
    return kept;
}

void suspending_flush(struct pipeline *p)
{
    if (p->postponing && !p->is_postponing_late)
        store_op(p, p->postponing, WAIT_SUSPENDING);
    if (!p->is_postponing_late)
        p->postponing = NULL;
}

// Until it can be stored they stay due, and would be read and left out at every page of their
// domain. What comes meanwhile goes with them.
static void postponed(struct pipeline *p, struct op *op)
{
    if (!op->err)
        return;
    if (!p->is_postponing_late)
        effect_logf(p, LOG_LEVEL_ERROR,
                    "spool: mail of suspended senders could not be put off: %s; trying again",
                    fp_err_text(op->err));
    for (uint32_t i = 0; i < op->postpone.row_count; i++)
        add_postponed(p, &op->postpone.rows[i]);
    p->is_postponing_late = true;
    alarm_set(p, &p->alarm_suspending, p->now_ms + STORE_AGAIN_MS);
}

// ---- beginning and ending --------------------------------------------------------------------

static void log_change(struct pipeline *p, const struct suspension *row, bool is_over)
{
    struct buf line;
    buf_init(&line, 16 * 1024);
    buf_addf(&line, "operator %s: %s ", row->who, is_over ? "resume" : "suspend");
    struct buf name;
    buf_init(&name, 4 * SUSPENSION_NAME_MAX);
    suspension_name(row, &name);
    text_escape(buf_slice(&name), &line);
    buf_close(&name);
    if (!is_over && row->until_ms != TIME_NEVER) {
        char until[TIME_TEXT_SIZE];
        time_format_iso(row->until_ms, until);
        buf_addf(&line, " until %s", until);
    }
    buf_add_str(&line, ", reason: ");
    text_escape(slice_str(row->reason[0] ? row->reason : "none given"), &line);
    effect_log(p, LOG_LEVEL_INFO, &line);
    buf_close(&line);
}

static void release_from(struct pipeline *p, const struct filter *filter, uint64_t after)
{
    struct op *op = op_new(OP_CHANGE);
    op->change.filter = *filter;
    op->change.verb = CHANGE_DUE;
    op->change.now_ms = p->now_ms;
    op->change.after = after;
    op->change.limit = RELEASE_PAGE;
    store_op(p, op, WAIT_SUSPENDING);
}

static void end(struct pipeline *p, const struct suspension *row)
{
    p->epoch_ms = p->now_ms; // U2
    sweep_arm(p);
    if (row->kind != SUSPENSION_SENDER)
        return;
    op_free(p->postponing); // what is still due is not to be put off after this
    p->postponing = NULL;
    struct filter filter = {.count = 1};
    filter.terms[0] = (struct filter_term){.key = FILTER_FROM, .relation = FILTER_EQUAL};
    size_t n = strlen(row->name);
    must(n <= FILTER_TEXT_MAX);
    memcpy(filter.terms[0].text, row->name, n + 1);
    release_from(p, &filter, 0); // U3
}

// What could not be made due, from there on.
struct unreleased {
    struct unreleased *next;
    struct filter filter;
    uint64_t after;
};

static void release_later(struct pipeline *p, const struct op_change *c, enum fp_err err)
{
    if (!p->is_releasing_late)
        effect_logf(p, LOG_LEVEL_ERROR,
                    "spool: mail of a sender that is suspended no longer could not be made due: "
                    "%s; trying again",
                    fp_err_text(err));
    p->is_releasing_late = true;
    struct unreleased *u = must_alloc(sizeof *u);
    u->filter = c->filter;
    u->after = c->after;
    LL_PREPEND(p->unreleased, u);
    alarm_set(p, &p->alarm_suspending, p->now_ms + STORE_AGAIN_MS);
}

void suspending_close(struct pipeline *p)
{
    struct unreleased *u, *next;
    LL_FOREACH_SAFE(p->unreleased, u, next)
    free(u);
    p->unreleased = NULL;
    op_free(p->postponing);
}

void suspending_timer(struct pipeline *p)
{
    struct unreleased *list = p->unreleased, *u, *next;
    if (p->is_stopping) // the next start makes due what waits for too long
        return;
    p->unreleased = NULL;
    LL_FOREACH_SAFE(list, u, next)
    {
        release_from(p, &u->filter, u->after);
        free(u);
    }
    p->is_postponing_late = false;
    suspending_flush(p);
}

static void released(struct pipeline *p, struct op *op)
{
    const struct op_change *c = &op->change;
    if (op->err) {
        release_later(p, c, op->err);
        return;
    }
    p->is_releasing_late = false;
    for (uint32_t i = 0; i < c->row_count; i++)
        if (i == 0 || strcmp(c->rows[i].domain, c->rows[i - 1].domain) != 0)
            windows_due(p, c->rows[i].domain, p->now_ms);
    if (!c->is_done)
        release_from(p, &c->filter, c->last);
}

void suspending_came_back(struct pipeline *p, struct op *op)
{
    (op->kind == OP_POSTPONE ? postponed : released)(p, op);
}

void suspending_stored(struct pipeline *p, const struct op_suspend *o)
{
    log_change(p, &o->row, o->is_over);
    windows_feed(p, &(struct sched_event){.kind = o->is_over ? SCHED_UNSUSPEND : SCHED_SUSPEND,
                                          .suspension = &o->row});
    if (o->is_over)
        end(p, &o->row);
    else
        windows_reload(p);
}

void suspending_over(struct pipeline *p, const struct suspension *row)
{
    struct buf name;
    buf_init(&name, 4 * SUSPENSION_NAME_MAX);
    struct buf plain;
    buf_init(&plain, SUSPENSION_NAME_MAX + 16);
    suspension_name(row, &plain);
    text_escape(buf_slice(&plain), &name);
    effect_logf(p, LOG_LEVEL_INFO, "the suspension of %s by %s has come to its end: resumed",
                buf_slice(&name).p, row->who);
    buf_close(&plain);
    buf_close(&name);
    struct op *op = op_new(OP_SUSPEND);
    suspension_copy(&op->suspend.row, row);
    op->suspend.is_over = op->suspend.by_itself = true;
    store_op(p, op, WAIT_NOTHING);
    end(p, row);
}
