// SPDX-License-Identifier: BSD-2-Clause
// convert: a message with 8-bit content, for a host that takes 7 bits only. Pure. RFC 6152 3.
//
//     c = convert_new();
//     for each piece of the body: convert_piece(c, piece, is_last);
//         while (convert_next(c, &out, &is_end)) send out;     is_end: that was the last of all
//     convert_free(c);
//
// Each MIME part that needs it is encoded by itself, in multiparts of any kind and in messages
// within the message, whose own encoding must stay "7bit" (RFC 2045 6.4). Text becomes
// quoted-printable, or base64 where that is shorter; other types base64. What decodes is octet by
// octet what it was. Parts that are encoded already, and whatever may not be encoded, are left
// alone; so are parts without a fault, to the octet.
//
// A part needs it when there is an octet above 127 or a line of more than 998 octets in it (RFC
// 5321 4.5.3.1.6), whatever it says of itself. Of a part longer than CONVERT_LOOK_MAX only the
// beginning is looked at; it is encoded when it might need it. A message that is no MIME yet gets
// the fields that make it one; text without a charset is called "utf-8" where that can be, else
// "unknown-8bit" (RFC 1428).
//
// What is not done: header fields are left as they are (without knowing their charset they cannot
// be put into the form of RFC 2047), and so is what stands between the parts of a multipart.
//
// Memory: a line, what is looked at, and what comes out of them. (V1) An entity's header is not
// handed out from its Content-Transfer-Encoding on until it is decided what that becomes.
#ifndef FP_DELIVER_CONVERT_H
#define FP_DELIVER_CONVERT_H

#include "core/slice.h"

#include <stdbool.h>

enum {
    CONVERT_LOOK_MAX = 8 * 1024, // octets of a part, and of its header behind the encoding
    CONVERT_LINE_MAX = 998,      // longer ones are encoded
    CONVERT_DEPTH_MAX = 32,      // multiparts within multiparts; deeper ones are left alone
    CONVERT_STEP = 8 * 1024,     // octets that are handed out at once, about
    CONVERT_OUT_MAX = 64 * 1024, // and at most
};

// What becomes of 8-bit content at a host without 8BITMIME.
enum eight_bit {
    EIGHT_BIT_CONVERT, // parts with 8-bit content are encoded
    EIGHT_BIT_BOUNCE,  // the message is given back, 5.6.3
    EIGHT_BIT_SEND,    // as it is: most such hosts take it
};

struct convert;
struct convert *convert_new(void);
void convert_free(struct convert *c); // NULL is fine

// Requires that the piece before is used up. Borrowed until convert_next says false, or the end.
void convert_piece(struct convert *c, struct slice piece, bool is_last);
// False: the piece is used up. ret_out lives until the next call, and may be empty at the end.
bool convert_next(struct convert *c, struct slice *ret_out, bool *ret_is_end);
bool convert_is_taken(const struct convert *c); // of the piece nothing is left to hand out
// Is something changed by now that a signature in the message covers (DKIM, multipart/signed)?
bool convert_breaks_signature(const struct convert *c);

#endif
