// SPDX-License-Identifier: BSD-2-Clause
// What MAIL asks of a message's way: SMTPUTF8 (RFC 6531), with international domains, which hosts
// get as A-labels; DELIVERBY (RFC 2852), REQUIRETLS (RFC 8689).
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
    session_say(s, "EHLO here\r\n");
    buf_reset(&s->trace);
}

#define BAD_SENDER "S- 501 5.1.7 Bad sender address\n"
#define MAIL       "MAIL FROM:<al@a.example>\r\n"
#define UTF8_MAIL  "MAIL FROM:<al@a.example> SMTPUTF8\r\n"
#define NEEDS      "S: 553 5.6.7 This recipient needs SMTPUTF8, which MAIL did not say\n"
#define NEEDED     "S- 553 5.6.7 This sender needs the parameter SMTPUTF8\n"

struct row {
    const char *name;
    bool is_local;
    const char *say, *want;
};

// clang-format off
static const struct row rows[] = {
    {"a domain from here", true, MAIL "RCPT TO:<b@BÜCHER.example>\r\n",
     "ask b@xn--bcher-kva.example\nS- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n"},
    {"that is no UTF-8", true, MAIL "RCPT TO:<b@\xff.example>\r\n",
     "S- 250 2.1.0 Ok\nS: 501 5.1.3 Bad recipient address\n"},
    {"that is no name", true, MAIL "RCPT TO:<b@-ü.example>\r\n",
     "S- 250 2.1.0 Ok\nS: 501 5.1.3 Bad recipient address\n"},
    {"that hides an at sign", true, MAIL "RCPT TO:<b@a＠b.exämple>\r\n",
     "S- 250 2.1.0 Ok\nS: 501 5.1.3 Bad recipient address: its domain is no international name "
     "(IDNA)\n"},
    {"a local part from here", true, MAIL "RCPT TO:<bärbel@müller.example>\r\n",
     "S- 250 2.1.0 Ok\n" NEEDS},
    {"a sender from here", true, "MAIL FROM:<al@müller.example>\r\n", "S- 250 2.1.0 Ok\n"},
    {"a user of this host", true, "MAIL FROM:<jürgen> SMTPUTF8\r\n", "S- 250 2.1.0 Ok\n"},
    {"a domain from the network", false, MAIL "RCPT TO:<b@bücher.example>\r\n",
     "S- 250 2.1.0 Ok\n" NEEDS},
    {"with SMTPUTF8", false, UTF8_MAIL "RCPT TO:<b@bücher.example>\r\n",
     "ask b@xn--bcher-kva.example\nS- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n"},
    {"a sender", false, "MAIL FROM:<ä@c.example>\r\n", NEEDED},
    {"a sender's domain", false, "MAIL FROM:<a@ä.example> SIZE=1\r\n", NEEDED},
    {"latin 1", false, "MAIL FROM:<\xe4@c.example> SMTPUTF8\r\n", BAD_SENDER},
    {"a control", false, "MAIL FROM:<\xc2\x85@c.example> SMTPUTF8\r\n", BAD_SENDER},
    {"no name by IDNA", false, "MAIL FROM:<a@ä-.example> SMTPUTF8\r\n", BAD_SENDER},
    {"a sender with SMTPUTF8", false, "MAIL FROM:<ä@ä.example> smtputf8\r\n", "S- 250 2.1.0 Ok\n"},
    {"with a value", false, "MAIL FROM:<a@c.example> SMTPUTF8=1\r\n",
     "S- 501 5.5.4 This parameter takes no value\n"},
    {"twice", false, "MAIL FROM:<a@c.example> SMTPUTF8 SMTPUTF8\r\n",
     "S- 501 5.5.4 A parameter is given twice\n"},
    {"of a recipient", false, MAIL "RCPT TO:<b@b.example> SMTPUTF8\r\n",
     "S- 250 2.1.0 Ok\nS: 555 5.5.4 This parameter is not known here\n"},
    {"both forms of a domain are one", false,
     UTF8_MAIL "RCPT TO:<ö@Bö.example>\r\nRCPT TO:<ö@xn--b-1ga.example>\r\n",
     "ask ö@xn--b-1ga.example\nS- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 250 2.1.5 Ok\n"},
    {"ORCPT", false, UTF8_MAIL "RCPT TO:<b@b.example> ORCPT=utf-8;ö@b.example\r\n",
     "ask b@b.example\nS- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n"},
    {"ORCPT of another type", false, UTF8_MAIL "RCPT TO:<b@b.example> ORCPT=rfc822;ö@b\r\n",
     "S- 250 2.1.0 Ok\nS: 501 5.5.4 ORCPT is not TYPE;ADDRESS in xtext, at most 500 octets\n"},
    {"BY", false, "MAIL FROM:<a@c.example> BY=120;R\r\n", "S- 250 2.1.0 Ok\n"},
    {"BY without time", false, "MAIL FROM:<a@c.example> BY=0;R\r\n",
     "S- 501 5.5.4 BY is SECONDS;R or SECONDS;N, with a T behind it for a trace; R needs time\n"},
    {"REQUIRETLS in clear", false, "MAIL FROM:<a@c.example> REQUIRETLS\r\n",
     "S- 530 5.7.10 REQUIRETLS needs TLS, which is not offered here\n"},
    {"REQUIRETLS from here", true, "MAIL FROM:<a@c.example> REQUIRETLS\r\n", "S- 250 2.1.0 Ok\n"},
    {"REQUIRETLS with a value", true, "MAIL FROM:<a@c.example> REQUIRETLS=1\r\n",
     "S- 501 5.5.4 This parameter takes no value\n"},
    {"ENVID", false, "MAIL FROM:<> SMTPUTF8 ENVID=ö\r\n",
     "S- 501 5.5.4 ENVID is no xtext of at most 100 octets\n"},
};
// clang-format on

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct session s;
        open_session(&s, rows[i].is_local);
        session_say(&s, rows[i].say);
        if (strcmp(s.trace.p, rows[i].want) != 0)
            print_error("%s\n", rows[i].name);
        assert_string_equal(s.trace.p, rows[i].want);
        session_close(&s);
    }
}

