// SPDX-License-Identifier: BSD-2-Clause
// The clock is set, forward, back, from 1970; the machine sleeps; a network appears. Nothing is
// given back before it was tried, nobody is run over, and nothing stands still.
#include "scheduler/pace.h"
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define YEAR_MS (365 * TIME_DAY_MS)

static const char config[] =
    "retry = ( { for = \"*\", jitter = \"0%\" } )\n"
    "route = ( { for = \"example.com\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
    "  { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n";

struct stage {
    struct world *w;
    struct host *h, *home;
};

static struct stage make_stage(int64_t start_ms, enum host_state state)
{
    struct stage s = {.w = world_new(&(struct world_options){
                          .seed = 6, .config = config, .start_ms = start_ms, .keeps_trace = true})};
    s.h = world_host(s.w, "192.0.2.1");
    s.home = world_host(s.w, "192.0.2.9");
    s.h->state = state;
    return s;
}

static uint64_t send(struct stage *s)
{
    uint64_t id = world_submit(s->w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n");
    assert_int_not_equal(id, 0);
    return id;
}

static uint32_t count(const struct world *w, const char *text)
{
    uint32_t n = 0;
    for (const char *at = w->trace.p; at && (at = strstr(at, text)); at++)
        n++;
    return n;
}

// However far the clock jumps, whoever is talking goes on talking.
static void test_conversations_go_on(void **state)
{
    static const int64_t jumps[] = {6 * TIME_MINUTE_MS, TIME_HOUR_MS, YEAR_MS, -TIME_HOUR_MS,
                                    -YEAR_MS};
    static const enum host_pace paces[] = {PACE_SLOW_CONNECT, PACE_SLOW_MAIL, PACE_SLOW_DOT};
    (void)state;
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++)
        for (size_t k = 0; k < sizeof paces / sizeof *paces; k++) {
            struct stage s = make_stage(0, HOST_UP);
            s.h->pace = paces[k];
            s.h->slow_ms = 20 * TIME_SECOND_MS;
            send(&s);
            world_run(s.w, 5 * TIME_SECOND_MS);
            world_jump(s.w, jumps[i]);
            world_run(s.w, TIME_MINUTE_MS);
            assert_int_equal(s.h->received_count, 1);
            assert_int_equal(s.h->connections, 1);
            assert_int_equal(world_queued(s.w), 0);
            assert_int_equal(count(s.w, jumps[i] > 0 ? "the clock jumped ahead by"
                                                     : "the clock was set back by"),
                             1);
            world_free(s.w);
        }
}

// And whoever brings mail may go on bringing it.
static void test_clients_go_on(void **state)
{
    (void)state;
    struct stage s = make_stage(0, HOST_UP);
    struct pipeline_event e = {.kind = PIPELINE_ACCEPTED, .conn = world_number(s.w)};
    e.door = DOOR_SMTP;
    e.ip = "192.0.2.77";
    e.is_trusted = true;
    uint64_t conn = e.conn;
    world_feed(s.w, &e);
    world_run(s.w, TIME_MINUTE_MS);
    world_jump(s.w, YEAR_MS);
    world_run(s.w, 3 * TIME_MINUTE_MS); // of five that a command may take
    static const char text[] = "EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\n"
                               "DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n";
    e = (struct pipeline_event){.kind = PIPELINE_BYTES, .conn = conn};
    e.bytes = (struct slice){text, sizeof text - 1};
    world_feed(s.w, &e);
    world_run(s.w, TIME_MINUTE_MS);
    assert_int_equal(s.h->received_count, 1);
    world_free(s.w);
}

// A clock that is set back stops nothing: the schedule goes on by the time that passes.
static void test_back_while_running(void **state)
{
    static const int64_t jumps[] = {-TIME_HOUR_MS, -YEAR_MS};
    (void)state;
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        struct stage s = make_stage(0, HOST_DOWN);
        send(&s);
        world_run(s.w, TIME_MINUTE_MS);
        world_jump(s.w, jumps[i]);
        world_run(s.w, 58 * TIME_MINUTE_MS);                // its own time goes an eighth slower
        assert_int_equal(count(s.w, "status=deferred"), 4); // at 0, 5, 20 and 50 minutes
        s.h->state = HOST_UP;
        world_run(s.w, 35 * TIME_MINUTE_MS);
        assert_int_equal(s.h->received_count, 1);
        world_free(s.w);
    }
}

