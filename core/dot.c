// SPDX-License-Identifier: BSD-2-Clause
// dot: reading what follows DATA, byte for byte, without knowing about reads. See dot.h.
//
// D1  Only the state DOT_CR followed by LF ends a message, and that state is reached only by a dot
//     directly behind a real CRLF (or as the very first octet): RFC 5321 4.1.1.4.
// D2  A leading dot is dropped only where D1 could have begun, and only when something other than a
//     line end follows it. "\r\n.\n" is a line of one dot that a bare LF ended: were its dot
//     dropped, the text would lose an octet that the sender did not stuff, and were it an end mark,
//     mail could be smuggled.
// D3  A line end is written only as a pair. When the buffer ends between CR and LF, the rest is
// held
//     and goes first at the next call; nothing is consumed before that.
#include "core/dot.h"

#include "core/dot_scan.h"
#include "core/must.h"

#include <stdint.h>

enum dot_state {
    DOT_LINE_START, // behind a real CRLF, or nothing was read yet
    DOT_IN_LINE,    // anywhere else
    DOT_CR,         // a CR is held: its LF may follow
    DOT_DOT,        // a dot at the start of a line is held
    DOT_DOT_CR,     // that dot and a CR are held: LF would be the end
};

void dot_reader_init(struct dot_reader *r)
{
    *r = (struct dot_reader){.state = DOT_LINE_START};
}

// Moves what was held over from the last call. False when some of it still does not fit.
static bool flush_held(const char **held, struct buf *to)
{
    while (*held && **held) {
        if (buf_add_byte(to, **held))
            return false;
        ++*held;
    }
    *held = NULL;
    return true;
}

static void put(struct dot_reader *r, struct buf *to, const char *text)
{
    must(!r->held);
    r->held = text;
    flush_held(&r->held, to);
}

static void count(struct dot_reader *r, size_t n)
{
    r->line_n += n;
    if (r->line_n > r->line_max)
        r->line_max = r->line_n;
}

static void end_line(struct dot_reader *r, struct buf *to, bool is_bare)
{
    put(r, to, "\r\n");
    r->has_bare |= is_bare;
    r->line_n = 0;
    r->state = is_bare ? DOT_IN_LINE : DOT_LINE_START;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void copy(struct dot_reader *r, struct slice run, struct buf *to)
{
    must(buf_add_slice(to, run) == FP_OK);
    if (!r->has_8bit)
        r->has_8bit = dot_has_high_bit(run.p, run.n);
}

// How far the octets from `at` on may be copied as they stand, `limit` at most: whole lines that
// end in CRLF and do not begin with a dot, and of the last line what comes before its end. A body
// without surprises is one copy per buffer.
static size_t plain_end(struct dot_reader *r, struct dot_scan *scan, size_t at, size_t limit)
{
    while (at < limit && (r->state == DOT_IN_LINE || scan->p[at] != '.')) {
        dot_scan_pass(scan, at);
        size_t text_end = smaller(smaller(scan->cr, scan->lf), limit);
        if (text_end > at)
            r->state = DOT_IN_LINE;
        count(r, text_end - at);
        at = text_end;
        if (scan->lf >= limit || scan->cr + 1 != scan->lf)
            break; // the buffer ends first, or a bare end: step by step
        at = scan->lf + 1;
        r->line_n = 0;
        r->state = DOT_LINE_START;
    }
    return at;
}

// One octet that does not stand at a line's start and for which nothing is held.
static void step_in_line(struct dot_reader *r, char c, struct buf *to)
{
    if (c == '\r') {
        r->state = DOT_CR;
    } else if (c == '\n') {
        end_line(r, to, true);
    } else {
        r->state = DOT_IN_LINE;
        r->has_8bit |= (c & 0x80) != 0;
        buf_add_byte(to, c); // there is room for one: dot_read looks before each step
        count(r, 1);
    }
}

// The dot that was held is the whole line, which a bare CR or LF ended (D2).
static void put_dot_line(struct dot_reader *r, struct buf *to)
{
    count(r, 1);
    put(r, to, ".\r\n");
    r->has_bare = true;
    r->line_n = 0;
    r->state = DOT_IN_LINE;
}

// True when c was used; false when it is to be looked at again in the new state.
static bool step(struct dot_reader *r, char c, struct buf *to)
{
    switch ((enum dot_state)r->state) {
    case DOT_LINE_START:
        if (c == '.') {
            r->state = DOT_DOT;
            return true;
        }
        step_in_line(r, c, to);
        return true;
    case DOT_IN_LINE:
        step_in_line(r, c, to);
        return true;
    case DOT_CR:
        end_line(r, to, c != '\n');
        return c == '\n';
    case DOT_DOT:
        if (c == '\n')
            put_dot_line(r, to);
        else
            r->state = c == '\r' ? DOT_DOT_CR : DOT_IN_LINE;
        return c == '\n' || c == '\r';
    case DOT_DOT_CR:
        if (c == '\n')
            r->is_done = true;
        else
            put_dot_line(r, to);
        return c == '\n';
    }
    must_never("a dot_reader that was not initialised");
    return true;
}

size_t dot_read(struct dot_reader *r, struct slice bytes, struct buf *to)
{
    struct dot_scan scan = dot_scan_of(bytes);
    size_t at = 0;
    while (flush_held(&r->held, to) && !r->is_done && at < bytes.n && to->n < to->max) {
        if (r->state == DOT_IN_LINE || r->state == DOT_LINE_START) {
            size_t limit = at + smaller(bytes.n - at, to->max - to->n);
            size_t end = plain_end(r, &scan, at, limit);
            if (end > at) {
                copy(r, slice_of(bytes.p + at, end - at), to);
                at = end;
                continue;
            }
        }
        if (step(r, bytes.p[at], to))
            at++;
    }
    return at;
}
