// SPDX-License-Identifier: BSD-2-Clause
// dane: see dane.h.
#include "deliver/dane.h"

#include "core/must.h"

#include <stdio.h>

enum {
    USAGE_TA = 2, // an authority that the domain has chosen; names count
    USAGE_EE = 3, // the host's certificate or key itself
    SELECTOR_MAX = 1,
    MATCHING_FULL = 0,
    MATCHING_SHA256 = 1,
    MATCHING_SHA512 = 2,
};

bool dane_name(const char *base, uint16_t port, char ret[DANE_NAME_SIZE])
{
    return (size_t)snprintf(ret, DANE_NAME_SIZE, "_%u._tcp.%s", port, base) < DANE_NAME_SIZE;
}

bool dane_is_usable(const struct dns_tlsa *record)
{
    if (record->usage != USAGE_TA && record->usage != USAGE_EE)
        return false;
    if (record->selector > SELECTOR_MAX)
        return false;
    switch (record->matching) {
    case MATCHING_FULL:
        return record->size > 0;
    case MATCHING_SHA256:
        return record->size == 32;
    case MATCHING_SHA512:
        return record->size == 64;
    default:
        return false;
    }
}

struct dane *dane_new(const char *base, const struct dns_answer *answer)
{
    uint32_t most = answer->count < DANE_RECORDS_MAX ? answer->count : DANE_RECORDS_MAX;
    struct dane *d = must_zalloc(sizeof *d + most * sizeof d->records[0]);
    must(answer->type == DNS_TYPE_TLSA && answer->is_secure);
    snprintf(d->base, sizeof d->base, "%s", base);
    for (uint32_t i = 0; i < answer->count && d->count < most; i++)
        if (dane_is_usable(&answer->records[i].tlsa))
            d->records[d->count++] = answer->records[i].tlsa;
    return d;
}

void dane_terms(const struct dane *d, const char *other_name, const char *names[DANE_NAMES],
                struct tls_terms *terms)
{
    must(d->count > 0);
    names[0] = d->base;
    names[1] = other_name;
    terms->server_name = d->base;
    terms->must_verify = true;
    terms->names = names;
    terms->name_count = DANE_NAMES;
    terms->tlsa = d->records;
    terms->tlsa_count = d->count;
}
