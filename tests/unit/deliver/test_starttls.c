// SPDX-License-Identifier: BSD-2-Clause
// Sessions that begin TLS: what is said, what is forgotten, and what becomes of the mail when it
// cannot be had.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BODY    "Subject: x\r\n\r\nhello\r\n"
#define OFFERED "250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n"
#define MAIL    "MAIL FROM:<s@e.example>\r\nRCPT TO:<a@d.example>\r\nDATA\r\n" BODY ".\r\nQUIT\r\n"
#define HELLO   "EHLO me.example\r\n"
#define START   HELLO "STARTTLS\r\n"
#define STATED  "TLSv1.3 TLS_AES_256_GCM_SHA384"

static const char *const rcpts[] = {"a@d.example"};
static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
static const struct target by_mx = {.kind = TARGET_MX};

static const struct world_dns zone[] = {
    {"d.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 one.example", "20 two.example"}},
    {"one.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.11", "192.0.2.12"}},
    {"two.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.21"}},
    {NULL},
};

static void give(struct world *w, const struct target *target, enum protect_policy policy)
{
    const struct session_batch b = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
    w->dns = zone;
    w->body = SLICE_LIT(BODY);
    w->settings.protect = world_protection(policy);
    w->settings.fallback = fallback_new();
    world_open(w, target, 1, "d.example");
    world_give(w, &b);
    if (!w->has_ended)
        world_feed(w, (struct session_event){.kind = SESSION_QUIT});
    world_run(w);
}

struct row {
    const char *name;
    enum protect_policy policy;
    struct script scripts[2]; // of the first connection, and of others
    char outcome;             // D delivered, T deferred
    const char *tls;          // of the outcome
    const char *text;         // what the outcome says; NULL: any
    const char *status;
    uint32_t connections;
    const char *wire;
};

// A row is a case.
// clang-format off
static const struct row rows[] = {
    {"none", PROTECT_NONE, {{.ehlo = OFFERED}}, 'D', "", NULL, "2.0.0", 1, HELLO MAIL},
    {"may, offered", PROTECT_MAY, {{.ehlo = OFFERED}}, 'D', STATED, NULL, "2.0.0", 1,
     START HELLO MAIL},
    {"may, not offered", PROTECT_MAY, {{0}}, 'D', "", NULL, "2.0.0", 1, HELLO MAIL},
    {"may, refused", PROTECT_MAY,
     {{.ehlo = OFFERED, .steps = {{"STAR", "454 4.7.0 not now\r\n"}}}}, 'D', "", NULL, "2.0.0", 1,
     START MAIL},
    {"may, 421", PROTECT_MAY, {{.ehlo = OFFERED, .steps = {{"STAR", "421 4.3.2 bye\r\n<CLOSE>"}}}},
     'T', "", "421 4.3.2 bye", "4.3.2", 1, START},
    {"may, the handshake fails", PROTECT_MAY, {{.ehlo = OFFERED, .tls = "no shared cipher"},
     {.ehlo = OFFERED}}, 'D', "", NULL, "2.0.0", 2, START HELLO MAIL},
    {"may, the handshake hangs", PROTECT_MAY, {{.ehlo = OFFERED, .tls = "hang"},
     {.ehlo = OFFERED}}, 'D', "", NULL, "2.0.0", 2, START HELLO MAIL},
    {"may, it fails and nobody answers then", PROTECT_MAY,
     {{.ehlo = OFFERED, .tls = "no shared cipher"}, {.connect = "refused"}}, 'T', "",
     "connect to 192.0.2.1[192.0.2.1]:25: Connection refused", "4.4.1", 2, START},
    {"may, lost behind STARTTLS", PROTECT_MAY, {{.ehlo = OFFERED, .steps = {{"STAR", "<RST>"}}},
     {.ehlo = OFFERED}}, 'D', "", NULL, "2.0.0", 2, START HELLO MAIL},
    {"injected, may", PROTECT_MAY,
     {{.ehlo = OFFERED, .steps = {{"STAR", "220 go\r\n250 mx\r\n"}}}, {0}}, 'D', "", NULL,
     "2.0.0", 2, START HELLO MAIL},
    {"injected, encrypt", PROTECT_ENCRYPT,
     {{.ehlo = OFFERED, .steps = {{"STAR", "220 go\r\n250 mx\r\n"}}}}, 'T', "",
     "TLS with 192.0.2.1[192.0.2.1]:25 failed: the reply to STARTTLS was followed by more in clear",
     "4.7.5", 1, START},
    {"injected, part of a line", PROTECT_ENCRYPT,
     {{.ehlo = OFFERED, .steps = {{"STAR", "220 go\r\n2"}}}}, 'T', "", NULL, "4.7.5", 1, START},
    {"encrypt", PROTECT_ENCRYPT, {{.ehlo = OFFERED}}, 'D', STATED, NULL, "2.0.0", 1,
     START HELLO MAIL},
    {"encrypt looks at no certificate", PROTECT_ENCRYPT,
     {{.ehlo = OFFERED, .tls = "!certificate has expired"}}, 'D', STATED, NULL, "2.0.0", 1,
     START HELLO MAIL},
    {"encrypt, not offered", PROTECT_ENCRYPT, {{0}}, 'T', "",
     "TLS is required, but was not offered by host 192.0.2.1[192.0.2.1]", "4.7.4", 1,
     HELLO "QUIT\r\n"},
    {"encrypt, EHLO refused", PROTECT_ENCRYPT, {{.steps = {{"EHLO", "502 what\r\n"}}}}, 'T', "",
     NULL, "4.7.4", 1, HELLO "HELO me.example\r\nQUIT\r\n"},
    {"encrypt, refused for good is not for good", PROTECT_ENCRYPT,
     {{.ehlo = OFFERED, .steps = {{"STAR", "554 5.7.3 no\r\n"}}}}, 'T', "",
     "TLS is required, but host 192.0.2.1[192.0.2.1] refused to start it: 554 5.7.3 no", "4.7.5", 1,
     START "QUIT\r\n"},
    {"encrypt, the handshake fails", PROTECT_ENCRYPT,
     {{.ehlo = OFFERED, .tls = "no shared cipher"}}, 'T', "",
     "TLS with 192.0.2.1[192.0.2.1]:25 failed: no shared cipher", "4.7.5", 1, START},
    {"encrypt, the handshake hangs", PROTECT_ENCRYPT, {{.ehlo = OFFERED, .tls = "hang"}}, 'T', "",
     "conversation with 192.0.2.1[192.0.2.1] timed out while setting up TLS", "4.4.2", 1, START},
    {"encrypt, reset", PROTECT_ENCRYPT, {{.ehlo = OFFERED, .tls = "reset"}}, 'T', "",
     "lost connection with 192.0.2.1[192.0.2.1] while setting up TLS", "4.4.2", 1, START},
    {"verify", PROTECT_VERIFY, {{.ehlo = OFFERED}}, 'D', STATED " verified", NULL, "2.0.0", 1,
     START HELLO MAIL},
    {"verify, expired", PROTECT_VERIFY, {{.ehlo = OFFERED, .tls = "!certificate has expired"}}, 'T',
     "", "TLS with 192.0.2.1[192.0.2.1]:25 failed: certificate has expired", "4.7.5", 1, START},
    {"what was offered in clear is forgotten", PROTECT_MAY,
     {{.ehlo = "250-mx\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 SIZE 1\r\n",
       .steps = {{"EHLO", "250-mx\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 SIZE 1\r\n"},
                 {"EHLO", "250 mx\r\n"}}}},
     'D', STATED, NULL, "2.0.0", 1, START HELLO MAIL},
    {"a failure inside tells what protected it", PROTECT_MAY,
     {{.ehlo = OFFERED, .steps = {{"MAIL", "451 4.3.0 later\r\n"}}}}, 'T', STATED,
     "451 4.3.0 later", "4.3.0", 1, NULL},
};
// clang-format on

