// SPDX-License-Identifier: BSD-2-Clause
// The parameter BY, both ways.
#include "core/deliver_by.h"

#include "row.h"

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; // NULL: none
    } rows[] = {
        {"120;R", "120;R"},
        {"120;r", "120;R"},
        {"+120;N", "120;N"},
        {"0;N", "0;N"},
        {"-5;nt", "-5;NT"},
        {"000000001;RT", "1;RT"},
        {"999999999;R", "999999999;R"},
        {"0;R", NULL},
        {"-1;R", NULL},
        {"1000000000;R", NULL},
        {"", NULL},
        {"R", NULL},
        {";R", NULL},
        {"+;R", NULL},
        {"--1;N", NULL},
        {"120", NULL},
        {"120;", NULL},
        {"120;X", NULL},
        {"120;RR", NULL},
        {"120;RTT", NULL},
        {"120R", NULL},
        {"12 0;R", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct deliver_by by;
        struct buf got;
        buf_init(&got, 20);
        row_number(rows[i].text, deliver_by_parse(slice_str(rows[i].text), &by),
                   rows[i].want != NULL);
        if (rows[i].want) {
            deliver_by_add(&by, &got);
            row_buf(rows[i].text, &got, rows[i].want);
        }
        buf_close(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
