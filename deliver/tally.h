// SPDX-License-Identifier: BSD-2-Clause
// tally: what has become of each recipient of a batch so far.
//
// Outlives a connection: when the next host is asked, recipients that were refused for good are not
// asked again. A refusal of one recipient is kept for itself; whatever holds for all the others
// (the final 250, a refused MAIL, a lost connection) is kept once. Internal to the session.
#ifndef FP_DELIVER_TALLY_H
#define FP_DELIVER_TALLY_H

#include "core/outcome.h"
#include "deliver/session.h"

struct tally_rcpt {
    bool is_accepted;
    struct outcome *own; // its own word; owned; NULL: what holds for the rest holds for it
};

struct tally {
    const struct session_batch *batch; // NULL: none
    struct tally_rcpt *rcpts;          // batch->rcpt_count of them are in use
    uint32_t capacity;
    uint32_t accepted_count; // on this connection
    bool is_settled;
    struct outcome rest; // valid when is_settled
};

void tally_close(struct tally *t);
void tally_begin(struct tally *t, const struct session_batch *batch);
void tally_end(struct tally *t); // forgets the batch
void tally_restart(
    struct tally *t); // another connection: everything but lasting refusals is asked anew

bool tally_is_open(const struct tally *t, uint32_t i); // to be asked
bool tally_is_refused(const struct tally *t);          // every recipient has a refusal of its own
void tally_accept(struct tally *t, uint32_t i);
void tally_refuse(struct tally *t, uint32_t i, const struct outcome *o);
// The host's last word on an accepted recipient of its own (RFC 2033).
void tally_decide(struct tally *t, uint32_t i, const struct outcome *o);
// Addresses were checked when they came in; this is the last door before the wire. True when
// nobody is left to ask for, and all is settled.
bool tally_refuse_unspeakable(struct tally *t);
// Decides all recipients that have no refusal of their own; write into the returned outcome.
struct outcome *tally_settle(struct tally *t);

const struct outcome *tally_outcome(const struct tally *t, uint32_t i);
enum outcome_scope tally_scope(const struct tally *t); // the widest failure

#endif
