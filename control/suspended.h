// SPDX-License-Identifier: BSD-2-Clause
// suspended: what is suspended, as text: of `suspend` without a destination, and within `stats`.
// Pure.
#ifndef FP_CONTROL_SUSPENDED_H
#define FP_CONTROL_SUSPENDED_H

#include "control/column.h"
#include "core/suspension.h"

// A line for each: what, until when, by whom, why. Times are UTC.
void suspended_table(const struct suspension *rows, uint32_t count, int64_t now_ms,
                     struct column *c);
// "destination", "sender" or "everything"
const char *suspended_kind(enum suspension_kind kind);

#endif
