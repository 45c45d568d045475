// SPDX-License-Identifier: BSD-2-Clause
// Message preparation: header, recipients and body that `sendmail` hands over.
#include "receive/prepare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OUT_MAX = 16 * 1024 * 1024 };

#define ADDED                                                                                      \
    "From: al@mx.local.example\r\nDate: Sat, 21 Nov 2026 23:40:00 +0000\r\n"                       \
    "Message-ID: <1a2007b2480.00000000000000aa@mx.local.example>\r\n"
#define COMPLETE "From: x@y.example\nDate: d\nMessage-ID: <m@y.example>\n"
#define WHOLE    "From: x@y.example\r\nDate: d\r\nMessage-ID: <m@y.example>\r\n"

static const struct prepare_settings plain = {.sender = "al", .hostname = "mx.local.example"};
static const char *full_name = "";

struct result {
    struct buf out;
    struct buf rcpts; // joined by commas
    struct buf error;
    enum fp_err err;
    bool has_8bit, is_done;
    struct prepare_lacks lacks;
};

// Facts are given where they are asked for; what is not is no string to look at.
static enum fp_err answer(struct prepare *p, struct result *r)
{
    struct prepare_facts facts = {0};
    if (!prepare_asks(p, &r->lacks))
        return FP_OK;
    if (r->lacks.from)
        facts.full_name = full_name;
    if (r->lacks.date || r->lacks.message_id)
        facts.now_ms = 1795304400000;
    if (r->lacks.message_id)
        facts.seed = 0xaa;
    assert_false(prepare_has_header(p));
    enum fp_err err = prepare_answer(p, &facts, &r->out);
    assert_true(prepare_has_header(p));
    return err;
}

static void run(const struct prepare_settings *settings, struct slice in, size_t read_size,
                struct result *r)
{
    struct prepare *p = prepare_new(settings);
    buf_init(&r->out, OUT_MAX);
    buf_init(&r->rcpts, OUT_MAX);
    buf_init(&r->error, 4096);
    r->err = FP_OK;
    while (in.n > 0 && !r->err && !prepare_is_done(p)) {
        struct slice piece = {in.p, read_size && read_size < in.n ? read_size : in.n};
        size_t n = piece.n;
        r->err = prepare_feed(p, &piece, &r->out);
        in = slice_from(in, n - piece.n);
        if (!r->err)
            r->err = answer(p, r);
    }
    r->is_done = prepare_is_done(p);
    if (!r->err)
        r->err = prepare_end(p, &r->out);
    if (!r->err)
        r->err = answer(p, r);
    assert_false(prepare_asks(p, &r->lacks) && !r->err);
    for (uint32_t i = 0; i < prepare_recipient_count(p); i++)
        buf_addf(&r->rcpts, "%s%s", i ? "," : "", prepare_recipient(p, i));
    buf_add_str(&r->error, prepare_error(p));
    r->has_8bit = prepare_has_8bit(p);
    prepare_free(p);
}

static void result_close(struct result *r)
{
    buf_close(&r->out);
    buf_close(&r->rcpts);
    buf_close(&r->error);
}

struct row {
    const char *name, *in, *want;
};

static void check_rows(const struct prepare_settings *settings, const struct row *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t read_size = 0; read_size <= 16; read_size++) {
            struct result r;
            run(settings, slice_str(rows[i].in), read_size, &r);
            if (strcmp(buf_slice(&r.out).p, rows[i].want))
                print_message("in \"%s\", reads of %zu\n", rows[i].name, read_size);
            assert_int_equal(r.err, FP_OK);
            assert_string_equal(buf_slice(&r.out).p, rows[i].want);
            result_close(&r);
        }
}

