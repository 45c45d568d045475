// SPDX-License-Identifier: BSD-2-Clause
// rules: which rows of `retry` give the values for a recipient. See rules.h; limit: limits.c.
//
// The rows that fit are walked, the most exact first, and the first that names a setting gives it:
// a row that does not name a setting therefore hides nothing. Rows with the same `for` hang
// together in a chain, sorted once.
#include "scheduler/rules.h"

#include "core/must.h"
#include "core/sender_pattern.h"
#include "core/time.h"

#include <stdlib.h>

static const struct retry_rule default_retry = {
    .schedule = {.count = 3,
                 .waits_ms = {5 * TIME_MINUTE_MS, 15 * TIME_MINUTE_MS, 30 * TIME_MINUTE_MS}},
    .warn_count = 1,
    .warn_after_ms = {4 * TIME_HOUR_MS},
    .expire_after_ms = 5 * TIME_DAY_MS,
    .jitter_permille = 100,
    .hint_min_ms = 30 * TIME_SECOND_MS,
    .hint_max_ms = 2 * TIME_HOUR_MS,
    .row = {-1, -1, -1, -1, -1, -1},
};

static bool fits(const struct retry_row *row, const struct rule_question *q)
{
    if (row->on != CLASS_NONE && row->on != q->klass)
        return false;
    return !row->from || (q->has_sender && sender_pattern_fits(row->from, q->sender));
}

// ---- the index ---------------------------------------------------------------------------------

static const char *pattern_of(const void *rows, uint32_t row)
{
    return ((const struct retry_row *)rows)[row].pattern;
}

static bool is_more_exact(const void *rows, uint32_t a, uint32_t b)
{
    const struct retry_row *of_a = (const struct retry_row *)rows + a,
                           *of_b = (const struct retry_row *)rows + b;
    uint32_t rank_a = sender_pattern_rank(of_a->from), rank_b = sender_pattern_rank(of_b->from);
    if (rank_a != rank_b)
        return rank_a > rank_b;
    return of_a->on != CLASS_NONE && of_b->on == CLASS_NONE;
}

static void drop_index(struct rules *r)
{
    pattern_index_close(&r->retry_index);
    pattern_index_close(&r->limit_index);
    pattern_chain_close(&r->retry_chain);
}

void rules_index(struct rules *r)
{
    drop_index(r);
    pattern_chain_build(&r->retry_chain, &r->retry_index,
                        &(struct pattern_chain_rows){.rows = r->retries,
                                                     .count = r->retry_count,
                                                     .pattern_of = pattern_of,
                                                     .is_before = is_more_exact});
    for (uint32_t i = 0; i < r->limit_count; i++)
        if (r->limits[i].pattern)
            pattern_index_add(&r->limit_index, r->limits[i].pattern, i);
}

// ---- questions ---------------------------------------------------------------------------------

struct rule_question rule_question(const char *address, const char *sender,
                                   enum outcome_class klass)
{
    return (struct rule_question){
        .address = slice_str(address),
        .sender = slice_str(sender),
        .has_sender = true,
        .klass = klass,
    };
}

static bool names(const struct retry_row *row, enum rule_field field)
{
    switch (field) {
    case RULE_SCHEDULE:
        return row->schedule.count > 0;
    case RULE_WARN:
        return row->has_warn;
    case RULE_EXPIRE:
        return row->expire_after_ms > 0;
    case RULE_ATTEMPTS:
        return row->attempts_max > 0;
    case RULE_JITTER:
        return row->has_jitter;
    case RULE_HINT:
        return row->has_hint;
    case RULE_FIELDS:
        break;
    }
    return false;
}

static void take_field(const struct retry_row *row, enum rule_field field, struct retry_rule *ret)
{
    switch (field) {
    case RULE_SCHEDULE:
        ret->schedule = row->schedule;
        break;
    case RULE_WARN:
        ret->warn_count = row->warn_count;
        memcpy(ret->warn_after_ms, row->warn_after_ms, sizeof ret->warn_after_ms);
        break;
    case RULE_EXPIRE:
        ret->expire_after_ms = row->expire_after_ms;
        break;
    case RULE_ATTEMPTS:
        ret->attempts_max = row->attempts_max;
        break;
    case RULE_JITTER:
        ret->jitter_permille = row->jitter_permille;
        break;
    case RULE_HINT:
        ret->hint_min_ms = row->hint_min_ms;
        ret->hint_max_ms = row->hint_max_ms;
        break;
    case RULE_FIELDS:
        break;
    }
}

