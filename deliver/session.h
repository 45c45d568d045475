// SPDX-License-Identifier: BSD-2-Clause
// session: one conversation with a destination, from names to replies. Pure.
//
//     s = session_new(&settings, targets, ...);
//     feed SESSION_BATCH (a message to hand over), then execute effects and feed what comes back;
//     after SESSION_BATCH_DONE with can_reuse, feed the next SESSION_BATCH, or SESSION_QUIT;
//     without can_reuse the session ends by itself;
//     after SESSION_ENDED, session_free (events that come late are ignored).
// Pull until false after each feed. Feed SESSION_SENT when everything handed to a SEND with
// wants_sent is out, be it at once: the next piece of a body is not asked for before. An idle
// connection that the host closes is only disconnected (session_is_idle turns false): a batch fed
// then connects anew.
//
// It resolves (effects LOOKUP), chooses hosts and addresses in order, connects (effect CONNECT),
// speaks SMTP or LMTP with pipelining (deliver/client does the protocol), goes on to the next
// address after a connection failure and to the next host after a bad greeting or 421 before
// anything was sent, and says per recipient what became of it. A connection that a reused session
// finds closed when it sends MAIL is opened again once, without an outcome. A connection lost after
// MAIL but before the body was asked for counts as a connection failure; once it was (the body can
// be had only once), the batch is not tried at another host. Recipients that were refused for good
// are not asked again.
//
// TLS is begun where the policy for the host wants it (deliver/protect): effect START_TLS, behind
// which bytes are those inside. Where it fails and is not required, the same address is tried again
// in clear, and the host remembered for that; where it is required, the next host is tried. Whether
// it is may hang on the domain's MTA-STS policy (deliver/guard): effect ASK_POLICY before the first
// host is connected to, or before a connection is used for the mail of another domain.
//
// To a host that a route names, and that credentials are for, it authenticates before anything is
// said of a message (deliver/authenticate): effects AUTH, of which the world knows the secrets.
//
// What becomes of 8-bit content at a host without 8BITMIME is a setting; deliver/convert says what
// conversion does. SIZE tells the size before conversion, which RFC 1870 6.1 allows: an estimate.
// Lines of more than 998 octets (RFC 5321 4.5.3.1.6) go to other hosts as they are: to break them
// changes the text and breaks signatures, and a host that will not have them says so.
//
// States: IDLE (no batch; connected or not) → RESOLVING → CONNECTING → TALKING → IDLE ... → CLOSING
// → ENDED.
//
// (C1) Every recipient of a batch gets exactly one OUTCOME before BATCH_DONE.
// (C2) At most one connection is open; CONNECT is only asked for after DISCONNECT of the previous.
// (C3) Once the end mark is out only a complete reply decides; else the outcome is in doubt, and no
//      other host is tried with this batch.
// (C4) Deadlines are those of RFC 5321 4.5.3.2, per command, not per session.
#ifndef FP_DELIVER_SESSION_H
#define FP_DELIVER_SESSION_H

#include "core/auth_order.h"
#include "core/handover.h"
#include "core/message.h"
#include "core/outcome.h"
#include "core/sts_policy.h"
#include "deliver/classify.h"
#include "deliver/convert.h"
#include "deliver/credential.h"
#include "deliver/fallback.h"
#include "deliver/families.h"
#include "deliver/hosts.h"
#include "deliver/protect.h"
#include "deliver/route.h"

