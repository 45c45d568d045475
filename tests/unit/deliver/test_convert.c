// SPDX-License-Identifier: BSD-2-Clause
// What becomes of messages that a host without 8BITMIME gets, and that decoding undoes it.
#include "decode.h"
#include "deliver/convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

// True: a signature does not fit any more. cut: octets of a piece, 0 for the whole at once.
static bool convert(struct slice message, size_t cut, struct buf *to)
{
    struct convert *c = convert_new();
    struct slice out;
    bool is_end = false;
    buf_init(to, 64 * 1024 * 1024);
    do {
        struct slice piece = {message.p, cut > 0 && cut < message.n ? cut : message.n};
        message = slice_from(message, piece.n);
        convert_piece(c, piece, message.n == 0);
        while (convert_next(c, &out, &is_end)) {
            must(out.n <= CONVERT_OUT_MAX);
            must(buf_add_slice(to, out) == FP_OK);
        }
    } while (message.n > 0);
    must(is_end);
    bool is_broken = convert_breaks_signature(c);
    convert_free(c);
    return is_broken;
}

#define CT    "Content-Type: "
#define CTE   "Content-Transfer-Encoding: "
#define MIME  "MIME-Version: 1.0\r\n"
#define MIXED CT "multipart/mixed; boundary=b\r\n\r\n"
#define UMLAUT                                                                                     \
    "Gr\xC3\xBC\xC3\x9F"                                                                           \
    "e an alle, die das hier lesen\r\n"
#define UMLAUT_Q "Gr=C3=BC=C3=9Fe an alle, die das hier lesen\r\n"
#define LONG_100                                                                                   \
    "1234567890123456789012345678901234567890123456789012345678901234567890"                       \
    "123456789012345678901234567890"
#define LONG_500 LONG_100 LONG_100 LONG_100 LONG_100 LONG_100

struct row {
    const char *name;
    const char *message;
    const char *want; // NULL: as it was
    bool is_broken;
};

