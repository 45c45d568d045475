// SPDX-License-Identifier: BSD-2-Clause
// Reload and shutdown while conversations are under way.
#include "simulate/world_db.h"

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

// A shutdown cuts an attempt short while as many conversations as may linger wait for the answer to
// their QUIT: room for it is made by ending the oldest of them.
static void test_cut_short_among_many(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct buf text, rcpts;
    char ip[32];
    buf_init(&text, 1 << 20);
    buf_init(&rcpts, 1 << 20);
    buf_add_str(&text, "route = ( ");
    for (int i = 0; i < COUNT; i++) {
        buf_addf(&text, "{ for = \"d%d.example\", to = [ \"smtp://10.1.%d.%d:25\" ] }, ", i,
                 i / 250, i % 250);
        buf_addf(&rcpts, "%sb@d%d.example", i ? " " : "", i);
    }
    buf_add_str(&text, "{ for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n");
    struct world *w =
        world_new(&(struct world_options){.seed = 3, .config = text.p, .latency_ms = 300});
    world_host(w, "192.0.2.1")->pace = PACE_SLOW_DOT;
    world_host(w, "192.0.2.1")->slow_ms = TIME_MINUTE_MS;
    for (int i = 0; i < COUNT; i++) {
        snprintf(ip, sizeof ip, "10.1.%d.%d", i / 250, i % 250);
        world_host(w, ip)->pace = PACE_SLOW_QUIT;
        world_host(w, ip)->slow_ms = TIME_MINUTE_MS;
    }
    static const char content[] = "Subject: x\r\n\r\nx\r\n";
    assert_int_not_equal(world_submit(w, "a@example.org", "b@slow.example", content), 0);
    world_run(w, 5 * TIME_SECOND_MS);
    assert_int_not_equal(world_submit(w, "a@example.org", rcpts.p, content), 0);
    world_run(w, 100); // all have begun
    world_restart(w);  // they are done during the grace, and say QUIT
    assert_int_equal(world_queued(w), 1);
    buf_close(&text);
    buf_close(&rcpts);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload_while_talking),
        cmocka_unit_test(test_closed_while_idle),
        cmocka_unit_test(test_cut_short_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
