// SPDX-License-Identifier: BSD-2-Clause
// scheduler: when, to which destination, how many at once. Pure; knows ids, names and times.
//
//     scheduler_feed(s, &event);
//     while (scheduler_pull(s, &effect)) execute(&effect);
//     arm a timer for scheduler_deadline(s), then feed SCHED_TIMER
//
// A *destination* is where mail goes by today's routes: a domain ("example.com", by MX) or a list
// of next hops ("smtp://relay:25"). Several domains may share one. Its states:
//
//     OPEN     mail is started while concurrency allows
//     RESTING  the host failed: nothing is started until rest_until_ms
//     PROBING  one batch is under way to see whether it answers again; when that ends without a
//              host-scope failure everything is released at once
//
// A *batch* is one message with those of its recipients that go to one destination. One with more
// recipients than a message may have there is started in parts: the first takes the body along, the
// others are read from the spool.
//
// Of millions of messages only a *window* per destination that can run now is in memory; the rest
// stays in the spool and is read page by page (SCHED_READ_DUE), by domain, in order of next
// attempt. A page is a snapshot: the key that SCHED_PAGE_END says is its last row's as it was read.
//
// A rest holds back starts and does not change due times: what is to go when the probe has
// succeeded must be due by then, so a recipient that failed with its host is next due at the end of
// the rest.
//
// In *manual* mode nothing is read or started but what a flush asks for, once: time makes nothing
// due, fresh mail stays in the spool, and when a destination fails what was flushed for it and not
// tried is given up as well. A flush is for whole domains, or, where it is for a selection of
// recipients, for those that the spool has marked: their next attempt is scheduler_mark(of the
// flush), before all times, in the order of the flushes.
//
// (D1) A recipient is in the in-flight set from when it enters a window until its settle has
//      committed; a page that was read before that commit and still holds it is filtered.
// (D2) Destinations take turns (round robin); no destination gets a second start while another
//      that may run waits for its first.
// (D3) While a destination rests its mail is not tried and uses up no attempts.
// (D4) Failures of batches that started before the rest began belong to the same outage: they do
//      not lengthen it.
// (D5) `now` never runs backwards inside; an event with an older now counts as the newest seen.
// (D6) Within a destination and a priority senders take turns (core/sender_key.h says who is one):
//      none gets a second start while another whose mail is in the window waits for its first.
// (D7) There the highest priority goes first, but one that is passed over rises by one with every
//      SENDERS_RISE starts: mail that is k below others gets one start of k * SENDERS_RISE + 1.
// (D8) When a destination's window has no room for a sender with little in it, the sender with most
//      in it gives way: the youngest of its batches go back to the spool.
// (D9) What is suspended is not tried: a destination or a domain is not read and not started, and
//      nothing of it is in a window; its rest goes on meanwhile. When everything is, nothing is.
//      Suspended senders are the pipeline's: it does not offer their mail.
// (D10) Where more is due than is to be in memory it is read by sender: however much one has, the
//       others' mail comes into the window as soon as an index can be walked (backlog.h).
// (D11) Hosts that hang keep what they are given for minutes. So a part of what may be under way is
//       for destinations that have answered since they were last left alone: the others together
//       get no more than scheduler_untried_max.
#ifndef FP_SCHEDULER_SCHEDULER_H
#define FP_SCHEDULER_SCHEDULER_H

#include "core/due.h"
#include "core/message.h"
#include "core/outcome.h"
#include "scheduler/pace.h"
#include "scheduler/suspensions.h"

