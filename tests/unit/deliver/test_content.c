// SPDX-License-Identifier: BSD-2-Clause
// Bodies on their way out: dots doubled, one end mark, whatever the pieces are.
#include "core/must.h"
#include "deliver/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct buf write_out(struct slice body, size_t piece_size, uint32_t *sends)
{
    struct content_writer w = {0};
    struct slice slices[CONTENT_SLICES_MAX];
    struct buf wire;
    buf_init(&wire, 1 << 24);
    content_begin(&w);
    for (bool is_last = false; !is_last;) {
        size_t n = piece_size < body.n ? piece_size : body.n;
        is_last = n == body.n;
        content_piece(&w, slice_of(body.p, n), is_last);
        body = slice_from(body, n);
        while (!content_is_taken(&w)) {
            uint32_t count = content_slices(&w, slices);
            assert_true(count > 0 && count <= CONTENT_SLICES_MAX);
            ++*sends;
            for (uint32_t i = 0; i < count; i++) {
                assert_true(slices[i].n > 0);
                must(buf_add_slice(&wire, slices[i]) == FP_OK);
            }
        }
    }
    assert_true(w.is_over);
    content_close(&w);
    return wire;
}

static const struct {
    const char *name, *body, *wire;
} rows[] = {
    {"empty", "", ".\r\n"},
    {"plain", "a\r\nb\r\n", "a\r\nb\r\n.\r\n"},
    {"a dot alone", ".\r\n", "..\r\n.\r\n"},
    {"dots first", ".a\r\n..b\r\n...\r\n", "..a\r\n...b\r\n....\r\n.\r\n"},
    {"dots elsewhere", "a.\r\n b .c\r\n", "a.\r\n b .c\r\n.\r\n"},
    {"an end mark inside", "a\r\n.\r\nMAIL FROM:<x>\r\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"},
    {"many",
     ".\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n",
     "..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n..\r\n"
     "..\r\n..\r\n.\r\n"},
    {"no last line end", "a", "a\r\n.\r\n"},
    {"half a line end", "a\r", "a\r\r\n.\r\n"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece <= 64; piece++) {
            uint32_t sends = 0;
            struct buf wire = write_out(slice_str(rows[i].body), piece, &sends);
            assert_string_equal(wire.p, rows[i].wire);
            buf_close(&wire);
        }
}

static size_t marks(const struct buf *wire)
{
    size_t count = 0;
    for (const char *p = wire->p; (p = memmem(p, wire->n - (size_t)(p - wire->p), "\r\n.\r\n", 5));
         p += 2)
        count++;
    return count;
}

static void test_random_text_comes_back(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (int round = 0; round < 400; round++) {
        char body[600];
        size_t n = 0, want = (size_t)(round % 150);
        for (size_t i = 0; i < want && n + 5 < sizeof body; i++) {
            x = x * 1664525 + 1013904223;
            unsigned kind = x >> 29;
            n += (size_t)snprintf(body + n, 4, "%s", kind < 3 ? "." : kind < 6 ? "\r\n" : "a");
        }
        n += (size_t)snprintf(body + n, 4, "\r\n");
        for (size_t piece = 1; piece <= 64; piece += 1 + (size_t)round % 7) {
            uint32_t sends = 0;
            struct buf wire = write_out(slice_of(body, n), piece, &sends), back;
            struct dot_reader r;
            buf_init(&back, 1 << 16);
            dot_reader_init(&r);
            assert_int_equal(dot_read(&r, buf_slice(&wire), &back), wire.n);
            assert_true(r.is_done && !r.has_bare);
            assert_int_equal(marks(&wire), 1);
            assert_int_equal(back.n, n);
            assert_memory_equal(back.p, body, n);
            buf_close(&back);
            buf_close(&wire);
        }
    }
}

// The cost in system calls: one for text without dots, and bounded where every line begins with
// one.
static void test_sends(void **state)
{
    (void)state;
    enum { SIZE = 256 * 1024 };
    char *body = must_alloc(SIZE + 4);
    uint32_t sends = 0;
    memset(body, 'a', SIZE);
    memcpy(body + SIZE - 2, "\r\n", 2);
    struct buf wire = write_out(slice_of(body, SIZE), SIZE, &sends);
    assert_int_equal(sends, 1);
    buf_close(&wire);
    for (size_t i = 0; i + 4 <= SIZE; i += 4)
        memcpy(body + i, ".a\r\n", 4);
    sends = 0;
    wire = write_out(slice_of(body, SIZE), SIZE, &sends);
    assert_int_equal(wire.n, SIZE + SIZE / 4 + 3);
    assert_in_range(sends, 2, SIZE * 5 / 4 / (16 * 1024) + 2);
    buf_close(&wire);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_random_text_comes_back),
        cmocka_unit_test(test_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
