// SPDX-License-Identifier: BSD-2-Clause
// scheduler: when, to which destination, how many at once: events in, effects out. See scheduler.h;
// what the parts are is told in state.h.
#include "scheduler/scheduler.h"

#include "core/time.h"
#include "scheduler/batch.h"
#include "scheduler/domain.h"
#include "scheduler/suspend.h"
#include "scheduler/window.h"

#include <stdlib.h>

struct scheduler *scheduler_new(const struct scheduler_settings *settings, int64_t now_ms)
{
    struct scheduler *s = must_zalloc(sizeof *s);
    s->settings = *settings;
    s->now_ms = now_ms;
    list_init(&s->run);
    list_init(&s->passed);
    list_init(&s->read);
    list_init(&s->unsaved);
    s->shown = must_zalloc(sizeof *s->shown);
    return s;
}

static void free_batches(struct batch *b)
{
    while (b) {
        struct batch *next = b->next;
        batch_free(b);
        b = next;
    }
}

static void free_window(struct scheduler *s, struct destination *d)
{
    for (struct batch *b; (b = senders_each(&d->senders, NULL)); batch_free(b))
        senders_remove(&s->lines, d, b);
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    struct domain *domain, *next_domain;
    HASH_ITER(hh, s->domains, domain, next_domain)
    {
        domain_free(s, domain);
    }
    struct destination *d, *next;
    HASH_ITER(hh, s->destinations, d, next)
    {
        free_window(s, d);
        destination_free(s, d);
    }
    free_batches(s->discards);
    inflight_close(&s->inflight);
    heap_close(&s->rests);
    heap_close(&s->dues);
    free(s->idle);
    reasons_release(s->shown);
    free(s->shown);
    suspensions_close(&s->suspensions);
    suspension_close(&s->over);
    free(s);
}

static void on_timer(struct scheduler *s, const struct sched_event *event)
{
    (void)s, (void)event; // that time has passed is dealt with before any event
}

static void on_settings(struct scheduler *s, const struct sched_event *event)
{
    s->settings = event->settings;
    struct destination *d, *next;
    HASH_ITER(hh, s->destinations, d, next)
    {
        window_clear(s, d);
        destination_reset(s, d);
    }
    domain_forget_all(s);
}

static void on_fresh(struct scheduler *s, const struct sched_event *event)
{
    window_offer(s, event->batch, true);
}

static void on_page(struct scheduler *s, const struct sched_event *event)
{
    window_offer(s, event->batch, false);
}

static void drop_waiting(struct scheduler *s, struct inflight *f)
{
    struct batch *b = f->batch;
    struct recipient *r = batch_find_rcpt(b, (uint32_t)f->key.n);
    domain_let_go(s, r->domain, r->message, r->n, f);
    window_drop(s, b, r);
}

static void on_drop(struct scheduler *s, const struct sched_event *event)
{
    struct inflight *f = inflight_find(s->inflight, event->settled.message, event->settled.n);
    if (f && f->phase == INFLIGHT_WAITING)
        drop_waiting(s, f);
    else if (!f) // a page on its way may still hold it
        domain_let_go(s, event->settled.domain, event->settled.message, event->settled.n, NULL);
}

static void on_settled(struct scheduler *s, const struct sched_event *event)
{
    struct inflight *f = inflight_find(s->inflight, event->settled.message, event->settled.n);
    if (event->settled.is_gone && (!f || f->phase == INFLIGHT_WAITING)) {
        on_drop(s, event); // it grew too old without an attempt
        return;
    }
    if (f && f->phase == INFLIGHT_ACTIVE)
        domain_let_go(s, event->settled.domain, event->settled.message, event->settled.n, f);
    if (!event->settled.is_gone)
        domain_note(s, event->settled.domain, destination_get(s, event->settled.destination),
                    event->settled.next_attempt_ms);
}

static void on_flush(struct scheduler *s, const struct sched_event *event)
{
    struct domain *domain, *next_domain;
    int64_t at_ms = event->flush.at_ms ? event->flush.at_ms : s->now_ms;
    if (event->flush.domain) {
        domain = event->flush.destination ? domain_get(s, event->flush.domain,
                                                       destination_get(s, event->flush.destination))
                                          : domain_find(s, event->flush.domain);
        if (!domain)
            return;
        destination_flush(s, domain->destination);
        if (event->flush.is_marked)
            domain_flush_marked(s, domain, at_ms);
        else
            domain_flush(s, domain, at_ms);
        return;
    }
    struct destination *d, *next;
    HASH_ITER(hh, s->destinations, d, next)
    {
        destination_flush(s, d);
    }
    HASH_ITER(hh, s->domains, domain, next_domain)
    {
        domain_flush(s, domain, at_ms);
    }
}

