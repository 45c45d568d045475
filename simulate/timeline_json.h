// SPDX-License-Identifier: BSD-2-Clause
// timeline_json: a simulation for programs: {"events": [...], "summary": {...}}. Times are seconds
// since the start.
#ifndef FP_SIMULATE_TIMELINE_JSON_H
#define FP_SIMULATE_TIMELINE_JSON_H

#include "simulate/timeline.h"

void timeline_json(const struct timeline *t, const struct timeline_summary *s, struct buf *to);

#endif
