// SPDX-License-Identifier: BSD-2-Clause
// plan: what will be tried when, by destination: the answer of `plan`. Pure.
#ifndef FP_CONTROL_PLAN_H
#define FP_CONTROL_PLAN_H

#include "control/why.h"

struct plan_row {
    const char *destination;
    uint64_t recipients;       // due within the time
    int64_t first_ms, last_ms; // by their own schedules
    struct why_hold hold;      // what delays them; WHY_TURN: nothing
    int64_t rest_until_ms;     // of their destination, while they are suspended, too; 0: none
    uint32_t rate_count;       // at most so many messages
    int64_t rate_ms;           // in so much time; 0: no rate
    uint32_t connections;      // at once, by the rules
};
struct plan {
    int64_t now_ms, for_ms;
    int utc_offset_s;
    const struct plan_row *rows; // in the order in which they are to be shown
    uint32_t row_count;
    uint64_t recipients, destinations; // all of them, shown or not
    const char *note;                  // a sentence about all of it, NULL: none
};

// When the first and the last of them are tried at the earliest: not before a rest or a suspension
// is over, nor faster than the rate allows if each is a message of its own. TIME_NEVER: that has no
// end.
int64_t plan_first(const struct plan_row *row);
int64_t plan_last(const struct plan_row *row, int64_t now_ms);
// How long they take at the rate, if each is a message of its own; 0: there is none.
int64_t plan_takes(const struct plan_row *row);

void plan_format(const struct plan *p, struct buf *to);
void plan_json(const struct plan *p, struct buf *to);

#endif
