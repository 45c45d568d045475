// SPDX-License-Identifier: BSD-2-Clause
// A client that sends everything at once (V7): one group of replies, and an end at the first
// refusal.
#include "session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void open_at_once(struct session *s)
{
    session_init(s);
    s->peer = (struct server_peer){.ip = "",
                                   .is_trusted = true,
                                   .is_local = true,
                                   .sends_at_once = true,
                                   .uid = 1000,
                                   .user_name = "al"};
    s->server = server_new(&s->settings, &s->peer, s->now_ms);
}

// Text that would do harm as commands.
#define ENVELOPE "MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n"
#define TEXT                                                                                       \
    "MAIL FROM:<evil@e.example>\r\nRCPT TO:<e@e.example>\r\nDATA\r\nx: "                           \
    "y\r\n\r\nz\r\n.\r\nQUIT\r\n"

static void test_one_group_of_replies(void **state)
{
    struct session s;
    (void)state;
    open_at_once(&s);
    session_say(&s, ENVELOPE "DATA\r\na: b\r\n\r\nx\r\n.\r\nQUIT\r\n");
    assert_string_equal(s.trace.p, "ask b@b.example\nbegin\n"
                                   "end A1 from=<a@a.example> to=b@b.example\n"
                                   "S- 220 mx.local.example ESMTP Fermoposta\n"
                                   "S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n"
                                   "S: 354 End data with <CR><LF>.<CR><LF>\n"
                                   "S: 250 2.0.0 Ok: queued as 0000000000A1\n"
                                   "S: 221 2.0.0 Bye\nclose\n");
    session_close(&s);
}

// Whoever waits for the banner gets it.
static void test_banner_without_commands(void **state)
{
    struct session s;
    (void)state;
    open_at_once(&s);
    session_settle(&s);
    assert_string_equal(s.trace.p, "S- 220 mx.local.example ESMTP Fermoposta\n");
    session_close(&s);
}

struct row {
    const char *name, *say, *last; // the last reply
};

static const struct row rows[] = {
    {"no command", "HELLO\r\n" TEXT, "500 5.5.2 Unknown command"},
    {"bad sender", "MAIL FROM:<a@@b>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n" TEXT, "501 "},
    {"relay denied", "MAIL FROM:<a@a.example>\r\nRCPT TO:<b@denied.example>\r\nDATA\r\n" TEXT,
     "554 "},
    {"unknown",
     "MAIL FROM:<a@a.example>\r\nRCPT TO:<nosuch@b.example>\r\nRCPT TO:<b@b.example>\r\n"
     "DATA\r\n" TEXT,
     "550 "},
    {"unknown, behind a good one", ENVELOPE "RCPT TO:<nosuch@b.example>\r\nDATA\r\n" TEXT, "550 "},
    {"for now", ENVELOPE "RCPT TO:<b@busy.example>\r\nDATA\r\n" TEXT, "45"},
    {"no recipient", "MAIL FROM:<a@a.example>\r\nDATA\r\n" TEXT, "503 "},
};

static const char *last_reply(const struct session *s)
{
    const char *last = "", *line = s->trace.p;
    for (; *line; line = strchr(line, '\n') + 1)
        if (*line == 'S')
            last = line + strlen("S: ");
    return last;
}

static void test_first_refusal_ends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t read_size = 0; read_size < 20; read_size++) {
            struct session s;
            open_at_once(&s);
            s.read_size = read_size;
            session_say(&s, rows[i].say);
            const char *said = last_reply(&s);
            if (strncmp(said, rows[i].last, strlen(rows[i].last)) || !s.is_closed)
                print_message("in \"%s\", reads of %zu:\n%s", rows[i].name, read_size, s.trace.p);
            assert_memory_equal(said, rows[i].last, strlen(rows[i].last));
            assert_true(s.is_closed);
            assert_int_equal(s.begun, 0);
            assert_int_equal(s.count, 0);
            session_close(&s);
        }
}

static void test_text_refused(void **state)
{
    struct session s;
    (void)state;
    open_at_once(&s);
    s.begin_verdict = VERDICT_BUSY;
    session_say(&s, ENVELOPE "DATA\r\n" TEXT);
    assert_non_null(strstr(s.trace.p, "S: 452 4.3.1"));
    assert_null(strstr(s.trace.p, "e@e.example"));
    assert_true(s.is_closed);
    session_close(&s);

    open_at_once(&s);
    s.settings.message_size_max = 10;
    server_free(s.server);
    s.server = server_new(&s.settings, &s.peer, s.now_ms);
    session_say(&s,
                ENVELOPE "DATA\r\na: b\r\n\r\nmore than that\r\n.\r\nMAIL FROM:<x@x.example>\r\n");
    assert_non_null(strstr(s.trace.p, "S: 552 5.3.4"));
    assert_int_equal(s.aborted, 1);
    assert_true(s.is_closed);
    session_close(&s);
}

// Text may pause for hours, commands may not.
static void test_pauses(void **state)
{
    struct session s;
    (void)state;
    open_at_once(&s);
    session_say(&s, ENVELOPE);
    assert_int_equal(server_deadline(s.server), s.now_ms + s.settings.command_ms);
    session_say(&s, "DATA\r\na: b\r\n\r\n");
    for (int hours = 0; hours < 100; hours += 23) {
        s.now_ms += 23 * 60 * 60 * 1000;
        session_event(&s, SERVER_TIMER);
        session_say(&s, "a line\r\n");
        for (int i = 0; i < 1024; i++) // many small ones are as good as a large one
            session_say(&s, "more\r\n");
    }
    session_say(&s, ".\r\n");
    assert_int_equal(s.count, 1);
    assert_false(s.is_closed);
    session_close(&s);
}

static void test_shutdown(void **state)
{
    struct session s;
    (void)state;
    open_at_once(&s);
    session_event(&s, SERVER_SHUTDOWN);
    assert_non_null(strstr(s.trace.p, "421 4.3.2"));
    assert_true(s.is_closed);
    session_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_group_of_replies),
        cmocka_unit_test(test_banner_without_commands),
        cmocka_unit_test(test_first_refusal_ends_it),
        cmocka_unit_test(test_text_refused),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
