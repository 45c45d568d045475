// SPDX-License-Identifier: BSD-2-Clause
// brakes: what the bounce brake holds, from the spool's pages to the rows of `stats`; with a daemon
// and without one. Pure.
#ifndef FP_PIPELINE_BRAKES_H
#define FP_PIPELINE_BRAKES_H

#include "bounce/withheld.h"
#include "control/statistics.h"
#include "queue/op.h"

enum { BRAKES_MAX = 20 }; // causes that are told of

void brakes_count(struct withheld *w, const struct op_stats *page);
// Texts are the withheld's.
uint32_t brakes_list(struct withheld *w, struct statistics_brake rows[BRAKES_MAX]);

#endif
