// SPDX-License-Identifier: BSD-2-Clause
// Blocked here: no resolver, no network, a relay that will not have us. Mail waits as long as it
// takes, uses up nothing, bounces to nobody; the log says it once; and when it is over all of it
// goes out.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/asking.h"

enum { MESSAGES = 60, DOMAINS = 6 };

// Notices have a way of their own, so that one that should not be sent would be seen.
static const char by_mx[] = "route = ( { for = \"x.example\", to = [ \"smtp://127.0.0.9:25\" ] },\n"
                            "          { for = \"*\", to = [ \"mx\" ] } )\n"
                            "retry = ( { for = \"*\", warn_after = [], max_attempts = 3 } )\n";
static const char by_relay[] =
    "route = ( { for = \"x.example\", to = [ \"smtp://127.0.0.9:25\" ] },\n"
    "          { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"
    "retry = ( { for = \"*\", warn_after = [], max_attempts = 3 } )\n";
static const char text[] = "Subject: x\r\n\r\nhello\r\n";

static struct world *make_world(uint64_t seed, const char *configuration)
{
    struct world *w = world_new(
        &(struct world_options){.seed = seed, .config = configuration, .keeps_trace = true});
    char name[64];
    for (int i = 0; i < DOMAINS; i++) {
        snprintf(name, sizeof name, "d%d.example", i);
        world_name(w, name, "192.0.2.1");
    }
    return w;
}

static void submit_to(struct world *w, const char *rcpt)
{
    assert_int_not_equal(world_submit(w, "a@x.example", rcpt, text), 0);
}

static void submit_many(struct world *w)
{
    char to[64];
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(to, sizeof to, "b%d@d%d.example", i, i % DOMAINS);
        submit_to(w, to);
    }
}

// Nothing was used up: not an attempt, and no notice went out; the log was loud once.
static void assert_untouched(struct world *w, const char *loud)
{
    assert_int_equal(world_queued(w), MESSAGES);
    assert_int_equal(world_host(w, "127.0.0.9")->received_count, 0);
    assert_null(strstr(ask(w, "list", "attempts>=1"), "@d"));
    assert_int_equal(count_in(w->trace.p, "of it is used up or given back"), 1);
    assert_says(w->trace.p, loud);
    assert_says(ask(w, "list", NULL), loud);
    const char *stats = ask(w, "stats", NULL);
    assert_says(stats, "Blocked here (nothing is given back for it):");
    assert_says(stats, loud + strlen("blocked here: "));
    assert_says(ask(w, "why", "b1@d1.example"), loud);
    assert_says(ask(w, "why", "d1.example"), loud);
    assert_says(ask(w, "plan", NULL), loud);
}

static void assert_all_goes_out(struct world *w)
{
    world_run(w, 5 * TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, MESSAGES);
    assert_int_equal(world_host(w, "127.0.0.9")->received_count, 0);
    assert_null(strstr(ask(w, "stats", NULL), "Blocked here"));
    assert_int_equal(count_in(w->trace.p, "no longer blocked here: "), 1);
}

static void test_resolver_is_gone_for_a_week(void **state)
{
    (void)state;
    struct world *w = make_world(1, by_mx);
    world_dns_is_gone(w, true);
    submit_many(w);
    world_run(w, 7 * TIME_DAY_MS);
    assert_untouched(w, "blocked here: no name server answers");
    world_dns_is_gone(w, false);
    assert_all_goes_out(w);
    world_free(w);
}

// Questions are few while it lasts: one a minute for each domain, and the canary.
static void test_dead_resolver_is_asked_little(void **state)
{
    (void)state;
    struct world *w = make_world(2, by_mx);
    world_dns_is_gone(w, true);
    submit_many(w);
    world_run(w, TIME_HOUR_MS);
    assert_in_range(w->lookups, 60, 60 * (DOMAINS + 2));
    world_free(w);
}

// The first name that is told ends it for all: nobody waits for a probe of his own.
static void test_resolver_answers_again(void **state)
{
    (void)state;
    struct world *w = make_world(20, by_mx);
    char name[64];
    world_dns_is_gone(w, true);
    for (int i = 0; i < DOMAINS; i++) {
        snprintf(name, sizeof name, "b@d%d.example", i);
        submit_to(w, name);
        world_run(w, 10 * TIME_SECOND_MS);
    }
    world_run(w, 5 * TIME_MINUTE_MS);
    world_dns_is_gone(w, false);
    for (int s = 0; s < 120 && !strstr(w->trace.p, "no longer blocked here: "); s++)
        world_run(w, TIME_SECOND_MS);
    world_run(w, 2 * TIME_SECOND_MS);
    for (int i = 0; i < DOMAINS; i++) {
        snprintf(name, sizeof name, "d%d.example", i);
        int code;
        const char *word = name;
        assert_null(strstr(world_ask(w, "why", &word, 1, &code), "blocked here"));
    }
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, DOMAINS);
    world_free(w);
}

