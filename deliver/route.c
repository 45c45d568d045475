// SPDX-License-Identifier: BSD-2-Clause
// route: finding the row that fits. See route.h.
#include "deliver/route.h"

#include "core/must.h"
#include "core/sender_pattern.h"

#include <stdio.h>
#include <stdlib.h>

void routes_close(struct routes *r)
{
    if (!r)
        return;
    pattern_index_close(&r->index);
    pattern_chain_close(&r->chain);
    for (uint32_t i = 0; i < r->count; i++) {
        struct route_row *row = &r->rows[i];
        for (uint32_t t = 0; t < row->target_count; t++)
            target_close(&row->targets[t]);
        free(row->targets);
        free(row->pattern);
        free(row->from);
        free(row->apart);
        free(row->name);
        free(row->place);
    }
    free(r->rows);
    *r = (struct routes){0};
}

// ---- rows ----------------------------------------------------------------------------------

static bool is_by_mx(const struct route_row *row)
{
    return row->target_count > 0 && row->targets[0].kind == TARGET_MX;
}

// For a part of a domain's mail only.
static bool is_partial(const struct route_row *row)
{
    return row->from || (row->pattern && strchr(row->pattern, '@'));
}

// Other rows may send a domain's mail through a longer list, and rest when all of it has failed.
static bool has_longer_list(const struct routes *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (is_by_mx(&r->rows[i]) && !is_partial(&r->rows[i]) && r->rows[i].target_count > 1)
            return true;
    return false;
}

// ",user@example.com,from=boss@example.org": what makes the row another one than its neighbours.
static void set_apart(struct route_row *row)
{
    struct buf name;
    buf_init(&name, SIZE_MAX);
    if (strchr(row->pattern, '@'))
        buf_addf(&name, ",%s", row->pattern);
    if (row->from)
        buf_addf(&name, ",from=%s", row->from);
    free(row->apart);
    row->apart = buf_steal(&name, NULL);
}

static const char *pattern_of(const void *rows, uint32_t row)
{
    return ((const struct route_row *)rows)[row].pattern;
}

static bool is_more_exact(const void *rows, uint32_t a, uint32_t b)
{
    const struct route_row *all = rows;
    return sender_pattern_rank(all[a].from) > sender_pattern_rank(all[b].from);
}

void routes_index(struct routes *r)
{
    bool is_mixed = has_longer_list(r);
    pattern_chain_build(&r->chain, &r->index,
                        &(struct pattern_chain_rows){.rows = r->rows,
                                                     .count = r->count,
                                                     .pattern_of = pattern_of,
                                                     .is_before = is_more_exact});
    for (uint32_t i = 0; i < r->count; i++) {
        struct route_row *row = &r->rows[i];
        r->has_senders |= row->from != NULL;
        if (is_by_mx(row) && is_partial(row) && (row->target_count > 1 || is_mixed))
            set_apart(row);
    }
}

void route_walk_init(struct route_walk *w, const struct routes *r, const struct route_question *q)
{
    must(r->count == 0 || r->index.count > 0 || r->index.has_all);
    w->routes = r;
    w->row = PATTERN_CHAIN_END;
    pattern_walk_init(&w->patterns, &r->index, q->address);
    if (q->host)
        pattern_walk_host(&w->patterns, slice_str(q->host));
}

const struct route_row *route_walk_next(struct route_walk *w)
{
    uint32_t first;
    if (w->row != PATTERN_CHAIN_END)
        w->row = w->routes->chain.next[w->row];
    if (w->row == PATTERN_CHAIN_END) {
        if (!pattern_walk_next(&w->patterns, &first))
            return NULL;
        w->row = w->routes->chain.first[first];
    }
    return &w->routes->rows[w->row];
}

const struct route_row *route_find(const struct routes *r, const struct route_question *q)
{
    struct route_walk w;
    const struct route_row *row;
    route_walk_init(&w, r, q);
    while ((row = route_walk_next(&w)))
        if (!row->from || (q->sender && sender_pattern_fits(row->from, slice_str(q->sender))))
            return row;
    return NULL;
}

bool route_is_own(const struct routes *r, struct slice address)
{
    const struct route_row *row = route_find(r, &(struct route_question){.address = address});
    return row && strcmp(row->pattern, "*") != 0;
}

void route_describe(const struct route_row *row, struct buf *to)
{
    if (!row->place)
        buf_add_str(to, "the default");
    else
        buf_addf(to, row->from ? "route \"%s\" from \"%s\", %s" : "route \"%s\"%s, %s",
                 row->pattern, row->from ? row->from : "", row->place);
}

bool route_takes_one(const struct route_row *row)
{
    for (uint32_t i = 0; i < row->target_count; i++)
        if (target_takes_one(&row->targets[i]))
            return true;
    return false;
}

bool route_refuses(const struct route_row *row)
{
    const struct target *t = row->targets;
    return row->target_count > 0 && t->kind == TARGET_ERROR && t->text[0] == '5';
}

#define BY_HOST "mx:"

bool route_wants_host(const struct routes *r, struct slice address, const char *sender)
{
    const struct route_row *row =
        route_find(r, &(struct route_question){.address = address, .sender = sender});
    return r->index.has_host || (row && is_by_mx(row));
}

void route_destination(const struct route_row *row, struct slice domain_key, const char *host,
                       struct buf *to)
{
    enum fp_err err;
    if (is_by_mx(row) && host)
        err = buf_addf(to, BY_HOST "%s", host);
    else
        err = buf_add_slice(to, is_by_mx(row) ? domain_key : slice_str(row->name));
    if (row->apart && !err)
        err = buf_add_str(to, row->apart);
    must(err == FP_OK);
}

const char *route_destination_name(const struct route_row *row, const char *domain_key,
                                   const char *host, char room[ROUTE_ROOM])
{
    if (!is_by_mx(row))
        return row->name;
    if (!host && !row->apart)
        return domain_key;
    int n = snprintf(room, ROUTE_ROOM, "%s%s%s", host ? BY_HOST : "", host ? host : domain_key,
                     row->apart ? row->apart : "");
    must(n < ROUTE_ROOM); // patterns and domains have their maxima
    return room;
}

struct slice route_destination_host(const char *destination)
{
    size_t n = sizeof BY_HOST - 1;
    if (strncmp(destination, BY_HOST, n) != 0)
        return (struct slice){NULL, 0};
    return slice_of(destination + n, strcspn(destination + n, ","));
}
