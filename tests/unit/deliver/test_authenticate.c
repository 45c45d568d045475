// SPDX-License-Identifier: BSD-2-Clause
// Sessions that authenticate: what is said to whom, and what becomes of the mail when we are not
// let in.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BODY    "Subject: x\r\n\r\nhello\r\n"
#define MAIL    "MAIL FROM:<s@e.example>\r\nRCPT TO:<a@d.example>\r\nDATA\r\n" BODY ".\r\nQUIT\r\n"
#define HELLO   "EHLO me.example\r\n"
#define START   HELLO "STARTTLS\r\n" HELLO
#define STATED  "TLSv1.3 TLS_AES_256_GCM_SHA384, ann by "
#define LETTERS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define LONG    LETTERS LETTERS LETTERS LETTERS LETTERS LETTERS LETTERS
#define HOST    "192.0.2.1[192.0.2.1]: "

static const char *const rcpts[] = {"a@d.example"};
static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};

static struct credentials *credentials_of(const char *host, bool permits_clear, bool is_token)
{
    struct credentials *c = credentials_new();
    c->rows = must_zalloc(sizeof *c->rows);
    c->rows[c->count++] = (struct credential_row){.host = must_strdup(host),
                                                  .user = must_strdup("ann"),
                                                  .file = must_strdup("/secret"),
                                                  .permits_clear = permits_clear,
                                                  .is_token = is_token};
    return c;
}

static void give(struct world *w, const struct target *target, uint32_t count)
{
    const struct session_batch b = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
    w->body = SLICE_LIT(BODY);
    world_open(w, target, count, "d.example");
    world_give(w, &b);
    if (!w->has_ended)
        world_feed(w, (struct session_event){.kind = SESSION_QUIT});
    world_run(w);
    assert_true(w->has_ended && !w->is_connected);
}

struct row {
    const char *name;
    const char *offer; // mechanisms; NULL: AUTH is not offered
    bool has_tls, permits_clear, is_token;
    struct script_step steps[4];
    const char *responses[12];
    char outcome; // D delivered, T deferred for the host, B blocked here
    enum outcome_blocked blocked;
    const char *text; // what the outcome says; of what was delivered, its `tls`
    const char *wire; // behind the EHLOs
};

