// SPDX-License-Identifier: BSD-2-Clause
// nexthops: lists of next hops: who of a list is tried first today (deliver/standby), and what
// conversations say of them. Between carriers.c and those who ask. See pipeline_internal.h.
#ifndef FP_PIPELINE_NEXTHOPS_H
#define FP_PIPELINE_NEXTHOPS_H

#include "deliver/standby.h"
#include "pipeline/pipeline_internal.h"

// How a batch goes through its list. Targets by their place there.
struct nexthops {
    bool has_choice;
    uint32_t last;  // bits of those that are tried after the others
    uint32_t first; // whom it begins with
    bool is_probe;  // to find out whether that one works again: on a connection of its own
};
void nexthops_choose(struct pipeline *p, const struct route_row *row, const char *domain,
                     struct nexthops *ret);
// What would be tried last; nothing is begun.
uint32_t nexthops_last(const struct pipeline *p, const struct route_row *row, const char *domain);
// An attempt is over. reached: the next hop that it came to an end with talked to us.
void nexthops_learn(struct pipeline *p, const struct session *s, const struct nexthops *chosen,
                    const struct batch *b, bool reached);

// From the spool, at a start. False: it is a destination's.
bool nexthops_load(struct pipeline *p, const struct op_health_row *row);
// Is that a name of the spool's table of destinations that means a next hop of lists? Its own name,
// or NULL.
const char *nexthops_stored_name(const char *name);
void nexthops_wake(struct pipeline *p, const struct route_row *row,
                   const char *domain); // NULL: all

#endif
