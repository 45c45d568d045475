// SPDX-License-Identifier: BSD-2-Clause
// clock: what time it is for the pipeline, and what follows when the wall clock is set. See
// pipeline_internal.h.
//
// `now_ms` follows the wall clock forward and never goes back: when that is set back, now_ms goes
// on at the pace of the monotonic clock. What the two clocks say between two events shows a jump.
//
// (C1) A jump ahead does not end what is under way: whatever waits for a while, in conversations
//      and elsewhere, waits on by as much. What waits for a moment (mail, rests, sweeps) is due.
// (C2) Behind one of more than CLOCK_JUMP_MS a new epoch begins: nothing expires before it was
//      tried again (S1), nor is anybody warned of what is late by the jump. And nobody is met with
//      as many connections as he took before: this machine may have slept, or moved.
// (C3) A clock that stands before this program was written has not been set yet. Then now_ms goes
//      on where the spool's ids have come to, and mail that came meanwhile is as old as it was when
//      the clock has been set.
// (C4) What now_ms is ahead by shrinks by an eighth of the time that passes. When a clock was ahead
//      by more than CLOCK_BACK_MS that is no way to put it right: the pipeline ends and begins
//      again by the new clock, and what the old one has left in the spool is looked for, as at any
//      start.
#include "pipeline/pipeline_internal.h"

#include <stdlib.h>

enum { JUMP_LEAST_MS = 1000, SAID_LEAST_MS = 10 * 1000 };

#define CLOCK_JUMP_MS  (10 * TIME_MINUTE_MS)
#define CLOCK_BACK_MS  TIME_DAY_MS
#define CLOCK_UNSET_MS INT64_C(1767225600000) // 2026-01-01

void clock_init(struct pipeline *p, const struct pipeline_options *options)
{
    int64_t now_ms = options->now_ms;
    p->is_clock_unset = now_ms < CLOCK_UNSET_MS && options->monotonic_ms > 0;
    if (p->is_clock_unset) { // C3
        int64_t last_ms = ids_time(options->id_high_water);
        now_ms = last_ms > CLOCK_UNSET_MS ? last_ms : CLOCK_UNSET_MS;
    }
    p->clock = (struct time_steady){.now_ms = now_ms, .monotonic_ms = options->monotonic_ms};
    p->now_ms = p->epoch_ms = p->started_ms = now_ms;
    p->behind_ms = p->is_clock_unset ? now_ms - options->now_ms : 0;
}

void clock_start(struct pipeline *p)
{
    if (!p->is_clock_unset)
        return;
    char text[TIME_TEXT_SIZE];
    time_format_iso(p->now_ms, text);
    effect_logf(p, LOG_LEVEL_WARNING, "the clock has not been set: going on from %s until it is",
                text);
}

// ---- waiting on ------------------------------------------------------------------------------

static bool is_for_a_moment(enum alarm_kind kind)
{
    return kind == ALARM_SCHEDULER || kind == ALARM_SWEEP || kind == ALARM_MAINTAIN;
}

static void postpone_alarms(struct pipeline *p, int64_t by_ms)
{
    size_t count = p->alarms.count;
    struct heap_node **nodes = must_alloc(count * sizeof *nodes); // the heap moves them
    memcpy(nodes, p->alarms.nodes, count * sizeof *nodes);
    for (size_t i = 0; i < count; i++) {
        const struct alarm *a = heap_owner(nodes[i], struct alarm, node);
        if (!is_for_a_moment(a->kind))
            heap_set(&p->alarms, nodes[i], nodes[i]->at_ms + by_ms);
    }
    free(nodes);
}

static void postpone(struct pipeline *p, int64_t by_ms) // C1
{
    struct conn *c, *next;
    HASH_ITER(hh, p->conns, c, next)
    {
        if (c->kind == CONN_DOOR)
            door_postpone(c->door, by_ms);
    }
    carriers_postpone(p, by_ms);
    if (p->alarms.count > 0)
        postpone_alarms(p, by_ms);
    if (p->spool_patience_ms > 0)
        p->spool_patience_ms += by_ms;
}

