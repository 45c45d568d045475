// SPDX-License-Identifier: BSD-2-Clause
// Sessions whose domain has an MTA-STS policy: which hosts are tried, what is asked of them, and
// whose connections may be shared.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BODY     "Subject: x\r\n\r\nhello\r\n"
#define OFFERED  "250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n"
#define STATED   "TLSv1.3 TLS_AES_256_GCM_SHA384"
#define BECAUSE  " (the MTA-STS policy of d.example asks for it)"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const rcpts[] = {"a@d.example"};
static const char *const literal[] = {"a@[192.0.2.9]"};
static const struct session_batch batch = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
static const struct target smtps = {.kind = TARGET_SMTPS, .host = (char *)"192.0.2.1", .port = 465};
static const struct target by_mx = {.kind = TARGET_MX};

static const struct world_dns zone[] = {
    {"d.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 one.example", "20 two.example"}},
    {"one.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.11"}},
    {"two.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.21"}},
    {"other.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 one.example", "20 two.example"}},
    {NULL},
};

static struct protect_table *table_of(enum protect_policy policy, bool ignores)
{
    struct protect_table *t = protect_table_new();
    t->rows = must_zalloc(sizeof *t->rows);
    t->rows[0] = (struct protect_row){must_strdup("*"), policy, .ignores_sts = ignores};
    t->count = 1;
    protect_table_index(t);
    return t;
}

static void begin(struct world *w, const struct target *target, const char *domain,
                  struct protect_table *table)
{
    w->dns = zone;
    w->body = SLICE_LIT(BODY);
    w->settings.protect = table;
    w->settings.fallback = fallback_new();
    world_open(w, target, 1, domain);
}

static const struct sts_policy policies[] = {
    {.domain = (char *)"d.example", .mode = STS_ENFORCE, .mx = (char *)" one.example *.example "},
    {.domain = (char *)"d.example", .mode = STS_ENFORCE, .mx = (char *)" two.example "},
    {.domain = (char *)"d.example", .mode = STS_ENFORCE, .mx = (char *)" three.example "},
    {.domain = (char *)"d.example", .mode = STS_TESTING, .mx = (char *)" three.example "},
    {.domain = (char *)"d.example", .mode = STS_NONE, .mx = (char *)""},
};
enum { BOTH, SECOND, OTHER, TESTING, NONE, ABSENT };

struct row {
    const char *name;
    int policy;
    enum protect_policy row;
    bool ignores;
    struct script scripts[2];
    char outcome;           // D delivered, T deferred
    const char *host, *tls; // of the outcome
    const char *status, *text;
    uint32_t connections;
    const char *trace; // is in it; "!": is not
};

