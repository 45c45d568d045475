// SPDX-License-Identifier: BSD-2-Clause
// limits: which rows of `limit` give the values for a destination. See rules.h.
//
// What is counted is counted for a destination, so nothing but its name is asked: whoever's mail
// opens it first, it has the same limits. A destination that is no domain may have several names
// that rows can be written for; they are walked one after the other, and "*" comes behind all.
#include "core/must.h"
#include "scheduler/rules.h"

#include <stdlib.h>

static const struct limit_rule default_limit = {
    .connections = 20,
    .messages_per_connection = 100,
    .recipients_per_message = 100,
    .row = {-1, -1, -1, -1},
};

// ---- next hops ---------------------------------------------------------------------------------

static void hop_close(struct limit_hop *hop)
{
    free(hop->destination);
    free(hop->target);
    free(hop->host);
    free(hop->domain);
}

// Several rows of `route` may name it: only where they are all for one domain has it one.
static void merge(struct limit_hop *known, const struct limit_hop *hop)
{
    if (known->domain && (!hop->domain || strcmp(known->domain, hop->domain) != 0)) {
        free(known->domain);
        known->domain = NULL;
    }
}

void rules_add_hop(struct rules *r, const struct limit_hop *hop)
{
    struct limit_hop own = *hop;
    uint32_t at;
    if (pattern_index_find(&r->hop_index, own.destination, &at)) {
        merge(&r->hops[at], &own);
        hop_close(&own);
        return;
    }
    if ((r->hop_count & (r->hop_count - 1)) == 0) // its room doubles
        r->hops =
            must_realloc(r->hops, (r->hop_count ? 2 * (size_t)r->hop_count : 1) * sizeof *r->hops);
    r->hops[r->hop_count] = own;
    pattern_index_add(&r->hop_index, own.destination, r->hop_count++);
}

void rules_forget_hops(struct rules *r)
{
    pattern_index_close(&r->hop_index);
    for (uint32_t i = 0; i < r->hop_count; i++)
        hop_close(&r->hops[i]);
    free(r->hops);
    r->hops = NULL;
    r->hop_count = 0;
}

const struct limit_hop *rules_hop(const struct rules *r, const char *destination)
{
    uint32_t at;
    return pattern_index_find(&r->hop_index, destination, &at) ? &r->hops[at] : NULL;
}

// ---- questions ---------------------------------------------------------------------------------

// Takes the value of a row, unless a more exact one has given it; 0 is not named.
static void take(uint32_t named, uint32_t *given, uint32_t row, int32_t *given_by)
{
    if (named == 0 || *given_by >= 0)
        return;
    *given = named;
    *given_by = (int32_t)row;
}

static void take_row(const struct rules *r, uint32_t i, struct limit_rule *ret)
{
    const struct limit_row *row = &r->limits[i];
    take(row->connections, &ret->connections, i, &ret->row[LIMIT_CONNECTIONS]);
    take(row->messages_per_connection, &ret->messages_per_connection, i, &ret->row[LIMIT_MESSAGES]);
    take(row->recipients_per_message, &ret->recipients_per_message, i, &ret->row[LIMIT_RECIPIENTS]);
    take(row->rate_count, &ret->rate_count, i, &ret->row[LIMIT_RATE]);
    if (ret->row[LIMIT_RATE] == (int32_t)i)
        ret->rate_ms = row->rate_ms;
}

// But for "*".
static void take_rows_for(const struct rules *r, struct slice name, struct limit_rule *ret)
{
    struct pattern_walk w;
    uint32_t i;
    if (!name.p || !r->limit_index.by_text)
        return;
    pattern_walk_init(&w, &r->limit_index, name);
    while (pattern_walk_next(&w, &i))
        if (!r->limit_index.has_all || i != r->limit_index.all)
            take_row(r, i, ret);
}

static void take_row_of(const struct rules *r, const char *text, struct limit_rule *ret)
{
    uint32_t i;
    if (text && pattern_index_find(&r->limit_index, text, &i))
        take_row(r, i, ret);
}

// "example.com" or "mx:HOST"; what stands behind a comma is whose mail it is, and does not count.
static void take_by_mx(const struct rules *r, const char *destination, struct limit_rule *ret)
{
    char name[300];
    size_t n = strcspn(destination, ",");
    if (n >= sizeof name)
        return;
    memcpy(name, destination, n);
    name[n] = '\0';
    if (strncmp(name, "mx:", 3) == 0)
        take_row_of(r, name, ret);
    else
        take_rows_for(r, slice_str(name), ret);
}

void rules_limit(const struct rules *r, const char *destination, struct limit_rule *ret)
{
    *ret = default_limit;
    if (r->limit_count == 0)
        return;
    must(r->limit_index.count > 0);
    const struct limit_hop *hop = rules_hop(r, destination);
    if (hop) {
        take_row_of(r, hop->target, ret);
        take_rows_for(r, slice_str(hop->host), ret);
        take_rows_for(r, slice_str(hop->domain), ret);
    } else {
        take_by_mx(r, destination, ret);
    }
    take_row_of(r, "*", ret);
}

void rules_name_limit(const struct rules *r, int32_t row, struct buf *to)
{
    if (row < 0) {
        buf_add_str(to, "the default");
        return;
    }
    buf_addf(to, "limit \"%s\"", r->limits[row].pattern);
    if (r->limits[row].place)
        buf_addf(to, ", %s", r->limits[row].place);
}
