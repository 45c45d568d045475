// SPDX-License-Identifier: BSD-2-Clause
// window: the batches that are in memory, and the room for them. See window.h.
#include "scheduler/window.h"

#include "scheduler/batch.h"
#include "scheduler/domain.h"
#include "scheduler/suspend.h"

static void discard(struct scheduler *s, struct batch *b)
{
    b->prev = NULL;
    b->next = s->discards;
    s->discards = b;
}

// Room is counted in recipients; called with what came or went.
static void count_rcpts(struct scheduler *s, struct destination *d, const struct batch *b,
                        uint32_t n, bool is_gain)
{
    uint32_t change = is_gain ? n : 0 - n; // wraps as unsigned numbers do: adding is subtracting
    s->window_rcpts += change;
    d->window_rcpts += change;
    if (d->state != DESTINATION_OPEN)
        s->parked_rcpts += change; // I1
    if (!b->is_fresh)
        d->paged_rcpts += change;
}

static void look_up_limits(struct scheduler *s, struct destination *d)
{
    struct limit_rule rule;
    if (d->pace.limit > 0)
        return;
    rules_limit(s->settings.rules, d->name, &rule);
    pace_set_limit(&d->pace, &rule);
    d->rcpts_max = rule.recipients_per_message;
}

static void push(struct scheduler *s, struct destination *d, struct batch *b)
{
    look_up_limits(s, d);
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        inflight_add(&s->inflight, b->rcpts[i].message, b->rcpts[i].n, b);
    b->queued_ms = s->now_ms;
    senders_add(&s->lines, d, b);
    d->window_batches++;
    s->window_batches++;
    count_rcpts(s, d, b, b->rcpt_count, true);
}

static void unlink_batch(struct scheduler *s, struct destination *d, struct batch *b)
{
    backlog_lost(s, d, b, b->rcpt_count);
    senders_remove(&s->lines, d, b);
    d->window_batches--;
    s->window_batches--;
    count_rcpts(s, d, b, b->rcpt_count, false);
}

static void shrink(struct scheduler *s, struct destination *d, struct batch *b, uint32_t n)
{
    backlog_lost(s, d, b, n);
    senders_shrink(b, n);
    count_rcpts(s, d, b, n, false);
}

static uint32_t page_limit_max(const struct scheduler *s)
{
    // A quarter: with the half that may be parked there is always a page's room to come.
    uint32_t quarter = s->settings.window_rcpts_max / 4;
    uint32_t limit = s->settings.page_size < quarter ? s->settings.page_size : quarter;
    return limit > 0 ? limit : 1;
}

static uint32_t free_rcpts(const struct scheduler *s)
{
    uint32_t used = s->window_rcpts + s->reading * page_limit_max(s);
    return used < s->settings.window_rcpts_max ? s->settings.window_rcpts_max - used : 0;
}

uint32_t window_page_limit(const struct scheduler *s)
{
    uint32_t limit = page_limit_max(s);
    return limit <= free_rcpts(s) ? limit : 0;
}

static bool has_parking_room(const struct scheduler *s, const struct destination *d, uint32_t more)
{
    return d->window_rcpts + more <= s->settings.page_size &&
           s->parked_rcpts + more <= s->settings.window_rcpts_max / 2;
}

static bool may_enter(const struct scheduler *s, const struct destination *d, const struct batch *b)
{
    if (s->is_paused || d->is_suspended || suspend_has_all(s))
        return false;
    if (s->settings.is_manual && (b->is_fresh || destination_is_resting(s, d)))
        return false;
    return d->state == DESTINATION_OPEN || !b->only_if_open;
}

static bool has_room(const struct scheduler *s, const struct destination *d, const struct batch *b)
{
    if (d->state != DESTINATION_OPEN) {
        if (!b->is_fresh && destination_needs_probe(s, d) && d->window_batches == 0)
            return true; // it is what the probe was read for
        return has_parking_room(s, d, b->rcpt_count);
    }
    if (b->is_fresh)
        return d->window_rcpts + b->rcpt_count <= free_rcpts(s);
    // Never short of room for what was asked for; but rows of other destinations come along.
    return d->paged_rcpts + b->rcpt_count <= s->settings.page_size * (READS_PER_DESTINATION + 1);
}

static void note_domains(struct scheduler *s, struct destination *d, const struct batch *b,
                         int64_t due_ms)
{
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        domain_note(s, b->rcpts[i].domain, d, due_ms);
}

// It is in the spool alone: its domain is to be read, or its sender's lane there.
static void leave_to_spool(struct scheduler *s, struct destination *d, const struct batch *b,
                           int64_t due_ms)
{
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        domain_return(s, d, b, &b->rcpts[i], due_ms);
    note_domains(s, d, b, due_ms);
}

