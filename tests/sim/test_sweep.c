// SPDX-License-Identifier: BSD-2-Clause
// Growing old: each warning and each giving back comes once and at its time, whatever else goes on
// in that minute, and the spool is not read over and over for it.
#include "simulate/world_db.h"

#include "core/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SWEEP_MS = 62 * 1000 }; // a minute until the next pass, and the pass

// What senders were told of each message "u<number>@..."; a message has one recipient.
struct told {
    uint32_t warnings, failures;
    int64_t warned_ms[4], failed_ms;
};

static const char routes[] =
    "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
    "          { for = \"s.example\", to = [ \"smtp://192.0.2.9:25\" ] } )\n";

static struct world *make_world(uint64_t seed, const char *rules, enum host_state state)
{
    struct buf text;
    buf_init(&text, 4096);
    buf_addf(&text, "%s%s", routes, rules);
    struct world *w = world_new(&(struct world_options){.seed = seed, .config = text.p});
    buf_close(&text);
    world_host(w, "192.0.2.1")->state = state;
    return w;
}

static void submit(struct world *w, uint32_t number, const char *domain)
{
    char to[64];
    snprintf(to, sizeof to, "u%u@%s", (unsigned)number, domain);
    assert_int_not_equal(world_submit(w, "a@s.example", to, "Subject: x\r\n\r\nx\r\n"), 0);
}

static void note(const struct host_message *m, struct told *told, uint32_t count)
{
    static const char field[] = "Final-Recipient: rfc822; u";
    bool is_warning = strstr(m->content, "Action: delayed") != NULL;
    for (const char *at = m->content; (at = strstr(at, field)); at++) {
        unsigned long number = strtoul(at + sizeof field - 1, NULL, 10);
        assert_true(number < count);
        struct told *t = &told[number];
        if (is_warning && t->warnings < 4)
            t->warned_ms[t->warnings] = m->at_ms;
        t->warnings += is_warning;
        if (!is_warning)
            t->failed_ms = m->at_ms;
        t->failures += !is_warning;
    }
}

static struct told *told_of(struct world *w, uint32_t count)
{
    struct told *told = must_zalloc(count * sizeof *told);
    const struct host *h = world_host(w, "192.0.2.9");
    const struct host_message **all = must_alloc(h->received_count * sizeof *all);
    uint32_t n = 0;
    for (const struct host_message *m = h->received; m; m = m->next)
        all[n++] = m; // newest first
    while (n > 0)
        note(all[--n], told, count);
    free(all);
    return told;
}

static void ask(struct world *w, const char *verb)
{
    int code;
    world_ask(w, verb, (const char *const[]){"--all"}, 1, &code);
    assert_int_equal(code, 0);
}

// Ten thousand messages wait, of two minds when to warn and when to give up.
static void test_reads_each_message_once_for_each_age(void **state)
{
    (void)state;
    enum { MESSAGES = 10000, PER_MINUTE = 100, AGES = 5, LEVELS = 3, PAGE = 100 };
    struct world *w =
        make_world(1,
                   "retry = ( { for = \"*\", schedule = \"10m 1h\", expire_after = \"1d\" },\n"
                   "          { for = \"fast.example\", warn_after = [ \"1h\", \"6h\" ] } )\n",
                   HOST_DOWN);
    int64_t arrival_ms[MESSAGES], began = w->now_ms;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        if (i % PER_MINUTE == 0)
            world_run(w, TIME_MINUTE_MS);
        arrival_ms[i] = w->now_ms;
        submit(w, i, i % 10 ? "slow.example" : "fast.example");
    }
    world_run(w, 26 * TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 0);

    uint32_t passes = (uint32_t)((w->now_ms - began) / TIME_MINUTE_MS);
    assert_true(w->ops[OP_OVERDUE] <= LEVELS * passes + MESSAGES / PAGE * AGES);
    struct told *told = told_of(w, MESSAGES);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        bool is_fast = i % 10 == 0;
        assert_int_equal(told[i].warnings, is_fast ? 2 : 1);
        assert_int_equal(told[i].failures, 1);
        int64_t first = arrival_ms[i] + (is_fast ? 1 : 4) * TIME_HOUR_MS;
        assert_in_range(told[i].warned_ms[0], first, first + SWEEP_MS);
        if (is_fast)
            assert_in_range(told[i].warned_ms[1], first + 5 * TIME_HOUR_MS,
                            first + 5 * TIME_HOUR_MS + SWEEP_MS);
        assert_in_range(told[i].failed_ms, arrival_ms[i] + TIME_DAY_MS,
                        arrival_ms[i] + TIME_DAY_MS + SWEEP_MS);
    }
    free(told);
    world_free(w);
}

