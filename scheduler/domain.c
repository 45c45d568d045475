// SPDX-License-Identifier: BSD-2-Clause
// domain: when the open mail of a domain is read out of the spool. See domain.h.
#include "scheduler/domain.h"

#include "core/time.h"
#include "scheduler/suspend.h"

#include <stdlib.h>

struct domain *domain_find(const struct scheduler *s, const char *name)
{
    struct domain *d;
    HASH_FIND_STR(s->domains, name, d);
    return d;
}

static void leave(struct scheduler *s, struct domain *d)
{
    heap_remove(&s->dues, &d->wake);
    list_remove(&d->due);
    if (d->state == DOMAIN_READING) {
        d->destination->reading--;
        s->reading--;
    }
}

static void enter(struct scheduler *s, struct domain *d)
{
    switch ((enum domain_state)d->state) {
    case DOMAIN_WAITING:
        heap_set(&s->dues, &d->wake, d->next_due_ms);
        break;
    case DOMAIN_DUE:
        if (!d->is_suspended)
            list_put_last(&d->destination->due, &d->due);
        break;
    case DOMAIN_READING:
        d->destination->reading++;
        s->reading++;
        break;
    case DOMAIN_RETRYING:
        heap_set(&s->dues, &d->wake, s->now_ms + READ_RETRY_MS);
        break;
    }
}

// The one place where a state changes.
static void move(struct scheduler *s, struct domain *d, enum domain_state to)
{
    static const bool is_allowed[4][4] = {
        [DOMAIN_WAITING] = {[DOMAIN_WAITING] = true, [DOMAIN_DUE] = true},
        [DOMAIN_DUE] = {[DOMAIN_READING] = true},
        [DOMAIN_READING] = {[DOMAIN_WAITING] = true, [DOMAIN_DUE] = true, [DOMAIN_RETRYING] = true},
        [DOMAIN_RETRYING] = {[DOMAIN_DUE] = true},
    };
    must(is_allowed[d->state][to]);
    leave(s, d);
    d->state = (uint8_t)to;
    enter(s, d);
    destination_refresh(s, d->destination);
}

static void begin_pass(struct domain *d)
{
    d->after_ms = INT64_MIN;
    d->after_message = 0;
    d->after_n = 0;
}

// Behind all rows of that time.
static void begin_behind(struct domain *d, int64_t after_ms)
{
    d->after_ms = after_ms;
    d->after_message = INT64_MAX;
    d->after_n = UINT32_MAX;
}

static void attach(struct scheduler *s, struct domain *d, struct destination *to)
{
    struct destination *from = d->destination;
    if (from == to)
        return;
    // A READING domain takes its count along, so that what it left can be forgotten.
    leave(s, d);
    from->domain_count--;
    d->destination = to;
    to->domain_count++;
    if (d->state == DOMAIN_RETRYING)
        heap_set(&s->dues, &d->wake, d->wake.at_ms);
    else
        enter(s, d);
    destination_refresh(s, from);
    destination_refresh(s, to);
}

struct domain *domain_get(struct scheduler *s, const char *name, struct destination *to)
{
    struct domain *d = domain_find(s, name);
    if (d)
        return d;
    size_t n = strlen(name) + 1;
    d = must_zalloc(sizeof *d + n);
    memcpy(d->name, name, n);
    d->wake.owner = d;
    d->next_due_ms = d->flush_ms = d->marked_ms = TIME_NEVER;
    d->destination = to;
    to->domain_count++;
    d->is_suspended = suspend_has_name(s, name);
    begin_pass(d);
    HASH_ADD_STR(s->domains, name, d);
    return d;
}

static void note_due(struct scheduler *s, struct domain *d, int64_t due_ms)
{
    if (due_ms < d->next_due_ms && !s->settings.is_manual)
        d->next_due_ms = due_ms;
    if (d->state != DOMAIN_WAITING)
        return;
    if (d->next_due_ms == TIME_NEVER) // made for this, and there is nothing
        domain_free(s, d);
    else
        move(s, d, d->next_due_ms <= s->now_ms ? DOMAIN_DUE : DOMAIN_WAITING);
}

