// SPDX-License-Identifier: BSD-2-Clause
// suspensions: all that operators have suspended, and whether one of them holds something. Pure.
//
// They are made by hand and few, so finding one is a walk over them; who asks for each message asks
// suspensions_has first.
#ifndef FP_SCHEDULER_SUSPENSIONS_H
#define FP_SCHEDULER_SUSPENSIONS_H

#include "core/suspension.h"

struct suspensions {
    struct suspension *rows; // owned
    uint32_t count;
    uint32_t by_kind[SUSPENSION_KINDS]; // how many there are
};

void suspensions_close(struct suspensions *all);

// Replaces the one of the same kind and name; the row is copied.
void suspensions_put(struct suspensions *all, const struct suspension *row);
// False: there was none.
bool suspensions_remove(struct suspensions *all, enum suspension_kind kind, const char *name);
const struct suspension *suspensions_find(const struct suspensions *all, enum suspension_kind kind,
                                          const char *name);
static inline bool suspensions_has(const struct suspensions *all, enum suspension_kind kind)
{
    return all->by_kind[kind] > 0;
}
// The first one, in the order of their making, whose pattern fits that sender; "" is the null
// sender, and its pattern.
const struct suspension *suspensions_find_sender(const struct suspensions *all, const char *sender);
// Which one holds mail of that sender to that domain and next hop, the one that ends last; NULL
// when none does. Strings may be NULL.
const struct suspension *suspensions_holding(const struct suspensions *all, const char *destination,
                                             const char *domain, const char *sender);
// One that has come to its end by now; NULL when there is none. And when the next one will:
// TIME_NEVER when none ever does.
const struct suspension *suspensions_find_over(const struct suspensions *all, int64_t now_ms);
int64_t suspensions_next_end(const struct suspensions *all);

#endif
