// SPDX-License-Identifier: BSD-2-Clause
// Lists of next hops: who does not work is passed over while others serve, and is found again.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A     "192.0.2.1"
#define B     "192.0.2.2"
#define TWO   "route = ( { for = \"*\", to = [ \"smtp://" A "\", \"smtp://" B "\" ] } )\n"
#define RETRY "retry = ( { for = \"*\", schedule = \"10m\", jitter = \"0%\" } )\n"

static const char content[] = "Subject: x\r\n\r\nx\r\n";

static struct world *world_of(const char *config)
{
    return world_new(&(struct world_options){.seed = 7, .config = config, .keeps_trace = true});
}

static void submit(struct world *w, const char *rcpt)
{
    assert_int_not_equal(world_submit(w, "a@example.org", rcpt, content), 0);
}

static const char *ask(struct world *w, const char *verb, const char *word)
{
    int code;
    const char *answer = world_ask(w, verb, &word, word ? 1 : 0, &code);
    assert_int_equal(code, 0);
    return answer;
}

static void assert_says(const char *answer, const char *want)
{
    if (!strstr(answer, want))
        fail_msg("\"%s\" is not in: %s", want, answer);
}

// The first message waits for all time-outs of the host that is silent; nobody else does until its
// rest is over, and then one message does.
static void test_one_waits(void **state)
{
    (void)state;
    struct world *w = world_of(TWO RETRY);
    struct host *a = world_host(w, A), *b = world_host(w, B);
    a->state = HOST_SILENT;
    submit(w, "b@one.example");
    world_run(w, 6 * TIME_MINUTE_MS);
    assert_int_equal(b->received_count, 1);
    for (int n = 0; n < 8; n++) {
        submit(w, "b@one.example");
        world_run(w, TIME_MINUTE_MS);
        assert_int_equal(b->received_count, 2 + n);
    }
    assert_int_equal(a->connections, 1);
    assert_int_equal(world_queued(w), 0);
    assert_says(w->trace.p,
                "next hop smtp://" A " does not work, others of its list are tried first "
                "until 2026-01-01T00:15:");
    const char *answer = ask(w, "why", "one.example");
    assert_says(answer, "health:     good\\n  delivered:  last on 2026-01-01T00:1");
    assert_says(answer, "\\n  next hop:   smtp://" A " rests until ");
    assert_says(answer, "it has failed 1 time: ");
    assert_says(ask(w, "stats", NULL), "passed over");
    answer = ask(w, "route", "b@one.example");
    assert_says(answer, "passed over: smtp://" A " rests until ");
    assert_says(answer,
                "1  " B "[" B "]:25  by smtp, TLS may (the default)\\n    2  " A "[" A "]:25");
    // The next one finds out, and the others pass it.
    world_run(w, 2 * TIME_MINUTE_MS);
    for (int n = 0; n < 5; n++)
        submit(w, "b@one.example");
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(a->connections, 2);
    assert_int_equal(b->received_count, 13);
    assert_says(ask(w, "route", "b@one.example"),
                "smtp://" A " is being tried again, it has failed 1");
    world_run(w, 5 * TIME_MINUTE_MS);
    assert_int_equal(b->received_count, 14);
    assert_says(ask(w, "route", "b@one.example"), "it has failed 2 times in a row");
    // It is back: the first that finds out takes all others along.
    a->state = HOST_UP;
    world_run(w, 10 * TIME_MINUTE_MS);
    for (int n = 0; n < 5; n++) {
        submit(w, "b@one.example");
        world_run(w, TIME_SECOND_MS);
    }
    assert_int_equal(a->received_count, 5);
    assert_says(w->trace.p, "next hop smtp://" A " works again");
    assert_null(strstr(ask(w, "route", "b@one.example"), "passed over"));
    assert_null(strstr(ask(w, "stats", NULL), "passed over"));
    world_free(w);
}

// What is known outlasts a restart and a crash; a flush, a reload and a way out of this machine
// make us try at once.
static void test_what_ends_it(void **state)
{
    enum { BY_RESTART, BY_CRASH, BY_FLUSH, BY_FLUSH_OF_MAIL, BY_RELOAD, WAYS };
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        struct world *w = world_of(TWO RETRY);
        struct host *a = world_host(w, A), *b = world_host(w, B);
        a->state = HOST_DOWN;
        submit(w, "b@one.example");
        world_run(w, TIME_MINUTE_MS);
        assert_int_equal(b->received_count, 1);
        a->state = HOST_UP;
        if (way == BY_RESTART)
            world_restart(w);
        else if (way == BY_CRASH)
            world_crash(w);
        else if (way == BY_RELOAD)
            world_reload(w, TWO RETRY);
        else if (way == BY_FLUSH)
            ask(w, "flush", NULL);
        world_run(w, TIME_SECOND_MS);
        bool is_known = way == BY_RESTART || way == BY_CRASH || way == BY_FLUSH_OF_MAIL;
        submit(w, "b@two.example");
        world_run(w, TIME_MINUTE_MS);
        assert_int_equal(a->received_count, is_known ? 0 : 1);
        assert_int_equal(b->received_count, is_known ? 2 : 1);
        if (way == BY_FLUSH_OF_MAIL) {
            b->state = HOST_GREYLIST;
            submit(w, "b@two.example");
            world_run(w, TIME_SECOND_MS);
            ask(w, "flush", "to=b@two.example");
            world_run(w, TIME_SECOND_MS);
            assert_int_equal(a->received_count, 1);
        }
        assert_int_equal(world_queued(w), 0);
        world_free(w);
    }
}

