// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/statistics: the whole text against tests/golden/statistics-*.txt.
#include "control/statistics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/golden.h"

#define NOW INT64_C(1795300800000) // 2026-11-21T22:40:00Z

static void compare(const char *file, const struct statistics *s)
{
    struct buf got;
    buf_init(&got, 64 * 1024);
    statistics_format(s, &got);
    golden_check(file, buf_slice(&got));
    buf_close(&got);
}

static void busy(void **state)
{
    (void)state;
    static const uint64_t ages[3][STATISTICS_AGES] = {{4, 0, 1, 0, 0, 20, 100, 3000, 12, 1},
                                                      {0, 0, 0, 0, 0, 0, 0, 0, 0, 7},
                                                      {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};
    const struct statistics_row rows[] = {
        {"dest.example", 3138, ages[0]},
        {"a-domain-with-quite-a-long-name.and-more-of-it.example", 7, ages[1]},
        {"xn--bcher-kva.example", 10, ages[2]},
    };
    const struct statistics_destination resting[] = {
        {"dest.example", "resting",
         "connect to mx.dest.example[192.0.2.25]:25: Connection timed out", NOW + 754000, 6, 0},
        {"other.example", "probing", "421 \x1b[2J slow down", NOW - 1000, 1, 2},
        {"third.example", "suspended", "", INT64_MAX, 0, 0},
    };
    const struct statistics_blocked blocked[] = {
        {"no name server answers", "", "", NOW - 3600000},
        {"the relay refuses our credentials", "smtp://relay.example:587",
         "blocked here: host relay.example[192.0.2.5] said: 535 5.7.8 no \x1b[2J", NOW - 60000},
    };
    const struct statistics_brake brakes[] = {
        {"mx.dest.example", "554 5.7.1 listed", NOW - 600000, 981},
        {"mx.other.example", "554 5.7.1 \x1b[2J", NOW, 1},
    };
    const struct suspension suspensions[] = {
        {.kind = SUSPENSION_DESTINATION,
         .name = "smtp://relay:25",
         .since_ms = NOW - 60000,
         .until_ms = NOW + 7200000,
         .reason = "moves to another \x1b[2Jhouse",
         .who = "root"},
        {.kind = SUSPENSION_SENDER,
         .name = "*@news.example",
         .since_ms = NOW - 60000,
         .until_ms = INT64_MAX,
         .reason = "",
         .who = "anna"},
    };
    struct statistics s = {.now_ms = NOW,
                           .started_ms = NOW - 86400000,
                           .messages = 3001,
                           .bytes = 15000000,
                           .queued = 5,
                           .deferred = 3140,
                           .active = 2,
                           .held = 10,
                           .oldest_arrival_ms = NOW - 4 * INT64_C(86400000) - 7200000,
                           .spool_bytes = 20971520,
                           .free_bytes = 1048576,
                           .accepted = 10000,
                           .delivered = 6900,
                           .deferrals = 12000,
                           .bounced = 99,
                           .body_memory = 524288,
                           .body_memory_max = 12582912,
                           .on_way = 262144,
                           .on_way_max = 8388608,
                           .in_sessions = 40960,
                           .sessions = 20,
                           .unread_sessions = 3,
                           .writer_ops = 17,
                           .stops = 2,
                           .refusals = 1,
                           .rows = rows,
                           .row_count = 3,
                           .destinations = resting,
                           .destination_count = 3,
                           .blocked = blocked,
                           .blocked_count = 2,
                           .brakes = brakes,
                           .brake_count = 2,
                           .suspensions = suspensions,
                           .suspension_count = 2};
    compare("statistics-busy.txt", &s);
}

static void empty_without_daemon(void **state)
{
    (void)state;
    struct statistics s = {.now_ms = NOW, .spool_bytes = 4096};
    compare("statistics-empty.txt", &s);
}

static void one_is_one(void **state)
{
    (void)state;
    struct statistics s = {
        .now_ms = NOW, .messages = 1, .queued = 1, .deferred = 1, .active = 1, .held = 1};
    compare("statistics-one.txt", &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(busy),
                                       cmocka_unit_test(empty_without_daemon),
                                       cmocka_unit_test(one_is_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
