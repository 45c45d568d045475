// SPDX-License-Identifier: BSD-2-Clause
// whole: a message that is there as a whole goes through prepare.
#ifndef FP_TESTS_RECEIVE_WHOLE_H
#define FP_TESTS_RECEIVE_WHOLE_H

#include "receive/prepare.h"

static inline enum fp_err whole_answer(struct prepare *p, struct buf *out)
{
    static const struct prepare_facts facts = {.full_name = "", .now_ms = 1795304400000};
    struct prepare_lacks lacks;
    return prepare_asks(p, &lacks) ? prepare_answer(p, &facts, out) : FP_OK;
}

static inline enum fp_err whole_prepare(struct prepare *p, struct slice in, struct buf *out)
{
    enum fp_err err = FP_OK;
    while (!err && in.n > 0 && !prepare_is_done(p)) {
        err = prepare_feed(p, &in, out);
        if (!err)
            err = whole_answer(p, out);
    }
    if (!err)
        err = prepare_end(p, out);
    return err ? err : whole_answer(p, out);
}

#endif
