// SPDX-License-Identifier: BSD-2-Clause
// brake: stops a flood of bounces that has one cause. Pure; `now` comes with each call.
//
//     struct brake *b = brake_new();
//     for each recipient that is about to be given back for a refusal:
//         switch (brake_judge(b, &settings, &failure, now_ms)) ...
//
// A mistake of our own (a password, a block list, a policy of the relay) makes the next hop refuse
// everybody's mail, and each refusal would send one more notice. The brake counts refusals by their
// signature (bounce/signature.h). When `failures` of them came within `within_ms`, for mail of at
// least `senders` senders, it closes: that refusal and all later ones with the same signature are
// to be held for an operator instead. It opens by itself when none came for `within_ms`.
//
// That an address does not exist (5.1.x) or its mailbox is full (5.2.x) is the address's own
// trouble and happens all the time: these close the brake only when, beside the above, they came
// from as many recipient domains as `senders` asks for senders.
//
// (K1) At most BRAKE_SIGNATURES_MAX signatures are remembered; the one that was quiet longest is
//      forgotten first.
// (K2) The first failures - 1 refusals are given back as usual: nothing is held on suspicion.
#ifndef FP_BOUNCE_BRAKE_H
#define FP_BOUNCE_BRAKE_H

#include "core/outcome.h"
#include "core/slice.h"

enum {
    BRAKE_SIGNATURES_MAX = 512,
    BRAKE_FAILURES_MAX = 1000, // the largest setting
    BRAKE_SENDERS_MAX = 100,
};

struct brake_settings {
    uint32_t failures; // 0: there is no brake; at most BRAKE_FAILURES_MAX
    uint32_t senders;  // 1 or more; at most BRAKE_SENDERS_MAX
    int64_t within_ms;
};

struct brake_failure {
    const struct outcome *outcome; // OUTCOME_FAILED
    struct slice sender, rcpt;     // addresses; borrowed for the call
};

enum brake_verdict {
    BRAKE_OPEN,   // give it back
    BRAKE_CLOSES, // hold it, and say so: this one closed the brake
    BRAKE_CLOSED, // hold it
};

struct brake;
struct brake *brake_new(void);
void brake_free(struct brake *b); // NULL is fine

enum brake_verdict brake_judge(struct brake *b, const struct brake_settings *settings,
                               const struct brake_failure *failure, int64_t now_ms);

// Why a recipient is held that was refused while the brake was closed: what the spool keeps.
extern const char brake_held_why[];

#endif
