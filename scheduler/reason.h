// SPDX-License-Identifier: BSD-2-Clause
// reason: why a destination rests, remembered in as many bytes as were said.
//
// A struct outcome has room for the longest reply, nearly a kilobyte; when our own network fails,
// every destination rests at once, and there may be a hundred thousand of them.
#ifndef FP_SCHEDULER_REASON_H
#define FP_SCHEDULER_REASON_H

#include "core/outcome.h"

struct reason;

struct reason *reason_new(const struct outcome *o);
void reason_free(struct reason *r); // NULL is fine

// Outcomes that were shown to the caller; they live until reasons_release.
struct reasons {
    struct reason_shown *first;
};
const struct outcome *reasons_show(struct reasons *all, struct reason *r); // NULL for NULL
void reasons_release(struct reasons *all);

#endif