struct batch {
    struct message message;  // with its version as read
    struct recipient *rcpts; // owned; all to the same destination
    uint32_t rcpt_count;
    char *destination; // owned
    char *rule_domain; // the domain of the first recipient; owned
    char *rule_host;   // for rows for "mx:HOST"; owned, NULL: none
    // the pipeline's handle on the body in memory; NULL: read it from the spool
    void *body;
    int64_t queued_ms; // when it entered the window
    int64_t started_ms;
    bool is_probe;
    // somebody waits for it: given back (DISCARD) rather than kept while the destination is not
    // OPEN
    bool only_if_open;
    bool is_fresh;             // came by FRESH, not out of a page; the scheduler's own
    bool is_untried;           // its destination had not answered when it started (D11); likewise
    uint32_t noted;            // failures noted at its destination when it started; likewise
    struct pace_mark began;    // likewise
    struct batch *next, *prev; // while in a window, among its sender's
    struct sender_line *line;  // likewise; NULL: in none
};

struct batch *batch_new(void);
void batch_free(struct batch *b); // body must be NULL

struct scheduler_settings {
    const struct rules *rules; // borrowed; must live until replaced
    uint32_t batches_max;      // attempts under way over all destinations; e.g. 200
    uint32_t window_rcpts_max; // recipients in all windows together; e.g. 20000
    uint32_t page_size;        // recipients asked for per SCHED_READ_DUE; e.g. 200
    bool is_manual;
};

// The next attempt of a recipient that a flush at that time (ms since the epoch) has picked.
static inline int64_t scheduler_mark(int64_t flush_ms)
{
    return flush_ms - ((int64_t)1 << 53);
}

enum sched_event_kind {
    SCHED_TIMER,
    SCHED_SETTINGS, // new rules or routes: windows are dropped; domains must be told again
    SCHED_DOMAIN,   // a domain has open mail
    SCHED_HEALTH,   // a destination's health from the spool, at start
    SCHED_FRESH,    // a batch that was accepted just now (may be refused room: then only noted)
    SCHED_PAGE,     // one batch out of a page that was asked for
    SCHED_PAGE_END, // the page is complete (or failed)
    SCHED_DONE,     // the attempt is over; outcomes are not committed yet
    SCHED_CLOSING,  // a connection without an attempt begins to close, and counts until CLOSED
    SCHED_CLOSED,   // a connection that was closing is closed
    SCHED_SETTLED,  // one recipient's outcome is committed
    SCHED_DROP,     // removed or held by an operator: leave it out of the windows
    SCHED_FLUSH,    // try now, rests included: one domain, or everything that is known (NULL)
    // one destination's rest is over, because an operator says so (settled.destination)
    SCHED_WAKE,
    SCHED_PAUSE,  // start nothing more (shutdown, outcomes cannot be stored)
    SCHED_RESUME, // go on
    // start nothing for the moment (is_braked), or go on: what is in the windows stays there
    SCHED_BRAKE,
    // An operator's suspension begins (or has other words now); ends. Windows were emptied when one
    // begins: domains must be told again.
    SCHED_SUSPEND,
    SCHED_UNSUSPEND,
    // Time went by unseen: the machine slept, the clock was set. Every destination begins as one
    // that was not tried for long.
    SCHED_JUMP,
    // A way out of this machine has appeared: who rests because there was none, or could not be
    // found or reached, is probed now, spread over a few seconds.
    SCHED_NETWORK,
    // What was blocked here for `blocked` is not any more: who rests for that is open at once, with
    // as many connections as behind an outage, and what waited with it is due.
    SCHED_UNBLOCK,
};

