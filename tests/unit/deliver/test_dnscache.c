// SPDX-License-Identifier: BSD-2-Clause
// What the cache believes, for how long, and that it stays within its bound.
#include "core/must.h"
#include "deliver/dnscache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000 * 1000 };

static struct dns_answer *answer(enum dns_type type, enum dns_result result, uint32_t ttl_s,
                                 uint32_t count)
{
    struct dns_answer *a = must_zalloc(sizeof *a + count * sizeof a->records[0]);
    a->type = type;
    a->result = result;
    a->ttl_s = ttl_s;
    a->count = count;
    for (uint32_t i = 0; i < count; i++)
        snprintf(a->records[i].ip, sizeof a->records[i].ip, "192.0.2.%u", i % 250);
    return a;
}

static void put(struct dnscache *c, const char *name, struct dns_answer *a)
{
    dnscache_put(c, name, a, NOW);
    free(a);
}

static void test_how_long(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum dns_result result;
        uint32_t ttl_s;
        int64_t good_s; // the last second of its life; -1: never
    } rows[] = {
        {"records", DNS_ANSWER_OK, 60, 59},
        {"records without a life", DNS_ANSWER_OK, 0, -1},
        {"records for ever", DNS_ANSWER_OK, UINT32_MAX, DNSCACHE_TTL_MAX_S - 1},
        {"no such name", DNS_ANSWER_NXDOMAIN, 300, 299},
        {"no such record", DNS_ANSWER_NODATA, 300, 299},
        {"negative for ever", DNS_ANSWER_NXDOMAIN, UINT32_MAX, DNSCACHE_NEGATIVE_MAX_S - 1},
        {"a server's trouble", DNS_ANSWER_SERVFAIL, 300, -1},
        {"silence", DNS_ANSWER_TIMEOUT, 300, -1},
        {"nonsense", DNS_ANSWER_BAD, 300, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dnscache *c = dnscache_new(0);
        put(c, "mx.example", answer(DNS_TYPE_A, rows[i].result, rows[i].ttl_s, 1));
        int64_t last_ms = NOW + rows[i].good_s * 1000;
        bool is_good =
            dnscache_find(c, "mx.example", DNS_TYPE_A, rows[i].good_s < 0 ? NOW : last_ms);
        bool is_stale = dnscache_find(c, "mx.example", DNS_TYPE_A, last_ms + 1000);
        if (is_good != (rows[i].good_s >= 0) || is_stale)
            fail_msg("%s: good %d, stale %d", rows[i].name, is_good, is_stale);
        dnscache_free(c);
    }
}

static void test_names_and_types(void **state)
{
    (void)state;
    struct dnscache *c = dnscache_new(0);
    put(c, "MX.Example", answer(DNS_TYPE_A, DNS_ANSWER_OK, 60, 2));
    put(c, "mx.example", answer(DNS_TYPE_AAAA, DNS_ANSWER_NODATA, 60, 0));
    assert_int_equal(dnscache_find(c, "mx.EXAMPLE", DNS_TYPE_A, NOW)->count, 2);
    assert_string_equal(dnscache_find(c, "mx.example", DNS_TYPE_A, NOW)->records[1].ip,
                        "192.0.2.1");
    assert_int_equal(dnscache_find(c, "mx.example", DNS_TYPE_AAAA, NOW)->result, DNS_ANSWER_NODATA);
    assert_null(dnscache_find(c, "mx.example", DNS_TYPE_MX, NOW));
    assert_null(dnscache_find(c, "x.example", DNS_TYPE_A, NOW));
    put(c, "mx.example", answer(DNS_TYPE_A, DNS_ANSWER_OK, 60, 5)); // the newer one counts
    assert_int_equal(dnscache_find(c, "mx.example", DNS_TYPE_A, NOW)->count, 5);
    put(c, "mx.example", answer(DNS_TYPE_A, DNS_ANSWER_SERVFAIL, 60, 0)); // and says: not known
    assert_null(dnscache_find(c, "mx.example", DNS_TYPE_A, NOW));
    dnscache_clear(c);
    assert_null(dnscache_find(c, "mx.example", DNS_TYPE_AAAA, NOW));
    assert_int_equal(dnscache_bytes(c), 0);
    dnscache_free(c);
}

static void test_bound(void **state)
{
    (void)state;
    enum { BYTES = 64 * 1024 };
    struct dnscache *c = dnscache_new(BYTES);
    char name[64];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "h%d.example", i);
        put(c, name, answer(DNS_TYPE_A, DNS_ANSWER_OK, 60, (uint32_t)i % 7));
        assert_in_range(dnscache_bytes(c), 1, BYTES);
        assert_non_null(dnscache_find(c, name, DNS_TYPE_A, NOW));
    }
    assert_null(dnscache_find(c, "h0.example", DNS_TYPE_A, NOW));         // the oldest went
    put(c, "large.example", answer(DNS_TYPE_A, DNS_ANSWER_OK, 60, 1000)); // larger than all of it
    assert_null(dnscache_find(c, "large.example", DNS_TYPE_A, NOW));
    assert_non_null(dnscache_find(c, name, DNS_TYPE_A, NOW));
    dnscache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_long),
        cmocka_unit_test(test_names_and_types),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
