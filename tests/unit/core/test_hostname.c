// SPDX-License-Identifier: BSD-2-Clause
// Host names, address literals and networks; IP syntax is held against inet_pton.
#include "core/hostname.h"

#include "row.h"

#include <arpa/inet.h>
#include <stdio.h>

#define LABEL_63 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool want, is_domain;
    } rows[] = {
        {"mail.example.org", true, true},
        {"f", true, true},
        {"maddy.email.", true, false},
        {"a_b.example", true, true},
        {"_dmarc.example", true, true},
        {"xn--bcher-kva.example", true, true},
        {"1f.2.3.4", true, true},
        {"1.2.3.f", true, true},
        {"3com.example", true, true},
        {"", false, false},
        {".", false, false},
        {"..", false, false},
        {"a..b", false, false},
        {".a", false, false},
        {"a.b..", false, false},
        {"1.2.3.4", false, true},
        {"1.2.3.4.", false, false},
        {"321", false, true},
        {"-a.b", false, false},
        {"a-.b", false, false},
        {"a.b-", false, false},
        {"a.-", false, false},
        {"a b", false, false},
        {"a*b", false, false},
        {"a:b", false, false},
        {"a/b", false, false},
        {"b\xc3\xbc"
         "cher.example",
         false, false},
        {LABEL_63 ".example", true, true},
        {LABEL_63 "d.example", false, false},
        {LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, false, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice name = slice_str(rows[i].name);
        row_number(rows[i].name, hostname_is_valid(name), rows[i].want);
        row_number(rows[i].name, hostname_has_valid_labels(name), rows[i].is_domain);
    }
    static const char *const roots[][2] = {{"a.example.", "a.example"},
                                           {"a.example", "a.example"},
                                           {"a..", "a.."},
                                           {"b@a.example.", "b@a.example"},
                                           {".", "."},
                                           {"", ""}};
    for (size_t i = 0; i < COUNT(roots); i++)
        assert_true(
            slice_equal(hostname_without_root(slice_str(roots[i][0])), slice_str(roots[i][1])));
    assert_false(hostname_is_valid(slice_of("a\0b", 3)));
}

static void test_name_length_at_the_limit(void **state)
{
    (void)state;
    char name[256];
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 2 ? '.' : 'a';
    assert_true(hostname_is_valid(slice_of(name, 253)));
    assert_true(hostname_is_valid(slice_of(name, 254))); // 253 and a dot
    assert_false(hostname_is_valid(slice_of(name, 255)));
}

static void test_ip_syntax_is_that_of_libc(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "1.2.3.4",
        "255.255.255.255",
        "256.1.1.1",
        "0.0.0.0",
        "01.2.3.4",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4.",
        ".1.2.3.4",
        "1..3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.x",
        "1.2.3.0004",
        "",
        ".",
        "::",
        "::1",
        "1::",
        ":1",
        "1:",
        ":",
        ":::",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8::",
        "1::2::3",
        "a:a:a:a:a:a:1.2.3.4",
        "a:a:a:a:a:a:1.2.3",
        "a:a:a:a:a:a:1.2.3.",
        "a:a:a:a:a:a:a:1.2.3.4",
        "1:2:3:4:5:6::1.2.3.4",
        "1:2:3:4:5::1.2.3.4",
        "::1.2.3.4",
        "::ffff:1.2.3.4",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "g::",
        "::12345",
        "::00001",
        "2001:DB8::aB",
        "::1 ",
        "fe80::1%eth0",
        "::1.2.3.256",
        "1111:2222:3333:4444:5555:6666:255.255.255.255",
        ":a::b",
        "a::b:",
        "1:2:3:4:5:6:7:",
    };
    unsigned char bytes[16];
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = slice_str(rows[i]);
        row_number(rows[i], hostname_is_ipv4(text), inet_pton(AF_INET, rows[i], bytes) == 1);
        row_number(rows[i], hostname_is_ipv6(text), inet_pton(AF_INET6, rows[i], bytes) == 1);
    }
}

