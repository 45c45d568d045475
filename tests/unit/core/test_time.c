// SPDX-License-Identifier: BSD-2-Clause
// Durations and moments in text; the calendar is held against the C library's.
#include "core/time.h"

#include "row.h"

#include <time.h>

static void test_durations_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum fp_err err;
        int64_t ms;
    } rows[] = {
        {"0", FP_OK, 0},
        {"0s", FP_OK, 0},
        {"500ms", FP_OK, 500},
        {"90s", FP_OK, 90000},
        {"30m", FP_OK, 1800000},
        {"4h", FP_OK, 14400000},
        {"5d", FP_OK, 432000000},
        {"1w", FP_OK, 604800000},
        {"1h30m", FP_OK, 5400000},
        {"1w1d1h1m1s1ms", FP_OK, 694861001},
        {"1m5ms", FP_OK, 60005},
        {"0004h", FP_OK, 14400000},
        {"36525d", FP_OK, TIME_DURATION_MAX_MS},
        {"36525d1ms", FP_TOO_BIG, 0},
        {"36526d", FP_TOO_BIG, 0},
        {"99999999999999999999999999999w", FP_TOO_BIG, 0},
        {"9223372036854775807ms", FP_TOO_BIG, 0},
        {"99999999999999999999x", FP_INVALID, 0},
        {"", FP_INVALID, 0},
        {"5", FP_INVALID, 0},
        {"00", FP_INVALID, 0},
        {"h", FP_INVALID, 0},
        {"1h30", FP_INVALID, 0},
        {"30m1h", FP_INVALID, 0},
        {"1h1h", FP_INVALID, 0},
        {"-5m", FP_INVALID, 0},
        {"+5m", FP_INVALID, 0},
        {"1.5h", FP_INVALID, 0},
        {"5 m", FP_INVALID, 0},
        {" 5m", FP_INVALID, 0},
        {"5m ", FP_INVALID, 0},
        {"5M", FP_INVALID, 0},
        {"5min", FP_INVALID, 0},
        {"1y", FP_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = -1;
        row_number(rows[i].text, time_parse_duration(slice_str(rows[i].text), &ms), rows[i].err);
        row_number(rows[i].text, ms, rows[i].err ? -1 : rows[i].ms);
    }
}

static void test_durations_are_written(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *exact, *rough;
    } rows[] = {
        {0, "0s", "0s"},
        {999, "999ms", "0s"},
        {45000, "45s", "45s"},
        {45999, "45s999ms", "45s"},
        {90000, "1m30s", "1m30s"},
        {14400000, "4h", "4h"},
        {5400000, "1h30m", "1h30m"},
        {3 * TIME_HOUR_MS + 12 * TIME_MINUTE_MS + 59999, "3h12m59s999ms", "3h12m"},
        {3 * TIME_HOUR_MS + 5000, "3h5s", "3h"},
        {2 * TIME_DAY_MS + 4 * TIME_HOUR_MS + 1, "2d4h1ms", "2d4h"},
        {2 * TIME_DAY_MS + 59 * TIME_MINUTE_MS, "2d59m", "2d"},
        {604800000, "7d", "7d"},
        {-1500, "-1s500ms", "0s"},
        {INT64_MIN, "-106751991167d7h12m55s808ms", "0s"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        time_format_duration(rows[i].ms, &b);
        row_buf(rows[i].exact, &b, rows[i].exact);
        int64_t back = -1;
        if (rows[i].ms >= 0) {
            assert_int_equal(time_parse_duration(buf_slice(&b), &back), FP_OK);
            row_number(rows[i].exact, back, rows[i].ms);
        }
        buf_reset(&b);
        time_format_rough(rows[i].ms, &b);
        row_buf(rows[i].exact, &b, rows[i].rough);
        buf_close(&b);
    }
}

