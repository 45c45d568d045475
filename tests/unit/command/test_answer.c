// SPDX-License-Identifier: BSD-2-Clause
// Tests of command/answer: the daemon's answer in pieces of every size, and what is no answer.
#include "command/answer.h"
#include "control/wire_json.h"
#include "core/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SHOWN_MAX = 4 * 1024 * 1024 };

// What came of it: text as it stands, "<error>", "=EXIT", "!" for no answer.
static enum answer_kind show(struct answer *a, struct slice bytes, struct buf *to)
{
    struct answer_part part;
    enum answer_kind kind;
    while ((kind = answer_next(a, &bytes, &part)) != ANSWER_MORE) {
        if (kind == ANSWER_TEXT)
            buf_add_slice(to, part.text);
        else if (kind == ANSWER_ERROR)
            buf_addf(to, "<%.*s>", (int)part.text.n, part.text.p);
        else if (kind == ANSWER_EXIT)
            buf_addf(to, "=%d", part.code);
        else
            buf_add_str(to, "!");
        if (kind == ANSWER_EXIT || kind == ANSWER_BAD)
            break;
    }
    return kind;
}

static void assert_shown(struct slice bytes, size_t piece, const char *want)
{
    struct answer a;
    struct buf got;
    enum answer_kind kind = ANSWER_MORE;
    buf_init(&got, SHOWN_MAX);
    buf_add_str(&got, "");
    answer_init(&a);
    for (size_t at = 0; at < bytes.n && kind == ANSWER_MORE; at += piece) {
        // A copy of its own, so that nothing is read behind its end.
        size_t n = bytes.n - at < piece ? bytes.n - at : piece;
        char *copy = malloc(n);
        memcpy(copy, bytes.p + at, n);
        kind = show(&a, slice_of(copy, n), &got);
        free(copy);
    }
    answer_close(&a);
    assert_string_equal(got.p, want);
    buf_close(&got);
}

static const struct {
    const char *bytes, *want;
} cases[] = {
    {"{\"exit\": 0}\n", "=0"},
    {"{\"text\": \"a\\nb\"}\n{\"exit\": 66}\n", "a\nb=66"},
    {"{\"bytes\":5}\n12345{\"exit\":0}\n", "12345=0"},
    {"{\"bytes\":3}\na\nb{\"bytes\":12}\n{\"exit\": 7}\n{\"error\": \"no\"}\n{\"exit\":1}\n",
     "a\nb{\"exit\": 7}\n<no>=1"},
    {"{\"bytes\":2}\n\xff\x01{\"text\":\"\"}\n{\"text\":\"x\"}\n{\"exit\":0}\n", "\xff\x01x=0"},
    {"{\"bytes\":2}\nabc\n", "ab!"},
    {"{\"bytes\":0}\n{\"exit\":0}\n", "!"},
    {"{\"bytes\":2000000}\nab", "!"},
    {"\n", "!"},
    {"421 4.3.2 Too many connections\r\n", "!"},
    {"{\"bytes\":9}\nnot all", "not all"},
    {"{\"exit\":0", ""},
};

static void answers_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].bytes);
        for (size_t piece = 1; piece <= n; piece++)
            assert_shown(slice_of(cases[i].bytes, n), piece, cases[i].want);
    }
}

static void a_line_has_a_maximum(void **state)
{
    (void)state;
    enum { SIZE = WIRE_LINE_MAX + 10 };
    char *bytes = must_alloc(SIZE);
    memset(bytes, ' ', SIZE);
    assert_shown(slice_of(bytes, SIZE), SIZE, "!");
    assert_shown(slice_of(bytes, SIZE), 4096, "!");
    assert_shown(slice_of(bytes, WIRE_LINE_MAX), 4096, "");
    memcpy(bytes, "{\"exit\":3}", 10);
    bytes[WIRE_LINE_MAX] = '\n';
    assert_shown(slice_of(bytes, WIRE_LINE_MAX + 1), 4096, "=3");
    assert_shown(slice_of(bytes, WIRE_LINE_MAX + 1), SIZE, "=3");
    free(bytes);
}

static void bytes_have_none(void **state) // for they are not kept
{
    (void)state;
    struct answer a;
    struct answer_part part;
    char *bytes = must_zalloc(WIRE_BYTES_MAX);
    answer_init(&a);
    struct slice head = SLICE_LIT("{\"bytes\":1048576}\n"), rest = slice_of(bytes, WIRE_BYTES_MAX);
    assert_int_equal(answer_next(&a, &head, &part), ANSWER_MORE);
    assert_int_equal(answer_next(&a, &rest, &part), ANSWER_TEXT);
    assert_ptr_equal(part.text.p, bytes);
    assert_int_equal(part.text.n, WIRE_BYTES_MAX);
    rest = SLICE_LIT("{\"exit\":0}\n");
    assert_int_equal(answer_next(&a, &rest, &part), ANSWER_EXIT);
    answer_close(&a);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_in_pieces),
        cmocka_unit_test(a_line_has_a_maximum),
        cmocka_unit_test(bytes_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
