// SPDX-License-Identifier: BSD-2-Clause
// Replies, whole and octet by octet: the same result however they are cut.
#include "core/reply.h"

#include "core/must.h"
#include "row.h"

#include <stdlib.h>

struct want {
    const char *name, *bytes;
    int code; // 0: malformed
    const char *enhanced;
    unsigned lines;
    const char *text, *rest; // text NULL: not looked at
};

static const struct want rows[] = {
    {"one line", "250 2.0.0 Ok\r\n", 250, "2.0.0", 1, "2.0.0 Ok", ""},
    {"many lines", "551-5.7.1 A\r\n551 5.7.1 B\r\n", 551, "5.7.1", 2, "5.7.1 A\n5.7.1 B", ""},
    {"no codes", "400-A\r\n400-B\r\n400 C\r\n", 400, "", 3, "A\nB\nC", ""},
    {"what follows is left", "250 a\r\n354 b\r\n", 250, "", 1, "a", "354 b\r\n"},
    {"code alone", "250\r\n", 250, "", 1, "", ""},
    {"code alone at the end", "250-a\r\n250\r\n", 250, "", 2, "a\n", ""},
    {"empty lines of text", "250-\r\n250 \r\n", 250, "", 2, "\n", ""},
    {"bare LF", "250-a\n250 b\n", 250, "", 2, "a\nb", ""},
    {"CR within", "250 a\rb\r\n", 250, "", 1, "a\rb", ""},
    {"tab for a blank", "550\tx\r\n", 550, "", 1, "x", ""},
    {"status alone", "250 2.1.5\r\n", 250, "2.1.5", 1, "2.1.5", ""},
    {"status, then a line", "250-2.1.5\r\n250 x\r\n", 250, "2.1.5", 2, "2.1.5\nx", ""},
    {"three digits", "550 5.7.509 dmarc\r\n", 550, "5.7.509", 1, NULL, ""},
    {"longest status", "550 5.999.999 x\r\n", 550, "5.999.999", 1, NULL, ""},
    {"no status: address", "250 2address.org\r\n", 250, "", 1, NULL, ""},
    {"no status: other class", "450 5.1.1 mixed classes\r\n", 450, "", 1, NULL, ""},
    {"no status: two parts", "550 5.1\r\n", 550, "", 1, NULL, ""},
    {"no status: four parts", "550 5.1.1.1 x\r\n", 550, "", 1, NULL, ""},
    {"no status: leading zero", "550 5.01.1 x\r\n", 550, "", 1, NULL, ""},
    {"no status: too many digits", "550 5.1.1000 x\r\n", 550, "", 1, NULL, ""},
    {"no status: something before", "550 #5.1.0 x\r\n", 550, "", 1, NULL, ""},
    {"no status: go on", "354 3.0.0 x\r\n", 354, "", 1, NULL, ""},
    {"range below", "199 x\r\n", 0, "", 1, NULL, ""},
    {"range above", "600 x\r\n", 0, "", 1, NULL, ""},
    {"rubbish code", "850 RUBBISH\r\n", 0, "", 1, NULL, ""},
    {"no code", "hello there\r\nmore", 0, "", 1, NULL, "more"},
    {"two digits", "12 foo\r\n", 0, "", 1, NULL, ""},
    {"four digits", "5500 no\r\n", 0, "", 1, NULL, ""},
    {"short line", "25\r\n", 0, "", 1, NULL, ""},
    {"empty line", "\r\n", 0, "", 1, NULL, ""},
    {"leading blanks", "  550 x\r\n", 0, "", 1, NULL, ""},
    {"strange separator", "550_x\r\n", 0, "", 1, NULL, ""},
    {"text behind the CR", "250\rx\r\n", 0, "", 1, NULL, ""},
    {"mixed codes", "550-5.1.1 Foo\r\n450 4.1.1 Bar\r\n", 0, "", 2, NULL, ""},
    {"mixed codes, going on", "550-a\r\n450-b\r\n450 c\r\n", 0, "", 2, NULL, "450 c\r\n"},
    {"rubbish in the middle", "250-a\r\nrubbish\r\n250 b\r\n", 0, "", 2, NULL, "250 b\r\n"},
};

static void check(const struct reply_parser *p, const struct want *w)
{
    row_number(w->name, reply_is_complete(p), true);
    row_number(w->name, p->is_malformed, w->code == 0);
    row_number(w->name, p->code, w->code);
    row_text(w->name, slice_str(p->enhanced), slice_str(w->enhanced));
    row_number(w->name, p->lines, w->lines);
    if (w->text)
        row_text(w->name, slice_of(p->text, p->text_n), slice_str(w->text));
    row_number(w->name, p->text[p->text_n], 0);
}

