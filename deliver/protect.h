// SPDX-License-Identifier: BSD-2-Clause
// protect: how conversations with next hops are to be protected, by the rows of `tls`. Pure.
//
// A row is found by the next hop: for hosts found by MX by the recipient domain ("example.com",
// ".example.com"), then by the host ("mx:HOST"), then "*"; for a host that a route names by that
// name, then "*". So what a relay must prove does not hang on whose mail it is given.
//
// The table is shared by reference: conversations outlive the configuration they began with.
#ifndef FP_DELIVER_PROTECT_H
#define FP_DELIVER_PROTECT_H

#include "core/pattern.h"
#include "core/tls.h"

enum protect_policy {
    PROTECT_NONE,    // in clear
    PROTECT_MAY,     // TLS where it is offered and works
    PROTECT_ENCRYPT, // TLS or not at all, with whoever it is
    PROTECT_VERIFY,  // TLS or not at all, with a certificate that proves who it is
    // What the domain's own DNS says (deliver/dane); it is one of the above, host by host.
    PROTECT_DANE,      // where it says nothing: PROTECT_MAY
    PROTECT_DANE_ONLY, // where it says nothing that can be used: nothing is sent
};

struct protect_row {
    char *pattern; // lower-case; owned, as all texts here
    enum protect_policy policy;
    char **names; // of the certificate; none: the host's name, or by MX the domain
    uint32_t name_count;
    char *ca_file, *cert_file, *key_file; // NULL: not set
    bool ignores_sts; // where protect_may_heed_sts: policies of domains do not count all the same
    struct tls_pin *pins;
    uint32_t pin_count;
};

struct protect_table {
    uint32_t refs;
    struct protect_row *rows;
    uint32_t count;
    struct pattern_index index; // borrows the rows' patterns
};

struct protect_table *protect_table_new(void); // empty, with one reference
struct protect_table *protect_table_ref(struct protect_table *t);
void protect_table_unref(struct protect_table *t); // NULL is fine
void protect_table_index(struct protect_table *t); // behind the last row

// Never NULL: where no row fits, one that says "may". by_mx: the host was found by the domain's MX;
// else the domain does not count.
const struct protect_row *protect_find(const struct protect_table *t, const char *domain,
                                       const char *host, bool by_mx);

enum { PROTECT_DEFAULT_NAMES = 2 };
// What a handshake with that host must come to. names: room for names that no row gives; it and all
// texts live as long as the terms.
void protect_terms(const struct protect_row *row, const char *domain, const char *host, bool by_mx,
                   const char *names[PROTECT_DEFAULT_NAMES], struct tls_terms *ret);

// May mail for `domain` go over a connection to `host` that was protected by `row` for `was_for`?
bool protect_suits(const struct protect_table *t, const struct protect_row *row,
                   const char *was_for, const char *domain, const char *host, bool by_mx);

// With such a row MTA-STS policies of domains count (RFC 8461), where nothing better protects a
// host.
static inline bool protect_may_heed_sts(enum protect_policy policy)
{
    return policy == PROTECT_MAY || policy == PROTECT_DANE;
}

const char *protect_policy_name(enum protect_policy policy); // "none", "may", ...

// "TLSv1.3 TLS_AES_256_GCM_SHA384 verified", "... verified by DANE": what history tells of a
// conversation. by_sts: what was verified is what an MTA-STS policy asks for.
void protect_describe(const struct tls_result *r, bool by_sts, char *ret, size_t size);

#endif
