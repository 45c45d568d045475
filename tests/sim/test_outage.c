// SPDX-License-Identifier: BSD-2-Clause
// An outage of six days, told as a trace: attempt times, the warning at 4 hours, expiry, the
// bounce. The whole log is compared with tests/golden/outage.trace (UPDATE_GOLDEN=1 writes it anew:
// read it!).
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char config[] =
    // The golden trace and the tests count minutes: nothing is spread.
    "retry = ( { for = \"*\", jitter = \"0%\" } )\n"
    "route = ( { for = \"example.com\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
    "          { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n";

static struct world *make_world(uint64_t seed)
{
    struct world *w =
        world_new(&(struct world_options){.seed = seed, .config = config, .keeps_trace = true});
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    return w;
}

static void compare_golden(const char *name, const struct buf *trace)
{
    char path[512];
    snprintf(path, sizeof path, "%s/golden/%s", FP_TESTS_DIR, name);
    if (getenv("UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fwrite(trace->p, 1, trace->n, f);
        fclose(f);
    }
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *want = calloc(1, trace->n + 2);
    size_t n = fread(want, 1, trace->n + 1, f);
    fclose(f);
    assert_int_equal(n, trace->n);
    assert_memory_equal(want, trace->p, n);
    free(want);
}

static const struct host_message *nth_newest(const struct host *h, uint32_t n)
{
    const struct host_message *m = h->received;
    while (m && n-- > 0)
        m = m->next;
    return m;
}

static void test_six_days(void **state)
{
    (void)state;
    struct world *w = make_world(1);
    struct host *senders = world_host(w, "192.0.2.9");
    int64_t began = w->now_ms;
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: late\r\n\r\nhello\r\n"), 0);
    world_run(w, 6 * TIME_DAY_MS);
    assert_int_equal(senders->received_count, 2);
    const struct host_message *bounce = nth_newest(senders, 0), *warning = nth_newest(senders, 1);
    assert_non_null(strstr(warning->content, "Action: delayed"));
    assert_true(warning->at_ms - began >= 4 * TIME_HOUR_MS);
    assert_true(warning->at_ms - began <= 4 * TIME_HOUR_MS + 61 * TIME_SECOND_MS);
    assert_string_equal(warning->sender, "");
    assert_string_equal(warning->rcpts, "a@example.org");
    assert_non_null(strstr(bounce->content, "Action: failed"));
    assert_true(bounce->at_ms - began >= 5 * TIME_DAY_MS);
    assert_true(bounce->at_ms - began <= 5 * TIME_DAY_MS + 61 * TIME_SECOND_MS);
    assert_int_equal(world_queued(w), 0);
    compare_golden("outage.trace", &w->trace);
    world_free(w);
}

// A hundred messages wait; the host comes back after six hours; one probe, then everything at once.
static void test_recovery_releases_everything(void **state)
{
    (void)state;
    struct world *w = make_world(2);
    struct host *h = world_host(w, "192.0.2.1");
    for (int i = 0; i < 100; i++)
        assert_int_not_equal(
            world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, 6 * TIME_HOUR_MS);
    assert_int_equal(h->received_count, 0);
    assert_int_equal(world_queued(w), 100);
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 100); // each was warned about once
    h->state = HOST_UP;
    world_run(w, 30 * TIME_MINUTE_MS + 20 * TIME_SECOND_MS);
    assert_int_equal(h->received_count, 100);
    assert_int_equal(world_queued(w), 0);
    assert_true(h->connections_peak <= 20);
    world_free(w);
}

static void test_restart_keeps_schedule(void **state)
{
    (void)state;
    struct world *w = make_world(3);
    struct host *h = world_host(w, "192.0.2.1");
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    for (int i = 0; i < 20; i++) {
        world_run(w, 10 * TIME_MINUTE_MS);
        i % 2 ? world_crash(w) : world_restart(w);
    }
    // 200 minutes: attempts at 0, 5, 20, 50, 80, 110, 140, 170, 200, whatever the restarts did.
    uint32_t attempts = 0;
    for (const char *at = w->trace.p; (at = strstr(at, "status=deferred")); at++)
        attempts++;
    assert_in_range(attempts, 8, 9);
    h->state = HOST_UP;
    world_run(w, 31 * TIME_MINUTE_MS);
    assert_int_equal(h->received_count, 1);
    world_free(w);
}

