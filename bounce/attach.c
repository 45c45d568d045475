// SPDX-License-Identifier: BSD-2-Clause
// attach: the part of a notice that gives the original back. See attach.h.
#include "bounce/attach.h"

#include "core/header.h"
#include "core/utf8.h"

enum { ATTACH_LINE_MAX = 998, ATTACH_FOLD_AT = 900 };

// Length of the first line without its line end; *ret_end gets that of the line end.
static size_t line_length(struct slice s, size_t *ret_end)
{
    const char *lf = memchr(s.p, '\n', s.n);
    size_t n = lf ? (size_t)(lf - s.p) : s.n;
    *ret_end = lf ? 1 : 0;
    if (n > 0 && s.p[n - 1] == '\r')
        n--, ++*ret_end;
    return n;
}

// May the bytes stand in a notice as they are?
static bool is_clean(struct slice s)
{
    size_t end;
    if (memchr(s.p, '\0', s.n))
        return false;
    for (; s.n > 0; s = slice_from(s, line_length(s, &end) + end)) {
        size_t n = line_length(s, &end);
        if (end != 2 || n > ATTACH_LINE_MAX || memchr(s.p, '\r', n))
            return false;
    }
    return true;
}

struct attachment attach_choose(const struct notice *n)
{
    struct attachment a = {.bytes = n->original};
    if (n->ret == RETURN_NONE || n->original.n == 0)
        return a;
    a.is_present = true;
    a.is_full = n->ret == RETURN_FULL && n->original_is_full && is_clean(n->original);
    if (!a.is_full)
        a.bytes = slice_of(n->original.p, header_block_size(n->original));
    a.is_8bit = !utf8_is_ascii(a.bytes);
    a.is_global =
        a.is_8bit && n->is_utf8 && !utf8_is_ascii(slice_of(a.bytes.p, header_block_size(a.bytes)));
    return a;
}

// One line without what must not stand in it; a line that is too long is folded (RFC 5322 2.2.3).
static void write_line(struct sheet *s, struct slice line)
{
    size_t column = 0;
    while (line.n > 0) {
        size_t n = 0;
        while (n < line.n && line.p[n] != '\0' && line.p[n] != '\r' && column + n < ATTACH_FOLD_AT)
            n++;
        sheet_add(s, slice_of(line.p, n));
        column += n;
        if (n < line.n && column >= ATTACH_FOLD_AT) {
            sheet_str(s, "\r\n ");
            column = 1;
        } else if (n < line.n) {
            sheet_str(s, "?");
            column++;
            n++;
        }
        line = slice_from(line, n);
    }
    sheet_str(s, "\r\n");
}

static void write_headers(struct sheet *s, struct slice block)
{
    while (block.n > 0) {
        size_t end;
        size_t n = line_length(block, &end);
        if (n == 0)
            return; // the blank line belongs to the body
        write_line(s, slice_of(block.p, n));
        block = slice_from(block, n + end);
    }
}

// RFC 6522 3 and 4, RFC 6533 6
static const char *type_of(const struct attachment *a)
{
    if (a->is_global)
        return a->is_full ? "message/global" : "message/global-headers";
    return a->is_full ? "message/rfc822" : "text/rfc822-headers";
}

void attach_write(struct sheet *s, const struct attachment *a)
{
    sheet_addf(s, "Content-Description: %s\r\nContent-Type: %s\r\n",
               a->is_full ? "The message" : "Headers of the message", type_of(a));
    if (a->is_8bit)
        sheet_str(s, "Content-Transfer-Encoding: 8bit\r\n");
    sheet_str(s, "\r\n");
    if (a->is_full)
        sheet_add(s, a->bytes);
    else
        write_headers(s, a->bytes);
}
