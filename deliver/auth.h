// SPDX-License-Identifier: BSD-2-Clause
// auth: which SASL mechanism a host is to be convinced with. Pure. RFC 4954, RFC 4422.
//
// The best that both sides know is taken. What shows the password, or something that is as good, to
// whoever listens is only said on a connection that is protected, unless the configuration allows
// more: "clear" for PLAIN, LOGIN and tokens, and nothing less than a challenge without it.
#ifndef FP_DELIVER_AUTH_H
#define FP_DELIVER_AUTH_H

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

// In the order of preference: those that prove the password without showing it, and know whom they
// talk to, first.
enum auth_mechanism {
    AUTH_SCRAM_SHA_256_PLUS, // RFC 7677, bound to the TLS channel
    AUTH_SCRAM_SHA_256,
    AUTH_SCRAM_SHA_1_PLUS, // RFC 5802
    AUTH_SCRAM_SHA_1,
    AUTH_CRAM_MD5,    // RFC 2195
    AUTH_OAUTHBEARER, // RFC 7628
    AUTH_XOAUTH2,     // as Google and Microsoft speak it
    AUTH_PLAIN,       // RFC 4616
    AUTH_LOGIN,       // never standardized; what some servers know alone
    AUTH_MECHANISM_COUNT,
    AUTH_NONE = AUTH_MECHANISM_COUNT, // none fits
};

static inline uint32_t auth_bit(enum auth_mechanism m)
{
    return 1u << m;
}
enum { AUTH_ALL = (1 << AUTH_MECHANISM_COUNT) - 1 };

// "SCRAM-SHA-256", as it stands in AUTH commands. Never NULL.
const char *auth_name(enum auth_mechanism m);
bool auth_has_initial(enum auth_mechanism m);  // the client speaks first (RFC 4954 4)
bool auth_binds(enum auth_mechanism m);        // to the TLS channel
bool auth_takes_token(enum auth_mechanism m);  // and no password
bool auth_shows_secret(enum auth_mechanism m); // to whoever listens, or is at the other end
// AUTH_NONE: unknown. Letters' case does not count.
enum auth_mechanism auth_parse(struct slice name);
// The words behind the EHLO keyword AUTH, also in the old form "AUTH=LOGIN PLAIN" (text begins
// behind the "="): a set of bits. Unknown ones are left out.
uint32_t auth_parse_offer(struct slice text);

struct auth_wish {
    uint32_t allowed;   // by the configuration; AUTH_ALL when it does not say
    bool is_token;      // the secret is an OAuth 2 bearer token, not a password
    bool is_protected;  // by TLS, whoever is at the other end
    bool has_binding;   // TLS gave a channel binding
    bool permits_clear; // the configuration wants it even without TLS
};
enum auth_mechanism auth_choose(uint32_t offered, const struct auth_wish *wish);
// Why none was chosen, for the log: "host offers PLAIN LOGIN, which are not said without TLS".
// Borrowed for ever.
const char *auth_why_none(uint32_t offered, const struct auth_wish *wish);

#endif
