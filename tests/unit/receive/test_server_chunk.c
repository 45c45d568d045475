// SPDX-License-Identifier: BSD-2-Clause
// BDAT: text in pieces, at every read size; and what of it is never taken for commands.
#include "session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TO_ONE "MAIL FROM:<a@c.example>\r\nRCPT TO:<bob@local.example>\r\n"
#define OK     "S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n"

struct row {
    const char *name, *say;
    const char *replies;  // codes, in order, with a blank between them
    const char *texts[2]; // what was stored, behind the trace field
    uint32_t aborted;
};

// clang-format off
static const struct row rows[] = {
    {"in one", TO_ONE "BDAT 9 LAST\r\na: b\r\n\r\nxNOOP\r\n", "250 250 250 250",
     {"a: b\r\n\r\nx\r\n"}, 0},
    {"small letters", TO_ONE "bdat 12 last\r\na: b\r\n\r\nx\r\n\r\n", "250 250 250",
     {"a: b\r\n\r\nx\r\n\r\n"}, 0},
    {"in pieces", TO_ONE "BDAT 3\r\na: BDAT 6\r\nb\r\n\r\nxBDAT 0\r\nBDAT 2 LAST\r\n\r\n",
     "250 250 250 250 250 250", {"a: b\r\n\r\nx\r\n"}, 0},
    {"an empty last one", TO_ONE "BDAT 9\r\na: b\r\n\r\nxBDAT 0 LAST\r\n", "250 250 250 250",
     {"a: b\r\n\r\nx\r\n"}, 0},
    {"nothing at all", TO_ONE "BDAT 0 LAST\r\n", "250 250 250", {""}, 0},
    {"dots are text", TO_ONE "BDAT 17 LAST\r\na: b\r\n\r\n.\r\n..\r\n.a", "250 250 250",
     {"a: b\r\n\r\n.\r\n..\r\n.a\r\n"}, 0},
    {"an end mark, and commands behind it", TO_ONE
     "BDAT 22 LAST\r\na: b\r\n\r\n\r\n.\r\nMAIL\n.\n\r\nNOOP\r\n", "250 250 250 250",
     {"a: b\r\n\r\n\r\n.\r\nMAIL\r\n.\r\n\r\n"}, 0},
    {"bare ends", TO_ONE "BDAT 12 LAST\r\na: b\n\rx\ry\nz\r", "250 250 250",
     {"a: b\r\n\r\nx\r\ny\r\nz\r\n"}, 0},
    {"two messages", TO_ONE "BDAT 8 LAST\r\na: b\r\n\r\n" TO_ONE "DATA\r\nc: d\r\n\r\n.\r\n",
     "250 250 250 250 250 354 250", {"a: b\r\n\r\n", "c: d\r\n\r\n"}, 0},
    {"no header", TO_ONE "BDAT 5 LAST\r\nhello", "250 250 250", {"\r\nhello\r\n"}, 0},
    {"before MAIL", "BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n", "503 250", {0}, 0},
    {"before RCPT", "MAIL FROM:<a@c.example>\r\nBDAT 6\r\nNOOP\r\nBDAT 6 LAST\r\nNOOP\r\n" TO_ONE
     "BDAT 8 LAST\r\na: b\r\n\r\n", "250 503 503 250 250 250", {"a: b\r\n\r\n"}, 0},
    {"nobody accepted", "MAIL FROM:<a@c.example>\r\nRCPT TO:<x@denied.example>\r\n"
     "BDAT 6 LAST\r\nNOOP\r\n", "250 554 554", {0}, 0},
    {"DATA behind BDAT", TO_ONE "BDAT 2\r\na:DATA\r\nBDAT 6 LAST\r\n b\r\n\r\n",
     "250 250 250 503 250", {"a: b\r\n\r\n"}, 0},
    {"RCPT and MAIL behind BDAT", TO_ONE "BDAT 2\r\na:RCPT TO:<x@local.example>\r\n"
     "MAIL FROM:<>\r\nNOOP\r\nBDAT 6 LAST\r\n b\r\n\r\n", "250 250 250 503 503 250 250",
     {"a: b\r\n\r\n"}, 0},
    {"RSET behind BDAT", TO_ONE "BDAT 2\r\na:RSET\r\n" TO_ONE "BDAT 8 LAST\r\nc: d\r\n\r\n",
     "250 250 250 250 250 250 250", {"c: d\r\n\r\n"}, 1},
    {"EHLO behind BDAT", TO_ONE "BDAT 2\r\na:HELO x\r\nBDAT 6 LAST\r\nNOOP\r\n",
     "250 250 250 250 503", {0}, 1},
    {"QUIT behind BDAT", TO_ONE "BDAT 2\r\na:QUIT\r\n", "250 250 250 221", {0}, 1},
    {"a size that is none", TO_ONE "BDAT x\r\nNOOP\r\n", "250 250 501", {0}, 0},
    {"no size", TO_ONE "BDAT\r\nNOOP\r\n", "250 250 501", {0}, 0},
    {"a word that is not LAST", TO_ONE "BDAT 6 FIRST\r\nNOOP\r\n", "250 250 501", {0}, 0},
    {"BINARYMIME is not offered", "MAIL FROM:<a@c.example> BODY=BINARYMIME\r\n", "501", {0}, 0},
};
// clang-format on

// The codes of all replies, one for each.
static void codes_of(const struct session *s, struct buf *to)
{
    const char *at = s->trace.p;
    while (at && (at = strstr(at, "S")) != NULL) {
        bool is_reply = (at == s->trace.p || at[-1] == '\n') && (at[1] == '-' || at[1] == ':');
        if (is_reply && at[6] == ' ')
            buf_addf(to, "%s%.3s", to->n ? " " : "", at + 3);
        at++;
    }
}

