// SPDX-License-Identifier: BSD-2-Clause
// Which way mail goes, and what `route` says of it.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char content[] = "Subject: x\r\n\r\nx\r\n";

static const char *ask(struct world *w, int want_exit, const char *verb, const char *words)
{
    char copy[512];
    const char *split[16];
    size_t count = 0;
    int code;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        split[count++] = at;
    const char *answer = world_ask(w, verb, split, count, &code);
    if (code != want_exit)
        fail_msg("%s %s: exit %d, %s\n", verb, words, code, answer);
    return answer;
}

static void assert_says(const char *answer, const char *want)
{
    if (!strstr(answer, want))
        fail_msg("\"%s\" is not in: %s", want, answer);
}

static const char rows[] =
    "route = ( { for = \"relay.example\", to = [ \"smtp://192.0.2.9:26\", \"mx\" ] },\n"
    " { for = \"mx:mx.big.example\", to = [ \"smtp://192.0.2.8\" ] },\n"
    " { for = \"boss@relay.example\", to = [ \"maildir:///var/mail/{user}\" ] },\n"
    " { for = \"gone.example\", to = [ \"error:5.1.2 moved away\" ] },\n"
    " { for = \"later.example\", to = [ \"error:4.3.2 not now\" ] },\n"
    " { for = \"void.example\", to = [ \"discard:\" ] },\n"
    " { for = \"*\", to = [ \"mx\" ] } )\n"
    "tls = ( { for = \"*\", policy = \"encrypt\" } )\n"
    "credentials = ( { for = \"192.0.2.9\", user = \"ann\", password_file = \"/s\" },\n"
    " { for = \"mx.one.example\", user = \"ann\", password_file = \"/s\" } )\n"; // not by MX

static struct world *world_of(const char *config)
{
    struct world *w =
        world_new(&(struct world_options){.seed = 3, .config = config, .keeps_trace = true});
    world_dns_ttl(w, 3600);
    world_mx(w, "one.example", 10, "mx.one.example");
    world_mx(w, "one.example", 20, "sim.example");
    world_mx(w, "one.example", 30, "mx.two.example");
    world_name(w, "mx.one.example", "192.0.2.1");
    world_mx(w, "big.example", 10, "mx.big.example");
    return w;
}

static void test_what_it_says(void **state)
{
    static const struct {
        int exit;
        const char *words, *says[4];
    } cases[] = {
        {0,
         "b@one.example",
         {"row:         route \\\"*\\\", ", "health:      open\\n",
          "20 sim.example  left out: that is this host",
          "1  mx.one.example[192.0.2.1]:25  by smtp, TLS encrypt (tls \\\"*\\\")\\n"}},
        {0, "B@One.Example --from=<>", {"from <>", "1  mx.one.example[192.0.2.1]:25"}},
        {0, "one.example", {"one.example\\n  row:", "1  mx.one.example[192.0.2.1]:25"}},
        {0,
         "<x@relay.example>",
         {"1  192.0.2.9[192.0.2.9]:26  by smtp, TLS encrypt (tls \\\"*\\\"), as ann\\n",
          "relay.example MX: no such name"}},
        {0, "Boss@relay.example", {"1  /var/mail/boss  by maildir\\n"}},
        {0, "x@[192.0.2.5]", {"1  192.0.2.5[192.0.2.5]:25"}},
        {0, "one.example.", {"one.example\\n  row:", "1  mx.one.example[192.0.2.1]:25"}},
        {0, "x@void.example", {"2.0.0 discarded", "counts as delivered"}},
        {69, "x@gone.example", {"given back to its sender: 5.1.2 moved away"}},
        {69, "x@nowhere.example", {"nowhere.example MX: no such name", "given back"}},
        {75, "x@later.example", {"it waits: 4.3.2 not now"}},
        {69, "root", {"root@sim.example\\n", "no such name"}},
        {0, "x@big.example", {"behind:      mx.big.example\\n", "1  192.0.2.8[192.0.2.8]:25"}},
        {69,
         "b@one.example x@gone.example x@later.example",
         {"mx.one.example[", "\\n\\nx@gone", "not now"}},
        {65, "b@one.example x@[1.2]", {"mx.one.example[", "is no address"}},
        {65, "b@one.example --from=a@", {"is no address"}},
        {64, "", {"route takes addresses such as"}},
        {64, "b@one.example --format=csv", {"route prints --format=text or --format=json"}},
        {64, "b@one.example --from", {"--from wants a sender's address"}},
        {0,
         "b@one.example --json",
         {"{\\\"address\\\": \\\"b@one.example\\\"", "\\\"result\\\": \\\"tried\\\""}},
    };
    (void)state;
    struct world *w = world_of(rows);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answer = ask(w, cases[i].exit, "route", cases[i].words);
        for (size_t k = 0; k < 4 && cases[i].says[k]; k++)
            assert_says(answer, cases[i].says[k]);
    }
    assert_int_equal(w->connections, 0); // nobody was connected to
    world_free(w);
}

