// SPDX-License-Identifier: BSD-2-Clause
// The server machine: what it says and does to what it is told, as traces.
#include "session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HELLO    "EHLO c.example\r\n"
#define ENVELOPE "MAIL FROM:<a@c.example>\r\nRCPT TO:<bob@local.example>\r\n"
#define TO_DATA  HELLO ENVELOPE "DATA\r\n"

static int setup(void **state)
{
    struct session *s = malloc(sizeof *s);
    session_init(s);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    session_close(*state);
    free(*state);
    return 0;
}

static void start(struct session *s, const char *text)
{
    session_open(s);
    session_say(s, text);
    buf_reset(&s->trace);
    s->sends = 0;
}

static const char *trace(const struct session *s)
{
    return buf_slice(&s->trace).p;
}

// What the client says behind EHLO, and what comes of it.
struct dialogue {
    const char *name, *input, *want;
};

static const struct dialogue dialogues[] = {
    {"noop", "NOOP\r\n", "S- 250 2.0.0 Ok\n"},
    {"case", "nOoP x y\r\n", "S- 250 2.0.0 Ok\n"},
    {"helo", "HELO c.example\r\n", "S- 250 mx.local.example\n"},
    {"ehlo without name", "EHLO\r\n", "S- 501 Syntax: EHLO hostname\n"},
    {"ehlo", "EHLO [192.0.2.1]\r\n",
     "S- 250-mx.local.example\nS: 250-PIPELINING\nS: 250-SIZE 52428800\nS: 250-8BITMIME\n"
     "S: 250-CHUNKING\nS: 250-DELIVERBY\nS: 250-SMTPUTF8\nS: 250-DSN\nS: 250-MT-PRIORITY\nS: 250 "
     "ENHANCEDSTATUSCODES\n"},
    {"help", "HELP\r\n", "S- 214 2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT\n"},
    {"vrfy", "VRFY bob\r\n", "S- 252 2.0.0 Not told; send a message and see\n"},
    {"expn", "EXPN list\r\n", "S- 502 5.5.1 This command is not offered\n"},
    {"starttls", "STARTTLS\r\n", "S- 502 5.5.1 This command is not offered\n"},
    {"unknown", "FOO\r\n", "S- 500 5.5.2 Unknown command\n"},
    {"empty", "\r\n", "S- 500 5.5.2 Unknown command\n"},
    {"quit", "QUIT\r\nNOOP\r\n", "S- 221 2.0.0 Bye\nclose\n"},
    {"bare lf", "NOOP\nRSET\r\nNOOP\r\n", "S- 500 5.5.2 Lines end in CRLF\nS: 250 2.0.0 Ok\n"},
    {"bare cr", "NOOP\rRSET\r\n", "S- 500 5.5.2 Control characters in a command\n"},
    {"tab", "NOOP\tx\r\n", "S- 500 5.5.2 Control characters in a command\n"},
    {"rcpt first", "RCPT TO:<b@b.example>\r\n", "S- 503 5.5.1 MAIL first\n"},
    {"data first", "DATA\r\n", "S- 503 5.5.1 MAIL first\n"},
    {"data without rcpt", "MAIL FROM:<a@c.example>\r\nDATA\r\n",
     "S- 250 2.1.0 Ok\nS: 503 5.5.1 RCPT first\n"},
    {"mail twice", "MAIL FROM:<a@c.example>\r\nMAIL FROM:<a@c.example>\r\n",
     "S- 250 2.1.0 Ok\nS: 503 5.5.1 There is a MAIL already\n"},
    {"null sender", "MAIL FROM:<>\r\n", "S- 250 2.1.0 Ok\n"},
    {"blank behind colon", "MAIL FROM: <a@c.example>\r\n", "S- 250 2.1.0 Ok\n"},
    {"no brackets", "MAIL FROM:a@c.example\r\n", "S- 250 2.1.0 Ok\n"},
    {"blank before colon", "MAIL FROM :<a@c.example>\r\n",
     "S- 501 5.5.4 Syntax: MAIL FROM:<address>\n"},
    {"bad sender", "MAIL FROM:<a b@c.example>\r\n", "S- 501 5.1.7 Bad sender address\n"},
    {"no domain", "MAIL FROM:<a>\r\n", "S- 501 5.1.7 Bad sender address\n"},
    {"text behind", "MAIL FROM:<>>>>\r\n", "S- 501 5.1.7 Bad sender address\n"},
    {"size", "MAIL FROM:<a@c.example> size=52428800 BODY=8bitmime\r\n", "S- 250 2.1.0 Ok\n"},
    {"size + 1", "MAIL FROM:<a@c.example> SIZE=52428801\r\n",
     "S- 552 5.3.4 The message is too big\n"},
    {"size of 20 digits", "MAIL FROM:<a@c.example> SIZE=99999999999999999999\r\n",
     "S- 552 5.3.4 The message is too big\n"},
    {"size of 21 digits", "MAIL FROM:<a@c.example> SIZE=000000000000000000001\r\n",
     "S- 501 5.5.4 SIZE is not a number\n"},
    {"size empty", "MAIL FROM:<a@c.example> SIZE=\r\n",
     "S- 501 5.5.4 This parameter needs a value\n"},
    {"size twice", "MAIL FROM:<a@c.example> SIZE=1 SIZE=1\r\n",
     "S- 501 5.5.4 A parameter is given twice\n"},
    {"body", "MAIL FROM:<a@c.example> BODY=BINARYMIME\r\n",
     "S- 501 5.5.4 BODY is 7BIT or 8BITMIME\n"},
    {"priority", "MAIL FROM:<a@c.example> mt-priority=-9\r\n", "S- 250 2.1.0 Ok\n"},
    {"priority 0", "MAIL FROM:<a@c.example> MT-PRIORITY=0\r\n", "S- 250 2.1.0 Ok\n"},
    {"a stranger's high priority", "MAIL FROM:<a@c.example> MT-PRIORITY=3\r\n",
     "S- 250 2.3.6 0 is the highest priority from outside\n"},
    {"priority 10", "MAIL FROM:<a@c.example> MT-PRIORITY=10\r\n",
     "S- 501 5.5.4 MT-PRIORITY is a number from -9 to 9\n"},
    {"priority -0", "MAIL FROM:<a@c.example> MT-PRIORITY=-0\r\n",
     "S- 501 5.5.4 MT-PRIORITY is a number from -9 to 9\n"},
    {"priority +1", "MAIL FROM:<a@c.example> MT-PRIORITY=+1\r\n",
     "S- 501 5.5.4 MT-PRIORITY is a number from -9 to 9\n"},
    {"priority in words", "MAIL FROM:<a@c.example> MT-PRIORITY=high\r\n",
     "S- 501 5.5.4 MT-PRIORITY is a number from -9 to 9\n"},
    {"priority empty", "MAIL FROM:<a@c.example> MT-PRIORITY\r\n",
     "S- 501 5.5.4 This parameter needs a value\n"},
    {"priority twice", "MAIL FROM:<a@c.example> MT-PRIORITY=1 MT-PRIORITY=1\r\n",
     "S- 501 5.5.4 A parameter is given twice\n"},
    {"priority of a recipient", "MAIL FROM:<>\r\nRCPT TO:<b@b.example> MT-PRIORITY=1\r\n",
     "S- 250 2.1.0 Ok\nS: 555 5.5.4 This parameter is not known here\n"},
    {"dsn",
     "MAIL FROM:<a@c.example> ret=hdrs ENVID=QQ314159\r\nRCPT TO:<b@b.example> "
     "notify=success,FAILURE,Delay ORCPT=rfc822;b+2B@b.example\r\n",
     "ask b@b.example\nS- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n"},
    {"ret", "MAIL FROM:<a@c.example> RET=ALL\r\n", "S- 501 5.5.4 RET is FULL or HDRS\n"},
    {"ret twice", "MAIL FROM:<a@c.example> RET=FULL RET=FULL\r\n",
     "S- 501 5.5.4 A parameter is given twice\n"},
    {"ret without value", "MAIL FROM:<a@c.example> RET\r\n",
     "S- 501 5.5.4 This parameter needs a value\n"},
    {"envid", "MAIL FROM:<a@c.example> ENVID=a+2\r\n",
     "S- 501 5.5.4 ENVID is no xtext of at most 100 octets\n"},
    {"envid with a line end", "MAIL FROM:<a@c.example> ENVID=a+0D+0A\r\n",
     "S- 501 5.5.4 ENVID is no xtext of at most 100 octets\n"},
    {"notify never and more", "MAIL FROM:<>\r\nRCPT TO:<b@b.example> NOTIFY=NEVER,DELAY\r\n",
     "S- 250 2.1.0 Ok\nS: 501 5.5.4 NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY\n"},
    {"notify with an empty word", "MAIL FROM:<>\r\nRCPT TO:<b@b.example> NOTIFY=DELAY,\r\n",
     "S- 250 2.1.0 Ok\nS: 501 5.5.4 NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY\n"},
    {"orcpt without a type", "MAIL FROM:<>\r\nRCPT TO:<b@b.example> ORCPT=b@b.example\r\n",
     "S- 250 2.1.0 Ok\n"
     "S: 501 5.5.4 ORCPT is not TYPE;ADDRESS in xtext, at most 500 octets\n"},
    {"notify of MAIL", "MAIL FROM:<a@c.example> NOTIFY=NEVER\r\n",
     "S- 555 5.5.4 This parameter is not known here\n"},
    {"unknown parameter", "MAIL FROM:<a@c.example> SOLICIT=x\r\n",
     "S- 555 5.5.4 This parameter is not known here\n"},
    {"no parameter", "MAIL FROM:<a@c.example> =x\r\n", "S- 501 5.5.4 Bad parameter\n"},
    {"rcpt parameter", "MAIL FROM:<>\r\nRCPT TO:<b@b.example> SIZE=1\r\n",
     "S- 250 2.1.0 Ok\nS: 555 5.5.4 This parameter is not known here\n"},
    {"null recipient", "MAIL FROM:<>\r\nRCPT TO:<>\r\n",
     "S- 250 2.1.0 Ok\nS: 501 5.1.3 Bad recipient address\n"},
    {"postmaster", "MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n",
     "ask Postmaster@mx.local.example\nS- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n"},
    {"route", "MAIL FROM:<@x.example:a@c.example>\r\nRCPT TO:<@y.example:b@b.example>\r\n",
     "ask b@b.example\nS- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n"},
    {"same twice", "MAIL FROM:<>\r\nRCPT TO:<b@b.example>\r\nRCPT TO:<b@B.Example>\r\n",
     "ask b@b.example\nS- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 250 2.1.5 Ok\n"},
    {"relay denied", "MAIL FROM:<a@c.example>\r\nRCPT TO:<b@denied.example>\r\nDATA\r\n",
     "ask b@denied.example\n"
     "note NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 <b@denied.example>: Relay "
     "access denied; from=<a@c.example> to=<b@denied.example> proto=ESMTP helo=<c.example>\n"
     "S- 250 2.1.0 Ok\nS: 554 5.7.1 <b@denied.example>: Relay access denied\n"
     "S: 554 5.5.1 No valid recipients\n"},
    {"an address forges nothing in a note",
     "MAIL FROM:<>\r\nRCPT TO:<\"x>: RCPT from a[192.0.2.9]\"@denied.example>\r\n",
     "ask \"x>: RCPT from a[192.0.2.9]\"@denied.example\n"
     "note NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 "
     "<\"x\\x3e:\\x20RCPT\\x20from\\x20a[192.0.2.9]\"@denied.example>: Relay access denied; "
     "from=<> to=<\"x\\x3e:\\x20RCPT\\x20from\\x20a[192.0.2.9]\"@denied.example> proto=ESMTP "
     "helo=<c.example>\n"
     "S- 250 2.1.0 Ok\nS: 554 5.7.1 <\"x>: RCPT from a[192.0.2.9]\"@denied.example>: Relay access "
     "denied\n"},
    {"refused", "MAIL FROM:<>\r\nRCPT TO:<nosuch@local.example>\r\n",
     "ask nosuch@local.example\n"
     "note NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 550 5.1.2 <nosuch@local.example>: No "
     "such destination; from=<> to=<nosuch@local.example> proto=ESMTP helo=<c.example>\n"
     "S- 250 2.1.0 Ok\nS: 550 5.1.2 <nosuch@local.example>: No such destination\n"},
    {"busy", "MAIL FROM:<>\r\nRCPT TO:<b@busy.example>\r\n",
     "ask b@busy.example\n"
     "note NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 452 4.3.1 <b@busy.example>: No room for "
     "another recipient now; from=<> to=<b@busy.example> proto=ESMTP helo=<c.example>\n"
     "S- 250 2.1.0 Ok\nS: 452 4.3.1 <b@busy.example>: No room for another recipient now\n"},
    {"rcpt before mail is of no message", "RCPT TO:<b@b.example>\r\nMAIL FROM:<>\r\nDATA\r\n",
     "S- 503 5.5.1 MAIL first\nS: 250 2.1.0 Ok\nS: 503 5.5.1 RCPT first\n"},
    {"rset", "MAIL FROM:<>\r\nRSET\r\nRCPT TO:<b@b.example>\r\n",
     "S- 250 2.1.0 Ok\nS: 250 2.0.0 Ok\nS: 503 5.5.1 MAIL first\n"},
    {"a message, and the next in the same group",
     ENVELOPE "DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n",
     "ask bob@local.example\nbegin\nend A1 from=<a@c.example> to=bob@local.example\n"
     "S- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 354 End data with <CR><LF>.<CR><LF>\n"
     "S: 250 2.0.0 Ok: queued as 0000000000A1\nS: 250 2.1.0 Ok\nS: 221 2.0.0 Bye\nclose\n"},
};

