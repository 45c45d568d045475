// SPDX-License-Identifier: BSD-2-Clause
// What the daemon keeps in memory has a bound, whatever the mail is like.
#include "daemon/budget.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { DESTINATIONS = 600, MESSAGES = 3000 };

static uint32_t connections_open(const struct world *w)
{
    uint32_t n = 0;
    for (const struct host *h = w->hosts; h; h = h->next)
        n += h->connections_open;
    return n;
}

// A conversation waits two seconds for another message; mail for ever other destinations must not
// leave thousands of them behind.
static void test_conversations_that_wait(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 1});
    for (int i = 0; i < DESTINATIONS; i++) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "b@[192.0.%d.%d]", 2 + i / 200, 1 + i % 200);
        assert_int_not_equal(world_submit(w, "a@example.org", rcpt, "Subject: x\r\n\r\nx\r\n"), 0);
        assert_in_range(connections_open(w), 0, BUDGET_LINGERING + 20);
    }
    assert_true(world_run_until_empty(w, TIME_MINUTE_MS));
    uint32_t received = 0;
    for (const struct host *h = w->hosts; h; h = h->next)
        received += h->received_count;
    assert_int_equal(received, DESTINATIONS);
    world_free(w);
}

// The next hop takes mail faster than the disk takes what became of it: it is given no more than
// can be remembered, and everything once.
static void test_outcomes_that_wait(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 2,
        .config = "limit = ( { for = \"*\", connections = 200 } )\n"
                  "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"});
    struct host *h = world_host(w, "192.0.2.1");
    h->state = HOST_DOWN;
    for (int i = 0; i < MESSAGES; i++) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "b%d@example.com", i);
        assert_int_not_equal(world_submit(w, "a@example.org", rcpt, "Subject: x\r\n\r\nx\r\n"), 0);
    }
    h->state = HOST_UP;
    world_spool_slow(w, TIME_HOUR_MS);
    world_run(w, 20 * TIME_MINUTE_MS);
    assert_in_range(h->received_count, BUDGET_SETTLING_RCPTS, BUDGET_SETTLING_RCPTS + 200 + 1);
    world_spool_slow(w, 0);
    assert_true(world_run_until_empty(w, 3 * TIME_HOUR_MS));
    for (int i = 0; i < MESSAGES; i++) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "b%d@example.com", i);
        assert_int_equal(host_count_to(h, rcpt), 1);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations_that_wait),
        cmocka_unit_test(test_outcomes_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
