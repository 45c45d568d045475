// SPDX-License-Identifier: BSD-2-Clause
// crowding: see crowding.h.
#include "pipeline/crowding.h"

#include "pipeline/carrier.h"

#include <utlist.h>

enum { LOOK_EVERY_MS = 5 * 1000 };

void crowding_notice(struct pipeline *p)
{
    if (scheduler_is_crowded(p->scheduler) && !p->alarm_crowding.node.index)
        alarm_set(p, &p->alarm_crowding, p->now_ms + LOOK_EVERY_MS);
}

// They stand in the order of their numbers.
static struct carrier *next_carrier(const struct pipeline *p, uint64_t number)
{
    struct carrier *h;
    DL_FOREACH(p->carriers, h)
    {
        if (h->batch && h->number > number)
            break;
    }
    return h;
}

// Looked for from the beginning each time: what ends may start others, and free them.
void crowding_timer(struct pipeline *p)
{
    uint64_t number = 0;
    struct carrier *h;
    while (scheduler_is_crowded(p->scheduler) && (h = next_carrier(p, number))) {
        number = h->number;
        carrier_feed(p, h, (struct session_event){.kind = SESSION_CROWDED});
    }
    crowding_notice(p);
}