// Of a clock that was ahead by years nothing stays: neither the dates of new mail, nor waits.
static void test_far_back_while_running(void **state)
{
    static const enum host_state states[] = {HOST_DOWN, HOST_GREYLIST, HOST_SILENT};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct stage s = make_stage(0, states[i]);
        world_jump(s.w, 4 * YEAR_MS);
        send(&s);
        world_run(s.w, TIME_MINUTE_MS);
        world_jump(s.w, -4 * YEAR_MS);
        world_run(s.w, 3 * TIME_MINUTE_MS);
        assert_int_equal(count(s.w, "everything begins again by the new one"), 1);
        assert_int_equal(count(s.w, "-- begins again --"), 1);
        s.h->state = HOST_UP;
        send(&s);
        int code;
        const char *list = world_ask(s.w, "list", NULL, 0, &code);
        assert_int_equal(code, 0);
        assert_null(strstr(list, "2030"));
        world_run(s.w, 31 * TIME_MINUTE_MS);
        assert_int_equal(s.h->received_count, 2);
        assert_int_equal(s.home->received_count, 0);
        world_free(s.w);
    }
}

// The clock was ahead when next times were stored, and was set back while no daemon ran: nothing
// waits for a year, whether its destination or itself was refused.
static void test_back_while_down(void **state)
{
    static const enum host_state states[] = {HOST_DOWN, HOST_GREYLIST};
    (void)state;
    for (int crashes = 0; crashes < 2; crashes++)
        for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
            struct stage s = make_stage(0, states[i]);
            world_jump(s.w, YEAR_MS);
            uint64_t first = send(&s);
            world_run(s.w, TIME_HOUR_MS);
            world_jump(s.w, -YEAR_MS);
            crashes ? world_crash(s.w) : world_restart(s.w);
            s.h->state = HOST_UP;
            assert_true(send(&s) > first);
            world_run(s.w, 31 * TIME_MINUTE_MS);
            assert_int_equal(s.h->received_count, 2);
            assert_int_equal(s.home->received_count, 0);
            world_free(s.w);
        }
}

// What came while the clock was ahead grows old from the day on which it was set back.
static void test_age_behind_a_wrong_clock(void **state)
{
    (void)state;
    struct stage s = make_stage(0, HOST_DOWN);
    world_jump(s.w, YEAR_MS);
    send(&s);
    world_run(s.w, TIME_HOUR_MS);
    world_jump(s.w, -YEAR_MS);
    world_restart(s.w);
    world_run(s.w, 3 * TIME_HOUR_MS);
    assert_int_equal(host_count_notices(s.home, "Action: delayed", "b@example.com"), 0);
    world_run(s.w, TIME_HOUR_MS + 31 * TIME_MINUTE_MS);
    assert_int_equal(host_count_notices(s.home, "Action: delayed", "b@example.com"), 1);
    world_run(s.w, 4 * TIME_DAY_MS);
    assert_int_equal(world_queued(s.w), 1);
    world_run(s.w, TIME_DAY_MS);
    assert_int_equal(host_count_notices(s.home, "Action: failed", "b@example.com"), 1);
    world_free(s.w);
}

// Nothing expires by a jump alone: it is tried once more, and that may be enough.
static void test_ahead(void **state)
{
    static const enum host_state states[] = {HOST_DOWN, HOST_GREYLIST};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct stage s = make_stage(0, states[i]);
        send(&s);
        world_run(s.w, TIME_HOUR_MS);
        s.h->state = HOST_UP;
        world_jump(s.w, YEAR_MS);
        world_run(s.w, 2 * TIME_MINUTE_MS);
        assert_int_equal(s.h->received_count, 1);
        assert_int_equal(s.home->received_count, 0);
        world_free(s.w);
    }
}

// A machine without a clock of its own starts in 1970, takes mail, and learns the time later.
static void test_unset_at_boot(void **state)
{
    (void)state;
    struct stage s = make_stage(TIME_MINUTE_MS, HOST_DOWN);
    assert_int_equal(count(s.w, "the clock has not been set"), 1);
    uint64_t last = send(&s);
    world_run(s.w, TIME_HOUR_MS);
    world_jump(s.w, 57 * YEAR_MS);
    world_run(s.w, TIME_MINUTE_MS);
    assert_int_equal(count(s.w, "the clock has been set"), 1);
    uint64_t next = send(&s);
    assert_true(next > last);
    world_run(s.w, 4 * TIME_DAY_MS); // as old as it is, not 57 years
    assert_int_equal(host_count_notices(s.home, "Action: failed", "b@example.com"), 0);
    assert_int_equal(host_count_notices(s.home, "Action: delayed", "b@example.com"), 2);
    world_jump(s.w, -57 * YEAR_MS); // the next boot is in 1970 again
    world_restart(s.w);
    last = send(&s);
    assert_true(last > next);
    s.h->state = HOST_UP;
    world_run(s.w, 31 * TIME_MINUTE_MS);
    assert_int_equal(s.h->received_count, 3);
    world_free(s.w);
}

