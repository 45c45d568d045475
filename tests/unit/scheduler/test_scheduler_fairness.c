// SPDX-License-Identifier: BSD-2-Clause
// Senders and priorities within one destination: who goes when, and who gives way.
#include "scheduler/senders.h"
#include "tests/unit/scheduler/world.h"

static int setup(void **state)
{
    struct world *w = world_new();
    w->limit.connections = 1;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void settings(struct world *w, uint32_t window_rcpts_max, uint32_t page_size)
{
    w->settings.window_rcpts_max = window_rcpts_max;
    w->settings.page_size = page_size;
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
}

// As that sender, at that priority.
static uint64_t accept_from(struct world *w, const char *sender, int8_t priority, uint32_t count)
{
    w->sender = sender;
    w->priority = priority;
    for (uint32_t i = 0; i < count; i++)
        world_accept(w, 0, 1);
    return w->last_message;
}

// Runs until so many more have been started there.
static void run_starts(struct world *w, uint32_t count)
{
    uint32_t until = w->destinations[0].starts + count;
    while (w->destinations[0].starts < until)
        world_run(w, 10);
}

static uint32_t started(struct world *w, const char *sender, int8_t priority)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->row_count; i++)
        count += w->rows[i].starts > 0 && w->rows[i].priority == priority &&
                 strcmp(w->rows[i].sender, sender) == 0;
    return count;
}

static bool is_started(struct world *w, uint64_t message)
{
    return world_row(w, message, 0)->starts > 0;
}

static void expect_trace(struct world *w, const char *want)
{
    assert_string_equal(w->trace.p ? w->trace.p : "", want);
    buf_reset(&w->trace);
}

static void one_start_each(void **state)
{
    struct world *w = *state;
    accept_from(w, "list@example.org", 0, 4);
    accept_from(w, "ann@example.org", 0, 2);
    accept_from(w, "bob@example.org", 0, 1);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0.1 start 2.0+1 d0.example\n"
                    "0.2 start 5.0+1 d0.example\n"
                    "0.3 start 7.0+1 d0.example\n"
                    "0.4 start 3.0+1 d0.example\n"
                    "0.5 start 6.0+1 d0.example\n"
                    "0.6 start 4.0+1 d0.example\n");
}

static void a_mailing_with_many_senders_is_one(void **state)
{
    struct world *w = *state;
    static char senders[200][32];
    for (int i = 0; i < 200; i++) {
        snprintf(senders[i], sizeof senders[i], "n-%d+u%d=a.b@example.org", i, i);
        accept_from(w, senders[i], 0, 1);
    }
    uint64_t last = accept_from(w, "ann@example.org", 0, 1);
    run_starts(w, 2);
    assert_true(is_started(w, last));
}

static void large_batches_give_others_a_turn_between_their_parts(void **state)
{
    struct world *w = *state;
    w->limit.recipients_per_message = 40;
    w->sender = "list@example.org";
    world_accept(w, 0, 1);
    world_accept(w, 0, 100);
    accept_from(w, "ann@example.org", 0, 1);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0.1 start 2.0+40 d0.example\n"
                    "0.2 start 3.0+1 d0.example\n"
                    "0.3 start 2.40+40 d0.example\n"
                    "0.4 start 2.80+20 d0.example\n");
}

static void higher_priority_goes_first(void **state)
{
    struct world *w = *state;
    accept_from(w, "a@example.org", 0, 1); // under way
    accept_from(w, "a@example.org", -3, 2);
    accept_from(w, "b@example.org", 0, 2);
    accept_from(w, "a@example.org", 9, 2);
    world_run(w, TIME_NEVER);
    expect_trace(w, "0 start 1.0+1 d0.example\n"
                    "0.1 start 6.0+1 d0.example\n"
                    "0.2 start 7.0+1 d0.example\n"
                    "0.3 start 4.0+1 d0.example\n"
                    "0.4 start 5.0+1 d0.example\n"
                    "0.5 start 2.0+1 d0.example\n"
                    "0.6 start 3.0+1 d0.example\n");
}

