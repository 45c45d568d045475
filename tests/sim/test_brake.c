// SPDX-License-Identifier: BSD-2-Clause
// The bounce brake: refusals that all have one cause are held for an operator, instead of sending
// everybody a notice.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/asking.h"

enum { MESSAGES = 1000, SENDERS = 10, FREE = 19 }; // of 20 failures that close it

static const char config[] = "route = ( { for = \"one.example\", to = [ \"mx\" ] },\n"
                             "          { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n";
static const char text[] = "Subject: x\r\n\r\nhello\r\n";

static struct world *make_world(uint64_t seed, const char *configuration)
{
    struct world *w = world_new(
        &(struct world_options){.seed = seed, .config = configuration, .keeps_trace = true});
    world_name(w, "one.example", "192.0.2.1");
    return w;
}

static void submit_many(struct world *w, uint32_t count, uint32_t senders)
{
    char from[64];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(from, sizeof from, "a%u@x.example", i % senders);
        assert_int_not_equal(world_submit(w, from, "b@one.example", text), 0);
    }
}

static void assert_held(struct world *w, uint32_t count)
{
    assert_int_equal(world_queued(w), count);
    char want[64];
    snprintf(want, sizeof want, "held        %u recipients", count);
    const char *stats = ask(w, "stats", NULL);
    if (!strstr(stats, want))
        fail_msg("%s not in:\n%s", want, stats);
}

// A thousand refusals of ten senders: nineteen notices, the rest is held, for as long as it takes;
// released after the fix, all of it is delivered.
static void test_flood_is_held_and_released(void **state)
{
    (void)state;
    struct world *w = make_world(1, config);
    struct host *one = world_host(w, "192.0.2.1"), *senders = world_host(w, "192.0.2.9");
    one->state = HOST_REFUSE;
    submit_many(w, MESSAGES, SENDERS);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(senders->received_count, FREE);
    assert_held(w, MESSAGES - FREE);
    assert_int_equal(count_in(w->trace.p, "bounce brake: 20 refusals alike"), 1);
    assert_int_equal(count_in(w->trace.p, "status=bounced"), FREE);
    assert_int_equal(
        count_in(w->trace.p, "dsn=4.7.1, status=deferred (held by the bounce brake: host "),
        MESSAGES - FREE);
    const char *stats = ask(w, "stats", NULL);
    assert_non_null(strstr(stats, "Bounce brake"));
    assert_non_null(strstr(stats, "981 recipients held that "));
    assert_non_null(strstr(ask(w, "stats", "--format=json"), "held\\\": 981"));
    world_crash(w); // the brake forgets, the spool does not
    world_run(w, 10 * TIME_DAY_MS);
    assert_held(w, MESSAGES - FREE);
    assert_non_null(strstr(ask(w, "stats", NULL), "981 recipients held that "));
    assert_int_equal(senders->received_count, FREE);
    one->state = HOST_UP;
    ask(w, "release", "state=held");
    assert_null(strstr(ask(w, "stats", NULL), "Bounce brake")); // with the last of its mail
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(one->received_count, MESSAGES - FREE);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// An operator's word is above the brake, and the sender hears what the next hop said.
static void test_held_ones_are_given_back(void **state)
{
    (void)state;
    struct world *w = make_world(2, config);
    struct host *senders = world_host(w, "192.0.2.9");
    world_host(w, "192.0.2.1")->state = HOST_REFUSE;
    submit_many(w, 60, 3);
    world_run(w, TIME_MINUTE_MS);
    assert_held(w, 60 - FREE);
    assert_non_null(strstr(ask(w, "list", "--format=jsonl"),
                           "\\\"delay_reason\\\": \\\"bounce brake: too many mails"));
    assert_non_null(strstr(ask(w, "list", NULL), "held: bounce brake: too many mails were refused "
                                                 "like this\\n       554 5.7.1"));
    ask(w, "hold", "--all"); // held as it is: it stays the brake's
    assert_non_null(strstr(ask(w, "stats", NULL), "41 recipients held that "));
    ask(w, "bounce", "state=held");
    assert_null(strstr(ask(w, "stats", NULL), "Bounce brake"));
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(senders->received_count, 60);
    assert_int_equal(host_count_notices(senders, "Action: failed", "554 5.7.1"), 60);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// Released before the fix: held again.
static void test_released_too_early(void **state)
{
    (void)state;
    struct world *w = make_world(3, config);
    struct host *senders = world_host(w, "192.0.2.9");
    world_host(w, "192.0.2.1")->state = HOST_REFUSE;
    submit_many(w, 60, 3);
    world_run(w, TIME_MINUTE_MS);
    ask(w, "release", "state=held");
    world_run(w, TIME_MINUTE_MS);
    assert_held(w, 60 - FREE);
    assert_int_equal(senders->received_count, FREE);
    world_free(w);
}

// One sender's mailing, and mail that is refused a little at a time, is given back as ever.
static void test_what_is_no_flood(void **state)
{
    (void)state;
    struct world *w = make_world(4, config);
    struct host *senders = world_host(w, "192.0.2.9");
    world_host(w, "192.0.2.1")->state = HOST_REFUSE;
    submit_many(w, 60, 2);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(senders->received_count, 60);
    for (int i = 0; i < 60; i++) {
        submit_many(w, 3, 3);
        world_run(w, 2 * TIME_MINUTE_MS);
    }
    assert_int_equal(senders->received_count, 240);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

static void test_switched_off(void **state)
{
    (void)state;
    char off[1024];
    snprintf(off, sizeof off, "%sbrake = { failures = 0 }\n", config);
    struct world *w = make_world(5, off);
    world_host(w, "192.0.2.1")->state = HOST_REFUSE;
    submit_many(w, 60, SENDERS);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 60);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flood_is_held_and_released),
        cmocka_unit_test(test_held_ones_are_given_back),
        cmocka_unit_test(test_released_too_early),
        cmocka_unit_test(test_what_is_no_flood),
        cmocka_unit_test(test_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