// clang-format off
static const struct row rows[] = {
    {"met", BOTH, PROTECT_MAY, false, {{.ehlo = OFFERED}}, 'D', "one.example",
     STATED " verified by MTA-STS", "2.0.0", NULL, 1, "TLS one.example verify one.example\n"},
    {"the first host is not named", SECOND, PROTECT_MAY, false, {{.ehlo = OFFERED}}, 'D',
     "two.example", STATED " verified by MTA-STS", "2.0.0", NULL, 1,
     "TLS two.example verify two.example\n"},
    {"no host is named", OTHER, PROTECT_MAY, false, {{.ehlo = OFFERED}}, 'T', "two.example", "",
     "4.7.5", "the MTA-STS policy of d.example does not name host two.example", 0, "!CONNECT"},
    {"a wrong certificate, the next host", BOTH, PROTECT_MAY, false,
     {{.ehlo = OFFERED, .tls = "!certificate has expired"}, {.ehlo = OFFERED}}, 'D', "two.example",
     STATED " verified by MTA-STS", "2.0.0", NULL, 2, "TLS two.example verify two.example\n"},
    {"a wrong certificate, no further host", SECOND, PROTECT_MAY, false,
     {{.ehlo = OFFERED, .tls = "!certificate has expired"}}, 'T', "two.example", "", "4.7.5",
     "TLS with two.example[192.0.2.21]:25 failed: certificate has expired" BECAUSE, 1, NULL},
    {"never in clear", SECOND, PROTECT_MAY, false,
     {{.ehlo = OFFERED, .tls = "handshake failure"}, {.ehlo = OFFERED}}, 'T', "two.example", "",
     "4.7.5", "TLS with two.example[192.0.2.21]:25 failed: handshake failure" BECAUSE, 1, NULL},
    {"not offered", SECOND, PROTECT_MAY, false, {{0}}, 'T', "two.example", "", "4.7.4",
     "TLS is required, but was not offered by host two.example[192.0.2.21]" BECAUSE, 1, NULL},
    {"testing", TESTING, PROTECT_MAY, false, {{.ehlo = OFFERED, .tls = "!certificate has expired"}},
     'D', "one.example", STATED, "2.0.0", NULL, 1, "TLS one.example\n"},
    {"mode none", NONE, PROTECT_MAY, false, {{0}}, 'D', "one.example", "", "2.0.0", NULL, 1, NULL},
    {"no policy", ABSENT, PROTECT_MAY, false, {{.ehlo = OFFERED}}, 'D', "one.example", STATED,
     "2.0.0", NULL, 1, "POLICY d.example\nCONNECT"},
    {"the row ignores it", OTHER, PROTECT_MAY, true, {{.ehlo = OFFERED}}, 'D', "one.example",
     STATED, "2.0.0", NULL, 1, "!POLICY"},
    {"policy dane, a host without records", SECOND, PROTECT_DANE, false, {{.ehlo = OFFERED}}, 'D',
     "two.example", STATED " verified by MTA-STS", "2.0.0", NULL, 1,
     "TLS two.example verify two.example\n"},
    {"policy dane-only", OTHER, PROTECT_DANE_ONLY, false, {{.ehlo = OFFERED}}, 'T', "", "", "4.7.5",
     NULL, 0, "!POLICY"},
    {"policy none", OTHER, PROTECT_NONE, false, {{.ehlo = OFFERED}}, 'D', "one.example", "",
     "2.0.0", NULL, 1, "!POLICY"},
    {"policy encrypt", OTHER, PROTECT_ENCRYPT, false, {{.ehlo = OFFERED}}, 'D', "one.example",
     STATED, "2.0.0", NULL, 1, "!POLICY"},
    {"policy verify", OTHER, PROTECT_VERIFY, false, {{.ehlo = OFFERED}}, 'D', "one.example",
     STATED " verified", "2.0.0", NULL, 1, "!POLICY"},
};
// clang-format on

static void check_row(const struct row *row)
{
    struct world w = {.scripts = row->scripts, .script_count = row->scripts[1].ehlo ? 2 : 1};
    w.policy = row->policy == ABSENT ? NULL : &policies[row->policy];
    begin(&w, &by_mx, "d.example", table_of(row->row, row->ignores));
    world_give(&w, &batch);
    const struct outcome *o = &w.outcomes[0];
    bool is_delivered = o->result == OUTCOME_DELIVERED;
    if (is_delivered != (row->outcome == 'D') || strcmp(o->host, row->host) != 0 ||
        strcmp(o->tls, row->tls) != 0 || strcmp(o->status, row->status) != 0 ||
        (row->text && strcmp(o->text, row->text) != 0) || w.connections != row->connections)
        fail_msg("%s: %d %s \"%s\" %s \"%s\" %u\n%s", row->name, o->result, o->host, o->tls,
                 o->status, o->text, w.connections, w.trace.p);
    if (!is_delivered)
        assert_int_equal(w.host_failure.klass, CLASS_TLS);
    bool wants_absence = row->trace && row->trace[0] == '!';
    if (row->trace && (strstr(w.trace.p, row->trace + wants_absence) == NULL) != wants_absence)
        fail_msg("%s:\n%s", row->name, w.trace.p);
    world_close(&w);
}

static void test_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_row(&rows[i]);
}