static void test_network_is_down_for_a_week(void **state)
{
    (void)state;
    struct world *w = make_world(3, by_relay);
    world_network_is_down(w, true);
    submit_many(w);
    world_run(w, 7 * TIME_DAY_MS);
    assert_untouched(w, "blocked here: no network");
    world_network_is_down(w, false);
    assert_all_goes_out(w);
    world_free(w);
}

static void check_relay(uint64_t seed, enum host_state refuses, const char *loud)
{
    struct world *w = make_world(seed, by_relay);
    struct host *relay = world_host(w, "192.0.2.1");
    relay->state = refuses;
    submit_many(w);
    world_run(w, 6 * TIME_DAY_MS);
    assert_untouched(w, loud);
    assert_says(ask(w, "stats", NULL), "smtp://192.0.2.1:25");
    assert_true(relay->connections < 6 * 24 * 60 + 100); // one probe a minute at most
    relay->state = HOST_UP;
    assert_all_goes_out(w);
    world_free(w);
}

static void test_relay_refuses_us(void **state)
{
    (void)state;
    check_relay(4, HOST_BARRED, "blocked here: the relay refuses us");
    check_relay(5, HOST_NO_RELAY, "blocked here: the relay refuses us");
    check_relay(6, HOST_AUTH, "blocked here: the relay refuses our credentials");
}

// One thing at a time: what it said last.
static void test_relay_changes_its_answer(void **state)
{
    (void)state;
    struct world *w = make_world(15, by_relay);
    struct host *relay = world_host(w, "192.0.2.1");
    relay->state = HOST_BARRED;
    submit_many(w);
    world_run(w, 5 * TIME_MINUTE_MS);
    assert_says(ask(w, "stats", NULL), "the relay refuses us");
    relay->state = HOST_AUTH;
    world_run(w, 5 * TIME_MINUTE_MS);
    assert_says(ask(w, "stats", NULL), "the relay refuses our credentials");
    assert_null(strstr(ask(w, "stats", NULL), "the relay refuses us"));
    relay->state = HOST_UP;
    assert_all_goes_out(w);
    world_free(w);
}

// What no mail waits for any more is not listed.
static void test_nothing_waits_for_it(void **state)
{
    (void)state;
    static const char *const configs[] = {by_mx, by_relay, by_relay};
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        struct world *w = make_world(16 + i, configs[i]);
        struct host *relay = world_host(w, "192.0.2.1");
        relay->state = i == 1 ? HOST_BARRED : HOST_UP;
        world_network_is_down(w, i == 2);
        world_dns_is_gone(w, i != 1);
        submit_many(w);
        world_run(w, 5 * TIME_MINUTE_MS);
        assert_says(ask(w, "stats", NULL), "Blocked here");
        ask(w, "remove", "--all");
        world_run(w, 5 * TIME_MINUTE_MS);
        assert_null(strstr(ask(w, "stats", NULL), "Blocked here"));
        submit_to(w, "b@d1.example");
        world_run(w, TIME_MINUTE_MS);
        assert_says(ask(w, "stats", NULL), "Blocked here");
        world_free(w);
    }
}

