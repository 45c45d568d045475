// SPDX-License-Identifier: BSD-2-Clause
// scene: hosts, names and weather of a simulation. See scene.h.
#include "simulate/scene.h"

#include "core/address.h"
#include "core/hash.h"
#include "core/must.h"
#include "core/sender_pattern.h"
#include "core/text.h"
#include "deliver/placeholder.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { MX_PORT = 25, PATH_MADE_MAX = 64 * 1024 };

struct scene_greeted {
    char *rcpt;
    int64_t since_ms;
    UT_hash_handle hh;
};

// ---- hosts and domains
// ---------------------------------------------------------------------------

static bool is_host(enum target_kind kind)
{
    return kind == TARGET_MX || kind == TARGET_SMTP || kind == TARGET_SMTPS || kind == TARGET_LMTP;
}

// A host has one address, however many of its ports are named.
static void place_host(struct scene *s, struct scene_host *h)
{
    uint32_t n = s->host_count;
    for (uint32_t i = 0; i < s->host_count; i++)
        if (is_host(s->hosts[i].kind) && strcasecmp(s->hosts[i].name, h->name) == 0) {
            memcpy(h->ip, s->hosts[i].ip, sizeof h->ip);
            return;
        }
    h->is_named = !hostname_is_ipv4(slice_str(h->name)) && !hostname_is_ipv6(slice_str(h->name));
    if (h->is_named) // in 198.18.0.0/15, which is kept for such things (RFC 2544)
        snprintf(h->ip, sizeof h->ip, "198.%u.%u.%u", 18 + ((n + 1) >> 16 & 1), (n + 1) >> 8 & 255,
                 (n + 1) & 255);
    else
        snprintf(h->ip, sizeof h->ip, "%s", h->name);
}

// What one of a domain's targets stands for; name NULL: nothing that could have any weather.
static struct scene_host host_of(const struct target *t, const char *mx)
{
    struct scene_host h = {.kind = t->kind, .port = t->port, .name = t->text};
    if (t->kind == TARGET_MX)
        h.name = (char *)mx, h.port = MX_PORT;
    else if (is_host(t->kind))
        h.name = t->host;
    else if (target_is_final(t))
        h.name = NULL;
    return h;
}