struct session_settings {
    const char
        *hostname; // for EHLO, and to know ourselves in MX sets; borrowed, outlives the session
    const char *own_places;          // where mail comes in here: IP:PORT, each between two blanks
    uint16_t smtp_port;              // where hosts found by MX listen
    int64_t connect_ms;              // default 30 s
    int64_t greeting_ms;             // 5 min
    int64_t crowded_ms;              // the same while others wait for its place (CROWDED): 30 s
    int64_t command_ms;              // EHLO, MAIL, RCPT: 5 min
    int64_t data_ms;                 // DATA: 2 min
    int64_t block_ms;                // between two pieces of content that are taken: 3 min
    int64_t dot_ms;                  // 10 min
    int64_t pipe_ms;                 // a program, from its start to its end
    int64_t quit_ms;                 // 5 s: nothing depends on it
    enum eight_bit eight_bit;        // to hosts without 8BITMIME
    bool chunking;                   // content by BDAT, to hosts that offer it
    struct protect_table *protect;   // NULL: TLS is not spoken
    struct credentials *credentials; // NULL: none
    struct fallback *fallback;       // shared by all sessions; NULL: nothing is remembered
    struct families *families;       // likewise
};

// A target of a list of which it came to nothing, because its hosts or our set-up for them failed.
struct plan_miss {
    uint32_t target;
    struct outcome why;
};

struct session_dsn {
    uint8_t notify;    // flags of core/dsn.h
    const char *orcpt; // in xtext; NULL or "": none
};                     // said to hosts that offer DSN

struct session_batch {
    const char *sender;       // "" is <>
    const char *const *rcpts; // addresses
    uint32_t rcpt_count;      // >= 1
    uint64_t size;            // bytes of the body
    bool is_8bit;
    int8_t priority;       // -9 to 9, 0 is usual; said to hosts that offer MT-PRIORITY
    uint8_t traits;        // enum message_trait
    int64_t deliver_by_ms; // 0: not said
    enum dsn_ret ret;
    const char *envid;             // in xtext; NULL or "": none
    const struct session_dsn *dsn; // by recipient; NULL: none of them has any
    // Targets that are tried after the others; bits, by their place in the list. A session that is
    // connected goes on with what it has.
    uint32_t last;
};

enum session_event_kind {
    SESSION_BATCH,  // borrowed until BATCH_DONE
    SESSION_ANSWER, // to LOOKUP
    SESSION_CONNECTED,
    SESSION_CONNECT_FAILED, // fault and detail
    SESSION_BYTES,          // always consumed completely
    SESSION_EOF,
    SESSION_RESET,         // fault and detail
    SESSION_POLICY,        // to ASK_POLICY: policy
    SESSION_TLS_READY,     // to START_TLS: tls; when it fails, RESET with FAULT_TLS
    SESSION_AUTH_RESPONSE, // to AUTH: auth_response
    SESSION_BODY, // answer to NEED_BODY: the next piece, borrowed until SEND of it was pulled and
                  // sent
    SESSION_BODY_FAILED, // our own spool cannot give it: abort, defer (SCOPE_LOCAL)
    SESSION_RESULT, // to HAND_OVER, instead of CONNECTED or at any time behind it: what came of it
    SESSION_SENT,   // to SEND with wants_sent: everything so far is out (NEED_BODY waits for it)
    SESSION_TIMER,
    SESSION_CROWDED, // others wait: a host has less time for its first word
    SESSION_QUIT,    // no more batches
    SESSION_ABORT,   // shutdown: end now; a batch under way is deferred (in doubt where C3 says so)
};

struct session_event {
    enum session_event_kind kind;
    int64_t now_ms;
    const struct session_batch *batch;
    const struct dns_answer *answer; // ANSWER; for the lookup with this name and type
    const char *answer_name;
    enum deliver_fault fault;                  // CONNECT_FAILED, RESET
    const char *detail;                        // "Connection refused"
    struct slice bytes;                        // BYTES, BODY
    const struct tls_result *tls;              // TLS_READY
    const struct auth_response *auth_response; // AUTH_RESPONSE
    const struct sts_policy *policy;      // POLICY: of the domain that was asked for; NULL: none
    bool is_last;                         // BODY: nothing comes after this piece
    const struct handover_result *result; // RESULT
};

