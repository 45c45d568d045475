// SPDX-License-Identifier: BSD-2-Clause
// pipeline: the one place that knows all rooms, and the way of the data through them. Pure.
//
//     p = pipeline_new(&options);
//     pipeline_feed(p, &event);
//     while (pipeline_pull(p, &effect)) execute(&effect);
//     arm one timer for pipeline_deadline(p), then feed PIPELINE_TIMER
//
// Two drivers execute its effects: the libuv shell (daemon/shell_uv) and the simulation
// (simulate/), which has a virtual clock and scripted hosts, and the real spool.
//
// Connections have numbers: those that come in are numbered by the driver (odd), those that go out
// by the pipeline (even). After CLOSE of a connection no effect names it any more, and events that
// still name it are ignored.
//
// (L1) Everything an effect points at lives until the next pipeline_feed; a STORE's op is the
//      driver's, until it comes back with PIPELINE_STORED.
// (L2) 250 is sent only after the op that made the message durable came back without error (P1).
// (L3) What became of an attempt is one OP_SETTLE (P2); log lines about it are written when it is
//      committed.
#ifndef FP_PIPELINE_PIPELINE_H
#define FP_PIPELINE_PIPELINE_H

#include "config/config.h"
#include "core/auth_order.h"
#include "core/dns_answer.h"
#include "core/handover.h"
#include "core/logline.h"
#include "deliver/classify.h"
#include "pipeline/intake.h"
#include "queue/op.h"

enum pipeline_event_kind {
    PIPELINE_START, // read health and domains, begin to deliver
    PIPELINE_TIMER,
    PIPELINE_ACCEPTED,       // somebody connected
    PIPELINE_CONNECTED,      // to CONNECT
    PIPELINE_CONNECT_FAILED, // to CONNECT: fault, detail
    PIPELINE_TLS_READY,      // to START_TLS: tls; bytes are those inside from now on. When it
                             // fails: FAULT, with FAULT_TLS
    PIPELINE_AUTH_RESPONSE,  // to AUTH: auth_response
    PIPELINE_BYTES,
    PIPELINE_EOF,
    PIPELINE_FAULT,    // the connection broke: fault, detail
    PIPELINE_RESULT,   // of HAND_OVER: result; nothing else follows
    PIPELINE_SENT,     // to SEND with wants_sent: everything sent so far is out
    PIPELINE_ANSWER,   // to LOOKUP
    PIPELINE_FETCHED,  // to FETCH: lookup, answer_name; bytes, or detail says why not
    PIPELINE_STORED,   // to STORE: ownership of op comes back
    PIPELINE_RELOAD,   // a new configuration, borrowed until the next one (the old one may be
                       // freed once this event was fed)
    PIPELINE_NETWORK,  // a way out of this machine has appeared
    PIPELINE_SHUTDOWN, // end: no new work, attempts get a short grace, then STOPPED
};

enum pipeline_door { DOOR_SMTP, DOOR_LOCAL }; // a listener, or the local socket

struct pipeline_event {
    enum pipeline_event_kind kind;
    int64_t now_ms;       // wall clock; may jump
    int64_t monotonic_ms; // a clock that nobody sets: jumps show against it; 0: there is none
    int utc_offset_s;     // of local time now
    uint64_t conn;
    enum pipeline_door door;  // ACCEPTED
    const char *ip;           // ACCEPTED, DOOR_SMTP; borrowed
    bool is_trusted;          // ACCEPTED, DOOR_SMTP
    int64_t uid;              // ACCEPTED, DOOR_LOCAL
    const char *user_name;    // ACCEPTED, DOOR_LOCAL; "" unknown; borrowed
    bool is_operator;         // ACCEPTED, DOOR_LOCAL: root, the service user, a member of operators
    enum deliver_fault fault; // CONNECT_FAILED, FAULT
    const char *detail;       // FETCHED: NULL when it was
    const struct tls_result *tls;              // TLS_READY; borrowed
    const struct auth_response *auth_response; // AUTH_RESPONSE; borrowed
    struct slice bytes;                        // BYTES, FETCHED
    uint64_t lookup;                           // ANSWER, FETCHED: its number
    const char *answer_name;                   // ANSWER, FETCHED
    const struct dns_answer *answer;
    struct op *op;                        // STORED
    const struct config *config;          // RELOAD
    const struct handover_result *result; // RESULT
};

