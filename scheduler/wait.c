// SPDX-License-Identifier: BSD-2-Clause
// wait: how long after a failure: the schedule, or what the reply asks for, spread by the jitter.
// See rules.h.
#include "core/time.h"
#include "scheduler/hint.h"
#include "scheduler/rules.h"

// Only the first wait: a host that asks for the same at every attempt gets the schedule's patience.
static enum rules_hearing find_hint(const struct retry_rule *rule, uint32_t failures,
                                    struct slice reply, int64_t *ret_ms)
{
    int64_t ms;
    if (failures != 1 || rule->hint_max_ms == 0 || !hint_find(reply, &ms))
        return HEARS_NOTHING;
    if (ms < rule->hint_min_ms) {
        *ret_ms = rule->hint_min_ms;
        return HEARS_SHORTEST;
    }
    *ret_ms = ms < rule->hint_max_ms ? ms : rule->hint_max_ms;
    return ms <= rule->hint_max_ms ? HEARS_HINT : HEARS_LONGEST;
}

enum rules_hearing rules_hears(const struct retry_rule *rule, uint32_t failures, struct slice reply)
{
    int64_t ms;
    return find_hint(rule, failures, reply, &ms);
}

// splitmix64: neighbouring salts (ids are times) give numbers that have nothing in common.
static uint64_t scatter(uint64_t salt)
{
    uint64_t z = salt + 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

int64_t rules_wait(const struct retry_rule *rule, uint32_t failures, struct slice reply,
                   uint64_t salt)
{
    enum { STEPS = 1 << 20 };
    int64_t wait_ms;
    bool is_asked = find_hint(rule, failures, reply, &wait_ms) != HEARS_NOTHING;
    if (!is_asked)
        wait_ms = schedule_wait(&rule->schedule, failures);
    int64_t width_ms =
        wait_ms / 1000 * rule->jitter_permille + wait_ms % 1000 * rule->jitter_permille / 1000;
    int64_t step = (int64_t)(scatter(salt) % STEPS);
    wait_ms += width_ms / STEPS * step + width_ms % STEPS * step / STEPS;
    if (!is_asked) // who comes before he was asked to is turned away again
        wait_ms -= width_ms / 2;
    else if (wait_ms > rule->hint_max_ms) // the bound is what somebody wrote down
        wait_ms = rule->hint_max_ms;
    return wait_ms > TIME_SECOND_MS ? wait_ms : TIME_SECOND_MS;
}
