// SPDX-License-Identifier: BSD-2-Clause
// Mode "interactive": the next hop's 250 is the client's, and only what could not be delivered at
// once is spooled.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CONFIG                                                                                     \
    "mode = \"interactive\"\ninteractive_timeout = \"10s\"\n"                                      \
    "route = ( { for = \"one.example\", to = [ \"smtp://192.0.2.1:25\" ] },\n"                     \
    "          { for = \"two.example\", to = [ \"smtp://192.0.2.2:25\" ] },\n"                     \
    "          { for = \"three.example\", to = [ \"smtp://192.0.2.3:25\" ] },\n"                   \
    "          { for = \"four.example\", to = [ \"smtp://192.0.2.4:25\" ] },\n"                    \
    "          { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n"

static const char text[] = "Subject: x\r\n\r\nhello\r\n";

static struct world *make_world_as(uint64_t seed, const char *config)
{
    struct world *w =
        world_new(&(struct world_options){.seed = seed, .config = config, .keeps_trace = true});
    world_run(w, TIME_SECOND_MS); // ids are reserved
    return w;
}

static struct world *make_world(uint64_t seed)
{
    return make_world_as(seed, CONFIG);
}

static uint32_t count_in(const struct world *w, const char *what)
{
    uint32_t n = 0;
    for (const char *at = buf_slice(&w->trace).p; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static uint32_t ops_since(const struct world *w, const uint32_t before[OP_KIND_COUNT])
{
    uint32_t n = 0;
    for (int kind = 0; kind < OP_KIND_COUNT; kind++)
        n += w->ops[kind] - before[kind];
    return n;
}

static void remember_ops(const struct world *w, uint32_t ops[OP_KIND_COUNT])
{
    memcpy(ops, w->ops, sizeof w->ops);
}

static void test_delivered_at_once(void **state)
{
    (void)state;
    uint32_t before[OP_KIND_COUNT];
    struct world *w = make_world(1);
    struct host *one = world_host(w, "192.0.2.1"), *two = world_host(w, "192.0.2.2");
    remember_ops(w, before);
    for (uint32_t i = 1; i <= 20; i++) {
        assert_int_not_equal(
            world_submit(w, "a@x.example", "b@one.example c@two.example d@one.example", text), 0);
        assert_int_equal(one->received_count, i); // before the client heard 250
        assert_int_equal(two->received_count, i);
    }
    assert_int_equal(ops_since(w, before), 0);
    assert_string_equal(one->received->rcpts, "b@one.example d@one.example");
    assert_non_null(strstr(one->received->content, "\r\n\r\nhello\r\n"));
    assert_non_null(strstr(world_last_reply(w), "\r\n250 2.0.0 Ok: queued as "));
    assert_int_equal(count_in(w, "from=<a@x.example>, size="), 20);
    assert_int_equal(count_in(w, "nrcpt=3 (queue active)"), 20);
    assert_int_equal(count_in(w, "status=sent (250 2.0.0 taken)"), 60);
    assert_int_equal(count_in(w, ": removed"), 20);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

static char *long_text(size_t size)
{
    static const char head[] = "Subject: x\r\n\r\n";
    char *content = calloc(1, size + 1);
    memcpy(content, head, sizeof head - 1);
    for (size_t i = sizeof head - 1; i < size; i++)
        content[i] = (char)('a' + i % 23);
    for (size_t i = 100; i + 2 <= size; i += 100)
        memcpy(content + i, "\r\n", 2);
    memcpy(content + size - 2, "\r\n", 2);
    return content;
}

// A long body was stored while it came; what was stored goes when it has been delivered. The last
// chunk may be a full one, or very short.
static void test_long_bodies(void **state)
{
    (void)state;
    struct world *w = make_world(2);
    struct host *one = world_host(w, "192.0.2.1");
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    size_t trace = one->received->size - strlen(text);
    for (size_t chunks = 1; chunks <= 3; chunks++)
        for (int more = -1; more <= 1; more++) {
            size_t size = chunks * MESSAGE_CHUNK_MAX - trace + (size_t)more * 100;
            char *content = long_text(size);
            uint32_t accepted = w->ops[OP_ACCEPT];
            assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", content), 0);
            assert_int_equal(one->received->size, trace + size);
            assert_string_equal(one->received->content + trace, content);
            assert_int_equal(w->ops[OP_ACCEPT], accepted);
            free(content);
        }
    assert_int_equal(w->ops[OP_APPEND], 0 + 1 + 1 + 1 + 2 + 2 + 2 + 3 + 3);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(w->ops[OP_DISCARD], 8);
    world_free(w);
}

// The same when it has to be spooled after all: the whole body is there.
static void test_long_body_is_spooled(void **state)
{
    (void)state;
    struct world *w = make_world(3);
    struct host *one = world_host(w, "192.0.2.1");
    one->state = HOST_TEMP;
    char *content = long_text(600000);
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", content), 0);
    assert_int_equal(world_queued(w), 1);
    one->state = HOST_UP;
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(one->received_count, 1);
    assert_non_null(strstr(one->received->content, content));
    free(content);
    world_free(w);
}

// More recipients than a transaction may have: every part has the body.
static void test_split(void **state)
{
    (void)state;
    struct buf rcpts;
    uint32_t before[OP_KIND_COUNT];
    struct world *w = make_world(4);
    struct host *one = world_host(w, "192.0.2.1");
    buf_init(&rcpts, 64 * 1024);
    for (int i = 0; i < 250; i++)
        buf_addf(&rcpts, "%su%d@one.example", i ? " " : "", i);
    remember_ops(w, before);
    assert_int_not_equal(world_submit(w, "a@x.example", rcpts.p, text), 0);
    assert_int_equal(one->received_count, 3);
    for (const struct host_message *m = one->received; m; m = m->next)
        assert_non_null(strstr(m->content, "\r\n\r\nhello\r\n"));
    assert_int_equal(ops_since(w, before), 0);
    buf_close(&rcpts);
    world_free(w);
}

static void test_next_hop_is_down(void **state)
{
    (void)state;
    struct world *w = make_world(5);
    struct host *one = world_host(w, "192.0.2.1");
    one->state = HOST_DOWN;
    int64_t began = w->now_ms;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    assert_int_equal(world_queued(w), 1);
    world_run(w, TIME_SECOND_MS);
    assert_int_equal(count_in(w, "status=deferred (connect to 192.0.2.1"), 1);
    // It rests: the next one is not tried, and its client does not wait.
    assert_int_not_equal(world_submit(w, "a@x.example", "c@one.example", text), 0);
    assert_in_range(w->now_ms - began, 0, 3 * TIME_SECOND_MS);
    assert_int_equal(world_queued(w), 2);
    one->state = HOST_UP;
    assert_true(world_run_until_empty(w, 6 * TIME_MINUTE_MS));
    assert_int_equal(host_count_to(one, "b@one.example"), 1);
    assert_int_equal(host_count_to(one, "c@one.example"), 1);
    assert_int_equal(count_in(w, "status=deferred"), 1);
    world_free(w);
}

// What waits for a connection is not kept waiting when the host turns out to be down.
static void test_waiting_while_it_fails(void **state)
{
    (void)state;
    struct world *w = make_world_as(6, CONFIG "limit = ( { for = \"*\", connections = 1 } )\n");
    struct host *one = world_host(w, "192.0.2.1");
    one->state = HOST_BUSY;
    one->pace = PACE_SLOW_CONNECT;
    one->slow_ms = 3000;
    world_hand_over(w, "a@x.example", "b@one.example", text, true);
    int64_t began = w->now_ms;
    assert_int_not_equal(world_submit(w, "a@x.example", "c@one.example", text), 0);
    assert_in_range(w->now_ms - began, 2500, 3500);
    assert_int_equal(world_queued(w), 2);
    world_free(w);
}

// The client's patience ends in the middle of the conversation, wherever: the message is spooled,
// the attempt goes on, and it arrives once.
static void test_slow(void **state)
{
    (void)state;
    static const enum host_pace paces[] = {PACE_SLOW_CONNECT, PACE_SLOW_MAIL, PACE_SLOW_DOT};
    for (uint64_t i = 0; i < sizeof paces / sizeof *paces; i++) {
        struct world *w = make_world(7 + i);
        struct host *one = world_host(w, "192.0.2.1");
        one->pace = paces[i];
        one->slow_ms = 20 * TIME_SECOND_MS;
        int64_t began = w->now_ms;
        assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example c@two.example", text),
                             0);
        assert_in_range(w->now_ms - began, 10000, 10100);
        assert_int_equal(world_queued(w), 1);
        assert_int_equal(count_in(w, "status=sent"), 1);
        world_run(w, 15 * TIME_SECOND_MS);
        assert_int_equal(world_queued(w), 0);
        world_run(w, TIME_DAY_MS);
        assert_int_equal(one->received_count, 1);
        assert_int_equal(world_host(w, "192.0.2.2")->received_count, 1);
        assert_int_equal(count_in(w, "status=sent"), 2);
        assert_int_equal(count_in(w, "(queue active)"), 1);
        assert_int_equal(w->ops[OP_READ], 0); // no conflict of versions
        world_free(w);
    }
}

// Several recipients, one of each kind: what was delivered is not in the spool, the others have an
// attempt behind them.
static void test_mixed(void **state)
{
    (void)state;
    struct world *w = make_world(10);
    struct host *senders = world_host(w, "192.0.2.9");
    world_host(w, "192.0.2.2")->state = HOST_GREYLIST;
    world_host(w, "192.0.2.3")->state = HOST_REJECT;
    world_host(w, "192.0.2.4")->state = HOST_DOWN;
    assert_int_not_equal(world_submit(w, "a@x.example",
                                      "b@three.example b@one.example b@two.example b@four.example",
                                      text),
                         0);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(host_count_to(world_host(w, "192.0.2.1"), "b@one.example"), 1);
    assert_int_equal(host_count_notices(senders, "Action: failed", "b@three.example"), 1);
    assert_int_equal(senders->received_count, 1);
    assert_int_equal(world_queued(w), 1);
    assert_int_equal(count_in(w, "status=deferred"), 2);
    assert_int_equal(count_in(w, "status=bounced"), 1);
    world_crash(w); // it is all in the spool
    world_host(w, "192.0.2.2")->state = world_host(w, "192.0.2.4")->state = HOST_UP;
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(host_count_to(world_host(w, "192.0.2.1"), "b@one.example"), 1);
    assert_int_equal(host_count_to(world_host(w, "192.0.2.2"), "b@two.example"), 1);
    assert_int_equal(host_count_to(world_host(w, "192.0.2.4"), "b@four.example"), 1);
    assert_int_equal(senders->received_count, 1);
    world_free(w);
}

static void test_refused_after_the_dot(void **state)
{
    (void)state;
    struct world *w = make_world(11);
    world_host(w, "192.0.2.1")->state = HOST_REFUSE;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example c@one.example", text), 0);
    assert_true(world_run_until_empty(w, TIME_MINUTE_MS));
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 1);
    world_free(w);
}

// The connection broke after the dot (RFC 1047): kept, marked, tried again, not returned.
static void test_in_doubt(void **state)
{
    (void)state;
    int code;
    struct world *w = make_world(12);
    struct host *one = world_host(w, "192.0.2.1");
    one->state = HOST_LOST;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    world_run(w, TIME_SECOND_MS);
    assert_int_equal(world_queued(w), 1);
    assert_non_null(strstr(world_ask(w, "list", NULL, 0, &code), "[possibly delivered]"));
    one->state = HOST_UP;
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(one->received_count, 2);
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 0);
    world_free(w);
}

