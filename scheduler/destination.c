// SPDX-License-Identifier: BSD-2-Clause
// destination: a next hop's health and its turn. See destination.h and scheduler.h.
#include "scheduler/destination.h"

#include "core/fnv.h"

#include "scheduler/domain.h"
#include "scheduler/suspend.h"
#include "scheduler/window.h"

#include <stdlib.h>

static bool is_open(const struct destination *d)
{
    return d->state == DESTINATION_OPEN;
}

// The one place where a state changes.
static void move(struct scheduler *s, struct destination *d, enum destination_state to)
{
    static const bool is_allowed[3][3] = {
        [DESTINATION_OPEN] = {[DESTINATION_RESTING] = true},
        [DESTINATION_RESTING] = {[DESTINATION_PROBING] = true, [DESTINATION_OPEN] = true},
        [DESTINATION_PROBING] = {[DESTINATION_RESTING] = true, [DESTINATION_OPEN] = true},
    };
    must(is_allowed[d->state][to]);
    if (is_open(d)) {
        s->resting++;
        s->parked_rcpts += d->window_rcpts;
    } else if (to == DESTINATION_OPEN) {
        s->resting--;
        s->parked_rcpts -= d->window_rcpts;
    }
    if (d->state == DESTINATION_RESTING)
        heap_remove(&s->rests, &d->rest);
    d->state = (uint8_t)to;
}

bool destination_is_resting(const struct scheduler *s, const struct destination *d)
{
    return d->state == DESTINATION_RESTING && d->rest.at_ms > s->now_ms;
}

bool destination_needs_probe(const struct scheduler *s, const struct destination *d)
{
    return d->state == DESTINATION_RESTING && d->rest.at_ms <= s->now_ms;
}

bool destination_answers(const struct destination *d)
{
    return is_open(d) && d->pace.has_worked;
}

static bool may_start(const struct scheduler *s, const struct destination *d)
{
    uint32_t connections = d->running + d->closing;
    if (d->window_batches == 0 || d->is_suspended)
        return false;
    if (is_open(d))
        return pace_next_ms(&d->pace) <= s->now_ms && pace_has_room(&d->pace, connections);
    return destination_needs_probe(s, d) && connections < d->pace.limit;
}

// An open destination's rate makes it wait; it is remembered for so long, mail or not.
static void await_turn(struct scheduler *s, struct destination *d)
{
    int64_t next_ms = pace_next_ms(&d->pace);
    if (is_open(d) && next_ms > s->now_ms)
        heap_set(&s->rests, &d->rest, next_ms);
    else if (is_open(d))
        heap_remove(&s->rests, &d->rest);
}

// Fresh mail in the window does not count: it must not keep older mail in the spool for ever.
static bool may_read(const struct scheduler *s, const struct destination *d)
{
    if (d->is_suspended)
        return false;
    if (is_open(d))
        return d->reading < READS_PER_DESTINATION &&
               (domain_may_read(s, d) || backlog_is_thirsty(d));
    return !list_is_empty(&d->due) && destination_needs_probe(s, d) && d->window_batches == 0 &&
           d->reading == 0;
}

// Its failure says nothing any more about the next message that comes.
static bool is_long_ago(const struct scheduler *s, const struct destination *d)
{
    return d->failures == 0 || d->rest.at_ms + FORGET_MS <= s->now_ms;
}

static bool is_idle(const struct scheduler *s, const struct destination *d)
{
    return is_long_ago(s, d) && d->running == 0 && d->closing == 0 && d->window_batches == 0 &&
           d->domain_count == 0 && !list_is_member(&d->unsaved) && !destination_is_resting(s, d) &&
           pace_next_ms(&d->pace) <= s->now_ms;
}

static void put_if(bool is_wanted, struct list *head, struct list *link)
{
    if (is_wanted)
        list_put_last(head, link);
    else
        list_remove(link);
}

static void note_idle(struct scheduler *s, struct destination *d)
{
    if (s->idle_count == s->idle_room) {
        s->idle_room = s->idle_room ? 2 * s->idle_room : 64;
        s->idle = must_realloc(s->idle, s->idle_room * sizeof(struct destination *));
    }
    s->idle[s->idle_count++] = d;
}

void destination_refresh(struct scheduler *s, struct destination *d)
{
    await_turn(s, d);
    put_if(may_start(s, d), &s->run, &d->run);
    put_if(may_read(s, d), &s->read, &d->read);
    if (!d->is_idle_listed && is_idle(s, d)) {
        d->is_idle_listed = true;
        note_idle(s, d);
    }
}

