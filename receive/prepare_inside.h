// SPDX-License-Identifier: BSD-2-Clause
// prepare_inside: what prepare.c and prepare_header.c share. Private.
#ifndef FP_RECEIVE_PREPARE_INSIDE_H
#define FP_RECEIVE_PREPARE_INSIDE_H

#include "receive/prepare.h"
#include "receive/rcptset.h"

struct prepare_header {
    struct slice block; // fields only, CRLF, no blank line
    bool is_resent;     // of a message that is sent again
    struct prepare_lacks lacks;
};
void prepare_header_read(struct slice block, struct prepare_header *ret);

// Writes what the header becomes, its blank line behind it, and collects recipients. FP_INVALID: a
// bad address, named in `error`. FP_TOO_BIG: `to` is full.
enum fp_err prepare_header_write(const struct prepare_settings *settings,
                                 const struct prepare_facts *facts,
                                 const struct prepare_header *header, struct rcptset *rcpts,
                                 struct buf *error, struct buf *to);

#endif
