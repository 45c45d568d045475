// SPDX-License-Identifier: BSD-2-Clause
// carrier: one conversation with a destination, between carriers.c (with a batch) and lingering.c
// (without one).
#ifndef FP_PIPELINE_CARRIER_H
#define FP_PIPELINE_CARRIER_H

#include "pipeline/nexthops.h"

struct carrier {
    uint64_t number; // for lookups
    struct session *session;
    char *destination;
    char *domain;       // whose hosts it was begun with
    uint64_t conn;      // 0: none
    uint64_t sts_check; // of the domain's policy, which it waits for; 0: it does not
    struct batch *batch;
    struct outcome *outcomes;
    bool *is_settled; // by recipient of the batch; NULL: none is; owned
    const char **addresses;
    struct nexthops nexthops;   // of the batch
    struct session_dsn *dsn;    // by recipient; NULL: none of them has any
    struct session_batch offer; // what the session borrows until BATCH_DONE
    struct body *piece;         // read from the spool, being sent
    bool uses_body;             // the batch's body is being sent
    struct waiter *reading;     // an OP_CHUNK is out
    uint32_t chunk;             // next chunk to read
    uint32_t chunk_offset;      // from there on
    uint64_t body_given;
    size_t sending; // bytes of the body asked of the spool, or given to the socket and not out
    uint32_t messages_max; // on one connection
    int64_t idle_until_ms; // TIME_NEVER while a batch is under way
    uint32_t depth;        // pumping, possibly nested
    bool is_idle, is_lingering, is_ended;
    bool is_closing; // the scheduler waits to hear that its connection is closed
    bool is_cut;     // the batch under way is not wanted any more
    struct alarm alarm;
    struct carrier *prev, *next;               // p->carriers
    struct carrier *idle_prev, *idle_next;     // idle ones of the destination
    struct carrier *linger_prev, *linger_next; // p->lingering
};

// carriers.c
void carrier_feed(struct pipeline *p, struct carrier *h, struct session_event e); // may free h
void carrier_close_connection(struct pipeline *p, struct carrier *h);

// carrier_body.c
void carrier_begin_body(struct carrier *h); // a host hears it from its beginning
// In answer to the session's NEED_BODY.
void carrier_need_body(struct pipeline *p, struct carrier *h);
void carrier_forget_piece(struct pipeline *p, struct carrier *h);   // the session has sent it
void carrier_forget_sending(struct pipeline *p, struct carrier *h); // what was sent is out
void carrier_forget_body(struct pipeline *p, struct carrier *h);    // all of it

// carrier_decided.c
// The recipient has its mail, and others of the batch wait for their replies.
void carrier_decided(struct pipeline *p, struct carrier *h, uint32_t i, const struct outcome *o);
// Takes those out of a batch that is over (is_settled: taken, may be NULL).
void carrier_leave_out(struct batch *b, struct outcome *outcomes, bool *is_settled);

// lingering.c
// Its batch is over: it can take another one.
void carrier_idle(struct pipeline *p, struct carrier *h);
void carrier_unidle(struct pipeline *p, struct carrier *h);
// An idle one that can take the batch, and waits no longer; NULL: there is none. first: whom the
// batch begins with.
struct carrier *carrier_take_idle(struct pipeline *p, const struct batch *b,
                                  const struct target *first);
// Its batch is over, be it idle or saying goodbye: it is one of those that have a bound.
void carrier_linger(struct pipeline *p, struct carrier *h);
void carrier_unlinger(struct pipeline *p, struct carrier *h);
// An idle one says goodbye; may free h.
void carrier_quit(struct pipeline *p, struct carrier *h);
// Its connection is closed, or will never be: the scheduler hears of it if it waits for that.
void carrier_note_closed(struct pipeline *p, struct carrier *h);

#endif
