// SPDX-License-Identifier: BSD-2-Clause
// TLSA records: which can be used, when they are asked for, and what they come to. RFC 7671, 7672.
#include "deliver/dane.h"
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_usable(void **state)
{
    (void)state;
    static const struct {
        struct dns_tlsa record;
        bool want;
    } cases[] = {
        {{3, 1, 1, 32}, true},  {{3, 0, 1, 32}, true},  {{2, 0, 2, 64}, true},
        {{3, 1, 0, 91}, true},  {{3, 1, 0, 0}, false},  {{0, 1, 1, 32}, false},
        {{1, 1, 1, 32}, false}, {{4, 1, 1, 32}, false}, {{255, 1, 1, 32}, false},
        {{3, 2, 1, 32}, false}, {{3, 1, 3, 32}, false}, {{3, 1, 1, 31}, false},
        {{3, 1, 1, 33}, false}, {{3, 1, 2, 32}, false}, {{3, 1, 1, 0}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(dane_is_usable(&cases[i].record), cases[i].want);
}

static void test_name(void **state)
{
    (void)state;
    char name[DANE_NAME_SIZE], base[DANE_NAME_SIZE] = "";
    assert_true(dane_name("mx.example.net", 25, name));
    assert_string_equal(name, "_25._tcp.mx.example.net");
    memset(base, 'x', DANE_NAME_SIZE - 1);
    assert_false(dane_name(base, 25, name));
}

static void test_many_records(void **state)
{
    (void)state;
    struct dns_answer *a = must_zalloc(sizeof *a + DNS_RECORDS_MAX * sizeof(struct dns_record));
    *a = (struct dns_answer){.type = DNS_TYPE_TLSA, .is_secure = true, .count = DNS_RECORDS_MAX};
    for (uint32_t i = 0; i < a->count; i++)
        a->records[i].tlsa = (struct dns_tlsa){i % 2 ? 3 : 1, 1, 1, 32, {(unsigned char)i}};
    struct dane *d = dane_new("mx.example", a);
    assert_int_equal(d->count, DANE_RECORDS_MAX);
    assert_int_equal(d->records[0].data[0], 1); // those that cannot be used take no place
    assert_int_equal(d->records[1].data[0], 3);
    free(d);
    free(a);
}

#define BODY    "Subject: x\r\n\r\nhello\r\n"
#define OFFERED "250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n"

#define MX                                                                                         \
    {                                                                                              \
        "d.example", DNS_TYPE_MX, DNS_ANSWER_OK,                                                   \
        {                                                                                          \
            "10 mx.example"                                                                        \
        }                                                                                          \
    }
#define PLAIN_MX                                                                                   \
    {                                                                                              \
        "d.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 mx.example"}, .is_plain = true               \
    }
#define TWO_MX                                                                                     \
    {                                                                                              \
        "d.example", DNS_TYPE_MX, DNS_ANSWER_OK,                                                   \
        {                                                                                          \
            "10 mx.example", "20 b.example"                                                        \
        }                                                                                          \
    }
#define IP                                                                                         \
    {                                                                                              \
        "mx.example", DNS_TYPE_A, DNS_ANSWER_OK,                                                   \
        {                                                                                          \
            "192.0.2.1"                                                                            \
        }                                                                                          \
    }
#define IP6                                                                                        \
    {                                                                                              \
        "mx.example", DNS_TYPE_AAAA, DNS_ANSWER_OK,                                                \
        {                                                                                          \
            "2001:db8::1"                                                                          \
        }                                                                                          \
    }
#define PLAIN_IP6                                                                                  \
    {                                                                                              \
        "mx.example", DNS_TYPE_AAAA, DNS_ANSWER_OK, {"2001:db8::1"}, .is_plain = true              \
    }
#define ALIAS                                                                                      \
    {                                                                                              \
        "mx.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.1"}, .canonical = "c.example"           \
    }
#define ODD_ALIAS                                                                                  \
    {                                                                                              \
        "mx.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.1"}, .canonical = "b\\\"d"              \
    }
#define IP_OF_B                                                                                    \
    {                                                                                              \
        "b.example", DNS_TYPE_A, DNS_ANSWER_OK,                                                    \
        {                                                                                          \
            "192.0.2.2"                                                                            \
        }                                                                                          \
    }
#define RECORD(name, value)                                                                        \
    {                                                                                              \
        "_25._tcp." name, DNS_TYPE_TLSA, DNS_ANSWER_OK,                                            \
        {                                                                                          \
            value                                                                                  \
        }                                                                                          \
    }
#define PLAIN_RECORD                                                                               \
    {                                                                                              \
        "_25._tcp.mx.example", DNS_TYPE_TLSA, DNS_ANSWER_OK, {"3 1 1"}, .is_plain = true           \
    }
#define NO_ANSWER(result)                                                                          \
    {                                                                                              \
        "_25._tcp.mx.example", DNS_TYPE_TLSA, result                                               \
    }

