// SPDX-License-Identifier: BSD-2-Clause
// domain: when the open mail of a domain is read out of the spool. See domain.h.
#include "scheduler/domain.h"

#include "core/sender_key.h"
#include "core/time.h"
#include "scheduler/suspend.h"

#include <stdlib.h>

enum {
    LOOK_BACK_MS = 1000,
    SHARED_PAGES = 4, // of a destination in the window, while its domains are shared
};

static const struct domain_pass no_pass = {
    .flush_ms = TIME_NEVER, .marked_ms = TIME_NEVER, .after = DUE_BEGIN};

static const struct domain_pass *pass_of(const struct domain *d)
{
    return d->pass ? d->pass : &no_pass;
}

static struct domain_pass *pass_get(struct domain *d)
{
    if (!d->pass) {
        d->pass = must_alloc(sizeof *d->pass);
        *d->pass = no_pass;
    }
    return d->pass;
}

static bool is_flushed(const struct domain *d)
{
    return pass_of(d)->flush_ms != TIME_NEVER || pass_of(d)->marked_ms != TIME_NEVER;
}

// It goes when there is nothing in it.
static void pass_trim(struct domain *d)
{
    if (d->pass && !is_flushed(d) && d->pass->after.ms == INT64_MIN && !d->pass->lingering) {
        free(d->pass);
        d->pass = NULL;
    }
}

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
    if (d->state == DOMAIN_SHARING)
        backlog_leave(backlog_find(s, d), d->destination);
    if (d->state == DOMAIN_READING) {
        d->destination->reading--;
        s->reading--;
    }
}

static void enter(struct scheduler *s, struct domain *d)
{
    struct backlog *b;
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
    case DOMAIN_SHARING:
        b = backlog_find(s, d);
        heap_set(&s->dues, &d->wake, b->look_ms);
        backlog_enter(b, d->destination);
        break;
    }
}

// The one place where a state changes.
static void move(struct scheduler *s, struct domain *d, enum domain_state to)
{
    static const bool is_allowed[5][5] = {
        [DOMAIN_WAITING] = {[DOMAIN_WAITING] = true, [DOMAIN_DUE] = true},
        [DOMAIN_DUE] = {[DOMAIN_READING] = true},
        [DOMAIN_READING] = {[DOMAIN_WAITING] = true,
                            [DOMAIN_DUE] = true,
                            [DOMAIN_RETRYING] = true,
                            [DOMAIN_SHARING] = true},
        [DOMAIN_RETRYING] = {[DOMAIN_DUE] = true},
        [DOMAIN_SHARING] = {[DOMAIN_DUE] = true, [DOMAIN_READING] = true},
    };
    must(is_allowed[d->state][to]);
    leave(s, d);
    d->state = (uint8_t)to;
    enter(s, d);
    destination_refresh(s, d->destination);
}

static void drop_backlog(struct scheduler *s, struct domain *d)
{
    must(d->state != DOMAIN_SHARING);
    if (d->has_backlog)
        backlog_free(s, backlog_find(s, d));
    d->has_backlog = false;
}

static void begin_pass(struct scheduler *s, struct domain *d)
{
    drop_backlog(s, d);
    if (d->pass)
        d->pass->after = DUE_BEGIN;
    pass_trim(d);
}

// Behind all rows of that time.
static void begin_behind(struct domain *d, int64_t after_ms)
{
    pass_get(d)->after = (struct due_key){after_ms, INT64_MAX, UINT32_MAX};
}

static void attach(struct scheduler *s, struct domain *d, struct destination *to)
{
    struct destination *from = d->destination;
    if (from == to)
        return;
    if (d->state == DOMAIN_SHARING) {
        move(s, d, DOMAIN_DUE);
        begin_pass(s, d);
    }
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
    d->next_due_ms = TIME_NEVER;
    d->destination = to;
    to->domain_count++;
    d->is_suspended = suspend_has_name(s, name);
    begin_pass(s, d);
    HASH_ADD_STR(s->domains, name, d);
    return d;
}

