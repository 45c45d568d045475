// SPDX-License-Identifier: BSD-2-Clause
// rcptset: addresses in the order in which they came, each of them once. See rcptset.h.
//
// The hash has no secret: whoever makes all addresses collide gets the linear search that he would
// get without a table, over as many recipients as a message may have.
#include "receive/rcptset.h"

#include "core/fnv.h"
#include "core/must.h"

#include <stdlib.h>

enum {
    RCPTSET_FIRST_CAP = 4,
    RCPTSET_SLOTS_PER_ADDRESS = 2,
    RCPTSET_OVERHEAD = 16, // of an allocation, and what it is rounded by
};

void rcptset_init(struct rcptset *set)
{
    *set = (struct rcptset){0};
}

void rcptset_close(struct rcptset *set)
{
    if (!set)
        return;
    for (uint32_t i = 0; i < set->count; i++) {
        free(set->addresses[i]);
        if (set->orcpt)
            free(set->orcpt[i]);
    }
    free(set->notify);
    free(set->orcpt);
    free(set->addresses);
    free(set->slots);
    rcptset_init(set);
}

static size_t local_size(struct slice address)
{
    const char *at = address.n > 0 ? memrchr(address.p, '@', address.n) : NULL;
    return at ? (size_t)(at - address.p) : address.n;
}

static bool is_same(struct slice a, struct slice b)
{
    size_t local = local_size(a);
    return a.n == b.n && local == local_size(b) && memcmp(a.p, b.p, local) == 0 &&
           strncasecmp(a.p + local, b.p + local, a.n - local) == 0;
}

static uint32_t hash(struct slice address)
{
    size_t local = local_size(address);
    uint32_t h = FNV_BEGIN;
    for (size_t i = 0; i < address.n; i++)
        h = i > local ? fnv_add_lower(h, address.p[i]) : fnv_add(h, address.p[i]);
    return h;
}

// The slot that holds the address, or the free one where it belongs. There is always a free one.
static uint32_t *find_slot(const struct rcptset *set, struct slice address)
{
    uint32_t i = hash(address) & (set->slot_count - 1);
    while (set->slots[i] && !is_same(slice_str(set->addresses[set->slots[i] - 1]), address))
        i = (i + 1) & (set->slot_count - 1);
    return &set->slots[i];
}

static void grow_dsn(struct rcptset *set, uint32_t known)
{
    set->notify = must_realloc(set->notify, set->cap * sizeof *set->notify);
    set->orcpt = must_realloc(set->orcpt, set->cap * sizeof *set->orcpt);
    memset(set->notify + known, 0, (set->cap - known) * sizeof *set->notify);
    memset(set->orcpt + known, 0, (set->cap - known) * sizeof *set->orcpt);
}

static void grow(struct rcptset *set)
{
    uint32_t before = set->cap;
    set->cap = set->cap ? set->cap * 2 : RCPTSET_FIRST_CAP;
    if (set->orcpt)
        grow_dsn(set, before);
    set->addresses = must_realloc(set->addresses, set->cap * sizeof *set->addresses);
    free(set->slots);
    set->slot_count = set->cap * RCPTSET_SLOTS_PER_ADDRESS;
    set->slots = must_zalloc(set->slot_count * sizeof *set->slots);
    for (uint32_t i = 0; i < set->count; i++)
        *find_slot(set, slice_str(set->addresses[i])) = i + 1;
}

size_t rcptset_memory(const struct rcptset *set)
{
    return set->text_size + set->count * RCPTSET_OVERHEAD + set->cap * sizeof *set->addresses +
           set->slot_count * sizeof *set->slots +
           (set->orcpt ? set->cap * (sizeof *set->orcpt + sizeof *set->notify) : 0);
}

bool rcptset_has(const struct rcptset *set, struct slice address)
{
    return set->count > 0 && *find_slot(set, address) != 0;
}

bool rcptset_add(struct rcptset *set, struct slice address)
{
    if (rcptset_has(set, address))
        return false;
    if (set->count == set->cap)
        grow(set);
    set->addresses[set->count++] = must_memdup(address.p, address.n);
    set->text_size += address.n + 1;
    *find_slot(set, address) = set->count;
    return true;
}

void rcptset_set_dsn(struct rcptset *set, uint8_t notify, const char *orcpt)
{
    must(set->count > 0);
    if (!notify && !(orcpt && orcpt[0]))
        return;
    if (!set->orcpt)
        grow_dsn(set, 0);
    set->notify[set->count - 1] = notify;
    if (!orcpt || !orcpt[0])
        return;
    set->orcpt[set->count - 1] = must_strdup(orcpt);
    set->text_size += strlen(orcpt) + 1 + RCPTSET_OVERHEAD;
}
