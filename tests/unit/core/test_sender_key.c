// SPDX-License-Identifier: BSD-2-Clause
// sender_key: who counts as one sender.
#include "core/sender_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_who_is_one_sender(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_one;
    } cases[] = {
        {"a@example.org", "a@example.org", true},
        {"A@Example.ORG", "a@example.org", true},
        {"a@example.org", "b@example.org", false},
        {"a@example.org", "a@example.net", false},
        {"", "", true},
        {"", "a@example.org", false},
        {"list-bounces+ann=example.com@l.example", "list-bounces+bob=example.net@l.example", true},
        {"b-1234-99@m.example", "b-77-100000@m.example", true},
        {"b-1234-x@m.example", "b-1234-y@m.example", false},
        {"a@mail1.example", "a@mail2.example", false}, // digits of a domain are its name
        {"\"a@b\"@example.org", "\"c@b\"@example.org", false},
        {"ann", "bob", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t a = sender_key(slice_str(cases[i].a)), b = sender_key(slice_str(cases[i].b));
        if ((a == b) != cases[i].is_one)
            fail_msg("\"%s\" and \"%s\"", cases[i].a, cases[i].b);
        assert_true(a <= INT32_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_one_sender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
