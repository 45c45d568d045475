// SPDX-License-Identifier: BSD-2-Clause
// The operator's verbs against the running pipeline, also in the middle of an attempt.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/asking.h"

static const char config[] =
    "route = ( { for = \"one.example\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
    "          { for = \"two.example\", to = [ \"smtp://192.0.2.2:25\" ] },\n"
    "          { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n";
static const char text[] = "Subject: x\r\n\r\nhello\r\n";

static struct world *make_world(uint64_t seed)
{
    return world_new(&(struct world_options){.seed = seed, .config = config, .keeps_trace = true});
}

// Asks, expects this exit code, returns the answer.
static void test_hold_and_release(void **state)
{
    (void)state;
    struct world *w = make_world(1);
    struct host *one = world_host(w, "192.0.2.1");
    one->state = HOST_DOWN;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example c@one.example", text), 0);
    assert_non_null(strstr(ask(w, "hold", "to=b@*"), "hold: 1 recipient of 1 message"));
    one->state = HOST_UP;
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(host_count_to(one, "c@one.example"), 1);
    assert_int_equal(host_count_to(one, "b@one.example"), 0);
    world_crash(w); // a hold survives
    world_run(w, TIME_DAY_MS);
    assert_int_equal(host_count_to(one, "b@one.example"), 0);
    ask(w, "release", "to=b@*");
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(host_count_to(one, "b@one.example"), 1);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// Right after a start the scheduler has not heard of any domain yet.
static void test_flush_right_after_a_start(void **state)
{
    (void)state;
    struct world *w = make_world(20);
    struct host *one = world_host(w, "192.0.2.1");
    one->state = HOST_GREYLIST;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    world_run(w, TIME_MINUTE_MS);
    one->state = HOST_UP;
    world_crash(w);
    ask(w, "flush", NULL);
    world_run(w, TIME_SECOND_MS);
    assert_int_equal(one->received_count, 1);
    world_free(w);
}

static void test_flush_of_a_selection(void **state)
{
    (void)state;
    struct world *w = make_world(2);
    world_host(w, "192.0.2.1")->state = world_host(w, "192.0.2.2")->state = HOST_DOWN;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    assert_int_not_equal(world_submit(w, "a@x.example", "b@two.example", text), 0);
    world_run(w, TIME_HOUR_MS);
    world_host(w, "192.0.2.1")->state = world_host(w, "192.0.2.2")->state = HOST_UP;
    ask(w, "flush", "domain=one.example");
    world_run(w, TIME_SECOND_MS);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 1);
    assert_int_equal(world_host(w, "192.0.2.2")->received_count, 0);
    ask(w, "flush", NULL);
    world_run(w, TIME_SECOND_MS);
    assert_int_equal(world_host(w, "192.0.2.2")->received_count, 1);
    world_free(w);
}

static void test_remove_during_an_attempt_wins(void **state)
{
    (void)state;
    struct world *w = make_world(3);
    world_host(w, "192.0.2.1")->state = HOST_SILENT;
    uint64_t id = world_submit(w, "a@x.example", "b@one.example", text);
    char word[MESSAGE_ID_DIGITS + 1];
    message_id_format(id, word);
    world_run(w, 2 * TIME_SECOND_MS);
    assert_non_null(strstr(ask(w, "list", "state=active"), word));
    ask(w, "remove", word);
    assert_int_equal(world_queued(w), 0);
    assert_non_null(strstr(w->trace.p, ": removed\n")); // as log readers want it
    world_run(w, TIME_DAY_MS);
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 0);
    ask_for(w, 66, "show", word);
    ask_for(w, 66, "remove", word);
    world_free(w);
}

