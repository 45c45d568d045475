// SPDX-License-Identifier: BSD-2-Clause
// suspended, in JSON: of `suspend --format=json|jsonl`, and within `stats --format=json`.
#ifndef FP_CONTROL_SUSPENDED_JSON_H
#define FP_CONTROL_SUSPENDED_JSON_H

#include "control/value_json.h"
#include "core/suspension.h"

// An array of objects with kind, name, since, until (null: until it is resumed), by and reason.
json_t *suspended_values(const struct suspension *rows, uint32_t count);
// The array as text; or, as lines, one object each.
void suspended_json(const struct suspension *rows, uint32_t count, bool is_lines, struct buf *to);

#endif