// Every dialogue gives the same effects whatever the reads are, and whenever the answers come; only
// the grouping of replies is another.
static void flatten(struct buf *trace)
{
    for (char *p = trace->p; p && (p = strstr(p, "S-")); p++)
        p[1] = ':';
}

// Replies in order, and everything else in order.
static void sort_out(struct session *s, struct buf *to)
{
    for (int round = 0; round < 2; round++)
        for (const char *p = trace(s); *p; p = strchr(p, '\n') + 1)
            if ((strncmp(p, "S:", 2) == 0) == (round == 0))
                buf_add(to, p, (size_t)(strchr(p, '\n') - p) + 1);
}

static void run_dialogue(const struct dialogue *d, size_t read_size, bool is_slow)
{
    struct session s;
    struct buf got, want;
    buf_init(&got, SESSION_BODY_MAX);
    buf_init(&want, SESSION_BODY_MAX);
    session_init(&s);
    start(&s, HELLO);
    s.read_size = read_size;
    s.is_slow = is_slow;
    session_say(&s, d->input);
    if (read_size == 0) {
        if (strcmp(trace(&s), d->want))
            print_message("in dialogue \"%s\"\n", d->name);
        assert_string_equal(trace(&s), d->want);
    }
    flatten(&s.trace);
    sort_out(&s, &got);
    buf_reset(&s.trace);
    buf_add_str(&s.trace, d->want);
    flatten(&s.trace);
    sort_out(&s, &want);
    if (strcmp(buf_slice(&got).p, buf_slice(&want).p))
        print_message("in dialogue \"%s\", reads of %zu\n", d->name, read_size);
    assert_string_equal(buf_slice(&got).p, buf_slice(&want).p);
    buf_close(&got);
    buf_close(&want);
    session_close(&s);
}

