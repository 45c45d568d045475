// SPDX-License-Identifier: BSD-2-Clause
// plan: how many open recipients are due until when, domain by domain, page by page.
//
// A walk along recipient_due, which carries all that is needed. From the end of what is due in one
// domain it jumps to the next one; what is due later is not touched.
#include "queue/sql_db.h"

#include "core/must.h"

#include <stdlib.h>
#include <string.h>

enum { DOMAIN_COST = 20 }; // finding a domain takes as long as counting so many recipients

static void spend(uint32_t *left, uint32_t cost)
{
    *left -= cost < *left ? cost : *left;
}

static void begin_domain(struct op_plan *plan, char *domain, int64_t first_ms)
{
    free(plan->at.row.domain);
    plan->at.row = (struct op_plan_row){.domain = domain, .first_ms = first_ms};
    plan->at.is_within = true;
    plan->at.next_attempt_ms = INT64_MIN;
    plan->at.message = plan->at.n = 0;
}

// The domain behind the last one, with the time of its first recipient; or just the one that is
// asked for.
static enum fp_err next_domain(struct store *s, struct op_plan *plan)
{
    struct sql_call c = sql_call(s, plan->domain ? SQL_DUE_NEXT : SQL_DOMAIN_NEXT);
    bool was_counted = plan->domain && plan->at.row.domain;
    sql_text(&c, plan->domain ? plan->domain : plan->at.row.domain);
    if (plan->domain)
        sql_int(&c, INT64_MIN);
    bool is_found = !was_counted && sql_step(&c);
    char *domain = NULL;
    if (is_found)
        domain = plan->domain ? must_strdup(plan->domain) : sql_column_text(&c);
    int64_t first_ms = is_found ? sql_column_int(&c) : 0;
    enum fp_err err = sql_end(&c); // only now is the last one's name free to go
    if (is_found)
        begin_domain(plan, domain, first_ms);
    plan->is_done = !is_found && !err;
    return err;
}

static void count_one(struct op_plan *plan, struct sql_call *c)
{
    plan->at.next_attempt_ms = sql_column_int(c);
    plan->at.message = (uint64_t)sql_column_int(c);
    plan->at.n = (uint32_t)sql_column_int(c);
    plan->at.row.last_ms = plan->at.next_attempt_ms;
    plan->at.row.count++;
}

static void end_domain(struct op_plan *plan)
{
    plan->at.is_within = false;
    plan->rows = rows_grow(plan->rows, plan->row_count, sizeof *plan->rows);
    plan->rows[plan->row_count] = plan->at.row;
    plan->rows[plan->row_count++].domain = must_strdup(plan->at.row.domain);
}

static enum fp_err count_some(struct store *s, struct op_plan *plan, uint32_t *left)
{
    uint32_t count = 0;
    struct sql_call c = sql_call(s, SQL_PLAN_RECIPIENTS);
    sql_text(&c, plan->at.row.domain);
    sql_int(&c, plan->at.next_attempt_ms);
    sql_int(&c, (int64_t)plan->at.message);
    sql_int(&c, plan->at.n);
    sql_int(&c, plan->until_ms);
    sql_int(&c, *left);
    for (; sql_step(&c); count++)
        count_one(plan, &c);
    enum fp_err err = sql_end(&c);
    if (!err && count < *left)
        end_domain(plan);
    spend(left, count);
    return err;
}

enum fp_err plan_run(struct store *s, struct op *op)
{
    struct op_plan *plan = &op->plan;
    uint32_t left = plan->limit;
    enum fp_err err = FP_OK;
    while (!err && !plan->is_done && left > 0) {
        if (plan->at.is_within) {
            err = count_some(s, plan, &left);
        } else {
            err = next_domain(s, plan);
            spend(&left, DOMAIN_COST);
        }
    }
    return err;
}
