// SPDX-License-Identifier: BSD-2-Clause
// The scheduler in a world of virtual time: what is started when, as traces.
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

static void counts(struct world *w, struct scheduler_counts *ret)
{
    scheduler_count(w->s, ret);
}

static void fresh_mail_goes_at_once(void **state)
{
    struct world *w = *state;
    world_accept(w, 0, 1);
    world_accept(w, 1, 2);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0 start 2.0+2 d1.example\n");
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
    assert_int_equal(w->read_total, 0); // fresh mail is never read back
    expect_trace(w, "");
    world_feed(w, (struct sched_event){.kind = SCHED_TIMER});
    struct scheduler_counts c;
    counts(w, &c);
    assert_int_equal(c.destinations + c.domains + c.running + c.window_rcpts, 0);
    assert_int_equal(scheduler_deadline(w->s), TIME_NEVER);
}

static void due_mail_is_read_when_its_time_comes(void **state)
{
    struct world *w = *state;
    world_store(w, 1, 0, 0, w->now_ms + 60000);
    world_store(w, 2, 0, 0, w->now_ms - 999999999); // long overdue, as after a jump of the clock
    world_tell_domains(w);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0.001 start 2.0+1 d0.example\n"
                    "60.001 start 1.0+1 d0.example\n");
    assert_int_equal(world_open_rows(w), 0);
}

static void deferred_mail_comes_back_by_its_own_time(void **state)
{
    struct world *w = *state;
    world_break(w, 0, 6 * MIN, DEFERS);
    world_accept(w, 0, 1);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "300.101 start 1.0+1 d0.example\n"
                    "600.202 start 1.0+1 d0.example\n");
}

// The wait begins when the attempt has failed, a second after it began.
static void outage_is_probed_by_the_schedule(void **state)
{
    struct world *w = *state;
    struct world_destination *d = &w->destinations[0];
    d->duration_ms = 1000;
    w->read_ms = 0;
    world_break(w, 0, 6 * TIME_DAY_MS, HOST_DOWN);
    world_accept(w, 0, 1);
    for (int i = 0; i < 50; i++) { // arriving all the time, and never tried while it rests
        world_run(w, 3 * TIME_HOUR_MS - 7 * MIN);
        world_accept(w, 0, 1);
    }
    int64_t begin_ms = d->attempts_ms[0];
    world_run(w, begin_ms + 6 * TIME_DAY_MS - w->now_ms);
    int64_t want_ms = begin_ms;
    static const int64_t first_waits[] = {5 * MIN, 15 * MIN};
    uint32_t i = 0;
    for (; want_ms + 1000 < begin_ms + 6 * TIME_DAY_MS; i++) {
        assert_int_equal(d->attempts_ms[i], want_ms);
        want_ms += 1000 + (i < COUNT(first_waits) ? first_waits[i] : 30 * MIN);
    }
    assert_in_range(d->attempt_count, i, i + 1);
    struct destination_view view;
    assert_true(scheduler_destination(w->s, "d0.example", &view));
    assert_int_equal(view.failures, i);
    assert_int_equal(view.since_ms, begin_ms + 1000);
    assert_string_equal(view.why->text, "connect to d0.example: refused");
    assert_int_equal(d->stored_failures, i);
    assert_int_equal(d->stored_since_ms, view.since_ms);
    assert_int_equal(d->stored_last_probe_ms, view.last_probe_ms);
    assert_int_equal(d->stored_rest_until_ms, view.rest_until_ms);
    world_run(w, TIME_NEVER); // and when it answers again, everything goes within one rest
    assert_int_equal(world_open_rows(w), 0);
    assert_true(w->now_ms <= want_ms + MIN);
    assert_int_equal(d->stored_failures, 0);
}

static void success_of_the_probe_releases_everything(void **state)
{
    struct world *w = *state;
    w->limit.connections = 3;
    world_break(w, 0, 4 * MIN, HOST_DOWN);
    for (int i = 0; i < 5; i++)
        world_accept(w, 0, 1);
    world_run(w, TIME_NEVER);
    // Three fail together and count once (D4); two wait without being tried (D3); the one that
    // waits longest is the probe; then all go, two at first and three as that works.
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0 start 2.0+1 d0.example\n"
                    "0 start 3.0+1 d0.example\n"
                    "0.1 health d0.example failures=1\n"
                    "300.1 probe 4.0+1 d0.example\n"
                    "300.2 health d0.example failures=0\n"
                    "300.2 start 5.0+1 d0.example\n"
                    "300.201 start 1.0+1 d0.example\n"
                    "300.3 start 2.0+1 d0.example\n"
                    "300.3 start 3.0+1 d0.example\n");
    assert_int_equal(world_open_rows(w), 0);
}

