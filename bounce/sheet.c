// SPDX-License-Identifier: BSD-2-Clause
// sheet: a notice while it is being written. See sheet.h.
#include "bounce/sheet.h"

#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>

void sheet_add(struct sheet *s, struct slice text)
{
    if (!s->err)
        s->err = buf_add_slice(s->to, text);
}

void sheet_str(struct sheet *s, const char *text)
{
    sheet_add(s, slice_str(text));
}

void sheet_addf(struct sheet *s, const char *format, ...)
{
    char text[1024]; // our own phrases with a host name or a number in them; the longest has 400
                     // octets
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        s->err = FP_TOO_BIG;
    else
        sheet_add(s, slice_of(text, (size_t)n));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice next_word(struct slice *text)
{
    size_t from = 0;
    while (from < text->n && is_blank(text->p[from]))
        from++;
    size_t to = from;
    while (to < text->n && !is_blank(text->p[to]) && to - from < SHEET_WORD_MAX)
        to++;
    struct slice word = slice_of(text->p + from, to - from);
    *text = slice_from(*text, to);
    return word;
}

void sheet_wrap(struct sheet *s, size_t column, const char *indent, struct slice text)
{
    size_t margin = strlen(indent);
    bool is_line_begun = false; // a word of ours stands on this line
    for (struct slice word = next_word(&text); word.n > 0; word = next_word(&text)) {
        if (column + is_line_begun + word.n > SHEET_COLUMNS && column > margin) {
            sheet_str(s, "\r\n");
            sheet_str(s, indent);
            column = margin;
            is_line_begun = false;
        }
        if (is_line_begun)
            sheet_str(s, " ");
        sheet_add(s, word);
        column += is_line_begun + word.n;
        is_line_begun = true;
    }
    sheet_str(s, "\r\n");
}

void sheet_field(struct sheet *s, const char *name, const char *type, struct slice text)
{
    sheet_addf(s, "%s: %s%s", name, type ? type : "", type ? "; " : "");
    sheet_wrap(s, strlen(name) + 2 + (type ? strlen(type) + 2 : 0), "    ", text);
}

void sheet_exact(struct sheet *s, struct slice text)
{
    while (text.n > SHEET_WORD_MAX) {
        sheet_add(s, slice_of(text.p, SHEET_WORD_MAX));
        sheet_str(s, "\r\n    ");
        text = slice_from(text, SHEET_WORD_MAX);
    }
    sheet_add(s, text);
    sheet_str(s, "\r\n");
}

void sheet_show_address(const struct sheet *s, const char *address, struct buf *to)
{
    if (s->is_utf8)
        text_escape(slice_str(address), to);
    else
        text_escape_ascii(slice_str(address), to);
}
