// SPDX-License-Identifier: BSD-2-Clause
// settle: what an attempt's outcomes mean for each recipient. Pure; computed again on a conflict.
//
// Given what was read (message, recipients), what happened (outcomes, or nothing when a sweep looks
// at old mail), and today's rules, it decides per recipient: delivered, tried again when, failed,
// expired, warned. Warning and give-up are computed here from the message's age and never stored as
// a time.
//
// (S1) A recipient expires only after at least one real attempt (its own, or a failed probe of its
//      destination) that is not older than `epoch_ms` (daemon start, or the last jump of the
//      clock).
//      That holds for a largest number of attempts, too: the last of them was one.
// (S2) A warning is due once per warning time; several that have passed at once give one warning.
// (S3) A recipient that fails or expires is not warned about.
// (S4) In doubt is never failed by the attempt itself, only by age.
#ifndef FP_QUEUE_SETTLE_H
#define FP_QUEUE_SETTLE_H

#include "queue/op.h"

enum { SETTLE_WARN_TIMES_MAX = 8 };

// Today's rules for one recipient, as the scheduler's rule table gives them.
struct settle_rule {
    int64_t warn_after_ms[SETTLE_WARN_TIMES_MAX]; // ascending
    uint32_t warn_count;
    int64_t expire_after_ms;
    uint32_t attempts_max; // given back after so many real attempts; 0: no limit
};

struct settle_input {
    const struct recipient *rcpt;
    const struct outcome *outcome; // NULL: no attempt was made (sweep)
    const char *held_why; // a refusal is not given back but held, because of this; NULL: given back
    struct settle_rule rule;
    int64_t began_ms;            // of the attempt
    int64_t retry_at_ms;         // when deferred: next attempt by the schedule
    int64_t last_probe_ms;       // last failed probe of its destination, 0 when none
    const struct outcome *probe; // what that probe said; NULL when unknown
};

struct settle_plan {
    struct settle_change change;
    bool is_needed;  // false: nothing to store for this recipient (sweep found nothing due)
    bool is_warning; // to be named in the delay warning
    bool is_expired; // failed by age
    bool is_overdue; // by the time that its sender set
    int64_t expires_ms;
};

// What the message's DELIVERBY changes in the rule: an earlier time to give it back, or when to
// warn, which is then its sender's to say.
void settle_apply_deliver_by(struct settle_rule *rule, const struct message *m);
// RFC 5321 4.5.3.1.10: of outcomes, which are of one transaction, is the i-th of a recipient that
// the host had too many of, and did it take others? Then it wants the rest at once.
bool settle_wants_rest(const struct outcome *outcomes, uint32_t count, uint32_t i);
void settle_decide(const struct message *m, const struct settle_input *in, int64_t now_ms,
                   int64_t epoch_ms, struct settle_plan *ret);
// What is remembered of the recipient's last attempt, as far as the spool keeps it.
void settle_last_outcome(const struct recipient *r, struct outcome *ret);

#endif
