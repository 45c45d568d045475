// SPDX-License-Identifier: BSD-2-Clause
// inflight: the recipients that the scheduler has in its hands. See inflight.h.
#include "scheduler/inflight.h"

#include <stdlib.h>

struct inflight *inflight_find(struct inflight *table, uint64_t message, uint32_t n)
{
    struct inflight_key key = {message, n};
    struct inflight *f;
    HASH_FIND(hh, table, &key, sizeof key, f);
    return f;
}

struct inflight *inflight_add(struct inflight **table, uint64_t message, uint32_t n,
                              struct batch *batch)
{
    struct inflight *f = must_zalloc(sizeof *f);
    f->key = (struct inflight_key){message, n};
    f->phase = batch ? INFLIGHT_WAITING : INFLIGHT_LINGERING;
    f->batch = batch;
    HASH_ADD(hh, *table, key, sizeof f->key, f);
    return f;
}

void inflight_remove(struct inflight **table, struct inflight *f)
{
    HASH_DEL(*table, f);
    free(f);
}

void inflight_close(struct inflight **table)
{
    struct inflight *f, *next;
    HASH_ITER(hh, *table, f, next)
    {
        inflight_remove(table, f);
    }
}
