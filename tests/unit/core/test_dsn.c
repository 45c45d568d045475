// SPDX-License-Identifier: BSD-2-Clause
// What a sender asks to be told: words, and xtext.
#include "core/dsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct notify_row {
    const char *text;
    int want; // -1: refused
    const char *shown;
};

static const struct notify_row notify_rows[] = {
    {"NEVER", DSN_NEVER, "NEVER"},
    {"never", DSN_NEVER, "NEVER"},
    {"delay,Success", DSN_DELAY | DSN_SUCCESS, "SUCCESS,DELAY"},
    {"FAILURE,FAILURE", DSN_FAILURE, "FAILURE"},
    {"SUCCESS,FAILURE,DELAY", DSN_SUCCESS | DSN_FAILURE | DSN_DELAY, "SUCCESS,FAILURE,DELAY"},
    {"NEVER,SUCCESS", -1, ""},
    {"SUCCESS,NEVER", -1, ""},
    {"", -1, ""},
    {",", -1, ""},
    {"DELAY,", -1, ""},
    {"DELAY, FAILURE", -1, ""},
    {"ALWAYS", -1, ""},
};

static void test_notify(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof notify_rows / sizeof notify_rows[0]; i++) {
        const struct notify_row *r = &notify_rows[i];
        uint8_t got = 77;
        struct buf shown;
        buf_init(&shown, 100);
        assert_int_equal(dsn_notify_parse(slice_str(r->text), &got), r->want >= 0);
        assert_int_equal(got, r->want >= 0 ? r->want : 77);
        dsn_notify_add(r->want >= 0 ? got : 0, &shown);
        assert_string_equal(buf_slice(&shown).p, r->shown);
        buf_close(&shown);
    }
}

static void test_ret(void **state)
{
    (void)state;
    enum dsn_ret ret = DSN_RET_NONE;
    assert_true(dsn_ret_parse(SLICE_LIT("full"), &ret));
    assert_string_equal(dsn_ret_name(ret), "FULL");
    assert_true(dsn_ret_parse(SLICE_LIT("HDRS"), &ret));
    assert_string_equal(dsn_ret_name(ret), "HDRS");
    assert_false(dsn_ret_parse(SLICE_LIT("NONE"), &ret));
    assert_string_equal(dsn_ret_name(DSN_RET_NONE), "");
}

static void test_xtext(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; // NULL: refused
    } rows[] = {{"e+3Dmc2@example.com", "e=mc2@example.com"},
                {"a+2Bb", "a+b"},
                {"", ""},
                {"a+2bb", NULL},
                {"a+", NULL},
                {"a+2", NULL},
                {"a=b", NULL},
                {"a b", NULL},
                {"\xC3\xA4", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf plain, again;
        buf_init(&plain, 100);
        buf_init(&again, 100);
        assert_int_equal(dsn_xtext_decode(slice_str(rows[i].text), &plain), rows[i].want != NULL);
        if (rows[i].want) {
            assert_string_equal(buf_slice(&plain).p, rows[i].want);
            dsn_xtext_encode(buf_slice(&plain), &again);
            assert_string_equal(buf_slice(&again).p, rows[i].text);
        }
        buf_close(&plain);
        buf_close(&again);
    }
}

// Any octets at all come back.
static void test_xtext_of_all_octets(void **state)
{
    (void)state;
    char all[256];
    struct buf text, plain;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    buf_init(&text, 1024);
    buf_init(&plain, 1024);
    dsn_xtext_encode(slice_of(all, sizeof all), &text);
    assert_true(dsn_xtext_decode(buf_slice(&text), &plain));
    assert_int_equal(plain.n, 256);
    assert_memory_equal(plain.p, all, 256);
    buf_close(&text);
    buf_close(&plain);
}

static void test_values(void **state)
{
    (void)state;
    char text[DSN_ORCPT_MAX + 2];
    memset(text, 'a', sizeof text);
    assert_true(dsn_envid_is_valid(slice_of(text, DSN_ENVID_MAX)));
    assert_false(dsn_envid_is_valid(slice_of(text, DSN_ENVID_MAX + 1)));
    assert_false(dsn_envid_is_valid(SLICE_LIT("")));
    assert_false(dsn_envid_is_valid(SLICE_LIT("a+0Ab")));
    assert_true(dsn_envid_is_valid(SLICE_LIT("a+20b")));
    memcpy(text, "rfc822;", 7);
    assert_true(dsn_orcpt_is_valid(slice_of(text, DSN_ORCPT_MAX)));
    assert_false(dsn_orcpt_is_valid(slice_of(text, DSN_ORCPT_MAX + 1)));
    assert_true(dsn_orcpt_is_valid(SLICE_LIT("x400;/C+3DUS/")));
    assert_false(dsn_orcpt_is_valid(SLICE_LIT("rfc822;")));
    assert_false(dsn_orcpt_is_valid(SLICE_LIT(";a@b")));
    assert_false(dsn_orcpt_is_valid(SLICE_LIT("a@b")));
    assert_false(dsn_orcpt_is_valid(SLICE_LIT("rf c;a@b")));
    assert_false(dsn_orcpt_is_valid(SLICE_LIT("rfc822;a+zz")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notify), cmocka_unit_test(test_ret), cmocka_unit_test(test_xtext),
        cmocka_unit_test(test_xtext_of_all_octets), cmocka_unit_test(test_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
