// SPDX-License-Identifier: BSD-2-Clause
// op: one request to the spool and its answer, as a value that travels between threads.
//
//     struct op *op = op_new(OP_ACCEPT);      the pipeline makes it and fills `in`
//     ... effect STORE(op) ...                the shell hands it to the writer or reader thread
//     store_run(store, op)                    fills `err` and `out` (queue/store_db.h)
//     ... event STORED(op) ...                the pipeline reads the answer
//     op_free(op)                             and whoever holds it last frees it, with all it owns
//
// An op owns everything it points at; taking something out means setting the pointer to NULL.
// Rules W1 to W5 of docs/architecture.md are kept by the functions behind it.
#ifndef FP_QUEUE_OP_H
#define FP_QUEUE_OP_H

#include "core/due.h"
#include "core/err.h"
#include "core/filter.h"
#include "core/message.h"
#include "core/outcome.h"
#include "core/pool.h"
#include "core/spans.h"
#include "core/sts_policy.h"
#include "core/suspension.h"

enum op_kind {
    // writers: run in the one writing connection, several in one transaction
    OP_APPEND,   // store one full chunk of a body that is still arriving
    OP_ACCEPT,   // seal a new entry: envelope, recipients, last chunk; P1
    OP_DISCARD,  // forget a body that was appended to and will not be accepted
    OP_SETTLE,   // what became of an attempt, or of growing old; P2
    OP_CHANGE,   // an operator's change, one page of it
    OP_HEALTH,   // remember a destination's health
    OP_MAINTAIN, // idle work: history purge, incremental vacuum, checkpoint
    OP_RESERVE,  // ids below a mark are in use, whatever becomes of them
    OP_SUSPEND,  // remember, or forget, what an operator has suspended
    OP_CLOCK,    // times that a wrong clock has left, one page of domains
    OP_POSTPONE, // recipients of suspended senders: not to be read again before a time
    OP_STS,      // remember, or forget, the MTA-STS policy of a domain
    OP_WRITERS_END,
    // readers: run in a query_only connection, each in a transaction of its own
    OP_DOMAINS = OP_WRITERS_END, // domains with open recipients, by keyset pages
    OP_DUE,                      // due recipients of one domain, by keyset pages
    OP_OVERDUE,                  // messages of certain ages, by keyset pages
    OP_READ,                     // one message with its recipients
    OP_CHUNK,                    // one chunk of a body
    OP_HEALTHS,                  // all destinations' health
    OP_LIST,                     // the queue for people, by keyset pages
    OP_STATS,                    // counts
    OP_HISTORY,                  // attempts and ends of a message's recipients
    OP_ENDED,                    // what became of mail to an address, by keyset pages
    OP_FIND,                     // an address's recipients in the queue, by keyset pages
    OP_PLAN,                     // what will be due, by domain, by keyset pages
    OP_SUSPENSIONS,              // all that is suspended
    OP_STS_ALL,                  // MTA-STS policies
    OP_KIND_COUNT
};

// A message together with some of its recipients.
struct op_row {
    struct message message;
    struct recipient *rcpts;
    uint32_t rcpt_count;
};

// A thousand of them at once: rows, recipients and texts are the page's, not the row's. A page may
// be taken out of its op by assignment; what is left behind is zeroed.
struct op_page {
    struct op_row *rows; // each row's recipients lie in `rcpts`
    uint32_t row_count;
    struct recipient *rcpts;
    uint32_t rcpt_count;
    struct pool texts;
};
void op_page_close(struct op_page *page);

struct op_append {
    uint64_t message;
    uint32_t chunk;
    char *data;
    size_t size;
};
struct op_accept {
    struct entry *entry;
};
struct op_discard {
    uint64_t message;
};

// How a recipient left the queue, as the spool keeps it; its view `history` names them.
enum finished_outcome {
    FINISHED_DELIVERED = 0,
    FINISHED_FAILED = 1,
    FINISHED_EXPIRED = 2,
    FINISHED_REMOVED = 3,
    FINISHED_BOUNCED = 4,  // by an operator
    FINISHED_DEFERRED = 5, // never stored: what the view calls an attempt that was not the last
};

