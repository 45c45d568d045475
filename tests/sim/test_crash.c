// SPDX-License-Identifier: BSD-2-Clause
// A crash after every single effect of a fixed scenario: nothing that was accepted is lost, nobody
// is told the same thing twice.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TABLES                                                                                     \
    "route = ( { for = \"ok.example\", to = [ \"smtp://192.0.2.1:25\" ] },\n"                      \
    "          { for = \"late.example\", to = [ \"smtp://192.0.2.2:25\" ] },\n"                    \
    "          { for = \"never.example\", to = [ \"smtp://192.0.2.3:25\" ] },\n"                   \
    "          { for = \"down.example\", to = [ \"smtp://192.0.2.4:25\" ] },\n"                    \
    "          { for = \"slow.example\", to = [ \"smtp://192.0.2.5:25\" ] },\n"                    \
    "          { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n"                              \
    "retry = ( { for = \"*\", schedule = \"5m 15m 30m\", warn_after = [ \"1h\" ], "                \
    "expire_after = \"5h\" } )\n"
#define INTERACTIVE "mode = \"interactive\"\ninteractive_timeout = \"10s\"\n"

struct scenario {
    const char *name;
    const char *config;
    size_t size;              // of the message
    bool is_relayed;          // somebody may have it before anybody was promised anything
    uint32_t unaccepted_most; // crash points that leave the client without an answer
    uint64_t points_most;     // what comes later is as in the first scenario; 0: all
    bool is_flushed;          // every so often, by an operator
};

static const struct scenario scenarios[] = {
    {"background", TABLES, 50, false, 40, 0, false},
    {"interactive", INTERACTIVE TABLES, 50, true, 120, 300, false},
    {"interactive, a long message", INTERACTIVE TABLES, 2 * MESSAGE_CHUNK_MAX + 50, true, 180, 300,
     false},
    {"queue", "mode = \"queue\"\n" TABLES, 50, false, 40, 500, true},
};

struct ending {
    bool was_accepted;
    uint64_t first, effects;
    uint32_t crashes;
};

static enum host_state late(const struct host *h, int64_t now_ms, void *arg)
{
    (void)h;
    return now_ms < *(int64_t *)arg ? HOST_GREYLIST : HOST_UP;
}

static char *text_of(size_t size)
{
    static const char head[] = "Subject: x\r\n\r\n";
    char *text = calloc(1, size + 1);
    memset(text, 'x', size);
    memcpy(text, head, sizeof head - 1);
    for (size_t i = 200; i + 2 <= size; i += 200)
        memcpy(text + i, "\r\n", 2);
    memcpy(text + size - 2, "\r\n", 2);
    return text;
}

static void check(struct world *w, const struct scenario *s, bool was_accepted)
{
    const struct host *senders = world_host(w, "192.0.2.9");
    uint32_t ok = host_count_to(world_host(w, "192.0.2.1"), "x@ok.example");
    uint32_t greylisted = host_count_to(world_host(w, "192.0.2.2"), "x@late.example");
    uint32_t slow = host_count_to(world_host(w, "192.0.2.5"), "x@slow.example");
    uint32_t refused = host_count_notices(senders, "Action: failed", "x@never.example");
    uint32_t warned = host_count_notices(senders, "Action: delayed", "x@down.example");
    uint32_t expired = host_count_notices(senders, "Action: failed", "x@down.example");
    if (getenv("VERBOSE"))
        printf("%s: accepted %d ok %u late %u slow %u refused %u warned %u expired %u\n", s->name,
               was_accepted, ok, greylisted, slow, refused, warned, expired);
    // Nobody is told the same thing twice, be it promised or not.
    uint32_t most = 1 + w->crashes;
    assert_in_range(ok, 0, most);
    assert_in_range(greylisted, 0, most);
    assert_in_range(slow, 0, most);
    assert_in_range(refused, 0, 1);
    assert_in_range(warned, 0, 1);
    assert_in_range(expired, 0, 1);
    if (was_accepted || (ok > 0 && !s->is_relayed))
        assert_true(ok && greylisted && slow && refused && warned && expired);
    assert_int_equal(world_queued(w), 0);
}

static void play(const struct scenario *s, uint64_t crash_after, struct ending *ret)
{
    struct world *w =
        world_new(&(struct world_options){.seed = 7, .config = s->config, .keeps_trace = true});
    world_run(w, TIME_SECOND_MS);
    uint64_t first = w->effects;
    w->crash_after = crash_after;
    int64_t until = w->now_ms + 10 * TIME_MINUTE_MS;
    world_host(w, "192.0.2.2")->weather = late;
    world_host(w, "192.0.2.2")->weather_arg = &until;
    world_host(w, "192.0.2.3")->state = HOST_REJECT;
    world_host(w, "192.0.2.4")->state = HOST_DOWN;
    world_host(w, "192.0.2.5")->pace = PACE_SLOW_DOT;
    world_host(w, "192.0.2.5")->slow_ms = 20 * TIME_SECOND_MS;
    char *text = text_of(s->size);
    uint64_t id = world_submit(
        w, "a@sender.example",
        "x@ok.example x@late.example x@never.example x@down.example x@slow.example", text);
    for (int i = 0, code; i < 6 * 4; i++) {
        // By turns everything, and what names itself.
        static const char *const all[] = {"from=*"};
        if (s->is_flushed)
            world_ask(w, "flush", all, (size_t)(i % 2), &code);
        world_run(w, TIME_HOUR_MS / 4);
    }
    check(w, s, id != 0);
    *ret = (struct ending){
        .was_accepted = id != 0, .first = first, .effects = w->effects, .crashes = w->crashes};
    free(text);
    world_free(w);
}

static void crash_after_every_effect(const struct scenario *s)
{
    struct ending calm, shaken;
    play(s, 0, &calm);
    assert_true(calm.was_accepted);
    assert_int_equal(calm.crashes, 0);
    uint32_t not_accepted = 0;
    // A slow build (FP_EFFORT=low) takes every eleventh point; what differs from the first scenario
    // in a part only, every fourth.
    uint64_t usual = s->points_most > 0 ? 4 : 1, last = calm.effects;
    uint64_t stride = getenv("FP_EFFORT") ? 11 : usual;
    if (s->points_most > 0 && calm.first + s->points_most < last)
        last = calm.first + s->points_most;
    for (uint64_t k = calm.first + 1; k <= last; k += stride) {
        play(s, k, &shaken);
        assert_int_equal(shaken.crashes, 1);
        not_accepted += !shaken.was_accepted;
    }
    // Only crashes before the 250 may leave the client without one.
    print_message("%s: %llu crash points, %u before the answer\n", s->name,
                  (unsigned long long)(last - calm.first), not_accepted);
    assert_in_range(not_accepted, 1, s->unaccepted_most);
}

static void test_crash_after_every_effect(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        crash_after_every_effect(&scenarios[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_after_every_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
