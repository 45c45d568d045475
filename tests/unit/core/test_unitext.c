// SPDX-License-Identifier: BSD-2-Clause
// Addresses of the type utf-8, in both forms.
#include "core/unitext.h"

#include "row.h"

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_valid;
        const char *encoded, *decoded;
    } rows[] = {
        {"a@b.example", true, "a@b.example", "a@b.example"},
        {"j\xc3\xbcrgen@b", true, "j\\x{FC}rgen@b", "j\xc3\xbcrgen@b"},
        {"j\\x{FC}rgen@b", true, "j\\x{FC}rgen@b", "j\xc3\xbcrgen@b"},
        {"\\x{2B}\\x{20AC}\\x{1F4E7}", true, "\\x{2B}\\x{20AC}\\x{1F4E7}",
         "+\xe2\x82\xac\xf0\x9f\x93\xa7"},
        {"\xf0\x9f\x93\xa7@b", true, "\\x{1F4E7}@b", "\xf0\x9f\x93\xa7@b"},
        {"", false, "", ""},
        {"a b", false, NULL, NULL},
        {"a+b", false, NULL, NULL},
        {"a=b", false, NULL, NULL},
        {"\xc2\x85", false, NULL, NULL}, // a control
        {"\xff", false, NULL, NULL},
        {"\\", false, NULL, NULL},
        {"\\x{}", false, NULL, NULL},
        {"\\x{0FC}", false, NULL, NULL},
        {"\\x{fc}", false, NULL, NULL},
        {"\\x{FC", false, NULL, NULL},
        {"\\x{D800}", false, NULL, NULL},
        {"\\x{110000}", false, NULL, NULL},
        {"\\x{1000000}", false, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = slice_str(rows[i].text);
        struct buf got;
        buf_init(&got, 100);
        row_number(rows[i].text, unitext_is_valid(text), rows[i].is_valid);
        unitext_encode(text, &got);
        if (rows[i].encoded)
            row_buf(rows[i].text, &got, rows[i].encoded);
        buf_reset(&got);
        unitext_decode(text, &got);
        if (rows[i].decoded)
            row_buf(rows[i].text, &got, rows[i].decoded);
        buf_close(&got);
    }
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address, *wide, *ascii;
    } rows[] = {
        {"a@b.example", "a@b.example", "a@b.example"},
        {"j\xc3\xbcrgen+x@b", "j\xc3\xbcrgen\\x{2B}x@b", "j\\x{FC}rgen\\x{2B}x@b"},
        {"\"a \\\"=\"@b", "\"a\\x{20}\\x{5C}\"\\x{3D}\"@b", "\"a\\x{20}\\x{5C}\"\\x{3D}\"@b"},
        {"p\xd0\xb0ypal@b", "p\xd0\xb0ypal@b", "p\\x{430}ypal@b"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf got;
        buf_init(&got, 100);
        unitext_write(slice_str(rows[i].address), false, &got);
        row_buf(rows[i].address, &got, rows[i].wide);
        assert_true(unitext_is_valid(buf_slice(&got)));
        buf_reset(&got);
        unitext_write(slice_str(rows[i].address), true, &got);
        row_buf(rows[i].address, &got, rows[i].ascii);
        buf_reset(&got);
        unitext_decode(slice_str(rows[i].ascii), &got);
        row_buf(rows[i].address, &got, rows[i].address);
        buf_close(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms),
                                       cmocka_unit_test(test_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
