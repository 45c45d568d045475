// SPDX-License-Identifier: BSD-2-Clause
// Fuzzes what a server says during AUTH. The first octet chooses the mechanism, the second how the
// rest is said: as it is, in base64, or in base64 behind the client's own nonce.
//
// Whatever it is, a response is one line of base64, or there is none; and SCRAM does not come to
// its end, as no input proves that the server knows the password.
#include "core/must.h"
#include "io/sasl_sasl.h"

#include <gsasl.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const mechanisms[] = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
                                         "CRAM-MD5",    "LOGIN",         "PLAIN",
                                         "OAUTHBEARER", "XOAUTH2"};

enum { COUNT = sizeof mechanisms / sizeof *mechanisms, LATE = 3 /* of them, from here on */ };

static void encode(struct slice plain, struct buf *to)
{
    char *coded = NULL;
    size_t n;
    must(gsasl_base64_to(plain.p, plain.n, &coded, &n) == GSASL_OK);
    buf_add(to, coded, n);
    gsasl_free(coded);
}

// first: "...n=user,r=NONCE", of which the server has to say the nonce, with more behind it.
static void put_challenge(uint8_t how, struct slice first, struct slice text, struct buf *to)
{
    char *plain = NULL;
    size_t n = 0;
    struct buf all;
    buf_init(&all, SIZE_MAX);
    if (how % 3 == 2 && first.n > 0 &&
        gsasl_base64_from(first.p, first.n, &plain, &n) == GSASL_OK) {
        const char *nonce = memmem(plain, n, "r=", 2);
        if (nonce)
            buf_add(&all, nonce, n - (size_t)(nonce - plain));
        gsasl_free(plain);
    }
    buf_add_slice(&all, text);
    if (how % 3 == 0)
        buf_add_slice(to, text);
    else
        encode(buf_slice(&all), to);
    buf_close(&all);
}

static void check(const struct buf *response)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    must(strspn(buf_slice(response).p, letters) == response->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sasl *s = NULL;
    struct buf why, first, challenge, response;
    if (size < 2)
        return 0;
    bool binds = data[0] % COUNT == 2;
    const struct sasl_identity id = {.mechanism = mechanisms[data[0] % COUNT],
                                     .user = "ann",
                                     .secret = "s3cret",
                                     .host = "h.example",
                                     .port = 587,
                                     .binding = slice_str(binds ? "0123456789abcdef" : "")};
    buf_init(&why, 1000);
    buf_init(&first, SIZE_MAX);
    buf_init(&challenge, SIZE_MAX);
    buf_init(&response, SIZE_MAX);
    must(sasl_new(&id, &s, &why) == FP_OK);
    bool is_scram = data[0] % COUNT < LATE;
    if (data[0] % COUNT != LATE && data[0] % COUNT != LATE + 1) // those wait for the server
        must(sasl_step(s, SLICE_LIT(""), &first) == FP_OK);
    check(&first);
    put_challenge(data[1], buf_slice(&first), slice_of((const char *)data + 2, size - 2),
                  &challenge);
    for (int i = 0; i < 3; i++) {
        buf_reset(&response);
        if (sasl_step(s, buf_slice(&challenge), &response) != FP_OK)
            break;
        check(&response);
        must(!is_scram || !sasl_is_complete(s));
    }
    sasl_free(s);
    buf_close(&why);
    buf_close(&first);
    buf_close(&challenge);
    buf_close(&response);
    return 0;
}
