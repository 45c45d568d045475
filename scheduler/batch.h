// SPDX-License-Identifier: BSD-2-Clause
// batch: one message with some of its recipients. The scheduler's own operations on it; the value
// itself stands in scheduler.h.
#ifndef FP_SCHEDULER_BATCH_H
#define FP_SCHEDULER_BATCH_H

#include "scheduler/scheduler.h"

// The first k recipients and the body as a batch of their own; requires 0 < k < rcpt_count.
struct batch *batch_split(struct batch *b, uint32_t k);
struct recipient *batch_find_rcpt(const struct batch *b, uint32_t n); // requires that it is there
void batch_remove_rcpt(struct batch *b, struct recipient *r);         // r: one of b's

#endif
