// SPDX-License-Identifier: BSD-2-Clause
// operator_hops: which next hops of a list are passed over, as why, route and stats show it. See
// operator_internal.h and nexthops.h.
#include "pipeline/nexthops.h"
#include "pipeline/operator_internal.h"

static struct why_hop view(const struct standby_hop *hop, const char *name, bool is_operator)
{
    return (struct why_hop){
        .name = name,
        .reason = is_operator ? hop->text : NULL,
        .failures = hop->failures,
        .until_ms = hop->rest_until_ms,
        .is_probing = hop->is_probing,
    };
}

uint32_t operator_hops(const struct pipeline *p, const struct operator_session *s,
                       const struct route_row *row, const char *domain,
                       struct why_hop to[WHY_HOPS_MAX])
{
    struct buf name;
    uint32_t count = 0;
    if (!row || !standby_has_choice(row))
        return 0;
    buf_init(&name, 64 * 1024);
    for (uint32_t i = 0; i < row->target_count && count < WHY_HOPS_MAX; i++) {
        const char *known;
        buf_reset(&name);
        standby_name(&row->targets[i], domain, &name);
        const struct standby_hop *hop = standby_find(p->standby, buf_slice(&name).p, &known);
        if (hop)
            to[count++] = view(hop, known, s->caller.is_operator);
    }
    buf_close(&name);
    return count;
}

uint32_t operator_passed_over(const struct pipeline *p, struct statistics_destination *to,
                              uint32_t max)
{
    const void *at = NULL;
    const char *name;
    uint32_t count = 0;
    for (const struct standby_hop *hop;
         count < max && (hop = standby_each(p->standby, &at, &name));)
        to[count++] = (struct statistics_destination){
            .name = name,
            .state = hop->is_probing ? "probing" : "passed over",
            .why = hop->text,
            .rest_until_ms = hop->rest_until_ms,
            .failures = hop->failures,
        };
    return count;
}
