// SPDX-License-Identifier: BSD-2-Clause
// Mail that goes out leaves turns to mail that comes in, and only while there is some.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { WAITING = 3000 };

static const char text[] = "Subject: x\r\n\r\nx\r\n";

// A world in which so many messages wait for a host that has just come back.
static struct world *world_with_backlog(struct host **ret)
{
    struct world *w = world_new(&(struct world_options){
        .seed = 4,
        .config = "limit = ( { for = \"*\", connections = 200 } )\n"
                  "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"});
    struct host *h = world_host(w, "192.0.2.1");
    h->state = HOST_DOWN;
    for (int i = 0; i < WAITING; i++) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "b%d@example.com", i);
        assert_int_not_equal(world_submit(w, "a@example.org", rcpt, text), 0);
    }
    world_run(w, TIME_MINUTE_MS);
    h->state = HOST_UP;
    *ret = h;
    return w;
}

static void flush(struct world *w)
{
    int code;
    world_ask(w, "flush", NULL, 0, &code);
    assert_int_equal(code, 0);
}

// How many of those that wait are delivered in so many milliseconds, beside a message that comes in
// each of them, or alone.
static uint32_t delivered_in(int ms, bool is_beside)
{
    struct host *h;
    struct world *w = world_with_backlog(&h);
    flush(w);
    for (int i = 0; i < ms; i++) {
        if (is_beside)
            world_hand_over(w, "a@example.org", "c@example.com", text, true);
        world_run(w, 1);
    }
    uint32_t delivered = h->received_count - host_count_to(h, "c@example.com");
    assert_true(world_run_until_empty(w, TIME_SECOND_MS)); // the rest goes when no more comes
    assert_int_equal(h->received_count, WAITING + (is_beside ? ms : 0));
    world_free(w);
    return delivered;
}

static void test_flush_beside_mail_that_comes(void **state)
{
    (void)state;
    assert_in_range(delivered_in(300, false), 2000, WAITING);
    assert_in_range(delivered_in(300, true), 300, 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flush_beside_mail_that_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