// D7: one of k * SENDERS_RISE + 1, however long the stream of the others is.
static void low_priority_is_never_starved(void **state)
{
    static const struct {
        int8_t high, low;
    } cases[] = {{0, -1}, {0, -3}, {9, -9}};
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        world_run(w, TIME_NEVER);
        uint32_t every = (uint32_t)(cases[i].high - cases[i].low) * SENDERS_RISE + 1;
        uint32_t before = started(w, "low@example.org", cases[i].low);
        accept_from(w, "high@example.org", cases[i].high, 20);
        accept_from(w, "low@example.org", cases[i].low, 5);
        for (uint32_t k = 0; k < 3 * every; k++) {
            run_starts(w, 1);
            accept_from(w, "high@example.org", cases[i].high, 1);
        }
        assert_in_range(started(w, "low@example.org", cases[i].low) - before, 2, 3);
    }
}

static void many_senders_do_not_hide_a_high_priority(void **state)
{
    struct world *w = *state;
    static char senders[500][32];
    for (int i = 0; i < 500; i++) {
        snprintf(senders[i], sizeof senders[i], "%c%c%c@example.org", 'a' + i % 26,
                 'a' + i / 26 % 26, 'a' + i / 676);
        accept_from(w, senders[i], 0, 2);
    }
    run_starts(w, 400);
    uint64_t urgent = accept_from(w, "urgent@example.org", 3, 1);
    run_starts(w, 1);
    assert_true(is_started(w, urgent));
}

static uint64_t fill_window(struct world *w)
{
    settings(w, 400, 20);
    w->destinations[0].duration_ms = 1000;
    return accept_from(w, "list@example.org", 0, 1000); // half of the window is theirs
}

static void the_heaviest_sender_gives_way(void **state)
{
    struct world *w = *state;
    uint64_t mailing = fill_window(w);
    struct scheduler_counts before, after;
    scheduler_count(w->s, &before);
    assert_in_range(before.window_rcpts, 150, 250);
    uint64_t lone = accept_from(w, "ann@example.org", 0, 1);
    scheduler_count(w->s, &after);
    assert_true(after.window_rcpts <= before.window_rcpts);
    run_starts(w, 2);
    assert_true(is_started(w, lone));
    // Ten more, with ten each, find their place as well; what gave way is read again later.
    static const char *const others[] = {"a@x", "b@x", "c@x", "d@x", "e@x",
                                         "f@x", "g@x", "h@x", "i@x", "j@x"};
    for (size_t i = 0; i < COUNT(others); i++)
        accept_from(w, others[i], 0, 10);
    run_starts(w, 44);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_in_range(started(w, others[i], 0), 3, 4);
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
    assert_true(is_started(w, mailing));
}

// Nobody gives way to one who has as much: that would only change places, for ever.
static void equals_do_not_give_way(void **state)
{
    struct world *w = *state;
    fill_window(w);
    accept_from(w, "ann@example.org", 0, 500);
    struct scheduler_counts c;
    scheduler_count(w->s, &c);
    assert_in_range(c.window_rcpts, 150, 250);
    uint32_t discards = w->discards;
    accept_from(w, "ann@example.org", 0, 10);
    assert_int_equal(w->discards, discards + 10); // these themselves
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

// What little is kept for a destination that rests is shared as well.
static void a_lone_message_is_parked_beside_a_mailing(void **state)
{
    struct world *w = *state;
    settings(w, 400, 20);
    world_break(w, 0, 4 * TIME_MINUTE_MS, HOST_DOWN);
    accept_from(w, "list@example.org", 0, 100);
    world_run(w, 1000);
    uint64_t lone = accept_from(w, "ann@example.org", 0, 1);
    world_run(w, 5 * TIME_MINUTE_MS);
    run_starts(w, 2);
    assert_true(is_started(w, lone));
    world_run(w, TIME_NEVER);
    assert_int_equal(world_open_rows(w), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_start_each),
        TEST(a_mailing_with_many_senders_is_one),
        TEST(large_batches_give_others_a_turn_between_their_parts),
        TEST(higher_priority_goes_first),
        TEST(low_priority_is_never_starved),
        TEST(many_senders_do_not_hide_a_high_priority),
        TEST(the_heaviest_sender_gives_way),
        TEST(equals_do_not_give_way),
        TEST(a_lone_message_is_parked_beside_a_mailing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
