// SPDX-License-Identifier: BSD-2-Clause
// The way of a message through all rooms, in virtual time: delivered, retried, warned about, given
// up.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char config[] = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"
                             "listen = ()\n";

static void test_delivered_at_once(void **state)
{
    (void)state;
    struct world *w =
        world_new(&(struct world_options){.seed = 1, .config = config, .keeps_trace = true});
    struct host *h = world_host(w, "192.0.2.1");
    uint64_t id = world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nhello\r\n");
    assert_int_not_equal(id, 0);
    world_run(w, 10 * TIME_SECOND_MS);
    assert_int_equal(h->received_count, 1);
    assert_string_equal(h->received->sender, "a@example.org");
    assert_string_equal(h->received->rcpts, "b@example.com");
    assert_non_null(strstr(h->received->content, "\r\n\r\nhello\r\n"));
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

// Mail to this host's postmaster goes to whom the setting names.
static void test_postmaster(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 2,
        .config = "postmaster = \"admin@two.example\"\n"
                  "route = ( { for = \"two.example\", to = [ \"smtp://192.0.2.2:25\" ] },\n"
                  "          { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"});
    assert_int_not_equal(
        world_submit(w, "a@example.org", "Postmaster@sim.example", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(host_count_to(world_host(w, "192.0.2.2"), "admin@two.example"), 1);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 0);
    world_free(w);
}

// Hosts by MX; what the name server said is believed for as long as it said.
static void test_names_are_remembered(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 3, .config = ""});
    world_mx(w, "two.example", 10, "mx.two.example");
    world_name(w, "mx.two.example", "192.0.2.2");
    world_dns_ttl(w, 3600);
    struct host *h = world_host(w, "192.0.2.2");
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_not_equal(
            world_submit(w, "a@example.org", "b@two.example", "Subject: x\r\n\r\nx\r\n"), 0);
        world_run(w, 20 * TIME_MINUTE_MS);
        assert_int_equal(h->received_count, i);
        assert_int_equal(h->connections, i); // none was kept: each asked for the names again
        assert_int_equal(w->lookups, 5);     // MX, A, AAAA, the MTA-STS record; and once, the root
    }
    world_run(w, TIME_HOUR_MS);
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@two.example", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(h->received_count, 4);
    assert_int_equal(w->lookups, 9);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivered_at_once),
        cmocka_unit_test(test_postmaster),
        cmocka_unit_test(test_names_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
