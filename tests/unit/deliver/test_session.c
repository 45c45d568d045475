// SPDX-License-Identifier: BSD-2-Clause
// Sessions against scripted hosts: what goes over the wire, and what becomes of the recipients.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const rcpts[] = {"a@d.example", "b@d.example", "c@d.example", "d@d.example"};
#define BODY  "Subject: x\r\n\r\nhello\r\n"
#define PLAIN "250 mx\r\n" // an EHLO reply without PIPELINING

static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
static const struct target by_mx = {.kind = TARGET_MX};

static struct session_batch batch_of(uint32_t count)
{
    return (struct session_batch){
        .sender = "s@e.example", .rcpts = rcpts, .rcpt_count = count, .size = sizeof BODY - 1};
}

static char letter(const struct outcome *o)
{
    return o->result == OUTCOME_DELIVERED ? 'D'
           : o->result == OUTCOME_FAILED  ? 'F'
           : o->in_doubt                  ? '?'
                                          : 'T';
}

static void assert_outcomes(const struct world *w, uint32_t count, const char *want,
                            const char *name)
{
    char got[RCPTS_MAX + 1] = {0};
    for (uint32_t i = 0; i < count; i++)
        got[i] = w->has_outcome[i] ? letter(&w->outcomes[i]) : '-';
    if (strcmp(got, want) != 0)
        print_error("%s: outcomes %s, not %s (%s)\n", name, got, want, w->outcomes[0].text);
    assert_string_equal(got, want);
    assert_int_equal(w->done_count, 1);
    assert_int_equal(w->outcome_count, count);
}

// ---- one host, one batch -------------------------------------------------------------------

struct row {
    const char *name;
    struct script script;
    uint32_t rcpt_count;
    const char *outcomes; // D delivered, F failed, T deferred, ? in doubt; one for each
    const char *text;     // of the first outcome; NULL: any
    const char *status;   // of the first outcome; NULL: any
    enum outcome_scope scope;
    const char *wire; // NULL: any
    // Depends on replies that come in one segment: byte by byte, the next command is out before the
    // surplus reply comes, and nobody can tell that it was meant for another.
    bool is_early;
};

