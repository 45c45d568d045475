// SPDX-License-Identifier: BSD-2-Clause
// sasl: see sasl_sasl.h. The two mechanisms for tokens are ours: libgsasl does not have them.
#include "io/sasl_sasl.h"

#include "core/must.h"

#include <gsasl.h>
#include <stdlib.h>

struct sasl {
    Gsasl *library; // NULL for tokens
    Gsasl_session *session;
    char *token_response; // the initial response for a token, base64; NULL once it was said
    char error_answer[8]; // what is said to the error challenge of a token mechanism
    bool is_token;
    bool is_deaf; // LOGIN: what the server asks is no part of it, and not always base64
    bool is_scram;
    bool is_complete;
};

enum { ITERATIONS_DIGITS = 9 }; // which no number of them needs

static void wipe(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

static bool is_speakable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

// ---- bearer tokens -------------------------------------------------------------------------

static char *base64_of(struct buf *plain)
{
    char *out = NULL;
    size_t n = 0;
    must(gsasl_base64_to(plain->p, plain->n, &out, &n) == GSASL_OK);
    explicit_bzero(plain->p, plain->n);
    return out;
}

// RFC 7628 3.1; the other as documented by its makers. 0x01 separates.
static void begin_token(struct sasl *s, const struct sasl_identity *id)
{
    struct buf plain;
    buf_init(&plain, SIZE_MAX);
    bool is_bearer = strcmp(id->mechanism, "OAUTHBEARER") == 0;
    if (is_bearer)
        buf_addf(&plain, "n,a=%s,\001host=%s\001port=%u\001auth=Bearer %s\001\001", id->user,
                 id->host, id->port, id->secret);
    else
        buf_addf(&plain, "user=%s\001auth=Bearer %s\001\001", id->user, id->secret);
    s->is_token = true;
    s->token_response = base64_of(&plain);
    // RFC 7628 3.2.3: the error is answered by a lone 0x01; the other wants an empty line.
    snprintf(s->error_answer, sizeof s->error_answer, "%s", is_bearer ? "AQ==" : "");
    buf_close(&plain);
}

static enum fp_err step_token(struct sasl *s, struct buf *to)
{
    if (!s->token_response) // a challenge behind the token is the error, as JSON
        return buf_add_str(to, s->error_answer);
    enum fp_err err = buf_add_str(to, s->token_response);
    wipe(s->token_response);
    s->token_response = NULL;
    s->is_complete = true;
    return err;
}

// ---- the others ----------------------------------------------------------------------------

static enum fp_err begin_library(struct sasl *s, const struct sasl_identity *id, struct buf *why)
{
    must(gsasl_init(&s->library) == GSASL_OK);
    int rc = gsasl_client_start(s->library, id->mechanism, &s->session);
    if (rc != GSASL_OK) {
        buf_addf(why, "no SASL mechanism %s: %s", id->mechanism, gsasl_strerror(rc));
        return FP_INVALID;
    }
    s->is_scram = strncmp(id->mechanism, "SCRAM-", 6) == 0;
    s->is_deaf = strcmp(id->mechanism, "LOGIN") == 0;
    gsasl_property_set(s->session, GSASL_AUTHID, id->user);
    gsasl_property_set(s->session, GSASL_PASSWORD, id->secret);
    gsasl_property_set(s->session, GSASL_SERVICE, "smtp");
    gsasl_property_set(s->session, GSASL_HOSTNAME, id->host);
    if (id->binding.n > 0) {
        char *text = NULL;
        size_t n = 0;
        must(gsasl_base64_to(id->binding.p, id->binding.n, &text, &n) == GSASL_OK);
        gsasl_property_set(s->session, id->is_unique ? GSASL_CB_TLS_UNIQUE : GSASL_CB_TLS_EXPORTER,
                           text);
        gsasl_free(text);
    }
    return FP_OK;
}

// "r=NONCE,s=SALT,i=ITERATIONS" (RFC 5802 5.1) says how much work the answer is.
static bool is_modest(const char *text)
{
    const char *at = strstr(text, ",i=");
    if (strncmp(text, "r=", 2) != 0 || !at)
        return true; // another message, or none: the library's business
    size_t digits = strspn(at + 3, "0123456789");
    return digits > 0 && digits <= ITERATIONS_DIGITS &&
           strtoul(at + 3, NULL, 10) <= SASL_ITERATIONS_MAX;
}

static bool asks_too_much(const char *challenge)
{
    char *text = NULL;
    size_t n = 0;
    if (gsasl_base64_from(challenge, strlen(challenge), &text, &n) != GSASL_OK)
        return false;
    char *whole = must_memdup(text, n);
    bool is = memchr(whole, '\0', n) || !is_modest(whole); // the library reads on behind a NUL
    free(whole);
    gsasl_free(text);
    return is;
}

static enum fp_err step_library(struct sasl *s, struct slice challenge, struct buf *to)
{
    if (s->is_deaf)
        challenge = SLICE_LIT("");
    char *input = must_memdup(challenge.p ? challenge.p : "", challenge.n), *output = NULL;
    int rc = s->is_scram && asks_too_much(input) ? GSASL_MECHANISM_PARSE_ERROR
                                                 : gsasl_step64(s->session, input, &output);
    free(input);
    if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
        return rc == GSASL_AUTHENTICATION_ERROR ? FP_DENIED : FP_INVALID;
    s->is_complete = rc == GSASL_OK;
    enum fp_err err = buf_add_str(to, output);
    wipe(output);
    return err;
}

// ---- both ----------------------------------------------------------------------------------

enum fp_err sasl_new(const struct sasl_identity *id, struct sasl **ret, struct buf *why)
{
    bool is_token =
        strcmp(id->mechanism, "OAUTHBEARER") == 0 || strcmp(id->mechanism, "XOAUTH2") == 0;
    enum fp_err err = FP_OK;
    if (!is_speakable(id->user) || (is_token && !is_speakable(id->secret))) {
        buf_addf(why, "control characters in the user's name or in a token");
        return FP_INVALID;
    }
    struct sasl *s = must_zalloc(sizeof *s);
    if (is_token)
        begin_token(s, id);
    else
        err = begin_library(s, id, why);
    if (err) {
        sasl_free(s);
        return err;
    }
    *ret = s;
    return FP_OK;
}

// The library frees its copy as it is.
static void wipe_password(Gsasl_session *session)
{
    const char *password = gsasl_property_fast(session, GSASL_PASSWORD);
    if (password)
        explicit_bzero((char *)password, strlen(password));
}

void sasl_free(struct sasl *s)
{
    if (!s)
        return;
    wipe(s->token_response);
    if (s->session) {
        wipe_password(s->session);
        gsasl_finish(s->session);
    }
    if (s->library)
        gsasl_done(s->library);
    free(s);
}

enum fp_err sasl_step(struct sasl *s, struct slice challenge, struct buf *to)
{
    return s->is_token ? step_token(s, to) : step_library(s, challenge, to);
}

bool sasl_is_complete(const struct sasl *s)
{
    return s->is_complete;
}