struct destination *destination_find(const struct scheduler *s, const char *name)
{
    struct destination *d;
    HASH_FIND_STR(s->destinations, name, d);
    return d;
}

struct destination *destination_get(struct scheduler *s, const char *name)
{
    struct destination *d = destination_find(s, name);
    if (d)
        return d;
    size_t n = strlen(name) + 1;
    d = must_zalloc(sizeof *d + n);
    memcpy(d->name, name, n);
    list_init(&d->due);
    d->is_suspended = suspend_has_name(s, name);
    HASH_ADD_STR(s->destinations, name, d);
    destination_refresh(s, d); // idle, unless the caller hangs something on it
    return d;
}

static void forget_reason(struct destination *d)
{
    reason_free(d->why);
    d->why = NULL;
}

static void set_rest(struct scheduler *s, struct destination *d, int64_t until_ms)
{
    if (until_ms > s->now_ms) {
        heap_set(&s->rests, &d->rest, until_ms);
    } else { // I3
        heap_remove(&s->rests, &d->rest);
        d->rest.at_ms = until_ms;
    }
}

static void rest(struct scheduler *s, struct destination *d, int64_t until_ms)
{
    if (d->state != DESTINATION_RESTING)
        move(s, d, DESTINATION_RESTING);
    set_rest(s, d, until_ms);
    if (!s->settings.is_manual) {
        window_park(s, d);
        domain_share_no_more(s, d);
        return;
    }
    window_clear(s, d);
    domain_give_up(s, d);
}

void destination_started(struct scheduler *s, struct destination *d, struct batch *b)
{
    b->started_ms = s->now_ms;
    b->noted = d->noted;
    pace_started(&d->pace, s->now_ms, &b->began);
    b->is_probe = d->state == DESTINATION_RESTING;
    if (b->is_probe)
        move(s, d, DESTINATION_PROBING);
    b->is_untried = !destination_answers(d);
    s->untried += b->is_untried;
    d->running++;
    s->running++;
    list_remove(&d->run); // and to the end, if it may run again: D2
    destination_refresh(s, d);
}

// D4. While it rests or is probed, what others bring home says nothing that the probe will not say.
static bool is_news(const struct destination *d, const struct batch *b)
{
    return b->is_probe || (is_open(d) && b->noted == d->noted);
}

static void note_failure(struct scheduler *s, struct destination *d, const struct batch *b,
                         const struct outcome *why)
{
    struct rule_question question = {.address = slice_str(b->rcpts[0].address),
                                     .host = slice_str(b->rule_host),
                                     .klass = why->klass};
    struct retry_rule rule;
    rules_retry(s->settings.rules, &question, &rule);
    if (d->failures++ == 0)
        d->since_ms = s->now_ms;
    d->last_probe_ms = s->now_ms;
    d->blocked = 0;
    d->noted++;
    forget_reason(d);
    d->why = reason_new(why);
    uint64_t salt = (uint64_t)d->since_ms * 31 + d->failures + strlen(d->name);
    rest(s, d, s->now_ms + rules_wait(&rule, d->failures, slice_str(why->text), salt));
    list_put_last(&s->unsaved, &d->unsaved);
}

// By the schedule of a row that speaks of credentials; else twice as long each time.
static int64_t rest_of_login(const struct scheduler *s, const struct destination *d,
                             const struct batch *b)
{
    const struct rules *rules = s->settings.rules;
    struct rule_question question = {.address = slice_str(b->rcpts[0].address),
                                     .host = slice_str(b->rule_host),
                                     .klass = CLASS_AUTH};
    struct retry_rule rule;
    rules_retry(rules, &question, &rule);
    int32_t row = rule.row[RULE_SCHEDULE];
    if (row >= 0 && rules->retries[row].on == CLASS_AUTH)
        return rules_wait(&rule, d->logins, SLICE_LIT(""), (uint64_t)s->now_ms + d->logins);
    int64_t wait_ms = LOCAL_REST_MS << (d->logins < 8 ? d->logins - 1 : 7);
    return wait_ms < LOGIN_REST_MAX_MS ? wait_ms : LOGIN_REST_MAX_MS;
}