// A row is a case.
// clang-format off
static const struct row rows[] = {
    {"PLAIN in TLS", "PLAIN LOGIN", true, false, false, {{0}}, {"aW5pdGlhbA=="}, 'D', 0,
     STATED "PLAIN", "AUTH PLAIN aW5pdGlhbA==\r\n" MAIL},
    {"the best of several", "LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-256 X-Y", true, false, false, {{0}},
     {"aQ=="}, 'D', 0, STATED "SCRAM-SHA-256", "AUTH SCRAM-SHA-256 aQ==\r\n" MAIL},
    {"bound where TLS can be", "SCRAM-SHA-256-PLUS SCRAM-SHA-256", true, false, false, {{0}},
     {"aQ=="}, 'D', 0, STATED "SCRAM-SHA-256-PLUS", "AUTH SCRAM-SHA-256-PLUS aQ==\r\n" MAIL},
    {"LOGIN waits for the host", "LOGIN", true, false, false,
     {{"AUTH", "334 VXNlcm5hbWU6\r\n"}, {"dXNl", "334 UGFzc3dvcmQ6\r\n"}, {"cGFz", "235 ok\r\n"}},
     {"", "dXNlcg==", "cGFzcw=="}, 'D', 0, STATED "LOGIN",
     "AUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\n" MAIL},
    {"an empty response", "SCRAM-SHA-1", true, false, false,
     {{"AUTH", "334 Y2hhbGxlbmdl\r\n"}, {"cmVz", "334 dj1wcm9vZg==\r\n"}, {"\r\n", "235 ok\r\n"}},
     {"aQ==", "cmVzcG9uc2U=", ""}, 'D', 0, STATED "SCRAM-SHA-1",
     "AUTH SCRAM-SHA-1 aQ==\r\ncmVzcG9uc2U=\r\n\r\n" MAIL},
    {"an empty initial response", "PLAIN", true, false, false, {{0}}, {""}, 'D', 0, STATED "PLAIN",
     "AUTH PLAIN =\r\n" MAIL},
    {"an initial response too long for the command", "OAUTHBEARER", true, false, true,
     {{"AUTH", "334 \r\n"}, {"AAAA", "235 ok\r\n"}}, {LONG LETTERS}, 'D', 0, STATED "OAUTHBEARER",
     "AUTH OAUTHBEARER\r\n" LONG LETTERS "\r\n" MAIL},
    {"a challenge in clear", "CRAM-MD5 PLAIN", false, false, false,
     {{"AUTH", "334 Y2hhbGxlbmdl\r\n"}, {"cmVz", "235 ok\r\n"}}, {"", "cmVzcG9uc2U="}, 'D', 0,
     "in clear, ann by CRAM-MD5", "AUTH CRAM-MD5\r\ncmVzcG9uc2U=\r\n" MAIL},
    {"PLAIN in clear", "PLAIN LOGIN", false, false, false, {{0}}, {"aQ=="}, 'B', BLOCKED_SECRET,
     HOST "the host offers only authentication that shows the secret, which is not said without "
     "TLS (clear = true would allow it)", "QUIT\r\n"},
    {"PLAIN in clear, wanted", "PLAIN LOGIN", false, true, false, {{0}}, {"aQ=="}, 'D', 0,
     "in clear, ann by PLAIN", "AUTH PLAIN aQ==\r\n" MAIL},
    {"nothing is offered", NULL, true, false, false, {{0}}, {"aQ=="}, 'B', BLOCKED_SECRET,
     HOST "the host offers no authentication that we know", "QUIT\r\n"},
    {"nothing that we have", "XOAUTH2", true, false, false, {{0}}, {"aQ=="}, 'B', BLOCKED_SECRET,
     HOST "the host takes tokens, and we have a password", "QUIT\r\n"},
    {"no secret", "PLAIN", true, false, false, {{0}}, {"!/secret: No such file"}, 'B',
     BLOCKED_SECRET, HOST "/secret: No such file", "QUIT\r\n"},
    {"535", "PLAIN", true, false, false, {{"AUTH", "535 5.7.8 bad credentials\r\n"}}, {"aQ=="}, 'B',
     BLOCKED_CREDENTIALS, "535 5.7.8 bad credentials", "AUTH PLAIN aQ==\r\nQUIT\r\n"},
    {"550 to AUTH is no refusal of the mail", "PLAIN", true, false, false,
     {{"AUTH", "550 disabled\r\n"}}, {"aQ=="}, 'B', BLOCKED_CREDENTIALS, "550 disabled",
     "AUTH PLAIN aQ==\r\nQUIT\r\n"},
    {"454", "PLAIN", true, false, false, {{"AUTH", "454 4.7.0 try later\r\n"}}, {"aQ=="}, 'T', 0,
     "454 4.7.0 try later", "AUTH PLAIN aQ==\r\nQUIT\r\n"},
    {"432", "PLAIN", true, false, false, {{"AUTH", "432 4.7.12 transition\r\n"}}, {"aQ=="}, 'B',
     BLOCKED_CREDENTIALS, "432 4.7.12 transition", "AUTH PLAIN aQ==\r\nQUIT\r\n"},
    {"421", "PLAIN", true, false, false, {{"AUTH", "421 4.3.2 bye\r\n<CLOSE>"}}, {"aQ=="}, 'T', 0,
     "421 4.3.2 bye", "AUTH PLAIN aQ==\r\n"},
    {"354", "PLAIN", true, false, false, {{"AUTH", "354 go\r\n"}}, {"aQ=="}, 'T', 0,
     "no valid reply from 192.0.2.1[192.0.2.1] while authenticating", "AUTH PLAIN aQ==\r\n"},
    {"lost", "PLAIN", true, false, false, {{"AUTH", "<RST>"}}, {"aQ=="}, 'T', 0,
     "lost connection with 192.0.2.1[192.0.2.1] while authenticating (Connection reset by peer)",
     "AUTH PLAIN aQ==\r\n"},
    {"hangs", "PLAIN", true, false, false, {{"AUTH", "<HANG>"}}, {"aQ=="}, 'T', 0,
     "conversation with 192.0.2.1[192.0.2.1] timed out while authenticating",
     "AUTH PLAIN aQ==\r\n"},
    {"the error challenge of a token", "XOAUTH2", true, false, true,
     {{"AUTH", "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"}, {"\r\n", "535 5.7.8 expired\r\n"}},
     {"dG9rZW4=", ""}, 'B', BLOCKED_CREDENTIALS, "535 5.7.8 expired",
     "AUTH XOAUTH2 dG9rZW4=\r\n\r\nQUIT\r\n"},
    {"a challenge that makes no sense", "SCRAM-SHA-1", true, false, false,
     {{"AUTH", "334 what?\r\n"}}, {"aQ==", "!the host's challenge makes no sense"}, 'B',
     BLOCKED_SECRET, HOST "the host's challenge makes no sense",
     "AUTH SCRAM-SHA-1 aQ==\r\n*\r\nQUIT\r\n"},
    {"a challenge of two lines", "SCRAM-SHA-1", true, false, false,
     {{"AUTH", "334-YQ==\r\n334 YQ==\r\n"}}, {"aQ=="}, 'B', BLOCKED_SECRET,
     HOST "the host's challenge is too long", "AUTH SCRAM-SHA-1 aQ==\r\n*\r\nQUIT\r\n"},
    {"yes without a proof", "SCRAM-SHA-1", true, false, false, {{"AUTH", "235 ok\r\n"}},
     {"aQ==", "never asked for"}, 'B', BLOCKED_SECRET,
     HOST "the host says yes before it has proved that it knows the password",
     "AUTH SCRAM-SHA-1 aQ==\r\nQUIT\r\n"},
};
// clang-format on