enum settle_action {
    SETTLE_DELIVERED, // leaves the queue, goes to history
    SETTLE_DEFER,     // stays; next_attempt_ms and warned are stored
    SETTLE_FAIL,      // leaves the queue; a notice in the same op says so where one is due
    SETTLE_WARN,      // stays as it is, only `warned` is stored (sweep; no attempt was made)
    SETTLE_HOLD,      // refused for good, but stays, held: an operator is to decide (held_why)
};

enum { SETTLE_RULE_SIZE = 160, OP_NOTICES = 3 };

struct settle_change {
    uint32_t n; // the recipient
    enum settle_action action;
    bool is_attempt;             // an attempt was made: attempts grow, history gets a row
    uint32_t warned;             // new value
    int64_t next_attempt_ms;     // SETTLE_DEFER
    int64_t began_ms;            // of the attempt
    struct outcome outcome;      // what to remember
    const char *held_why;        // SETTLE_HOLD: a text that lives as long as the program
    const char *expired_by;      // SETTLE_FAIL, given up: likewise, "its age"; NULL else
    char rule[SETTLE_RULE_SIZE]; // which row of `retry` chose the next time, for people; cut to fit
};

struct op_settle {
    uint64_t message;
    uint32_t
        version; // read before; a different one in the spool gives FP_CONFLICT and changes nothing
    int64_t now_ms;
    struct settle_change *changes; // owned
    uint32_t change_count;
    // failure notice, delay warning, notice of arrival; NULL when none; owned
    struct entry *notices[OP_NOTICES];
    // The caller alone settles these recipients, as an attempt does: the version stays, so that
    // settlements of a message's other recipients are no conflict. A thousand destinations of one
    // message would else each make all others read it again.
    bool keeps_version;
    bool wants_all; // FP_CONFLICT, too, when one of the recipients is not there any more
    // out
    uint32_t new_version; // the same when it was kept
    bool
        is_removed; // the last recipient left: the message is gone (decided in the transaction, W1)
    uint32_t gone_count; // changes whose recipient had been removed meanwhile (W5); see is_gone
    bool *is_gone;       // change_count flags, owned; NULL when gone_count is 0
};
// err: FP_OK; FP_CONFLICT (read again, compute again); FP_GONE (the whole message was removed
// meanwhile: nothing stored, notices not stored); FP_FULL, FP_IO.
// A held recipient stays held when deferred and leaves when delivered or failed.

enum change_verb { CHANGE_HOLD, CHANGE_RELEASE, CHANGE_REMOVE, CHANGE_REQUEUE, CHANGE_DUE };
// HOLD: open -> held. RELEASE: held -> open, due now. REMOVE: leaves with outcome "removed" in
// history. REQUEUE: attempts, warned, last_* forgotten, due now, open. DUE: open ones due now,
// attempts kept.

struct op_change_row {
    uint64_t message;
    uint32_t n;
    enum recipient_state state;
    char *domain;
    char *address;
    bool is_last; // its message left the queue with it
};

struct op_change {
    struct filter filter;
    enum change_verb verb;
    bool dry_run;
    int64_t now_ms;
    int64_t uid;    // >= 0: only messages this user submitted; -1: all
    int64_t mark;   // CHANGE_DUE: the next attempt, whatever it was; 0: now_ms, or what is earlier
    char *reason;   // owned, NULL for none; stored with removed ones
    uint64_t after; // keyset: messages with an id above this
    uint32_t limit; // messages per page, <= 1000
    // out
    struct op_change_row *rows; // affected recipients, owned
    uint32_t row_count;
    uint32_t message_count; // messages with at least one affected recipient
    uint64_t last;          // continue after this
    bool is_done;
};

// A destination's health as it survives a restart.
struct op_health_row {
    char *name;            // destination's name; owned
    uint32_t failures;     // host-scope failures in a row; 0 removes the row
    int64_t since_ms;      // first of them
    int64_t last_probe_ms; // last of them
    int64_t rest_until_ms;
    uint8_t klass; // enum outcome_class
    char *status;  // owned
    char *text;    // why; owned
};
struct op_health {
    struct op_health_row row;
};

// After a restart ids begin at or above the mark. It may be lowered, by who has given out the ids
// since it was raised; an entry with an id at or above it raises it.
struct op_reserve {
    uint64_t id_mark;
};

