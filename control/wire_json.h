// SPDX-License-Identifier: BSD-2-Clause
// wire: requests and answers of the CONTROL protocol as JSON lines (jansson); control/request.h
// says what they mean.
//
// The writers add nothing when `to` has no room for all of it: to->n is unchanged then.
#ifndef FP_CONTROL_WIRE_JSON_H
#define FP_CONTROL_WIRE_JSON_H

#include "control/request.h"

enum {
    WIRE_LINE_MAX = 1024 * 1024,
    WIRE_BYTES_MAX = 1024 * 1024, // octets behind one {"bytes": N}
};

// Adds the request as one line. words: the operator's own words, sent as they are, so that the
// daemon reads the filter with its own clock and its own version of the language.
void wire_format_request(enum request_verb verb, const char *const *words, size_t count,
                         bool is_streamed, struct buf *to);
// FP_INVALID with a sentence: no JSON, no verb, an unknown member, words that request_parse_words
// or request_check refuse (so a request that comes out of here is complete and sensible).
enum fp_err wire_parse_request(struct slice line, struct request *ret, struct buf *why);

// {"text": ...}; bytes that are no UTF-8 are escaped, all others arrive as they are. A long text
// becomes several lines, each of which may be read (WIRE_LINE_MAX).
void wire_format_text(struct slice text, struct buf *to);
// {"bytes": N}: the head of so many octets, 1 to WIRE_BYTES_MAX, which the caller sends behind it.
void wire_format_bytes(size_t n, struct buf *to);
void wire_format_error(struct slice text, struct buf *to); // {"error": ...}, as text
void wire_format_exit(int code, struct buf *to);           // {"exit": N}

struct wire_answer {
    enum { WIRE_TEXT, WIRE_BYTES, WIRE_ERROR, WIRE_EXIT } kind;
    char *text; // TEXT, ERROR; owned by the caller
    size_t size;
    int code;
};
enum fp_err wire_parse_answer(struct slice line, struct wire_answer *ret);

#endif
