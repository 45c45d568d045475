// SPDX-License-Identifier: BSD-2-Clause
// encode: octets as quoted-printable or base64, while they come. Pure. RFC 2045 6.7, 6.8.
//
//     encoder_init(&e, ENCODING_BASE64);
//     for each line: encoder_text(&e, text, to) any number of times, encoder_line_end(&e, to)
//     encoder_end(&e, is_line_end_content, to)
//
// What is decoded is text with CRLF line ends exactly as it was given. No line of the output is
// longer than 76 octets.
#ifndef FP_DELIVER_ENCODE_H
#define FP_DELIVER_ENCODE_H

#include "core/buf.h"

enum encoding { ENCODING_QUOTED_PRINTABLE, ENCODING_BASE64 };

struct encoder {
    enum encoding encoding;
    uint32_t column;
    char blank;              // quoted-printable: held until it is known not to end the line, or 0
    unsigned char octets[3]; // base64: not yet a group
    uint32_t octet_count;
    bool owes_line_end; // base64: of the last line, which may belong to a delimiter
};

const char *encoding_name(enum encoding encoding); // as Content-Transfer-Encoding says it
void encoder_init(struct encoder *e, enum encoding encoding);
// A part of a line, without its end. `to` takes up to three octets and a half for each.
void encoder_text(struct encoder *e, struct slice text, struct buf *to);
void encoder_line_end(struct encoder *e, struct buf *to);
// After the last line. is_line_end_content: its end is content too; false: it belongs to the
// delimiter of a multipart that follows (RFC 2046 5.1.1). The output ends in CRLF, or is empty.
void encoder_end(struct encoder *e, bool is_line_end_content, struct buf *to);

#endif
