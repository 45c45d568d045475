// SPDX-License-Identifier: BSD-2-Clause
// summary: the recipients of one message taken together, as listings by message show them. Pure.
//
// State, attempts and times are a recipient's; a message has the greatest number of attempts and
// the earliest next attempt of those that are shown.
#ifndef FP_CONTROL_SUMMARY_H
#define FP_CONTROL_SUMMARY_H

#include "control/listing.h"

struct summary {
    bool is_active;          // an attempt is under way for some
    bool is_held;            // all are held
    bool is_tried;           // some were tried before
    bool waits;              // some have a reason to wait, tried or not
    uint32_t attempts;       // greatest
    int64_t next_attempt_ms; // earliest of those that are not held; TIME_NEVER when all are
    bool waits_for_resume;   // of those that are not held all are suspended without end
    int64_t expires_ms;      // earliest; TIME_NEVER when none is known
    const struct listing_recipient *last; // the one that was tried last; NULL when none was
};

struct summary summary_of(const struct listing_row *row);
const char *summary_state(const struct summary *s); // "active" "held" "deferred" "queued"
const char *
summary_queue(const struct summary *s); // Postfix's names: "active" "hold" "deferred" "incoming"

// Why that recipient is still here: what an operator or the bounce brake said who holds it, else
// what the next hop said; "" while an attempt is under way or nothing is known.
const char *summary_reason(const struct listing_recipient *r);

#endif
