// SPDX-License-Identifier: BSD-2-Clause
// senders: the batches of a destination's window, by priority and sender, and whose turn it is.
//
// A *line* is what one sender (core/sender_key.h: all of a mailing is one) has waiting at one
// priority, oldest first. The lines of a *class*, that is of a priority, take turns: one start each
// (D6). Between classes the highest goes first, but one that is passed over rises: after
// SENDERS_RISE starts it counts as one priority higher, and so on until it has its turn (D7). So a
// class that is k below the highest gets one start of k * SENDERS_RISE + 1 while that has mail.
//
// There are no more than 19 classes, so that whose turn it is costs O(1). Nothing is allocated for
// a destination without mail in its window.
#ifndef FP_SCHEDULER_SENDERS_H
#define FP_SCHEDULER_SENDERS_H

#include "scheduler/list.h"

#include <stdint.h>

struct batch;
struct destination;

enum {
    SENDERS_RISE = 10,
    SENDERS_HIGHEST = 9,       // priorities go from its negative to it
    SENDERS_BUCKETS = 1 << 12, // for as many lines as there may be batches in windows
};

struct sender_class {
    struct sender_class *lower; // the next
    struct list lines;          // by turn
    int32_t priority;
    uint32_t waited; // starts of others since its last, or since it came up
};

struct sender_line {
    struct sender_line_key {
        struct destination *destination;
        uint32_t sender; // core/sender_key.h
        int32_t priority;
    } key;
    struct sender_line *next_in_bucket;
    struct list in_class;
    struct sender_class *class;
    struct batch *first, *last;
    uint32_t rcpts; // of its batches
    uint32_t paged; // those of them that came out of pages
    bool is_lane;   // more of it is in the spool (backlog.h)
};

// All lines of all destinations; zeroed when there are none.
struct sender_lines {
    struct sender_line *buckets[SENDERS_BUCKETS];
};

// Of one destination; zeroed when nothing waits.
struct senders {
    struct sender_class *highest;
    struct sender_line *heaviest; // of those that were looked at lately; NULL: none was
};

// Behind the others of its sender.
void senders_add(struct sender_lines *lines, struct destination *d, struct batch *b);
void senders_remove(struct sender_lines *lines, struct destination *d, struct batch *b);
// n recipients of b left without it.
void senders_shrink(struct batch *b, uint32_t n);
// The batch whose turn it is; NULL when there is none. Its line goes to the end of its class.
struct batch *senders_take_turn(struct senders *senders);
// One after the other, in no order that matters: NULL begins, NULL ends.
struct batch *senders_each(const struct senders *senders, const struct batch *after);
// Who can give something up first; NULL when nothing waits. Exact after each line had a turn.
struct sender_line *senders_heaviest(const struct senders *senders);
// NULL: nothing of the sender waits at that priority.
struct sender_line *senders_find(struct sender_lines *lines, struct destination *d, uint32_t sender,
                                 int32_t priority);
// What the sender of this batch, which is in no line yet, has waiting at its priority.
uint32_t senders_load(struct sender_lines *lines, struct destination *d, const struct batch *b);

#endif
