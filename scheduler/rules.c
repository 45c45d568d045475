// SPDX-License-Identifier: BSD-2-Clause
// rules: which rows of `retry` and `limit` give the values for an address. See rules.h.
//
// The rows that fit are walked, the most exact first, and the first that names a setting gives it:
// a row that does not name a setting therefore hides nothing.
#include "scheduler/rules.h"

#include "core/must.h"
#include "core/time.h"

#include <stdlib.h>

static const struct retry_rule default_retry = {
    .schedule = {.count = 3,
                 .waits_ms = {5 * TIME_MINUTE_MS, 15 * TIME_MINUTE_MS, 30 * TIME_MINUTE_MS}},
    .warn_count = 1,
    .warn_after_ms = {4 * TIME_HOUR_MS},
    .expire_after_ms = 5 * TIME_DAY_MS,
};
static const struct limit_rule default_limit = {
    .connections = 20,
    .messages_per_connection = 100,
    .recipients_per_message = 100,
};

void rules_index(struct rules *r)
{
    for (uint32_t i = 0; i < r->retry_count; i++)
        pattern_index_add(&r->retry_index, r->retries[i].pattern, i);
    for (uint32_t i = 0; i < r->limit_count; i++)
        pattern_index_add(&r->limit_index, r->limits[i].pattern, i);
}

static void take_warn(struct retry_rule *ret, const struct retry_row *row)
{
    ret->warn_count = row->warn_count;
    memcpy(ret->warn_after_ms, row->warn_after_ms, sizeof ret->warn_after_ms);
}

void rules_retry(const struct rules *r, struct slice address, struct retry_rule *ret)
{
    bool has_schedule = false, has_warn = false, has_expire = false;
    struct pattern_walk w;
    uint32_t i;
    *ret = default_retry;
    must(r->retry_count == 0 || r->retry_index.count > 0);
    pattern_walk_init(&w, &r->retry_index, address);
    while (pattern_walk_next(&w, &i)) {
        const struct retry_row *row = &r->retries[i];
        if (!has_schedule && row->schedule.count > 0)
            ret->schedule = row->schedule;
        if (!has_warn && row->has_warn)
            take_warn(ret, row);
        if (!has_expire && row->expire_after_ms > 0)
            ret->expire_after_ms = row->expire_after_ms;
        has_schedule = has_schedule || row->schedule.count > 0;
        has_warn = has_warn || row->has_warn;
        has_expire = has_expire || row->expire_after_ms > 0;
    }
}

int64_t rules_expire_after(const struct rules *r, struct slice address)
{
    struct pattern_walk w;
    uint32_t i;
    must(r->retry_count == 0 || r->retry_index.count > 0);
    pattern_walk_init(&w, &r->retry_index, address);
    while (pattern_walk_next(&w, &i))
        if (r->retries[i].expire_after_ms > 0)
            return r->retries[i].expire_after_ms;
    return default_retry.expire_after_ms;
}

// Takes the value of a row, unless a more exact one has given it; 0 is not named.
static void take(uint32_t named, uint32_t *given)
{
    if (*given == 0)
        *given = named;
}

void rules_limit(const struct rules *r, struct slice domain, struct limit_rule *ret)
{
    struct pattern_walk w;
    uint32_t i;
    *ret = (struct limit_rule){0};
    must(r->limit_count == 0 || r->limit_index.count > 0);
    pattern_walk_init(&w, &r->limit_index, domain);
    while (pattern_walk_next(&w, &i)) {
        take(r->limits[i].connections, &ret->connections);
        take(r->limits[i].messages_per_connection, &ret->messages_per_connection);
        take(r->limits[i].recipients_per_message, &ret->recipients_per_message);
    }
    take(default_limit.connections, &ret->connections);
    take(default_limit.messages_per_connection, &ret->messages_per_connection);
    take(default_limit.recipients_per_message, &ret->recipients_per_message);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t rules_sweep_age(const struct rules *r, uint32_t level)
{
    // Any row may win for some address; the defaults may unless "*" overrides them for all.
    bool is_warn_default = true, is_expire_default = true;
    int64_t age = TIME_NEVER;
    for (uint32_t i = 0; i < r->retry_count; i++) {
        const struct retry_row *row = &r->retries[i];
        bool is_all = strcmp(row->pattern, "*") == 0;
        if (row->has_warn && level < row->warn_count)
            age = earlier(age, row->warn_after_ms[level]);
        if (row->expire_after_ms > 0)
            age = earlier(age, row->expire_after_ms);
        is_warn_default = is_warn_default && !(is_all && row->has_warn);
        is_expire_default = is_expire_default && !(is_all && row->expire_after_ms > 0);
    }
    if (is_warn_default && level < default_retry.warn_count)
        age = earlier(age, default_retry.warn_after_ms[level]);
    if (is_expire_default)
        age = earlier(age, default_retry.expire_after_ms);
    return age;
}

int64_t rules_next_age(const struct rules *r, int64_t age_ms)
{
    int64_t next = TIME_NEVER;
    for (uint32_t i = 0; i <= r->retry_count; i++) {
        bool is_row = i < r->retry_count;
        const int64_t *warn = is_row ? r->retries[i].warn_after_ms : default_retry.warn_after_ms;
        uint32_t count = is_row ? r->retries[i].warn_count : default_retry.warn_count;
        int64_t expire = is_row ? r->retries[i].expire_after_ms : default_retry.expire_after_ms;
        for (uint32_t k = 0; k < count; k++)
            if (warn[k] > age_ms)
                next = earlier(next, warn[k]);
        if (expire > age_ms)
            next = earlier(next, expire);
    }
    return next;
}

uint32_t rules_warn_levels(const struct rules *r)
{
    uint32_t levels = default_retry.warn_count;
    for (uint32_t i = 0; i < r->retry_count; i++)
        if (r->retries[i].warn_count > levels)
            levels = r->retries[i].warn_count;
    return levels;
}

void rules_close(struct rules *r)
{
    pattern_index_close(&r->retry_index);
    pattern_index_close(&r->limit_index);
    for (uint32_t i = 0; i < r->retry_count; i++)
        free(r->retries[i].pattern);
    for (uint32_t i = 0; i < r->limit_count; i++)
        free(r->limits[i].pattern);
    free(r->retries);
    free(r->limits);
    *r = (struct rules){0};
}