static void test_dialogues(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof *dialogues; i++)
        for (size_t read_size = 0; read_size <= 64; read_size++) {
            run_dialogue(&dialogues[i], read_size, false);
            run_dialogue(&dialogues[i], read_size, true);
        }
}

static void test_banner_comes_first(void **state)
{
    struct session *s = *state;
    struct server_event early = {
        .kind = SERVER_BYTES, .now_ms = s->now_ms, .bytes = SLICE_LIT(HELLO)};
    s->server = server_new(&s->settings, &s->peer, s->now_ms);
    assert_false(server_wants_input(s->server));
    assert_int_equal(server_feed(s->server, &early), 0);
    session_settle(s);
    assert_string_equal(trace(s), "S- 220 mx.local.example ESMTP Fermoposta\n");
    assert_true(server_wants_input(s->server));
}

static void test_ehlo_is_asked_for(void **state)
{
    struct session *s = *state;
    start(s, "");
    session_say(s, "MAIL FROM:<a@c.example>\r\n");
    assert_string_equal(trace(s), "S- 503 5.5.1 EHLO first\n");
}

static void test_command_line_limit(void **state)
{
    struct session *s = *state;
    char line[4096];
    memset(line, 'x', sizeof line);
    memcpy(line, "NOOP ", 5);
    start(s, HELLO);
    session_send(s, slice_of(line, 2046));
    session_say(s, "\r\n");
    session_send(s, slice_of(line, 2047));
    session_say(s, "\r\n");
    for (int i = 0; i < 1000; i++)
        session_send(s, slice_of(line, sizeof line));
    session_say(s, "\r\nNOOP\r\n");
    assert_string_equal(trace(s), "S- 250 2.0.0 Ok\nS- 500 5.5.2 The line is too long\n"
                                  "S- 500 5.5.2 The line is too long\nS: 250 2.0.0 Ok\n");
}

static void test_nul_in_command(void **state)
{
    struct session *s = *state;
    start(s, HELLO);
    session_send(s, slice_of("NOOP\0x\r\n", 8));
    assert_string_equal(trace(s), "S- 500 5.5.2 Control characters in a command\n");
}

static void test_reply_group_is_one_send(void **state)
{
    struct session *s = *state;
    start(s, "");
    session_say(s, HELLO);
    session_say(s, "MAIL FROM:<a@c.example>\r\nRCPT TO:<b@b.example>\r\nRCPT TO:<nosuch@b.example>"
                   "\r\nRCPT TO:<c@b.example>\r\nDATA\r\n");
    assert_int_equal(s->sends, 2);
    session_say(s, "x: y\r\n\r\nz\r\n.\r\nQUIT\r\n");
    assert_int_equal(s->sends, 3);
    assert_int_equal(s->count, 1);
}