// What the row names and no more exact one has named.
static void take_row(const struct rules *r, uint32_t row, struct retry_rule *ret)
{
    for (enum rule_field field = 0; field < RULE_FIELDS; field++) {
        if (ret->row[field] >= 0 || !names(&r->retries[row], field))
            continue;
        take_field(&r->retries[row], field, ret);
        ret->row[field] = (int32_t)row;
    }
}

void rules_retry(const struct rules *r, const struct rule_question *q, struct retry_rule *ret)
{
    struct pattern_walk w;
    uint32_t first;
    *ret = default_retry;
    if (r->retry_count == 0)
        return;
    must(r->retry_chain.first != NULL);
    pattern_walk_init(&w, &r->retry_index, q->address);
    pattern_walk_host(&w, q->host);
    while (pattern_walk_next(&w, &first))
        for (uint32_t i = r->retry_chain.first[first]; i != PATTERN_CHAIN_END;
             i = r->retry_chain.next[i])
            if (fits(&r->retries[i], q))
                take_row(r, i, ret);
}

int64_t rules_expire_after(const struct rules *r, const struct rule_question *q)
{
    struct pattern_walk w;
    uint32_t first;
    if (r->retry_count == 0)
        return default_retry.expire_after_ms;
    must(r->retry_chain.first != NULL);
    pattern_walk_init(&w, &r->retry_index, q->address);
    pattern_walk_host(&w, q->host);
    while (pattern_walk_next(&w, &first))
        for (uint32_t i = r->retry_chain.first[first]; i != PATTERN_CHAIN_END;
             i = r->retry_chain.next[i])
            if (r->retries[i].expire_after_ms > 0 && fits(&r->retries[i], q))
                return r->retries[i].expire_after_ms;
    return default_retry.expire_after_ms;
}

// ---- in words ----------------------------------------------------------------------------------

static void add_place(const char *place, struct buf *to)
{
    if (place)
        buf_addf(to, ", %s", place);
}

void rules_name_retry(const struct rules *r, int32_t row, struct buf *to)
{
    if (row < 0) {
        buf_add_str(to, "the default");
        return;
    }
    const struct retry_row *rule = &r->retries[row];
    buf_addf(to, "retry \"%s\"", rule->pattern);
    if (rule->from)
        buf_addf(to, " from \"%s\"", rule->from);
    if (rule->on != CLASS_NONE)
        buf_addf(to, " on %s", outcome_class_name(rule->on));
    add_place(rule->place, to);
}

// ---- the sweep ---------------------------------------------------------------------------------

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// Does the row hold for everybody, whatever happened?
static bool is_for_all(const struct retry_row *row)
{
    return strcmp(row->pattern, "*") == 0 && sender_pattern_rank(row->from) == 0 &&
           row->on == CLASS_NONE;
}

static int64_t longest_wait(const struct schedule *s, int64_t hint_max_ms)
{
    int64_t longest_ms = s->growth_permille > 0 ? s->growth_max_ms : 0;
    for (uint32_t i = 0; i < s->count; i++)
        longest_ms = s->waits_ms[i] > longest_ms ? s->waits_ms[i] : longest_ms;
    return longest_ms > hint_max_ms ? longest_ms : hint_max_ms;
}

int64_t rules_longest_wait(const struct rules *r)
{
    int64_t longest_ms = longest_wait(&default_retry.schedule, default_retry.hint_max_ms);
    for (uint32_t i = 0; i < r->retry_count; i++) {
        int64_t ms = longest_wait(&r->retries[i].schedule, r->retries[i].hint_max_ms);
        longest_ms = ms > longest_ms ? ms : longest_ms;
    }
    return longest_ms + longest_ms / 1000 * RULES_JITTER_MAX;
}

int64_t rules_sweep_age(const struct rules *r, uint32_t level)
{
    // Any row may win for some address; the defaults may unless "*" overrides them for all.
    bool is_warn_default = true, is_expire_default = true;
    int64_t age = TIME_NEVER;
    for (uint32_t i = 0; i < r->retry_count; i++) {
        const struct retry_row *row = &r->retries[i];
        bool is_all = is_for_all(row);
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
    drop_index(r);
    for (uint32_t i = 0; i < r->retry_count; i++) {
        free(r->retries[i].pattern);
        free(r->retries[i].from);
        free(r->retries[i].place);
    }
    for (uint32_t i = 0; i < r->limit_count; i++) {
        free(r->limits[i].pattern);
        free(r->limits[i].place);
    }
    rules_forget_hops(r);
    free(r->retries);
    free(r->limits);
    *r = (struct rules){0};
}