// A row is a case.
// clang-format off
static const struct row rows[] = {
    {"pipelined", {0}, 2, "DD", "250 2.0.0 Ok: queued as ABC", "2.0.0", SCOPE_NONE,
     "EHLO me.example\r\nMAIL FROM:<s@e.example>\r\nRCPT TO:<a@d.example>\r\n"
     "RCPT TO:<b@d.example>\r\nDATA\r\n" BODY ".\r\nQUIT\r\n"},
    {"one by one", {.ehlo = PLAIN}, 2, "DD", NULL, NULL, SCOPE_NONE,
     "EHLO me.example\r\nMAIL FROM:<s@e.example>\r\nRCPT TO:<a@d.example>\r\n"
     "RCPT TO:<b@d.example>\r\nDATA\r\n" BODY ".\r\nQUIT\r\n"},
    {"helo", {.steps = {{"EHLO", "502 what\r\n"}}}, 1, "D", NULL, NULL, SCOPE_NONE,
     "EHLO me.example\r\nHELO me.example\r\nMAIL FROM:<s@e.example>\r\nRCPT TO:<a@d.example>\r\n"
     "DATA\r\n" BODY ".\r\nQUIT\r\n"},
    {"size and 8bitmime are said only where offered", {.ehlo =
     "250-mx\r\n250-sIzE 1000\r\n250-8bitMIME\r\n250 pipelining\r\n"}, 1, "D", NULL, NULL,
     SCOPE_NONE,
     "EHLO me.example\r\nMAIL FROM:<s@e.example> SIZE=21\r\nRCPT TO:<a@d.example>\r\nDATA\r\n" BODY
     ".\r\nQUIT\r\n"},
    {"too big is not sent", {.ehlo = "250-mx\r\n250 SIZE 20\r\n"}, 2, "FF",
     "message size 21 exceeds size limit 20 of server 192.0.2.1[192.0.2.1]", "5.3.4", SCOPE_MESSAGE,
     "EHLO me.example\r\nQUIT\r\n"},
    {"size 0 is no limit", {.ehlo = "250-mx\r\n250 SIZE 0\r\n"}, 1, "D", NULL, NULL, SCOPE_NONE,
     NULL},
    {"each its own", {.steps = {{"RCPT", "250 ok\r\n"}, {"RCPT", "451 later\r\n"}, {"RCPT",
     "550 5.1.1 unknown\r\n"}}}, 4, "DTFD", NULL, NULL, SCOPE_RECIPIENT, NULL},
    {"each its own, one by one", {.ehlo = PLAIN, .steps = {{"RCPT", "550 5.1.1 unknown\r\n"},
     {"RCPT", "450 later\r\n"}}}, 3, "FTD", "550 5.1.1 unknown", "5.1.1", SCOPE_RECIPIENT, NULL},
    {"251 and 252 accept", {.steps = {{"RCPT", "251 will forward\r\n"}, {"RCPT", "252 ok\r\n"}}}, 2,
     "DD", NULL, NULL, SCOPE_NONE, NULL},
    {"mail refused for now", {.steps = {{"MAIL", "451 busy\r\n"}, {"RCPT", "503 no\r\n"}, {"RCPT",
     "503 no\r\n"}, {"DATA", "503 no\r\n"}}}, 2, "TT", "451 busy", "4.0.0", SCOPE_MESSAGE, NULL},
    {"mail refused for good", {.steps = {{"MAIL", "550 5.1.8 spam\r\n"}, {"RCPT", "503 no\r\n"},
     {"RCPT", "503 no\r\n"}, {"DATA", "503 no\r\n"}}}, 2, "FF", "550 5.1.8 spam", "5.1.8",
     SCOPE_MESSAGE, NULL},
    {"mail refused, one by one: nothing more is said", {.ehlo = PLAIN, .steps = {{"MAIL",
     "550 no\r\n"}}}, 2, "FF", NULL, NULL, SCOPE_MESSAGE,
     "EHLO me.example\r\nMAIL FROM:<s@e.example>\r\nQUIT\r\n"},
    {"nobody accepted, DATA refused", {.steps = {{"RCPT", "550 a\r\n"}, {"RCPT", "450 b\r\n"},
     {"DATA", "503 no\r\n"}}}, 2, "FT", NULL, NULL, SCOPE_RECIPIENT, NULL},
    {"nobody accepted, 354 all the same: lone dot", {.steps = {{"RCPT", "550 a\r\n"}, {"DATA",
     "354 go\r\n"}}}, 1, "F", "550 a", NULL, SCOPE_RECIPIENT,
     "EHLO me.example\r\nMAIL FROM:<s@e.example>\r\nRCPT "
     "TO:<a@d.example>\r\nDATA\r\n.\r\nQUIT\r\n"},
    {"mail refused, but a recipient and DATA taken: no dot that might deliver nothing", {.steps =
     {{"MAIL", "451 no\r\n"}}}, 1, "T", "451 no", NULL, SCOPE_MESSAGE,
     "EHLO me.example\r\nMAIL FROM:<s@e.example>\r\nRCPT TO:<a@d.example>\r\nDATA\r\n"},
    {"nobody accepted, one by one: no DATA", {.ehlo = PLAIN, .steps = {{"RCPT", "550 a\r\n"}}}, 1,
     "F", NULL, NULL, SCOPE_RECIPIENT,
     "EHLO me.example\r\nMAIL FROM:<s@e.example>\r\nRCPT TO:<a@d.example>\r\nQUIT\r\n"},
    {"data refused", {.steps = {{"DATA", "554 no\r\n"}}}, 2, "FF", "554 no", NULL, SCOPE_MESSAGE,
     NULL},
    {"data refused for now", {.steps = {{"DATA", "451 no\r\n"}}}, 2, "TT", NULL, NULL,
     SCOPE_MESSAGE, NULL},
    {"351 is a go-ahead", {.steps = {{"DATA", "351 send\r\n"}}}, 1, "D", NULL, NULL, SCOPE_NONE,
     NULL},
    {"250 to DATA is not", {.steps = {{"DATA", "250 what\r\n"}}}, 1, "T", NULL, "4.5.0", SCOPE_HOST,
     NULL},
    {"354 to MAIL is not a yes", {.steps = {{"MAIL", "354 what\r\n"}}}, 1, "T", NULL, NULL,
     SCOPE_HOST, NULL},
    {"refused after the dot", {.steps = {{".", "550 5.7.1 spam\r\n"}}}, 2, "FF", NULL, "5.7.1",
     SCOPE_MESSAGE, NULL},
    {"refused for now after the dot", {.steps = {{".", "451 4.3.0 busy\r\n"}}}, 2, "TT", NULL,
     "4.3.0", SCOPE_MESSAGE, NULL},
    {"421 after the dot is an answer", {.steps = {{".", "421 4.3.2 bye\r\n<CLOSE>"}}}, 1, "T", NULL,
     "4.3.2", SCOPE_HOST, NULL},
    {"nonsense after the dot", {.steps = {{".", "850 NONSENSE\r\n"}}}, 1, "?", NULL, "4.4.2",
     SCOPE_MESSAGE, NULL},
    {"greeting 554", {.banner = "554 5.7.1 no\r\n"}, 1, "T", "554 5.7.1 no", "4.7.1", SCOPE_LOCAL,
     "QUIT\r\n"},
    {"a relay that refuses us at MAIL", {.steps = {{"MAIL", "550 5.7.1 not for you\r\n"}, {"RCPT",
     "503 no\r\n"}, {"DATA", "503 no\r\n"}}}, 1, "T", "550 5.7.1 not for you", "4.7.1", SCOPE_LOCAL,
     NULL},
    {"a relay that refuses us for one", {.steps = {{"RCPT", "550 5.7.1 unable to relay\r\n"}}}, 2,
     "TD", "550 5.7.1 unable to relay", "4.7.1", SCOPE_LOCAL, NULL},
    {"greeting 450", {.banner = "450 busy\r\n"}, 1, "T", NULL, NULL, SCOPE_HOST, NULL},
    {"greeting 421", {.banner = "421 busy\r\n"}, 1, "T", NULL, NULL, SCOPE_HOST, ""},
    {"greeting of something else", {.banner = "SSH-2.0-x\r\n"}, 1, "T", NULL, "4.5.0", SCOPE_HOST,
     ""},
    {"ehlo 450", {.steps = {{"EHLO", "450 busy\r\n"}}}, 1, "T", NULL, NULL, SCOPE_HOST,
     "EHLO me.example\r\nQUIT\r\n"},
    {"ehlo and helo 550", {.steps = {{"EHLO", "550 a\r\n"}, {"HELO", "550 b\r\n"}}}, 2, "TT", NULL,
     NULL, SCOPE_LOCAL, NULL},
    {"mixed codes", {.steps = {{"RCPT", "550-5.1.1 a\r\n450 4.1.1 b\r\n"}}}, 1, "T", NULL, NULL,
     SCOPE_HOST, NULL},
    {"four digits", {.steps = {{"RCPT", "5500 no\r\n"}}}, 1, "T", NULL, NULL, SCOPE_HOST, NULL},
    {"codes alone", {.steps = {{"MAIL", "250\r\n"}, {"RCPT", "250\r\n"}, {"DATA", "354\r\n"}, {".",
     "250\r\n"}}}, 1, "D", "250", NULL, SCOPE_NONE, NULL},
    {"421 to one recipient is the host's", {.steps = {{"RCPT", "250 ok\r\n"}, {"RCPT",
     "421 bye\r\n<CLOSE>"}}}, 3, "TTT", "421 bye", NULL, SCOPE_HOST, NULL},
    {"a recipient that was refused for good stays so", {.steps = {{"RCPT", "550 5.1.1 no\r\n"},
     {"RCPT", "<CLOSE>"}}}, 2, "FT", "550 5.1.1 no", NULL, SCOPE_HOST, NULL},
    {"552 to RCPT means 452", {.steps = {{"RCPT", "552 too many recipients\r\n"}}}, 2, "TD", NULL,
     "4.0.0", SCOPE_RECIPIENT, NULL},
    {"quit is of no matter", {.steps = {{"QUIT", "500 what\r\n"}}}, 1, "D", NULL, NULL, SCOPE_NONE,
     NULL},
    {"quit may hang", {.steps = {{"QUIT", "<HANG>"}}}, 1, "D", NULL, NULL, SCOPE_NONE, NULL},
    {"quit may reset", {.steps = {{"QUIT", "<RST>"}}}, 1, "D", NULL, NULL, SCOPE_NONE, NULL},
    {"replies ahead of commands", {.ehlo = PLAIN, .steps = {{"MAIL",
     "250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n"}}}, 1, "T", NULL, "4.5.0", SCOPE_HOST,
     "EHLO me.example\r\nMAIL FROM:<s@e.example>\r\n", true},
    {"a reply to the dot ahead of the body", {.steps = {{"DATA", "354 go\r\n250 queued\r\n"}}}, 1,
     "T", NULL, "4.5.0", SCOPE_MESSAGE, NULL, true},
    {"an EHLO reply ahead of EHLO", {.banner = "220 hi\r\n250 mx\r\n"}, 1, "T", NULL, NULL,
     SCOPE_HOST, "", true},
    {"a second EHLO reply", {.ehlo = "250 mx\r\n250 mx\r\n"}, 1, "T", NULL, NULL, SCOPE_HOST,
     "EHLO me.example\r\n", true},
    {"more after the final reply does not undo it", {.steps = {{".",
     "250 ok\r\n421 bye\r\n<CLOSE>"}}}, 1, "D", NULL, NULL, SCOPE_NONE, NULL},
    {"refusal while content goes out", {.steps = {{"DATA", "354 go\r\n552 5.3.4 too big\r\n"}}}, 1,
     "T", "552 5.3.4 too big", "4.3.4", SCOPE_MESSAGE, NULL, true},
};
// clang-format on

