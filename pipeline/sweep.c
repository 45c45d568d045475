// SPDX-License-Identifier: BSD-2-Clause
// sweep: mail that nobody tries at the moment, because its destination rests or its own next
// attempt is far: warned about and given up by the clock. See pipeline_internal.h.
//
// A rule says at which ages something is due, and all rules together know only a few ages. So each
// minute (more often when the rules are shorter) a pass reads the mail that has passed one of these
// ages since the pass before, level by level of "warned already", page by page, and lets settle
// decide. A message is read once for each age that the rules know, however many messages wait.
//
// (G1) What has passed an age, and could not be decided then, is looked at in the next pass again:
//      an attempt was under way, it may not expire before it was tried, the spool failed. `again`
//      holds the arrivals of such mail.
// (G2) A page may have been read before something of one of its messages was settled. Such a row is
//      old news, and counts as not decided.
// (G3) Everything is looked at when an age may count that had been passed already: at the start,
//      with other rules, when mail was released or forgot its warnings.
//
// (G4) Mail whose sender set a time (DELIVERBY) has an age of its own. Its arrival comes out of an
// index by
//      that time with the first page, and no rule's age cuts it off.
//
// Remembering the earliest time at which anything becomes due was tried in thought and rejected: in
// a long outage something does each minute, and then everything would be read each minute.
#include "pipeline/pipeline_internal.h"

#include <stdlib.h>

enum {
    SWEEP_EVERY_MS = 60 * 1000,
    SWEEP_LEAST_MS = 250,
    SWEEP_PAGE = 100, // recipients
    SWEEP_AGES = 100, // between more of them than these no difference is made
};

static void arm(struct pipeline *p)
{
    // A rule of seconds wants a sweep of seconds.
    int64_t every = p->sweep.least_age_ms / 4;
    if (every > SWEEP_EVERY_MS)
        every = SWEEP_EVERY_MS;
    alarm_set(p, &p->alarm_sweep, p->now_ms + (every > SWEEP_LEAST_MS ? every : SWEEP_LEAST_MS));
}

void sweep_arm(struct pipeline *p)
{
    p->sweep.least_age_ms = rules_sweep_age(&p->config->rules, 0);
    p->sweep.wants_all = true;
    arm(p);
}

void sweep_close(struct pipeline *p)
{
    free(p->sweep.settled);
}

void sweep_again(struct pipeline *p, const struct message *m)
{
    spans_add(m->deliver_by_ms ? &p->sweep.by_again : &p->sweep.again, m->arrival_ms,
              m->arrival_ms);
}

// Mail that was long on its way into the spool passed its first age before it could be read.
static void note_entry(struct pipeline *p, const struct entry *e)
{
    if (!e)
        return;
    const struct message *m = &e->message;
    if (m->arrival_ms + p->sweep.least_age_ms <= p->now_ms ||
        (m->deliver_by_ms != 0 && m->deliver_by_ms <= p->now_ms))
        sweep_again(p, m);
}

static void note_settled(struct sweep *w, uint64_t message)
{
    if (!w->is_reading)
        return;
    if (w->settled_count == w->settled_cap) {
        w->settled_cap = w->settled_cap ? 2 * w->settled_cap : 64;
        w->settled = must_realloc(w->settled, w->settled_cap * sizeof *w->settled);
    }
    w->settled[w->settled_count++] = message;
}

void sweep_heard(struct pipeline *p, const struct op *op)
{
    if (op->err)
        return;
    switch (op->kind) {
    case OP_ACCEPT:
        note_entry(p, op->accept.entry);
        break;
    case OP_SETTLE:
        note_settled(&p->sweep, op->settle.message);
        for (int i = 0; i < OP_NOTICES; i++)
            note_entry(p, op->settle.notices[i]);
        break;
    case OP_CHANGE: // G3
        if (op->change.row_count > 0 && !op->change.dry_run &&
            (op->change.verb == CHANGE_RELEASE || op->change.verb == CHANGE_REQUEUE))
            p->sweep.wants_all = true;
        break;
    default:
        break;
    }
}

static void ask(struct pipeline *p)
{
    struct sweep *w = &p->sweep;
    struct op *op = op_new(OP_OVERDUE);
    op->overdue.level = w->level;
    op->overdue.spans = w->spans;
    spans_cut(&op->overdue.spans, w->until_ms - rules_sweep_age(&p->config->rules, w->level));
    spans_add_all(&op->overdue.spans, &w->by);
    if (!w->has_by) {
        op->overdue.by_from_ms = w->wants_every_by ? 1 : w->seen_ms + 1;
        op->overdue.by_until_ms = w->until_ms;
    }
    op->overdue.limit = SWEEP_PAGE;
    op->overdue.from_ms = w->from_ms;
    op->overdue.from_id = w->from_id;
    op->overdue.from_n = w->from_n;
    w->is_reading = true;
    w->settled_count = 0;
    store_op(p, op, WAIT_SWEEP);
}

