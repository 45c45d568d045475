// SPDX-License-Identifier: BSD-2-Clause
// relaying: mode "interactive": a message is handed on while its client waits, and only what could
// not be delivered at once is spooled. See pipeline_internal.h.
//
// A relay is one such message. States:
//
//     TRYING   its batches are under way; nothing of its envelope is in the spool
//     STORING  OP_ACCEPT is out, with every recipient that has not been delivered
//     REFUSED  that failed: the client was told so, and what is still under way is for nobody
//
// It ends when every recipient was delivered (and the client is told so), when OP_ACCEPT has come
// back well (what is still under way goes on as any attempt does, and settles by itself), or, being
// REFUSED, when its last attempt has ended.
//
// (R1) 250 is said only after the final 2xx of the next hops for some recipients and the commit for
//      all others.
// (R2) Recipients keep their numbers, so that an attempt that was begun here settles in the spool;
//      they stay in the scheduler's hands from the attempt until then (D1).
// (R3) What ends while OP_ACCEPT is out is kept until that has come back: an outcome finds nothing
//      before its message is there, and on a full disk the writer takes outcomes first (W3).
// (R4) The body is in memory as long as the relay is, its last chunk at least; chunks before that
//      were stored as they came.
//
// A next hop that refuses a recipient for good is no reason to refuse the client, who can be
// answered only once for all recipients, of whom others may have the message by then: the sender
// gets a notice, as in mode "background".
//
// Ids are told to clients here without a transaction, so they are reserved in the spool in advance,
// a block at a time (queue/ids.h).
#include "pipeline/pipeline_internal.h"

#include <stdlib.h>
#include <utlist.h>

enum { RESERVE_BLOCK = 1 << 24 }; // ids, for four and a half minutes

enum relay_state { RELAY_TRYING, RELAY_STORING, RELAY_REFUSED };

// What is known of a recipient.
enum fate {
    FATE_OPEN, // in the scheduler's hands
    FATE_LEFT, // not delivered
    FATE_DELIVERED,
};

// An attempt that is over, and to be settled when its message is in the spool.
struct attempt {
    struct batch *batch;
    struct outcome *outcomes;
    struct settle_times times;
    int64_t host_retry_ms;
    struct attempt *next;
};

struct relay {
    uint64_t message;
    uint64_t conn;
    enum relay_state state;
    struct entry *entry; // without its tail; recipients by number
    struct body *tail;   // NULL when there is none
    uint8_t *fates;      // by recipient
    uint32_t open;       // recipients of FATE_OPEN
    uint32_t delivered;
    bool is_announced; // the log knows of it
    struct attempt *attempts;
    struct batch *untried; // came back without an attempt
    struct alarm alarm;    // TRYING: when the client has waited long enough
    UT_hash_handle hh;
};

static struct relay *find(const struct pipeline *p, uint64_t message)
{
    struct relay *r;
    HASH_FIND(hh, p->relays, &message, sizeof message, r);
    return r;
}

bool relaying_has(const struct pipeline *p, uint64_t message)
{
    return find(p, message) != NULL;
}

static void free_batch(struct pipeline *p, struct batch *b)
{
    body_unref(p, b->body);
    b->body = NULL;
    batch_free(b);
}

static void relay_free(struct pipeline *p, struct relay *r)
{
    HASH_DEL(p->relays, r);
    heap_remove(&p->alarms, &r->alarm.node);
    while (r->attempts) {
        struct attempt *a = r->attempts;
        LL_DELETE(r->attempts, a);
        free_batch(p, a->batch);
        free(a->outcomes);
        free(a);
    }
    while (r->untried) {
        struct batch *b = r->untried;
        LL_DELETE(r->untried, b);
        free_batch(p, b);
    }
    body_unref(p, r->tail);
    entry_free(r->entry);
    free(r->fates);
    free(r);
}

void relaying_close(struct pipeline *p)
{
    while (p->relays)
        relay_free(p, p->relays);
}

// ---- ids -----------------------------------------------------------------------------------

static void reserve(struct pipeline *p, uint64_t mark)
{
    struct op *op = op_new(OP_RESERVE);
    op->reserve.id_mark = mark;
    store_op(p, op, WAIT_RESERVE);
}

