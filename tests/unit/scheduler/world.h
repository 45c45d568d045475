// SPDX-License-Identifier: BSD-2-Clause
// world: a spool, hosts and a clock for the scheduler to live in.
//
// The spool is an array of rows that answers READ_DUE honestly: by due order and cursor, from a
// snapshot taken when it was asked or when it answers, after a delay. Hosts follow a script of
// outages. What the scheduler is to guarantee is checked at every start and after every feed:
// nothing is started twice (D1), no limit is exceeded, the deadline is never in the past.
#ifndef FP_TESTS_SCHEDULER_WORLD_H
#define FP_TESTS_SCHEDULER_WORLD_H

#include "tests/unit/scheduler/world_spool.h"

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
    // Times to the millisecond: nothing is spread.
    w->retry = (struct retry_row){.pattern = (char *)(uintptr_t) "*", .has_jitter = true};
    w->rules = (struct rules){
        .limits = &w->limit, .limit_count = 1, .retries = &w->retry, .retry_count = 1};
    rules_index(&w->rules);
    for (int i = 0; i < WORLD_DOMAINS; i++) {
        w->destination_of[i] = i;
        snprintf(w->destinations[i].name, sizeof w->destinations[i].name, "d%d.example", i);
        w->destinations[i].duration_ms = 100;
    }
    w->read_ms = 1;
    w->settle_ms = 5;
    w->retry_ms = 5 * TIME_MINUTE_MS;
    w->sender = "";
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
    heap_set(&w->pending, &p->node, w->now_ms + delay_ms);
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

static inline void world_feed_rows(struct world *w, enum sched_event_kind kind,
                                   const struct row *rows, uint32_t count)
{
    bool *taken = must_zalloc(count * sizeof *taken);
    struct batch *b;
    while ((b = world_gather(w, rows, count, taken))) {
        if (kind == SCHED_FRESH) {
            b->body = w;
            b->only_if_open = w->only_if_open;
            w->bodies++;
        }
        world_feed(w, (struct sched_event){.kind = kind, .batch = b});
    }
    free(taken);
}

// A message with `rcpts` recipients in one domain; the scheduler hears of it after `delay_ms`.
static inline uint64_t world_accept_later(struct world *w, int domain, uint32_t rcpts,
                                          int64_t delay_ms)
{
    struct pending *p = must_zalloc(sizeof *p);
    p->kind = PENDING_FRESH;
    w->last_message++;
    for (uint32_t n = 0; n < rcpts; n++) {
        struct row *row = world_store(w, w->last_message, n, domain, w->now_ms);
        row->is_told = false;
        p->rows[p->row_count++] = *row;
    }
    world_later(w, p, delay_ms);
    return w->last_message;
}

static inline uint64_t world_accept(struct world *w, int domain, uint32_t rcpts)
{
    const struct row *first = &w->rows[w->row_count];
    w->last_message++;
    for (uint32_t n = 0; n < rcpts; n++)
        world_store(w, w->last_message, n, domain, w->now_ms);
    world_feed_rows(w, SCHED_FRESH, first, rcpts);
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

static inline void world_ask(struct world *w, const struct sched_effect *fx)
{
    struct pending *p = must_zalloc(sizeof *p);
    p->kind = PENDING_PAGE;
    p->last = DUE_BEGIN;
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
    if (end.page.is_ok)
        world_feed_rows(w, SCHED_PAGE, rows, p->row_count);
    if (p->row_count > 0) {
        const struct row *last = &rows[p->row_count - 1];
        end.page.last_ms = last->next_ms;
        end.page.last_message = last->message;
        end.page.last_n = last->n;
    }
    if (p->ask.due.sharing) {
        end.page.sharing = &p->sharing;
        end.page.last_ms = p->last.ms;
        end.page.last_message = p->last.message;
        end.page.last_n = p->last.n;
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
        case SCHED_SUSPENSION_OVER:
            world_note(w, "over", fx.suspension->name);
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
    e.is_cut_short = p->verdict == CUT_SHORT;
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
    world_feed(w, (struct sched_event){.kind = SCHED_FLUSH, .flush.domain = domain});
}

static inline void world_step(struct world *w)
{
    struct heap_node *node = heap_first(&w->pending);
    if (!node || node->at_ms > w->now_ms) {
        world_feed(w, (struct sched_event){.kind = SCHED_TIMER});
        return;
    }
    struct pending *p = heap_owner(node, struct pending, node);
    heap_remove(&w->pending, node);
    switch (p->kind) {
    case PENDING_FRESH:
        for (uint32_t i = 0; i < p->row_count; i++)
            world_row(w, p->rows[i].message, p->rows[i].n)->is_told = true;
        world_feed_rows(w, SCHED_FRESH, p->rows, p->row_count);
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

static inline void world_forget_pending(struct world *w)
{
    struct heap_node *node;
    while ((node = heap_first(&w->pending))) {
        struct pending *p = heap_owner(node, struct pending, node);
        heap_remove(&w->pending, node);
        if (p->batch)
            world_free_batch(w, p->batch);
        free(p);
    }
}

// Everything that is in memory comes back, as at the end of the daemon.
static inline void world_drain(struct world *w)
{
    world_feed(w, (struct sched_event){.kind = SCHED_PAUSE});
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    world_forget_pending(w);
    assert_int_equal(w->bodies, 0);
    scheduler_free(w->s);
}

static inline void world_free(struct world *w)
{
    world_drain(w);
    w->rules.retries = NULL; // the rows are the world's
    w->rules.limits = NULL;
    w->rules.retry_count = w->rules.limit_count = 0;
    rules_close(&w->rules);
    heap_close(&w->pending);
    buf_close(&w->trace);
    free(w);
}

static inline void world_tell_health(struct world *w, const struct world_destination *d)
{
    struct outcome why;
    outcome_set(&why, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.4.1", "as before");
    struct sched_event e = {.kind = SCHED_HEALTH};
    e.health.name = d->name;
    e.health.failures = d->stored_failures;
    e.health.since_ms = d->stored_since_ms;
    e.health.last_probe_ms = d->stored_last_probe_ms;
    e.health.rest_until_ms = d->stored_rest_until_ms;
    e.health.why = &why;
    world_feed(w, e);
}

// The daemon is killed and started again: what was under way is forgotten, the spool is there.
static inline void world_restart(struct world *w)
{
    world_drain(w);
    for (uint32_t i = 0; i < w->row_count; i++)
        w->rows[i].is_active = false;
    for (int i = 0; i < WORLD_DOMAINS; i++)
        w->destinations[i].running = 0;
    w->running = w->reads = 0;
    w->s = scheduler_new(&w->settings, w->now_ms);
    for (int i = 0; i < WORLD_DOMAINS; i++)
        if (w->destinations[i].stored_failures > 0)
            world_tell_health(w, &w->destinations[i]);
    world_tell_domains(w);
}

#endif
