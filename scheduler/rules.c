// SPDX-License-Identifier: BSD-2-Clause
// rules: which rows of `retry` and `limit` give the values for an address. See rules.h.
//
// One pass over the rows, and each setting remembers how exact the row was that gave it: a row that
// does not name a setting therefore hides nothing. Sorting the rows by exactness first was
// rejected; it would save nothing, because each address has its own set of rows that fit.
#include "scheduler/rules.h"

#include "core/time.h"

#include <stdlib.h>

// How exact a pattern is for an address; more is more exact. Between RANK_ALL and RANK_DOMAIN stand
// the suffixes, by their length.
enum { RANK_NONE = 0, RANK_ALL = 1, RANK_DOMAIN = 1 << 20, RANK_ADDRESS };

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

// What stands behind the last '@'; a quoted local part may hold others. Without one it is a domain.
static struct slice domain_of(struct slice address)
{
    const char *at = address.n > 0 ? memrchr(address.p, '@', address.n) : NULL;
    return at ? slice_from(address, (size_t)(at - address.p) + 1) : address;
}

static uint32_t suffix_rank(struct slice suffix, struct slice domain)
{
    if (domain.n <= suffix.n ||
        !slice_equal_nocase(slice_from(domain, domain.n - suffix.n), suffix))
        return RANK_NONE;
    return RANK_ALL + (uint32_t)suffix.n;
}

static uint32_t pattern_rank(const char *text, struct slice address, struct slice domain)
{
    struct slice pattern = slice_str(text);
    if (slice_equal(pattern, SLICE_LIT("*")))
        return RANK_ALL;
    if (pattern.n >= RANK_DOMAIN - RANK_ALL) // no domain is that long
        return RANK_NONE;
    if (pattern.n > 1 && pattern.p[0] == '.')
        return suffix_rank(pattern, domain);
    if (slice_equal_nocase(pattern, domain))
        return RANK_DOMAIN;
    return slice_equal_nocase(pattern, address) ? RANK_ADDRESS : RANK_NONE;
}

// Does a row of this rank give the setting? The first of two equal rows wins.
static bool wins(bool is_named, uint32_t rank, uint32_t *best)
{
    if (!is_named || rank <= *best)
        return false;
    *best = rank;
    return true;
}

static void take_warn(struct retry_rule *ret, const struct retry_row *row)
{
    ret->warn_count = row->warn_count;
    memcpy(ret->warn_after_ms, row->warn_after_ms, sizeof ret->warn_after_ms);
}

void rules_retry(const struct rules *r, struct slice address, struct retry_rule *ret)
{
    uint32_t schedule = RANK_NONE, warn = RANK_NONE, expire = RANK_NONE;
    struct slice domain = domain_of(address);
    *ret = default_retry;
    for (uint32_t i = 0; i < r->retry_count; i++) {
        const struct retry_row *row = &r->retries[i];
        uint32_t rank = pattern_rank(row->pattern, address, domain);
        if (wins(row->schedule.count > 0, rank, &schedule))
            ret->schedule = row->schedule;
        if (wins(row->has_warn, rank, &warn))
            take_warn(ret, row);
        if (wins(row->expire_after_ms > 0, rank, &expire))
            ret->expire_after_ms = row->expire_after_ms;
    }
}

void rules_limit(const struct rules *r, struct slice domain, struct limit_rule *ret)
{
    uint32_t connections = RANK_NONE, messages = RANK_NONE, recipients = RANK_NONE;
    *ret = default_limit;
    for (uint32_t i = 0; i < r->limit_count; i++) {
        const struct limit_row *row = &r->limits[i];
        uint32_t rank = pattern_rank(row->pattern, domain, domain_of(domain));
        if (wins(row->connections > 0, rank, &connections))
            ret->connections = row->connections;
        if (wins(row->messages_per_connection > 0, rank, &messages))
            ret->messages_per_connection = row->messages_per_connection;
        if (wins(row->recipients_per_message > 0, rank, &recipients))
            ret->recipients_per_message = row->recipients_per_message;
    }
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
    for (uint32_t i = 0; i < r->retry_count; i++)
        free(r->retries[i].pattern);
    for (uint32_t i = 0; i < r->limit_count; i++)
        free(r->limits[i].pattern);
    free(r->retries);
    free(r->limits);
    *r = (struct rules){0};
}
