// SPDX-License-Identifier: BSD-2-Clause
// pipeline_internal: what the files of the pipeline share. Not for anybody else.
//
//   pipeline.c   events in, effects out; conversations by number
//   effects.c    the queue of effects and the bytes they point at
//   bodies.c     bodies that are kept in memory until they are delivered
//   clock.c      what time it is, and jumps of the clock
//   doors.c      mail in: listeners, the local socket        → receive/server
//   windows.c    what is due: pages of the spool             ↔ scheduler
//   carriers.c       mail out: conversations with destinations   → deliver/session
//   protecting.c TLS of conversations with destinations
//   authenticating.c  credentials in them
//   relaying.c   mode "interactive": the next hop's answer is the client's
//   settling.c   what became of it: outcomes, notices        → queue/settle, bounce
//   resolver.c   is it the name, or are our name servers to blame?
//   blocking.c   what here holds mail up, said once and listed
//   withholding.c  refusals that are too many alike are held            → bounce/brake
//   turns.c      mail that goes out leaves turns to mail that comes in
//   sts.c        MTA-STS policies of domains
//   suspending.c what operators have suspended
//   repair.c     times that a wrong clock has left in the spool
//   trouble.c    a spool that cannot be written: nothing is tried whose outcome could not be kept
//   sweep.c      growing old: warnings and expiry by the clock
//   operator.c   the operator's requests                     → control
#ifndef FP_PIPELINE_PIPELINE_INTERNAL_H
#define FP_PIPELINE_PIPELINE_INTERNAL_H

#include "core/heap.h"
#include "core/must.h"
#include "core/time.h"
#include "deliver/dnscache.h"
#include "deliver/session.h"
#include "deliver/sites.h"
#include "pipeline/blocked.h"
#include "pipeline/budget.h"
#include "pipeline/intake.h"
#include "pipeline/pipeline.h"
#include "pipeline/sweep.h"
#include "queue/ids.h"
#include "queue/settle.h"
#include "receive/server.h"
#include "scheduler/scheduler.h"

#include "core/hash.h"

enum {
    FRESH_RCPTS_MAX = 1000, // of a message that goes to delivery from memory
    SETTLE_RCPTS_MAX = 100, // recipients in one settle, so that a notice fits one chunk
    DOORS_MAX = 1000, // connections coming in at once, from the network and from users of this
                      // machine each; more get 421
};

// A body in memory, shared by the batches of one message; or a piece of one.
struct body {
    char *data; // NULL: given up, or there was none
    size_t size;
    size_t memory; // what counts: bytes allocated
    uint32_t refs;
    uint32_t users;           // who look at the bytes
    int64_t since_ms;         // when the last of them left
    bool is_spare;            // the spool has it: it may be given up
    bool is_listed;           // in p->spare_bodies
    struct body *prev, *next; // there
    struct body *next_buried;
};

enum conn_kind { CONN_DOOR, CONN_CARRIER };

struct door;
struct carrier;
struct operator_session;
struct settling;
struct relay;

struct conn {
    uint64_t id;
    enum conn_kind kind;
    struct door *door;
    struct carrier *carrier;
    UT_hash_handle hh;
};

// Anything with a deadline: one heap holds them all, and says whose it is.
enum alarm_kind {
    ALARM_DOOR,
    ALARM_CARRIER,
    ALARM_SCHEDULER,
    ALARM_SWEEP,
    ALARM_MAINTAIN,
    ALARM_RETRY,
    ALARM_DOMAINS,
    ALARM_INTAKE,
    ALARM_RELAY,
    ALARM_OPERATOR,
    ALARM_TURNS,
    ALARM_LOADING,
    ALARM_SUSPENDING,
    ALARM_NETWORK,
    ALARM_CROWDING,
    ALARM_STOP
};
struct alarm {
    struct heap_node node;
    enum alarm_kind kind;
    void *owner;
};