// After eight hours of sleep everything is due at once, and goes out in an orderly way.
static void test_sleep(void **state)
{
    enum { MESSAGES = 300 };
    (void)state;
    struct stage s = make_stage(0, HOST_UP);
    for (int i = 0; i < MESSAGES; i++) // until the destination is one that has shown what it takes
        send(&s);
    world_run(s.w, TIME_MINUTE_MS);
    assert_int_equal(s.h->received_count, MESSAGES);
    s.h->state = HOST_GREYLIST;
    for (int i = 0; i < MESSAGES; i++)
        send(&s);
    world_run(s.w, TIME_MINUTE_MS);
    s.h->state = HOST_UP;
    s.h->pace = PACE_SLOW_MAIL;
    s.h->slow_ms = TIME_SECOND_MS;
    s.h->connections = s.h->connections_peak = 0;
    world_jump(s.w, 8 * TIME_HOUR_MS);
    while (s.h->connections == 0) // a minute, until it is noticed
        world_run(s.w, 100);
    world_run(s.w, 500);
    assert_true(s.h->connections_open <= PACE_AGAIN);
    world_run(s.w, 5 * TIME_MINUTE_MS);
    assert_int_equal(s.h->received_count, 2 * MESSAGES);
    assert_int_equal(s.home->received_count, 0); // no warning either: they were tried first
    assert_true(s.h->connections_peak <= 20);
    assert_int_equal(count(s.w, "the clock jumped ahead by 8h"), 1);
    world_free(s.w);
}

// A slip of a year is no reason to forget what became of yesterday's mail.
static void test_history_stays(void **state)
{
    (void)state;
    struct stage s = make_stage(0, HOST_UP);
    char id[MESSAGE_ID_DIGITS + 1];
    message_id_format(send(&s), id);
    world_run(s.w, TIME_MINUTE_MS);
    assert_int_equal(world_queued(s.w), 0);
    world_jump(s.w, YEAR_MS);
    world_run(s.w, 30 * TIME_MINUTE_MS);
    world_jump(s.w, -YEAR_MS);
    world_run(s.w, 3 * TIME_HOUR_MS);
    int code;
    const char *words[] = {id};
    assert_non_null(strstr(world_ask(s.w, "show", words, 1, &code), "delivered"));
    assert_int_equal(code, 66);
    world_free(s.w);
}

static void network_appears(struct stage *s)
{
    struct pipeline_event e = {.kind = PIPELINE_NETWORK};
    world_feed(s->w, &e);
}

// A destination that rests is probed when a network appears, and all of its mail goes with the
// probe; one that was refused for itself waits on.
static void test_network_appears(void **state)
{
    (void)state;
    struct stage s = make_stage(0, HOST_DOWN);
    for (int i = 0; i < 30; i++)
        send(&s);
    world_run(s.w, 25 * TIME_MINUTE_MS); // the next probe would be in half an hour
    uint32_t connections = s.h->connections, deferred = count(s.w, "status=deferred");
    network_appears(&s);
    world_run(s.w, 10 * TIME_SECOND_MS);
    assert_int_equal(count(s.w, "status=deferred"), deferred + 1); // one probe
    assert_int_equal(s.h->connections, connections);               // refused ones do not count
    s.h->state = HOST_UP;
    network_appears(&s); // at most once a minute
    world_run(s.w, 10 * TIME_SECOND_MS);
    assert_int_equal(s.h->received_count, 0);
    world_run(s.w, TIME_MINUTE_MS);
    assert_int_equal(s.h->received_count, 30);
    assert_int_equal(count(s.w, "a network has appeared"), 2);
    s.h->state = HOST_GREYLIST;
    send(&s);
    world_run(s.w, TIME_MINUTE_MS);
    deferred = count(s.w, "status=deferred");
    network_appears(&s);
    world_run(s.w, 10 * TIME_SECOND_MS);
    assert_int_equal(count(s.w, "status=deferred"), deferred);
    world_free(s.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations_go_on),
        cmocka_unit_test(test_clients_go_on),
        cmocka_unit_test(test_back_while_running),
        cmocka_unit_test(test_far_back_while_running),
        cmocka_unit_test(test_back_while_down),
        cmocka_unit_test(test_age_behind_a_wrong_clock),
        cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_unset_at_boot),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_history_stays),
        cmocka_unit_test(test_network_appears),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
