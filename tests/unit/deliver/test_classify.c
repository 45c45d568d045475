// SPDX-License-Identifier: BSD-2-Clause
// What replies, broken connections and names become; what EHLO replies and wording say.
#include "core/must.h"
#include "deliver/classify.h"
#include "deliver/classify_text.h"
#include "deliver/ehlo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct hop hop = {"mx.d.example", "192.0.2.1", 25};

static struct reply_parser parse(const char *wire)
{
    struct reply_parser p;
    reply_init(&p);
    reply_feed(&p, slice_str(wire));
    must(reply_is_complete(&p));
    return p;
}

#define D OUTCOME_DELIVERED
#define T OUTCOME_DEFERRED
#define F OUTCOME_FAILED

static const struct {
    enum outcome_stage stage;
    const char *wire;
    enum outcome_result result;
    enum outcome_scope scope;
    enum outcome_class klass;
    const char *status, *text;
} rows[] = {
    {STAGE_DOT, "250 2.0.0 Ok\r\n", D, SCOPE_NONE, CLASS_NONE, "2.0.0", "250 2.0.0 Ok"},
    {STAGE_DOT, "250 ok\r\n", D, SCOPE_NONE, CLASS_NONE, "2.0.0", "250 ok"},
    {STAGE_DATA, "354 go\r\n", D, SCOPE_NONE, CLASS_NONE, "2.0.0", "354 go"},
    {STAGE_RCPT, "550 5.1.1 user unknown\r\n", F, SCOPE_RECIPIENT, CLASS_REFUSED, "5.1.1",
     "550 5.1.1 user unknown"},
    {STAGE_RCPT, "550 no\r\n", F, SCOPE_RECIPIENT, CLASS_REFUSED, "5.0.0", "550 no"},
    {STAGE_RCPT, "550 4.1.1 mixed\r\n", F, SCOPE_RECIPIENT, CLASS_REFUSED, "5.0.0", NULL},
    {STAGE_RCPT, "450 5.1.1 mixed\r\n", T, SCOPE_RECIPIENT, CLASS_GREYLIST, "4.0.0", NULL},
    {STAGE_RCPT, "550 5.7.509 dmarc\r\n", F, SCOPE_RECIPIENT, CLASS_REFUSED, "5.7.509", NULL},
    {STAGE_RCPT, "450 4.2.0 Greylisted\r\n", T, SCOPE_RECIPIENT, CLASS_GREYLIST, "4.2.0", NULL},
    {STAGE_RCPT, "451 4.7.1 later\r\n", T, SCOPE_RECIPIENT, CLASS_GREYLIST, "4.7.1", NULL},
    {STAGE_RCPT, "452 4.2.2 full\r\n", T, SCOPE_RECIPIENT, CLASS_MAILBOX_FULL, "4.2.2", NULL},
    {STAGE_RCPT, "452 no room\r\n", T, SCOPE_RECIPIENT, CLASS_MAILBOX_FULL, "4.0.0", NULL},
    {STAGE_RCPT, "450 user is OVER QUOTA\r\n", T, SCOPE_RECIPIENT, CLASS_MAILBOX_FULL, "4.0.0",
     NULL},
    {STAGE_RCPT, "452 4.5.3 too many recipients\r\n", T, SCOPE_RECIPIENT, CLASS_RATE, "4.5.3",
     NULL},
    {STAGE_RCPT, "450 4.7.1 rate limit exceeded\r\n", T, SCOPE_RECIPIENT, CLASS_RATE, "4.7.1",
     NULL},
    {STAGE_RCPT, "552 too many recipients\r\n", T, SCOPE_RECIPIENT, CLASS_RATE, "4.0.0", NULL},
    {STAGE_RCPT, "552 5.5.3 enough\r\n", T, SCOPE_RECIPIENT, CLASS_RATE, "4.5.3", NULL},
    {STAGE_RCPT, "552 full\r\n", T, SCOPE_RECIPIENT, CLASS_MAILBOX_FULL, "4.0.0", NULL},
    {STAGE_RCPT, "552 5.2.2 over quota\r\n", F, SCOPE_RECIPIENT, CLASS_REFUSED, "5.2.2", NULL},
    {STAGE_DOT, "552 5.3.4 too big\r\n", F, SCOPE_MESSAGE, CLASS_REFUSED, "5.3.4", NULL},
    {STAGE_MAIL, "451 busy\r\n", T, SCOPE_MESSAGE, CLASS_MESSAGE, "4.0.0", NULL},
    {STAGE_MAIL, "452 4.3.2 Connection rate limit exceeded.\r\n", T, SCOPE_MESSAGE, CLASS_RATE,
     "4.3.2", NULL},
    {STAGE_MAIL, "450 4.7.1 greylisted\r\n", T, SCOPE_MESSAGE, CLASS_GREYLIST, "4.7.1", NULL},
    {STAGE_MAIL, "550 no\r\n", F, SCOPE_MESSAGE, CLASS_REFUSED, "5.0.0", NULL},
    {STAGE_DATA, "554 no\r\n", F, SCOPE_MESSAGE, CLASS_REFUSED, "5.0.0", NULL},
    {STAGE_DOT, "451 4.3.0 later\r\n", T, SCOPE_MESSAGE, CLASS_MESSAGE, "4.3.0", NULL},
    {STAGE_BODY, "552 5.3.4 early\r\n", T, SCOPE_MESSAGE, CLASS_MESSAGE, "4.3.4", NULL},
    {STAGE_RCPT, "421 bye\r\n", T, SCOPE_HOST, CLASS_HOST, "4.0.0", NULL},
    {STAGE_DOT, "421 4.7.0 unexpected volume\r\n", T, SCOPE_HOST, CLASS_RATE, "4.7.0", NULL},
    {STAGE_GREETING, "554 5.7.1 blocked\r\n", T, SCOPE_HOST, CLASS_HOST, "4.7.1",
     "554 5.7.1 blocked"},
    {STAGE_GREETING, "521 no mail\r\n", T, SCOPE_HOST, CLASS_HOST, "4.0.0", NULL},
    {STAGE_GREETING, "421 too many connections\r\n", T, SCOPE_HOST, CLASS_RATE, "4.0.0", NULL},
    {STAGE_EHLO, "550 banned\r\n", T, SCOPE_HOST, CLASS_HOST, "4.0.0", NULL},
    {STAGE_RCPT, "550-5.7.1 one\r\n550-5.7.1  two\r\n550 5.7.1 three\r\n", F, SCOPE_RECIPIENT,
     CLASS_REFUSED, "5.7.1", "550 5.7.1 one two three"},
    {STAGE_RCPT, "550-a\r\n550-\r\n550 b\r\n", F, SCOPE_RECIPIENT, CLASS_REFUSED, "5.0.0",
     "550 a b"},
    {STAGE_RCPT, "550\r\n", F, SCOPE_RECIPIENT, CLASS_REFUSED, "5.0.0", "550"},
};

