// SPDX-License-Identifier: BSD-2-Clause
// Each mechanism against the server's half of libgsasl, in memory.
#include "io/sasl_sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <gsasl.h>

static const char user[] = "ann", password[] = "s3cret pass";
static const char binding[] = "0123456789abcdef0123456789abcdef";

// What the server knows of its users.
static int answer(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
    (void)library;
    switch (property) {
    case GSASL_PASSWORD:
        gsasl_property_set(session, property, password);
        return GSASL_OK;
    case GSASL_VALIDATE_SIMPLE: {
        const char *who = gsasl_property_fast(session, GSASL_AUTHID);
        const char *what = gsasl_property_fast(session, GSASL_PASSWORD);
        return who && what && strcmp(who, user) == 0 && strcmp(what, password) == 0
                   ? GSASL_OK
                   : GSASL_AUTHENTICATION_ERROR;
    }
    case GSASL_CB_TLS_EXPORTER: {
        char *text = NULL;
        size_t n;
        gsasl_base64_to(binding, sizeof binding - 1, &text, &n);
        gsasl_property_set(session, property, text);
        gsasl_free(text);
        return GSASL_OK;
    }
    default:
        return GSASL_NO_CALLBACK;
    }
}

// Both halves talk until one has had enough. True: both are content.
static bool talk(const char *mechanism, const char *secret, const char *bound)
{
    struct sasl_identity id = {.mechanism = mechanism,
                               .user = user,
                               .secret = secret,
                               .host = "smtp.example.org",
                               .port = 587,
                               .binding = slice_str(bound)};
    Gsasl *library = NULL;
    Gsasl_session *server = NULL;
    struct sasl *s = NULL;
    struct buf why, response;
    buf_init(&why, 1000);
    buf_init(&response, 10000);
    assert_int_equal(gsasl_init(&library), GSASL_OK);
    gsasl_callback_set(library, answer);
    assert_int_equal(gsasl_server_start(library, mechanism, &server), GSASL_OK);
    assert_int_equal(sasl_new(&id, &s, &why), FP_OK);
    char *challenge = NULL;
    int rc = GSASL_NEEDS_MORE;
    enum fp_err err = FP_OK;
    // LOGIN and CRAM-MD5 begin with the server's word.
    bool is_servers_turn = strcmp(mechanism, "LOGIN") == 0 || strcmp(mechanism, "CRAM-MD5") == 0;
    if (is_servers_turn)
        rc = gsasl_step64(server, "", &challenge);
    for (int i = 0; i < 10 && rc == GSASL_NEEDS_MORE && !err; i++) {
        buf_reset(&response);
        err = sasl_step(s, slice_str(challenge), &response);
        gsasl_free(challenge);
        challenge = NULL;
        if (!err)
            rc = gsasl_step64(server, response.p ? response.p : "", &challenge);
    }
    if (rc == GSASL_OK && !err && challenge && challenge[0]) // what comes with the 235
        err = sasl_step(s, slice_str(challenge), &response);
    bool is_content = rc == GSASL_OK && !err && sasl_is_complete(s);
    gsasl_free(challenge);
    gsasl_finish(server);
    gsasl_done(library);
    sasl_free(s);
    buf_close(&why);
    buf_close(&response);
    return is_content;
}

static void test_mechanisms(void **state)
{
    (void)state;
    static const char *const names[] = {"PLAIN",       "LOGIN",         "CRAM-MD5",
                                        "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool is_plus = strstr(names[i], "-PLUS") != NULL;
        print_message("%s\n", names[i]);
        assert_true(talk(names[i], password, is_plus ? binding : NULL));
        assert_false(talk(names[i], "s3cret", is_plus ? binding : NULL));
    }
    assert_false(talk("SCRAM-SHA-256-PLUS", password, "another connection's channel binding!!"));
}

