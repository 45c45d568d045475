// SPDX-License-Identifier: BSD-2-Clause
// Conversion to 7 bits: however the content is cut into pieces the same comes out, in pieces of
// bounded size; and what is encoded of a body decodes to what it was.
#include "../unit/deliver/decode.h"
#include "deliver/convert.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void convert(struct slice message, size_t cut, struct buf *to)
{
    struct convert *c = convert_new();
    struct slice out;
    bool is_end = false;
    buf_init(to, SIZE_MAX);
    do {
        struct slice piece = {message.p, cut < message.n ? cut : message.n};
        message = slice_from(message, piece.n);
        convert_piece(c, piece, message.n == 0);
        while (convert_next(c, &out, &is_end)) {
            must(out.n <= CONVERT_OUT_MAX && !(is_end && message.n > 0));
            must(buf_add_slice(to, out) == FP_OK);
        }
        must(convert_is_taken(c));
    } while (message.n > 0);
    must(is_end);
    convert_free(c);
}

static void check_pieces(struct slice message, size_t cut)
{
    struct buf whole, pieces;
    convert(message, message.n + 1, &whole);
    convert(message, cut, &pieces);
    must(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
    buf_close(&whole);
    buf_close(&pieces);
}

static void check_body(struct slice body, const char *type)
{
    struct buf message, got, decoded;
    buf_init(&message, SIZE_MAX);
    buf_init(&decoded, SIZE_MAX);
    must(buf_add_all(&message, "Content-Type: ", type,
                     "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n") == FP_OK &&
         buf_add_slice(&message, body) == FP_OK && buf_add_str(&message, "\r\n") == FP_OK);
    convert(buf_slice(&message), 7, &got);
    const char *blank = memmem(got.p, got.n, "\r\n\r\n", 4);
    must(blank);
    struct slice head = {got.p, (size_t)(blank - got.p)};
    struct slice rest = slice_from(buf_slice(&got), head.n + 4);
    if (memmem(head.p, head.n, "quoted", 6))
        decode_quoted(rest, &decoded);
    else if (memmem(head.p, head.n, "base64", 6))
        decode_base64(rest, &decoded);
    else
        must(buf_add_slice(&decoded, rest) == FP_OK);
    must(decoded.n == body.n + 2 && memcmp(decoded.p, body.p, body.n) == 0);
    buf_close(&message);
    buf_close(&got);
    buf_close(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = slice_of((const char *)data, size);
    if (size < 2)
        return 0;
    check_pieces(slice_from(s, 1), 1 + data[0] % 40u);
    check_body(slice_from(s, 1), data[0] & 1 ? "text/plain" : "a/b");
    return 0;
}