static void check_row(const struct row *row, size_t chunk)
{
    struct script script = {.ehlo = "250-mx\r\n250 PIPELINING\r\n"};
    char ehlo[300];
    snprintf(ehlo, sizeof ehlo, "250-mx\r\n%s%s%s%s250 PIPELINING\r\n",
             row->has_tls ? "250-STARTTLS\r\n" : "", row->offer ? "250-AUTH " : "",
             row->offer ? row->offer : "", row->offer ? "\r\n" : "");
    script.ehlo = ehlo;
    memcpy(script.steps, row->steps, sizeof row->steps);
    struct world w = {.scripts = &script, .script_count = 1, .chunk_size = chunk};
    memcpy(w.responses, row->responses, sizeof row->responses);
    w.settings.protect = world_protection(PROTECT_MAY);
    w.settings.credentials = credentials_of("192.0.2.1", row->permits_clear, row->is_token);
    give(&w, &relay, 1);
    const struct outcome *o = &w.outcomes[0];
    char got = o->result == OUTCOME_DELIVERED ? 'D' : o->scope == SCOPE_LOCAL ? 'B' : 'T';
    const char *said = got == 'D' ? o->tls : o->text;
    if (got != row->outcome || strcmp(said, row->text) != 0)
        fail_msg("%s: %c \"%s\"\n%s", row->name, got, said, w.trace.p);
    assert_int_equal(o->blocked, row->blocked);
    assert_true(got == 'D' || o->stage == STAGE_AUTH);
    if (o->has_reply && got != 'D' && o->blocked != BLOCKED_TLS)
        assert_int_equal(o->klass, CLASS_AUTH);
    struct slice wire = slice_from(buf_slice(&w.wire), strlen(row->has_tls ? START : HELLO));
    if (!slice_equal(wire, slice_str(row->wire)))
        fail_msg("%s: %.*s", row->name, (int)wire.n, wire.p);
    bool has_begun = strncmp(row->wire, "AUTH", 4) == 0;
    const char *end = got == 'D' ? "AUTH ACCEPTED" : "AUTH REFUSED";
    if (has_begun && got != 'T' && !strstr(w.trace.p, end))
        fail_msg("%s: no %s\n%s", row->name, end, w.trace.p);
    world_close(&w);
}

static void test_replies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row(&rows[i], 0);
        check_row(&rows[i], 1);
    }
}

#define OFFERED "250-mx\r\n250-STARTTLS\r\n250 AUTH SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN\r\n"
#define WELCOME "250-mx\r\n250 STARTTLS\r\n"