// Rows of a page that find no room would be in the next page again: that has to wait a little.
static int64_t when_to_try_again(const struct scheduler *s, const struct destination *d,
                                 bool is_fresh)
{
    if (is_fresh)
        return s->now_ms;
    return destination_is_resting(s, d) ? d->rest.at_ms : s->now_ms + READ_RETRY_MS;
}

static void give_back(struct scheduler *s, struct destination *d, struct batch *b)
{
    unlink_batch(s, d, b);
    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        struct inflight *f = inflight_find(s->inflight, b->rcpts[i].message, b->rcpts[i].n);
        must(f && f->phase == INFLIGHT_WAITING);
        inflight_remove(&s->inflight, f);
    }
    discard(s, b);
}

static void give_way(struct scheduler *s, struct destination *d, struct batch *b)
{
    leave_to_spool(s, d, b, s->now_ms);
    give_back(s, d, b);
}

// (D8) Who has more waiting than b's sender would have gives way to it, youngest first, even when
// it came earlier: a mailing that has filled the window keeps nobody else out. In manual mode what
// is given back would be lost to the flush that has asked for it.
static struct batch *who_gives_way(struct scheduler *s, struct destination *d,
                                   const struct batch *b)
{
    const struct sender_line *heaviest = senders_heaviest(&d->senders);
    if (!heaviest || s->settings.is_manual)
        return NULL;
    uint32_t load = senders_load(&s->lines, d, b) + b->rcpt_count;
    struct batch *last = heaviest->last;
    bool helps = b->is_fresh || !last->is_fresh || d->state != DESTINATION_OPEN;
    return helps && heaviest->rcpts >= load + last->rcpt_count ? last : NULL;
}

static bool make_room(struct scheduler *s, struct destination *d, const struct batch *b)
{
    struct batch *other;
    while (!has_room(s, d, b)) {
        if (!(other = who_gives_way(s, d, b)))
            return false;
        give_way(s, d, other);
    }
    return true;
}

static void leave_out_inflight(struct scheduler *s, struct batch *b)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        struct recipient *r = &b->rcpts[i];
        if (inflight_find(s->inflight, r->message, r->n))
            recipient_close(r);
        else
            b->rcpts[kept++] = *r;
    }
    b->rcpt_count = kept;
}

void window_offer(struct scheduler *s, struct batch *b, bool is_fresh)
{
    b->is_fresh = is_fresh;
    leave_out_inflight(s, b);
    if (b->rcpt_count == 0) {
        discard(s, b);
        return;
    }
    struct destination *d = destination_get(s, b->destination);
    if (!may_enter(s, d, b) || !make_room(s, d, b)) {
        leave_to_spool(s, d, b, when_to_try_again(s, d, is_fresh));
        discard(s, b);
    } else {
        push(s, d, b);
        if (destination_is_resting(s, d))
            note_domains(s, d, b, s->now_ms);
    }
    destination_refresh(s, d);
}

struct batch *window_take(struct scheduler *s, struct destination *d)
{
    struct batch *b = senders_take_turn(&d->senders);
    if (b->rcpt_count > d->rcpts_max) {
        shrink(s, d, b, d->rcpts_max);
        b = batch_split(b, d->rcpts_max);
    } else {
        unlink_batch(s, d, b);
    }
    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        struct inflight *f = inflight_find(s->inflight, b->rcpts[i].message, b->rcpts[i].n);
        must(f && f->phase == INFLIGHT_WAITING);
        f->phase = INFLIGHT_ACTIVE;
        f->batch = NULL;
    }
    return b;
}

void window_drop(struct scheduler *s, struct batch *b, struct recipient *r)
{
    struct destination *d = destination_find(s, b->destination);
    must(d);
    if (b->rcpt_count == 1)
        unlink_batch(s, d, b);
    else
        shrink(s, d, b, 1);
    batch_remove_rcpt(b, r);
    if (b->rcpt_count == 0)
        discard(s, b);
    destination_refresh(s, d);
}

void window_park(struct scheduler *s, struct destination *d)
{
    for (struct batch *b = senders_each(&d->senders, NULL), *next; b; b = next) {
        next = senders_each(&d->senders, b);
        note_domains(s, d, b, s->now_ms);
        if (b->only_if_open)
            give_way(s, d, b);
    }
    while (d->window_batches > 0 && !has_parking_room(s, d, 0))
        give_way(s, d, senders_heaviest(&d->senders)->last);
}

void window_clear(struct scheduler *s, struct destination *d)
{
    while (d->window_batches > 0)
        give_back(s, d, senders_each(&d->senders, NULL));
    destination_refresh(s, d);
}
