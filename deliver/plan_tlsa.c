// SPDX-License-Identifier: BSD-2-Clause
// plan_tlsa: what the DNS says of the TLS of a plan's host, asked for before it is called. See
// plan.h and dane.h.
#include "deliver/plan_inside.h"

#include <stdio.h>

enum protect_policy plan_policy(const struct plan *p, enum protect_policy row)
{
    if (row < PROTECT_DANE)
        return row;
    return !p->dane ? PROTECT_MAY : p->dane->count > 0 ? PROTECT_VERIFY : PROTECT_ENCRYPT;
}

static enum protect_policy row_policy(const struct plan *p)
{
    if (!p->settings->protect || p->targets[p->target].kind == TARGET_LMTP_UNIX)
        return PROTECT_NONE;
    return protect_find(p->settings->protect, p->domain, p->hosts[p->host].name, plan_is_by_mx(p))
        ->policy;
}

// Nothing more is to be asked.
void plan_use_protection(struct plan *p)
{
    bool is_usable = p->dane && p->dane->count > 0;
    if (is_usable || row_policy(p) != PROTECT_DANE_ONLY) {
        plan_try_address(p);
        return;
    }
    struct outcome o;
    classify_no_tlsa(p->hosts[p->host].name, plan_port(p), p->is_host_secure, &o);
    plan_note_failure(p, &o);
    plan_next_host(p);
}

static void ask_tlsa(struct plan *p, const char *base)
{
    char name[DANE_NAME_SIZE];
    if (!dane_name(base, plan_port(p), name)) {
        plan_use_protection(p); // there can be no such name
        return;
    }
    p->question_count = 0;
    plan_ask(p, name, DNS_TYPE_TLSA);
    plan_move_to(p, PLAN_ASKING);
}

// RFC 7672 2.2: what stands on an answer that was not validated proves nothing.
void plan_find_protection(struct plan *p)
{
    p->is_host_secure &= !plan_is_by_mx(p) || p->is_mx_secure;
    if (p->is_host_secure && row_policy(p) >= PROTECT_DANE)
        ask_tlsa(p, p->base);
    else
        plan_use_protection(p);
}

void plan_on_tlsa(struct plan *p, const struct dns_answer *answer)
{
    const char *host = p->hosts[p->host].name;
    if (plan_is_temporary(answer->result)) {
        struct outcome o;
        classify_tlsa_unknown(host, plan_port(p), plan_temporary_fault(answer->result), &o);
        plan_note_failure(p, &o);
        plan_next_host(p);
    } else if (answer->result == DNS_ANSWER_OK && answer->is_secure) {
        p->dane = dane_new(p->base, answer);
        plan_use_protection(p);
    } else if (strcasecmp(p->base, host) != 0) {
        snprintf(p->base, sizeof p->base, "%s", host);
        ask_tlsa(p, host);
    } else {
        plan_use_protection(p);
    }
}