void relaying_reserve(struct pipeline *p)
{
    if (p->config->mode != MODE_INTERACTIVE || p->is_reserving || p->is_stopping)
        return;
    uint64_t today = ids_at(p->now_ms), next = (today > p->ids.last ? today : p->ids.last) + 1;
    if (next + RESERVE_BLOCK / 2 < p->ids_reserved)
        return;
    p->is_reserving = true;
    reserve(p, next + RESERVE_BLOCK);
}

void relaying_reserved(struct pipeline *p, const struct op *op)
{
    p->is_reserving = false;
    if (!op->err && !p->is_stopping)
        p->ids_reserved = op->reserve.id_mark;
}

// The next start begins behind the ids that were used.
static void give_back_ids(struct pipeline *p)
{
    if (p->ids_reserved == 0)
        return;
    p->ids_reserved = 0;
    reserve(p, p->ids.last + 1);
}

// ---- the message as a whole ------------------------------------------------------------------

static void announce(struct pipeline *p, struct relay *r)
{
    if (!r->is_announced)
        windows_announce(p, &r->entry->message, r->entry->rcpt_count);
    r->is_announced = true;
}

static void complete(struct pipeline *p, struct relay *r)
{
    uint64_t conn = r->conn;
    struct buf *line = effect_line(p);
    logline_removed(r->message, line);
    effect_log(p, LOG_LEVEL_INFO, line);
    if (r->entry->chunks_before > 0)
        door_discard(p, r->message);
    p->counters.accepted++;
    relay_free(p, r);
    door_answer(p, conn, FP_OK);
}

// What was not delivered, as an entry of its own. Effects may borrow the tail, so it is copied.
static struct entry *copy_left(const struct relay *r)
{
    const struct entry *from = r->entry;
    struct entry *e = entry_new();
    message_copy(&e->message, &from->message);
    e->rcpts = must_alloc(from->rcpt_count * sizeof *e->rcpts);
    for (uint32_t i = 0; i < from->rcpt_count; i++)
        if (r->fates[i] != FATE_DELIVERED)
            recipient_copy(&e->rcpts[e->rcpt_count++], &from->rcpts[i]);
    e->chunks_before = from->chunks_before;
    if (r->tail) {
        e->tail = must_memdup(r->tail->data, r->tail->size);
        e->tail_size = r->tail->size;
    }
    return e;
}

static void spool(struct pipeline *p, struct relay *r)
{
    must(r->state == RELAY_TRYING);
    r->state = RELAY_STORING;
    heap_remove(&p->alarms, &r->alarm.node);
    door_store(p, r->conn, copy_left(r));
}

// Some recipients are not open any more.
static void go_on(struct pipeline *p, struct relay *r)
{
    if (r->open > 0 || r->state == RELAY_STORING)
        return;
    if (r->state == RELAY_REFUSED)
        relay_free(p, r);
    else if (r->delivered == r->entry->rcpt_count)
        complete(p, r);
    else
        spool(p, r);
}

void relaying_timer(struct pipeline *p, struct relay *r)
{
    spool(p, r);
}

void relaying_shutdown(struct pipeline *p)
{
    struct relay *r, *next;
    HASH_ITER(hh, p->relays, r, next)
    {
        if (r->state == RELAY_TRYING)
            spool(p, r);
    }
    give_back_ids(p);
}

// ---- the beginning ---------------------------------------------------------------------------

// Notices of arrival go out with what settles the recipient, and that is the spool's.
static bool wants_arrival(const struct entry *e)
{
    for (uint32_t i = 0; i < e->rcpt_count; i++)
        if (e->rcpts[i].notify & DSN_SUCCESS)
            return true;
    return false;
}

static bool may_relay(struct pipeline *p, const struct entry *e)
{
    return p->config->mode == MODE_INTERACTIVE && p->is_started && !p->is_stopping &&
           !p->is_spool_failing && e->message.id < p->ids_reserved &&
           e->rcpt_count <= FRESH_RCPTS_MAX && !suspending_holds_any(p, e) && !wants_arrival(e) &&
           body_make_room(p, entry_tail_memory(e));
}

