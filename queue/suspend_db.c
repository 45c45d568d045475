// SPDX-License-Identifier: BSD-2-Clause
// suspend: what operators have suspended, across restarts; and putting off the mail of suspended
// senders, so that it is read once and not again and again. In the table 0 stands for "no end".
#include "queue/sql_db.h"

#include "core/time.h"

enum fp_err suspend_run(struct store *s, struct op *op)
{
    const struct suspension *row = &op->suspend.row;
    struct sql_call c =
        sql_call(s, op->suspend.is_over ? SQL_SUSPENSION_DELETE : SQL_SUSPENSION_PUT);
    sql_int(&c, row->kind);
    sql_text(&c, row->name);
    if (op->suspend.is_over && op->suspend.by_itself)
        sql_int(&c, row->until_ms); // not one that was renewed meanwhile
    else if (op->suspend.is_over)
        sql_null(&c);
    if (!op->suspend.is_over) {
        sql_int(&c, row->since_ms);
        sql_int(&c, row->until_ms == TIME_NEVER ? 0 : row->until_ms);
        sql_text(&c, row->reason);
        sql_text(&c, row->who);
    }
    return sql_run(&c);
}

enum fp_err postpone_run(struct store *s, struct op *op)
{
    enum fp_err err = FP_OK;
    for (uint32_t i = 0; !err && i < op->postpone.row_count; i++) {
        struct sql_call c = sql_call(s, SQL_RECIPIENT_MARK);
        sql_int(&c, (int64_t)op->postpone.rows[i].message);
        sql_int(&c, op->postpone.rows[i].n);
        sql_int(&c, op->postpone.rows[i].until_ms);
        err = sql_run(&c);
    }
    return err;
}

static void read_row(struct suspension *row, struct sql_call *c)
{
    *row = (struct suspension){.kind = (enum suspension_kind)sql_column_int(c)};
    row->name = sql_column_text(c);
    row->since_ms = sql_column_int(c);
    row->until_ms = sql_column_int(c);
    if (row->until_ms == 0)
        row->until_ms = TIME_NEVER;
    row->reason = sql_column_text(c);
    row->who = sql_column_text(c);
}

enum fp_err suspensions_run(struct store *s, struct op *op)
{
    struct op_suspensions *all = &op->suspensions;
    struct sql_call c = sql_call(s, SQL_SUSPENSION_LIST);
    while (sql_step(&c)) {
        all->rows = rows_grow(all->rows, all->row_count, sizeof *all->rows);
        read_row(&all->rows[all->row_count++], &c);
    }
    return sql_end(&c);
}
