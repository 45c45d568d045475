// SPDX-License-Identifier: BSD-2-Clause
// Mode "queue": mail is accepted, and tried when an operator flushes it, once a flush.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/asking.h"

#define TABLES                                                                                     \
    "route = ( { for = \"one.example\", to = [ \"smtp://192.0.2.1:25\" ] },\n"                     \
    "          { for = \"two.example\", to = [ \"smtp://192.0.2.2:25\" ] },\n"                     \
    "          { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n"
#define CONFIG "mode = \"queue\"\n" TABLES

static const char text[] = "Subject: x\r\n\r\nhello\r\n";

static struct world *make_world(uint64_t seed)
{
    return world_new(&(struct world_options){.seed = seed, .config = CONFIG, .keeps_trace = true});
}

static const char *submit(struct world *w, const char *rcpts, char id[MESSAGE_ID_DIGITS + 1])
{
    uint64_t number = world_submit(w, "a@x.example", rcpts, text);
    assert_int_not_equal(number, 0);
    message_id_format(number, id);
    return id;
}

static void test_nothing_goes_by_itself(void **state)
{
    (void)state;
    char id[MESSAGE_ID_DIGITS + 1];
    struct world *w = make_world(1);
    struct host *one = world_host(w, "192.0.2.1");
    submit(w, "b@one.example c@two.example", id);
    world_run(w, TIME_HOUR_MS);
    world_restart(w);
    world_run(w, TIME_HOUR_MS);
    world_crash(w);
    world_run(w, 6 * TIME_DAY_MS);
    assert_int_equal(one->connections, 0);
    assert_int_equal(world_host(w, "192.0.2.9")->connections, 0);
    // It grew old: the sender is warned, by mail that waits as well. Nothing expires untried.
    assert_int_equal(world_queued(w), 2);
    ask(w, "flush", NULL);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(host_count_to(one, "b@one.example"), 1);
    assert_int_equal(host_count_to(world_host(w, "192.0.2.2"), "c@two.example"), 1);
    const struct host *senders = world_host(w, "192.0.2.9");
    assert_int_equal(host_count_notices(senders, "Action: delayed", "b@one.example"), 1);
    assert_null(strstr(senders->received->content, "Next try"));
    world_free(w);
}

// What failed waits for the next flush, and what came while it went on, too.
static void test_each_flush_tries_once(void **state)
{
    (void)state;
    char id[MESSAGE_ID_DIGITS + 1];
    struct world *w = make_world(2);
    struct host *one = world_host(w, "192.0.2.1");
    one->state = HOST_GREYLIST;
    submit(w, "b@one.example", id);
    ask(w, "flush", NULL);
    submit(w, "c@one.example", id);
    world_run(w, TIME_DAY_MS / 8);
    assert_int_equal(one->connections, 1);
    assert_non_null(strstr(ask(w, "list", "attempts>=1"), "b@one.example"));
    assert_null(strstr(ask(w, "list", "attempts>=1"), "c@one.example"));
    one->state = HOST_UP;
    ask(w, "flush", NULL);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(one->received_count, 2);
    world_free(w);
}

static void test_selection(void **state)
{
    (void)state;
    char ids[3][MESSAGE_ID_DIGITS + 1];
    struct world *w = make_world(3);
    struct host *one = world_host(w, "192.0.2.1");
    for (int i = 0; i < 3; i++)
        submit(w, i == 1 ? "m1@one.example n1@one.example" : "m@one.example", ids[i]);
    assert_non_null(strstr(ask(w, "flush", "to=m1@*"), "flush: 1 recipient of 1 message"));
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->received_count, 1);
    assert_string_equal(one->received->rcpts, "m1@one.example");
    ask(w, "flush", ids[2]);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->received_count, 2);
    assert_null(strstr(ask(w, "list", NULL), ids[2]));
    ask(w, "flush", "to=*1@one.example");
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->received_count, 3);
    assert_string_equal(one->received->rcpts, "n1@one.example");
    assert_int_equal(world_queued(w), 1);
    world_free(w);
}

// The host is down: one attempt finds out, the rest is left alone, and nothing probes by itself. A
// flush of one of them, when the host is up again, delivers this one.
static void test_host_is_down(void **state)
{
    (void)state;
    char ids[4][MESSAGE_ID_DIGITS + 1];
    struct world *w = world_new(
        &(struct world_options){.seed = 4,
                                .config = CONFIG "limit = ( { for = \"*\", connections = 1 } )\n",
                                .keeps_trace = true});
    struct host *one = world_host(w, "192.0.2.1");
    one->state = HOST_BUSY;
    for (int i = 0; i < 4; i++)
        submit(w, "b@one.example", ids[i]);
    ask(w, "flush", "to=*@one.example");
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->connections, 1);
    ask(w, "flush", NULL);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->connections, 2);
    one->state = HOST_UP;
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->connections, 2);
    ask(w, "flush", ids[3]);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->received_count, 1);
    assert_null(strstr(ask(w, "list", NULL), ids[3]));
    world_restart(w);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->received_count, 1);
    ask(w, "flush", NULL);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(one->received_count, 4);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// Mail expires after one real attempt, and its notice waits for a flush like any other mail.
