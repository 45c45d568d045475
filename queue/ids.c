// SPDX-License-Identifier: BSD-2-Clause
// ids: queue ids, in order of arrival and never twice. See ids.h.
#include "queue/ids.h"

#include "core/must.h"

static const uint64_t ids_max = ((uint64_t)1 << 48) - 1; // 12 hex digits

uint64_t ids_at(int64_t now_ms)
{
    if (now_ms <= 0)
        return 0; // a machine that boots in 1969 still has ids: they count up from the last one
    if ((uint64_t)now_ms >= ids_max / 1000 * IDS_TICK_US)
        return ids_max;
    return (uint64_t)now_ms * 1000 / IDS_TICK_US;
}

int64_t ids_time(uint64_t id)
{
    return (int64_t)(id * IDS_TICK_US / 1000);
}

void ids_init(struct ids *ids, uint64_t high_water)
{
    must(high_water <= ids_max);
    ids->last = high_water;
}

uint64_t ids_next(struct ids *ids, int64_t now_ms)
{
    uint64_t tick = ids_at(now_ms);
    ids->last = tick > ids->last ? tick : ids->last + 1;
    must(ids->last <= ids_max);
    return ids->last;
}