static void run_row(const struct row *r, size_t read_size)
{
    struct session s;
    struct buf codes;
    buf_init(&codes, 1000);
    session_init(&s);
    s.settings.message_size_max = 100000;
    s.read_size = read_size;
    session_open(&s);
    session_say(&s, "EHLO c.example\r\n");
    buf_reset(&s.trace);
    session_say(&s, r->say);
    codes_of(&s, &codes);
    if (strcmp(codes.p, r->replies) != 0)
        print_error("%s, read by %zu:\n%s", r->name, read_size, s.trace.p);
    assert_string_equal(codes.p, r->replies);
    uint32_t count = !r->texts[0] ? 0 : !r->texts[1] ? 1 : 2;
    assert_int_equal(s.count, count);
    for (uint32_t i = 0; i < count; i++) {
        const char *end = strstr(s.bodies[i].p, "+0000\r\n");
        assert_non_null(end);
        if (strcmp(end + 7, r->texts[i]) != 0)
            print_error("%s, read by %zu\n", r->name, read_size);
        assert_string_equal(end + 7, r->texts[i]);
    }
    assert_int_equal(s.aborted, r->aborted);
    assert_int_equal(s.begun, s.ended + s.aborted); // (V4)
    session_close(&s);
    buf_close(&codes);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t read_size = 0; read_size <= 64; read_size++)
            run_row(&rows[i], read_size);
}

static void open_session(struct session *s)
{
    session_init(s);
    session_open(s);
    session_say(s, "EHLO c.example\r\n" TO_ONE);
    buf_reset(&s->trace);
}

// Longer than a chunk of the spool, in pieces that end before it, with it and behind it; and with
// the line end that a message lacks where there is no room left for it.
static void test_long(void **state)
{
    (void)state;
    static char text[3 * MESSAGE_CHUNK_MAX];
    memset(text, 'x', sizeof text);
    memcpy(text, "a: b\r\n\r\n", 8);
    for (size_t i = 100; i + 2 < sizeof text; i += 100)
        memcpy(text + i, "\r\n", 2);
    for (size_t size = 2 * MESSAGE_CHUNK_MAX - 200; size <= 2 * MESSAGE_CHUNK_MAX + 5; size++) {
        struct session s;
        char bdat[40];
        open_session(&s);
        s.settings.message_size_max = 0;
        snprintf(bdat, sizeof bdat, "BDAT %d\r\n", 1000);
        session_say(&s, bdat);
        session_send(&s, slice_of(text, 1000));
        snprintf(bdat, sizeof bdat, "BDAT %zu LAST\r\n", size - 1000);
        session_say(&s, bdat);
        session_send(&s, slice_of(text + 1000, size - 1000));
        assert_int_equal(s.count, 1);
        const struct buf *body = &s.bodies[0];
        const char *end = strstr(body->p, "+0000\r\n") + 7;
        assert_memory_equal(end, text, size);
        size_t rest = body->n - (size_t)(end - body->p) - size;
        bool is_complete = text[size - 1] == '\n';
        assert_int_equal(rest, is_complete ? 0 : text[size - 1] == '\r' ? 1 : 2);
        session_close(&s);
    }
}

static void test_too_big(void **state)
{
    (void)state;
    struct session s;
    session_init(&s);
    s.settings.message_size_max = 20;
    session_open(&s);
    session_say(&s, "EHLO c.example\r\n" TO_ONE);
    buf_reset(&s.trace);
    session_say(
        &s, "BDAT 12\r\na: b\r\n\r\nNOO\nBDAT 10\r\nP\r\nNOOP\r\n.BDAT 6 LAST\r\nNOOP\r\n" TO_ONE
            "BDAT 8 LAST\r\na: b\r\n\r\n");
    struct buf codes;
    buf_init(&codes, 1000);
    codes_of(&s, &codes);
    assert_string_equal(codes.p, "250 552 503 250 250 250");
    assert_int_equal(s.count, 1);
    assert_int_equal(s.aborted, 1);
    buf_close(&codes);
    session_close(&s);
}

// The spool is full: in the middle, and at the end.
static void test_not_stored(void **state)
{
    (void)state;
    struct session s;
    open_session(&s);
    s.store_err = FP_FULL;
    session_say(&s, "BDAT 6\r\nNOOP\r\nBDAT 6 LAST\r\nNOOP\r\n");
    assert_non_null(strstr(s.trace.p, "452 4.3.1 No room in the spool"));
    assert_int_equal(s.count, 0);
    session_close(&s);
    open_session(&s);
    s.begin_verdict = VERDICT_BUSY;
    session_say(&s, "BDAT 6\r\nNOOP\r\nBDAT 6 LAST\r\nNOOP\r\n");
    assert_non_null(strstr(s.trace.p, "452 4.3.1 Too much mail"));
    assert_non_null(strstr(s.trace.p, "503 5.5.1 MAIL first"));
    assert_int_equal(s.begun, 0);
    session_close(&s);
}

// The client goes away, or the daemon ends, between two pieces.
static void test_cut_short(void **state)
{
    (void)state;
    static const enum server_event_kind ends[] = {SERVER_EOF, SERVER_SHUTDOWN, SERVER_TIMER};
    for (size_t i = 0; i < 3; i++) {
        struct session s;
        open_session(&s);
        session_say(&s, "BDAT 6\r\na: b\r\n");
        s.now_ms += 3600 * 1000;
        session_event(&s, ends[i]);
        assert_true(s.is_closed);
        assert_int_equal(s.aborted, 1);
        session_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_long),
        cmocka_unit_test(test_too_big),   cmocka_unit_test(test_not_stored),
        cmocka_unit_test(test_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
