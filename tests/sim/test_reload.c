// SPDX-License-Identifier: BSD-2-Clause
// Reload and shutdown while conversations are under way.
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const char config[] = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n";

// A conversation that began before the reload says EHLO after it: with a name that still exists.
static void test_reload_while_talking(void **state)
{
    (void)state;
    struct world *w =
        world_new(&(struct world_options){.seed = 1, .config = config, .latency_ms = 1000});
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, 100);
    world_reload(w, config);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 1);
    assert_string_equal(world_host(w, "192.0.2.1")->helo, "sim.example");
    world_free(w);
}

// The host closes a conversation that waits for more mail: nothing is left of it, so that a
// shutdown has nobody to wait for.
static void test_closed_while_idle(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 2, .config = config});
    world_host(w, "192.0.2.1")->state = HOST_ONCE;
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 0);
    int64_t began = w->now_ms;
    world_restart(w);
    assert_in_range(w->now_ms - began, 0, 1000);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload_while_talking),
        cmocka_unit_test(test_closed_while_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
