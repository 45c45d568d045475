// SPDX-License-Identifier: BSD-2-Clause
// What comes from outside while the scheduler works: flushes, removals, new settings, a restart.
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

static void flush_ends_rests_and_tries_each_once(void **state)
{
    struct world *w = *state;
    w->limit.connections = 2;
    world_break(w, 0, 10 * MIN, HOST_DOWN);
    world_break(w, 1, 10 * MIN, DEFERS);
    for (int i = 0; i < 3; i++)
        world_accept(w, 0, 1);
    world_accept(w, 1, 1);
    world_run(w, MIN);
    buf_reset(&w->trace);
    world_flush(w, NULL); // still down: one probe; the other destination is tried once
    world_run(w, MIN);
    expect_trace(w, "60 probe 3.0+1 d0.example\n"
                    "60.001 start 4.0+1 d1.example\n"
                    "60.1 health d0.example failures=2\n");
    w->outage_count = 0;
    world_flush(w, NULL); // up again: everything goes
    world_run(w, MIN);
    expect_trace(w, "120.001 probe 1.0+1 d0.example\n"
                    "120.001 start 4.0+1 d1.example\n"
                    "120.101 health d0.example failures=0\n"
                    "120.101 start 2.0+1 d0.example\n"
                    "120.101 start 3.0+1 d0.example\n");
    assert_int_equal(world_open_rows(w), 0);
}

static void flush_of_a_domain_leaves_the_others(void **state)
{
    struct world *w = *state;
    world_break(w, 0, MIN, DEFERS);
    world_break(w, 1, MIN, DEFERS);
    world_accept(w, 0, 1);
    world_accept(w, 1, 1);
    world_run(w, MIN);
    buf_reset(&w->trace);
    world_flush(w, "d1.example");
    world_flush(w, "unknown.example");
    world_run(w, MIN);
    expect_trace(w, "60.001 start 2.0+1 d1.example\n");
}

static void flush_while_a_page_is_read_begins_again(void **state)
{
    struct world *w = *state;
    w->read_ms = 1000;
    world_store(w, 1, 0, 0, w->now_ms + 500);
    world_store(w, 2, 0, 0, w->now_ms + TIME_HOUR_MS);
    world_tell_domains(w);
    world_run(w, 700);
    world_flush(w, NULL);
    world_run(w, 10000);
    expect_trace(w, "1.5 start 1.0+1 d0.example\n"
                    "2.5 start 2.0+1 d0.example\n");
}

static void flush_goes_over_many_pages(void **state)
{
    struct world *w = *state;
    w->settings.page_size = 3;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    for (uint32_t i = 0; i < 50; i++)
        world_store(w, ++w->last_message, 0, 0, w->now_ms + 3 * MIN);
    world_tell_domains(w);
    world_break(w, 0, MIN, DEFERS);
    world_flush(w, NULL);
    world_run(w, 2 * MIN);
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(w->rows[i].starts, 1);
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

static void flush_of_a_domain_finds_mail_that_was_never_read(void **state)
{
    struct world *w = *state;
    w->destination_of[1] = 0;
    w->limit.connections = 1;
    world_accept(w, 0, 1);
    world_accept(w, 0, 1); // waits in the window while the rest begins
    world_break(w, 0, TIME_HOUR_MS, HOST_DOWN);
    world_run(w, 1000);
    world_accept(w, 1, 1); // comes while it rests
    buf_reset(&w->trace);
    world_flush(w, "d1.example");
    world_run(w, 1000);
    world_flush(w, "d0.example");
    world_run(w, 1000);
    expect_trace(w, "1 probe 2.0+1 d0.example\n"
                    "1.1 health d0.example failures=2\n"
                    "2 probe 3.0+1 d0.example\n"
                    "2.1 health d0.example failures=3\n");
}

static void flush_goes_on_after_new_settings(void **state)
{
    struct world *w = *state;
    w->settings.page_size = 3;
    w->limit.connections = 1;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    for (uint32_t i = 0; i < 50; i++)
        world_store(w, ++w->last_message, 0, 0, w->now_ms + TIME_DAY_MS);
    world_tell_domains(w);
    world_flush(w, NULL);
    world_run(w, 1000);
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    world_tell_domains(w);
    world_run(w, 2 * MIN);
    assert_int_equal(world_open_rows(w), 0);
}

static void dropped_recipients_are_left_out(void **state)
{
    struct world *w = *state;
    w->limit.connections = 1;
    world_accept(w, 0, 2); // under way
    world_accept(w, 0, 3);
    world_accept(w, 0, 1);
    world_drop(w, world_row(w, 1, 0)); // has no effect on what is under way
    assert_true(scheduler_is_active(w->s, 1, 0));
    world_drop(w, world_row(w, 2, 1));
    world_drop(w, world_row(w, 3, 0));
    assert_int_equal(w->discards, 1);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+2 d0.example\n"
                    "0.1 start 2.0+2 d0.example\n");
    assert_int_equal(world_open_rows(w), 0);
}

