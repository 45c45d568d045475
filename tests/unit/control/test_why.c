// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/why: whole answers against tests/golden/why-*, every kind of thing that may hold
// mail, and that a stranger's text stays harmless in both forms.
#include "control/why.h"
#include "core/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/golden.h"

#define NOW INT64_C(1795300800000) // 2026-11-21T22:40:00Z

static const struct why_try tries[] = {
    {.nr = 51,
     .at_ms = NOW - 20 * TIME_MINUTE_MS,
     .ended_ms = NOW - 20 * TIME_MINUTE_MS + 400,
     .next_ms = NOW - 15 * TIME_MINUTE_MS,
     .host = "mx.example[192.0.2.1]:25",
     .tls = "TLSv1.3 with TLS_AES_256_GCM_SHA384",
     .stage = "rcpt",
     .klass = "greylist",
     .status = "4.7.1",
     .reply = "450 4.7.1 come back \"later\"",
     .rule = "retry \"*\" on greylist, /etc/fermoposta.conf:47"},
    {.nr = 52,
     .at_ms = NOW - 15 * TIME_MINUTE_MS,
     .ended_ms = NOW - 14 * TIME_MINUTE_MS,
     .next_ms = NOW + 5 * TIME_MINUTE_MS,
     .host = "mx.example[2001:db8::1]:25",
     .tls = "",
     .stage = "end of data",
     .klass = "host",
     .status = "4.4.2",
     .reply = "lost connection \x1b[2J with\r\n\xc2\x9b mx.example",
     .rule = "rest of the destination: the default",
     .in_doubt = true},
    {.nr = 1,
     .at_ms = NOW - TIME_HOUR_MS,
     .ended_ms = NOW - TIME_HOUR_MS,
     .next_ms = 0,
     .host = "",
     .tls = "",
     .stage = "dns",
     .klass = "dns",
     .status = "4.4.3",
     .reply = "no name server answers",
     .rule = "the bounce brake"},
};

static const struct why_recipient rcpts[] = {
    {.message = 0x0a1b2c3d4e5f,
     .sender = "ann@x.example",
     .address = "bob@example.com",
     .arrival_ms = NOW - 25 * TIME_HOUR_MS,
     .attempts = 52,
     .in_doubt = true,
     .tries = tries,
     .try_count = 2,
     .is_queued = true,
     .state = "deferred",
     .hold = {.kind = WHY_RESTING,
              .destination = "example.com",
              .reason = "connect to mx.example[192.0.2.1]:25: Connection refused",
              .since_ms = NOW - TIME_HOUR_MS,
              .until_ms = NOW + 5 * TIME_MINUTE_MS,
              .failures = 3},
     .next_ms = NOW + 5 * TIME_MINUTE_MS,
     .rule = "rest of the destination: the default",
     .warn_ms = NOW + 3 * TIME_HOUR_MS,
     .expires_ms = NOW + 4 * TIME_DAY_MS,
     .attempts_max = 100},
    {.message = 0x0a1b2c3d4e60,
     .sender = "",
     .address = "\"a\x1b\" b\"@example.com",
     .arrival_ms = NOW - 2 * TIME_SECOND_MS,
     .is_queued = true,
     .state = "queued",
     .hold = {.kind = WHY_TURN, .destination = "example.com", .before = 3},
     .next_ms = NOW - 2 * TIME_SECOND_MS,
     .rule = "",
     .expires_ms = NOW + 5 * TIME_DAY_MS},
    {.message = 0x0a1b2c3d4e61,
     .sender = "ann@x.example",
     .address = "carl@example.net",
     .arrival_ms = NOW - TIME_DAY_MS,
     .attempts = 2,
     .tries = &tries[2],
     .try_count = 1,
     .end = {.how = GONE_FAILED,
             .at_ms = NOW - 30 * TIME_MINUTE_MS,
             .address = "carl@example.net",
             .host = "mx.example.net[192.0.2.7]:25",
             .reply = "550 5.1.1 no such user",
             .reason = ""},
     .end_status = "5.1.1",
     .end_class = "refused",
     .end_stage = "rcpt",
     .end_tls = ""},
};
enum { RCPTS = sizeof rcpts / sizeof *rcpts };