// A host whose keys stand in the DNS needs no policy, and none can forbid it (RFC 8461 2).
static void test_dane_first(void **state)
{
    (void)state;
    static const struct world_dns secure[] = {
        {"d.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 one.example"}},
        {"one.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.11"}},
        {"_25._tcp.one.example", DNS_TYPE_TLSA, DNS_ANSWER_OK, {"3 1 1"}},
        {NULL},
    };
    const struct script script = {.ehlo = OFFERED};
    struct world w = {.scripts = &script, .script_count = 1, .policy = &policies[OTHER]};
    w.dns_is_secure = true;
    begin(&w, &by_mx, "d.example", table_of(PROTECT_DANE, false));
    w.dns = secure;
    world_give(&w, &batch);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    assert_string_equal(w.outcomes[0].tls, STATED " verified by DANE");
    assert_null(strstr(w.trace.p, "POLICY"));
    world_close(&w);
}

// Who a route names, and an address, have no policy to ask for.
static void test_not_asked(void **state)
{
    (void)state;
    const struct script script = {.ehlo = OFFERED};
    const struct session_batch to_literal = {"s@e.example", literal, 1, sizeof BODY - 1, false};
    const struct {
        const struct target *target;
        const char *domain;
        const struct session_batch *batch;
    } cases[] = {{&relay, "d.example", &batch},
                 {&smtps, "d.example", &batch},
                 {&by_mx, "[192.0.2.9]", &to_literal}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w = {.scripts = &script, .script_count = 1, .policy = &policies[OTHER]};
        begin(&w, cases[i].target, cases[i].domain, table_of(PROTECT_MAY, false));
        world_give(&w, cases[i].batch);
        assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
        assert_null(strstr(w.trace.p, "POLICY"));
        world_close(&w);
    }
}

// The policy is asked for anew with each connection, and a conversation that waits for one ends
// when it is told to.
static void test_asked_anew(void **state)
{
    (void)state;
    const struct script scripts[] = {{.ehlo = OFFERED, .steps = {{".", "250 ok\r\n<CLOSE>"}}},
                                     {.ehlo = OFFERED}};
    struct world w = {.scripts = scripts, .script_count = 2};
    begin(&w, &by_mx, "d.example", table_of(PROTECT_MAY, false));
    world_give(&w, &batch);
    assert_string_equal(w.outcomes[0].tls, STATED);
    w.policy = &policies[BOTH];
    world_give(&w, &batch);
    assert_string_equal(w.outcomes[0].tls, STATED " verified by MTA-STS");
    assert_true(session_is_strict(w.session));
    world_close(&w);
}

static void test_cut_short(void **state)
{
    (void)state;
    struct session_effect e;
    struct session_settings settings = {.hostname = "me.example"};
    struct session *s;
    settings.protect = table_of(PROTECT_MAY, false);
    s = session_new(&settings, &by_mx, 1, "[192.0.2.9]", 1);
    session_set_domain(s, "d.example");
    session_feed(s, &(struct session_event){.kind = SESSION_BATCH, .batch = &batch});
    struct dns_answer *a = must_zalloc(sizeof *a + sizeof a->records[0]);
    a->count = 1;
    while (session_pull(s, &e) && e.kind != SESSION_ASK_POLICY) {
        a->type = e.type;
        snprintf(a->records[0].name, 256, "one.example");
        snprintf(a->records[0].ip, 46, e.type == DNS_TYPE_A ? "192.0.2.1" : "2001:db8::1");
        session_feed(
            s, &(struct session_event){.kind = SESSION_ANSWER, .answer_name = e.name, .answer = a});
    }
    assert_int_equal(e.kind, SESSION_ASK_POLICY);
    assert_string_equal(e.name, "d.example");
    assert_false(session_pull(s, &e));
    assert_true(session_deadline(s) == TIME_NEVER); // who was asked answers
    session_feed(s, &(struct session_event){.kind = SESSION_ABORT});
    assert_true(session_pull(s, &e) && e.kind == SESSION_OUTCOME);
    assert_int_equal(e.outcome->result, OUTCOME_DEFERRED);
    while (session_pull(s, &e))
        continue;
    session_feed(s, &(struct session_event){.kind = SESSION_POLICY}); // comes late
    assert_false(session_pull(s, &e));
    session_free(s);
    free(a);
    protect_table_unref(settings.protect);
}