static void dropped_while_a_page_is_under_way(void **state)
{
    struct world *w = *state;
    w->read_ms = 100;
    world_store(w, 1, 0, 0, w->now_ms);
    world_store(w, 2, 0, 0, w->now_ms);
    world_tell_domains(w);
    world_drop(w, world_row(w, 1, 0)); // the page was read before and still holds it
    world_run(w, TIME_NEVER);
    expect_trace(w, "0.1 start 2.0+1 d0.example\n");
}

static void settle_without_attempt(struct world *w, const struct row *row, bool is_gone)
{
    struct sched_event e = {.kind = SCHED_SETTLED};
    e.settled.message = row->message;
    e.settled.n = row->n;
    e.settled.is_gone = is_gone;
    e.settled.domain = "d0.example";
    e.settled.destination = "d0.example";
    e.settled.next_attempt_ms = row->next_ms;
    world_feed(w, e);
}

static void claimed_recipients_are_not_started(void **state)
{
    struct world *w = *state;
    w->limit.connections = 1;
    world_accept(w, 0, 1);                                                   // under way
    world_accept(w, 0, 2);                                                   // waits
    struct row *stored = world_store(w, ++w->last_message, 0, 0, w->now_ms); // not read yet
    assert_false(scheduler_claim(w->s, 1, 0));
    assert_true(scheduler_claim(w->s, 2, 1));
    assert_false(scheduler_claim(w->s, 2, 1));
    assert_true(scheduler_claim(w->s, 3, 0));
    assert_true(scheduler_is_active(w->s, 3, 0));
    world_tell_domains(w);
    world_run(w, 1000);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0.1 start 2.0+1 d0.example\n");
    world_row(w, 2, 1)->is_gone = true; // it had grown too old
    settle_without_attempt(w, world_row(w, 2, 1), true);
    settle_without_attempt(w, stored, false); // nothing became of it: it is tried
    world_run(w, TIME_NEVER);
    expect_trace(w, "1.001 start 3.0+1 d0.example\n");
    assert_int_equal(world_open_rows(w), 0);
}

static void waking_ends_one_rest(void **state)
{
    struct world *w = *state;
    struct unhealthy rows[4];
    for (int d = 0; d < 2; d++) {
        world_break(w, d, MIN, HOST_DOWN);
        world_accept(w, d, 1);
        world_accept(w, d, 1);
    }
    world_run(w, 2 * MIN);
    buf_reset(&w->trace);
    assert_int_equal(scheduler_unhealthy(w->s, rows, COUNT(rows)), 2);
    assert_int_equal(rows[0].view.failures + rows[1].view.failures, 2);
    assert_int_equal(scheduler_unhealthy(w->s, rows, 1), 1);
    world_tell_domain(w, 1, w->now_ms);
    world_accept(w, 1, 1);
    struct sched_event e = {.kind = SCHED_WAKE};
    e.settled.destination = "d1.example";
    world_feed(w, e);
    e.settled.destination = "unknown.example";
    world_feed(w, e);
    world_run(w, 1000);
    expect_trace(w, "120 probe 5.0+1 d1.example\n"
                    "120.1 health d1.example failures=0\n");
}

static void new_settings_drop_the_windows(void **state)
{
    struct world *w = *state;
    w->limit.connections = 1;
    for (int i = 0; i < 3; i++)
        world_accept(w, 0, 1);
    w->limit.connections = 2;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    assert_int_equal(w->discards, 2);
    assert_true(scheduler_is_active(w->s, 1, 0));
    w->destination_of[0] = 5; // and another route
    world_tell_domains(w);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0.001 start 2.0+1 d5.example\n"
                    "0.001 start 3.0+1 d5.example\n");
    assert_int_equal(world_open_rows(w), 0);
}

static void new_settings_keep_the_health(void **state)
{
    struct world *w = *state;
    world_break(w, 0, 4 * MIN, HOST_DOWN);
    world_break(w, 1, 4 * MIN, WE_ARE_DOWN);
    world_accept(w, 0, 1);
    world_accept(w, 1, 1);
    world_run(w, 1000);
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    struct destination_view view;
    assert_true(scheduler_destination(w->s, "d0.example", &view));
    assert_int_equal(view.state, DESTINATION_RESTING);
    assert_int_equal(view.failures, 1);
    world_feed(w, (struct sched_event){.kind = SCHED_TIMER});
    assert_false(scheduler_destination(w->s, "d1.example", &view));
}

