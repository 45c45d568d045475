// SPDX-License-Identifier: BSD-2-Clause
// Seeds: random weather at every host, with crashes, restarts and operators in between. Whatever
// happens, each accepted recipient is delivered or given back, and given back once. SEED and SEEDS
// in the environment choose which (20 from 1 by default, fewer with FP_EFFORT=low); VERBOSE prints
// the log.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DOMAINS = 6, MESSAGES = 60 };

struct sky {
    uint64_t seed;
    int domain;
};

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static enum host_state weather(const struct host *h, int64_t now_ms, void *arg)
{
    (void)h;
    static const enum host_state kinds[] = {HOST_UP,   HOST_UP,     HOST_DOWN,     HOST_SILENT,
                                            HOST_BUSY, HOST_UP,     HOST_GREYLIST, HOST_REJECT,
                                            HOST_FULL, HOST_REFUSE, HOST_TEMP,     HOST_LOST};
    const struct sky *sky = arg;
    uint64_t hour = (uint64_t)now_ms / (uint64_t)(3 * TIME_HOUR_MS);
    return kinds[mix(sky->seed ^ hour * 31 ^ (uint64_t)sky->domain * 977) %
                 (sizeof kinds / sizeof *kinds)];
}

static void disturb(struct world *w, uint64_t *random)
{
    int code = 0;
    uint32_t crashes = w->crashes;
    static const char *const all[] = {"--all"};
    *random = mix(*random + 0x9E3779B97F4A7C15U);
    switch (*random % 12) {
    case 0:
        world_crash(w);
        break;
    case 1:
        world_restart(w);
        break;
    case 2:
        world_ask(w, "flush", NULL, 0, &code);
        break;
    case 3:
        world_ask(w, "hold", all, 1, &code);
        break;
    case 4:
    case 5:
        world_ask(w, "release", all, 1, &code);
        break;
    case 6:
        world_ask(w, "requeue", all, 1, &code);
        break;
    case 7:
        world_ask(w, "list", NULL, 0, &code);
        if (w->crashes == crashes) // a crash that was due may have come while it was asked
            assert_int_equal(code, 0);
        break;
    case 8:
        w->crash_after = w->effects + 1 + *random / 16 % 40;
        break;
    case 9: // the disk fails for a while
        world_spool_fails(w, true);
        world_run(w, (int64_t)(*random / 16 % (uint64_t)(30 * TIME_MINUTE_MS)));
        world_spool_fails(w, false);
        break;
    default:
        return;
    }
    if (code < 0 && w->crashes == crashes)
        fail_msg("an operator was not answered: %s", world_last_reply(w));
}

static void play_seed(uint64_t seed, const char *mode)
{
    struct buf text;
    buf_init(&text, 4096);
    buf_addf(&text, "mode = \"%s\"\nroute = (", mode);
    for (int d = 0; d < DOMAINS; d++)
        buf_addf(&text, "{ for = \"d%d.example\", to = [ \"smtp://192.0.2.%d:25\" ] },\n", d,
                 d + 1);
    buf_add_str(&text,
                "{ for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n"
                "retry = ( { for = \"*\", schedule = \"5m 15m 30m\", expire_after = \"1d\" } )\n");
    struct world *w = world_new(
        &(struct world_options){.seed = seed, .config = text.p, .keeps_trace = getenv("VERBOSE")});
    buf_close(&text);
    struct sky skies[DOMAINS];
    bool accepted[MESSAGES][DOMAINS] = {{false}};
    uint64_t random = seed;
    for (int d = 0; d < DOMAINS; d++) {
        char ip[32];
        snprintf(ip, sizeof ip, "192.0.2.%d", d + 1);
        skies[d] = (struct sky){seed, d};
        world_host(w, ip)->weather = weather;
        world_host(w, ip)->weather_arg = &skies[d];
    }
    for (int i = 0; i < MESSAGES; i++) {
        char rcpts[256] = "", one[64], sender[64];
        random = mix(random + 1);
        for (int d = 0; d < DOMAINS; d++) {
            if (d != (int)(random % DOMAINS) && (random >> (8 + d) & 3) != 0)
                continue;
            snprintf(one, sizeof one, "%sm%d@d%d.example", rcpts[0] ? " " : "", i, d);
            strcat(rcpts, one);
            accepted[i][d] = true;
        }
        snprintf(sender, sizeof sender, "s%d@sender.example", i);
        if (world_submit(w, sender, rcpts, "Subject: x\r\n\r\nhello\r\n") == 0)
            memset(accepted[i], 0, sizeof accepted[i]);
        disturb(w, &random);
        world_run(w, (int64_t)(random % (uint64_t)TIME_HOUR_MS));
    }
    int code;
    world_run(w, TIME_HOUR_MS);
    world_ask(w, "release", (const char *const[]){"--all"}, 1, &code);
    for (int hour = 0; hour < 30; hour++) {
        if (hour >= 26) // what the bounce brake has held is the operator's to give back
            world_ask(w, "bounce", (const char *const[]){"state=held"}, 1, &code);
        if (strcmp(mode, "queue") == 0)
            world_ask(w, "flush", NULL, 0, &code);
        world_run(w, TIME_HOUR_MS);
    }
    if (getenv("VERBOSE"))
        fputs(w->trace.p, stdout);
    assert_int_equal(world_queued(w), 0);
    for (int i = 0; i < MESSAGES; i++)
        for (int d = 0; d < DOMAINS; d++) {
            char ip[32], rcpt[64];
            snprintf(ip, sizeof ip, "192.0.2.%d", d + 1);
            snprintf(rcpt, sizeof rcpt, "m%d@d%d.example", i, d);
            uint32_t received = host_count_to(world_host(w, ip), rcpt);
            uint32_t failed =
                host_count_notices(world_host(w, "192.0.2.9"), "Action: failed", rcpt);
            if (accepted[i][d] && received + failed == 0)
                fail_msg("%s, seed %llu: %s was lost", mode, (unsigned long long)seed, rcpt);
            if (failed > 1)
                fail_msg("%s, seed %llu: %s was given back %u times", mode,
                         (unsigned long long)seed, rcpt, failed);
        }
    world_free(w);
}

static void play_seeds(const char *mode)
{
    uint64_t first = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : 1;
    uint64_t count = getenv("SEEDS")       ? strtoull(getenv("SEEDS"), NULL, 10)
                     : getenv("FP_EFFORT") ? 6
                                           : 20;
    for (uint64_t seed = first; seed < first + count; seed++)
        play_seed(seed, mode);
}

static void test_seeds(void **state)
{
    (void)state;
    play_seeds("background");
}

static void test_seeds_interactive(void **state)
{
    (void)state;
    play_seeds("interactive");
}

static void test_seeds_queue(void **state)
{
    (void)state;
    play_seeds("queue");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_seeds_interactive),
        cmocka_unit_test(test_seeds_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
