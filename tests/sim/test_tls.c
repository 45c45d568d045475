// SPDX-License-Identifier: BSD-2-Clause
// TLS with simulated hosts: what policies mean for mail that waits, for days where need be.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ROUTE       "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\nlisten = ()\n"
#define TLS(policy) ROUTE "tls = ( { for = \"*\", policy = \"" policy "\" } )\n"

static void submit(struct world *w)
{
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
}

static const struct {
    const char *config;
    enum host_state state;
    uint32_t received, in_tls, connections;
} rows[] = {
    {ROUTE, HOST_UP, 1, 0, 1},
    {ROUTE, HOST_TLS, 1, 1, 1},
    {ROUTE, HOST_TLS_BROKEN, 1, 0, 2},
    {ROUTE, HOST_TLS_EXPIRED, 1, 1, 1},
    {TLS("none"), HOST_TLS, 1, 0, 1},
    {TLS("encrypt"), HOST_TLS, 1, 1, 1},
    {TLS("encrypt"), HOST_TLS_EXPIRED, 1, 1, 1},
    {TLS("encrypt"), HOST_UP, 0, 0, 1},
    {TLS("encrypt"), HOST_TLS_BROKEN, 0, 0, 1},
    {TLS("verify"), HOST_TLS, 1, 1, 1},
    {TLS("verify"), HOST_TLS_EXPIRED, 0, 0, 1},
};

// TLS comes before the greeting, in the simulation too.
static void test_implicit(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 6,
        .config = "route = ( { for = \"*\", to = [ \"smtps://192.0.2.1\" ] } )\nlisten = ()\n"});
    struct host *h = world_host(w, "192.0.2.1");
    submit(w);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(h->received_in_tls, 1);
    world_free(w);
}

static void test_policies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_new(&(struct world_options){.seed = 7, .config = rows[i].config});
        struct host *h = world_host(w, "192.0.2.1");
        h->state = rows[i].state;
        submit(w);
        world_run(w, TIME_MINUTE_MS);
        assert_int_equal(h->received_count, rows[i].received);
        assert_int_equal(h->received_in_tls, rows[i].in_tls);
        assert_int_equal(h->connections, rows[i].connections);
        assert_int_equal(world_queued(w), 1 - rows[i].received);
        world_free(w);
    }
}

// The host gets a new certificate after two days: everything that waited is delivered then.
static void test_waits_until_it_is_right(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 8, .config = TLS("verify")});
    struct host *h = world_host(w, "192.0.2.1");
    h->state = HOST_TLS_EXPIRED;
    for (int i = 0; i < 5; i++)
        submit(w);
    world_run(w, 2 * TIME_DAY_MS);
    assert_int_equal(h->received_count, 0);
    h->state = HOST_TLS;
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(host_count_to(h, "b@example.com"), 5);
    assert_int_equal(h->received_in_tls, h->received_count);
    world_free(w);
}

// The zone names a key that the host has not; after a day it has, and what waited goes.
static void test_dane(void **state)
{
    (void)state;
    static const struct dns_tlsa record = {3, 1, 1, 32, {0}};
    struct world *w = world_new(&(struct world_options){
        .seed = 10, .config = "listen = ()\ntls = ( { for = \"*\", policy = \"dane\" } )\n"});
    world_mx(w, "example.com", 10, "mx.example.com");
    world_name(w, "mx.example.com", "192.0.2.1");
    world_tlsa(w, "_25._tcp.mx.example.com", &record);
    world_dns_is_secure(w, true);
    struct host *h = world_host(w, "192.0.2.1");
    h->state = HOST_TLS_EXPIRED;
    submit(w);
    world_run(w, TIME_DAY_MS);
    assert_int_equal(h->received_count, 0);
    assert_int_equal(h->handshakes, h->connections);
    h->state = HOST_TLS;
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(host_count_to(h, "b@example.com"), 1);
    assert_int_equal(h->received_in_tls, h->received_count);

    // Without a resolver that is to be trusted the records are nothing.
    world_dns_is_secure(w, false);
    world_run(w, TIME_HOUR_MS);
    h->state = HOST_TLS_EXPIRED;
    submit(w);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(host_count_to(h, "b@example.com"), 2);
    world_free(w);
}

// A failure is remembered for an hour, and then the host is asked again.
static void test_in_clear_for_a_while(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 9, .config = ROUTE});
    struct host *h = world_host(w, "192.0.2.1");
    h->state = HOST_TLS_BROKEN;
    submit(w);
    world_run(w, 30 * TIME_MINUTE_MS);
    submit(w);
    world_run(w, 20 * TIME_MINUTE_MS);
    assert_int_equal(h->received_count, 2);
    assert_int_equal(h->handshakes, 1);
    h->state = HOST_TLS;
    world_run(w, 20 * TIME_MINUTE_MS);
    submit(w);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(h->received_in_tls, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_implicit),
        cmocka_unit_test(test_waits_until_it_is_right),
        cmocka_unit_test(test_dane),
        cmocka_unit_test(test_in_clear_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
