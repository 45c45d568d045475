// SPDX-License-Identifier: BSD-2-Clause
// account: an account of recipients, in the queue or not: what was tried, what holds them, what
// comes, out of what the spool says and today's rules. Pure; used by the running daemon and without
// one, which differ in what they know of the moment (hold).
#ifndef FP_PIPELINE_ACCOUNT_H
#define FP_PIPELINE_ACCOUNT_H

#include "control/why.h"
#include "pipeline/explain.h"

struct account {
    const struct explain *explain;
    int64_t uid;              // >= 0: only of mail that this user submitted
    const struct op_row *row; // the message as it was read; NULL: it is not in the queue
    const struct op_history *history;
    // What holds a recipient of it at this moment; texts live until the next call.
    void (*hold)(void *arg, const struct message *m, const struct recipient *r,
                 struct why_hold *ret);
    void *arg;
};
// Adds the recipients of the history's range, in their order; w->count says how many there were.
void account_add(const struct account *a, struct why *w, struct buf *to);

#endif
