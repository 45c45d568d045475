// SPDX-License-Identifier: BSD-2-Clause
// Credentials with simulated relays: who is let in, and what becomes of mail when we are not, for
// days where need be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/sim/asking.h"

enum { MESSAGES = 20 };

#define ROUTE                                                                                      \
    "listen = ()\nroute = ( { for = \"x.example\", to = [ \"smtp://127.0.0.9:25\" ] },\n"          \
    "          { for = \"*\", to = [ \"smtp://192.0.2.1:587\" ] } )\n"                             \
    "retry = ( { for = \"*\", warn_after = [], max_attempts = 3 } )\n"
#define WITH(more)                                                                                 \
    ROUTE "credentials = ( { for = \"192.0.2.1\", user = \"ann\", password_file = \"/s\"" more     \
          " } )\n"

static struct world *make_world(const char *configuration, enum host_state state)
{
    struct world *w =
        world_new(&(struct world_options){.seed = 5, .config = configuration, .keeps_trace = true});
    world_host(w, "192.0.2.1")->state = state;
    return w;
}

static void submit_many(struct world *w)
{
    char to[64];
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(to, sizeof to, "b%d@d.example", i);
        assert_int_not_equal(world_submit(w, "a@x.example", to, "Subject: x\r\n\r\nx\r\n"), 0);
    }
}

static const struct {
    const char *config;
    enum host_state state;
    uint32_t received, known;
} rows[] = {
    {ROUTE, HOST_AUTH, 0, 0},
    {WITH(""), HOST_AUTH, MESSAGES, MESSAGES}, // by a challenge, which may be in clear
    {WITH(", mechanisms = [ \"CRAM-MD5\" ]"), HOST_AUTH, MESSAGES, MESSAGES},
    {WITH(", mechanisms = [ \"PLAIN\", \"LOGIN\" ]"), HOST_AUTH, 0, 0},
    {WITH(", mechanisms = [ \"PLAIN\" ], clear = true"), HOST_AUTH, MESSAGES, MESSAGES},
    {WITH(", mechanisms = [ \"PLAIN\", \"LOGIN\" ]"), HOST_TLS, MESSAGES, MESSAGES},
    {WITH(", mechanisms = [ \"LOGIN\" ]"), HOST_TLS, MESSAGES, MESSAGES},
    {WITH(", mechanisms = [ \"PLAIN\" ]"), HOST_TLS_BROKEN, 0, 0}, // and not in clear then
    {WITH(", mechanisms = [ \"PLAIN\" ], clear = true"), HOST_TLS_BROKEN, MESSAGES, MESSAGES},
    {WITH(""), HOST_AUTH_REFUSE, 0, 0},
};

static void test_who_is_let_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = make_world(rows[i].config, rows[i].state);
        struct host *relay = world_host(w, "192.0.2.1");
        submit_many(w);
        world_run(w, TIME_MINUTE_MS / 2);
        if (relay->received_count != rows[i].received || relay->received_known != rows[i].known)
            fail_msg("%zu: %u, %u known\n%s", i, relay->received_count, relay->received_known,
                     w->trace.p);
        world_free(w);
    }
}

// Nothing was used up or given back; the log was loud once; when it is over all of it goes out.
static void check_blocked(struct world *w, const char *loud)
{
    struct host *relay = world_host(w, "192.0.2.1");
    submit_many(w);
    world_run(w, 8 * TIME_DAY_MS);
    assert_int_equal(world_queued(w), MESSAGES);
    assert_int_equal(world_host(w, "127.0.0.9")->received_count, 0);
    assert_null(strstr(ask(w, "list", "attempts>=1"), "@d"));
    assert_int_equal(count_in(w->trace.p, "of it is used up or given back"), 1);
    assert_says(ask(w, "stats", NULL), loud);
    assert_says(ask(w, "why", "b1@d.example"), loud);
    assert_true(relay->connections < 8 * 24 * 60 + 100); // one probe a minute at most
}

static void assert_all_goes_out(struct world *w, int64_t within_ms)
{
    world_run(w, within_ms + TIME_SECOND_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(world_host(w, "192.0.2.1")->received_known, MESSAGES);
    assert_null(strstr(ask(w, "stats", NULL), "Blocked here"));
    assert_int_equal(count_in(w->trace.p, "no longer blocked here: "), 1);
}

static void test_refused_for_a_week(void **state)
{
    (void)state;
    struct world *w = make_world(WITH(""), HOST_AUTH_REFUSE);
    check_blocked(w, "the relay refuses our credentials");
    assert_says(w->trace.p, "sasl_method=SCRAM-SHA-256, sasl_username=ann");
    assert_true(world_host(w, "192.0.2.1")->connections < 8 * 24 * 4 + 20); // by and by fewer
    world_host(w, "192.0.2.1")->state = HOST_AUTH;
    assert_all_goes_out(w, 15 * TIME_MINUTE_MS);
    world_free(w);
}

static void test_no_secret_for_a_week(void **state)
{
    (void)state;
    struct world *w = make_world(WITH(""), HOST_AUTH);
    world_secrets_are_gone(w, true);
    check_blocked(w, "our credentials cannot be used");
    world_secrets_are_gone(w, false);
    assert_all_goes_out(w, TIME_MINUTE_MS);
    world_free(w);
}

// A password that was refused is not said again each minute: after 1, 2, 4, 8 and 15, or as a row
// of retry has it.
static void test_not_again_and_again(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        int minutes;
        uint32_t least, most;
    } cases[] = {
        {WITH(""), 1, 2, 2},
        {WITH(""), 16, 5, 5},
        {WITH(""), 61, 8, 8},
        {NULL, 61, 3, 4},
    };
    static const char by_row[] =
        "listen = ()\nroute = ( { for = \"*\", to = [ \"smtp://192.0.2.1:587\" ] } )\n"
        "credentials = ( { for = \"192.0.2.1\", user = \"ann\", password_file = \"/s\" } )\n"
        "retry = ( { for = \"*\", on = \"auth\", schedule = \"20m\" } )\n";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = make_world(cases[i].config ? cases[i].config : by_row, HOST_AUTH_REFUSE);
        struct host *relay = world_host(w, "192.0.2.1");
        assert_int_not_equal(
            world_submit(w, "a@x.example", "b@d.example", "Subject: x\r\n\r\nx\r\n"), 0);
        world_run(w, cases[i].minutes * TIME_MINUTE_MS + 10 * TIME_SECOND_MS);
        if (relay->connections < cases[i].least || relay->connections > cases[i].most)
            fail_msg("%zu: %u connections\n%s", i, relay->connections, w->trace.p);
        world_free(w);
    }
}