// Down for longer than a message may live: it is tried once more before it is given up (S1).
static void test_long_down_time_tries_first(void **state)
{
    (void)state;
    struct world *w = make_world(4);
    struct host *h = world_host(w, "192.0.2.1");
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_MINUTE_MS);
    h->state = HOST_UP;
    world_jump(w, 30 * TIME_DAY_MS);
    world_crash(w);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(h->received_count, 1);
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 0);
    world_free(w);
}

static void test_null_sender_is_dropped(void **state)
{
    (void)state;
    struct world *w = make_world(5);
    assert_int_not_equal(world_submit(w, "", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, 6 * TIME_DAY_MS);
    assert_int_equal(world_queued(w), 0);
    assert_int_equal(world_host(w, "192.0.2.9")->received_count, 0);
    world_free(w);
}

// The sender's own host is gone too: the notice goes to the postmaster once, then nobody is told.
static void test_undeliverable_notice(void **state)
{
    (void)state;
    struct world *w = make_world(6);
    world_host(w, "192.0.2.1")->state = HOST_REJECT;
    world_host(w, "192.0.2.9")->state = HOST_REJECT;
    assert_int_not_equal(
        world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n"), 0);
    world_run(w, TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 0);
    assert_non_null(strstr(w->trace.p, "to=<postmaster@sim.example>"));
    assert_null(strstr(strstr(w->trace.p, "to=<postmaster@sim.example>") + 1, "(queue active)"));
    world_free(w);
}

// What comes back with a notice does not decide whether there is one.
static void test_automatic_mail_is_not_warned_about(void **state)
{
    (void)state;
    static const char *const returns[] = {"full", "headers", "none"};
    for (size_t i = 0; i < sizeof returns / sizeof returns[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%snotice = { return = \"%s\" }\n", config, returns[i]);
        struct world *w = world_new(&(struct world_options){.seed = 7, .config = text});
        struct host *to = world_host(w, "192.0.2.9");
        world_host(w, "192.0.2.1")->state = HOST_DOWN;
        assert_int_not_equal(world_submit(w, "a@example.org", "b@example.com",
                                          "Auto-Submitted: auto-generated\r\n\r\nx\r\n"),
                             0);
        assert_int_not_equal(world_submit(w, "a@example.org", "c@example.com",
                                          "Message-ID: <1@x>\r\nSubject: y\r\n\r\nx\r\n"),
                             0);
        world_run(w, 6 * TIME_HOUR_MS);
        assert_int_equal(host_count_notices(to, "Action: delayed", "b@example.com"), 0);
        assert_int_equal(host_count_notices(to, "Action: delayed", "In-Reply-To: <1@x>"), 1);
        world_free(w);
    }
}

static enum host_state count_asks(const struct host *h, int64_t now_ms, void *arg)
{
    (void)h;
    (void)now_ms;
    ++*(uint32_t *)arg;
    return HOST_DOWN;
}

// Who rests is read at the start, and until then nothing is tried: neither mail that comes in at
// once, nor what a reload has read meanwhile.
static void test_rest_survives_whoever_comes_first(void **state)
{
    (void)state;
    struct world *w = make_world(1);
    uint32_t asks = 0;
    world_host(w, "192.0.2.1")->weather = count_asks;
    world_host(w, "192.0.2.1")->weather_arg = &asks;
    world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nx\r\n");
    world_run(w, 20 * TIME_MINUTE_MS + TIME_SECOND_MS); // tried at 0, 5 and 20 minutes
    assert_int_equal(asks, 3);
    world_reader_slow(w, 5 * TIME_SECOND_MS);
    world_crash(w);
    world_reload(w, config);
    world_submit(w, "a@example.org", "c@example.com", "Subject: x\r\n\r\nx\r\n");
    world_run(w, 29 * TIME_MINUTE_MS);
    assert_int_equal(asks, 3);
    world_run(w, 2 * TIME_MINUTE_MS);
    assert_int_equal(asks, 4);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_six_days),
        cmocka_unit_test(test_recovery_releases_everything),
        cmocka_unit_test(test_restart_keeps_schedule),
        cmocka_unit_test(test_rest_survives_whoever_comes_first),
        cmocka_unit_test(test_long_down_time_tries_first),
        cmocka_unit_test(test_null_sender_is_dropped),
        cmocka_unit_test(test_undeliverable_notice),
        cmocka_unit_test(test_automatic_mail_is_not_warned_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
