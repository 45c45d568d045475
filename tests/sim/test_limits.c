// SPDX-License-Identifier: BSD-2-Clause
// What a destination may be given: a rate is kept, and a host that has enough gets less.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUTE "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"

static void submit(struct world *w, int count)
{
    for (int i = 0; i < count; i++) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "b%d@example.com", i);
        assert_int_not_equal(world_submit(w, "a@example.org", rcpt, "Subject: x\r\n\r\nx\r\n"), 0);
    }
}

// The most messages that came within so much time.
static uint32_t most_within(const struct host *h, int64_t ms)
{
    uint32_t most = 0;
    for (const struct host_message *last = h->received; last; last = last->next) {
        uint32_t count = 0;
        for (const struct host_message *m = last; m && m->at_ms > last->at_ms - ms; m = m->next)
            count++;
        most = count > most ? count : most;
    }
    return most;
}

static void test_rate(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 2, .config = ROUTE "limit = ( { for = \"*\", rate = \"30/1m\" } )\n"});
    struct host *h = world_host(w, "192.0.2.1");
    submit(w, 200);
    world_run(w, 3 * TIME_MINUTE_MS);
    assert_in_range(h->received_count, 85, 95); // it is used, too
    world_restart(w);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(h->received_count, 200);
    assert_in_range(most_within(h, TIME_MINUTE_MS), 28, 31); // 31: a restart forgets the last one
    world_free(w);
}

// Whoever's mail opens a next hop that several domains share, its limits are its own.
static void test_a_shared_next_hop(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct world *w = world_new(&(struct world_options){
            .seed = 2,
            .config = ROUTE "limit = ( { for = \"192.0.2.1\", connections = 3 },\n"
                            " { for = \"one.example\", connections = 1 } )\n"});
        struct host *h = world_host(w, "192.0.2.1");
        h->pace = PACE_SLOW_DOT;
        h->slow_ms = TIME_SECOND_MS;
        for (int i = 0; i < 60; i++) {
            char rcpt[64];
            snprintf(rcpt, sizeof rcpt, "b%d@%s.example", i, i % 2 == first ? "one" : "two");
            assert_int_not_equal(world_submit(w, "a@x.example", rcpt, "Subject: x\r\n\r\nx\r\n"),
                                 0);
        }
        assert_true(world_run_until_empty(w, TIME_HOUR_MS));
        assert_int_equal(h->connections_peak, 3);
        world_free(w);
    }
}

enum { ENOUGH = 4 };

// Greets the sixth conversation with 421, as many hosts do.
static enum host_state only_so_many(const struct host *h, int64_t now_ms, void *arg)
{
    (void)now_ms, (void)arg;
    return h->connections_open > ENOUGH ? HOST_BUSY : HOST_UP;
}

static bool is_told_of_some(struct world *w, const char *what)
{
    bool is_told = false;
    for (int i = 0; i < 100 && !is_told; i++) {
        char rcpt[64];
        const char *about = rcpt;
        int code;
        snprintf(rcpt, sizeof rcpt, "b%d@example.com", i);
        is_told = strstr(world_ask(w, "why", &about, 1, &code), what) != NULL;
    }
    return is_told;
}

static void test_a_host_that_has_enough(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 2, .config = ROUTE});
    struct host *h = world_host(w, "192.0.2.1");
    h->weather = only_so_many;
    h->pace = PACE_SLOW_DOT;
    h->slow_ms = TIME_SECOND_MS;
    submit(w, 1000);
    world_run(w, 10 * TIME_SECOND_MS);
    assert_true(is_told_of_some(w, "by a short wait, as its destination takes other mail"));
    // Five at once and a second each: a little more than three minutes, if it never has to rest.
    assert_true(world_run_until_empty(w, 4 * TIME_MINUTE_MS));
    assert_int_equal(h->received_count, 1000);
    assert_in_range(h->connections, ENOUGH, 60); // and it is not knocked at all the time
    world_free(w);
}

enum { AT_ONCE = 10, MANY = 25 };

// Takes ten recipients in a transaction, in the words of Postfix or of servers without codes.
struct few {
    const char *reply;
    uint32_t count;
};

static const char *only_few(const struct host *h, struct slice rcpt, int64_t now_ms, void *arg)
{
    struct few *few = arg;
    (void)h, (void)rcpt, (void)now_ms;
    return few->count++ < AT_ONCE ? NULL : few->reply;
}

static void took(const struct host *h, const struct host_message *m, void *arg)
{
    (void)h, (void)m;
    ((struct few *)arg)->count = 0;
}

// RFC 5321 4.5.3.1.10: the rest goes in further transactions, at once and not by a schedule.
static void test_recipients_of_a_transaction(void **state)
{
    (void)state;
    static const char *const replies[] = {"452 4.5.3 Error: too many recipients",
                                          "452 too many recipients", "552 5.5.3 enough"};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct world *w = world_new(&(struct world_options){.seed = 4, .config = ROUTE});
        struct host *h = world_host(w, "192.0.2.1");
        struct few few = {.reply = replies[i]};
        h->judge = only_few;
        h->took = took;
        h->watch_arg = &few;
        char rcpts[MANY * 20] = "";
        for (int k = 0; k < MANY; k++)
            snprintf(rcpts + strlen(rcpts), sizeof rcpts - strlen(rcpts), "%sn%d@b.example",
                     k ? " " : "", k);
        assert_int_not_equal(world_submit(w, "a@x.example", rcpts, "Subject: x\r\n\r\nx\r\n"), 0);
        assert_true(world_run_until_empty(w, 10 * TIME_SECOND_MS));
        assert_int_equal(h->received_count, 3);
        assert_int_equal(host_count_to(h, "n24@b.example"), 1);
        world_free(w);
    }
}

// A host that takes nobody does not want the rest: there is none.
static void test_no_recipient_at_all(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 4, .config = ROUTE});
    struct host *h = world_host(w, "192.0.2.1");
    struct few few = {.reply = "452 4.5.3 Error: too many recipients", .count = AT_ONCE};
    h->judge = only_few;
    h->watch_arg = &few;
    assert_int_not_equal(
        world_submit(w, "a@x.example", "n1@b.example n2@b.example", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(h->received_count, 0);
    assert_in_range(few.count, AT_ONCE + 2, AT_ONCE + 12); // by the schedule: 5, 20, 50 minutes
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_a_shared_next_hop),
        cmocka_unit_test(test_a_host_that_has_enough),
        cmocka_unit_test(test_recipients_of_a_transaction),
        cmocka_unit_test(test_no_recipient_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
