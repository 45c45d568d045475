// SPDX-License-Identifier: BSD-2-Clause
// Tests of bounce/compose: whole notices against tests/golden/notice-*.eml, and what must hold for
// every notice, whatever the original and the peers said. Parsers of other projects judge the same
// files where they are at hand (cases.cmake).
#include "bounce/compose.h"
#include "core/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/golden.h"

// 2026-11-21T18:40:00Z and hours after
#define ARRIVED INT64_C(1795286400000)
enum { ADDRESS_SIZE = 254 };
#define HOUR INT64_C(3600000)

static const char header[] = "Received: by mail.example.org; Sat, 21 Nov 2026 19:40:00 +0100\r\n"
                             "From: Alice <alice@example.org>\r\n"
                             "To: nobody@dest.example\r\n"
                             "Subject: monthly report\r\n"
                             "Message-ID: <1@client.example.org>\r\n"
                             "Date: Sat, 21 Nov 2026 19:39:58 +0100\r\n"
                             "\r\n";
static const char full_8bit[] = "From: Alice <alice@example.org>\r\n"
                                "To: nobody@dest.example\r\n"
                                "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
                                "Message-ID: <3@client.example.org>\r\n"
                                "References: <1@client.example.org> <2@client.example.org>\r\n"
                                "Content-Type: text/plain; charset=utf-8\r\n"
                                "Content-Transfer-Encoding: 8bit\r\n"
                                "\r\n"
                                "Sch\xc3\xb6ne Gr\xc3\xbc\xc3\x9f"
                                "e!\r\n"
                                ".\r\n"
                                "--\r\nAlice\r\n";
static const char header_8bit[] = "From: M\xc3\xbcller <alice@example.org>\r\n"
                                  "Subject: caf\xc3\xa9\r\n"
                                  "Message-ID: no brackets\r\n";
static const char notice_header[] =
    "From: Mail Delivery System <MAILER-DAEMON@mail.example.org>\r\n"
    "To: forged@nowhere.example\r\n"
    "Subject: Undelivered mail returned to sender\r\n"
    "Message-ID: <0A1B2C3D4E5F.notice@mail.example.org>\r\n\r\n";

static const struct notice_recipient refused[] = {
    {.address = "nobody@dest.example",
     .status = "5.1.1",
     .text = "550 5.1.1 <nobody@dest.example>: Recipient address rejected: User unknown in local "
             "recipient table",
     .text_is_reply = true,
     .host = "mx.dest.example",
     .last_attempt_ms = ARRIVED + 2000},
};
static const struct notice_recipient several[] = {
    {.address = "full@dest.example",
     .status = "5.2.2",
     .text = "552 5.2.2 Mailbox is full",
     .text_is_reply = true,
     .host = "mx.dest.example[192.0.2.25]:25",
     .last_attempt_ms = ARRIVED + 2000},
    {.address = "old@slow.example",
     .status = "4.4.7",
     .text = "connect to mx.slow.example[192.0.2.26]:25: Connection timed out",
     .host = "",
     .last_attempt_ms = ARRIVED + 119 * HOUR,
     .expired = true},
    {.address = "who@gone.example",
     .status = "5.1.2",
     .text = "the domain gone.example does not exist",
     .host = "",
     .last_attempt_ms = ARRIVED + 3000},
    {.address = "late@busy.example",
     .status = "4.4.7",
     .text = "451 4.7.1 Try again later",
     .text_is_reply = true,
     .host = "2001:db8::25",
     .last_attempt_ms = ARRIVED + 119 * HOUR,
     .expired = true,
     .in_doubt = true},
};
static const struct notice_recipient late[] = {
    {.address = "slow@dest.example",
     .status = "4.4.1",
     .text = "connect to mx.dest.example[192.0.2.25]:25: Connection timed out",
     .host = "",
     .last_attempt_ms = ARRIVED + 4 * HOUR - 300000,
     .next_attempt_ms = ARRIVED + 4 * HOUR + 1500000,
     .expires_ms = ARRIVED + 120 * HOUR},
    {.address = "grey@other.example",
     .status = "4.7.1",
     .text = "451 4.7.1 Greylisted, come back in 5 minutes",
     .text_is_reply = true,
     .host = "mx.other.example",
     .last_attempt_ms = ARRIVED + 4 * HOUR - 200000,
     .next_attempt_ms = ARRIVED + 4 * HOUR + 100000,
     .expires_ms = ARRIVED + 120 * HOUR,
     .in_doubt = true},
};
static const struct notice_recipient hostile[] = {
    {.address = "\"odd,name\"@dest.example",
     .status = "5.7.1",
     .text = "550 \x1b]52;c;ZXZpbA==\x07 \xc2\x9b"
             "2J \xe2\x80\xae txet \xff\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822; "
             "x@y.example",
     .text_is_reply = true,
     .host = "evil\r\nX-Forged: yes.example",
     .last_attempt_ms = ARRIVED + 2000},
    {.address = "\xe7\x94\xa8\xe6\x88\xb7@dest.example",
     .status = "5.1.1000",
     .text = "no code at all   and    blanks",
     .text_is_reply = true,
     .host = "lmtp:/run/dovecot/lmtp",
     .last_attempt_ms = ARRIVED + 2000},
    {.address = "c@dest.example", .status = "", .text = "", .host = "192.0.2.9"},
};
static const struct notice_recipient postmaster_rcpt[] = {
    {.address = "forged@nowhere.example",
     .status = "5.1.2",
     .text = "the domain nowhere.example does not exist",
     .host = "",
     .last_attempt_ms = ARRIVED + 4000},
};

