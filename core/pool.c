// SPDX-License-Identifier: BSD-2-Clause
// pool: many texts that are made one by one and released together. See pool.h.
#include "core/pool.h"

#include "core/must.h"

#include <stdlib.h>
#include <string.h>

enum { POOL_BLOCK_SIZE = 32 * 1024 };

struct pool_block {
    struct pool_block *next; // the one before
    char *free;              // where the next text goes
    char bytes[];
};

static struct pool_block *new_block(size_t size)
{
    struct pool_block *b = must_alloc(sizeof *b + size);
    b->free = b->bytes;
    return b;
}

// One that fits into no block gets its own, behind the one that is being filled.
static char *add_large(struct pool *p, size_t size)
{
    struct pool_block *b = new_block(size);
    if (p->last) {
        b->next = p->last->next;
        p->last->next = b;
    } else {
        b->next = NULL;
        p->last = b;
        p->left = 0;
    }
    return b->bytes;
}

static char *add_block(struct pool *p)
{
    struct pool_block *b = new_block(POOL_BLOCK_SIZE);
    b->next = p->last;
    p->last = b;
    p->left = POOL_BLOCK_SIZE;
    return b->bytes;
}

char *pool_add(struct pool *p, const void *bytes, size_t n)
{
    char *to;
    if (n + 1 > POOL_BLOCK_SIZE / 4) {
        to = add_large(p, n + 1);
    } else {
        to = n < p->left ? p->last->free : add_block(p);
        p->last->free = to + n + 1;
        p->left -= n + 1;
    }
    if (n > 0)
        memcpy(to, bytes, n);
    to[n] = '\0';
    return to;
}

void pool_close(struct pool *p)
{
    while (p->last) {
        struct pool_block *b = p->last;
        p->last = b->next;
        free(b);
    }
    *p = POOL_EMPTY;
}
