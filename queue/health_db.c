// SPDX-License-Identifier: BSD-2-Clause
// health: what is remembered of destinations that fail, across restarts. A healthy one has no row.
#include "queue/sql_db.h"

enum fp_err health_run(struct store *s, struct op *op)
{
    const struct op_health_row *row = &op->health.row;
    struct sql_call c =
        sql_call(s, row->failures > 0 ? SQL_DESTINATION_PUT : SQL_DESTINATION_DELETE);
    sql_text(&c, row->name);
    if (row->failures > 0) {
        sql_int(&c, row->failures);
        sql_int(&c, row->since_ms);
        sql_int(&c, row->last_probe_ms);
        sql_int(&c, row->rest_until_ms);
        sql_int(&c, row->klass);
        sql_text(&c, row->status);
        sql_text(&c, row->text);
    }
    return sql_run(&c);
}

static void read_row(struct op_health_row *row, struct sql_call *c)
{
    row->name = sql_column_text(c);
    row->failures = (uint32_t)sql_column_int(c);
    row->since_ms = sql_column_int(c);
    row->last_probe_ms = sql_column_int(c);
    row->rest_until_ms = sql_column_int(c);
    row->klass = (uint8_t)sql_column_int(c);
    row->status = sql_column_text(c);
    row->text = sql_column_text(c);
}

enum fp_err healths_run(struct store *s, struct op *op)
{
    struct op_healths *healths = &op->healths;
    struct sql_call c = sql_call(s, SQL_DESTINATION_LIST);
    while (sql_step(&c)) {
        healths->rows = rows_grow(healths->rows, healths->row_count, sizeof *healths->rows);
        read_row(&healths->rows[healths->row_count++], &c);
    }
    return sql_end(&c);
}
