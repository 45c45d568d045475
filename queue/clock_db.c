// SPDX-License-Identifier: BSD-2-Clause
// clock: times in the spool that a clock has left there which was wrong. See op.h, OP_CLOCK.
#include "queue/sql_db.h"

#include "core/must.h"

#include <stdlib.h>

enum { ROWS = 500 };

static enum fp_err move_level(struct store *s, const struct op_clock *k, int64_t level)
{
    struct sql_call c = sql_call(s, SQL_ARRIVAL_SHIFT);
    sql_int(&c, level);
    sql_int(&c, k->shift_from_ms);
    sql_int(&c, k->shift_to_ms);
    sql_int(&c, k->shift_by_ms);
    enum fp_err err = k->shift_by_ms > 0 ? sql_run(&c) : sql_end(&c);
    if (err)
        return err;
    c = sql_call(s, SQL_ARRIVAL_PAST);
    sql_int(&c, level);
    sql_int(&c, k->now_ms);
    return sql_run(&c);
}

// Held mail has no level and does not grow old.
static enum fp_err move_arrivals(struct store *s, const struct op_clock *k)
{
    int64_t level = -1;
    enum fp_err err = FP_OK;
    while (!err && level < INT64_MAX) {
        struct sql_call c = sql_call(s, SQL_LEVEL_NEXT);
        sql_int(&c, level);
        err = sql_get_int(&c, INT64_MAX, &level);
        if (!err && level < INT64_MAX)
            err = move_level(s, k, level);
    }
    return err;
}

static enum fp_err next_domain(struct store *s, const char *after, char **ret)
{
    struct sql_call c = sql_call(s, SQL_DOMAIN_NEXT);
    sql_text(&c, after);
    *ret = sql_step(&c) ? sql_column_text(&c) : NULL;
    return sql_end(&c);
}

struct late_row {
    int64_t message, n;
};

// The first ROWS recipients that wait longer than they may.
static enum fp_err read_late(struct store *s, const struct op_clock *k, const char *domain,
                             struct late_row *rows, uint32_t *ret_count)
{
    uint32_t count = 0;
    struct sql_call c = sql_call(s, SQL_STATS_RECIPIENTS);
    sql_int(&c, RECIPIENT_OPEN);
    sql_text(&c, domain);
    sql_int(&c, k->latest_ms);
    sql_int(&c, INT64_MAX);
    sql_int(&c, INT64_MAX);
    sql_int(&c, ROWS);
    while (sql_step(&c)) {
        sql_column_int(&c);
        rows[count].message = sql_column_int(&c);
        rows[count++].n = sql_column_int(&c);
    }
    *ret_count = count;
    return sql_end(&c);
}

static enum fp_err make_due(struct store *s, struct op_clock *k, const char *domain,
                            bool *ret_is_all)
{
    struct late_row rows[ROWS];
    uint32_t count = 0;
    enum fp_err err = read_late(s, k, domain, rows, &count);
    for (uint32_t i = 0; !err && i < count; i++) {
        struct sql_call c = sql_call(s, SQL_RECIPIENT_MARK);
        sql_int(&c, rows[i].message);
        sql_int(&c, rows[i].n);
        sql_int(&c, k->now_ms);
        err = sql_run(&c);
    }
    if (err || count == 0)
        return err;
    k->changed += count;
    k->domains = rows_grow(k->domains, k->domain_count, sizeof *k->domains);
    k->domains[k->domain_count++] = must_strdup(domain);
    *ret_is_all = count < ROWS;
    return FP_OK;
}

enum fp_err clock_run(struct store *s, struct op *op)
{
    struct op_clock *k = &op->clock;
    enum fp_err err = k->after ? FP_OK : move_arrivals(s, k);
    char *last = must_strdup(k->after ? k->after : "");
    k->is_done = false;
    for (uint32_t i = 0; !err && i < k->limit; i++) {
        char *domain;
        bool is_all = true;
        err = next_domain(s, last, &domain);
        k->is_done = !err && !domain;
        if (err || !domain)
            break;
        err = make_due(s, k, domain, &is_all);
        if (!is_all) { // the rest of it is the next page's
            free(domain);
            break;
        }
        free(last);
        last = domain;
    }
    free(k->after);
    k->after = last;
    return err;
}
