// SPDX-License-Identifier: BSD-2-Clause
// column: putting harmless text into columns, fast. Pure.
//
// A listing of a million messages spends its time here, so nothing on this way is formatted twice.
// The writer remembers that its buffer was full; who began a row takes it back then (column_undo).
#ifndef FP_CONTROL_COLUMN_H
#define FP_CONTROL_COLUMN_H

#include "core/buf.h"

#include <stdint.h>

struct column {
    struct buf *to;
    size_t began; // to->n when the row was begun
    bool is_full; // something did not fit
};

struct column column_begin(struct buf *to);
// Removes what was added since column_begin where something did not fit. Says whether the row
// stands.
bool column_commit(struct column *c);

void column_add(struct column *c, struct slice s);
void column_str(struct column *c, const char *s);
void column_text(struct column *c, const char *s); // a stranger's text, escaped (core/text)
void column_blanks(struct column *c, size_t n);
void column_number(struct column *c, uint64_t n, size_t width);  // right-aligned
void column_left(struct column *c, const char *s, size_t width); // left-aligned, padded
// Pads what was added since c->to->n was `from`, to that width, and moves it to the right for
// column_shift.
void column_pad(struct column *c, size_t from, size_t width);
void column_shift(struct column *c, size_t from, size_t width);
// "2026-11-21T23:40+01:00", or "-" for a time that is not known (0, TIME_NEVER). The exact one has
// seconds, "23:40:12"; that of near ones those that are less than ten minutes away.
void column_time(struct column *c, int64_t ms, int utc_offset_s);
void column_time_exact(struct column *c, int64_t ms, int utc_offset_s);
void column_time_near(struct column *c, int64_t ms, int64_t now_ms, int utc_offset_s);
bool column_is_near(int64_t ms, int64_t now_ms);
void column_time_utc(struct column *c, int64_t ms); // "2026-11-21T22:40:00Z", or nothing
void column_rough(struct column *c, int64_t ms);    // "4m12s"; 0s for what is negative
// "in 4m12s", "now", "-" for TIME_NEVER.
void column_until(struct column *c, int64_t ms, int64_t now_ms);
void column_size(struct column *c, uint64_t bytes); // "414", "12K", "3M"; rounded, for people

#endif
