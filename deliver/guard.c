// SPDX-License-Identifier: BSD-2-Clause
// guard: see guard.h.
#include "deliver/guard.h"

#include "core/hostname.h"
#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

void guard_init(struct guard *g, struct protect_table *table, struct credentials *credentials)
{
    if (table)
        g->table = protect_table_ref(table);
    if (credentials)
        g->credentials = credentials_ref(credentials);
}

void guard_close(struct guard *g)
{
    protect_table_unref(g->table);
    credentials_unref(g->credentials);
    sts_policy_close(&g->policy);
    free(g->domain);
}

// ---- the policy of a domain ----------------------------------------------------------------

static bool heeds_policies(const struct guard *g, const struct protect_row *row)
{
    return protect_may_heed_sts(row->policy) && !row->ignores_sts &&
           !(g->traits & MESSAGE_TLS_OPTIONAL);
}

// Does nothing but a policy of the domain protect the host under way?
static bool leaves_it_to_policies(const struct guard *g, const struct plan *p)
{
    const struct protect_row *row =
        protect_find(g->table, p->domain, p->hop.host, plan_is_by_mx(p));
    return heeds_policies(g, row) && plan_policy(p, row->policy) == PROTECT_MAY;
}

void guard_forget_policy(struct guard *g)
{
    sts_policy_close(&g->policy);
    g->has_policy = false;
}

void guard_take_policy(struct guard *g, const struct sts_policy *policy)
{
    guard_forget_policy(g);
    g->has_policy = true;
    if (policy)
        sts_policy_copy(&g->policy, policy);
}

static bool may_have_policy(const struct plan *p)
{
    struct slice ip;
    return plan_is_by_mx(p) && !hostname_is_literal(slice_str(p->domain), &ip);
}

bool guard_wants_policy(const struct guard *g, const struct plan *p)
{
    return g->table && !g->has_policy && may_have_policy(p) && leaves_it_to_policies(g, p);
}

bool guard_wants_policy_again(const struct guard *g, const struct plan *p)
{
    return g->row && !g->has_policy && may_have_policy(p) && heeds_policies(g, g->row);
}

static bool is_enforced(const struct guard *g, const struct plan *p)
{
    return plan_is_by_mx(p) && g->has_policy && g->policy.mode == STS_ENFORCE &&
           leaves_it_to_policies(g, p);
}

bool guard_allows(const struct guard *g, const struct plan *p, struct outcome *ret_why)
{
    if (!g->table || !is_enforced(g, p) || mta_sts_allows(&g->policy, p->hop.host))
        return true;
    classify_sts_host(p->domain, &p->hop, ret_why);
    return false;
}

// ---- the connection ------------------------------------------------------------------------

static bool is_by_dane(const struct guard *g, const struct plan *p)
{
    bool is_ignored =
        g->is_lax && g->row->policy == PROTECT_DANE; // "dane-only" is the operator's word
    return p->dane && p->dane->count > 0 && !is_ignored;
}

// By the rows and what the domain publishes, made stricter or less strict by the message.
static enum protect_policy by_message(const struct guard *g, const struct plan *p,
                                      enum protect_policy policy)
{
    if (g->is_lax && g->row->policy == PROTECT_DANE)
        return PROTECT_MAY;
    bool is_proved = policy == PROTECT_VERIFY || is_by_dane(g, p);
    return (g->traits & MESSAGE_REQUIRE_TLS) && !is_proved && !p->hop.is_lmtp ? PROTECT_VERIFY
                                                                              : policy;
}

static bool was_broken(const struct fallback *broken, const char *host, int64_t now_ms)
{
    return broken && fallback_has(broken, host, now_ms);
}

static enum protect_policy policy_of(struct guard *g, const struct plan *p)
{
    const char *host = p->hop.host;
    g->is_by_mx = plan_is_by_mx(p);
    g->row = protect_find(g->table, p->domain, host, g->is_by_mx);
    free(g->domain);
    g->domain = must_strdup(p->domain);
    g->is_strict = is_enforced(g, p);
    g->is_lax = (g->traits & MESSAGE_TLS_OPTIONAL) != 0;
    return by_message(g, p, g->is_strict ? PROTECT_VERIFY : plan_policy(p, g->row->policy));
}

