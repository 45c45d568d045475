// SPDX-License-Identifier: BSD-2-Clause
// A crash after every single effect of a fixed scenario: nothing that was accepted is lost, nobody
// is told the same thing twice.
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char config[] =
    "route = ( { for = \"ok.example\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
    "          { for = \"late.example\", to = [ \"smtp://192.0.2.2:25\" ] },\n"
    "          { for = \"never.example\", to = [ \"smtp://192.0.2.3:25\" ] },\n"
    "          { for = \"down.example\", to = [ \"smtp://192.0.2.4:25\" ] },\n"
    "          { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n"
    "retry = ( { for = \"*\", schedule = \"5m 15m 30m\", warn_after = [ \"1h\" ], expire_after = "
    "\"5h\" } )\n";

static enum host_state late(const struct host *h, int64_t now_ms, void *arg)
{
    (void)h;
    return now_ms < *(int64_t *)arg ? HOST_GREYLIST : HOST_UP;
}

struct scenario {
    bool was_accepted;
    uint64_t first, effects;
    uint32_t crashes;
};

static void play(uint64_t crash_after, struct scenario *ret)
{
    struct world *w =
        world_new(&(struct world_options){.seed = 7, .config = config, .keeps_trace = true});
    uint64_t first = w->effects;
    w->crash_after = crash_after;
    int64_t until = w->now_ms + 10 * TIME_MINUTE_MS;
    world_host(w, "192.0.2.2")->weather = late;
    world_host(w, "192.0.2.2")->weather_arg = &until;
    world_host(w, "192.0.2.3")->state = HOST_REJECT;
    world_host(w, "192.0.2.4")->state = HOST_DOWN;
    uint64_t id = world_submit(w, "a@sender.example",
                               "x@ok.example x@late.example x@never.example x@down.example",
                               "Subject: x\r\n\r\nhello\r\n");
    world_run(w, 6 * TIME_HOUR_MS);
    *ret = (struct scenario){
        .was_accepted = id != 0, .first = first, .effects = w->effects, .crashes = w->crashes};
    const struct host *senders = world_host(w, "192.0.2.9");
    uint32_t ok = host_count_to(world_host(w, "192.0.2.1"), "x@ok.example");
    uint32_t greylisted = host_count_to(world_host(w, "192.0.2.2"), "x@late.example");
    uint32_t refused = host_count_notices(senders, "Action: failed", "x@never.example");
    uint32_t warned = host_count_notices(senders, "Action: delayed", "x@down.example");
    uint32_t expired = host_count_notices(senders, "Action: failed", "x@down.example");
    if (crash_after && getenv("VERBOSE"))
        printf("%llu: accepted %d ok %u late %u refused %u warned %u expired %u\n",
               (unsigned long long)crash_after, ret->was_accepted, ok, greylisted, refused, warned,
               expired);
    if (ret->was_accepted || ok > 0) {
        assert_in_range(ok, 1, 1 + w->crashes);
        assert_in_range(greylisted, 1, 1 + w->crashes);
        assert_int_equal(refused, 1);
        assert_int_equal(warned, 1);
        assert_int_equal(expired, 1);
    }
    assert_int_equal(world_queued(w), 0);
    world_free(w);
}

static void test_crash_after_every_effect(void **state)
{
    (void)state;
    struct scenario calm, shaken;
    play(0, &calm);
    assert_true(calm.was_accepted);
    assert_int_equal(calm.crashes, 0);
    uint32_t not_accepted = 0;
    // A slow build (FP_EFFORT=low) takes every eleventh point.
    uint64_t stride = getenv("FP_EFFORT") ? 11 : 1;
    for (uint64_t k = calm.first + 1; k <= calm.effects; k += stride) {
        play(k, &shaken);
        assert_int_equal(shaken.crashes, 1);
        not_accepted += !shaken.was_accepted;
    }
    // Only crashes before the 250 may leave the client without one.
    assert_in_range(not_accepted, 1, 40);
    print_message("%llu crash points\n", (unsigned long long)(calm.effects - calm.first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_after_every_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