static const char sender_rows[] =
    "route = ( { for = \"*\", from = \"example.org\", to = [ \"smtp://192.0.2.11\" ] },\n"
    " { for = \"*\", from = \"boss@example.org\", to = [ \"smtp://192.0.2.12\" ] },\n"
    " { for = \"*\", from = \"<>\", to = [ \"smtp://192.0.2.13\" ] },\n"
    " { for = \"*\", to = [ \"mx\" ] } )\n"
    "limit = ( { for = \"*\", connections = 2 } )\n"
    "retry = ( { for = \"*\", schedule = \"10m\", jitter = \"0%\" } )\n";

// Who sends decides: next hops of one domain have connections and rests of their own.
static void test_by_sender(void **state)
{
    static const struct {
        const char *sender, *ip, *row;
    } cases[] = {
        {"a@example.org", "192.0.2.11", "\\\"*\\\" from \\\"example.org\\\", "},
        {"Boss@example.org", "192.0.2.12", "\\\"*\\\" from \\\"boss@example.org\\\", "},
        {"", "192.0.2.13", "\\\"*\\\" from \\\"<>\\\", "},
        {"a@example.net", "192.0.2.1", "\\\"*\\\", "},
    };
    enum { CASES = sizeof cases / sizeof *cases, EACH = 5 };
    (void)state;
    struct world *w = world_of(sender_rows);
    for (size_t i = 0; i < CASES; i++) {
        char words[64];
        struct host *h = world_host(w, cases[i].ip);
        h->pace = PACE_SLOW_DOT;
        h->slow_ms = TIME_SECOND_MS;
        snprintf(words, sizeof words, "b@one.example --from=<%s>", cases[i].sender);
        const char *answer = ask(w, 0, "route", words);
        assert_says(answer, cases[i].row);
        assert_says(answer, cases[i].ip);
    }
    world_host(w, "192.0.2.11")->state = HOST_DOWN;
    for (int n = 0; n < EACH; n++)
        for (size_t i = 0; i < CASES; i++)
            assert_int_not_equal(world_submit(w, cases[i].sender, "b@one.example", content), 0);
    world_run(w, TIME_MINUTE_MS);
    for (size_t i = 0; i < CASES; i++) {
        struct host *h = world_host(w, cases[i].ip);
        assert_int_equal(h->received_count, i ? EACH : 0);
        assert_in_range(h->connections_peak, i ? 2 : 0, 2);
    }
    world_host(w, "192.0.2.11")->state = HOST_UP;
    world_run(w, 5 * TIME_MINUTE_MS); // it rests
    assert_int_equal(world_host(w, "192.0.2.11")->received_count, 0);
    assert_says(ask(w, 0, "list", "from=a@example.org"), "refused");
    ask(w, 0, "flush", "from=a@example.org"); // wakes the destination of that sender's row
    assert_true(world_run_until_empty(w, TIME_MINUTE_MS));
    assert_int_equal(world_host(w, "192.0.2.11")->received_count, EACH);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, EACH);
    world_free(w);
}

