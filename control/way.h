// SPDX-License-Identifier: BSD-2-Clause
// way: what is answered to "which way would mail to this address go": the row of `route`, what the
// DNS says, and what would be tried in which order; as text for people and as JSON. Pure; out of
// plain values that borrow their texts. A stranger's text is escaped.
#ifndef FP_CONTROL_WAY_H
#define FP_CONTROL_WAY_H

#include "control/why.h"

// A record of the DNS, or its absence.
struct way_record {
    const char *value;    // "mx1.example.com", "192.0.2.1"
    uint16_t preference;  // MX
    const char *left_out; // why it is not used; NULL: it is
};
enum way_kind {
    WAY_ANSWER,
    WAY_TRY,
    WAY_NOTE, // why it goes no further there
};
struct way_step {
    enum way_kind kind;
    const char *target; // of the row, on whose behalf
    // ANSWER
    const char *name, *type; // what was asked
    const char *canonical;   // what the name is an alias of; NULL: of nothing
    const char *failure;     // "no such name"; NULL: there are records
    bool is_temporary;       // that may be otherwise next time
    uint32_t ttl_s;          // 0: not known
    bool is_cached, is_secure;
    const struct way_record *records;
    uint32_t record_count;
    // TRY
    const char *where;    // "mx1.example.com[192.0.2.1]:25", a path, a command
    const char *protocol; // "smtp", "smtps", "lmtp", "maildir", "pipe"
    const char *tls;      // the policy; NULL: it has none
    const char *tls_rule; // which row gives it
    const char *user;     // we authenticate as; NULL: nobody
    // NOTE
    const char *status, *text;
    bool is_final; // the mail would be given back for it, if there were nothing else
};

struct way {
    const char *address;
    const char *sender;  // NULL: anybody
    const char *row;     // 'route "*", FILE:LINE'; NULL: no row fits
    const char *targets; // of the row, as they are written
    const char *site;    // the host that takes the domain's mail, where rows speak of one; NULL
    const char *destination;
    const char *state; // "open", "resting", "probing", "suspended"; NULL: not known
    const char *reason;
    int64_t until_ms;           // 0: not known
    const struct why_hop *hops; // of its list, passed over for the moment
    uint32_t hop_count;
    const struct why_limit *limits;
    uint32_t limit_count;
    const char *schedule, *schedule_rule; // NULL: nothing is ever tried
    const struct way_step *steps;
    uint32_t step_count;
    bool is_cut;        // there are more addresses than one attempt goes to
    const char *end;    // in a sentence: what becomes of the mail
    const char *result; // the same for programs: "tried", "delivered", "deferred", "failed"
};

void way_text(const struct way *w, int64_t now_ms, int utc_offset_s, struct buf *to);
void way_json(const struct way *w, struct buf *to); // one object, and a line end

#endif
