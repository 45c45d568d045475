// SPDX-License-Identifier: BSD-2-Clause
// Addresses with international domains from users of this machine: hosts get them as A-labels.
#include "session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void open_session(struct session *s, bool is_local)
{
    session_init(s);
    s->peer = (struct server_peer){
        .ip = is_local ? "" : "192.0.2.7", .is_trusted = true, .is_local = is_local, .uid = 1000};
    s->peer.user_name = "al";
    s->server = server_new(&s->settings, &s->peer, s->now_ms);
    session_settle(s);
    session_say(s, "EHLO here\r\nMAIL FROM:<al@a.example>\r\n");
    buf_reset(&s->trace);
}

struct row {
    bool is_local;
    const char *say, *want;
};

static const struct row rows[] = {
    {true, "RCPT TO:<b@BÜCHER.example>\r\n", "ask b@xn--bcher-kva.example\nS- 250 2.1.5 Ok\n"},
    {true, "RCPT TO:<b@\xff.example>\r\n", "S- 501 5.1.3 Bad recipient address\n"},
    {true, "RCPT TO:<b@-ü.example>\r\n", "S- 501 5.1.3 Bad recipient address\n"},
    {true, "RCPT TO:<bärbel@müller.example>\r\n", "S- 501 5.1.3 Bad recipient address\n"},
    {true, "RSET\r\nMAIL FROM:<al@müller.example>\r\n", "S- 250 2.0.0 Ok\nS: 250 2.1.0 Ok\n"},
    // On the network that takes SMTPUTF8 (RFC 6531 3.4).
    {false, "RCPT TO:<b@bücher.example>\r\n", "S- 501 5.1.3 Bad recipient address\n"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct session s;
        open_session(&s, rows[i].is_local);
        session_say(&s, rows[i].say);
        assert_string_equal(s.trace.p, rows[i].want);
        session_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