// One domain, by MX for both: one of them has a fall-back, and does not wait with the other.
static void test_lists_apart(void **state)
{
    (void)state;
    struct world *w = world_of("route = ( { for = \"*\", from = \"a@example.org\", to = [ \"mx\", "
                               "\"smtp://192.0.2.7\" ] }, { for = \"*\", to = [ \"mx\" ] } )\n");
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    for (int n = 0; n < 4; n++) {
        const char *sender = n % 2 ? "a@example.org" : "b@example.org";
        assert_int_not_equal(world_submit(w, sender, "b@one.example", content), 0);
        world_run(w, TIME_MINUTE_MS);
    }
    assert_int_equal(world_host(w, "192.0.2.7")->received_count, 2);
    assert_int_equal(world_queued(w), 2);
    assert_says(ask(w, 0, "route", "b@one.example --from=a@example.org"),
                "destination: one.example,from=a@example.org\\n");
    world_host(w, "192.0.2.1")->state = HOST_UP;
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 2);
    world_free(w);
}

// The cache of mail is used, and told; the destination's rest is, too.
static void test_what_mail_knows(void **state)
{
    (void)state;
    struct world *w = world_of(rows);
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    assert_null(strstr(ask(w, 0, "route", "b@one.example"), "from the cache"));
    uint32_t before = w->lookups;
    assert_says(ask(w, 0, "route", "b@one.example"), "from the cache");
    assert_int_equal(w->lookups, before);
    assert_int_not_equal(world_submit(w, "a@example.org", "b@one.example", content), 0);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(w->lookups, before);
    const char *answer = ask(w, 0, "route", "b@one.example");
    assert_says(answer, "health:      resting until 2026-");
    assert_says(answer, "refused");
    ask(w, 0, "suspend", "one.example --reason=moving");
    assert_says(ask(w, 0, "route", "b@one.example"), "health:      suspended: ");
    world_dns_is_gone(w, true);
    assert_says(ask(w, 75, "route", "b@other.example"), "no name server");
    world_free(w);
}

// Whoever asked may be gone before the answer comes.
static void test_nobody_waits(void **state)
{
    (void)state;
    struct world *w =
        world_new(&(struct world_options){.seed = 3, .config = rows, .latency_ms = 500});
    const char *word = "b@one.example";
    for (int i = 0; i < 5; i++) {
        world_tell(w, "route", &word, 1);
        world_run(w, i * 300);
    }
    world_run(w, TIME_MINUTE_MS);
    assert_says(ask(w, 69, "route", word), "no such name");
    world_free(w);
}

// The rows by which somebody was being answered are gone with a reload: it begins again by the new.
static void test_reload(void **state)
{
    (void)state;
    static const char to_relay[] = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.77\" ] } )\n";
    static const char by_site[] =
        "route = ( { for = \"mx:mx.big.example\", to = [ \"smtp://192.0.2.8\" ] },\n"
        " { for = \"*\", to = [ \"mx\" ] } )\n";
    const char *words[] = {"b@two.example", "b@one.example"};
    for (int64_t wait_ms = 100; wait_ms <= 3100; wait_ms += 500) {
        struct world *w = world_new(&(struct world_options){
            .seed = 3, .config = wait_ms % 1000 < 500 ? rows : by_site, .latency_ms = 500});
        world_mx(w, "one.example", 10, "mx.one.example");
        world_mx(w, "two.example", 10, "mx.two.example");
        world_name(w, "mx.one.example", "192.0.2.1");
        world_name(w, "mx.two.example", "192.0.2.2");
        world_request(w, "route", words, 2);
        world_run(w, wait_ms);
        assert_null(strstr(world_last_reply(w), "{\"exit\":"));
        world_reload(w, to_relay);
        world_run(w, TIME_MINUTE_MS);
        assert_says(world_last_reply(w), "b@one.example\\n  row:         route \\\"*\\\"");
        assert_says(world_last_reply(w), "1  192.0.2.77[192.0.2.77]:25");
        assert_says(world_last_reply(w), "{\"exit\":0");
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_says), cmocka_unit_test(test_what_mail_knows),
        cmocka_unit_test(test_by_sender),    cmocka_unit_test(test_lists_apart),
        cmocka_unit_test(test_nobody_waits), cmocka_unit_test(test_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
