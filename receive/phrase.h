// SPDX-License-Identifier: BSD-2-Clause
// phrase: a person's name as it stands before an address in a header. Pure. RFC 5322 3.2.5, RFC
// 2047.
#ifndef FP_RECEIVE_PHRASE_H
#define FP_RECEIVE_PHRASE_H

#include "core/buf.h"

// Adds name as atoms, as a quoted string, or (where it is not ASCII) as encoded words on folded
// lines. Control characters become blanks, so that a name can never begin another field. What is
// not valid UTF-8 is taken for ISO 8859-1, octet for octet.
void phrase_write(struct slice name, struct buf *to);

#endif
