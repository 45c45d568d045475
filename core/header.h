// SPDX-License-Identifier: BSD-2-Clause
// header: reading a header block. RFC 5322 2.2, 3.6.
//
// Works on bytes with CRLF or bare LF line ends; changes nothing.
#ifndef FP_CORE_HEADER_H
#define FP_CORE_HEADER_H

#include "core/buf.h"
#include "core/slice.h"

struct header_field {
    struct slice name;  // without the colon and blanks before it
    struct slice body;  // what follows the colon, folded lines and all, without the last line end
    struct slice whole; // the field with its last line end
};

// Takes the first field off *block. False when the block is empty or at its blank line, or when
// the next line is no field (then it belongs to the body). *block then begins at what is left.
bool header_next(struct slice *block, struct header_field *ret);

// Length of the header block in message, up to and with the blank line (the whole when none).
size_t header_block_size(struct slice message);

// First field of that name; false when there is none.
bool header_find(struct slice block, const char *name, struct header_field *ret);
// How many fields of that name.
size_t header_count(struct slice block, const char *name);
// Body with line ends removed and outer blanks trimmed, cut where `to` is full.
void header_unfold(struct slice body, struct buf *to);

#endif
