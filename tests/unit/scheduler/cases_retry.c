// SPDX-License-Identifier: BSD-2-Clause
// Runs the conformance cases of retry.jsonl: `cases_retry FILE`. A peer's attempts are written as a
// schedule and must then be ours, to the second, at a host that is down.
#include "tests/unit/scheduler/world.h"

#include <jansson.h>

static const char *file_name;

struct skip {
    const char *id, *reason;
};

static const struct skip skips[] = {
    {"retry-inv-warn-once", "warnings are decided in queue/settle"},
    {"retry-inv-fail-once", "expiry is decided in queue/settle"},
    {"retry-inv-restart",
     "test_scheduler_changes has it; with notices it is a matter of tests/sim"},
    {"retry-inv-years", "needs messages that expire: tests/sim"},
    {"retry-inv-monotonic", "the pipeline owns the clock; test_scheduler has a `now` set back"},
};

static const char *skip_reason(const char *id)
{
    for (size_t i = 0; i < COUNT(skips); i++)
        if (strcmp(skips[i].id, id) == 0)
            return skips[i].reason;
    return NULL;
}

// "1s 2s 3s": the waits between a peer's attempts, or the intervals as they stand.
static void waits_of(const json_t *c, struct schedule *ret)
{
    const json_t *attempts = json_object_get(c, "attempts");
    const json_t *intervals = json_object_get(json_object_get(c, "expect"), "intervals");
    *ret = (struct schedule){0};
    for (size_t i = 1; i < json_array_size(attempts); i++)
        ret->waits_ms[ret->count++] = (json_integer_value(json_array_get(attempts, i)) -
                                       json_integer_value(json_array_get(attempts, i - 1))) *
                                      1000;
    for (size_t i = 0; i < json_array_size(intervals); i++)
        ret->waits_ms[ret->count++] = json_integer_value(json_array_get(intervals, i)) * 1000;
}

static void run_attempts(const struct schedule *s)
{
    struct world *w = world_new();
    w->retry.schedule = *s;
    w->read_ms = w->settle_ms = w->destinations[0].duration_ms = 0;
    world_break(w, 0, 30 * TIME_DAY_MS, HOST_DOWN);
    world_accept(w, 0, 1);
    const struct world_destination *d = &w->destinations[0];
    while (d->attempt_count <= s->count)
        world_run(w, TIME_MINUTE_MS);
    for (uint32_t i = 0; i < s->count; i++)
        assert_int_equal(d->attempts_ms[i + 1] - d->attempts_ms[i], s->waits_ms[i]);
    world_free(w);
}

// RFC 5321 4.5.4.1 asks for 30 minutes at least; the reason for a little less on the first day is
// that most first failures are short (greylisting, a restart), so two retries come early.
static void run_mean_interval(void)
{
    struct world *w = world_new();
    w->read_ms = w->settle_ms = w->destinations[0].duration_ms = 0;
    world_break(w, 0, 30 * TIME_DAY_MS, HOST_DOWN);
    world_accept(w, 0, 1);
    world_run(w, TIME_DAY_MS);
    const struct world_destination *d = &w->destinations[0];
    assert_true(TIME_DAY_MS / (d->attempt_count - 1) >= 29 * TIME_MINUTE_MS);
    for (uint32_t i = 3; i < d->attempt_count; i++)
        assert_true(d->attempts_ms[i] - d->attempts_ms[i - 1] >= 30 * TIME_MINUTE_MS);
    world_free(w);
}

static void run_give_up(void)
{
    struct rules none = {0};
    struct retry_rule rule;
    rules_retry(&none, &(struct rule_question){.address = SLICE_LIT("a@example.com")}, &rule);
    assert_true(rule.expire_after_ms >= 4 * TIME_DAY_MS);
}

static bool run_case(const json_t *c)
{
    const char *id = json_string_value(json_object_get(c, "id"));
    const char *reason = skip_reason(id);
    struct schedule s;
    waits_of(c, &s);
    print_message("%s%s%s\n", id, reason ? ": left out: " : "", reason ? reason : "");
    if (reason)
        return false;
    if (strcmp(id, "retry-inv-min") == 0)
        run_mean_interval();
    else if (strcmp(id, "retry-inv-giveup") == 0)
        run_give_up();
    else if (s.count > 0)
        run_attempts(&s);
    else
        fail_msg("%s is neither run nor left out", id);
    return true;
}

static void run_file(void **state)
{
    (void)state;
    FILE *f = fopen(file_name, "r");
    assert_non_null(f);
    uint32_t ran = 0;
    while (true) {
        json_error_t error;
        json_t *c = json_loadf(f, JSON_DISABLE_EOF_CHECK, &error);
        if (!c)
            break;
        ran += run_case(c);
        json_decref(c);
    }
    assert_true(feof(f));
    fclose(f);
    assert_true(ran >= 7);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 64;
    file_name = argv[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