// All texts that a small alphabet makes, up to a length: what a table forgets.
static void test_ip_syntax_exhaustively(void **state)
{
    (void)state;
    static const char *const pieces[] = {"1", "f", ":", "::", ".", "25", "1.2.3.4"};
    unsigned char bytes[16];
    char text[64];
    for (unsigned n = 0; n < 7 * 7 * 7 * 7 * 7 * 7; n++) {
        unsigned rest = n;
        text[0] = '\0';
        for (size_t at = 0; rest > 0; rest /= 7)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s", pieces[rest % 7]);
        if (hostname_is_ipv6(slice_str(text)) != (inet_pton(AF_INET6, text, bytes) == 1))
            row_number(text, hostname_is_ipv6(slice_str(text)), -1);
        if (hostname_is_ipv4(slice_str(text)) != (inet_pton(AF_INET, text, bytes) == 1))
            row_number(text, hostname_is_ipv4(slice_str(text)), -1);
    }
}

static void test_literals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *ip;
    } rows[] = {
        {"[192.0.2.1]", "192.0.2.1"},
        {"[IPv6:2001:db8::1]", "2001:db8::1"},
        {"[ipv6:::1]", "::1"},
        {"[2001:db8::1]", NULL},
        {"[IPv6:192.0.2.1]", NULL},
        {"[192.0.2.1", NULL},
        {"192.0.2.1]", NULL},
        {"[]", NULL},
        {"[x]", NULL},
        {"[ 192.0.2.1]", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice ip = SLICE_LIT("untouched");
        bool ok = hostname_is_literal(slice_str(rows[i].text), &ip);
        row_number(rows[i].text, ok, rows[i].ip != NULL);
        row_text(rows[i].text, ip, slice_str(rows[i].ip ? rows[i].ip : "untouched"));
    }
    assert_true(hostname_is_literal(SLICE_LIT("[192.0.2.1]"), NULL));
}

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *net, *ip;
        int want; // -1: no network
    } rows[] = {
        {"127.0.0.0/8", "127.255.0.1", 1},
        {"127.0.0.0/8", "128.0.0.1", 0},
        {"127.0.0.0/8", "::ffff:127.0.0.1", 1},
        {"127.0.0.0/8", "::1", 0},
        {"192.0.2.1", "192.0.2.1", 1},
        {"192.0.2.1", "192.0.2.2", 0},
        {"192.0.2.128/25", "192.0.2.127", 0},
        {"192.0.2.128/25", "192.0.2.128", 1},
        {"192.0.2.0/23", "192.0.3.255", 1},
        {"0.0.0.0/0", "203.0.113.9", 1},
        {"0.0.0.0/0", "::1", 0},
        {"::/0", "2001:db8::1", 1},
        {"::/0", "192.0.2.1", 0},
        {"::1", "::1", 1},
        {"2001:db8::/32", "2001:db8:ffff::1", 1},
        {"2001:db8::/32", "2001:db9::1", 0},
        {"2001:db8::/33", "2001:db8:8000::1", 0},
        {"::ffff:10.0.0.0/104", "10.9.8.7", 1},
        {"::ffff:10.0.0.0/104", "11.9.8.7", 0},
        {"127.0.0.0/8", "not an address", 0},
        {"127.0.0.0/8", "", 0},
        {"192.0.2.1/24", "", -1},
        {"2001:db8::1/32", "", -1},
        {"192.0.2.0/33", "", -1},
        {"::/129", "", -1},
        {"192.0.2.0/", "", -1},
        {"192.0.2.0/-1", "", -1},
        {"192.0.2.0/+8", "", -1},
        {"192.0.2.0/0024", "", -1},
        {"192.0.2/24", "", -1},
        {"/8", "", -1},
        {"", "", -1},
        {"localhost", "", -1},
        {"127.0.0.0/8/8", "", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hostname_network net;
        enum fp_err err = hostname_parse_network(slice_str(rows[i].net), &net);
        row_number(rows[i].net, err, rows[i].want < 0 ? FP_INVALID : FP_OK);
        if (!err)
            row_number(rows[i].ip, hostname_in_network(&net, slice_str(rows[i].ip)), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_name_length_at_the_limit),
        cmocka_unit_test(test_ip_syntax_is_that_of_libc),
        cmocka_unit_test(test_ip_syntax_exhaustively),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
