// SPDX-License-Identifier: BSD-2-Clause
// Hosts that take connections and say nothing, as many as there may be conversations, and one host
// that is well.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { SESSIONS = 20, HUNG = 40 };

static const char config[] =
    "max_sessions = 20\n"
    "route = ( { for = \"well.example\", to = [ \"smtp://192.0.2.1\" ] },\n"
    "          { for = \"new.example\", to = [ \"smtp://192.0.2.2\" ] },\n"
    "          { for = \"*\", to = [ \"mx\" ] } )\n"
    "retry = ( { for = \"*\", warn_after = [] } )\n";

static void submit(struct world *w, const char *rcpt)
{
    assert_int_not_equal(world_submit(w, "a@x.example", rcpt, "Subject: x\r\n\r\nx\r\n"), 0);
}

static struct world *make_world(uint64_t seed)
{
    struct world *w =
        world_new(&(struct world_options){.seed = seed, .config = config, .keeps_trace = true});
    for (int i = 0; i < HUNG; i++) {
        char name[64], ip[32];
        snprintf(name, sizeof name, "d%d.hung.example", i);
        snprintf(ip, sizeof ip, "198.51.100.%d", i + 1);
        world_name(w, name, ip);
        world_host(w, ip)->state = HOST_SILENT;
    }
    return w;
}

static void submit_to_hung(struct world *w, int count)
{
    for (int i = 0; i < count; i++) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "b@d%d.hung.example", i);
        submit(w, rcpt);
    }
}

// Who answers keeps its place: there is mail for it all the time, a message each second.
static void test_one_that_answers_is_not_held_up(void **state)
{
    (void)state;
    struct world *w = make_world(1);
    struct host *well = world_host(w, "192.0.2.1");
    well->pace = PACE_SLOW_DOT;
    well->slow_ms = 3 * TIME_SECOND_MS; // so that the next message is there before one is done
    for (int i = 0; i < 100; i++) {
        if (i == 10)
            submit_to_hung(w, HUNG);
        submit(w, "b@well.example");
        world_run(w, TIME_SECOND_MS);
        assert_int_equal(well->received_count, i + 1);
    }
    assert_true(w->connections_peak <= SESSIONS);
    world_free(w);
}

// The first mail to somebody new waits for half a minute, not for the five of a greeting.
static void test_somebody_new_waits_a_little(void **state)
{
    (void)state;
    struct world *w = make_world(2);
    submit_to_hung(w, HUNG / 2);
    world_run(w, TIME_SECOND_MS);
    submit(w, "b@new.example");
    world_run(w, 5 * TIME_SECOND_MS);
    assert_int_equal(world_host(w, "192.0.2.2")->received_count, 0);
    world_run(w, 35 * TIME_SECOND_MS);
    assert_int_equal(world_host(w, "192.0.2.2")->received_count, 1);
    assert_non_null(strstr(w->trace.p, "timed out while receiving the initial server greeting"));
    world_free(w);
}

// Where there is room a host has the time that RFC 5321 gives it.
static void test_there_is_time_where_there_is_room(void **state)
{
    (void)state;
    struct world *w = make_world(3);
    submit_to_hung(w, SESSIONS / 2);
    world_run(w, 4 * TIME_MINUTE_MS);
    assert_null(strstr(w->trace.p, "timed out"));
    world_run(w, 2 * TIME_MINUTE_MS);
    assert_non_null(strstr(w->trace.p, "timed out"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_answers_is_not_held_up),
        cmocka_unit_test(test_somebody_new_waits_a_little),
        cmocka_unit_test(test_there_is_time_where_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
