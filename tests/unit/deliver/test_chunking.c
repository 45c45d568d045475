// SPDX-License-Identifier: BSD-2-Clause
// Content by BDAT: what goes over the wire, and what each reply means.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// 30 octets: three pieces of ten. A dot stays what it is, and so does what would be an end mark.
#define BODY    "Subject: x\r\n\r\n.\r\n..\r\n1234567\r\n"
#define ONCE    "BDAT 30 LAST\r\n" BODY
#define CHUNKED "250-mx\r\n250-CHUNKING\r\n250-8BITMIME\r\n250 PIPELINING\r\n"
#define MAIL    "MAIL FROM:<s@e.example>\r\n"
#define TWO     "RCPT TO:<a@d.example>\r\nRCPT TO:<b@d.example>\r\n"
#define QUIT    "QUIT\r\n"
#define THREE   "BDAT 10\r\nSubject: xBDAT 10\r\n\r\n\r\n.\r\n..\rBDAT 10 LAST\r\n\n1234567\r\n"

static const char *const rcpts[] = {"a@d.example", "b@d.example"};
static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
static const struct target lmtp = {.kind = TARGET_LMTP, .host = (char *)"192.0.2.1", .port = 24};

struct row {
    const char *name;
    struct script script;
    size_t piece_size;
    const char *results; // D delivered, F failed, T tried again, ? in doubt
    const char *status;  // of the first
    const char *wire;    // behind EHLO; NULL: any
    bool takes_content;
};

// A row is a case.
// clang-format off
static const struct row rows[] = {
    {"in one", {.ehlo = CHUNKED}, 0, "DD", "2.0.0", MAIL TWO ONCE QUIT, true},
    {"in pieces", {.ehlo = CHUNKED}, 10, "DD", "2.0.0", MAIL TWO THREE QUIT, true},
    {"without PIPELINING", {.ehlo = "250-mx\r\n250 CHUNKING\r\n"}, 0, "DD", "2.0.0", NULL, true},
    {"without CHUNKING", {.ehlo = "250-mx\r\n250 PIPELINING\r\n"}, 0, "DD", "2.0.0", NULL, true},
    {"one recipient", {.ehlo = CHUNKED, .steps = {{"RCPT", "550 5.1.1 no\r\n"}}}, 0, "FD", "5.1.1",
     MAIL TWO ONCE QUIT, true},
    {"no recipient", {.ehlo = CHUNKED, .steps = {{"RCPT", "550 5.1.1 no\r\n"}, {"RCPT",
     "450 4.2.1 later\r\n"}}}, 0, "FT", "5.1.1", MAIL TWO QUIT, false},
    {"MAIL refused", {.ehlo = CHUNKED, .steps = {{"MAIL", "550 5.1.8 no\r\n"}, {"RCPT",
     "503 no\r\n"}, {"RCPT", "503 no\r\n"}}}, 0, "FF", "5.1.8", MAIL TWO QUIT, false},
    {"refused at the end", {.ehlo = CHUNKED, .steps = {{".", "554 5.6.0 no\r\n"}}}, 10, "FF",
     "5.6.0", MAIL TWO THREE QUIT, true},
    {"tried again at the end", {.ehlo = CHUNKED, .steps = {{".", "451 4.3.0 no\r\n"}}}, 10, "TT",
     "4.3.0", MAIL TWO THREE QUIT, true},
    {"the first chunk refused", {.ehlo = CHUNKED, .steps = {{"BDAT", "552 5.3.4 big\r\n"}, {"BDAT",
     "503 no\r\n"}, {".", "503 no\r\n"}}}, 10, "FF", "5.3.4", NULL, false},
    {"the second chunk refused for now", {.ehlo = CHUNKED, .steps = {{"BDAT", "250 ok\r\n"},
     {"BDAT", "452 4.3.1 full\r\n"}, {".", "503 no\r\n"}}}, 10, "TT", "4.3.1", NULL, false},
    {"a chunk answered with 421", {.ehlo = CHUNKED, .steps = {{"BDAT",
     "421 4.3.2 bye\r\n<CLOSE>"}}}, 10, "TT", "4.3.2", NULL, false},
    {"lost behind the first chunk", {.ehlo = CHUNKED, .steps = {{"BDAT", "250 ok\r\n<RST>"}}}, 10,
     "TT", "4.4.2", NULL, false},
    {"lost behind the last", {.ehlo = CHUNKED, .steps = {{".", "<CLOSE>"}}}, 10, "??", "4.4.2",
     NULL, true},
    {"silence behind the last", {.ehlo = CHUNKED, .steps = {{".", "<HANG>"}}}, 0, "??", "4.4.2",
     NULL, true},
    {"silence behind the first", {.ehlo = CHUNKED, .steps = {{"BDAT", "<HANG>"}}}, 10, "??",
     "4.4.2", NULL, false},
    {"354 to the last", {.ehlo = CHUNKED, .steps = {{".", "354 go on\r\n"}}}, 0, "??", "4.4.2",
     NULL, true},
};
// clang-format on

