// SPDX-License-Identifier: BSD-2-Clause
// Conversations that wait for more, or say goodbye, when there are as many as there may be.
#include "pipeline/budget.h"
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { IDLE = 200 }; // as many as a configuration may allow

static const char config[] =
    "idle_connections = 200\nidle_time = \"5m\"\n"
    "route = ( { for = \"none.example\", to = [ \"mx\" ] },\n"
    "          { for = \".idle.example\", to = [ \"mx\" ] },\n"
    "          { for = \"*\", to = [ \"smtp://192.0.2.2:25\" ] } )\n"
    "limit = ( { for = \"none.example\", rate = \"1/1h\" },\n"
    "          { for = \"192.0.2.2\", connections = 100, messages_per_connection = 1 } )\n";

static void submit(struct world *w, const char *rcpt)
{
    assert_int_not_equal(world_submit(w, "", rcpt, "Subject: x\r\n\r\nx\r\n"), 0);
}

static struct world *make_world(void)
{
    struct world *w = world_new(&(struct world_options){.seed = 1, .config = config});
    world_dns_ttl(w, 24 * 3600);
    world_mx(w, "none.example", 0, ""); // takes no mail (RFC 7505)
    return w;
}

// The idle ones are the oldest of them; the others' goodbyes are not answered for long.
static void fill(struct world *w)
{
    char text[64];
    for (int i = 0; i < IDLE; i++) {
        snprintf(text, sizeof text, "d%d.idle.example", i);
        world_name(w, text, "192.0.2.1");
        snprintf(text, sizeof text, "b@d%d.idle.example", i);
        submit(w, text);
    }
    world_run(w, 5 * TIME_SECOND_MS);
    struct host *h = world_host(w, "192.0.2.2");
    h->pace = PACE_SLOW_QUIT;
    h->slow_ms = TIME_HOUR_MS;
    for (int i = IDLE; i < BUDGET_LINGERING; i++)
        submit(w, "b@bye.example");
    world_run(w, TIME_SECOND_MS);
    assert_int_equal(h->received_count, BUDGET_LINGERING - IDLE);
    assert_int_equal(w->connections_open, BUDGET_LINGERING);
}

// A jump of the clock ends what is idle, beginning with the oldest. What may start now, and ends in
// the same moment, is one too many: the oldest is to give way, while it is being told to go.
static void test_one_ends_while_the_oldest_is_told_to(void **state)
{
    (void)state;
    struct world *w = make_world();
    submit(w, "b@none.example");
    submit(w, "c@none.example"); // may go in an hour
    world_run(w, TIME_SECOND_MS);
    assert_int_equal(world_queued(w), 1);
    fill(w);
    world_jump(w, 2 * TIME_HOUR_MS);
    world_run(w, 10 * TIME_SECOND_MS);
    assert_int_equal(world_queued(w), 0);
    assert_true(w->connections_open < BUDGET_LINGERING);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_ends_while_the_oldest_is_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
