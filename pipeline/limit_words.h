// SPDX-License-Identifier: BSD-2-Clause
// limit_words: the limits that hold for a next hop, each with the row that gives it, as listings
// show them. Pure.
#ifndef FP_PIPELINE_LIMIT_WORDS_H
#define FP_PIPELINE_LIMIT_WORDS_H

#include "control/why.h"
#include "scheduler/rules.h"

enum { LIMIT_WORDS_VALUE_SIZE = 48 };

struct limit_words {
    struct why_limit rows[LIMIT_FIELDS]; // borrow what stands below
    char values[LIMIT_FIELDS][LIMIT_WORDS_VALUE_SIZE];
    struct buf rules[LIMIT_FIELDS];
};
void limit_words_find(const struct rules *rules, const struct limit_rule *limit,
                      struct limit_words *ret);
void limit_words_close(struct limit_words *w);

#endif
