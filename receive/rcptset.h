// SPDX-License-Identifier: BSD-2-Clause
// rcptset: addresses in the order in which they came, each of them once. Pure.
//
// Two addresses are the same when their local parts are equal octet for octet and their domains in
// lower case (RFC 5321 2.4). Looking one up costs the same with one recipient and with 100,000.
#ifndef FP_RECEIVE_RCPTSET_H
#define FP_RECEIVE_RCPTSET_H

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct rcptset {
    char **addresses; // as given; owned
    uint32_t count;
    // Of each: NOTIFY's flags and ORCPT (core/dsn.h), NULL for none. Both NULL as long as nobody
    // has any; owned.
    uint8_t *notify;
    char **orcpt;
    // inside
    size_t text_size; // bytes of the addresses with their NULs
    uint32_t cap;
    uint32_t *slots; // open addressing: index + 1 of an address, 0 where free
    uint32_t slot_count;
};

void rcptset_init(struct rcptset *set);
void rcptset_close(struct rcptset *set); // frees; the set may be used again as if new

bool rcptset_has(const struct rcptset *set, struct slice address);
size_t rcptset_memory(const struct rcptset *set); // bytes allocated, as the allocator rounds them
// False, changing nothing, when it is there already. The caller limits the count.
bool rcptset_add(struct rcptset *set, struct slice address);
// Of the one that was added last; once.
void rcptset_set_dsn(struct rcptset *set, uint8_t notify, const char *orcpt);

#endif
