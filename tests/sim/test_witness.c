// SPDX-License-Identifier: BSD-2-Clause
// The witness sees what it is there for: each promise is broken once before its eyes.
#include "core/must.h"
#include "tests/sim/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char config[] = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n";

struct stage {
    struct world *w;
    struct witness *v;
    struct host *h;
};

static struct stage begin(void)
{
    struct stage s = {.w = world_new(&(struct world_options){.seed = 1, .config = config})};
    s.v = witness_new(s.w, &(struct witness_options){.connections = 2, .expire_ms = TIME_DAY_MS});
    witness_watch(s.v, "192.0.2.1", "smtp://192.0.2.1:25");
    s.h = world_host(s.w, "192.0.2.1");
    return s;
}

static void end(struct stage *s, const char *want)
{
    const char *got = witness_broken(s->v);
    if (want[0] ? !strstr(got, want) : got[0] != '\0')
        fail_msg("got \"%s\", want \"%s\"", got, want);
    world_free(s->w);
    witness_free(s->v);
}

static void submit(struct stage *s)
{
    assert_int_not_equal(world_submit(s->w, "a@example.org", "b@example.com", "x\r\n"), 0);
    witness_expect(s->v, "b@example.com");
}

static void tell_health(struct stage *s, int64_t rest_until_ms)
{
    struct op *op = op_new(OP_HEALTH);
    op->health.row = (struct op_health_row){
        .name = must_strdup("smtp://192.0.2.1:25"), .failures = 1, .rest_until_ms = rest_until_ms};
    s->w->stored(s->w->stored_arg, op);
    op_free(op);
}

// What became of the message that is in the spool.
static void tell_settled(struct stage *s, uint64_t id, enum settle_action action)
{
    struct op *op = op_new(OP_SETTLE);
    op->settle.message = id;
    op->settle.changes = must_zalloc(sizeof *op->settle.changes);
    op->settle.changes[0].action = action;
    op->settle.change_count = 1;
    s->w->stored(s->w->stored_arg, op);
    op_free(op);
}

static void connect_once(struct stage *s)
{
    s->h->weather(s->h, s->w->now_ms, s->h->weather_arg);
}

static void test_all_is_well(void **state)
{
    (void)state;
    struct stage s = begin();
    uint32_t delivered, failed;
    s.h->state = HOST_DOWN;
    submit(&s);
    world_run(s.w, TIME_HOUR_MS);
    s.h->state = HOST_UP;
    world_run(s.w, TIME_HOUR_MS);
    witness_end(s.v);
    witness_count(s.v, &delivered, &failed);
    assert_int_equal(delivered, 1);
    assert_int_equal(failed, 0);
    end(&s, "");
}

static void test_lost(void **state)
{
    (void)state;
    struct stage s = begin();
    witness_expect(s.v, "x@example.com");
    witness_end(s.v);
    end(&s, "V1: x@example.com was lost");
    s = begin();
    s.h->state = HOST_DOWN;
    submit(&s);
    witness_end(s.v);
    end(&s, "V1: b@example.com");
}

static void test_twice(void **state)
{
    (void)state;
    struct stage s = begin();
    struct host_message m = {.sender = "a@example.org", .rcpts = "b@example.com c@example.com"};
    s.h->took(s.h, &m, s.h->watch_arg);
    world_crash(s.w); // now it may come again
    s.h->took(s.h, &m, s.h->watch_arg);
    assert_string_equal(witness_broken(s.v), "");
    m.rcpts = "c@example.com";
    s.h->took(s.h, &m, s.h->watch_arg);
    end(&s, "V2: c@example.com is delivered to again");
    s = begin();
    m.state = HOST_LOST; // it did not say so
    s.h->took(s.h, &m, s.h->watch_arg);
    s.h->took(s.h, &m, s.h->watch_arg);
    end(&s, "");
}

static void test_given_back(void **state)
{
    (void)state;
    struct stage s = begin();
    s.h->state = HOST_DOWN;
    uint64_t id = world_submit(s.w, "a@example.org", "b@example.com", "x\r\n");
    tell_settled(&s, id, SETTLE_FAIL);
    end(&s, "V3: b@example.com is given back and nobody is told");
    s = begin();
    tell_settled(&s, 4711, SETTLE_DELIVERED);
    end(&s, "V3: something became of a recipient that is not there");
}

static void test_under_way_twice(void **state)
{
    (void)state;
    struct stage s = begin();
    s.h->pace = PACE_SLOW_MAIL;
    s.h->slow_ms = 10 * TIME_SECOND_MS;
    submit(&s);
    world_run(s.w, TIME_SECOND_MS); // the host has the envelope and takes its time
    s.h->judge(s.h, SLICE_LIT("c@example.com"), s.w->now_ms, s.h->watch_arg);
    assert_string_equal(witness_broken(s.v), "");
    s.h->judge(s.h, SLICE_LIT("b@example.com"), s.w->now_ms, s.h->watch_arg);
    end(&s, "V4: b@example.com is under way twice");
}

static void test_rest(void **state)
{
    (void)state;
    struct stage s = begin();
    tell_health(&s, s.w->now_ms + TIME_HOUR_MS);
    connect_once(&s); // began before it was known
    world_run(s.w, TIME_MINUTE_MS);
    assert_string_equal(witness_broken(s.v), "");
    connect_once(&s);
    end(&s, "V5: smtp://192.0.2.1:25 is connected to 3540 s before its rest is over");
    s = begin();
    tell_health(&s, s.w->now_ms + TIME_HOUR_MS);
    world_run(s.w, TIME_MINUTE_MS);
    witness_frees(s.v);
    connect_once(&s);
    end(&s, "");
}

static void test_connections(void **state)
{
    (void)state;
    struct stage s = begin();
    s.h->connections_open = 1;
    connect_once(&s);
    assert_string_equal(witness_broken(s.v), "");
    s.h->connections_open = 2;
    connect_once(&s);
    s.h->connections_open = 0;
    end(&s, "V6: smtp://192.0.2.1:25 has 3 connections");
}

static void test_too_late(void **state)
{
    (void)state;
    struct stage s = begin();
    s.h->state = HOST_DOWN;
    uint64_t id = world_submit(s.w, "a@example.org", "b@example.com", "x\r\n");
    world_run(s.w, 2 * TIME_DAY_MS);
    tell_settled(&s, id, SETTLE_DELIVERED);
    end(&s, "V7: the end of b@example.com came 172800 s after the last disturbance");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_well),     cmocka_unit_test(test_lost),
        cmocka_unit_test(test_twice),           cmocka_unit_test(test_given_back),
        cmocka_unit_test(test_under_way_twice), cmocka_unit_test(test_rest),
        cmocka_unit_test(test_connections),     cmocka_unit_test(test_too_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
