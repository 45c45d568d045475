// SPDX-License-Identifier: BSD-2-Clause
// sweep: mail that grows old while nothing is tried, because its destination rests or its own next
// attempt is far: warned about and given up by the clock. See pipeline_internal.h.
//
// Each minute (more often when the rules are shorter) it reads, level by level of "warned already",
// the messages that are old enough for anything to be due, page by page, and lets settle decide.
#include "daemon/pipeline_internal.h"

#include <stdlib.h>

enum {
    SWEEP_EVERY_MS = 60 * 1000,
    SWEEP_LEAST_MS = 250,
    SWEEP_PAGE = 200,
};

void sweep_arm(struct pipeline *p)
{
    // A rule of seconds wants a sweep of seconds.
    int64_t every = SWEEP_EVERY_MS;
    for (uint32_t level = 0; level <= rules_warn_levels(&p->config->rules); level++) {
        int64_t age = rules_sweep_age(&p->config->rules, level);
        if (age / 4 < every)
            every = age / 4;
    }
    alarm_set(p, &p->alarm_sweep, p->now_ms + (every > SWEEP_LEAST_MS ? every : SWEEP_LEAST_MS));
}

static void ask(struct pipeline *p)
{
    int64_t age = rules_sweep_age(&p->config->rules, p->sweep.level);
    struct op *op = op_new(OP_OVERDUE);
    op->overdue.level = p->sweep.level;
    op->overdue.arrived_by_ms = p->now_ms - age;
    op->overdue.after = p->sweep.after;
    op->overdue.limit = SWEEP_PAGE;
    store_op(p, op, WAIT_SWEEP);
}

void sweep_timer(struct pipeline *p)
{
    if (p->is_stopping || p->sweep.is_running)
        return;
    p->sweep = (struct sweep){.is_running = true};
    ask(p);
}

static void next_page(struct pipeline *p)
{
    struct sweep *w = &p->sweep;
    if (w->under_way > 0)
        return;
    if (w->is_last_page) {
        w->level++;
        w->after = 0;
        w->is_last_page = false;
    }
    if (w->level > rules_warn_levels(&p->config->rules) || p->is_stopping) {
        w->is_running = false;
        sweep_arm(p);
        return;
    }
    ask(p);
}

static void settled(struct pipeline *p, void *arg)
{
    (void)arg;
    p->sweep.under_way--;
    next_page(p);
}

// Recipients that an attempt is under way for are decided by that attempt; held ones wait.
static void leave_out_busy(struct pipeline *p, struct op_row *row)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < row->rcpt_count; i++) {
        struct recipient *r = &row->rcpts[i];
        if (r->state == RECIPIENT_HELD || !scheduler_claim(p->scheduler, r->message, r->n)) {
            recipient_close(r);
            continue;
        }
        row->rcpts[kept++] = *r;
    }
    row->rcpt_count = kept;
}

static void look_at(struct pipeline *p, struct op_row *row)
{
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

void sweep_read(struct pipeline *p, struct op *op)
{
    struct sweep *w = &p->sweep;
    struct op_overdue *o = &op->overdue;
    if (op->err) {
        effect_logf(p, LOG_LEVEL_ERROR, "spool: old mail could not be read: %s",
                    fp_err_text(op->err));
        w->is_running = false;
        sweep_arm(p);
        return;
    }
    w->is_last_page = o->is_done;
    w->under_way++; // so that a settlement that ends at once does not ask for the next page yet
    for (uint32_t i = 0; i < o->row_count; i++) {
        w->after = o->rows[i].message.id;
        look_at(p, &o->rows[i]);
    }
    w->under_way--;
    next_page(p);
}
