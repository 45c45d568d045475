// SPDX-License-Identifier: BSD-2-Clause
// settle_decide: S1 to S6 as tables.
#include "spool.h"

#include "queue/settle.h"

enum { H = 3600 * 1000 };
#define DAY (24 * (int64_t)H)

static const struct settle_rule usual = {
    .warn_after_ms = {4 * H}, .warn_count = 1, .expire_after_ms = 5 * 24 * (int64_t)H};
static const struct settle_rule several = {.warn_after_ms = {1 * H, 4 * H, 24 * H},
                                           .warn_count = 3,
                                           .expire_after_ms = 5 * 24 * (int64_t)H};
static const struct settle_rule once = {.expire_after_ms = 5 * 24 * (int64_t)H, .attempts_max = 1};
static const struct settle_rule silent = {.expire_after_ms = 5 * 24 * (int64_t)H};

enum what { DELIVERED, DEFERRED, REFUSED, DOUBT, DOUBT_FAILED, LOCAL, SWEEP };

static const struct outcome outcomes[] = {
    [DELIVERED] = {.result = OUTCOME_DELIVERED, .status = "2.0.0", .text = "250 ok"},
    [DEFERRED] = {.result = OUTCOME_DEFERRED,
                  .klass = CLASS_GREYLIST,
                  .scope = SCOPE_RECIPIENT,
                  .has_reply = true,
                  .status = "4.7.1",
                  .host = "mx.example",
                  .ip = "192.0.2.1",
                  .port = 25,
                  .text = "450 4.7.1 later"},
    [REFUSED] = {.result = OUTCOME_FAILED,
                 .klass = CLASS_REFUSED,
                 .scope = SCOPE_RECIPIENT,
                 .status = "5.1.1",
                 .text = "550 no"},
    [DOUBT] = {.result = OUTCOME_DEFERRED,
               .klass = CLASS_HOST,
               .scope = SCOPE_HOST,
               .in_doubt = true,
               .status = "4.4.2",
               .text = "connection lost after the final dot"},
    [DOUBT_FAILED] = {.result = OUTCOME_FAILED,
                      .klass = CLASS_HOST,
                      .scope = SCOPE_HOST,
                      .in_doubt = true,
                      .status = "5.4.2",
                      .text = "connection lost"},
    [LOCAL] = {.result = OUTCOME_DEFERRED,
               .klass = CLASS_DNS,
               .scope = SCOPE_LOCAL,
               .status = "4.4.3",
               .text = "no name server answers"},
};

// Times are relative to arrival; epoch, tried and probed 0 stand for "long ago" and "never".
struct row {
    const char *name;
    enum what what;
    int64_t age;
    const struct settle_rule *rule;
    uint32_t warned;
    int64_t epoch, tried, probed;
    bool held;
    // wanted
    bool needed;
    enum settle_action action;
    uint32_t want_warned;
    bool warning, expired, attempt;
};

