// SPDX-License-Identifier: BSD-2-Clause
// config: defaults, forms of values, and the end of a configuration. See config.h. Pure.
#include "config/config.h"

#include "core/address.h"
#include "core/must.h"
#include "core/size.h"
#include "core/time.h"
#include "core/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CONFIG_SMTP_PORT = 25,
    CONFIG_RCPTS_MAX = 1000,
    CONFIG_MESSAGE_SIZE_MAX = 50 * 1024 * 1024,
    CONFIG_HISTORY_DAYS = 7,
    CONFIG_INTERACTIVE_S = 30,
    CONFIG_PIPE_M = 5,
    CONFIG_SESSIONS_MAX = 1000,
    CONFIG_IDLE_CONNECTIONS = 200,
    CONFIG_IDLE_S = 2,
    CONFIG_BRAKE_FAILURES = 20,
    CONFIG_BRAKE_SENDERS = 3,
    CONFIG_BRAKE_MINUTES = 10,
};

void config_defaults(struct config *c)
{
    *c = (struct config){
        .spool = must_strdup("/var/lib/fermoposta/spool.db"),
        .socket = must_strdup(CONFIG_DEFAULT_SOCKET),
        .operators = must_strdup("adm"),
        .mode = MODE_BACKGROUND,
        .interactive_timeout_ms = CONFIG_INTERACTIVE_S * TIME_SECOND_MS,
        .pipe_ms = CONFIG_PIPE_M * TIME_MINUTE_MS,
        .smtp_port = CONFIG_SMTP_PORT,
        .eight_bit = EIGHT_BIT_CONVERT,
        .postmaster = must_strdup("postmaster"),
        .message_size_max = CONFIG_MESSAGE_SIZE_MAX,
        .rcpts_max = CONFIG_RCPTS_MAX,
        .sessions_max = CONFIG_SESSIONS_MAX,
        .idle_connections = CONFIG_IDLE_CONNECTIONS,
        .idle_ms = CONFIG_IDLE_S * TIME_SECOND_MS,
        .log = must_strdup("stderr"),
        .protect = protect_table_new(),
        .credentials = credentials_new(),
        .notice_return = RETURN_HEADERS,
        .brake = {.failures = CONFIG_BRAKE_FAILURES,
                  .senders = CONFIG_BRAKE_SENDERS,
                  .within_ms = CONFIG_BRAKE_MINUTES * TIME_MINUTE_MS},
        .history_ms = CONFIG_HISTORY_DAYS * TIME_DAY_MS,
    };
}

void config_close(struct config *c)
{
    if (!c)
        return;
    free(c->file);
    free(c->hostname);
    free(c->spool);
    free(c->socket);
    free(c->user);
    free(c->user_place);
    free(c->operators);
    for (uint32_t i = 0; i < c->nameserver_count; i++)
        free(c->nameservers[i]);
    free(c->nameservers);
    free(c->postmaster);
    free(c->postmaster_address);
    free(c->log);
    for (uint32_t i = 0; i < c->listen_count; i++) {
        free(c->listens[i].address);
        free(c->listens[i].trusted);
    }
    free(c->listens);
    free(c->machine_ips);
    routes_close(&c->routes);
    rules_close(&c->rules);
    protect_table_unref(c->protect);
    credentials_unref(c->credentials);
    free(c->mx_hosts);
    *c = (struct config){0};
}

void config_trust_loopback(struct config_listen *l)
{
    static const char *const loopback[] = {"127.0.0.0/8", "::1"};
    enum { LOOPBACK_COUNT = sizeof(loopback) / sizeof(loopback[0]) };
    l->trusted = must_zalloc(LOOPBACK_COUNT * sizeof(*l->trusted));
    l->trusted_count = LOOPBACK_COUNT;
    for (uint32_t i = 0; i < LOOPBACK_COUNT; i++)
        must(hostname_parse_network(slice_str(loopback[i]), &l->trusted[i]) == FP_OK);
}

