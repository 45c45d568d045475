// SPDX-License-Identifier: BSD-2-Clause
// Address lists of headers: what is an address, what is none, and that size costs only time.
#include "core/address.h"

#include "core/must.h"
#include "row.h"

#include <stdlib.h>

static const struct {
    const char *list, *want; // one a line, "!" before what is none
} rows[] = {
    {"", ""},
    {" , ,\r\n ", ""},
    {"(only a comment)", ""},
    {"a@b", "a@b\n"},
    {"postmaster", "postmaster\n"},
    {"Mary Smith <mary@example.net>", "mary@example.net\n"},
    {"Mary <@node.test:mary@example.net>, , jdoe@test  . example",
     "mary@example.net\njdoe@test.example\n"},
    {"<@a.example,@b.example:c@d.example>", "c@d.example\n"},
    {"<,@a.example:c@d.example>", "c@d.example\n"},
    {"<\"abc\n   def\"@test.ex>, xxx@yyy", "\"abc   def\"@test.ex\nxxx@yyy\n"},
    {"A@x,B@x,C@x", "A@x\nB@x\nC@x\n"},
    {"named group: foo@bar, baz@barf;", "foo@bar\nbaz@barf\n"},
    {"undisclosed-recipients:;", ""},
    {"g:;, a@b", "a@b\n"},
    {"g: a@b;, c@d", "a@b\nc@d\n"},
    {"g: a@b; c@d", "a@b\nc@d\n"},
    {"g: a@b; h: c@d;", "a@b\nc@d\n"},
    {"g: a@b; c@d; e@f", "a@b\n!c@d; e@f\n"},
    {"g: a@b, h: c@d;, e@f", "a@b\n!h: c@d\ne@f\n"},
    {"g: X <a@b>, (c) \"y\"@d;", "a@b\ny@d\n"},
    {"g: a@b", "a@b\n"},
    {"a@x (one, two), b@x", "a@x\nb@x\n"},
    {"a@x (\\), b@evil.example)", "a@x\n"},
    {"a@x ((n(e)st), b@evil)", "a@x\n"},
    {"\"x <b@evil.example>\" <a@x>", "a@x\n"},
    {"\"Group: b@evil.example;\" <a@x>", "a@x\n"},
    {"\"a\\\", b@evil\" <a@x>", "a@x\n"},
    {"=?utf-8?q?b=40evil=2eexample=2c?= <a@x>", "a@x\n"},
    {"J. \"Q.\" Public <a@x>", "a@x\n"},
    {"\"tab\there\" <a@x>", "a@x\n"},
    {"John [work] <a@x>", "a@x\n"},
    {"a@b.example <c@d.example>", "c@d.example\n"},
    {"\"a\".b.\"c\"@d", "a.b.c@d\n"},
    {"\"simple\"@d", "simple@d\n"},
    {"\"\"@d", "\"\"@d\n"},
    {"\"a..b\"@d", "\"a..b\"@d\n"},
    {"\".a\"@d", "\".a\"@d\n"},
    {"\"a.\"@d", "\"a.\"@d\n"},
    {"\"a b\\\"\\\\\\c\"@d", "\"a b\\\"\\\\c\"@d\n"},
    {"\"a@b\"", "\"a@b\"\n"},
    {" test @iana.org", "test@iana.org\n"},
    {"test.(comment)test@(c)iana.org(d)", "test.test@iana.org\n"},
    {"a@[192.0.2.1], a@[ IPv6:::1 ]", "a@[192.0.2.1]\na@[IPv6:::1]\n"},
    {"\xe7\x94\xa8@x", "\xe7\x94\xa8@x\n"},
    {"J\xf6rg <a@x>", "a@x\n"},
    {"a@x,\r\n\tb@x", "a@x\nb@x\n"},
    {"a@x,\n b@x", "a@x\nb@x\n"},
    // none
    {"Mary Smith", "!Mary Smith\n"},
    {"a b@c, d@e", "!a b@c\nd@e\n"},
    {"a@b c@d", "!a@b c@d\n"},
    {"a@, b@c", "!a@\nb@c\n"},
    {"@b, c@d", "!@b\nc@d\n"},
    {"a@b@c", "!a@b@c\n"},
    {".a@b", "!.a@b\n"},
    {"a.@b", "!a.@b\n"},
    {"a..b@c", "!a..b@c\n"},
    {"a@b.", "!a@b.\n"},
    {"a@.b", "!a@.b\n"},
    {"<>", "!<>\n"},
    {"x <>, a@b", "!x <>\na@b\n"},
    {"<a@b", "!<a@b\n"},
    {"<a@b, c@d", "!<a@b, c@d\n"},
    {"<a, b@evil.example>, c@d", "!<a, b@evil.example>\nc@d\n"},
    {"<a@b> c, d@e", "!<a@b> c\nd@e\n"},
    {"<a@b><c@d>", "!<a@b><c@d>\n"},
    {"<<a@b>>, c@d", "!<<a@b>>\nc@d\n"},
    {"a@b>", "!a@b>\n"},
    {"<@a>, c@d", "!<@a>\nc@d\n"},
    {"<@a:>, c@d", "!<@a:>\nc@d\n"},
    {"<\"q\":a@b>", "!<\"q\":a@b>\n"},
    {"\"unclosed, a@b", "!\"unclosed, a@b\n"},
    {"\"unclosed\\", "!\"unclosed\\\n"},
    {"(unclosed, a@b", "!(unclosed, a@b\n"},
    {"((a)b@c", "!((a)b@c\n"},
    {"c@d, (x", "c@d\n!(x\n"},
    {"c@d (x", "!c@d (x\n"},
    {"a@b(c\\", "!a@b(c\\\n"},
    {"a@[192.0.2.1, b@c", "!a@[192.0.2.1, b@c\n"},
    {"alice@example.org )Alice(bob@example.org", "!alice@example.org )Alice(bob@example.org\n"},
    {"a@b; c@d, e@f", "!a@b; c@d\ne@f\n"},
    {": a@b;", "!: a@b;\n"},
    {"test\\@test@iana.org", "!test\\@test@iana.org\n"},
    {"\rtest@x", "!test@x\n"},
    {"a@b\r\n", "!a@b\n"},
    {"a@b\n\n c@d", "!a@b\n\n c@d\n"},
    {"\"\rtest\"@x", "!\"\rtest\"@x\n"},
    {"(\n)test@x", "!(\n)test@x\n"},
    {"\x07@x", "!\x07@x\n"},
    {"\"\x07\"@x", "!\"\x07\"@x\n"},
    {"(\x07)test@x", "test@x\n"},
};