static int64_t rest_of_local(const struct scheduler *s, struct destination *d,
                             const struct sched_event *event)
{
    if (!event->is_login_refusal) {
        d->logins = 0;
        return LOCAL_REST_MS;
    }
    if (d->logins < UINT8_MAX)
        d->logins++;
    return rest_of_login(s, d, event->batch);
}

// Our own failure proves nothing about the host: its failures stay as they are, and it rests. One
// message that a relay will not take from us, while it takes the others, must not hold them up.
static void note_local_failure(struct scheduler *s, struct destination *d,
                               const struct sched_event *event)
{
    d->local_s = s->now_ms > 0 ? (uint32_t)(s->now_ms / 1000 + 1) : 0;
    d->blocked = event->blocked;
    if (event->is_local_refusal && d->refusals < LOCAL_REFUSALS)
        d->refusals++;
    bool is_of_all = !event->is_local_refusal || d->refusals == LOCAL_REFUSALS;
    if (!is_news(d, event->batch) || (is_open(d) && !is_of_all))
        return;
    d->noted++;
    rest(s, d, s->now_ms + rest_of_local(s, d, event));
}

// It answers. That holds for a batch that started before the outage too: the answer is of today.
static void note_success(struct scheduler *s, struct destination *d)
{
    if (d->failures > 0)
        list_put_last(&s->unsaved, &d->unsaved);
    d->failures = 0;
    d->since_ms = d->last_probe_ms = 0;
    d->blocked = d->refusals = d->logins = 0;
    forget_reason(d);
    if (!destination_answers(d))
        list_remove(&d->run); // from among those that D11 passes over
    if (is_open(d)) {
        pace_success(&d->pace);
    } else {
        move(s, d, DESTINATION_OPEN);
        pace_begin_again(&d->pace);
    }
}

static void learn(struct scheduler *s, struct destination *d, const struct sched_event *event)
{
    const struct batch *b = event->batch;
    if (!event->host_failure && !event->is_local_failure)
        note_success(s, d);
    else if (event->host_failure && is_open(d) && pace_lower(&d->pace, &b->began, d->running))
        return; // others work: it only had too much of it
    else if (is_news(d, b) && event->host_failure)
        note_failure(s, d, b, event->host_failure);
    else if (event->is_local_failure)
        note_local_failure(s, d, event);
}

void destination_done(struct scheduler *s, const struct sched_event *event)
{
    const struct batch *b = event->batch;
    struct destination *d = destination_find(s, b->destination);
    must(d && d->running > 0);
    must(!event->is_cut_short || !b->is_probe); // a probe has to say something
    d->running--;
    s->running--;
    s->untried -= b->is_untried;
    d->closing += event->is_closing;
    if (!event->is_cut_short)
        learn(s, d, event);
    if (event->is_too_fast)
        pace_slow_down(&d->pace, &b->began);
    destination_refresh(s, d);
}

void destination_closing(struct scheduler *s, const struct sched_event *event)
{
    struct destination *d = destination_get(s, event->closing_destination);
    d->closing++;
    destination_refresh(s, d);
}

void destination_closed(struct scheduler *s, const struct sched_event *event)
{
    struct destination *d = destination_find(s, event->closing_destination);
    must(d && d->closing > 0);
    d->closing--;
    destination_refresh(s, d);
}

void destination_learn_health(struct scheduler *s, const struct sched_event *event)
{
    struct destination *d = destination_get(s, event->health.name);
    if (d->failures == 0 && event->health.failures > 0) { // else today's own experience counts
        d->failures = event->health.failures;
        d->since_ms = event->health.since_ms;
        d->last_probe_ms = event->health.last_probe_ms;
        d->why = event->health.why ? reason_new(event->health.why) : NULL;
        rest(s, d, event->health.rest_until_ms);
    }
    destination_refresh(s, d);
}

// Is what it rests for our own fault, and nobody suffers when all of its mail finds out at once?
static bool may_open(const struct destination *d)
{
    return d->state == DESTINATION_RESTING && d->failures == 0 && d->logins == 0;
}

bool destination_rests_blocked(const struct destination *d, uint8_t blocked)
{
    return may_open(d) && d->blocked == blocked;
}

// It has answered nothing, so that it counts among those that have not (D11).
void destination_unblock(struct scheduler *s, struct destination *d)
{
    bool has_worked = d->pace.has_worked;
    d->blocked = 0;
    if (d->pace.limit > 0)
        pace_begin_again(&d->pace);
    d->pace.has_worked = has_worked;
    move(s, d, DESTINATION_OPEN);
    destination_refresh(s, d);
}

