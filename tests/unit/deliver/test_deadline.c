// SPDX-License-Identifier: BSD-2-Clause
// Mail with a time for its delivery, at hosts with and without DELIVERBY.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BODY "Subject: x\r\n\r\nhello\r\n"
#define OLD  "250 mx\r\n"
#define NEW  "250-mx\r\n250-DSN\r\n250 DELIVERBY\r\n"
#define SLOW "250-mx\r\n250 deliverby 240\r\n"
enum { R = MESSAGE_BY_RETURN, T = MESSAGE_BY_TRACE, WORLD_BEGAN_MS = 1000000 };

static const char *const rcpts[] = {"a@d.example"};
static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
static const struct target lmtp = {.kind = TARGET_LMTP, .host = (char *)"192.0.2.1", .port = 24};

static const struct row {
    const char *name, *ehlo;
    bool is_lmtp;
    uint8_t traits;
    int64_t seconds;    // 0: no time was set
    const char *said;   // behind MAIL; NULL: not sent
    const char *status; // of what becomes of it
    enum outcome_onward onward;
} rows[] = {
    {"none", NEW, false, 0, 0, "", "2.0.0", ONWARD_PROMISED},
    {"kept", NEW, false, R, 120, " BY=120;R", "2.0.0", ONWARD_PROMISED},
    {"kept, notify", NEW, false, 0, 120, " BY=120;N", "2.0.0", ONWARD_PROMISED},
    {"late, notify", NEW, false, 0, -60, " BY=-60;N", "2.0.0", ONWARD_PROMISED},
    {"traced", NEW, false, R | T, 120, " BY=120;RT", "2.0.0", ONWARD_TRACED},
    {"not offered", OLD, false, R, 120, NULL, "5.3.3", ONWARD_RELAYED},
    {"not offered, notify", OLD, false, 0, 120, "", "2.0.0", ONWARD_TRACED},
    {"enough for it", SLOW, false, R, 240, " BY=240;R", "2.0.0", ONWARD_RELAYED},
    {"too little for it", SLOW, false, R, 239, NULL, "5.3.3", ONWARD_RELAYED},
    {"too little, notify", SLOW, false, 0, 100, " BY=100;N", "2.0.0", ONWARD_RELAYED},
    {"over", NEW, false, R, -1, NULL, "5.4.7", ONWARD_RELAYED},
    {"a mailbox", OLD, true, R, 120, "", "2.0.0", ONWARD_FINAL},
    {"a mailbox, over", OLD, true, R, -1, NULL, "5.4.7", ONWARD_RELAYED},
    {"a mailbox, traced", OLD, true, T, 120, "", "2.0.0", ONWARD_FINAL},
};

static void run_row(const struct row *r)
{
    struct script script = {.ehlo = r->ehlo};
    struct world w = {.scripts = &script, .script_count = 1, .body = slice_str(BODY)};
    struct session_batch b = {.sender = "s@e.example",
                              .rcpts = rcpts,
                              .rcpt_count = 1,
                              .size = sizeof BODY - 1,
                              .traits = r->traits};
    if (r->seconds)
        b.deliver_by_ms = WORLD_BEGAN_MS + r->seconds * TIME_SECOND_MS;
    world_open(&w, r->is_lmtp ? &lmtp : &relay, 1, "d.example");
    world_give(&w, &b);
    if (strcmp(w.outcomes[0].status, r->status) != 0)
        print_error("%s: %s\n", r->name, w.outcomes[0].text);
    assert_string_equal(w.outcomes[0].status, r->status);
    if (w.outcomes[0].result == OUTCOME_DELIVERED && w.outcomes[0].onward != r->onward)
        fail_msg("%s: onward %d", r->name, w.outcomes[0].onward);
    const char *mail = strstr(w.wire.p, "MAIL FROM:<s@e.example>");
    assert_int_equal(mail != NULL, r->said != NULL);
    if (mail) {
        mail += strlen("MAIL FROM:<s@e.example>");
        assert_memory_equal(mail, r->said, strlen(r->said));
        assert_memory_equal(mail + strlen(r->said), "\r\n", 2);
    }
    world_close(&w);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