// What TLS does not give is not bound to.
static void test_unbound(void **state)
{
    (void)state;
    const struct script script = {.ehlo = OFFERED};
    struct world w = {
        .scripts = &script, .script_count = 1, .responses = {"aQ=="}, .is_unbound = true};
    w.settings.protect = world_protection(PROTECT_ENCRYPT);
    w.settings.credentials = credentials_of("192.0.2.1", false, false);
    give(&w, &relay, 1);
    assert_string_equal(w.outcomes[0].tls, STATED "SCRAM-SHA-1");
    world_close(&w);
}

// Hosts that nobody named in a route are told nothing, whatever their names are; nor are others.
static void test_for_nobody_else(void **state)
{
    (void)state;
    static const struct world_dns zone[] = {
        {"d.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 mx.example"}},
        {"mx.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.1"}},
        {NULL},
    };
    static const struct target targets[] = {
        {.kind = TARGET_MX}, {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25}};
    static const char *const hosts[] = {"mx.example", "smtp.example"};
    const struct script script = {.ehlo = OFFERED};
    for (int i = 0; i < 2; i++) {
        struct world w = {.scripts = &script, .script_count = 1, .dns = zone};
        w.settings.protect = world_protection(PROTECT_MAY);
        w.settings.credentials = credentials_of(hosts[i], false, false);
        give(&w, &targets[i], 1);
        assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
        assert_null(strstr(w.wire.p, "AUTH"));
        world_close(&w);
    }
}

// A relay that will not have us is blocked here, but the next of the list may take the mail.
static void test_next_target(void **state)
{
    (void)state;
    static const struct target targets[] = {
        {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25},
        {.kind = TARGET_SMTP, .host = (char *)"192.0.2.2", .port = 25}};
    const struct script scripts[] = {{.ehlo = WELCOME}, {.ehlo = WELCOME}};
    struct world w = {.scripts = scripts, .script_count = 2};
    w.settings.protect = world_protection(PROTECT_MAY);
    w.settings.credentials = credentials_of("192.0.2.1", false, false);
    give(&w, targets, 2);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    assert_string_equal(w.outcomes[0].ip, "192.0.2.2");
    world_close(&w);
}