// The cursor of the backlog goes on then, though not at once if it just did.
static void look_again(struct scheduler *s, struct domain *d, int64_t due_ms)
{
    struct backlog *b = backlog_find(s, d);
    int64_t at_ms = b->looked_ms + BACKLOG_LOOK_MS;
    if (due_ms > at_ms)
        at_ms = due_ms;
    if (at_ms >= b->look_ms)
        return;
    b->look_ms = at_ms;
    if (d->state == DOMAIN_SHARING && at_ms <= s->now_ms)
        move(s, d, DOMAIN_DUE);
    else if (d->state == DOMAIN_SHARING)
        heap_set(&s->dues, &d->wake, at_ms);
}

static void note_due(struct scheduler *s, struct domain *d, int64_t due_ms)
{
    if (due_ms < d->next_due_ms && !s->settings.is_manual)
        d->next_due_ms = due_ms;
    if (d->has_backlog)
        look_again(s, d, due_ms);
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

// What is told to be due now may have been committed a little earlier, behind the cursor.
static void look_back(struct domain *d, int64_t due_ms)
{
    if (d->has_backlog && d->state != DOMAIN_READING &&
        due_ms - LOOK_BACK_MS < pass_of(d)->after.ms)
        begin_behind(d, due_ms - LOOK_BACK_MS);
}

void domain_tell(struct scheduler *s, const struct sched_event *event)
{
    struct destination *to = destination_get(s, event->domain.destination);
    struct domain *d = domain_get(s, event->domain.name, to);
    attach(s, d, to);
    look_back(d, event->domain.next_due_ms);
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

void domain_return(struct scheduler *s, const struct destination *dest, const struct batch *batch,
                   const struct recipient *r, int64_t due_ms)
{
    struct domain *d = domain_find(s, r->domain);
    if (!d || !d->has_backlog || d->destination != dest)
        return;
    struct due_key key = {r->next_attempt_ms, r->message, r->n}, cursor = pass_of(d)->after;
    struct backlog *b = backlog_find(s, d);
    if (d->state == DOMAIN_READING || !due_is_before(&cursor, &key))
        backlog_return(b, sender_key(slice_str(batch->message.sender)), batch->message.priority,
                       key);
    if (due_ms > s->now_ms)
        b->rest_ms = due_ms;
}

static struct domain *first_due(const struct destination *dest)
{
    struct list *first = list_first(&dest->due);
    return first ? list_owner(first, struct domain, due) : NULL;
}

// Fresh mail in the window does not count: it must not keep older mail in the spool for ever.
static bool has_page_room(const struct scheduler *s, const struct destination *dest)
{
    return dest->paged_rcpts < (s->settings.page_size + 1) / 2 || dest->state != DESTINATION_OPEN;
}

static bool may_share(const struct scheduler *s, const struct domain *d)
{
    return !s->settings.is_manual && pass_of(d)->flush_ms == TIME_NEVER &&
           d->destination->state == DESTINATION_OPEN &&
           (d->has_backlog || HASH_COUNT(s->backlogs) < BACKLOGS_MAX);
}

bool domain_may_read(const struct scheduler *s, const struct destination *dest)
{
    const struct domain *d = first_due(dest);
    if (!d || has_page_room(s, dest))
        return d != NULL;
    return dest->paged_rcpts < SHARED_PAGES * s->settings.page_size && may_share(s, d);
}

static void ask(struct domain *d, int64_t horizon_ms, uint32_t limit, struct sched_effect *ret)
{
    *ret = (struct sched_effect){.kind = SCHED_READ_DUE};
    ret->due.domain = d->name;
    ret->due.horizon_ms = horizon_ms;
    ret->due.attempted_before_ms = pass_of(d)->flush_ms;
    ret->due.after_ms = pass_of(d)->after.ms;
    ret->due.after_message = pass_of(d)->after.message;
    ret->due.after_n = pass_of(d)->after.n;
    ret->due.limit = limit;
}

// A page of one sender's, from where it was passed over.
static void read_lane(struct scheduler *s, struct backlog *b, uint32_t limit,
                      struct sched_effect *ret)
{
    struct domain *d = b->domain;
    move(s, d, DOMAIN_READING);
    ask(d, s->now_ms, limit, ret);
    ret->due.sharing = backlog_share_lane(s, b, d->destination, pass_of(d)->after);
    if (ret->due.sharing->left_each < limit)
        ret->due.limit = ret->due.sharing->left_each;
    ret->due.after_ms = b->reading->from.ms;
    ret->due.after_message = b->reading->from.message;
    ret->due.after_n = b->reading->from.n;
}

static struct backlog *get_backlog(struct scheduler *s, struct domain *d)
{
    if (d->has_backlog)
        return backlog_find(s, d);
    d->has_backlog = true;
    return backlog_new(s, d);
}

static void read_page(struct scheduler *s, struct domain *d, uint32_t limit,
                      struct sched_effect *ret)
{
    bool is_flush = pass_of(d)->flush_ms != TIME_NEVER, begins = pass_of(d)->after.ms == INT64_MIN;
    int64_t horizon_ms = s->settings.is_manual ? scheduler_mark(s->now_ms) : s->now_ms;
    bool is_shared = d->has_backlog || (!has_page_room(s, d->destination) && may_share(s, d));
    if (begins && !is_flush)
        d->next_due_ms = TIME_NEVER; // all that was said is committed: this pass will see it
    if (begins && !is_flush && s->settings.is_manual)
        begin_behind(d, scheduler_mark(pass_of(d)->marked_ms) - 1);
    ask(d, is_flush ? INT64_MAX : horizon_ms, limit, ret);
    if (is_shared)
        ret->due.sharing = backlog_share(s, get_backlog(s, d), d->destination);
    move(s, d, DOMAIN_READING);
}

bool domain_read(struct scheduler *s, struct destination *dest, uint32_t limit,
                 struct sched_effect *ret)
{
    list_remove(&dest->read); // and to the end, if it may read again
    struct backlog *b =
        backlog_is_thirsty(dest) && dest->state == DESTINATION_OPEN ? backlog_pick(s, dest) : NULL;
    bool may_read = dest->state != DESTINATION_OPEN || domain_may_read(s, dest);
    if (b)
        read_lane(s, b, limit, ret);
    else if (may_read)
        read_page(s, first_due(dest), limit, ret);
    else
        destination_refresh(s, dest);
    return b || may_read;
}

static void stop_lingering(struct scheduler *s, struct domain *d)
{
    while (d->pass && d->pass->lingering) {
        struct inflight *f = d->pass->lingering;
        d->pass->lingering = f->next;
        inflight_remove(&s->inflight, f);
        pass_trim(d);
    }
}

static void end_pass(struct scheduler *s, struct domain *d, int64_t next_due_ms)
{
    if (s->settings.is_manual && pass_of(d)->flush_ms == TIME_NEVER) {
        pass_get(d)->marked_ms = d->next_due_ms;
        d->next_due_ms = TIME_NEVER;
    } else if (!s->settings.is_manual && next_due_ms < d->next_due_ms) {
        d->next_due_ms = next_due_ms;
    }
    if (d->pass)
        d->pass->flush_ms = TIME_NEVER;
    begin_pass(s, d);
}

// What its destination will not have now, nobody asks for again before the next flush.
static bool is_hopeless(const struct scheduler *s, const struct domain *d)
{
    return s->settings.is_manual && destination_is_resting(s, d->destination);
}

static void forget_flush(struct scheduler *s, struct domain *d)
{
    d->next_due_ms = TIME_NEVER;
    if (d->pass)
        d->pass->flush_ms = d->pass->marked_ms = TIME_NEVER;
    begin_pass(s, d);
}

static bool advance(struct domain *d, const struct sched_event *event)
{
    struct due_key cursor = pass_of(d)->after,
                   last = {event->page.last_ms, event->page.last_message, event->page.last_n};
    if (!due_is_before(&cursor, &last))
        return false;
    pass_get(d)->after = last;
    return true;
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

// Behind a page of a shared pass: the cursor goes on, waits, or has nothing more to do.
static void settle_backlog(struct scheduler *s, struct domain *d, struct backlog *b)
{
    if (b->look_ms <= s->now_ms) {
        move(s, d, DOMAIN_DUE);
    } else if (b->lane_count == 0) {
        end_pass(s, d, b->look_ms);
        settle_down(s, d);
    } else if (d->destination->state != DESTINATION_OPEN) {
        begin_pass(s, d);
        move(s, d, DOMAIN_DUE);
    } else {
        move(s, d, DOMAIN_SHARING);
    }
}

static void shared_page_end(struct scheduler *s, struct domain *d, const struct sched_event *event)
{
    struct backlog *b = backlog_find(s, d);
    struct due_key last = {event->page.last_ms, event->page.last_message, event->page.last_n};
    if (b->reading) {
        backlog_lane_read(b, event->page.is_done, last);
    } else if (!backlog_learn(b, event->page.sharing)) {
        b->look_ms = s->now_ms;
    } else {
        must(advance(d, event) || event->page.is_done);
        if (!event->page.is_done)
            b->look_ms = s->now_ms;
        else
            look_again(s, d, event->page.next_due_ms);
    }
    settle_backlog(s, d, b);
}

static void page_failed(struct scheduler *s, struct domain *d)
{
    if (d->has_backlog) {
        backlog_find(s, d)->reading = NULL;
        look_again(s, d, s->now_ms);
    }
    move(s, d, DOMAIN_RETRYING);
}

// More is due than came with this page.
static void go_on(struct scheduler *s, struct domain *d, const struct sched_event *event)
{
    must(advance(d, event)); // else the same page would be read for ever
    if (may_share(s, d))
        get_backlog(s, d);
    move(s, d, DOMAIN_DUE);
}

void domain_page_end(struct scheduler *s, const struct sched_event *event)
{
    struct domain *d = domain_find(s, event->page.domain);
    must(d && d->state == DOMAIN_READING);
    stop_lingering(s, d);
    if (is_hopeless(s, d)) {
        d->is_stale = false;
        forget_flush(s, d);
        settle_down(s, d);
    } else if (d->is_stale) {
        d->is_stale = false;
        begin_pass(s, d);
        settle_down(s, d);
    } else if (!event->page.is_ok) {
        page_failed(s, d);
    } else if (event->page.sharing) {
        shared_page_end(s, d, event);
    } else if (!event->page.is_done) {
        go_on(s, d, event);
    } else {
        end_pass(s, d, event->page.next_due_ms);
        settle_down(s, d);
    }
}

void domain_flush(struct scheduler *s, struct domain *d, int64_t at_ms)
{
    if (pass_of(d)->flush_ms == at_ms)
        return;
    pass_get(d)->flush_ms = at_ms;
    if (d->state == DOMAIN_READING) {
        d->is_stale = true;
        return;
    }
    if (d->state != DOMAIN_DUE)
        move(s, d, DOMAIN_DUE);
    begin_pass(s, d);
}

void domain_flush_marked(struct scheduler *s, struct domain *d, int64_t at_ms)
{
    bool is_read = d->state == DOMAIN_READING && !d->is_stale && pass_of(d)->flush_ms == TIME_NEVER;
    int64_t *first = is_read ? &d->next_due_ms : &pass_get(d)->marked_ms;
    if (at_ms < *first)
        *first = at_ms;
    if (d->state != DOMAIN_READING && d->state != DOMAIN_DUE)
        move(s, d, DOMAIN_DUE);
}

void domain_share_no_more(struct scheduler *s, struct destination *dest)
{
    while (dest->backlogs) {
        struct backlog *b =
            list_owner(list_first(&dest->backlogs->list), struct backlog, in_destination);
        struct domain *d = b->domain;
        move(s, d, DOMAIN_DUE);
        begin_pass(s, d);
    }
}

void domain_give_up(struct scheduler *s, struct destination *dest)
{
    struct list *first;
    while ((first = list_first(&dest->due))) {
        struct domain *d = list_owner(first, struct domain, due);
        forget_flush(s, d);
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
    f->next = pass_get(d)->lingering;
    d->pass->lingering = f;
}

void domain_wake(struct scheduler *s)
{
    struct heap_node *node;
    while ((node = heap_first(&s->dues)) && node->at_ms <= s->now_ms) {
        struct domain *d = heap_owner(node, struct domain, wake);
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
        if (!s->settings.is_manual && d->pass)
            d->pass->marked_ms = TIME_NEVER; // what is marked is due
        if (d->state == DOMAIN_READING) {
            d->is_stale = true;
            d->next_due_ms = TIME_NEVER;
        } else if (!is_flushed(d)) {
            domain_free(s, d);
        } else {
            begin_pass(s, d); // what it had read so far was in the windows
        }
    }
}

void domain_free(struct scheduler *s, struct domain *d)
{
    leave(s, d);
    d->state = DOMAIN_WAITING;
    drop_backlog(s, d);
    stop_lingering(s, d);
    d->destination->domain_count--;
    destination_refresh(s, d->destination);
    HASH_DEL(s->domains, d);
    free(d->pass);
    free(d);
}
