// SPDX-License-Identifier: BSD-2-Clause
// Domains behind one host are one destination where a row says "mx:HOST".
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DOMAINS = 30 };

static const char content[] = "Subject: x\r\n\r\nx\r\n";
static const char ip[] = "192.0.2.1";

// So many domains, all of them behind one host.
static struct world *world_of_domains(const char *config)
{
    struct world *w = world_new(&(struct world_options){.seed = 5, .config = config});
    world_name(w, "mx1.big.example", ip);
    for (int i = 0; i < DOMAINS; i++) {
        char domain[32];
        snprintf(domain, sizeof domain, "d%d.example", i);
        world_mx(w, domain, 10, "mx1.big.example");
    }
    return w;
}

static void submit_to_all(struct world *w)
{
    for (int i = 0; i < DOMAINS; i++) {
        char rcpt[32];
        snprintf(rcpt, sizeof rcpt, "b@d%d.example", i);
        assert_int_not_equal(world_submit(w, "a@example.org", rcpt, content), 0);
    }
}

static void test_limit_of_the_host(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        uint32_t peak;
    } cases[] = {
        {"limit = ( { for = \"mx:mx1.big.example\", connections = 2 } )\n", 2},
        {"limit = ( { for = \"mx:mx2.big.example\", connections = 2 } )\n", DOMAINS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = world_of_domains(cases[i].config);
        world_host(w, ip)->pace = PACE_SLOW_DOT;
        world_host(w, ip)->slow_ms = TIME_SECOND_MS;
        submit_to_all(w);
        assert_true(world_run_until_empty(w, TIME_HOUR_MS));
        assert_int_equal(world_host(w, ip)->received_count, DOMAINS);
        assert_int_equal(world_host(w, ip)->connections_peak, cases[i].peak);
        world_free(w);
    }
}

// An outage of the host is found out once, and not by each domain; when it is over all mail goes.
static void test_outage_of_the_host(void **state)
{
    (void)state;
    struct world *w = world_of_domains("retry = ( { for = \"mx:mx1.big.example\", schedule = "
                                       "\"10m\", jitter = \"0%\" } )\n");
    struct host *h = world_host(w, ip);
    h->state = HOST_SILENT;
    submit_to_all(w);
    world_run(w, TIME_MINUTE_MS);
    uint32_t first = h->connections;
    world_run(w, 59 * TIME_MINUTE_MS);
    assert_in_range(h->connections - first, 3, 6); // one probe each ten minutes
    world_restart(w);
    uint32_t before = h->connections;
    world_run(w, 9 * TIME_MINUTE_MS);
    assert_in_range(h->connections - before, 0, 1); // the rest is remembered
    h->state = HOST_UP;
    assert_true(world_run_until_empty(w, 25 * TIME_MINUTE_MS));
    assert_int_equal(h->received_count, DOMAINS);
    world_free(w);
}

static void test_route_by_the_host(void **state)
{
    (void)state;
    struct world *w =
        world_of_domains("route = ( { for = \"mx:mx1.big.example\", to = [ "
                         "\"smtp://192.0.2.9:25\" ] }, { for = \"*\", to = [ \"mx\" ] } )\n");
    world_mx(w, "else.example", 10, "mx1.else.example");
    world_name(w, "mx1.else.example", "192.0.2.3");
    submit_to_all(w);
    assert_int_not_equal(world_submit(w, "a@example.org", "b@else.example", content), 0);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, DOMAINS);
    assert_int_equal(world_host(w, ip)->received_count, 0);
    assert_int_equal(world_host(w, "192.0.2.3")->received_count, 1);
    world_free(w);
}

// One message to all of them: each domain has its own transaction, the connections are shared.
static void test_one_message_to_all(void **state)
{
    (void)state;
    struct world *w =
        world_of_domains("limit = ( { for = \"mx:mx1.big.example\", connections = 1 } )\n");
    char rcpts[DOMAINS * 20] = "";
    for (int i = 0; i < DOMAINS; i++)
        snprintf(rcpts + strlen(rcpts), sizeof rcpts - strlen(rcpts), "%sb@d%d.example",
                 i ? " " : "", i);
    assert_int_not_equal(world_submit(w, "a@example.org", rcpts, content), 0);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(world_host(w, ip)->received_count, DOMAINS);
    assert_int_equal(world_host(w, ip)->connections, 1);
    world_free(w);
}

