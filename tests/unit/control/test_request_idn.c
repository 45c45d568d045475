// SPDX-License-Identifier: BSD-2-Clause
// Requests about international domains, as people type them.
#include "control/request_idn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void test_subjects(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"0A1B2C3D4E5F", "0A1B2C3D4E5F"},
        {"B@A.example", "B@A.example"},
        {"münchen.example", "xn--mnchen-3ya.example"},
        {"ö@MÜNCHEN.example", "ö@xn--mnchen-3ya.example"},
        {"*@münchen.example", "*@xn--mnchen-3ya.example"},
        {"*ö@*.münchen.example", "*ö@*.xn--mnchen-3ya.example"},
        {".münchen.example", ".xn--mnchen-3ya.example"},
        {"*münchen.example", "*münchen.example"}, // the beginning of a label
        {"münchen*", "münchen*"},
        {"ö@*", "ö@*"},
        {"-ü.example", "-ü.example"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct request r = {.filter = {.count = 2}};
        r.filter.terms[0].key = FILTER_TO;
        r.filter.terms[1].key = FILTER_ERROR;
        snprintf(r.filter.terms[0].text, sizeof r.filter.terms[0].text, "%s", rows[i][0]);
        snprintf(r.filter.terms[1].text, sizeof r.filter.terms[1].text, "%s", rows[i][0]);
        snprintf(r.target.name, sizeof r.target.name, "%s", rows[i][0]);
        snprintf(r.subject, sizeof r.subject, "%s", rows[i][0]);
        request_idn(&r);
        assert_string_equal(r.filter.terms[0].text, rows[i][1]);
        assert_string_equal(r.filter.terms[1].text, rows[i][0]); // what a host said is no domain
        assert_string_equal(r.target.name, rows[i][1]);
        assert_string_equal(r.subject, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_subjects)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
