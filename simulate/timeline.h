// SPDX-License-Identifier: BSD-2-Clause
// timeline: what happened in a simulation, for people and programs. Pure.
//
// Things of one kind about one destination, with the same text, make one line as long as less than
// a minute lies between them. What a failing host defers counts into the line that tells of its
// failure, and what goes when an outage is over into that of its end.
#ifndef FP_SIMULATE_TIMELINE_H
#define FP_SIMULATE_TIMELINE_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum timeline_kind {
    TIMELINE_ACCEPTED, // messages came in
    TIMELINE_TURNED_AWAY,
    TIMELINE_RESTS,        // a destination's first failure
    TIMELINE_PROBE_FAILED, // and further ones
    TIMELINE_ANSWERS,      // it is well again
    TIMELINE_DELIVERED,
    TIMELINE_NOTICES, // delivered ones
    TIMELINE_DEFERRED,
    TIMELINE_REFUSED, // for good
    TIMELINE_HELD,    // for good too, and kept by the bounce brake
    TIMELINE_GAVE_UP, // too old
    TIMELINE_WARNED,
    TIMELINE_RETURNED,   // failure notices
    TIMELINE_POSTMASTER, // of notices that could not be delivered themselves
    TIMELINE_KINDS
};

struct timeline_line {
    enum timeline_kind kind;
    char *about;              // a destination, "" none
    char *text;               // the reason, "" none
    int64_t from_ms, till_ms; // since the start
    int64_t next_ms;          // RESTS, PROBE_FAILED: the next probe
    uint32_t count;           // RESTS, PROBE_FAILED: of what was deferred; ANSWERS: delivered
    uint32_t number;          // of its making
};

struct timeline_key;
struct timeline {
    struct timeline_line *lines;
    uint32_t count, size;
    struct timeline_key *keys; // which line takes what comes next
};

void timeline_close(struct timeline *t);
// next_ms as above, else 0.
void timeline_add(struct timeline *t, enum timeline_kind kind, const char *about, const char *text,
                  int64_t at_ms, int64_t next_ms);
// Brings the lines into the order of their beginning. Nothing may be added after that.
void timeline_end(struct timeline *t);

// What it all came to.
struct timeline_summary {
    uint64_t seed;
    uint32_t messages, accepted;
    uint32_t delivered, refused, gave_up; // messages of the accepted ones
    uint32_t warnings, returned;          // notices to senders
    uint32_t to_postmaster;               // about notices that failed
    uint32_t attempts;                    // of recipients, notices included
    uint32_t connections, connections_peak;
    int64_t longest_wait_ms; // of a message that was delivered
    uint64_t waiting, held;  // recipients at the end
    int64_t end_ms;          // since the start
};

const char *timeline_kind_name(enum timeline_kind kind); // for programs: "probe-failed"
void timeline_text(const struct timeline *t, struct buf *to);
void timeline_summary_text(const struct timeline_summary *s, struct buf *to);

#endif
