// SPDX-License-Identifier: BSD-2-Clause
// A hundred thousand destinations at once: what they cost in memory, healthy and all of them down.
#include "core/time.h"
#include "scheduler/scheduler.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DOMAINS = 100000, BUDGET = 64 * 1024 * 1024 };

// Sanitizers bring an allocator of their own, of which mallinfo2 knows nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_MEASURED = 0 };
#else
enum { IS_MEASURED = 1 };
#endif

static struct rules rules;
static const struct scheduler_settings settings = {
    .rules = &rules, .batches_max = 200, .window_rcpts_max = 20000, .page_size = 200};

static size_t used_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void tell(struct scheduler *s, uint32_t i, int64_t now_ms)
{
    char name[64];
    snprintf(name, sizeof name, "mail%u.example.com", (unsigned)i);
    struct sched_event e = {.kind = SCHED_DOMAIN, .now_ms = now_ms};
    e.domain.name = e.domain.destination = name;
    e.domain.next_due_ms = 1000 + i % 60000;
    scheduler_feed(s, &e);
}

static void break_down(struct scheduler *s, uint32_t i, int64_t now_ms)
{
    char name[64];
    struct outcome why;
    snprintf(name, sizeof name, "mail%u.example.com", (unsigned)i);
    outcome_set(&why, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.4.1",
                "connect to %s[192.0.2.1]:25: Connection timed out", name);
    struct sched_event e = {.kind = SCHED_HEALTH, .now_ms = now_ms};
    e.health.name = name;
    e.health.failures = 1;
    e.health.since_ms = e.health.last_probe_ms = now_ms;
    e.health.rest_until_ms = now_ms + TIME_HOUR_MS + i;
    e.health.why = &why;
    scheduler_feed(s, &e);
}

static uint32_t answer_reads(struct scheduler *s, int64_t now_ms)
{
    struct sched_effect fx;
    uint32_t reads = 0;
    while (scheduler_pull(s, &fx)) {
        assert_int_equal(fx.kind, SCHED_READ_DUE);
        char name[64];
        snprintf(name, sizeof name, "%s", fx.due.domain);
        struct sched_event e = {.kind = SCHED_PAGE_END, .now_ms = now_ms};
        e.page.domain = name;
        e.page.is_ok = e.page.is_done = true;
        e.page.next_due_ms = TIME_NEVER;
        scheduler_feed(s, &e);
        reads++;
    }
    return reads;
}

static void many_domains_stay_small(void **state)
{
    (void)state;
    size_t before = used_bytes();
    struct scheduler *s = scheduler_new(&settings, 0);
    for (uint32_t i = 0; i < DOMAINS; i++)
        tell(s, i, 0);
    struct scheduler_counts c;
    scheduler_count(s, &c);
    assert_int_equal(c.domains, DOMAINS);
    assert_int_equal(c.destinations, DOMAINS);
    size_t healthy = used_bytes() - before;
    for (uint32_t i = 0; i < DOMAINS; i++)
        break_down(s, i, 0);
    size_t down = used_bytes() - before;
    print_message("%u domains: %zu KiB, all down: %zu KiB\n", (unsigned)DOMAINS, healthy / 1024,
                  down / 1024);
    assert_true(!IS_MEASURED || healthy > 0);
    assert_true(healthy <= BUDGET);
    assert_true(down <= BUDGET);

    // They come due while all rest: nothing happens, and the deadline goes from rest to rest.
    struct sched_event timer = {.kind = SCHED_TIMER, .now_ms = 100000};
    scheduler_feed(s, &timer);
    assert_int_equal(answer_reads(s, 100000), 0);
    assert_int_equal(scheduler_deadline(s), TIME_HOUR_MS);
    // When the rests are over each is read once; there is nothing, so the domains are forgotten.
    timer.now_ms = 2 * TIME_HOUR_MS;
    scheduler_feed(s, &timer);
    assert_int_equal(answer_reads(s, timer.now_ms), DOMAINS);
    scheduler_count(s, &c);
    assert_int_equal(c.domains, 0);
    assert_int_equal(c.resting, DOMAINS);
    assert_int_equal(scheduler_deadline(s), TIME_NEVER);
    scheduler_free(s);
    assert_true(used_bytes() < before + 1024 * 1024);
}

// Twenty destinations with ten domains each; there are 64 pages to be had.
static void pages_are_asked_for_in_turns(void **state)
{
    (void)state;
    enum { DESTINATIONS = 20, EACH = 10 };
    struct scheduler *s = scheduler_new(&settings, 0);
    for (uint32_t i = 0; i < DESTINATIONS * EACH; i++) {
        char name[64], destination[64];
        snprintf(name, sizeof name, "%u", (unsigned)i);
        snprintf(destination, sizeof destination, "relay%u", (unsigned)i / EACH);
        struct sched_event e = {.kind = SCHED_DOMAIN};
        e.domain.name = name;
        e.domain.destination = destination;
        scheduler_feed(s, &e);
    }
    struct sched_effect fx;
    uint32_t reads[DESTINATIONS] = {0}, total = 0;
    while (scheduler_pull(s, &fx)) {
        assert_int_equal(fx.kind, SCHED_READ_DUE);
        reads[strtoul(fx.due.domain, NULL, 10) / EACH]++;
        total++;
    }
    assert_int_equal(total, 64);
    for (int i = 0; i < DESTINATIONS; i++)
        assert_in_range(reads[i], 3, 4);
    scheduler_free(s);
}

static void idle_ones_cost_nothing(void **state)
{
    (void)state;
    struct scheduler *s = scheduler_new(&settings, 0);
    for (uint32_t i = 0; i < DOMAINS; i++)
        tell(s, i, 0);
    struct sched_event timer = {.kind = SCHED_TIMER, .now_ms = 100000};
    scheduler_feed(s, &timer);
    assert_int_equal(answer_reads(s, 100000), DOMAINS);
    scheduler_feed(s, &timer);
    struct scheduler_counts c;
    scheduler_count(s, &c);
    assert_int_equal(c.domains + c.destinations, 0);
    scheduler_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_domains_stay_small),
        cmocka_unit_test(pages_are_asked_for_in_turns),
        cmocka_unit_test(idle_ones_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
