// SPDX-License-Identifier: BSD-2-Clause
// Tests of bounce/decide: one row for each rule B1 to B4 and for the ways to write automatic mail.
#include "bounce/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct row {
    const char *name;
    enum message_kind message;
    const char *sender;
    enum notice_kind kind;
    const char *header;
    enum decide_action want;
};

#define A "alice@example.org"

static const struct row rows[] = {
    {"failure of mail", MESSAGE_MAIL, A, NOTICE_FAILED, "Subject: x\r\n\r\n", DECIDE_SEND},
    {"delay of mail", MESSAGE_MAIL, A, NOTICE_DELAYED, "Subject: x\r\n\r\n", DECIDE_SEND},
    {"header unknown", MESSAGE_MAIL, A, NOTICE_DELAYED, "", DECIDE_SEND},
    {"B1 failure", MESSAGE_MAIL, "", NOTICE_FAILED, "", DECIDE_DROP},
    {"B1 delay", MESSAGE_MAIL, "", NOTICE_DELAYED, "", DECIDE_DROP},
    {"B2 our notice failed", MESSAGE_NOTICE, "", NOTICE_FAILED, "", DECIDE_TO_POSTMASTER},
    {"B2 the postmaster's failed", MESSAGE_POSTMASTER, "", NOTICE_FAILED, "", DECIDE_DROP},
    {"B3 our notice is late", MESSAGE_NOTICE, "", NOTICE_DELAYED, "", DECIDE_DROP},
    {"B3 the postmaster's is late", MESSAGE_POSTMASTER, "", NOTICE_DELAYED, "", DECIDE_DROP},
    {"B4 auto-generated", MESSAGE_MAIL, A, NOTICE_DELAYED, "Auto-Submitted: auto-generated\r\n",
     DECIDE_DROP},
    {"B4 failure is told", MESSAGE_MAIL, A, NOTICE_FAILED, "Auto-Submitted: auto-generated\r\n",
     DECIDE_SEND},
    {"B4 no", MESSAGE_MAIL, A, NOTICE_DELAYED, "Auto-Submitted: no\r\n", DECIDE_SEND},
    {"B4 NO with comment", MESSAGE_MAIL, A, NOTICE_DELAYED,
     "auto-submitted: (by (a \\) human)) NO ; x=y\r\n", DECIDE_SEND},
    {"B4 no as a prefix", MESSAGE_MAIL, A, NOTICE_DELAYED, "Auto-Submitted: notify\r\n",
     DECIDE_DROP},
    {"B4 folded", MESSAGE_MAIL, A, NOTICE_DELAYED, "Auto-Submitted:\r\n auto-replied\r\n",
     DECIDE_DROP},
    {"B4 empty", MESSAGE_MAIL, A, NOTICE_DELAYED, "Auto-Submitted:\r\n", DECIDE_DROP},
    {"B4 open comment", MESSAGE_MAIL, A, NOTICE_DELAYED, "Auto-Submitted: (no\r\n", DECIDE_DROP},
    {"B4 bulk", MESSAGE_MAIL, A, NOTICE_DELAYED, "Precedence: Bulk\r\n", DECIDE_DROP},
    {"B4 junk", MESSAGE_MAIL, A, NOTICE_DELAYED, "Precedence: junk\r\n", DECIDE_DROP},
    {"B4 list", MESSAGE_MAIL, A, NOTICE_DELAYED, "Precedence: list (x)\r\n", DECIDE_DROP},
    {"B4 first-class", MESSAGE_MAIL, A, NOTICE_DELAYED, "Precedence: first-class\r\n", DECIDE_SEND},
    {"B4 mailing list", MESSAGE_MAIL, A, NOTICE_DELAYED,
     "Subject: x\r\nList-Unsubscribe: <mailto:a>\r\n", DECIDE_DROP},
    {"B4 in the body only", MESSAGE_MAIL, A, NOTICE_DELAYED, "Subject: x\r\n\r\nList-Id: <x>\r\n",
     DECIDE_SEND},
    {"B4 a name that begins alike", MESSAGE_MAIL, A, NOTICE_DELAYED, "Listing: x\r\n", DECIDE_SEND},
};

static void check_row(void **state)
{
    const struct row *r = *state;
    struct message m = {.kind = r->message, .sender = (char *)(uintptr_t)r->sender};
    assert_int_equal(decide_notice(&m, r->kind, slice_str(r->header)), r->want);
}

static void entry_kinds(void **state)
{
    (void)state;
    assert_int_equal(decide_entry_kind(DECIDE_SEND), MESSAGE_NOTICE);
    assert_int_equal(decide_entry_kind(DECIDE_TO_POSTMASTER), MESSAGE_POSTMASTER);
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct CMUnitTest tests[ROWS + 1];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] =
            (struct CMUnitTest){rows[i].name, check_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(entry_kinds);
    return _cmocka_run_group_tests("decide", tests, ROWS + 1, NULL, NULL);
}
