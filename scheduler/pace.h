// SPDX-License-Identifier: BSD-2-Clause
// pace: how many conversations a destination is given at once, and how fast messages begin. Pure.
//
// The number that is allowed moves between one and the limit of the rules:
// - it begins at PACE_FIRST, behind an outage at PACE_AGAIN, and grows by one with each success,
//   that is, doubles with each round (slow start);
// - a host that has enough of it (421, a reply that speaks of a rate, a connection that fails while
//   others work) takes it back to what was right before, or else halves it; from then on it grows
//   by one a round, and where it was refused already by one in PACE_ROUNDS, until it is at the
//   limit; the message it happened to is tried again in PACE_RETRY_MS, as nothing is wrong with it;
// - when nothing works any more, PACE_MISSES in a row, there is nothing to be lowered: the
//   destination is to rest.
//
// A rate, so many messages in so much time, is kept by spacing their beginnings evenly: never more
// than that in any such time, and no bursts that a host would count differently.
#ifndef FP_SCHEDULER_PACE_H
#define FP_SCHEDULER_PACE_H

#include "scheduler/rules.h"

enum {
    PACE_FIRST = 5,
    PACE_AGAIN = 2,
    PACE_ROUNDS = 50,          // of success, until what was too much is tried again
    PACE_MISSES = 10,          // failures in a row, and it does not work any more
    PACE_RETRY_MS = 30 * 1000, // when a message is tried again for which it was too much
};

struct pace {
    int64_t interval_us; // between two beginnings; 0: no rate
    int64_t next_us;     // when the next one may begin
    uint32_t successes;  // so far; wraps
    uint32_t lowered;    // how often; an attempt that began before the last time says nothing new
    uint16_t limit;      // by the rules; 0: not looked up yet
    uint16_t allowed;    // of it, now
    uint16_t proven;     // so many were right for a whole round, and one more was not; 0: none were
    uint16_t misses;     // failures since the last success, at most UINT16_MAX
    uint32_t round;      // successes since it last grew, while it grows slowly
    bool is_careful;     // was lowered, and has not been at the limit since
    bool has_worked;     // some success since it last rested
    bool has_grown;      // by a whole round, since it was lowered
};

// What an attempt remembers of its beginning.
struct pace_mark {
    uint32_t successes;
    uint32_t lowered;
};

void pace_set_limit(struct pace *p, const struct limit_rule *rule);
// The host answers again.
void pace_begin_again(struct pace *p);
void pace_started(struct pace *p, int64_t now_ms, struct pace_mark *ret);
void pace_success(struct pace *p);
// The host had enough. others: conversations with it that go on. False: nothing works, it is to be
// left alone.
bool pace_lower(struct pace *p, const struct pace_mark *began, uint32_t others);
// It said so about a message, while the conversation went on: never a reason to rest.
void pace_slow_down(struct pace *p, const struct pace_mark *began);

// May another conversation begin beside so many? At the earliest at pace_next_ms.
bool pace_has_room(const struct pace *p, uint32_t running);
int64_t pace_next_ms(const struct pace *p); // 0: now
// When a message may begin by the rate that goes behind so many others; 0: there is no rate.
int64_t pace_turn_ms(const struct pace *p, uint32_t before, int64_t now_ms);

#endif