static void test_header_and_body(void **state)
{
    static const struct row rows[] = {
        {"all is there", COMPLETE "\nbody\n", WHOLE "\r\nbody\r\n"},
        {"crlf input", WHOLE "\r\nbody\r\n", WHOLE "\r\nbody\r\n"},
        {"all is missing", "Subject: x\n\nbody\n", "Subject: x\r\n" ADDED "\r\nbody\r\n"},
        {"nothing", "", ADDED "\r\n"},
        {"blank line only", "\n", ADDED "\r\n"},
        {"header only", COMPLETE, WHOLE "\r\n"},
        {"header only, no line end", "Subject: x", "Subject: x\r\n" ADDED "\r\n"},
        {"body only", "hello: world is no body\nhello\n",
         "hello: world is no body\r\n" ADDED "\r\nhello\r\n"},
        {"no header", "hello\nworld\n", ADDED "\r\nhello\r\nworld\r\n"},
        {"folded first line", " hello\n", ADDED "\r\n hello\r\n"},
        {"mbox line", "From al Sat Nov 21 23:40:00 2026\n" COMPLETE "\nx\n", WHOLE "\r\nx\r\n"},
        {"mbox line later", COMPLETE "From al Sat\n\nx\n", WHOLE "\r\nFrom al Sat\r\n\r\nx\r\n"},
        {"folded", COMPLETE "Subject: x\n\ty\n z\n\nx\n",
         WHOLE "Subject: x\r\n\ty\r\n z\r\n\r\nx\r\n"},
        {"bare cr", COMPLETE "\nx\ry\r\rz", WHOLE "\r\nx\r\ny\r\n\r\nz\r\n"},
        {"bare cr in the header", COMPLETE "Subject: x\rX-Y: z\n\nx\n",
         WHOLE "Subject: x\r\nX-Y: z\r\n\r\nx\r\n"},
        {"dot is data", COMPLETE "\nx\n.\ny\n", WHOLE "\r\nx\r\n.\r\ny\r\n"},
        {"bcc stays without -t", COMPLETE "Bcc: b@x.example\n\n", WHOLE "Bcc: b@x.example\r\n\r\n"},
        {"names in any case", "fROM : x@y.example\nDATE:d\nmessage-id:<m>\n\n",
         "fROM : x@y.example\r\nDATE:d\r\nmessage-id:<m>\r\n\r\n"},
        {"sent again", "Resent-To: b@x.example\nSubject: x\n\nx\n",
         "Resent-From: al@mx.local.example\r\nResent-Date: Sat, 21 Nov 2026 23:40:00 +0000\r\n"
         "Resent-Message-ID: <1a2007b2480.00000000000000aa@mx.local.example>\r\n"
         "Resent-To: b@x.example\r\nSubject: x\r\n\r\nx\r\n"},
    };
    (void)state;
    check_rows(&plain, rows, sizeof rows / sizeof *rows);
}

static void test_dot_ends(void **state)
{
    struct prepare_settings settings = plain;
    static const struct row rows[] = {
        {"in the body", COMPLETE "\nx\n.\ny\n", WHOLE "\r\nx\r\n"},
        {"crlf", WHOLE "\r\nx\r\n.\r\ny\r\n", WHOLE "\r\nx\r\n"},
        {"in the header", COMPLETE ".\ny\n", WHOLE "\r\n"},
        {"two dots", COMPLETE "\n..\n.x\n", WHOLE "\r\n..\r\n.x\r\n"},
    };
    (void)state;
    settings.dot_ends = true;
    check_rows(&settings, rows, sizeof rows / sizeof *rows);
}

static void test_drops_blind_copies(void **state)
{
    struct prepare_settings settings = plain;
    static const struct row rows[] = {
        {"bcc", COMPLETE "bCC: b@x.example,\n c@x.example\nTo: a@x.example\n\nx\n",
         WHOLE "To: a@x.example\r\n\r\nx\r\n"},
        {"resent",
         "Resent-From: a@x.example\nResent-Date: d\nResent-Message-ID: <m>\n"
         "Resent-Bcc: b@x.example\nBcc: old@x.example\nSubject: x\n\n",
         "Resent-From: a@x.example\r\nResent-Date: d\r\nResent-Message-ID: <m>\r\n"
         "Subject: x\r\n\r\n"},
    };
    (void)state;
    settings.takes_recipients = true;
    check_rows(&settings, rows, sizeof rows / sizeof *rows);
}

static void test_recipients(void **state)
{
    struct prepare_settings settings = plain;
    static const struct row rows[] = {
        {"to, cc, bcc", "tO: a@x.example\nCC: b@x.example\nBcc: c@x.example\n\n",
         "a@x.example,b@x.example,c@x.example"},
        {"unqualified", "To: root, al\n\n", "root@mx.local.example,al@mx.local.example"},
        {"same twice", "To: a@x.example, A@x.example\nCc: a@X.example\n\n",
         "a@x.example,A@x.example"},
        {"names and comments", "To: \"b@evil.example,\" <a@x.example> (c@x.example, d)\n\n",
         "a@x.example"},
        {"group", "To: g: a@x.example, b@x.example;\n\n", "a@x.example,b@x.example"},
        {"empty group", "To: undisclosed-recipients:;\n\n", ""},
        {"folded", "To:\ta@x.example,\n\tb@x.example\n\n", "a@x.example,b@x.example"},
        {"other fields", "X-To: a@x.example\nTo-Do: b@x.example\n\nTo: c@x.example\n", ""},
        {"resent", "To: a@x.example\nResent-Cc: b@x.example\nResent-Bcc: c@x.example\n\n",
         "b@x.example,c@x.example"},
        {"quoted", "To: \"al b\"@x.example\n\n", "\"al b\"@x.example"},
    };
    (void)state;
    settings.takes_recipients = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct result r;
        run(&settings, slice_str(rows[i].in), 0, &r);
        if (r.err || strcmp(buf_slice(&r.rcpts).p, rows[i].want))
            print_message("in \"%s\"\n", rows[i].name);
        assert_int_equal(r.err, FP_OK);
        assert_string_equal(buf_slice(&r.rcpts).p, rows[i].want);
        result_close(&r);
    }
}