// Where a finished op has to go: by its tag, a waiter.
enum waiter_kind {
    WAIT_DOOR_CHUNK,
    WAIT_DOOR_ACCEPT,
    WAIT_NOTHING,
    WAIT_PAGE,
    WAIT_DOMAINS,
    WAIT_FLUSH,
    WAIT_HEALTHS,
    WAIT_CARRIER_CHUNK,
    WAIT_SETTLING,
    WAIT_SWEEP,
    WAIT_OPERATOR,
    WAIT_MAINTAIN,
    WAIT_RESERVE,
    WAIT_LOADING,
    WAIT_SUSPENDING,
    WAIT_REPAIR,
};
struct waiter {
    uint64_t tag;
    enum waiter_kind kind;
    uint64_t conn;             // DOOR_*: may have gone meanwhile; OPERATOR, FLUSH
    int64_t flush_ms;          // FLUSH: when it was asked for
    struct carrier *carrier;   // HOP_CHUNK; NULL when the hop has gone
    struct settling *settling; // SETTLING
    char *domain;              // PAGE; owned
    UT_hash_handle hh;
};

struct effect_queue {
    struct pipeline_effect *ring;
    size_t head, count, cap;
    char **blocks; // bytes that effects point at; released at the next feed
    size_t block_count, block_cap, block_used;
    struct buf line; // the log line that is being written
};

// A name that conversations may still speak of after a reload.
struct kept_name {
    struct kept_name *next;
    char text[];
};

struct counters {
    uint64_t accepted, delivered, deferred, failed;
    uint64_t attempts; // begun: batches
};

// Answers that failed, until it is known whose doing that is (resolver.c).
struct resolver {
    struct unjudged *unjudged; // the newest first
    uint64_t canary;           // the lookup that will tell; 0: none is out
    bool is_contradicted;      // something was answered since
    bool is_curious;           // nothing was answered yet: does it answer the canary, too?
    bool is_trusted;           // it has answered the canary once
    bool is_dead;              // the last verdict,
    int64_t judged_ms;         // and its time; INT64_MIN: there is none
};

enum brake_cause {
    BRAKE_SETTLING = 1, // outcomes that wait for the spool are too many
    BRAKE_TURNS = 2,    // it is the turn of mail that comes in
    BRAKE_LOADING = 4,  // what is suspended, and who rests, is not known yet
    BRAKE_CLOCK = 8,    // what is in the spool has the times of a clock that was not set
};

struct turns {
    int64_t last_mail_ms;
    int64_t counted_ms;   // until when time has given its share
    int32_t starts;       // that may be, while mail comes in
    int64_t window_ms;    // messages are counted since then,
    uint32_t came;        // these
    uint32_t came_before; // and those of the window before
};

