// SPDX-License-Identifier: BSD-2-Clause
// listing: the queue as text, in the formats that people and scripts read. Pure.
//
// Call listing_begin once, listing_row for each message in order, listing_end once; each adds text.
// The formats are those of the manual: Postfix's short-id text, a table, sendmail's text, CSV, and
// JSON with the members of `postqueue -j` first and in their order.
//
// Where `to` has no room for a row, nothing is added and nothing counted: to->n is unchanged (a row
// is never empty). Send what is there, reset the buffer and call again. Strangers' text is escaped.
#ifndef FP_CONTROL_LISTING_H
#define FP_CONTROL_LISTING_H

#include "core/buf.h"
#include "core/message.h"

enum listing_format {
    LISTING_TABLE,
    LISTING_POSTFIX,
    LISTING_SENDMAIL,
    LISTING_JSON,
    LISTING_JSONL,
    LISTING_CSV,
    LISTING_FORMATS
};
bool listing_format_parse(const char *name, enum listing_format *ret);

// What the spool does not say about a recipient: the running daemon's view of it.
struct listing_recipient {
    const struct recipient *rcpt;
    bool is_active;          // an attempt is under way
    bool waits_for_resume;   // suspended without end
    int64_t next_attempt_ms; // latest of its own, its destination's rest, a suspension's end;
                             // TIME_NEVER: when flushed, or resumed
    int64_t expires_ms;      // by today's rules; 0: not while it is held or suspended
    const char *held_why;    // why it is held; NULL: it is not, or nobody said
    const char *reason;      // its last reply, or why its destination rests; "" none
    const char *status;      // last status, "" none
    const char *host;        // last host
};
struct listing_row {
    const struct message *message;
    const struct listing_recipient *rcpts;
    uint32_t rcpt_count;
};

struct listing {
    enum listing_format format;
    int64_t now_ms;
    int utc_offset_s;
    bool is_filtered;         // not the whole queue was asked for; set behind listing_init
    uint64_t messages, bytes; // counted by listing_row
};
void listing_init(struct listing *l, enum listing_format format, int64_t now_ms, int utc_offset_s);
void listing_begin(struct listing *l, struct buf *to);
void listing_row(struct listing *l, const struct listing_row *row, struct buf *to);
void listing_end(struct listing *l, struct buf *to);

// "queued" "deferred" "active" "held"
const char *listing_state(const struct listing_recipient *r);

// One message for `show`: envelope, states, reasons.
void listing_show(const struct listing_row *row, int64_t now_ms, int utc_offset_s, struct buf *to);

#endif
