// SPDX-License-Identifier: BSD-2-Clause
// MTA-STS with simulated hosts and policy servers: who waits for a policy, for how long one holds,
// and what becomes of mail that it keeps from a host.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "asking.h"

#define HEAD   "version: STSv1\nmode: "
#define STRICT HEAD "enforce\nmx: mx.d.example\nmax_age: 604800\n"
#define LOOSE  HEAD "none\nmax_age: 604800\n"
#define RECORD "_mta-sts.d.example"

// The policy servers of all domains have the same; NULL: none of them is there.
static const char *policy_of(void *arg, const char *domain)
{
    assert_string_equal(domain, "d.example");
    return *(const char **)arg;
}

static struct world *world_with(const char **policy, const char *id, enum host_state state)
{
    struct world *w =
        world_new(&(struct world_options){.seed = 5,
                                          .config = "route = ( { for = \"*\", to = [ \"mx\" ] } )\n"
                                                    "listen = ()\n",
                                          .keeps_trace = true});
    world_mx(w, "d.example", 10, "mx.d.example");
    world_name(w, "mx.d.example", "192.0.2.1");
    world_text(w, RECORD, id);
    world_dns_ttl(w, 60);
    w->policy = policy_of;
    w->policy_arg = policy;
    world_host(w, "192.0.2.1")->state = state;
    return w;
}

static void submit(struct world *w)
{
    assert_int_not_equal(world_submit(w, "a@example.org", "b@d.example", "Subject: x\r\n\r\nx\r\n"),
                         0);
}

static uint32_t taken(struct world *w)
{
    return world_host(w, "192.0.2.1")->received_count;
}

static void send_another(struct world *w, uint32_t want)
{
    submit(w);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(taken(w), want);
}

// One fetch for all that come at once, none for what comes later; it holds until it expires, over
// restarts and crashes, while nobody can ask for the record nor reach its server.
static void test_holds(void **state)
{
    (void)state;
    const char *policy = STRICT;
    struct world *w = world_with(&policy, "v=STSv1; id=1;", HOST_TLS);
    for (int i = 0; i < 5; i++)
        submit(w);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(taken(w), 5);
    assert_int_equal(w->fetches, 1);
    assert_says(w->trace.p, "MTA-STS policy of d.example: enforce, for 604800 s, mx: mx.d.example");
    assert_says(w->trace.p, "Verified TLS connection established to mx.d.example[192.0.2.1]:25: "
                            "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits), MTA-STS");
    send_another(w, 6);
    assert_int_equal(w->fetches, 1);
    assert_says(ask(w, "route", "b@d.example"),
                "1  mx.d.example[192.0.2.1]:25  by smtp, TLS verify (the default; the domain's "
                "MTA-STS policy wants it verified)");
    policy = NULL;
    world_text(w, RECORD, NULL);
    world_restart(w);
    world_host(w, "192.0.2.1")->state = HOST_UP; // without TLS: somebody is in between
    world_run(w, TIME_DAY_MS);
    submit(w);
    world_crash(w);
    world_run(w, TIME_DAY_MS);
    assert_int_equal(taken(w), 6);
    assert_int_equal(w->fetches, 1); // there is no record that would ask for it
    assert_says(ask(w, "list", NULL), "TLS is required, but was not offered by host "
                                      "mx.d.example[192.0.2.1] (the MTA-STS policy of d.example "
                                      "asks for it)");
    world_run(w, 5 * TIME_DAY_MS); // a week after it was fetched
    send_another(w, 7);
    world_free(w);
}

// A policy that was mended, or taken back, counts as soon as its record says so.
static void test_new_id(void **state)
{
    (void)state;
    const char *policy = HEAD "enforce\nmx: other.d.example\nmax_age: 604800\n";
    struct world *w = world_with(&policy, "v=STSv1; id=1;", HOST_TLS);
    send_another(w, 0);
    assert_says(ask(w, "list", NULL),
                "the MTA-STS policy of d.example does not name host mx.d.example");
    assert_says(ask(w, "route", "b@d.example"),
                "the domain's MTA-STS policy does not name this host: nothing is sent to it");
    policy = STRICT;
    world_run(w, 2 * TIME_HOUR_MS);
    assert_int_equal(w->fetches, 1);
    world_text(w, RECORD, "v=STSv1; id=2;");
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(w->fetches, 2);
    assert_int_equal(taken(w), 1);
    world_host(w, "192.0.2.1")->state = HOST_TLS_EXPIRED;
    send_another(w, 1);
    policy = LOOSE;
    world_text(w, RECORD, "v=STSv1; id=3;");
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(taken(w), 2);
    assert_int_equal(w->fetches, 3);
    world_free(w);
}

// A policy that cannot be had, be it that its server is not there or that it makes no sense: mail
// goes on without, and nobody waits for it again for a while.
static void test_cannot_be_fetched(void **state)
{
    (void)state;
    const char *policy = NULL;
    struct world *w = world_with(&policy, "v=STSv1; id=1;", HOST_UP);
    send_another(w, 1);
    assert_says(w->trace.p, "the MTA-STS policy of d.example cannot be fetched: its server cannot "
                            "be reached; mail goes on as without");
    send_another(w, 2);
    assert_int_equal(w->fetches, 1);
    policy = "<html>";
    world_run(w, 5 * TIME_MINUTE_MS);
    send_another(w, 3);
    assert_int_equal(w->fetches, 2);
    assert_says(w->trace.p, "cannot be fetched: the policy has no version; mail goes on");
    policy = STRICT;
    world_run(w, 5 * TIME_MINUTE_MS);
    send_another(w, 3); // now it is known, and not met
    assert_int_equal(w->fetches, 3);
    world_free(w);
}