static void tell(bool is_json, struct buf *to)
{
    struct why w = {.is_json = is_json, .now_ms = NOW, .utc_offset_s = 3600};
    buf_init(to, 64 * 1024);
    for (size_t i = 0; i < RCPTS; i++)
        why_recipient(&w, &rcpts[i], to);
    assert_int_equal(w.count, RCPTS);
    why_end(&w, 7, "History goes further back than was looked.", to);
}

static void whole_answers(void **state)
{
    (void)state;
    for (int is_json = 0; is_json < 2; is_json++) {
        struct buf got;
        tell(is_json, &got);
        golden_check(is_json ? "why.json" : "why.txt", buf_slice(&got));
        for (size_t i = 0; i < got.n; i++)
            assert_true((unsigned char)got.p[i] >= ' ' || got.p[i] == '\n');
        assert_null(strstr(got.p, "\xc2\x9b"));
        buf_close(&got);
    }
}

static void destinations(void **state)
{
    (void)state;
    static const struct why_limit limits[] = {
        {"connections", "20", "the default"},
        {"rate", "100/1m", "limit \"example.com\", /etc/fermoposta.conf:52"}};
    static const struct why_destination rows[] = {
        {.asked = "example.com",
         .name = "smtp://relay.example:25",
         .route = "*",
         .state = "resting",
         .hold = {.kind = WHY_STOPPED, .reason = "outcomes cannot be stored"},
         .since_ms = NOW - TIME_HOUR_MS,
         .last_probe_ms = NOW - TIME_MINUTE_MS,
         .rest_until_ms = NOW + TIME_MINUTE_MS,
         .failures = 4,
         .status = "4.4.1",
         .reply = "connect to relay.example[192.0.2.1]:25: Connection \x1b refused",
         .rule = "retry \"*\", /etc/fermoposta.conf:12",
         .limits = limits,
         .limit_count = 2,
         .waiting = 12000,
         .due = 11000,
         .first_ms = NOW - TIME_DAY_MS,
         .in_memory = 40},
        {.asked = "mx:mx.example",
         .name = "mx:mx.example",
         .state = "open",
         .hold = {.kind = WHY_TURN},
         .status = "",
         .reply = "",
         .rule = "",
         .delivered_ms = NOW - TIME_DAY_MS,
         .running = 1,
         .connections = 2,
         .allowed = 5,
         .limits = limits,
         .limit_count = 1,
         .waiting = 1,
         .first_ms = NOW + TIME_HOUR_MS},
    };
    for (int is_json = 0; is_json < 2; is_json++) {
        struct why w = {.is_json = is_json, .now_ms = NOW, .utc_offset_s = 3600};
        struct buf got;
        buf_init(&got, 64 * 1024);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            why_destination(&w, &rows[i], &got);
        golden_check(is_json ? "why-destination.jsonl" : "why-destination.txt", buf_slice(&got));
        buf_close(&got);
    }
}