static void test_growing_old(void **state)
{
    (void)state;
    char id[MESSAGE_ID_DIGITS + 1];
    struct world *w = make_world(5);
    struct host *one = world_host(w, "192.0.2.1"), *senders = world_host(w, "192.0.2.9");
    one->state = HOST_GREYLIST;
    submit(w, "b@one.example", id);
    ask(w, "flush", NULL);
    world_run(w, 6 * TIME_DAY_MS);
    assert_int_equal(one->connections, 1);
    assert_int_equal(senders->connections, 0);
    assert_int_equal(world_queued(w), 2); // a warning and a notice
    one->state = HOST_REJECT;
    submit(w, "c@one.example", id);
    ask(w, "flush", "to=*@one.example");
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 3);
    assert_int_equal(senders->connections, 0);
    ask(w, "flush", NULL);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(host_count_notices(senders, "Action: delayed", "b@one.example"), 1);
    assert_int_equal(host_count_notices(senders, "Action: failed", "b@one.example"), 1);
    assert_int_equal(host_count_notices(senders, "Action: failed", "c@one.example"), 1);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

static void test_listings(void **state)
{
    (void)state;
    int code;
    char id[MESSAGE_ID_DIGITS + 1];
    struct world *w = make_world(6);
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    submit(w, "b@one.example", id);
    for (int is_tried = 0; is_tried <= 1; is_tried++) {
        const char *state_name = is_tried ? "deferred" : "queued";
        char want[64];
        const char *table = ask(w, "list", NULL);
        assert_non_null(strstr(table, state_name));
        assert_non_null(strstr(table, "  on flush   "));
        const char *jsonl = world_ask(w, "list", (const char *const[]){"--format=jsonl"}, 1, &code);
        if (code == 0 && strstr(jsonl, "queue_name"))
            assert_non_null(strstr(jsonl, "next_attempt\\\": null"));
        snprintf(want, sizeof want, "state:      %s", state_name);
        const char *show = ask(w, "show", id);
        assert_non_null(strstr(show, want));
        assert_non_null(strstr(show, "next try:   when it is flushed"));
        ask(w, "flush", NULL);
        world_run(w, TIME_MINUTE_MS);
    }
    world_free(w);
}

// SIGHUP: what waited goes at once; and it stops at once.
static void test_reload(void **state)
{
    (void)state;
    char id[MESSAGE_ID_DIGITS + 1];
    struct world *w = make_world(7);
    struct host *one = world_host(w, "192.0.2.1"), *two = world_host(w, "192.0.2.2");
    two->state = HOST_GREYLIST;
    submit(w, "b@one.example c@two.example", id);
    world_run(w, TIME_HOUR_MS);
    world_reload(w, TABLES);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(one->received_count, 1);
    assert_int_equal(two->connections, 1);
    world_reload(w, CONFIG);
    submit(w, "d@one.example", id);
    world_run(w, 3 * TIME_HOUR_MS);
    assert_int_equal(one->received_count, 1);
    assert_int_equal(two->connections, 1);
    two->state = HOST_UP;
    world_reload(w, TABLES);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(one->received_count, 2);
    assert_int_equal(two->received_count, 1);
    world_free(w);
}

// What a flush had picked and a crash kept it from is due when the mode changes.
static void test_marks_outlive_a_crash(void **state)
{
    (void)state;
    char id[MESSAGE_ID_DIGITS + 1];
    struct world *w = make_world(8);
    struct host *one = world_host(w, "192.0.2.1");
    one->pace = PACE_SLOW_CONNECT;
    one->slow_ms = 5000;
    submit(w, "b@one.example", id);
    ask(w, "flush", id);
    world_run(w, TIME_SECOND_MS);
    world_crash(w);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->received_count, 0);
    assert_non_null(strstr(ask(w, "list", NULL), "on flush"));
    world_reload(w, TABLES);
    assert_true(world_run_until_empty(w, TIME_MINUTE_MS));
    assert_int_equal(one->received_count, 1);
    world_free(w);
}

// Many messages to a few destinations: one flush takes them all, though few fit in memory at once;
// the operator need not stay.
static void test_many(void **state)
{
    (void)state;
    char id[MESSAGE_ID_DIGITS + 1];
    struct world *w = make_world(9);
    for (int i = 0; i < 1500; i++)
        submit(w, i % 3 ? "b@one.example" : "c@two.example d@three.example", id);
    world_tell(w, "flush", NULL, 0);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 1000);
    assert_int_equal(world_host(w, "192.0.2.2")->received_count, 500);
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 500);
    world_free(w);
}

// The same by a selection, while the queue is worked on otherwise.
static void test_many_selected(void **state)
{
    (void)state;
    char id[MESSAGE_ID_DIGITS + 1];
    struct world *w = make_world(10);
    for (int i = 0; i < 1500; i++)
        submit(w, i % 2 ? "c@one.example" : "b@one.example", id);
    ask(w, "flush", "to=b@*");
    world_reload(w, CONFIG);
    ask(w, "hold", id);
    ask(w, "release", id);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 750);
    assert_int_equal(host_count_to(world_host(w, "192.0.2.1"), "c@one.example"), 0);
    ask(w, "requeue", "--all");
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 750);
    ask(w, "flush", NULL);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 1500);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_goes_by_itself),
        cmocka_unit_test(test_each_flush_tries_once),
        cmocka_unit_test(test_selection),
        cmocka_unit_test(test_host_is_down),
        cmocka_unit_test(test_growing_old),
        cmocka_unit_test(test_listings),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_marks_outlive_a_crash),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_many_selected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