static void late_failures_of_an_outage_do_not_bring_it_back(void **state)
{
    struct world *w = *state;
    struct world_destination *d = &w->destinations[0];
    world_break(w, 0, 4 * MIN, HOST_DOWN);
    d->duration_ms = 6 * MIN; // will hang until long after the probe has succeeded
    uint64_t slow = world_accept(w, 0, 1);
    d->duration_ms = 100;
    world_accept(w, 0, 1);
    world_run(w, 5 * MIN + 30000);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0 start 2.0+1 d0.example\n"
                    "0.1 health d0.example failures=1\n"
                    "300.101 probe 2.0+1 d0.example\n"
                    "300.201 health d0.example failures=0\n");
    world_break(w, 0, MIN, HOST_DOWN);
    world_run(w, MIN); // the slow one ends with a failure: of the old outage (D4)
    struct destination_view view = {.failures = 77};
    if (scheduler_destination(w->s, d->name, &view))
        assert_int_equal(view.failures, 0);
    assert_false(world_row(w, slow, 0)->is_gone);
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

static void our_own_failure_rests_a_minute_and_counts_nothing(void **state)
{
    struct world *w = *state;
    world_break(w, 0, 90000, WE_ARE_DOWN);
    world_accept(w, 0, 1);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "60.101 probe 1.0+1 d0.example\n"
                    "120.202 probe 1.0+1 d0.example\n"); // no health is stored
}

static void local_failure_of_a_probe_keeps_the_failures(void **state)
{
    struct world *w = *state;
    world_break(w, 0, 4 * MIN, HOST_DOWN);
    world_accept(w, 0, 1);
    world_run(w, 4 * MIN);
    world_break(w, 0, 2 * MIN, WE_ARE_DOWN);
    world_run(w, 75000);
    struct destination_view view;
    assert_true(scheduler_destination(w->s, "d0.example", &view));
    assert_int_equal(view.state, DESTINATION_RESTING);
    assert_int_equal(view.failures, 1);
    assert_int_equal(view.rest_until_ms, 1000000000 + 360201);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0.1 health d0.example failures=1\n"
                    "300.101 probe 1.0+1 d0.example\n"
                    "360.202 probe 1.0+1 d0.example\n"
                    "360.302 health d0.example failures=0\n");
}

static void destinations_take_turns(void **state)
{
    struct world *w = *state;
    w->settings.batches_max = 2;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    for (int d = 0; d < 3; d++)
        for (uint32_t i = 0; i < 1000; i++)
            world_store(w, ++w->last_message, 0, d, w->now_ms);
    world_tell_domains(w);
    world_run(w, 10); // the first page to arrive takes what is free; from here all have mail
    uint32_t before[3];
    for (int d = 0; d < 3; d++)
        before[d] = w->destinations[d].starts;
    while (w->destinations[0].starts < 990) {
        world_run(w, 10);
        for (int d = 0; d < 2; d++) { // D2
            uint32_t a = w->destinations[d].starts - before[d];
            uint32_t b = w->destinations[d + 1].starts - before[d + 1];
            assert_true(a <= b + 1 && b <= a + 1);
        }
    }
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
    assert_int_equal(w->running_max, 2);
}

// D11. Nine of ten hang; the tenth keeps its rate, and one that is new comes when one of the nine
// is given up.
static void hosts_that_hang_leave_room_for_one_that_answers(void **state)
{
    struct world *w = *state;
    w->settings.batches_max = 5;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    world_accept(w, 0, 1);
    world_run(w, 1000);
    assert_int_equal(w->destinations[0].starts, 1);
    for (int i = 0; i < 50; i++) // so it is not forgotten before the others have come
        world_accept(w, 0, 1);
    for (int d = 1; d < WORLD_DOMAINS; d++) {
        w->destinations[d].duration_ms = TIME_HOUR_MS;
        world_accept(w, d, 1);
    }
    world_run(w, 60 * 1000);
    assert_int_equal(w->destinations[0].starts, 51);
    assert_int_equal(w->running, 4);
    assert_true(scheduler_is_crowded(w->s));
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
    assert_false(scheduler_is_crowded(w->s));
}