static const struct credential_row *credential_of(const struct guard *g, const struct plan *p)
{
    bool is_named = !p->hop.path && !p->hop.order && !plan_is_by_mx(p);
    return g->credentials && is_named ? credential_find(g->credentials, p->hop.host) : NULL;
}

void guard_connected(struct guard *g, const struct plan *p, bool is_in_clear,
                     const struct fallback *broken, int64_t now_ms, struct client_protection *ret)
{
    *ret = (struct client_protection){.policy = PROTECT_NONE, .credential = credential_of(g, p)};
    g->row = NULL;
    g->is_strict = g->is_lax = false;
    if (g->table && !p->hop.path) // nobody listens in on a Unix socket
        ret->policy = policy_of(g, p);
    ret->is_implicit = g->table && plan_begins_with_tls(p);
    if (ret->is_implicit && ret->policy < PROTECT_ENCRYPT)
        ret->policy = PROTECT_ENCRYPT; // there is no clear text to fall back to
    if (ret->policy == PROTECT_MAY && !credential_wants_tls(ret->credential) &&
        (is_in_clear || was_broken(broken, p->hop.host, now_ms)))
        ret->policy = PROTECT_NONE;
    ret->is_strict = g->is_strict && ret->policy == PROTECT_VERIFY;
}

// RFC 8689 4.2.1: a host's name counts only where nobody could forge it.
static void require(struct guard *g, const struct plan *p)
{
    g->terms.must_verify = true;
    bool is_validated = p->is_mx_secure && p->is_host_secure;
    if (!g->is_by_mx || is_validated || g->row->name_count > 0 || g->row->pin_count > 0)
        return;
    g->default_names[0] = g->domain;
    g->terms.name_count = 1;
}

// That no digest is cut short says dane_is_usable; what a whole key says is found by the handshake.
static void take_records(struct guard *g, const struct plan *p, const struct hop *hop)
{
    dane_terms(p->dane, g->is_by_mx ? g->domain : hop->host, g->default_names, &g->terms);
    g->terms.needs_tlsa =
        g->row->policy == PROTECT_DANE_ONLY || (g->traits & MESSAGE_REQUIRE_TLS) != 0;
}

const struct tls_terms *guard_terms(struct guard *g, const struct plan *p, const struct hop *hop)
{
    protect_terms(g->row, g->domain, hop->host, g->is_by_mx, g->default_names, &g->terms);
    if (is_by_dane(g, p))
        take_records(g, p, hop);
    else if (g->traits & MESSAGE_REQUIRE_TLS)
        require(g, p);
    if (g->is_strict) { // RFC 8461 4.2: the host's name, and nothing else
        g->terms.must_verify = true;
        g->terms.name_count = 1;
    }
    return &g->terms;
}

void guard_explain(const struct guard *g, struct outcome *why)
{
    if (why->klass != CLASS_TLS || !g->is_strict)
        return;
    size_t n = strlen(why->text);
    snprintf(why->text + n, sizeof why->text - n, " (the MTA-STS policy of %s asks for it)",
             g->domain);
}

// ---- may others use it, too? ---------------------------------------------------------------

bool guard_suits(const struct guard *g, const struct session_settings *today, const char *domain,
                 const char *host)
{
    if (g->table != today->protect || g->credentials != today->credentials)
        return false;
    if (host && g->is_lax)
        return false;
    return !g->table || !host || !g->row ||
           protect_suits(g->table, g->row, g->domain, domain, host, g->is_by_mx);
}

bool guard_meets_policy(const struct guard *g, const char *host)
{
    if (g->policy.mode != STS_ENFORCE)
        return true;
    return g->is_strict && mta_sts_allows(&g->policy, host);
}
