// SPDX-License-Identifier: BSD-2-Clause
// maintain: idle work, a little at a time: old history goes, room goes back to the file system, the
// log goes into the file.
#include "queue/sql_db.h"

#include "core/must.h"
#include "core/time.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    VACUUM_PAGES = 256,        // per operation: a few milliseconds
    FREE_PAGES_RESERVE = 1024, // 4 MiB stay in the file: ordinary traffic would want them back
    PURGE_ROWS_MAX = 10000,
};

#define DESTINATION_KEPT_MS (7 * TIME_DAY_MS) // after the end of its rest

struct old_row {
    int64_t message, n;
};

static enum fp_err read_old(struct store *s, int64_t before_ms, uint32_t limit,
                            struct old_row *rows, uint32_t *ret_count)
{
    uint32_t count = 0;
    struct sql_call c = sql_call(s, SQL_FINISHED_OLD);
    sql_int(&c, before_ms);
    sql_int(&c, limit);
    while (sql_step(&c)) {
        rows[count].message = sql_column_int(&c);
        rows[count++].n = sql_column_int(&c);
    }
    *ret_count = count;
    return sql_end(&c);
}

static enum fp_err delete_with(struct store *s, enum sql_id id, const struct old_row *row)
{
    struct sql_call c = sql_call(s, id);
    sql_int(&c, row->message);
    sql_int(&c, row->n);
    return sql_run(&c);
}

static enum fp_err purge(struct store *s, const struct op_maintain *m, bool *ret_more)
{
    uint32_t limit = m->budget < PURGE_ROWS_MAX ? m->budget : PURGE_ROWS_MAX, count = 0;
    struct old_row *rows = must_alloc(limit * sizeof *rows);
    enum fp_err err = read_old(s, m->now_ms - m->history_ms, limit, rows, &count);
    for (uint32_t i = 0; i < count && !err; i++) {
        err = delete_with(s, SQL_ATTEMPT_DELETE, &rows[i]);
        if (!err)
            err = delete_with(s, SQL_FINISHED_DELETE, &rows[i]);
    }
    free(rows);
    *ret_more = count == limit;
    return err;
}

// incremental_vacuum gives one row per page that it frees, so it is stepped to its end.
static enum fp_err vacuum(struct store *s, uint32_t budget, bool *ret_more)
{
    int64_t free_pages = 0;
    enum fp_err err = sql_number(s->db, "PRAGMA freelist_count", &free_pages);
    if (err || free_pages <= FREE_PAGES_RESERVE)
        return err;
    int64_t pages = free_pages - FREE_PAGES_RESERVE;
    int64_t most = budget < VACUUM_PAGES ? budget : VACUUM_PAGES;
    *ret_more = *ret_more || pages > most;
    char sql[64]; // a pragma takes no parameters
    snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%lld)",
             (long long)(pages < most ? pages : most));
    return sql_err(s->db, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

// A destination that rested long ago and was not tried since has no mail any more.
static enum fp_err forget_destinations(struct store *s, const struct op_maintain *m)
{
    struct sql_call c = sql_call(s, SQL_DESTINATION_OLD);
    sql_int(&c, m->now_ms - DESTINATION_KEPT_MS);
    return sql_run(&c);
}

// Nobody goes by a policy that has expired.
static enum fp_err forget_policies(struct store *s, const struct op_maintain *m)
{
    struct sql_call c = sql_call(s, SQL_STS_OLD);
    sql_int(&c, m->now_ms);
    return sql_run(&c);
}

enum fp_err maintain_run(struct store *s, struct op *op)
{
    struct op_maintain *m = &op->maintain;
    bool more = false;
    enum fp_err err = FP_OK;
    if (m->history_ms >= 0 && m->budget > 0)
        err = purge(s, m, &more);
    if (!err)
        err = forget_destinations(s, m);
    if (!err)
        err = forget_policies(s, m);
    if (!err && m->budget > 0)
        err = vacuum(s, m->budget, &more);
    m->more = more;
    s->wants_checkpoint = true; // not possible inside a transaction
    return err;
}
