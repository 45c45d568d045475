// SPDX-License-Identifier: BSD-2-Clause
// window: the batches that are in memory, waiting to be started, and the room for them.
//
// Room is shared so that nobody can take it from the others. Fresh mail may use up to half of what
// is free when it comes: a flood for one slow destination leaves room for all others. Pages are
// asked for only while they fit. What waits for destinations that rest has at most half of all.
// What finds no room is still in the spool: its domain is noted, and it is read when there is.
//
// Within a destination room is shared among senders: when there is none for one that has little
// waiting, the one that has most gives way (D8).
#ifndef FP_SCHEDULER_WINDOW_H
#define FP_SCHEDULER_WINDOW_H

#include "scheduler/destination.h"

// Takes a FRESH or PAGE batch: what is in flight already is left out (D1), the rest enters the
// window of its destination or is noted and given back.
void window_offer(struct scheduler *s, struct batch *b, bool is_fresh);
// The batch whose turn it is (senders.h), or as much of it as one message may have recipients:
// active from now on. The body goes with what is taken; what stays reads it from the spool.
// Requires that there is one.
struct batch *window_take(struct scheduler *s, struct destination *d);
// Leaves one waiting recipient of b out; its place in the in-flight set is the caller's.
void window_drop(struct scheduler *s, struct batch *b, struct recipient *r);
// The destination begins to rest: only a little is kept, and all is noted in the directory, so that
// a flush of the domain finds it.
void window_park(struct scheduler *s, struct destination *d);
// Everything is given back, nothing noted.
void window_clear(struct scheduler *s, struct destination *d);
// Recipients to ask for in the next page; 0 when there is no room for one.
uint32_t window_page_limit(const struct scheduler *s);

#endif
