// SPDX-License-Identifier: BSD-2-Clause
// operator_plan: what will be tried when, by destination. See operator_internal.h.
//
// One pass over the index of due mail by domain, page by page; today's routes say where a domain's
// mail goes (a route for single addresses is not seen by that). Destinations are kept while there
// are not too many; then those with least are only counted.
#include "control/plan.h"
#include "core/hash.h"
#include "core/time.h"
#include "pipeline/operator_internal.h"

#include <stdlib.h>
#include <sysexits.h>

enum {
    PLAN_PAGE = 5000, // recipients: a millisecond, when they are in memory
    PLAN_ROWS = 1000,
    PLAN_ROWS_KEPT = 4 * PLAN_ROWS,
};

struct planned {
    UT_hash_handle hh;
    uint64_t recipients;
    int64_t first_ms, last_ms;
    char *destination; // where they go; owned
    char name[];       // the destination's, or that of its domain
};

struct operator_plan {
    int64_t for_ms;
    struct planned *rows; // hash by destination
    uint64_t recipients, destinations;
};

static void forget_row(struct operator_plan *y, struct planned *row)
{
    HASH_DEL(y->rows, row);
    free(row->destination);
    free(row);
}

void plan_forget(struct operator_session *s)
{
    struct planned *row, *next;
    if (!s->plan)
        return;
    HASH_ITER(hh, s->plan->rows, row, next)
    {
        forget_row(s->plan, row);
    }
    free(s->plan);
    s->plan = NULL;
}