// A row is a case.
// clang-format off
static const struct row rows[] = {
    {"text", MIME CT "text/plain; charset=utf-8\r\n" CTE "8bit\r\nSubject: x\r\n\r\n" UMLAUT,
     MIME CT "text/plain; charset=utf-8\r\n" CTE "quoted-printable\r\nSubject: x\r\n\r\n" UMLAUT_Q},
    {"an encoding that is not told, or wrong",
     MIME CT "text/plain; charset=utf-8\r\n" CTE "7bit\r\n\r\n" UMLAUT,
     MIME CT "text/plain; charset=utf-8\r\n" CTE "quoted-printable\r\n\r\n" UMLAUT_Q},
    {"no MIME, UTF-8", "Subject: x\r\n\r\n" UMLAUT,
     "Subject: x\r\n" MIME CT "text/plain; charset=utf-8\r\n" CTE "quoted-printable\r\n\r\n"
     UMLAUT_Q},
    {"no MIME, not UTF-8", "Subject: x\r\n\r\nGr\xFC\xDF""e an alle\r\n",
     "Subject: x\r\n" MIME CT "text/plain; charset=unknown-8bit\r\n" CTE
     "quoted-printable\r\n\r\nGr=FC=DFe an alle\r\n"},
    {"no header", "\r\n" UMLAUT,
     MIME CT "text/plain; charset=utf-8\r\n" CTE "quoted-printable\r\n\r\n" UMLAUT_Q},
    {"no blank line", "Subject: x\r\n" UMLAUT,
     "Subject: x\r\n" MIME CT "text/plain; charset=utf-8\r\n" CTE "quoted-printable\r\n\r\n"
     UMLAUT_Q},
    {"a line of blanks ends no header", "Subject: x\r\n  \r\nTo: y\r\n\r\nabc\r\n", NULL},
    {"8 bits in the header alone", "Subject: Gr\xFC\xDF""e\r\n\r\nabc = \r\n", NULL},
    {"said to be 8 bits and is not", MIME CTE "8BIT (no)\r\n\r\nabc\r\n",
     MIME CTE "7bit\r\n\r\nabc\r\n"},
    {"nothing at all", "", NULL},
    {"header alone", "Subject: x\r\n", NULL},
    {"encoded already", MIME CTE "base64\r\n\r\nR3I=\r\n", NULL},
    {"encoded in a way nobody knows", MIME CTE "x-uu\r\n\r\n\xFC\r\n", NULL},
    {"much that is strange: base64", MIME CT "text/plain; charset=koi8-r\r\n\r\n\xD4\xC5\xCB\xD3"
     "\r\n", MIME CT "text/plain; charset=koi8-r\r\n" CTE "base64\r\n\r\n1MXL0w0K\r\n"},
    {"no text: base64", MIME CT "application/x\r\n" CTE "binary\r\n\r\nabcdefgh\xFC""abcdefgh\r\n",
     MIME CT "application/x\r\n" CTE "base64\r\n\r\nYWJjZGVmZ2j8YWJjZGVmZ2gNCg==\r\n"},
    {"an octet of nothing", MIME CT "text/plain\r\n\r\nThis is a long enough line: \xFC\r\n",
     MIME CT "text/plain\r\n" CTE "quoted-printable\r\n\r\nThis is a long enough line: =FC\r\n"},
    {"blanks at the end, = and tabs", MIME CT "text/plain\r\n\r\nThis is a=b, and long \xFC \r\n\t"
     "\r\nfor sure\t\r\n", MIME CT "text/plain\r\n"
     CTE "quoted-printable\r\n\r\nThis is a=3Db, and "
     "long =FC=20\r\n=09\r\nfor sure=09\r\n"},
    {"the encoding of two fields is the first",
     MIME CT "text/plain\r\n" CTE "8bit\r\n" CTE "base64\r\nA: b\r\n\r\n" UMLAUT,
     MIME CT "text/plain\r\n" CTE "quoted-printable\r\nA: b\r\n\r\n" UMLAUT_Q},
    {"a folded encoding",
     MIME CT "text/plain\r\n" CTE "\r\n 8bit\r\nA: b\r\n c\r\n\r\n" UMLAUT,
     MIME CT "text/plain\r\n" CTE "quoted-printable\r\nA: b\r\n c\r\n\r\n" UMLAUT_Q},
    {"parts, each by itself", MIME CTE "8bit\r\n"
     MIXED "preamble\r\n--b\r\n\r\n7 bits = \r\n--b\r\n"
     CT "text/plain; charset=utf-8\r\n" CTE "8bit\r\n\r\n" UMLAUT "--b\r\n"
     CT "x/y\r\n\r\nabcdefghi"
     "jklm\xFC\r\n--b\r\n" CTE "base64\r\n\r\nQQ==\r\n--b--\r\nepilogue\r\n",
     MIME CTE "7bit\r\n" MIXED "preamble\r\n--b\r\n\r\n7 bits = \r\n--b\r\n"
     CT "text/plain; charset=utf-8\r\n" CTE "quoted-printable\r\n\r\n" UMLAUT_Q "--b\r\n"
     CT "x/y\r\n"
     CTE "base64\r\n\r\nYWJjZGVmZ2hpamtsbfw=\r\n--b\r\n" CTE
     "base64\r\n\r\nQQ==\r\n--b--\r\nepilogue\r\n"},
    {"multiparts within", MIME CT "multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n"
     CT "multipart/alternative;\r\n boundary=bb\r\n\r\n--bb \r\n" CT "text/plain\r\n\r\n" UMLAUT
     "--b-\r\n--bb--\r\n--bb\r\n--b\r\n" CT "text/plain\r\n\r\n" UMLAUT "--b--\r\n--b\r\n",
     MIME CT "multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n"
     CT "multipart/alternative;\r\n boundary=bb\r\n\r\n--bb \r\n" CT "text/plain\r\n" CTE
     "quoted-printable\r\n\r\n" UMLAUT_Q "--b-\r\n--bb--\r\n--bb\r\n--b\r\n" CT "text/plain\r\n"
     CTE "quoted-printable\r\n\r\n" UMLAUT_Q "--b--\r\n--b\r\n"},
    {"an inner multipart that is not closed", MIME MIXED "--b\r\n" CT
     "multipart/mixed; boundary=i\r\n\r\n--i\r\n" CT "text/plain\r\n\r\n"
     UMLAUT "--b--\r\n--i\r\n\r\n",
     MIME MIXED "--b\r\n" CT "multipart/mixed; boundary=i\r\n\r\n--i\r\n" CT "text/plain\r\n" CTE
     "quoted-printable\r\n\r\n" UMLAUT_Q "--b--\r\n--i\r\n\r\n"},
    {"a message within", MIME CT "message/rfc822\r\n" CTE "8bit\r\n\r\nSubject: in\r\n" MIME
     CT "text/plain; charset=utf-8\r\n" CTE "8bit\r\n\r\n" UMLAUT,
     MIME CT "message/rfc822\r\n" CTE "7bit\r\n\r\nSubject: in\r\n" MIME
     CT "text/plain; charset=utf-8\r\n" CTE "quoted-printable\r\n\r\n" UMLAUT_Q},
    {"messages of a digest", MIME CT "multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: a\r\n"
     CT "text/plain\r\n\r\n" UMLAUT "--b--\r\n",
     MIME CT "multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: a\r\n"
     CT "text/plain\r\n" MIME
     CTE "quoted-printable\r\n\r\n" UMLAUT_Q "--b--\r\n"},
    {"what may not be encoded", MIME CT "message/delivery-status\r\n\r\nA: \xFC\r\n", NULL},
    {"a multipart without boundary", MIME CT "multipart/mixed\r\n\r\n--b\r\n\r\n\xFC\r\n", NULL},
    {"a boundary of odd octets", MIME CT "multipart/mixed; (c;) x=\"b\\\"\"; BOUNDARY=-=/b? ; y\r\n"
     "\r\n---=/b?\r\n" CT "text/plain\r\n\r\n" UMLAUT "---=/b?--\r\n",
     MIME CT "multipart/mixed; (c;) x=\"b\\\"\"; BOUNDARY=-=/b? ; y\r\n"
     "\r\n---=/b?\r\n" CT "text/plain\r\n" CTE "quoted-printable\r\n\r\n" UMLAUT_Q "---=/b?--\r\n"},
    {"an empty part", MIME MIXED "--b\r\n--b\r\n\r\n--b\r\nA: b\r\n--b--\r\n", NULL},
    {"DKIM", "DKIM-Signature: v=1\r\n" MIME CT "text/plain\r\n\r\n" UMLAUT,
     "DKIM-Signature: v=1\r\n" MIME CT "text/plain\r\n"
     CTE "quoted-printable\r\n\r\n" UMLAUT_Q, true},
    {"DKIM, nothing to do", "DKIM-Signature: v=1\r\n" MIME CT "text/plain\r\n\r\nabc\r\n", NULL},
    {"a signed part", MIME CT "multipart/signed; boundary=b\r\n\r\n--b\r\n" CT "text/plain\r\n\r\n"
     UMLAUT "--b--\r\n", MIME CT "multipart/signed; boundary=b\r\n\r\n--b\r\n"
     CT "text/plain\r\n" CTE
     "quoted-printable\r\n\r\n" UMLAUT_Q "--b--\r\n", true},
    {"a signed part beside", MIME MIXED "--b\r\n" CT "multipart/signed; boundary=s\r\n\r\n--s\r\n"
     CTE "7bit\r\nA: b\r\n\r\nabc\r\n--s--\r\n--b\r\n" CT "text/plain\r\n\r\n" UMLAUT "--b--\r\n",
     MIME MIXED "--b\r\n" CT "multipart/signed; boundary=s\r\n\r\n--s\r\n"
     CTE "7bit\r\nA: b\r\n\r\nabc\r\n--s--\r\n--b\r\n" CT "text/plain\r\n" CTE
     "quoted-printable\r\n\r\n" UMLAUT_Q "--b--\r\n"},
    {"a line of 998 octets", "A: b\r\n\r\n" LONG_500 LONG_100 LONG_100 LONG_100 LONG_100
     "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
     "123456789012345678\r\n", NULL},
};
// clang-format on