static void test_many_commands_in_one_read(void **state)
{
    struct session *s = *state;
    struct buf flood;
    buf_init(&flood, 1 << 20);
    for (int i = 0; i < 10000; i++)
        buf_add_str(&flood, "EHLO x\r\n");
    start(s, "");
    session_send(s, buf_slice(&flood)); // SERVER_OUT_MAX would abort
    assert_in_range(s->sends, 100, 1000);
    assert_int_equal(s->last_code, 250);
    buf_close(&flood);
}

// --- the text ---

struct body_row {
    const char *name, *wire, *want; // want: behind our Received field
};

static const struct body_row bodies[] = {
    {"plain", "Subject: x\r\n\r\nbody\r\n.\r\n", "Subject: x\r\n\r\nbody\r\n"},
    {"nothing", ".\r\n", ""},
    {"dots", "a: b\r\n\r\n..\r\n...x\r\n.y\r\n.\r\n", "a: b\r\n\r\n.\r\n..x\r\ny\r\n"},
    {"lf . lf is text", "a: b\r\n\r\nx\n.\nMAIL FROM:<e@e.example>\r\n.\r\n",
     "a: b\r\n\r\nx\r\n.\r\nMAIL FROM:<e@e.example>\r\n"},
    {"lf . crlf is text", "a: b\r\n\r\nx\n.\r\nRSET\r\n.\r\n", "a: b\r\n\r\nx\r\n.\r\nRSET\r\n"},
    {"crlf . lf is text", "a: b\r\n\r\nx\r\n.\nRSET\r\n.\r\n", "a: b\r\n\r\nx\r\n.\r\nRSET\r\n"},
    {"bare cr", "a: b\r\n\r\nx\ry\r\n.\r\n", "a: b\r\n\r\nx\r\ny\r\n"},
    {"no header", "hello\r\nworld: x\r\n.\r\n", "\r\nhello\r\nworld: x\r\n"},
    {"no header, first line folded", " hello\r\n.\r\n", "\r\n hello\r\n"},
    {"starts with the blank line", "\r\nhello\r\n.\r\n", "\r\nhello\r\n"},
    {"a field named dot", "..: x\r\n\r\ny\r\n.\r\n", ".: x\r\n\r\ny\r\n"},
};

static const char received[] = "Received: from c.example ([192.0.2.7])\r\n"
                               "\tby mx.local.example (Fermoposta) with ESMTP id 0000000000A1\r\n"
                               "\tfor <bob@local.example>; Sat, 21 Nov 2026 23:40:00 +0000\r\n";

static void run_body(const struct body_row *row, size_t read_size)
{
    struct session s;
    char want[1024];
    snprintf(want, sizeof want, "%s%s", received, row->want);
    session_init(&s);
    start(&s, TO_DATA);
    s.read_size = read_size;
    session_say(&s, row->wire);
    session_say(&s, "NOOP\r\n");
    if (s.count != 1 || strcmp(buf_slice(&s.bodies[0]).p, want))
        print_message("in body \"%s\", reads of %zu\n", row->name, read_size);
    assert_int_equal(s.count, 1);
    assert_string_equal(buf_slice(&s.bodies[0]).p, want);
    assert_int_equal(s.entries[0]->message.size, strlen(want));
    assert_int_equal(s.last_code, 250);
    session_close(&s);
}

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (size_t read_size = 0; read_size <= 64; read_size++)
            run_body(&bodies[i], read_size);
}

static void test_entry(void **state)
{
    struct session *s = *state;
    start(s, HELLO);
    session_say(s, "MAIL FROM:<Al@C.example> BODY=8BITMIME\r\nRCPT TO:<Bob@Local.EXAMPLE>\r\n"
                   "RCPT TO:<Bob@local.example>\r\nRCPT TO:<bob@local.example>\r\nDATA\r\n"
                   "a: b\r\n\r\nx\r\n.\r\n");
    assert_int_equal(s->count, 1);
    const struct entry *e = s->entries[0];
    assert_int_equal(e->message.id, 0xA1);
    assert_int_equal(e->message.arrival_ms, s->now_ms);
    assert_int_equal(e->message.uid, -1);
    assert_true(e->message.is_8bit);
    assert_string_equal(e->message.sender, "Al@C.example");
    assert_int_equal(e->rcpt_count, 2);
    assert_string_equal(e->rcpts[0].address, "Bob@Local.EXAMPLE");
    assert_string_equal(e->rcpts[0].domain, "local.example");
    assert_int_equal(e->rcpts[0].next_attempt_ms, s->now_ms);
    assert_string_equal(e->rcpts[1].address, "bob@local.example");
    assert_int_equal(e->rcpts[1].n, 1);
    // With two recipients neither is told of the other.
    assert_null(strstr(buf_slice(&s->bodies[0]).p, "\r\n\tfor "));
}

static void test_8bit_is_seen(void **state)
{
    struct session *s = *state;
    start(s, TO_DATA);
    session_say(s, "a: b\r\n\r\nx\r\n.\r\n" ENVELOPE "DATA\r\na: b\r\n\r\n\xe4\r\n.\r\n");
    assert_int_equal(s->count, 2);
    assert_false(s->entries[0]->message.is_8bit);
    assert_true(s->entries[1]->message.is_8bit);
}

static void send_lines(struct session *s, size_t total)
{
    char line[64];
    memset(line, 'x', sizeof line);
    memcpy(line + 62, "\r\n", 2);
    for (size_t n = 0; n < total; n += sizeof line)
        session_send(s, slice_of(line, sizeof line));
}

static void test_chunks(void **state)
{
    struct session *s = *state;
    size_t trace_size = strlen(received), total = 3 * (size_t)MESSAGE_CHUNK_MAX;
    start(s, TO_DATA);
    buf_reset(&s->trace);
    send_lines(s, total);
    session_say(s, ".\r\n");
    assert_string_equal(trace(s), "chunk 0 262144\nchunk 1 262144\nchunk 2 262144\n"
                                  "end A1 from=<a@c.example> to=bob@local.example\n"
                                  "S- 250 2.0.0 Ok: queued as 0000000000A1\n");
    assert_int_equal(s->entries[0]->chunks_before, 3);
    // One blank line stands between our field and a text without a header.
    assert_int_equal(s->entries[0]->message.size, total + trace_size + 2);
    assert_int_equal(s->entries[0]->tail_size, trace_size + 2);
    assert_in_range(s->memory_max, 1, MESSAGE_CHUNK_MAX + 64 + SESSION_ENVELOPE);
}

