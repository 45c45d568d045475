// SPDX-License-Identifier: BSD-2-Clause
// suspended, in JSON. See suspended_json.h.
#include "control/suspended_json.h"

#include "control/suspended.h"
#include "core/must.h"

static json_t *new_row(const struct suspension *row)
{
    json_t *o = json_object();
    value_put(o, "kind", value_text(suspended_kind(row->kind)));
    value_put(o, "name", value_text(row->name));
    value_put(o, "since", value_time(row->since_ms));
    value_put(o, "until", value_time(row->until_ms));
    value_put(o, "by", value_text(row->who));
    value_put(o, "reason", value_text(row->reason));
    return o;
}

json_t *suspended_values(const struct suspension *rows, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        must(json_array_append_new(list, new_row(&rows[i])) == 0);
    return list;
}

void suspended_json(const struct suspension *rows, uint32_t count, bool is_lines, struct buf *to)
{
    struct column c = column_begin(to);
    json_t *list = suspended_values(rows, count);
    for (uint32_t i = 0; is_lines && i < count; i++) {
        value_dump(json_array_get(list, i), &c);
        column_str(&c, "\n");
    }
    if (!is_lines) {
        value_dump(list, &c);
        column_str(&c, "\n");
    }
    json_decref(list);
    column_commit(&c);
}
