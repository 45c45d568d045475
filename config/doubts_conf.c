// SPDX-License-Identifier: BSD-2-Clause
// doubts: rows that are right by themselves and count for nothing, because of what other
// rows say about the same mail. Warnings, all of them. See config_tables_conf.h.
//
// Where it cannot be told for all the mail that a row may be about, nothing is said.
#include "config/tables_conf.h"

#include "config/config.h"
#include "config/table_conf.h"
#include "core/hostname.h"
#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

enum {
    PATTERN_ROOM = 512,
    LOOKS_MAX = 1000 * 1000, // at rows of route; of tables beyond that not all is told
    TOLD_MAX = 100,          // rows of a table
};

struct doubts {
    const struct config *c;
    char **hosts; // of all targets, in lower case; owned
    uint32_t host_count;
    struct pattern_index names; // of these hosts, and what is above them: ".example"
    struct pattern_index hops;  // the same of the first targets alone, and their texts
    struct buf own_places;      // where mail comes in here
    uint64_t looks;
};

static bool is_host_pattern(const char *pattern)
{
    return strncmp(pattern, "mx:", 3) == 0;
}

// ---- the ways that mail of a row may go --------------------------------------------------------

// A name below a suffix stands for all of them; nobody has one such as this.
static struct route_question question_of(const char *pattern, char text[PATTERN_ROOM])
{
    snprintf(text, PATTERN_ROOM, "%s%s", pattern[0] == '.' ? "*" : "", pattern);
    if (is_host_pattern(pattern))
        return (struct route_question){.address = SLICE_LIT(""), .host = pattern + 3};
    return (struct route_question){.address = slice_str(text)};
}

// NULL: no row, so by MX.
static const struct route_row *route_of(const struct config *c, const char *pattern)
{
    char text[PATTERN_ROOM];
    struct route_question q = question_of(pattern, text);
    return c->routes.count == 0 ? NULL : route_find(&c->routes, &q);
}

// May that row of route take some of the mail of the pattern, because it is more exact?
static bool is_within(const char *of_route, const char *pattern)
{
    const char *at = strrchr(of_route, '@');
    const char *domain = at ? at + 1 : of_route;
    size_t n = strlen(domain), below = strlen(pattern);
    if (strcmp(pattern, "*") == 0 || is_host_pattern(pattern) || is_host_pattern(of_route))
        return true;
    if (pattern[0] == '.')
        return n > below && strcmp(domain + n - below, pattern) == 0;
    return at && strcmp(domain, pattern) == 0;
}

typedef bool route_test(const struct doubts *d, const char *pattern, const struct route_row *row);

// Only rows for addresses and hosts are more exact than one for a domain.
static bool has_more_exact(const struct routes *routes, const char *pattern)
{
    bool is_many = pattern[0] == '.' || strcmp(pattern, "*") == 0 || is_host_pattern(pattern);
    return is_many || routes->index.has_address || routes->index.has_host;
}

// Those for some senders, then the one for everybody else.
static bool test_rows_of(const struct doubts *d, const char *pattern, route_test *test)
{
    char text[PATTERN_ROOM];
    struct route_question q = question_of(pattern, text);
    struct route_walk w;
    const struct route_row *row;
    if (d->c->routes.count == 0)
        return test(d, pattern, NULL);
    route_walk_init(&w, &d->c->routes, &q);
    while ((row = route_walk_next(&w)) && row->from)
        if (test(d, pattern, row))
            return true;
    return test(d, pattern, row);
}

static bool any_route(struct doubts *d, const char *pattern, route_test *test)
{
    const struct routes *routes = &d->c->routes;
    if (test_rows_of(d, pattern, test))
        return true;
    if (!has_more_exact(routes, pattern))
        return false;
    if (d->looks + routes->count > LOOKS_MAX)
        return true;
    d->looks += routes->count;
    for (uint32_t i = 0; i < routes->count; i++)
        if (is_within(routes->rows[i].pattern, pattern) && test(d, pattern, &routes->rows[i]))
            return true;
    return false;
}

static bool tries_again(const struct doubts *d, const char *pattern, const struct route_row *row)
{
    (void)d, (void)pattern;
    return !row || (row->targets[0].kind != TARGET_DISCARD && !route_refuses(row));
}

static bool asks_somebody(const struct doubts *d, const char *pattern, const struct route_row *row)
{
    (void)d, (void)pattern;
    return !row || !target_is_final(&row->targets[0]);
}

static bool begins_by_mx(const struct doubts *d, const char *pattern, const struct route_row *row)
{
    (void)d, (void)pattern;
    return !row || row->targets[0].kind == TARGET_MX;
}

static bool goes_by_mx(const struct doubts *d, const char *pattern, const struct route_row *row)
{
    (void)d, (void)pattern;
    for (uint32_t i = 0; row && i < row->target_count; i++)
        if (row->targets[i].kind == TARGET_MX)
            return true;
    return !row;
}

static bool is_ip(const char *text)
{
    return hostname_is_ipv4(slice_str(text)) || hostname_is_ipv6(slice_str(text));
}