static void test_bad_address(void **state)
{
    struct prepare_settings settings = plain;
    struct result r;
    (void)state;
    settings.takes_recipients = true;
    run(&settings, SLICE_LIT("To: a@x.example\nCc: a@b@c\x1b[1m\n\n"), 0, &r);
    assert_int_equal(r.err, FP_INVALID);
    assert_non_null(strstr(buf_slice(&r.error).p, "bad address in Cc: "));
    assert_null(strchr(buf_slice(&r.error).p, '\x1b'));
    result_close(&r);
}

static void test_without_t_nothing_is_read(void **state)
{
    struct result r;
    (void)state;
    run(&plain, SLICE_LIT("To: a@b@c, d@x.example\n\n"), 0, &r);
    assert_int_equal(r.err, FP_OK);
    assert_string_equal(buf_slice(&r.rcpts).p, "");
    result_close(&r);
}

static void test_from(void **state)
{
    static const struct {
        const char *sender, *name, *want;
    } rows[] = {
        {"al@x.example", "", "From: al@x.example\r\n"},
        {"al", "Al Bee", "From: Al Bee <al@mx.local.example>\r\n"},
        {"al", "Al B. \"Bee\"", "From: \"Al B. \\\"Bee\\\"\" <al@mx.local.example>\r\n"},
        {"al", "Name\nBcc: evil@evil.example",
         "From: \"Name Bcc: evil@evil.example\" <al@mx.local.example>\r\n"},
        {"al", "J\xc3\xb6rg B", "From: =?utf-8?Q?J=C3=B6rg_B?= <al@mx.local.example>\r\n"},
        {"al", "J\xf6rg", "From: =?iso-8859-1?Q?J=F6rg?= <al@mx.local.example>\r\n"},
        {"al", "=?utf-8?Q?x?=", "From: \"=?utf-8?Q?x?=\" <al@mx.local.example>\r\n"},
        {"al", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
         "From: =?utf-8?Q?=C3=A4=C3=A4=C3=A4=C3=A4=C3=A4=C3=A4=C3=A4=C3=A4=C3=A4?=\r\n"
         " =?utf-8?Q?=C3=A4?= <al@mx.local.example>\r\n"},
        {"", "", "From: MAILER-DAEMON@mx.local.example\r\n"},
        {"a>\r\nBcc: b@x.example", "", "From: MAILER-DAEMON@mx.local.example\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct prepare_settings settings = plain;
        struct result r;
        char want[512];
        settings.sender = rows[i].sender;
        full_name = rows[i].name;
        snprintf(want, sizeof want, "Date: d\r\nMessage-ID: <m>\r\n%s\r\n", rows[i].want);
        run(&settings, SLICE_LIT("Date: d\nMessage-ID: <m>\n\n"), 0, &r);
        assert_string_equal(buf_slice(&r.out).p, want);
        result_close(&r);
    }
    full_name = "";
}

static void test_asks_for_what_lacks(void **state)
{
    static const struct {
        const char *in;
        struct prepare_lacks want; // from, date, message_id
    } rows[] = {
        {COMPLETE "\n", {false, false, false}},
        {"\n", {true, true, true}},
        {"", {true, true, true}},
        {"From: a@x.example\n\n", {false, true, true}},
        {"dAtE : d\n\n", {true, false, true}},
        {"Message-Id: <m>\n", {true, true, false}},
        {"X-From: x\nFrom-X: x\n\nFrom: x\n", {true, true, true}},
        {"From: x\nDate: d\nMessage-ID: <m>\nResent-To: x\n\n", {true, true, true}},
        {"Resent-From: x\n\n", {false, true, true}},
        {"RESENT-date: x\nDate: d\nResent-Message-ID: <m>\n\n", {true, false, false}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t read_size = 0; read_size < 4; read_size++) {
            struct result r;
            run(&plain, slice_str(rows[i].in), read_size, &r);
            if (memcmp(&r.lacks, &rows[i].want, sizeof r.lacks))
                print_message("in \"%s\"\n", rows[i].in);
            assert_memory_equal(&r.lacks, &rows[i].want, sizeof r.lacks);
            result_close(&r);
        }
}

// What stands behind the header waits until the question is answered.
static void test_stops_at_the_question(void **state)
{
    struct slice in = SLICE_LIT(COMPLETE "\nbody\n");
    struct prepare_lacks lacks;
    struct buf out;
    (void)state;
    buf_init(&out, OUT_MAX);
    struct prepare *p = prepare_new(&plain);
    assert_false(prepare_asks(p, &lacks));
    assert_int_equal(prepare_feed(p, &in, &out), FP_OK);
    assert_true(prepare_asks(p, &lacks));
    assert_int_equal(in.n, strlen("body\n"));
    assert_int_equal(out.n, 0);
    assert_int_equal(prepare_answer(p, &(struct prepare_facts){0}, &out), FP_OK);
    assert_false(prepare_asks(p, &lacks));
    assert_int_equal(prepare_feed(p, &in, &out), FP_OK);
    assert_int_equal(in.n, 0);
    assert_string_equal(out.p, WHOLE "\r\nbody\r\n");
    prepare_free(p);
    buf_close(&out);
}

static void test_8bit(void **state)
{
    struct result r;
    (void)state;
    run(&plain, SLICE_LIT("a: b\n\nx\n"), 0, &r);
    assert_false(r.has_8bit);
    result_close(&r);
    run(&plain, SLICE_LIT("a: b\n\n\xc3\xa4\n"), 0, &r);
    assert_true(r.has_8bit);
    result_close(&r);
    run(&plain, SLICE_LIT("a: \xc3\xa4\n\nx\n"), 0, &r);
    assert_true(r.has_8bit);
    result_close(&r);
}

static void run_header_size(size_t size, enum fp_err want)
{
    struct result r;
    char *text = malloc(size);
    memset(text, 'x', size);
    memcpy(text, "a: ", 3);
    text[size - 1] = '\n';
    run(&plain, slice_of(text, size), 4096, &r);
    assert_int_equal(r.err, want);
    result_close(&r);
    free(text);
}

static void test_header_limit(void **state)
{
    (void)state;
    run_header_size(PREPARE_HEADER_MAX - 1, FP_OK); // its LF becomes CRLF
    run_header_size(PREPARE_HEADER_MAX, FP_TOO_BIG);
    run_header_size(2 * PREPARE_HEADER_MAX, FP_TOO_BIG);
}

static void test_header_of_line_ends(void **state)
{
    struct result r;
    size_t size = 128 * 1024;
    char *text = malloc(size);
    (void)state;
    memset(text, '\n', size);
    run(&plain, slice_of(text, size), 0, &r);
    assert_int_equal(r.err, FP_OK);
    assert_int_equal(r.out.n, strlen(ADDED) + 2 * size);
    result_close(&r);
    free(text);
}

// As many recipients as a list may have, and one comment as deep as a header may be.
static void test_large_lists(void **state)
{
    struct prepare_settings settings = plain;
    struct buf text;
    struct result r;
    (void)state;
    settings.takes_recipients = true;
    buf_init(&text, OUT_MAX);
    buf_add_str(&text, "To: g: ");
    for (int i = 0; i < 20000; i++)
        buf_addf(&text, "a%d@x.example,\n ", i);
    buf_add_str(&text, "b@x.example;\nCc: ");
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&text, '(');
    buf_add_str(&text, "\n\nx\n");
    run(&settings, buf_slice(&text), 65536, &r);
    assert_int_equal(r.err, FP_INVALID); // the comment is never closed
    size_t count = 1;
    for (const char *p = buf_slice(&r.rcpts).p; (p = strchr(p, ',')); p++)
        count++;
    assert_int_equal(count, 20001);
    result_close(&r);
    buf_close(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_and_body),
        cmocka_unit_test(test_dot_ends),
        cmocka_unit_test(test_drops_blind_copies),
        cmocka_unit_test(test_recipients),
        cmocka_unit_test(test_bad_address),
        cmocka_unit_test(test_without_t_nothing_is_read),
        cmocka_unit_test(test_from),
        cmocka_unit_test(test_asks_for_what_lacks),
        cmocka_unit_test(test_stops_at_the_question),
        cmocka_unit_test(test_8bit),
        cmocka_unit_test(test_header_limit),
        cmocka_unit_test(test_header_of_line_ends),
        cmocka_unit_test(test_large_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