#define Y true
#define N false
static const struct row rows[] = {
    // attempts
    {"young deferral", DEFERRED, H, &usual, 0, 0, 0, 0, N, Y, SETTLE_DEFER, 0, N, N, Y},
    {"delivered late: no warning", DELIVERED, 6 * H, &usual, 0, 0, 0, 0, N, Y, SETTLE_DELIVERED, 1,
     N, N, Y},
    {"just before 4 h", DEFERRED, 4 * H - 1, &usual, 0, 0, 0, 0, N, Y, SETTLE_DEFER, 0, N, N, Y},
    {"at 4 h", DEFERRED, 4 * H, &usual, 0, 0, 0, 0, N, Y, SETTLE_DEFER, 1, Y, N, Y},
    {"S2 warned already", DEFERRED, 5 * H, &usual, 1, 0, 0, 0, N, Y, SETTLE_DEFER, 1, N, N, Y},
    {"S2 several passed at once", DEFERRED, 25 * H, &several, 0, 0, 0, 0, N, Y, SETTLE_DEFER, 3, Y,
     N, Y},
    {"S2 the next of several", DEFERRED, 5 * H, &several, 1, 0, 0, 0, N, Y, SETTLE_DEFER, 2, Y, N,
     Y},
    {"fewer rules than before", DEFERRED, 5 * H, &usual, 3, 0, 0, 0, N, Y, SETTLE_DEFER, 3, N, N,
     Y},
    {"no warnings at all", DEFERRED, 25 * H, &silent, 0, 0, 0, 0, N, Y, SETTLE_DEFER, 0, N, N, Y},
    {"S3 refused late", REFUSED, 6 * H, &usual, 0, 0, 0, 0, N, Y, SETTLE_FAIL, 1, N, N, Y},
    {"just before expiry", DEFERRED, 5 * DAY - 1, &usual, 1, 0, 0, 0, N, Y, SETTLE_DEFER, 1, N, N,
     Y},
    {"S3 expired, never warned", DEFERRED, 5 * DAY, &usual, 0, 0, 0, 0, N, Y, SETTLE_FAIL, 1, N, Y,
     Y},
    {"S1 the attempt is older than the jump", DEFERRED, 9 * DAY, &usual, 1, 9 * DAY, 0, 0, N, Y,
     SETTLE_DEFER, 1, N, N, Y},
    {"S1 the attempt began at the epoch", DEFERRED, 9 * DAY, &usual, 1, 9 * DAY - 10, 0, 0, N, Y,
     SETTLE_FAIL, 1, N, Y, Y},
    {"S4 in doubt", DOUBT, H, &usual, 0, 0, 0, 0, N, Y, SETTLE_DEFER, 0, N, N, Y},
    {"S4 a failure in doubt is a deferral", DOUBT_FAILED, H, &usual, 0, 0, 0, 0, N, Y, SETTLE_DEFER,
     0, N, N, Y},
    {"S4 in doubt expires by age", DOUBT, 5 * DAY, &usual, 1, 0, 0, 0, N, Y, SETTLE_FAIL, 1, N, Y,
     Y},
    {"S5 held: deferred, not expired", DEFERRED, 6 * DAY, &usual, 0, 0, 0, 0, Y, Y, SETTLE_DEFER, 0,
     N, N, Y},
    {"S5 held: refused leaves", REFUSED, 6 * DAY, &usual, 0, 0, 0, 0, Y, Y, SETTLE_FAIL, 0, N, N,
     Y},
    {"S6 our own failure never expires it", LOCAL, 6 * DAY, &usual, 1, 0, 0, 0, N, Y, SETTLE_DEFER,
     1, N, N, N},
    {"S6 but it is late all the same", LOCAL, 5 * H, &usual, 0, 0, 0, 0, N, Y, SETTLE_DEFER, 1, Y,
     N, N},
    {"the last attempt", DEFERRED, H, &once, 0, 0, 0, 0, N, Y, SETTLE_FAIL, 0, N, Y, Y},
    {"S4 the last attempt in doubt", DOUBT, H, &once, 0, 0, 0, 0, N, Y, SETTLE_DEFER, 0, N, N, Y},
    {"S5 the last attempt of a held one", DEFERRED, H, &once, 0, 0, 0, 0, Y, Y, SETTLE_DEFER, 0, N,
     N, Y},
    {"S6 our own failure is no last attempt", LOCAL, H, &once, 0, 0, 0, 0, N, Y, SETTLE_DEFER, 0, N,
     N, N},
    {"S1 the last attempt began before the epoch", DEFERRED, H, &once, 0, 2 * H, 0, 0, N, Y,
     SETTLE_DEFER, 0, N, N, Y},
    {"clock set back: arrival in the future", DEFERRED, -H, &usual, 0, -DAY, 0, 0, N, Y,
     SETTLE_DEFER, 0, N, N, Y},
    // sweeps
    {"sweep, young", SWEEP, H, &usual, 0, 0, 0, 0, N, N, SETTLE_WARN, 0, N, N, N},
    {"sweep at 4 h", SWEEP, 4 * H, &usual, 0, 0, 0, 0, N, Y, SETTLE_WARN, 1, Y, N, N},
    {"sweep, warned already", SWEEP, 5 * H, &usual, 1, 0, 0, 0, N, N, SETTLE_WARN, 1, N, N, N},
    {"sweep, several at once", SWEEP, 25 * H, &several, 1, 0, 0, 0, N, Y, SETTLE_WARN, 3, Y, N, N},
    {"sweep, old, tried", SWEEP, 5 * DAY, &usual, 1, 0, 5 * DAY - H, 0, N, Y, SETTLE_FAIL, 1, N, Y,
     N},
    {"S1 sweep, old, never tried", SWEEP, 6 * DAY, &usual, 1, 0, 0, 0, N, N, SETTLE_WARN, 1, N, N,
     N},
    {"S1 sweep, never tried, but late", SWEEP, 6 * DAY, &usual, 0, 0, 0, 0, N, Y, SETTLE_WARN, 1, Y,
     N, N},
    {"S1 sweep, tried before the epoch", SWEEP, 6 * DAY, &usual, 1, 5 * DAY, 4 * DAY, 0, N, N,
     SETTLE_WARN, 1, N, N, N},
    {"S1 sweep, probed since the epoch", SWEEP, 6 * DAY, &usual, 1, 5 * DAY, 4 * DAY, 5 * DAY, N, Y,
     SETTLE_FAIL, 1, N, Y, N},
    {"S1 sweep, probed before the epoch", SWEEP, 6 * DAY, &usual, 1, 5 * DAY, 0, 4 * DAY, N, N,
     SETTLE_WARN, 1, N, N, N},
    {"S3 sweep expires instead of warning", SWEEP, 6 * DAY, &usual, 0, 0, 5 * DAY, 0, N, Y,
     SETTLE_FAIL, 1, N, Y, N},
    {"S5 sweep leaves held mail alone", SWEEP, 6 * DAY, &usual, 0, 0, 5 * DAY, 0, Y, N, SETTLE_WARN,
     0, N, N, N},
};