void destination_flush(struct scheduler *s, struct destination *d)
{
    if (may_open(d)) {
        move(s, d, DESTINATION_OPEN);
    } else if (destination_is_resting(s, d)) {
        set_rest(s, d, s->now_ms);
    }
    destination_refresh(s, d);
}

bool destination_rests_for_network(const struct scheduler *s, const struct destination *d)
{
    if (!destination_is_resting(s, d) || s->settings.is_manual)
        return false;
    const struct outcome *why = reasons_show(s->shown, d->why);
    return d->failures == 0 || !why || why->scope == SCOPE_LOCAL || why->klass == CLASS_HOST ||
           why->klass == CLASS_DNS;
}

// Names differ, so that is how the probes are spread.
static int64_t spread_ms(const char *name)
{
    uint32_t hash = FNV_BEGIN;
    for (; *name; name++)
        hash = fnv_add(hash, *name);
    return hash % NETWORK_SPREAD_MS;
}

void destination_try_early(struct scheduler *s, struct destination *d)
{
    int64_t at_ms = s->now_ms + spread_ms(d->name);
    if (destination_rests_for_network(s, d) && at_ms < d->rest.at_ms)
        set_rest(s, d, at_ms);
    destination_refresh(s, d);
}

void destination_begin_again(struct scheduler *s, struct destination *d)
{
    if (is_open(d) && d->pace.limit > 0)
        pace_begin_again(&d->pace);
    destination_refresh(s, d);
}

void destination_reset(struct scheduler *s, struct destination *d)
{
    d->pace.limit = 0;
    d->rcpts_max = 0;
    if (may_open(d))
        move(s, d, DESTINATION_OPEN);
    else if (d->logins > 0 && destination_is_resting(s, d))
        set_rest(s, d, s->now_ms);
    destination_refresh(s, d);
}

// Those that failed and have had no mail since: nothing happens to them that would list them.
static void list_long_ago(struct scheduler *s)
{
    struct destination *d, *next;
    if (s->now_ms < s->next_scan_ms)
        return;
    s->next_scan_ms = s->now_ms + SCAN_MS;
    HASH_ITER(hh, s->destinations, d, next)
    {
        if (d->failures > 0 && d->window_batches == 0)
            destination_refresh(s, d);
    }
}

void destination_wake(struct scheduler *s)
{
    struct heap_node *node;
    while ((node = heap_first(&s->rests)) && node->at_ms <= s->now_ms) {
        heap_remove(&s->rests, node);
        destination_refresh(s, heap_owner(node, struct destination, rest));
    }
    list_long_ago(s);
}

void destination_free(struct scheduler *s, struct destination *d)
{
    HASH_DEL(s->destinations, d);
    heap_remove(&s->rests, &d->rest);
    list_remove(&d->run);
    list_remove(&d->read);
    list_remove(&d->unsaved);
    if (!is_open(d))
        s->resting--;
    forget_reason(d);
    free(d);
}

void destination_reap(struct scheduler *s)
{
    while (s->idle_count > 0) {
        struct destination *d = s->idle[--s->idle_count];
        d->is_idle_listed = false;
        if (is_idle(s, d))
            destination_free(s, d);
    }
}

bool scheduler_is_blocked(const struct scheduler *s, const char *name, uint8_t blocked)
{
    const struct destination *d = name ? destination_find(s, name) : s->destinations;
    while (d && (d->blocked != blocked || is_idle(s, d)))
        d = name ? NULL : d->hh.next;
    return d != NULL;
}

bool scheduler_destination(const struct scheduler *s, const char *name,
                           struct destination_view *ret)
{
    const struct destination *d = destination_find(s, name);
    if (!d)
        return false;
    *ret = (struct destination_view){
        .state = (enum destination_state)d->state,
        .failures = d->failures,
        .since_ms = d->since_ms,
        .last_probe_ms = d->last_probe_ms,
        .rest_until_ms = is_open(d) ? 0 : d->rest.at_ms,
        .local_ms = (int64_t)d->local_s * 1000,
        .blocked = d->blocked,
        .running = d->running,
        .waiting = d->window_batches,
        .why = reasons_show(s->shown, d->why),
        .connections = d->running + d->closing,
        .allowed = d->pace.allowed,
        .limit = d->pace.limit,
        .next_start_ms = pace_next_ms(&d->pace) > s->now_ms ? pace_next_ms(&d->pace) : 0,
    };
    return true;
}
