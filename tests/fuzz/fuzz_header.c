// SPDX-License-Identifier: BSD-2-Clause
// Headers: the fields and what is left are the block, octet for octet; a field's parts lie in it.
// Hosts, durations and text beside, whose parsers are small.
#include "core/header.h"

#include "core/hostname.h"
#include "core/must.h"
#include "core/size.h"
#include "core/text.h"
#include "core/time.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(struct slice block)
{
    struct header_field f;
    struct buf unfolded;
    const char *at = block.p;
    while (header_next(&block, &f)) {
        must(f.whole.p == at && f.name.p == at && f.name.n > 0 && f.whole.n > f.name.n);
        must(f.body.p > f.name.p + f.name.n && f.body.p + f.body.n <= at + f.whole.n);
        at += f.whole.n;
        must(block.p == at);
        buf_init(&unfolded, f.body.n);
        header_unfold(f.body, &unfolded);
        must(unfolded.n == 0 || !memchr(unfolded.p, '\n', unfolded.n));
        buf_close(&unfolded);
    }
}

static void check_escaped(struct slice text)
{
    struct buf shown, ascii;
    buf_init(&shown, 4 * text.n);
    buf_init(&ascii, 4 * text.n);
    text_escape(text, &shown);
    text_escape_ascii(text, &ascii);
    for (struct slice s = buf_slice(&shown); s.n > 0;) {
        uint32_t code = 0;
        size_t n = utf8_char_size(s, &code);
        must(n > 0 && code >= 32 && (code < 0x7f || code > 0x9f));
        s = slice_from(s, n);
    }
    for (size_t i = 0; i < ascii.n; i++)
        must(ascii.p[i] >= 32 && ascii.p[i] < 127);
    buf_close(&shown);
    buf_close(&ascii);
}

static void check_numbers(struct slice text)
{
    struct buf b;
    int64_t value, again;
    buf_init(&b, 100);
    if (time_parse_duration(text, &value) == FP_OK) {
        time_format_duration(value, &b);
        must(time_parse_duration(buf_slice(&b), &again) == FP_OK && again == value);
    }
    buf_reset(&b);
    if (size_parse(text, &value) == FP_OK) {
        size_format(value, &b);
        must(size_parse(buf_slice(&b), &again) == FP_OK && again == value);
    }
    buf_close(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size), ip;
    struct hostname_network net;
    must(header_block_size(text) <= size);
    check_fields(text);
    check_escaped(text);
    check_numbers(text);
    if (hostname_is_valid(text))
        must(!hostname_is_ipv4(text) && !hostname_is_ipv6(text) && size <= 254);
    if (hostname_is_literal(text, &ip))
        must(hostname_is_ipv4(ip) || hostname_is_ipv6(ip));
    if (hostname_parse_network(text, &net) == FP_OK && net.bits == (net.is_ipv6 ? 128 : 32) &&
        !memchr(text.p, '/', text.n))
        must(hostname_in_network(&net, text));
    if (size > 1 && data[0] < size)
        text_match(slice_of(text.p, data[0]), slice_from(text, data[0]));
    return 0;
}
