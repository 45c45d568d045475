// SPDX-License-Identifier: BSD-2-Clause
// credential: who we are to which next hop, by the rows of `credentials`. Pure; the secrets
// themselves stand elsewhere (io/secret_uv.h).
//
// Rows are for hosts that a route names, never for those that the DNS names as somebody's MX: else
// whoever can forge an answer, or owns a domain, would be sent a password.
#ifndef FP_DELIVER_CREDENTIAL_H
#define FP_DELIVER_CREDENTIAL_H

#include "deliver/auth.h"

struct credential_row {
    char *host; // as in the route's target, lower-case; owned, as all texts here
    char *user;
    char *file;                  // where the secret stands; NULL: a command prints it
    char **words;                // of the command, NULL behind the last
    char *service_secret;        // a name below $CREDENTIALS_DIRECTORY instead (systemd.exec(5))
    bool is_token;               // an OAuth 2 bearer token
    bool permits_clear;          // may be said without TLS
    uint32_t mechanisms;         // allowed ones, auth_bit; 0: all
    int64_t timeout_ms, keep_ms; // of the command
};

// Shared by reference: conversations outlive the configuration they began with.
struct credentials {
    uint32_t refs;
    struct credential_row *rows; // owned
    uint32_t count;
};
struct credentials *credentials_new(void); // empty, with one reference
struct credentials *credentials_ref(struct credentials *c);
void credentials_unref(struct credentials *c); // NULL is fine
// What is said with it is not for everybody's ears: no TLS, nothing is said. NULL: nobody's.
bool credential_wants_tls(const struct credential_row *row);
// NULL: none for this host.
const struct credential_row *credential_find(const struct credentials *c, const char *host);

#endif
