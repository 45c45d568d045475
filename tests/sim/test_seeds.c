// SPDX-License-Identifier: BSD-2-Clause
// Seeds: random weather at every host, with crashes, restarts, operators, reloads, clocks that jump
// and troubles of our own in between. Whatever happens, the promises that witness.h lists are kept.
// SEED and SEEDS in the environment choose which (20 from 1 by default, fewer with FP_EFFORT=low);
// VERBOSE prints the log.
#include "tests/sim/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    DOMAINS = 6,
    RELAYED = 4, // of them
    MESSAGES = 60,
    CONNECTIONS = 3,
    BOUND_MS = 2 * 60 * 60 * 1000, // between the time to expire and the end
};

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

struct play {
    uint64_t seed, random;
    const char *mode;
    struct world *world;
    struct witness *witness;
    struct sky skies[DOMAINS];
    bool is_reloaded;
};

static uint64_t draw(struct play *p, uint64_t below)
{
    p->random = mix(p->random + 0x9E3779B97F4A7C15U);
    return p->random % below;
}

// d0 to d3 by their relays, the last two by MX; notices by a relay that is always well.
static void add_config(const struct play *p, struct buf *to)
{
    buf_addf(to, "mode = \"%s\"\nroute = (", p->mode);
    for (int d = 0; d < RELAYED; d++)
        buf_addf(to, "{ for = \"d%d.example\", to = [ \"smtp://192.0.2.%d:25\" ] },\n", d, d + 1);
    for (int d = RELAYED; d < DOMAINS; d++)
        buf_addf(to, "{ for = \"d%d.example\", to = [ \"mx\" ] },\n", d);
    buf_addf(to,
             "{ for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n"
             "retry = ( { for = \"*\", schedule = \"%s\", expire_after = \"1d\" } )\n"
             "limit = ( { for = \"*\", connections = %d } )\n",
             p->is_reloaded ? "10m 20m" : "5m 15m 30m", p->is_reloaded ? 2 : CONNECTIONS);
}

static void ask(struct play *p, const char *verb, const char *word, const char *more)
{
    const char *words[] = {word, more};
    int code;
    uint32_t crashes = p->world->crashes;
    world_ask(p->world, verb, words, (size_t)(word != NULL) + (more != NULL), &code);
    if (p->world->crashes != crashes)
        return; // one that was due came while it was asked
    if (code < 0)
        fail_msg("%s, seed %llu: no answer to %s: %s", p->mode, (unsigned long long)p->seed, verb,
                 world_last_reply(p->world));
}

// What tries at once, resting destinations included.
static void ask_to_try(struct play *p, const char *verb, const char *word)
{
    witness_frees(p->witness);
    ask(p, verb, word, NULL);
    witness_frees(p->witness);
}

static void remove_one(struct play *p)
{
    char word[64];
    snprintf(word, sizeof word, "to=m%u@d%u.example", (unsigned)draw(p, MESSAGES),
             (unsigned)draw(p, DOMAINS));
    witness_removes(p->witness, word + 3);
    ask(p, "remove", word, NULL);
}

static void suspend_one(struct play *p)
{
    char word[64];
    unsigned d = (unsigned)draw(p, DOMAINS);
    if (d < RELAYED)
        snprintf(word, sizeof word, "smtp://192.0.2.%u:25", d + 1);
    else
        snprintf(word, sizeof word, "d%u.example", d);
    ask(p, "suspend", word, "--for=2h");
}

static void reload(struct play *p)
{
    struct buf text;
    buf_init(&text, 4096);
    p->is_reloaded = !p->is_reloaded;
    add_config(p, &text);
    world_reload(p->world, text.p);
    buf_close(&text);
}

// The disk, or the name server, for a while.
static void trouble(struct play *p, void (*fails)(struct world *w, bool fails))
{
    fails(p->world, true);
    world_run(p->world, (int64_t)draw(p, (uint64_t)(30 * TIME_MINUTE_MS)));
    fails(p->world, false);
}

static void jump(struct play *p)
{
    static const int64_t by_ms[] = {-TIME_HOUR_MS, -90 * TIME_SECOND_MS, 5 * TIME_MINUTE_MS,
                                    TIME_HOUR_MS, TIME_DAY_MS};
    world_jump(p->world, by_ms[draw(p, sizeof by_ms / sizeof *by_ms)]);
}

static void disturb(struct play *p)
{
    struct world *w = p->world;
    uint32_t crashes = w->crashes;
    switch (draw(p, 20)) {
    case 0:
        world_crash(w);
        break;
    case 1:
        world_restart(w);
        if (w->crashes == crashes)
            witness_restarted(p->witness);
        break;
    case 2:
        ask_to_try(p, "flush", NULL);
        break;
    case 3:
        ask(p, "hold", "--all", NULL);
        break;
    case 4:
    case 5:
        ask_to_try(p, "release", "--all");
        break;
    case 6:
        ask_to_try(p, "requeue", "--all");
        break;
    case 7:
        ask(p, "list", NULL, NULL);
        return;
    case 8:
        w->crash_after = w->effects + 1 + draw(p, 40);
        break;
    case 9:
        trouble(p, world_spool_fails);
        break;
    case 10:
        trouble(p, world_dns_fails);
        break;
    case 11:
        remove_one(p);
        break;
    case 12:
        suspend_one(p);
        break;
    case 13:
        reload(p);
        break;
    case 14:
        jump(p);
        witness_frees(p->witness);
        break;
    default:
        return;
    }
    witness_disturbed(p->witness);
}