// Replaces the suspension of that kind and name, or removes it.
struct op_suspend {
    struct suspension row;
    bool is_over;   // remove it
    bool by_itself; // and only if its end is still the one of the row
};

// Replaces the policy of that domain, or removes it.
struct op_sts {
    struct sts_policy row; // only the domain counts when it is_over
    bool is_over;
};

// Recipients that are next due behind latest_ms are due at now_ms, and what came behind now_ms came
// then. With the first page, arrivals from shift_from_ms to shift_to_ms are moved by shift_by_ms.
// Versions stay.
struct op_clock {
    int64_t now_ms, latest_ms;
    int64_t shift_from_ms, shift_to_ms, shift_by_ms; // by 0: none
    char *after;    // in and out, owned: domains behind this; NULL: the first page
    uint32_t limit; // domains to look at
    char **domains; // out, owned: those with recipients that are due now
    uint32_t domain_count;
    uint64_t changed; // out: recipients
    bool is_done;
};

struct op_postpone_row {
    uint64_t message;
    uint32_t n;
    int64_t until_ms; // the next attempt from now on
};
// Who is not there any more is left out; the versions stay.
struct op_postpone {
    struct op_postpone_row *rows; // owned
    uint32_t row_count;
};

struct op_maintain {
    int64_t now_ms;
    int64_t history_ms; // finished entries older than this are purged; < 0: keep all
    uint32_t budget;    // rows and pages to work on at most
    bool more;          // out: there is more to do
};

struct op_domain_row {
    char *domain;
    int64_t next_attempt_ms;
};
struct op_domains {
    char *after; // owned; NULL for the first page
    uint32_t limit;
    struct op_domain_row *rows; // out, owned: open domains and their earliest next_attempt
    uint32_t row_count;
    bool is_done;
};

struct op_due {
    char *domain;                // owned
    int64_t horizon_ms;          // next_attempt <= this
    int64_t attempted_before_ms; // and last_attempt < this (a flush); INT64_MAX otherwise
    int64_t after_ms;
    uint64_t after_message;
    uint32_t after_n; // keyset; after_ms INT64_MIN to begin
    uint32_t limit;   // recipients
    // owned; NULL: whatever is due first. In and out: what is left of each sender, and from where
    // on there is more of it. attempted_before_ms must be INT64_MAX then.
    struct due_sharing *sharing;
    struct due_key last; // out, when shared: the last one that was looked at; where reading began
                         // when it was none
    struct op_row *rows; // out: in due order; consecutive recipients of one message share a row
    uint32_t row_count;
    uint32_t rcpt_count;
    bool is_done; // no more due ones behind these; those that were passed over do not count
    int64_t
        next_due_ms; // when is_done: earliest next_attempt beyond the horizon, TIME_NEVER when none
};

// For the sweep: messages whose lowest `warned` is `level` and that arrived within the spans.
struct op_overdue {
    uint32_t level;
    struct spans spans; // times of arrival
    uint32_t limit;     // recipients
    int64_t from_ms;    // in and out: where to begin, and to go on: this arrival,
    uint64_t from_id;   // this message (0 for the beginning)
    uint32_t from_n;    // this recipient of it
    // Asked where by_until_ms is not 0: messages whose deliver_by_ms lies within. out: their
    // arrivals, which are looked at, too.
    int64_t by_from_ms, by_until_ms;
    struct spans by;
    struct op_row *rows; // out: open and held recipients; a message with many goes on in the next
    uint32_t row_count;  // page
    bool is_done;
    uint32_t next_level; // when is_done: the next higher one at which there is mail; UINT32_MAX
};

struct op_read {
    uint64_t message;
    struct op_row *row;   // out; NULL with FP_NOT_FOUND
    uint32_t chunk_count; // out
};

struct op_chunk {
    uint64_t message;
    uint32_t chunk;
    uint32_t offset;   // of its bytes those from here on
    uint32_t size_max; // and so many at most; 0: all
    char *data;        // out
    size_t size;
    bool is_end; // nothing of the chunk is left behind them
};

struct op_healths {
    struct op_health_row *rows;
    uint32_t row_count;
};

struct op_suspensions {
    struct suspension *rows; // out, owned
    uint32_t row_count;
};

