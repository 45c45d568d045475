// SPDX-License-Identifier: BSD-2-Clause
// The spool's disk fails for a while: nothing is forgotten for it, and the daemon can be stopped.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct world *make_world(uint64_t seed)
{
    return world_new(&(struct world_options){
        .seed = seed, .config = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"});
}

static void submit(struct world *w)
{
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
}

// What waits cannot be read at the start: it is asked for again.
static void test_reading_at_the_start(void **state)
{
    (void)state;
    struct world *w = make_world(1);
    struct host *h = world_host(w, "192.0.2.1");
    h->state = HOST_GREYLIST;
    submit(w);
    world_run(w, TIME_MINUTE_MS);
    world_spool_fails(w, true);
    world_crash(w);
    world_run(w, TIME_MINUTE_MS);
    world_spool_fails(w, false);
    h->state = HOST_UP;
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(h->received_count, 1);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// An outcome is stored as soon as it can be.
static void test_outcome_waits(void **state)
{
    (void)state;
    struct world *w = make_world(2);
    world_run(w, TIME_SECOND_MS); // nothing is tried before it is known what is suspended
    submit(w);
    world_spool_fails(w, true);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 1);
    assert_int_equal(world_queued(w), 1);
    world_spool_fails(w, false);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 1);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// Hundreds wait when the disk fails: only what was under way goes out, the rest stays where it is
// known to be, and everything goes out once when the disk is well again.
static void test_nothing_is_tried_meanwhile(void **state)
{
    (void)state;
    struct world *w = make_world(4);
    struct host *h = world_host(w, "192.0.2.1");
    h->state = HOST_DOWN;
    for (int i = 0; i < 300; i++)
        submit(w);
    world_run(w, TIME_MINUTE_MS);
    world_spool_fails(w, true);
    h->state = HOST_UP;
    world_run(w, 5 * TIME_MINUTE_MS + 30 * TIME_SECOND_MS);
    uint32_t meanwhile = h->received_count;
    assert_in_range(meanwhile, 1, 60);
    world_spool_fails(w, false);
    world_run(w, 10 * TIME_MINUTE_MS);
    assert_int_equal(h->received_count, 300);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// A shutdown waits for it, but not for ever.
static void test_stop(void **state)
{
    (void)state;
    struct world *w = make_world(3);
    world_run(w, TIME_SECOND_MS); // what must be known before anything is tried was read
    submit(w);
    world_spool_fails(w, true);
    world_run(w, TIME_MINUTE_MS);
    int64_t began = w->now_ms;
    world_restart(w);
    assert_in_range(w->now_ms - began, 5 * TIME_SECOND_MS, 30 * TIME_SECOND_MS);
    world_spool_fails(w, false);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_at_the_start),
        cmocka_unit_test(test_outcome_waits),
        cmocka_unit_test(test_nothing_is_tried_meanwhile),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