static void run_row(const struct row *r, size_t chunk_size)
{
    struct world w = {.scripts = &r->script,
                      .script_count = 1,
                      .body = SLICE_LIT(BODY),
                      .chunk_size = chunk_size};
    struct session_batch b = batch_of(r->rcpt_count);
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_outcomes(&w, r->rcpt_count, r->outcomes, r->name);
    assert_int_equal(w.scope, r->scope);
    assert_int_equal(w.has_host_failure, r->scope >= SCOPE_HOST);
    if (r->text)
        assert_string_equal(w.outcomes[0].text, r->text);
    if (r->status)
        assert_string_equal(w.outcomes[0].status, r->status);
    assert_string_equal(w.outcomes[0].host, "192.0.2.1");
    assert_string_equal(w.outcomes[0].ip, "192.0.2.1");
    assert_int_equal(w.outcomes[0].port, 25);
    world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
    world_run(&w);
    assert_true(w.has_ended);
    assert_false(w.is_connected);
    if (r->wire && strcmp(r->wire, w.wire.p ? w.wire.p : "") != 0)
        print_error("%s\n", r->name);
    if (r->wire)
        assert_string_equal(w.wire.p ? w.wire.p : "", r->wire);
    world_close(&w);
}

static void test_one_host(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run_row(&rows[i], 0);
        if (!rows[i].is_early)
            run_row(&rows[i], 1);
    }
}

static void test_pipelined_group_is_one_send(void **state)
{
    (void)state;
    struct script script = {0};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(4);
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_int_equal(w.sends, 3); // EHLO; MAIL to DATA; content with its end mark
    assert_true(w.can_reuse);
    world_give(&w, &b);
    assert_int_equal(w.sends, 5);
    assert_int_equal(w.connections, 1);
    assert_int_equal(session_delivered_count(w.session), 2);
    assert_true(session_is_idle(w.session));
    world_close(&w);
}

static void test_many_recipients_in_groups(void **state)
{
    (void)state;
    static const char *many[RCPTS_MAX];
    static char names[RCPTS_MAX][24];
    for (int i = 0; i < RCPTS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "u%d@d.example", i);
        many[i] = names[i];
    }
    static const uint32_t counts[] = {1, 99, 100, 101, 200, 201, RCPTS_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct script script = {.steps = {{"RCPT", "550 no\r\n"}}};
        struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
        struct session_batch b = batch_of(1);
        b.rcpts = many;
        b.rcpt_count = counts[i];
        world_open(&w, &relay, 1, "d.example");
        world_give(&w, &b);
        assert_int_equal(w.outcome_count, counts[i]);
        assert_int_equal(letter(&w.outcomes[0]), 'F');
        for (uint32_t k = 1; k < counts[i]; k++)
            assert_int_equal(letter(&w.outcomes[k]), 'D');
        world_close(&w);
    }
}

static void test_8bit_is_declared(void **state)
{
    (void)state;
    struct script script = {.ehlo = "250-mx\r\n250 8BITMIME\r\n"};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(1);
    b.is_8bit = true;
    b.sender = "";
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_non_null(strstr(w.wire.p, "MAIL FROM:<> BODY=8BITMIME\r\n"));
    world_close(&w);
}

#define EIGHT                                                                                      \
    "Subject: x\r\n\r\nGr\xC3\xBC\xC3\x9F"                                                         \
    "e an alle, die das hier lesen\r\n.\r\nx\r\n"
#define EIGHT_FIELDS                                                                               \
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"                             \
    "Content-Transfer-Encoding: quoted-printable\r\n"

struct narrow_row {
    const char *name;
    enum eight_bit setting;
    const char *ehlo;              // NULL: EHLO is refused
    const char *message, *content; // NULL: nothing is sent
    bool broke_signature;
};

