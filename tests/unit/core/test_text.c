// SPDX-License-Identifier: BSD-2-Clause
// Nothing that a stranger said reaches an eye unescaped; patterns; the nearest word.
#include "core/text.h"
#include "core/utf8.h"

#include "row.h"

static void test_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct slice in;
        const char *text, *ascii;
    } rows[] = {
        {"plain", SLICE_LIT("550 5.1.1 <a@b>, \"x\\y\" 'z'~"), "550 5.1.1 <a@b>, \"x\\y\" 'z'~",
         "550 5.1.1 <a@b>, \"x\\y\" 'z'~"},
        {"line ends", SLICE_LIT("a\r\nb\nc\rd\r\n\r\ne"), "a b c d  e", "a b c d  e"},
        {"NUL and tab", SLICE_LIT("a\0b\tc"), "a\\x00b\\x09c", "a\\x00b\\x09c"},
        {"terminal", SLICE_LIT("\x1b]52;c\x07\x7f"), "\\x1b]52;c\\x07\\x7f",
         "\\x1b]52;c\\x07\\x7f"},
        {"C1 as UTF-8 and bare",
         SLICE_LIT("\xc2\x9b"
                   "2J\x9b"
                   "31m"),
         "\\xc2\\x9b2J\\x9b31m", "\\xc2\\x9b2J\\x9b31m"},
        {"U+0085 and U+00A0", SLICE_LIT("\xc2\x85\xc2\xa0"), "\\xc2\\x85\xc2\xa0",
         "\\xc2\\x85\\xc2\\xa0"},
        {"letters", SLICE_LIT("\xc3\xa4\xe5\xad\xab\xf0\x9f\x93\xa7"),
         "\xc3\xa4\xe5\xad\xab\xf0\x9f\x93\xa7", "\\xc3\\xa4\\xe5\\xad\\xab\\xf0\\x9f\\x93\\xa7"},
        {"bidi 202A 202E 2066 2069", SLICE_LIT("\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9"),
         "\\xe2\\x80\\xaa\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x81\\xa9",
         "\\xe2\\x80\\xaa\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x81\\xa9"},
        {"marks 200E 200F 061C", SLICE_LIT("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c"),
         "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xd8\\x9c", "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xd8\\x9c"},
        {"separators 2028 2029", SLICE_LIT("\xe2\x80\xa8\xe2\x80\xa9"),
         "\\xe2\\x80\\xa8\\xe2\\x80\\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"},
        {"their neighbours 200D 2027 202F 2065 206A",
         SLICE_LIT("\xe2\x80\x8d\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"),
         "\xe2\x80\x8d\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa", NULL},
        {"overlong, surrogate, too high, cut",
         SLICE_LIT("\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe5\xad"),
         "\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe5\\xad", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, 1000);
        text_escape(rows[i].in, &b);
        row_buf(rows[i].name, &b, rows[i].text);
        buf_reset(&b);
        text_escape_ascii(rows[i].in, &b);
        if (rows[i].ascii)
            row_buf(rows[i].name, &b, rows[i].ascii);
        buf_close(&b);
    }
}

static void test_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t max;
        const char *in, *want;
    } rows[] = {
        {"within plain text", 3, "abcdef", "abc"},
        {"no half escape", 5, "ab\x1b", "ab"},
        {"a whole escape", 6, "ab\x1b", "ab\\x1b"},
        {"no half character", 3, "ab\xc3\xa4", "ab"},
        {"nothing behind the cut", 4,
         "ab\x1b"
         "c",
         "ab"},
        {"no room at all", 0, "abc", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, rows[i].max);
        text_escape(slice_str(rows[i].in), &b);
        row_buf(rows[i].name, &b, rows[i].want);
        buf_close(&b);
    }
}

