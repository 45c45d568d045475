// SPDX-License-Identifier: BSD-2-Clause
// scene: hosts, names and weather of a simulation. See scene.h.
#include "simulate/scene.h"

#include "core/address.h"
#include "core/hash.h"
#include "core/must.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>

struct scene_greeted {
    char *rcpt;
    int64_t since_ms;
    UT_hash_handle hh;
};

// ---- hosts and domains
// ---------------------------------------------------------------------------

static uint32_t add_host(struct scene *s, const char *name)
{
    for (uint32_t i = 0; i < s->host_count; i++)
        if (strcmp(s->hosts[i].name, name) == 0)
            return i;
    uint32_t n = s->host_count++;
    s->hosts = must_realloc(s->hosts, s->host_count * sizeof *s->hosts);
    struct scene_host *h = &s->hosts[n];
    *h = (struct scene_host){.name = must_strdup(name)};
    if (hostname_is_ipv4(slice_str(name)) || hostname_is_ipv6(slice_str(name)))
        snprintf(h->ip, sizeof h->ip, "%s", name);
    else // of 198.18.0.0/15, which is kept for such things (RFC 2544)
        snprintf(h->ip, sizeof h->ip, "198.%u.%u.%u", 18 + ((n + 1) >> 16 & 1), (n + 1) >> 8 & 255,
                 (n + 1) & 255);
    return n;
}

// The host that one of a domain's targets stands for; NULL: it stands for none.
static const char *target_name(const struct target *t, const char *mx)
{
    switch (t->kind) {
    case TARGET_MX:
        return mx;
    case TARGET_SMTP:
    case TARGET_SMTPS:
    case TARGET_LMTP:
        return t->host;
    case TARGET_LMTP_UNIX:
        return t->text;
    case TARGET_MAILDIR: // no weather in there
    case TARGET_PIPE:
    case TARGET_ERROR:
    case TARGET_DISCARD:
        break;
    }
    return NULL;
}

static void add_targets(struct scene *s, const struct route_row *row, const char *mx)
{
    for (uint32_t i = 0; i < row->target_count; i++) {
        const char *name = target_name(&row->targets[i], mx);
        if (name)
            add_host(s, name);
    }
}

static char *mx_of(const struct simulate_options *o, const char *domain)
{
    for (uint32_t i = 0; i < o->mx_count; i++)
        if (strcmp(o->mx[i].domain, domain) == 0)
            return must_strdup(o->mx[i].host);
    struct slice ip;
    if (hostname_is_literal(slice_str(domain), &ip))
        return must_memdup(ip.p, ip.n);
    char *name = must_alloc(strlen(domain) + 4);
    memcpy(name, "mx.", 3);
    memcpy(name + 3, domain, strlen(domain) + 1);
    return name;
}

// Does a row say "mx:HOST"? Then all domains behind it are one destination.
static bool is_site(const struct config *c, const char *host)
{
    char pattern[300];
    uint32_t row;
    snprintf(pattern, sizeof pattern, "mx:%s", host);
    return pattern_index_find(&c->routes.index, pattern, &row) ||
           pattern_index_find(&c->rules.retry_index, pattern, &row) ||
           pattern_index_find(&c->rules.limit_index, pattern, &row);
}

const struct scene_domain *scene_domain(const struct scene *s, const char *name)
{
    for (uint32_t i = 0; i < s->domain_count; i++)
        if (strcmp(s->domains[i].name, name) == 0)
            return &s->domains[i];
    return NULL;
}

static void add_domain(struct scene *s, const struct config *config,
                       const struct simulate_options *o, struct slice address)
{
    struct buf key;
    buf_init(&key, 1024);
    address_domain_key(address, &key);
    if (key.n > 0 && !scene_domain(s, key.p)) {
        struct scene_domain d = {.name = must_strdup(key.p), .mx = mx_of(o, key.p)};
        const char *site = is_site(config, d.mx) ? d.mx : NULL;
        char room[ROUTE_ROOM];
        d.row = route_find(&config->routes, address, site);
        must(d.row); // "*" is always there
        d.destination = must_strdup(route_destination_name(d.row, d.name, site, room));
        add_targets(s, d.row, d.mx);
        s->domains = must_realloc(s->domains, (s->domain_count + 1) * sizeof *s->domains);
        s->domains[s->domain_count++] = d;
    }
    buf_close(&key);
}

