// SPDX-License-Identifier: BSD-2-Clause
// reply: an SMTP reply as it comes in, byte by byte. RFC 5321 4.2, RFC 2034, RFC 3463.
//
//     struct reply_parser p;
//     reply_init(&p);
//     while (bytes) {
//         used = reply_feed(&p, bytes);
//         if (reply_is_complete(&p)) { use p; reply_init(&p); }
//     }
//
// Memory is bounded: text beyond REPLY_TEXT_MAX is dropped (the code still counts), more than
// REPLY_LINES_MAX lines or a line longer than REPLY_LINE_MAX makes it malformed. Lines end in CRLF
// or a bare LF. A malformed reply is complete at once where it became so: what follows is no answer
// to anything, close the connection.
#ifndef FP_CORE_REPLY_H
#define FP_CORE_REPLY_H

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPLY_TEXT_MAX = 2048, REPLY_LINES_MAX = 512, REPLY_LINE_MAX = 16384 };

struct reply_parser {
    // the result, once complete
    int code;          // 200..599; 0 when malformed
    bool is_malformed; // not a reply at all, mixed codes, code out of range: never taken as an
                       // answer
    char enhanced[12]; // "5.1.1" when the text begins with one whose class agrees; else ""
    uint32_t lines;
    size_t text_n;
    char text[REPLY_TEXT_MAX + 1]; // lines joined by '\n', without code and separator;
                                   // raw bytes (but NUL is made '?'), and NUL behind them
    // inside
    int state;
    int digits;
    int first_code;
    bool is_last;
    int line_code;
    size_t line_n;
};

void reply_init(struct reply_parser *p);
size_t reply_feed(struct reply_parser *p, struct slice bytes); // how many bytes were used
bool reply_is_complete(const struct reply_parser *p);

#endif
