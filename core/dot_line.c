// SPDX-License-Identifier: BSD-2-Clause
// dot: text from standard input into clean lines, and clean lines out with their dots doubled. See
// dot.h.
#include "core/dot.h"

#include "core/dot_scan.h"
#include "core/must.h"

enum line_state { LINE_TEXT, LINE_CR };

void line_reader_init(struct line_reader *r, bool ends_at_dot)
{
    *r = (struct line_reader){.state = LINE_TEXT, .ends_at_dot = ends_at_dot};
}

static bool flush_held(struct line_reader *r, struct buf *to)
{
    while (r->held && *r->held) {
        if (buf_add_byte(to, *r->held))
            return false;
        r->held++;
    }
    r->held = NULL;
    return true;
}

static void end_line(struct line_reader *r, struct buf *to)
{
    r->state = LINE_TEXT;
    if (r->line_is_dot) {
        r->is_done = true;
        return;
    }
    r->held = "\r\n";
    if (to->max - to->n >= 2) {
        must(buf_add(to, r->held, 2) == FP_OK);
        r->held = NULL;
    } else {
        flush_held(r, to);
    }
    r->line_n = 0;
}

// Text up to the next line end, as far as there is room.
static size_t copy_text(struct line_reader *r, struct dot_scan *scan, size_t at, struct buf *to)
{
    dot_scan_pass(scan, at);
    size_t end = scan->cr < scan->lf ? scan->cr : scan->lf;
    size_t room = to->max - to->n;
    size_t run = end - at < room ? end - at : room;
    const char *p = scan->p + at;
    r->has_8bit = r->has_8bit || dot_has_high_bit(p, run);
    must(buf_add(to, p, run) == FP_OK);
    r->line_n += run;
    r->line_max = r->line_n > r->line_max ? r->line_n : r->line_max;
    return run;
}

// Takes at least one octet, or writes what was held.
static size_t step(struct line_reader *r, struct dot_scan *scan, size_t at, struct buf *to)
{
    char c = scan->p[at];
    if (r->state == LINE_CR) {
        end_line(r, to);
        return c == '\n' ? 1 : 0;
    }
    if (c == '\r') {
        r->state = LINE_CR;
        return 1;
    }
    if (c == '\n') {
        end_line(r, to);
        return 1;
    }
    if (r->line_is_dot) {
        r->line_is_dot = false;
        r->line_n = 1;
        r->held = ".";
        flush_held(r, to);
        return 0;
    }
    if (c == '.' && r->line_n == 0 && r->ends_at_dot) {
        r->line_is_dot = true;
        return 1;
    }
    return copy_text(r, scan, at, to);
}

size_t line_read(struct line_reader *r, struct slice bytes, struct buf *to)
{
    struct dot_scan scan = dot_scan_of(bytes);
    size_t at = 0;
    while (flush_held(r, to) && !r->is_done && at < bytes.n && to->n < to->max)
        at += step(r, &scan, at, to);
    return at;
}

bool line_read_end(struct line_reader *r, struct buf *to)
{
    if (!flush_held(r, to))
        return false;
    if (!r->is_done && (r->state == LINE_CR || r->line_n > 0 || r->line_is_dot))
        end_line(r, to);
    r->is_done = true;
    return r->held == NULL;
}

void dot_writer_init(struct dot_writer *w)
{
    *w = (struct dot_writer){.at_line_start = true};
}

struct slice dot_write(struct dot_writer *w, struct slice *content)
{
    const char *p = content->p;
    size_t n = content->n;
    if (n == 0)
        return slice_of(p, 0);
    if (w->at_line_start && p[0] == '.') {
        w->at_line_start = false;
        return slice_of(p, 0);
    }
    // Dots are looked for rather than line starts: there are fewer of them, in encoded text none.
    const char *dot = memchr(p, '.', n);
    while (dot && (dot == p || dot[-1] != '\n'))
        dot = memchr(dot + 1, '.', n - (size_t)(dot - p) - 1);
    size_t size = dot ? (size_t)(dot - p) : n;
    w->at_line_start = p[size - 1] == '\n';
    *content = slice_from(*content, size);
    return slice_of(p, size);
}
