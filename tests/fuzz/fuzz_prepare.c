// SPDX-License-Identifier: BSD-2-Clause
// Fuzzes what `sendmail` does to a message: the first octet chooses options and the size of reads.
//
// Checked beside memory errors: clean line ends, one blank line behind a header that has From, Date
// and Message-ID, no blind copies with -t, and recipients that are addresses.
#include "core/address.h"
#include "core/header.h"
#include "core/must.h"
#include "receive/prepare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(struct slice out)
{
    for (size_t i = 0; i < out.n; i++) {
        must(out.p[i] != '\n' || (i > 0 && out.p[i - 1] == '\r'));
        must(out.p[i] != '\r' || (i + 1 < out.n && out.p[i + 1] == '\n'));
    }
}

static void check_header(struct slice out, bool is_blind)
{
    struct header_field f;
    struct slice block = slice_of(out.p, header_block_size(out));
    bool is_resent = header_find(block, "Resent-From", &f);
    must(is_resent || header_find(block, "From", &f));
    must(is_resent || (header_find(block, "Date", &f) && header_find(block, "Message-ID", &f)));
    must(!is_blind || (!header_find(block, "Bcc", &f) && !header_find(block, "Resent-Bcc", &f)));
    while (header_next(&block, &f))
        ;
    must(block.n == 2); // fields, and then the blank line
}

static enum fp_err answer(struct prepare *p, struct buf *out)
{
    static const struct prepare_facts facts = {.full_name = "Al B."};
    struct prepare_lacks lacks;
    return prepare_asks(p, &lacks) ? prepare_answer(p, &facts, out) : FP_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct prepare_settings settings = {.sender = "al",
                                        .hostname = "h.example",
                                        .takes_recipients = data[0] & 1,
                                        .dot_ends = data[0] & 2};
    struct slice in = {(const char *)data + 1, size - 1};
    size_t read_size = data[0] >> 2;
    struct buf out;
    enum fp_err err = FP_OK;
    buf_init(&out, 64 * 1024 * 1024);
    struct prepare *p = prepare_new(&settings);
    while (in.n > 0 && !err && !prepare_is_done(p)) {
        struct slice piece = {in.p, read_size && read_size < in.n ? read_size : in.n};
        size_t n = piece.n;
        err = prepare_feed(p, &piece, &out);
        in = slice_from(in, n - piece.n);
        if (!err)
            err = answer(p, &out);
    }
    if (!err)
        err = prepare_end(p, &out);
    if (!err)
        err = answer(p, &out);
    for (uint32_t i = 0; i < prepare_recipient_count(p); i++)
        must(address_check(slice_str(prepare_recipient(p, i)), true) == FP_OK);
    if (!err) {
        check_lines(buf_slice(&out));
        check_header(buf_slice(&out), settings.takes_recipients);
    }
    prepare_free(p);
    buf_close(&out);
    return 0;
}
