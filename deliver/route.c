// SPDX-License-Identifier: BSD-2-Clause
// route: reading next hops and finding the row that fits. See route.h.
#include "deliver/route.h"

#include "core/hostname.h"
#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>

enum { SMTP_PORT = 25 };

void routes_close(struct routes *r)
{
    if (!r)
        return;
    pattern_index_close(&r->index);
    for (uint32_t i = 0; i < r->count; i++) {
        struct route_row *row = &r->rows[i];
        for (uint32_t t = 0; t < row->target_count; t++)
            free(row->targets[t].host);
        free(row->targets);
        free(row->pattern);
        free(row->name);
    }
    free(r->rows);
    *r = (struct routes){0};
}

// ---- targets -------------------------------------------------------------------------------

static enum fp_err bad_target(struct slice text, struct buf *why)
{
    if (why)
        (void)buf_addf(why,
                       "\"%.*s\" is no next hop: write \"mx\" or \"smtp://HOST[:PORT]\" (an IPv6 "
                       "address in brackets)",
                       (int)(text.n < 200 ? text.n : 200), text.p);
    return FP_INVALID;
}

static bool parse_port(struct slice text, uint16_t *ret)
{
    uint32_t port = 0;
    if (text.n == 0 || text.n > 5)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.p[i] - '0');
    }
    if (port < 1 || port > 65535)
        return false;
    *ret = (uint16_t)port;
    return true;
}

// "[v6]" or "[v6]:PORT": the part in brackets; what stands behind stays in *rest.
static bool take_bracketed(struct slice *rest, struct slice *ret_host)
{
    const char *end = memchr(rest->p, ']', rest->n);
    if (!end)
        return false;
    *ret_host = slice_of(rest->p + 1, (size_t)(end - rest->p) - 1);
    *rest = slice_from(*rest, (size_t)(end - rest->p) + 1);
    return hostname_is_ipv6(*ret_host) || hostname_is_ipv4(*ret_host);
}

static bool take_host(struct slice *rest, struct slice *ret_host)
{
    if (rest->n > 0 && rest->p[0] == '[')
        return take_bracketed(rest, ret_host);
    const char *colon = memchr(rest->p, ':', rest->n);
    *ret_host = slice_of(rest->p, colon ? (size_t)(colon - rest->p) : rest->n);
    *rest = slice_from(*rest, ret_host->n);
    return ret_host->n > 0 && (hostname_is_ipv4(*ret_host) || hostname_is_valid(*ret_host));
}

enum fp_err target_parse(struct slice text, struct target *ret, struct buf *why)
{
    struct slice scheme = SLICE_LIT("smtp://"), host;
    uint16_t port = SMTP_PORT;
    if (slice_equal_nocase(text, SLICE_LIT("mx"))) {
        *ret = (struct target){.kind = TARGET_MX};
        return FP_OK;
    }
    if (!slice_starts_nocase(text, scheme))
        return bad_target(text, why);
    struct slice rest = slice_from(text, scheme.n);
    if (!take_host(&rest, &host))
        return bad_target(text, why);
    if (rest.n > 0 && (rest.p[0] != ':' || !parse_port(slice_from(rest, 1), &port)))
        return bad_target(text, why);
    *ret = (struct target){.kind = TARGET_SMTP, .host = must_memdup(host.p, host.n), .port = port};
    return FP_OK;
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

static bool is_by_mx(const struct route_row *row)
{
    return row->target_count > 0 && row->targets[0].kind == TARGET_MX;
}

#define BY_HOST "mx:"

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
