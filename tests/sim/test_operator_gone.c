// SPDX-License-Identifier: BSD-2-Clause
// Operators who go away while their request is under way: what the spool has done holds.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const char config[] = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n";

// Released mail is tried, though nobody waits for the answer to `release`.
static void test_release(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 1, .config = config});
    struct host *h = world_host(w, "192.0.2.1");
    const char *const all[] = {"--all"};
    int code;
    h->state = HOST_GREYLIST;
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_MINUTE_MS);
    world_ask(w, "hold", all, 1, &code);
    assert_int_equal(code, 0);
    world_run(w, TIME_HOUR_MS);
    h->state = HOST_UP;
    assert_int_equal(h->received_count, 0);
    world_tell(w, "release", all, 1);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(h->received_count, 1);
    world_free(w);
}

// Held mail is not tried, though nobody waits for the answer to `hold`.
static void test_hold(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 2, .config = config});
    struct host *h = world_host(w, "192.0.2.1");
    const char *const all[] = {"--all"};
    h->state = HOST_DOWN;
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_SECOND_MS); // now the destination rests, and the next one waits in memory
    assert_int_not_equal(
        world_submit(w, "a@example.org", "c@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_MINUTE_MS);
    world_tell(w, "hold", all, 1);
    world_run(w, TIME_MINUTE_MS);
    h->state = HOST_UP;
    world_run(w, TIME_DAY_MS);
    assert_int_equal(h->received_count, 0);
    assert_int_equal(world_queued(w), 2);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