enum session_effect_kind {
    SESSION_LOOKUP,     // name, type
    SESSION_ASK_POLICY, // name: what is the MTA-STS policy of that domain?
    SESSION_CONNECT,    // ip, port; or path; outcome: why not with TLS, when that has just failed
    SESSION_START_TLS,  // tls_terms
    SESSION_AUTH,       // auth
    SESSION_SEND,       // slices, to be written in one call; they live until the next feed
    SESSION_HAND_OVER,  // order: instead of CONNECT; DISCONNECT ends it, done or not
    SESSION_FINISH,     // of HAND_OVER: everything was sent; RESULT follows
    SESSION_NEED_BODY,  // the next piece of the batch's body, please
    SESSION_DECIDED, // LMTP: recipient `index` has its mail, others wait for their replies. It gets
                     // the same OUTCOME in the end
    SESSION_OUTCOME, // of recipient `index`
    SESSION_BATCH_DONE, // scope: the widest failure; can_reuse: connected and ready for another
    SESSION_DISCONNECT, // close the connection
    SESSION_ENDED,
};

enum { SESSION_SLICES_MAX = 16 };

struct session_effect {
    enum session_effect_kind kind;
    const char *name;                        // LOOKUP, ASK_POLICY
    enum dns_type type;                      // LOOKUP
    const char *ip;                          // CONNECT
    const char *path;                        // CONNECT: of a Unix socket; NULL: ip and port
    uint16_t port;                           // CONNECT
    const struct handover_order *order;      // HAND_OVER; lives as long as the batch
    struct slice slices[SESSION_SLICES_MAX]; // SEND
    uint32_t slice_count;
    bool wants_sent;                   // SEND
    uint32_t index;                    // OUTCOME
    const struct tls_terms *tls_terms; // START_TLS; lives until the next feed
    const struct auth_order *auth;     // AUTH; likewise
    bool begins_with_tls;              // CONNECT: START_TLS follows before anything is said
    const struct outcome *outcome;     // OUTCOME, CONNECT; and BATCH_DONE: the host's failure when
                                       // scope is SCOPE_HOST or SCOPE_LOCAL
    enum outcome_scope scope;          // BATCH_DONE
    bool can_reuse;                    // BATCH_DONE
    bool broke_signature; // BATCH_DONE: content was converted, which a signature in it does not
                          // survive
};

struct session;
// domain: the recipient domain in lower case, for TARGET_MX and the log. targets are copied.
struct session *session_new(const struct session_settings *settings, const struct target *targets,
                            uint32_t target_count, const char *domain, uint64_t seed);
void session_free(struct session *s);
void session_feed(struct session *s, const struct session_event *event);
bool session_pull(struct session *s, struct session_effect *ret);
int64_t session_deadline(const struct session *s);
void session_postpone(struct session *s, int64_t by_ms); // the clock has jumped: wait on by so much

// For a host that takes the mail of several domains: the next batch is for this one. Only while no
// batch is under way.
void session_set_domain(struct session *s, const char *domain);
const char *session_host(const struct session *s);      // the connected one's name
const struct hop *session_hop(const struct session *s); // and all about it
// It goes by today's rows, and its connection, if it has one, is protected as they want it for mail
// to that domain.
bool session_suits(const struct session *s, const struct session_settings *today,
                   const char *domain);
bool session_is_strict(const struct session *s); // an MTA-STS policy protects its connection

// Of the batch that is just over: which targets it did not get through to, until the next one.
const struct plan_miss *session_misses(const struct session *s, uint32_t *ret_count);
uint32_t session_target_at(const struct session *s); // the one it talks to, or tried last
const struct target *session_target(const struct session *s, uint32_t at); // of its list

struct session_times {
    int64_t started_ms, connected_ms, ready_ms, done_ms;
}; // of the current or last batch
void session_times(const struct session *s, struct session_times *ret);
uint32_t session_delivered_count(const struct session *s); // messages on this connection so far
bool session_is_idle(const struct session *s);             // connected, no batch
// Is the end mark out, and its answer awaited? What becomes of the batch is the host's word then.
bool session_awaits_verdict(const struct session *s);
// Of the piece of a body that it was given nothing is left that was not handed to SEND.
bool session_body_is_taken(const struct session *s);

#endif
