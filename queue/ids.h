// SPDX-License-Identifier: BSD-2-Clause
// ids: queue ids, in order of arrival and never twice.
//
// An id is a count of 16 µs ticks since the epoch, max(now, last + 1), 48 bits (enough until 2112).
// The spool stores a high-water mark ahead of the ids in use, in the transaction that first needs
// it, so that an id can never come back after a restart, a deletion or a clock set back.
#ifndef FP_QUEUE_IDS_H
#define FP_QUEUE_IDS_H

#include <stdint.h>

enum { IDS_TICK_US = 16, IDS_BLOCK = 1 << 20 }; // the mark is raised by a block (16.8 s of ticks)

struct ids {
    uint64_t last;
};

// high_water: what the spool says at start (store_id_high_water); ids begin above it.
void ids_init(struct ids *ids, uint64_t high_water);
uint64_t ids_next(struct ids *ids, int64_t now_ms);
// The id that a message arriving at now_ms would have: for purging by age.
uint64_t ids_at(int64_t now_ms);
// And the other way round: when an id was given, where the clock was right.
int64_t ids_time(uint64_t id);

#endif