// A client that goes away has handed the message over all the same.
static void test_client_goes_away(void **state)
{
    (void)state;
    struct world *w = make_world(13);
    struct host *one = world_host(w, "192.0.2.1"), *two = world_host(w, "192.0.2.2");
    two->state = HOST_GREYLIST;
    world_hand_over(w, "a@x.example", "b@one.example c@two.example", text, true);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(one->received_count, 1);
    assert_int_equal(world_queued(w), 1);
    two->state = HOST_UP;
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(one->received_count, 1);
    assert_int_equal(two->received_count, 1);
    world_free(w);
}

// A shutdown spools what clients wait for and tells them; attempts get their grace.
static void test_shutdown(void **state)
{
    (void)state;
    for (int is_quick = 0; is_quick <= 1; is_quick++) {
        struct world *w = make_world(14);
        struct host *one = world_host(w, "192.0.2.1");
        one->pace = PACE_SLOW_DOT;
        one->slow_ms = is_quick ? 2000 : 8000;
        world_hand_over(w, "a@x.example", "b@one.example", text, false);
        world_run(w, TIME_SECOND_MS);
        world_restart(w);
        assert_int_not_equal(world_submitted(w), 0);
        assert_int_equal(world_queued(w), is_quick ? 0 : 1);
        assert_int_equal(count_in(w, "status=sent"), is_quick);
        one->pace = PACE_QUICK;
        assert_true(world_run_until_empty(w, TIME_HOUR_MS));
        assert_int_equal(one->received_count, is_quick ? 1 : 2); // in doubt at the end
        world_free(w);
    }
}