static struct notice notice_of(enum notice_kind kind, const struct notice_recipient *rcpts,
                               size_t count, struct slice original)
{
    return (struct notice){
        .kind = kind,
        .id = 0x0A1B2C3D4E60,
        .original_id = 0x0A1B2C3D4E5F,
        .hostname = "mail.example.org",
        .sender = "alice@example.org",
        .postmaster = "postmaster@example.org",
        .arrival_ms = ARRIVED,
        .now_ms = kind == NOTICE_DELAYED ? ARRIVED + 4 * HOUR : ARRIVED + 2500,
        .utc_offset_s = 3600,
        .rcpts = rcpts,
        .rcpt_count = (uint32_t)count,
        .original = original,
        .seed = 0x1234,
    };
}

#define NOTICE(kind, rcpts, original)                                                              \
    notice_of(kind, rcpts, sizeof rcpts / sizeof rcpts[0], original)

static void compare(const char *name, const struct notice *n, bool want_8bit)
{
    struct buf got;
    bool is_8bit = !want_8bit;
    buf_init(&got, COMPOSE_SIZE_MAX);
    assert_int_equal(compose_notice(n, &got, &is_8bit), FP_OK);
    assert_int_equal(is_8bit, want_8bit);
    golden_check(name, buf_slice(&got));
    buf_close(&got);
}

static void one_refused(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_FAILED, refused, slice_str(header));
    compare("notice-failed.eml", &n, false);
}

static void several_causes(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_FAILED, several, slice_str(header));
    n.now_ms = ARRIVED + 120 * HOUR;
    compare("notice-failed-several.eml", &n, false);
}

static void delayed(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_DELAYED, late, slice_str(header));
    compare("notice-delayed.eml", &n, false);
}

static const struct notice_recipient arrived[] = {
    {.address = "here@dest.example",
     .status = "2.0.0",
     .text = "250 2.0.0 delivered",
     .text_is_reply = true,
     .host = "mailbox.dest.example[192.0.2.7]:24",
     .orcpt = "rfc822;Alias+2Bof@old.example",
     .last_attempt_ms = ARRIVED + 2000},
    {.address = "there@dest.example",
     .status = "2.1.5",
     .text = "250 queued",
     .text_is_reply = true,
     .host = "mx.dest.example[192.0.2.8]:25",
     .is_relayed = true,
     .last_attempt_ms = ARRIVED + 2000},
};