void config_listen_default(struct config *c)
{
    must(c->listen_count == 0);
    c->listens = must_zalloc(sizeof(*c->listens));
    c->listen_count = 1;
    c->listens[0].address = must_strdup("127.0.0.1:25");
    config_trust_loopback(&c->listens[0]);
}

static bool routes_have_default(const struct routes *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->rows[i].pattern && !r->rows[i].from &&
            slice_equal(slice_str(r->rows[i].pattern), SLICE_LIT("*")))
            return true;
    return false;
}

static void add_default_route(struct routes *r)
{
    r->rows = must_realloc(r->rows, (r->count + 1) * sizeof(*r->rows));
    struct route_row *row = &r->rows[r->count++];
    *row = (struct route_row){.pattern = must_strdup("*"), .name = must_strdup("mx")};
    row->targets = must_zalloc(sizeof(*row->targets));
    row->target_count = 1;
    row->targets[0] = (struct target){.kind = TARGET_MX, .name = must_strdup("mx")};
}

static void add_mx_host(struct config *c, const char *pattern)
{
    static const char prefix[] = "mx:";
    if (!pattern || strncmp(pattern, prefix, sizeof prefix - 1) != 0)
        return;
    c->mx_hosts = must_realloc(c->mx_hosts, (c->mx_host_count + (size_t)1) * sizeof *c->mx_hosts);
    c->mx_hosts[c->mx_host_count++] = pattern + sizeof prefix - 1;
}

static void find_mx_hosts(struct config *c)
{
    for (uint32_t i = 0; i < c->routes.count; i++)
        add_mx_host(c, c->routes.rows[i].pattern);
    for (uint32_t i = 0; i < c->rules.limit_count; i++)
        add_mx_host(c, c->rules.limits[i].pattern);
    for (uint32_t i = 0; i < c->rules.retry_count; i++)
        add_mx_host(c, c->rules.retries[i].pattern);
}

// The domain of which all is that a row of route fits; NULL: many have their mail there.
static char *only_domain(const char *pattern)
{
    const char *at = strrchr(pattern, '@');
    struct buf name;
    if (strcmp(pattern, "*") == 0 || strncmp(pattern, "mx:", 3) == 0)
        return NULL;
    if (pattern[0] != '.')
        return must_strdup(at ? at + 1 : pattern);
    buf_init(&name, SIZE_MAX);
    buf_addf(&name, "*%s", pattern);
    return buf_steal(&name, NULL);
}

static void add_hop(struct config *c, const struct route_row *row)
{
    const struct target *first = row->targets;
    struct buf target;
    if (row->target_count == 0 || first->kind == TARGET_MX)
        return;
    buf_init(&target, SIZE_MAX);
    target_write(first, &target);
    rules_add_hop(&c->rules, &(struct limit_hop){
                                 .destination = must_strdup(row->name),
                                 .target = buf_steal(&target, NULL),
                                 .host = first->host ? must_strdup(first->host) : NULL,
                                 .domain = only_domain(row->pattern),
                             });
}

void config_index(struct config *c)
{
    routes_index(&c->routes);
    rules_index(&c->rules);
    protect_table_index(c->protect);
    rules_forget_hops(&c->rules);
    for (uint32_t i = 0; i < c->routes.count; i++)
        add_hop(c, &c->routes.rows[i]);
}

void config_complete(struct config *c)
{
    must(c->hostname);
    if (!routes_have_default(&c->routes))
        add_default_route(&c->routes);
    config_index(c);
    find_mx_hosts(c);
    struct buf address;
    buf_init(&address, SIZE_MAX);
    buf_add_str(&address, c->postmaster);
    if (!memchr(c->postmaster, '@', strlen(c->postmaster)))
        buf_addf(&address, "@%s", c->hostname);
    free(c->postmaster_address);
    c->postmaster_address = buf_steal(&address, NULL);
}

