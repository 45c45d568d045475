// SPDX-License-Identifier: BSD-2-Clause
// DATA in and out: one end mark only, whatever the reads; nothing bare in, dots doubled out.
#include "core/dot.h"

#include "core/must.h"
#include "row.h"

#include <stdlib.h>

struct want {
    const char *name, *in, *content;
    const char *rest; // NULL: the end mark never came
    bool has_bare;
};

static const struct want rows[] = {
    {"empty message", ".\r\n", "", "", false},
    {"one line", "a\r\n.\r\n", "a\r\n", "", false},
    {"pipelined command", "a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n", false},
    {"empty lines", "\r\n\r\n.\r\n", "\r\n\r\n", "", false},
    {"unstuffed", "d\r\n.foo\r\n..bar\r\n...baz\r\nq\r\n\r\n.\r\n",
     "d\r\nfoo\r\n.bar\r\n..baz\r\nq\r\n\r\n", "", false},
    {"stuffed dot line", "..\r\nb\r\n.\r\n", ".\r\nb\r\n", "", false},
    {"dot at a line's end", "a.\r\n.\r\n", "a.\r\n", "", false},
    {"LF . LF", "a\r\n\n.\nMAIL\r\n.\r\n", "a\r\n\r\n.\r\nMAIL\r\n", "", true},
    {"LF . CRLF", "a\n.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", "", true},
    {"CRLF . LF", "a\r\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", "", true},
    {"CR . CR", "a\r.\rb\r\n.\r\n", "a\r\n.\r\nb\r\n", "", true},
    {"CR . CRLF", "a\r.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", "", true},
    {"CR . LF", "a\r.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", "", true},
    {"LF . CR", "a\n.\rb\r\n.\r\n", "a\r\n.\r\nb\r\n", "", true},
    {"CRLF . CR", "a\r\n.\rb\r\n.\r\n", "a\r\n.\r\nb\r\n", "", true},
    {"CRLF . CR CRLF", "a\r\n.\r\r\nb\r\n.\r\n", "a\r\n.\r\n\r\nb\r\n", "", true},
    {"CRLF . CR CR LF . CRLF", "a\r\n.\r\r\n.\r\nb", "a\r\n.\r\n\r\n", "b", true},
    {"CR CRLF . CRLF", "a\r\r\n.\r\nb", "a\r\n\r\n", "b", true},
    {"CRLF . NUL CRLF", "a\r\n.\x01\r\n.\r\n", "a\r\n\x01\r\n", "", false},
    {"no unstuffing behind a bare LF", "a\n..b\r\n.\r\n", "a\r\n..b\r\n", "", true},
    {"no unstuffing behind a bare CR", "a\r..b\r\n.\r\n", "a\r\n..b\r\n", "", true},
    {"bare ends", "\r\r\n\n\r.\r\n.\r\n", "\r\n\r\n\r\n\r\n.\r\n", "", true},
    {"starts with a bare LF", "\n.\r\n.\r\n", "\r\n.\r\n", "", true},
    {"starts with . LF", ".\n.\r\n.\r\n", ".\r\n.\r\n", "", true},
    {"not ended", "a\r\nb\r\n", "a\r\nb\r\n", NULL, false},
    {"not ended at the dot", "a\r\n.", "a\r\n", NULL, false},
    {"not ended at the CR", "a\r\n.\r", "a\r\n", NULL, false},
    {"CR held", "a\r\nb\r", "a\r\nb", NULL, false},
};

// Reads all of in, `piece` octets at a time, through a buffer of `room` octets. What was not used.
static struct slice read_all(struct dot_reader *r, struct slice in, size_t piece, size_t room,
                             struct buf *content)
{
    struct buf part;
    size_t at = 0, idle = 0;
    buf_init(&part, room);
    dot_reader_init(r);
    while (at < in.n && !r->is_done && idle < 4) {
        size_t n = in.n - at < piece ? in.n - at : piece;
        size_t used = dot_read(r, slice_of(in.p + at, n), &part);
        idle = used || part.n ? 0 : idle + 1;
        must(used == n || r->is_done || part.n == part.max);
        at += used;
        if (part.n == part.max || part.n % 3 == 0) {
            buf_add_slice(content, buf_slice(&part));
            buf_reset(&part);
        }
    }
    for (int i = 0; i < 3; i++) { // what is held comes without further octets
        buf_add_slice(content, buf_slice(&part));
        buf_reset(&part);
        dot_read(r, SLICE_LIT(""), &part);
    }
    buf_close(&part);
    return slice_from(in, at);
}

