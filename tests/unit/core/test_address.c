// SPDX-License-Identifier: BSD-2-Clause
// Addresses and paths of the envelope. RFC 5321 4.1.2.
#include "core/address.h"

#include "row.h"

#define A10 "aaaaaaaaaa"
#define A63 A10 A10 A10 A10 A10 A10 "aaa"

struct check_row {
    const char *address;
    enum fp_err ascii, utf8;
};

static void test_addresses_are_checked(void **state)
{
    (void)state;
    static const struct check_row rows[] = {
        {"simple@example.org", FP_OK, FP_OK},
        {"test@io", FP_OK, FP_OK},
        {"!#$%&'*+-/=?^_`{|}~@iana.org", FP_OK, FP_OK},
        {"`id`@a.example", FP_OK, FP_OK},
        {"$(id)@a.example", FP_INVALID, FP_INVALID},
        {"${run{/bin/sh}}@a.example", FP_OK, FP_OK},
        {";sleep 66;", FP_INVALID, FP_INVALID},
        {"a.b.c@d_e.example", FP_OK, FP_OK},
        {"\"\"@a.example", FP_OK, FP_OK},
        {"\" hi there! \"@d", FP_OK, FP_OK},
        {"\"@a,@b:<user>\"@d", FP_OK, FP_OK},
        {"\"a\\\"b\\\\\"@d", FP_OK, FP_OK},
        {"\"|touch /tmp/pwned\"@a.example", FP_OK, FP_OK},
        {"a@[192.0.2.1]", FP_OK, FP_OK},
        {"a@[IPv6:2001:db8::1]", FP_OK, FP_OK},
        {"a@192.0.2.1", FP_OK, FP_OK},
        {"", FP_INVALID, FP_INVALID},
        {"a", FP_INVALID, FP_INVALID},
        {"@", FP_INVALID, FP_INVALID},
        {"@d", FP_INVALID, FP_INVALID},
        {"a@", FP_INVALID, FP_INVALID},
        {"a@b@c", FP_INVALID, FP_INVALID},
        {".a@b", FP_INVALID, FP_INVALID},
        {"a.@b", FP_INVALID, FP_INVALID},
        {"a..b@c", FP_INVALID, FP_INVALID},
        {"a b@c", FP_INVALID, FP_INVALID},
        {"a\\ b@c", FP_INVALID, FP_INVALID},
        {"a@b c", FP_INVALID, FP_INVALID},
        {"a@.b", FP_INVALID, FP_INVALID},
        {"a@b.", FP_INVALID, FP_INVALID},
        {"a@b..c", FP_INVALID, FP_INVALID},
        {"a@-b", FP_INVALID, FP_INVALID},
        {"a@b-", FP_INVALID, FP_INVALID},
        {"a@b/c", FP_INVALID, FP_INVALID},
        {"a@[192.0.2.1", FP_INVALID, FP_INVALID},
        {"a@[2001:db8::1]", FP_INVALID, FP_INVALID},
        {"a@[x]", FP_INVALID, FP_INVALID},
        {"\"a@b", FP_INVALID, FP_INVALID},
        {"\"a\\\"@b", FP_INVALID, FP_INVALID},
        {"\"a\"b@c", FP_INVALID, FP_INVALID},
        {"\"a\".\"b\"@c", FP_INVALID, FP_INVALID},
        {"\"\t\"@c", FP_INVALID, FP_INVALID},
        {"\"\\\t\"@c", FP_INVALID, FP_INVALID},
        {"\"\n\"@c", FP_INVALID, FP_INVALID},
        {"a\r\n@c", FP_INVALID, FP_INVALID},
        {"a@c\n", FP_INVALID, FP_INVALID},
        {"\x7f@c", FP_INVALID, FP_INVALID},
        {"<a@b>", FP_INVALID, FP_INVALID},
        {"a(c)@b", FP_INVALID, FP_INVALID},
        {"\xe5\xad\xab@d", FP_INVALID, FP_OK},
        {"\"\xe5\xad\xab x\"@d", FP_INVALID, FP_OK},
        {"a@b\xc3\xbc"
         "cher.example",
         FP_INVALID, FP_OK},
        {"a@\xc3\xbc.-x", FP_INVALID, FP_INVALID},
        {"a@\xc3\xbc..x", FP_INVALID, FP_INVALID},
        {"a@\xc3\xbc.", FP_INVALID, FP_INVALID},
        {"a@\xc3\xbc/x", FP_INVALID, FP_INVALID},
        {"a@\xc3\xbc-", FP_INVALID, FP_INVALID},
        {"\xff@d", FP_INVALID, FP_INVALID},
        {"\xc2\x9b@d", FP_INVALID, FP_INVALID},
        {"a@\xc2\x9b", FP_INVALID, FP_INVALID},
        {"a@\xc3", FP_INVALID, FP_INVALID},
        {A63 "a@b", FP_OK, FP_OK},
        {A63 "aa@b", FP_TOO_BIG, FP_TOO_BIG},
        {"\"" A63 "\"@b", FP_TOO_BIG, FP_TOO_BIG},
        {"a@" A63, FP_OK, FP_OK},
        {"a@" A63 "a", FP_INVALID, FP_INVALID},
        {A63 "@" A63 "." A63 "." A10 A10 A10 A10 A10 A10 "ab", FP_OK, FP_OK},
        {A63 "@" A63 "." A63 "." A10 A10 A10 A10 A10 A10 "abc", FP_TOO_BIG, FP_TOO_BIG},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice a = slice_str(rows[i].address);
        row_number(rows[i].address, address_check(a, false), rows[i].ascii);
        row_number(rows[i].address, address_check(a, true), rows[i].utf8);
    }
    assert_int_equal(address_check(slice_of("a\0@b", 4), true), FP_INVALID);
    assert_int_equal(address_check(slice_of("a@b\0", 4), true), FP_INVALID);
    assert_int_equal(address_check(slice_of("\"\0\"@b", 5), true), FP_INVALID);
}

