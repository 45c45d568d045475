// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/listing: whole listings against tests/golden/listing-*, what the monitoring
// programs cut out of them, and that a full buffer loses no row.
#include "control/listing.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/control/queue.h"
#include "tests/unit/golden.h"

enum { TEXT_MAX = 64 * 1024 };

static void list(enum listing_format format, size_t rows, struct buf *to)
{
    struct listing l;
    buf_init(to, TEXT_MAX);
    listing_init(&l, format, NOW, QUEUE_OFFSET_S);
    listing_begin(&l, to);
    for (size_t i = 0; i < rows; i++)
        listing_row(&l, &queue_rows[i], to);
    listing_end(&l, to);
}

static const struct golden_row {
    const char *file;
    enum listing_format format;
    size_t rows;
} goldens[] = {
    {"listing-postfix.txt", LISTING_POSTFIX, QUEUE_ROWS},
    {"listing-postfix-one.txt", LISTING_POSTFIX, 1},
    {"listing-postfix-empty.txt", LISTING_POSTFIX, 0},
    {"listing-sendmail.txt", LISTING_SENDMAIL, QUEUE_ROWS},
    {"listing-sendmail-empty.txt", LISTING_SENDMAIL, 0},
    {"listing-table.txt", LISTING_TABLE, QUEUE_ROWS},
    {"listing-table-empty.txt", LISTING_TABLE, 0},
    {"listing-csv.csv", LISTING_CSV, QUEUE_ROWS},
    {"listing-csv-empty.csv", LISTING_CSV, 0},
};

static void whole_listings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
        struct buf got;
        list(goldens[i].format, goldens[i].rows, &got);
        golden_check(goldens[i].file, buf_slice(&got));
        buf_close(&got);
    }
}

static void one_message(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, TEXT_MAX);
    for (size_t i = 0; i < QUEUE_ROWS; i++) {
        listing_show(&queue_rows[i], NOW, QUEUE_OFFSET_S, &got);
        buf_add_str(&got, "----\n");
    }
    golden_check("listing-show.txt", buf_slice(&got));
    buf_close(&got);
}

// Nothing that steers a terminal reaches it, in no format.
static void no_controls(void **state)
{
    (void)state;
    for (int format = 0; format < LISTING_FORMATS; format++) {
        struct buf got;
        list((enum listing_format)format, QUEUE_ROWS, &got);
        for (size_t i = 0; i < got.n; i++)
            assert_true((unsigned char)got.p[i] >= ' ' || strchr("\t\r\n", got.p[i]));
        assert_null(strstr(got.p, "\xc2\x9b"));
        assert_null(strstr(got.p, "\xe2\x80\xae"));
        buf_close(&got);
    }
}

// What check_mailq and its relatives look for, in our own words: the number in the last line, or
// the number behind "Total requests"; the ids of the messages by the pattern of exporters.
static size_t count_matches(const char *text, const char *pattern)
{
    regex_t re;
    regmatch_t at;
    size_t count = 0;
    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE | REG_ICASE), 0);
    for (; regexec(&re, text, 1, &at, count ? REG_NOTBOL * (text[-1] != '\n') : 0) == 0; count++)
        text += at.rm_eo;
    regfree(&re);
    return count;
}

static void monitoring_programs_count_right(void **state)
{
    (void)state;
    struct buf got;
    list(LISTING_POSTFIX, QUEUE_ROWS, &got);
    assert_int_equal(count_matches(got.p, "^[[:space:]]+Total[[:space:]]Requests:[[:space:]]7$"),
                     1);
    assert_int_equal(count_matches(got.p, "Kbytes in 7 Requests[.]$"), 1);
    assert_int_equal(count_matches(got.p, "^[0-9A-F]+[*!]? +[0-9]+ [A-Z][a-z]{2} [A-Z][a-z]{2} [ "
                                          "0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}  [^ ]"),
                     7);
    assert_string_equal(strrchr(got.p, '-') - 1, "-- 12084 Kbytes in 7 Requests.\n");
    buf_close(&got);
    list(LISTING_POSTFIX, 0, &got);
    assert_int_equal(count_matches(got.p, "Mail queue is empty"), 1);
    buf_close(&got);
    list(LISTING_SENDMAIL, QUEUE_ROWS, &got);
    assert_int_equal(count_matches(got.p, "^[[:space:]]+Total[[:space:]]Requests:[[:space:]]7$"),
                     1);
    buf_close(&got);
}

