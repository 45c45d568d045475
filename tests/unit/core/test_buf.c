// SPDX-License-Identifier: BSD-2-Clause
// A buffer keeps its maximum: a call that would exceed it changes nothing.
#include "core/buf.h"

#include "core/err.h"
#include "row.h"

#include <stdio.h>
#include <stdlib.h>

static void test_maximum_is_kept_to_the_byte(void **state)
{
    (void)state;
    for (size_t max = 0; max < 200; max += 13) {
        struct buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(buf_add_byte(&b, 'a'), FP_OK);
        assert_int_equal(buf_add_byte(&b, 'b'), FP_TOO_BIG);
        assert_int_equal(buf_add(&b, "", 0), FP_OK);
        assert_int_equal(b.n, max);
        if (b.p)
            assert_int_equal(strlen(b.p), max);
        buf_close(&b);
    }
}

static void test_refused_call_changes_nothing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    assert_int_equal(buf_add_str(&b, "abc"), FP_OK);
    assert_int_equal(buf_add_str(&b, "de"), FP_TOO_BIG);
    assert_int_equal(buf_addf(&b, "%d", 12), FP_TOO_BIG);
    assert_int_equal(buf_add(&b, "x", SIZE_MAX), FP_TOO_BIG);
    row_buf("as before", &b, "abc");
    assert_int_equal(buf_addf(&b, "%d", 7), FP_OK);
    row_buf("what fits", &b, "abc7");
    buf_close(&b);
}

static void test_texts_are_added_all_or_none(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    assert_int_equal(buf_add_all(&b, "ab", "", "cd"), FP_OK);
    assert_int_equal(buf_add_all(&b, "ef", "ghi"), FP_TOO_BIG);
    row_buf("as before", &b, "abcd");
    assert_string_equal(b.p, "abcd");
    assert_int_equal(buf_add_all(&b, "ef", "gh"), FP_OK);
    row_buf("what fits", &b, "abcdefgh");
    buf_close(&b);
}

static void test_numbers_are_added_in_digits(void **state)
{
    (void)state;
    static const struct {
        uint64_t n;
        const char *want;
    } rows[] = {
        {0, "0"}, {9, "9"}, {10, "10"}, {20480, "20480"}, {UINT64_MAX, "18446744073709551615"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b;
        buf_init(&b, strlen(rows[i].want));
        assert_int_equal(buf_add_number(&b, rows[i].n), FP_OK);
        row_buf(rows[i].want, &b, rows[i].want);
        assert_int_equal(buf_add_number(&b, rows[i].n), FP_TOO_BIG);
        row_buf(rows[i].want, &b, rows[i].want);
        buf_close(&b);
    }
}

// Whether the room that is there is too small, just enough, or more than the maximum allows.
static void test_formatted_text_meets_any_room(void **state)
{
    (void)state;
    for (int before = 0; before < 140; before++) {
        struct buf b;
        char want[256];
        buf_init(&b, 150);
        for (int i = 0; i < before; i++)
            buf_add_byte(&b, 'a');
        int n = snprintf(want, sizeof want, "%.*s0123456789", before, b.p ? b.p : "");
        assert_int_equal(buf_addf(&b, "%s", "0123456789"), FP_OK);
        row_buf("grown", &b, want);
        assert_int_equal(buf_addf(&b, "%0*d", 151 - n, 1), FP_TOO_BIG);
        row_buf("refused", &b, want);
        assert_string_equal(b.p, want);
        buf_close(&b);
    }
}

static void test_drop_takes_off_the_front(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_drop(&b, 0);
    buf_add_str(&b, "abcdef");
    buf_drop(&b, 2);
    row_buf("dropped", &b, "cdef");
    buf_drop(&b, 4);
    row_buf("empty", &b, "");
    assert_string_equal(b.p, "");
    buf_close(&b);
}

static void test_steal_leaves_a_new_buffer(void **state)
{
    (void)state;
    struct buf b;
    size_t n = 7;
    buf_init(&b, 10);
    assert_null(buf_steal(&b, &n));
    assert_int_equal(n, 0);
    buf_add_str(&b, "abc");
    char *p = buf_steal(&b, &n);
    assert_string_equal(p, "abc");
    assert_int_equal(n, 3);
    free(p);
    assert_int_equal(buf_add_str(&b, "0123456789"), FP_OK);
    assert_int_equal(buf_add_byte(&b, 'x'), FP_TOO_BIG);
    buf_close(&b);
    buf_close(&b);
    buf_close(NULL);
}

static void test_reset_keeps_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_reset(&b);
    buf_add_str(&b, "abc");
    size_t cap = b.cap;
    buf_reset(&b);
    assert_int_equal(b.cap, cap);
    row_buf("empty", &b, "");
    buf_close(&b);
}

static void test_err_has_a_text_for_each(void **state)
{
    (void)state;
    for (int i = 0; i < FP_ERR_COUNT; i++) {
        assert_string_not_equal(fp_err_text((enum fp_err)i), "unknown error");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(fp_err_text((enum fp_err)i), fp_err_text((enum fp_err)j));
    }
    assert_string_equal(fp_err_text(FP_ERR_COUNT), "unknown error");
    assert_string_equal(fp_err_text((enum fp_err) - 1), "unknown error");
}

static void test_slices_compare_and_trim(void **state)
{
    (void)state;
    assert_true(slice_equal(slice_str(NULL), slice_str("")));
    assert_false(slice_equal(SLICE_LIT("a"), SLICE_LIT("A")));
    assert_true(slice_equal_nocase(SLICE_LIT("aZ"), SLICE_LIT("Az")));
    assert_false(slice_equal_nocase(SLICE_LIT("a"), SLICE_LIT("ab")));
    assert_true(slice_starts_nocase(SLICE_LIT("MAIL FROM:<>"), SLICE_LIT("mail from:")));
    assert_false(slice_starts_nocase(SLICE_LIT("MAI"), SLICE_LIT("mail")));
    row_text("beyond the end", slice_from(SLICE_LIT("abc"), 7), SLICE_LIT(""));
    row_text("trimmed", slice_trim(SLICE_LIT(" \t a b\r\n ")), SLICE_LIT("a b"));
    row_text("all blank", slice_trim(SLICE_LIT(" \r\n\t")), SLICE_LIT(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maximum_is_kept_to_the_byte),
        cmocka_unit_test(test_refused_call_changes_nothing),
        cmocka_unit_test(test_texts_are_added_all_or_none),
        cmocka_unit_test(test_numbers_are_added_in_digits),
        cmocka_unit_test(test_formatted_text_meets_any_room),
        cmocka_unit_test(test_drop_takes_off_the_front),
        cmocka_unit_test(test_steal_leaves_a_new_buffer),
        cmocka_unit_test(test_reset_keeps_memory),
        cmocka_unit_test(test_err_has_a_text_for_each),
        cmocka_unit_test(test_slices_compare_and_trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
