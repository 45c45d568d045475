// SPDX-License-Identifier: BSD-2-Clause
// Years of mail to hosts that fail by seed for hours and days: nothing is lost, nothing arrives
// twice, nothing stays. The nightly job takes three years and ten thousand messages, and says how
// long that took: a minute on one core is the figure. MESSAGES, DAYS and SEED in the environment
// choose others.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { DOMAINS = 40 };

struct sky {
    uint64_t seed;
    int domain;
};

static uint64_t mix(uint64_t z)
{
    z += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

// Each six hours anew, and one block of eight days in ten is an outage that outlives mail.
static enum host_state weather(const struct host *h, int64_t now_ms, void *arg)
{
    (void)h;
    static const enum host_state kinds[] = {
        HOST_DOWN, HOST_SILENT, HOST_BUSY, HOST_GREYLIST, HOST_FULL, HOST_TEMP, HOST_REJECT,
    };
    const struct sky *sky = arg;
    uint64_t place = sky->seed ^ (uint64_t)sky->domain << 32;
    if (mix(place ^ 1 ^ (uint64_t)(now_ms / (8 * TIME_DAY_MS)) << 8) % 10 == 0)
        return HOST_DOWN;
    uint64_t luck = mix(place ^ (uint64_t)(now_ms / (6 * TIME_HOUR_MS)) << 4) % 28;
    return luck < sizeof kinds / sizeof *kinds ? kinds[luck] : HOST_UP;
}

static uint64_t setting(const char *name, uint64_t usual)
{
    return getenv(name) ? strtoull(getenv(name), NULL, 10) : usual;
}

static void make_hosts(struct world *w, struct sky *skies, uint64_t seed)
{
    char name[32], ip[32];
    for (int d = 0; d < DOMAINS; d++) {
        snprintf(name, sizeof name, "d%d.example", d);
        snprintf(ip, sizeof ip, "192.0.2.%d", d + 1);
        skies[d] = (struct sky){seed, d};
        world_name(w, name, ip);
        world_host(w, ip)->weather = weather;
        world_host(w, ip)->weather_arg = &skies[d];
    }
    world_name(w, "sender.example", "192.0.2.250");
}

static void submit(struct world *w, uint32_t number)
{
    char sender[64], rcpt[64];
    snprintf(sender, sizeof sender, "s%u@sender.example", number);
    snprintf(rcpt, sizeof rcpt, "m%u@d%u.example", number, number % DOMAINS);
    assert_int_not_equal(world_submit(w, sender, rcpt, "Subject: x\r\n\r\nhello\r\n"), 0);
}

// How often each message arrived (1) and came back (256).
static uint32_t *count_ends(struct world *w, uint32_t messages)
{
    uint32_t *ends = calloc(messages, sizeof *ends);
    for (const struct host *h = w->hosts; h; h = h->next)
        for (const struct host_message *m = h->received; m; m = m->next) {
            bool is_notice = m->sender[0] == '\0';
            uint32_t number = (uint32_t)strtoul(m->rcpts + 1, NULL, 10);
            assert_true(number < messages);
            if (!is_notice)
                ends[number] += 1;
            else if (strstr(m->content, "Action: failed"))
                ends[number] += 256;
        }
    return ends;
}

static void test_years(void **state)
{
    (void)state;
    uint32_t messages = (uint32_t)setting("MESSAGES", getenv("FP_EFFORT") ? 100 : 250);
    int64_t length_ms = (int64_t)setting("DAYS", getenv("FP_EFFORT") ? 12 : 30) * TIME_DAY_MS;
    uint64_t seed = setting("SEED", 1);
    struct sky skies[DOMAINS];
    clock_t began = clock();
    struct world *w = world_new(&(struct world_options){.seed = seed, .config = ""});
    make_hosts(w, skies, seed);
    int64_t start_ms = w->now_ms;
    for (uint32_t i = 0; i < messages; i++) {
        int64_t at_ms = start_ms + length_ms / messages * i;
        if (at_ms > w->now_ms)
            world_run(w, at_ms - w->now_ms);
        submit(w, i);
    }
    world_run(w, start_ms + length_ms - w->now_ms);
    assert_true(world_run_until_empty(w, 12 * TIME_DAY_MS));
    uint32_t *ends = count_ends(w, messages), returned = 0;
    for (uint32_t i = 0; i < messages; i++) {
        if (ends[i] != 1 && ends[i] != 256)
            fail_msg("message %u arrived %u times and came back %u times", i, ends[i] % 256,
                     ends[i] / 256);
        returned += ends[i] == 256;
    }
    print_message("%u messages in %lld days, %u came back: %.1f s of processor time\n", messages,
                  (long long)(length_ms / TIME_DAY_MS), returned,
                  (double)(clock() - began) / CLOCKS_PER_SEC);
    free(ends);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_years)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