// The text ends exactly where a chunk does: there is no tail.
static void test_chunk_without_tail(void **state)
{
    struct session *s = *state;
    size_t rest = (size_t)MESSAGE_CHUNK_MAX - strlen(received) - 4;
    char *text = malloc(rest + 1);
    memset(text, 'x', rest);
    start(s, TO_DATA);
    session_say(s, "a:");
    session_send(s, slice_of(text, rest));
    session_say(s, "\r\n.\r\n");
    assert_int_equal(s->count, 1);
    assert_int_equal(s->entries[0]->message.size, MESSAGE_CHUNK_MAX);
    assert_true(s->entries[0]->chunks_before == 1 ? s->entries[0]->tail == NULL
                                                  : s->entries[0]->tail_size == MESSAGE_CHUNK_MAX);
    free(text);
}

static void run_size(uint64_t text_size, const char *want)
{
    struct session s;
    char text[512];
    session_init(&s);
    s.settings.message_size_max = 500;
    memset(text, 'x', sizeof text);
    memcpy(text, "a: b\r\n\r\n", 8);
    memcpy(text + text_size - 2, "\r\n", 2);
    start(&s, TO_DATA);
    session_send(&s, slice_of(text, text_size));
    session_say(&s, ".\r\nNOOP\r\n");
    assert_string_equal(trace(&s), want);
    session_close(&s);
}

static void test_size_limit(void **state)
{
    (void)state;
    run_size(500, "end A1 from=<a@c.example> to=bob@local.example\n"
                  "S- 250 2.0.0 Ok: queued as 0000000000A1\nS: 250 2.0.0 Ok\n");
    run_size(
        501,
        "abort A1\nnote 0000000000A1: reject: END-OF-MESSAGE from unknown[192.0.2.7]: 552 5.3.4 "
        "The message is too big; from=<a@c.example> proto=ESMTP helo=<c.example>\n"
        "S- 552 5.3.4 The message is too big\nS: 250 2.0.0 Ok\n");
}

static void test_too_big_is_swallowed(void **state)
{
    struct session *s = *state;
    s->settings.message_size_max = 1000;
    start(s, TO_DATA);
    send_lines(s, 10 * (size_t)MESSAGE_CHUNK_MAX);
    session_say(s, "MAIL FROM:<evil@e.example>\r\n.\r\nNOOP\r\n");
    assert_string_equal(
        trace(s),
        "abort A1\nnote 0000000000A1: reject: END-OF-MESSAGE from unknown[192.0.2.7]: 552 5.3.4 "
        "The message is too big; from=<a@c.example> proto=ESMTP helo=<c.example>\n"
        "S- 552 5.3.4 The message is too big\nS: 250 2.0.0 Ok\n");
    assert_in_range(s->memory_max, 1, 64 * 1024);
}

static void send_hops(struct session *s, int count, const char *field)
{
    for (int i = 0; i < count; i++)
        session_say(s, field);
}

static void test_loops(void **state)
{
    (void)state;
    static const struct {
        const char *name, *field;
        int count, code;
    } rows[] = {
        {"99", "Received: from a by b; x\r\n", 99, 250},
        {"100", "Received: from a by b; x\r\n", 100, 554},
        {"case, blank", "rEcEiVeD : from a by b;\r\n x\r\n", 100, 554},
        {"another name", "Received-SPF: pass\r\n", 200, 250},
        {"in the body", "\r\nReceived: x\r\n", 200, 250},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct session s;
        session_init(&s);
        start(&s, TO_DATA);
        send_hops(&s, rows[i].count, rows[i].field);
        session_say(&s, "\r\nx\r\n.\r\n");
        if (s.last_code != rows[i].code)
            print_message("in \"%s\"\n", rows[i].name);
        assert_int_equal(s.last_code, rows[i].code);
        assert_int_equal(s.count, rows[i].code == 250 ? 1 : 0);
        session_close(&s);
    }
}

