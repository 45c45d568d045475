// SPDX-License-Identifier: BSD-2-Clause
// spans: a small set of stretches of time, in order. See spans.h.
#include "core/spans.h"

#include <stdbool.h>
#include <string.h>

static void remove_at(struct spans *s, uint32_t i, uint32_t count)
{
    memmove(&s->items[i], &s->items[i + count], (s->count - i - count) * sizeof s->items[0]);
    s->count -= count;
}

// Does `b` begin at the latest right behind `a`?
static bool meets(const struct span *a, const struct span *b)
{
    return b->first_ms <= a->last_ms || b->first_ms - 1 == a->last_ms;
}

// The gap may be wider than a number holds; then it is not the least.
static uint64_t gap_behind(const struct spans *s, uint32_t i)
{
    return (uint64_t)s->items[i + 1].first_ms - (uint64_t)s->items[i].last_ms;
}

static void join_nearest(struct spans *s)
{
    uint32_t nearest = 0;
    for (uint32_t i = 1; i + 1 < s->count; i++)
        if (gap_behind(s, i) < gap_behind(s, nearest))
            nearest = i;
    s->items[nearest].last_ms = s->items[nearest + 1].last_ms;
    remove_at(s, nearest + 1, 1);
}

static void insert_at(struct spans *s, uint32_t i, struct span span)
{
    memmove(&s->items[i + 1], &s->items[i], (s->count - i) * sizeof s->items[0]);
    s->items[i] = span;
    s->count++;
}

void spans_add(struct spans *s, int64_t first_ms, int64_t last_ms)
{
    if (last_ms < first_ms)
        return;
    struct span fresh = {first_ms, last_ms};
    uint32_t from = 0;
    while (from < s->count && !meets(&s->items[from], &fresh))
        from++;
    uint32_t to = from; // those up to here become one with it
    for (; to < s->count && meets(&fresh, &s->items[to]); to++) {
        if (s->items[to].first_ms < fresh.first_ms)
            fresh.first_ms = s->items[to].first_ms;
        if (s->items[to].last_ms > fresh.last_ms)
            fresh.last_ms = s->items[to].last_ms;
    }
    remove_at(s, from, to - from);
    insert_at(s, from, fresh);
    if (s->count > SPANS_MAX)
        join_nearest(s);
}

void spans_add_all(struct spans *s, const struct spans *other)
{
    for (uint32_t i = 0; i < other->count; i++)
        spans_add(s, other->items[i].first_ms, other->items[i].last_ms);
}

void spans_cut(struct spans *s, int64_t last_ms)
{
    while (s->count > 0 && s->items[s->count - 1].first_ms > last_ms)
        s->count--;
    if (s->count > 0 && s->items[s->count - 1].last_ms > last_ms)
        s->items[s->count - 1].last_ms = last_ms;
}
