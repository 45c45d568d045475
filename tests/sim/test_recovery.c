// SPDX-License-Identifier: BSD-2-Clause
// The end of a long outage: everything goes at once, and the host is not run over.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char config[] = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"
                             "limit = ( { for = \"*\", connections = 20 } )\n";

// FP_EFFORT=low for builds that are many times slower.
static uint32_t message_count(void)
{
    const char *effort = getenv("FP_EFFORT");
    return effort && strcmp(effort, "low") == 0 ? 2000 : 50000;
}

static void submit(struct world *w, uint32_t count)
{
    char rcpt[64];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(rcpt, sizeof rcpt, "u%u@example.com", i);
        assert_int_not_equal(world_submit(w, "a@example.org", rcpt, "Subject: x\r\n\r\nx\r\n"), 0);
    }
}

static void test_six_hours_later(void **state)
{
    (void)state;
    uint32_t count = message_count();
    struct world *w = world_new(&(struct world_options){.seed = 1, .config = config});
    struct host *h = world_host(w, "192.0.2.1");
    h->state = HOST_DOWN;
    submit(w, count);
    world_run(w, 6 * TIME_HOUR_MS);
    uint32_t warnings = h->received_count;
    assert_int_equal(warnings, 0); // they go the same way
    h->state = HOST_UP;
    int64_t up_ms = w->now_ms;
    // First delivery within one probe interval: 30 minutes, spread by a twentieth.
    while (h->received_count == 0 && w->now_ms < up_ms + TIME_DAY_MS)
        world_run(w, TIME_SECOND_MS);
    assert_true(w->now_ms - up_ms <= 32 * TIME_MINUTE_MS);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_in_range(h->received_count, count, 2 * count + 1); // and the warnings
    for (uint32_t i = 0; i < count; i += count / 100) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "u%u@example.com", i);
        assert_int_equal(host_count_to(h, rcpt), 1);
    }
    assert_int_equal(h->connections_peak, 20);
    // No storm of connections: a hundred messages went over each, but for the first and the last.
    assert_in_range(h->connections, 20, h->received_count / 100 + 60);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_six_hours_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