// What stands in the entry in the end: MT-PRIORITY, and Precedence where nobody said it.
static void test_priority(void **state)
{
    (void)state;
    static const struct {
        const char *parameter, *header;
        bool is_trusted;
        int priority;
    } rows[] = {
        {"", "Subject: x\r\n", false, 0},
        {" MT-PRIORITY=-3", "Subject: x\r\n", false, -3},
        {" MT-PRIORITY=3", "Subject: x\r\n", false, 0},
        {" MT-PRIORITY=3", "Subject: x\r\n", true, 3},
        {" MT-PRIORITY=9", "Precedence: bulk\r\n", true, 9},
        {" MT-PRIORITY=0", "Precedence: bulk\r\n", true, 0},
        {"", "Precedence: bulk\r\n", true, -4},
        {"", "precedence :  LIST \r\n", false, -2},
        {"", "Subject: x\r\nPrecedence: junk\r\nPrecedence: list\r\n", false, -6},
        {"", "Precedence: first-class\r\n", true, 0},
        {"", "Precedence: special-delivery-of-an-unheard-of-kind\r\n", true, 0},
        {"", "Precedence: bulky\r\n", false, 0},
        {"", "Precedence-X: bulk\r\n", false, 0},
        {"", "\r\nPrecedence: bulk\r\n", false, 0},
        {"", "Subject: x\r\n Precedence: bulk\r\n", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct session s;
        char mail[128];
        session_init(&s);
        s.peer.is_trusted = rows[i].is_trusted;
        start(&s, HELLO);
        snprintf(mail, sizeof mail, "MAIL FROM:<a@c.example>%s\r\n", rows[i].parameter);
        session_say(&s, mail);
        session_say(&s, "RCPT TO:<b@b.example>\r\nDATA\r\n");
        session_say(&s, rows[i].header);
        session_say(&s, "\r\nx\r\n.\r\n");
        assert_int_equal(s.count, 1);
        if (s.entries[0]->message.priority != rows[i].priority)
            fail_msg("row %zu: %d", i, s.entries[0]->message.priority);
        session_close(&s);
    }
}

static void test_line_limit(void **state)
{
    struct session *s = *state;
    s->settings.line_max = 10;
    start(s, TO_DATA);
    session_say(s, "a: 4567890\r\n.\r\n");
    assert_int_equal(s->last_code, 250);
    session_say(s, ENVELOPE "DATA\r\na: 45678901\r\n.\r\n");
    assert_int_equal(s->last_code, 554);
    assert_int_equal(s->count, 1);
}

// --- what the spool answers ---

static void test_accepted_errors(void **state)
{
    (void)state;
    static const struct {
        enum fp_err err;
        int code;
    } rows[] = {{FP_FULL, 452}, {FP_IO, 451}, {FP_CORRUPT, 451}, {FP_TOO_BIG, 552}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct session s;
        session_init(&s);
        s.store_err = rows[i].err;
        start(&s, TO_DATA "a: b\r\n\r\nx\r\n.\r\n");
        assert_int_equal(s.last_code, rows[i].code);
        s.store_err = FP_OK;
        session_say(&s, ENVELOPE "DATA\r\na: b\r\n\r\nx\r\n.\r\n");
        assert_int_equal(s.last_code, 250);
        session_close(&s);
    }
}

static void test_chunk_not_stored(void **state)
{
    struct session *s = *state;
    start(s, TO_DATA);
    s->store_err = FP_FULL;
    send_lines(s, 2 * (size_t)MESSAGE_CHUNK_MAX);
    session_say(s, ".\r\n");
    assert_non_null(strstr(trace(s), "chunk 0 262144\nabort A1\nnote "));
    assert_null(strstr(trace(s), "chunk 1"));
    assert_int_equal(s->last_code, 452);
    assert_true(server_is_idle(s->server));
}

static void test_begin_refused(void **state)
{
    struct session *s = *state;
    s->begin_verdict = VERDICT_BUSY;
    start(s, HELLO ENVELOPE);
    session_say(s, "DATA\r\nMAIL FROM:<>\r\n");
    assert_string_equal(trace(s),
                        "begin\nS- 452 4.3.1 Too much mail waits to be stored, try again later\n"
                        "S: 250 2.1.0 Ok\n");
    assert_int_equal(server_take_refusals(s->server), 1);
    assert_int_equal(server_take_refusals(s->server), 0);
}

// No message begins, and what is no beginning of one goes on as ever.
static void test_busy_at_mail(void **state)
{
    struct session *s = *state;
    start(s, HELLO);
    s->is_busy = true;
    session_say(s, "MAIL FROM:<a@b.example>\r\n");
    session_say(s, "MAIL FROM:<a@b.example> SIZE=99999999999\r\n"); // that will not change
    session_say(s, "RCPT TO:<b@b.example>\r\n");
    session_say(s, "NOOP\r\n");
    s->is_busy = false;
    session_say(s, "MAIL FROM:<a@b.example>\r\n");
    s->is_busy = true;
    session_say(s, "RCPT TO:<b@busy.example>\r\n");
    assert_string_equal(
        trace(s), "S- 452 4.3.1 Too much mail waits to be stored, try again later\n"
                  "S- 552 5.3.4 The message is too big\n"
                  "S- 503 5.5.1 MAIL first\n"
                  "S- 250 2.0.0 Ok\n"
                  "S- 250 2.1.0 Ok\n"
                  "ask b@busy.example\n"
                  "note NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 452 4.3.1 <b@busy.example>: "
                  "No room for another recipient now; from=<a@b.example> to=<b@busy.example> "
                  "proto=ESMTP helo=<c.example>\n"
                  "S- 452 4.3.1 <b@busy.example>: No room for another recipient now\n");
    assert_int_equal(server_take_refusals(s->server), 2);
}

// (V8) The first read is taken as it comes: it is to show how the message begins.
static void test_small_chunks(void **state)
{
    struct session *s = *state;
    start(s, TO_DATA);
    buf_reset(&s->trace);
    send_lines(s, 64);
    s->chunk_max = 1000;
    send_lines(s, 2496);
    s->chunk_max = 0;
    send_lines(s, 640);
    s->chunk_max = 1000; // what is there already goes as it is
    send_lines(s, 64);
    session_say(s, ".\r\n");
    assert_string_equal(trace(s), "chunk 0 1000\nchunk 1 1000\nchunk 2 1367\n"
                                  "end A1 from=<a@c.example> to=bob@local.example\n"
                                  "S- 250 2.0.0 Ok: queued as 0000000000A1\n");
    assert_int_equal(s->entries[0]->message.size, strlen(received) + 2 + 64 + 2496 + 640 + 64);
}

// Memory becomes short when a chunk is all but full: it never becomes larger than the largest.
static void test_small_chunks_behind_a_large_one(void **state)
{
    (void)state;
    for (size_t missing = 1; missing <= 6; missing++) {
        struct session s;
        session_init(&s);
        size_t rest = (size_t)MESSAGE_CHUNK_MAX - strlen(received) - 4 - missing;
        char *text = must_alloc(rest);
        memset(text, 'x', rest);
        start(&s, TO_DATA);
        session_say(&s, "a:\r\n");
        session_send(&s, slice_of(text, rest));
        s.chunk_max = 1000;
        session_say(&s, "yyyyyyyyyy\r\n.\r\n");
        assert_int_equal(s.count, 1);
        assert_int_equal(s.entries[0]->chunks_before, 1);
        assert_int_equal(s.entries[0]->message.size, strlen(received) + 4 + rest + 12);
        assert_true(s.entries[0]->message.size - s.entries[0]->tail_size <= MESSAGE_CHUNK_MAX);
        free(text);
        session_close(&s);
    }
}

// A message of the largest size must have chunks enough: so many may be small, and then they are
// large again.
static void test_small_chunks_are_limited(void **state)
{
    struct session *s = *state;
    s->settings.message_size_max = (uint64_t)MESSAGE_CHUNK_MAX * (MESSAGE_CHUNKS_MAX - 5);
    start(s, TO_DATA);
    buf_reset(&s->trace);
    send_lines(s, 64);
    s->chunk_max = 1000;
    send_lines(s, 10 * 1024);
    assert_string_equal(trace(s), "chunk 0 1000\nchunk 1 1000\nchunk 2 1000\n");
}

// The wait was ours: the client's time begins anew.
static void test_resumed(void **state)
{
    struct session *s = *state;
    start(s, HELLO);
    s->now_ms += s->settings.command_ms + 1000;
    session_event(s, SERVER_RESUMED);
    assert_int_equal(server_deadline(s->server), s->now_ms + s->settings.command_ms);
    session_say(s, ENVELOPE "DATA\r\n");
    s->now_ms += s->settings.data_ms + 1000;
    session_event(s, SERVER_RESUMED);
    assert_int_equal(server_deadline(s->server), s->now_ms + s->settings.data_ms);
    session_say(s, "x\r\n");
    s->is_silent = true; // the answer of the spool is out
    session_say(s, ".\r\n");
    session_event(s, SERVER_RESUMED);
    assert_true(server_deadline(s->server) == INT64_MAX);
    assert_false(s->is_closed);
}

// (V3)
static void test_question_stops_reading(void **state)
{
    struct session *s = *state;
    struct slice input = SLICE_LIT("RCPT TO:<b@b.example>\r\nQUIT\r\n");
    start(s, HELLO "MAIL FROM:<>\r\n");
    s->is_silent = true;
    struct server_event e = {.kind = SERVER_BYTES, .now_ms = s->now_ms, .bytes = input};
    assert_int_equal(server_feed(s->server, &e), 23);
    session_settle(s);
    assert_false(server_wants_input(s->server));
    e.bytes = slice_from(input, 23);
    assert_int_equal(server_feed(s->server, &e), 0);
    assert_true(server_deadline(s->server) == INT64_MAX);
    session_feed_answer(s);
    session_settle(s);
    assert_string_equal(trace(s), "ask b@b.example\n"); // the reply waits for QUIT
    assert_int_equal(server_feed(s->server, &e), 6);
    session_settle(s);
    assert_string_equal(trace(s), "ask b@b.example\nS- 250 2.1.5 Ok\nS: 221 2.0.0 Bye\nclose\n");
}

// --- ends ---

static void test_ends(void **state)
{
    (void)state;
    static const struct {
        const char *name, *input;
        enum server_event_kind event;
        const char *want;
    } rows[] = {
        {"eof at rest", HELLO, SERVER_EOF, "close\n"},
        {"eof in an envelope", HELLO ENVELOPE, SERVER_EOF,
         "note lost connection after RCPT from unknown[192.0.2.7]\nclose\n"},
        {"eof in data", TO_DATA "a: b\r\n\r\nx\r\n.\r", SERVER_EOF,
         "abort A1\nnote lost connection after DATA from unknown[192.0.2.7]\nclose\n"},
        {"shutdown at rest", HELLO, SERVER_SHUTDOWN, "S- 421 4.3.2 Shutting down\nclose\n"},
        {"shutdown in an envelope", HELLO ENVELOPE, SERVER_SHUTDOWN,
         "S- 421 4.3.2 Shutting down\nclose\n"},
        {"shutdown in data", TO_DATA "a: b\r\n", SERVER_SHUTDOWN, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct session s;
        session_init(&s);
        start(&s, rows[i].input);
        session_event(&s, rows[i].event);
        if (strcmp(trace(&s), rows[i].want))
            print_message("in \"%s\"\n", rows[i].name);
        assert_string_equal(trace(&s), rows[i].want);
        session_close(&s);
    }
}

static void test_shutdown_after_the_message(void **state)
{
    struct session *s = *state;
    start(s, TO_DATA "a: b\r\n");
    session_event(s, SERVER_SHUTDOWN);
    session_say(s, "\r\nx\r\n.\r\nMAIL FROM:<>\r\n");
    assert_string_equal(trace(s), "end A1 from=<a@c.example> to=bob@local.example\n"
                                  "S- 250 2.0.0 Ok: queued as 0000000000A1\n"
                                  "S: 421 4.3.2 Shutting down\nclose\n");
}

// The client closed its direction behind the end mark: the message stays, and it hears of it.
static void test_eof_while_storing(void **state)
{
    struct session *s = *state;
    start(s, TO_DATA);
    s->is_silent = true;
    session_say(s, "a: b\r\n\r\nx\r\n.\r\n");
    session_event(s, SERVER_EOF);
    assert_string_equal(trace(s), "end A1 from=<a@c.example> to=bob@local.example\n");
    session_feed_answer(s);
    session_settle(s);
    assert_string_equal(trace(s), "end A1 from=<a@c.example> to=bob@local.example\n"
                                  "S- 250 2.0.0 Ok: queued as 0000000000A1\nclose\n");
}

// (V4)
static void test_eof_before_begin_answer(void **state)
{
    struct session *s = *state;
    start(s, HELLO ENVELOPE);
    s->is_silent = true;
    session_say(s, "DATA\r\n");
    session_event(s, SERVER_EOF);
    session_feed_answer(s);
    session_settle(s);
    assert_string_equal(trace(s),
                        "begin\nnote lost connection after DATA from unknown[192.0.2.7]\nclose\n"
                        "abort A1\n");
}

static void test_command_timeout(void **state)
{
    struct session *s = *state;
    start(s, HELLO);
    int64_t deadline = server_deadline(s->server);
    assert_true(deadline == s->now_ms + 300000);
    s->now_ms += 299999;
    session_say(s, "NO"); // octets that are no command do not prolong it
    session_event(s, SERVER_TIMER);
    assert_true(server_deadline(s->server) == deadline);
    assert_string_equal(trace(s), "");
    s->now_ms += 1;
    session_event(s, SERVER_TIMER);
    assert_string_equal(trace(s), "note timeout after EHLO from unknown[192.0.2.7]\n"
                                  "S- 421 4.4.2 Timeout, closing the connection\nclose\n");
}

static void test_data_timeout(void **state)
{
    struct session *s = *state;
    start(s, TO_DATA);
    int64_t deadline = server_deadline(s->server);
    assert_true(deadline == s->now_ms + 180000);
    s->now_ms += 60000;
    session_say(s, "a: b\r\n");
    assert_true(server_deadline(s->server) == deadline);
    send_lines(s, 1024);
    assert_true(server_deadline(s->server) == s->now_ms + 180000);
    s->now_ms += 180000;
    session_event(s, SERVER_TIMER);
    assert_string_equal(trace(s), "abort A1\nnote timeout after DATA from unknown[192.0.2.7]\n"
                                  "S- 421 4.4.2 Timeout, closing the connection\nclose\n");
}

static void test_too_many_errors(void **state)
{
    struct session *s = *state;
    s->settings.errors_max = 2;
    start(s, HELLO);
    session_say(s, "X\r\nMAIL FROM:<>\r\nRCPT TO:<b@denied.example>\r\nX\r\nX\r\n");
    assert_non_null(strstr(trace(s), "S- 500 5.5.2 Unknown command\nS: 250 2.1.0 Ok\n"
                                     "S: 554 5.7.1 <b@denied.example>: Relay access denied\n"
                                     "S: 500 5.5.2 Unknown command\n"
                                     "S: 421 4.7.0 Too many errors\nclose\n"));
    assert_non_null(strstr(trace(s), "note too many errors after UNKNOWN from"));
}

static void test_messages_limit(void **state)
{
    struct session *s = *state;
    s->settings.messages_max = 1;
    start(s, TO_DATA);
    session_say(s, "a: b\r\n.\r\nMAIL FROM:<>\r\n");
    assert_int_equal(s->count, 1);
    assert_non_null(strstr(trace(s), "S: 421 4.7.0 Too many messages in one session\nclose\n"));
}

static void test_recipients_limit(void **state)
{
    struct session *s = *state;
    s->settings.rcpts_max = 2;
    start(s, HELLO "MAIL FROM:<>\r\n");
    session_say(s, "RCPT TO:<a@b.example>\r\nRCPT TO:<b@b.example>\r\nRCPT TO:<c@b.example>\r\n"
                   "RCPT TO:<a@b.example>\r\n");
    assert_string_equal(trace(s), "ask a@b.example\nask b@b.example\nS- 250 2.1.5 Ok\n"
                                  "S: 250 2.1.5 Ok\nS: 452 4.5.3 Too many recipients\n"
                                  "S: 250 2.1.5 Ok\n");
}

// --- the local socket ---

static void make_local(struct session *s)
{
    s->peer = (struct server_peer){
        .ip = "", .is_trusted = true, .is_local = true, .uid = 1000, .user_name = "al"};
}

static void test_local_socket(void **state)
{
    struct session *s = *state;
    make_local(s);
    start(s, "");
    session_say(s, "MAIL FROM:<al>\r\nRCPT TO:<root>\r\nDATA\r\na: b\r\n\r\nx\n.\n\r\n.\r\n");
    assert_string_equal(trace(s), "ask root@mx.local.example\nbegin\n"
                                  "end A1 from=<al@mx.local.example> to=root@mx.local.example\n"
                                  "S- 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n"
                                  "S: 354 End data with <CR><LF>.<CR><LF>\n"
                                  "S: 250 2.0.0 Ok: queued as 0000000000A1\n");
    assert_int_equal(s->entries[0]->message.uid, 1000);
    assert_string_equal(
        buf_slice(&s->bodies[0]).p,
        "Received: by mx.local.example (Fermoposta, from userid 1000, al)\r\n"
        "\tid 0000000000A1; Sat, 21 Nov 2026 23:40:00 +0000\r\na: b\r\n\r\nx\r\n.\r\n\r\n");
}

static void test_local_lf_lines(void **state)
{
    (void)state;
    for (size_t read_size = 0; read_size <= 16; read_size++) {
        struct session s;
        session_init(&s);
        make_local(&s);
        s.read_size = read_size;
        start(&s, "");
        session_say(&s, "HELO x\nMAIL FROM:<al>\nRCPT TO:<root>\nDATA\na: b\r\n\n..\nx\n.\nNOOP\n");
        assert_int_equal(s.count, 1);
        assert_int_equal(s.last_code, 250);
        assert_non_null(strstr(buf_slice(&s.bodies[0]).p, "+0000\r\na: b\r\n\r\n.\r\nx\r\n"));
        session_close(&s);
    }
}

static void test_local_has_no_limits(void **state)
{
    struct session *s = *state;
    make_local(s);
    s->settings.errors_max = 1;
    s->settings.rcpts_max = 1;
    start(s, "MAIL FROM:<>\r\n");
    session_say(s, "X\r\nX\r\nX\r\nRCPT TO:<a@b.example>\r\nRCPT TO:<b@b.example>\r\n");
    assert_int_equal(s->last_code, 250);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dialogues),
        TEST(test_banner_comes_first),
        TEST(test_ehlo_is_asked_for),
        TEST(test_command_line_limit),
        TEST(test_nul_in_command),
        TEST(test_reply_group_is_one_send),
        TEST(test_many_commands_in_one_read),
        TEST(test_bodies),
        TEST(test_entry),
        TEST(test_8bit_is_seen),
        TEST(test_chunks),
        TEST(test_chunk_without_tail),
        TEST(test_size_limit),
        TEST(test_too_big_is_swallowed),
        TEST(test_loops),
        TEST(test_priority),
        TEST(test_line_limit),
        TEST(test_accepted_errors),
        TEST(test_chunk_not_stored),
        TEST(test_begin_refused),
        TEST(test_busy_at_mail),
        TEST(test_small_chunks),
        TEST(test_small_chunks_behind_a_large_one),
        TEST(test_small_chunks_are_limited),
        TEST(test_resumed),
        TEST(test_question_stops_reading),
        TEST(test_ends),
        TEST(test_shutdown_after_the_message),
        TEST(test_eof_while_storing),
        TEST(test_eof_before_begin_answer),
        TEST(test_command_timeout),
        TEST(test_data_timeout),
        TEST(test_too_many_errors),
        TEST(test_messages_limit),
        TEST(test_recipients_limit),
        TEST(test_local_socket),
        TEST(test_local_lf_lines),
        TEST(test_local_has_no_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