static void arrival(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_ARRIVED, arrived, slice_str(header));
    n.envid = "Q+2B1";
    compare("notice-arrived.eml", &n, false);
}

static void full_message(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_FAILED, refused, slice_str(full_8bit));
    n.ret = RETURN_FULL;
    n.original_is_full = n.original_is_8bit = true;
    compare("notice-failed-full.eml", &n, true);
}

static void hostile_peers(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_FAILED, hostile, slice_str(header_8bit));
    n.hostname = "mailhost"; // not fully qualified
    n.utc_offset_s = -12600;
    compare("notice-failed-hostile.eml", &n, true);
}

// RFC 6533: the sender's mail was internationalised.
static void beyond_ascii(void **state)
{
    (void)state;
    static const struct notice_recipient rcpts[] = {
        {.address = "j\xc3\xbcrgen@dest.example",
         .status = "5.6.7",
         .text = "the recipient's address is beyond ASCII",
         .host = "",
         .orcpt = "utf-8;\\x{4F8B}@old.example",
         .last_attempt_ms = ARRIVED + 2000},
        {.address = "bob@dest.example",
         .status = "5.1.1",
         .text = "550 5.1.1 no \xc3\xbc",
         .text_is_reply = true,
         .host = "mx.dest.example",
         .orcpt = "rfc822;Bob+2Bx@old.example"}};
    struct notice n = NOTICE(NOTICE_FAILED, rcpts, slice_str(header_8bit));
    n.sender = "al\xc3\xaf@example.org";
    n.is_utf8 = true;
    compare("notice-failed-utf8.eml", &n, true);
    n.is_utf8 = false; // an address of that form does not make it so
    compare("notice-failed-utf8-quiet.eml", &n, true);
}

static void to_the_postmaster(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_FAILED, postmaster_rcpt, slice_str(notice_header));
    n.to_postmaster = true;
    n.sender = "postmaster@example.org";
    compare("notice-postmaster.eml", &n, false);
}

static void without_original(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_FAILED, refused, slice_str(header));
    n.ret = RETURN_NONE;
    compare("notice-failed-none.eml", &n, false);
}

// --- properties ---

static void compose(const struct notice *n, struct buf *to)
{
    bool is_8bit;
    buf_init(to, COMPOSE_SIZE_MAX + n->original.n);
    assert_int_equal(compose_notice(n, to, &is_8bit), FP_OK);
}

// Lines end in CRLF, none is above 998 octets, and no NUL stands in it (RFC 5322 2.1.1, 2.3).
static void assert_sound(struct slice s)
{
    size_t column = 0;
    for (size_t i = 0; i < s.n; i++) {
        assert_int_not_equal(s.p[i], '\0');
        if (s.p[i] == '\r') {
            assert_true(i + 1 < s.n && s.p[i + 1] == '\n');
        } else if (s.p[i] == '\n') {
            assert_true(i > 0 && s.p[i - 1] == '\r');
            column = 0;
        } else {
            assert_true(++column <= 998);
        }
    }
    assert_true(s.n > 2 && s.p[s.n - 1] == '\n');
}

static size_t count_of(const struct buf *b, const char *text)
{
    size_t count = 0;
    for (const char *p = b->p; (p = strstr(p, text)); p += strlen(text))
        count++;
    return count;
}

static void original_that_knows_the_boundary(void **state)
{
    (void)state;
    static const char trap[] =
        "Subject: x\r\nX-Trap: fermoposta=_0A1B2C3D4E60.0000000000001234\r\n\r\n";
    struct notice n = NOTICE(NOTICE_FAILED, refused, slice_str(trap));
    struct buf got;
    compose(&n, &got);
    assert_int_equal(count_of(&got, "fermoposta=_0A1B2C3D4E60.0000000000001234"), 1);
    assert_int_equal(count_of(&got, "\r\n--fermoposta=_0A1B2C3D4E60.0000000000001235"), 4);
    buf_close(&got);
}

