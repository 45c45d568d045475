// SPDX-License-Identifier: BSD-2-Clause
// tables: rows of listen, route and limit. See config_tables_conf.h; retry:
// config_retry_conf.c.
#include "config/tables_conf.h"

#include "config/config.h"
#include "config/program_fs.h"
#include "config/table_conf.h"
#include "core/must.h"
#include "core/time.h"

#include <stdlib.h>

enum {
    TRUSTED_MAX = 1000,
    TARGETS_MAX = 16,
    LIMIT_CONNECTIONS_MAX = 1000,
    LIMIT_MESSAGES_MAX = 1000000,
    LIMIT_RCPTS_MAX = 10000,
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

// listen

static void listen_address(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct config_listen *l = into;
    const char *value = config_string(r, s);
    if (!value)
        return;
    if (config_listen_is_valid(slice_str(value)))
        l->address = must_strdup(value);
    else
        config_problem(r, s,
                       "address: \"%s\" is no address to listen on; write \"127.0.0.1:25\", "
                       "\"[::1]:25\" or \"unix:/PATH\"",
                       config_shown(value));
}

static void listen_protocol(struct config_reader *r, const config_setting_t *s, void *into)
{
    static const char *const protocols[] = {"smtp"};
    (void)into;
    config_word(r, s, protocols, COUNT_OF(protocols));
}

static void listen_trusted(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct config_listen *l = into;
    if (!config_strings(r, s, TRUSTED_MAX))
        return;
    uint32_t n = (uint32_t)config_setting_length(s);
    l->trusted =
        must_zalloc((n + 1) * sizeof(*l->trusted)); // not NULL: an empty list is a value too
    for (uint32_t i = 0; i < n; i++) {
        const char *value = config_element(s, i);
        if (hostname_parse_network(slice_str(value), &l->trusted[l->trusted_count]) == FP_OK)
            l->trusted_count++;
        else
            config_problem(r, config_setting_get_elem(s, i),
                           "trusted: \"%s\" is no network; write \"192.0.2.0/24\", "
                           "\"192.0.2.1\", \"2001:db8::/32\" or \"::1\"",
                           config_shown(value));
    }
}

static void *listen_add(struct config *c)
{
    return config_table_grow((void **)&c->listens, &c->listen_count, sizeof(*c->listens));
}

static char **listen_key(struct config *c, uint32_t row)
{
    return &c->listens[row].address;
}

void config_read_listen(struct config_reader *r, const config_setting_t *s, void *config)
{
    static const struct config_member members[] = {
        {"address", listen_address},
        {"protocol", listen_protocol},
        {"trusted", listen_trusted},
    };
    static const struct config_table table = {
        .name = "listen",
        .example = "{ address = \"127.0.0.1:25\", protocol = \"smtp\" }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "address",
        .add = listen_add,
        .key_of = listen_key,
    };
    struct config *c = config;
    config_table_read(r, &table, s);
    r->has_listen = true;
    for (uint32_t i = 0; i < c->listen_count; i++)
        if (!c->listens[i].trusted)
            config_trust_loopback(&c->listens[i]);
}

// route

static void pattern_of_route(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct route_row *row = into;
    row->pattern = config_table_pattern(r, s);
    row->place = config_table_place(r, s);
}

// It may come later, and others than the service may read this: no error.
static void warn_of_program(struct config_reader *r, const config_setting_t *s,
                            const struct route_row *row)
{
    const struct target *last = row->targets + row->target_count - 1;
    if (row->target_count > 0 && last->kind == TARGET_PIPE && !config_program_is_there(last->text))
        config_warning(r, s, "to: there is no program to run at \"%.*s\"",
                       (int)strcspn(last->text, " "), last->text);
}

static void route_to(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct route_row *row = into;
    if (!config_strings(r, s, TARGETS_MAX))
        return;
    uint32_t n = (uint32_t)config_setting_length(s);
    if (n == 0)
        config_problem(r, s, "to is empty; name a next hop: to = [ \"mx\" ]");
    struct buf name, why;
    buf_init(&name, SIZE_MAX);
    buf_init(&why, SIZE_MAX);
    row->targets = must_zalloc((n + 1) * sizeof(*row->targets));
    for (uint32_t i = 0; i < n; i++) {
        const char *value = config_element(s, i);
        buf_reset(&why);
        if (target_parse(slice_str(value), &row->targets[row->target_count], &why) == FP_OK)
            row->target_count++;
        else
            config_problem(r, config_setting_get_elem(s, i), "to: %s", why.p ? why.p : "");
        if (row->target_count > 1 && target_is_final(&row->targets[row->target_count - 2]))
            config_problem(
                r, config_setting_get_elem(s, i),
                "to: \"%s\" is never tried, the next hop before it decides; leave it out",
                config_shown(value));
        warn_of_program(r, config_setting_get_elem(s, i), row);
        buf_addf(&name, "%s%s", i ? "," : "", value);
    }
    row->name = buf_steal(&name, NULL);
    buf_close(&why);
}

static void route_from(struct config_reader *r, const config_setting_t *s, void *into)
{
    ((struct route_row *)into)->from = config_table_sender(r, s);
}

static void *route_add(struct config *c)
{
    return config_table_grow((void **)&c->routes.rows, &c->routes.count, sizeof(*c->routes.rows));
}

static char **route_key(struct config *c, uint32_t row)
{
    return &c->routes.rows[row].pattern;
}

void config_read_route(struct config_reader *r, const config_setting_t *s, void *config)
{
    static const struct config_member members[] = {
        {"for", pattern_of_route}, {"from", route_from}, {"to", route_to}};
    static const struct config_condition conditions[] = {{"from", "*"}};
    static const struct config_table table = {
        .name = "route",
        .example = "{ for = \"*\", to = [ \"mx\" ] }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "for",
        .add = route_add,
        .key_of = route_key,
        .conditions = conditions,
        .condition_count = COUNT_OF(conditions),
    };
    (void)config;
    config_table_read(r, &table, s);
    for (int i = 0; config_setting_is_list(s) && i < config_setting_length(s); i++) {
        const config_setting_t *row = config_setting_get_elem(s, (unsigned)i);
        if (config_setting_is_group(row) && !config_setting_get_member(row, "to"))
            config_problem(r, row, "this row of route lacks to; a row is written %s",
                           table.example);
    }
}

// limit

// A next hop as route writes it, in the one way of all to write it.
static char *limit_target(struct config_reader *r, const config_setting_t *s, const char *value)
{
    struct target target;
    struct buf text;
    buf_init(&text, SIZE_MAX);
    if (target_parse(slice_str(value), &target, &text) == FP_OK) {
        buf_reset(&text);
        target_write(&target, &text);
        target_close(&target);
        return buf_steal(&text, NULL);
    }
    config_problem(r, s, "for: %s", buf_slice(&text).p);
    buf_close(&text);
    return NULL;
}

static char *limit_key_text(struct config_reader *r, const config_setting_t *s)
{
    const char *value = config_setting_get_string(s);
    struct slice text = slice_str(value ? value : "");
    if (hostname_is_ipv4(text) || hostname_is_ipv6(text))
        return config_lower_case(value); // a relay that a route names so
    if (value && strstr(value, ":/"))
        return limit_target(r, s, value);
    return config_table_pattern(r, s);
}

static void limit_pattern(struct config_reader *r, const config_setting_t *s, void *into)
{
    char *pattern = limit_key_text(r, s);
    if (pattern && strchr(pattern, '@') && !strstr(pattern, ":/"))
        config_problem(r, s,
                       "for: \"%s\" is an address, but limit counts by destination: write a "
                       "domain, \"mx:HOST\", a next hop as route names it, or \"*\"",
                       config_shown(pattern));
    ((struct limit_row *)into)->pattern = pattern;
    ((struct limit_row *)into)->place = config_table_place(r, s);
}

static void limit_number(struct config_reader *r, const config_setting_t *s, int64_t max,
                         uint32_t *ret)
{
    int64_t value;
    if (config_integer(r, s, 1, max, &value))
        *ret = (uint32_t)value;
}

static void limit_connections(struct config_reader *r, const config_setting_t *s, void *into)
{
    limit_number(r, s, LIMIT_CONNECTIONS_MAX, &((struct limit_row *)into)->connections);
}

static void limit_messages(struct config_reader *r, const config_setting_t *s, void *into)
{
    limit_number(r, s, LIMIT_MESSAGES_MAX, &((struct limit_row *)into)->messages_per_connection);
}

static void limit_rcpts(struct config_reader *r, const config_setting_t *s, void *into)
{
    limit_number(r, s, LIMIT_RCPTS_MAX, &((struct limit_row *)into)->recipients_per_message);
}

// "100/1m": so many messages in so much time.
static void limit_rate(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct limit_row *row = into;
    const char *value = config_text_value(r, s);
    if (!value)
        return;
    uint32_t count = 0;
    int64_t ms;
    size_t n = strspn(value, "0123456789");
    for (size_t i = 0; i < n && count <= LIMIT_MESSAGES_MAX; i++)
        count = count * 10 + (uint32_t)(value[i] - '0');
    bool is_count = n > 0 && value[n] == '/' && count > 0 && count <= LIMIT_MESSAGES_MAX;
    if (!is_count || time_parse_duration(slice_str(value + n + 1), &ms) || ms < TIME_SECOND_MS ||
        ms > TIME_DAY_MS) {
        config_problem(r, s,
                       "rate: \"%s\" is no rate; write messages and a time of one second to one "
                       "day: \"100/1m\"",
                       config_shown(value));
        return;
    }
    row->rate_count = count;
    row->rate_ms = ms;
}

static void *limit_add(struct config *c)
{
    return config_table_grow((void **)&c->rules.limits, &c->rules.limit_count,
                             sizeof(*c->rules.limits));
}

static char **limit_key(struct config *c, uint32_t row)
{
    return &c->rules.limits[row].pattern;
}

void config_read_limit(struct config_reader *r, const config_setting_t *s, void *config)
{
    static const struct config_member members[] = {
        {"for", limit_pattern},
        {"connections", limit_connections},
        {"messages_per_connection", limit_messages},
        {"recipients_per_message", limit_rcpts},
        {"rate", limit_rate},
    };
    static const struct config_table table = {
        .name = "limit",
        .example = "{ for = \"*\", connections = 20 }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "for",
        .add = limit_add,
        .key_of = limit_key,
    };
    (void)config;
    config_table_read(r, &table, s);
}

// "mx:HOST" of retry and limit is about hosts that are found by MX.

static bool looks_up_hosts(const struct routes *routes)
{
    bool has_default = false;
    for (uint32_t i = 0; i < routes->count; i++) {
        const struct route_row *row = &routes->rows[i];
        has_default |= row->pattern && strcmp(row->pattern, "*") == 0;
        for (uint32_t t = 0; t < row->target_count; t++)
            if (row->targets[t].kind == TARGET_MX)
                return true;
    }
    return !has_default; // then it is "mx"
}

void config_check_hosts(struct config_reader *r, const config_setting_t *root, void *config)
{
    static const char *const tables[] = {"retry", "limit", "tls"};
    const struct config *c = config;
    if (looks_up_hosts(&c->routes))
        return;
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        const config_setting_t *table = config_setting_get_member(root, tables[t]);
        int n = table && config_setting_is_list(table) ? config_setting_length(table) : 0;
        for (int i = 0; i < n; i++) {
            const config_setting_t *row = config_setting_get_elem(table, (unsigned)i);
            const char *pattern = "";
            if (config_setting_is_group(row))
                config_setting_lookup_string(row, "for", &pattern);
            if (strncasecmp(pattern, "mx:", 3) == 0)
                config_warning(r, row,
                               "this row of %s never fits: no row of route goes by \"mx\", so "
                               "nobody looks for \"%s\"",
                               tables[t], config_shown(pattern));
        }
    }
}
