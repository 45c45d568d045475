// SPDX-License-Identifier: BSD-2-Clause
// Which row of tls counts, what it asks of a handshake, and whose connections may be shared.
#include "core/must.h"
#include "deliver/protect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const patterns[] = {
    "*",          "bank.example", ".bank.example", "mx:mx.big.example",
    "relay.home", "192.0.2.1",    "2001:db8::1"};
enum { ALL, BANK, BELOW, BIG, RELAY, IPV4, IPV6, COUNT };

static struct protect_table *table_new(uint32_t from)
{
    struct protect_table *t = protect_table_new();
    t->rows = must_zalloc(COUNT * sizeof *t->rows);
    for (uint32_t i = from; i < COUNT; i++)
        t->rows[t->count++] = (struct protect_row){must_strdup(patterns[i]), PROTECT_VERIFY};
    protect_table_index(t);
    return t;
}

static const struct {
    const char *domain, *host;
    bool by_mx;
    int row;
} finds[] = {
    {"bank.example", "mx.big.example", true, BANK},
    {"BANK.example", "mx.other.example", true, BANK},
    {"a.bank.example", "mx.other.example", true, BELOW},
    {"shop.example", "mx.big.example", true, BIG},
    {"shop.example", "MX.big.example", true, BIG},
    {"shop.example", "mx.other.example", true, ALL},
    {"relay.home", "mx.other.example", true, RELAY}, // a domain of that name
    {"bank.example", "relay.home", false, RELAY},    // the domain does not count
    {"bank.example", "Relay.Home", false, RELAY},
    {"bank.example", "mx.big.example", false, ALL}, // nor does a row for hosts by MX
    {"bank.example", "192.0.2.1", false, IPV4},
    {"bank.example", "2001:db8::1", false, IPV6},
    {"bank.example", "192.0.2.2", false, ALL},
};

static void test_find(void **state)
{
    (void)state;
    struct protect_table *t = table_new(0);
    for (size_t i = 0; i < sizeof finds / sizeof finds[0]; i++) {
        const struct protect_row *row =
            protect_find(t, finds[i].domain, finds[i].host, finds[i].by_mx);
        assert_string_equal(row->pattern, patterns[finds[i].row]);
    }
    protect_table_unref(t);
}

static void test_no_row(void **state)
{
    (void)state;
    struct protect_table *some = table_new(1), *none = protect_table_new();
    assert_int_equal(protect_find(some, "d.example", "mx", true)->policy, PROTECT_MAY);
    assert_int_equal(protect_find(none, "d.example", "mx", true)->policy, PROTECT_MAY);
    protect_table_unref(none);
    protect_table_unref(some);
}

static void test_terms(void **state)
{
    (void)state;
    const char *names[PROTECT_DEFAULT_NAMES];
    char *wanted[] = {(char *)"mx.example", (char *)".hosts.example"};
    struct protect_row row = {.policy = PROTECT_VERIFY};
    struct tls_terms terms;
    protect_terms(&row, "d.example", "mx.example", true, names, &terms);
    assert_true(terms.must_verify);
    assert_string_equal(terms.server_name, "mx.example");
    assert_int_equal(terms.name_count, 2);
    assert_string_equal(terms.names[0], "mx.example");
    assert_string_equal(terms.names[1], "d.example");
    assert_string_equal(terms.ca_file, "");
    protect_terms(&row, "d.example", "relay.home", false, names, &terms);
    assert_int_equal(terms.name_count, 1);
    assert_string_equal(terms.names[0], "relay.home");
    row.names = wanted;
    row.name_count = 2;
    row.ca_file = (char *)"/ca.pem";
    protect_terms(&row, "d.example", "relay.home", false, names, &terms);
    assert_int_equal(terms.name_count, 2);
    assert_string_equal(terms.names[1], ".hosts.example");
    assert_string_equal(terms.ca_file, "/ca.pem");
    row.policy = PROTECT_ENCRYPT;
    protect_terms(&row, "d.example", "mx.example", true, names, &terms);
    assert_false(terms.must_verify);
}

// A connection is shared between domains only where it proves as much to the second as to the
// first.
static void test_suits(void **state)
{
    (void)state;
    struct protect_table *t = table_new(0);
    const char *big = "mx.big.example";
    struct protect_row *row = &t->rows[BIG];
    assert_true(protect_suits(t, row, "a.example", "a.example", big, true));
    assert_false(protect_suits(t, row, "a.example", "b.example", big, true)); // one by its own name
    assert_false(protect_suits(t, row, "a.example", "bank.example", big, true));
    row->policy = PROTECT_ENCRYPT;
    assert_true(protect_suits(t, row, "a.example", "b.example", big, true));
    assert_false(protect_suits(t, row, "a.example", "bank.example", big, true));
    row->policy = PROTECT_VERIFY;
    row->pin_count = 1;
    assert_true(protect_suits(t, row, "a.example", "b.example", big, true));
    row->pin_count = 0;
    assert_true(protect_suits(t, &t->rows[RELAY], "a.example", "b.example", "relay.home", false));
    protect_table_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_no_row),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_suits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