// The same from a host that the DNS named is what it always was.
static void test_mx_refuses_us(void **state)
{
    (void)state;
    struct world *w = make_world(7, by_mx);
    world_host(w, "192.0.2.1")->state = HOST_NO_RELAY;
    submit_to(w, "b@d1.example");
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(host_count_notices(world_host(w, "127.0.0.9"), "Action: failed", "554"), 1);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// One domain that nobody can resolve is that domain's trouble, however quiet the rest is.
static void test_one_broken_domain(void **state)
{
    (void)state;
    struct world *w = make_world(8, by_mx);
    world_dns_fails(w, true);
    submit_to(w, "b@d1.example");
    world_run(w, TIME_MINUTE_MS);
    assert_null(strstr(w->trace.p, "blocked here"));
    assert_says(ask(w, "list", "attempts>=1"), "b@d1.example");
    world_run(w, TIME_DAY_MS); // three attempts are what the rule gives
    assert_int_equal(host_count_notices(world_host(w, "127.0.0.9"), "Action: failed", "d1"), 1);
    world_free(w);
}

// Tried once, then blocked for longer than it may live: it is tried again before anything else.
static void test_nothing_expires_before_it_is_tried(void **state)
{
    (void)state;
    struct world *w = make_world(9, by_relay);
    struct host *relay = world_host(w, "192.0.2.1");
    relay->state = HOST_GREYLIST;
    submit_many(w);
    world_run(w, TIME_MINUTE_MS);
    relay->state = HOST_BARRED;
    world_run(w, 8 * TIME_DAY_MS);
    assert_int_equal(world_queued(w), MESSAGES);
    relay->state = HOST_UP;
    world_run(w, 5 * TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(relay->received_count, MESSAGES);
    assert_int_equal(world_host(w, "127.0.0.9")->received_count, 0);
    world_free(w);
}

// The same with restarts in between, which forget why it was blocked.
static void test_restarts_in_between(void **state)
{
    (void)state;
    struct world *w = make_world(10, by_mx);
    world_dns_is_gone(w, true);
    submit_many(w);
    for (int day = 0; day < 8; day++) {
        world_run(w, TIME_DAY_MS);
        day % 2 ? world_crash(w) : world_restart(w);
    }
    assert_int_equal(world_queued(w), MESSAGES);
    world_dns_is_gone(w, false);
    world_run(w, 5 * TIME_MINUTE_MS);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, MESSAGES);
    assert_int_equal(world_host(w, "127.0.0.9")->received_count, 0);
    world_free(w);
}

// Whoever waits for long is told, and by whose doing.
static void test_warning_says_whose_doing(void **state)
{
    (void)state;
    struct world *w =
        make_world(11, "route = ( { for = \"x.example\", to = [ \"smtp://127.0.0.9:25\" ] },\n"
                       "          { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n");
    world_host(w, "192.0.2.1")->state = HOST_BARRED;
    submit_many(w);
    world_run(w, 5 * TIME_HOUR_MS);
    struct host *senders = world_host(w, "127.0.0.9");
    assert_int_equal(host_count_notices(senders, "Action: delayed", "blocked here: "), MESSAGES);
    world_free(w);
}

// A relay that refuses one recipient for our sake, and takes the others: these do not wait for it.
static enum host_state no_relay_at_odd_times(const struct host *h, int64_t now_ms, void *arg)
{
    (void)h;
    (void)arg;
    return now_ms / (10 * TIME_SECOND_MS) % 2 ? HOST_NO_RELAY : HOST_UP;
}

static void test_relay_that_takes_others(void **state)
{
    (void)state;
    struct world *w = make_world(12, by_relay);
    struct host *relay = world_host(w, "192.0.2.1");
    relay->weather = no_relay_at_odd_times;
    char to[64];
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(to, sizeof to, "b%d@d1.example", i);
        submit_to(w, to);
        world_run(w, 10 * TIME_SECOND_MS);
    }
    assert_true(relay->received_count >= MESSAGES / 2 - 2);
    assert_true(count_in(w->trace.p, "of it is used up or given back") <= 1); // within the hour
    int code, i = MESSAGES; // the last one that was refused
    do
        snprintf(to, sizeof to, "b%d@d1.example", --i);
    while (host_count_to(relay, to) > 0);
    const char *refused = to;
    assert_non_null(strstr(world_ask(w, "why", &refused, 1, &code), "blocked here: "));
    assert_int_equal(code, 0);
    relay->weather = NULL;
    world_run(w, 10 * TIME_MINUTE_MS);
    assert_int_equal(relay->received_count, MESSAGES);
    world_free(w);
}

// A disk that is full stands among them; the log has its own lines about it.
static void test_disk_is_full(void **state)
{
    (void)state;
    struct world *w = make_world(13, by_relay);
    world_spool_is_full(w, true);
    assert_int_equal(world_submit(w, "a@x.example", "b@d1.example", text), 0);
    const char *stats = ask(w, "stats", NULL);
    assert_says(stats, "the spool cannot be written");
    assert_says(stats, "no space left");
    world_spool_is_full(w, false);
    submit_to(w, "b@d1.example");
    assert_null(strstr(ask(w, "stats", NULL), "Blocked here"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolver_is_gone_for_a_week),
        cmocka_unit_test(test_dead_resolver_is_asked_little),
        cmocka_unit_test(test_resolver_answers_again),
        cmocka_unit_test(test_network_is_down_for_a_week),
        cmocka_unit_test(test_relay_refuses_us),
        cmocka_unit_test(test_relay_changes_its_answer),
        cmocka_unit_test(test_nothing_waits_for_it),
        cmocka_unit_test(test_mx_refuses_us),
        cmocka_unit_test(test_one_broken_domain),
        cmocka_unit_test(test_nothing_expires_before_it_is_tried),
        cmocka_unit_test(test_restarts_in_between),
        cmocka_unit_test(test_warning_says_whose_doing),
        cmocka_unit_test(test_relay_that_takes_others),
        cmocka_unit_test(test_disk_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
