// SPDX-License-Identifier: BSD-2-Clause
// world_spool: what the world of world.h consists of, and its spool: an array of rows that is read
// by due order and cursor, as the real one is.
#ifndef FP_TESTS_SCHEDULER_WORLD_SPOOL_H
#define FP_TESTS_SCHEDULER_WORLD_SPOOL_H

#include "core/heap.h"
#include "core/must.h"
#include "core/sender_key.h"
#include "core/time.h"
#include "scheduler/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

enum {
    WORLD_DOMAINS = 16,
    WORLD_ROWS = 8000,
    WORLD_OUTAGES = 64,
    WORLD_ATTEMPTS = 1000, // remembered per destination
    WORLD_WALK = 200,      // rows that a shared page looks at
};

enum verdict { ANSWERS, HOST_DOWN, WE_ARE_DOWN, DEFERS, CUT_SHORT };

struct row {
    uint64_t message;
    uint32_t n;
    int domain;
    int64_t next_ms, last_ms;
    char sender[32]; // as the world's when it was stored
    int8_t priority; // likewise
    uint32_t starts;
    bool is_told;   // the scheduler was told of it, or will find it by itself
    bool is_gone;   // left the queue
    bool is_active; // started, its outcome not committed
};

struct outage {
    int destination;
    int64_t from_ms, until_ms;
    enum verdict verdict;
};

struct world_destination {
    char name[32];
    uint32_t running;
    uint32_t starts;
    int64_t attempts_ms[WORLD_ATTEMPTS];
    uint32_t attempt_count;
    int64_t duration_ms;      // of an attempt
    uint32_t stored_failures; // as the spool has it
    int64_t stored_rest_until_ms, stored_since_ms, stored_last_probe_ms;
};

enum pending_kind { PENDING_FRESH, PENDING_DONE, PENDING_SETTLE, PENDING_PAGE };

struct pending {
    enum pending_kind kind;
    struct heap_node node;
    struct batch *batch;     // FRESH, DONE, SETTLE
    enum verdict verdict;    // SETTLE
    int64_t retry_ms;        // SETTLE
    struct sched_effect ask; // PAGE
    char domain[32];
    bool has_snapshot;
    struct row rows[256]; // FRESH, PAGE: as they were when they were read
    uint32_t row_count;
    bool is_done;
    int64_t next_due_ms;
    struct due_key last;        // that was looked at; DUE_BEGIN: none
    struct due_sharing sharing; // PAGE, when it is shared
};

struct world {
    struct scheduler *s;
    struct scheduler_settings settings;
    int64_t now_ms;
    struct row rows[WORLD_ROWS];
    uint32_t row_count;
    uint64_t last_message;
    int destination_of[WORLD_DOMAINS];
    bool has_user_routes;
    int user_route;
    struct world_destination destinations[WORLD_DOMAINS];
    struct outage outages[WORLD_OUTAGES];
    uint32_t outage_count;
    struct heap pending;
    uint32_t running, running_max, reads, reads_max, read_total, discards, bodies;
    int64_t read_ms, settle_ms, retry_ms; // delays; a recipient's own schedule
    uint32_t read_failures;               // so many pages fail from now on
    bool is_snapshot_late;
    bool only_if_open;  // fresh batches are of this kind
    const char *sender; // of what is stored from now on
    int8_t priority;    // likewise
    uint64_t seed;      // 0: nothing is random
    struct limit_row limit;
    struct retry_row retry;
    struct rules rules;
    struct buf trace; // "SECONDS WORD ..." lines
};

static inline struct row *world_row(struct world *w, uint64_t message, uint32_t n)
{
    for (uint32_t i = w->row_count; i > 0; i--)
        if (w->rows[i - 1].message == message && w->rows[i - 1].n == n)
            return &w->rows[i - 1];
    fail_msg("no row %u.%u", (unsigned)message, (unsigned)n);
    return NULL;
}

