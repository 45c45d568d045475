// SPDX-License-Identifier: BSD-2-Clause
// explain: which rows give the values for one address. See config_explain.h.
#include "config/explain.h"

#include "core/address.h"
#include "core/hostname.h"
#include "core/must.h"
#include "core/time.h"

#include <stdlib.h>

enum { NAME_WIDTH = 26, VALUE_WIDTH = 28 };

void config_explain_schedule(const struct schedule *s, struct buf *to)
{
    for (uint32_t i = 0, times; i < s->count; i += times) {
        for (times = 1; i + times < s->count && s->waits_ms[i + times] == s->waits_ms[i];)
            times++;
        buf_add_str(to, i > 0 ? " " : "");
        time_format_duration(s->waits_ms[i], to);
        if (times > 1)
            buf_addf(to, "*%u", times);
    }
    if (s->growth_permille == 0)
        return;
    uint32_t fraction = s->growth_permille % 1000;
    int digits = 3;
    for (; fraction && fraction % 10 == 0; digits--)
        fraction /= 10;
    buf_addf(to, " x%u", s->growth_permille / 1000);
    if (fraction)
        buf_addf(to, ".%0*u", digits, fraction);
    buf_add_str(to, "<=");
    time_format_duration(s->growth_max_ms, to);
}

static void add_warnings(const struct retry_rule *r, struct buf *to)
{
    buf_add_str(to, r->warn_count ? "" : "never");
    for (uint32_t i = 0; i < r->warn_count; i++) {
        buf_add_str(to, i > 0 ? ", " : "");
        time_format_duration(r->warn_after_ms[i], to);
    }
}

static void add_hint(const struct retry_rule *r, struct buf *to)
{
    if (r->hint_max_ms == 0) {
        buf_add_str(to, "not heard");
        return;
    }
    time_format_duration(r->hint_min_ms, to);
    buf_add_str(to, " to ");
    time_format_duration(r->hint_max_ms, to);
}

static void add_value(const struct retry_rule *r, enum rule_field field, struct buf *to)
{
    switch (field) {
    case RULE_SCHEDULE:
        config_explain_schedule(&r->schedule, to);
        break;
    case RULE_WARN:
        add_warnings(r, to);
        break;
    case RULE_EXPIRE:
        time_format_duration(r->expire_after_ms, to);
        break;
    case RULE_ATTEMPTS:
        if (r->attempts_max)
            buf_addf(to, "%u", r->attempts_max);
        else
            buf_add_str(to, "no limit");
        break;
    case RULE_JITTER:
        buf_addf(to, "%u%%", r->jitter_permille / 10);
        break;
    case RULE_HINT:
        add_hint(r, to);
        break;
    case RULE_FIELDS:
        break;
    }
}

// "  NAME    VALUE    by WHOM\n", in columns where they fit.
static void add_line(const char *name, const struct buf *value, const struct buf *whom,
                     struct buf *to)
{
    buf_addf(to, "  %-*s%-*s  %s\n", NAME_WIDTH, name, VALUE_WIDTH, buf_slice(value).p,
             buf_slice(whom).p);
}

static void add_retry_line(const struct rules *rules, const struct retry_rule *r,
                           enum rule_field field, struct buf *to)
{
    static const char *const names[RULE_FIELDS] = {
        [RULE_SCHEDULE] = "schedule",   [RULE_WARN] = "warn_after",
        [RULE_EXPIRE] = "expire_after", [RULE_ATTEMPTS] = "max_attempts",
        [RULE_JITTER] = "jitter",       [RULE_HINT] = "retry_after",
    };
    struct buf value, whom;
    buf_init(&value, SIZE_MAX);
    buf_init(&whom, SIZE_MAX);
    add_value(r, field, &value);
    rules_name_retry(rules, r->row[field], &whom);
    add_line(names[field], &value, &whom, to);
    buf_close(&value);
    buf_close(&whom);
}

static void ask(const struct config *c, const struct config_question *about,
                enum outcome_class klass, struct retry_rule *ret)
{
    struct rule_question q = rule_question(about->address, about->sender, klass);
    q.has_sender = about->sender != NULL;
    q.host = slice_str(about->host);
    rules_retry(&c->rules, &q, ret);
}

// Only what is not as it is without a failure.
static void add_class(const struct config *c, const struct config_question *q,
                      enum outcome_class klass, const struct retry_rule *usual, struct buf *to)
{
    struct retry_rule rule;
    bool is_first = true;
    ask(c, q, klass, &rule);
    for (enum rule_field field = 0; field < RULE_FIELDS; field++) {
        if (rule.row[field] == usual->row[field])
            continue;
        if (is_first)
            buf_addf(to, "on %s\n", outcome_class_name(klass));
        is_first = false;
        add_retry_line(&c->rules, &rule, field, to);
    }
}