// A question that was out while the rows went away does not keep its domain waiting for ever.
static void test_rows_that_go_and_come(void **state)
{
    (void)state;
    static const char rows[] = "limit = ( { for = \"mx:mx1.big.example\", connections = 2 } )\n";
    struct world *w =
        world_new(&(struct world_options){.seed = 5, .config = rows, .latency_ms = 5000});
    world_name(w, "mx1.big.example", ip);
    world_mx(w, "d0.example", 10, "mx1.big.example");
    assert_int_not_equal(world_submit(w, "a@example.org", "b@d0.example", content), 0);
    world_run(w, 1000);
    world_reload(w, "");
    world_run(w, TIME_HOUR_MS);
    world_reload(w, rows);
    world_run(w, TIME_MINUTE_MS);
    assert_int_not_equal(world_submit(w, "a@example.org", "c@d0.example", content), 0);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    world_free(w);
}

// Without a name server nothing is held up by it: the failure is the domain's, as ever.
static void test_without_names(void **state)
{
    (void)state;
    struct world *w =
        world_of_domains("limit = ( { for = \"mx:mx1.big.example\", connections = 1 } )\n");
    world_dns_fails(w, true);
    submit_to_all(w);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), DOMAINS);
    world_dns_fails(w, false);
    assert_true(world_run_until_empty(w, 2 * TIME_HOUR_MS));
    assert_int_equal(world_host(w, ip)->received_count, DOMAINS);
    assert_in_range(world_host(w, ip)->connections_peak, 1, DOMAINS);
    world_free(w);
}

// The host of a domain changes while its mail waits in the window of the old one: it goes by the
// new one's route, and counts for the new one's limits. In mode "queue" a flush goes on with it.
static void test_host_that_changes(void **state)
{
    (void)state;
    static const char *const modes[] = {"", "mode = \"queue\"\n"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char config[512];
        snprintf(config, sizeof config,
                 "%slimit = ( { for = \"*\", connections = 1 } )\n"
                 "route = ( { for = \"mx:mx1.big.example\", to = [ \"smtp://192.0.2.9:25\" ] }, "
                 "{ for = \"*\", to = [ \"mx\" ] } )\n",
                 modes[i]);
        struct world *w = world_new(&(struct world_options){.seed = 5, .config = config});
        struct host *old = world_host(w, "192.0.2.3"), *new = world_host(w, "192.0.2.9");
        world_name(w, "mx.old.example", "192.0.2.3");
        world_name(w, "mx1.big.example", "192.0.2.8"); // who is not known is tried all the same
        world_mx(w, "d.example", 20, "mx.old.example");
        world_mx(w, "e.example", 20, "mx1.big.example");
        old->pace = new->pace = PACE_SLOW_DOT;
        old->slow_ms = 90 * TIME_SECOND_MS;
        new->slow_ms = TIME_MINUTE_MS;
        for (int n = 0; n < 3; n++)
            assert_int_not_equal(world_submit(w, "a@example.org", "b@d.example", content), 0);
        int code;
        world_ask(w, "flush", NULL, 0, &code);
        world_run(w, 80 * TIME_SECOND_MS);
        assert_int_equal(old->connections, 1);
        world_mx(w, "d.example", 5, "mx1.big.example");
        for (int n = 0; n < 3; n++) // the first of them makes us ask again
            assert_int_not_equal(
                world_submit(w, "a@example.org", n ? "b@e.example" : "b@d.example", content), 0);
        world_run(w, TIME_MINUTE_MS);
        world_ask(w, "flush", NULL, 0, &code);
        assert_true(world_run_until_empty(w, TIME_HOUR_MS));
        // Nobody asks again there before the second flush; and who is not known is not waited for.
        bool is_flushed = i == 1;
        assert_int_equal(old->received_count, is_flushed ? 2 : 1);
        assert_int_equal(new->received_count, is_flushed ? 3 : 5);
        assert_int_equal(new->connections_peak, 1);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_of_the_host), cmocka_unit_test(test_outage_of_the_host),
        cmocka_unit_test(test_route_by_the_host), cmocka_unit_test(test_one_message_to_all),
        cmocka_unit_test(test_without_names),     cmocka_unit_test(test_rows_that_go_and_come),
        cmocka_unit_test(test_host_that_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