void domain_note(struct scheduler *s, const char *name, struct destination *to, int64_t due_ms)
{
    struct domain *d = domain_get(s, name, to);
    if (destination_is_resting(s, d->destination) && !destination_is_resting(s, to))
        attach(s, d, to);
    note_due(s, d, due_ms);
}

void domain_tell(struct scheduler *s, const struct sched_event *event)
{
    struct destination *to = destination_get(s, event->domain.destination);
    struct domain *d = domain_get(s, event->domain.name, to);
    attach(s, d, to);
    note_due(s, d, event->domain.next_due_ms);
}

void domain_suspend(struct scheduler *s, struct domain *d, bool is_suspended)
{
    if (d->is_suspended == is_suspended)
        return;
    d->is_suspended = is_suspended;
    if (d->state == DOMAIN_DUE) {
        list_remove(&d->due);
        enter(s, d);
    }
    destination_refresh(s, d->destination);
}

void domain_read(struct scheduler *s, struct destination *dest, uint32_t limit,
                 struct sched_effect *ret)
{
    struct domain *d = list_owner(list_first(&dest->due), struct domain, due);
    bool is_flush = d->flush_ms != TIME_NEVER, begins = d->after_ms == INT64_MIN;
    int64_t horizon_ms = s->settings.is_manual ? scheduler_mark(s->now_ms) : s->now_ms;
    if (begins && !is_flush)
        d->next_due_ms = TIME_NEVER; // all that was said is committed: this pass will see it
    if (begins && !is_flush && s->settings.is_manual)
        begin_behind(d, scheduler_mark(d->marked_ms) - 1);
    list_remove(&dest->read); // and to the end, if it may read again
    move(s, d, DOMAIN_READING);
    *ret = (struct sched_effect){.kind = SCHED_READ_DUE};
    ret->due.domain = d->name;
    ret->due.horizon_ms = is_flush ? INT64_MAX : horizon_ms;
    ret->due.attempted_before_ms = d->flush_ms;
    ret->due.after_ms = d->after_ms;
    ret->due.after_message = d->after_message;
    ret->due.after_n = d->after_n;
    ret->due.limit = limit;
}

static void stop_lingering(struct scheduler *s, struct domain *d)
{
    while (d->lingering) {
        struct inflight *f = d->lingering;
        d->lingering = f->next;
        inflight_remove(&s->inflight, f);
    }
}

static void end_pass(struct scheduler *s, struct domain *d, int64_t next_due_ms)
{
    if (s->settings.is_manual && d->flush_ms == TIME_NEVER) {
        d->marked_ms = d->next_due_ms;
        d->next_due_ms = TIME_NEVER;
    } else if (!s->settings.is_manual && next_due_ms < d->next_due_ms) {
        d->next_due_ms = next_due_ms;
    }
    d->flush_ms = TIME_NEVER;
    begin_pass(d);
}

static bool is_flushed(const struct domain *d)
{
    return d->flush_ms != TIME_NEVER || d->marked_ms != TIME_NEVER;
}

// What its destination will not have now, nobody asks for again before the next flush.
static bool is_hopeless(const struct scheduler *s, const struct domain *d)
{
    return s->settings.is_manual && destination_is_resting(s, d->destination);
}

static void forget_flush(struct domain *d)
{
    d->flush_ms = d->marked_ms = d->next_due_ms = TIME_NEVER;
    begin_pass(d);
}

static void advance(struct domain *d, const struct sched_event *event)
{
    bool is_ahead =
        event->page.last_ms > d->after_ms ||
        (event->page.last_ms == d->after_ms &&
         (event->page.last_message > d->after_message ||
          (event->page.last_message == d->after_message && event->page.last_n > d->after_n)));
    must(is_ahead); // else the same page would be read for ever
    d->after_ms = event->page.last_ms;
    d->after_message = event->page.last_message;
    d->after_n = event->page.last_n;
}

