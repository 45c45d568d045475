// SPDX-License-Identifier: BSD-2-Clause
// Which mechanism is chosen, and that no secret is shown where it must not be.
#include "deliver/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void test_offers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t want;
    } cases[] = {
        {"PLAIN LOGIN", 1u << AUTH_PLAIN | 1u << AUTH_LOGIN},
        {"plain", 1u << AUTH_PLAIN},
        {" PLAIN  LOGIN ", 1u << AUTH_PLAIN | 1u << AUTH_LOGIN},
        {"GSSAPI NTLM", 0},
        {"", 0},
        {"SCRAM-SHA-256-PLUS SCRAM-SHA-256",
         1u << AUTH_SCRAM_SHA_256_PLUS | 1u << AUTH_SCRAM_SHA_256},
        {"PLAINX XPLAIN", 0},
        {"XOAUTH2 OAUTHBEARER", 1u << AUTH_XOAUTH2 | 1u << AUTH_OAUTHBEARER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s\n", cases[i].text);
        assert_int_equal(auth_parse_offer(slice_str(cases[i].text)), cases[i].want);
    }
    for (enum auth_mechanism m = 0; m < AUTH_MECHANISM_COUNT; m++)
        assert_int_equal(auth_parse(slice_str(auth_name(m))), m);
}

#define TLS   .is_protected = true
#define BOUND .is_protected = true, .has_binding = true
#define CLEAR .permits_clear = true
#define TOKEN .is_token = true

static void test_choice(void **state)
{
    (void)state;
    static const struct {
        const char *offer;
        struct auth_wish wish; // allowed 0: all
        const char *want;      // name, or a part of why there is none
    } cases[] = {
        {"PLAIN LOGIN", {TLS}, "PLAIN"},
        {"LOGIN", {TLS}, "LOGIN"},
        {"PLAIN LOGIN", {.allowed = 0}, "without TLS"},
        {"PLAIN LOGIN", {CLEAR}, "PLAIN"},
        {"PLAIN CRAM-MD5", {.allowed = 0}, "CRAM-MD5"},
        {"PLAIN CRAM-MD5", {TLS}, "CRAM-MD5"},
        {"PLAIN SCRAM-SHA-1 SCRAM-SHA-256", {TLS}, "SCRAM-SHA-256"},
        {"SCRAM-SHA-1-PLUS SCRAM-SHA-1", {TLS}, "SCRAM-SHA-1"},
        {"SCRAM-SHA-1-PLUS SCRAM-SHA-1", {BOUND}, "SCRAM-SHA-1-PLUS"},
        {"SCRAM-SHA-1-PLUS SCRAM-SHA-256", {BOUND}, "SCRAM-SHA-256"},
        {"SCRAM-SHA-256-PLUS SCRAM-SHA-256", {BOUND}, "SCRAM-SHA-256-PLUS"},
        {"PLAIN CRAM-MD5", {TLS, .allowed = 1u << AUTH_PLAIN}, "PLAIN"},
        {"CRAM-MD5", {TLS, .allowed = 1u << AUTH_PLAIN}, "that the configuration allows"},
        {"PLAIN XOAUTH2", {TLS, TOKEN}, "XOAUTH2"},
        {"OAUTHBEARER XOAUTH2", {TLS, TOKEN}, "OAUTHBEARER"},
        {"OAUTHBEARER XOAUTH2", {TOKEN}, "without TLS"},
        {"PLAIN", {TLS, TOKEN}, "we have a token"},
        {"XOAUTH2", {TLS}, "we have a password"},
        {"", {TLS}, "offers no authentication"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct auth_wish wish = cases[i].wish;
        uint32_t offered = auth_parse_offer(slice_str(cases[i].offer));
        wish.allowed = wish.allowed ? wish.allowed : AUTH_ALL;
        enum auth_mechanism m = auth_choose(offered, &wish);
        const char *got = m == AUTH_NONE ? auth_why_none(offered, &wish) : auth_name(m);
        if (m == AUTH_NONE ? !strstr(got, cases[i].want) : strcmp(got, cases[i].want) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].offer, got, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
