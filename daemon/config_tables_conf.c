// SPDX-License-Identifier: BSD-2-Clause
// config_tables: rows of listen, route, retry and limit. See config_tables_conf.h.
//
// A row is read into its place at the end of its table before anything in it is known to be right:
// config_close copes with half a row, and reading on tells all problems of it.
#include "daemon/config_tables_conf.h"

#include "core/must.h"
#include "core/time.h"
#include "daemon/config.h"

#include <ctype.h>
#include <stdlib.h>

enum {
    ROWS_MAX = 100000, // of one table
    TRUSTED_MAX = 1000,
    TARGETS_MAX = 16,
    LIMIT_CONNECTIONS_MAX = 1000,
    LIMIT_MESSAGES_MAX = 1000000,
    LIMIT_RCPTS_MAX = 10000,
    EXPIRE_DAYS_MAX = 365,
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

// What a table is, so that one function walks over all four.
struct table {
    const char *name;
    const char *example;
    const struct config_member *members;
    size_t member_count;
    const char *key; // the member that a row must have, and only one row with each value
    void *(*add)(struct config *c);
    char **(*key_of)(struct config *c, uint32_t row);
};

static bool is_row(struct config_reader *r, const struct table *t, const config_setting_t *row)
{
    if (!config_setting_is_group(row)) {
        config_problem(r, row, "a row of %s is written %s", t->name, t->example);
        return false;
    }
    if (!config_setting_get_member(row, t->key))
        config_problem(r, row, "this row of %s lacks %s; a row is written %s", t->name, t->key,
                       t->example);
    return true;
}

static void check_key_is_new(struct config_reader *r, const struct table *t,
                             const config_setting_t *s, uint32_t row, struct pattern_index *keys)
{
    const char *key = *t->key_of(r->config, row);
    if (key && !pattern_index_add(keys, key, row))
        config_problem(r, config_setting_get_elem(s, row),
                       "the row %s = \"%s\" stands twice in %s; keep one", t->key,
                       config_shown(key), t->name);
}

static void read_table(struct config_reader *r, const struct table *t, const config_setting_t *s)
{
    if (!config_setting_is_list(s)) {
        config_problem(r, s, "%s is a table of rows in round brackets: %s = ( %s )", t->name,
                       t->name, t->example);
        return;
    }
    int n = config_setting_length(s);
    if (n > ROWS_MAX) {
        config_problem(r, s, "%s has %d rows, but must have at most %d", t->name, n, ROWS_MAX);
        return;
    }
    char where[64];
    struct pattern_index keys = {0};
    snprintf(where, sizeof(where), " in %s", t->name);
    for (int i = 0; i < n; i++) {
        const config_setting_t *row = config_setting_get_elem(s, (unsigned)i);
        void *into = t->add(r->config); // also for a bad row: indices stay those of the file
        if (!is_row(r, t, row))
            continue;
        config_members_read(r, row, t->members, t->member_count, into, where);
        check_key_is_new(r, t, s, (uint32_t)i, &keys);
    }
    pattern_index_close(&keys);
}

// A zeroed element more at the end of an array, whose room doubles.
static void *grow(void **rows, uint32_t *count, size_t size)
{
    if ((*count & (*count - 1)) == 0)
        *rows = must_realloc(*rows, (*count ? 2 * (size_t)*count : 1) * size);
    char *row = (char *)*rows + *count * size;
    memset(row, 0, size);
    *count += 1;
    return row;
}

static char *lower_case(const char *s)
{
    char *lower = must_strdup(s);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return lower;
}

static char *read_pattern(struct config_reader *r, const config_setting_t *s)
{
    const char *value = config_string(r, s);
    if (!value)
        return NULL;
    if (config_pattern_is_valid(slice_str(value)))
        return lower_case(value);
    config_problem(r, s,
                   "for: \"%s\" is no pattern; write \"user@example.com\", \"example.com\", "
                   "\".example.com\" (everything below it) or \"*\"",
                   config_shown(value));
    return NULL;
}

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
    return grow((void **)&c->listens, &c->listen_count, sizeof(*c->listens));
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
    static const struct table table = {
        .name = "listen",
        .example = "{ address = \"127.0.0.1:25\", protocol = \"smtp\" }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "address",
        .add = listen_add,
        .key_of = listen_key,
    };
    struct config *c = config;
    read_table(r, &table, s);
    r->has_listen = true;
    for (uint32_t i = 0; i < c->listen_count; i++)
        if (!c->listens[i].trusted)
            config_trust_loopback(&c->listens[i]);
}

// route

static void pattern_of_route(struct config_reader *r, const config_setting_t *s, void *into)
{
    ((struct route_row *)into)->pattern = read_pattern(r, s);
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
        buf_addf(&name, "%s%s", i ? "," : "", value);
    }
    row->name = buf_steal(&name, NULL);
    buf_close(&why);
}

static void *route_add(struct config *c)
{
    return grow((void **)&c->routes.rows, &c->routes.count, sizeof(*c->routes.rows));
}

static char **route_key(struct config *c, uint32_t row)
{
    return &c->routes.rows[row].pattern;
}

