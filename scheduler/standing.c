// SPDX-License-Identifier: BSD-2-Clause
// standing: why a recipient is not being tried at this moment. Looks, changes nothing; what decides
// is in destination.c and scheduler.c, and the order of the questions here is theirs.
#include "scheduler/destination.h"
#include "scheduler/window.h"

// Those before it in its line, and of each line beside it as many, as senders take turns; and all
// of higher priority. Turns of what was passed over may change that a little.
static uint32_t count_before(const struct destination *d, const struct batch *b)
{
    const struct sender_line *line = NULL;
    uint32_t own = 0, count = 0, at = 0;
    for (const struct batch *o = b->line->first; o && o != b; o = o->next)
        own++;
    for (const struct batch *o = senders_each(&d->senders, NULL); o;
         o = senders_each(&d->senders, o)) {
        at = o->line == line ? at + 1 : 0;
        line = o->line;
        if (line->key.priority > b->line->key.priority)
            count++;
        else if (line->key.priority == b->line->key.priority)
            count += at < own || (at == own && line != b->line);
    }
    return count;
}

// It is due, and its destination is open.
static void stand_in_line(const struct scheduler *s, const struct destination *d,
                          const struct inflight *f, struct standing_view *ret)
{
    ret->is_in_spool = !f || f->phase != INFLIGHT_WAITING;
    ret->before = ret->is_in_spool ? d->window_batches : count_before(d, f->batch);
    int64_t turn_ms = pace_turn_ms(&d->pace, ret->before, s->now_ms);
    if (turn_ms > s->now_ms) {
        ret->what = STANDING_RATE;
        ret->until_ms = turn_ms;
    } else if (d->pace.limit > 0 && !pace_has_room(&d->pace, d->running + d->closing)) {
        ret->what = STANDING_CONCURRENCY;
        ret->allowed = d->pace.allowed;
    } else if (s->running >= s->settings.batches_max) {
        ret->what = STANDING_FULL;
        ret->allowed = s->settings.batches_max;
    } else if (!destination_answers(d) && s->untried >= scheduler_untried_max(&s->settings)) {
        ret->what = STANDING_FULL;
        ret->allowed = scheduler_untried_max(&s->settings);
    } else {
        ret->what = STANDING_TURN;
    }
}

// Nothing is said of a destination that has no mail in memory and is healthy.
static void stand_alone(struct standing_view *ret)
{
    *ret = (struct standing_view){.what = STANDING_TURN, .is_in_spool = true};
}

void scheduler_standing(const struct scheduler *s, const struct recipient *r,
                        const char *destination, struct standing_view *ret)
{
    const struct destination *d = destination_find(s, destination);
    const struct inflight *f = inflight_find(s->inflight, r->message, r->n);
    bool is_in_window = f && f->phase == INFLIGHT_WAITING;
    int64_t due_ms = is_in_window ? s->now_ms : r->next_attempt_ms;
    *ret = (struct standing_view){.what = STANDING_ACTIVE};
    if (f && f->phase == INFLIGHT_ACTIVE)
        return;
    ret->until_ms = r->next_attempt_ms;
    if (s->settings.is_manual && !is_in_window) {
        ret->what = STANDING_ON_FLUSH;
    } else if (d && destination_is_resting(s, d) && d->rest.at_ms >= due_ms) {
        ret->what = STANDING_RESTING;
        ret->until_ms = d->rest.at_ms;
    } else if (due_ms > s->now_ms) {
        ret->what = STANDING_NOT_DUE;
    } else if (s->is_paused || s->is_braked) {
        ret->what = STANDING_STOPPED;
    } else if (!d) {
        stand_alone(ret);
    } else if (d->state == DESTINATION_PROBING) {
        ret->what = STANDING_PROBING;
    } else {
        stand_in_line(s, d, f, ret);
    }
}