static void check_row(const struct row *row, size_t chunk)
{
    struct world w = {.scripts = row->scripts, .script_count = 2, .chunk_size = chunk};
    give(&w, &relay, row->policy);
    const struct outcome *o = &w.outcomes[0];
    char got = o->result == OUTCOME_DELIVERED ? 'D' : o->result == OUTCOME_FAILED ? 'F' : 'T';
    if (got != row->outcome || strcmp(o->tls, row->tls) != 0)
        print_error("%s: %c \"%s\" (%s)\n", row->name, got, o->tls, o->text);
    assert_int_equal(got, row->outcome);
    assert_string_equal(o->tls, row->tls);
    assert_string_equal(o->status, row->status);
    if (row->text)
        assert_string_equal(o->text, row->text);
    assert_int_equal(w.connections, row->connections);
    assert_true(w.has_ended && !w.is_connected);
    if (row->wire)
        assert_string_equal(w.wire.p, row->wire);
    world_close(&w);
}

static void test_one_host(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row(&rows[i], 0);
        if (strncmp(rows[i].name, "injected", 8) != 0) // one by one, octets of TLS follow the 220
            check_row(&rows[i], 1);
    }
}

// All addresses of a host have the same certificate, so the next host is asked.
static void test_next_host(void **state)
{
    (void)state;
    const struct script scripts[] = {{.ehlo = OFFERED, .tls = "!certificate has expired"},
                                     {.ehlo = OFFERED}};
    struct world w = {.scripts = scripts, .script_count = 2};
    give(&w, &by_mx, PROTECT_VERIFY);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    assert_string_equal(w.outcomes[0].host, "two.example");
    assert_non_null(strstr(w.trace.p, "TLS one.example verify one.example d.example\n"));
    assert_non_null(strstr(w.trace.p, "TLS two.example verify two.example d.example\n"));
    assert_int_equal(w.connections, 2);
    world_close(&w);
}

