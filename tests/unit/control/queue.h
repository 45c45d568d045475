// SPDX-License-Identifier: BSD-2-Clause
// A small queue for the listing tests: every state, a null sender, hostile texts, equal and
// changing reasons.
#ifndef FP_TESTS_UNIT_CONTROL_QUEUE_H
#define FP_TESTS_UNIT_CONTROL_QUEUE_H

#include "control/listing.h"
#include "core/time.h"

#include <stdint.h>

#define NOW    INT64_C(1795300800000) // 2026-11-21T22:40:00Z
#define MINUTE INT64_C(60000)

enum { QUEUE_OFFSET_S = 3600, QUEUE_ROWS = 7 };

#define TEXT(s) ((char *)(uintptr_t)(s))
#define RCPT(a, st, tries, last, doubt)                                                            \
    {                                                                                              \
        .state = (st), .attempts = (tries), .last_attempt_ms = (last), .in_doubt = (doubt),        \
        .address = TEXT(a)                                                                         \
    }

static const char timeout_text[] =
    "connect to mx.dest.example[192.0.2.25]:25: Connection timed out";

static const struct recipient queue_rcpts[] = {
    RCPT("slow@dest.example", RECIPIENT_OPEN, 7, NOW - 10 * MINUTE, false),
    RCPT("also@dest.example", RECIPIENT_OPEN, 7, NOW - 10 * MINUTE, false),
    RCPT("new@dest.example", RECIPIENT_OPEN, 0, 0, false),
    RCPT("grey@other.example", RECIPIENT_OPEN, 2, NOW - 5 * MINUTE, true),
    RCPT("now@dest.example", RECIPIENT_OPEN, 1, NOW - 30 * MINUTE, false),
    RCPT("held@dest.example", RECIPIENT_HELD, 3, NOW - 60 * MINUTE, false),
    RCPT("fresh@dest.example", RECIPIENT_OPEN, 0, 0, false),
    RCPT("who@dest.example", RECIPIENT_OPEN, 1, NOW - MINUTE, false),
    RCPT("\"a, \\\"b\\\"\"@dest.example", RECIPIENT_OPEN, 12, NOW - MINUTE, false),
    RCPT("partly@dest.example", RECIPIENT_HELD, 0, 0, false),
    RCPT("rest@dest.example", RECIPIENT_OPEN, 0, 0, false),
};

#define VIEW(i, active, next, gives_up, why, code, where)                                          \
    {                                                                                              \
        .rcpt = &queue_rcpts[i], .is_active = (active), .next_attempt_ms = (next),                 \
        .expires_ms = (gives_up), .reason = (why), .status = (code), .host = (where)               \
    }
#define EXPIRES (NOW + 7000 * MINUTE)

static const struct listing_recipient queue_views[] = {
    VIEW(0, false, NOW + 4 * MINUTE + 12000, EXPIRES, timeout_text, "4.4.1", ""),
    VIEW(1, false, NOW + 4 * MINUTE + 12000, EXPIRES, timeout_text, "4.4.1", ""),
    VIEW(2, false, NOW + 4 * MINUTE + 12000, EXPIRES, "", "", ""),
    VIEW(3, false, NOW + MINUTE, EXPIRES, "451 4.7.1 Greylisted", "4.7.1",
         "mx.other.example[192.0.2.26]:25"),
    VIEW(4, true, NOW - MINUTE, EXPIRES, "421 4.3.2 Bye", "4.3.2",
         "mx.dest.example[192.0.2.25]:25"),
    {.rcpt = &queue_rcpts[5],
     .next_attempt_ms = NOW + MINUTE,
     .held_why = "till \x1b monday, says anna",
     .reason = "450 4.2.1 Busy",
     .status = "4.2.1",
     .host = "mx.dest.example[192.0.2.25]:25"},
    VIEW(6, false, NOW, TIME_NEVER, "", "", ""),
    VIEW(7, false, NOW + MINUTE, EXPIRES, "", "4.4.2", "mx.dest.example[192.0.2.25]:25"),
    VIEW(8, false, NOW + 2 * MINUTE, EXPIRES,
         "450 4.2.1 \x1b]52;c;ZXZpbA==\x07 \xc2\x9b"
         "31m \xe2\x80\xae txet, \"quoted\" \xff\r\n-- 0 Kbytes in 0 Requests.",
         "4.2.1", "evil\x1b.example[192.0.2.66]:25"),
    VIEW(9, false, NOW, 0, "", "", ""),
    VIEW(10, false, NOW + 20 * MINUTE, EXPIRES,
         "destination rests: connection refused by every host of it, tried five times", "", ""),
};

static const struct message queue_messages[QUEUE_ROWS] = {
    {.id = 0x0A1B2C3D4E5F,
     .arrival_ms = NOW - 252 * MINUTE,
     .size = 5120,
     .uid = -1,
     .sender = TEXT("alice@example.org"),
     .is_8bit = true},
    {.id = 0x0A1B2C3D4E60,
     .arrival_ms = NOW - 40 * MINUTE,
     .size = 12345678,
     .uid = 1000,
     .sender = TEXT("bob@example.org")},
    {.id = 0x0A1B2C3D4E61,
     .arrival_ms = NOW - 9 * 1440 * MINUTE,
     .size = 414,
     .uid = -1,
     .sender = TEXT(""),
     .kind = MESSAGE_NOTICE},
    {.id = 0x0A1B2C3D4E62,
     .arrival_ms = NOW,
     .size = 1,
     .uid = -1,
     .sender = TEXT("carol@example.org")},
    {.id = 0x0A1B2C3D4E63,
     .arrival_ms = NOW - MINUTE,
     .size = 999,
     .uid = -1,
     .sender = TEXT("dan@example.org")},
    {.id = 0x0A1B2C3D4E64,
     .arrival_ms = NOW - MINUTE,
     .size = 20480,
     .uid = -1,
     .sender = TEXT("\x9b"
                    "eve\xc3\xbc@example.org")},
    {.id = 0x0A1B2C3D4E65,
     .arrival_ms = NOW - MINUTE,
     .size = 2048,
     .uid = -1,
     .sender = TEXT("frank@example.org")},
};

static const struct listing_row queue_rows[QUEUE_ROWS] = {
    {&queue_messages[0], &queue_views[0], 4}, {&queue_messages[1], &queue_views[4], 1},
    {&queue_messages[2], &queue_views[5], 1}, {&queue_messages[3], &queue_views[6], 1},
    {&queue_messages[4], &queue_views[7], 1}, {&queue_messages[5], &queue_views[8], 1},
    {&queue_messages[6], &queue_views[9], 2},
};

#endif
