// SPDX-License-Identifier: BSD-2-Clause
// Standard input of `sendmail`: any line ends in, CRLF out; the dot that ends it, or does not.
#include "core/dot.h"

#include "core/must.h"
#include "row.h"

struct want {
    const char *name, *in;
    bool ends_at_dot;
    const char *content, *rest;
};

static const struct want rows[] = {
    {"nothing", "", false, "", ""},
    {"LF", "a\nb\n", false, "a\r\nb\r\n", ""},
    {"CRLF", "a\r\nb\r\n", false, "a\r\nb\r\n", ""},
    {"CR", "a\rb\r", false, "a\r\nb\r\n", ""},
    {"mixed", "a\r\n\rb\n\nc\r\r\n", false, "a\r\n\r\nb\r\n\r\nc\r\n\r\n", ""},
    {"last line not ended", "a\nb", false, "a\r\nb\r\n", ""},
    {"a dot is text", "a\n.\nb\n", false, "a\r\n.\r\nb\r\n", ""},
    {"dots are kept", "..\n.a\n", false, "..\r\n.a\r\n", ""},
    {"a dot ends it", "a\n.\nb\n", true, "a\r\n", "b\n"},
    {"a dot ends it by CRLF", "a\r\n.\r\nb\r\n", true, "a\r\n", "b\r\n"},
    {"a dot ends it by CR", "a\r.\rb", true, "a\r\n", "b"},
    {"a dot at the start", ".\nb", true, "", "b"},
    {"a dot at the very end", "a\n.", true, "a\r\n", ""},
    {"no single dot", "a\n..\n.b\nc.\n", true, "a\r\n..\r\n.b\r\nc.\r\n", ""},
    {"a dot within", "a\nb.\n", true, "a\r\nb.\r\n", ""},
    {"dot line as text at the end", "a\n.", false, "a\r\n.\r\n", ""},
};

static struct slice read_all(const struct want *w, size_t piece, size_t room, struct buf *content)
{
    struct line_reader r;
    struct buf part;
    struct slice in = slice_str(w->in);
    size_t at = 0;
    buf_init(&part, room);
    line_reader_init(&r, w->ends_at_dot);
    while (at < in.n && !r.is_done) {
        size_t n = in.n - at < piece ? in.n - at : piece;
        size_t used = line_read(&r, slice_of(in.p + at, n), &part);
        must(used == n || r.is_done || part.n == part.max);
        at += used;
        if (part.n == part.max) {
            buf_add_slice(content, buf_slice(&part));
            buf_reset(&part);
        }
    }
    while (!line_read_end(&r, &part)) {
        buf_add_slice(content, buf_slice(&part));
        buf_reset(&part);
    }
    buf_add_slice(content, buf_slice(&part));
    buf_close(&part);
    assert_true(r.is_done);
    return slice_from(in, at);
}

static void test_lines_for_all_reads_and_buffers(void **state)
{
    (void)state;
    static const size_t rooms[] = {1, 2, 3, 5, 64};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t piece = 1; piece < 20; piece++)
            for (size_t k = 0; k < COUNT(rooms); k++) {
                struct buf content;
                buf_init(&content, 200);
                struct slice rest = read_all(&rows[i], piece, rooms[k], &content);
                row_buf(rows[i].name, &content, rows[i].content);
                row_text(rows[i].name, rest, slice_str(rows[i].rest));
                buf_close(&content);
            }
}

static void test_8bit_is_noted(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool want;
    } notes[] = {{"abc\n", false},
                 {"a\xc3\n", true},
                 {"\xff", true},
                 {"a\n.\x80", true},
                 {"\x80 in the first of many words\n", true},
                 {"in the last of many words: \x80\n", true},
                 {"in one of many words: \xc3\xa4, and more\n", true},
                 {"sixteen octets..\n", false}};
    for (size_t i = 0; i < COUNT(notes); i++) {
        struct line_reader r;
        struct buf to;
        buf_init(&to, 100);
        line_reader_init(&r, true);
        line_read(&r, slice_str(notes[i].in), &to);
        row_number(notes[i].in, r.has_8bit, notes[i].want);
        buf_close(&to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_for_all_reads_and_buffers),
        cmocka_unit_test(test_8bit_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
