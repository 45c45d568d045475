// SPDX-License-Identifier: BSD-2-Clause
// Header fields, folded and unfolded, with either line end.
#include "core/header.h"

#include "row.h"

static void test_fields_are_taken_one_by_one(void **state)
{
    (void)state;
    static const char *const want[][2] = {
        {"From", " a@b"}, {"Subject", " one\r\n two\r\n\tthree"},
        {"X-Empty", ""},  {"Old", " blank before the colon"},
        {"X:", NULL},
    };
    struct slice block = SLICE_LIT("From: a@b\r\nSubject: one\r\n two\r\n\tthree\r\nX-Empty:\r\n"
                                   "Old \t: blank before the colon\r\n\r\nBody: no\r\n");
    struct header_field f;
    for (size_t i = 0; want[i][1]; i++) {
        struct slice before = block;
        assert_true(header_next(&block, &f));
        row_text(want[i][0], f.name, slice_str(want[i][0]));
        row_text(want[i][0], f.body, slice_str(want[i][1]));
        row_text(want[i][0], f.whole, slice_of(before.p, before.n - block.n));
    }
    row_text("left", block, SLICE_LIT("\r\nBody: no\r\n"));
    assert_false(header_next(&block, &f));
    row_text("untouched", block, SLICE_LIT("\r\nBody: no\r\n"));
}

static void test_what_is_a_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *body; // name NULL: no field
    } rows[] = {
        {"A:b\n", "A", "b"},
        {"A:b", "A", "b"},
        {"A:", "A", ""},
        {"A:b\n c\nD:e\n", "A", "b\n c"},
        {"A:b\n ", "A", "b\n "},
        {"A:b\n \n\nx", "A", "b\n "},
        {"A::b\n", "A", ":b"},
        {"A:b\r\n", "A", "b"},
        {"A:b\r", "A", "b\r"},
        {"", NULL, NULL},
        {"\n", NULL, NULL},
        {"\r\n", NULL, NULL},
        {" A:b\n", NULL, NULL},
        {":b\n", NULL, NULL},
        {"A b: c\n", NULL, NULL},
        {"no field\n", NULL, NULL},
        {"A\n:b\n", NULL, NULL},
        {"\xc3\xa4: b\n", NULL, NULL},
        {"From a@b Sat Nov 21 23:40:00 2026\n", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice block = slice_str(rows[i].text);
        struct header_field f;
        row_number(rows[i].text, header_next(&block, &f), rows[i].name != NULL);
        if (rows[i].name) {
            row_text(rows[i].text, f.name, slice_str(rows[i].name));
            row_text(rows[i].text, f.body, slice_str(rows[i].body));
        }
    }
}

static void test_block_size(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t want;
    } rows[] = {
        {"A:b\r\n\r\nx", 7}, {"A:b\n\nx", 5},   {"\r\nx", 2},    {"\nx", 1},
        {"A:b\r\n", 5},      {"A:b", 3},        {"", 0},         {"A:b\n \n\nx", 7},
        {"A:b\r\n\nx", 6},   {"A:b\n\r\nx", 6}, {"A:b\r\rx", 6},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        row_number(rows[i].text, (long long)header_block_size(slice_str(rows[i].text)),
                   (long long)rows[i].want);
}

static void test_find_and_count(void **state)
{
    (void)state;
    struct slice block = SLICE_LIT("To: a\nX-To: b\ntO: c\nTo-Do: d\n\nTo: body\n");
    struct header_field f = {.name = SLICE_LIT("untouched")};
    assert_true(header_find(block, "to", &f));
    row_text("first", f.body, SLICE_LIT(" a"));
    assert_int_equal(header_count(block, "TO"), 2);
    assert_int_equal(header_count(block, "Body"), 0);
    f.name = SLICE_LIT("untouched");
    assert_false(header_find(block, "Cc", &f));
    row_text("untouched", f.name, SLICE_LIT("untouched"));
}

static void test_unfold(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want;
    } rows[] = {
        {" one\r\n two\n\tthree ", "one two\tthree"},
        {"", ""},
        {" \r\n ", ""},
        {"a\rb", "ab"},
    };
    struct buf b;
    for (size_t i = 0; i < COUNT(rows); i++) {
        buf_init(&b, 100);
        header_unfold(slice_str(rows[i].body), &b);
        row_buf(rows[i].body, &b, rows[i].want);
        buf_close(&b);
    }
    buf_init(&b, 5);
    header_unfold(SLICE_LIT("one\r\n two"), &b);
    row_buf("cut", &b, "one t");
    buf_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_taken_one_by_one),
        cmocka_unit_test(test_what_is_a_field),
        cmocka_unit_test(test_block_size),
        cmocka_unit_test(test_find_and_count),
        cmocka_unit_test(test_unfold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