static void test_same_result_for_all_reads_and_buffers(void **state)
{
    (void)state;
    static const size_t rooms[] = {1, 2, 3, 4, 5, 7, 64, 4096};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t piece = 1; piece <= 64; piece++)
            for (size_t k = 0; k < COUNT(rooms); k++) {
                struct buf content;
                struct dot_reader r;
                buf_init(&content, 1000);
                struct slice in = slice_str(rows[i].in);
                struct slice rest = read_all(&r, in, piece, rooms[k], &content);
                row_buf(rows[i].name, &content, rows[i].content);
                row_number(rows[i].name, r.is_done, rows[i].rest != NULL);
                row_number(rows[i].name, r.has_bare, rows[i].has_bare);
                row_text(rows[i].name, rest, slice_str(rows[i].rest));
                buf_close(&content);
            }
}

// All texts over { CR, LF, dot, x } up to nine octets against the rule told in the plainest way.
static bool plain_reading(struct slice in, struct buf *to)
{
    bool after_crlf = true;
    for (size_t i = 0; i < in.n;) {
        struct slice rest = slice_from(in, i);
        if (after_crlf && rest.n >= 3 && memcmp(rest.p, ".\r\n", 3) == 0)
            return true;
        bool ends_line = rest.n >= 2 && (rest.p[1] == '\r' || rest.p[1] == '\n');
        if (after_crlf && rest.p[0] == '.' && !ends_line)
            i++; // un-stuffed; alone on a line that a bare end closes, it stays
        after_crlf = false;
        if (i == in.n)
            break;
        rest = slice_from(in, i);
        bool is_crlf = rest.n >= 2 && rest.p[0] == '\r' && rest.p[1] == '\n';
        if (is_crlf || rest.p[0] == '\r' || rest.p[0] == '\n')
            buf_add_str(to, "\r\n");
        else
            buf_add_byte(to, rest.p[0]);
        after_crlf = is_crlf;
        i += is_crlf ? 2 : 1;
    }
    return false;
}

static void test_all_short_texts_against_the_plain_rule(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 9; n++)
        for (unsigned code = 0; code < 1u << (2 * n); code++) {
            char text[16];
            for (size_t i = 0; i < n; i++)
                text[i] = "\r\n.x"[code >> (2 * i) & 3];
            memcpy(text + n, "x", 1); // so that nothing is held back at the end
            struct buf want, got;
            struct dot_reader r;
            buf_init(&want, 64);
            buf_init(&got, 64);
            bool is_done = plain_reading(slice_of(text, n + 1), &want);
            dot_reader_init(&r);
            dot_read(&r, slice_of(text, n + 1), &got);
            row_text("plain rule", buf_slice(&got), buf_slice(&want));
            row_number("plain rule", r.is_done, is_done);
            buf_close(&want);
            buf_close(&got);
        }
}

static void test_what_the_reader_notes(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool has_8bit;
        size_t line_n, line_max;
    } notes[] = {
        {"abc\r\nde", false, 2, 3},
        {"..bc\r\nd", false, 1, 3},
        {"ab\ncdef\rg\r\n", false, 0, 4},
        {"\xc3", true, 1, 1},
        {"aaaaaaaaaaaaaaa\xc3", true, 16, 16},
        {"aaaaaaa\xc3"
         "aaaaaaaa",
         true, 16, 16},
        {".\xc3\r\n", true, 0, 1},
        {".\nabc", false, 3, 3},
        {"", false, 0, 0},
    };
    for (size_t i = 0; i < COUNT(notes); i++) {
        struct buf to;
        struct dot_reader r;
        buf_init(&to, 100);
        dot_reader_init(&r);
        dot_read(&r, slice_str(notes[i].in), &to);
        row_number(notes[i].in, r.has_8bit, notes[i].has_8bit);
        row_number(notes[i].in, (long long)r.line_n, (long long)notes[i].line_n);
        row_number(notes[i].in, (long long)r.line_max, (long long)notes[i].line_max);
        buf_close(&to);
    }
}

