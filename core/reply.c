// SPDX-License-Identifier: BSD-2-Clause
// reply: an SMTP reply as it comes in, byte by byte. See reply.h.
//
// A bare LF ends a line too: some hosts send it, and no message boundary hangs on it here, unlike
// in dot.c. A CR within a line is text. A malformed reply is complete at the end of the line that
// made it so: nothing good can follow, and waiting for more would only help a peer that means to
// hold us.
#include "core/reply.h"

#include "core/must.h"

enum reply_state {
    REPLY_CODE,      // within the three digits
    REPLY_SEPARATOR, // behind them
    REPLY_TEXT,
    REPLY_GARBAGE, // a line that is no reply, to its end
    REPLY_DONE,
};

void reply_init(struct reply_parser *p)
{
    // The text is as long as text_n says; clearing all of it for each reply would be a waste.
    p->code = 0;
    p->is_malformed = false;
    p->enhanced[0] = '\0';
    p->lines = 0;
    p->text_n = 0;
    p->text[0] = '\0';
    p->state = REPLY_CODE;
    p->digits = 0;
    p->first_code = 0;
    p->is_last = false;
    p->line_n = 0;
    p->line_code = 0;
}

bool reply_is_complete(const struct reply_parser *p)
{
    return p->state == REPLY_DONE;
}

// One to three digits without a leading zero; how many they are, or 0.
static size_t number_size(struct slice s)
{
    size_t n = 0;
    while (n < s.n && n < 4 && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    if (n == 0 || n > 3 || (n > 1 && s.p[0] == '0'))
        return 0;
    return n;
}

// class "." subject "." detail, then a blank or the end. RFC 3463 2; a class that does not agree
// with the reply code is not believed (RFC 2034 4).
static size_t enhanced_size(struct slice text, int code)
{
    if (text.n < 5 || text.p[0] != (char)('0' + code / 100) || text.p[1] != '.')
        return 0;
    if (text.p[0] != '2' && text.p[0] != '4' && text.p[0] != '5')
        return 0;
    size_t subject = number_size(slice_from(text, 2));
    size_t dot = 2 + subject;
    if (subject == 0 || dot >= text.n || text.p[dot] != '.')
        return 0;
    size_t detail = number_size(slice_from(text, dot + 1));
    size_t end = dot + 1 + detail;
    if (detail == 0 || (end < text.n && !memchr(" \t\n", text.p[end], 3)))
        return 0;
    return end;
}

static void finish(struct reply_parser *p)
{
    p->state = REPLY_DONE;
    p->text[p->text_n] = '\0';
    if (p->is_malformed)
        return;
    p->code = p->first_code;
    size_t n = enhanced_size(slice_of(p->text, p->text_n), p->code);
    must(n < sizeof p->enhanced);
    memcpy(p->enhanced, p->text, n);
    p->enhanced[n] = '\0';
}

static void fail(struct reply_parser *p)
{
    p->is_malformed = true;
    finish(p);
}

static void add_text(struct reply_parser *p, struct slice run)
{
    size_t room = REPLY_TEXT_MAX - p->text_n;
    size_t n = run.n < room ? run.n : room;
    for (size_t i = 0; i < n; i++) // a NUL would end the text for those who take it as a string
        p->text[p->text_n + i] = run.p[i] ? run.p[i] : '?';
    p->text_n += n;
}

// Three digits are there.
static void take_code(struct reply_parser *p)
{
    int code = p->line_code;
    bool is_first = p->lines == 0;
    if (is_first)
        p->first_code = code;
    if (code < 200 || code > 599 || code != p->first_code)
        p->is_malformed = true;
    p->state = p->is_malformed ? REPLY_GARBAGE : REPLY_SEPARATOR;
    if (!is_first)
        add_text(p, SLICE_LIT("\n"));
}

static void end_line(struct reply_parser *p)
{
    p->lines++;
    bool is_short = p->state == REPLY_CODE;
    if (p->state == REPLY_SEPARATOR)
        p->is_last = true; // a code alone ends the reply: RFC 5321 4.2
    if (p->text_n > 0 && p->text[p->text_n - 1] == '\r')
        p->text_n--;
    if (is_short || p->is_malformed || (!p->is_last && p->lines >= REPLY_LINES_MAX)) {
        fail(p);
    } else if (p->is_last) {
        finish(p);
    } else {
        p->state = REPLY_CODE;
        p->digits = p->line_code = 0;
        p->line_n = 0;
    }
}

// One octet of a line's head that is not LF.
static void step_head(struct reply_parser *p, char c)
{
    if (p->state == REPLY_CODE) {
        if (c < '0' || c > '9') {
            p->is_malformed = true;
            p->state = REPLY_GARBAGE;
            return;
        }
        p->line_code = p->line_code * 10 + (c - '0');
        if (++p->digits == 3)
            take_code(p);
        return;
    }
    if (c == '\r' && !p->is_last) {
        p->is_last = true; // "250\r\n": only the LF may follow
        return;
    }
    bool is_separator = !p->is_last && (c == ' ' || c == '-' || c == '\t');
    p->is_last = c != '-';
    p->is_malformed |= !is_separator;
    p->state = is_separator ? REPLY_TEXT : REPLY_GARBAGE;
}

// What stands before the next LF; how much of it was used.
static size_t step_line(struct reply_parser *p, struct slice run)
{
    size_t n = 1;
    if (p->state == REPLY_TEXT || p->state == REPLY_GARBAGE)
        n = run.n;
    if (n > REPLY_LINE_MAX - p->line_n) {
        n = REPLY_LINE_MAX - p->line_n;
        fail(p);
        return n;
    }
    p->line_n += n;
    if (p->state == REPLY_TEXT)
        add_text(p, slice_of(run.p, n));
    else if (p->state != REPLY_GARBAGE)
        step_head(p, run.p[0]);
    return n;
}

size_t reply_feed(struct reply_parser *p, struct slice bytes)
{
    size_t at = 0;
    while (at < bytes.n && p->state != REPLY_DONE) {
        const char *lf = memchr(bytes.p + at, '\n', bytes.n - at);
        size_t line_end = lf ? (size_t)(lf - bytes.p) : bytes.n;
        while (at < line_end && p->state != REPLY_DONE)
            at += step_line(p, slice_of(bytes.p + at, line_end - at));
        if (at < bytes.n && p->state != REPLY_DONE) {
            end_line(p);
            at++;
        }
    }
    return at;
}
