// SPDX-License-Identifier: BSD-2-Clause
// One message with more recipients than go to delivery from memory: they are read page by page.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { RCPTS = 2500 };

static void test_everybody_gets_it_once(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 1, .config = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"});
    struct buf rcpts;
    buf_init(&rcpts, 1024 * 1024);
    for (int i = 0; i < RCPTS; i++)
        buf_addf(&rcpts, "%su%d@d%d.example", i ? " " : "", i, i % 500);
    assert_int_not_equal(world_submit(w, "a@example.org", rcpts.p, "Subject: x\r\n\r\nx\r\n"), 0);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    for (int i = 0; i < RCPTS; i++) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "u%d@d%d.example", i, i % 500);
        assert_int_equal(host_count_to(world_host(w, "192.0.2.1"), rcpt), 1);
    }
    buf_close(&rcpts);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_gets_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