static void a_full_buffer_loses_no_row(void **state)
{
    (void)state;
    for (int format = 0; format < LISTING_FORMATS; format++) {
        struct listing l;
        struct buf piece, sum, want;
        if (format == LISTING_JSON || format == LISTING_JSONL)
            continue;
        list((enum listing_format)format, QUEUE_ROWS, &want);
        buf_init(&piece, 1400);
        buf_init(&sum, TEXT_MAX);
        listing_init(&l, (enum listing_format)format, NOW, QUEUE_OFFSET_S);
        listing_begin(&l, &piece);
        for (size_t i = 0; i < QUEUE_ROWS; i++) {
            size_t before = piece.n;
            listing_row(&l, &queue_rows[i], &piece);
            if (piece.n == before) {
                buf_add_slice(&sum, buf_slice(&piece));
                buf_reset(&piece);
                listing_row(&l, &queue_rows[i], &piece);
            }
        }
        assert_int_equal(l.messages, QUEUE_ROWS);
        buf_add_slice(&sum, buf_slice(&piece));
        listing_end(&l, &sum);
        assert_string_equal(sum.p, want.p);
        buf_close(&piece);
        buf_close(&sum);
        buf_close(&want);
    }
}

static void format_names(void **state)
{
    (void)state;
    enum listing_format f = LISTING_FORMATS;
    assert_true(listing_format_parse("jsonl", &f));
    assert_int_equal(f, LISTING_JSONL);
    assert_true(listing_format_parse("postfix", &f));
    assert_int_equal(f, LISTING_POSTFIX);
    assert_false(listing_format_parse("xml", &f));
    assert_false(listing_format_parse("", &f));
    assert_int_equal(f, LISTING_POSTFIX);
}

// Mail that is only tried when an operator flushes or resumes it has no next attempt, and what is
// suspended is not given up.
static void waits_for_an_operator(void **state)
{
    (void)state;
    static const struct {
        enum listing_format format; // LISTING_FORMATS: that of show
        bool is_suspended;
        const char *want;
    } cases[] = {
        {LISTING_TABLE, false, "  2      on flush   2026-"},
        {LISTING_TABLE, true, "  2      on resume  -      "},
        {LISTING_CSV, false, "Z,,2026-"},
        {LISTING_CSV, true, "Z,,,4.7.1"},
        {LISTING_JSONL, true, "\"next_attempt\": null, \"expires\": null,"},
        {LISTING_FORMATS, false, "\n    next try:   when it is flushed\n"},
        {LISTING_FORMATS, true, "\n    next try:   when it is resumed\n"},
        {LISTING_FORMATS, true, "\n    gives up:   not while it is suspended\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf got;
        struct listing l;
        struct listing_recipient view = queue_views[3];
        view.next_attempt_ms = TIME_NEVER;
        view.waits_for_resume = cases[i].is_suspended;
        view.expires_ms = cases[i].is_suspended ? 0 : EXPIRES;
        struct listing_row row = {&queue_messages[0], &view, 1};
        buf_init(&got, TEXT_MAX);
        if (cases[i].format == LISTING_FORMATS) {
            listing_show(&row, NOW, QUEUE_OFFSET_S, &got);
        } else {
            listing_init(&l, cases[i].format, NOW, QUEUE_OFFSET_S);
            listing_begin(&l, &got);
            listing_row(&l, &row, &got);
        }
        if (!strstr(got.p, cases[i].want))
            fail_msg("no '%s' in %s", cases[i].want, got.p);
        buf_close(&got);
    }
}

// Why it is held comes first; what the next hop had said is not forgotten.
static void held(void **state)
{
    (void)state;
    struct buf got;
    struct listing_row row = {&queue_messages[2], &queue_views[5], 1};
    buf_init(&got, TEXT_MAX);
    listing_show(&row, NOW, QUEUE_OFFSET_S, &got);
    assert_non_null(strstr(got.p, "\n    next try:   when it is released\n"
                                  "    gives up:   not while it is held\n"
                                  "    held:       till \\x1b monday, says anna\n"
                                  "    status:     4.2.1\n"
                                  "    last reply: 450 4.2.1 Busy\n"));
    buf_close(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_listings),
        cmocka_unit_test(one_message),
        cmocka_unit_test(waits_for_an_operator),
        cmocka_unit_test(held),
        cmocka_unit_test(no_controls),
        cmocka_unit_test(monitoring_programs_count_right),
        cmocka_unit_test(a_full_buffer_loses_no_row),
        cmocka_unit_test(format_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