// Attempts all the time, and what they come to is on its way into the spool when mail comes of age.
static void test_each_warning_once_beside_attempts(void **state)
{
    (void)state;
    enum { MESSAGES = 120, SEEDS = 12 };
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = make_world(
            seed,
            "retry = ( { for = \"*\", schedule = \"1s\", warn_after = [ \"20s\", \"40s\" ],\n"
            "            expire_after = \"60s\" } )\n",
            HOST_GREYLIST);
        world_reader_slow(w, (int64_t)(seed % 4) * 200);
        for (uint32_t i = 0; i < MESSAGES; i++) {
            submit(w, i, "grey.example");
            world_run(w, (int64_t)(seed * 37 + i * 101) % 300);
        }
        world_run(w, 2 * TIME_MINUTE_MS);
        assert_int_equal(world_queued(w), 0);
        struct told *told = told_of(w, MESSAGES);
        for (uint32_t i = 0; i < MESSAGES; i++) {
            assert_int_equal(told[i].warnings, 2);
            assert_int_equal(told[i].failures, 1);
        }
        free(told);
        world_free(w);
    }
}

// What came of an attempt was decided a moment before the message came of age, and is on its way to
// a slow disk when the sweep comes by; the next attempt is far.
static void test_comes_of_age_while_settled(void **state)
{
    (void)state;
    struct world *w = make_world(
        1, "retry = ( { for = \"*\", schedule = \"19s 10m\", warn_after = [ \"20s\" ] } )\n",
        HOST_GREYLIST);
    submit(w, 0, "grey.example");
    world_spool_slow(w, 8 * TIME_SECOND_MS);
    world_run(w, TIME_MINUTE_MS);
    struct told *told = told_of(w, 1);
    assert_int_equal(told[0].warnings, 1);
    free(told);
    world_free(w);
}

// After a night out of order mail is too old, but nothing is given back before its destination was
// asked once more. Only one message is the probe; the others go with it all the same.
static void test_too_old_at_the_start(void **state)
{
    (void)state;
    enum { MESSAGES = 5 };
    struct world *w =
        make_world(1, "retry = ( { for = \"*\", expire_after = \"8h\" } )\n", HOST_DOWN);
    for (uint32_t i = 0; i < MESSAGES; i++)
        submit(w, i, "far.example");
    world_run(w, 10 * TIME_MINUTE_MS);
    int64_t rest_ms = 15 * TIME_MINUTE_MS;
    world_jump(w, 9 * TIME_HOUR_MS);
    world_host(w, "192.0.2.1")->state = HOST_SILENT; // the probe takes its time
    world_crash(w);
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), MESSAGES);
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    world_run(w, 2 * rest_ms);
    assert_int_equal(world_queued(w), 0);
    struct told *told = told_of(w, MESSAGES);
    for (uint32_t i = 0; i < MESSAGES; i++)
        assert_int_equal(told[i].failures, 1);
    free(told);
    world_free(w);
}

// Held mail does not grow old; released, it has. Requeued mail forgets that it was warned about.
static void test_what_an_operator_changes(void **state)
{
    (void)state;
    struct world *w = make_world(1, "", HOST_DOWN);
    submit(w, 0, "far.example");
    submit(w, 1, "far.example");
    world_run(w, TIME_HOUR_MS);
    ask(w, "hold");
    world_run(w, 5 * TIME_HOUR_MS);
    struct told *told = told_of(w, 2);
    assert_int_equal(told[0].warnings + told[1].warnings, 0);
    free(told);
    ask(w, "release");
    world_run(w, SWEEP_MS);
    told = told_of(w, 2);
    assert_int_equal(told[0].warnings, 1);
    assert_int_equal(told[1].warnings, 1);
    free(told);
    world_run(w, TIME_HOUR_MS);
    ask(w, "requeue");
    world_run(w, SWEEP_MS);
    told = told_of(w, 2);
    assert_int_equal(told[0].warnings, 2);
    assert_int_equal(told[1].warnings, 2);
    free(told);
    world_free(w);
}

