// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/plan: whole answers against tests/golden/plan-*, and the times in them.
#include "control/plan.h"
#include "core/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/golden.h"

#define NOW INT64_C(1795300800000) // 2026-11-21T22:40:00Z

static const struct plan_row rows[] = {
    {.destination = "smtp://relay.example:25",
     .recipients = 1250,
     .first_ms = NOW - TIME_HOUR_MS,
     .last_ms = NOW + 14 * TIME_MINUTE_MS,
     .hold = {.kind = WHY_RATE, .until_ms = NOW + TIME_SECOND_MS},
     .rate_count = 100,
     .rate_ms = TIME_MINUTE_MS,
     .connections = 20},
    {.destination = "example.com",
     .recipients = 40,
     .first_ms = NOW,
     .last_ms = NOW + 50 * TIME_MINUTE_MS,
     .hold = {.kind = WHY_RESTING,
              .until_ms = NOW + 5 * TIME_MINUTE_MS,
              .failures = 2,
              .reason = "connect: \x1b refused"},
     .connections = 20},
    {.destination = "a-domain-with-quite-a-long-name.example",
     .recipients = 6,
     .first_ms = NOW + TIME_MINUTE_MS,
     .last_ms = NOW + TIME_MINUTE_MS,
     .hold = {.kind = WHY_TURN},
     .connections = 5},
    {.destination = "example.net",
     .recipients = 7,
     .first_ms = NOW,
     .last_ms = NOW,
     .hold = {.kind = WHY_SUSPENDED, .until_ms = TIME_NEVER, .reason = "their request"},
     .rate_count = 1,
     .rate_ms = TIME_HOUR_MS,
     .connections = 20},
};

static void compare(const char *file, const struct plan *p, bool is_json)
{
    struct buf got;
    buf_init(&got, 64 * 1024);
    if (is_json)
        plan_json(p, &got);
    else
        plan_format(p, &got);
    golden_check(file, buf_slice(&got));
    buf_close(&got);
}

static void whole_answers(void **state)
{
    (void)state;
    const struct plan p = {.now_ms = NOW,
                           .for_ms = TIME_HOUR_MS,
                           .utc_offset_s = 3600,
                           .rows = rows,
                           .row_count = 4,
                           .recipients = 1303,
                           .destinations = 5,
                           .note = "the daemon is stopping"};
    const struct plan empty = {.now_ms = NOW, .for_ms = TIME_DAY_MS};
    compare("plan.txt", &p, false);
    compare("plan.json", &p, true);
    compare("plan-empty.txt", &empty, false);
    compare("plan-empty.json", &empty, true);
}

static void times(void **state)
{
    (void)state;
    assert_int_equal(plan_first(&rows[0]), NOW + TIME_SECOND_MS);
    assert_int_equal(plan_last(&rows[0], NOW), NOW + 14 * TIME_MINUTE_MS);
    assert_int_equal(plan_takes(&rows[0]), 12 * TIME_MINUTE_MS + 30 * TIME_SECOND_MS);
    assert_int_equal(plan_first(&rows[1]), NOW + 5 * TIME_MINUTE_MS);
    assert_int_equal(plan_last(&rows[1], NOW), NOW + 50 * TIME_MINUTE_MS);
    assert_int_equal(plan_takes(&rows[1]), 0);
    assert_int_equal(plan_last(&rows[2], NOW), NOW + TIME_MINUTE_MS);
    assert_int_equal(plan_first(&rows[3]), TIME_NEVER);
    assert_int_equal(plan_last(&rows[3], NOW), TIME_NEVER);
    struct plan_row due = rows[0];
    due.hold.kind = WHY_TURN; // the first begins now, and 1,249 more, 600 ms each
    due.last_ms = NOW;
    assert_int_equal(plan_last(&due, NOW), NOW + 749400);
    due.first_ms = NOW + TIME_MINUTE_MS;
    assert_int_equal(plan_last(&due, NOW), NOW + TIME_MINUTE_MS + 749400);
    struct plan_row rests = rows[3]; // longer than the suspension, and shorter
    rests.rate_count = 0;
    rests.hold.until_ms = NOW + TIME_MINUTE_MS;
    rests.rest_until_ms = NOW + TIME_HOUR_MS;
    assert_int_equal(plan_first(&rests), NOW + TIME_HOUR_MS);
    rests.hold.until_ms = NOW + TIME_DAY_MS;
    assert_int_equal(plan_first(&rests), NOW + TIME_DAY_MS);
    struct plan_row on_flush = rows[2];
    on_flush.hold.kind = WHY_ON_FLUSH;
    assert_int_equal(plan_first(&on_flush), TIME_NEVER);
    assert_int_equal(plan_last(&on_flush, NOW), TIME_NEVER);
    struct plan_row slow = {.recipients = UINT64_MAX, .rate_count = 1, .rate_ms = TIME_DAY_MS};
    assert_int_equal(plan_takes(&slow), TIME_NEVER);
    assert_int_equal(plan_last(&slow, NOW), TIME_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_answers),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