static void test_none_is_left(void **state)
{
    (void)state;
    const struct script scripts[] = {{.ehlo = OFFERED, .tls = "handshake failure"}};
    struct world w = {.scripts = scripts, .script_count = 1};
    give(&w, &by_mx, PROTECT_ENCRYPT);
    assert_int_equal(w.connections, 2);
    assert_int_equal(w.scope, SCOPE_HOST);
    assert_int_equal(w.host_failure.klass, CLASS_TLS);
    assert_int_equal(w.host_failure.stage, STAGE_STARTTLS);
    world_close(&w);
}

// Once it has failed, further messages to that host do not try it for a while.
static void test_remembered(void **state)
{
    (void)state;
    const struct script scripts[] = {{.ehlo = OFFERED, .tls = "handshake failure"},
                                     {.ehlo = OFFERED, .steps = {{".", "250 ok\r\n<CLOSE>"}}}};
    const struct session_batch b = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
    struct world w = {.scripts = scripts, .script_count = 2, .body = SLICE_LIT(BODY)};
    w.settings.protect = world_protection(PROTECT_MAY);
    w.settings.fallback = fallback_new();
    world_open(&w, &relay, 1, "d.example");
    const int64_t began_ms = w.now_ms;
    static const struct {
        int64_t after_ms;
        uint32_t connections;
        bool in_tls;
    } times[] = {{0, 2, false}, {FALLBACK_MS - 1, 3, false}, {FALLBACK_MS, 4, true}};
    for (size_t i = 0; i < 3; i++) {
        w.now_ms = began_ms + times[i].after_ms;
        world_give(&w, &b);
        assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
        assert_int_equal(w.outcomes[0].tls[0] != '\0', times[i].in_tls);
        assert_int_equal(w.connections, times[i].connections);
    }
    world_close(&w);
}

// TLS before the greeting: it is never done without, whatever the policy says.
static void test_implicit(void **state)
{
    (void)state;
    static const struct target smtps = {
        .kind = TARGET_SMTPS, .host = (char *)"192.0.2.1", .port = 465};
    static const struct {
        enum protect_policy policy;
        struct script script;
        bool is_delivered;
        const char *tls, *text;
    } cases[] = {
        {PROTECT_NONE, {0}, true, STATED, NULL},
        {PROTECT_MAY, {.ehlo = OFFERED}, true, STATED, NULL}, // once is enough
        {PROTECT_VERIFY, {0}, true, STATED " verified", NULL},
        {PROTECT_MAY,
         {.tls = "wrong version number"},
         false,
         "",
         "TLS with 192.0.2.1[192.0.2.1]:465 failed: wrong version number"},
        {PROTECT_MAY, {.tls = "hang"}, false, "", NULL},
        {PROTECT_VERIFY, {.tls = "!certificate has expired"}, false, "", NULL},
        {PROTECT_MAY, {.banner = "554 no\r\n"}, false, STATED, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = {.scripts = &cases[i].script, .script_count = 1};
        give(&w, &smtps, cases[i].policy);
        const struct outcome *o = &w.outcomes[0];
        assert_int_equal(o->result, cases[i].is_delivered ? OUTCOME_DELIVERED : OUTCOME_DEFERRED);
        assert_string_equal(o->tls, cases[i].tls);
        if (cases[i].text)
            assert_string_equal(o->text, cases[i].text);
        if (cases[i].is_delivered)
            assert_string_equal(w.wire.p, HELLO MAIL);
        assert_int_equal(w.connections, 1);
        world_close(&w);
    }
}

// Files of ours that cannot be used are no host's fault, and no mail's.
static void test_blocked_here(void **state)
{
    (void)state;
    const struct script script = {.ehlo = OFFERED, .tls = "?cannot use ca_file /ca.pem"};
    struct world w = {.scripts = &script, .script_count = 1};
    give(&w, &relay, PROTECT_VERIFY);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DEFERRED);
    assert_int_equal(w.outcomes[0].blocked, BLOCKED_TLS);
    assert_int_equal(w.scope, SCOPE_LOCAL);
    assert_string_equal(w.outcomes[0].text, "cannot use ca_file /ca.pem");
    world_close(&w);
}

static void test_fallback_is_bounded(void **state)
{
    (void)state;
    struct fallback *f = fallback_new();
    char name[32];
    for (int i = 0; i <= FALLBACK_HOSTS_MAX; i++) {
        snprintf(name, sizeof name, "host%d.example", i);
        fallback_note(f, name, 1000);
    }
    assert_false(fallback_has(f, "host0.example", 1000));
    assert_true(fallback_has(f, "HOST1.example", 1000));
    fallback_note(f, "host1.example", 2000); // anew: it is the youngest now
    fallback_note(f, "one.more.example", 2000);
    assert_true(fallback_has(f, "host1.example", 1000 + FALLBACK_MS));
    assert_false(fallback_has(f, "host2.example", 2000));
    assert_false(fallback_has(f, "host3.example", 1000 + FALLBACK_MS));
    fallback_clear(f);
    assert_false(fallback_has(f, "host1.example", 2000));
    fallback_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_host),
        cmocka_unit_test(test_next_host),
        cmocka_unit_test(test_none_is_left),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_blocked_here),
        cmocka_unit_test(test_implicit),
        cmocka_unit_test(test_fallback_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