static void expect_refusal(struct world *w, const char *rcpts, const char *reply)
{
    world_hand_over(w, "a@x.example", rcpts, text, false);
    world_run(w, 40 * TIME_SECOND_MS);
    assert_int_equal(world_submitted(w), 0);
    if (!strstr(world_last_reply(w), reply))
        fail_msg("no %s in %s", reply, world_last_reply(w));
    assert_int_equal(world_queued(w), 0);
}

// No room for what could not be delivered: the client keeps it, and nobody is told of it.
static void test_full_disk(void **state)
{
    (void)state;
    struct world *w = make_world(15);
    struct host *one = world_host(w, "192.0.2.1"), *two = world_host(w, "192.0.2.2");
    world_spool_is_full(w, true);
    assert_int_not_equal(world_submit(w, "a@x.example", "b@two.example", text), 0);
    one->state = HOST_GREYLIST;
    expect_refusal(w, "b@one.example", "\r\n452 4.3.1 ");
    one->state = HOST_REJECT;
    expect_refusal(w, "b@one.example", "\r\n452 4.3.1 ");
    one->state = HOST_DOWN;
    expect_refusal(w, "b@one.example c@two.example", "\r\n452 4.3.1 ");
    assert_int_equal(two->received_count, 2);
    assert_int_equal(count_in(w, "1 of 2 recipients have it"), 1);
    expect_refusal(w, "d@one.example", "\r\n452 4.3.1 "); // it rests: not even tried
    world_run(w, TIME_HOUR_MS);
    world_spool_is_full(w, false);
    one->state = HOST_UP;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    world_run(w, TIME_DAY_MS);
    assert_int_equal(one->received_count, 1);
    assert_int_equal(two->received_count, 2);
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 0);
    world_free(w);
}