static void unclean_full_message_goes_back_as_headers(void **state)
{
    (void)state;
    static const char nul[] = "Subject: x\0y\r\n\r\nbody\0\r\n";
    static const char bare[] = "Subject: x\r\nX-A: b\rc\nX-D: e\r\n\r\nbody\nbody\r\n";
    char *longline = must_alloc(4000);
    memcpy(longline, "Subject: ", 9);
    memset(longline + 9, 'x', 3000);
    memcpy(longline + 3009, "\r\n\r\nbody\r\n", 10);
    const struct slice originals[] = {slice_of(nul, sizeof nul - 1), slice_str(bare),
                                      slice_of(longline, 3019)};
    for (size_t i = 0; i < 3; i++) {
        struct notice n = NOTICE(NOTICE_FAILED, refused, originals[i]);
        struct buf got;
        n.ret = RETURN_FULL;
        n.original_is_full = true;
        compose(&n, &got);
        assert_sound(buf_slice(&got));
        assert_int_equal(count_of(&got, "Content-Type: text/rfc822-headers"), 1);
        assert_int_equal(count_of(&got, "\nbody"), 0);
        buf_close(&got);
    }
    free(longline);
}

// The worst that a thousand recipients can bring stays within what the header promises.
static void many_hostile_recipients_fit(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    char text[512], address[255];
    struct notice_recipient *rcpts = must_zalloc(MANY * sizeof *rcpts);
    struct buf got;
    memset(text, 0x9b, sizeof text - 1);
    memcpy(text, "550 ", 4);
    text[sizeof text - 1] = '\0';
    memset(address, 0x9b, sizeof address - 1);
    address[sizeof address - 1] = '\0';
    for (size_t i = 0; i < MANY; i++)
        rcpts[i] = (struct notice_recipient){.address = address,
                                             .status = "5.0.0",
                                             .text = text,
                                             .text_is_reply = true,
                                             .host = "mx.dest.example",
                                             .last_attempt_ms = ARRIVED};
    struct notice n = notice_of(NOTICE_FAILED, rcpts, MANY, slice_str(header));
    compose(&n, &got);
    assert_sound(buf_slice(&got));
    assert_int_equal(count_of(&got, "\r\nFinal-Recipient: rfc822; "), MANY);
    assert_int_equal(count_of(&got, "... and 900 more recipients."), 1);
    buf_close(&got);
    free(rcpts);
}

static void too_small_a_buffer_stays_as_it_was(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_FAILED, refused, slice_str(header));
    bool is_8bit;
    for (size_t max = 4; max < 1000; max += 37) {
        struct buf got;
        buf_init(&got, max);
        buf_add_str(&got, "here");
        assert_int_equal(compose_notice(&n, &got, &is_8bit), FP_TOO_BIG);
        assert_int_equal(got.n, 4);
        assert_string_equal(got.p, "here");
        buf_close(&got);
    }
}