struct pipeline {
    const struct config *config;
    struct session_settings session_settings;
    struct fallback *fallback;
    struct standby *standby; // next hops of lists that failed (nexthops.c)
    struct families families;
    struct server_settings server_settings;
    struct kept_name *hostnames; // today's and earlier ones
    int64_t now_ms;              // never runs backwards
    struct time_steady clock;    // that it comes from
    int64_t behind_ms;           // by how much the wall clock was behind it, when last looked at
    int64_t jump_ms;             // of its last jump ahead; 0: none
    bool is_clock_unset;         // the machine's, so far (C3)
    uint64_t repaired;           // recipients whose times a wrong clock had left
    int64_t epoch_ms;            // start, or the last jump of the clock (S1)
    int64_t started_ms;
    int utc_offset_s;
    struct ids ids;
    uint64_t seed;
    struct scheduler *scheduler;
    struct dnscache *dnscache;
    struct sites *sites;
    struct sts *sts;                      // sts.c
    struct operator_route *routes_asked;  // `route`: operators who wait for the DNS
    struct site_question *site_questions; // hash by domain: its MX is being asked for
    struct effect_queue effects;
    struct heap alarms;
    struct alarm alarm_scheduler, alarm_sweep, alarm_maintain, alarm_domains, alarm_intake,
        alarm_turns, alarm_loading, alarm_suspending, alarm_network, alarm_crowding, alarm_stop;
    int64_t network_ms;         // when one has appeared last
    struct conn *conns;         // hash by id
    struct waiter *waiters;     // hash by tag
    uint32_t writer_ops;        // with the writer
    struct carrier *carriers;   // all, linked
    struct idle_carriers *idle; // hash by destination: conversations that can take another message
    struct carrier *lingering;  // those without a message, the oldest first
    uint32_t lingering_count;
    struct settling *settlings;
    struct brake *bounce_brake;
    struct blocked *blocked;
    struct resolver resolver;
    struct relay *relays;    // hash by message
    uint32_t settling_rcpts; // of them; as they began
    uint32_t brakes;         // enum brake_cause bits: nothing is started while there is one
    struct turns turns;
    struct op *postponing;         // recipients of suspended senders that were read; NULL: none
    struct unreleased *unreleased; // of senders suspended no longer, not yet due: storing failed
    bool is_postponing_late, is_releasing_late; // likewise: tried again in a moment
    struct sweep sweep;
    struct counters counters;
    uint64_t done_at_maintain; // all of them together, at the last step of maintenance
    int64_t list_turn_ms;      // of listings, when there is mail to do: see operator_list.c
    uint64_t next_conn, next_tag;
    uint64_t ids_reserved; // ids below may be told without a transaction of their own
    bool is_reserving;
    uint32_t door_count, local_door_count, carrier_count;
    uint32_t batches_max; // 0: by the configuration
    uint32_t idle_count;
    size_t body_memory, body_memory_max;
    size_t sending;            // bytes of bodies asked of the spool, or that sockets have not taken
    struct body *spare_bodies; // those that may be given up, in the order of waiting
    enum fp_err accept_err;    // of the last message that came in: a change is said once
    bool is_spool_failing;     // outcomes cannot be stored
    int64_t spool_patience_ms; // until when nothing is started for that
    int64_t page_quiet_ms;     // until when nothing more is said about pages that cannot be read
    struct intake intake;      // mail on its way to the spool
    int64_t intake_patience_ms;
    struct door *clients;   // doors behind which SMTP is spoken, in the order of their turns
    struct body *graveyard; // to be freed at the next feed
    bool is_pumping;        // the scheduler's effects are being executed further up the stack
    bool is_started, is_stopping, is_aborted, is_stopped;
    bool begins_again; // it stops only to be started anew
};

// pipeline.c
struct conn *conn_add(struct pipeline *p, uint64_t id, enum conn_kind kind);
struct conn *conn_find(struct pipeline *p, uint64_t id);
void conn_forget(struct pipeline *p, uint64_t id); // and no effect names it any more
void alarm_init(struct alarm *a, enum alarm_kind kind, void *owner);
void alarm_set(struct pipeline *p, struct alarm *a, int64_t at_ms);
struct waiter *store_op(struct pipeline *p, struct op *op,
                        enum waiter_kind kind); // tags, emits STORE
// Ends as by SHUTDOWN, for the driver to make a new one of it.
void pipeline_begin_again(struct pipeline *p);
void pipeline_check_stopped(struct pipeline *p);
void pipeline_read_again(struct pipeline *p); // today's settings, and nothing from the windows

// clock.c
void clock_init(struct pipeline *p, const struct pipeline_options *options);
void clock_start(struct pipeline *p);
// Nobody is warned of mail that is only late because the clock has jumped, before it was tried
// again or an hour has passed.
bool clock_holds_warning(const struct pipeline *p, const struct settle_input *in);
// The wall clock's time, for what is thrown away by age; 0, while it may be put right again.
int64_t clock_purge_ms(const struct pipeline *p);
void clock_take(struct pipeline *p, const struct pipeline_event *e); // first of all

// repair.c
// unset_until_ms, by_ms: mail that came from the start to then is so much younger; 0, 0: no such.
void repair_begin(struct pipeline *p, int64_t unset_until_ms, int64_t by_ms);
void repair_stored(struct pipeline *p, struct op *op);

// effects.c
struct pipeline_effect *effect_add(struct pipeline *p, enum pipeline_effect_kind kind);
struct slice effect_keep(struct pipeline *p,
                         struct slice bytes); // a copy that lives as long as the effects