static void test_parts(void **state)
{
    (void)state;
    static const struct {
        const char *address, *local, *domain, *key;
    } rows[] = {
        {"Bob@Example.ORG", "Bob", "Example.ORG", "example.org"},
        {"\"a@b\"@C.d", "\"a@b\"", "C.d", "c.d"},
        {"\"a\\\"@b\"@C", "\"a\\\"@b\"", "C", "c"},
        {"a@[IPv6:2001:DB8::1]", "a", "[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"},
        {"a@B\xc3\x9c", "a", "B\xc3\x9c", "b\xc3\x9c"},
        {"postmaster", "postmaster", "", ""},
        {"\"a@b\"", "\"a@b\"", "", ""},
        {"", "", "", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice a = slice_str(rows[i].address);
        struct buf key;
        buf_init(&key, ADDRESS_DOMAIN_MAX);
        address_domain_key(a, &key);
        row_text(rows[i].address, address_local(a), slice_str(rows[i].local));
        row_text(rows[i].address, address_domain(a), slice_str(rows[i].domain));
        row_buf(rows[i].address, &key, rows[i].key);
        buf_close(&key);
    }
}

static void test_paths(void **state)
{
    (void)state;
    enum { STRICT, NULL_OK = 1, POSTMASTER = 2, LENIENT = 4, UTF8 = 8 };
    static const struct {
        const char *text;
        int options;
        enum fp_err err;
        const char *address, *rest;
    } rows[] = {
        {"<a@b>", STRICT, FP_OK, "a@b", ""},
        {" \t<a@b>  SIZE=1 ", STRICT, FP_OK, "a@b", "SIZE=1"},
        {"<a@b> BODY=8BITMIME SIZE=1\r\n", STRICT, FP_OK, "a@b", "BODY=8BITMIME SIZE=1"},
        {"<@a,@b:user@d>", STRICT, FP_OK, "user@d", ""},
        {"<@a.example:user@d>", STRICT, FP_OK, "user@d", ""},
        {"<\"@a,@b:<user>\"@d> X", STRICT, FP_OK, "\"@a,@b:<user>\"@d", "X"},
        {"<\"a\\\">\"@d>", STRICT, FP_OK, "\"a\\\">\"@d", ""},
        {"<>", NULL_OK, FP_OK, "", ""},
        {"<> SIZE=1", NULL_OK, FP_OK, "", "SIZE=1"},
        {"<>", STRICT, FP_INVALID, NULL, NULL},
        {"<>>>>>", NULL_OK, FP_INVALID, NULL, NULL},
        {"< >", NULL_OK, FP_INVALID, NULL, NULL},
        {"<@a:>", NULL_OK, FP_INVALID, NULL, NULL},
        {"<PostMaster>", POSTMASTER, FP_OK, "PostMaster", ""},
        {"<postmaster>", STRICT, FP_INVALID, NULL, NULL},
        {"<abuse>", POSTMASTER, FP_INVALID, NULL, NULL},
        {"a@b", STRICT, FP_INVALID, NULL, NULL},
        {"a@b SIZE=1", LENIENT, FP_OK, "a@b", "SIZE=1"},
        {"\"a b\"@c X", LENIENT, FP_OK, "\"a b\"@c", "X"},
        {"<a@b>", LENIENT, FP_OK, "a@b", ""},
        {"", LENIENT | NULL_OK, FP_INVALID, NULL, NULL},
        {"BODY=8BITMIME SIZE=1", LENIENT, FP_INVALID, NULL, NULL},
        {"a:b:c@d", LENIENT, FP_INVALID, NULL, NULL},
        {"a\\ b@c", LENIENT, FP_INVALID, NULL, NULL},
        {"<a@b", LENIENT, FP_INVALID, NULL, NULL},
        {"<a@b\"> \"", STRICT, FP_INVALID, NULL, NULL},
        {"<\"a@b>", STRICT, FP_INVALID, NULL, NULL},
        {"<\"a\\", STRICT, FP_INVALID, NULL, NULL},
        {"<a@b>SIZE=1", STRICT, FP_INVALID, NULL, NULL},
        {"<Foo Bar <a@b>>", STRICT, FP_INVALID, NULL, NULL},
        {"< a@b>", STRICT, FP_INVALID, NULL, NULL},
        {"<a@b >", STRICT, FP_INVALID, NULL, NULL},
        {"<@invalid>", STRICT, FP_INVALID, NULL, NULL},
        {"<@a,b:c@d>", STRICT, FP_INVALID, NULL, NULL},
        {"<@a,:c@d>", STRICT, FP_INVALID, NULL, NULL},
        {"<@a,", STRICT, FP_INVALID, NULL, NULL},
        {"<@a:@b:c@d>", STRICT, FP_INVALID, NULL, NULL},
        {"<\xe5\xad\xab@d>", STRICT, FP_INVALID, NULL, NULL},
        {"<\xe5\xad\xab@d>", UTF8, FP_OK, "\xe5\xad\xab@d", ""},
        {"<" A63 "aa@b>", STRICT, FP_TOO_BIG, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct address_path_options o = {.allow_null = rows[i].options & NULL_OK,
                                         .allow_postmaster = rows[i].options & POSTMASTER,
                                         .allow_utf8 = rows[i].options & UTF8,
                                         .lenient = rows[i].options & LENIENT};
        struct slice address = SLICE_LIT("untouched"), rest = SLICE_LIT("untouched");
        enum fp_err err = address_parse_path(slice_str(rows[i].text), o, &address, &rest);
        row_number(rows[i].text, err, rows[i].err);
        row_text(rows[i].text, address, slice_str(err ? "untouched" : rows[i].address));
        row_text(rows[i].text, rest, slice_str(err ? "untouched" : rows[i].rest));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_checked),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