// With less room the notice says less, and it is whole at every size.
static void notices_shrink_to_their_room(void **state)
{
    (void)state;
    enum { MANY = 1000, BODY = 40000 };
    char address[255], text[512];
    struct notice_recipient *rcpts = must_zalloc(MANY * sizeof *rcpts);
    char *original = must_alloc(BODY);
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "550 ", 4);
    text[sizeof text - 1] = '\0';
    memset(address, 'a', sizeof address - 1);
    address[sizeof address - 1] = '\0';
    for (size_t i = 0; i < MANY; i++)
        rcpts[i] = (struct notice_recipient){.address = address,
                                             .status = "5.0.0",
                                             .text = text,
                                             .text_is_reply = true,
                                             .host = "mx.dest.example"};
    memcpy(original, "Subject: x\r\n\r\n", 14);
    for (size_t i = 14; i + 2 <= BODY; i += 2)
        memcpy(original + i, i % 70 ? "bb" : "\r\n", 2);
    memcpy(original + BODY - 2, "\r\n", 2);
    struct notice n = notice_of(NOTICE_FAILED, rcpts, MANY, slice_of(original, BODY));
    n.ret = RETURN_FULL;
    n.original_is_full = true;
    size_t last = SIZE_MAX, sizes[] = {COMPOSE_SIZE_MAX, 850000, 700000,          500000,
                                       256 * 1024,       100000, COMPOSE_SIZE_MIN};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf got;
        bool is_8bit;
        buf_init(&got, sizes[i]);
        assert_int_equal(compose_notice(&n, &got, &is_8bit), FP_OK);
        assert_sound(buf_slice(&got));
        assert_true(got.n <= last);
        last = got.n;
        size_t named = count_of(&got, "\r\nFinal-Recipient: ");
        assert_true(named > 0);
        assert_int_equal(count_of(&got, "recipients more than this notice has room to name"),
                         named < MANY);
        assert_int_equal(count_of(&got, "Content-Type: message/rfc822\r\n"), i == 0);
        buf_close(&got);
    }
    free(rcpts);
    free(original);
}

static void the_least_room_is_enough_for_the_worst(void **state)
{
    (void)state;
    char address[255], text[2048], host[64];
    struct notice_recipient r = {.address = address,
                                 .status = "x",
                                 .text = text,
                                 .host = host,
                                 .text_is_reply = true,
                                 .expired = true,
                                 .in_doubt = true};
    memset(address, 0x9b, sizeof address);
    memset(text, 0x9b, sizeof text);
    memset(host, 0x9b, sizeof host);
    address[254] = text[2047] = host[63] = '\0';
    struct notice n = notice_of(NOTICE_DELAYED, &r, 1, slice_str(header));
    struct buf got;
    bool is_8bit;
    buf_init(&got, COMPOSE_SIZE_MIN);
    assert_int_equal(compose_notice(&n, &got, &is_8bit), FP_OK);
    buf_close(&got);
}

static void long_thread_keeps_its_ends(void **state)
{
    (void)state;
    struct buf original, got;
    buf_init(&original, 64 * 1024);
    buf_add_str(&original, "Message-ID: <last@x>\r\nReferences:");
    for (int i = 0; i < 200; i++)
        buf_addf(&original, " <ref%d@x>", i);
    buf_add_str(&original, "\r\n\r\n");
    struct notice n = NOTICE(NOTICE_FAILED, refused, buf_slice(&original));
    n.ret = RETURN_NONE;
    compose(&n, &got);
    assert_int_equal(count_of(&got, "<ref0@x>"), 1);
    assert_int_equal(count_of(&got, "<ref1@x>"), 0);
    assert_int_equal(count_of(&got, "<ref180@x>"), 0);
    assert_int_equal(count_of(&got, "<ref181@x>"), 1);
    assert_int_equal(count_of(&got, "<ref199@x> <last@x>\r\n") +
                         count_of(&got, "<ref199@x>\r\n    <last@x>\r\n"),
                     1);
    assert_int_equal(count_of(&got, "In-Reply-To: <last@x>\r\n"), 1);
    buf_close(&original);
    buf_close(&got);
}

static void sender_beyond_ascii_is_not_in_the_header(void **state)
{
    (void)state;
    struct notice n = NOTICE(NOTICE_FAILED, refused, slice_str(header));
    struct buf got;
    n.sender = "\xc3\xbc@example.org";
    compose(&n, &got);
    assert_int_equal(count_of(&got, "\r\nTo: undisclosed-recipients:;\r\n"), 1);
    buf_close(&got);
}

