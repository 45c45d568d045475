// SPDX-License-Identifier: BSD-2-Clause
// Tests of bounce/status: which status codes and host names may stand in a notice.
#include "bounce/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct code_row {
    const char *status;
    enum notice_kind kind;
    const char *want;
} codes[] = {
    {"5.1.1", NOTICE_FAILED, "5.1.1"},   {"4.4.7", NOTICE_FAILED, "4.4.7"},
    {"5.1.10", NOTICE_FAILED, "5.1.10"}, {"5.100.999", NOTICE_FAILED, "5.100.999"},
    {"4.4.1", NOTICE_DELAYED, "4.4.1"},  {"5.1.1", NOTICE_DELAYED, "4.0.0"},
    {"2.0.0", NOTICE_FAILED, "5.0.0"},   {"2.0.0", NOTICE_DELAYED, "4.0.0"},
    {"", NOTICE_FAILED, "5.0.0"},        {"5", NOTICE_FAILED, "5.0.0"},
    {"5.1", NOTICE_FAILED, "5.0.0"},     {"5.1.", NOTICE_FAILED, "5.0.0"},
    {"5..1", NOTICE_FAILED, "5.0.0"},    {"5.1.1000", NOTICE_FAILED, "5.0.0"},
    {"5.1.1 ", NOTICE_FAILED, "5.0.0"},  {"5.1.1\r\nX: y", NOTICE_FAILED, "5.0.0"},
    {"55.1.1", NOTICE_FAILED, "5.0.0"},  {"4.7.1.1", NOTICE_DELAYED, "4.0.0"},
};

static void codes_have_form_and_class(void **state)
{
    (void)state;
    char text[12];
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_string_equal(status_code(codes[i].status, codes[i].kind, text), codes[i].want);
}

static const char *const hosts[][2] = {
    {"", ""},
    {"mx.example.org", "mx.example.org"},
    {"mx.example.org[192.0.2.1]:25", "mx.example.org"},
    {"192.0.2.1", "[192.0.2.1]"},
    {"2001:db8::1", "[IPv6:2001:db8::1]"},
    {"192.0.2.1[192.0.2.1]:25", "[192.0.2.1]"},
    {"[192.0.2.1]", "[192.0.2.1]"},
    {"[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
    {"[nonsense", ""},
    {"[]", ""},
    {"/run/dovecot/lmtp", ""},
    {"evil.example\r\nX-Forged: yes", ""},
    {"evil\x1b.example", ""},
};

static void hosts_are_names_or_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct buf got;
        buf_init(&got, 512);
        status_host(hosts[i][0], &got);
        assert_string_equal(buf_slice(&got).p, hosts[i][1]);
        buf_close(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_form_and_class),
        cmocka_unit_test(hosts_are_names_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