// What a connection proves to one domain, and what another one asks for: it is used, or there is a
// new one.
static void test_sharing(void **state)
{
    (void)state;
    const struct script script = {.ehlo = OFFERED};
    static const char *const others[] = {"a@other.example"};
    const struct session_batch second = {"s@e.example", others, 1, sizeof BODY - 1, false};
    const struct {
        int had, other;
        uint32_t connections;
        bool is_delivered;
        const char *tls;
    } cases[] = {
        {ABSENT, ABSENT, 1, true, STATED},
        {ABSENT, TESTING, 1, true, STATED},
        {ABSENT, BOTH, 2, true, STATED " verified by MTA-STS"},
        {TESTING, BOTH, 2, true, STATED " verified by MTA-STS"},
        {BOTH, ABSENT, 1, true, STATED " verified by MTA-STS"},
        {BOTH, BOTH, 1, true, STATED " verified by MTA-STS"},
        {BOTH, SECOND, 2, true, STATED " verified by MTA-STS"},
        {BOTH, OTHER, 1, false, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w = {.scripts = &script, .script_count = 1};
        w.policy = cases[i].had == ABSENT ? NULL : &policies[cases[i].had];
        begin(&w, &by_mx, "d.example", table_of(PROTECT_MAY, false));
        world_give(&w, &batch);
        assert_true(session_suits(w.session, &w.settings, "other.example"));
        w.policy = cases[i].other == ABSENT ? NULL : &policies[cases[i].other];
        session_set_domain(w.session, "other.example");
        world_give(&w, &second);
        if (w.connections != cases[i].connections || strcmp(w.outcomes[0].tls, cases[i].tls) != 0 ||
            (w.outcomes[0].result == OUTCOME_DELIVERED) != cases[i].is_delivered)
            fail_msg("%zu: %s\n%s", i, w.outcomes[0].tls, w.trace.p);
        assert_non_null(strstr(w.trace.p, "POLICY other.example\n"));
        world_close(&w);
    }
}

// The host closes the connection while the policy of the next domain is awaited.
static void test_lost_meanwhile(void **state)
{
    (void)state;
    const struct script script = {.ehlo = OFFERED};
    struct session_effect e;
    struct world w = {.scripts = &script, .script_count = 1};
    begin(&w, &by_mx, "d.example", table_of(PROTECT_MAY, false));
    world_give(&w, &batch);
    session_set_domain(w.session, "other.example");
    session_feed(w.session, &(struct session_event){.kind = SESSION_BATCH, .batch = &batch});
    assert_true(session_pull(w.session, &e) && e.kind == SESSION_ASK_POLICY);
    assert_false(session_pull(w.session, &e));
    session_feed(w.session, &(struct session_event){.kind = SESSION_EOF});
    assert_true(session_pull(w.session, &e) && e.kind == SESSION_DISCONNECT);
    assert_false(session_pull(w.session, &e));
    session_feed(w.session, &(struct session_event){.kind = SESSION_POLICY});
    assert_true(session_pull(w.session, &e) && e.kind == SESSION_LOOKUP);
    assert_string_equal(e.name, "other.example");
    session_feed(w.session, &(struct session_event){.kind = SESSION_ABORT});
    assert_true(session_pull(w.session, &e) && e.kind == SESSION_OUTCOME);
    assert_int_equal(e.outcome->result, OUTCOME_DEFERRED);
    w.is_connected = false;
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),          cmocka_unit_test(test_not_asked),
        cmocka_unit_test(test_dane_first),     cmocka_unit_test(test_asked_anew),
        cmocka_unit_test(test_cut_short),      cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_lost_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