static inline struct batch *world_batch(struct world *w, uint64_t message, int destination)
{
    struct batch *b = batch_new();
    b->message.id = message;
    b->message.sender = must_strdup("");
    b->destination = must_strdup(w->destinations[destination].name);
    b->rule_domain = must_strdup(w->destinations[destination].name);
    b->rcpts = must_alloc(sizeof *b->rcpts);
    return b;
}

static inline void world_batch_add(struct world *w, struct batch *b, const struct row *row)
{
    char text[64];
    struct recipient r = {.message = row->message, .n = row->n, .next_attempt_ms = row->next_ms};
    b->rcpts = must_realloc(b->rcpts, (b->rcpt_count + 1) * sizeof *b->rcpts);
    snprintf(text, sizeof text, "user%u@d%d.example", (unsigned)row->n, row->domain);
    recipient_copy(&b->rcpts[b->rcpt_count], &r);
    free(b->rcpts[b->rcpt_count].address);
    free(b->rcpts[b->rcpt_count].domain);
    b->rcpts[b->rcpt_count].address = must_strdup(text);
    b->rcpts[b->rcpt_count].domain = must_strdup(strchr(text, '@') + 1);
    b->rcpt_count++;
    (void)w;
}

static inline struct batch *world_batch_of(struct world *w, const struct row *row, int destination)
{
    struct batch *b = world_batch(w, row->message, destination);
    free(b->message.sender);
    b->message.sender = must_strdup(row->sender);
    b->message.priority = row->priority;
    return b;
}

static inline struct row *world_store(struct world *w, uint64_t message, uint32_t n, int domain,
                                      int64_t next_ms)
{
    assert_true(w->row_count < WORLD_ROWS);
    struct row *row = &w->rows[w->row_count++];
    *row = (struct row){.message = message,
                        .n = n,
                        .domain = domain,
                        .next_ms = next_ms,
                        .is_told = true,
                        .priority = w->priority};
    snprintf(row->sender, sizeof row->sender, "%s", w->sender);
    return row;
}

// Where a row goes by today's routes: single addresses may have one of their own.
static inline int world_route(const struct world *w, const struct row *row)
{
    return w->has_user_routes && row->n % 3 == 2 ? w->user_route : w->destination_of[row->domain];
}

// The next batch out of rows[*i ...]: one message's that go to one destination; those taken are
// marked in `taken`. NULL when all are.
static inline struct batch *world_gather(struct world *w, const struct row *rows, uint32_t count,
                                         bool *taken)
{
    struct batch *b = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (taken[i])
            continue;
        int destination = world_route(w, &rows[i]);
        if (!b)
            b = world_batch_of(w, &rows[i], destination);
        if (rows[i].message != b->message.id ||
            strcmp(b->destination, w->destinations[destination].name) != 0)
            continue;
        world_batch_add(w, b, &rows[i]);
        taken[i] = true;
    }
    return b;
}

static inline bool world_is_after(const struct row *row, const struct sched_effect *ask)
{
    if (row->next_ms != ask->due.after_ms)
        return row->next_ms > ask->due.after_ms;
    if (row->message != ask->due.after_message)
        return row->message > ask->due.after_message;
    return row->n > ask->due.after_n;
}

static inline int world_compare(const struct row *a, const struct row *b)
{
    if (a->next_ms != b->next_ms)
        return a->next_ms < b->next_ms ? -1 : 1;
    if (a->message != b->message)
        return a->message < b->message ? -1 : 1;
    return a->n < b->n ? -1 : 1;
}

static inline struct due_key world_key(const struct row *row)
{
    return (struct due_key){row->next_ms, row->message, row->n};
}

static inline struct due_sender *world_sender(struct due_sharing *sharing, const struct row *row)
{
    uint32_t key = sender_key(slice_str(row->sender));
    for (uint32_t i = 0; i < sharing->count; i++)
        if (sharing->senders[i].sender == key && sharing->senders[i].priority == row->priority)
            return &sharing->senders[i];
    if (sharing->is_only || sharing->count == DUE_SENDERS_MAX)
        return NULL;
    sharing->senders[sharing->count] =
        (struct due_sender){key, row->priority, sharing->left_each, DUE_END};
    return &sharing->senders[sharing->count++];
}