// Nor by all of the mail at once, when somebody wants it tried: one message finds out.
static void test_one_finds_out(void **state)
{
    (void)state;
    struct world *w = make_world(WITH(""), HOST_AUTH_REFUSE);
    struct host *relay = world_host(w, "192.0.2.1");
    submit_many(w);
    world_run(w, TIME_HOUR_MS);
    uint32_t before = relay->connections;
    ask(w, "flush", NULL);
    world_run(w, 5 * TIME_SECOND_MS);
    assert_int_equal(relay->connections, before + 1);
    world_reload(w, WITH(", mechanisms = [ \"CRAM-MD5\" ]"));
    world_run(w, 5 * TIME_SECOND_MS);
    assert_int_equal(relay->connections, before + 2);
    relay->state = HOST_AUTH;
    world_reload(w, WITH(""));
    world_run(w, 5 * TIME_SECOND_MS);
    assert_true(relay->received_known >= MESSAGES - 2); // those that found out wait for their time
    world_run(w, 15 * TIME_MINUTE_MS);
    assert_int_equal(relay->received_known, MESSAGES);
    world_free(w);
}

// In mode "queue" nothing is tried but by flushes: a later one makes up for the one that was
// refused.
static void test_mode_queue(void **state)
{
    (void)state;
    struct world *w = make_world("mode = \"queue\"\n" WITH(""), HOST_AUTH_REFUSE);
    struct host *relay = world_host(w, "192.0.2.1");
    submit_many(w);
    for (int i = 0; i < 3; i++) {
        ask(w, "flush", NULL);
        world_run(w, TIME_MINUTE_MS);
    }
    assert_int_equal(relay->received_count, 0);
    relay->state = HOST_AUTH;
    ask(w, "flush", NULL);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(relay->received_known, MESSAGES);
    world_free(w);
}

// First there is no secret, then a wrong one, then it is right: each time that alone is told.
static void test_one_thing_at_a_time(void **state)
{
    (void)state;
    struct world *w = make_world(WITH(""), HOST_AUTH_REFUSE);
    world_secrets_are_gone(w, true);
    submit_many(w);
    world_run(w, 5 * TIME_MINUTE_MS);
    assert_says(ask(w, "stats", NULL), "our credentials cannot be used");
    world_secrets_are_gone(w, false);
    world_run(w, 5 * TIME_MINUTE_MS);
    const char *stats = ask(w, "stats", NULL);
    assert_says(stats, "the relay refuses our credentials");
    assert_null(strstr(stats, "our credentials cannot be used"));
    world_host(w, "192.0.2.1")->state = HOST_AUTH;
    ask(w, "flush", NULL);
    world_run(w, 5 * TIME_SECOND_MS);
    assert_null(strstr(ask(w, "stats", NULL), "Blocked here"));
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// Where a list has another next hop, that one takes the mail; and the first is not asked again for
// each message, because some lock an account behind so many wrong passwords.
static void test_next_of_the_list(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct world *w = make_world(
            "listen = ()\nroute = ( { for = \"*\", to = [ \"smtp://192.0.2.1:587\", "
            "\"smtp://192.0.2.2\" ] } )\ncredentials = ( { for = \"192.0.2.1\", user = \"ann\", "
            "password_file = \"/s\" } )\n",
            i ? HOST_AUTH_REFUSE : HOST_AUTH);
        world_secrets_are_gone(w, i == 0);
        submit_many(w);
        world_run(w, TIME_MINUTE_MS);
        for (int hour = 0; hour < 3; hour++) {
            submit_many(w);
            world_run(w, TIME_HOUR_MS);
        }
        assert_int_equal(world_host(w, "192.0.2.2")->received_count, 4 * MESSAGES);
        assert_true(world_host(w, "192.0.2.1")->connections < 20 + 3 * 5);
        world_free(w);
    }
}

// A corrected configuration, and a word of the operator: nobody waits for the next minute.
static void test_corrected(void **state)
{
    (void)state;
    struct world *w = make_world(ROUTE, HOST_AUTH);
    submit_many(w);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), MESSAGES);
    world_reload(w, WITH(""));
    ask(w, "flush", NULL);
    world_run(w, 5 * TIME_SECOND_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(world_host(w, "192.0.2.1")->received_known, MESSAGES);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_let_in),
        cmocka_unit_test(test_refused_for_a_week),
        cmocka_unit_test(test_no_secret_for_a_week),
        cmocka_unit_test(test_one_thing_at_a_time),
        cmocka_unit_test(test_not_again_and_again),
        cmocka_unit_test(test_one_finds_out),
        cmocka_unit_test(test_mode_queue),
        cmocka_unit_test(test_next_of_the_list),
        cmocka_unit_test(test_corrected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