static const struct scene_host *find_host(const struct scene *s, const char *name)
{
    for (uint32_t i = 0; i < s->host_count; i++)
        if (strcmp(s->hosts[i].name, name) == 0 || strcmp(s->hosts[i].ip, name) == 0)
            return &s->hosts[i];
    return NULL;
}

// Where mail goes when nobody said: to what the weather is about, as far as that is no host.
static void default_domains(const struct scene *s, struct simulate_options *o)
{
    for (uint32_t i = 0; i < o->weather.count; i++) {
        const char *name = o->weather.rows[i].name;
        if (strcmp(name, "*") != 0 && !find_host(s, name))
            simulate_options_add_domain(o, slice_str(name));
    }
    if (o->domain_count == 0)
        simulate_options_add_domain(o, SLICE_LIT("example.com"));
}

// ---- weather
// -------------------------------------------------------------------------------------

static bool is_about_hosts(enum weather_kind kind)
{
    return kind == WEATHER_DOWN || kind == WEATHER_BUSY || kind == WEATHER_SLOW;
}

static void give_row(struct scene_host *h, uint32_t row)
{
    for (uint32_t i = 0; i < h->row_count; i++)
        if (h->rows[i] == row)
            return;
    h->rows = must_realloc(h->rows, (h->row_count + 1) * sizeof *h->rows);
    h->rows[h->row_count++] = row;
}

static void say_unknown(const struct scene *s, const struct weather_row *row, struct buf *notes)
{
    size_t count = 0;
    const char **names = must_alloc((s->host_count + s->domain_count + 1) * sizeof *names);
    for (uint32_t i = 0; i < s->domain_count; i++)
        names[count++] = s->domains[i].name;
    for (uint32_t i = 0; i < s->host_count; i++)
        names[count++] = s->hosts[i].name;
    const char *nearest = text_nearest(row->name, names, count);
    buf_addf(notes, "--%s ", weather_name(row->kind));
    text_escape(slice_str(row->name), notes);
    buf_add_str(notes, ": no message goes there, and no route names such a host");
    if (nearest)
        buf_addf(notes, "; did you mean %s?", nearest);
    buf_add_byte(notes, '\n');
    free(names);
}

// A domain behind a relay, or a large host, has none of its own: that one's weather it is.
static void say_relay(const struct weather_row *row, const struct scene_domain *d,
                      struct buf *notes)
{
    buf_addf(notes, "--%s %s: its mail goes to %s, so that is what the weather is at\n",
             weather_name(row->kind), d->name, d->destination);
}

static void place_row(struct scene *s, uint32_t n, struct buf *notes)
{
    const struct weather_row *row = &s->weather->rows[n];
    const struct scene_domain *domain = scene_domain(s, row->name);
    const struct scene_host *named = find_host(s, row->name);
    bool is_all = strcmp(row->name, "*") == 0;
    if (!is_all && !domain && !named) {
        say_unknown(s, row, notes);
        return;
    }
    if (!is_about_hosts(row->kind))
        return;
    for (uint32_t i = 0; i < s->host_count; i++)
        if (is_all || &s->hosts[i] == named)
            give_row(&s->hosts[i], n);
    if (domain && !named) {
        for (uint32_t i = 0; i < domain->row->target_count; i++) {
            const char *name = target_name(&domain->row->targets[i], domain->mx);
            if (name)
                give_row(&s->hosts[add_host(s, name)], n);
        }
        if (strcmp(domain->destination, domain->name) != 0)
            say_relay(row, domain, notes);
    }
}

