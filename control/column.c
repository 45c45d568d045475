// SPDX-License-Identifier: BSD-2-Clause
// column: putting harmless text into columns, fast. See column.h.
#include "control/column.h"

#include "core/text.h"
#include "core/time.h"

#include <stdlib.h>

static const char blanks[] =
    "                                                                                ";

struct column column_begin(struct buf *to)
{
    return (struct column){.to = to, .began = to->n};
}

bool column_commit(struct column *c)
{
    if (!c->is_full)
        return true;
    c->to->n = c->began;
    if (c->to->p)
        c->to->p[c->began] = '\0';
    return false;
}

void column_add(struct column *c, struct slice s)
{
    if (buf_add_slice(c->to, s))
        c->is_full = true;
}

void column_str(struct column *c, const char *s)
{
    column_add(c, slice_str(s));
}

// Does one of eight octets lie outside of ' ' to '~'? What is below ' ' borrows, or is made to look
// so by a neighbour that does; DEL becomes 0x80.
static bool has_special(uint64_t octets)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    return (((octets - ' ' * ones) | (octets + ones) | octets) & 0x80 * ones) != 0;
}

// Most text is plain ASCII and needs no second look.
static bool is_plain(struct slice s)
{
    uint64_t octets;
    for (; s.n >= sizeof octets; s = slice_from(s, sizeof octets)) {
        memcpy(&octets, s.p, sizeof octets);
        if (has_special(octets))
            return false;
    }
    memset(&octets, ' ', sizeof octets);
    memcpy(&octets, s.p, s.n);
    return !has_special(octets);
}

void column_text(struct column *c, const char *s)
{
    struct slice text = slice_str(s);
    if (is_plain(text)) {
        column_add(c, text);
        return;
    }
    // Escaping writes up to four octets for one; room is asked for before, as it cannot say that it
    // failed.
    if (text.n > (c->to->max - c->to->n) / 4)
        c->is_full = true;
    else
        text_escape(text, c->to);
}

void column_blanks(struct column *c, size_t n)
{
    for (; n > sizeof blanks - 1; n -= sizeof blanks - 1)
        column_add(c, slice_of(blanks, sizeof blanks - 1));
    column_add(c, slice_of(blanks, n));
}

void column_number(struct column *c, uint64_t n, size_t width)
{
    char digits[24];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    if (sizeof digits - at < width)
        column_blanks(c, width - (sizeof digits - at));
    column_add(c, slice_of(digits + at, sizeof digits - at));
}

void column_left(struct column *c, const char *s, size_t width)
{
    struct slice text = slice_str(s);
    column_add(c, text);
    if (text.n < width)
        column_blanks(c, width - text.n);
}

void column_pad(struct column *c, size_t from, size_t width)
{
    size_t n = c->to->n - from;
    if (n < width)
        column_blanks(c, width - n);
}

void column_shift(struct column *c, size_t from, size_t width)
{
    size_t n = c->to->n - from;
    column_pad(c, from, width);
    if (n >= width || c->is_full)
        return;
    char *p = c->to->p + from;
    memmove(p + (width - n), p, n);
    memset(p, ' ', width - n);
}

static bool is_known(int64_t ms)
{
    return ms > 0 && ms != TIME_NEVER;
}

enum { TO_MINUTES = 16, TO_SECONDS = 19, ZONED_SIZE = 40 }; // of "2026-11-21T22:40:00Z"

static void add_time(struct column *c, int64_t ms, int utc_offset_s, size_t length)
{
    unsigned minutes = (unsigned)abs(utc_offset_s) / 60, hours = minutes / 60 % 100;
    char zone[] = {utc_offset_s < 0 ? '-' : '+',
                   (char)('0' + hours / 10),
                   (char)('0' + hours % 10),
                   ':',
                   (char)('0' + minutes % 60 / 10),
                   (char)('0' + minutes % 10),
                   '\0'};
    char text[ZONED_SIZE] = "-";
    if (is_known(ms)) {
        time_format_iso(ms + (int64_t)utc_offset_s * TIME_SECOND_MS, text);
        memcpy(text + length, zone, sizeof zone);
    }
    column_str(c, text);
}

void column_time(struct column *c, int64_t ms, int utc_offset_s)
{
    add_time(c, ms, utc_offset_s, TO_MINUTES);
}

void column_time_exact(struct column *c, int64_t ms, int utc_offset_s)
{
    add_time(c, ms, utc_offset_s, TO_SECONDS);
}

bool column_is_near(int64_t ms, int64_t now_ms)
{
    return ms > now_ms - 10 * TIME_MINUTE_MS && ms < now_ms + 10 * TIME_MINUTE_MS;
}

void column_time_near(struct column *c, int64_t ms, int64_t now_ms, int utc_offset_s)
{
    add_time(c, ms, utc_offset_s, column_is_near(ms, now_ms) ? TO_SECONDS : TO_MINUTES);
}

void column_time_utc(struct column *c, int64_t ms)
{
    char text[TIME_TEXT_SIZE] = "";
    if (is_known(ms))
        time_format_iso(ms, text);
    column_str(c, text);
}

// What time_format_rough adds is short, and it cannot say that it did not fit.
void column_rough(struct column *c, int64_t ms)
{
    enum { ROUGH_MAX = 32 };
    if (c->to->max - c->to->n < ROUGH_MAX)
        c->is_full = true;
    else
        time_format_rough(ms, c->to);
}

void column_until(struct column *c, int64_t ms, int64_t now_ms)
{
    if (ms == TIME_NEVER) {
        column_str(c, "-");
    } else if (ms - now_ms < TIME_SECOND_MS) {
        column_str(c, "now");
    } else {
        column_str(c, "in ");
        column_rough(c, ms - now_ms);
    }
}

void column_size(struct column *c, uint64_t bytes)
{
    static const char units[] = " KMGT";
    size_t unit = 0;
    for (; bytes >= 10000 && unit + 2 < sizeof units; unit++)
        bytes = (bytes + 512) / 1024;
    column_number(c, bytes, 0);
    if (unit > 0)
        column_add(c, slice_of(&units[unit], 1));
}