// A row is a case.
// clang-format off
static const struct narrow_row narrow_rows[] = {
    {"converted", EIGHT_BIT_CONVERT, "250-mx\r\n250 SIZE\r\n", EIGHT,
     "Subject: x\r\n" EIGHT_FIELDS "\r\nGr=C3=BC=C3=9Fe an alle, die das hier lesen\r\n.\r\nx\r\n",
     false},
    {"a host without EHLO", EIGHT_BIT_CONVERT, NULL, EIGHT,
     "Subject: x\r\n" EIGHT_FIELDS "\r\nGr=C3=BC=C3=9Fe an alle, die das hier lesen\r\n.\r\nx\r\n",
     false},
    {"a signature", EIGHT_BIT_CONVERT, "250 mx\r\n", "DKIM-Signature: v=1\r\n" EIGHT,
     "DKIM-Signature: v=1\r\nSubject: x\r\n" EIGHT_FIELDS
     "\r\nGr=C3=BC=C3=9Fe an alle, die das hier lesen\r\n.\r\nx\r\n", true},
    {"sent", EIGHT_BIT_SEND, "250 mx\r\n", EIGHT, EIGHT, false},
    {"bounced", EIGHT_BIT_BOUNCE, "250 mx\r\n", EIGHT, NULL, false},
    {"a host that takes 8 bits", EIGHT_BIT_BOUNCE, "250-mx\r\n250 8BITMIME\r\n", EIGHT, EIGHT,
     false},
};
// clang-format on

static void run_narrow(const struct narrow_row *r, size_t piece_size, size_t chunk_size)
{
    struct script script = {.ehlo = r->ehlo};
    if (!r->ehlo)
        script.steps[0] = (struct script_step){"EHLO", "502 what\r\n"};
    struct world w = {.scripts = &script,
                      .script_count = 1,
                      .body = slice_str(r->message),
                      .piece_size = piece_size,
                      .chunk_size = chunk_size,
                      .eight_bit = r->setting};
    struct session_batch b = batch_of(2);
    b.is_8bit = true;
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_outcomes(&w, 2, r->content ? "DD" : "FF", r->name);
    assert_string_equal(w.outcomes[1].status, r->content ? "2.0.0" : "5.6.3");
    assert_int_equal(w.broke_signature, r->broke_signature);
    assert_int_equal(buf_add_byte(&w.content, '\0'), FP_OK);
    assert_string_equal(w.content.p, r->content ? r->content : "");
    world_close(&w);
}

static void test_8bit_at_hosts_without_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof narrow_rows / sizeof narrow_rows[0]; i++)
        for (size_t piece = 0; piece < 5; piece++)
            run_narrow(&narrow_rows[i], piece, piece % 2);
}

// More comes of a piece than fits into one call; the piece is not given up before it is used up.
static void test_a_long_8bit_body(void **state)
{
    (void)state;
    struct script script = {.ehlo = "250 mx\r\n"};
    struct buf body;
    buf_init(&body, SIZE_MAX);
    buf_addf(&body, "Subject: x\r\n\r\n");
    for (int i = 0; i < 20000; i++)
        buf_addf(&body, "line %d is \xC3\xBC\r\n", i);
    struct world w = {
        .scripts = &script, .script_count = 1, .body = buf_slice(&body), .piece_size = 65536};
    struct session_batch b = batch_of(1);
    b.is_8bit = true;
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_outcomes(&w, 1, "D", "long");
    assert_int_equal(buf_add_byte(&w.content, '\0'), FP_OK);
    assert_non_null(strstr(w.content.p, "line 0 is =C3=BC\r\n"));
    assert_non_null(strstr(w.content.p, "line 19999 is =C3=BC\r\n"));
    assert_null(strchr(w.content.p, '\xC3'));
    buf_close(&body);
    world_close(&w);
}

static void test_dsn_is_said_where_offered(void **state)
{
    (void)state;
    static const struct session_dsn dsn[] = {
        {DSN_SUCCESS | DSN_DELAY, "rfc822;x+2B@y"}, {0, NULL}, {DSN_NEVER, ""}};
    static const struct {
        const char *ehlo, *wire;
        enum outcome_onward onward;
    } hosts[] = {
        {"250-mx\r\n250-PIPELINING\r\n250 DSN\r\n",
         "MAIL FROM:<s@e.example> RET=HDRS ENVID=Q+31\r\n"
         "RCPT TO:<a@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2B@y\r\n"
         "RCPT TO:<b@d.example>\r\nRCPT TO:<c@d.example> NOTIFY=NEVER\r\nDATA\r\n",
         ONWARD_PROMISED},
        {"250-mx\r\n250 PIPELINING\r\n",
         "MAIL FROM:<s@e.example>\r\nRCPT TO:<a@d.example>\r\nRCPT TO:<b@d.example>\r\n"
         "RCPT TO:<c@d.example>\r\nDATA\r\n",
         ONWARD_RELAYED},
    };
    for (size_t i = 0; i < 2; i++) {
        struct script script = {.ehlo = hosts[i].ehlo};
        struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
        struct session_batch b = batch_of(3);
        b.ret = DSN_RET_HDRS;
        b.envid = "Q+31";
        b.dsn = dsn;
        world_open(&w, &relay, 1, "d.example");
        world_give(&w, &b);
        assert_outcomes(&w, 3, "DDD", hosts[i].ehlo);
        assert_int_equal(w.outcomes[2].onward, hosts[i].onward);
        assert_non_null(strstr(w.wire.p, hosts[i].wire));
        world_close(&w);
    }
}

static void test_priority_is_said_where_offered(void **state)
{
    (void)state;
    static const struct {
        const char *ehlo;
        int8_t priority;
        const char *mail;
    } hosts[] = {
        {"250-mx\r\n250 MT-PRIORITY MIXER\r\n", 4, "MAIL FROM:<s@e.example> MT-PRIORITY=4\r\n"},
        {"250-mx\r\n250 MT-PRIORITY\r\n", -9, "MAIL FROM:<s@e.example> MT-PRIORITY=-9\r\n"},
        {"250-mx\r\n250 MT-PRIORITY\r\n", 0, "MAIL FROM:<s@e.example>\r\n"},
        {"250 mx\r\n", 4, "MAIL FROM:<s@e.example>\r\n"},
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct script script = {.ehlo = hosts[i].ehlo};
        struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
        struct session_batch b = batch_of(1);
        b.priority = hosts[i].priority;
        world_open(&w, &relay, 1, "d.example");
        world_give(&w, &b);
        assert_outcomes(&w, 1, "D", hosts[i].mail);
        assert_non_null(strstr(w.wire.p, hosts[i].mail));
        world_close(&w);
    }
}

