// SPDX-License-Identifier: BSD-2-Clause
// listing_formats: the formats behind control/listing, one file each. Private to this folder.
#ifndef FP_CONTROL_LISTING_FORMATS_H
#define FP_CONTROL_LISTING_FORMATS_H

#include "control/column.h"
#include "control/listing.h"

// What stands before the first row, for one row, and after the last. Each may be called with a
// buffer that gets full: the caller takes the row back (column_commit). l->messages does not count
// the row yet.
struct listing_writer {
    void (*begin)(const struct listing *l, struct column *c);
    void (*row)(const struct listing *l, const struct listing_row *row, struct column *c);
    void (*end)(const struct listing *l, struct column *c);
};

extern const struct listing_writer listing_postfix;
extern const struct listing_writer listing_sendmail;
extern const struct listing_writer listing_table;
extern const struct listing_writer listing_csv;
extern const struct listing_writer listing_json;
extern const struct listing_writer listing_jsonl;

#endif
