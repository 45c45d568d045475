// SPDX-License-Identifier: BSD-2-Clause
// brakes: what the bounce brake holds, for `stats`. See brakes.h.
#include "pipeline/brakes.h"

void brakes_count(struct withheld *w, const struct op_stats *page)
{
    for (uint32_t i = 0; i < page->withheld_count; i++) {
        const struct op_withheld *one = &page->withheld[i];
        withheld_add(w, &(struct withheld_one){.address = one->address,
                                               .reply = one->reply,
                                               .host = one->host,
                                               .at_ms = one->at_ms});
    }
}

uint32_t brakes_list(struct withheld *w, struct statistics_brake rows[BRAKES_MAX])
{
    struct withheld_view views[BRAKES_MAX];
    uint32_t count = withheld_list(w, views, BRAKES_MAX);
    for (uint32_t i = 0; i < count; i++)
        rows[i] = (struct statistics_brake){views[i].host, views[i].reply, views[i].since_ms,
                                            views[i].held};
    return count;
}
