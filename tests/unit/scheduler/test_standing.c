// SPDX-License-Identifier: BSD-2-Clause
// Why a recipient is not being tried at this moment, as the scheduler says it.
#include "tests/unit/scheduler/world.h"

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

static struct standing_view standing(struct world *w, uint64_t message)
{
    struct standing_view v;
    const struct row *row = world_row(w, message, 0);
    struct recipient r = {.message = message, .next_attempt_ms = row->next_ms};
    scheduler_standing(w->s, &r, "d0.example", &v);
    return v;
}

static void settings(struct world *w)
{
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
}

static void test_active_then_resting(void **state)
{
    struct world *w = *state;
    world_break(w, 0, TIME_HOUR_MS, HOST_DOWN);
    uint64_t first = world_accept(w, 0, 1);
    assert_int_equal(standing(w, first).what, STANDING_ACTIVE);
    world_run(w, TIME_SECOND_MS);
    uint64_t second = world_accept(w, 0, 1);
    struct standing_view v = standing(w, second);
    struct destination_view d;
    assert_true(scheduler_destination(w->s, "d0.example", &d));
    assert_int_equal(v.what, STANDING_RESTING);
    assert_int_equal(v.until_ms, d.rest_until_ms);
    assert_int_equal(standing(w, first).what, STANDING_RESTING);
    world_run(w, d.rest_until_ms - w->now_ms + 10); // the probe is under way
    bool is_first = standing(w, first).what == STANDING_ACTIVE;
    assert_int_equal(standing(w, is_first ? first : second).what, STANDING_ACTIVE);
    assert_int_equal(standing(w, is_first ? second : first).what, STANDING_PROBING);
}

static void test_not_due(void **state)
{
    struct world *w = *state;
    world_break(w, 0, TIME_HOUR_MS, DEFERS);
    uint64_t message = world_accept(w, 0, 1);
    world_run(w, TIME_SECOND_MS);
    struct standing_view v = standing(w, message);
    assert_int_equal(v.what, STANDING_NOT_DUE);
    assert_int_equal(v.until_ms, world_row(w, message, 0)->next_ms);
}

static void test_in_line(void **state)
{
    struct world *w = *state;
    w->limit.connections = 2;
    settings(w);
    uint64_t messages[5];
    for (int i = 0; i < 5; i++)
        messages[i] = world_accept(w, 0, 1);
    for (int i = 2; i < 5; i++) {
        struct standing_view v = standing(w, messages[i]);
        assert_int_equal(v.what, STANDING_CONCURRENCY);
        assert_int_equal(v.allowed, 2);
        assert_int_equal(v.before, i - 2);
        assert_false(v.is_in_spool);
    }
}

// Senders take turns: one behind 3 of another has one or two before it, not all of them.
static void test_senders(void **state)
{
    struct world *w = *state;
    w->limit.connections = 1;
    settings(w);
    w->sender = "bulk@x.example";
    uint64_t last = 0;
    for (int i = 0; i < 4; i++)
        last = world_accept(w, 0, 1);
    w->sender = "ann@y.example";
    uint64_t one = world_accept(w, 0, 1);
    w->sender = "boss@z.example";
    w->priority = 5;
    uint64_t urgent = world_accept(w, 0, 1);
    assert_int_equal(standing(w, urgent).before, 0);
    assert_int_equal(standing(w, one).before, 2);  // the urgent one, and one of bulk
    assert_int_equal(standing(w, last).before, 4); // two of its own, and both others
}

static void test_rate(void **state)
{
    struct world *w = *state;
    w->limit.rate_count = 1;
    w->limit.rate_ms = TIME_MINUTE_MS;
    settings(w);
    world_accept(w, 0, 1);
    uint64_t second = world_accept(w, 0, 1);
    struct standing_view v = standing(w, second);
    assert_int_equal(v.what, STANDING_RATE);
    assert_int_equal(v.until_ms, w->now_ms + TIME_MINUTE_MS);
}

static void test_stopped(void **state)
{
    struct world *w = *state;
    world_feed(w, (struct sched_event){.kind = SCHED_BRAKE, .is_braked = true});
    uint64_t message = world_accept(w, 0, 1);
    assert_int_equal(standing(w, message).what, STANDING_STOPPED);
}

static void test_full(void **state)
{
    struct world *w = *state;
    w->settings.batches_max = 1;
    settings(w);
    world_accept(w, 1, 1);
    struct standing_view v = standing(w, world_accept(w, 0, 1));
    assert_int_equal(v.what, STANDING_FULL);
    assert_int_equal(v.allowed, 1);
}

static void test_manual(void **state)
{
    struct world *w = *state;
    w->settings.is_manual = true;
    settings(w);
    uint64_t message = world_accept(w, 0, 1);
    assert_int_equal(standing(w, message).what, STANDING_ON_FLUSH);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_active_then_resting),
        WORLD_TEST(test_not_due),
        WORLD_TEST(test_in_line),
        WORLD_TEST(test_senders),
        WORLD_TEST(test_rate),
        WORLD_TEST(test_stopped),
        WORLD_TEST(test_manual),
        WORLD_TEST(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