static char letter(const struct outcome *o)
{
    return o->result == OUTCOME_DELIVERED ? 'D'
           : o->result == OUTCOME_FAILED  ? 'F'
           : o->in_doubt                  ? '?'
                                          : 'T';
}

static void run_row(const struct row *r, const struct target *target, size_t chunk_size)
{
    struct world w = {.scripts = &r->script,
                      .script_count = 1,
                      .body = SLICE_LIT(BODY),
                      .chunking = true,
                      .piece_size = r->piece_size,
                      .chunk_size = chunk_size};
    struct session_batch b = {
        .sender = "s@e.example", .rcpts = rcpts, .rcpt_count = 2, .size = sizeof BODY - 1};
    world_open(&w, target, 1, "d.example");
    world_give(&w, &b);
    for (int i = 0; i < 2; i++)
        if (letter(&w.outcomes[i]) != r->results[i])
            fail_msg("%s: %c, %s", r->name, letter(&w.outcomes[i]), w.outcomes[i].text);
    if (strcmp(w.outcomes[0].status, r->status) != 0)
        print_error("%s: %s\n", r->name, w.outcomes[0].text);
    assert_string_equal(w.outcomes[0].status, r->status);
    if (r->takes_content)
        assert_memory_equal(w.content.p, BODY, sizeof BODY - 1);
    world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
    world_run(&w);
    assert_true(w.has_ended);
    if (r->wire)
        assert_string_equal(w.wire.p + strlen("EHLO me.example\r\n"), r->wire);
    world_close(&w);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t chunk = 0; chunk < 4; chunk++)
            run_row(&rows[i], &relay, chunk);
}

static void test_not_by_lmtp(void **state)
{
    (void)state;
    struct script script = {.ehlo = CHUNKED, .steps = {{".", "250 a\r\n250 b\r\n"}}};
    struct world w = {
        .scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY), .chunking = true};
    struct session_batch b = {
        .sender = "s@e.example", .rcpts = rcpts, .rcpt_count = 2, .size = sizeof BODY - 1};
    world_open(&w, &lmtp, 1, "d.example");
    world_give(&w, &b);
    assert_null(strstr(w.wire.p, "BDAT"));
    assert_non_null(strstr(w.wire.p, "DATA\r\n"));
    world_close(&w);
}

// A second message on the same connection, and one whose content is converted on the way.
static void test_again(void **state)
{
    (void)state;
    static const char wide[] = "Subject: x\r\n\r\n\xc3\xbc\r\n";
    struct script script = {.ehlo = "250-mx\r\n250-CHUNKING\r\n250 PIPELINING\r\n"};
    struct world w = {
        .scripts = &script, .script_count = 1, .body = slice_str(wide), .chunking = true};
    struct session_batch b = {.sender = "s@e.example",
                              .rcpts = rcpts,
                              .rcpt_count = 1,
                              .size = sizeof wide - 1,
                              .is_8bit = true};
    world_open(&w, &relay, 1, "d.example");
    for (int i = 0; i < 3; i++) {
        world_give(&w, &b);
        assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
        assert_true(w.can_reuse);
        assert_int_equal(buf_add_byte(&w.content, '\0'), FP_OK);
        assert_non_null(strstr(w.content.p, "Content-Transfer-Encoding: "));
    }
    assert_int_equal(w.connections, 1);
    assert_null(strstr(w.wire.p, "RSET"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_not_by_lmtp),
        cmocka_unit_test(test_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