static void test_replies_cut_anywhere(void **state)
{
    (void)state;
    struct reply_parser p;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice bytes = slice_str(rows[i].bytes);
        for (size_t piece = 1; piece <= bytes.n; piece++) {
            size_t at = 0;
            reply_init(&p);
            while (at < bytes.n && !reply_is_complete(&p)) {
                size_t n = bytes.n - at < piece ? bytes.n - at : piece;
                at += reply_feed(&p, slice_of(bytes.p + at, n));
            }
            check(&p, &rows[i]);
            row_text(rows[i].name, slice_from(bytes, at), slice_str(rows[i].rest));
        }
    }
}

static void test_incomplete_stays_so(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "2", "250", "250 ", "250 ok", "250 ok\r", "250-a\r\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct reply_parser p;
        reply_init(&p);
        assert_int_equal(reply_feed(&p, slice_str(texts[i])), strlen(texts[i]));
        row_number(texts[i], reply_is_complete(&p), false);
    }
}

static void test_complete_takes_no_more(void **state)
{
    (void)state;
    struct reply_parser p;
    reply_init(&p);
    assert_int_equal(reply_feed(&p, SLICE_LIT("250 a\r\n250 b\r\n")), 7);
    assert_int_equal(reply_feed(&p, SLICE_LIT("250 b\r\n")), 0);
    assert_string_equal(p.text, "a");
    reply_init(&p);
    assert_int_equal(reply_feed(&p, SLICE_LIT("550 5.1.1 b\r\n")), 13);
    assert_string_equal(p.text, "5.1.1 b");
}

static void test_nul_does_not_end_the_text(void **state)
{
    (void)state;
    struct reply_parser p;
    reply_init(&p);
    reply_feed(&p, SLICE_LIT("250 a\0b\r\n"));
    assert_string_equal(p.text, "a?b");
}

static void test_text_is_bounded(void **state)
{
    (void)state;
    struct reply_parser p;
    char a[100];
    memset(a, 'a', sizeof a);
    reply_init(&p);
    reply_feed(&p, SLICE_LIT("550 5.1.1 "));
    for (int i = 0; i < 100; i++)
        assert_int_equal(reply_feed(&p, slice_of(a, sizeof a)), sizeof a);
    reply_feed(&p, SLICE_LIT("\r\n"));
    assert_true(reply_is_complete(&p));
    assert_int_equal(p.code, 550);
    assert_string_equal(p.enhanced, "5.1.1");
    assert_int_equal(p.text_n, REPLY_TEXT_MAX);
    assert_int_equal(strlen(p.text), REPLY_TEXT_MAX);
}

// A line of n octets, its CRLF not counted but the CR: is it taken?
static bool takes_line_of(size_t n)
{
    struct reply_parser p;
    char *line = must_alloc(n + 2);
    memset(line, 'x', n);
    memcpy(line, "250 ", 4);
    memcpy(line + n - 1, "\r\n", 2);
    reply_init(&p);
    reply_feed(&p, slice_of(line, n + 1));
    assert_true(reply_is_complete(&p));
    free(line);
    return !p.is_malformed;
}

static void test_line_length_at_the_limit(void **state)
{
    (void)state;
    assert_true(takes_line_of(REPLY_LINE_MAX));
    assert_false(takes_line_of(REPLY_LINE_MAX + 1));
}

static void test_endless_line_is_given_up(void **state)
{
    (void)state;
    struct reply_parser p;
    char a[4096];
    size_t used = 0;
    memset(a, '2', sizeof a);
    reply_init(&p);
    reply_feed(&p, SLICE_LIT("220-"));
    for (int i = 0; i < 100 && !reply_is_complete(&p); i++)
        used += reply_feed(&p, slice_of(a, sizeof a));
    assert_true(p.is_malformed);
    assert_true(used <= REPLY_LINE_MAX);
}

static void test_line_count_at_the_limit(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct reply_parser p;
        reply_init(&p);
        for (int i = 1; i < REPLY_LINES_MAX + extra; i++)
            reply_feed(&p, SLICE_LIT("250-a\r\n"));
        reply_feed(&p, SLICE_LIT("250 b\r\n"));
        assert_true(reply_is_complete(&p));
        assert_int_equal(p.is_malformed, extra);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_cut_anywhere),
        cmocka_unit_test(test_incomplete_stays_so),
        cmocka_unit_test(test_complete_takes_no_more),
        cmocka_unit_test(test_nul_does_not_end_the_text),
        cmocka_unit_test(test_text_is_bounded),
        cmocka_unit_test(test_line_length_at_the_limit),
        cmocka_unit_test(test_endless_line_is_given_up),
        cmocka_unit_test(test_line_count_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
