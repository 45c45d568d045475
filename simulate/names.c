// SPDX-License-Identifier: BSD-2-Clause
// names: the DNS of the simulation. See names.h.
#include "simulate/names.h"

#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct names_record {
    char name[256];
    char value[256];
    enum dns_type type; // A, MX, TXT
    uint16_t preference;
    struct dns_tlsa tlsa;
};

static struct names_record *add(struct names *n, enum dns_type type, const char *name,
                                const char *value)
{
    if (n->count == n->size) {
        n->size = n->size ? 2 * n->size : 16;
        n->records = must_realloc(n->records, n->size * sizeof *n->records);
    }
    struct names_record *r = &n->records[n->count++];
    *r = (struct names_record){.type = type};
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->value, sizeof r->value, "%s", value);
    return r;
}

void names_add_ip(struct names *n, const char *name, const char *ip)
{
    add(n, DNS_TYPE_A, name, ip);
}

void names_set_text(struct names *n, const char *name, const char *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->count; i++)
        if (n->records[i].type != DNS_TYPE_TXT || strcasecmp(n->records[i].name, name) != 0)
            n->records[kept++] = n->records[i];
    n->count = kept;
    if (text)
        add(n, DNS_TYPE_TXT, name, text);
}

void names_add_mx(struct names *n, const char *domain, uint16_t preference, const char *host)
{
    struct names_record *r = add(n, DNS_TYPE_MX, domain, host);
    r->preference = preference;
}

void names_add_tlsa(struct names *n, const char *name, const struct dns_tlsa *tlsa)
{
    struct names_record *r = add(n, DNS_TYPE_TLSA, name, "");
    r->tlsa = *tlsa;
}

static void answer_add(struct dns_answer *a, const struct names_record *r)
{
    struct dns_record *to = &a->records[a->count++];
    if (r->type == DNS_TYPE_TLSA) {
        to->tlsa = r->tlsa;
        return;
    }
    to->preference = r->preference;
    snprintf(to->name, sizeof to->name, "%s", r->type == DNS_TYPE_A ? "" : r->value);
    snprintf(to->ip, sizeof to->ip, "%.45s", r->type == DNS_TYPE_A ? r->value : "");
}

static bool fits(const struct names_record *r, const char *name, enum dns_type type)
{
    return type == r->type && strcasecmp(r->name, name) == 0;
}

static size_t fitting(const struct names *n, const char *name, enum dns_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < n->count; i++)
        count += fits(&n->records[i], name, type);
    return count < DNS_RECORDS_MAX ? count : DNS_RECORDS_MAX;
}

struct dns_answer *names_answer(const struct names *n, const char *name, enum dns_type type)
{
    bool exists = false;
    static const struct dns_tlsa some_key = {3, 1, 1, 32, {0}};
    bool is_vouched = n->vouches && type == DNS_TYPE_TLSA && fitting(n, name, type) == 0;
    size_t most = is_vouched ? 1 : fitting(n, name, type);
    struct dns_answer *a = must_zalloc(sizeof *a + most * sizeof a->records[0]);
    a->type = type;
    a->ttl_s = n->ttl_s;
    a->is_secure = n->is_secure;
    snprintf(a->canonical, sizeof a->canonical, "%s", name);
    bool fails = n->fails && strcasecmp(name, ".") != 0;
    bool is_told = !fails && !n->is_gone;
    for (size_t i = 0; i < n->count && is_told; i++) {
        const struct names_record *r = &n->records[i];
        exists |= strcasecmp(r->name, name) == 0;
        if (a->count < DNS_RECORDS_MAX && fits(r, name, type))
            answer_add(a, r);
    }
    if (is_vouched && is_told)
        a->records[a->count++].tlsa = some_key;
    a->result = n->is_gone ? DNS_ANSWER_TIMEOUT
                : fails    ? DNS_ANSWER_SERVFAIL
                : a->count ? DNS_ANSWER_OK
                : exists   ? DNS_ANSWER_NODATA
                           : DNS_ANSWER_NXDOMAIN;
    return a;
}

void names_close(struct names *n)
{
    free(n->records);
    *n = (struct names){0};
}