static void test_entries(void **state)
{
    (void)state;
    struct session s;
    open_session(&s, false);
    session_say(&s,
                "MAIL FROM:<ä@ä.example> SMTPUTF8\r\n"
                "RCPT TO:<ö@b.example> ORCPT=utf-8;ö@b\r\nDATA\r\na: b\r\n\r\nä\r\n.\r\n" UTF8_MAIL
                "RCPT TO:<b@b.example>\r\nDATA\r\na: b\r\nc: ä\r\n\r\n.\r\n" MAIL
                "RCPT TO:<b@b.example>\r\nDATA\r\na: ä\r\n\r\n.\r\n");
    assert_int_equal(s.count, 3);
    const struct entry *e = s.entries[0];
    assert_int_equal(e->message.traits, MESSAGE_UTF8);
    assert_string_equal(e->message.sender, "ä@xn--4ca.example");
    assert_string_equal(e->rcpts[0].orcpt, "utf-8;\\x{F6}@b");
    assert_non_null(strstr(buf_slice(&s.bodies[0]).p, " with UTF8SMTP id "));
    assert_null(strstr(buf_slice(&s.bodies[0]).p, "\r\n\tfor ")); // the header stays ASCII
    assert_int_equal(s.entries[1]->message.traits, MESSAGE_UTF8 | MESSAGE_UTF8_HEADER);
    assert_int_equal(s.entries[2]->message.traits, 0); // nobody said that it is UTF-8
    session_close(&s);
}

// RFC 2852
static void test_deliver_by(void **state)
{
    (void)state;
    struct session s;
    open_session(&s, false);
    session_say(&s, "MAIL FROM:<a@c.example> BY=120;RT\r\nRCPT TO:<b@b.example>\r\nDATA\r\n.\r\n"
                    "MAIL FROM:<a@c.example> BY=-5;N\r\nRCPT TO:<b@b.example>\r\nDATA\r\n.\r\n" MAIL
                    "RCPT TO:<b@b.example>\r\nDATA\r\n.\r\n");
    assert_int_equal(s.count, 3);
    const struct message *m[] = {&s.entries[0]->message, &s.entries[1]->message,
                                 &s.entries[2]->message};
    assert_int_equal(m[0]->traits, MESSAGE_BY_RETURN | MESSAGE_BY_TRACE);
    assert_int_equal(m[0]->deliver_by_ms, s.now_ms + 120 * 1000);
    assert_int_equal(m[1]->traits, 0);
    assert_int_equal(m[1]->deliver_by_ms, s.now_ms - 5 * 1000);
    assert_int_equal(m[2]->deliver_by_ms, 0);
    session_close(&s);
}

// RFC 8689
static void test_tls(void **state)
{
    (void)state;
    struct session s;
    open_session(&s, true);
    session_say(&s, "EHLO x\r\n");
    assert_non_null(strstr(s.trace.p, "250-REQUIRETLS\n"));
    session_say(&s, "MAIL FROM:<a@c.example> REQUIRETLS\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"
                    "tls-required: no\r\n\r\n.\r\n" MAIL
                    "RCPT TO:<b@b.example>\r\nDATA\r\nTLS-Required: No\r\n\r\n.\r\n" MAIL
                    "RCPT TO:<b@b.example>\r\nDATA\r\nTLS-Required: Yes\r\n\r\n.\r\n" MAIL
                    "RCPT TO:<b@b.example>\r\nDATA\r\na: b\r\n\r\nTLS-Required: No\r\n.\r\n");
    assert_int_equal(s.count, 4);
    static const uint8_t want[] = {MESSAGE_REQUIRE_TLS, MESSAGE_TLS_OPTIONAL, 0, 0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(s.entries[i]->message.traits, want[i]);
    session_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_entries),
                                       cmocka_unit_test(test_deliver_by),
                                       cmocka_unit_test(test_tls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
