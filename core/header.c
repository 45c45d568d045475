// SPDX-License-Identifier: BSD-2-Clause
// header: reading a header block. See header.h.
#include "core/header.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// Length of the first line with its line end; the whole when it has none.
static size_t line_size(struct slice s)
{
    const char *lf = s.n ? memchr(s.p, '\n', s.n) : NULL;
    return lf ? (size_t)(lf - s.p) + 1 : s.n;
}

static struct slice without_line_end(struct slice s)
{
    if (s.n > 0 && s.p[s.n - 1] == '\n') {
        s.n--;
        if (s.n > 0 && s.p[s.n - 1] == '\r')
            s.n--;
    }
    return s;
}

// Splits a line at its colon. Blanks between name and colon are obsolete but met (RFC 5322 4.5).
static bool split_name(struct slice line, struct slice *ret_name, size_t *ret_body)
{
    size_t n = 0;
    while (n < line.n && line.p[n] > 32 && line.p[n] < 127 && line.p[n] != ':')
        n++;
    size_t colon = n;
    while (colon < line.n && is_blank(line.p[colon]))
        colon++;
    if (n == 0 || colon >= line.n || line.p[colon] != ':')
        return false;
    *ret_name = slice_of(line.p, n);
    *ret_body = colon + 1;
    return true;
}

bool header_next(struct slice *block, struct header_field *ret)
{
    struct slice rest = *block, name;
    size_t n = line_size(rest), body;
    if (!split_name(slice_of(rest.p, n), &name, &body))
        return false;
    while (n < rest.n && rest.p[n - 1] == '\n' && is_blank(rest.p[n]))
        n += line_size(slice_from(rest, n));
    struct slice whole = slice_of(rest.p, n);
    *ret = (struct header_field){
        .name = name, .body = without_line_end(slice_from(whole, body)), .whole = whole};
    *block = slice_from(rest, n);
    return true;
}

size_t header_block_size(struct slice message)
{
    size_t at = 0;
    while (at < message.n) {
        size_t n = line_size(slice_from(message, at));
        struct slice line = slice_of(message.p + at, n);
        at += n;
        if (without_line_end(line).n == 0)
            return at;
    }
    return message.n;
}

bool header_find(struct slice block, const char *name, struct header_field *ret)
{
    struct header_field field;
    while (header_next(&block, &field)) {
        if (slice_equal_nocase(field.name, slice_str(name))) {
            *ret = field;
            return true;
        }
    }
    return false;
}

size_t header_count(struct slice block, const char *name)
{
    struct header_field field;
    size_t count = 0;
    while (header_next(&block, &field))
        count += slice_equal_nocase(field.name, slice_str(name)) ? 1 : 0;
    return count;
}

void header_unfold(struct slice body, struct buf *to)
{
    body = slice_trim(body);
    while (body.n > 0) {
        size_t n = 0;
        while (n < body.n && body.p[n] != '\r' && body.p[n] != '\n')
            n++;
        size_t room = to->max - to->n;
        buf_add(to, body.p, n < room ? n : room);
        body = slice_from(body, n < body.n ? n + 1 : n);
    }
}