static void assert_converted(const struct row *r, size_t cut)
{
    struct buf got;
    const char *want = r->want ? r->want : r->message;
    bool is_broken = convert(slice_str(r->message), cut, &got);
    assert_int_equal(buf_add_byte(&got, '\0'), FP_OK);
    if (strcmp(got.p, want) != 0)
        print_error("%s, in pieces of %zu:\n%s\n", r->name, cut, got.p);
    assert_string_equal(got.p, want);
    if (is_broken != r->is_broken)
        print_error("%s: broken %d\n", r->name, is_broken);
    assert_int_equal(is_broken, r->is_broken);
    buf_close(&got);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t cut = 0; cut < 8; cut++)
            assert_converted(&rows[i], cut);
}

// ---- decoding gives the octets back --------------------------------------------------------

static uint32_t random_below(uint32_t *seed, uint32_t max)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % max;
}

// Lines of any length, dense or not with octets of any kind, always ending in CRLF.
static void make_body(uint32_t *seed, struct buf *to)
{
    static const char plain[] = "abc def=\t.-";
    uint32_t lines = random_below(seed, 8), dense = 1 + random_below(seed, 20);
    buf_init(to, 64 * 1024 * 1024);
    for (uint32_t i = 0; i < lines; i++) {
        static const uint32_t lengths[] = {3, 60, 80, 1030, 20000, 40000};
        uint32_t n = random_below(seed, lengths[random_below(seed, 6)]);
        for (uint32_t k = 0; k < n; k++) {
            char c = plain[random_below(seed, sizeof plain - 1)];
            if (random_below(seed, dense) == 0)
                c = (char)random_below(seed, 256);
            must(buf_add_byte(to, c == '\r' || c == '\n' ? 'x' : c) == FP_OK);
        }
        must(buf_add_str(to, "\r\n") == FP_OK);
    }
}

// The body of the only part, as its own header says it is to be read.
static void decode_part(struct slice part, struct buf *to)
{
    const char *blank = memmem(part.p, part.n, "\r\n\r\n", 4);
    must(blank);
    struct slice head = {part.p, (size_t)(blank - part.p)}, body = slice_from(part, head.n + 4);
    buf_init(to, 64 * 1024 * 1024);
    if (memmem(head.p, head.n, "quoted-printable", 16))
        decode_quoted(body, to);
    else if (memmem(head.p, head.n, "base64", 6))
        decode_base64(body, to);
    else
        must(buf_add_slice(to, body) == FP_OK);
}

