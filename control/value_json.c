// SPDX-License-Identifier: BSD-2-Clause
// value: the values that the operator's JSON is made of. Strings that a stranger chose are escaped
// first (core/text), which also makes them the valid UTF-8 that JSON asks for; jansson does the
// rest.
#include "control/value_json.h"

#include "core/must.h"
#include "core/time.h"

void value_put(json_t *object, const char *key, json_t *value)
{
    must(value && json_object_set_new_nocheck(object, key, value) == 0);
}

json_t *value_text(const char *s)
{
    struct slice text = slice_str(s ? s : "");
    struct buf escaped;
    buf_init(&escaped, 4 * text.n + 1);
    struct column c = column_begin(&escaped);
    column_text(&c, text.n > 0 ? s : "");
    json_t *value = json_stringn_nocheck(buf_slice(&escaped).p, escaped.n);
    buf_close(&escaped);
    return value;
}

json_t *value_time(int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    if (ms <= 0 || ms == TIME_NEVER)
        return json_null();
    time_format_iso(ms, text);
    return json_string_nocheck(text);
}

static int add_piece(const char *p, size_t n, void *data)
{
    column_add(data, slice_of(p, n));
    return 0;
}

void value_dump(const json_t *value, struct column *c)
{
    must(json_dump_callback(value, add_piece, c, 0) == 0);
}