struct sched_event {
    enum sched_event_kind kind;
    int64_t now_ms;
    struct scheduler_settings settings; // SETTINGS
    struct {                            // DOMAIN: strings borrowed
        const char *name, *destination;
        int64_t next_due_ms;
    } domain;
    struct { // HEALTH: strings borrowed
        const char *name;
        uint32_t failures;
        int64_t since_ms, last_probe_ms, rest_until_ms;
        const struct outcome *why;
    } health;
    // FRESH, PAGE: ownership goes to the scheduler (back by DISCARD if refused); DONE: borrowed
    struct batch *batch;
    // DONE: non-NULL when the host failed (SCOPE_HOST)
    const struct outcome *host_failure;
    // DONE: our own failure: rest shortly, count nothing
    bool is_local_failure;
    // DONE, with is_local_failure: the host talked, and refused us for what this batch asked: it
    // rests when that comes several times in a row, and nothing gets through in between
    bool is_local_refusal;
    // DONE, with is_local_failure: it refused our credentials. Nobody says the same password each
    // minute to a host that may lock the account, or us, out.
    bool is_login_refusal;
    uint8_t blocked;   // UNBLOCK; DONE, with is_local_failure: enum outcome_blocked
    bool is_cut_short; // DONE: nobody wants it any more; it says nothing about the destination
    bool is_too_fast;  // DONE: replies spoke of a rate, while the conversation went on
    // DONE: the conversation is not over: its connection counts until SCHED_CLOSED
    bool is_closing;
    const char *closing_destination; // CLOSING, CLOSED; borrowed
    struct {                         // PAGE_END: strings borrowed
        const char *domain;
        bool is_ok, is_done;
        int64_t last_ms;
        uint64_t last_message;
        uint32_t last_n; // key of the last row, of those passed over too
        // what was read of whom, when the page was shared; else NULL
        const struct due_sharing *sharing;
        int64_t next_due_ms; // when is_done
    } page;
    struct { // SETTLED, DROP
        uint64_t message;
        uint32_t n;
        bool is_gone;            // left the queue, or held
        const char *domain;      // borrowed
        const char *destination; // borrowed
        int64_t next_attempt_ms; // when not gone
    } settled;
    struct { // FLUSH: strings borrowed
        const char *domain;
        const char *destination; // of the domain, which need not be known; NULL: only if it is
        int64_t at_ms;           // when it was asked for: what was tried since is left out; 0: now
        bool is_marked;          // manual mode: only what is marked with at_ms, or later
    } flush;
    bool is_braked;                      // BRAKE
    const struct suspension *suspension; // SUSPEND, UNSUSPEND (its kind and name); borrowed
};

enum sched_effect_kind {
    // begin an attempt; the batch is the caller's until SCHED_DONE, then its to free
    SCHED_START,
    SCHED_READ_DUE,     // ask the spool for a page; answered by SCHED_PAGE* and SCHED_PAGE_END
    SCHED_STORE_HEALTH, // a destination began or ended to rest: remember it
    // a batch that is not needed in memory (no room, dropped): free it and its body
    SCHED_DISCARD,
    SCHED_SUSPENSION_OVER, // its time has come, and it has ended
};

struct sched_effect {
    enum sched_effect_kind kind;
    struct batch *batch; // START, DISCARD: ownership goes to the caller
    struct {             // READ_DUE; strings live until the next feed
        const char *domain;
        int64_t horizon_ms, attempted_before_ms;
        int64_t after_ms;
        uint64_t after_message;
        uint32_t after_n;
        uint32_t limit;
        // of whom how much; NULL: in due order; lives until the page has ended
        const struct due_sharing *sharing;
    } due;
    struct { // STORE_HEALTH; strings live until the next feed
        const char *name;
        uint32_t failures; // 0: healthy again
        int64_t since_ms, last_probe_ms, rest_until_ms;
        const struct outcome *why;
    } health;
    const struct suspension *suspension; // SUSPENSION_OVER; lives until the next pull or feed
};

enum destination_state { DESTINATION_OPEN, DESTINATION_RESTING, DESTINATION_PROBING };

struct destination_view {
    enum destination_state state;
    uint32_t failures;
    int64_t since_ms, last_probe_ms, rest_until_ms; // 0 when healthy
    int64_t local_ms; // the last failure of our own, also when it is over; 0: never
    uint8_t blocked;  // enum outcome_blocked: of that one, while it is the last that is known
    uint32_t running, waiting; // batches
    const struct outcome *why; // last host failure, NULL when healthy; lives until the next feed
    uint32_t connections, allowed; // in use; so many may be now,
    uint32_t limit;                // and so many by the rules; 0: not looked up yet
    int64_t next_start_ms;         // its rate lets the next message begin; 0: now
};