static void test_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism, *response, *behind_an_error;
    } cases[] = {
        {"XOAUTH2", "dXNlcj1hbm4BYXV0aD1CZWFyZXIgdG9rZW4BAQ==", ""},
        {"OAUTHBEARER",
         "bixhPWFubiwBaG9zdD1zbXRwLmV4YW1wbGUub3JnAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHRva2VuAQE=",
         "AQ=="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sasl_identity id = {.mechanism = cases[i].mechanism,
                                   .user = user,
                                   .secret = "token",
                                   .host = "smtp.example.org",
                                   .port = 587};
        struct sasl *s = NULL;
        struct buf why, response;
        buf_init(&why, 1000);
        buf_init(&response, 10000);
        assert_int_equal(sasl_new(&id, &s, &why), FP_OK);
        assert_int_equal(sasl_step(s, SLICE_LIT(""), &response), FP_OK);
        assert_string_equal(response.p, cases[i].response);
        buf_reset(&response);
        assert_int_equal(sasl_step(s, SLICE_LIT("eyJzdGF0dXMiOiI0MDEifQ=="), &response), FP_OK);
        assert_true(slice_equal(buf_slice(&response), slice_str(cases[i].behind_an_error)));
        sasl_free(s);
        buf_close(&why);
        buf_close(&response);
    }
}

static void test_bad_input(void **state)
{
    (void)state;
    static const struct sasl_identity cases[] = {
        {.mechanism = "NO-SUCH", .user = user, .secret = password, .host = "h"},
        {.mechanism = "XOAUTH2", .user = "a\001b", .secret = "token", .host = "h"},
        {.mechanism = "OAUTHBEARER", .user = "a", .secret = "tok\001en", .host = "h"},
        {.mechanism = "PLAIN", .user = "a\nb", .secret = "x", .host = "h"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sasl *s = NULL;
        struct buf why;
        buf_init(&why, 1000);
        assert_int_equal(sasl_new(&cases[i], &s, &why), FP_INVALID);
        assert_true(why.n > 0);
        assert_null(s);
        buf_close(&why);
    }
    struct sasl_identity id = {
        .mechanism = "SCRAM-SHA-256", .user = user, .secret = password, .host = "h"};
    struct sasl *s = NULL;
    struct buf text;
    buf_init(&text, 10000);
    assert_int_equal(sasl_new(&id, &s, &text), FP_OK);
    assert_int_equal(sasl_step(s, SLICE_LIT(""), &text), FP_OK);
    assert_int_not_equal(sasl_step(s, SLICE_LIT("no base64!"), &text), FP_OK);
    assert_false(sasl_is_complete(s));
    sasl_free(s);
    sasl_free(NULL);
    buf_close(&text);
}

// The server's first message of SCRAM is made up around the client's nonce.
static enum fp_err step_with(struct slice behind_nonce)
{
    struct sasl_identity id = {
        .mechanism = "SCRAM-SHA-1", .user = user, .secret = password, .host = "h"};
    struct sasl *s = NULL;
    struct buf text, challenge;
    char *plain = NULL, *coded = NULL;
    size_t n;
    buf_init(&text, 10000);
    buf_init(&challenge, 10000);
    assert_int_equal(sasl_new(&id, &s, &text), FP_OK);
    assert_int_equal(sasl_step(s, SLICE_LIT(""), &text), FP_OK);
    assert_int_equal(gsasl_base64_from(text.p, text.n, &plain, &n), GSASL_OK);
    buf_addf(&challenge, "r=%.*s", (int)(n - 11), plain + 11);
    buf_add_slice(&challenge, behind_nonce);
    assert_int_equal(gsasl_base64_to(challenge.p, challenge.n, &coded, &n), GSASL_OK);
    buf_reset(&text);
    enum fp_err err = sasl_step(s, slice_of(coded, n), &text);
    gsasl_free(plain);
    gsasl_free(coded);
    sasl_free(s);
    buf_close(&text);
    buf_close(&challenge);
    return err;
}

static enum fp_err step_with_iterations(const char *iterations)
{
    char text[100];
    snprintf(text, sizeof text, "more,s=c2FsdHNhbHQ=,i=%s", iterations);
    return step_with(slice_str(text));
}

// A server may ask for work, but not for hours of it.
static void test_iterations(void **state)
{
    (void)state;
    assert_int_equal(step_with_iterations("4096"), FP_OK);
    assert_int_equal(step_with_iterations("1000000"), FP_OK);
    static const char *const bad[] = {
        "1000001", "2147483647", "99999999999999999999", "0", "-1", "x", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(step_with_iterations(bad[i]), FP_INVALID);
    // The library reads on behind a NUL.
    assert_int_equal(step_with(SLICE_LIT("\0more,s=c2FsdHNhbHQ=,i=9000000")), FP_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mechanisms),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_iterations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
