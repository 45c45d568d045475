// SPDX-License-Identifier: BSD-2-Clause
// Byte counts in text and back.
#include "core/size.h"

#include "row.h"

static void test_sizes_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum fp_err err;
        int64_t bytes;
    } rows[] = {
        {"0", FP_OK, 0},
        {"512", FP_OK, 512},
        {"64K", FP_OK, 65536},
        {"64k", FP_OK, 65536},
        {"10M", FP_OK, 10485760},
        {"1G", FP_OK, 1073741824},
        {"2T", FP_OK, INT64_C(2) << 40},
        {"0T", FP_OK, 0},
        {"9223372036854775807", FP_OK, INT64_MAX},
        {"9223372036854775808", FP_TOO_BIG, 0},
        {"8388607T", FP_OK, INT64_C(8388607) << 40},
        {"8388608T", FP_TOO_BIG, 0},
        {"99999999999999999999999999K", FP_TOO_BIG, 0},
        {"", FP_INVALID, 0},
        {"K", FP_INVALID, 0},
        {"10MB", FP_INVALID, 0},
        {"10 M", FP_INVALID, 0},
        {"1.5M", FP_INVALID, 0},
        {"-1", FP_INVALID, 0},
        {"1x", FP_INVALID, 0},
        {"99999999999999999999999999x", FP_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t bytes = -1;
        row_number(rows[i].text, size_parse(slice_str(rows[i].text), &bytes), rows[i].err);
        row_number(rows[i].text, bytes, rows[i].err ? -1 : rows[i].bytes);
    }
    int64_t bytes = -1;
    assert_int_equal(size_parse(slice_of("1\0", 2), &bytes), FP_INVALID);
}

static void test_sizes_are_written(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *want;
    } rows[] = {
        {0, "0"},
        {1, "1"},
        {1023, "1023"},
        {1024, "1K"},
        {1536, "1536"},
        {1048576, "1M"},
        {1049600, "1025K"},
        {INT64_C(1) << 30, "1G"},
        {-2048, "-2K"},
        {INT64_C(1) << 52, "4096T"},
        {INT64_MAX, "9223372036854775807"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, 40);
        size_format(rows[i].bytes, &b);
        row_buf(rows[i].want, &b, rows[i].want);
        int64_t back = -1;
        if (rows[i].bytes >= 0) {
            assert_int_equal(size_parse(buf_slice(&b), &back), FP_OK);
            row_number(rows[i].want, back, rows[i].bytes);
        }
        buf_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_parsed),
        cmocka_unit_test(test_sizes_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