// The client is refused while attempts are under way: they are ended, but for those that wait for
// the answer to the end mark; the destination is none the worse for it.
static void test_refused_meanwhile(void **state)
{
    (void)state;
    static const enum host_pace paces[] = {PACE_SLOW_CONNECT, PACE_SLOW_MAIL, PACE_SLOW_DOT};
    for (uint64_t i = 0; i < sizeof paces / sizeof *paces; i++) {
        bool is_late = paces[i] == PACE_SLOW_DOT;
        uint32_t before[OP_KIND_COUNT];
        struct world *w = make_world(16 + i);
        struct host *one = world_host(w, "192.0.2.1");
        world_spool_is_full(w, true);
        one->pace = paces[i];
        one->slow_ms = 20 * TIME_SECOND_MS;
        expect_refusal(w, "b@one.example", "\r\n452 4.3.1 ");
        assert_int_equal(one->received_count, is_late);
        assert_int_equal(count_in(w, "status=sent"), is_late);
        one->pace = PACE_QUICK;
        remember_ops(w, before);
        assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
        assert_int_equal(ops_since(w, before), 0); // it did not rest
        world_run(w, TIME_DAY_MS);
        assert_int_equal(one->received_count, 1 + is_late);
        assert_int_equal(world_queued(w), 0);
        world_free(w);
    }
}

// A refused client's recipients that still wait in a window are not tried.
static void test_refused_while_waiting(void **state)
{
    (void)state;
    struct world *w = make_world_as(19, CONFIG "limit = ( { for = \"*\", connections = 1 } )\n");
    struct host *one = world_host(w, "192.0.2.1");
    one->pace = PACE_SLOW_DOT;
    one->slow_ms = 30 * TIME_SECOND_MS;
    world_spool_is_full(w, true);
    world_hand_over(w, "a@x.example", "b@one.example", text, true);
    expect_refusal(w, "c@one.example d@one.example", "\r\n452 4.3.1 ");
    world_run(w, TIME_DAY_MS);
    assert_int_equal(one->received_count, 1);
    world_free(w);
}

