// SPDX-License-Identifier: BSD-2-Clause
// listing in JSON: Postfix's `postqueue -j` members first and in its order, then ours (jansson).
#ifndef FP_CONTROL_LISTING_JSON_H
#define FP_CONTROL_LISTING_JSON_H

#include "control/listing.h"
#include "control/statistics.h"

// One object and a line end (jsonl); or an element of an array (json): is_first decides the comma.
void listing_json_row(const struct listing *l, const struct listing_row *row, bool is_array,
                      bool is_first, struct buf *to);
void statistics_json(const struct statistics *s, struct buf *to);

#endif
