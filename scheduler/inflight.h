// SPDX-License-Identifier: BSD-2-Clause
// inflight: the recipients that the scheduler has in its hands (D1).
//
// Looked up by (message, n). A recipient is here from when it enters a window until its outcome is
// committed; one that settled while a page of its domain was being read lingers until that page has
// ended, because the page may have been read before the commit.
#ifndef FP_SCHEDULER_INFLIGHT_H
#define FP_SCHEDULER_INFLIGHT_H

#include "core/hash.h"

#include <stdint.h>

struct batch;

enum inflight_phase {
    INFLIGHT_WAITING,   // in a window, part of `batch`
    INFLIGHT_ACTIVE,    // started, not settled
    INFLIGHT_LINGERING, // settled or dropped; in its domain's list until the page has ended
};

struct inflight {
    struct inflight_key {
        uint64_t message, n; // n wider than it is: no padding in what is hashed
    } key;
    enum inflight_phase phase;
    union {
        struct batch *batch;   // WAITING
        struct inflight *next; // LINGERING
    };
    UT_hash_handle hh;
};

// The table is uthash's head: NULL when empty.
struct inflight *inflight_find(struct inflight *table, uint64_t message, uint32_t n);
// Requires that it is not in yet. batch: the window's batch (WAITING), or NULL (LINGERING).
struct inflight *inflight_add(struct inflight **table, uint64_t message, uint32_t n,
                              struct batch *batch);
void inflight_remove(struct inflight **table, struct inflight *f); // frees f
void inflight_close(struct inflight **table);

#endif
