// SPDX-License-Identifier: BSD-2-Clause
// sasl: the client's half of one SASL exchange (RFC 4422), by libgsasl. Texts are base64, as they
// stand in SMTP (RFC 4954).
//
//     err = sasl_new(&identity, &s, &why);
//     sasl_step(s, SLICE_LIT(""), &response)     the initial response, of mechanisms that have one
//     for each 334: sasl_step(s, its text, &response)
//     at 235: sasl_is_complete(s)                else the server has not proved itself: no success
//
// Nothing blocks; the secret is copied, and wiped when it is freed.
#ifndef FP_IO_SASL_SASL_H
#define FP_IO_SASL_SASL_H

#include "core/buf.h"
#include "core/err.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

// A server of SCRAM that wants more work than this (half a second of it) is refused.
enum { SASL_ITERATIONS_MAX = 1000 * 1000 };

struct sasl;

struct sasl_identity {
    const char *mechanism; // "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", both
                           // also with "-PLUS", "XOAUTH2", "OAUTHBEARER"
    const char *user;      // authentication identity
    const char *secret;    // password or bearer token
    const char *host;      // the server's name, for OAUTHBEARER
    uint16_t port;         // likewise
    struct slice binding;  // "-PLUS": of the connection, tls-exporter (RFC 9266)
    bool is_unique;        // or tls-unique (RFC 5929)
};

// FP_INVALID with a sentence: a mechanism that libgsasl does not know, or names or secrets that it
// cannot say (NUL, or control characters in a bearer token).
enum fp_err sasl_new(const struct sasl_identity *identity, struct sasl **ret, struct buf *why);
void sasl_free(struct sasl *s); // NULL is fine

// Adds the response to `to`; nothing for an empty one. FP_INVALID: the challenge makes no sense,
// the exchange is to be cancelled ("*"); FP_DENIED: the server proved not to know the secret.
enum fp_err sasl_step(struct sasl *s, struct slice challenge, struct buf *to);
bool sasl_is_complete(const struct sasl *s);

#endif
