// SPDX-License-Identifier: BSD-2-Clause
// sts: MTA-STS policies of domains, across restarts (RFC 8461 3.3: a policy that was fetched holds
// until it expires).
#include "queue/sql_db.h"

enum fp_err sts_run(struct store *s, struct op *op)
{
    const struct sts_policy *row = &op->sts.row;
    struct sql_call c = sql_call(s, op->sts.is_over ? SQL_STS_DELETE : SQL_STS_PUT);
    sql_text(&c, row->domain);
    if (!op->sts.is_over) {
        sql_text(&c, row->id);
        sql_int(&c, row->mode);
        sql_text(&c, row->mx);
        sql_int(&c, row->fetched_ms);
        sql_int(&c, row->expires_ms);
    }
    return sql_run(&c);
}

static void read_row(struct sts_policy *row, struct sql_call *c)
{
    row->domain = sql_column_text(c);
    row->id = sql_column_text(c);
    row->mode = (enum sts_mode)sql_column_int(c);
    row->mx = sql_column_text(c);
    row->fetched_ms = sql_column_int(c);
    row->expires_ms = sql_column_int(c);
}

enum fp_err sts_all_run(struct store *s, struct op *op)
{
    struct op_sts_all *all = &op->sts_all;
    struct sql_call c = sql_call(s, SQL_STS_LIST);
    sql_int(&c, all->limit);
    while (sql_step(&c)) {
        all->rows = rows_grow(all->rows, all->row_count, sizeof *all->rows);
        read_row(&all->rows[all->row_count++], &c);
    }
    return sql_end(&c);
}
