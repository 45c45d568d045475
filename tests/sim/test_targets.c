// SPDX-License-Identifier: BSD-2-Clause
// Next hops that are no SMTP: LMTP by a socket, folders of this machine.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char content[] = "Subject: x\r\n\r\nx\r\n";
#define FOLDERS                                                                                    \
    "route = ( { for = \"d.example\", to = [ \"maildir:///mail/{user}\" ] } )\n"                   \
    "retry = ( { for = \"*\", schedule = \"10m\", jitter = \"0%\" } )\n"

// One recipient's reply keeps no other from the next: those that were taken are not sent again.
static void test_lmtp(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 3,
        .config = "route = ( { for = \"d.example\", to = [ \"lmtp:///run/lmtp\" ] } )\n"
                  "retry = ( { for = \"*\", schedule = \"10m\", jitter = \"0%\" } )\n"});
    struct host *h = world_host(w, "/run/lmtp");
    h->state = HOST_TEMP;
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@d.example c@d.example d@d.example", content), 0);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(h->received_count, 0);
    assert_int_equal(world_queued(w), 1);
    h->state = HOST_UP;
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(h->received_count, 1);
    assert_int_equal(host_count_to(h, "c@d.example"), 1);
    world_free(w);
}

// Each recipient by itself; what one folder says holds for it alone, but a full disk is
// everybody's.
static void test_folders(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 4, .config = FOLDERS});
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@d.example c@d.example d@d.example", content), 0);
    assert_true(world_run_until_empty(w, TIME_MINUTE_MS));
    assert_int_equal(w->handed_over, 3);
    world_host(w, "/mail/b")->state = HOST_FULL;
    assert_int_not_equal(world_submit(w, "a@example.org", "b@d.example", content), 0);
    world_run(w, 30 * TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 1);
    assert_int_equal(w->handed_over, 3);
    world_restart(w);
    world_host(w, "/mail/b")->state = HOST_UP;
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(w->handed_over, 4);
    world_free(w);
}

// A corrected route counts for mail that waits.
static void test_from_folder_to_host(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 5, .config = FOLDERS});
    world_host(w, "/mail/b")->state = HOST_DOWN;
    assert_int_not_equal(world_submit(w, "a@example.org", "b@d.example", content), 0);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 1);
    world_reload(w, "route = ( { for = \"d.example\", to = [ \"smtp://192.0.2.9\" ] } )\n");
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lmtp),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_from_folder_to_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