static struct relay *relay_new(struct pipeline *p, uint64_t conn, struct entry *e)
{
    struct relay *r = must_zalloc(sizeof *r);
    e->message.version = MESSAGE_VERSION_FIRST; // what its outcomes will find in the spool
    r->message = e->message.id;
    r->conn = conn;
    r->entry = e;
    if (e->tail) {
        r->tail = body_new(p, e->tail, e->tail_size);
        body_weigh(p, r->tail, entry_tail_memory(e));
    }
    e->tail = NULL;
    e->tail_size = e->tail_cap = 0;
    r->fates = must_zalloc(e->rcpt_count);
    r->open = e->rcpt_count;
    alarm_init(&r->alarm, ALARM_RELAY, r);
    alarm_set(p, &r->alarm, p->now_ms + p->config->interactive_timeout_ms);
    HASH_ADD(hh, p->relays, message, sizeof r->message, r);
    return r;
}

bool relaying_begin(struct pipeline *p, uint64_t conn, struct entry *e)
{
    relaying_reserve(p);
    if (!may_relay(p, e))
        return false;
    struct relay *r = relay_new(p, conn, e);
    struct recipient *rcpts = must_alloc(e->rcpt_count * sizeof *rcpts);
    for (uint32_t i = 0; i < e->rcpt_count; i++) {
        must(e->rcpts[i].n == i && e->rcpts[i].message == r->message);
        recipient_copy(&rcpts[i], &e->rcpts[i]);
    }
    windows_offer(p, &(struct parcel){.kind = SCHED_FRESH,
                                      .message = &e->message,
                                      .rcpts = rcpts,
                                      .rcpt_count = e->rcpt_count,
                                      .body = e->chunks_before == 0 ? r->tail : NULL,
                                      .only_if_open = true});
    free(rcpts);
    return true;
}

struct body *relaying_body(const struct pipeline *p, uint64_t message, uint32_t chunk)
{
    const struct relay *r = find(p, message);
    return r && chunk == r->entry->chunks_before ? r->tail : NULL;
}

// ---- what became of its batches --------------------------------------------------------------

static void close_fate(struct relay *r, uint32_t n, enum fate fate)
{
    must(r->fates[n] == FATE_OPEN && r->open > 0);
    r->fates[n] = (uint8_t)fate;
    r->open--;
    r->delivered += fate == FATE_DELIVERED;
}

bool relaying_given_back(struct pipeline *p, struct batch *b)
{
    struct relay *r = find(p, b->message.id);
    if (!r)
        return false;
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        close_fate(r, b->rcpts[i].n, FATE_LEFT);
    if (r->state == RELAY_REFUSED)
        free_batch(p, b);
    else
        LL_PREPEND(r->untried, b);
    go_on(p, r);
    return true;
}

// The next hop has it: nothing of this recipient goes to the spool.
static void deliver(struct pipeline *p, struct relay *r, const struct attempt *a, uint32_t i)
{
    const struct batch *b = a->batch;
    announce(p, r);
    settling_log(p, &(struct settling_attempt){.message = &b->message,
                                               .rcpt = &b->rcpts[i],
                                               .outcome = &a->outcomes[i],
                                               .times = &a->times,
                                               .queued_ms = b->queued_ms});
    p->counters.delivered++;
    windows_settled(p, b->message.sender, &b->rcpts[i], true, 0);
}

// Deals with those that were delivered and leaves the others in the attempt.
static void take_delivered(struct pipeline *p, struct relay *r, struct attempt *a)
{
    struct batch *b = a->batch;
    uint32_t left = 0;
    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        if (a->outcomes[i].result != OUTCOME_DELIVERED) {
            b->rcpts[left] = b->rcpts[i];
            a->outcomes[left++] = a->outcomes[i];
            continue;
        }
        deliver(p, r, a, i);
        recipient_close(&b->rcpts[i]);
    }
    b->rcpt_count = left;
}