static void on_wake(struct scheduler *s, const struct sched_event *event)
{
    struct destination *d = destination_find(s, event->settled.destination);
    if (d)
        destination_flush(s, d);
}

static void on_pause(struct scheduler *s, const struct sched_event *event)
{
    (void)event;
    s->is_paused = true;
}

static void on_resume(struct scheduler *s, const struct sched_event *event)
{
    (void)event;
    s->is_paused = false;
}

static void on_brake(struct scheduler *s, const struct sched_event *event)
{
    s->is_braked = event->is_braked;
}

static void on_jump(struct scheduler *s, const struct sched_event *event)
{
    (void)event;
    struct destination *d, *next;
    HASH_ITER(hh, s->destinations, d, next)
    {
        destination_begin_again(s, d);
    }
}

// What failed with a destination is due when its rest was to end, so it is read as for a flush.
static void on_network(struct scheduler *s, const struct sched_event *event)
{
    (void)event;
    struct domain *domain, *next;
    HASH_ITER(hh, s->domains, domain, next)
    {
        if (destination_rests_for_network(s, domain->destination))
            domain_flush(s, domain, s->now_ms);
    }
    struct destination *d, *next_destination;
    HASH_ITER(hh, s->destinations, d, next_destination)
    {
        destination_try_early(s, d);
    }
}

// Its mail waits for the end of the rest, so it is read as for a flush.
static void on_unblock(struct scheduler *s, const struct sched_event *event)
{
    struct domain *domain, *next;
    HASH_ITER(hh, s->domains, domain, next)
    {
        if (!s->settings.is_manual &&
            destination_rests_blocked(domain->destination, event->blocked))
            domain_flush(s, domain, s->now_ms);
    }
    struct destination *d, *next_destination;
    HASH_ITER(hh, s->destinations, d, next_destination)
    {
        if (destination_rests_blocked(d, event->blocked))
            destination_unblock(s, d);
    }
}

void scheduler_feed(struct scheduler *s, const struct sched_event *event)
{
    static void (*const handlers[])(struct scheduler *, const struct sched_event *) = {
        [SCHED_TIMER] = on_timer,
        [SCHED_SETTINGS] = on_settings,
        [SCHED_DOMAIN] = domain_tell,
        [SCHED_HEALTH] = destination_learn_health,
        [SCHED_FRESH] = on_fresh,
        [SCHED_PAGE] = on_page,
        [SCHED_PAGE_END] = domain_page_end,
        [SCHED_DONE] = destination_done,
        [SCHED_SETTLED] = on_settled,
        [SCHED_DROP] = on_drop,
        [SCHED_FLUSH] = on_flush,
        [SCHED_WAKE] = on_wake,
        [SCHED_PAUSE] = on_pause,
        [SCHED_RESUME] = on_resume,
        [SCHED_CLOSING] = destination_closing,
        [SCHED_CLOSED] = destination_closed,
        [SCHED_BRAKE] = on_brake,
        [SCHED_SUSPEND] = suspend_begin,
        [SCHED_UNSUSPEND] = suspend_end,
        [SCHED_JUMP] = on_jump,
        [SCHED_NETWORK] = on_network,
        [SCHED_UNBLOCK] = on_unblock,
    };
    must((size_t)event->kind < sizeof handlers / sizeof handlers[0]);
    reasons_release(s->shown);
    destination_reap(s);
    if (event->now_ms > s->now_ms)
        s->now_ms = event->now_ms;
    destination_wake(s);
    domain_wake(s);
    handlers[event->kind](s, event);
}

static bool pull_discard(struct scheduler *s, struct sched_effect *ret)
{
    struct batch *b = s->discards;
    if (!b)
        return false;
    s->discards = b->next;
    b->next = NULL;
    *ret = (struct sched_effect){.kind = SCHED_DISCARD, .batch = b};
    return true;
}

static bool pull_health(struct scheduler *s, struct sched_effect *ret)
{
    struct list *first = list_first(&s->unsaved);
    if (!first)
        return false;
    struct destination *d = list_owner(first, struct destination, unsaved);
    list_remove(first);
    *ret = (struct sched_effect){.kind = SCHED_STORE_HEALTH};
    ret->health.name = d->name;
    ret->health.failures = d->failures;
    ret->health.since_ms = d->since_ms;
    ret->health.last_probe_ms = d->last_probe_ms;
    ret->health.rest_until_ms = d->failures > 0 ? d->rest.at_ms : 0;
    ret->health.why = reasons_show(s->shown, d->why);
    destination_refresh(s, d); // it may be idle now
    return true;
}

uint32_t scheduler_untried_max(const struct scheduler_settings *settings)
{
    return settings->batches_max - settings->batches_max / UNTRIED_LEAVE;
}

