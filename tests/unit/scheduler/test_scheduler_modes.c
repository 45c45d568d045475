// SPDX-License-Identifier: BSD-2-Clause
// What the modes ask of the scheduler: batches that somebody waits for, and nothing but flushes.
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

static void be_manual(struct world *w, bool is_manual)
{
    w->settings.is_manual = is_manual;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    world_tell_domains(w);
}

static void flush_domain(struct world *w, int domain, bool is_marked)
{
    char name[32];
    struct sched_event e = {.kind = SCHED_FLUSH};
    snprintf(name, sizeof name, "d%d.example", domain);
    e.flush.domain = name;
    e.flush.destination = w->destinations[w->destination_of[domain]].name;
    e.flush.is_marked = is_marked;
    world_feed(w, e);
}

// One recipient, as the spool and the pipeline do it.
static void flush_one(struct world *w, uint64_t message)
{
    struct row *row = world_row(w, message, 0);
    row->next_ms = scheduler_mark(w->now_ms);
    flush_domain(w, row->domain, true);
}

static void manual_nothing_by_itself(void **state)
{
    struct world *w = *state;
    world_store(w, 100, 0, 0, w->now_ms - MIN);
    world_store(w, 101, 0, 1, w->now_ms + MIN);
    be_manual(w, true);
    world_accept(w, 0, 2);
    world_accept(w, 2, 1);
    world_run(w, TIME_DAY_MS);
    expect_trace(w, "");
    assert_int_equal(w->read_total, 0);
    assert_int_equal(w->bodies, 0);
    assert_int_equal(scheduler_deadline(w->s), TIME_NEVER);
    be_manual(w, false); // and back, at once
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

static void manual_flush_tries_each_once(void **state)
{
    struct world *w = *state;
    be_manual(w, true);
    world_break(w, 0, MIN, DEFERS);
    for (int i = 0; i < 2; i++)
        world_accept(w, 0, 1);
    world_accept(w, 1, 1);
    flush_domain(w, 0, false);
    world_run(w, TIME_DAY_MS);
    expect_trace(w, "0.001 start 1.0+1 d0.example\n"
                    "0.001 start 2.0+1 d0.example\n");
    flush_domain(w, 0, false);
    world_run(w, TIME_DAY_MS);
    expect_trace(w, "86400.001 start 1.0+1 d0.example\n"
                    "86400.001 start 2.0+1 d0.example\n");
    assert_int_equal(world_open_rows(w), 1);
}

// The probe fails: nothing else is tried, and nothing comes back by itself. The next flush tries
// what it names, and its success releases nothing else.
static void manual_flush_ends_where_the_host_fails(void **state)
{
    struct world *w = *state;
    be_manual(w, true);
    w->limit.connections = 1;
    world_break(w, 0, MIN, HOST_DOWN);
    for (int i = 0; i < 3; i++)
        world_accept(w, 0, 1);
    flush_domain(w, 0, false);
    world_run(w, TIME_DAY_MS);
    expect_trace(w, "0.001 start 1.0+1 d0.example\n"
                    "0.101 health d0.example failures=1\n");
    flush_one(w, 3);
    world_run(w, TIME_DAY_MS);
    expect_trace(w, "86400.001 probe 3.0+1 d0.example\n"
                    "86400.101 health d0.example failures=0\n");
    assert_int_equal(world_open_rows(w), 2);
    assert_int_equal(w->bodies, 0);
}

// What an earlier flush had picked and not come to is not taken along.
static void manual_marks_of_earlier_flushes(void **state)
{
    struct world *w = *state;
    be_manual(w, true);
    w->limit.connections = 1;
    world_break(w, 0, MIN, HOST_DOWN);
    for (int i = 0; i < 3; i++)
        world_accept(w, 0, 1);
    flush_one(w, 1);
    flush_one(w, 2);
    world_run(w, MIN);
    expect_trace(w, "0.001 start 1.0+1 d0.example\n"
                    "0.101 health d0.example failures=1\n");
    flush_one(w, 3);
    world_run(w, TIME_DAY_MS);
    expect_trace(w, "60.001 probe 3.0+1 d0.example\n"
                    "60.101 health d0.example failures=0\n");
    flush_one(w, 2);
    world_run(w, TIME_DAY_MS);
    expect_trace(w, "86460.001 start 2.0+1 d0.example\n");
    be_manual(w, false); // there a mark is a time long past
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

// Marks come while pages are read, and between them.
static void manual_marks_while_reading(void **state)
{
    struct world *w = *state;
    be_manual(w, true);
    w->settings.page_size = 2;
    be_manual(w, true);
    w->read_ms = 10;
    w->limit.connections = 1;
    for (int i = 0; i < 12; i++)
        world_accept(w, 0, 1);
    for (uint64_t message = 1; message <= 10; message++) {
        flush_one(w, message);
        world_run(w, 7);
    }
    w->read_failures = 1;
    world_run(w, TIME_HOUR_MS);
    for (uint64_t message = 1; message <= 12; message++)
        assert_int_equal(world_row(w, message, 0)->starts, message <= 10);
    assert_int_equal(world_open_rows(w), 2);
}

// A flush of everything goes on over pages, marks, failed reads and new settings.
static void manual_flush_of_many(void **state)
{
    struct world *w = *state;
    w->settings.page_size = 5;
    be_manual(w, true);
    for (int i = 0; i < 100; i++)
        world_accept(w, i % 3, 1);
    for (int domain = 0; domain < 3; domain++)
        flush_domain(w, domain, false);
    world_run(w, 50);
    w->read_failures = 2;
    flush_one(w, 100);
    be_manual(w, true);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_open_rows(w), 0);
    for (uint64_t message = 1; message <= 100; message++)
        assert_int_equal(world_row(w, message, 0)->starts, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(waited_for_batches_do_not_wait_for_a_rest),
        TEST(waited_for_batches_do_not_probe),
        TEST(cut_short),
        TEST(manual_nothing_by_itself),
        TEST(manual_flush_tries_each_once),
        TEST(manual_flush_ends_where_the_host_fails),
        TEST(manual_marks_of_earlier_flushes),
        TEST(manual_marks_while_reading),
        TEST(manual_flush_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
