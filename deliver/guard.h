// SPDX-License-Identifier: BSD-2-Clause
// guard: what protects one conversation, and who we are in it, as long as it lasts. From the rows
// of `tls` and `credentials` that fit and the MTA-STS policy of the domain to what the client and
// the handshake are told. Pure. Internal to the session.
//
// Where the row says "may", or "dane" and the host has no TLSA records, and the host was found by
// MX, the domain's policy is asked for (RFC 8461): one that is enforced makes "verify" of it, for
// the host's own name alone (4.2), and leaves out hosts that it does not name (5). DANE comes first
// (2). Other rows are the operator's own word, which is stricter or was meant so, and relays are
// the operator's choice: no policy is asked for.
//
// A message may ask for more or less (RFC 8689). With REQUIRETLS the host must prove who it is,
// whatever the rows say; one that an unvalidated MX names, by a certificate for the domain itself.
// With "TLS-Required: No" what the domain publishes (DANE, MTA-STS) is not looked at; what rows
// require is.
//
// Credentials are for relays alone. Whoever the DNS names as a domain's MX is told nothing.
#ifndef FP_DELIVER_GUARD_H
#define FP_DELIVER_GUARD_H

#include "deliver/client.h"
#include "deliver/mta_sts.h"
#include "deliver/plan.h"

struct guard {
    struct protect_table *table;     // held; NULL: TLS is not spoken
    struct credentials *credentials; // held; NULL: none
    const struct protect_row *row;   // for the connection, while there is one
    char *domain;                    // the one it was made for
    uint8_t traits;                  // of the message that connections are made for
    bool is_lax;                     // the connection was made for one that asks for less
    bool is_by_mx, is_strict;        // of that connection; strict: as its policy wants it
    bool has_policy;                 // the domain under way was asked about; policy is what it has
    struct sts_policy policy;        // domain NULL: none
    struct tls_terms terms;
    const char *default_names[PROTECT_DEFAULT_NAMES];
};

void guard_init(struct guard *g, struct protect_table *table, struct credentials *credentials);
void guard_close(struct guard *g);

// At the beginning of a plan: policies may have changed.
void guard_forget_policy(struct guard *g);
// Is the policy of the plan's domain to be known before its host under way is connected to, or
// before a connection that was made for another domain is used for it?
bool guard_wants_policy(const struct guard *g, const struct plan *p);
bool guard_wants_policy_again(const struct guard *g, const struct plan *p);
void guard_take_policy(struct guard *g, const struct sts_policy *policy); // copied; NULL: none
// May the plan's host under way be given the mail? Else why not.
bool guard_allows(const struct guard *g, const struct plan *p, struct outcome *ret_why);

// The plan's address under way is connected; or TLS failed there, and it is again, in clear.
void guard_connected(struct guard *g, const struct plan *p, bool is_in_clear,
                     const struct fallback *broken, int64_t now_ms, struct client_protection *ret);
const struct tls_terms *guard_terms(struct guard *g, const struct plan *p,
                                    const struct hop *hop); // until the next call
// A failure of TLS: that a policy of the domain asks for it is told, too.
void guard_explain(const struct guard *g, struct outcome *why);

// It goes by today's rows, and the connection to `host` (NULL: there is none) is protected as these
// want it for mail to `domain`.
bool guard_suits(const struct guard *g, const struct session_settings *today, const char *domain,
                 const char *host);
// Does the connection do what the policy that was taken last wants?
bool guard_meets_policy(const struct guard *g, const char *host);

#endif