static void add_limit_line(const struct config *c, const struct limit_rule *l,
                           enum limit_field field, struct buf *to)
{
    static const char *const names[LIMIT_FIELDS] = {
        [LIMIT_CONNECTIONS] = "connections",
        [LIMIT_MESSAGES] = "messages_per_connection",
        [LIMIT_RECIPIENTS] = "recipients_per_message",
        [LIMIT_RATE] = "rate",
    };
    const uint32_t numbers[LIMIT_FIELDS] = {l->connections, l->messages_per_connection,
                                            l->recipients_per_message, l->rate_count};
    struct buf value, whom;
    buf_init(&value, SIZE_MAX);
    buf_init(&whom, SIZE_MAX);
    if (field == LIMIT_RATE && l->rate_count == 0)
        buf_add_str(&value, "no limit");
    else
        buf_addf(&value, "%u", numbers[field]);
    if (field == LIMIT_RATE && l->rate_count > 0) {
        buf_add_byte(&value, '/');
        time_format_duration(l->rate_ms, &value);
    }
    rules_name_limit(&c->rules, l->row[field], &whom);
    add_line(names[field], &value, &whom, to);
    buf_close(&value);
    buf_close(&whom);
}

static const struct route_row *row_of(const struct config *c, const struct config_question *q)
{
    return route_find(&c->routes, &(struct route_question){.address = slice_str(q->address),
                                                           .sender = q->sender,
                                                           .host = q->host});
}

// What they count for is not always the address's domain alone.
static void add_limits(const struct config *c, const struct config_question *q, struct slice domain,
                       struct buf *to)
{
    const struct route_row *row = row_of(c, q);
    struct limit_rule limit;
    struct buf name;
    buf_init(&name, SIZE_MAX);
    route_destination(row, domain, q->host, &name);
    rules_limit(&c->rules, buf_slice(&name).p, &limit);
    buf_addf(to, "at once, all mail to %s together\n", buf_slice(&name).p);
    buf_close(&name);
    for (enum limit_field field = 0; field < LIMIT_FIELDS; field++)
        add_limit_line(c, &limit, field, to);
}

static void add_route(const struct config *c, const struct config_question *q, struct buf *to)
{
    const struct route_row *row = row_of(c, q);
    struct buf value, whom;
    buf_init(&value, SIZE_MAX);
    buf_init(&whom, SIZE_MAX);
    buf_add_str(&value, row ? row->name : "none");
    if (row)
        route_describe(row, &whom);
    add_line("route", &value, &whom, to);
    buf_close(&value);
    buf_close(&whom);
}

static bool is_named(const struct config *c, const char *host)
{
    for (uint32_t i = 0; i < c->mx_host_count; i++)
        if (strcmp(c->mx_hosts[i], host) == 0)
            return true;
    return false;
}

static bool has_senders(const struct config *c)
{
    bool has = c->routes.has_senders;
    for (uint32_t i = 0; i < c->rules.retry_count && !has; i++)
        has = c->rules.retries[i].from != NULL;
    return has;
}

static void add_header(const struct config *c, const struct config_question *q, struct buf *to)
{
    buf_add_str(to, q->address);
    if (q->sender)
        buf_addf(to, " from <%s>", q->sender);
    if (q->host)
        buf_addf(to, " at %s", q->host);
    if (q->host && !is_named(c, q->host))
        buf_addf(to, " (no row is for \"mx:%s\")", q->host);
    if (!q->host && c->mx_host_count > 0)
        buf_add_str(to, " (rows for \"mx:HOST\" left out: ask with --mx HOST)");
    if (!q->sender && has_senders(c))
        buf_add_str(to, " (rows for some senders left out: ask with --from SENDER)");
    buf_add_byte(to, '\n');
}

// Names of hosts as rows have them.
static char *host_key(const char *host)
{
    struct slice name = hostname_without_root(slice_str(host));
    char *key = must_memdup(name.p, name.n);
    for (char *c = key; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : *c);
    return key;
}

static void add_answer(const struct config *c, const struct config_question *q, struct buf *to)
{
    struct retry_rule usual;
    struct buf domain;
    buf_init(&domain, SIZE_MAX);
    address_domain_key(slice_str(q->address), &domain);
    add_route(c, q, to);
    ask(c, q, CLASS_NONE, &usual);
    for (enum rule_field field = 0; field < RULE_FIELDS; field++)
        add_retry_line(&c->rules, &usual, field, to);
    for (enum outcome_class klass = CLASS_HOST; klass <= CLASS_MESSAGE; klass++)
        add_class(c, q, klass, &usual, to);
    add_limits(c, q, buf_slice(&domain), to);
    buf_close(&domain);
}

void config_explain(const struct config *c, const struct config_question *asked, struct buf *to)
{
    struct config_question q = *asked;
    char *host = q.host ? host_key(q.host) : NULL;
    q.host = host;
    add_header(c, &q, to);
    if (host && !is_named(c, host))
        q.host = NULL; // its domains are destinations of their own
    add_answer(c, &q, to);
    free(host);
}
