// SPDX-License-Identifier: BSD-2-Clause
// The trace field, and that nothing can be added to it.
#include "receive/received.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DATE "Sun, 22 Nov 2026 00:40:00 +0100\r\n"

struct row {
    const char *name;
    struct received in;
    const char *want;
};

static const struct row rows[] = {
    {"esmtp",
     {.helo = "c.example", .ip = "192.0.2.7", .is_esmtp = true, .only_rcpt = "b@b.example"},
     "Received: from c.example ([192.0.2.7])\r\n"
     "\tby h.example (Fermoposta) with ESMTP id 00000000ABCD\r\n\tfor <b@b.example>; " DATE},
    {"smtputf8",
     {.helo = "c.example",
      .ip = "192.0.2.7",
      .is_esmtp = true,
      .is_utf8 = true,
      .only_rcpt = "b@b.example"},
     "Received: from c.example ([192.0.2.7])\r\n"
     "\tby h.example (Fermoposta) with UTF8SMTP id 00000000ABCD\r\n\tfor <b@b.example>; " DATE},
    {"smtputf8, for one beyond ASCII",
     {.helo = "c.example",
      .ip = "192.0.2.7",
      .is_esmtp = true,
      .is_utf8 = true,
      .only_rcpt = "\xc3\xb6@b.example"},
     "Received: from c.example ([192.0.2.7])\r\n"
     "\tby h.example (Fermoposta) with UTF8SMTP id 00000000ABCD; " DATE},
    {"smtp, several recipients",
     {.helo = "c.example", .ip = "192.0.2.7"},
     "Received: from c.example ([192.0.2.7])\r\n"
     "\tby h.example (Fermoposta) with SMTP id 00000000ABCD; " DATE},
    {"literal, ipv6",
     {.helo = "[IPv6:2001:db8::1]", .ip = "2001:db8::1", .is_esmtp = true},
     "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"
     "\tby h.example (Fermoposta) with ESMTP id 00000000ABCD; " DATE},
    {"a name that is none",
     {.helo = "my pc) by evil\r\nBcc: x@x.example\xff", .ip = "192.0.2.7"},
     "Received: from [192.0.2.7] (my?pc??by?evil??Bcc:?x?x.example?)\r\n"
     "\tby h.example (Fermoposta) with SMTP id 00000000ABCD; " DATE},
    {"no name",
     {.helo = "", .ip = "192.0.2.7"},
     "Received: from [192.0.2.7] (unnamed)\r\n"
     "\tby h.example (Fermoposta) with SMTP id 00000000ABCD; " DATE},
    {"local",
     {.helo = "x", .ip = "", .uid = 1000, .user_name = "al", .only_rcpt = "b@b.example"},
     "Received: by h.example (Fermoposta, from userid 1000, al)\r\n"
     "\tid 00000000ABCD; " DATE},
    {"local, strange name",
     {.helo = "", .ip = "", .uid = 0, .user_name = "al)\r\nx: y"},
     "Received: by h.example (Fermoposta, from userid 0, al???x:?y)\r\n"
     "\tid 00000000ABCD; " DATE},
    {"local, unknown",
     {.helo = "", .ip = "", .uid = -1, .user_name = ""},
     "Received: by h.example (Fermoposta)\r\n\tid 00000000ABCD; " DATE},
};

static void test_received(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct received r = rows[i].in;
        struct buf to;
        buf_init(&to, 4096);
        r.hostname = "h.example";
        r.id = 0xabcd;
        r.now_ms = 1795304400000;
        r.utc_offset_s = 3600;
        if (!r.user_name)
            r.user_name = "";
        received_write(&r, &to);
        if (strcmp(to.p, rows[i].want))
            print_message("in \"%s\"\n", rows[i].name);
        assert_string_equal(to.p, rows[i].want);
        buf_close(&to);
    }
}

// RFC 5322 2.1.1: no line beyond 998 octets, whatever the client says.
static void test_longest(void **state)
{
    char name[256];
    struct buf to;
    size_t longest = 0;
    (void)state;
    memset(name, 'a', 255);
    name[255] = '\0';
    struct received r = {.helo = name,
                         .ip = "2001:0db8:1111:2222:3333:4444:5555:6666",
                         .hostname = name,
                         .user_name = "",
                         .only_rcpt = name};
    buf_init(&to, 4096);
    received_write(&r, &to);
    for (const char *p = to.p, *lf; (lf = strchr(p, '\n')); p = lf + 1)
        if ((size_t)(lf - p) > longest)
            longest = (size_t)(lf - p);
    assert_in_range(longest, 100, 998);
    buf_close(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_received),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