struct op_sts_all {
    uint32_t limit;          // those fetched last
    struct sts_policy *rows; // out, owned
    uint32_t row_count;
};

struct op_list {
    struct filter filter; // `active` is not known here: terms on it are the caller's
    int64_t now_ms;
    int64_t uid;
    uint64_t after;
    uint32_t limit;      // messages, <= 1000
    struct op_page page; // out: only the recipients that the filter selects
    uint64_t last;
    bool is_done;
};

enum {
    STATS_AGES = 10
}; // upper bounds 5 10 20 40 80 160 320 640 1280 minutes, and beyond (qshape)
struct op_stats_row {
    char *domain;
    uint64_t total;
    uint64_t by_age[STATS_AGES];
};
// A recipient that is held. Texts are the op's pool's.
struct op_withheld {
    const char *address, *reply, *host; // what was said last, and who ("name[ip]:port")
    int64_t at_ms;                      // then
};
// Counted in pages, each in a transaction of its own: nothing waits for the whole of a large queue,
// and no snapshot of it is held. What changes meanwhile may be counted as it was or as it is.
struct op_stats {
    int64_t now_ms;
    uint32_t domain_limit;        // the largest domains only
    uint32_t limit;               // messages and recipients to count on this page; 0: all
    const char *held_why;         // which of those that are held are told; NULL: none; borrowed
    struct op_withheld *withheld; // out: these, of this page; they stay with it
    uint32_t withheld_count;
    struct pool texts;
    bool is_done;                    // out; else op_stats_rest goes on
    uint64_t messages, bytes;        // out
    uint64_t queued, deferred, held; // recipients
    int64_t oldest_arrival_ms;       // 0 when empty
    struct op_stats_row *rows;       // out: largest first
    uint32_t row_count;
    uint64_t spool_bytes, free_bytes; // when is_done: file size, and reusable space in it
    struct {                          // how far counting got
        bool has_messages;            // all of them
        bool is_within;               // the domain `row` is not at its end
        uint64_t message;             // the last one counted
        struct op_stats_row row;      // its domain is owned, and stays for finding the next one
        enum recipient_state state;
        int64_t next_attempt_ms; // the key of the last recipient counted
        uint64_t rcpt_message;
        uint32_t n;
    } at;
};

// History: what was tried, and the end. Texts are a pool's; none is NULL.
struct op_attempt {
    uint32_t n, nr;              // the recipient, and which attempt; the newest 50 are kept
    int64_t at_ms;               // began
    int64_t ended_ms;            // and was stored
    int64_t next_ms;             // what was decided then
    uint8_t klass, scope, stage; // of its outcome
    bool in_doubt;
    const char *status, *reply, *host, *tls;
    const char *rule; // who decided
};
struct op_end {
    uint64_t message;
    uint32_t n;
    enum finished_outcome outcome;
    int64_t arrival_ms, at_ms;
    int64_t uid; // of its submitter; -1: from the network, our own, or of an older spool
    uint32_t attempts;
    uint8_t klass, stage;
    bool in_doubt;
    const char *sender, *address, *status, *reply, *host, *tls;
    const char *reason; // an operator's
};

// Of the recipients from_n to from_n + count - 1 of a message, in the queue or not.
struct op_history {
    uint64_t message;
    uint32_t from_n, count;
    struct op_attempt *attempts; // out: by recipient, oldest first
    uint32_t attempt_count;
    struct op_end *ends; // out: by recipient
    uint32_t end_count;
    bool is_queued; // out: some recipient is in the queue,
    int64_t uid;    // then: of its submitter
    bool is_done;   // out: there are no recipients behind these
    struct pool texts;
};

// Newest first. There is no index by address, as each message would pay for it: a page looks at
// `limit` ends, whoever they are of.
struct op_ended {
    char *address; // owned
    char *domain;  // owned; not NULL: instead, what was delivered to anybody of it
    int64_t uid;   // >= 0: only what this user submitted
    uint32_t limit, max;
    int64_t at_ms; // in and out: the end that was looked at last; INT64_MAX to begin
    uint64_t at_message;
    uint32_t at_n;
    struct op_end *ends; // out: at most `max`
    uint32_t end_count;
    bool is_done; // there are no older ones
    struct pool texts;
};