static bool looks_up_names(const struct doubts *d, const char *pattern, const struct route_row *row)
{
    for (uint32_t i = 0; row && i < row->target_count; i++)
        if (row->targets[i].host && !is_ip(row->targets[i].host))
            return true;
    return goes_by_mx(d, pattern, row);
}

// Hosts found by MX. What rows for others say is not looked at, when they may fit.
static bool speaks_tls_by_mx(const struct doubts *d, const char *pattern)
{
    const struct protect_table *t = d->c->protect;
    const char *at = strrchr(pattern, '@');
    bool is_many = pattern[0] == '.' || strcmp(pattern, "*") == 0 || is_host_pattern(pattern);
    for (uint32_t i = 0; i < t->count; i++)
        if ((is_many || is_host_pattern(t->rows[i].pattern)) && t->rows[i].policy != PROTECT_NONE)
            return true;
    return protect_find(t, at ? at + 1 : pattern, "", true)->policy != PROTECT_NONE;
}

static bool speaks_tls(const struct doubts *d, const char *pattern, const struct route_row *row)
{
    for (uint32_t i = 0; row && i < row->target_count; i++) {
        const struct target *t = &row->targets[i];
        if (t->kind == TARGET_SMTPS)
            return true;
        if (t->host && protect_find(d->c->protect, "", t->host, false)->policy != PROTECT_NONE)
            return true;
    }
    return goes_by_mx(d, pattern, row) && speaks_tls_by_mx(d, pattern);
}

static bool is_listed(const struct pattern_index *names, const char *pattern)
{
    uint32_t row;
    return pattern_index_find(names, pattern, &row);
}

static const char *next_hop_of(const struct config *c, const char *pattern)
{
    const struct route_row *row = route_of(c, pattern);
    return config_shown(row ? row->name : "mx");
}

// ---- retry -------------------------------------------------------------------------------------

static void doubt_retry(struct config_reader *r, const config_setting_t *s, struct doubts *d,
                        uint32_t i)
{
    const struct config *c = d->c;
    const struct retry_row *row = &c->rules.retries[i];
    if (!any_route(d, row->pattern, tries_again))
        config_warning(r, s,
                       "this row of retry never counts: mail for \"%s\" goes to %s, and is not "
                       "tried again",
                       row->pattern, next_hop_of(c, row->pattern));
    else if (row->on == CLASS_DNS && !any_route(d, row->pattern, looks_up_names))
        config_warning(r, s,
                       "this row of retry never counts: no name is looked up for mail for \"%s\", "
                       "so on = \"dns\" does not happen",
                       row->pattern);
    else if (row->on == CLASS_TLS && !any_route(d, row->pattern, speaks_tls))
        config_warning(r, s,
                       "this row of retry hardly counts: mail for \"%s\" goes without TLS, so on = "
                       "\"tls\" happens only where a relay wants it",
                       row->pattern);
}

// ---- limit -------------------------------------------------------------------------------------

static bool is_target(const char *pattern)
{
    return strstr(pattern, ":/") || is_ip(pattern);
}

static bool differs(const struct limit_row *row, const struct limit_rule *holds)
{
    bool has_rate = row->rate_count == holds->rate_count && row->rate_ms == holds->rate_ms;
    return (row->connections && row->connections != holds->connections) ||
           (row->messages_per_connection &&
            row->messages_per_connection != holds->messages_per_connection) ||
           (row->recipients_per_message &&
            row->recipients_per_message != holds->recipients_per_message) ||
           (row->rate_count && !has_rate);
}

static void doubt_shared_limit(struct config_reader *r, const config_setting_t *s,
                               const struct config *c, const struct limit_row *row)
{
    const struct route_row *route = route_of(c, row->pattern);
    const struct limit_hop *hop = route ? rules_hop(&c->rules, route->name) : NULL;
    struct limit_rule holds;
    if (!hop)
        return;
    rules_limit(&c->rules, route->name, &holds);
    if (differs(row, &holds))
        config_warning(
            r, s,
            "this row of limit does not count: mail for \"%s\" goes to the same next hop "
            "as other mail, which has one set of limits for all of it; write for = "
            "\"%s\"",
            row->pattern, config_shown(hop->host ? hop->host : hop->target));
}

static void doubt_limit(struct config_reader *r, const config_setting_t *s, struct doubts *d,
                        uint32_t i)
{
    const struct config *c = d->c;
    const struct limit_row *row = &c->rules.limits[i];
    if (strcmp(row->pattern, "*") == 0 || is_host_pattern(row->pattern) ||
        is_listed(&d->hops, row->pattern))
        return;
    if (is_target(row->pattern))
        config_warning(r, s,
                       "this row of limit never fits: no row of route goes to \"%s\", or not first",
                       config_shown(row->pattern));
    else if (!any_route(d, row->pattern, asks_somebody))
        config_warning(r, s,
                       "this row of limit never counts: mail for \"%s\" goes to %s, and nobody is "
                       "asked",
                       row->pattern, next_hop_of(c, row->pattern));
    else if (!any_route(d, row->pattern, begins_by_mx))
        doubt_shared_limit(r, s, c, row);
}