struct row {
    const char *name;
    enum protect_policy policy;
    struct world_dns dns[6];
    struct script script; // of the first connection; further ones are right
    const char *lookups;  // of TLSA
    const char *tls;      // what TLS was begun for; "": in clear
    char outcome;         // D delivered, T deferred
    const char *text;     // NULL: any
};

// A row is a case.
// clang-format off
static const struct row rows[] = {
    {"usable", PROTECT_DANE, {MX, IP, RECORD("mx.example", "3 1 1")}, {.ehlo = OFFERED},
     "_25._tcp.mx.example ", "mx.example verify mx.example d.example", 'D'},
    {"usable, the wrong certificate", PROTECT_DANE, {MX, IP, RECORD("mx.example", "3 1 1")},
     {.ehlo = OFFERED, .tls = "!No matching DANE TLSA records"}, "_25._tcp.mx.example ",
     "mx.example verify mx.example d.example", 'T',
     "TLS with mx.example[192.0.2.1]:25 failed: No matching DANE TLSA records"},
    {"usable, TLS is not offered", PROTECT_DANE, {MX, IP, RECORD("mx.example", "2 0 1")}, {0},
     "_25._tcp.mx.example ", "", 'T',
     "TLS is required, but was not offered by host mx.example[192.0.2.1]"},
    {"not usable", PROTECT_DANE, {MX, IP, RECORD("mx.example", "1 0 1")},
     {.ehlo = OFFERED, .tls = "!expired"}, "_25._tcp.mx.example ", "mx.example", 'D'},
    {"not usable, TLS is not offered", PROTECT_DANE, {MX, IP, RECORD("mx.example", "1 0 1")}, {0},
     "_25._tcp.mx.example ", "", 'T',
     "TLS is required, but was not offered by host mx.example[192.0.2.1]"},
    {"none", PROTECT_DANE, {MX, IP, NO_ANSWER(DNS_ANSWER_NODATA)}, {.ehlo = OFFERED},
     "_25._tcp.mx.example ", "mx.example", 'D'},
    {"none, nothing is offered", PROTECT_DANE, {MX, IP}, {0}, "_25._tcp.mx.example ", "", 'D'},
    {"records not secure", PROTECT_DANE, {MX, IP, PLAIN_RECORD}, {0}, "_25._tcp.mx.example ", "",
     'D'},
    {"MX not secure", PROTECT_DANE, {PLAIN_MX, IP, RECORD("mx.example", "3 1 1")}, {0}, "", "",
     'D'},
    {"an address not secure", PROTECT_DANE, {MX, IP, PLAIN_IP6, RECORD("mx.example", "3 1 1")}, {0},
     "", "", 'D'},
    {"both families", PROTECT_DANE, {MX, IP, IP6, RECORD("mx.example", "3 1 1")},
     {.ehlo = OFFERED}, "_25._tcp.mx.example ", "mx.example verify mx.example d.example", 'D'},
    {"an alias", PROTECT_DANE, {MX, ALIAS, RECORD("c.example", "3 1 1")}, {.ehlo = OFFERED},
     "_25._tcp.c.example ", "c.example verify c.example d.example", 'D'},
    {"an alias, its own name", PROTECT_DANE, {MX, ALIAS, RECORD("mx.example", "3 1 1")},
     {.ehlo = OFFERED}, "_25._tcp.c.example _25._tcp.mx.example ",
     "mx.example verify mx.example d.example", 'D'},
    {"an alias without any", PROTECT_DANE, {MX, ALIAS}, {0},
     "_25._tcp.c.example _25._tcp.mx.example ", "", 'D'},
    {"an alias of what is no host", PROTECT_DANE, {MX, ODD_ALIAS, RECORD("mx.example", "3 1 1")},
     {.ehlo = OFFERED}, "_25._tcp.mx.example ", "mx.example verify mx.example d.example", 'D'},
    {"nobody knows", PROTECT_DANE, {MX, IP, NO_ANSWER(DNS_ANSWER_SERVFAIL)}, {.ehlo = OFFERED},
     "_25._tcp.mx.example ", "", 'T',
     "TLSA lookup error for mx.example:25: the name servers give no valid answer"},
    {"nobody answers", PROTECT_DANE, {MX, IP, NO_ANSWER(DNS_ANSWER_TIMEOUT)}, {.ehlo = OFFERED},
     "_25._tcp.mx.example ", "", 'T',
     "TLSA lookup error for mx.example:25: no name server answered in time"},
    {"nobody knows, the next host", PROTECT_DANE,
     {TWO_MX, IP, IP_OF_B, NO_ANSWER(DNS_ANSWER_BAD), RECORD("b.example", "3 1 1")},
     {.ehlo = OFFERED}, "_25._tcp.mx.example _25._tcp.b.example ",
     "b.example verify b.example d.example", 'D'},
    {"implicit MX", PROTECT_DANE,
     {{"d.example", DNS_TYPE_MX, DNS_ANSWER_NODATA},
      {"d.example", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.1"}}, RECORD("d.example", "3 1 1")},
     {.ehlo = OFFERED}, "_25._tcp.d.example ", "d.example verify d.example d.example", 'D'},
    {"only, usable", PROTECT_DANE_ONLY, {MX, IP, RECORD("mx.example", "3 1 1")}, {.ehlo = OFFERED},
     "_25._tcp.mx.example ", "mx.example verify mx.example d.example", 'D'},
    {"only, not usable", PROTECT_DANE_ONLY, {MX, IP, RECORD("mx.example", "0 1 1")},
     {.ehlo = OFFERED}, "_25._tcp.mx.example ", "", 'T',
     "DANE is required, but mx.example:25 has no TLSA records that can be used"},
    {"only, none", PROTECT_DANE_ONLY, {MX, IP}, {.ehlo = OFFERED}, "_25._tcp.mx.example ", "", 'T',
     "DANE is required, but mx.example:25 has no TLSA records that can be used"},
    {"only, not secure", PROTECT_DANE_ONLY, {PLAIN_MX, IP, RECORD("mx.example", "3 1 1")},
     {.ehlo = OFFERED}, "", "", 'T',
     "DANE is required, but what the DNS says of mx.example:25 is not secured by DNSSEC"},
    {"other policies do not ask", PROTECT_VERIFY, {MX, IP, RECORD("mx.example", "3 1 1")},
     {.ehlo = OFFERED}, "", "mx.example verify mx.example d.example", 'D'},
};
// clang-format on

// What stands behind each line of the trace that begins with `start`.
static void gather(const char *trace, const char *start, const char *behind, struct buf *to)
{
    buf_reset(to);
    buf_add_str(to, "");
    for (const char *line = trace; line && *line; line = strchr(line, '\n') + 1) {
        size_t n = strcspn(line, "\n");
        if (strncmp(line, start, strlen(start)) != 0)
            continue;
        struct slice rest = slice_of(line + strlen(start), n - strlen(start));
        if (rest.n < strlen(behind) ||
            strncmp(rest.p + rest.n - strlen(behind), behind, strlen(behind)) != 0)
            continue;
        buf_add(to, rest.p, rest.n - strlen(behind));
        buf_add_str(to, *behind ? " " : "");
    }
}

static void give(struct world *w, const struct target *target, enum protect_policy policy)
{
    static const char *const rcpts[] = {"a@d.example"};
    const struct session_batch b = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
    w->dns_is_secure = true;
    w->body = SLICE_LIT(BODY);
    w->settings.protect = world_protection(policy);
    w->settings.smtp_port = 25;
    world_open(w, target, 1, "d.example");
    world_give(w, &b);
    if (!w->has_ended)
        world_feed(w, (struct session_event){.kind = SESSION_QUIT});
    world_run(w);
}

static void test_sessions(void **state)
{
    (void)state;
    static const struct target by_mx = {.kind = TARGET_MX};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct world w = {.scripts = &row->script, .script_count = 1, .dns = row->dns};
        struct buf seen;
        print_message("%s\n", row->name);
        give(&w, &by_mx, row->policy);
        buf_init(&seen, 10000);
        gather(w.trace.p, "LOOKUP ", " 52", &seen);
        assert_string_equal(seen.p, row->lookups);
        gather(w.trace.p, "TLS ", "", &seen);
        assert_string_equal(seen.p, row->tls);
        assert_int_equal(w.outcomes[0].result,
                         row->outcome == 'D' ? OUTCOME_DELIVERED : OUTCOME_DEFERRED);
        if (row->text)
            assert_string_equal(w.outcomes[0].text, row->text);
        if (row->outcome == 'T')
            assert_int_equal(w.scope, SCOPE_HOST);
        buf_close(&seen);
        world_close(&w);
    }
}

// A relay is judged by its own addresses; one that is an IP address has no records.
static void test_relays(void **state)
{
    (void)state;
    static const struct target named = {
        .kind = TARGET_SMTP, .host = (char *)"mx.example", .port = 587};
    static const struct target ip = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
    static const struct world_dns dns[] = {
        IP, {"_587._tcp.mx.example", DNS_TYPE_TLSA, DNS_ANSWER_OK, {"3 1 1"}}, {NULL}};
    const struct script script = {.ehlo = OFFERED};
    struct world w = {.scripts = &script, .script_count = 1, .dns = dns};
    give(&w, &named, PROTECT_DANE);
    assert_non_null(strstr(w.trace.p, "TLS mx.example verify mx.example mx.example\n"));
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    world_close(&w);

    w = (struct world){.scripts = &script, .script_count = 1, .dns = dns};
    give(&w, &ip, PROTECT_DANE);
    assert_int_equal(w.asked_dns, 0);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    world_close(&w);

    w = (struct world){.scripts = &script, .script_count = 1, .dns = dns};
    give(&w, &ip, PROTECT_DANE_ONLY);
    assert_int_equal(w.connections, 0);
    assert_int_equal(w.outcomes[0].klass, CLASS_TLS);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usable),       cmocka_unit_test(test_name),
        cmocka_unit_test(test_many_records), cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_relays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
