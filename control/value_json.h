// SPDX-License-Identifier: BSD-2-Clause
// value: the values that the operator's JSON is made of, where it is made with jansson.
#ifndef FP_CONTROL_VALUE_JSON_H
#define FP_CONTROL_VALUE_JSON_H

#include "control/column.h"

#include <jansson.h>

// Takes the value. Keys are our own ASCII, so that jansson need not check them.
void value_put(json_t *object, const char *key, json_t *value);
json_t *value_text(const char *s); // escaped (core/text); "" for NULL
json_t *value_time(int64_t ms);    // ISO 8601, UTC; null for 0 and TIME_NEVER
void value_dump(const json_t *value, struct column *c);

#endif
