// SPDX-License-Identifier: BSD-2-Clause
// Fuzzes text that comes by BDAT. The first four octets choose the size of reads, how the spool
// answers and how large its chunks are; then each octet says how long the next piece is, and the
// piece follows.
//
// Wherever it is cut, the text that is stored is the same as if it had come in one, with clean line
// ends; octets of a piece are never commands; and each piece is answered once.
#include "../unit/receive/session.h"
#include "core/dot.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECES_MAX = 40 };

static void choose(struct session *s, const uint8_t *data)
{
    s->read_size = data[0];
    if (data[1] & 2)
        s->peer = (struct server_peer){.ip = "", .is_local = true, .uid = 1000, .user_name = "al"};
    s->chunk_max = data[2];
    s->is_slow = (data[1] & 1) || data[2] > 0; // a chunk may end in the middle of a line's end
    s->store_err = data[3] & 4 ? FP_FULL : FP_OK;
    s->begin_verdict = data[3] & 8 ? VERDICT_BUSY : VERDICT_OK;
}

static void say_piece(struct session *s, struct slice piece, bool is_last)
{
    struct buf said;
    buf_init(&said, SIZE_MAX);
    buf_addf(&said, "BDAT %zu%s\r\n", piece.n, is_last ? " LAST" : "");
    buf_add_slice(&said, piece);
    session_send(s, buf_slice(&said));
    buf_close(&said);
}

// Says all pieces; the text that they make goes into `text`.
static void say_text(struct session *s, struct slice rest, struct buf *text)
{
    for (int i = 0; i < PIECES_MAX; i++) {
        size_t n = rest.n > 0 ? (unsigned char)rest.p[0] : 0;
        rest = slice_from(rest, rest.n > 0);
        struct slice piece = slice_of(rest.p, n < rest.n ? n : rest.n);
        rest = slice_from(rest, piece.n);
        bool is_last = rest.n == 0 || i == PIECES_MAX - 1;
        say_piece(s, piece, is_last);
        buf_add_slice(text, piece);
        must(s->last_code == 250 || s->last_code == 452 || s->last_code == 503 ||
             s->is_closed); // by too many errors
        if (is_last || s->is_closed)
            return;
    }
}

static void check(const struct session *s, struct slice text)
{
    struct line_reader lines;
    struct buf clean;
    struct slice body = buf_slice(&s->bodies[0]);
    buf_init(&clean, SIZE_MAX);
    line_reader_init(&lines, false);
    must(line_read(&lines, text, &clean) == text.n && line_read_end(&lines, &clean));
    must(body.n > clean.n && memcmp(body.p, "Received: ", 10) == 0);
    must(clean.n == 0 || memcmp(body.p + body.n - clean.n, clean.p, clean.n) == 0);
    must(memcmp(body.p + body.n - clean.n - 2, "\r\n", 2) == 0);
    buf_close(&clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session s;
    struct buf text;
    if (size < 4)
        return 0;
    session_init(&s);
    choose(&s, data);
    buf_init(&text, SIZE_MAX);
    session_open(&s);
    session_say(&s, "EHLO c\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n");
    must(s.last_code == 250);
    say_text(&s, slice_of((const char *)data + 4, size - 4), &text);
    bool is_taken = s.store_err == FP_OK && s.begin_verdict == VERDICT_OK;
    must(s.is_closed || s.count == is_taken);
    if (s.count > 0)
        check(&s, buf_slice(&text));
    session_event(&s, SERVER_EOF);
    must(s.is_closed && s.begun == s.ended + s.aborted);
    session_close(&s);
    buf_close(&text);
    return 0;
}
