// SPDX-License-Identifier: BSD-2-Clause
// Replies: cut by the input's first octet, the result is that of the whole; bounds hold.
#include "core/must.h"
#include "core/reply.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t feed_in_pieces(struct reply_parser *p, struct slice bytes, size_t piece)
{
    size_t at = 0;
    reply_init(p);
    while (at < bytes.n && !reply_is_complete(p)) {
        size_t n = bytes.n - at < piece ? bytes.n - at : piece;
        size_t used = reply_feed(p, slice_of(bytes.p + at, n));
        must(used == n || reply_is_complete(p));
        at += used;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reply_parser whole, cut;
    if (size == 0)
        return 0;
    struct slice bytes = slice_of((const char *)data + 1, size - 1);
    size_t a = feed_in_pieces(&whole, bytes, SIZE_MAX);
    size_t b = feed_in_pieces(&cut, bytes, (size_t)data[0] + 1);
    must(a == b && reply_is_complete(&whole) == reply_is_complete(&cut));
    if (!reply_is_complete(&whole))
        return 0;
    must(whole.code == cut.code && whole.is_malformed == cut.is_malformed);
    must(whole.lines == cut.lines && whole.text_n == cut.text_n);
    must(memcmp(whole.text, cut.text, whole.text_n + 1) == 0);
    must(strcmp(whole.enhanced, cut.enhanced) == 0);
    must(whole.is_malformed ? whole.code == 0 : whole.code >= 200 && whole.code <= 599);
    must(strlen(whole.text) == whole.text_n && whole.text_n <= REPLY_TEXT_MAX);
    must(!whole.enhanced[0] || whole.enhanced[0] - '0' == whole.code / 100);
    return 0;
}
