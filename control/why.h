// SPDX-License-Identifier: BSD-2-Clause
// why: what is answered to "why is this waiting, and when is the next try": of one recipient, and
// of one destination; as text for people and as JSON. Pure; out of plain values that borrow their
// texts. A stranger's text is escaped.
//
//     for each recipient: why_recipient(&w, &r, &text);  then why_end(&w, more, note, &text);
#ifndef FP_CONTROL_WHY_H
#define FP_CONTROL_WHY_H

#include "control/column.h"
#include "control/gone.h"
#include "control/listing.h"
#include "core/outcome.h"

// What holds it now.
enum why_kind {
    WHY_ACTIVE,   // nothing: it is being tried
    WHY_HELD,     // an operator; reason
    WHY_ON_FLUSH, // mode "queue"
    WHY_SUSPENDED,
    WHY_RESTING,
    WHY_PROBING,
    WHY_BLOCKED, // a trouble of our own; reason
    WHY_STOPPED, // nothing is started for the moment; reason
    WHY_NOT_DUE,
    WHY_RATE,
    WHY_CONCURRENCY,
    WHY_FULL,
    WHY_TURN,
    WHY_NO_DAEMON,
    WHY_KINDS
};
struct why_hold {
    enum why_kind kind;
    const char *destination; // SUSPENDED: what is; NULL: not known
    const char *reason;      // NULL: none
    int64_t since_ms;        // RESTING: first failure; 0: not known
    // RESTING, SUSPENDED; RATE: an estimate of its turn; TIME_NEVER: without end
    int64_t until_ms;
    uint32_t failures;        // RESTING: in a row,
    enum outcome_class klass; // of this kind
    uint32_t before;          // RATE, CONCURRENCY, FULL, TURN: messages that go first
    bool is_in_spool;         // likewise: at least those, it is not in memory yet
    uint32_t allowed;         // CONCURRENCY, FULL
};
const char *why_kind_name(enum why_kind kind); // "resting", "not-due": as in JSON
// A part of a sentence: "its destination example.com rests until ...".
void why_hold_text(const struct why_hold *h, int64_t now_ms, int utc_offset_s, struct column *c);

struct why_try {
    uint32_t nr;
    int64_t at_ms, ended_ms, next_ms; // next: what was decided behind it; 0: to hold it
    const char *host;                 // "mx.example[192.0.2.1]:25", "" when nobody was reached
    const char *tls, *stage, *klass, *status, *reply;
    const char *rule; // who decided on next_ms
    bool in_doubt;
};

struct why_recipient {
    uint64_t message;
    const char *sender, *address;
    int64_t arrival_ms;
    uint32_t attempts;
    bool in_doubt;
    const struct why_try *tries; // those that were not the last, oldest first
    uint32_t try_count;
    bool is_queued;
    // in the queue
    const char *state; // listing_state
    struct why_hold hold;
    int64_t next_ms;       // TIME_NEVER: not known
    const char *rule;      // who chose that; "" when nobody had to: it was never tried
    int64_t warn_ms;       // 0: no warning comes any more
    int64_t expires_ms;    // 0: not while it is held, suspended or blocked
    uint32_t attempts_max; // given up after so many, too; 0: no limit
    // gone
    struct gone end;
    const char *end_status, *end_class, *end_stage, *end_tls;
};

struct why {
    bool is_json;
    int64_t now_ms;
    int utc_offset_s;
    uint64_t count; // of recipients so far
};
void why_recipient(struct why *w, const struct why_recipient *r, struct buf *to);
// Behind one recipient at least. more: how many there are that were not shown. note: a sentence
// about what was not looked at, "".
void why_end(const struct why *w, uint64_t more, const char *note, struct buf *to);

// ---- a destination -----------------------------------------------------------------------------

struct why_limit {
    const char *name;  // "connections"
    const char *value; // "20", "100/1m", "no limit"
    const char *rule;  // which row gives it
};
// A next hop of a list that is passed over for the moment.
struct why_hop {
    const char *name;
    const char *reason; // its last failure; NULL: not for everybody
    uint32_t failures;  // in a row
    int64_t until_ms;   // then it is tried first again
    bool is_probing;    // it is, at this moment
};
enum { WHY_HOPS_MAX = 16 };
struct why_destination {
    const char *asked, *name; // what was asked about; the destination that its mail goes to
    const char *route;        // the row's pattern
    const char *state;        // "open", "resting", "probing"
    struct why_hold hold;     // SUSPENDED, BLOCKED, RESTING, ON_FLUSH ...; TURN: nothing holds it
    int64_t since_ms, last_probe_ms, rest_until_ms; // 0 when healthy
    int64_t delivered_ms; // the last mail, of a domain for which none waits; 0: not known
    uint32_t failures;
    const char *status, *reply;             // of the last failure
    const char *rule;                       // who chose rest_until_ms
    uint32_t running, connections, allowed; // allowed 0: not looked up
    const struct why_hop *hops;
    uint32_t hop_count;
    const struct why_limit *limits;
    uint32_t limit_count;
    uint64_t waiting, due; // open recipients; those that are due by their own schedule
    int64_t first_ms;      // next attempt of the first of them; TIME_NEVER: none
    uint32_t in_memory;    // messages
};
void why_destination(const struct why *w, const struct why_destination *d, struct buf *to);

// A sentence: "smtp://a.example rests until ..., it has failed twice in a row: ...".
void why_hop_text(const struct why_hop *h, int64_t now_ms, int utc_offset_s, struct column *c);
// A member of an object: the list of them.
void why_hops_json(const struct why_hop *hops, uint32_t count, struct column *c);

// Private to why*.c.
void why_recipient_json(const struct why *w, const struct why_recipient *r, struct column *c);
void why_destination_json(const struct why_destination *d, struct column *c);

#endif
