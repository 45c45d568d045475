// SPDX-License-Identifier: BSD-2-Clause
// text: making what a stranger said harmless to show.
//
// Peer text, addresses and header content are opaque bytes. Wherever they are shown (log, listing,
// notice) C0 controls, DEL, C1 controls (also as UTF-8), and bidi controls (U+202A-202E,
// U+2066-2069, U+200E, U+200F, U+061C, U+2028, U+2029) are written as \xHH; invalid UTF-8 too.
// A backslash stays as it is: the form is for eyes, not for decoding. What does not fit into `to`
// is cut off between two characters.
#ifndef FP_CORE_TEXT_H
#define FP_CORE_TEXT_H

#include "core/buf.h"
#include "core/slice.h"

// Adds the harmless form of s; line ends become blanks. UTF-8 that is harmless stays.
void text_escape(struct slice s, struct buf *to);
// As above, and everything beyond 7 bits is escaped too (for notices' machine-readable fields).
void text_escape_ascii(struct slice s, struct buf *to);
// An address for a log line: <, >, quotes and blanks within it cannot forge another field:
// blanks, commas, '<', '>' and '=' inside a quoted local part are written as \xHH.
void text_escape_address(struct slice s, struct buf *to);
// Adds s with "..." in place of each word that has an @: what a host said about somebody's mail,
// for somebody else. A quoted string belongs to its word; <>()[],;: and blanks do not.
void text_hide_addresses(struct slice s, struct buf *to);
// Pattern with * (any run of bytes, also empty); everything else literal; ASCII case ignored.
bool text_match(struct slice pattern, struct slice s);
// The nearest of count names by edit distance, NULL when none is near (distance > 2 or > half).
const char *text_nearest(const char *word, const char *const *names, size_t count);

#endif