static void ask(struct pipeline *p, struct operator_session *s, struct op *op)
{
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

void answer_plan(struct pipeline *p, struct operator_session *s)
{
    if (!s->caller.is_operator) {
        answer_error(p, s, EX_NOPERM,
                     "plan tells of everybody's mail: it is for root, the service user and "
                     "operators; ask `why` about a message or an address");
        return;
    }
    plan_forget(s);
    s->plan = must_zalloc(sizeof *s->plan);
    s->plan->for_ms = s->request.for_ms ? s->request.for_ms : REQUEST_PLAN_MS;
    struct op *op = op_new(OP_PLAN);
    op->plan.until_ms = p->now_ms + s->plan->for_ms;
    op->plan.limit = PLAN_PAGE;
    ask(p, s, op);
}

// ---- counting ----------------------------------------------------------------------------------

static int by_size(const struct planned *a, const struct planned *b)
{
    return (a->recipients < b->recipients) - (a->recipients > b->recipients);
}

static void keep_largest(struct operator_plan *y, uint32_t max)
{
    struct planned *row, *next;
    uint32_t kept = 0;
    if (HASH_COUNT(y->rows) <= max)
        return;
    HASH_SORT(y->rows, by_size);
    HASH_ITER(hh, y->rows, row, next)
    {
        if (kept++ >= max)
            forget_row(y, row);
    }
}

static struct planned *find_row(struct operator_plan *y, const char *name, const char *destination)
{
    struct planned *row;
    HASH_FIND_STR(y->rows, name, row);
    if (row)
        return row;
    size_t n = strlen(name) + 1;
    row = must_zalloc(sizeof *row + n);
    memcpy(row->name, name, n);
    row->destination = must_strdup(destination);
    row->first_ms = TIME_NEVER;
    HASH_ADD_STR(y->rows, name, row);
    y->destinations++;
    return row;
}

static void count_domain(struct pipeline *p, struct operator_plan *y, const struct op_plan_row *d)
{
    struct buf name;
    buf_init(&name, 64 * 1024);
    windows_destination(p, d->domain, d->domain, NULL, &name);
    // Of the domains of one next hop, one that is suspended stands alone.
    bool is_alone = suspensions_find(scheduler_suspensions(p->scheduler), SUSPENSION_DESTINATION,
                                     d->domain) != NULL;
    const char *destination = buf_slice(&name).p;
    struct planned *row = find_row(y, is_alone ? d->domain : destination, destination);
    row->recipients += d->count;
    y->recipients += d->count;
    if (d->first_ms < row->first_ms)
        row->first_ms = d->first_ms;
    if (d->last_ms > row->last_ms)
        row->last_ms = d->last_ms;
    buf_close(&name);
}

// ---- the answer --------------------------------------------------------------------------------

static void find_hold(struct pipeline *p, const char *destination, struct why_hold *ret)
{
    struct destination_view view = {.state = DESTINATION_OPEN};
    *ret = (struct why_hold){.kind = WHY_TURN};
    if (p->config->mode == MODE_QUEUE) {
        ret->kind = WHY_ON_FLUSH;
        return;
    }
    scheduler_destination(p->scheduler, destination, &view);
    if (view.state == DESTINATION_OPEN) {
        ret->kind = view.next_start_ms ? WHY_RATE : WHY_TURN;
        ret->until_ms = view.next_start_ms;
        operator_take_blocked(p, destination, ret);
        return;
    }
    ret->kind = view.state == DESTINATION_RESTING ? WHY_RESTING : WHY_PROBING;
    ret->until_ms = view.rest_until_ms;
    ret->since_ms = view.since_ms;
    ret->failures = view.failures;
    ret->reason = view.why ? view.why->text : NULL;
    operator_take_blocked(p, destination, ret);
}

static void make_row(struct pipeline *p, const struct planned *from, struct plan_row *ret)
{
    struct limit_rule limit;
    rules_limit(&p->config->rules, from->destination, &limit);
    *ret = (struct plan_row){
        .destination = from->name[0] ? from->name : "nowhere: no route fits",
        .recipients = from->recipients,
        .first_ms = from->first_ms,
        .last_ms = from->last_ms,
        .rate_count = limit.rate_count,
        .rate_ms = limit.rate_count ? limit.rate_ms : 0,
        .connections = limit.connections,
    };
    find_hold(p, from->destination, &ret->hold);
    if (ret->hold.kind == WHY_RESTING || ret->hold.kind == WHY_BLOCKED)
        ret->rest_until_ms = ret->hold.until_ms;
    operator_take_suspension(p,
                             suspensions_holding(scheduler_suspensions(p->scheduler),
                                                 from->destination, from->name, NULL),
                             &ret->hold);
}

static int by_first(const void *a, const void *b)
{
    const struct plan_row *x = a, *y = b;
    int64_t of_x = plan_first(x), of_y = plan_first(y);
    if (of_x != of_y)
        return of_x < of_y ? -1 : 1;
    if (x->recipients != y->recipients)
        return x->recipients > y->recipients ? -1 : 1;
    return strcmp(x->destination, y->destination);
}

static void tell(struct pipeline *p, struct operator_session *s)
{
    struct operator_plan *y = s->plan;
    keep_largest(y, PLAN_ROWS);
    struct plan_row *rows = must_alloc((HASH_COUNT(y->rows) + 1) * sizeof *rows);
    struct plan plan = {.now_ms = p->now_ms,
                        .for_ms = y->for_ms,
                        .utc_offset_s = p->utc_offset_s,
                        .rows = rows,
                        .recipients = y->recipients,
                        .destinations = y->destinations,
                        .note = operator_why_stopped(p)};
    for (const struct planned *row = y->rows; row; row = row->hh.next)
        make_row(p, row, &rows[plan.row_count++]);
    qsort(rows, plan.row_count, sizeof *rows, by_first);
    if (s->request.format == LISTING_JSON)
        plan_json(&plan, &s->text);
    else
        plan_format(&plan, &s->text);
    free(rows);
}

void plan_counted(struct pipeline *p, struct operator_session *s, struct op *op)
{
    for (uint32_t i = 0; i < op->plan.row_count; i++)
        if (op->plan.rows[i].count > 0)
            count_domain(p, s->plan, &op->plan.rows[i]);
    if (HASH_COUNT(s->plan->rows) > PLAN_ROWS_KEPT)
        keep_largest(s->plan, PLAN_ROWS_KEPT / 2);
    if (!op->plan.is_done) {
        ask(p, s, op_plan_rest(op));
        return;
    }
    tell(p, s);
    plan_forget(s);
    answer_end(p, s, EX_OK);
}