// A secret that was kept and is refused may have run out: a fresh one is said, once.
static void test_out_of_date(void **state)
{
    (void)state;
#define NO "535 5.7.8 expired\r\n"
    static const struct {
        bool is_kept;
        struct script_step steps[4];
        uint32_t begun;
        bool is_delivered;
    } cases[] = {
        {true, {{"AUTH", NO}}, 2, true},
        {true, {{"AUTH", NO}, {"AUTH", NO}}, 2, false},
        {false, {{"AUTH", NO}}, 1, false},
        {true, {{"AUTH", "454 4.7.0 later\r\n"}}, 1, false},
        {true, {{"AUTH", "334 \r\n"}, {"\r\n", NO}}, 2, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script script = {.ehlo = "250-mx\r\n250 AUTH XOAUTH2\r\n"};
        memcpy(script.steps, cases[i].steps, sizeof cases[i].steps);
        struct world w = {.scripts = &script, .script_count = 1, .responses = {"dG9r"}};
        w.is_kept = cases[i].is_kept;
        w.settings.credentials = credentials_of("192.0.2.1", true, true);
        give(&w, &relay, 1);
        uint32_t begun = 0;
        for (const char *at = w.trace.p; (at = strstr(at, "AUTH BEGIN")); at++)
            begun++;
        assert_int_equal(begun, cases[i].begun);
        assert_int_equal(begun == 2, strstr(w.trace.p, " renewed") != NULL);
        assert_int_equal(w.outcomes[0].result == OUTCOME_DELIVERED, cases[i].is_delivered);
        assert_int_equal(w.connections, 1);
        world_close(&w);
    }
}

// What is told of a refusal is of the host that refused, though the next one is under way.
static void test_refused_and_next(void **state)
{
    (void)state;
    static const struct target targets[] = {
        {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25},
        {.kind = TARGET_SMTP, .host = (char *)"192.0.2.2", .port = 25}};
    const struct script scripts[] = {
        {.ehlo = "250-mx\r\n250 AUTH CRAM-MD5\r\n", .steps = {{"AUTH", "535 5.7.8 no\r\n"}}}, {0}};
    struct world w = {.scripts = scripts, .script_count = 2};
    w.settings.credentials = credentials_of("192.0.2.1", false, false);
    give(&w, targets, 2);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    assert_non_null(strstr(w.trace.p, "AUTH REFUSED CRAM-MD5 ann at 192.0.2.1[192.0.2.1]:25\n"));
    world_close(&w);
}

// Where a handshake fails, the secret is not said in clear, and the failure is the host's.
static void test_no_fall_back(void **state)
{
    (void)state;
    const struct script script = {.ehlo = OFFERED, .tls = "handshake failure"};
    struct world w = {.scripts = &script, .script_count = 1, .responses = {"aQ=="}};
    w.settings.protect = world_protection(PROTECT_MAY);
    w.settings.fallback = fallback_new();
    w.settings.credentials = credentials_of("192.0.2.1", false, false);
    fallback_note(w.settings.fallback, "192.0.2.1", 1); // of mail that went there by MX
    give(&w, &relay, 1);
    assert_int_equal(w.outcomes[0].scope, SCOPE_HOST);
    assert_int_equal(w.outcomes[0].klass, CLASS_TLS);
    assert_int_equal(w.connections, 1);
    assert_null(strstr(w.wire.p, "AUTH"));
    world_close(&w);
}

// One login for all messages of a connection; the configuration's next table asks for another.
static void test_reuse(void **state)
{
    (void)state;
    const struct script script = {.ehlo = OFFERED};
    const struct session_batch b = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
    struct world w = {
        .scripts = &script, .script_count = 1, .responses = {"aQ=="}, .body = SLICE_LIT(BODY)};
    w.settings.protect = world_protection(PROTECT_MAY);
    w.settings.credentials = credentials_of("192.0.2.1", false, false);
    world_open(&w, &relay, 1, "d.example");
    for (int i = 0; i < 3; i++) {
        world_give(&w, &b);
        assert_true(w.can_reuse);
        assert_string_equal(w.outcomes[0].tls, STATED "SCRAM-SHA-1-PLUS");
    }
    assert_true(session_suits(w.session, &w.settings, "d.example"));
    struct session_settings today = w.settings;
    today.credentials = NULL;
    assert_false(session_suits(w.session, &today, "d.example"));
    world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
    world_run(&w);
    const char *first = strstr(w.wire.p, "AUTH");
    assert_non_null(first);
    assert_null(strstr(first + 1, "AUTH"));
    world_close(&w);
}

// While the secret is on its way: the host's word, the end of the connection, and ours.
static void test_while_it_is_awaited(void **state)
{
    (void)state;
    static const enum session_event_kind kinds[] = {SESSION_EOF, SESSION_RESET, SESSION_BYTES,
                                                    SESSION_ABORT};
    const struct session_batch b = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
    for (int i = 0; i < 4; i++) {
        const struct script script = {.ehlo = "250-mx\r\n250 AUTH PLAIN\r\n<HANG>"};
        struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
        w.settings.credentials = credentials_of("192.0.2.1", true, false);
        world_open(&w, &relay, 1, "d.example");
        world_feed(&w, (struct session_event){.kind = SESSION_BATCH, .batch = &b});
        while (w.first && w.first->event.kind != SESSION_AUTH_RESPONSE) {
            struct world_event *e = w.first;
            w.first = e->next;
            w.last = w.first ? w.last : NULL;
            world_feed(&w, e->event);
            free(e->bytes);
            free(e);
        }
        assert_non_null(w.first);
        assert_int_equal(session_deadline(w.session), TIME_NEVER);
        world_forget_events(&w);
        world_feed(&w,
                   (struct session_event){.kind = kinds[i], .bytes = SLICE_LIT("421 slow\r\n")});
        assert_int_equal(w.done_count, 1);
        assert_int_equal(w.outcomes[0].result, OUTCOME_DEFERRED);
        assert_int_equal(w.outcomes[0].stage, STAGE_AUTH);
        const struct auth_response late = {.text = SLICE_LIT("aQ=="), .is_complete = true};
        world_feed(&w,
                   (struct session_event){.kind = SESSION_AUTH_RESPONSE, .auth_response = &late});
        assert_null(strstr(w.wire.p, "AUTH"));
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_unbound),
        cmocka_unit_test(test_for_nobody_else),
        cmocka_unit_test(test_next_target),
        cmocka_unit_test(test_refused_and_next),
        cmocka_unit_test(test_out_of_date),
        cmocka_unit_test(test_no_fall_back),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_while_it_is_awaited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
