// SPDX-License-Identifier: BSD-2-Clause
// pool: many texts that are made one by one and released together.
//
// For a page of a listing, whose texts number thousands and live equally long: allocating each of
// them, in one thread, and freeing it in another costs more than reading it. Texts do not move. A
// pool may be handed over by assignment; what is left behind is set to POOL_EMPTY.
#ifndef FP_CORE_POOL_H
#define FP_CORE_POOL_H

#include <stddef.h>

struct pool_block;
struct pool {
    struct pool_block *last; // the one that is being filled; NULL at first
    size_t left;             // bytes of it
};
#define POOL_EMPTY ((struct pool){0})

// A copy of n bytes and a NUL behind them, which lives until pool_close.
char *pool_add(struct pool *p, const void *bytes, size_t n);
void pool_close(struct pool *p); // the pool may be used again as if new

#endif