static void test_moments_are_written(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        int offset_s;
        const char *rfc5322, *iso, *asctime;
    } rows[] = {
        {1795300800000, 3600, "Sat, 21 Nov 2026 23:40:00 +0100", "2026-11-21T22:40:00Z",
         "Sat Nov 21 23:40:00"},
        {0, 0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z", "Thu Jan  1 00:00:00"},
        {-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000", "1969-12-31T23:59:59Z", "Wed Dec 31 23:59:59"},
        {951825599999, -34200, "Tue, 29 Feb 2000 02:29:59 -0930", "2000-02-29T11:59:59Z",
         "Tue Feb 29 02:29:59"},
        {951868800000, 20700, "Wed, 1 Mar 2000 05:45:00 +0545", "2000-03-01T00:00:00Z",
         "Wed Mar  1 05:45:00"},
        {INT64_MAX, 0, "Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59Z",
         "Fri Dec 31 23:59:59"},
        {INT64_MIN, 0, "Sat, 1 Jan 0000 00:00:00 +0000", "0000-01-01T00:00:00Z",
         "Sat Jan  1 00:00:00"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[TIME_TEXT_SIZE];
        time_format_rfc5322(rows[i].ms, rows[i].offset_s, text);
        row_text(rows[i].iso, slice_str(text), slice_str(rows[i].rfc5322));
        time_format_iso(rows[i].ms, text);
        row_text(rows[i].iso, slice_str(text), slice_str(rows[i].iso));
        time_format_asctime(rows[i].ms, rows[i].offset_s, text);
        row_text(rows[i].iso, slice_str(text), slice_str(rows[i].asctime));
    }
}

static void test_calendar_agrees_with_libc(void **state)
{
    (void)state;
    const int64_t first_s = -2208988800, last_s = 7258118400; // 1900 to 2200
    for (int64_t s = first_s; s < last_s; s += 86400 * 5 + 12345) {
        char text[TIME_TEXT_SIZE], want[TIME_TEXT_SIZE];
        struct tm tm;
        time_t t = (time_t)s;
        assert_non_null(gmtime_r(&t, &tm));
        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm);
        time_format_iso(s * 1000, text);
        row_text(want, slice_str(text), slice_str(want));
        strftime(want, sizeof want, "%a %b %e %H:%M:%S", &tm);
        time_format_asctime(s * 1000 + 999, 0, text);
        row_text(want, slice_str(text), slice_str(want));
    }
}

static void test_steady_clock(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t wall, monotonic, want;
    } rows[] = {
        {"begins as the wall clock says", 1000000, 70, 1000000},
        {"both go on", 1000050, 120, 1000050},
        {"set back: it goes on all the same", 400000, 220, 1000138},
        {"the wall clock is still behind", 400500, 720, 1000575},
        {"and has overtaken it", 2000000, 820, 2000000},
        {"slept: the monotonic clock stood still", 9000000, 820, 9000000},
    };
    struct time_steady t = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t got = time_steady_now(&t, rows[i].wall, rows[i].monotonic);
        if (got != rows[i].want)
            print_error("%s\n", rows[i].name);
        assert_int_equal(got, rows[i].want);
    }
}

// An hour is caught up in eight, in steps of any size, and it never goes back on the way.
static void test_steady_clock_catches_up(void **state)
{
    static const int64_t steps_ms[] = {1, 3, 999, 60007};
    (void)state;
    for (size_t i = 0; i < sizeof steps_ms / sizeof *steps_ms; i++) {
        struct time_steady t = {.now_ms = TIME_HOUR_MS};
        int64_t at_ms = 0, was_ms = t.now_ms;
        for (; at_ms < 8 * TIME_HOUR_MS; at_ms += steps_ms[i]) {
            int64_t now_ms = time_steady_now(&t, at_ms, at_ms);
            assert_true(now_ms >= was_ms && now_ms >= at_ms);
            assert_true(at_ms > 7 * TIME_HOUR_MS + 59 * TIME_MINUTE_MS || now_ms > at_ms);
            was_ms = now_ms;
        }
        assert_int_equal(time_steady_now(&t, at_ms, at_ms), at_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations_are_parsed),
        cmocka_unit_test(test_durations_are_written),
        cmocka_unit_test(test_steady_clock),
        cmocka_unit_test(test_steady_clock_catches_up),
        cmocka_unit_test(test_moments_are_written),
        cmocka_unit_test(test_calendar_agrees_with_libc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