static void begin_level(struct pipeline *p, uint32_t level)
{
    struct sweep *w = &p->sweep;
    w->level = level;
    w->from_ms = INT64_MIN;
    w->from_id = 0;
    w->from_n = 0;
    w->is_last_page = false;
    ask(p);
}

// Arrivals of what has come of an age since the pass before.
static void add_passed(struct pipeline *p)
{
    struct sweep *w = &p->sweep;
    const struct rules *rules = &p->config->rules;
    int64_t age = rules_next_age(rules, 0);
    for (int i = 0; age != TIME_NEVER && i < SWEEP_AGES; i++) {
        spans_add(&w->spans, w->seen_ms + 1 - age, w->until_ms - age);
        age = rules_next_age(rules, age);
    }
    if (age != TIME_NEVER)
        spans_add(&w->spans, INT64_MIN, w->until_ms - age);
}

void sweep_timer(struct pipeline *p)
{
    struct sweep *w = &p->sweep;
    if (p->is_stopping || w->is_running)
        return;
    w->is_running = true;
    w->until_ms = p->now_ms;
    w->spans = w->again;
    w->again.count = 0;
    w->by = w->by_again;
    w->by_again.count = 0;
    w->has_by = false;
    w->wants_every_by = w->wants_all;
    if (w->wants_all)
        spans_add(&w->spans, INT64_MIN, w->until_ms - w->least_age_ms);
    else
        add_passed(p);
    w->wants_all = false;
    begin_level(p, 0);
}

static void end(struct pipeline *p)
{
    p->sweep.is_running = false;
    p->sweep.seen_ms = p->sweep.until_ms;
    arm(p);
}

static void next_page(struct pipeline *p)
{
    struct sweep *w = &p->sweep;
    if (w->under_way > 0)
        return;
    if (p->is_stopping)
        end(p);
    else if (!w->is_last_page)
        ask(p);
    else if (w->next_level != UINT32_MAX)
        begin_level(p, w->next_level);
    else
        end(p);
}

static void settled(struct pipeline *p, void *arg)
{
    (void)arg;
    p->sweep.under_way--;
    next_page(p);
}

// Recipients that an attempt is under way for are decided by that attempt (G1); held ones wait.
static void leave_out_busy(struct pipeline *p, struct op_row *row)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < row->rcpt_count; i++) {
        struct recipient *r = &row->rcpts[i];
        bool is_held = r->state == RECIPIENT_HELD;
        if (!is_held && scheduler_claim(p->scheduler, r->message, r->n)) {
            row->rcpts[kept++] = *r;
            continue;
        }
        if (!is_held)
            sweep_again(p, &row->message);
        recipient_close(r);
    }
    row->rcpt_count = kept;
}

static bool is_old_news(const struct sweep *w, uint64_t message) // G2
{
    for (size_t i = 0; i < w->settled_count; i++)
        if (w->settled[i] == message)
            return true;
    return false;
}

static void look_at(struct pipeline *p, struct op_row *row)
{
    if (is_old_news(&p->sweep, row->message.id)) {
        sweep_again(p, &row->message);
        return;
    }
    leave_out_busy(p, row);
    for (uint32_t from = 0; from < row->rcpt_count; from += SETTLE_RCPTS_MAX) {
        uint32_t count = row->rcpt_count - from;
        if (count > SETTLE_RCPTS_MAX)
            count = SETTLE_RCPTS_MAX;
        struct op_row part = {.rcpts = must_alloc(count * sizeof *part.rcpts), .rcpt_count = count};
        message_copy(&part.message, &row->message);
        memcpy(part.rcpts, &row->rcpts[from], count * sizeof *part.rcpts);
        p->sweep.under_way++;
        settling_sweep(p, &part, settled, NULL);
    }
    row->rcpt_count = 0; // they live in the parts now
}

static uint32_t level_behind(const struct pipeline *p, const struct op_overdue *o)
{
    // Of the levels that rules know the next is read in any case. Mail that was warned more often,
    // by rules that were others then, is to expire too.
    return o->level < rules_warn_levels(&p->config->rules) ? o->level + 1 : o->next_level;
}

void sweep_read(struct pipeline *p, struct op *op)
{
    struct sweep *w = &p->sweep;
    struct op_overdue *o = &op->overdue;
    w->is_reading = false;
    if (op->err) {
        effect_logf(p, LOG_LEVEL_ERROR, "spool: old mail could not be read: %s",
                    fp_err_text(op->err));
        spans_add_all(&w->again, &w->spans); // G1
        spans_add_all(&w->by_again, &w->by);
        w->wants_all |= w->wants_every_by || !w->has_by;
        end(p);
        return;
    }
    if (!w->has_by)
        spans_add_all(&w->by, &o->by);
    w->has_by = true;
    w->is_last_page = o->is_done;
    w->next_level = o->is_done ? level_behind(p, o) : 0;
    w->from_ms = o->from_ms;
    w->from_id = o->from_id;
    w->from_n = o->from_n;
    w->under_way++; // so that a settlement that ends at once does not ask for the next page yet
    for (uint32_t i = 0; i < o->row_count; i++)
        look_at(p, &o->rows[i]);
    w->under_way--;
    next_page(p);
}
