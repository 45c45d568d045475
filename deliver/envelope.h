// SPDX-License-Identifier: BSD-2-Clause
// envelope: the commands of one transaction in order, and which of them the next reply answers.
//
// RSET (where one is needed), MAIL, RCPT for each recipient that is open, DATA. With PIPELINING as
// many as RFC 2920 3.1 allows go out as one group, at most ENVELOPE_GROUP_MAX recipients at a time;
// without it each command is a group of its own. Replies come in the order of the commands.
#ifndef FP_DELIVER_ENVELOPE_H
#define FP_DELIVER_ENVELOPE_H

#include "core/buf.h"
#include "deliver/ehlo.h"
#include "deliver/tally.h"

enum {
    ENVELOPE_GROUP_MAX = 100,
    // Bytes of a group: 100 recipients of 254 octets with ORCPT of 500 and NOTIFY, and room.
    ENVELOPE_COMMANDS_MAX = 96 * 1024,
};

enum envelope_step { STEP_RSET, STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_END };

struct envelope_place {
    enum envelope_step step;
    uint32_t rcpt; // STEP_RCPT
};

struct envelope {
    const struct tally *tally;
    const struct ehlo_caps *caps;
    struct envelope_place sent;     // the next command to send
    struct envelope_place answered; // the command that the next reply answers
    bool is_chunked;                // there is no DATA: BDAT follows
    int64_t now_ms;                 // set behind envelope_begin
};

// Both are borrowed until the transaction is over.
void envelope_begin(struct envelope *e, const struct tally *tally, const struct ehlo_caps *caps,
                    bool needs_rset, bool is_chunked);
void envelope_add_group(struct envelope *e, struct buf *to);
bool envelope_is_answered(const struct envelope *e); // everything that was sent
void envelope_advance(struct envelope *e);           // the reply is dealt with
enum outcome_stage envelope_stage(const struct envelope *e);

// May this stand between the angle brackets of a command? Line ends must not get that far.
bool envelope_is_speakable(const char *address);

#endif