// Why a recipient that is in the queue is not being tried at this moment.
enum standing {
    STANDING_ACTIVE,      // it is
    STANDING_NOT_DUE,     // until until_ms
    STANDING_ON_FLUSH,    // nothing is tried without being asked for (manual mode)
    STANDING_RESTING,     // its destination is left alone until until_ms
    STANDING_PROBING,     // another message finds out whether its destination answers again
    STANDING_STOPPED,     // nothing is started for the moment: SCHED_PAUSE, SCHED_BRAKE
    STANDING_RATE,        // due; by the rate its turn comes at until_ms, as things stand
    STANDING_CONCURRENCY, // due; all connections that the destination may have are in use
    STANDING_FULL,        // due; so many attempts are under way over all destinations
    STANDING_TURN,        // due; the next to go, but for those before it
};
struct standing_view {
    enum standing what;
    int64_t until_ms;
    uint32_t before;  // TURN, CONCURRENCY, RATE: batches of its destination that go before it,
    bool is_in_spool; // as far as is known: it waits behind all that is in memory
    uint32_t allowed; // CONCURRENCY, FULL: how many there may be
};

struct scheduler;
struct scheduler *scheduler_new(const struct scheduler_settings *settings, int64_t now_ms);
// frees the batches in windows (their bodies must be NULL: drain with SCHED_SETTINGS first)
void scheduler_free(struct scheduler *s);

void scheduler_feed(struct scheduler *s, const struct sched_event *event);
bool scheduler_pull(struct scheduler *s, struct sched_effect *ret);
// TIME_NEVER when nothing waits for the clock
int64_t scheduler_deadline(const struct scheduler *s);

bool scheduler_destination(const struct scheduler *s, const char *name,
                           struct destination_view *ret);
// Is there anything to do for a destination that waits for such a trouble of our own (enum
// outcome_blocked)? name: of the one that is meant; NULL: any.
bool scheduler_is_blocked(const struct scheduler *s, const char *name, uint8_t blocked);
// Where a recipient is: in the spool only; in memory, to be tried when its turn comes; or an
// attempt on it is under way (started, not yet settled).
enum sched_place { SCHED_IN_SPOOL, SCHED_IN_LINE, SCHED_UNDER_WAY };
enum sched_place scheduler_place(const struct scheduler *s, uint64_t message, uint32_t n);
bool scheduler_is_active(const struct scheduler *s, uint64_t message, uint32_t n);
// Everything that is suspended; lives until the next feed.
const struct suspensions *scheduler_suspensions(const struct scheduler *s);
// Has it a destination of that name, or open mail of such a domain?
bool scheduler_knows(const struct scheduler *s, const char *name);
// Takes a recipient out of the scheduler's hands without an attempt (it grew old, an operator gives
// it back): it counts as active until SCHED_SETTLED. False: an attempt is under way or has just
// ended.
bool scheduler_claim(struct scheduler *s, uint64_t message, uint32_t n);

// Destinations that are not healthy, at most `max`; returns how many were filled in. Texts are
// borrowed until the next feed.
struct unhealthy {
    const char *name;
    struct destination_view view;
};
uint32_t scheduler_unhealthy(const struct scheduler *s, struct unhealthy *rows, uint32_t max);
// That recipient, whose next attempt is then, by today's routes to that destination.
void scheduler_standing(const struct scheduler *s, const struct recipient *r,
                        const char *destination, struct standing_view *ret);
// Attempts that may be under way at destinations of which nobody knows whether they answer (D11).
uint32_t scheduler_untried_max(const struct scheduler_settings *settings);
// Do such destinations wait for one of these to end?
bool scheduler_is_crowded(const struct scheduler *s);
struct scheduler_counts {
    uint32_t running, active_rcpts, window_batches, window_rcpts, destinations, resting, domains;
};
void scheduler_count(const struct scheduler *s, struct scheduler_counts *ret);

#endif