// Time under hold counts for its age. Mail that has grown too old under it is tried once more
// before it is given up, however long that takes: here a conversation that hangs has the only
// connection.
static void test_too_old_when_released(void **state)
{
    (void)state;
    struct world *w = make_world(1,
                                 "limit = ( { for = \"*\", connections = 1 } )\n"
                                 "retry = ( { for = \"*\", expire_after = \"8h\" } )\n",
                                 HOST_GREYLIST);
    submit(w, 0, "far.example");
    world_run(w, TIME_MINUTE_MS);
    ask(w, "hold");
    world_run(w, 24 * TIME_HOUR_MS);
    assert_int_equal(world_queued(w), 1);
    world_host(w, "192.0.2.1")->state = HOST_SILENT;
    submit(w, 1, "far.example");
    world_run(w, TIME_SECOND_MS);
    ask(w, "release");
    world_run(w, 3 * TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 2);
    struct told *told = told_of(w, 1);
    assert_int_equal(told[0].failures, 0);
    free(told);
    world_free(w);
}

// Other rules count at once, for mail that had passed their ages under the old ones, too. What was
// warned about more often than any rule warns now is given back at its time like all other mail.
static void test_other_rules(void **state)
{
    (void)state;
    enum { MESSAGES = 4 };
    struct world *w =
        make_world(1,
                   "retry = ( { for = \"*\", schedule = \"3h\", warn_after = [ \"30m\", \"1h\","
                   " \"2h\" ] } )\n",
                   HOST_DOWN);
    for (uint32_t i = 0; i < MESSAGES; i++)
        submit(w, i, "far.example");
    int64_t arrival_ms = w->now_ms;
    world_run(w, 4 * TIME_HOUR_MS);
    struct buf text;
    buf_init(&text, 4096);
    buf_addf(&text,
             "%sretry = ( { for = \"*\", schedule = \"3h\", warn_after = [ \"1h\" ],"
             " expire_after = \"7h\" } )\n",
             routes);
    world_reload(w, text.p);
    world_run(w, 4 * TIME_HOUR_MS);
    struct told *told = told_of(w, MESSAGES);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        assert_int_equal(told[i].warnings, 3);
        assert_int_equal(told[i].failures, 1);
        assert_in_range(told[i].failed_ms, arrival_ms + 7 * TIME_HOUR_MS,
                        arrival_ms + 7 * TIME_HOUR_MS + SWEEP_MS);
    }
    free(told);
    submit(w, 0, "far.example");
    world_run(w, 30 * TIME_MINUTE_MS);
    buf_reset(&text);
    buf_addf(&text, "%sretry = ( { for = \"*\", warn_after = [ \"20m\" ] } )\n", routes);
    world_reload(w, text.p);
    world_run(w, SWEEP_MS);
    told = told_of(w, MESSAGES);
    assert_int_equal(told[0].warnings, 4);
    free(told);
    buf_close(&text);
    world_free(w);
}

// The spool cannot be read when the time comes: it is made up for.
static void test_spool_that_fails_meanwhile(void **state)
{
    (void)state;
    struct world *w = make_world(1, "", HOST_DOWN);
    submit(w, 0, "far.example");
    world_run(w, 4 * TIME_HOUR_MS - TIME_MINUTE_MS);
    world_spool_fails(w, true);
    world_run(w, 10 * TIME_MINUTE_MS);
    world_spool_fails(w, false);
    world_run(w, 2 * TIME_MINUTE_MS);
    struct told *told = told_of(w, 1);
    assert_int_equal(told[0].warnings, 1);
    free(told);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_each_message_once_for_each_age),
        cmocka_unit_test(test_each_warning_once_beside_attempts),
        cmocka_unit_test(test_comes_of_age_while_settled),
        cmocka_unit_test(test_too_old_at_the_start),
        cmocka_unit_test(test_what_an_operator_changes),
        cmocka_unit_test(test_too_old_when_released),
        cmocka_unit_test(test_other_rules),
        cmocka_unit_test(test_spool_that_fails_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
