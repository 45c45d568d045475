// SPDX-License-Identifier: BSD-2-Clause
// Messages that ask for more, or less, protection than the rows and the recipients' domains (RFC
// 8689).
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BODY   "Subject: x\r\n\r\nhello\r\n"
#define ALL    "250-mx\r\n250-STARTTLS\r\n250-REQUIRETLS\r\n250 PIPELINING\r\n"
#define TLS    "250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n"
#define NO_TLS "250-mx\r\n250-REQUIRETLS\r\n250 PIPELINING\r\n"
#define VERIFY "TLS 192.0.2.1 verify 192.0.2.1\n"
#define BROKEN "!certificate has expired"
enum { ASKED = MESSAGE_REQUIRE_TLS, LAX = MESSAGE_TLS_OPTIONAL };

static const char *const rcpts[] = {"a@d.example"};
static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
static const struct target lmtp = {.kind = TARGET_LMTP, .host = (char *)"192.0.2.1", .port = 24};
static const struct target by_mx = {.kind = TARGET_MX};

static const struct world_dns zone[] = {
    {"d.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 one.example"}},
    {"one.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.11"}},
    {NULL},
};

static const struct row {
    const char *name;
    const struct target *target;
    uint8_t traits;
    enum protect_policy policy;
    struct script script;
    char outcome; // D delivered, T deferred, F failed
    const char *status, *trace;
    bool is_said;
} rows[] = {
    {"not asked", &relay, 0, PROTECT_MAY, {.ehlo = ALL}, 'D', "2.0.0", "TLS 192.0.2.1\n", false},
    {"asked", &relay, ASKED, PROTECT_MAY, {.ehlo = ALL}, 'D', "2.0.0", VERIFY, true},
    {"where rows want none",
     &relay,
     ASKED,
     PROTECT_NONE,
     {.ehlo = ALL},
     'D',
     "2.0.0",
     VERIFY,
     true},
    {"by MX, for the domain",
     &by_mx,
     ASKED,
     PROTECT_MAY,
     {.ehlo = ALL},
     'D',
     "2.0.0",
     "TLS one.example verify d.example\n",
     true},
    {"by MX, not asked",
     &by_mx,
     0,
     PROTECT_VERIFY,
     {.ehlo = ALL},
     'D',
     "2.0.0",
     "TLS one.example verify one.example d.example\n",
     false},
    {"not passed on", &relay, ASKED, PROTECT_MAY, {.ehlo = TLS}, 'F', "5.7.30", VERIFY, false},
    {"no TLS", &relay, ASKED, PROTECT_MAY, {.ehlo = NO_TLS}, 'T', "4.7.4", "", false},
    {"nothing is proved",
     &relay,
     ASKED,
     PROTECT_MAY,
     {.ehlo = ALL, .tls = BROKEN},
     'T',
     "4.7.5",
     VERIFY,
     false},
    {"a mailbox", &lmtp, ASKED, PROTECT_MAY, {.ehlo = "250 mx\r\n"}, 'D', "2.0.0", "", false},
    {"lax, and rows want more",
     &relay,
     LAX,
     PROTECT_VERIFY,
     {.ehlo = TLS, .tls = BROKEN},
     'T',
     "4.7.5",
     VERIFY,
     false},
};

static void open_world(struct world *w, const struct target *target, enum protect_policy policy)
{
    struct protect_table *t = protect_table_new();
    t->rows = must_zalloc(sizeof *t->rows);
    t->rows[t->count++] = (struct protect_row){must_strdup("*"), policy};
    protect_table_index(t);
    w->dns = zone;
    w->body = SLICE_LIT(BODY);
    w->settings.protect = t;
    w->settings.fallback = fallback_new();
    world_open(w, target, 1, "d.example");
}

static void run_row(const struct row *r)
{
    struct world w = {.scripts = &r->script, .script_count = 1};
    struct session_batch b = {.sender = "s@e.example",
                              .rcpts = rcpts,
                              .rcpt_count = 1,
                              .size = sizeof BODY - 1,
                              .traits = r->traits};
    open_world(&w, r->target, r->policy);
    world_give(&w, &b);
    char got = "DTF"[w.outcomes[0].result];
    if (got != r->outcome || strcmp(w.outcomes[0].status, r->status) != 0)
        print_error("%s: %c %s\n%s", r->name, got, w.outcomes[0].text, w.trace.p);
    assert_int_equal(got, r->outcome);
    assert_string_equal(w.outcomes[0].status, r->status);
    const char *tls = strstr(w.trace.p, "TLS 1");
    tls = tls ? tls : strstr(w.trace.p, "TLS one");
    if (tls ? strncmp(tls, r->trace, strlen(r->trace)) != 0 || !r->trace[0] : r->trace[0] != '\0')
        fail_msg("%s:\n%s", r->name, w.trace.p);
    assert_int_equal(strstr(buf_slice(&w.wire).p, "> REQUIRETLS\r\n") != NULL, r->is_said);
    world_close(&w);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

// The policy of the domain is not asked for, and nobody else's mail goes over that connection.
static void test_lax(void **state)
{
    (void)state;
    static const struct script script = {.ehlo = "250-mx\r\n250 PIPELINING\r\n"};
    struct world w = {.scripts = &script, .script_count = 1};
    struct session_batch b = {
        .sender = "s@e.example", .rcpts = rcpts, .rcpt_count = 1, .size = sizeof BODY - 1};
    open_world(&w, &by_mx, PROTECT_MAY);
    world_give(&w, &b);
    assert_non_null(strstr(w.trace.p, "POLICY"));
    assert_true(session_suits(w.session, &w.settings, "d.example"));
    world_close(&w);

    w = (struct world){.scripts = &script, .script_count = 1};
    b.traits = LAX;
    open_world(&w, &by_mx, PROTECT_MAY);
    world_give(&w, &b);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    assert_null(strstr(w.trace.p, "POLICY"));
    assert_false(session_suits(w.session, &w.settings, "d.example"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_lax)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
