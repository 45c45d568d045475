// SPDX-License-Identifier: BSD-2-Clause
// What the modes ask of the scheduler: batches that somebody waits for.
#include "tests/unit/scheduler/world.h"

#define MIN TIME_MINUTE_MS

static int setup(void **state)
{
    *state = world_new();
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void expect_trace(struct world *w, const char *want)
{
    assert_string_equal(w->trace.p ? w->trace.p : "", want);
    buf_reset(&w->trace);
}

// A batch that somebody waits for starts where mail can go, and comes back at once where it cannot:
// while the destination rests, and when the rest begins.
static void waited_for_batches_do_not_wait_for_a_rest(void **state)
{
    struct world *w = *state;
    w->limit.connections = 1;
    w->only_if_open = true;
    world_break(w, 0, 4 * MIN, HOST_DOWN);
    world_accept(w, 0, 1);
    world_accept(w, 0, 1);
    assert_int_equal(w->discards, 0); // it waits for the first
    world_run(w, 100);
    assert_int_equal(w->discards, 1); // which has failed
    world_accept(w, 0, 1);
    assert_int_equal(w->discards, 2); // not even taken
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0.1 health d0.example failures=1\n");
    world_run(w, TIME_NEVER); // what came back is in the spool by then
    assert_int_equal(world_open_rows(w), 0);
}

// It is no probe either.
static void waited_for_batches_do_not_probe(void **state)
{
    struct world *w = *state;
    world_break(w, 0, 4 * MIN, HOST_DOWN);
    uint64_t first = world_accept(w, 0, 1);
    world_run(w, MIN);
    world_drop(w, world_row(w, first, 0)); // nothing is left that would be tried
    world_run(w, 10 * MIN);
    buf_reset(&w->trace);
    w->only_if_open = true;
    world_accept(w, 0, 1);
    assert_int_equal(w->discards, 1);
    world_run(w, 100);
    expect_trace(w, "660.001 probe 2.0+1 d0.example\n"); // read from the spool
    world_run(w, TIME_NEVER);
}

// An attempt that was cut short says nothing about its destination, be that open or not.
static void cut_short(void **state)
{
    struct world *w = *state;
    struct destination_view view;
    world_break(w, 0, 150, CUT_SHORT);
    world_accept(w, 0, 1);
    world_run(w, 110);
    assert_false(scheduler_destination(w->s, "d0.example", &view) &&
                 view.state != DESTINATION_OPEN);
    w->outage_count = 0;
    world_accept(w, 0, 1); // fails
    world_break(w, 0, 100, HOST_DOWN);
    world_run(w, 20);
    w->destinations[0].duration_ms = 200;
    world_accept(w, 0, 1); // is cut short while the destination rests
    w->outages[0].until_ms = w->now_ms + 100;
    world_break(w, 0, MIN, CUT_SHORT);
    world_run(w, MIN);
    assert_true(scheduler_destination(w->s, "d0.example", &view));
    assert_int_equal(view.state, DESTINATION_RESTING);
    assert_int_equal(view.failures, 1);
    w->outage_count = 0;
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(waited_for_batches_do_not_wait_for_a_rest),
        TEST(waited_for_batches_do_not_probe),
        TEST(cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