void config_read_route(struct config_reader *r, const config_setting_t *s, void *config)
{
    static const struct config_member members[] = {{"for", pattern_of_route}, {"to", route_to}};
    static const struct table table = {
        .name = "route",
        .example = "{ for = \"*\", to = [ \"mx\" ] }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "for",
        .add = route_add,
        .key_of = route_key,
    };
    (void)config;
    read_table(r, &table, s);
    for (int i = 0; config_setting_is_list(s) && i < config_setting_length(s); i++) {
        const config_setting_t *row = config_setting_get_elem(s, (unsigned)i);
        if (config_setting_is_group(row) && !config_setting_get_member(row, "to"))
            config_problem(r, row, "this row of route lacks to; a row is written %s",
                           table.example);
    }
}

// retry

static void pattern_of_retry(struct config_reader *r, const config_setting_t *s, void *into)
{
    ((struct retry_row *)into)->pattern = read_pattern(r, s);
}

static void retry_schedule(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct retry_row *row = into;
    const char *value = config_text_value(r, s);
    if (!value)
        return;
    struct slice bad = SLICE_LIT("");
    enum fp_err err = schedule_parse(slice_str(value), &row->schedule, &bad);
    if (err == FP_TOO_BIG)
        config_problem(r, s, "schedule has more than %d waits; the last one repeats anyway",
                       SCHEDULE_STEPS_MAX);
    else if (err && bad.n > 0) {
        char *word = must_memdup(bad.p, bad.n);
        config_problem(r, s,
                       "schedule: \"%s\" is no wait of a second or more; write waits one after "
                       "the other: \"5m 15m 30m\"",
                       config_shown(word));
        free(word);
    } else if (err)
        config_problem(r, s, "schedule is empty; write waits one after the other: \"5m 15m 30m\"");
}

static void retry_warn_after(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct retry_row *row = into;
    if (!config_strings(r, s, RULES_WARN_MAX))
        return;
    row->has_warn = true;
    uint32_t n = (uint32_t)config_setting_length(s);
    for (uint32_t i = 0; i < n; i++) {
        const config_setting_t *one = config_setting_get_elem(s, i);
        int64_t ms;
        if (!config_duration(r, one, TIME_SECOND_MS, EXPIRE_DAYS_MAX * TIME_DAY_MS, &ms))
            continue;
        if (row->warn_count > 0 && ms <= row->warn_after_ms[row->warn_count - 1])
            config_problem(r, one, "warn_after must grow: \"%s\" is not later than the one before",
                           config_shown(config_setting_get_string(one)));
        else
            row->warn_after_ms[row->warn_count++] = ms;
    }
}

static void retry_expire_after(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct retry_row *row = into;
    config_duration(r, s, TIME_SECOND_MS, EXPIRE_DAYS_MAX * TIME_DAY_MS, &row->expire_after_ms);
}

static void *retry_add(struct config *c)
{
    return grow((void **)&c->rules.retries, &c->rules.retry_count, sizeof(*c->rules.retries));
}

static char **retry_key(struct config *c, uint32_t row)
{
    return &c->rules.retries[row].pattern;
}

// A warning that comes after the end, or a first wait beyond it, is no error but hardly meant.
static void warn_about_retry(struct config_reader *r, const config_setting_t *s,
                             const struct retry_row *row)
{
    if (row->expire_after_ms == 0)
        return;
    const config_setting_t *warn = config_setting_get_member(s, "warn_after");
    for (uint32_t i = 0; i < row->warn_count; i++)
        if (row->warn_after_ms[i] >= row->expire_after_ms) {
            config_warning(r, warn,
                           "warn_after is not before expire_after: that warning is never "
                           "sent");
            break;
        }
    if (row->schedule.count > 0 && row->schedule.waits_ms[0] >= row->expire_after_ms)
        config_warning(r, config_setting_get_member(s, "schedule"),
                       "the first wait of schedule is not shorter than expire_after: there is no "
                       "second attempt");
}

void config_read_retry(struct config_reader *r, const config_setting_t *s, void *config)
{
    static const struct config_member members[] = {
        {"for", pattern_of_retry},
        {"schedule", retry_schedule},
        {"warn_after", retry_warn_after},
        {"expire_after", retry_expire_after},
    };
    static const struct table table = {
        .name = "retry",
        .example = "{ for = \"*\", schedule = \"5m 15m 30m\" }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "for",
        .add = retry_add,
        .key_of = retry_key,
    };
    struct config *c = config;
    read_table(r, &table, s);
    for (uint32_t i = 0; i < c->rules.retry_count; i++)
        warn_about_retry(r, config_setting_get_elem(s, i), &c->rules.retries[i]);
}

// limit

static void limit_pattern(struct config_reader *r, const config_setting_t *s, void *into)
{
    char *pattern = read_pattern(r, s);
    if (pattern && strchr(pattern, '@'))
        config_problem(r, s,
                       "for: \"%s\" is an address, but limit counts by destination: write a "
                       "domain or \"*\"",
                       config_shown(pattern));
    ((struct limit_row *)into)->pattern = pattern;
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

static void *limit_add(struct config *c)
{
    return grow((void **)&c->rules.limits, &c->rules.limit_count, sizeof(*c->rules.limits));
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
    };
    static const struct table table = {
        .name = "limit",
        .example = "{ for = \"*\", connections = 20 }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "for",
        .add = limit_add,
        .key_of = limit_key,
    };
    (void)config;
    read_table(r, &table, s);
}
