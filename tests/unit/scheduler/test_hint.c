// SPDX-License-Identifier: BSD-2-Clause
// Which replies say when to come back, and which only seem to.
#include "core/time.h"
#include "scheduler/hint.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct row {
    const char *text;
    int64_t want_ms; // 0: no hint
};

static const struct row rows[] = {
    {"450 4.7.1 Greylisted, try again in 300 seconds", 300 * TIME_SECOND_MS},
    {"450 4.2.0 <b@c>: Recipient address rejected: Greylisting in effect, please retry in 299 secs",
     299 * TIME_SECOND_MS},
    {"451 4.7.1 Greylisting in action, please come back in 00:05:00", 5 * TIME_MINUTE_MS},
    {"451 4.7.1 please come back in 04:30", 4 * TIME_MINUTE_MS + 30 * TIME_SECOND_MS},
    {"451 Greylisted for 5 minutes", 5 * TIME_MINUTE_MS},
    {"451 graylisted for 1 hour", TIME_HOUR_MS},
    {"421 4.7.0 Too many connections, try again after 60s", 60 * TIME_SECOND_MS},
    {"421 wait at least 2 minutes and 30 seconds", 150 * TIME_SECOND_MS},
    {"450 Retry-After: 4m30s", 270 * TIME_SECOND_MS},
    {"450 RETRY AFTER 1 MIN", TIME_MINUTE_MS},
    {"450 try again later, not before 10 minutes", 10 * TIME_MINUTE_MS},
    {"450 retry in 30 days", 30 * TIME_DAY_MS},
    {"450 retry in 31 days", 0},
    {"450 retry in 0 seconds", 0},
    {"450 retry in 99999999999999999999 seconds", 0},
    {"450 retry in 300", 0},
    {"450 retry in 300 boxes", 0},
    {"450 retry in 3x", 0},
    {"450 retry at 00:61:00", 0},
    {"450 retry at 1:2:3:4", 0},
    {"452 4.2.2 mailbox full for 3 days", 0},
    {"450 4.7.1 try again later", 0},
    {"450 try one two three four five six 300 seconds", 0},
    {"450 a rate of 5 per 10 minutes, try later", 0},
    {"450 retry in -5 seconds", 0},
    {"450 try again (-5 seconds)", 0},
    {"450 wait 5-10 minutes", 10 * TIME_MINUTE_MS},
    {"451 Retry-After: 120", 120 * TIME_SECOND_MS},
    {"451 retry-after=120;", 120 * TIME_SECOND_MS},
    {"451 Retry-After: 120 http://example.com/why", 120 * TIME_SECOND_MS},
    {"451 Retry-After: -120", 0},
    {"451 Retry-After: 2026-11-22", 0},
    {"451 Retry-After: Sun, 22 Nov 2026 10:00:00 GMT", 0},
    {"451 Retry-After: 3000000", 0},
    {"451 retry after 120", 120 * TIME_SECOND_MS},
    {"451 retry after 120.", 120 * TIME_SECOND_MS},
    {"451 please retry after 120 (greylisted)", 120 * TIME_SECOND_MS},
    {"451 retry after 120s", 120 * TIME_SECOND_MS},
    {"451 retry after 120 sec", 120 * TIME_SECOND_MS},
    {"451 retry after 5 attempts", 0},
    {"451 retry after 5, then wait 3 minutes", 3 * TIME_MINUTE_MS},
    {"451 retry after 2026/11/22", 0},
    {"451 retry after 50% of it is gone", 0},
    {"451 retry, after 120", 120 * TIME_SECOND_MS},
    {"451 retry 120", 0},
    {"450 4.7.1 come back in 5 minutes", 5 * TIME_MINUTE_MS},
    {"450 4.7.1 Later, please: in 5 minutes", 5 * TIME_MINUTE_MS},
    {"450 try again in 1h", TIME_HOUR_MS},
    {"450 too many messages in 5 minutes", 0},
    {"450 try again in 1.5 hours", 0},
    {"450 try again in 1,000 seconds", 0},
    {"450 try again in 300,  seconds", 300 * TIME_SECOND_MS},
    {"450 try again at 10:15:00", 0},
    {"450 try again in 2026 seconds", 2026 * TIME_SECOND_MS},
    {"-5 seconds: try", 0},
    {"", 0},
};

static void finds_hints(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t got = 0;
        print_message("%s\n", rows[i].text);
        assert_int_equal(hint_find(slice_str(rows[i].text), &got), rows[i].want_ms > 0);
        assert_int_equal(got, rows[i].want_ms);
    }
}

// Whatever stands behind the text is not read.
static void stays_within_the_text(void **state)
{
    (void)state;
    const char *text = "try again in 300 seconds";
    int64_t got;
    for (size_t n = 0; n < strlen("try again in 300 s"); n++)
        assert_false(hint_find(slice_of(text, n), &got));
    assert_true(hint_find(slice_of(text, strlen("try again in 300 s")), &got));
    assert_int_equal(got, 300 * TIME_SECOND_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_hints),
        cmocka_unit_test(stays_within_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