static inline bool world_takes(struct due_sharing *sharing, const struct row *row)
{
    struct due_sender *sender = world_sender(sharing, row);
    if (!sender)
        return !sharing->is_only;
    if (sender->left > 0)
        return true;
    struct due_key before = due_before(world_key(row));
    if (due_is_before(&before, &sender->from))
        sender->from = before;
    return false;
}

static inline int world_compare_rows(const void *a, const void *b)
{
    return world_compare(*(const struct row *const *)a, *(const struct row *const *)b);
}

// A shared page as the spool is now.
static inline void world_walk(struct world *w, struct pending *p)
{
    static const struct row *due[WORLD_ROWS];
    uint32_t count = 0, limit = p->ask.due.limit;
    int domain = atoi(p->domain + 1); // "d7.example"
    p->has_snapshot = p->is_done = true;
    p->next_due_ms = TIME_NEVER;
    p->sharing = *p->ask.due.sharing;
    for (uint32_t i = 0; i < w->row_count; i++) {
        const struct row *row = &w->rows[i];
        if (row->is_gone || row->domain != domain)
            continue;
        if (row->next_ms > p->ask.due.horizon_ms)
            p->next_due_ms = row->next_ms < p->next_due_ms ? row->next_ms : p->next_due_ms;
        else if (world_is_after(row, &p->ask))
            due[count++] = row;
    }
    qsort(due, count, sizeof *due, world_compare_rows);
    for (uint32_t i = 0; i < count && p->is_done; i++) {
        struct due_key key = world_key(due[i]);
        if (p->sharing.is_only && due_is_before(&p->sharing.until, &key))
            break;
        bool is_taken = world_takes(&p->sharing, due[i]);
        if ((is_taken && p->row_count == limit) || i == WORLD_WALK) {
            p->is_done = false;
            break;
        }
        if (is_taken) {
            struct due_sender *sender = world_sender(&p->sharing, due[i]);
            if (sender)
                sender->left--;
            p->rows[p->row_count++] = *due[i];
        }
        p->last = key;
    }
}

// The page as the spool is now: the `limit` earliest rows behind the cursor, by insertion.
static inline void world_snapshot(struct world *w, struct pending *p)
{
    uint32_t found = 0, limit = p->ask.due.limit;
    assert_true(limit > 0 && limit < COUNT(p->rows));
    if (p->ask.due.sharing) {
        world_walk(w, p);
        return;
    }
    int domain = atoi(p->domain + 1);
    p->has_snapshot = true;
    p->next_due_ms = TIME_NEVER;
    for (uint32_t i = 0; i < w->row_count; i++) {
        const struct row *row = &w->rows[i];
        if (row->is_gone || row->domain != domain)
            continue;
        if (row->next_ms > p->ask.due.horizon_ms) {
            p->next_due_ms = row->next_ms < p->next_due_ms ? row->next_ms : p->next_due_ms;
            continue;
        }
        if (row->last_ms >= p->ask.due.attempted_before_ms || !world_is_after(row, &p->ask))
            continue;
        uint32_t at = p->row_count;
        while (at > 0 && world_compare(row, &p->rows[at - 1]) < 0)
            at--;
        found++;
        if (at == limit)
            continue;
        if (p->row_count < limit)
            p->row_count++;
        memmove(&p->rows[at + 1], &p->rows[at], (p->row_count - at - 1) * sizeof p->rows[0]);
        p->rows[at] = *row;
    }
    p->is_done = found <= limit;
}

static inline uint32_t world_open_rows(const struct world *w)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < w->row_count; i++)
        open += !w->rows[i].is_gone;
    return open;
}

#endif
