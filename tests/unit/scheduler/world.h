// SPDX-License-Identifier: BSD-2-Clause
// world: a spool, hosts and a clock for the scheduler to live in.
//
// The spool is an array of rows that answers READ_DUE honestly: by due order and cursor, from a
// snapshot taken when it was asked or when it answers, after a delay. Hosts follow a script of
// outages. What the scheduler is to guarantee is checked at every start and after every feed:
// nothing is started twice (D1), no limit is exceeded, the deadline is never in the past.
#ifndef FP_TESTS_SCHEDULER_WORLD_H
#define FP_TESTS_SCHEDULER_WORLD_H

#include "core/heap.h"
#include "core/must.h"
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
};

enum verdict { ANSWERS, HOST_DOWN, WE_ARE_DOWN, DEFERS };

struct row {
    uint64_t message;
    uint32_t n;
    int domain;
    int64_t next_ms, last_ms;
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
    struct row rows[256]; // as they were when the page was read
    uint32_t row_count;
    bool is_done;
    int64_t next_due_ms;
};

struct world {
    struct scheduler *s;
    struct scheduler_settings settings;
    int64_t now_ms;
    struct row rows[WORLD_ROWS];
    uint32_t row_count;
    uint64_t last_message;
    int destination_of[WORLD_DOMAINS];
    struct world_destination destinations[WORLD_DOMAINS];
    struct outage outages[WORLD_OUTAGES];
    uint32_t outage_count;
    struct heap pending;
    uint32_t running, running_max, reads, reads_max, read_total, discards, bodies;
    int64_t read_ms, settle_ms, retry_ms; // delays; a recipient's own schedule
    uint32_t read_failures;               // so many pages fail from now on
    bool is_snapshot_late;
    uint64_t seed; // 0: nothing is random
    struct limit_row limit;
    struct retry_row retry;
    struct rules rules;
    struct buf trace; // "SECONDS WORD ..." lines
};

static inline uint32_t world_random(struct world *w, uint32_t below)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % below;
}

static inline struct world *world_new(void)
{
    struct world *w = must_zalloc(sizeof *w);
    w->now_ms = 1000000000;
    w->settings = (struct scheduler_settings){
        .rules = &w->rules, .batches_max = 200, .window_rcpts_max = 20000, .page_size = 200};
    w->limit = (struct limit_row){.pattern = (char *)(uintptr_t) "*"};
    w->retry = (struct retry_row){.pattern = (char *)(uintptr_t) "*"};
    w->rules = (struct rules){
        .limits = &w->limit, .limit_count = 1, .retries = &w->retry, .retry_count = 1};
    for (int i = 0; i < WORLD_DOMAINS; i++) {
        w->destination_of[i] = i;
        snprintf(w->destinations[i].name, sizeof w->destinations[i].name, "d%d.example", i);
        w->destinations[i].duration_ms = 100;
    }
    w->read_ms = 1;
    w->settle_ms = 5;
    w->retry_ms = 5 * TIME_MINUTE_MS;
    buf_init(&w->trace, 1 << 20);
    w->s = scheduler_new(&w->settings, w->now_ms);
    return w;
}

static inline void world_note(struct world *w, const char *word, const char *what)
{
    assert_int_equal(
        buf_addf(&w->trace, "%.10g %s %s\n", (double)(w->now_ms - 1000000000) / 1000, word, what),
        FP_OK);
}

static inline struct world_destination *world_destination(struct world *w, const char *name)
{
    for (int i = 0; i < WORLD_DOMAINS; i++)
        if (strcmp(w->destinations[i].name, name) == 0)
            return &w->destinations[i];
    fail_msg("no destination %s", name);
    return NULL;
}

static inline struct row *world_row(struct world *w, uint64_t message, uint32_t n)
{
    for (uint32_t i = w->row_count; i > 0; i--)
        if (w->rows[i - 1].message == message && w->rows[i - 1].n == n)
            return &w->rows[i - 1];
    fail_msg("no row %u.%u", (unsigned)message, (unsigned)n);
    return NULL;
}

static inline enum verdict world_verdict(const struct world *w, long destination)
{
    for (uint32_t i = 0; i < w->outage_count; i++) {
        const struct outage *o = &w->outages[i];
        if (o->destination == destination && w->now_ms >= o->from_ms && w->now_ms < o->until_ms)
            return o->verdict;
    }
    return ANSWERS;
}

// From now on, for so long.
static inline void world_break(struct world *w, int destination, int64_t for_ms,
                               enum verdict verdict)
{
    assert_true(w->outage_count < WORLD_OUTAGES);
    w->outages[w->outage_count++] =
        (struct outage){destination, w->now_ms, w->now_ms + for_ms, verdict};
}

