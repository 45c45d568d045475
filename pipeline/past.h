// SPDX-License-Identifier: BSD-2-Clause
// past: what the spool's history says about mail that has left the queue, for those who may hear
// it. Pure; used by the running daemon and without one.
#ifndef FP_PIPELINE_PAST_H
#define FP_PIPELINE_PAST_H

#include "control/gone.h"
#include "queue/op.h"

struct gone past_end(const struct op_end *e); // borrows its texts
// May that user (-1: an operator) hear of some of it?
bool past_may_hear(const struct op_history *h, int64_t uid);
// What is said to who names a message that is not there, or of which nothing is selected by
// such a filter.
void past_sentence(const struct op_history *h, int64_t uid, const struct filter *filter,
                   int utc_offset_s, struct buf *to);

#endif
