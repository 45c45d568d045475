// SPDX-License-Identifier: BSD-2-Clause
// pattern_chain: rows of a table that have the same pattern, and say by something else for whom
// they are. They hang together in a chain, the most exact first; the index knows the chain by the
// row of it that was written first. Pure.
//
//     pattern_chain_build(&chain, &index, &rows);
//     while (pattern_walk_next(&w, &first))
//         for (uint32_t i = chain.first[first]; i != PATTERN_CHAIN_END; i = chain.next[i])
#ifndef FP_CORE_PATTERN_CHAIN_H
#define FP_CORE_PATTERN_CHAIN_H

#include "core/pattern.h"

#define PATTERN_CHAIN_END UINT32_MAX

// By row; owned. Zeroed there is none.
struct pattern_chain {
    uint32_t *first, *next;
};

struct pattern_chain_rows {
    const void *rows;
    uint32_t count;
    const char *(*pattern_of)(const void *rows, uint32_t row); // NULL: it has none
    // Of the same pattern: does a stand before b? The first of two equal ones does.
    bool (*is_before)(const void *rows, uint32_t a, uint32_t b);
};
// Adds the patterns to the index, which borrows them, and makes the chain anew.
void pattern_chain_build(struct pattern_chain *c, struct pattern_index *x,
                         const struct pattern_chain_rows *rows);
void pattern_chain_close(struct pattern_chain *c);

#endif