// Nobody of the list works: mail rests, as with a single next hop; whoever comes back first serves.
static void test_all_down(void **state)
{
    (void)state;
    struct world *w = world_of(TWO RETRY);
    struct host *a = world_host(w, A), *b = world_host(w, B);
    a->state = b->state = HOST_BUSY;
    for (int n = 0; n < 20; n++)
        submit(w, "b@one.example");
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 20);
    assert_in_range(a->connections, 5, 12); // the first ones at the same time
    assert_in_range(b->connections, 5, 12);
    b->state = HOST_UP;
    assert_true(world_run_until_empty(w, 11 * TIME_MINUTE_MS));
    assert_int_equal(b->received_count, 20);
    a->state = HOST_UP;
    world_run(w, 11 * TIME_MINUTE_MS);
    submit(w, "b@one.example");
    assert_true(world_run_until_empty(w, TIME_MINUTE_MS));
    assert_int_equal(a->received_count, 1);
    world_free(w);
}

// By MX each domain's hosts are its own; what stands in two lists is one.
static void test_whose_it_is(void **state)
{
    (void)state;
    struct world *w =
        world_of("route = ( { for = \"c.example\", to = [ \"smtp://192.0.2.9\", \"smtp://" B
                 "\" ] }, { for = \"*\", to = [ \"mx\", \"smtp://192.0.2.9\", \"smtp://" B
                 "\" ] } )\n" RETRY);
    struct host *relay = world_host(w, "192.0.2.9"), *last = world_host(w, B);
    world_name(w, "a.example", A);
    world_name(w, "b.example", "192.0.2.3");
    world_host(w, A)->state = HOST_BUSY; // 421
    relay->state = HOST_BUSY;
    for (int n = 0; n < 3; n++) {
        submit(w, "x@a.example");
        world_run(w, TIME_SECOND_MS);
        submit(w, "x@b.example");
        submit(w, "x@c.example");
        world_run(w, TIME_SECOND_MS);
    }
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(world_host(w, A)->connections, 1);
    assert_int_equal(relay->connections, 1);
    assert_int_equal(last->received_count, 6);
    assert_int_equal(world_host(w, "192.0.2.3")->received_count, 3);
    assert_says(ask(w, "why", "a.example"), "next hop:   mx of a.example rests until ");
    world_free(w);
}

// A list that ends in "error:" or "discard:" has one next hop: that is not passed over.
static void test_final(void **state)
{
    (void)state;
    struct world *w = world_of("route = ( { for = \"one.example\", to = [ \"smtp://" A
                               "\", \"error:5.1.2 gone\" ] }, { for = \"two.example\", to = [ "
                               "\"smtp://" A "\", \"smtp://" B "\", \"error:5.1.2 gone\" ] },"
                               "{ for = \"*\", to = [ \"discard:\" ] } )\n" RETRY);
    world_host(w, A)->state = HOST_DOWN;
    submit(w, "b@two.example");
    world_run(w, TIME_SECOND_MS);
    world_host(w, A)->state = HOST_UP;
    submit(w, "b@one.example"); // which asks it all the same
    submit(w, "b@two.example"); // which does not
    assert_true(world_run_until_empty(w, TIME_MINUTE_MS));
    assert_int_equal(world_host(w, A)->received_count, 1);
    assert_int_equal(world_host(w, B)->received_count, 2);
    assert_null(strstr(w->trace.p, "gone"));
    world_free(w);
}

// More dead addresses than one attempt goes to do not keep mail from what stands behind them.
static void test_behind_many(void **state)
{
    (void)state;
    struct world *w =
        world_of("route = ( { for = \"*\", to = [ \"mx\", \"smtp://" B "\" ] } )\n" RETRY);
    for (int i = 0; i < 30; i++) {
        char name[32], ip[32];
        snprintf(name, sizeof name, "mx%d.many.example", i);
        snprintf(ip, sizeof ip, "198.51.100.%d", i + 1);
        world_mx(w, "many.example", 10, name);
        world_name(w, name, ip);
        world_host(w, ip)->state = HOST_DOWN;
    }
    submit(w, "b@many.example");
    assert_true(world_run_until_empty(w, TIME_MINUTE_MS));
    assert_int_equal(world_host(w, B)->received_count, 1);
    world_free(w);
}