// Text that holds only CR, or only LF, must not cost a look at the whole rest for each line.
static void test_bare_ends_cost_no_more_than_others(void **state)
{
    (void)state;
    enum { SIZE = 8 * 1024 * 1024 };
    char *text = must_alloc(SIZE);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < SIZE; i++)
            text[i] = i % 2 ? 'x' : "\r\n"[pass];
        struct buf to;
        struct dot_reader r;
        buf_init(&to, (size_t)SIZE * 2);
        dot_reader_init(&r);
        assert_int_equal(dot_read(&r, slice_of(text, SIZE), &to), SIZE);
        assert_int_equal(to.n, SIZE / 2 * 3);
        buf_close(&to);
    }
    free(text);
}

static void write_all(struct slice content, size_t piece, struct buf *wire)
{
    struct dot_writer w;
    dot_writer_init(&w);
    for (size_t at = 0; at < content.n; at += piece) {
        struct slice rest =
            slice_of(content.p + at, content.n - at < piece ? content.n - at : piece);
        while (rest.n > 0) {
            struct slice out = dot_write(&w, &rest);
            buf_add_slice(wire, out.n ? out : DOT_STUFF);
        }
    }
    buf_add_slice(wire, DOT_END);
}

static void test_dots_are_doubled(void **state)
{
    (void)state;
    static const struct {
        const char *content, *wire;
    } out[] = {
        {"", ".\r\n"},
        {"a\r\n", "a\r\n.\r\n"},
        {".\r\n", "..\r\n.\r\n"},
        {"..\r\n.a\r\n", "...\r\n..a\r\n.\r\n"},
        {"a.\r\n.b.\r\n\r\n.\r\n", "a.\r\n..b.\r\n\r\n..\r\n.\r\n"},
        {"\r\n.\r\n.\r\n", "\r\n..\r\n..\r\n.\r\n"},
    };
    for (size_t i = 0; i < COUNT(out); i++)
        for (size_t piece = 1; piece < 20; piece++) {
            struct buf wire;
            buf_init(&wire, 200);
            write_all(slice_str(out[i].content), piece, &wire);
            row_buf(out[i].content, &wire, out[i].wire);
            buf_close(&wire);
        }
}

static void test_no_dot_is_one_slice(void **state)
{
    (void)state;
    struct slice content = SLICE_LIT("From: a.b@c.d\r\n\r\nx.\r\ny. z\r\n");
    struct dot_writer w;
    dot_writer_init(&w);
    size_t n = content.n;
    assert_int_equal(dot_write(&w, &content).n, n);
    assert_int_equal(content.n, 0);
    assert_int_equal(dot_write(&w, &content).n, 0);
}

// The octet behind a piece is not the writer's to look at.
static void test_pieces_lie_anywhere(void **state)
{
    (void)state;
    static const char first[] = {'a', '\r', '\n', 'x'}, second[] = {'.', 'b', '\r', '\n', '.'};
    struct slice content = slice_of(first, 3);
    struct dot_writer w;
    dot_writer_init(&w);
    assert_int_equal(dot_write(&w, &content).n, 3);
    content = slice_of(second, 4);
    assert_int_equal(dot_write(&w, &content).n, 0);
    assert_int_equal(content.n, 4);
    assert_int_equal(dot_write(&w, &content).n, 4);
    assert_int_equal(content.n, 0);
}

// What is read is what was written, for every content that the reader can make.
static void test_round_trip(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 1u << 12; code++) {
        char in[13];
        struct buf content, wire, back;
        struct dot_reader r;
        for (int i = 0; i < 6; i++)
            in[i] = "\r\n.x"[code >> (2 * i) & 3];
        memcpy(in + 6, "\r\n.\r\n", 6);
        buf_init(&content, 100);
        buf_init(&wire, 100);
        buf_init(&back, 100);
        dot_reader_init(&r);
        dot_read(&r, slice_of(in, 11), &content);
        write_all(buf_slice(&content), 3, &wire);
        dot_reader_init(&r);
        size_t used = dot_read(&r, buf_slice(&wire), &back);
        assert_true(r.is_done);
        assert_false(r.has_bare);
        assert_int_equal(used, wire.n);
        row_text("round trip", buf_slice(&back), buf_slice(&content));
        buf_close(&content);
        buf_close(&wire);
        buf_close(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_result_for_all_reads_and_buffers),
        cmocka_unit_test(test_all_short_texts_against_the_plain_rule),
        cmocka_unit_test(test_what_the_reader_notes),
        cmocka_unit_test(test_bare_ends_cost_no_more_than_others),
        cmocka_unit_test(test_dots_are_doubled),
        cmocka_unit_test(test_no_dot_is_one_slice),
        cmocka_unit_test(test_pieces_lie_anywhere),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
