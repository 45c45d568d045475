// SPDX-License-Identifier: BSD-2-Clause
// turns: mail that comes in and mail that goes out share the processors. See pipeline_internal.h.
//
// What comes in waits for an answer each step of its way, and one round of the loop serves every
// conversation that has something to do. So a flush with fifty conversations would leave clients a
// third of their speed. While mail comes in, attempts begin by a measure, that is, so many in a
// millisecond, and so many more for each message that came: what comes in less quickly on a slow
// machine slows the flush, too. An attempt to a host that takes seconds is not held back by this.
#include "pipeline/pipeline_internal.h"

enum {
    BUSY_MS = 20,  // so long after a message came there may be the next one
    EACH_MS = 3,   // attempts that may begin in a millisecond
    EACH_MAIL = 1, // and for each message that came
    SAVED_MAX = 200,
    WINDOW_MS = 4,
    CLIENTS_EACH = 10, // so many clients, and one of them is likely to be ready
};

static bool is_busy(const struct pipeline *p)
{
    return p->turns.last_mail_ms + BUSY_MS > p->now_ms;
}

static void add(struct turns *t, int64_t starts)
{
    int64_t sum = t->starts + starts;
    t->starts = (int32_t)(sum < SAVED_MAX ? sum : SAVED_MAX);
}

static void take_time(struct pipeline *p)
{
    struct turns *t = &p->turns;
    if (p->now_ms > t->counted_ms)
        add(t, p->now_ms - t->counted_ms < SAVED_MAX ? (p->now_ms - t->counted_ms) * EACH_MS
                                                     : SAVED_MAX);
    t->counted_ms = p->now_ms;
}

static void count_mail(struct pipeline *p)
{
    struct turns *t = &p->turns;
    int64_t ms = p->now_ms - t->window_ms;
    if (ms >= WINDOW_MS) {
        t->came_before = ms < 2 * WINDOW_MS ? t->came : 0;
        t->came = 0;
        t->window_ms = p->now_ms;
    }
    t->came++;
}

// Clients that are there and say nothing do not count, nor does the rate of a single one.
uint32_t pipeline_commit_size(const struct pipeline *p)
{
    const struct turns *t = &p->turns;
    uint32_t by_clients = p->door_count / CLIENTS_EACH, by_rate = t->came_before / 2;
    return by_clients < by_rate ? by_clients : by_rate;
}

void turns_mail_came(struct pipeline *p)
{
    take_time(p);
    count_mail(p);
    p->turns.last_mail_ms = p->now_ms;
    add(&p->turns, EACH_MAIL);
}

void turns_started(struct pipeline *p)
{
    struct turns *t = &p->turns;
    take_time(p);
    t->starts -= t->starts > 0; // no debts are made while nobody waits
    if (t->starts > 0 || !is_busy(p))
        return;
    brake_set(p, BRAKE_TURNS, true);
    alarm_set(p, &p->alarm_turns, p->now_ms + 1);
}

void turns_timer(struct pipeline *p)
{
    take_time(p);
    brake_set(p, BRAKE_TURNS, false);
}
