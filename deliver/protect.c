// SPDX-License-Identifier: BSD-2-Clause
// protect: see protect.h.
#include "deliver/protect.h"

#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct protect_table *protect_table_new(void)
{
    struct protect_table *t = must_zalloc(sizeof *t);
    t->refs = 1;
    return t;
}

struct protect_table *protect_table_ref(struct protect_table *t)
{
    t->refs++;
    return t;
}

static void close_row(struct protect_row *row)
{
    free(row->pattern);
    for (uint32_t i = 0; i < row->name_count; i++)
        free(row->names[i]);
    free(row->names);
    free(row->ca_file);
    free(row->cert_file);
    free(row->key_file);
    free(row->pins);
}

void protect_table_unref(struct protect_table *t)
{
    if (!t || --t->refs > 0)
        return;
    pattern_index_close(&t->index);
    for (uint32_t i = 0; i < t->count; i++)
        close_row(&t->rows[i]);
    free(t->rows);
    free(t);
}

void protect_table_index(struct protect_table *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        pattern_index_add(&t->index, t->rows[i].pattern, i);
}

const struct protect_row *protect_find(const struct protect_table *t, const char *domain,
                                       const char *host, bool by_mx)
{
    static const struct protect_row unwritten = {.policy = PROTECT_MAY};
    struct pattern_walk w;
    uint32_t row;
    must(t->count == 0 || t->index.count > 0 || t->index.has_all);
    pattern_walk_init(&w, &t->index, slice_str(by_mx ? domain : host));
    if (by_mx)
        pattern_walk_host(&w, slice_str(host));
    return pattern_walk_next(&w, &row) ? &t->rows[row] : &unwritten;
}

// A relay's name was written by the operator. By MX the certificate may be for the host, which a
// forged answer of the DNS could name (so `names` is what protects against that), or for the domain
// itself, which RFC 6125 would have.
static void default_names(const char *domain, const char *host, bool by_mx,
                          const char *names[PROTECT_DEFAULT_NAMES], struct tls_terms *ret)
{
    names[0] = host;
    names[1] = domain;
    ret->names = names;
    ret->name_count = by_mx ? 2 : 1;
}

static const char *text_of(const char *text)
{
    return text ? text : "";
}

void protect_terms(const struct protect_row *row, const char *domain, const char *host, bool by_mx,
                   const char *names[PROTECT_DEFAULT_NAMES], struct tls_terms *ret)
{
    *ret = (struct tls_terms){
        .server_name = host,
        .must_verify = row->policy == PROTECT_VERIFY,
        .names = (const char *const *)row->names,
        .name_count = row->name_count,
        .ca_file = text_of(row->ca_file),
        .cert_file = text_of(row->cert_file),
        .key_file = text_of(row->key_file),
        .pins = row->pins,
        .pin_count = row->pin_count,
    };
    if (row->name_count == 0)
        default_names(domain, host, by_mx, names, ret);
}

bool protect_suits(const struct protect_table *t, const struct protect_row *row,
                   const char *was_for, const char *domain, const char *host, bool by_mx)
{
    if (!by_mx || strcasecmp(was_for, domain) == 0)
        return true;
    if (protect_find(t, domain, host, by_mx) != row)
        return false;
    // A certificate for the one domain proves nothing to another.
    return row->policy < PROTECT_VERIFY || row->name_count > 0 || row->pin_count > 0;
}

const char *protect_policy_name(enum protect_policy policy)
{
    static const char *const names[] = {"none", "may", "encrypt", "verify", "dane", "dane-only"};
    must((size_t)policy < sizeof names / sizeof names[0]);
    return names[policy];
}

void protect_describe(const struct tls_result *r, bool by_sts, char *ret, size_t size)
{
    snprintf(ret, size, "%s %s%s%s", r->version, r->cipher, r->is_verified ? " verified" : "",
             r->is_by_dane ? " by DANE"
             : by_sts      ? " by MTA-STS"
                           : "");
}
