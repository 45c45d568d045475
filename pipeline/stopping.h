// SPDX-License-Identifier: BSD-2-Clause
// stopping: the end of a pipeline: no new work, a short grace for attempts, then what the spool
// takes of their outcomes.
#ifndef FP_PIPELINE_STOPPING_H
#define FP_PIPELINE_STOPPING_H

struct pipeline;

void stopping_begin(struct pipeline *p);      // SHUTDOWN
void stopping_grace_over(struct pipeline *p); // ALARM_STOP

#endif
