// SPDX-License-Identifier: BSD-2-Clause
// due: what the scheduler reads: domains with open mail, due recipients of one domain in due order,
// and messages that have grown old. Reading claims nothing and writes nothing.
#include "queue/sql_db.h"

#include "core/must.h"
#include "core/time.h"

#include <stdlib.h>

enum { OVERDUE_RECIPIENTS_MAX = 10000 };

// The index is jumped through from domain to domain: a million recipients of ten domains cost ten
// look-ups. The first entry of a domain is its earliest.
static bool next_domain(struct store *s, const char *after, struct op_domain_row *ret,
                        enum fp_err *ret_err)
{
    struct sql_call c = sql_call(s, SQL_DOMAIN_NEXT);
    sql_text(&c, after);
    bool is_found = sql_step(&c);
    if (is_found) {
        ret->domain = sql_column_text(&c);
        ret->next_attempt_ms = sql_column_int(&c);
    }
    *ret_err = sql_end(&c);
    return is_found;
}

enum fp_err domains_run(struct store *s, struct op *op)
{
    struct op_domains *domains = &op->domains;
    const char *after = domains->after;
    enum fp_err err = FP_OK;
    domains->rows = must_zalloc(domains->limit * sizeof *domains->rows);
    while (domains->row_count < domains->limit) {
        struct op_domain_row *row = &domains->rows[domains->row_count];
        if (!next_domain(s, after, row, &err)) {
            domains->is_done = !err;
            break;
        }
        after = row->domain;
        domains->row_count++;
    }
    return err;
}

static enum fp_err get_next_due(struct store *s, struct op_due *due)
{
    struct sql_call c = sql_call(s, SQL_DUE_NEXT);
    sql_text(&c, due->domain);
    sql_int(&c, due->horizon_ms);
    enum fp_err err = sql_get_int(&c, TIME_NEVER, &due->next_due_ms);
    if (err || due->attempted_before_ms == INT64_MAX)
        return err;
    // A flush leaves out what was tried since: that is still to come, at its own time.
    int64_t skipped = TIME_NEVER;
    c = sql_call(s, SQL_DUE_SKIPPED);
    sql_text(&c, due->domain);
    sql_int(&c, due->horizon_ms);
    sql_int(&c, due->attempted_before_ms);
    err = sql_get_int(&c, TIME_NEVER, &skipped);
    if (!err && skipped < due->next_due_ms)
        due->next_due_ms = skipped;
    return err;
}

static enum fp_err add_due(struct store *s, struct rows *rows, struct sql_call *c)
{
    uint64_t message = (uint64_t)sql_column_int(c);
    c->at = 0; // rows_add_recipient reads it again
    enum fp_err err = FP_OK;
    if (rows->count == 0 || rows->items[rows->count - 1].message.id != message)
        err = rows_add_message(s, rows, message);
    if (err)
        return err == FP_NOT_FOUND ? FP_CORRUPT : err; // a recipient without its message
    rows_add_recipient(rows, c);
    return FP_OK;
}

static enum fp_err read_due(struct store *s, struct op_due *due, struct rows *rows)
{
    struct sql_call c = sql_call(s, SQL_DUE_PAGE);
    sql_text(&c, due->domain);
    sql_int(&c, due->after_ms);
    sql_int(&c, (int64_t)due->after_message);
    sql_int(&c, due->after_n);
    sql_int(&c, due->horizon_ms);
    sql_int(&c, due->attempted_before_ms);
    sql_int(&c, (int64_t)due->limit + 1); // one more, to see whether there is more
    enum fp_err err = FP_OK;
    due->is_done = true;
    while (!err && sql_step(&c)) {
        due->is_done = rows->rcpt_count < due->limit;
        if (!due->is_done)
            break;
        err = add_due(s, rows, &c);
    }
    enum fp_err end = sql_end(&c);
    return err ? err : end;
}

enum fp_err due_run(struct store *s, struct op *op)
{
    struct op_due *due = &op->due;
    struct rows rows = {0};
    enum fp_err err = read_due(s, due, &rows);
    due->rows = rows.items;
    due->row_count = rows.count;
    due->rcpt_count = rows.rcpt_count;
    due->next_due_ms = TIME_NEVER;
    return err || !due->is_done ? err : get_next_due(s, due);
}

static enum fp_err read_overdue(struct store *s, struct op_overdue *overdue, struct rows *rows)
{
    struct sql_call c = sql_call(s, SQL_OVERDUE_PAGE);
    sql_int(&c, overdue->level);
    sql_int(&c, (int64_t)overdue->after);
    sql_int(&c, overdue->arrived_by_ms);
    sql_int(&c, (int64_t)overdue->limit + 1);
    enum fp_err err = FP_OK;
    overdue->is_done = true;
    while (!err && sql_step(&c)) {
        overdue->is_done =
            rows->count < overdue->limit && rows->rcpt_count < OVERDUE_RECIPIENTS_MAX;
        if (!overdue->is_done)
            break;
        uint64_t id = (uint64_t)sql_column_int(&c);
        err = rows_add_message(s, rows, id);
        if (!err)
            err = rows_add_all_recipients(s, rows, id);
    }
    enum fp_err end = sql_end(&c);
    return err ? err : end;
}

enum fp_err overdue_run(struct store *s, struct op *op)
{
    struct op_overdue *overdue = &op->overdue;
    struct rows rows = {0};
    enum fp_err err = read_overdue(s, overdue, &rows);
    overdue->rows = rows.items;
    overdue->row_count = rows.count;
    return err;
}