// As long as they may be, all of a group.
static void test_the_longest_group(void **state)
{
    (void)state;
    static char address[MESSAGE_ADDRESS_MAX + 1], orcpt[DSN_ORCPT_MAX + 1];
    static const char *many[RCPTS_MAX];
    static struct session_dsn dsn[RCPTS_MAX];
    memset(address, 'a', MESSAGE_ADDRESS_MAX);
    memset(orcpt, 'b', DSN_ORCPT_MAX);
    for (int i = 0; i < RCPTS_MAX; i++) {
        many[i] = address;
        dsn[i] = (struct session_dsn){DSN_SUCCESS | DSN_FAILURE | DSN_DELAY, orcpt};
    }
    struct script script = {.ehlo = "250-mx\r\n250-PIPELINING\r\n250 DSN\r\n"};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(1);
    b.rcpts = many;
    b.rcpt_count = RCPTS_MAX;
    b.dsn = dsn;
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_int_equal(w.outcome_count, RCPTS_MAX);
    world_close(&w);
}

static void test_addresses_that_cannot_be_said(void **state)
{
    (void)state;
    static const char *const bad[] = {"a@d.example>\r\nRCPT TO:<x@y.example", "b@d.example"};
    struct script script = {0};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(2);
    b.rcpts = bad;
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_outcomes(&w, 2, "FD", "bad recipient");
    assert_null(strstr(w.wire.p, "x@y.example"));
    b.sender = "s\r\nQUIT";
    world_give(&w, &b);
    assert_outcomes(&w, 2, "FF", "bad sender");
    world_close(&w);
}

// ---- several batches on a connection -------------------------------------------------------

static void test_rset_before_the_next(void **state)
{
    (void)state;
    struct script script = {.steps = {{"RCPT", "550 no\r\n"}, {"DATA", "503 no\r\n"}}};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(1);
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_outcomes(&w, 1, "F", "first");
    assert_true(w.can_reuse);
    world_give(&w, &b);
    assert_outcomes(&w, 1, "D", "second");
    assert_non_null(strstr(w.wire.p, "RSET\r\nMAIL"));
    world_give(&w, &b);
    assert_outcomes(&w, 1, "D", "third");
    assert_null(strstr(strstr(w.wire.p, "RSET") + 4, "RSET")); // a delivered message needs none
    world_close(&w);
}

struct reuse_row {
    const char *name;
    struct script first, second;
    const char *outcomes;
    uint32_t connections;
};

// A row is a case.
// clang-format off
static const struct reuse_row reuse_rows[] = {
    {"closed at MAIL: opened again", {.steps = {{"MAIL", "250 ok\r\n"}, {"MAIL", "<CLOSE>"}}}, {0},
     "D", 2},
    {"reset at MAIL: opened again", {.steps = {{"MAIL", "250 ok\r\n"}, {"MAIL", "<RST>"}}}, {0},
     "D", 2},
    {"enough messages: opened again", {.steps = {{"MAIL", "250 ok\r\n"}, {"MAIL",
     "421 enough\r\n<CLOSE>"}}}, {0}, "D", 2},
    {"closed behind the first: opened again", {.steps = {{".", "250 ok\r\n<CLOSE>"}}}, {0}, "D", 2},
    {"only once", {.steps = {{"MAIL", "250 ok\r\n"}, {"MAIL", "<CLOSE>"}}}, {.steps = {{"MAIL",
     "<CLOSE>"}}}, "T", 2},
    {"not when MAIL was answered", {.steps = {{"RCPT", "250 ok\r\n"}, {"RCPT", "<CLOSE>"}}}, {0},
     "T", 1},
};
// clang-format on

static void test_reuse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reuse_rows / sizeof reuse_rows[0]; i++) {
        const struct reuse_row *r = &reuse_rows[i];
        struct script scripts[] = {r->first, r->second};
        struct world w = {.scripts = scripts, .script_count = 2, .body = SLICE_LIT(BODY)};
        struct session_batch b = batch_of(1);
        world_open(&w, &relay, 1, "d.example");
        world_give(&w, &b);
        assert_outcomes(&w, 1, "D", r->name);
        assert_true(w.can_reuse);
        world_give(&w, &b);
        assert_outcomes(&w, 1, r->outcomes, r->name);
        assert_int_equal(w.connections, r->connections);
        world_close(&w);
    }
}

static void test_idle_connection_closed_by_the_host(void **state)
{
    (void)state;
    struct script script = {0};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(1);
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    host_say(&w, "421 idle too long\r\n<CLOSE>");
    world_run(&w);
    assert_false(session_is_idle(w.session));
    assert_false(w.is_connected);
    assert_false(w.has_ended);
    world_give(&w, &b);
    assert_outcomes(&w, 1, "D", "after idle");
    assert_int_equal(w.connections, 2);
    world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
    world_run(&w);
    assert_true(w.has_ended);
    world_close(&w);
}

static void test_quit_under_way(void **state)
{
    (void)state;
    struct script script = {0};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(1);
    world_open(&w, &relay, 1, "d.example");
    world_feed(&w, (struct session_event){.kind = SESSION_BATCH, .batch = &b});
    world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
    world_run(&w);
    assert_outcomes(&w, 1, "D", "quit under way");
    assert_false(w.can_reuse);
    assert_true(w.has_ended);
    assert_non_null(strstr(w.wire.p, ".\r\nQUIT\r\n"));
    world_close(&w);
}

// ---- our own failures ----------------------------------------------------------------------

static void test_body_cannot_be_read(void **state)
{
    (void)state;
    struct script script = {.steps = {{"RCPT", "550 no\r\n"}}};
    struct world w = {
        .scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY), .body_fails = true};
    struct session_batch b = batch_of(2);
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_outcomes(&w, 2, "FT", "body fails");
    assert_int_equal(w.scope, SCOPE_LOCAL);
    assert_int_equal(w.outcomes[1].scope, SCOPE_LOCAL);
    assert_true(w.has_ended && !w.is_connected);
    assert_null(strstr(w.wire.p, "\r\n.\r\n"));
    world_close(&w);
}

