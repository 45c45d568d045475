// SPDX-License-Identifier: BSD-2-Clause
// Recipients once each, in order.
#include "receive/rcptset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void test_what_is_the_same(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        {"a@x.example", "a@x.example", true},
        {"a@x.example", "a@X.EXAMPLE", true},
        {"a@x.example", "A@x.example", false},
        {"a@x.example", "a@x.exampl", false},
        {"\"a@b\"@x.ex", "\"a@B\"@x.ex", false},
        {"\"a@b\"@x.ex", "\"a@b\"@X.ex", true},
        {"a@b", "a", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rcptset set;
        rcptset_init(&set);
        assert_false(rcptset_has(&set, slice_str(rows[i].a)));
        assert_true(rcptset_add(&set, slice_str(rows[i].a)));
        assert_int_equal(rcptset_has(&set, slice_str(rows[i].b)), rows[i].is_same);
        assert_int_equal(rcptset_add(&set, slice_str(rows[i].b)), !rows[i].is_same);
        assert_int_equal(set.count, rows[i].is_same ? 1 : 2);
        assert_string_equal(set.addresses[0], rows[i].a);
        rcptset_close(&set);
    }
}

static void test_many(void **state)
{
    struct rcptset set;
    char address[32];
    (void)state;
    rcptset_init(&set);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 50000; i++) {
            snprintf(address, sizeof address, "a%d@x.example", i);
            assert_int_equal(rcptset_add(&set, slice_str(address)), round == 0);
        }
    assert_int_equal(set.count, 50000);
    assert_string_equal(set.addresses[49999], "a49999@x.example");
    rcptset_close(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_the_same),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
