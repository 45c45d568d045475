// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/wire_json: round trips with hostile octets, and requests that must not be taken.
#include "control/wire_json.h"
#include "core/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LINES_MAX = 16 * 1024 * 1024 };

static void requests_arrive(void **state)
{
    (void)state;
    const char *const words[] = {"from=\"a b\"@x.example", "error~\\ \" \t", "--dry-run",
                                 "--reason=\xc3\xbc"};
    struct request r;
    struct buf line, why;
    buf_init(&line, LINES_MAX);
    buf_init(&why, 1024);
    wire_format_request(VERB_REMOVE, words, 4, false, &line);
    assert_int_equal(line.p[line.n - 1], '\n');
    assert_ptr_equal(strchr(line.p, '\n'), line.p + line.n - 1);
    assert_int_equal(wire_parse_request(buf_slice(&line), &r, &why), FP_OK);
    assert_int_equal(r.verb, VERB_REMOVE);
    assert_int_equal(r.filter.count, 2);
    assert_string_equal(r.filter.terms[0].text, "\"a b\"@x.example");
    assert_string_equal(r.filter.terms[1].text, "\\ \" \t");
    assert_string_equal(r.reason, "\xc3\xbc");
    assert_true(r.dry_run);
    assert_false(r.is_streamed);
    buf_close(&line);
    buf_close(&why);
}

static void a_stream_can_be_asked_for(void **state)
{
    (void)state;
    struct request r;
    struct buf line, why;
    buf_init(&line, LINES_MAX);
    buf_init(&why, 1024);
    wire_format_request(VERB_STATS, NULL, 0, true, &line);
    assert_string_equal(line.p, "{\"verb\":\"stats\",\"words\":[],\"stream\":true}\n");
    assert_int_equal(wire_parse_request(buf_slice(&line), &r, &why), FP_OK);
    assert_true(r.is_streamed);
    assert_int_equal(
        wire_parse_request(SLICE_LIT("{\"stream\": false, \"verb\": \"list\"}"), &r, &why), FP_OK);
    assert_false(r.is_streamed);
    buf_close(&line);
    buf_close(&why);
}

static void heads_of_bytes_arrive(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 10, WIRE_BYTES_MAX - 1, WIRE_BYTES_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf line;
        struct wire_answer a;
        buf_init(&line, 64);
        wire_format_bytes(sizes[i], &line);
        assert_int_equal(line.p[line.n - 1], '\n');
        assert_int_equal(wire_parse_answer(slice_of(line.p, line.n - 1), &a), FP_OK);
        assert_int_equal(a.kind, WIRE_BYTES);
        assert_int_equal(a.size, sizes[i]);
        assert_null(a.text);
        buf_close(&line);
    }
}

static const char *const bad[][2] = {
    {"", "the request is no JSON object"},
    {"\n", "the request is no JSON object"},
    {"[]", "the request is no JSON object"},
    {"{\"verb\": \"list\"", "the request is no JSON object"},
    {"{\"verb\": \"list\"} x", "the request is no JSON object"},
    {"{\"verb\": \"list\", \"verb\": \"remove\"}", "the request is no JSON object"},
    {"{\"verb\": \"list\\u0000\"}", "the request is no JSON object"},
    {"{\"verb\": \"li\xff\"}", "the request is no JSON object"},
    {"{}", "the request has no verb"},
    {"{\"verb\": 1}", "the request has no verb"},
    {"{\"words\": []}", "the request has no verb"},
    {"{\"verb\": \"delete\\u001b\"}", "unknown verb 'delete\\x1b'"},
    {"{\"verb\": \"list\", \"uid\": 0}", "the request has a member that this daemon does not know"},
    {"{\"verb\": \"list\", \"words\": \"from=x\"}", "the request's words are no list"},
    {"{\"verb\": \"list\", \"words\": [1]}", "a word of the request is no string"},
    {"{\"verb\": \"remove\", \"words\": []}",
     "remove without a filter would act on the whole queue; say --all if that is meant"},
    {"{\"verb\": \"remove\"}",
     "remove without a filter would act on the whole queue; say --all if that is meant"},
    {"{\"verb\": \"list\", \"stream\": 1}", "the request's stream is neither true nor false"},
    {"{\"verb\": \"list\", \"stream\": null}", "the request's stream is neither true nor false"},
    {"{\"verb\": \"list\", \"Stream\": true}",
     "the request has a member that this daemon does not know"},
    {"{\"verb\": \"remove\", \"words\": [\"form=x\"]}",
     "'form' is no filter key; did you mean from?"},
};

static void bad_requests_get_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct request r = {.verb = VERB_STATS};
        struct buf why;
        buf_init(&why, 1024);
        assert_int_equal(wire_parse_request(slice_str(bad[i][0]), &r, &why), FP_INVALID);
        assert_string_equal(why.p, bad[i][1]);
        assert_int_equal(r.verb, VERB_STATS);
        buf_close(&why);
    }
}

static void deep_and_long_requests_are_refused(void **state)
{
    (void)state;
    enum { SIZE = WIRE_LINE_MAX + 1 };
    char *line = must_alloc(SIZE);
    struct request r;
    struct buf why;
    buf_init(&why, 1024);
    memset(line, '[', SIZE);
    assert_int_equal(wire_parse_request(slice_of(line, SIZE), &r, &why), FP_INVALID);
    assert_int_equal(wire_parse_request(slice_of(line, WIRE_LINE_MAX), &r, &why), FP_INVALID);
    memset(line, ' ', SIZE);
    memcpy(line, "{\"verb\":\"stats\"}", 16);
    assert_int_equal(wire_parse_request(slice_of(line, WIRE_LINE_MAX), &r, &why), FP_OK);
    assert_int_equal(wire_parse_request(slice_of(line, SIZE), &r, &why), FP_INVALID);
    free(line);
    buf_close(&why);
}