const char *config_postmaster_address(const struct config *c)
{
    must(c->postmaster_address);
    return c->postmaster_address;
}

static bool domain_is_valid(struct slice text)
{
    struct slice ip;
    return hostname_is_valid(text) || hostname_is_literal(text, &ip);
}

bool config_pattern_is_valid(struct slice text)
{
    struct slice host = SLICE_LIT("mx:");
    if (slice_equal(text, SLICE_LIT("*")))
        return true;
    if (slice_starts_nocase(text, host))
        return hostname_is_valid(slice_from(text, host.n));
    if (memchr(text.p, '@', text.n)) // of domains there are only A-labels in the spool
        return address_check(text, true) == FP_OK && utf8_is_ascii(address_domain(text)) &&
               (text.p[0] == '"' || !memchr(text.p, '*', text.n)); // nobody means that letter
    if (text.n > 0 && text.p[0] == '.')
        return hostname_is_valid(slice_from(text, 1));
    return domain_is_valid(text);
}

// The number behind the last colon; false when there is none from min to 65535.
static bool port_is_valid(struct slice text, unsigned min)
{
    unsigned port = 0;
    if (text.n == 0 || text.n > 5)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.p[i] - '0');
    }
    return port >= min && port <= UINT16_MAX;
}

// "IP:PORT" or "[IPV6]:PORT".
static bool endpoint_is_valid(struct slice text, unsigned port_min)
{
    const char *colon = memrchr(text.p, ':', text.n);
    if (!colon)
        return false;
    struct slice host = slice_of(text.p, (size_t)(colon - text.p));
    if (!port_is_valid(slice_from(text, host.n + 1), port_min))
        return false;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        return hostname_is_ipv6(slice_of(host.p + 1, host.n - 2));
    return hostname_is_ipv4(host);
}

static bool is_every_address(struct slice ip)
{
    return slice_equal(ip, SLICE_LIT("0.0.0.0")) || slice_equal(ip, SLICE_LIT("::"));
}

static void add_places(struct slice ips, const char *port, struct buf *to)
{
    while (ips.n > 0) {
        const char *blank = memchr(ips.p, ' ', ips.n);
        size_t n = blank ? (size_t)(blank - ips.p) : ips.n;
        if (n > 0)
            buf_addf(to, "%.*s%s ", (int)n, ips.p, port);
        ips = slice_from(ips, n < ips.n ? n + 1 : n);
    }
}

void config_own_places(const struct config *c, struct buf *to)
{
    (void)buf_add_byte(to, ' ');
    for (uint32_t i = 0; i < c->listen_count; i++) {
        const char *address = c->listens[i].address;
        const char *port = strrchr(address, ':');
        if (!port || address[0] == 'u') // unix:/PATH
            continue;
        struct slice ip = slice_of(address, (size_t)(port - address));
        if (ip.n > 2 && ip.p[0] == '[')
            ip = slice_of(ip.p + 1, ip.n - 2);
        if (is_every_address(ip))
            ip = slice_str(c->machine_ips ? c->machine_ips : "");
        add_places(ip, port, to);
    }
}

bool config_listen_is_valid(struct slice text)
{
    struct slice prefix = SLICE_LIT("unix:/");
    if (text.n > prefix.n && slice_equal(slice_of(text.p, prefix.n), prefix))
        return text.n - (prefix.n - 1) <= CONFIG_SOCKET_PATH_MAX;
    return endpoint_is_valid(text, 0); // port 0 asks for a free one
}

bool config_nameserver_is_valid(struct slice text)
{
    return hostname_is_ipv4(text) || hostname_is_ipv6(text) || endpoint_is_valid(text, 1);
}

bool config_nameserver_is_loopback(struct slice text)
{
    return slice_starts_nocase(text, SLICE_LIT("127.")) || slice_equal(text, SLICE_LIT("::1")) ||
           slice_starts_nocase(text, SLICE_LIT("[::1]"));
}
