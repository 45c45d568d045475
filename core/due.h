// SPDX-License-Identifier: BSD-2-Clause
// due: places in the order in which mail is due, and what of a sender's mail is read there. Pure.
//
// Due mail of a domain is read in the order of next attempt, message and recipient. Where much of
// it is due, it is read by sender: of each so much, and the rest of a sender who has more is passed
// over for now, from a place that is remembered.
#ifndef FP_CORE_DUE_H
#define FP_CORE_DUE_H

#include <stdbool.h>
#include <stdint.h>

struct due_key {
    int64_t ms;       // next attempt
    uint64_t message; // at most INT64_MAX
    uint32_t n;
};

#define DUE_BEGIN ((struct due_key){INT64_MIN, 0, 0})
#define DUE_END   ((struct due_key){INT64_MAX, INT64_MAX, UINT32_MAX})

static inline bool due_is_before(const struct due_key *a, const struct due_key *b)
{
    if (a->ms != b->ms)
        return a->ms < b->ms;
    return a->message != b->message ? a->message < b->message : a->n < b->n;
}

// The place right in front of it.
static inline struct due_key due_before(struct due_key key)
{
    if (key.n > 0)
        return (struct due_key){key.ms, key.message, key.n - 1};
    if (key.message > 0)
        return (struct due_key){key.ms, key.message - 1, UINT32_MAX};
    return (struct due_key){key.ms - 1, INT64_MAX, UINT32_MAX};
}

enum { DUE_SENDERS_MAX = 16 }; // that are told apart in one reading

// One sender at one priority.
struct due_sender {
    uint32_t sender; // core/sender_key.h
    int32_t priority;
    uint32_t left;       // so many more may be taken
    struct due_key from; // behind this there is some that was passed over; DUE_END: none was
};

// How a page is read when it is not simply what is due first.
struct due_sharing {
    struct due_sender senders[DUE_SENDERS_MAX]; // those met on the way are added while there is
    uint32_t count;                             // room, those behind them are all taken
    uint32_t left_each;                         // of a sender who is added
    bool is_only;                               // all others are passed over, nobody is added
    struct due_key until;                       // and it ends with this one
};

#endif