// Reads all lines; the sum of their texts.
static void join_answers(const struct buf *lines, int kind, struct buf *to)
{
    const char *line = lines->p;
    while (line < lines->p + lines->n) {
        struct wire_answer a;
        size_t n = strcspn(line, "\n");
        assert_true(n <= WIRE_LINE_MAX);
        assert_int_equal(wire_parse_answer(slice_of(line, n), &a), FP_OK);
        assert_int_equal(a.kind, kind);
        buf_add(to, a.text, a.size);
        free(a.text);
        line += n + 1;
    }
}

static void assert_round_trip(struct slice text, struct slice want)
{
    struct buf lines, back;
    buf_init(&lines, LINES_MAX);
    buf_init(&back, LINES_MAX);
    wire_format_text(text, &lines);
    join_answers(&lines, WIRE_TEXT, &back);
    assert_true(slice_equal(buf_slice(&back), want));
    buf_reset(&lines);
    buf_reset(&back);
    wire_format_error(text, &lines);
    join_answers(&lines, WIRE_ERROR, &back);
    assert_true(slice_equal(buf_slice(&back), want));
    buf_close(&lines);
    buf_close(&back);
}

static void texts_arrive(void **state)
{
    (void)state;
    char every[128];
    for (int i = 0; i < 128; i++)
        every[i] = (char)i;
    assert_round_trip(SLICE_LIT(""), SLICE_LIT(""));
    assert_round_trip(slice_of(every, 128), slice_of(every, 128)); // NUL too
    assert_round_trip(SLICE_LIT("gr\xc3\xbc\xc3\x9f\xf0\x9f\x93\xae"),
                      SLICE_LIT("gr\xc3\xbc\xc3\x9f\xf0\x9f\x93\xae"));
    assert_round_trip(SLICE_LIT("a\xff\xc3"
                                "b\xed\xa0\x80"
                                "c\xc0\x80"),
                      SLICE_LIT("a\\xff\\xc3"
                                "b\\xed\\xa0\\x80"
                                "c\\xc0\\x80"));
}

// Long texts become several lines, each short enough, and no character is cut in two.
static void long_texts_arrive(void **state)
{
    (void)state;
    enum { SIZE = 600 * 1024 };
    char *text = must_alloc(SIZE);
    for (size_t shift = 0; shift < 4; shift++) {
        for (size_t i = 0; i < SIZE; i++)
            text[i] = "\xf0\x9f\x93\xae"[(i + shift) % 4];
        memset(text, 'x', (4 - shift) % 4);
        struct slice s = slice_of(text, SIZE - (SIZE - (4 - shift) % 4) % 4);
        assert_round_trip(s, s);
    }
    memset(text, 1, SIZE); // \u0001: the longest form
    assert_round_trip(slice_of(text, SIZE), slice_of(text, SIZE));
    free(text);
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    (void)state;
    struct buf to;
    for (size_t max = 4; max < 20; max++) {
        buf_init(&to, max);
        buf_add_str(&to, "here");
        wire_format_text(SLICE_LIT("a text of some length"), &to);
        assert_string_equal(to.p, "here");
        buf_close(&to);
    }
}

static void exit_codes_arrive(void **state)
{
    (void)state;
    for (int code = 0; code < 256; code += 15) {
        struct buf line;
        struct wire_answer a;
        buf_init(&line, 64);
        wire_format_exit(code, &line);
        assert_int_equal(wire_parse_answer(buf_slice(&line), &a), FP_OK);
        assert_int_equal(a.kind, WIRE_EXIT);
        assert_int_equal(a.code, code);
        buf_close(&line);
    }
}

static void bad_answers_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"text\": 1}",
                                        "{\"exit\": \"0\"}",
                                        "{\"exit\": 256}",
                                        "{\"exit\": -1}",
                                        "{\"exit\": 0.0}",
                                        "{\"text\": \"a\", \"exit\": 0}",
                                        "{\"hello\": \"a\"}",
                                        "{\"bytes\": 0}",
                                        "{\"bytes\": -1}",
                                        "{\"bytes\": 1048577}",
                                        "{\"bytes\": 99999999999999999999}",
                                        "{\"bytes\": 1.0}",
                                        "{\"bytes\": \"1\"}",
                                        "{\"bytes\": 1, \"bytes\": 2}",
                                        "{\"bytes\": 1, \"exit\": 0}",
                                        "{\"text\": \"a"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct wire_answer a;
        assert_int_equal(wire_parse_answer(slice_str(lines[i]), &a), FP_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_arrive),
        cmocka_unit_test(a_stream_can_be_asked_for),
        cmocka_unit_test(heads_of_bytes_arrive),
        cmocka_unit_test(bad_requests_get_a_sentence),
        cmocka_unit_test(deep_and_long_requests_are_refused),
        cmocka_unit_test(texts_arrive),
        cmocka_unit_test(long_texts_arrive),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
        cmocka_unit_test(exit_codes_arrive),
        cmocka_unit_test(bad_answers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
