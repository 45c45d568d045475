// SPDX-License-Identifier: BSD-2-Clause
// explain: what the spool does not say about a recipient, from today's rules and its destination's
// health: the next attempt that counts, the reason that is shown, when it is given up. Pure.
//
// Used by the running daemon and by `list`, `show` and `stats` without one; they differ only in
// whom they ask.
#ifndef FP_PIPELINE_EXPLAIN_H
#define FP_PIPELINE_EXPLAIN_H

#include "config/config.h"
#include "control/listing.h"
#include "queue/op.h"
#include "scheduler/scheduler.h"
#include "scheduler/suspensions.h"

// A destination that is not healthy. A row may have recipients to several, so the texts of one are
// to live on when another one is asked about.
struct explain_health {
    int64_t last_probe_ms, rest_until_ms;
    const char *status, *text; // why; NULL when that is not known
};

struct explain {
    const struct config *config;
    void *arg;
    bool (*health)(void *arg, const char *destination,
                   struct explain_health *ret); // false: healthy or unknown
    // The host that takes the domain's mail, where a row names it; NULL: nobody can tell.
    const char *(*site)(void *arg, const char *domain);
    enum sched_place (*place)(void *arg, uint64_t message, uint32_t n); // of a recipient
    int64_t now_ms;
    const struct suspensions *suspensions; // NULL: none
};

// What an operator has suspended that keeps the recipient from being tried; NULL: nothing.
const struct suspension *explain_suspended(const struct explain *x, const struct message *m,
                                           const struct recipient *r);

// Fills rcpts[0..row->rcpt_count); the texts live as long as the row, the suspensions and
// those of the health.
void explain_row(const struct explain *x, const struct op_row *row,
                 struct listing_recipient *rcpts);

// Who chose the time of the next attempt behind a failure, in words: 'retry "*", FILE:LINE', "what
// the reply asks for", "the most that is heard of a reply, 2h: the default".
struct explain_choice {
    struct rule_question question;
    uint32_t failures; // in a row, of the recipient or its destination, this one included
    struct slice reply;
    bool is_rest; // the destination rests: its clock decides, not the recipient's
};
void explain_choice(const struct rules *rules, const struct explain_choice *c, struct buf *to);

// Adds a piece of a stored body, with the line ends that terminals and files have here.
void explain_content(struct slice content, struct buf *to);

#endif
