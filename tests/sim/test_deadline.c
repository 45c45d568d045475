// SPDX-License-Identifier: BSD-2-Clause
// Mail whose sender has set a time for its delivery (DELIVERBY, RFC 2852): given back, or told of,
// at that time, whatever the rules say, whether its destination is tried then or rests, and over a
// crash.
#include "simulate/world_db.h"

#include "core/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { SWEEP_MS = 62 * 1000 }; // a minute until the next pass, and the pass

static const char config[] =
    "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
    "          { for = \"s.example\", to = [ \"smtp://192.0.2.9:25\" ] } )\n"
    "retry = ( { for = \"*\", schedule = \"10m 3h\", warn_after = [ \"6h\" ],\n"
    "            expire_after = \"1d\" } )\n";

static struct world *make_world(enum host_state state)
{
    struct world *w = world_new(&(struct world_options){.seed = 1, .config = config});
    world_host(w, "192.0.2.1")->state = state;
    return w;
}

static void submit(struct world *w, const char *by, const char *rcpt)
{
    char sender[64];
    snprintf(sender, sizeof sender, "a@s.example>%s", by);
    assert_int_not_equal(world_submit(w, sender, rcpt, "Subject: x\r\n\r\nx\r\n"), 0);
}

// The newest notice that says so of that recipient, NULL for none; how many there are.
static const struct host_message *notice(struct world *w, const char *rcpt, const char *action,
                                         uint32_t *ret_count)
{
    const struct host_message *found = NULL;
    char field[80];
    snprintf(field, sizeof field, "Final-Recipient: rfc822; %s\r\nAction: %s\r\n", rcpt, action);
    *ret_count = 0;
    for (const struct host_message *m = world_host(w, "192.0.2.9")->received; m; m = m->next)
        if (strstr(m->content, field)) {
            found = found ? found : m;
            *ret_count += 1;
        }
    return found;
}

static void assert_told(struct world *w, const char *rcpt, const char *action, int64_t at_ms,
                        int64_t late_ms)
{
    uint32_t count;
    const struct host_message *m = notice(w, rcpt, action, &count);
    assert_int_equal(count, 1);
    assert_in_range(m->at_ms, at_ms, at_ms + late_ms);
}

static void assert_untold(struct world *w, const char *rcpt, const char *action)
{
    uint32_t count;
    notice(w, rcpt, action, &count);
    assert_int_equal(count, 0);
}

static void test_given_back(void **state)
{
    (void)state;
    for (int crashes = 0; crashes < 2; crashes++) {
        struct world *w = make_world(HOST_DOWN);
        int64_t began = w->now_ms;
        submit(w, " BY=7200;R", "b@x.example");
        submit(w, " BY=90000;R", "c@x.example"); // 25 hours: the rule is sooner
        submit(w, "", "d@x.example");
        world_run(w, TIME_HOUR_MS);
        if (crashes)
            world_crash(w);
        world_run(w, 5 * TIME_HOUR_MS);
        assert_told(w, "b@x.example", "failed", began + 2 * TIME_HOUR_MS, SWEEP_MS);
        assert_untold(w, "c@x.example", "failed");
        assert_int_equal(world_queued(w), 2);
        world_run(w, 20 * TIME_HOUR_MS);
        assert_told(w, "c@x.example", "failed", began + 24 * TIME_HOUR_MS, SWEEP_MS);
        assert_untold(w, "b@x.example", "delayed");
        world_free(w);
    }
}

// Refused for now, recipient by recipient: no destination rests, and the next attempt would be too
// late. There is one more in time.
static void test_one_more_attempt(void **state)
{
    (void)state;
    struct world *w = make_world(HOST_GREYLIST);
    int64_t began = w->now_ms;
    submit(w, " BY=600;R", "b@x.example");
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 0); // it offers no DELIVERBY
    assert_told(w, "b@x.example", "failed", began, 600 * 1000 + SWEEP_MS);
    world_free(w);
}

static void test_told(void **state)
{
    (void)state;
    struct world *w = make_world(HOST_DOWN);
    int64_t began = w->now_ms;
    submit(w, " BY=7200;N", "b@x.example");
    submit(w, " BY=-5;N", "c@x.example");
    submit(w, "", "d@x.example");
    world_run(w, 5 * TIME_HOUR_MS);
    assert_told(w, "b@x.example", "delayed", began + 2 * TIME_HOUR_MS, SWEEP_MS);
    assert_told(w, "c@x.example", "delayed", began, SWEEP_MS);
    assert_untold(w, "d@x.example", "delayed");
    assert_int_equal(world_queued(w), 3);
    world_run(w, 2 * TIME_HOUR_MS);
    assert_told(w, "b@x.example", "delayed", began + 2 * TIME_HOUR_MS, SWEEP_MS); // and once
    assert_told(w, "d@x.example", "delayed", began + 6 * TIME_HOUR_MS, SWEEP_MS);
    world_host(w, "192.0.2.1")->state = HOST_UP;
    assert_true(world_run_until_empty(w, 4 * TIME_HOUR_MS));
    assert_told(w, "b@x.example", "relayed", began, TIME_DAY_MS); // to a host that keeps no time
    assert_untold(w, "d@x.example", "relayed");
    world_free(w);
}

static void test_at_a_host_without_it(void **state)
{
    (void)state;
    struct world *w = make_world(HOST_UP);
    int64_t began = w->now_ms;
    submit(w, " BY=7200;R", "b@x.example");
    submit(w, " BY=7200;NT", "c@x.example");
    world_run(w, TIME_MINUTE_MS);
    assert_told(w, "b@x.example", "failed", began, TIME_MINUTE_MS);
    assert_told(w, "c@x.example", "relayed", began, TIME_MINUTE_MS);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 1);
    world_free(w);
}

// What an operator has stopped is not given back meanwhile, but as soon as it may go on.
static void test_suspended(void **state)
{
    (void)state;
    struct world *w = make_world(HOST_DOWN);
    int code;
    submit(w, " BY=3600;R", "b@x.example");
    submit(w, "", "c@x.example");
    world_run(w, TIME_MINUTE_MS);
    world_ask(w, "suspend", (const char *const[]){"x.example"}, 1, &code);
    assert_int_equal(code, 0);
    world_run(w, 3 * TIME_HOUR_MS);
    assert_untold(w, "b@x.example", "failed");
    world_ask(w, "resume", (const char *const[]){"x.example"}, 1, &code);
    assert_int_equal(code, 0);
    int64_t resumed = w->now_ms;
    world_run(w, TIME_HOUR_MS / 2);
    assert_told(w, "b@x.example", "failed", resumed, 2 * SWEEP_MS);
    assert_int_equal(world_queued(w), 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given_back), cmocka_unit_test(test_one_more_attempt),
        cmocka_unit_test(test_told),       cmocka_unit_test(test_at_a_host_without_it),
        cmocka_unit_test(test_suspended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
