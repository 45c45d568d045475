// SPDX-License-Identifier: BSD-2-Clause
// What becomes of mail with SMTPUTF8 at hosts with and without it.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TO_TWO "RCPT TO:<a@d.example>\r\nRCPT TO:<b@d.example>\r\nDATA\r\n" BODY ".\r\n"
#define BODY   "Subject: x\r\n\r\nhello\r\n"
#define WIDE   "250-mx\r\n250-smtpUTF8\r\n250 8BITMIME\r\n"
#define OLD    "250 mx\r\n"

static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};

struct row {
    const char *name, *ehlo;
    const char *sender, *rcpts[2];
    uint8_t traits;
    const char *results, *status; // D, F: of each; of the first
    const char *wire;             // behind EHLO; of what is sent at all
};

// A row is a case.
// clang-format off
static const struct row rows[] = {
    {"offered", WIDE, "jürgen@e.example", {"a@d.example", "ö@d.example"}, MESSAGE_UTF8, "DD",
     "2.0.0", "MAIL FROM:<jürgen@e.example> SMTPUTF8\r\nRCPT TO:<a@d.example>\r\n"
     "RCPT TO:<ö@d.example>\r\nDATA\r\n" BODY ".\r\n"},
    {"said of mail in ASCII", WIDE, "s@e.example", {"a@d.example", "b@d.example"}, MESSAGE_UTF8,
     "DD", "2.0.0", "MAIL FROM:<s@e.example> SMTPUTF8\r\n" TO_TWO},
    {"and not needed", OLD, "s@e.example", {"a@d.example", "b@d.example"}, MESSAGE_UTF8,
     "DD", "2.0.0", "MAIL FROM:<s@e.example>\r\n" TO_TWO},
    {"never said", WIDE, "s@e.example", {"a@d.example", "b@d.example"}, 0, "DD",
     "2.0.0", "MAIL FROM:<s@e.example>\r\n" TO_TWO},
    {"a sender at a host without it", OLD, "jürgen@e.example", {"a@d.example", "b@d.example"},
     MESSAGE_UTF8, "FF", "5.6.7", ""},
    {"a header at a host without it", OLD, "s@e.example", {"a@d.example", "b@d.example"},
     MESSAGE_UTF8 | MESSAGE_UTF8_HEADER, "FF", "5.6.9", ""},
    {"one recipient at a host without it", OLD, "s@e.example", {"ö@d.example", "b@d.example"},
     MESSAGE_UTF8, "FD", "5.6.7",
     "MAIL FROM:<s@e.example>\r\nRCPT TO:<b@d.example>\r\nDATA\r\n" BODY ".\r\n"},
    {"all recipients at a host without it", OLD, "s@e.example", {"ö@d.example", "ä@d.example"},
     MESSAGE_UTF8, "FF", "5.6.7", ""},
};
// clang-format on

static void run_row(const struct row *r, size_t chunk_size)
{
    struct script script = {.ehlo = r->ehlo};
    struct world w = {
        .scripts = &script, .script_count = 1, .body = slice_str(BODY), .chunk_size = chunk_size};
    struct session_batch b = {.sender = r->sender,
                              .rcpts = r->rcpts,
                              .rcpt_count = 2,
                              .size = sizeof BODY - 1,
                              .traits = r->traits};
    struct buf want;
    buf_init(&want, 4096);
    buf_addf(&want, "EHLO me.example\r\n%sQUIT\r\n", r->wire);
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
    world_run(&w);
    for (int i = 0; i < 2; i++) {
        bool is_delivered = w.outcomes[i].result == OUTCOME_DELIVERED;
        if (is_delivered != (r->results[i] == 'D'))
            print_error("%s: %s\n", r->name, w.outcomes[i].text);
        assert_int_equal(is_delivered, r->results[i] == 'D');
    }
    assert_string_equal(w.outcomes[0].status, r->status);
    assert_string_equal(w.wire.p, want.p);
    world_close(&w);
    buf_close(&want);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t chunk = 0; chunk < 3; chunk++)
            run_row(&rows[i], chunk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