static void test_bounce_tells_the_sender_once(void **state)
{
    (void)state;
    struct world *w = make_world(4);
    world_host(w, "192.0.2.1")->state = HOST_SILENT;
    world_host(w, "192.0.2.2")->state = HOST_GREYLIST;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example b@two.example", text), 0);
    world_run(w, 2 * TIME_SECOND_MS);
    ask(w, "bounce", "from=a@x.example");
    world_run(w, TIME_DAY_MS);
    struct host *senders = world_host(w, "192.0.2.9");
    assert_int_equal(host_count_notices(senders, "Action: failed", "b@one.example"), 1);
    assert_int_equal(host_count_notices(senders, "Action: failed", "b@two.example"), 1);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

static void test_requeue_forgets_attempts(void **state)
{
    (void)state;
    struct world *w = make_world(5);
    world_host(w, "192.0.2.1")->state = HOST_GREYLIST;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    world_run(w, TIME_HOUR_MS);
    assert_non_null(strstr(ask(w, "list", "attempts>=3"), "b@one.example"));
    ask(w, "requeue", "--all");
    world_run(w, TIME_SECOND_MS);
    assert_null(strstr(ask(w, "list", "attempts>=2"), "b@one.example"));
    assert_non_null(strstr(ask(w, "list", "attempts=1"), "b@one.example"));
    world_free(w);
}

static void test_dry_run_changes_nothing(void **state)
{
    (void)state;
    struct world *w = make_world(6);
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    static const char *const verbs[] = {"hold", "remove", "bounce", "requeue", "flush"};
    int code;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const char *words[] = {"--all", "--dry-run"};
        bool is_flush = strcmp(verbs[i], "flush") == 0;
        const char *answer =
            world_ask(w, verbs[i], is_flush ? words + 1 : words, is_flush ? 1 : 2, &code);
        assert_int_equal(code, 0);
        assert_non_null(strstr(answer, "would change: 1 recipient of 1 message"));
    }
    assert_int_equal(world_queued(w), 1);
    assert_non_null(strstr(ask(w, "list", "state=deferred"), "b@one.example"));
    ask_for(w, 64, "remove", NULL);
    ask_for(w, 64, "hold", "state=active");
    ask_for(w, 64, "remove", "1 OR 1=1");
    ask_for(w, 64, "flush", "%");
    world_free(w);
}

// A body of many chunks goes out whole, also when the first host fails and another one is asked.
static void test_long_body(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 7,
        .config = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\", "
                  "\"smtp://192.0.2.2:25\" ] } )\n"});
    world_host(w, "192.0.2.1")->state = HOST_BUSY;
    struct buf body;
    buf_init(&body, 8 * 1024 * 1024);
    buf_add_str(&body, "Subject: long\r\n\r\n");
    for (int i = 0; i < 40000; i++)
        buf_addf(&body, "line %d of a long body that needs more than one chunk of the spool\r\n",
                 i);
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", body.p), 0);
    world_run(w, TIME_MINUTE_MS);
    struct host *two = world_host(w, "192.0.2.2");
    assert_int_equal(two->received_count, 1);
    assert_true(two->received->size > body.n);
    assert_memory_equal(two->received->content + two->received->size - body.n, body.p, body.n);
    assert_int_equal(world_queued(w), 0);
    buf_close(&body);
    world_free(w);
}

// A thousand recipients: batches of a hundred, one notice per settled batch, each recipient named
// once.
static void test_many_recipients(void **state)
{
    (void)state;
    struct world *w = make_world(8);
    world_host(w, "192.0.2.1")->state = HOST_REJECT;
    struct buf rcpts;
    buf_init(&rcpts, 1024 * 1024);
    for (int i = 0; i < 1000; i++)
        buf_addf(&rcpts, "%sr%d@one.example", i ? " " : "", i);
    assert_int_not_equal(world_submit(w, "a@x.example", rcpts.p, text), 0);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 0);
    struct host *senders = world_host(w, "192.0.2.9");
    for (int i = 0; i < 1000; i += 111) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "Final-Recipient: rfc822; r%d@one.example\r\n", i);
        assert_int_equal(host_count_notices(senders, "Action: failed", rcpt), 1);
    }
    buf_close(&rcpts);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold_and_release),
        cmocka_unit_test(test_flush_right_after_a_start),
        cmocka_unit_test(test_flush_of_a_selection),
        cmocka_unit_test(test_remove_during_an_attempt_wins),
        cmocka_unit_test(test_bounce_tells_the_sender_once),
        cmocka_unit_test(test_requeue_forgets_attempts),
        cmocka_unit_test(test_dry_run_changes_nothing),
        cmocka_unit_test(test_long_body),
        cmocka_unit_test(test_many_recipients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