static bool is_same(const struct scene_host *a, const struct scene_host *b)
{
    if (is_host(a->kind))
        return is_host(b->kind) && a->port == b->port && strcasecmp(a->name, b->name) == 0;
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

static uint32_t add_host(struct scene *s, const struct scene_host *host)
{
    for (uint32_t i = 0; i < s->host_count; i++)
        if (is_same(&s->hosts[i], host))
            return i;
    struct scene_host h = *host;
    h.name = must_strdup(host->name);
    if (is_host(h.kind))
        place_host(s, &h);
    s->hosts = must_realloc(s->hosts, (s->host_count + 1) * sizeof *s->hosts);
    s->hosts[s->host_count] = h;
    return s->host_count++;
}

static void add_targets(struct scene *s, const struct route_row *row, const char *mx)
{
    for (uint32_t i = 0; i < row->target_count; i++) {
        struct scene_host h = host_of(&row->targets[i], mx);
        if (h.name)
            add_host(s, &h);
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

static bool fits_somebody(const struct route_row *row, const struct simulate_options *o)
{
    bool fits = !row->from || sender_pattern_fits(row->from, SLICE_LIT("")); // notices
    for (uint32_t i = 0; i < o->sender_count && !fits; i++)
        fits = sender_pattern_fits(row->from, slice_str(o->senders[i]));
    return fits;
}

// Rows for senders who send nothing here are left out, and what stands behind a row for anybody.
static void add_ways(struct scene *s, const struct config *config, const struct simulate_options *o,
                     struct slice address, struct scene_domain *d)
{
    struct route_walk w;
    const struct route_row *row;
    const char *site = is_site(config, d->mx) ? d->mx : NULL;
    route_walk_init(&w, &config->routes,
                    &(struct route_question){.address = address, .host = site});
    while ((row = route_walk_next(&w))) {
        char room[ROUTE_ROOM];
        if (!fits_somebody(row, o))
            continue;
        d->ways = must_realloc(d->ways, (d->way_count + 1) * sizeof *d->ways);
        d->ways[d->way_count++] =
            (struct scene_way){row, must_strdup(route_destination_name(row, d->name, site, room))};
        add_targets(s, row, d->mx);
        if (!row->from)
            break;
    }
    must(d->way_count > 0); // "*" is always there
}

static void add_domain(struct scene *s, const struct config *config,
                       const struct simulate_options *o, struct slice address)
{
    struct buf key;
    buf_init(&key, 1024);
    address_domain_key(address, &key);
    if (key.n > 0 && !scene_domain(s, key.p)) {
        struct scene_domain d = {.name = must_strdup(key.p), .mx = mx_of(o, key.p)};
        add_ways(s, config, o, address, &d);
        s->domains = must_realloc(s->domains, (s->domain_count + 1) * sizeof *s->domains);
        s->domains[s->domain_count++] = d;
    }
    buf_close(&key);
}

const char *scene_destination(const struct scene *s, struct slice address, const char *sender)
{
    struct buf key;
    buf_init(&key, 1024);
    address_domain_key(address, &key);
    const struct scene_domain *d = scene_domain(s, buf_slice(&key).p);
    buf_close(&key);
    for (uint32_t i = 0; d && i < d->way_count; i++)
        if (!d->ways[i].row->from || sender_pattern_fits(d->ways[i].row->from, slice_str(sender)))
            return d->ways[i].destination;
    return "";
}

// "HOST:PORT", "[IP]:PORT" or "[IP]" into its parts; port 0: none was said.
static struct slice split(const char *name, uint16_t *ret_port)
{
    struct slice host = slice_str(name);
    char *end;
    const char *colon = strrchr(name, ':');
    unsigned long port = colon && colon[1] ? strtoul(colon + 1, &end, 10) : 0;
    bool has_port = port > 0 && port <= UINT16_MAX && !*end &&
                    (name[0] == '[' || memchr(name, ':', host.n) == colon);
    *ret_port = has_port ? (uint16_t)port : 0;
    if (has_port)
        host.n = (size_t)(colon - name);
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = slice_of(host.p + 1, host.n - 2);
    return host;
}

// Is that what somebody calls it: a host, with or without a port; or a whole next hop?
static bool is_called(const struct scene_host *h, const char *name)
{
    struct target t;
    if (target_parse(slice_str(name), &t, NULL) == FP_OK) {
        struct scene_host other = host_of(&t, NULL);
        bool is_it = other.name && is_same(h, &other);
        target_close(&t);
        return is_it;
    }
    if (!is_host(h->kind))
        return strcmp(h->name, name) == 0;
    uint16_t port;
    struct slice host = split(name, &port);
    return (port == 0 || port == h->port) && (slice_equal_nocase(host, slice_str(h->name)) ||
                                              slice_equal_nocase(host, slice_str(h->ip)));
}

static bool is_some_host(const struct scene *s, const char *name)
{
    for (uint32_t i = 0; i < s->host_count; i++)
        if (is_called(&s->hosts[i], name))
            return true;
    return false;
}

// Where mail goes when nobody said: to what the weather is about, as far as that is no host.
static void default_domains(const struct scene *s, struct simulate_options *o)
{
    for (uint32_t i = 0; i < o->weather.count; i++) {
        const char *name = o->weather.rows[i].name;
        if (strcmp(name, "*") != 0 && !is_some_host(s, name))
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

static void add_name(const struct scene_host *h, struct buf *to)
{
    bool is_v6 = strchr(h->name, ':') != NULL;
    buf_addf(to, is_v6 ? "[%s]:%u" : "%s:%u", h->name, h->port);
}

// The nearest of all names, to which a port belongs when one was written.
static void add_nearest(const struct scene *s, const char *name, struct buf *to)
{
    uint16_t port;
    size_t count = 0;
    split(name, &port);
    const char **names = must_alloc((s->host_count + s->domain_count + 1) * sizeof *names);
    struct buf *texts = must_zalloc((s->host_count + 1) * sizeof *texts);
    for (uint32_t i = 0; i < s->domain_count; i++)
        names[count++] = s->domains[i].name;
    for (uint32_t i = 0; i < s->host_count; i++) {
        buf_init(&texts[i], 4096);
        if (port && is_host(s->hosts[i].kind))
            add_name(&s->hosts[i], &texts[i]);
        else
            buf_add_str(&texts[i], s->hosts[i].name);
        names[count++] = texts[i].p;
    }
    const char *nearest = text_nearest(name, names, count);
    if (nearest)
        buf_addf(to, "; did you mean %s?", nearest);
    for (uint32_t i = 0; i < s->host_count; i++)
        buf_close(&texts[i]);
    free(texts);
    free(names);
}

static void say_unknown(const struct scene *s, const struct weather_row *row, struct buf *notes)
{
    buf_addf(notes, "--%s ", weather_name(row->kind));
    text_escape(slice_str(row->name), notes);
    buf_add_str(notes, ": no message goes there, and no route names such a next hop");
    add_nearest(s, row->name, notes);
    buf_add_byte(notes, '\n');
}

// A domain behind a relay, or a large host, has none of its own: that one's weather it is.
static void say_relay(const struct weather_row *row, const struct scene_domain *d,
                      struct buf *notes)
{
    buf_addf(notes, "--%s %s: its mail goes to %s, so that is what the weather is at\n",
             weather_name(row->kind), d->name, d->ways[0].destination);
}

// What can be with such a next hop? A folder knows no reply, and refuses nobody.
static bool suits(const struct scene_host *h, enum weather_kind kind)
{
    if (h->kind == TARGET_MAILDIR)
        return kind == WEATHER_DOWN || kind == WEATHER_FULL || kind == WEATHER_SLOW;
    return h->kind != TARGET_PIPE || kind != WEATHER_GREYLIST;
}

static void say_unsuited(const struct weather_row *row, const struct scene_host *h,
                         struct buf *notes)
{
    bool is_folder = h->kind == TARGET_MAILDIR;
    buf_addf(notes, "--%s ", weather_name(row->kind));
    text_escape(slice_str(row->name), notes);
    buf_add_all(notes, ": ", is_folder ? "maildir://" : "pipe://", h->name, " is a ",
                is_folder ? "folder, which can be --down, --full or --slow\n"
                          : "program, which can be anything but --greylist\n");
}

static bool is_on_way(const struct scene_domain *domain, const struct route_row *way,
                      const struct scene_host *h)
{
    for (uint32_t i = 0; i < way->target_count; i++) {
        struct scene_host other = host_of(&way->targets[i], domain->mx);
        if (other.name && is_same(h, &other))
            return true;
    }
    return false;
}

// Is the row about that host: by its name, as all hosts, or because the domain's mail goes there?
static bool is_meant(const struct scene *s, const struct weather_row *row,
                     const struct scene_domain *domain, const struct scene_host *h)
{
    if (strcmp(row->name, "*") == 0)
        return is_host(h->kind) || h->kind == TARGET_LMTP_UNIX;
    if (is_some_host(s, row->name))
        return is_called(h, row->name);
    for (uint32_t i = 0; domain && i < domain->way_count; i++)
        if (is_on_way(domain, domain->ways[i].row, h))
            return true;
    return false;
}

static void place_row(struct scene *s, uint32_t n, struct buf *notes)
{
    const struct weather_row *row = &s->weather->rows[n];
    const struct scene_domain *domain = scene_domain(s, row->name);
    bool is_named = is_some_host(s, row->name);
    if (strcmp(row->name, "*") != 0 && !domain && !is_named) {
        say_unknown(s, row, notes);
        return;
    }
    for (uint32_t i = 0; i < s->host_count; i++) {
        if (!is_meant(s, row, domain, &s->hosts[i]))
            continue;
        if (!suits(&s->hosts[i], row->kind))
            say_unsuited(row, &s->hosts[i], notes);
        else if (is_about_hosts(row->kind) || !domain || is_named)
            give_row(&s->hosts[i], n);
    }
    if (domain && !is_named && is_about_hosts(row->kind) &&
        strcmp(domain->ways[0].destination, domain->name) != 0)
        say_relay(row, domain, notes);
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
        for (uint32_t k = 0; k < s->domains[i].way_count; k++)
            free(s->domains[i].ways[k].destination);
        free(s->domains[i].ways);
    }
    free(s->hosts);
    free(s->domains);
    *s = (struct scene){0};
}

static struct slice take_word(struct slice *rest, char end)
{
    const char *at = memchr(rest->p, end, rest->n);
    struct slice word = slice_of(rest->p, at ? (size_t)(at - rest->p) : rest->n);
    *rest = slice_from(*rest, at ? word.n + 1 : word.n);
    return word;
}

// Is the command one that this text makes? What stands for its names may be anything.
static bool makes_command(struct slice text, struct slice words)
{
    while (text.n > 0) {
        struct slice wanted = take_word(&text, ' ');
        if (wanted.n == 0)
            continue;
        size_t fixed = placeholder_first(wanted);
        struct slice word = take_word(&words, '\0');
        if (word.n < fixed || memcmp(word.p, wanted.p, fixed) != 0 ||
            (fixed == wanted.n && word.n != fixed))
            return false;
    }
    return words.n == 0;
}

static bool makes_path(struct slice text, const struct handover_order *order)
{
    struct slice path = slice_str(order->path);
    size_t fixed = placeholder_first(text);
    if (path.n < fixed || memcmp(path.p, text.p, fixed) != 0)
        return false;
    struct buf made;
    buf_init(&made, PATH_MADE_MAX);
    bool is_it = placeholder_expand(text, PLACEHOLDER_PATH, "", order->rcpt, &made) &&
                 slice_equal(buf_slice(&made), path);
    buf_close(&made);
    return is_it;
}

static bool makes(const struct scene_host *h, const struct handover_order *order)
{
    if (order->kind == HANDOVER_PIPE)
        return h->kind == TARGET_PIPE &&
               makes_command(slice_str(h->name), slice_of(order->words, order->words_n));
    return h->kind == TARGET_MAILDIR && makes_path(slice_str(h->name), order);
}

const struct scene_host *scene_folder(const struct scene *s, const struct handover_order *order)
{
    for (uint32_t i = 0; i < s->host_count; i++)
        if (makes(&s->hosts[i], order))
            return &s->hosts[i];
    return NULL;
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

static bool has_row(const struct scene_host *h, uint32_t row)
{
    for (uint32_t i = 0; i < h->row_count; i++)
        if (h->rows[i] == row)
            return true;
    return false;
}

enum weather_kind scene_judge(struct scene *s, const struct scene_host *h, struct slice rcpt,
                              int64_t now_ms)
{
    struct slice domain = address_domain(rcpt);
    for (uint32_t i = 0; i < s->weather->count; i++) {
        const struct weather_row *row = &s->weather->rows[i];
        if (is_about_hosts(row->kind) || !suits(h, row->kind) ||
            !weather_holds(row, now_ms - s->start_ms))
            continue;
        if (!has_row(h, i) && !slice_equal_nocase(slice_str(row->name), domain))
            continue;
        if (row->kind != WEATHER_GREYLIST || is_greylisted(s, row, rcpt, now_ms))
            return row->kind;
    }
    return WEATHER_COUNT;
}

bool scene_is_of_relay(const struct scene *s, const struct scene_host *h, enum weather_kind kind,
                       int64_t now_ms)
{
    bool is_of_host = false;
    for (uint32_t i = 0; i < s->weather->count && !is_of_host; i++) {
        const struct weather_row *row = &s->weather->rows[i];
        is_of_host = row->kind == kind && has_row(h, i) && weather_holds(row, now_ms - s->start_ms);
    }
    return is_of_host && h->kind == TARGET_SMTP;
}