static void scan_all(struct slice list, struct buf *to)
{
    struct address_scanner s;
    struct slice a = SLICE_LIT("");
    enum fp_err err;
    address_scan_init(&s, list);
    while ((err = address_scan_next(&s, &a)) != FP_NOT_FOUND) {
        buf_add_str(to, err == FP_INVALID ? "!" : "");
        buf_add_slice(to, a);
        buf_add_byte(to, '\n');
    }
    assert_int_equal(address_scan_next(&s, &a), FP_NOT_FOUND);
    address_scan_close(&s);
}

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf got;
        buf_init(&got, 1000);
        scan_all(slice_str(rows[i].list), &got);
        row_buf(rows[i].list, &got, rows[i].want);
        buf_close(&got);
    }
}

static void test_nul_is_no_address(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 100);
    scan_all(slice_of("a\0b@c, \"\0\"@d, e@f", 17), &got);
    row_text("NUL", buf_slice(&got), slice_of("!a\0b@c\n!\"\0\"@d\ne@f\n", 18));
    buf_close(&got);
}

// n times `piece`, then `end`; to be freed.
static struct slice repeat(const char *begin, const char *piece, size_t n, const char *end)
{
    size_t begin_n = strlen(begin), piece_n = strlen(piece), end_n = strlen(end);
    char *p = must_alloc(begin_n + n * piece_n + end_n);
    memcpy(p, begin, begin_n);
    for (size_t i = 0; i < n; i++)
        memcpy(p + begin_n + i * piece_n, piece, piece_n);
    memcpy(p + begin_n + n * piece_n, end, end_n);
    return slice_of(p, begin_n + n * piece_n + end_n);
}

static void test_size_costs_only_time(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *piece, *end;
        size_t times, found, invalid;
    } bombs[] = {
        {"", "(", "bob@local.example", 100000, 0, 1},
        {"bob@local.example ", "(", "", 1000000, 0, 1},
        {"", "\"", "", 1000001, 0, 1},
        {"", "<", "a@b", 1000000, 0, 1},
        {"", "()", "a@b", 500000, 1, 0},
        {"", "a ", "<a@b>", 500000, 1, 0},
        {"", ",", "a@b", 1000000, 1, 0},
        {"", "a.", "b@c", 500000, 0, 1},
        {"a@", "b.", "c", 500000, 0, 1},
        {"<", "@a,", "@b:c@d>", 300000, 1, 0},
        {"", "a:", "b@c;", 500000, 0, 1},
        {"", "g:;", "b@c", 300000, 1, 0},
        {"", "(\r", "", 300000, 0, 1},
        {"g: ", "a@local.example,", "bob@local.example;", 20000, 20001, 0},
    };
    for (size_t i = 0; i < COUNT(bombs); i++) {
        struct slice list = repeat(bombs[i].begin, bombs[i].piece, bombs[i].times, bombs[i].end);
        struct address_scanner s;
        struct slice a;
        enum fp_err err;
        size_t counts[FP_ERR_COUNT] = {0};
        address_scan_init(&s, list);
        while ((err = address_scan_next(&s, &a)) != FP_NOT_FOUND)
            counts[err]++;
        row_number(bombs[i].piece, (long long)counts[FP_OK], (long long)bombs[i].found);
        row_number(bombs[i].piece, (long long)counts[FP_INVALID], (long long)bombs[i].invalid);
        address_scan_close(&s);
        free((void *)(uintptr_t)list.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_nul_is_no_address),
        cmocka_unit_test(test_size_costs_only_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
