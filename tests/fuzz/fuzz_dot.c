// SPDX-License-Identifier: BSD-2-Clause
// DATA: for any octets, reads and buffers the content is the same, its line ends are clean, the end
// mark stood on the wire as CRLF.CRLF, and what is written of it is read back the same.
#include "core/dot.h"

#include "core/must.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t read_in_pieces(struct dot_reader *r, struct slice in, size_t piece, size_t room,
                             struct buf *content)
{
    struct buf part;
    size_t at = 0;
    bool has_more = true;
    buf_init(&part, room);
    dot_reader_init(r);
    while (has_more) {
        size_t n = in.n - at < piece ? in.n - at : piece;
        size_t used = dot_read(r, slice_of(in.p + at, n), &part);
        must(used == n || r->is_done || part.n == part.max);
        at += used;
        has_more = part.n > 0 || (at < in.n && !r->is_done);
        must(buf_add_slice(content, buf_slice(&part)) == FP_OK);
        buf_reset(&part);
    }
    buf_close(&part);
    return at;
}

static void check_clean(const struct buf *content, bool is_done)
{
    for (size_t i = 0; i < content->n; i++) {
        bool is_pair = content->p[i] != '\r' || (i + 1 < content->n && content->p[i + 1] == '\n');
        must(is_pair);
        must(content->p[i] != '\n' || (i > 0 && content->p[i - 1] == '\r'));
    }
    must(!is_done || content->n == 0 || content->p[content->n - 1] == '\n');
}

static void check_round_trip(const struct buf *content, size_t piece)
{
    struct buf wire, back;
    struct dot_writer w;
    struct dot_reader r;
    buf_init(&wire, 2 * content->n + 3);
    buf_init(&back, content->n);
    dot_writer_init(&w);
    for (size_t at = 0; at < content->n; at += piece) {
        size_t n = content->n - at < piece ? content->n - at : piece;
        struct slice rest = slice_of(content->p + at, n);
        while (rest.n > 0) {
            struct slice out = dot_write(&w, &rest);
            must(buf_add_slice(&wire, out.n ? out : DOT_STUFF) == FP_OK);
        }
    }
    must(buf_add_slice(&wire, DOT_END) == FP_OK);
    must(wire.n == 3 || memmem(wire.p, wire.n, "\r\n.\r\n", 5) == wire.p + wire.n - 5);
    dot_reader_init(&r);
    size_t used = dot_read(&r, buf_slice(&wire), &back);
    used += dot_read(&r, slice_from(buf_slice(&wire), used), &back);
    // A full buffer stops the reader in front of the end mark.
    must(used == wire.n || back.n == content->n);
    must(slice_equal(buf_slice(&back), buf_slice(content)) && !r.has_bare);
    buf_close(&wire);
    buf_close(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dot_reader whole, cut;
    struct buf a, b;
    if (size < 2)
        return 0;
    struct slice in = slice_of((const char *)data + 2, size - 2);
    buf_init(&a, 2 * size + 3);
    buf_init(&b, 2 * size + 3);
    size_t used = read_in_pieces(&whole, in, SIZE_MAX / 2, 2 * size + 3, &a);
    size_t used_cut = read_in_pieces(&cut, in, (size_t)data[0] + 1, (size_t)data[1] + 1, &b);
    must(used == used_cut && whole.is_done == cut.is_done);
    must(slice_equal(buf_slice(&a), buf_slice(&b)));
    must(whole.has_8bit == cut.has_8bit && whole.has_bare == cut.has_bare);
    must(whole.line_max == cut.line_max && whole.line_n == cut.line_n);
    must(!whole.is_done || used == 3 || (used >= 5 && !memcmp(in.p + used - 5, "\r\n.\r\n", 5)));
    check_clean(&a, whole.is_done);
    if (whole.is_done)
        check_round_trip(&a, (size_t)data[0] + 1);
    buf_close(&a);
    buf_close(&b);
    return 0;
}
