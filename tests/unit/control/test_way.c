// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/way: whole answers against tests/golden/way*.
#include "control/way.h"
#include "core/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/golden.h"

#define NOW INT64_C(1795300800000) // 2026-11-21T22:40:00Z

static const struct way_record hosts[] = {
    {.value = "mx\x1b.example.net", .preference = 10},
    {.value = "mail.here.example", .preference = 20, .left_out = "that is this host"},
};
static const struct way_record addresses[] = {{.value = "192.0.2.1"}, {.value = "192.0.2.2"}};
static const struct way_step steps[] = {
    {.kind = WAY_ANSWER,
     .target = "mx",
     .name = "example.com",
     .type = "MX",
     .canonical = "example.net",
     .ttl_s = 3600,
     .is_cached = true,
     .records = hosts,
     .record_count = 2},
    {.kind = WAY_ANSWER,
     .target = "mx",
     .name = "mx\x1b.example.net",
     .type = "AAAA",
     .failure = "no such record",
     .ttl_s = 60},
    {.kind = WAY_ANSWER,
     .target = "mx",
     .name = "mx\x1b.example.net",
     .type = "A",
     .is_secure = true,
     .records = addresses,
     .record_count = 2},
    {.kind = WAY_TRY,
     .target = "mx",
     .where = "mx\x1b.example.net[192.0.2.1]:25",
     .protocol = "smtp",
     .tls = "may",
     .tls_rule = "the default"},
    {.kind = WAY_NOTE, .target = "smtp://x", .status = "4.3.5", .text = "no \"x\" is known"},
    {.kind = WAY_TRY,
     .target = "smtp://x",
     .where = "x[192.0.2.3]:587",
     .protocol = "smtp",
     .tls = "verify",
     .tls_rule = "tls \"x\"",
     .user = "a\x1bn"},
    {.kind = WAY_TRY, .target = "lmtp:///run/s", .where = "/run/s", .protocol = "lmtp"},
};
static const struct why_limit limits[] = {{"connections", "20", "the default"},
                                          {"rate", "no limit", "limit \"*\", F:7"}};

static const struct why_hop hops[] = {
    {"smtp://x", "450 \x1b busy", 3, NOW + 5 * TIME_MINUTE_MS, false},
    {"mx of example.com", NULL, 1, NOW, true},
};

static void compare(const char *file, const struct way *w, bool is_json)
{
    struct buf got;
    buf_init(&got, 64 * 1024);
    if (is_json)
        way_json(w, &got);
    else
        way_text(w, NOW, 3600, &got);
    golden_check(file, buf_slice(&got));
    buf_close(&got);
}

static void whole_answers(void **state)
{
    (void)state;
    const struct way w = {.address = "b\x1b@example.com",
                          .sender = "",
                          .row = "route \"*\", F:3",
                          .targets = "mx,smtp://x,lmtp:///run/s",
                          .site = "mx.example.net",
                          .destination = "mx:mx.example.net",
                          .state = "resting",
                          .reason = "connect: \x1b refused",
                          .until_ms = NOW + 5 * TIME_MINUTE_MS,
                          .hops = hops,
                          .hop_count = 2,
                          .limits = limits,
                          .limit_count = 2,
                          .schedule = "5m 15m",
                          .schedule_rule = "retry \"*\", F:9",
                          .steps = steps,
                          .step_count = sizeof steps / sizeof *steps,
                          .is_cut = true,
                          .end = "it is tried at 2 places, in turn",
                          .result = "tried"};
    const struct way none = {.address = "b@example.com", .end = "it waits", .result = "deferred"};
    compare("way.txt", &w, false);
    compare("way.json", &w, true);
    compare("way-none.txt", &none, false);
    compare("way-none.json", &none, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