static void test_abort(void **state)
{
    (void)state;
    static const struct {
        const char *verb, *outcome;
    } at[] = {{"EHLO", "T"}, {"MAIL", "T"}, {"RCPT", "T"}, {"DATA", "T"}, {".", "?"}};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        struct script script = {.steps = {{at[i].verb, "<HANG>"}}};
        struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
        struct session_batch b = batch_of(1);
        world_open(&w, &relay, 1, "d.example");
        world_feed(&w, (struct session_event){.kind = SESSION_BATCH, .batch = &b});
        while (w.first) { // until it hangs; not by waiting
            struct world_event *e = w.first;
            w.first = e->next;
            w.last = e->next ? w.last : NULL;
            world_feed(&w, e->event);
            free(e->bytes);
            free(e->name);
            free(e);
        }
        assert_int_equal(w.done_count, 0);
        world_feed(&w, (struct session_event){.kind = SESSION_ABORT});
        assert_outcomes(&w, 1, at[i].outcome, at[i].verb);
        assert_int_equal(w.scope, SCOPE_LOCAL);
        assert_true(w.has_ended && !w.is_connected);
        world_close(&w);
    }
}

// ---- names and other hosts -----------------------------------------------------------------

static const struct world_dns zone[] = {
    {"d.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 mx1.d.example", "20 mx2.d.example"}},
    {"mx1.d.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.11", "192.0.2.12"}},
    {"mx1.d.example", DNS_TYPE_AAAA, DNS_ANSWER_OK, {"2001:db8::11", "2001:db8::12"}},
    {"mx2.d.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.21"}},
    {"mx2.d.example", DNS_TYPE_AAAA, DNS_ANSWER_NODATA, {0}},
    {"implicit.example", DNS_TYPE_MX, DNS_ANSWER_NODATA, {0}},
    {"implicit.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.31"}},
    {"implicit.example", DNS_TYPE_AAAA, DNS_ANSWER_SERVFAIL, {0}},
    {"nothing.example", DNS_TYPE_MX, DNS_ANSWER_NODATA, {0}},
    {"nothing.example", DNS_TYPE_A, DNS_ANSWER_NODATA, {0}},
    {"nothing.example", DNS_TYPE_AAAA, DNS_ANSWER_NODATA, {0}},
    {"halfdead.example", DNS_TYPE_MX, DNS_ANSWER_NODATA, {0}},
    {"halfdead.example", DNS_TYPE_A, DNS_ANSWER_NODATA, {0}},
    {"halfdead.example", DNS_TYPE_AAAA, DNS_ANSWER_TIMEOUT, {0}},
    {"null.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"0 "}},
    {"servfail.example", DNS_TYPE_MX, DNS_ANSWER_SERVFAIL, {0}},
    {"timeout.example", DNS_TYPE_MX, DNS_ANSWER_TIMEOUT, {0}},
    {"bad.example", DNS_TYPE_MX, DNS_ANSWER_BAD, {0}},
    {"circle.example", DNS_TYPE_MX, DNS_ANSWER_NODATA, {0}},
    {"circle.example", DNS_TYPE_A, DNS_ANSWER_ALIAS_LOOP, {0}},
    {"circle.example", DNS_TYPE_AAAA, DNS_ANSWER_ALIAS_LOOP, {0}},
    {"loop.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 ME.example", "20 mx2.d.example"}},
    {"below.example",
     DNS_TYPE_MX,
     DNS_ANSWER_OK,
     {"10 mx2.d.example", "20 me.example", "30 x.example"}},
    {"gone.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 nowhere.example", "20 nowhere2.example"}},
    {"mixed.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 mx2.d.example", "20 nowhere.example"}},
    {"local.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 localhost"}},
    {NULL},
};

struct dns_row {
    const char *name, *domain;
    const char *target; // NULL: by MX; else a relay's name
    struct script scripts[6];
    const char *outcome, *status, *text;
    enum outcome_scope scope;
    const char *trace; // CONNECT and DISCONNECT lines only, NULL: any
};

#define REFUSED                                                                                    \
    {                                                                                              \
        .connect = "refused"                                                                       \
    }

