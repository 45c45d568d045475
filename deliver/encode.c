// SPDX-License-Identifier: BSD-2-Clause
// encode: see encode.h.
#include "deliver/encode.h"

#include "core/must.h"

enum { COLUMNS_MAX = 76 };

const char *encoding_name(enum encoding encoding)
{
    return encoding == ENCODING_BASE64 ? "base64" : "quoted-printable";
}

void encoder_init(struct encoder *e, enum encoding encoding)
{
    *e = (struct encoder){.encoding = encoding};
}

static void add(struct buf *to, const char *p, size_t n)
{
    must(buf_add(to, p, n) == FP_OK);
}

static void end_line(struct encoder *e, struct buf *to)
{
    add(to, "\r\n", 2);
    e->column = 0;
}

// ---- quoted-printable ----------------------------------------------------------------------

// One column is kept for the "=" of a soft line break.
static void put_quoted(struct encoder *e, const char *p, uint32_t n, struct buf *to)
{
    if (e->column + n > COLUMNS_MAX - 1) {
        add(to, "=", 1);
        end_line(e, to);
    }
    add(to, p, n);
    e->column += n;
}

static void put_escaped(struct encoder *e, unsigned char c, struct buf *to)
{
    static const char hex[] = "0123456789ABCDEF";
    put_quoted(e, (const char[]){'=', hex[c >> 4], hex[c & 15]}, 3, to);
}

static void quote(struct encoder *e, struct slice text, struct buf *to)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (e->blank)
            put_quoted(e, &e->blank, 1, to);
        e->blank = 0;
        if (c == ' ' || c == '\t')
            e->blank = c;
        else if (c > ' ' && c <= '~' && c != '=')
            put_quoted(e, &c, 1, to);
        else
            put_escaped(e, (unsigned char)c, to);
    }
}

// Blanks that end a line are what transports strip (RFC 2045 6.7 rule 3).
static void flush_blank(struct encoder *e, struct buf *to)
{
    if (e->blank)
        put_escaped(e, (unsigned char)e->blank, to);
    e->blank = 0;
}

// ---- base64 --------------------------------------------------------------------------------

static void put_group(struct encoder *e, struct buf *to)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *o = e->octets;
    char group[4] = {letters[o[0] >> 2], letters[(o[0] & 3) << 4 | o[1] >> 4],
                     letters[(o[1] & 15) << 2 | o[2] >> 6], letters[o[2] & 63]};
    if (e->octet_count < 3)
        group[3] = '=';
    if (e->octet_count < 2)
        group[2] = '=';
    add(to, group, sizeof group);
    memset(e->octets, 0, sizeof e->octets);
    e->octet_count = 0;
    e->column += 4;
    if (e->column == COLUMNS_MAX)
        end_line(e, to);
}

static void put_octets(struct encoder *e, struct slice text, struct buf *to)
{
    for (size_t i = 0; i < text.n; i++) {
        e->octets[e->octet_count++] = (unsigned char)text.p[i];
        if (e->octet_count == 3)
            put_group(e, to);
    }
}

static void pay_line_end(struct encoder *e, struct buf *to)
{
    if (e->owes_line_end)
        put_octets(e, SLICE_LIT("\r\n"), to);
    e->owes_line_end = false;
}

// ---- both ----------------------------------------------------------------------------------

void encoder_text(struct encoder *e, struct slice text, struct buf *to)
{
    if (e->encoding == ENCODING_QUOTED_PRINTABLE) {
        quote(e, text, to);
        return;
    }
    pay_line_end(e, to);
    put_octets(e, text, to);
}

void encoder_line_end(struct encoder *e, struct buf *to)
{
    if (e->encoding == ENCODING_QUOTED_PRINTABLE) {
        flush_blank(e, to);
        end_line(e, to);
        return;
    }
    pay_line_end(e, to);
    e->owes_line_end = true;
}

void encoder_end(struct encoder *e, bool is_line_end_content, struct buf *to)
{
    flush_blank(e, to);
    if (is_line_end_content)
        pay_line_end(e, to);
    e->owes_line_end = false;
    if (e->octet_count > 0)
        put_group(e, to);
    if (e->column > 0)
        end_line(e, to);
}
