// SPDX-License-Identifier: BSD-2-Clause
// decode: what deliver/encode made, back as it was; only for tests. Strict: anything that RFC 2045
// does not allow in the output is a failure.
#ifndef FP_TESTS_DECODE_H
#define FP_TESTS_DECODE_H

#include "core/buf.h"
#include "core/must.h"

static inline int decode_hex(char c)
{
    const char *at = c ? strchr("0123456789ABCDEF", c) : NULL;
    must(at);
    return (int)(at - "0123456789ABCDEF");
}

static inline void decode_quoted_line(struct slice line, struct buf *to)
{
    must(line.n <= 76);
    bool is_soft = line.n > 0 && line.p[line.n - 1] == '=';
    line.n -= is_soft;
    must(is_soft || line.n == 0 || (line.p[line.n - 1] != ' ' && line.p[line.n - 1] != '\t'));
    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i];
        if (c == '=') {
            must(i + 2 < line.n);
            c = (char)(decode_hex(line.p[i + 1]) << 4 | decode_hex(line.p[i + 2]));
            i += 2;
        } else {
            must(c == '\t' || (c >= ' ' && c <= '~'));
        }
        must(buf_add_byte(to, c) == FP_OK);
    }
    if (!is_soft)
        must(buf_add_str(to, "\r\n") == FP_OK);
}

static inline void decode_quoted(struct slice text, struct buf *to)
{
    while (text.n > 0) {
        const char *end = memmem(text.p, text.n, "\r\n", 2);
        must(end);
        struct slice line = {text.p, (size_t)(end - text.p)};
        decode_quoted_line(line, to);
        text = slice_from(text, line.n + 2);
    }
}

static inline void decode_base64(struct slice text, struct buf *to)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, have = 0, pads = 0;
    size_t column = 0, letter_count = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\r') {
            must(i + 1 < text.n && text.p[i + 1] == '\n' && column > 0 && column <= 76);
            column = 0, i++;
            continue;
        }
        column++, letter_count++;
        if (c == '=') {
            pads++;
            continue;
        }
        const char *at = c ? strchr(letters, c) : NULL;
        must(at && pads == 0);
        bits = bits << 6 | (unsigned)(at - letters), have += 6;
        if (have >= 8) {
            have -= 8;
            must(buf_add_byte(to, (char)(bits >> have & 255)) == FP_OK);
        }
    }
    must(column == 0 && pads <= 2 && letter_count % 4 == 0 && (bits & ((1u << have) - 1)) == 0);
}

#endif