// A row is a case.
// clang-format off
static const struct dns_row dns_rows[] = {
    {"first address", "d.example", NULL, {{0}}, "D", "2.0.0", NULL, SCOPE_NONE,
     "CONNECT 2001:db8::11:25\n"},
    {"in turns, then the next host", "d.example", NULL, {REFUSED, REFUSED, REFUSED, REFUSED, {0}},
     "D", NULL, NULL, SCOPE_NONE,
     "CONNECT 2001:db8::11:25\nCONNECT 192.0.2.11:25\nCONNECT 2001:db8::12:25\n"
     "CONNECT 192.0.2.12:25\nCONNECT 192.0.2.21:25\n"},
    {"all refused: the last is told", "d.example", NULL, {REFUSED, REFUSED, REFUSED, REFUSED,
     REFUSED}, "T", "4.4.1", "connect to mx2.d.example[192.0.2.21]:25: Connection refused",
     SCOPE_HOST, NULL},
    {"no answer to connect: the next address", "d.example", NULL, {{.connect = "hang"}, {0}}, "D",
     NULL, NULL, SCOPE_NONE, "CONNECT 2001:db8::11:25\nDISCONNECT\nCONNECT 192.0.2.11:25\n"},
    {"greeting 554: the next host", "d.example", NULL, {{.banner = "554 no\r\n"}, {0}}, "D", NULL,
     NULL, SCOPE_NONE, "CONNECT 2001:db8::11:25\nDISCONNECT\nCONNECT 192.0.2.21:25\n"},
    {"greeting 554 everywhere", "d.example", NULL, {{.banner = "554 no\r\n"}, {.banner =
     "521 never\r\n"}}, "T", "4.0.0", "521 never", SCOPE_HOST, NULL},
    {"421 to MAIL: the next host", "d.example", NULL, {{.steps = {{"MAIL", "421 no\r\n<CLOSE>"}}},
     {0}}, "D", NULL, NULL, SCOPE_NONE,
     "CONNECT 2001:db8::11:25\nDISCONNECT\nCONNECT 192.0.2.21:25\n"},
    {"reset at RCPT: the next address", "d.example", NULL, {{.steps = {{"RCPT", "<RST>"}}}, {0}},
     "D", NULL, NULL, SCOPE_NONE, "CONNECT 2001:db8::11:25\nDISCONNECT\nCONNECT 192.0.2.11:25\n"},
    {"550 to RCPT: no other host", "d.example", NULL, {{.steps = {{"RCPT", "550 no\r\n"}}}, {0}},
     "F", NULL, "550 no", SCOPE_RECIPIENT, "CONNECT 2001:db8::11:25\n"},
    {"lost after the dot: no other host", "d.example", NULL, {{.steps = {{".", "<RST>"}}}, {0}},
     "?", "4.4.2", NULL, SCOPE_MESSAGE, "CONNECT 2001:db8::11:25\nDISCONNECT\n"},
    {"implicit, although AAAA fails", "implicit.example", NULL, {{0}}, "D", NULL, NULL, SCOPE_NONE,
     "CONNECT 192.0.2.31:25\n"},
    {"literal", "[192.0.2.9]", NULL, {{0}}, "D", NULL, NULL, SCOPE_NONE, "CONNECT 192.0.2.9:25\n"},
    {"IPv6 literal", "[IPv6:2001:db8::9]", NULL, {{0}}, "D", NULL, NULL, SCOPE_NONE,
     "CONNECT 2001:db8::9:25\n"},
    {"no such domain", "nx.example", NULL, {{0}}, "F", "5.1.2", NULL, SCOPE_RECIPIENT, ""},
    {"neither MX nor address", "nothing.example", NULL, {{0}}, "F", "5.1.2", NULL, SCOPE_RECIPIENT,
     ""},
    {"neither, as far as we know", "halfdead.example", NULL, {{0}}, "T", "4.4.3", NULL, SCOPE_HOST,
     ""},
    {"null MX", "null.example", NULL, {{0}}, "F", "5.1.10", NULL, SCOPE_RECIPIENT, ""},
    {"servfail", "servfail.example", NULL, {{0}}, "T", "4.4.3", NULL, SCOPE_HOST, ""},
    {"timeout", "timeout.example", NULL, {{0}}, "T", "4.4.3", NULL, SCOPE_HOST, ""},
    {"bad answer", "bad.example", NULL, {{0}}, "T", "4.4.3", NULL, SCOPE_HOST, ""},
    {"aliases in a circle", "circle.example", NULL, {{0}}, "T", "4.4.3",
     "Host or domain name not found. Name service error for name=circle.example: its aliases "
     "(CNAME) loop",
     SCOPE_HOST, ""},
    {"we are the best MX", "loop.example", NULL, {{0}}, "F", "5.4.6", NULL, SCOPE_RECIPIENT, ""},
    {"only what is better than we", "below.example", NULL, {REFUSED}, "T", "4.4.1", NULL,
     SCOPE_HOST, "CONNECT 192.0.2.21:25\n"},
    {"MX hosts that do not exist", "gone.example", NULL, {{0}}, "F", "5.4.4", NULL, SCOPE_RECIPIENT,
     ""},
    {"one that refuses outweighs one that does not exist", "mixed.example", NULL, {REFUSED}, "T",
     "4.4.1", NULL, SCOPE_HOST, NULL},
    {"MX is localhost", "local.example", NULL, {{0}}, "F", "5.4.4", NULL, SCOPE_RECIPIENT, ""},
    {"a relay by name", "d.example", "mx2.d.example", {{0}}, "D", NULL, NULL, SCOPE_NONE,
     "CONNECT 192.0.2.21:2525\n"},
    {"a relay that does not exist is our mistake", "d.example", "typo.example", {{0}}, "T", "4.3.5",
     NULL, SCOPE_HOST, ""},
};
// clang-format on

static void keep_connects(const struct buf *trace, char *to)
{
    to[0] = '\0';
    for (const char *p = trace->p; p && *p;) {
        const char *nl = strchr(p, '\n');
        if (strncmp(p, "CONNECT", 7) == 0 || strncmp(p, "DISCONNECT", 10) == 0)
            strncat(to, p, (size_t)(nl - p) + 1);
        p = nl + 1;
    }
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dns_rows / sizeof dns_rows[0]; i++) {
        const struct dns_row *r = &dns_rows[i];
        struct target t = {.kind = TARGET_SMTP, .host = (char *)(uintptr_t)r->target, .port = 2525};
        struct world w = {
            .scripts = r->scripts, .script_count = 6, .dns = zone, .body = SLICE_LIT(BODY)};
        struct session_batch b = batch_of(1);
        char connects[4096];
        world_open(&w, r->target ? &t : &by_mx, 1, r->domain);
        world_give(&w, &b);
        assert_outcomes(&w, 1, r->outcome, r->name);
        if (r->status && strcmp(w.outcomes[0].status, r->status) != 0)
            print_error("%s: %s\n", r->name, w.outcomes[0].text);
        if (r->status)
            assert_string_equal(w.outcomes[0].status, r->status);
        if (r->text)
            assert_string_equal(w.outcomes[0].text, r->text);
        assert_int_equal(w.scope, r->scope);
        keep_connects(&w.trace, connects);
        if (r->trace)
            assert_string_equal(connects, r->trace);
        world_close(&w);
    }
}