// Between two passes: begin the next one, wait for it, or forget the domain.
static void settle_down(struct scheduler *s, struct domain *d)
{
    if (is_flushed(d) || d->next_due_ms <= s->now_ms)
        move(s, d, DOMAIN_DUE);
    else if (d->next_due_ms != TIME_NEVER)
        move(s, d, DOMAIN_WAITING);
    else
        domain_free(s, d);
}

void domain_page_end(struct scheduler *s, const struct sched_event *event)
{
    struct domain *d = domain_find(s, event->page.domain);
    must(d && d->state == DOMAIN_READING);
    stop_lingering(s, d);
    if (is_hopeless(s, d)) {
        d->is_stale = false;
        forget_flush(d);
        settle_down(s, d);
    } else if (d->is_stale) {
        d->is_stale = false;
        begin_pass(d);
        settle_down(s, d);
    } else if (!event->page.is_ok) {
        move(s, d, DOMAIN_RETRYING);
    } else if (!event->page.is_done) {
        advance(d, event);
        move(s, d, DOMAIN_DUE);
    } else {
        end_pass(s, d, event->page.next_due_ms);
        settle_down(s, d);
    }
}

void domain_flush(struct scheduler *s, struct domain *d, int64_t at_ms)
{
    if (d->flush_ms == at_ms)
        return;
    d->flush_ms = at_ms;
    if (d->state == DOMAIN_READING) {
        d->is_stale = true;
        return;
    }
    begin_pass(d);
    if (d->state != DOMAIN_DUE)
        move(s, d, DOMAIN_DUE);
}

void domain_flush_marked(struct scheduler *s, struct domain *d, int64_t at_ms)
{
    bool is_read = d->state == DOMAIN_READING && d->flush_ms == TIME_NEVER && !d->is_stale;
    int64_t *first = is_read ? &d->next_due_ms : &d->marked_ms;
    if (at_ms < *first)
        *first = at_ms;
    if (d->state != DOMAIN_READING && d->state != DOMAIN_DUE)
        move(s, d, DOMAIN_DUE);
}

void domain_give_up(struct scheduler *s, struct destination *dest)
{
    struct list *first;
    while ((first = list_first(&dest->due))) {
        struct domain *d = list_owner(first, struct domain, due);
        forget_flush(d);
        domain_free(s, d);
    }
}

void domain_let_go(struct scheduler *s, const char *name, uint64_t message, uint32_t n,
                   struct inflight *f)
{
    struct domain *d = name ? domain_find(s, name) : NULL;
    if (!d || d->state != DOMAIN_READING) {
        if (f)
            inflight_remove(&s->inflight, f);
        return;
    }
    if (!f)
        f = inflight_add(&s->inflight, message, n, NULL);
    f->phase = INFLIGHT_LINGERING;
    f->next = d->lingering;
    d->lingering = f;
}

void domain_wake(struct scheduler *s)
{
    struct heap_node *node;
    while ((node = heap_first(&s->dues)) && node->at_ms <= s->now_ms) {
        struct domain *d = node->owner;
        if (is_hopeless(s, d))
            domain_free(s, d);
        else
            move(s, d, DOMAIN_DUE);
    }
}

void domain_forget_all(struct scheduler *s)
{
    struct domain *d, *next;
    HASH_ITER(hh, s->domains, d, next)
    {
        if (!s->settings.is_manual)
            d->marked_ms = TIME_NEVER; // what is marked is due
        if (d->state == DOMAIN_READING) {
            d->is_stale = true;
            d->next_due_ms = TIME_NEVER;
        } else if (!is_flushed(d)) {
            domain_free(s, d);
        } else {
            begin_pass(d); // what it had read so far was in the windows
        }
    }
}

void domain_free(struct scheduler *s, struct domain *d)
{
    leave(s, d);
    stop_lingering(s, d);
    d->destination->domain_count--;
    destination_refresh(s, d->destination);
    HASH_DEL(s->domains, d);
    free(d);
}