static void decide(const struct row *row, struct settle_plan *plan)
{
    const struct message m = {.arrival_ms = NOW};
    const struct recipient r = {
        .n = 3,
        .state = row->held ? RECIPIENT_HELD : RECIPIENT_OPEN,
        .warned = row->warned,
        .last_attempt_ms = row->tried ? NOW + row->tried : 0,
        .last_reply = "421 busy",
        .last_host = "mx.example[192.0.2.7]:2525",
        .last_status = "4.3.2",
    };
    const struct settle_input in = {
        .rcpt = &r,
        .outcome = row->what == SWEEP ? NULL : &outcomes[row->what],
        .rule = *row->rule,
        .began_ms = NOW + row->age - 10,
        .retry_at_ms = NOW + row->age + H,
        .last_probe_ms = row->probed ? NOW + row->probed : 0,
    };
    settle_decide(&m, &in, NOW + row->age, row->epoch ? NOW + row->epoch : 1, plan);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct settle_plan plan;
    decide(row, &plan);
    assert_int_equal(plan.is_needed, row->needed);
    assert_int_equal(plan.change.n, 3);
    assert_int_equal(plan.change.action, row->action);
    assert_int_equal(plan.change.warned, row->want_warned);
    assert_int_equal(plan.is_warning, row->warning);
    assert_int_equal(plan.is_expired, row->expired);
    assert_int_equal(plan.change.is_attempt, row->attempt);
    assert_int_equal(plan.expires_ms, NOW + 5 * DAY);
    if (row->action == SETTLE_DEFER) {
        assert_int_equal(plan.change.next_attempt_ms, NOW + row->age + H);
        assert_int_equal(plan.change.outcome.result, OUTCOME_DEFERRED);
        assert_int_equal(plan.change.outcome.status[0], '4');
    }
    if (row->expired) {
        assert_int_equal(plan.change.outcome.result, OUTCOME_FAILED);
        assert_int_equal(plan.change.outcome.klass, CLASS_EXPIRED);
        assert_string_equal(plan.change.outcome.status, "4.4.7"); // RFC 3463 3.5
    }
}

static void test_expiry_says_the_last_reply(void **state)
{
    (void)state;
    struct settle_plan plan;
    decide(&(struct row){.what = DEFERRED, .age = 5 * DAY, .rule = &usual}, &plan);
    assert_string_equal(plan.change.outcome.text, "450 4.7.1 later");
    assert_true(plan.change.outcome.has_reply);
    assert_string_equal(plan.change.outcome.host, "mx.example");

    decide(&(struct row){.what = SWEEP, .age = 5 * DAY, .rule = &usual, .tried = DAY}, &plan);
    assert_string_equal(plan.change.outcome.text, "421 busy");
    assert_true(plan.change.outcome.has_reply);
    assert_string_equal(plan.change.outcome.host, "mx.example");
    assert_string_equal(plan.change.outcome.ip, "192.0.2.7");
    assert_int_equal(plan.change.outcome.port, 2525);
}