// That a domain has no hosts is no failure of theirs: nobody is passed over for it, and the
// connection to who serves instead is used again.
static void test_nobody_there(void **state)
{
    (void)state;
    struct world *w =
        world_of("route = ( { for = \"*\", to = [ \"mx\", \"smtp://" B "\" ] } )\n" RETRY);
    for (int n = 0; n < 5; n++) {
        submit(w, "b@nobody.example");
        world_run(w, 100);
    }
    assert_true(world_run_until_empty(w, TIME_MINUTE_MS));
    assert_int_equal(world_host(w, B)->received_count, 5);
    assert_int_equal(world_host(w, B)->connections, 1);
    assert_null(strstr(w->trace.p, "does not work"));
    world_free(w);
}

enum { HOSTS = 3, MESSAGES = 40, SEEDS = 40, ROUNDS = 60 };

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random = *random * 6364136223846793005U + 1442695040888963407U;
    return (*random >> 33) % below;
}

static void change_something(struct world *w, uint64_t *random, const char *config)
{
    static const enum host_state states[] = {HOST_UP, HOST_DOWN, HOST_SILENT, HOST_BUSY, HOST_UP};
    char ip[32];
    snprintf(ip, sizeof ip, "192.0.2.%u", (unsigned)draw(random, HOSTS) + 1);
    switch (draw(random, 12)) {
    case 0:
        world_run(w, TIME_SECOND_MS); // what was delivered is in the spool by then
        world_crash(w);
        break;
    case 1:
        world_restart(w);
        break;
    case 2:
        world_reload(w, config);
        break;
    case 3:
        ask(w, "flush", NULL);
        break;
    case 4:
        world_jump(w, (int64_t)draw(random, 3) * TIME_HOUR_MS);
        break;
    default:
        world_host(w, ip)->state = states[draw(random, sizeof states / sizeof *states)];
    }
}

// Whatever happens to hosts and to us, nobody's mail is lost or comes twice, and when hosts are
// well again it goes, in the end to the first of the list.
static void test_weather(void **state)
{
    static const char config[] =
        "retry = ( { for = \"*\", warn_after = [] } )\nroute = ( { for = \"*\", from = "
        "\"b@example.org\", to = [ "
        "\"smtp://192.0.2.2\", \"smtp://192.0.2.1\" ] },\n { for = \"*\", to = [ "
        "\"smtp://192.0.2.1\", "
        "\"smtp://192.0.2.2\", \"smtp://192.0.2.3\" ] } )\n";
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t random = seed;
        uint32_t received = 0, before[HOSTS];
        struct world *w = world_new(&(struct world_options){.seed = seed + 1, .config = config});
        for (int i = 0; i < ROUNDS; i++) {
            change_something(w, &random, config);
            const char *sender = draw(&random, 2) ? "a@example.org" : "b@example.org";
            if (i < MESSAGES)
                assert_int_not_equal(world_submit(w, sender, "x@one.example", content), 0);
            world_run(w, (int64_t)draw(&random, 30 * TIME_MINUTE_MS));
        }
        static const char *const ips[HOSTS] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
        for (int i = 0; i < HOSTS; i++)
            world_host(w, ips[i])->state = HOST_UP;
        assert_true(world_run_until_empty(w, 2 * TIME_HOUR_MS));
        for (int i = 0; i < HOSTS; i++)
            received += before[i] = world_host(w, ips[i])->received_count;
        if (received != MESSAGES)
            fail_msg("seed %llu: %u", (unsigned long long)seed, received);
        world_run(w, TIME_HOUR_MS);
        for (int i = 0; i < 2; i++) { // the first finds out that hosts are well
            assert_int_not_equal(world_submit(w, "a@example.org", "x@one.example", content), 0);
            assert_int_not_equal(world_submit(w, "b@example.org", "x@one.example", content), 0);
            world_run(w, TIME_MINUTE_MS);
        }
        assert_int_equal(world_host(w, ips[0])->received_count, before[0] + 2);
        assert_int_equal(world_host(w, ips[1])->received_count, before[1] + 2);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_waits),    cmocka_unit_test(test_what_ends_it),
        cmocka_unit_test(test_all_down),     cmocka_unit_test(test_whose_it_is),
        cmocka_unit_test(test_final),        cmocka_unit_test(test_behind_many),
        cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_weather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