static void test_addresses_cannot_forge_a_field(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"bounce+user=host@example.com", "bounce+user=host@example.com"},
        {"\"a b\"@c", "\"a\\x20b\"@c"},
        {"\"x>, status=sent (ok\"@c", "\"x\\x3e\\x2c\\x20status\\x3dsent\\x20(ok\"@c"},
        {"\"a\\\" =<\"=@c", "\"a\\\"\\x20\\x3d\\x3c\"=@c"},
        {"a b>,c=d", "a\\x20b\\x3e\\x2cc=d"},
        {"\"unclosed =", "\"unclosed\\x20\\x3d"},
        {"\"unclosed =\\", "\"unclosed\\x20\\x3d\\"},
        {"a\r\nb\n@c", "a\\x0d\\x0ab\\x0a@c"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, 1000);
        text_escape_address(slice_str(rows[i].in), &b);
        row_buf(rows[i].in, &b, rows[i].want);
        buf_close(&b);
    }
}

static void test_addresses_are_hidden(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"550 5.1.1 <b@c.example>: no such user", "550 5.1.1 <...>: no such user"},
        {"b@c, O'Brien+x=y@d; (smtp;e@f) rfc822;g@h", "..., ...; (smtp;...) rfc822;..."},
        {"RCPT TO:<\"a b,\\\" c\"@d> x", "RCPT TO:<...> x"},
        {"\"no address\" here", "\"no address\" here"},
        {"u@[192.0.2.1]", "...[192.0.2.1]"},
        {"@", "..."},
        {"\"unclosed @ x", "..."},
        {"\"\\", "\"\\"},
        {"nobody at all", "nobody at all"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, 1000);
        text_hide_addresses(slice_str(rows[i].in), &b);
        row_buf(rows[i].in, &b, rows[i].want);
        buf_close(&b);
    }
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *s;
        bool want;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"***", "", true},
        {"a", "A", true},
        {"*@Example.com", "bob@EXAMPLE.com", true},
        {"*@example.com", "bob@example.com.evil", false},
        {"a*b*c", "aXXbYYbZc", true},
        {"a*b*c", "aXXbYYbZ", false},
        {"*b*a*c", "xabc", false},
        {"*ab", "aab", true},
        {"a?c", "abc", false},
        {"a[b]c", "a[b]c", true},
        {"\\*", "\\x", true},
        {"a*", "b", false},
        {"*a*", "xxx", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        row_number(rows[i].pattern, text_match(slice_str(rows[i].pattern), slice_str(rows[i].s)),
                   rows[i].want);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"list", "show", "flush", "hold", "release", "hostname"};
    static const struct {
        const char *word, *want;
    } rows[] = {
        {"lsit", "list"}, {"flsh", "flush"}, {"relase", "release"}, {"hostnam", "hostname"},
        {"host", "list"}, {"xy", NULL},      {"zzzzzz", NULL},      {"", NULL},
        {"h", NULL},      {"holdd", "hold"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *got = text_nearest(rows[i].word, names, COUNT(names));
        row_text(rows[i].word, slice_str(got ? got : "(none)"),
                 slice_str(rows[i].want ? rows[i].want : "(none)"));
    }
    char word[200];
    memset(word, 'a', sizeof word);
    word[sizeof word - 1] = '\0';
    const char *const long_names[] = {word};
    assert_null(text_nearest(word, long_names, 1));
    assert_null(text_nearest("aaaaaa", long_names, 1));
    assert_null(text_nearest("list", names, 0));
}

static void test_utf8_edges(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t size;
        uint32_t code;
    } rows[] = {
        {"a", 1, 'a'},
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xee\x80\x80", 3, 0xe000},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\xc1\xbf", 0, 0},
        {"\xe0\x9f\xbf", 0, 0},
        {"\xed\xa0\x80", 0, 0},
        {"\xf0\x8f\xbf\xbf", 0, 0},
        {"\xf4\x90\x80\x80", 0, 0},
        {"\xf5\x80\x80\x80", 0, 0},
        {"\x80", 0, 0},
        {"\xc3", 0, 0},
        {"\xc3(", 0, 0},
        {"\xe5\xad", 0, 0},
        {"\xff", 0, 0},
        {"", 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t code = 0;
        row_number(rows[i].s, (long long)utf8_char_size(slice_str(rows[i].s), &code),
                   (long long)rows[i].size);
        row_number(rows[i].s, code, rows[i].code);
    }
    assert_int_equal(utf8_char_size(slice_of("\0", 1), NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escaped),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_addresses_cannot_forge_a_field),
        cmocka_unit_test(test_addresses_are_hidden),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_utf8_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