static void test_expiry_says_what_the_probe_said(void **state)
{
    (void)state;
    const struct message m = {.arrival_ms = NOW};
    struct outcome probe;
    outcome_set(&probe, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.4.1", "connect: refused");
    struct recipient r = {.in_doubt = true};
    struct settle_input in = {
        .rcpt = &r, .rule = usual, .last_probe_ms = NOW + 4 * DAY, .probe = &probe};
    struct settle_plan plan;
    settle_decide(&m, &in, NOW + 5 * DAY, 1, &plan);
    assert_true(plan.is_expired);
    assert_string_equal(plan.change.expired_by, "its age");
    assert_string_equal(plan.change.outcome.text, "connect: refused");
    assert_false(plan.change.outcome.has_reply);
    assert_true(plan.change.outcome.in_doubt); // an earlier attempt was
    in.probe = NULL;                           // nothing at all is known
    settle_decide(&m, &in, NOW + 5 * DAY, 1, &plan);
    assert_string_equal(plan.change.outcome.text, "delivery time expired");
}

// A warning by the clock alone tells what the last attempt or the last probe was told.
static void test_sweep_warns_with_a_reason(void **state)
{
    (void)state;
    const struct message m = {.arrival_ms = NOW};
    struct recipient r = {.last_attempt_ms = NOW + H,
                          .last_status = (char[]){"4.2.2"},
                          .last_reply = (char[]){"452 4.2.2 mailbox full"}};
    struct outcome probe;
    outcome_set(&probe, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.4.1", "connect: refused");
    struct settle_input in = {.rcpt = &r, .rule = usual};
    struct settle_plan plan;
    settle_decide(&m, &in, NOW + 4 * H, 1, &plan);
    assert_int_equal(plan.change.action, SETTLE_WARN);
    assert_string_equal(plan.change.outcome.status, "4.2.2");
    assert_string_equal(plan.change.outcome.text, "452 4.2.2 mailbox full");
    in.probe = &probe;
    in.last_probe_ms = NOW + 2 * H;
    settle_decide(&m, &in, NOW + 4 * H, 1, &plan);
    assert_string_equal(plan.change.outcome.status, "4.4.1");
}

// A refusal that the brake withholds stays, and neither is told of nor warned about.
static void test_refusal_is_withheld(void **state)
{
    (void)state;
    const struct message m = {.arrival_ms = NOW};
    const struct recipient r = {0};
    struct settle_input in = {
        .rcpt = &r, .outcome = &outcomes[REFUSED], .held_why = "brake", .rule = usual};
    struct settle_plan plan;
    settle_decide(&m, &in, NOW + 6 * DAY, 1, &plan);
    assert_true(plan.is_needed);
    assert_int_equal(plan.change.action, SETTLE_HOLD);
    assert_string_equal(plan.change.held_why, "brake");
    assert_true(plan.change.is_attempt);
    assert_false(plan.is_warning || plan.is_expired);
    in.outcome = &outcomes[DEFERRED]; // it is about refusals only
    settle_decide(&m, &in, NOW + H, 1, &plan);
    assert_int_equal(plan.change.action, SETTLE_DEFER);
}

static void test_times_that_do_not_fit(void **state)
{
    (void)state;
    const struct message m = {.arrival_ms = NOW};
    const struct recipient r = {0};
    struct settle_input in = {
        .rcpt = &r,
        .outcome = &outcomes[DEFERRED],
        .rule = {.expire_after_ms = INT64_MAX, .warn_after_ms = {INT64_MAX}, .warn_count = 1}};
    struct settle_plan plan;
    settle_decide(&m, &in, NOW + 5 * DAY, 1, &plan);
    assert_true(plan.expires_ms == INT64_MAX);
    assert_int_equal(plan.change.action, SETTLE_DEFER);
    assert_false(plan.is_warning);
}

// Retried every half hour for five days, with a sweep each minute: one warning, one failure.
static void test_warned_once_failed_once(void **state)
{
    (void)state;
    const struct message m = {.arrival_ms = NOW};
    struct recipient r = {0};
    int warnings = 0, failures = 0;
    int64_t warned_at = 0, failed_at = 0;
    for (int64_t t = 0; t <= 6 * DAY && failures == 0; t += TIME_MINUTE_MS) {
        bool tries = t % (30 * TIME_MINUTE_MS) == 0;
        struct settle_input in = {.rcpt = &r,
                                  .outcome = tries ? &outcomes[DEFERRED] : NULL,
                                  .rule = usual,
                                  .began_ms = NOW + t};
        struct settle_plan plan;
        settle_decide(&m, &in, NOW + t, NOW, &plan);
        warnings += plan.is_warning;
        warned_at = plan.is_warning ? t : warned_at;
        failures += plan.is_expired;
        failed_at = plan.is_expired ? t : failed_at;
        if (plan.is_needed)
            r.warned = plan.change.warned;
        if (plan.change.is_attempt)
            r.last_attempt_ms = plan.change.began_ms;
    }
    assert_int_equal(warnings, 1);
    assert_int_equal(warned_at, 4 * H);
    assert_int_equal(failures, 1);
    assert_int_equal(failed_at, 5 * DAY);
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof *rows };
    struct CMUnitTest tests[ROWS + 5] = {
        cmocka_unit_test(test_expiry_says_the_last_reply),
        cmocka_unit_test(test_expiry_says_what_the_probe_said),
        cmocka_unit_test(test_sweep_warns_with_a_reason),
        cmocka_unit_test(test_refusal_is_withheld),
        cmocka_unit_test(test_times_that_do_not_fit),
        cmocka_unit_test(test_warned_once_failed_once),
    };
    size_t count = 4;
    for (size_t i = 0; i < ROWS; i++)
        tests[count++] = (struct CMUnitTest){
            .name = rows[i].name, .test_func = test_row, .initial_state = (void *)&rows[i]};
    return _cmocka_run_group_tests("settle_decide", tests, count, NULL, NULL);
}