static void what_holds(void **state)
{
    (void)state;
    static const struct {
        struct why_hold hold;
        const char *want;
    } cases[] = {
        {{.kind = WHY_ACTIVE}, "is being tried"},
        {{.kind = WHY_HELD}, "held"},
        {{.kind = WHY_HELD, .reason = "spam \x07?"}, "held: spam \\x07?"},
        {{.kind = WHY_ON_FLUSH}, "waits for a flush, as the mode is \"queue\""},
        {{.kind = WHY_SUSPENDED, .until_ms = TIME_NEVER, .reason = "their request"},
         "suspended: their request"},
        {{.kind = WHY_SUSPENDED, .destination = "from=a@x", .until_ms = NOW + TIME_HOUR_MS},
         "from=a@x is suspended until 2026-11-21T23:40+00:00 (in 1h)"},
        {{.kind = WHY_RESTING, .until_ms = NOW + TIME_MINUTE_MS, .failures = 1, .reason = "421"},
         "its destination rests until 2026-11-21T22:41:00+00:00 (in 1m), it has failed 1 time: "
         "421"},
        {{.kind = WHY_PROBING, .destination = "d.example"},
         "its destination d.example is being probed with another message"},
        {{.kind = WHY_BLOCKED, .reason = "no resolver"}, "blocked here: no resolver"},
        {{.kind = WHY_STOPPED}, "nothing is started for the moment"},
        {{.kind = WHY_NOT_DUE}, "not due yet"},
        {{.kind = WHY_RATE, .destination = "d", .until_ms = NOW + TIME_MINUTE_MS, .before = 5},
         "due; by the rate of d its turn comes at about 2026-11-21T22:41:00+00:00 (in 1m), 5 "
         "before "
         "it"},
        {{.kind = WHY_RATE, .until_ms = NOW + TIME_HOUR_MS, .before = 50, .is_in_spool = true},
         "due; by the rate of its destination it is tried not before 2026-11-21T23:40+00:00 (in "
         "1h), behind at least 50 others"},
        {{.kind = WHY_CONCURRENCY, .destination = "d.example", .allowed = 20, .before = 1},
         "due; all 20 connections that d.example may have now are in use, 1 before it"},
        {{.kind = WHY_CONCURRENCY, .destination = "d.example", .allowed = 1, .is_in_spool = true},
         "due; the one connection that d.example may have now is in use"},
        {{.kind = WHY_FULL, .allowed = 200, .before = 2, .is_in_spool = true},
         "due; as many attempts as there may be are under way, 200, behind at least 2 others"},
        {{.kind = WHY_TURN, .before = 0}, "due, waits for its turn, 0 before it"},
        {{.kind = WHY_TURN, .is_in_spool = true}, "due, waits for its turn"},
        {{.kind = WHY_NO_DAEMON}, "the daemon does not run"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf got;
        buf_init(&got, 4096);
        struct column c = column_begin(&got);
        why_hold_text(&cases[i].hold, NOW, 0, &c);
        assert_string_equal(got.p, cases[i].want);
        buf_close(&got);
    }
}

// What waits for an operator's word is not given up meanwhile, and nobody chose a time.
static void waits_for_an_operator(void **state)
{
    (void)state;
    static const struct {
        struct why_hold hold;
        int64_t next_ms;
        const char *want;
    } cases[] = {
        {{.kind = WHY_HELD, .reason = "because"},
         NOW,
         "  now:        held: because\n  next try:   when it is released\n"
         "  warning:    none comes\n  gives up:   not while it is held\n"},
        {{.kind = WHY_SUSPENDED, .destination = "d.example", .until_ms = TIME_NEVER},
         TIME_NEVER,
         "  now:        d.example is suspended\n  next try:   when it is resumed\n"
         "  warning:    none comes\n  gives up:   not while it is suspended\n"},
        {{.kind = WHY_SUSPENDED, .destination = "d.example", .until_ms = NOW + TIME_HOUR_MS},
         NOW + 2 * TIME_HOUR_MS,
         "(in 1h)\n  next try:   2026-11-22T00:40+00:00 (in 2h)\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct why w = {.now_ms = NOW};
        struct why_recipient r = rcpts[1];
        struct buf got;
        r.hold = cases[i].hold;
        r.next_ms = cases[i].next_ms;
        r.expires_ms = 0;
        buf_init(&got, 4096);
        why_recipient(&w, &r, &got);
        if (!strstr(got.p, cases[i].want))
            fail_msg("no '%s' in %s", cases[i].want, got.p);
        buf_close(&got);
    }
}

// A next try behind the time of giving up may never come.
static void given_up_before(void **state)
{
    (void)state;
    static const struct {
        int64_t next_ms, expires_ms;
        bool want;
    } cases[] = {
        {NOW + 2000, NOW + 1000, true},
        {NOW + 1000, NOW + 2000, false},
        {NOW + 1000, NOW - 1000, false}, // that one comes first
        {NOW + 1000, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct why w = {.now_ms = NOW};
        struct why_recipient r = rcpts[1];
        struct buf got;
        r.hold.kind = WHY_NOT_DUE;
        r.next_ms = cases[i].next_ms;
        r.expires_ms = cases[i].expires_ms;
        buf_init(&got, 4096);
        why_recipient(&w, &r, &got);
        assert_int_equal(strstr(got.p, "unless it is given up before") != NULL, cases[i].want);
        buf_close(&got);
    }
}

// One that does not fit is not begun.
static void full(void **state)
{
    (void)state;
    struct why w = {.now_ms = NOW};
    struct buf got;
    buf_init(&got, 500);
    why_recipient(&w, &rcpts[1], &got);
    size_t n = got.n;
    assert_true(n > 0);
    why_recipient(&w, &rcpts[0], &got);
    assert_int_equal(got.n, n);
    assert_int_equal(w.count, 1);
    buf_close(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_answers),   cmocka_unit_test(destinations),
        cmocka_unit_test(what_holds),      cmocka_unit_test(waits_for_an_operator),
        cmocka_unit_test(given_up_before), cmocka_unit_test(full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
