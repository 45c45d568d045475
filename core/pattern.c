// SPDX-License-Identifier: BSD-2-Clause
// pattern: the index of a table's patterns, and the walk over those that fit. See pattern.h.
//
// Most tables hold few rows, many only "*": kinds of patterns that a table lacks are not asked for.
#include "core/pattern.h"

#include "core/hash.h"

#include <ctype.h>
#include <stdlib.h>

enum { WALK_ADDRESS, WALK_DOMAIN, WALK_BELOW, WALK_HOST, WALK_ALL, WALK_OVER };

#define HOST_PREFIX "mx:"

struct pattern_entry {
    const char *text;
    uint32_t row;
    UT_hash_handle hh;
};

void pattern_index_close(struct pattern_index *x)
{
    struct pattern_entry *e, *next;
    HASH_ITER(hh, x->by_text, e, next)
    {
        HASH_DEL(x->by_text, e);
        free(e);
    }
    *x = (struct pattern_index){0};
}

static const struct pattern_entry *find(const struct pattern_index *x, struct slice key)
{
    struct pattern_entry *e;
    HASH_FIND(hh, x->by_text, key.p, key.n, e);
    return e;
}

static bool add_all(struct pattern_index *x, uint32_t row)
{
    if (x->has_all)
        return false;
    x->has_all = true;
    x->all = row;
    x->count++;
    return true;
}

bool pattern_index_add(struct pattern_index *x, const char *text, uint32_t row)
{
    struct slice key = slice_str(text);
    if (slice_equal(key, SLICE_LIT("*")))
        return add_all(x, row);
    if (find(x, key))
        return false;
    struct pattern_entry *e = must_zalloc(sizeof *e);
    e->text = text;
    e->row = row;
    HASH_ADD_KEYPTR(hh, x->by_text, e->text, key.n, e);
    x->count++;
    if (memchr(key.p, '@', key.n))
        x->has_address = true;
    else if (slice_starts_nocase(key, SLICE_LIT(HOST_PREFIX)))
        x->has_host = true;
    else if (key.p[0] == '.')
        x->has_below = true;
    else
        x->has_domain = true;
    return true;
}

bool pattern_index_find(const struct pattern_index *x, const char *text, uint32_t *ret_row)
{
    struct slice key = slice_str(text);
    if (slice_equal(key, SLICE_LIT("*"))) {
        *ret_row = x->all;
        return x->has_all;
    }
    const struct pattern_entry *e = find(x, key);
    if (e)
        *ret_row = e->row;
    return e != NULL;
}

// The domain's place in the address. A quoted local part may hold other at signs.
static size_t find_domain(struct slice address)
{
    const char *at = address.n > 0 ? memrchr(address.p, '@', address.n) : NULL;
    return at ? (size_t)(at - address.p) + 1 : 0;
}

void pattern_walk_init(struct pattern_walk *w, const struct pattern_index *x, struct slice address)
{
    w->index = x;
    w->stage = WALK_ALL;
    w->n = 0;
    w->host = (struct slice){NULL, 0};
    if (!x->by_text)
        return;
    w->stage = WALK_ADDRESS;
    w->domain = find_domain(address);
    if (address.n > sizeof w->text) { // no pattern is that long, but its domain may be one
        address = slice_from(address, w->domain);
        w->domain = 0;
    }
    if (address.n > sizeof w->text)
        w->stage = WALK_HOST;
    else
        for (; w->n < address.n; w->n++)
            w->text[w->n] = (char)tolower((unsigned char)address.p[w->n]);
    w->below = w->domain + 1; // a domain is not below itself
}

static const struct pattern_entry *find_below(struct pattern_walk *w)
{
    const char *dot;
    while (w->below < w->n && (dot = memchr(w->text + w->below, '.', w->n - w->below))) {
        size_t from = (size_t)(dot - w->text);
        w->below = from + 1;
        const struct pattern_entry *e = find(w->index, slice_of(dot, w->n - from));
        if (e)
            return e;
    }
    return NULL;
}

static const struct pattern_entry *find_host(const struct pattern_walk *w)
{
    char text[sizeof HOST_PREFIX + ADDRESS_DOMAIN_MAX] = HOST_PREFIX;
    size_t n = sizeof HOST_PREFIX - 1;
    if (!w->index->has_host || w->host.n == 0 || w->host.n > ADDRESS_DOMAIN_MAX)
        return NULL;
    for (size_t i = 0; i < w->host.n; i++)
        text[n++] = (char)tolower((unsigned char)w->host.p[i]);
    return find(w->index, slice_of(text, n));
}

static const struct pattern_entry *find_next(struct pattern_walk *w)
{
    const struct pattern_index *x = w->index;
    const struct pattern_entry *e = NULL;
    if (w->stage == WALK_ADDRESS) {
        w->stage = WALK_DOMAIN;
        if (x->has_address && w->domain > 0)
            e = find(x, slice_of(w->text, w->n));
    }
    if (!e && w->stage == WALK_DOMAIN) {
        w->stage = WALK_BELOW;
        if (x->has_domain && w->n > w->domain && w->text[w->domain] != '.') // no suffix by itself
            e = find(x, slice_of(w->text + w->domain, w->n - w->domain));
    }
    if (!e && w->stage == WALK_BELOW) {
        e = x->has_below ? find_below(w) : NULL;
        if (!e)
            w->stage = WALK_HOST;
    }
    if (!e && w->stage == WALK_HOST) {
        w->stage = WALK_ALL;
        e = find_host(w);
    }
    return e;
}

bool pattern_walk_next(struct pattern_walk *w, uint32_t *ret_row)
{
    const struct pattern_entry *e = find_next(w);
    if (!e && (w->stage == WALK_OVER || !w->index->has_all))
        return false;
    if (!e)
        w->stage = WALK_OVER;
    *ret_row = e ? e->row : w->index->all;
    return true;
}
