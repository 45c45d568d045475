// SPDX-License-Identifier: BSD-2-Clause
// quote: values of JSON (RFC 8259) written by hand, where a tree of them would be waste. Pure.
//
// Strings that a stranger chose are escaped by column_text first, which leaves valid UTF-8 without
// controls; then only quotes and backslashes mean something to JSON.
#ifndef FP_CONTROL_QUOTE_H
#define FP_CONTROL_QUOTE_H

#include "control/column.h"

void quote_text(struct column *c, const char *s); // "..."; NULL is ""
void quote_time(struct column *c, int64_t ms);    // "2026-11-21T22:40:00Z"; null when not known
void quote_number(struct column *c, uint64_t n);

// A member of an object behind another one: ', "name": '. And one with its value.
void quote_name(struct column *c, const char *name);
void quote_member_text(struct column *c, const char *name, const char *s);
void quote_member_time(struct column *c, const char *name, int64_t ms);
void quote_member_number(struct column *c, const char *name, uint64_t n);
void quote_member_flag(struct column *c, const char *name, bool is_set);

#endif
