// SPDX-License-Identifier: BSD-2-Clause
// What is blocked here: loud once, listed while it lasts, bounded.
#include "pipeline/blocked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR = 3600 * 1000 };

static void test_loud_once(void **state)
{
    (void)state;
    struct blocked *b = blocked_new();
    assert_false(blocked_end(b, BLOCKED_NETWORK, "", 0)); // nothing had begun
    assert_true(blocked_begin(b, BLOCKED_NETWORK, "", "no network", 1));
    assert_false(blocked_begin(b, BLOCKED_NETWORK, "", "no network", 2));
    assert_true(blocked_begin(b, BLOCKED_RELAY, "smtp://a:25", "554", 3)); // another one
    assert_true(blocked_begin(b, BLOCKED_RELAY, "smtp://b:25", "554", 3));
    assert_int_equal(blocked_count(b), 3);
    assert_true(blocked_end(b, BLOCKED_NETWORK, "", 4));
    assert_false(blocked_end(b, BLOCKED_NETWORK, "", 5));
    assert_int_equal(blocked_count(b), 2);
    blocked_free(b);
}

// L1: what comes and goes is said again after an hour, its end only where its beginning was.
static void test_quiet_for_an_hour(void **state)
{
    (void)state;
    struct blocked *b = blocked_new();
    assert_true(blocked_begin(b, BLOCKED_RESOLVER, "", "", 0));
    assert_true(blocked_end(b, BLOCKED_RESOLVER, "", 1));
    assert_false(blocked_begin(b, BLOCKED_RESOLVER, "", "", HOUR - 1));
    assert_int_equal(blocked_count(b), 1); // listed all the same
    assert_false(blocked_end(b, BLOCKED_RESOLVER, "", HOUR));
    assert_true(blocked_begin(b, BLOCKED_RESOLVER, "", "", HOUR));
    assert_true(blocked_end(b, BLOCKED_RESOLVER, "", HOUR + 1));
    blocked_free(b);
}

// With no mail to meet it nothing says that it is over: what is met later is another time.
static void test_not_heard_of(void **state)
{
    (void)state;
    struct blocked *b = blocked_new();
    struct blocked_view row;
    assert_true(blocked_begin(b, BLOCKED_RESOLVER, "", "", 0));
    assert_false(blocked_begin(b, BLOCKED_RESOLVER, "", "", HOUR - 1));
    assert_false(blocked_begin(b, BLOCKED_RESOLVER, "", "", 2 * HOUR - 2));
    assert_true(blocked_begin(b, BLOCKED_RESOLVER, "", "", 3 * HOUR - 2));
    assert_int_equal(blocked_count(b), 1);
    assert_int_equal(blocked_list(b, &row, 1), 1);
    assert_int_equal(row.since_ms, 3 * HOUR - 2);
    blocked_free(b);
}

static void test_list(void **state)
{
    (void)state;
    struct blocked *b = blocked_new();
    struct blocked_view rows[BLOCKED_MAX];
    assert_int_equal(blocked_list(b, rows, BLOCKED_MAX), 0);
    blocked_begin(b, BLOCKED_CREDENTIALS, "smtp://a:25", "535 no", 10);
    blocked_begin(b, BLOCKED_NETWORK, "", "x", 20);
    blocked_end(b, BLOCKED_NETWORK, "", 25);
    blocked_begin(b, BLOCKED_CREDENTIALS, "smtp://a:25", "535 still no", 30);
    assert_int_equal(blocked_list(b, rows, BLOCKED_MAX), 1);
    assert_int_equal(rows[0].kind, BLOCKED_CREDENTIALS);
    assert_string_equal(rows[0].destination, "smtp://a:25");
    assert_string_equal(rows[0].why, "535 still no");
    assert_int_equal(rows[0].since_ms, 10);
    assert_int_equal(rows[0].last_ms, 30);
    assert_string_equal(blocked_why(b, BLOCKED_NETWORK, ""), "x"); // over, but remembered
    assert_null(blocked_why(b, BLOCKED_TLS, ""));
    blocked_free(b);
}

static void test_bounded(void **state)
{
    (void)state;
    struct blocked *b = blocked_new();
    struct blocked_view rows[2 * BLOCKED_MAX];
    char name[32];
    for (int i = 0; i < 2 * BLOCKED_MAX; i++) {
        snprintf(name, sizeof name, "smtp://r%d:25", i);
        assert_true(blocked_begin(b, BLOCKED_RELAY, name, "554", i));
        blocked_begin(b, BLOCKED_RELAY, "smtp://always:25", "554", i);
    }
    assert_int_equal(blocked_count(b), BLOCKED_MAX);
    assert_int_equal(blocked_list(b, rows, 2 * BLOCKED_MAX), BLOCKED_MAX);
    assert_string_equal(rows[BLOCKED_MAX - 1].destination, "smtp://always:25");
    assert_int_equal(rows[BLOCKED_MAX - 1].since_ms, 0);
    blocked_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loud_once),    cmocka_unit_test(test_quiet_for_an_hour),
        cmocka_unit_test(test_not_heard_of), cmocka_unit_test(test_list),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
