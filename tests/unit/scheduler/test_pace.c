// SPDX-License-Identifier: BSD-2-Clause
// How many at once, and how fast: growing, halving, giving up, and rates.
#include "core/time.h"
#include "scheduler/pace.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct pace make(uint32_t connections, uint32_t count, int64_t ms)
{
    struct pace p = {0};
    pace_set_limit(
        &p, &(struct limit_rule){.connections = connections, .rate_count = count, .rate_ms = ms});
    return p;
}

// A round: as many attempts as are allowed, all of them well.
static void round_of_success(struct pace *p)
{
    for (uint32_t n = p->allowed; n > 0; n--)
        pace_success(p);
}

static void doubles_with_each_round(void **state)
{
    (void)state;
    struct pace p = make(100, 0, 0);
    uint32_t want[] = {5, 10, 20, 40, 80, 100, 100};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_int_equal(p.allowed, want[i]);
        round_of_success(&p);
    }
    assert_true(pace_has_room(&p, 99));
    assert_false(pace_has_room(&p, 100));
}

static void small_limits_hold_from_the_start(void **state)
{
    (void)state;
    struct pace p = make(1, 0, 0);
    assert_false(pace_has_room(&p, 1));
    assert_true(pace_has_room(&p, 0));
    p = make(100, 0, 0);
    round_of_success(&p);
    pace_set_limit(&p, &(struct limit_rule){.connections = 3}); // a reload
    assert_int_equal(p.allowed, 3);
    pace_set_limit(&p, &(struct limit_rule){.connections = 9});
    assert_int_equal(p.allowed, 3);
}

static void halves_once_for_one_thing_and_grows_slowly_then(void **state)
{
    (void)state;
    struct pace p = make(40, 0, 0);
    struct pace_mark marks[4];
    for (int i = 0; i < 4; i++)
        round_of_success(&p); // 40
    for (int i = 0; i < 4; i++)
        pace_started(&p, 1000, &marks[i]);
    pace_success(&p);
    assert_true(pace_lower(&p, &marks[0], 0));
    assert_int_equal(p.allowed, 20);
    assert_true(pace_lower(&p, &marks[1], 0)); // began before: known already
    assert_int_equal(p.allowed, 20);
    pace_started(&p, 1000, &marks[2]);
    pace_success(&p);
    pace_slow_down(&p, &marks[2]);
    assert_int_equal(p.allowed, 10);
    round_of_success(&p);
    assert_int_equal(p.allowed, 11);
    while (p.allowed < 40)
        round_of_success(&p);
    pace_success(&p);
    assert_false(p.is_careful);
}

static void gives_up_when_nothing_works(void **state)
{
    (void)state;
    struct pace p = make(20, 0, 0);
    struct pace_mark mark;
    pace_started(&p, 1000, &mark);
    assert_false(pace_lower(&p, &mark, 0)); // the only one, and nobody succeeded meanwhile
    round_of_success(&p);
    round_of_success(&p); // 20
    pace_started(&p, 1000, &mark);
    pace_success(&p);
    int failures = 1;
    while (pace_lower(&p, &mark, 0))
        failures++;
    assert_int_equal(failures, 11); // 10 were allowed after the first
    pace_begin_again(&p);
    assert_int_equal(p.allowed, PACE_AGAIN);
    p = make(1, 0, 0);
    pace_started(&p, 1000, &mark);
    pace_success(&p);
    assert_true(pace_lower(&p, &mark, 0)); // less than one is none, but it works
    assert_int_equal(p.allowed, 1);
    pace_started(&p, 1000, &mark);
    assert_false(pace_lower(&p, &mark, 0));
}

// A host that takes five conversations and no more: it is found out, and then left at that.
static void keeps_to_what_was_right(void **state)
{
    (void)state;
    struct pace p = make(20, 0, 0);
    struct pace_mark mark;
    uint32_t refusals = 0, successes = 0;
    while (successes < 2000) {
        pace_started(&p, 1000, &mark);
        if (p.allowed > 5) {
            assert_true(pace_lower(&p, &mark, 4)); // which go on, though none has succeeded since
            refusals++;
        }
        for (uint32_t i = 0, n = p.allowed; i < n; i++, successes++)
            pace_success(&p);
    }
    assert_in_range(refusals, 5, 15);
    assert_in_range(p.allowed, 4, 6);
    while (p.allowed < 20) // now it takes more: that is found out, too
        pace_success(&p);
}

static void rates_space_beginnings(void **state)
{
    (void)state;
    struct pace p = make(20, 100, TIME_MINUTE_MS);
    struct pace_mark mark;
    int64_t now = 10 * TIME_MINUTE_MS, begun = 0;
    assert_int_equal(pace_next_ms(&p), 0);
    for (int64_t at = now; at < now + TIME_MINUTE_MS; at++)
        if (pace_next_ms(&p) <= at) {
            pace_started(&p, at, &mark);
            begun++;
        }
    assert_int_equal(begun, 100);
    now += TIME_HOUR_MS; // what was not used is not saved up
    pace_started(&p, now, &mark);
    assert_int_equal(pace_next_ms(&p), now + 600);
    assert_int_equal(pace_turn_ms(&p, 0, now), now + 600);
    assert_int_equal(pace_turn_ms(&p, 10, now), now + 6600);
    assert_int_equal(pace_turn_ms(&p, 10, now + TIME_HOUR_MS), now + TIME_HOUR_MS + 6000);
    pace_set_limit(&p, &(struct limit_rule){.connections = 20});
    assert_int_equal(pace_next_ms(&p), 0);
    assert_int_equal(pace_turn_ms(&p, 10, now), 0);
}

static void rates_above_one_a_millisecond(void **state)
{
    (void)state;
    struct pace p = make(20, 5000, TIME_SECOND_MS);
    struct pace_mark mark;
    int64_t now = TIME_HOUR_MS;
    int begun = 0;
    for (; pace_next_ms(&p) <= now; begun++)
        pace_started(&p, now, &mark);
    assert_int_equal(begun, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_with_each_round),
        cmocka_unit_test(small_limits_hold_from_the_start),
        cmocka_unit_test(halves_once_for_one_thing_and_grows_slowly_then),
        cmocka_unit_test(gives_up_when_nothing_works),
        cmocka_unit_test(keeps_to_what_was_right),
        cmocka_unit_test(rates_space_beginnings),
        cmocka_unit_test(rates_above_one_a_millisecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