bool scheduler_is_crowded(const struct scheduler *s)
{
    return !list_is_empty(&s->passed) && s->untried >= scheduler_untried_max(&s->settings);
}

// Whose turn it is; NULL: nobody's. Those that D11 makes wait are put aside, and go first when
// there is room for them.
static struct destination *next_destination(struct scheduler *s)
{
    bool has_room = s->untried < scheduler_untried_max(&s->settings);
    struct list *first = has_room ? list_first(&s->passed) : NULL;
    if (first)
        return list_owner(first, struct destination, run);
    while ((first = list_first(&s->run))) {
        struct destination *d = list_owner(first, struct destination, run);
        if (has_room || destination_answers(d))
            return d;
        list_remove(first);
        list_put_last(&s->passed, first);
    }
    return NULL;
}

static bool pull_start(struct scheduler *s, struct sched_effect *ret)
{
    if (s->is_paused || s->is_braked || suspend_has_all(s) || s->running >= s->settings.batches_max)
        return false;
    struct destination *d = next_destination(s);
    if (!d)
        return false;
    struct batch *b = window_take(s, d);
    destination_started(s, d, b);
    *ret = (struct sched_effect){.kind = SCHED_START, .batch = b};
    return true;
}

static bool pull_read(struct scheduler *s, struct sched_effect *ret)
{
    uint32_t limit = window_page_limit(s);
    if (s->is_paused || suspend_has_all(s) || s->reading >= READS_MAX || limit == 0)
        return false;
    for (struct list *first; (first = list_first(&s->read));)
        if (domain_read(s, list_owner(first, struct destination, read), limit, ret))
            return true;
    return false;
}

bool scheduler_pull(struct scheduler *s, struct sched_effect *ret)
{
    return suspend_pull(s, ret) || pull_discard(s, ret) || pull_health(s, ret) ||
           pull_start(s, ret) || pull_read(s, ret);
}

int64_t scheduler_deadline(const struct scheduler *s)
{
    const struct heap_node *rest = heap_first(&s->rests), *due = heap_first(&s->dues);
    int64_t deadline_ms = rest ? rest->at_ms : TIME_NEVER;
    if (due && due->at_ms < deadline_ms)
        deadline_ms = due->at_ms;
    int64_t end_ms = suspensions_next_end(&s->suspensions);
    if (end_ms < deadline_ms)
        deadline_ms = end_ms;
    return s->is_paused ? TIME_NEVER : deadline_ms;
}

enum sched_place scheduler_place(const struct scheduler *s, uint64_t message, uint32_t n)
{
    const struct inflight *f = inflight_find(s->inflight, message, n);
    if (!f || f->phase == INFLIGHT_LINGERING)
        return SCHED_IN_SPOOL;
    return f->phase == INFLIGHT_ACTIVE ? SCHED_UNDER_WAY : SCHED_IN_LINE;
}

bool scheduler_is_active(const struct scheduler *s, uint64_t message, uint32_t n)
{
    return scheduler_place(s, message, n) == SCHED_UNDER_WAY;
}

bool scheduler_claim(struct scheduler *s, uint64_t message, uint32_t n)
{
    struct inflight *f = inflight_find(s->inflight, message, n);
    if (f && f->phase != INFLIGHT_WAITING)
        return false;
    if (f)
        window_drop(s, f->batch, batch_find_rcpt(f->batch, n));
    else
        f = inflight_add(&s->inflight, message, n, NULL);
    f->phase = INFLIGHT_ACTIVE;
    f->batch = NULL;
    return true;
}

bool scheduler_knows(const struct scheduler *s, const char *name)
{
    return destination_find(s, name) || domain_find(s, name);
}

static uint32_t count_active(const struct scheduler *s)
{
    uint32_t count = 0;
    for (const struct inflight *f = s->inflight; f; f = f->hh.next)
        count += f->phase == INFLIGHT_ACTIVE;
    return count;
}

uint32_t scheduler_unhealthy(const struct scheduler *s, struct unhealthy *rows, uint32_t max)
{
    uint32_t count = 0;
    for (const struct destination *d = s->destinations; d && count < max; d = d->hh.next) {
        if (d->state == DESTINATION_OPEN && d->failures == 0)
            continue;
        rows[count].name = d->name;
        scheduler_destination(s, d->name, &rows[count].view);
        count++;
    }
    return count;
}

void scheduler_count(const struct scheduler *s, struct scheduler_counts *ret)
{
    *ret = (struct scheduler_counts){
        .running = s->running,
        .active_rcpts = count_active(s),
        .window_batches = s->window_batches,
        .window_rcpts = s->window_rcpts,
        .destinations = HASH_COUNT(s->destinations),
        .resting = s->resting,
        .domains = HASH_COUNT(s->domains),
    };
}
