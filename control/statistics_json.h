// SPDX-License-Identifier: BSD-2-Clause
// statistics in JSON (jansson): one object and a line end.
#ifndef FP_CONTROL_STATISTICS_JSON_H
#define FP_CONTROL_STATISTICS_JSON_H

#include "control/statistics.h"

void statistics_json(const struct statistics *s, struct buf *to);

#endif