struct slice *effect_slices(struct pipeline *p, uint32_t count); // room that lives as long
void effect_send(struct pipeline *p, uint64_t conn, struct slice bytes, bool wants_sent);
void effect_close(struct pipeline *p, uint64_t conn, bool flush);
void effect_read(struct pipeline *p, uint64_t conn, bool is_on);
struct buf *effect_line(struct pipeline *p); // an empty line, for effect_log; not for two at once
void effect_log(struct pipeline *p, enum log_level level, const struct buf *line);
void effect_logf(struct pipeline *p, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void effects_release(struct pipeline *p); // at the start of a feed
void effects_close(struct pipeline *p);

// bodies.c
struct body *body_new(struct pipeline *p, char *data, size_t size); // takes data; refs 1
struct body *body_ref(struct body *b);
void body_unref(struct pipeline *p, struct body *b); // NULL is fine; bytes live until the next feed
void body_weigh(struct pipeline *p, struct body *b, size_t memory); // more was allocated than size
void body_spare(struct pipeline *p, struct body *b); // from now on it may be given up (B1)
// Its bytes stay until body_leave. False: there are none (any more), they stand in the spool.
bool body_use(struct pipeline *p, struct body *b);
void body_leave(struct pipeline *p, struct body *b);
bool body_make_room(struct pipeline *p, size_t size); // true: so much may be kept
// How large the next piece may be of a body of which `left` bytes are still to go out.
size_t body_piece_max(struct pipeline *p, uint64_t left);
void bodies_bury(struct pipeline *p); // at the start of a feed

// doors.c
void door_open(struct pipeline *p, const struct pipeline_event *e);
void door_bytes(struct pipeline *p, struct door *d, struct slice bytes);
void door_eof(struct pipeline *p, struct door *d);
void door_lost(struct pipeline *p, struct door *d);
void door_sent(struct pipeline *p, struct door *d);
void door_timer(struct pipeline *p, struct door *d);
void door_chunk_stored(struct pipeline *p, uint64_t conn, struct op *op);
void door_accept_stored(struct pipeline *p, uint64_t conn, struct op *op);
void door_postpone(struct door *d, int64_t by_ms); // its machine's deadline
void door_shutdown(struct pipeline *p, struct door *d);
// Stores an entry (taken) for the client of that connection, who is answered when it is committed.
void door_store(struct pipeline *p, uint64_t conn, struct entry *entry);
void door_answer(struct pipeline *p, uint64_t conn, enum fp_err err); // it may have gone
void door_discard(struct pipeline *p, uint64_t message); // what was stored of a body is not needed
void door_free(struct pipeline *p, struct door *d);
void doors_resume(struct pipeline *p); // at the end of a feed: enough was stored
void doors_refuse(struct pipeline *p); // clients have waited for long
// Clients that speak SMTP, and how many of them are not read: they wait for us.
uint32_t doors_count(const struct pipeline *p, uint32_t *ret_unread);

// windows.c
void windows_start(struct pipeline *p);  // read health and domains
void windows_reload(struct pipeline *p); // today's routes: tell the scheduler again
void windows_fresh(struct pipeline *p,
                   struct entry *e); // durable now: log, batches; the entry stays the caller's
// Recipients of one message that are to be tried; what is in rcpts is taken.
struct parcel {
    enum sched_event_kind kind; // FRESH or PAGE
    const struct message *message;
    struct recipient *rcpts;
    uint32_t rcpt_count;
    struct body *body; // borrowed; NULL: it is read from the spool
    bool only_if_open;
};
void windows_offer(struct pipeline *p,
                   const struct parcel *parcel); // in batches, by today's routes
void windows_announce(struct pipeline *p, const struct message *m,
                      uint32_t rcpt_count); // to the log
void windows_feed(struct pipeline *p,
                  const struct sched_event *event); // feeds, then executes effects
void windows_timer(struct pipeline *p);
void windows_network(struct pipeline *p); // a way out has appeared
void brake_set(struct pipeline *p, enum brake_cause cause, bool is_on);
void windows_page_read(struct pipeline *p, const char *domain, struct op *op);
void windows_domains_read(struct pipeline *p, struct op *op);
void windows_healths_read(struct pipeline *p, struct op *op);
void windows_settled(struct pipeline *p, const char *sender, const struct recipient *r,
                     bool is_gone, int64_t next_attempt_ms);
void windows_drop(struct pipeline *p, uint64_t message, uint32_t n, const char *domain);
// The destination of that address, whoever sends, rests no longer: it is probed now.
void windows_wake(struct pipeline *p, const char *address, const char *domain);
void windows_due(struct pipeline *p, const char *domain, int64_t next_due_ms);
// May mail be tried without being asked for? Not at a start or end, not in mode "queue".
bool windows_try_by_themselves(const struct pipeline *p);
// An operator wants everything tried now; his session, if it is there still, is told when the
// scheduler knows.
void windows_flush(struct pipeline *p, uint64_t conn);
void windows_flush_read(struct pipeline *p, int64_t flush_ms, uint64_t conn, struct op *op);
// What the spool has marked in that domain is to be tried (mode "queue").
void windows_flush_marked(struct pipeline *p, const char *domain, int64_t flush_ms);
// Today's destination of an address; empty when no route fits.
// sender: NULL: anybody's mail.
bool windows_destination(const struct pipeline *p, const char *address, const char *domain,
                         const char *sender, struct buf *to);
// Today's row of an address, NULL when none fits.
const struct route_row *windows_route(const struct pipeline *p, const char *address,
                                      const char *domain, const char *sender);

// A batch that is to be tried now: does all of it still go to its destination? Else it goes back to
// the spool, without an attempt, and is read again.
bool windows_still_fits(struct pipeline *p, const struct batch *b);
void windows_give_back(struct pipeline *p, struct batch *b);

// sites.c
// The host, named by a row as "mx:HOST", that takes the domain's mail; NULL: none, or not known.
// Borrowed until the next reload.
const char *site_of(const struct pipeline *p, const char *domain);
// Not known yet, and asked for: the domain is told to the scheduler when it is.
bool site_is_awaited(struct pipeline *p, const char *domain);
void site_answered(struct pipeline *p, const char *name, const struct dns_answer *answer);
void sites_reload(struct pipeline *p); // the hosts of today's configuration
void sites_close(struct pipeline *p);

// carriers.c
void carrier_start(struct pipeline *p, struct batch *batch);
void carrier_connected(struct pipeline *p, struct carrier *h);
void carrier_connect_failed(struct pipeline *p, struct carrier *h, enum deliver_fault fault,
                            const char *detail);
void carrier_tls_ready(struct pipeline *p, struct carrier *h, const struct tls_result *result);
void carrier_bytes(struct pipeline *p, struct carrier *h, struct slice bytes);
void carrier_eof(struct pipeline *p, struct carrier *h);
void carrier_fault(struct pipeline *p, struct carrier *h, enum deliver_fault fault,
                   const char *detail);
void carrier_result(struct pipeline *p, struct carrier *h, const struct handover_result *result);
void carrier_sent(struct pipeline *p, struct carrier *h);
void carrier_timer(struct pipeline *p, struct carrier *h);
void carrier_answer(struct pipeline *p, uint64_t lookup, const char *name,
                    const struct dns_answer *answer);
void carrier_chunk_read(struct pipeline *p, struct carrier *h, struct op *op);
void carriers_postpone(struct pipeline *p, int64_t by_ms); // what they wait for
void carriers_quit_idle(struct pipeline *p);               // shutdown, reload
void carriers_abort(struct pipeline *p);                   // the grace is over
// Nobody wants this message delivered any more: ends its attempts but for those that wait for the
// answer to the end mark.
void carriers_cut(struct pipeline *p, uint64_t message);
void carrier_free(struct pipeline *p, struct carrier *h);

// protecting.c
// TLS is to begin on that connection; it was begun, with this; it failed, so its host is spoken to
// in clear.
void protecting_start(struct pipeline *p, uint64_t conn, const struct tls_terms *terms);
void protecting_began(struct pipeline *p, const struct hop *hop, const struct tls_result *result,
                      bool by_sts);
void protecting_failed(struct pipeline *p, const struct outcome *why);

// authenticating.c
// What a conversation's authentication wants from the world; and what it gets.
void authenticating_order(struct pipeline *p, uint64_t conn, const struct auth_order *order);
void carrier_auth_response(struct pipeline *p, struct carrier *h,
                           const struct auth_response *response);

// relaying.c
struct settle_times {
    int64_t began_ms, connected_ms, ready_ms, done_ms;
};
// Mode "interactive": hands the entry (taken) on at once; the client of that connection is answered
// when the next hops have answered. False, and nothing taken: it is to be stored first.
bool relaying_begin(struct pipeline *p, uint64_t conn, struct entry *e);
// A batch came back without an attempt; an attempt is over. False, and nothing taken: it was not
// for a client that waits.
bool relaying_given_back(struct pipeline *p, struct batch *b);
bool relaying_has(const struct pipeline *p, uint64_t message);
bool relaying_ended(struct pipeline *p, struct batch *b, struct outcome *outcomes,
                    const struct settle_times *times, int64_t host_retry_ms);
// What the spool does not have (yet) of the message's body; NULL when it has that chunk.
struct body *relaying_body(const struct pipeline *p, uint64_t message, uint32_t chunk);
// What came of storing what was not delivered; false: that message is nobody's here.
bool relaying_stored(struct pipeline *p, uint64_t message, enum fp_err err);
void relaying_timer(struct pipeline *p, struct relay *r);
void relaying_shutdown(struct pipeline *p); // nobody waits any longer
void relaying_reserve(struct pipeline *p);  // ids, where today's mode needs them
void relaying_reserved(struct pipeline *p, const struct op *op);
void relaying_close(struct pipeline *p);

// settling.c
// An attempt is over: outcomes[i] is that of batch->rcpts[i]. Takes the batch and the outcomes.
void settling_begin(struct pipeline *p, struct batch *batch, struct outcome *outcomes,
                    const struct settle_times *times, int64_t host_retry_ms);
// Of an attempt that goes on recipient i is delivered to.
void settling_one(struct pipeline *p, const struct batch *b, uint32_t i, const struct outcome *o,
                  const struct settle_times *times);
// No attempt: the row (taken) is looked at by age, or fails because the operator says so (reason).
typedef void settling_done(struct pipeline *p, void *arg);
void settling_sweep(struct pipeline *p, struct op_row *row, settling_done *done, void *arg);
void settling_bounce(struct pipeline *p, struct op_row *row, const char *reason,
                     settling_done *done, void *arg);
// The line of the log on one recipient's attempt.
struct settling_attempt {
    const struct message *message;
    const struct recipient *rcpt;
    const struct outcome *outcome;
    const struct settle_times *times;
    int64_t queued_ms;
};
void settling_log(struct pipeline *p, const struct settling_attempt *a);
void settling_stored(struct pipeline *p, struct settling *s, struct op *op);
void settling_timer(struct pipeline *p, struct settling *s); // after trouble with the spool
void settling_free(struct pipeline *p, struct settling *s);

// resolver.c
// To every LOOKUP: whoever asked hears it, at once or when it is known whether the resolver or the
// name is to blame.
void resolver_answer(struct pipeline *p, uint64_t lookup, const char *name,
                     const struct dns_answer *answer);
void resolver_reload(struct pipeline *p); // other name servers, perhaps
void resolver_close(struct pipeline *p);

// blocking.c
void blocking_learn(struct pipeline *p, const struct batch *b, const struct outcome *outcomes);
void blocking_begin(struct pipeline *p, enum outcome_blocked kind, const char *destination,
                    const char *why); // destination: "" where it is about all
void blocking_end(struct pipeline *p, enum outcome_blocked kind, const char *destination);
// Does mail wait for it? Nobody finds out that it is over otherwise.
bool blocking_is_felt(const struct pipeline *p, const struct blocked_view *row);
// What holds that destination's mail up here, while it rests for that, "blocked here: ..."; NULL.
const char *blocking_text(const struct pipeline *p, const char *destination,
                          const struct destination_view *view);
// What a relay that does not rest for it has against single mails, or all of the few; NULL.
const char *blocking_of_some(const struct pipeline *p, const char *destination);
// The same as what an attempt might have said.
bool blocking_reason(const struct pipeline *p, const char *destination,
                     const struct destination_view *view, struct outcome *ret);

// withholding.c
// Is this refusal, of which the recipient's sender would hear, one of too many that are alike? Why
// it is to be held then, as a text that lives as long as the program; NULL: it is given back.
const char *withholding_judge(struct pipeline *p, const struct message *m,
                              const struct recipient *r, const struct outcome *o);
// Was it held for that reason?
bool withholding_held(const struct recipient *r);

// turns.c
void turns_mail_came(struct pipeline *p); // it is in the spool, or handed on
void turns_started(struct pipeline *p);   // an attempt
void turns_timer(struct pipeline *p);

// suspending.c
void suspending_load(struct pipeline *p); // at the start; goes on with windows_start
void suspending_loaded(struct pipeline *p, struct op *op);
// What holds that recipient, which may be nobody's in the scheduler; NULL: nothing does.
const struct suspension *suspending_holds(const struct pipeline *p, const struct message *m,
                                          const struct recipient *r);
bool suspending_holds_any(const struct pipeline *p, const struct entry *e);
// Since when an attempt counts for growing too old (S1): TIME_NEVER while it is suspended.
int64_t suspending_epoch(const struct pipeline *p, const struct message *m,
                         const struct recipient *r);
// Leaves out recipients whose sender or domain is suspended: returns how many stay, as the first.
uint32_t suspending_filter(struct pipeline *p, const struct message *m, struct recipient *rcpts,
                           uint32_t count);
void suspending_flush(struct pipeline *p); // those that were left out, stored
// What was stored of it: what was put off, or a page of what is due again.
void suspending_came_back(struct pipeline *p, struct op *op);
void suspending_timer(struct pipeline *p); // what could not be stored
void suspending_close(struct pipeline *p);
void suspending_stored(struct pipeline *p, const struct op_suspend *o); // by an operator
void suspending_over(struct pipeline *p, const struct suspension *row); // its time has come

// trouble.c
void trouble_heard(struct pipeline *p, const struct op *op); // every op that came back
void trouble_wait(struct pipeline *p);                       // an outcome still waits
void trouble_with_room(struct pipeline *p, enum fp_err err); // what new mail met, when that changes

// sweep.c
void sweep_timer(struct pipeline *p);
void sweep_read(struct pipeline *p, struct op *op);
void sweep_arm(struct pipeline *p);                        // and look at everything
void sweep_heard(struct pipeline *p, const struct op *op); // every op that came back
// Something of that message was due and could not be done: it is looked at in the next pass.
void sweep_again(struct pipeline *p, const struct message *m);
void sweep_close(struct pipeline *p);

// operator.c
struct operator_session *operator_new(struct pipeline *p, uint64_t conn, int64_t uid,
                                      const char *user_name, bool is_operator);
void operator_bytes(struct pipeline *p, struct operator_session *s, struct slice bytes);
void operator_eof(struct pipeline *p, struct operator_session *s);
bool operator_sent(struct pipeline *p, struct operator_session *s); // false: the session is over
void operator_timer(struct pipeline *p, struct operator_session *s);
void operator_stored(struct pipeline *p, struct operator_session *s, struct op *op);
// An answer of the DNS, to whoever asked: to `route`, perhaps.
void operator_answered(struct pipeline *p, uint64_t lookup, const char *name,
                       const struct dns_answer *answer);
void routes_begin_again(struct pipeline *p); // `route` under way, by a new configuration
// So many domains more have been flushed.
void operator_flushing(struct operator_session *s, uint32_t domains);
void operator_flushed(struct pipeline *p, struct operator_session *s, enum fp_err err);
// The spool was changed so: the scheduler hears of it, be the operator still there or not.
void operator_changed(struct pipeline *p, const struct op_change *c);
void operator_free(struct pipeline *p, struct operator_session *s);
struct operator_session *door_operator(struct door *d); // NULL when the door is none

#endif
