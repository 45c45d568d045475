// SPDX-License-Identifier: BSD-2-Clause
// Which host takes a domain's mail, as far as rows of the configuration ask for it.
#include "deliver/sites.h"

#include "core/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const hosts[] = {"mx1.big.example", "mx.other.example"};

// "10 mx1.big.example 20 b.example": the answer with these records; owned by the caller.
static struct dns_answer *answer_of(enum dns_result result, uint32_t ttl_s, const char *records)
{
    struct dns_answer *a = must_zalloc(sizeof *a + DNS_RECORDS_MAX * sizeof(struct dns_record));
    a->type = DNS_TYPE_MX;
    a->result = result;
    a->ttl_s = ttl_s;
    unsigned preference;
    int n;
    char name[256];
    for (; sscanf(records, "%u %255s%n", &preference, name, &n) == 2; records += n) {
        struct dns_record *r = &a->records[a->count++];
        r->preference = (uint16_t)preference;
        snprintf(r->name, sizeof r->name, "%s", name);
    }
    return a;
}

static struct sites *make_sites(void)
{
    struct sites *s = sites_new();
    sites_watch(s, hosts, sizeof hosts / sizeof *hosts);
    return s;
}

static void learn(struct sites *s, const char *domain, enum dns_result result, uint32_t ttl_s,
                  const char *records, int64_t now_ms)
{
    struct dns_answer *a = answer_of(result, ttl_s, records);
    sites_learn(s, domain, a, now_ms);
    free(a);
}

static void test_which_host_counts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum dns_result result;
        const char *records;
        const char *host; // NULL: none
    } cases[] = {
        {"the best", DNS_ANSWER_OK, "10 mx1.big.example 20 b.example", "mx1.big.example"},
        {"in another case", DNS_ANSWER_OK, "10 MX1.Big.Example.", "mx1.big.example"},
        {"one of the best", DNS_ANSWER_OK, "10 a.example 10 mx1.big.example", "mx1.big.example"},
        {"only a worse one", DNS_ANSWER_OK, "10 a.example 20 mx1.big.example", NULL},
        {"none", DNS_ANSWER_OK, "10 a.example", NULL},
        {"two that are named: the first", DNS_ANSWER_OK, "10 mx.other.example 10 mx1.big.example",
         "mx1.big.example"},
        {"longer", DNS_ANSWER_OK, "10 mx1.big.example.org", NULL},
        {"no MX, another domain", DNS_ANSWER_NODATA, "", NULL},
        {"no such name", DNS_ANSWER_NXDOMAIN, "", NULL},
        {"nobody knows", DNS_ANSWER_TIMEOUT, "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sites *s = make_sites();
        print_message("%s\n", cases[i].name);
        learn(s, "d.example", cases[i].result, 3600, cases[i].records, 0);
        struct site site = sites_find(s, "d.example", 1);
        assert_true(site.is_known && !site.wants_asking);
        if (cases[i].host)
            assert_string_equal(site.host, cases[i].host);
        else
            assert_null(site.host);
        sites_free(s);
    }
}

static void test_implicit_mx(void **state)
{
    (void)state;
    struct sites *s = make_sites();
    learn(s, "mx.other.example", DNS_ANSWER_NODATA, 3600, "", 0);
    assert_string_equal(sites_find(s, "mx.other.example", 1).host, "mx.other.example");
    sites_free(s);
}

// What was learnt is used until something else was, and asked about again when its time is over.
static void test_time_to_live(void **state)
{
    (void)state;
    static const struct {
        enum dns_result result;
        uint32_t ttl_s;
        int64_t for_ms;
    } cases[] = {
        {DNS_ANSWER_OK, 3600, 3600 * 1000},
        {DNS_ANSWER_OK, 0, SITES_TTL_MIN_MS},
        {DNS_ANSWER_OK, 7 * 24 * 3600, SITES_TTL_MAX_MS},
        {DNS_ANSWER_NODATA, 600, 600 * 1000},
        {DNS_ANSWER_SERVFAIL, 0, SITES_RETRY_MS},
        {DNS_ANSWER_NXDOMAIN, 0, SITES_RETRY_MS},
    };
    struct sites *s = make_sites();
    assert_true(sites_is_watching(s));
    assert_true(sites_find(s, "d.example", 0).wants_asking);
    assert_false(sites_find(s, "d.example", 0).is_known);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        learn(s, "d.example", cases[i].result, cases[i].ttl_s, "10 mx1.big.example", 1000);
        assert_false(sites_find(s, "d.example", 1000 + cases[i].for_ms - 1).wants_asking);
        assert_true(sites_find(s, "d.example", 1000 + cases[i].for_ms).wants_asking);
        assert_true(sites_find(s, "d.example", 1000 + cases[i].for_ms).is_known);
    }
    sites_watch(s, NULL, 0);
    assert_false(sites_is_watching(s));
    assert_false(sites_find(s, "d.example", 0).wants_asking);
    sites_free(s);
}

static void test_is_bounded(void **state)
{
    (void)state;
    struct sites *s = make_sites();
    char domain[32];
    for (int i = 0; i <= SITES_DOMAINS_MAX; i++) {
        snprintf(domain, sizeof domain, "d%d.example", i);
        learn(s, domain, DNS_ANSWER_OK, 3600, "10 mx1.big.example", 0);
    }
    assert_false(sites_find(s, "d0.example", 1).is_known);
    assert_true(sites_find(s, "d1.example", 1).is_known);
    assert_true(sites_find(s, domain, 1).is_known);
    sites_free(s);
    sites_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_host_counts),
        cmocka_unit_test(test_implicit_mx),
        cmocka_unit_test(test_time_to_live),
        cmocka_unit_test(test_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