// Walks the recipients of the address's domain and keeps the newest of those that are the
// address's. op_find_rest goes on behind a page that is not done.
enum { FIND_MAX = 20 };
struct op_found {
    uint64_t message;
    uint32_t n;
};
struct op_find {
    char *address, *domain; // owned
    int64_t uid;
    uint32_t limit;                  // recipients to look at on this page
    struct op_found found[FIND_MAX]; // out: newest first
    uint32_t found_count;
    uint64_t total; // out: of all that were found
    bool is_done;
    struct {
        enum recipient_state state;
        bool has_begun;
        int64_t next_attempt_ms;
        uint64_t message;
        uint32_t n;
    } at;
};

// Open recipients that are due by a time, domain by domain. op_plan_rest goes on.
struct op_plan_row {
    char *domain;              // owned
    uint64_t count;            // due until then
    int64_t first_ms, last_ms; // of these; first is of the domain's next one when count is 0
};
struct op_plan {
    int64_t until_ms;
    char *domain;             // owned; NULL: all of them
    uint32_t limit;           // recipients to count on this page, about
    struct op_plan_row *rows; // out: domains that are complete on this page
    uint32_t row_count;
    bool is_done;
    struct {
        bool is_within; // the domain `row` is not at its end
        struct op_plan_row row;
        int64_t next_attempt_ms;
        uint64_t message;
        uint32_t n;
    } at;
};

struct op {
    enum op_kind kind;
    enum fp_err err;
    uint64_t tag;    // the caller's
    struct op *next; // for queues
    union {
        struct op_append append;
        struct op_accept accept;
        struct op_discard discard;
        struct op_settle settle;
        struct op_change change;
        struct op_health health;
        struct op_maintain maintain;
        struct op_reserve reserve;
        struct op_suspend suspend;
        struct op_sts sts;
        struct op_clock clock;
        struct op_postpone postpone;
        struct op_domains domains;
        struct op_due due;
        struct op_overdue overdue;
        struct op_read read;
        struct op_chunk chunk;
        struct op_healths healths;
        struct op_list list;
        struct op_stats stats;
        struct op_history history;
        struct op_ended ended;
        struct op_find find;
        struct op_plan plan;
        struct op_suspensions suspensions;
        struct op_sts_all sts_all;
    };
};

// Whether anybody waits for a writer's op decides how soon it is committed.
//
// Lazy is what became of an attempt when no notice goes out with it, a destination's health, a body
// that is given up, mail of a suspended sender that is put off, an MTA-STS policy. To hold them for
// a few milliseconds can lose nothing: the message stands in the spool as it was, and its
// recipients stay in flight. A crash within that time has delivered messages delivered again, as
// one between the next hop's reply and its commit always had; the time grows by as much. Nearly
// every message that is relayed is settled shortly before or after another is accepted, so its
// settlement mostly costs no commit of its own.
//
// Not lazy is what somebody goes on behind: a client behind its 250, an operator, a sweep that
// reads its next page, a notice that is to be sent. Nor MAINTAIN, for another reason: it is long,
// and whoever brought the company that it was held for would wait for it.
enum op_haste { OP_URGENT, OP_LAZY };
enum op_haste op_haste(const struct op *op);

// Zeroed; uid fields -1. It has the member of its kind and no other: never copy one by value.
struct op *op_new(enum op_kind kind);
void op_free(struct op *op); // with everything it still owns; NULL is fine
static inline bool op_is_writer(const struct op *op)
{
    return op->kind < OP_WRITERS_END;
}
// Reading that no mail waits for: for people, and for the sweep, which has a minute's time. It goes
// behind pages of due mail and bodies.
static inline bool op_can_wait(const struct op *op)
{
    return op->kind == OP_LIST || op->kind == OP_STATS || op->kind == OP_OVERDUE ||
           op->kind >= OP_HISTORY;
}

void op_rows_free(struct op_row *rows, uint32_t count);
// The op that goes on counting behind one that is not done; takes what was counted out of that.
struct op *op_stats_rest(struct op *op);
struct op *op_ended_rest(struct op *op); // ends that were found stay with the old one
struct op *op_find_rest(struct op *op);
struct op *op_plan_rest(struct op *op); // rows stay with the old one

#endif