static void a_flood_for_one_leaves_room_for_the_others(void **state)
{
    struct world *w = *state;
    w->settings.window_rcpts_max = 400;
    w->settings.page_size = 20;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    w->destinations[0].duration_ms = TIME_HOUR_MS;
    for (int i = 0; i < 1000; i++)
        world_accept(w, 0, 1);
    assert_int_equal(w->destinations[0].starts, PACE_FIRST); // and none has succeeded yet
    struct scheduler_counts c;
    counts(w, &c);
    assert_in_range(c.window_rcpts, 150, 250);
    for (int i = 0; i < 20; i++) // fresh for another
        world_accept(w, 1, 1);
    for (uint32_t i = 0; i < 100; i++) // and out of the spool for a third
        world_store(w, ++w->last_message, 0, 2, w->now_ms);
    world_tell_domains(w);
    world_run(w, 5000);
    assert_int_equal(w->destinations[1].starts, 20);
    assert_int_equal(w->destinations[2].starts, 100);
}

static void resting_destinations_do_not_fill_the_windows(void **state)
{
    struct world *w = *state;
    w->settings.window_rcpts_max = 100;
    w->settings.page_size = 20;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    for (int d = 0; d < 15; d++) {
        world_break(w, d, TIME_HOUR_MS, HOST_DOWN);
        world_accept(w, d, 1);
    }
    world_run(w, 1000);
    for (int i = 0; i < 50; i++)
        for (int d = 0; d < 15; d++)
            world_accept(w, d, 1);
    struct scheduler_counts c;
    counts(w, &c);
    assert_int_equal(c.resting, 15);
    assert_in_range(c.window_rcpts, 20, 50);
    for (int i = 0; i < 60; i++)
        world_accept(w, 15, 1);
    world_run(w, 5000);
    assert_int_equal(w->destinations[15].starts, 60);
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

static void old_mail_is_read_although_fresh_mail_keeps_coming(void **state)
{
    struct world *w = *state;
    w->settings.window_rcpts_max = 400;
    w->settings.page_size = 20;
    w->limit.connections = 1;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    for (uint32_t i = 0; i < 100; i++)
        world_store(w, ++w->last_message, 0, 0, w->now_ms);
    world_tell_domains(w);
    for (int i = 0; i < 600; i++) { // twice what the host can take
        world_accept(w, 0, 1);
        world_run(w, 50);
    }
    uint32_t old = 0;
    for (uint32_t i = 0; i < 100; i++)
        old += w->rows[i].is_gone;
    assert_in_range(old, 60, 100); // their half
}

// A destination that failed, and whose mail has gone since, is remembered for a day.
static void what_failed_long_ago_is_forgotten(void **state)
{
    struct world *w = *state;
    world_break(w, 0, TIME_HOUR_MS, HOST_DOWN);
    world_accept(w, 0, 1);
    world_run(w, TIME_MINUTE_MS);
    world_drop(w, &w->rows[0]);
    static const struct {
        int64_t after_ms;
        uint32_t destinations;
    } steps[] = {{6 * TIME_HOUR_MS, 1}, {16 * TIME_HOUR_MS, 1}, {4 * TIME_HOUR_MS, 0}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct scheduler_counts c;
        int64_t until_ms = w->now_ms + steps[i].after_ms;
        world_run(w, steps[i].after_ms);
        w->now_ms = until_ms;
        world_feed(w, (struct sched_event){.kind = SCHED_TIMER});
        world_feed(w, (struct sched_event){.kind = SCHED_TIMER}); // what is idle goes with the next
        counts(w, &c);
        assert_int_equal(c.destinations, steps[i].destinations);
        assert_int_equal(c.domains, 0);
    }
    world_accept(w, 0, 1); // and begins anew
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

static void a_beginning_rest_empties_the_window(void **state)
{
    struct world *w = *state;
    w->limit.connections = 1;
    w->settings.page_size = 10;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    for (int i = 0; i < 50; i++)
        world_accept(w, 0, 1);
    world_break(w, 0, 4 * MIN, HOST_DOWN);
    world_run(w, 1000);
    struct scheduler_counts c;
    counts(w, &c);
    assert_int_equal(c.window_rcpts, 10);
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

static void a_probe_reads_one_page(void **state)
{
    struct world *w = *state;
    w->destinations[0].stored_failures = 1;
    w->destinations[0].stored_rest_until_ms = w->now_ms + 1000;
    for (int d = 0; d < 10; d++) {
        w->destination_of[d] = 0;
        world_store(w, ++w->last_message, 0, d, w->now_ms);
    }
    world_restart(w);
    world_run(w, 1050); // the rest is over, the probe under way
    assert_int_equal(w->destinations[0].starts, 1);
    assert_int_equal(w->read_total, 1);
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

// Recipients of one domain may have routes of their own: they must not wait for the others' host.
static void a_route_of_its_own_does_not_rest_with_the_domain(void **state)
{
    struct world *w = *state;
    w->has_user_routes = true;
    w->user_route = 1;
    w->retry_ms = 7 * MIN;
    world_break(w, 0, TIME_DAY_MS, HOST_DOWN);
    world_break(w, 1, MIN, DEFERS);
    world_accept(w, 0, 3);
    world_run(w, 8 * MIN);
    expect_trace(w, "0 start 1.0+2 d0.example\n"
                    "0 start 1.2+1 d1.example\n"
                    "0.1 health d0.example failures=1\n"
                    "300.101 probe 1.0+2 d0.example\n"
                    "300.201 health d0.example failures=2\n"
                    "420.101 start 1.2+1 d1.example\n");
}

static void nothing_is_kept_for_nothing(void **state)
{
    struct world *w = *state;
    world_tell_domain(w, 0, TIME_NEVER);
    world_tell_domain(w, 1, w->now_ms + TIME_HOUR_MS);
    struct sched_event e = {.kind = SCHED_SETTLED};
    e.settled.message = 1;
    e.settled.domain = "d1.example";
    e.settled.destination = "d9.example"; // it hangs on d1 and stays there
    e.settled.next_attempt_ms = w->now_ms + TIME_DAY_MS;
    world_feed(w, e);
    world_feed(w, (struct sched_event){.kind = SCHED_TIMER});
    struct scheduler_counts c;
    counts(w, &c);
    assert_int_equal(c.domains, 1);
    assert_int_equal(c.destinations, 1);
}

static void large_batches_are_handed_out_in_parts(void **state)
{
    struct world *w = *state;
    w->limit.recipients_per_message = 40;
    w->limit.connections = 2;
    world_accept(w, 0, 100);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+40 d0.example\n"
                    "0 start 1.40+40 d0.example\n"
                    "0.1 start 1.80+20 d0.example\n");
    assert_int_equal(world_open_rows(w), 0);
}

// A page that was read before the commit of what it holds arrives after it.
static void pages_older_than_a_commit_start_nothing_twice(void **state)
{
    struct world *w = *state;
    w->read_ms = 500; // the snapshot is taken when it is asked for
    world_accept(w, 0, 1);
    world_store(w, ++w->last_message, 0, 0, w->now_ms);
    world_tell_domains(w); // asked for while 1 is under way, answered after it has settled
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0.5 start 2.0+1 d0.example\n");
}

// The same when it was deferred: the next attempt comes at its time, and comes.
static void pages_older_than_a_deferral_do_not_hide_it(void **state)
{
    struct world *w = *state;
    w->read_ms = 500;
    w->retry_ms = 200;
    world_break(w, 0, 120, DEFERS);
    world_accept(w, 0, 1);
    world_store(w, ++w->last_message, 0, 0, w->now_ms);
    world_tell_domains(w);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0.5 start 2.0+1 d0.example\n"
                    "1 start 1.0+1 d0.example\n");
}

static void pages_that_fail_are_asked_for_again(void **state)
{
    struct world *w = *state;
    world_store(w, 1, 0, 0, w->now_ms);
    w->read_failures = 3;
    world_tell_domains(w);
    world_run(w, TIME_NEVER);
    expect_trace(w, "3.004 start 1.0+1 d0.example\n");
}

static void domains_may_share_a_destination(void **state)
{
    struct world *w = *state;
    w->limit.connections = 2;
    for (int d = 0; d < WORLD_DOMAINS; d++) {
        w->destination_of[d] = 7;
        for (uint32_t i = 0; i < 10; i++)
            world_store(w, ++w->last_message, 0, d, w->now_ms);
    }
    world_tell_domains(w);
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
    assert_int_equal(w->destinations[7].starts, 160);
    assert_true(w->reads_max > 1 && w->reads_max <= 8);
}

static void a_pause_starts_nothing(void **state)
{
    struct world *w = *state;
    w->limit.connections = 1;
    world_accept(w, 0, 1);
    world_accept(w, 0, 1);
    world_feed(w, (struct sched_event){.kind = SCHED_PAUSE});
    world_accept(w, 1, 1);
    assert_int_equal(w->discards, 1); // it will not be started: why keep it
    world_flush(w, NULL);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n");
    assert_int_equal(scheduler_deadline(w->s), TIME_NEVER);
}

// Outcomes cannot be stored as fast as they come: nothing is started, and nothing is thrown away.
static void a_brake_starts_nothing_and_keeps_all(void **state)
{
    struct world *w = *state;
    world_feed(w, (struct sched_event){.kind = SCHED_BRAKE, .is_braked = true});
    world_accept(w, 0, 1);
    world_accept(w, 1, 1);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(w->discards, 0);
    expect_trace(w, "");
    world_feed(w, (struct sched_event){.kind = SCHED_BRAKE, .is_braked = false});
    expect_trace(w, "3600 start 1.0+1 d0.example\n"
                    "3600 start 2.0+1 d1.example\n");
}

static void time_does_not_run_backwards(void **state)
{
    struct world *w = *state;
    world_break(w, 0, 4 * MIN, HOST_DOWN);
    world_accept(w, 0, 1);
    world_run(w, 1000);
    struct sched_event e = {.kind = SCHED_TIMER, .now_ms = 5};
    scheduler_feed(w->s, &e);
    assert_int_equal(scheduler_deadline(w->s), 1000000000 + 100 + 5 * MIN);
    struct row row = {.message = 77, .domain = 1};
    e = (struct sched_event){.kind = SCHED_FRESH, .now_ms = 5, .batch = world_batch(w, 77, 1)};
    world_batch_add(w, e.batch, &row);
    scheduler_feed(w->s, &e);
    struct sched_effect fx;
    assert_true(scheduler_pull(w->s, &fx));
    assert_int_equal(fx.kind, SCHED_START);
    assert_true(fx.batch->started_ms >= 1000000000 + 100);
    scheduler_feed(w->s, &(struct sched_event){.kind = SCHED_DONE, .batch = fx.batch});
    batch_free(fx.batch);
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(fresh_mail_goes_at_once),
        TEST(due_mail_is_read_when_its_time_comes),
        TEST(deferred_mail_comes_back_by_its_own_time),
        TEST(outage_is_probed_by_the_schedule),
        TEST(success_of_the_probe_releases_everything),
        TEST(late_failures_of_an_outage_do_not_bring_it_back),
        TEST(our_own_failure_rests_a_minute_and_counts_nothing),
        TEST(local_failure_of_a_probe_keeps_the_failures),
        TEST(destinations_take_turns),
        TEST(hosts_that_hang_leave_room_for_one_that_answers),
        TEST(a_flood_for_one_leaves_room_for_the_others),
        TEST(resting_destinations_do_not_fill_the_windows),
        TEST(old_mail_is_read_although_fresh_mail_keeps_coming),
        TEST(what_failed_long_ago_is_forgotten),
        TEST(a_beginning_rest_empties_the_window),
        TEST(a_probe_reads_one_page),
        TEST(a_route_of_its_own_does_not_rest_with_the_domain),
        TEST(nothing_is_kept_for_nothing),
        TEST(large_batches_are_handed_out_in_parts),
        TEST(pages_older_than_a_commit_start_nothing_twice),
        TEST(pages_older_than_a_deferral_do_not_hide_it),
        TEST(pages_that_fail_are_asked_for_again),
        TEST(domains_may_share_a_destination),
        TEST(a_pause_starts_nothing),
        TEST(a_brake_starts_nothing_and_keeps_all),
        TEST(time_does_not_run_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
