// SPDX-License-Identifier: BSD-2-Clause
// What the daemon keeps in memory has a bound, whatever the mail is like.
#include "core/must.h"
#include "pipeline/budget.h"
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DESTINATIONS = 600, MESSAGES = 3000, LONG_MESSAGES = 200, LONG = 600 * 1024 };

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

// How many wait, and for how long, is the administrator's choice.
static void test_idle_connections(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        uint32_t at_once, behind_a_minute, behind_an_hour;
    } cases[] = {
        {"idle_connections = 10\nidle_time = \"5m\"\n", 10, 10, 0},
        {"idle_connections = 0\nidle_time = \"5m\"\n", 0, 0, 0},
        {"idle_time = \"0\"\n", 0, 0, 0},
        {"max_sessions = 1\n", 30, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = world_new(&(struct world_options){.seed = 1, .config = cases[i].config});
        for (int k = 0; k < 30; k++) {
            char rcpt[64];
            snprintf(rcpt, sizeof rcpt, "b@[192.0.2.%d]", 1 + k);
            assert_int_not_equal(world_submit(w, "a@example.org", rcpt, "Subject: x\r\n\r\nx\r\n"),
                                 0);
        }
        assert_true(world_run_until_empty(w, TIME_SECOND_MS));
        world_run(w, 100); // goodbyes
        assert_int_equal(connections_open(w), cases[i].at_once);
        world_run(w, TIME_MINUTE_MS);
        assert_int_equal(connections_open(w), cases[i].behind_a_minute);
        world_run(w, TIME_HOUR_MS);
        assert_int_equal(connections_open(w), cases[i].behind_an_hour);
        world_free(w);
    }
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

static char *make_text(size_t size)
{
    char *text = must_alloc(size + 1);
    memset(text, 'x', size);
    for (size_t at = 62; at + 2 <= size; at += 64)
        memcpy(text + at, "\r\n", 2);
    memcpy(text, "Subject: long\r\n\r\n", 17);
    text[size] = '\0';
    return text;
}

static size_t body_memory(struct world *w)
{
    struct pipeline_flow flow;
    pipeline_flow(world_pipeline(w), &flow);
    return flow.body_memory;
}

// Two hundred hosts take a long message each, slowly: what is on its way to them keeps to the
// budget, but for a small piece each, and arrives whole.
static void test_hosts_that_take_slowly(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 3,
        .config = "limit = ( { for = \"*\", connections = 200 } )\n"
                  "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"});
    char *text = make_text(LONG);
    size_t peak = 0;
    struct host *h = world_host(w, "192.0.2.1");
    h->state = HOST_DOWN; // so that all of them begin at once
    world_hosts_slow(w, 10 * TIME_SECOND_MS);
    for (int i = 0; i < LONG_MESSAGES; i++) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "b%d@example.com", i);
        assert_int_not_equal(world_submit(w, "a@example.org", rcpt, text), 0);
    }
    h->state = HOST_UP;
    world_run(w, 5 * TIME_MINUTE_MS);
    for (int steps = 0; world_queued(w) > 0; steps++) {
        assert_true(steps < 20000);
        world_run(w, TIME_SECOND_MS);
        peak = body_memory(w) > peak ? body_memory(w) : peak;
    }
    assert_in_range(peak, BUDGET_BODIES / 2,
                    BUDGET_BODIES + LONG_MESSAGES * (size_t)BUDGET_PIECE_SMALL + MESSAGE_CHUNK_MAX);
    assert_int_equal(body_memory(w), 0);
    assert_int_equal(h->received_count, LONG_MESSAGES);
    for (const struct host_message *m = h->received; m; m = m->next) {
        assert_true(m->size > LONG);
        assert_memory_equal(m->content + m->size - LONG, text, LONG); // behind our trace field
    }
    free(text);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations_that_wait),
        cmocka_unit_test(test_idle_connections),
        cmocka_unit_test(test_outcomes_that_wait),
        cmocka_unit_test(test_hosts_that_take_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
