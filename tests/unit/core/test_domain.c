// SPDX-License-Identifier: BSD-2-Clause
// International domain names; what is right stands in RFC 5890 and UTS 46.
#include "core/domain_idn2.h"

#include "row.h"

#include <stdio.h>

static void test_to_ascii(void **state)
{
    (void)state;
    static const struct {
        const char *domain, *want; // NULL: no name
    } rows[] = {
        {"Example.ORG", "example.org"},
        {"[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"},
        {"_a.b_c.example", "_a.b_c.example"},
        {"müller.example", "xn--mller-kva.example"},
        {"MÜLLER.Example", "xn--mller-kva.example"},
        {"mu\xcc\x88ller.example", "xn--mller-kva.example"}, // combining, as macOS writes it
        {"straße.example", "xn--strae-oqa.example"},
        {"例え.テスト", "xn--r8jz45g.xn--zckzah"},
        {"例え。テスト", "xn--r8jz45g.xn--zckzah"}, // an ideographic full stop is a dot: UTS 46
        {"пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"},
        {"mail_1.müller.example", "mail_1.xn--mller-kva.example"},
        {"xn--mller-kva.example", "xn--mller-kva.example"},
        {"\xff.example", NULL},
        {"exämple..", NULL},
        {"a＠b.exämple", NULL},          // a wide @ is one: UTS 46
        {"a　b.exämple", NULL},          // and a wide blank
        {"☃\xe2\x80\xae.example", NULL}, // right-to-left override
        {"-ü.example", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf to, why;
        buf_init(&to, 300);
        buf_init(&why, 300);
        enum fp_err err = domain_to_ascii(slice_str(rows[i].domain), &to, &why);
        row_number(rows[i].domain, err, rows[i].want ? FP_OK : FP_INVALID);
        row_number(rows[i].domain, why.n > 0, rows[i].want == NULL);
        row_buf(rows[i].domain, &to, rows[i].want ? rows[i].want : "");
        buf_close(&to);
        buf_close(&why);
    }
}

static void test_what_does_not_fit(void **state)
{
    (void)state;
    struct buf to;
    buf_init(&to, 20);
    assert_int_equal(domain_to_ascii(SLICE_LIT("müller.example"), &to, NULL), FP_TOO_BIG);
    assert_int_equal(domain_to_ascii(SLICE_LIT("a-rather-long.example"), &to, NULL), FP_TOO_BIG);
    assert_int_equal(to.n, 0);
    buf_close(&to);
    buf_init(&to, SIZE_MAX);
    assert_int_equal(domain_to_ascii(slice_of("\xc3\xbc\0.example", 11), &to, NULL), FP_INVALID);
    char label[200] = "";
    for (int i = 0; i < 60; i++)
        memcpy(label + 2 * i, "ü", 3);
    assert_int_equal(domain_to_ascii(slice_str(label), &to, NULL), FP_INVALID); // over 63 octets
    assert_int_equal(to.n, 0);
    buf_close(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_ascii),
        cmocka_unit_test(test_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