// A page asked for before is answered after: its end must not end the reading that follows.
static void new_settings_while_a_page_is_under_way(void **state)
{
    struct world *w = *state;
    w->read_ms = 100;
    for (uint32_t i = 0; i < 3; i++)
        world_store(w, ++w->last_message, 0, 0, w->now_ms);
    world_tell_domains(w);
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    world_tell_domains(w);
    assert_int_equal(w->reads_max, 1);
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
    assert_int_equal(w->destinations[0].starts, 3);
}

static void health_survives_a_restart(void **state)
{
    struct world *w = *state;
    struct outcome why;
    outcome_set(&why, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.4.1", "no route to host");
    struct sched_event e = {.kind = SCHED_HEALTH};
    e.health.name = "d0.example";
    e.health.failures = 3;
    e.health.since_ms = w->now_ms - TIME_HOUR_MS;
    e.health.last_probe_ms = w->now_ms - 10 * MIN;
    e.health.rest_until_ms = w->now_ms + 20 * MIN;
    e.health.why = &why;
    world_feed(w, e);
    e.health.name = "d1.example";
    e.health.rest_until_ms = w->now_ms - 1; // over while we were down
    world_feed(w, e);
    for (int d = 0; d < 3; d++)
        for (uint32_t n = 0; n < 2; n++)
            world_store(w, ++w->last_message, 0, d, w->now_ms - MIN);
    world_tell_domains(w);
    struct destination_view view;
    assert_true(scheduler_destination(w->s, "d0.example", &view));
    assert_int_equal(view.failures, 3);
    assert_string_equal(view.why->text, "no route to host");
    // A listing asks with every message: that must not cost memory until the next feed.
    const struct outcome *shown = view.why;
    assert_true(scheduler_destination(w->s, "d0.example", &view));
    assert_ptr_equal(view.why, shown);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0.001 probe 3.0+1 d1.example\n"
                    "0.001 start 5.0+1 d2.example\n"
                    "0.001 start 6.0+1 d2.example\n"
                    "0.101 health d1.example failures=0\n"
                    "0.101 start 4.0+1 d1.example\n"
                    "1200.001 probe 1.0+1 d0.example\n"
                    "1200.101 health d0.example failures=0\n"
                    "1200.101 start 2.0+1 d0.example\n");
}

// Attempts take no time here, so that a restart can lose none: the times are exactly the same.
static void restarts_do_not_change_the_times(void **state)
{
    struct world *w = *state, *undisturbed = world_new();
    struct world *both[] = {w, undisturbed};
    for (size_t i = 0; i < COUNT(both); i++) {
        both[i]->read_ms = both[i]->settle_ms = both[i]->destinations[0].duration_ms = 0;
        world_break(both[i], 0, TIME_DAY_MS, HOST_DOWN);
        world_accept(both[i], 0, 1);
    }
    uint64_t seed = 7;
    for (int i = 0; i < 1000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        world_run(w, (int64_t)(seed >> 33) % (3 * MIN));
        world_restart(w);
    }
    world_run(w, TIME_NEVER);
    world_run(undisturbed, TIME_NEVER);
    const struct world_destination *a = &w->destinations[0], *b = &undisturbed->destinations[0];
    assert_int_equal(a->attempt_count, b->attempt_count);
    assert_memory_equal(a->attempts_ms, b->attempts_ms,
                        a->attempt_count * sizeof a->attempts_ms[0]);
    assert_int_equal(world_open_rows(w), 0);
    world_free(undisturbed);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(flush_ends_rests_and_tries_each_once),
        TEST(flush_of_a_domain_leaves_the_others),
        TEST(flush_while_a_page_is_read_begins_again),
        TEST(flush_goes_over_many_pages),
        TEST(flush_of_a_domain_finds_mail_that_was_never_read),
        TEST(flush_goes_on_after_new_settings),
        TEST(dropped_recipients_are_left_out),
        TEST(dropped_while_a_page_is_under_way),
        TEST(claimed_recipients_are_not_started),
        TEST(waking_ends_one_rest),
        TEST(new_settings_drop_the_windows),
        TEST(new_settings_keep_the_health),
        TEST(new_settings_while_a_page_is_under_way),
        TEST(health_survives_a_restart),
        TEST(restarts_do_not_change_the_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