// ---- tls ---------------------------------------------------------------------------------------

static void doubt_tls(struct config_reader *r, const config_setting_t *s, struct doubts *d,
                      uint32_t i)
{
    const struct config *c = d->c;
    const char *pattern = c->protect->rows[i].pattern;
    const struct route_row *route = route_of(c, pattern);
    if (strcmp(pattern, "*") == 0 || is_host_pattern(pattern) || is_listed(&d->names, pattern))
        return;
    if (is_ip(pattern))
        config_warning(r, s, "this row of tls never fits: no row of route goes to \"%s\"", pattern);
    else if (any_route(d, pattern, goes_by_mx))
        return;
    else if (route->targets[0].host)
        config_warning(r, s,
                       "this row of tls never fits: what mail for \"%s\" goes to is found by its "
                       "own name; write for = \"%s\"",
                       pattern, config_shown(route->targets[0].host));
    else
        config_warning(r, s,
                       "this row of tls never fits: mail for \"%s\" goes to %s, where there is no "
                       "TLS",
                       pattern, next_hop_of(c, pattern));
}

// ---- all ---------------------------------------------------------------------------------------

static void add_host(struct pattern_index *to, const char *host)
{
    for (const char *text = host; text && text[0]; text = strchr(text + 1, '.'))
        pattern_index_add(to, text, 0);
}

static void begin(struct doubts *d, const struct config *c)
{
    *d = (struct doubts){.c = c};
    buf_init(&d->own_places, SIZE_MAX);
    config_own_places(c, &d->own_places);
    for (uint32_t i = 0; i < c->routes.count; i++)
        d->host_count += c->routes.rows[i].target_count;
    d->hosts = must_zalloc((d->host_count + (size_t)1) * sizeof *d->hosts);
    for (uint32_t i = 0, k = 0; i < c->routes.count; i++)
        for (uint32_t t = 0; t < c->routes.rows[i].target_count; t++, k++) {
            const char *host = c->routes.rows[i].targets[t].host;
            d->hosts[k] = host ? config_lower_case(host) : NULL;
            add_host(&d->names, d->hosts[k]);
            if (t == 0)
                add_host(&d->hops, d->hosts[k]);
        }
    for (uint32_t i = 0; i < c->rules.hop_count; i++)
        pattern_index_add(&d->hops, c->rules.hops[i].target, 0);
}

// route

// RFC 4291 2.5.6, RFC 4007 11: such an address means a host only together with an interface.
static void doubt_link_local(struct config_reader *r, const config_setting_t *s,
                             const struct target *t)
{
    static const struct hostname_network link_local = {{0xfe, 0x80}, 10, true};
    if (t->host && hostname_in_network(&link_local, slice_str(t->host)))
        config_warning(r, s,
                       "to: %s is a link-local address, and cannot be reached: which interface "
                       "leads there cannot be written; write another address of the host, or its "
                       "name",
                       t->host);
}

static void doubt_route(struct config_reader *r, const config_setting_t *s, struct doubts *d,
                        uint32_t i)
{
    const struct route_row *row = &d->c->routes.rows[i];
    for (uint32_t k = 0; k < row->target_count; k++) {
        const struct target *t = &row->targets[k];
        char place[300];
        doubt_link_local(r, s, t);
        if (t->kind != TARGET_SMTP && t->kind != TARGET_SMTPS)
            continue;
        snprintf(place, sizeof place, " %s:%u ", t->host, t->port);
        if (strstr(d->own_places.p, place))
            config_warning(r, s,
                           "to: at %s port %u this daemon itself listens: such mail is given "
                           "back as a loop",
                           t->host, t->port);
    }
}

static void end(struct doubts *d)
{
    pattern_index_close(&d->names);
    pattern_index_close(&d->hops);
    for (uint32_t i = 0; i < d->host_count; i++)
        free(d->hosts[i]);
    free(d->hosts);
    buf_close(&d->own_places);
}

struct doubted {
    const char *name;
    uint32_t count;
    void (*doubt)(struct config_reader *r, const config_setting_t *s, struct doubts *d, uint32_t i);
};

static void check_table(struct config_reader *r, const config_setting_t *root, struct doubts *d,
                        const struct doubted *t)
{
    const config_setting_t *table = config_setting_get_member(root, t->name);
    uint32_t told = 0;
    for (uint32_t i = 0; i < t->count && told < TOLD_MAX; i++) {
        size_t before = r->problems->n;
        t->doubt(r, config_setting_get_elem(table, i), d, i);
        told += r->problems->n > before;
    }
}

void config_check_doubts(struct config_reader *r, const config_setting_t *root, void *config)
{
    struct config *c = config;
    const struct doubted tables[] = {
        {"retry", c->rules.retry_count, doubt_retry},
        {"limit", c->rules.limit_count, doubt_limit},
        {"tls", c->protect->count, doubt_tls},
        {"route", c->routes.count, doubt_route},
    };
    struct doubts d;
    config_index(c);
    begin(&d, c);
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        check_table(r, root, &d, &tables[t]);
    end(&d);
}
