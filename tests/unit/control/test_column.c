// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/column: strangers' octets at every place of a text, and cells.
#include "control/column.h"
#include "core/text.h"
#include "core/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LONGEST = 26 };

// Plain text takes a short way, eight octets at a time; it must let nothing through.
static void every_octet_at_every_place(void **state)
{
    (void)state;
    struct buf got, want;
    buf_init(&got, 1024);
    buf_init(&want, 1024);
    for (size_t n = 1; n <= LONGEST; n++)
        for (size_t at = 0; at < n; at++)
            for (int octet = 1; octet < 256; octet++) {
                char text[LONGEST + 1];
                memset(text, octet % 2 ? '~' : ' ', n);
                text[n] = '\0';
                text[at] = (char)octet;
                buf_reset(&got);
                buf_reset(&want);
                struct column c = column_begin(&got);
                column_text(&c, text);
                text_escape(slice_of(text, n), &want);
                if (strcmp(got.p, want.p) != 0)
                    fail_msg("octet %02x at %zu of %zu: %s", (unsigned)octet, at, n, got.p);
            }
    buf_close(&got);
    buf_close(&want);
}

static void cells(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1024);
    struct column c = column_begin(&got);
    column_str(&c, "a|");
    size_t from = got.n;
    column_str(&c, "bc");
    column_pad(&c, from, 5);
    column_str(&c, "|");
    from = got.n;
    column_text(&c, "d\x1b");
    column_shift(&c, from, 8);
    column_str(&c, "|");
    from = got.n;
    column_str(&c, "wide");
    column_shift(&c, from, 3);
    column_pad(&c, from, 4);
    column_rough(&c, 3 * TIME_DAY_MS + 5 * TIME_HOUR_MS + 1);
    column_str(&c, "|");
    column_rough(&c, -5);
    assert_string_equal(got.p, "a|bc   |   d\\x1b|wide3d5h|0s");
    buf_close(&got);
}

static void times(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        int offset_s;
        const char *want;
    } cases[] = {
        {INT64_C(1795300800000), 0, "2026-11-21T22:40+00:00"},
        {INT64_C(1795300800000), 3600, "2026-11-21T23:40+01:00"},
        {INT64_C(1795300800000), -34200, "2026-11-21T13:10-09:30"},
        {INT64_C(1795300859999), 45900, "2026-11-22T11:25+12:45"},
        {0, 3600, "-"},
        {TIME_NEVER, 0, "-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf got;
        buf_init(&got, 100);
        struct column c = column_begin(&got);
        column_time(&c, cases[i].ms, cases[i].offset_s);
        assert_string_equal(got.p, cases[i].want);
        buf_close(&got);
    }
}

// Ten minutes ahead or behind, minutes say too little.
static void near_times(void **state)
{
    (void)state;
    static const int64_t now_ms = INT64_C(1795300800000);
    static const struct {
        int64_t from_now_ms;
        const char *want;
    } cases[] = {
        {0, "2026-11-21T23:40:00+01:00"},
        {TIME_SECOND_MS, "2026-11-21T23:40:01+01:00"},
        {-10 * TIME_MINUTE_MS + 1000, "2026-11-21T23:30:01+01:00"},
        {10 * TIME_MINUTE_MS - 1000, "2026-11-21T23:49:59+01:00"},
        {10 * TIME_MINUTE_MS, "2026-11-21T23:50+01:00"},
        {-10 * TIME_MINUTE_MS, "2026-11-21T23:30+01:00"},
        {TIME_NEVER - now_ms, "-"},
        {-now_ms, "-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf got;
        buf_init(&got, 100);
        struct column c = column_begin(&got);
        column_time_near(&c, now_ms + cases[i].from_now_ms, now_ms, 3600);
        assert_string_equal(got.p, cases[i].want);
        buf_close(&got);
    }
}

// Whatever does not fit is taken back as a whole.
static void full_ones(void **state)
{
    (void)state;
    for (size_t max = 4; max < 60; max++) {
        struct buf got;
        buf_init(&got, max);
        buf_add_str(&got, "here");
        struct column c = column_begin(&got);
        size_t from = got.n;
        column_rough(&c, TIME_HOUR_MS);
        column_text(&c, "\xff");
        column_shift(&c, from, 60);
        column_pad(&c, from, 60);
        assert_false(column_commit(&c));
        assert_string_equal(got.p, "here");
        buf_close(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_octet_at_every_place),
        cmocka_unit_test(cells),
        cmocka_unit_test(times),
        cmocka_unit_test(near_times),
        cmocka_unit_test(full_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