// Blanks within a quoted local part are part of the address, and a long one must not pass 998
// octets.
static void addresses_are_kept_exactly(void **state)
{
    (void)state;
    char address[ADDRESS_SIZE + 1];
    struct notice_recipient rcpts[] = {
        {.address = "\"odd  name, x\"@dest.example", .status = "5.1.3", .text = "", .host = ""},
        {.address = address, .status = "5.1.3", .text = "", .host = ""},
    };
    memset(address, 0xfc, ADDRESS_SIZE);
    address[ADDRESS_SIZE] = '\0';
    struct notice n = NOTICE(NOTICE_FAILED, rcpts, slice_str(header));
    struct buf got;
    compose(&n, &got);
    assert_sound(buf_slice(&got));
    assert_int_equal(count_of(&got, "Final-Recipient: rfc822; \"odd  name, x\"@dest.example\r\n"),
                     1);
    assert_true(count_of(&got, "\\xfc") >= 2 * ADDRESS_SIZE - 1); // one may be cut in two
    buf_close(&got);
}

// Bytes that favour what breaks messages, from a fixed seed: the same run each time.
static void fill_with_trouble(uint64_t *seed, char *text, size_t size, bool has_nul)
{
    static const char trouble[] = "\r\n\n\r \t:;<>@\"\\[].--=_ab\x1b\x7f\x9b\xc2\xe2\x80\xae\xff";
    for (size_t i = 0; i < size; i++) {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t at = (size_t)(*seed >> 33) % (sizeof trouble - (has_nul ? 0 : 1));
        text[i] = trouble[at];
    }
}

static void no_stranger_makes_it_unsound(void **state)
{
    (void)state;
    uint64_t seed = 42;
    char original[3000], text[200], host[40], address[60], sender[40];
    for (int round = 0; round < 2000; round++) {
        struct notice_recipient r = {.address = address,
                                     .status = text,
                                     .text = text,
                                     .host = host,
                                     .text_is_reply = round % 2,
                                     .expired = round % 3 == 0,
                                     .in_doubt = round % 5 == 0};
        struct notice n = notice_of(round % 2 ? NOTICE_FAILED : NOTICE_DELAYED, &r, 1,
                                    slice_of(original, (size_t)round));
        struct buf got;
        fill_with_trouble(&seed, original, sizeof original, true);
        fill_with_trouble(&seed, text, sizeof text, false);
        fill_with_trouble(&seed, host, sizeof host, false);
        fill_with_trouble(&seed, address, sizeof address, false);
        fill_with_trouble(&seed, sender, sizeof sender, false);
        if (round % 7 == 0)
            memcpy(text, "550", 3);
        text[sizeof text - 1] = host[sizeof host - 1] = address[sizeof address - 1] =
            sender[sizeof sender - 1] = '\0';
        n.sender = sender;
        n.ret = round % 4 ? RETURN_HEADERS : RETURN_FULL;
        n.original_is_full = round % 4 == 0;
        compose(&n, &got);
        assert_sound(buf_slice(&got));
        assert_int_equal(count_of(&got, "\r\nFinal-Recipient: rfc822; "), 1);
        assert_int_equal(count_of(&got, "\r\nAction: "), 1);
        buf_close(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_refused),
        cmocka_unit_test(several_causes),
        cmocka_unit_test(delayed),
        cmocka_unit_test(arrival),
        cmocka_unit_test(full_message),
        cmocka_unit_test(hostile_peers),
        cmocka_unit_test(beyond_ascii),
        cmocka_unit_test(to_the_postmaster),
        cmocka_unit_test(without_original),
        cmocka_unit_test(original_that_knows_the_boundary),
        cmocka_unit_test(unclean_full_message_goes_back_as_headers),
        cmocka_unit_test(many_hostile_recipients_fit),
        cmocka_unit_test(too_small_a_buffer_stays_as_it_was),
        cmocka_unit_test(notices_shrink_to_their_room),
        cmocka_unit_test(the_least_room_is_enough_for_the_worst),
        cmocka_unit_test(long_thread_keeps_its_ends),
        cmocka_unit_test(no_stranger_makes_it_unsound),
        cmocka_unit_test(addresses_are_kept_exactly),
        cmocka_unit_test(sender_beyond_ascii_is_not_in_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
