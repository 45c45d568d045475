// SPDX-License-Identifier: BSD-2-Clause
// request_target: what suspend and resume are about, out of an operator's words. Pure.
#ifndef FP_CONTROL_REQUEST_TARGET_H
#define FP_CONTROL_REQUEST_TARGET_H

#include "control/request.h"

static inline bool request_has_target(enum request_verb verb)
{
    return verb == VERB_SUSPEND || verb == VERB_RESUME;
}

// None or one word: a domain, a next hop ("smtp://relay:25"), or from=PATTERN. A pattern without @
// and * is a domain: all senders of it. FP_INVALID with a sentence; r->target is untouched then.
enum fp_err request_target_read(struct request *r, const char *const *words, size_t count,
                                struct buf *why);
// The value of --for; NULL: it is missing.
enum fp_err request_target_read_for(struct request_target *t, const char *value, struct buf *why);
// Is the request complete and sensible? As request_check.
enum fp_err request_target_check(const struct request *r, struct buf *why);

#endif
