// SPDX-License-Identifier: BSD-2-Clause
// quote: values of JSON written by hand. See quote.h.
#include "control/quote.h"

#include "core/time.h"

static size_t count_octets(struct slice s, char which)
{
    size_t n = 0;
    for (const char *at; (at = memchr(s.p, which, s.n)); n++)
        s = slice_from(s, (size_t)(at - s.p) + 1);
    return n;
}

// Puts a backslash before each quote and backslash of what was added from `at` on.
static void escape_from(size_t at, struct column *c)
{
    struct slice text = slice_of(c->to->p + at, c->to->n - at);
    size_t extra = count_octets(text, '"') + count_octets(text, '\\');
    if (extra == 0)
        return;
    column_blanks(c, extra);
    if (c->is_full)
        return;
    char *from = c->to->p + at + text.n, *to = from + extra;
    while (to > from) { // from the end, until nothing is to be moved any more
        *--to = *--from;
        if (*to == '"' || *to == '\\')
            *--to = '\\';
    }
}

void quote_text(struct column *c, const char *s)
{
    column_str(c, "\"");
    size_t at = c->to->n;
    column_text(c, s ? s : "");
    if (!c->is_full)
        escape_from(at, c);
    column_str(c, "\"");
}

void quote_time(struct column *c, int64_t ms)
{
    if (ms <= 0 || ms == TIME_NEVER) {
        column_str(c, "null");
        return;
    }
    column_str(c, "\"");
    column_time_utc(c, ms);
    column_str(c, "\"");
}

void quote_number(struct column *c, uint64_t n)
{
    column_number(c, n, 0);
}

void quote_name(struct column *c, const char *name)
{
    column_str(c, ", \"");
    column_str(c, name);
    column_str(c, "\": ");
}

void quote_member_text(struct column *c, const char *name, const char *s)
{
    quote_name(c, name);
    quote_text(c, s);
}

void quote_member_time(struct column *c, const char *name, int64_t ms)
{
    quote_name(c, name);
    quote_time(c, ms);
}

void quote_member_number(struct column *c, const char *name, uint64_t n)
{
    quote_name(c, name);
    quote_number(c, n);
}

void quote_member_flag(struct column *c, const char *name, bool is_set)
{
    quote_name(c, name);
    column_str(c, is_set ? "true" : "false");
}