static void test_replies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reply_parser p = parse(rows[i].wire);
        struct outcome o;
        memset(&o, 0xA5, sizeof o); // nothing may depend on what was there before
        classify_reply(rows[i].stage, &p, &hop, &o);
        if (o.result != rows[i].result || o.scope != rows[i].scope || o.klass != rows[i].klass)
            print_error("%s", rows[i].wire);
        assert_int_equal(o.result, rows[i].result);
        assert_int_equal(o.scope, rows[i].scope);
        assert_string_equal(outcome_class_name(o.klass), outcome_class_name(rows[i].klass));
        assert_string_equal(o.status, rows[i].status);
        if (rows[i].text)
            assert_string_equal(o.text, rows[i].text);
        assert_true(o.has_reply && !o.in_doubt);
        assert_string_equal(o.host, "mx.d.example");
        assert_string_equal(o.ip, "192.0.2.1");
        assert_int_equal(o.port, 25);
    }
}

// What a relay of ours says of us, by stage and words; the same reply of a host that the DNS named
// never is our doing.
static const struct relay_row {
    enum outcome_stage stage;
    const char *wire;
    enum outcome_blocked blocked;
    enum outcome_class klass; // of what is blocked
} relay_rows[] = {
    {STAGE_GREETING, "554 5.7.1 no\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_GREETING, "554 no SMTP service here\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_GREETING, "521 no\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_GREETING, "421 4.7.0 your IP is listed\r\n", BLOCKED_NOT, 0},
    {STAGE_GREETING, "450 later\r\n", BLOCKED_NOT, 0},
    {STAGE_EHLO, "550 5.7.1 I do not like your name\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_EHLO, "502 what\r\n", BLOCKED_NOT, 0},
    {STAGE_EHLO, "504 5.5.2 <x>: Helo command rejected\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_STARTTLS, "502 5.5.1 not here\r\n", BLOCKED_TLS, CLASS_TLS},
    {STAGE_STARTTLS, "454 4.7.0 TLS not available\r\n", BLOCKED_NOT, 0},
    {STAGE_AUTH, "535 5.7.8 bad credentials\r\n", BLOCKED_CREDENTIALS, CLASS_AUTH},
    {STAGE_AUTH, "534 5.7.9 too weak\r\n", BLOCKED_CREDENTIALS, CLASS_AUTH},
    {STAGE_AUTH, "538 5.7.11 encryption required\r\n", BLOCKED_TLS, CLASS_TLS},
    {STAGE_AUTH, "550 account disabled\r\n", BLOCKED_CREDENTIALS, CLASS_AUTH},
    {STAGE_AUTH, "454 4.7.0 temporary failure\r\n", BLOCKED_NOT, 0},
    {STAGE_MAIL, "530 5.7.0 Authentication required\r\n", BLOCKED_CREDENTIALS, CLASS_AUTH},
    {STAGE_MAIL, "530 5.7.0 Must issue a STARTTLS command first\r\n", BLOCKED_TLS, CLASS_TLS},
    {STAGE_MAIL, "554 go away\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_MAIL, "550 5.7.1 not for you\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_MAIL,
     "550 5.7.1 Invalid credentials for relay [192.0.2.9]. The IP address does not match "
     "the domain of the account\r\n",
     BLOCKED_RELAY, CLASS_HOST},
    // about the sender's address, which is the mail's
    {STAGE_MAIL, "553 5.7.1 <a@x>: Sender address rejected: not owned by user\r\n", BLOCKED_NOT, 0},
    {STAGE_MAIL, "550 5.7.60 Client does not have permissions to send as this sender\r\n",
     BLOCKED_NOT, 0},
    {STAGE_MAIL, "554 5.1.8 bad address\r\n", BLOCKED_NOT, 0},
    {STAGE_MAIL, "550 no\r\n", BLOCKED_NOT, 0},
    {STAGE_RCPT, "554 5.7.1 <b@y>: Relay access denied\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_RCPT, "454 4.7.1 <b@y>: Relay access denied\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_RCPT, "550 relay not permitted\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_RCPT, "550 5.7.1 Unable to relay\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_RCPT, "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using x\r\n",
     BLOCKED_RELAY, CLASS_HOST},
    {STAGE_RCPT, "503 5.5.1 AUTH first\r\n", BLOCKED_RELAY, CLASS_HOST},
    {STAGE_RCPT, "553 5.7.1 <a@x>: Sender address rejected: not logged in\r\n", BLOCKED_RELAY,
     CLASS_HOST},
    {STAGE_RCPT, "550 Rejected because 192.0.2.9 is in a black list at bl.example\r\n",
     BLOCKED_RELAY, CLASS_HOST},
    {STAGE_RCPT, "550 5.7.1 <b@y>: Recipient address rejected: Access denied\r\n", BLOCKED_NOT, 0},
    {STAGE_RCPT, "550 5.1.1 unknown\r\n", BLOCKED_NOT, 0},
    {STAGE_RCPT, "450 4.7.1 greylisted, your IP is new\r\n", BLOCKED_NOT, 0},
    {STAGE_RCPT, "421 4.7.1 relay access denied\r\n", BLOCKED_NOT, 0},
    {STAGE_DATA, "530 5.7.0 Authentication required\r\n", BLOCKED_CREDENTIALS, CLASS_AUTH},
    {STAGE_DOT, "554 5.7.1 relay access denied\r\n", BLOCKED_NOT, 0}, // it had taken recipients
    {STAGE_DOT, "554 5.7.1 spam\r\n", BLOCKED_NOT, 0},
};

static void check_relay(const struct relay_row *row, bool is_relay)
{
    const struct hop named = {"relay.example", "192.0.2.5", 25, .is_relay = is_relay};
    struct reply_parser p = parse(row->wire);
    struct outcome o;
    memset(&o, 0xA5, sizeof o);
    classify_reply(row->stage, &p, &named, &o);
    bool is_ours = is_relay && row->blocked;
    if (o.blocked != (is_ours ? row->blocked : BLOCKED_NOT))
        print_error("%s", row->wire);
    assert_int_equal(o.blocked, is_ours ? row->blocked : BLOCKED_NOT);
    assert_int_equal(o.scope == SCOPE_LOCAL, is_ours);
    assert_true(o.has_reply);
    if (!is_ours)
        return;
    assert_int_equal(o.result, OUTCOME_DEFERRED);
    assert_int_equal(o.klass, row->klass);
    assert_int_equal(o.status[0], '4');
}

static void test_relays(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof relay_rows / sizeof relay_rows[0]; i++) {
        check_relay(&relay_rows[i], true);
        check_relay(&relay_rows[i], false);
    }
}

static void test_what_is_ours(void **state)
{
    (void)state;
    static const struct {
        enum outcome_blocked blocked;
        const char *says;
    } want[] = {
        {BLOCKED_RESOLVER, "blocked here: no name server answers: "},
        {BLOCKED_NETWORK, "blocked here: no network: connect to mx.d.example[192.0.2.1]:25: "},
        {BLOCKED_SHORTAGE, "blocked here: too few descriptors or too little memory: connect to "},
        {BLOCKED_TLS, "blocked here: TLS cannot be had as configured: no key"},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct outcome o;
        if (want[i].blocked == BLOCKED_RESOLVER)
            classify_dns(DNS_NO_RESOLVER, "d.example", &o);
        else if (want[i].blocked == BLOCKED_TLS)
            classify_tls_set_up("no key", &hop, &o);
        else
            classify_fault(STAGE_CONNECT,
                           want[i].blocked == BLOCKED_NETWORK ? FAULT_NO_NETWORK : FAULT_SHORTAGE,
                           "", &hop, &o);
        struct buf text;
        buf_init(&text, 4096);
        outcome_describe(&o, &text);
        assert_int_equal(o.blocked, want[i].blocked);
        assert_int_equal(o.scope, SCOPE_LOCAL);
        assert_int_equal(o.result, OUTCOME_DEFERRED);
        assert_int_equal(strncmp(text.p, want[i].says, strlen(want[i].says)), 0);
        buf_close(&text);
    }
}

// What is no proper answer never decides for good, at no stage, and is in doubt behind the dot.
static void test_no_answer_never_fails(void **state)
{
    (void)state;
    static const char *const wires[] = {
        "600 x\r\n",  "199 x\r\n", "hello\r\n", "550-a\r\n450 b\r\n",
        "5500 x\r\n", "\r\n",      "12 x\r\n"};
    for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++)
        for (int stage = STAGE_GREETING; stage <= STAGE_DOT; stage++) {
            struct reply_parser p = parse(wires[i]);
            struct outcome o;
            classify_reply((enum outcome_stage)stage, &p, &hop, &o);
            assert_int_equal(o.result, OUTCOME_DEFERRED);
            assert_false(o.has_reply);
            assert_int_equal(o.in_doubt, stage == STAGE_DOT);
            assert_int_equal(o.status[0], '4');
        }
}

static void test_faults(void **state)
{
    (void)state;
    for (int stage = STAGE_CONNECT; stage <= STAGE_DOT; stage++)
        for (int fault = FAULT_REFUSED; fault <= FAULT_OTHER; fault++) {
            struct outcome o;
            memset(&o, 0xA5, sizeof o);
            classify_fault((enum outcome_stage)stage, (enum deliver_fault)fault, "", &hop, &o);
            assert_int_equal(o.result, OUTCOME_DEFERRED);
            assert_int_equal(o.in_doubt, stage == STAGE_DOT);
            assert_int_equal(o.scope, stage >= STAGE_BODY ? SCOPE_MESSAGE : SCOPE_HOST);
            assert_false(o.has_reply);
            assert_true(strlen(o.text) > 0 && o.status[0] == '4');
        }
    struct outcome o;
    classify_fault(STAGE_CONNECT, FAULT_REFUSED, "", &hop, &o);
    assert_string_equal(o.text, "connect to mx.d.example[192.0.2.1]:25: Connection refused");
    classify_fault(STAGE_CONNECT, FAULT_OTHER, "No route to host", &hop, &o);
    assert_string_equal(o.text, "connect to mx.d.example[192.0.2.1]:25: No route to host");
    classify_fault(STAGE_CONNECT, FAULT_SHORTAGE, "", &hop, &o); // ours, and no host's
    assert_int_equal(o.scope, SCOPE_LOCAL);
    assert_string_equal(o.status, "4.3.0");
    classify_fault(STAGE_RCPT, FAULT_CLOSED, NULL, &hop, &o);
    assert_string_equal(o.text,
                        "lost connection with mx.d.example[192.0.2.1] while sending RCPT TO");
    classify_fault(STAGE_DOT, FAULT_RESET, "", &hop, &o);
    assert_string_equal(o.status, "4.4.2");
    assert_non_null(strstr(o.text, "may have been delivered"));
}

static void test_commands(void **state)
{
    (void)state;
    struct reply_parser p = parse("550 5.1.1 no\r\n");
    struct outcome o;
    classify_reply(STAGE_RCPT, &p, &hop, &o);
    assert_string_equal(o.command, "RCPT TO");
    classify_reply(STAGE_DOT, &p, &hop, &o);
    assert_string_equal(o.command, "end of DATA");
    classify_reply(STAGE_GREETING, &p, &hop, &o);
    assert_string_equal(o.command, "");
}

static void test_dns(void **state)
{
    (void)state;
    static const struct {
        enum dns_fault fault;
        enum outcome_result result;
        enum outcome_scope scope;
        const char *status;
    } want[] = {
        {DNS_NXDOMAIN, F, SCOPE_RECIPIENT, "5.1.2"}, {DNS_NODATA, F, SCOPE_RECIPIENT, "5.1.2"},
        {DNS_NULL_MX, F, SCOPE_RECIPIENT, "5.1.10"}, {DNS_SERVFAIL, T, SCOPE_HOST, "4.4.3"},
        {DNS_TIMEOUT, T, SCOPE_HOST, "4.4.3"},       {DNS_BAD_ANSWER, T, SCOPE_HOST, "4.4.3"},
        {DNS_ALIAS_LOOP, T, SCOPE_HOST, "4.4.3"},    {DNS_MX_UNUSABLE, F, SCOPE_RECIPIENT, "5.4.4"},
        {DNS_LOOP, F, SCOPE_RECIPIENT, "5.4.6"},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct outcome o;
        classify_dns(want[i].fault, "d.example", &o);
        assert_int_equal(o.result, want[i].result);
        assert_int_equal(o.scope, want[i].scope);
        assert_int_equal(o.klass, want[i].result == F ? CLASS_ADDRESS : CLASS_DNS);
        assert_string_equal(o.status, want[i].status);
        assert_non_null(strstr(o.text, "d.example"));
        assert_string_equal(o.host, "");
    }
}

static void test_texts_are_cut_whole(void **state)
{
    (void)state;
    char wire[1000] = "550 ";
    for (int i = 0; i < 300; i++)
        strcat(wire, "\xc3\xa4"); // two octets each: the 511th is the first half of one
    strcat(wire, "\r\n");
    struct reply_parser p = parse(wire);
    struct outcome o;
    classify_reply(STAGE_RCPT, &p, &hop, &o);
    assert_int_equal(strlen(o.text), 510);
    static const char nul[] = "550 a\0b\r\n";
    reply_init(&p);
    reply_feed(&p, slice_of(nul, sizeof nul - 1));
    classify_reply(STAGE_RCPT, &p, &hop, &o);
    assert_true(strlen(o.text) == 7 && o.text[6] == 'b'); // a NUL hides nothing
}

static const struct {
    const char *wire;
    bool has_pipelining, has_8bitmime, has_size;
    uint64_t size_max;
} hellos[] = {
    {"250 mx\r\n", false, false, false, 0},
    {"250-PIPELINING\r\n250 SIZE 5\r\n", false, false, true, 5}, // the first line is a greeting
    {"250-mx\r\n250-pipelining\r\n250-8BITMIME\r\n250 SIZE\r\n", true, true, true, 0},
    {"250-mx\r\n250 SIZE 10485760\r\n", false, false, true, 10485760},
    {"250-mx\r\n250 SIZE 0\r\n", false, false, true, 0},
    {"250-mx\r\n250 SIZE=100\r\n", false, false, false, 0},
    {"250-mx\r\n250 SIZE -1\r\n", false, false, true, 0},
    {"250-mx\r\n250 SIZE 99999999999999999999999\r\n", false, false, true, 0},
    {"250-mx\r\n250 XPIPELINING\r\n", false, false, false, 0},
    {"250-mx\r\n250 PIPELINING foo\r\n", true, false, false, 0},
};

static void test_ehlo(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hellos / sizeof hellos[0]; i++) {
        struct reply_parser p = parse(hellos[i].wire);
        struct ehlo_caps caps;
        ehlo_parse(&p, &caps);
        assert_int_equal(caps.has_pipelining, hellos[i].has_pipelining);
        assert_int_equal(caps.has_8bitmime, hellos[i].has_8bitmime);
        assert_int_equal(caps.has_size, hellos[i].has_size);
        assert_int_equal(caps.size_max, hellos[i].size_max);
    }
}

// Wherever the text is cut, no limit is read that was not said.
static void test_ehlo_cut(void **state)
{
    (void)state;
    for (size_t pad = REPLY_TEXT_MAX - 40; pad <= REPLY_TEXT_MAX; pad++) {
        static char wire[REPLY_TEXT_MAX + 200];
        strcpy(wire, "250-mx\r\n250-");
        memset(wire + 12, 'x', pad);
        strcpy(wire + 12 + pad, "\r\n250-SIZE 10485760\r\n250 8BITMIME\r\n");
        struct reply_parser p = parse(wire);
        struct ehlo_caps caps;
        ehlo_parse(&p, &caps);
        assert_true(caps.size_max == 0 || caps.size_max == 10485760);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),      cmocka_unit_test(test_relays),
        cmocka_unit_test(test_what_is_ours), cmocka_unit_test(test_no_answer_never_fails),
        cmocka_unit_test(test_faults),       cmocka_unit_test(test_commands),
        cmocka_unit_test(test_dns),          cmocka_unit_test(test_texts_are_cut_whole),
        cmocka_unit_test(test_ehlo),         cmocka_unit_test(test_ehlo_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