void scene_make(struct scene *s, const struct config *config, struct simulate_options *options,
                struct buf *notes)
{
    *s = (struct scene){.weather = &options->weather};
    for (uint32_t i = 0; i < config->routes.count; i++)
        add_targets(s, &config->routes.rows[i], NULL);
    if (options->domain_count == 0)
        default_domains(s, options);
    for (uint32_t i = 0; i < options->domain_count; i++) {
        struct buf address;
        buf_init(&address, 1024);
        buf_add_all(&address, "rcpt0@", options->domains[i]);
        add_domain(s, config, options, buf_slice(&address));
        buf_close(&address);
    }
    for (uint32_t i = 0; i < options->sender_count; i++)
        if (options->senders[i][0])
            add_domain(s, config, options, slice_str(options->senders[i]));
    add_domain(s, config, options, slice_str(config_postmaster_address(config)));
    for (uint32_t i = 0; i < options->weather.count; i++)
        place_row(s, i, notes);
}

void scene_close(struct scene *s)
{
    struct scene_greeted *g, *next;
    HASH_ITER(hh, s->greeted, g, next)
    {
        HASH_DEL(s->greeted, g);
        free(g->rcpt);
        free(g);
    }
    for (uint32_t i = 0; i < s->host_count; i++) {
        free(s->hosts[i].name);
        free(s->hosts[i].rows);
    }
    for (uint32_t i = 0; i < s->domain_count; i++) {
        free(s->domains[i].name);
        free(s->domains[i].mx);
        free(s->domains[i].destination);
    }
    free(s->hosts);
    free(s->domains);
    *s = (struct scene){0};
}

enum host_state scene_state(const struct scene *s, const struct scene_host *h, int64_t now_ms)
{
    enum host_state state = HOST_UP;
    for (uint32_t i = 0; i < h->row_count; i++) {
        const struct weather_row *row = &s->weather->rows[h->rows[i]];
        if (!weather_holds(row, now_ms - s->start_ms))
            continue;
        if (row->kind == WEATHER_DOWN)
            return HOST_DOWN;
        if (row->kind == WEATHER_BUSY)
            state = HOST_BUSY;
    }
    return state;
}

int64_t scene_slowness(const struct scene *s, const struct scene_host *h, int64_t now_ms)
{
    int64_t slow_ms = 0;
    for (uint32_t i = 0; i < h->row_count; i++) {
        const struct weather_row *row = &s->weather->rows[h->rows[i]];
        if (row->kind == WEATHER_SLOW && weather_holds(row, now_ms - s->start_ms))
            slow_ms = row->length_ms > slow_ms ? row->length_ms : slow_ms;
    }
    return slow_ms;
}

static bool is_greylisted(struct scene *s, const struct weather_row *row, struct slice rcpt,
                          int64_t now_ms)
{
    struct scene_greeted *g;
    HASH_FIND(hh, s->greeted, rcpt.p, rcpt.n, g);
    if (!g) {
        g = must_zalloc(sizeof *g);
        g->rcpt = must_memdup(rcpt.p, rcpt.n);
        g->since_ms = now_ms;
        HASH_ADD_KEYPTR(hh, s->greeted, g->rcpt, rcpt.n, g);
    }
    return now_ms - g->since_ms < row->length_ms;
}

const char *scene_judge(struct scene *s, const struct scene_host *h, struct slice rcpt,
                        int64_t now_ms)
{
    struct slice domain = address_domain(rcpt);
    for (uint32_t i = 0; i < s->weather->count; i++) {
        const struct weather_row *row = &s->weather->rows[i];
        bool concerns = strcmp(row->name, "*") == 0 || strcmp(row->name, h->name) == 0 ||
                        strcmp(row->name, h->ip) == 0 ||
                        slice_equal_nocase(slice_str(row->name), domain);
        if (!concerns || !weather_holds(row, now_ms - s->start_ms))
            continue;
        if (row->kind == WEATHER_GREYLIST && is_greylisted(s, row, rcpt, now_ms))
            return "450 4.7.1 greylisted, come back later";
        if (row->kind == WEATHER_FULL)
            return "452 4.2.2 mailbox full";
        if (row->kind == WEATHER_REJECT)
            return "550 5.1.1 no such user";
        if (row->kind == WEATHER_REFUSE)
            return "550 5.7.1 we do not take mail from you";
    }
    return NULL;
}