// Ourselves by an address: neither that host nor what is not preferred to it.
static void test_own_address(void **state)
{
    (void)state;
    static const struct {
        const char *own, *want, *status, *ip; // ip: of the only host that is tried, or NULL
    } cases[] = {
        {" ", "D", "2.0.0", "2001:db8::11"},
        {" 192.0.2.12:25 ", "F", "5.4.6", NULL}, // the best host
        {" 2001:db8::11:25 127.0.0.1:25 ", "F", "5.4.6", NULL},
        {" 192.0.2.21:25 ", "T", "4.4.1", "2001:db8::11"}, // the second, and the first is down
        {" 192.0.2.1:25 192.0.2.2:25 192.0.2.12:587 ", "D", "2.0.0", "2001:db8::11"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool is_down = cases[i].want[0] == 'T';
        struct script script = {.connect = is_down ? "refused" : NULL};
        struct world w = {
            .scripts = &script, .script_count = 1, .dns = zone, .body = SLICE_LIT(BODY)};
        struct session_batch b = batch_of(1);
        world_open(&w, &by_mx, 1, "d.example");
        session_free(w.session);
        w.settings.own_places = cases[i].own;
        w.session = session_new(&w.settings, &by_mx, 1, "d.example", 1);
        world_give(&w, &b);
        assert_outcomes(&w, 1, cases[i].want, cases[i].own);
        assert_string_equal(w.outcomes[0].status, cases[i].status);
        assert_int_equal(w.connections, cases[i].ip ? (is_down ? 4 : 1) : 0);
        world_close(&w);
    }
}

// The same by what a route says, and by the addresses that only seem to be others.
static void test_own_address_of_a_route(void **state)
{
    (void)state;
    static const char own[] = " 127.0.0.1:25 ::1:25 192.0.2.9:2525 ";
    static const struct {
        const char *host;
        uint16_t port;
        bool is_own;
    } cases[] = {
        {"127.0.0.1", 25, true},
        {"127.0.0.1", 2525, false},
        {"192.0.2.9", 2525, true},
        {"192.0.2.9", 25, false},
        {"::1", 25, true},
        {"0.0.0.0", 25, true},
        {"::", 25, true},
        {"0.0.0.0", 2525, false},
        {"::ffff:127.0.0.1", 25, true},
        {"::ffff:192.0.2.9", 25, false},
        {"::ffff:0.0.0.0", 25, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct script script = {0};
        struct target t = {
            .kind = TARGET_SMTP, .host = (char *)(uintptr_t)cases[i].host, .port = cases[i].port};
        struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
        struct session_batch b = batch_of(1);
        world_open(&w, &t, 1, "d.example");
        session_free(w.session);
        w.settings.own_places = own;
        w.session = session_new(&w.settings, &t, 1, "d.example", 1);
        world_give(&w, &b);
        assert_outcomes(&w, 1, cases[i].is_own ? "F" : "D", cases[i].host);
        assert_string_equal(w.outcomes[0].status, cases[i].is_own ? "5.4.6" : "2.0.0");
        world_close(&w);
    }
}

static void test_targets_in_order(void **state)
{
    (void)state;
    struct script scripts[] = {REFUSED, {0}};
    struct target targets[] = {{.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25},
                               {.kind = TARGET_SMTP, .host = (char *)"2001:db8::2", .port = 587}};
    struct world w = {.scripts = scripts, .script_count = 2, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(1);
    world_open(&w, targets, 2, "d.example");
    world_give(&w, &b);
    assert_outcomes(&w, 1, "D", "second target");
    assert_string_equal(w.outcomes[0].ip, "2001:db8::2");
    assert_int_equal(w.outcomes[0].port, 587);
    world_close(&w);
}

static void test_tries_are_bounded(void **state)
{
    (void)state;
    struct world_dns wide[10] = {{"w.example",
                                  DNS_TYPE_MX,
                                  DNS_ANSWER_OK,
                                  {"1 a.example", "1 b.example", "1 c.example", "1 e.example"}}};
    static const char *const names[] = {"a.example", "b.example", "c.example", "e.example"};
    for (int i = 0; i < 4; i++) {
        wide[1 + i] = (struct world_dns){names[i],
                                         DNS_TYPE_A,
                                         DNS_ANSWER_OK,
                                         {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4",
                                          "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8"}};
        wide[5 + i] =
            (struct world_dns){names[i],
                               DNS_TYPE_AAAA,
                               DNS_ANSWER_OK,
                               {"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"}};
    }
    struct script script = REFUSED;
    struct world w = {.scripts = &script, .script_count = 1, .dns = wide, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(1);
    world_open(&w, &by_mx, 1, "w.example");
    world_give(&w, &b);
    assert_outcomes(&w, 1, "T", "wide");
    assert_int_equal(w.connections, 20);
    world_close(&w);
}

static void test_refused_for_good_is_not_asked_again(void **state)
{
    (void)state;
    struct script scripts[] = {
        {.steps = {{"RCPT", "550 no\r\n"}, {"RCPT", "450 later\r\n"}, {"RCPT", "<CLOSE>"}}}, {0}};
    struct world w = {.scripts = scripts, .script_count = 2, .dns = zone, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(3);
    world_open(&w, &by_mx, 1, "d.example");
    world_give(&w, &b);
    assert_outcomes(&w, 3, "FDD", "second host");
    assert_string_equal(w.outcomes[0].ip, "2001:db8::11");
    assert_string_equal(w.outcomes[1].ip, "192.0.2.11");
    world_close(&w);
}

static void test_times(void **state)
{
    (void)state;
    struct script script = {.steps = {{".", "<HANG>"}}};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    struct session_batch b = batch_of(1);
    struct session_times t;
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    session_times(w.session, &t);
    assert_int_equal(t.started_ms, 1000000);
    assert_int_equal(t.ready_ms, 1000000);
    assert_int_equal(t.done_ms, 1000000 + 10 * TIME_MINUTE_MS);
    assert_string_equal(
        w.outcomes[0].text,
        "conversation with 192.0.2.1[192.0.2.1] timed out while sending end of data "
        "-- message may have been delivered");
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_host),
        cmocka_unit_test(test_pipelined_group_is_one_send),
        cmocka_unit_test(test_many_recipients_in_groups),
        cmocka_unit_test(test_8bit_is_declared),
        cmocka_unit_test(test_dsn_is_said_where_offered),
        cmocka_unit_test(test_priority_is_said_where_offered),
        cmocka_unit_test(test_the_longest_group),
        cmocka_unit_test(test_8bit_at_hosts_without_it),
        cmocka_unit_test(test_a_long_8bit_body),
        cmocka_unit_test(test_addresses_that_cannot_be_said),
        cmocka_unit_test(test_rset_before_the_next),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_idle_connection_closed_by_the_host),
        cmocka_unit_test(test_quit_under_way),
        cmocka_unit_test(test_body_cannot_be_read),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_targets_in_order),
        cmocka_unit_test(test_own_address),
        cmocka_unit_test(test_own_address_of_a_route),
        cmocka_unit_test(test_tries_are_bounded),
        cmocka_unit_test(test_refused_for_good_is_not_asked_again),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
