// SPDX-License-Identifier: BSD-2-Clause
// blocked: what is wrong here and holds mail up, for the log and for `stats`. Pure.
//
//     if (blocked_begin(b, kind, destination, why, now)) say it loudly
//     if (blocked_end(b, kind, destination, now)) say that it is over
//
// Something is *begun* at every failure that it causes and *ended* by the first attempt that shows
// it is over. A cause that comes and goes is loud once an hour at most: (L1) blocked_begin is true
// only when BLOCKED_QUIET_MS have passed since it was last true for the same, and blocked_end only
// behind a blocked_begin that was. What was not met for that long, as no mail came near it, begins
// anew.
#ifndef FP_PIPELINE_BLOCKED_H
#define FP_PIPELINE_BLOCKED_H

#include "core/outcome.h"

enum {
    BLOCKED_MAX = 64, // kept; what was heard of last stays
    BLOCKED_QUIET_MS = 60 * 60 * 1000,
};

struct blocked;
struct blocked *blocked_new(void);
void blocked_free(struct blocked *b); // NULL is fine

// destination: "" where it is about all of them. why: what was said, "" for nothing more.
bool blocked_begin(struct blocked *b, enum outcome_blocked kind, const char *destination,
                   const char *why, int64_t now_ms);
bool blocked_end(struct blocked *b, enum outcome_blocked kind, const char *destination,
                 int64_t now_ms);
uint32_t blocked_count(const struct blocked *b); // under way

// Texts are borrowed until the next blocked_begin.
struct blocked_view {
    enum outcome_blocked kind;
    const char *destination, *why;
    int64_t since_ms, last_ms;
};
uint32_t blocked_list(const struct blocked *b, struct blocked_view *rows, uint32_t max);
// Also of one that is over, as long as it is remembered; NULL.
const char *blocked_why(const struct blocked *b, enum outcome_blocked kind,
                        const char *destination);

#endif