// Nobody will settle it: its recipients are out of the scheduler's hands.
static void drop_attempt(struct pipeline *p, struct relay *r, struct attempt *a)
{
    take_delivered(p, r, a);
    for (uint32_t i = 0; i < a->batch->rcpt_count; i++)
        windows_settled(p, a->batch->message.sender, &a->batch->rcpts[i], true, 0);
    free_batch(p, a->batch);
    free(a->outcomes);
    free(a);
}

static void close_fates(struct relay *r, const struct attempt *a)
{
    for (uint32_t i = 0; i < a->batch->rcpt_count; i++) {
        bool is_delivered = a->outcomes[i].result == OUTCOME_DELIVERED;
        close_fate(r, a->batch->rcpts[i].n, is_delivered ? FATE_DELIVERED : FATE_LEFT);
    }
}

bool relaying_ended(struct pipeline *p, struct batch *b, struct outcome *outcomes,
                    const struct settle_times *times, int64_t host_retry_ms)
{
    struct relay *r = find(p, b->message.id);
    if (!r)
        return false;
    struct attempt *a = must_alloc(sizeof *a);
    *a = (struct attempt){b, outcomes, *times, host_retry_ms, NULL};
    close_fates(r, a);
    if (r->state == RELAY_TRYING)
        take_delivered(p, r, a);
    if (r->state == RELAY_REFUSED || b->rcpt_count == 0)
        drop_attempt(p, r, a);
    else
        LL_PREPEND(r->attempts, a);
    go_on(p, r);
    return true;
}

// ---- what became of storing the rest -----------------------------------------------------------

static void try_later(struct pipeline *p, struct batch *b)
{
    if (windows_try_by_themselves(p))
        windows_offer(p, &(struct parcel){.kind = SCHED_FRESH,
                                          .message = &b->message,
                                          .rcpts = b->rcpts,
                                          .rcpt_count = b->rcpt_count,
                                          .body = b->body});
    free_batch(p, b);
}

// From here on it is mail like any other.
static void accepted(struct pipeline *p, struct relay *r)
{
    struct attempt *attempts = r->attempts, *a, *next;
    struct batch *untried = r->untried, *b, *next_batch;
    announce(p, r);
    r->attempts = NULL;
    r->untried = NULL;
    if (r->entry->chunks_before == 0)
        body_spare(p, r->tail); // the spool has it, too
    relay_free(p, r);
    LL_FOREACH_SAFE(attempts, a, next)
    {
        settling_begin(p, a->batch, a->outcomes, &a->times, a->host_retry_ms);
        free(a);
    }
    LL_FOREACH_SAFE(untried, b, next_batch)
    {
        b->next = NULL;
        try_later(p, b);
    }
}

// Recipients that wait in a window will not be tried.
static void drop_waiting(struct pipeline *p, struct relay *r)
{
    for (uint32_t n = 0; n < r->entry->rcpt_count; n++) {
        if (r->fates[n] != FATE_OPEN || scheduler_is_active(p->scheduler, r->message, n))
            continue;
        close_fate(r, n, FATE_LEFT);
        windows_drop(p, r->message, n, r->entry->rcpts[n].domain);
    }
}

static void refused(struct pipeline *p, struct relay *r, enum fp_err err)
{
    uint64_t message = r->message;
    r->state = RELAY_REFUSED;
    r->open++; // it stays until the end of this function
    while (r->attempts) {
        struct attempt *a = r->attempts;
        LL_DELETE(r->attempts, a);
        drop_attempt(p, r, a);
    }
    drop_waiting(p, r);
    carriers_cut(p, message);
    if (r->delivered > 0)
        effect_logf(p, LOG_LEVEL_WARNING,
                    "%012llX: %u of %u recipients have it, the rest cannot be stored: %s; the "
                    "client is told to send it again, to all",
                    (unsigned long long)message, r->delivered, r->entry->rcpt_count,
                    fp_err_text(err));
    r->open--;
    go_on(p, r);
}

bool relaying_stored(struct pipeline *p, uint64_t message, enum fp_err err)
{
    struct relay *r = find(p, message);
    if (!r)
        return false;
    if (err)
        refused(p, r, err);
    else
        accepted(p, r);
    return true;
}
