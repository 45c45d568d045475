// SPDX-License-Identifier: BSD-2-Clause
// suspend: what an operator has suspended is neither started nor read.
#ifndef FP_SCHEDULER_SUSPEND_H
#define FP_SCHEDULER_SUSPEND_H

#include "scheduler/state.h"

// Is a destination or a domain of that name suspended? Is everything?
bool suspend_has_name(const struct scheduler *s, const char *name);
bool suspend_has_all(const struct scheduler *s);

void suspend_begin(struct scheduler *s, const struct sched_event *event);
void suspend_end(struct scheduler *s, const struct sched_event *event);
bool suspend_pull(struct scheduler *s, struct sched_effect *ret); // those whose end has come

#endif