// What a stranger's policy says goes into the log, and steers no terminal there.
static void test_harmless(void **state)
{
    (void)state;
    const char *policy = "version: STSv1\nmode: \x1b[2J\rx\xff\xe2\x80\xae\nmx: a.b\nmax_age: 1\n";
    struct world *w = world_with(&policy, "v=STSv1; id=1;", HOST_UP);
    send_another(w, 1);
    assert_int_equal(w->fetches, 1);
    assert_says(w->trace.p, "the policy's mode is \"\\x1b[2J x\\xff\\xe2\\x80\\xae\", which");
    world_free(w);
}

// Renewed once a day, without anybody waiting for it; when that fails it holds on.
static void test_renewed(void **state)
{
    (void)state;
    const char *policy = STRICT;
    struct world *w = world_with(&policy, "v=STSv1; id=1;", HOST_TLS);
    send_another(w, 1);
    world_run(w, 23 * TIME_HOUR_MS);
    send_another(w, 2);
    assert_int_equal(w->fetches, 1);
    world_run(w, TIME_HOUR_MS);
    policy = NULL;
    send_another(w, 3);
    assert_int_equal(w->fetches, 2);
    assert_says(w->trace.p,
                "cannot be fetched: its server cannot be reached; the one that is known "
                "holds on");
    send_another(w, 4);
    assert_int_equal(w->fetches, 2);
    policy = STRICT;
    world_run(w, TIME_HOUR_MS);
    send_another(w, 5);
    assert_int_equal(w->fetches, 3);
    assert_int_equal(count_in(w->trace.p, "MTA-STS policy of d.example: enforce"), 1); // no news
    assert_int_equal(world_host(w, "192.0.2.1")->received_in_tls, 5);
    world_run(w, 6 * TIME_DAY_MS + 23 * TIME_HOUR_MS); // a week behind the first, not the last
    world_text(w, RECORD, NULL);
    world_host(w, "192.0.2.1")->state = HOST_UP;
    send_another(w, 5);
    world_free(w);
}

// What it tells in the spool; and that a row can do without.
static void test_ignored(void **state)
{
    (void)state;
    const char *policy = STRICT;
    struct world *w = world_with(&policy, "v=STSv1; id=1;", HOST_UP);
    world_reload(w, "route = ( { for = \"*\", to = [ \"mx\" ] } )\nlisten = ()\n"
                    "tls = ( { for = \"d.example\", policy = \"may\", mta_sts = false } )\n");
    send_another(w, 1);
    assert_int_equal(w->fetches, 0);
    world_free(w);
}

// A domain that wants to be asked for each mail (T4).
static void test_short_lived(void **state)
{
    (void)state;
    const char *policy = HEAD "enforce\nmx: mx.d.example\nmax_age: 0\n";
    struct world *w = world_with(&policy, "v=STSv1; id=1;", HOST_TLS);
    for (uint32_t i = 1; i <= 4; i++) {
        send_another(w, i);
        assert_int_equal(w->fetches, 1);
    }
    world_run(w, 5 * TIME_MINUTE_MS);
    send_another(w, 5);
    assert_int_equal(w->fetches, 2);
    world_free(w);
}

enum { MANY = 300 };

static const char *large_policy(void *arg, const char *domain)
{
    (void)arg, (void)domain;
    static char text[20000];
    size_t n = (size_t)snprintf(text, sizeof text, HEAD "testing\nmax_age: 604800\n");
    for (int i = 0; i < 64; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "mx: %060d.%060d.%060d.%050d.example\n", i,
                              i, i, i);
    return text;
}

static void submit_to(struct world *w, int number)
{
    char text[64];
    snprintf(text, sizeof text, "b@d%d.example", number);
    assert_int_not_equal(world_submit(w, "a@example.org", text, "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_SECOND_MS);
}

// Many domains with much to say: the first learnt are forgotten (T3), also over a restart.
static void test_much_to_say(void **state)
{
    (void)state;
    const char *none = NULL;
    struct world *w = world_with(&none, "v=STSv1; id=1;", HOST_TLS);
    w->policy = large_policy;
    for (int i = 0; i < MANY; i++) {
        char text[64];
        snprintf(text, sizeof text, "d%d.example", i);
        world_mx(w, text, 10, "mx.d.example");
        snprintf(text, sizeof text, "_mta-sts.d%d.example", i);
        world_text(w, text, "v=STSv1; id=1;");
        submit_to(w, i);
    }
    assert_int_equal(taken(w), MANY);
    assert_int_equal(w->fetches, MANY);
    world_restart(w);
    submit_to(w, MANY - 1);
    assert_int_equal(w->fetches, MANY);
    submit_to(w, 0);
    assert_int_equal(w->fetches, MANY + 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_new_id),
        cmocka_unit_test(test_cannot_be_fetched),
        cmocka_unit_test(test_harmless),
        cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_short_lived),
        cmocka_unit_test(test_much_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
