// SPDX-License-Identifier: BSD-2-Clause
// route: finding the row that fits. See route.h.
#include "deliver/route.h"

#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>

void routes_close(struct routes *r)
{
    if (!r)
        return;
    pattern_index_close(&r->index);
    for (uint32_t i = 0; i < r->count; i++) {
        struct route_row *row = &r->rows[i];
        for (uint32_t t = 0; t < row->target_count; t++)
            target_close(&row->targets[t]);
        free(row->targets);
        free(row->pattern);
        free(row->name);
        free(row->place);
    }
    free(r->rows);
    *r = (struct routes){0};
}

// ---- rows ----------------------------------------------------------------------------------

void routes_index(struct routes *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        pattern_index_add(&r->index, r->rows[i].pattern, i);
}

const struct route_row *route_find(const struct routes *r, struct slice address, const char *host)
{
    struct pattern_walk w;
    uint32_t row;
    must(r->count == 0 || r->index.count > 0);
    pattern_walk_init(&w, &r->index, address);
    if (host)
        pattern_walk_host(&w, slice_str(host));
    return pattern_walk_next(&w, &row) ? &r->rows[row] : NULL;
}

bool route_is_own(const struct routes *r, struct slice address)
{
    const struct route_row *row = route_find(r, address, NULL);
    return row && strcmp(row->pattern, "*") != 0;
}

void route_describe(const struct route_row *row, struct buf *to)
{
    if (!row->place)
        buf_add_str(to, "the default");
    else
        buf_addf(to, "route \"%s\", %s", row->pattern, row->place);
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

static bool is_by_mx(const struct route_row *row)
{
    return row->target_count > 0 && row->targets[0].kind == TARGET_MX;
}

#define BY_HOST "mx:"

bool route_wants_host(const struct routes *r, struct slice address)
{
    const struct route_row *row = route_find(r, address, NULL);
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
    must(err == FP_OK);
}

const char *route_destination_name(const struct route_row *row, const char *domain_key,
                                   const char *host, char room[ROUTE_ROOM])
{
    if (!is_by_mx(row))
        return row->name;
    if (!host)
        return domain_key;
    snprintf(room, ROUTE_ROOM, BY_HOST "%s", host);
    return room;
}

const char *route_destination_host(const char *destination)
{
    size_t n = sizeof BY_HOST - 1;
    return strncmp(destination, BY_HOST, n) == 0 ? destination + n : NULL;
}
