// SPDX-License-Identifier: BSD-2-Clause
// Which things make a line together, and how it reads.
#include "core/time.h"
#include "simulate/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void expect(struct timeline *t, const char *want)
{
    struct buf got;
    buf_init(&got, 64 * 1024);
    timeline_end(t);
    timeline_text(t, &got);
    assert_string_equal(buf_slice(&got).p, want);
    buf_close(&got);
    timeline_close(t);
}

static void test_gaps(void **state)
{
    (void)state;
    struct timeline t = {0};
    for (int i = 0; i < 3; i++) // less than a minute apart: one line, however long
        timeline_add(&t, TIMELINE_DELIVERED, "a", "", i * 59 * TIME_SECOND_MS, 0);
    timeline_add(&t, TIMELINE_DELIVERED, "b", "", 1000, 0);
    timeline_add(&t, TIMELINE_DELIVERED, "a", "", 178 * TIME_SECOND_MS, 0);
    expect(&t, "+00:00:00 a 3 delivered in 1m58s\n"
               "+00:00:01 b 1 delivered\n"
               "+00:02:58 a 1 delivered\n");
}

static void test_reasons_differ(void **state)
{
    (void)state;
    struct timeline t = {0};
    timeline_add(&t, TIMELINE_DEFERRED, "a", "450 later", 0, 0);
    timeline_add(&t, TIMELINE_DEFERRED, "a", "452 full", 0, 0);
    timeline_add(&t, TIMELINE_DEFERRED, "a", "450 later", 2000, 0);
    expect(&t, "+00:00:00 a 2 deferred in 2 s: 450 later\n"
               "+00:00:00 a 1 deferred: 452 full\n");
}

static void test_outage(void **state)
{
    (void)state;
    struct timeline t = {0};
    timeline_add(&t, TIMELINE_DEFERRED, "a", "refused", 0, 0); // known before the rest is
    timeline_add(&t, TIMELINE_RESTS, "a", "refused", 1, 5 * TIME_MINUTE_MS);
    timeline_add(&t, TIMELINE_DEFERRED, "a", "refused", 2, 0);
    timeline_add(&t, TIMELINE_PROBE_FAILED, "a", "refused", 5 * TIME_MINUTE_MS,
                 20 * TIME_MINUTE_MS);
    timeline_add(&t, TIMELINE_DEFERRED, "a", "refused", 5 * TIME_MINUTE_MS, 0);
    timeline_add(&t, TIMELINE_DELIVERED, "a", "", 20 * TIME_MINUTE_MS, 0);
    timeline_add(&t, TIMELINE_ANSWERS, "a", "", 20 * TIME_MINUTE_MS, 0);
    timeline_add(&t, TIMELINE_DELIVERED, "a", "", 20 * TIME_MINUTE_MS + 3000, 0);
    timeline_add(&t, TIMELINE_ANSWERS, "b", "", TIME_HOUR_MS, 0);
    expect(&t, "+00:00:00 a fails: refused; 2 deferred, next probe +00:05:00\n"
               "+00:05:00 a probe failed: refused; 1 deferred, next probe +00:20:00\n"
               "+00:20:00 a answers again: 2 delivered in 3 s\n"
               "+01:00:00 b answers again\n");
}

static void test_kinds(void **state)
{
    (void)state;
    struct timeline t = {0};
    timeline_add(&t, TIMELINE_RETURNED, "", "", TIME_DAY_MS, 0); // out of order: sorted
    for (int i = 0; i < 2; i++)
        timeline_add(&t, TIMELINE_WARNED, "", "", 4 * TIME_HOUR_MS, 0);
    timeline_add(&t, TIMELINE_ACCEPTED, "a", "", 0, 0);
    timeline_add(&t, TIMELINE_TURNED_AWAY, "a", "452 no room", 0, 0);
    timeline_add(&t, TIMELINE_REFUSED, "a", "550 no", 0, 0);
    timeline_add(&t, TIMELINE_GAVE_UP, "a", "too old", TIME_DAY_MS, 0);
    timeline_add(&t, TIMELINE_NOTICES, "b", "", TIME_DAY_MS, 0);
    expect(&t, "+00:00:00 a 1 message accepted\n"
               "+00:00:00 a 1 turned away: 452 no room\n"
               "+00:00:00 a 1 refused for good: 550 no\n"
               "+04:00:00 2 warnings to senders\n"
               "+1d00:00:00 1 message returned to senders\n"
               "+1d00:00:00 a 1 given up: too old\n"
               "+1d00:00:00 b 1 notice delivered\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_reasons_differ),
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