static inline void world_later(struct world *w, struct pending *p, int64_t delay_ms)
{
    p->node.owner = p;
    heap_set(&w->pending, &p->node, w->now_ms + delay_ms);
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

static inline struct row *world_store(struct world *w, uint64_t message, uint32_t n, int domain,
                                      int64_t next_ms)
{
    assert_true(w->row_count < WORLD_ROWS);
    struct row *row = &w->rows[w->row_count++];
    *row = (struct row){
        .message = message, .n = n, .domain = domain, .next_ms = next_ms, .is_told = true};
    return row;
}

static inline void world_free_batch(struct world *w, struct batch *b)
{
    if (b->body)
        w->bodies--;
    b->body = NULL;
    batch_free(b);
}

static inline void world_pull(struct world *w);

static inline void world_feed(struct world *w, struct sched_event e)
{
    e.now_ms = w->now_ms;
    scheduler_feed(w->s, &e);
    world_pull(w);
    assert_true(scheduler_deadline(w->s) > w->now_ms);
}

// A message with `rcpts` recipients in one domain; the scheduler hears of it after `delay_ms`.
static inline uint64_t world_accept_later(struct world *w, int domain, uint32_t rcpts,
                                          int64_t delay_ms)
{
    struct pending *p = must_zalloc(sizeof *p);
    p->kind = PENDING_FRESH;
    p->batch = world_batch(w, ++w->last_message, w->destination_of[domain]);
    p->batch->body = w;
    w->bodies++;
    for (uint32_t n = 0; n < rcpts; n++)
        world_batch_add(w, p->batch, world_store(w, w->last_message, n, domain, w->now_ms));
    for (uint32_t n = 0; n < rcpts; n++)
        world_row(w, w->last_message, n)->is_told = false;
    world_later(w, p, delay_ms);
    return w->last_message;
}

static inline uint64_t world_accept(struct world *w, int domain, uint32_t rcpts)
{
    struct batch *b = world_batch(w, ++w->last_message, w->destination_of[domain]);
    b->body = w;
    w->bodies++;
    for (uint32_t n = 0; n < rcpts; n++)
        world_batch_add(w, b, world_store(w, w->last_message, n, domain, w->now_ms));
    world_feed(w, (struct sched_event){.kind = SCHED_FRESH, .batch = b});
    return w->last_message;
}

static inline void world_tell_domain(struct world *w, int domain, int64_t next_due_ms)
{
    char name[32];
    snprintf(name, sizeof name, "d%d.example", domain);
    struct sched_event e = {.kind = SCHED_DOMAIN};
    e.domain.name = name;
    e.domain.destination = w->destinations[w->destination_of[domain]].name;
    e.domain.next_due_ms = next_due_ms;
    world_feed(w, e);
}

// As at a start: every domain with open mail, and when it is due.
static inline void world_tell_domains(struct world *w)
{
    for (int d = 0; d < WORLD_DOMAINS; d++) {
        int64_t next = TIME_NEVER;
        for (uint32_t i = 0; i < w->row_count; i++) {
            const struct row *row = &w->rows[i];
            if (row->domain == d && !row->is_gone && row->next_ms < next)
                next = row->next_ms;
        }
        if (next != TIME_NEVER)
            world_tell_domain(w, d, next);
    }
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

// The page as the spool is now: the `limit` earliest rows behind the cursor, by insertion.
static inline void world_snapshot(struct world *w, struct pending *p)
{
    uint32_t found = 0, limit = p->ask.due.limit;
    assert_true(limit > 0 && limit < COUNT(p->rows));
    p->has_snapshot = true;
    p->next_due_ms = TIME_NEVER;
    for (uint32_t i = 0; i < w->row_count; i++) {
        const struct row *row = &w->rows[i];
        char name[32];
        snprintf(name, sizeof name, "d%d.example", row->domain);
        if (row->is_gone || strcmp(name, p->domain) != 0)
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

static inline void world_ask(struct world *w, const struct sched_effect *fx)
{
    struct pending *p = must_zalloc(sizeof *p);
    p->kind = PENDING_PAGE;
    p->ask = *fx;
    snprintf(p->domain, sizeof p->domain, "%s", fx->due.domain);
    bool is_late = w->seed ? world_random(w, 2) : w->is_snapshot_late;
    if (!is_late)
        world_snapshot(w, p);
    w->read_total++;
    w->reads++;
    w->reads_max = w->reads > w->reads_max ? w->reads : w->reads_max;
    world_later(w, p, w->seed ? world_random(w, 30) : w->read_ms);
}

static inline void world_answer(struct world *w, struct pending *p)
{
    struct sched_event end = {.kind = SCHED_PAGE_END};
    end.page.domain = p->domain;
    end.page.is_ok = w->read_failures == 0;
    if (w->read_failures > 0)
        w->read_failures--;
    if (!p->has_snapshot)
        world_snapshot(w, p);
    end.page.is_done = p->is_done;
    end.page.next_due_ms = p->next_due_ms;
    const struct row *rows = p->rows;
    for (uint32_t i = 0; end.page.is_ok && i < p->row_count;) {
        int destination = w->destination_of[rows[i].domain];
        struct batch *b = world_batch(w, rows[i].message, destination);
        uint64_t message = rows[i].message;
        for (; i < p->row_count && rows[i].message == message; i++)
            world_batch_add(w, b, &rows[i]);
        world_feed(w, (struct sched_event){.kind = SCHED_PAGE, .batch = b});
    }
    if (p->row_count > 0) {
        const struct row *last = &rows[p->row_count - 1];
        end.page.last_ms = last->next_ms;
        end.page.last_message = last->message;
        end.page.last_n = last->n;
    }
    w->reads--;
    world_feed(w, end);
}

static inline void world_start(struct world *w, struct batch *b)
{
    struct world_destination *d = world_destination(w, b->destination);
    assert_true(b->rcpt_count > 0);
    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        struct row *row = world_row(w, b->rcpts[i].message, b->rcpts[i].n);
        assert_false(row->is_active); // D1
        assert_false(row->is_gone);   // D1
        assert_true(scheduler_is_active(w->s, row->message, row->n));
        row->is_active = true;
        row->starts++;
    }
    if (d->attempt_count < WORLD_ATTEMPTS)
        d->attempts_ms[d->attempt_count++] = w->now_ms;
    char text[64];
    snprintf(text, sizeof text, "%u.%u+%u %s", (unsigned)b->message.id, (unsigned)b->rcpts[0].n,
             (unsigned)b->rcpt_count, b->destination);
    world_note(w, b->is_probe ? "probe" : "start", text);
    d->starts++;
    d->running++;
    w->running++;
    w->running_max = w->running > w->running_max ? w->running : w->running_max;
    assert_true(w->running <= w->settings.batches_max);
    assert_true(d->running <= (w->limit.connections ? w->limit.connections : 20));
    assert_true(b->rcpt_count <=
                (w->limit.recipients_per_message ? w->limit.recipients_per_message : 100));
    struct pending *p = must_zalloc(sizeof *p);
    p->kind = PENDING_DONE;
    p->batch = b;
    world_later(w, p, w->seed ? world_random(w, 400) : d->duration_ms);
}

static inline void world_store_health(struct world *w, const struct sched_effect *fx)
{
    struct world_destination *d = world_destination(w, fx->health.name);
    char text[96];
    snprintf(text, sizeof text, "%s failures=%u", d->name, (unsigned)fx->health.failures);
    world_note(w, "health", text);
    d->stored_failures = fx->health.failures;
    d->stored_since_ms = fx->health.since_ms;
    d->stored_last_probe_ms = fx->health.last_probe_ms;
    d->stored_rest_until_ms = fx->health.rest_until_ms;
    assert_true((fx->health.failures > 0) == (fx->health.why != NULL));
}

static inline void world_pull(struct world *w)
{
    struct sched_effect fx;
    while (scheduler_pull(w->s, &fx)) {
        switch (fx.kind) {
        case SCHED_START:
            world_start(w, fx.batch);
            break;
        case SCHED_READ_DUE:
            world_ask(w, &fx);
            break;
        case SCHED_STORE_HEALTH:
            world_store_health(w, &fx);
            break;
        case SCHED_DISCARD:
            w->discards++;
            world_free_batch(w, fx.batch);
            break;
        }
    }
}

static inline void world_done(struct world *w, struct pending *p)
{
    struct batch *b = p->batch;
    struct world_destination *d = world_destination(w, b->destination);
    struct outcome why;
    outcome_set(&why, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.4.1", "connect to %s: refused",
                d->name);
    p->verdict = world_verdict(w, d - w->destinations);
    d->running--;
    w->running--;
    struct sched_event e = {.kind = SCHED_DONE, .batch = b};
    e.host_failure = p->verdict == HOST_DOWN ? &why : NULL;
    e.is_local_failure = p->verdict == WE_ARE_DOWN;
    world_feed(w, e);
    // As the pipeline does it: host and local failures follow the destination's clock.
    struct destination_view view = {0};
    p->retry_ms = w->now_ms + w->retry_ms;
    if ((p->verdict == HOST_DOWN || p->verdict == WE_ARE_DOWN) &&
        scheduler_destination(w->s, b->destination, &view) && view.rest_until_ms > 0)
        p->retry_ms = view.rest_until_ms;
    p->kind = PENDING_SETTLE;
    world_later(w, p, w->seed ? world_random(w, 50) : w->settle_ms);
}

static inline void world_settle(struct world *w, struct pending *p)
{
    struct batch *b = p->batch;
    for (uint32_t i = 0; i < b->rcpt_count; i++) { // the commit
        struct row *row = world_row(w, b->rcpts[i].message, b->rcpts[i].n);
        assert_true(row->is_active);
        row->is_active = false;
        row->is_gone = row->is_gone || p->verdict == ANSWERS;
        row->next_ms = p->retry_ms;
        row->last_ms = w->now_ms;
    }
    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        struct row *row = world_row(w, b->rcpts[i].message, b->rcpts[i].n);
        struct sched_event e = {.kind = SCHED_SETTLED};
        e.settled.message = row->message;
        e.settled.n = row->n;
        e.settled.is_gone = row->is_gone;
        e.settled.domain = b->rcpts[i].domain;
        e.settled.destination = b->destination;
        e.settled.next_attempt_ms = row->next_ms;
        world_feed(w, e);
        if (!row->is_active) // else it was due again at once
            assert_false(scheduler_is_active(w->s, row->message, row->n));
    }
    world_free_batch(w, b);
}

static inline void world_drop(struct world *w, struct row *row)
{
    char domain[32];
    snprintf(domain, sizeof domain, "d%d.example", row->domain);
    struct sched_event e = {.kind = SCHED_DROP};
    e.settled.message = row->message;
    e.settled.n = row->n;
    e.settled.is_gone = true;
    e.settled.domain = domain;
    row->is_gone = true;
    world_feed(w, e);
}

static inline void world_flush(struct world *w, const char *domain)
{
    world_feed(w, (struct sched_event){.kind = SCHED_FLUSH, .flush_domain = domain});
}

static inline void world_step(struct world *w)
{
    struct heap_node *node = heap_first(&w->pending);
    if (!node || node->at_ms > w->now_ms) {
        world_feed(w, (struct sched_event){.kind = SCHED_TIMER});
        return;
    }
    struct pending *p = node->owner;
    heap_remove(&w->pending, node);
    switch (p->kind) {
    case PENDING_FRESH:
        for (uint32_t i = 0; i < p->batch->rcpt_count; i++)
            world_row(w, p->batch->message.id, i)->is_told = true;
        world_feed(w, (struct sched_event){.kind = SCHED_FRESH, .batch = p->batch});
        break;
    case PENDING_PAGE:
        world_answer(w, p);
        break;
    case PENDING_DONE:
        world_done(w, p);
        return; // it goes on as a settle
    case PENDING_SETTLE:
        world_settle(w, p);
        break;
    }
    free(p);
}

// Runs until then, or until nothing is left to happen.
static inline void world_run(struct world *w, int64_t for_ms)
{
    int64_t until_ms = for_ms == TIME_NEVER ? TIME_NEVER : w->now_ms + for_ms;
    for (;;) {
        const struct heap_node *node = heap_first(&w->pending);
        int64_t at_ms = scheduler_deadline(w->s);
        if (node && node->at_ms < at_ms)
            at_ms = node->at_ms;
        if (at_ms > until_ms || at_ms == TIME_NEVER)
            break;
        w->now_ms = at_ms > w->now_ms ? at_ms : w->now_ms;
        world_step(w);
    }
    if (until_ms != TIME_NEVER)
        w->now_ms = until_ms;
}

static inline uint32_t world_open_rows(const struct world *w)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < w->row_count; i++)
        open += !w->rows[i].is_gone;
    return open;
}

// Everything that is in memory comes back, as at the end of the daemon.
static inline void world_free(struct world *w)
{
    world_feed(w, (struct sched_event){.kind = SCHED_PAUSE});
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    struct heap_node *node;
    while ((node = heap_first(&w->pending))) {
        struct pending *p = node->owner;
        heap_remove(&w->pending, node);
        if (p->batch)
            world_free_batch(w, p->batch);
        free(p);
    }
    assert_int_equal(w->bodies, 0);
    scheduler_free(w->s);
    heap_close(&w->pending);
    buf_close(&w->trace);
    free(w);
}

#endif