static void make_world(struct play *p)
{
    struct buf text;
    buf_init(&text, 4096);
    add_config(p, &text);
    p->world = world_new(&(struct world_options){
        .seed = p->seed, .config = text.p, .keeps_trace = getenv("VERBOSE")});
    buf_close(&text);
    // In mode "queue" mail expires when somebody has flushed.
    bool expires = strcmp(p->mode, "queue") != 0;
    p->witness = witness_new(
        p->world, &(struct witness_options){.connections = CONNECTIONS,
                                            .expire_ms = expires ? TIME_DAY_MS + BOUND_MS : 0});
    for (int d = 0; d < DOMAINS; d++) {
        char ip[32], name[64];
        snprintf(ip, sizeof ip, "192.0.2.%d", d + 1);
        p->skies[d] = (struct sky){p->seed, d};
        world_host(p->world, ip)->weather = weather;
        world_host(p->world, ip)->weather_arg = &p->skies[d];
        if (d < RELAYED)
            snprintf(name, sizeof name, "smtp://%s:25", ip);
        else
            snprintf(name, sizeof name, "d%d.example", d);
        witness_watch(p->witness, ip, name);
        if (d >= RELAYED)
            world_name(p->world, name, ip);
    }
}

static void submit(struct play *p, int number)
{
    char rcpts[256] = "", sender[64];
    uint64_t luck = draw(p, UINT64_MAX);
    for (int d = 0; d < DOMAINS; d++) {
        if (d != (int)(luck % DOMAINS) && (luck >> (8 + d) & 3) != 0)
            continue;
        size_t n = strlen(rcpts);
        snprintf(rcpts + n, sizeof rcpts - n, "%sm%d@d%d.example", n ? " " : "", number, d);
    }
    snprintf(sender, sizeof sender, "s%d@sender.example", number);
    if (world_submit(p->world, sender, rcpts, "Subject: x\r\n\r\nhello\r\n") == 0)
        return;
    for (char *at = strtok(rcpts, " "); at; at = strtok(NULL, " "))
        witness_expect(p->witness, at);
}

// Long enough for everything to come to its end.
static void rest_of_it(struct play *p)
{
    world_run(p->world, TIME_HOUR_MS);
    ask_to_try(p, "release", "--all");
    for (int hour = 0; hour < 30; hour++) {
        if (hour >= 26) { // what the bounce brake has held is the operator's to give back
            witness_disturbed(p->witness);
            ask(p, "bounce", "state=held", NULL);
        }
        if (strcmp(p->mode, "queue") == 0) {
            ask_to_try(p, "flush", NULL);
        }
        world_run(p->world, TIME_HOUR_MS);
    }
}

// Notices arrive once as well; after a crash the same one perhaps again.
static void check_notices(const struct play *p)
{
    for (int i = 0; i < MESSAGES; i++)
        for (int d = 0; d < DOMAINS; d++) {
            char rcpt[64];
            snprintf(rcpt, sizeof rcpt, "m%d@d%d.example", i, d);
            uint32_t failed =
                host_count_notices(world_host(p->world, "192.0.2.9"), "Action: failed", rcpt);
            if (failed > 1)
                fail_msg("%s, seed %llu: %s was given back %u times", p->mode,
                         (unsigned long long)p->seed, rcpt, failed);
        }
}

static void play_seed(uint64_t seed, const char *mode)
{
    struct play p = {.seed = seed, .random = seed, .mode = mode};
    make_world(&p);
    for (int i = 0; i < MESSAGES; i++) {
        submit(&p, i);
        disturb(&p);
        world_run(p.world, (int64_t)draw(&p, (uint64_t)TIME_HOUR_MS));
    }
    rest_of_it(&p);
    witness_end(p.witness);
    if (getenv("VERBOSE"))
        fputs(p.world->trace.p, stdout);
    if (witness_broken(p.witness)[0])
        fail_msg("%s, seed %llu: %s", mode, (unsigned long long)seed, witness_broken(p.witness));
    assert_int_equal(world_queued(p.world), 0);
    check_notices(&p);
    world_free(p.world);
    witness_free(p.witness);
}

static void play_seeds(const char *mode)
{
    uint64_t first = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : 1;
    uint64_t count = getenv("SEEDS")       ? strtoull(getenv("SEEDS"), NULL, 10)
                     : getenv("FP_EFFORT") ? 5
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
