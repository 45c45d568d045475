// SPDX-License-Identifier: BSD-2-Clause
// unitext: addresses of the type utf-8 in ORCPT and in delivery status notifications. Pure. RFC
// 6533 3.
//
// Octets above 127 may stand there as they are (utf-8-addr-unitext) or as \x{HEX}
// (utf-8-addr-xtext). What was given is kept in the second form, which may be said to every host.
#ifndef FP_CORE_UNITEXT_H
#define FP_CORE_UNITEXT_H

#include "core/buf.h"

// Well-formed UTF-8 without blanks, controls, '+' and '=', each \ being the beginning of a \x{HEX}
// that stands for a character.
bool unitext_is_valid(struct slice text);
void unitext_encode(struct slice text, struct buf *to); // adds it in 7 bits
void unitext_decode(struct slice text, struct buf *to); // adds it in UTF-8
// Adds what stands for an address: with its characters beyond ASCII, or in 7 bits.
void unitext_write(struct slice address, bool is_ascii, struct buf *to);

#endif