// The spool fails altogether: what the next hop takes needs none.
static void test_spool_fails(void **state)
{
    (void)state;
    struct world *w = make_world(20);
    struct host *one = world_host(w, "192.0.2.1");
    world_spool_fails(w, true);
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    world_run(w, 5 * TIME_SECOND_MS); // the connection is closed
    one->state = HOST_GREYLIST;
    expect_refusal(w, "b@one.example", "\r\n451 4.3.0 ");
    world_spool_fails(w, false);
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    assert_int_equal(world_queued(w), 1);
    world_free(w);
}

// Ids are told without a transaction, and come back neither after a crash nor after a clean end,
// even when the clock was set back meanwhile. A clean end takes back what was not used.
static void test_ids(void **state)
{
    (void)state;
    struct world *w = make_world(21);
    uint64_t last = 0;
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 3; i++) {
            uint64_t id = world_submit(w, "a@x.example", "b@one.example", text);
            assert_true(id > last);
            if (round >= 2 && i == 0) // as the last end was
                assert_true((id - last > 10000000) == (round % 2 == 1));
            last = id;
        }
        if (round == 0)
            world_jump(w, -TIME_HOUR_MS);
        round % 2 ? world_restart(w) : world_crash(w);
        world_run(w, TIME_SECOND_MS);
    }
    world_free(w);
}

// SIGHUP changes the mode for the next message; who waits already goes on waiting.
static void test_reload(void **state)
{
    (void)state;
    struct world *w = make_world(22);
    struct host *one = world_host(w, "192.0.2.1");
    static const char background[] =
        "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n";
    one->pace = PACE_SLOW_DOT;
    one->slow_ms = 5000;
    world_hand_over(w, "a@x.example", "b@one.example", text, false);
    world_run(w, TIME_SECOND_MS);
    world_reload(w, background);
    world_run(w, 6 * TIME_SECOND_MS);
    assert_int_not_equal(world_submitted(w), 0);
    assert_int_equal(w->ops[OP_ACCEPT], 0);
    one->pace = PACE_QUICK;
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    assert_int_equal(w->ops[OP_ACCEPT], 1);
    world_reload(w, CONFIG);
    world_run(w, TIME_SECOND_MS);
    assert_int_not_equal(world_submit(w, "a@x.example", "b@one.example", text), 0);
    assert_int_equal(w->ops[OP_ACCEPT], 1);
    world_free(w);
}

// A batch that waits for a connection is let go by a reload: it is spooled and tried by the new
// routes.
static void test_reload_while_waiting(void **state)
{
    (void)state;
    struct world *w = make_world_as(23, CONFIG "limit = ( { for = \"*\", connections = 1 } )\n");
    struct host *one = world_host(w, "192.0.2.1"), *two = world_host(w, "192.0.2.2");
    one->pace = PACE_SLOW_DOT;
    one->slow_ms = 5000;
    world_hand_over(w, "a@x.example", "b@one.example", text, true);
    world_hand_over(w, "a@x.example", "c@one.example", text, false);
    world_reload(w, "mode = \"interactive\"\n"
                    "route = ( { for = \"*\", to = [ \"smtp://192.0.2.2:25\" ] } )\n");
    world_run(w, TIME_MINUTE_MS);
    assert_int_not_equal(world_submitted(w), 0);
    assert_int_equal(host_count_to(one, "b@one.example"), 1);
    assert_int_equal(host_count_to(two, "c@one.example"), 1);
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivered_at_once),
        cmocka_unit_test(test_long_bodies),
        cmocka_unit_test(test_long_body_is_spooled),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_next_hop_is_down),
        cmocka_unit_test(test_waiting_while_it_fails),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_refused_after_the_dot),
        cmocka_unit_test(test_in_doubt),
        cmocka_unit_test(test_client_goes_away),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_refused_meanwhile),
        cmocka_unit_test(test_refused_while_waiting),
        cmocka_unit_test(test_spool_fails),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_reload_while_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