// ---- jumps -----------------------------------------------------------------------------------

static void say(struct pipeline *p, const char *what, int64_t by_ms, const char *rest)
{
    struct buf length;
    buf_init(&length, 64);
    time_format_rough(by_ms, &length);
    effect_logf(p, LOG_LEVEL_WARNING, "%s by %s: %s", what, buf_slice(&length).p, rest);
    buf_close(&length);
}

static void begin_epoch(struct pipeline *p) // C2
{
    p->epoch_ms = p->jump_ms = p->now_ms;
    carriers_quit_idle(p); // their hosts may have gone hours ago
    windows_feed(p, &(struct sched_event){.kind = SCHED_JUMP});
}

static void jump(struct pipeline *p, int64_t was_ms, int64_t by_ms)
{
    postpone(p, by_ms);
    if (p->is_clock_unset) { // C3
        p->is_clock_unset = false;
        effect_logf(p, LOG_LEVEL_INFO, "the clock has been set");
        brake_set(p, BRAKE_CLOCK, true);
        repair_begin(p, was_ms, by_ms);
    } else if (by_ms >= SAID_LEAST_MS) {
        say(p, "the clock jumped ahead", by_ms,
            "conversations go on, and nothing is given back before it was tried again");
    }
}

static bool is_far_behind(const struct pipeline *p, int64_t wall_ms)
{
    bool is_set = wall_ms >= CLOCK_UNSET_MS && !p->is_clock_unset;
    return p->is_started && !p->is_stopping && is_set && p->now_ms - wall_ms > CLOCK_BACK_MS;
}

// By how much now_ms is ahead of a clock that was set back.
static void note_behind(struct pipeline *p, int64_t wall_ms)
{
    int64_t behind_ms = p->now_ms - wall_ms, more_ms = behind_ms - p->behind_ms;
    if (is_far_behind(p, wall_ms)) { // C4
        say(p, "the clock was set back", behind_ms,
            "everything begins again by the new one, as at a start");
        p->behind_ms = behind_ms;
        pipeline_begin_again(p);
        return;
    }
    if (more_ms > SAID_LEAST_MS)
        say(p, "the clock was set back", more_ms,
            "waiting goes on as if it had not been; new mail is dated ahead until the clocks have "
            "met, eight times as long, or the daemon is started again");
    if (more_ms > SAID_LEAST_MS || more_ms < 0)
        p->behind_ms = behind_ms;
}

void clock_take(struct pipeline *p, const struct pipeline_event *e)
{
    int64_t was_ms = p->now_ms, passed_ms = 0;
    p->utc_offset_s = e->utc_offset_s;
    if (e->monotonic_ms > 0) {
        passed_ms = e->monotonic_ms - p->clock.monotonic_ms;
        p->now_ms = time_steady_now(&p->clock, e->now_ms, e->monotonic_ms);
        note_behind(p, e->now_ms);
    } else if (e->now_ms > p->now_ms) { // a driver without the other clock
        passed_ms = e->now_ms - p->now_ms;
        p->now_ms = e->now_ms;
    }
    int64_t by_ms = p->now_ms - was_ms - passed_ms;
    if (by_ms > JUMP_LEAST_MS)
        jump(p, was_ms, by_ms);
    if (by_ms > CLOCK_JUMP_MS || (e->monotonic_ms == 0 && passed_ms > CLOCK_JUMP_MS))
        begin_epoch(p);
}

bool clock_holds_warning(const struct pipeline *p, const struct settle_input *in)
{
    return p->jump_ms > 0 && !in->outcome && p->now_ms < p->jump_ms + TIME_HOUR_MS &&
           in->rcpt->last_attempt_ms < p->jump_ms && in->last_probe_ms < p->jump_ms;
}

int64_t clock_purge_ms(const struct pipeline *p)
{
    bool is_doubtful = p->jump_ms > 0 && p->now_ms < p->jump_ms + TIME_HOUR_MS;
    return is_doubtful ? 0 : p->now_ms - p->behind_ms;
}

int64_t pipeline_now(const struct pipeline *p)
{
    return p->now_ms;
}
