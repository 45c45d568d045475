// SPDX-License-Identifier: BSD-2-Clause
// suspended: what is suspended, as text. See suspended.h.
#include "control/suspended.h"

#include "core/must.h"
#include "core/time.h"

const char *suspended_kind(enum suspension_kind kind)
{
    static const char *const names[SUSPENSION_KINDS] = {"destination", "sender", "everything"};
    must((unsigned)kind < SUSPENSION_KINDS);
    return names[kind];
}

static void add_row(const struct suspension *row, int64_t now_ms, struct column *c)
{
    column_str(c, "    ");
    if (row->kind == SUSPENSION_SENDER)
        column_str(c, row->name[0] ? "from=" : "from=<>");
    column_text(c, row->kind == SUSPENSION_EVERYTHING ? "everything" : row->name);
    column_str(c, ": ");
    if (row->until_ms == TIME_NEVER) {
        column_str(c, "until it is resumed");
    } else {
        column_str(c, "until ");
        column_time_utc(c, row->until_ms);
        column_str(c, " (");
        column_until(c, row->until_ms, now_ms);
        column_str(c, ")");
    }
    column_str(c, ", since ");
    column_time_utc(c, row->since_ms);
    column_str(c, " by ");
    column_text(c, row->who);
    if (row->reason[0]) {
        column_str(c, "\n        ");
        column_text(c, row->reason);
    }
    column_str(c, "\n");
}

void suspended_table(const struct suspension *rows, uint32_t count, int64_t now_ms,
                     struct column *c)
{
    for (uint32_t i = 0; i < count; i++)
        add_row(&rows[i], now_ms, c);
}