static bool is_clean(struct slice s)
{
    size_t line = 0;
    for (size_t i = 0; i < s.n; i++) {
        line = s.p[i] == '\n' ? 0 : line + 1;
        if ((unsigned char)s.p[i] > 127 || line > 999)
            return false;
    }
    return true;
}

static void assert_undone(const struct buf *body, const char *type, bool is_part, size_t cut)
{
    struct buf message, got, decoded;
    buf_init(&message, SIZE_MAX);
    buf_addf(&message, "%s" MIME CT "%s\r\n" CTE "8bit\r\nX-More: y\r\n\r\n",
             is_part ? MIXED "--b\r\n" : "", type);
    must(buf_add_slice(&message, buf_slice(body)) == FP_OK);
    if (is_part)
        buf_addf(&message, "\r\n--b--\r\n");
    (void)convert(buf_slice(&message), cut, &got);
    assert_true(is_clean(buf_slice(&got)));
    struct slice part = buf_slice(&got);
    if (is_part) { // the last line end is the delimiter's; quoted-printable has written it
        part = slice_from(part, sizeof(MIXED "--b\r\n") - 1);
        part.n -= sizeof("--b--\r\n") - 1;
    }
    decode_part(part, &decoded);
    bool has_delimiters_end = decoded.n == body->n + 2;
    assert_true(decoded.n == body->n || (is_part && has_delimiters_end));
    assert_true(body->n == 0 || memcmp(decoded.p, body->p, body->n) == 0);
    buf_close(&message);
    buf_close(&got);
    buf_close(&decoded);
}

static void test_decoding_undoes_it(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 300; seed++) {
        uint32_t s = seed;
        struct buf body;
        make_body(&s, &body);
        size_t cut = random_below(&s, 3000);
        assert_undone(&body, seed % 2 ? "text/plain" : "image/png", seed % 3 == 0, cut);
        buf_close(&body);
    }
}

// ---- bounds --------------------------------------------------------------------------------

static void test_long_header_behind_the_encoding(void **state)
{
    (void)state;
    struct buf message, got;
    buf_init(&message, SIZE_MAX);
    buf_addf(&message, MIME CTE "8bit\r\n");
    for (int i = 0; i < 300; i++)
        buf_addf(&message, "X-%d: " LONG_500 "\r\n", i);
    buf_addf(&message, CT "text/plain\r\n\r\n" UMLAUT);
    (void)convert(buf_slice(&message), 0, &got);
    assert_null(memmem(got.p, got.n, "8bit", 4));
    assert_non_null(memmem(got.p, got.n, CTE "quoted-printable\r\n", 45));
    assert_non_null(memmem(got.p, got.n, "X-0: ", 5));
    assert_non_null(memmem(got.p, got.n, "X-299: ", 7));
    assert_non_null(memmem(got.p, got.n, UMLAUT_Q, sizeof UMLAUT_Q - 1));
    buf_close(&message);
    buf_close(&got);
}

static void test_encoding_of_enormous_length_is_left_alone(void **state)
{
    (void)state;
    struct buf message, got;
    buf_init(&message, SIZE_MAX);
    buf_addf(&message, MIME CTE "8bit");
    for (int i = 0; i < 50; i++)
        buf_addf(&message, " (" LONG_500 ")\r\n");
    buf_addf(&message, "A: b\r\n\r\n" UMLAUT);
    (void)convert(buf_slice(&message), 100, &got);
    assert_int_equal(got.n, message.n);
    assert_memory_equal(got.p, message.p, got.n);
    buf_close(&message);
    buf_close(&got);
}

static void test_levels_have_a_bound(void **state)
{
    (void)state;
    struct buf message, got;
    buf_init(&message, SIZE_MAX);
    for (int i = 0; i < CONVERT_DEPTH_MAX + 1; i++)
        buf_addf(&message, CT "multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
    buf_addf(&message, "\r\n\xFC\r\n--b0\r\n" CT "text/plain\r\n\r\n" UMLAUT);
    (void)convert(buf_slice(&message), 0, &got);
    assert_non_null(memmem(got.p, got.n, "\r\n\xFC\r\n", 5));
    assert_non_null(memmem(got.p, got.n, UMLAUT_Q, sizeof UMLAUT_Q - 1));
    buf_close(&message);
    buf_close(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_decoding_undoes_it),
        cmocka_unit_test(test_long_header_behind_the_encoding),
        cmocka_unit_test(test_encoding_of_enormous_length_is_left_alone),
        cmocka_unit_test(test_levels_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