enum pipeline_effect_kind {
    PIPELINE_SEND,      // slices on conn, in one call
    PIPELINE_READ,      // conn: stop (is_on false) or go on reading
    PIPELINE_CLOSE,     // conn, after everything sent is out (flush) or at once
    PIPELINE_CONNECT,   // conn; ip and port, or path
    PIPELINE_HAND_OVER, // conn, order: to something of this machine, instead of CONNECT. Then
                        // CONNECTED or RESULT; what is sent is the content
    PIPELINE_FINISH,    // conn: that was all of it; RESULT follows. CLOSE before that undoes it
    PIPELINE_START_TLS, // conn, tls_terms: a TLS client from here on
    PIPELINE_AUTH,      // conn, auth: what is to be said to its challenges
    PIPELINE_LOOKUP,    // lookup, name, type
    PIPELINE_FETCH,     // lookup, name, ca_file: the MTA-STS policy of that domain (RFC 8461 3.3)
    PIPELINE_STORE,     // op, by op_is_writer to the writer or a reader
    PIPELINE_LOG,       // level, text
    PIPELINE_STOPPED,   // after SHUTDOWN: nothing is under way any more. begins_again: nobody asked
                        // for it, but now the driver is to make a new pipeline and start that
};

struct pipeline_effect {
    enum pipeline_effect_kind kind;
    uint64_t conn;
    const struct slice *slices;
    uint32_t slice_count;
    bool wants_sent;
    bool is_on;
    bool flush;
    const char *ip;
    uint16_t port;
    const char *path;            // CONNECT: of a Unix socket; NULL: ip and port
    struct handover_order order; // HAND_OVER
    const struct tls_terms *tls_terms;
    const struct auth_order *auth;
    bool begins_with_tls; // CONNECT: START_TLS follows before anything is said
    bool begins_again;    // STOPPED
    uint64_t lookup;
    const char *name;
    enum dns_type type;
    const char *ca_file; // FETCH: "": whom the system trusts
    struct op *op;
    enum log_level level;
    struct slice text;
};

struct pipeline_options {
    const struct config *config; // borrowed; lives until RELOAD replaces it or pipeline_free
    uint64_t id_high_water;
    uint64_t seed;
    int64_t now_ms, monotonic_ms; // as those of events
    uint32_t batches_max;         // attempts under way at once; 0: max_sessions
    size_t body_memory_max;       // bytes of bodies kept in memory for delivery; 0: the default
    struct intake_marks intake;
};

struct pipeline;
struct pipeline *pipeline_new(const struct pipeline_options *options);
void pipeline_free(struct pipeline *p); // anything under way is forgotten (the spool is the state)
void pipeline_feed(struct pipeline *p, const struct pipeline_event *event);
bool pipeline_pull(struct pipeline *p, struct pipeline_effect *ret);
// When a timer event is wanted, on the pipeline's own clock, which is where it stands after the
// last event: ahead of the wall clock when that was set back.
int64_t pipeline_deadline(const struct pipeline *p);
int64_t pipeline_now(const struct pipeline *p);

// What is in memory between the sockets and the spool, in both directions; and what was done about
// it.
struct pipeline_flow {
    size_t body_memory, body_memory_max; // bytes of bodies
    struct intake intake;
    uint32_t sessions, unread_sessions; // of SMTP clients; those that wait for us
    uint32_t writer_ops;                // stored or changed: with the writer, not finished
};
void pipeline_flow(const struct pipeline *p, struct pipeline_flow *ret);
// How many messages are likely to be ready for the spool within a millisecond or so: that many may
// share a commit.
uint32_t pipeline_commit_size(const struct pipeline *p);

#endif
