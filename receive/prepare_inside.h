// SPDX-License-Identifier: BSD-2-Clause
// prepare_inside: what prepare.c and prepare_header.c share. Private.
#ifndef FP_RECEIVE_PREPARE_INSIDE_H
#define FP_RECEIVE_PREPARE_INSIDE_H

#include "receive/prepare.h"
#include "receive/rcptset.h"

// Writes what the header block (fields only, CRLF, no blank line) becomes, its blank line behind
// it, and collects recipients. FP_INVALID: a bad address, named in `error`. FP_TOO_BIG: `to` is
// full.
enum fp_err prepare_header_write(const struct prepare_settings *settings, struct slice block,
                                 struct rcptset *rcpts, struct buf *error, struct buf *to);

#endif
