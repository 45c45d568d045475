// SPDX-License-Identifier: BSD-2-Clause
// pace: how many conversations at once, and how fast messages begin. See pace.h.
#include "scheduler/pace.h"

static uint16_t at_most(uint32_t n, uint32_t max)
{
    return (uint16_t)(n < max ? n : max);
}

void pace_set_limit(struct pace *p, const struct limit_rule *rule)
{
    if (p->limit == 0 && p->allowed == 0)
        p->allowed = PACE_FIRST;
    p->limit = at_most(rule->connections, UINT16_MAX);
    p->allowed = at_most(p->allowed, p->limit);
    p->interval_us = rule->rate_count ? rule->rate_ms * 1000 / rule->rate_count : 0;
    if (p->interval_us == 0)
        p->next_us = 0;
}

void pace_begin_again(struct pace *p)
{
    p->allowed = at_most(PACE_AGAIN, p->limit ? p->limit : PACE_AGAIN);
    p->is_careful = p->has_grown = false;
    p->has_worked = true;
    p->misses = p->proven = 0;
    p->round = 0;
}

void pace_started(struct pace *p, int64_t now_ms, struct pace_mark *ret)
{
    int64_t now_us = now_ms * 1000;
    *ret = (struct pace_mark){.successes = p->successes, .lowered = p->lowered};
    if (p->interval_us > 0)
        p->next_us = (p->next_us > now_us ? p->next_us : now_us) + p->interval_us;
}

// While it grows slowly: successes until the next step.
static uint32_t patience(const struct pace *p)
{
    return p->allowed >= p->proven && p->proven > 0 ? (uint32_t)p->allowed * PACE_ROUNDS
                                                    : p->allowed;
}

void pace_success(struct pace *p)
{
    p->successes++;
    p->has_worked = true;
    p->misses = 0;
    if (p->allowed >= p->limit) {
        p->is_careful = false;
        p->proven = 0;
        return;
    }
    p->round++;
    if (p->is_careful && p->round < patience(p))
        return;
    p->round = 0;
    p->allowed++;
    p->has_grown = p->is_careful;
}

// One above a number that was right for a round is back to that number; what grew quickly, or fails
// at once, is halved.
static void lower(struct pace *p)
{
    uint16_t before = (uint16_t)(p->allowed - 1);
    bool was_right = p->has_grown && before > 0 && p->round < p->allowed;
    p->proven = was_right ? before : 0;
    if (was_right)
        p->allowed = before;
    else
        p->allowed = at_most(p->allowed > 1 ? p->allowed / 2 : 1, p->allowed);
    p->is_careful = true;
    p->has_grown = false;
    p->round = 0;
    p->lowered++;
}

// Of those that began before it was lowered each would halve it again for the same thing.
static bool is_news(const struct pace *p, const struct pace_mark *began)
{
    return began->lowered == p->lowered;
}

bool pace_lower(struct pace *p, const struct pace_mark *began, uint32_t others)
{
    if (p->misses < UINT16_MAX)
        p->misses++;
    bool others_work = p->has_worked && others > 0;
    bool works = (others_work || p->successes != began->successes) && p->misses <= PACE_MISSES;
    p->has_worked = works;
    if (works && is_news(p, began))
        lower(p);
    return works;
}

void pace_slow_down(struct pace *p, const struct pace_mark *began)
{
    if (is_news(p, began))
        lower(p);
}

bool pace_has_room(const struct pace *p, uint32_t running)
{
    return running < p->allowed;
}

// Beginnings closer than a millisecond share one.
int64_t pace_next_ms(const struct pace *p)
{
    return p->next_us / 1000;
}

int64_t pace_turn_ms(const struct pace *p, uint32_t before, int64_t now_ms)
{
    int64_t from_us = p->next_us > now_ms * 1000 ? p->next_us : now_ms * 1000;
    return p->interval_us > 0 ? (from_us + before * p->interval_us) / 1000 : 0;
}
