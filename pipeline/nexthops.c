// SPDX-License-Identifier: BSD-2-Clause
// nexthops: see nexthops.h.
//
// What is known of them stands in the spool's table of destinations, under names that no
// destination has, so that it survives a restart.
#include "pipeline/nexthops.h"

#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>

#define STORED "next hop "

const char *nexthops_stored_name(const char *name)
{
    size_t n = sizeof STORED - 1;
    return strncmp(name, STORED, n) == 0 ? name + n : NULL;
}

static const char *name_of(const struct target *t, const char *domain, struct buf *name)
{
    buf_reset(name);
    standby_name(t, domain, name);
    return buf_slice(name).p;
}

// ---- who is first ----------------------------------------------------------------------------

static bool is_choice(const struct target *t)
{
    return !target_is_final(t);
}

uint32_t nexthops_last(const struct pipeline *p, const struct route_row *row, const char *domain)
{
    struct buf name;
    uint32_t last = 0, others = 0;
    if (!standby_has_choice(row))
        return 0;
    buf_init(&name, 64 * 1024);
    for (uint32_t i = 0; i < row->target_count && is_choice(&row->targets[i]); i++) {
        const char *text = name_of(&row->targets[i], domain, &name);
        bool rests = standby_turn(p->standby, text, p->now_ms) == STANDBY_RESTS;
        last |= (uint32_t)rests << i;
        others += !rests;
    }
    buf_close(&name);
    return others > 0 ? last : 0; // when all of them rest, the list's own order is as good as any
}

void nexthops_choose(struct pipeline *p, const struct route_row *row, const char *domain,
                     struct nexthops *ret)
{
    *ret = (struct nexthops){.has_choice = standby_has_choice(row)};
    if (!ret->has_choice)
        return;
    ret->last = nexthops_last(p, row, domain);
    while (ret->last >> ret->first & 1)
        ret->first++;
    struct buf name;
    buf_init(&name, 64 * 1024);
    const char *first = name_of(&row->targets[ret->first], domain, &name);
    ret->is_probe = standby_turn(p->standby, first, p->now_ms) == STANDBY_DUE;
    if (ret->is_probe)
        standby_probe(p->standby, first);
    buf_close(&name);
}

// ---- what became of it -------------------------------------------------------------------------

static void store(struct pipeline *p, const char *name)
{
    const struct standby_hop *hop = standby_find(p->standby, name, NULL);
    struct op *op = op_new(OP_HEALTH);
    struct op_health_row *row = &op->health.row;
    struct buf stored;
    buf_init(&stored, 64 * 1024);
    buf_addf(&stored, STORED "%s", name);
    *row = (struct op_health_row){.name = buf_steal(&stored, NULL)};
    if (hop)
        *row = (struct op_health_row){
            .name = row->name,
            .failures = hop->failures,
            .since_ms = hop->since_ms,
            .last_probe_ms = hop->last_ms,
            .rest_until_ms = hop->rest_until_ms,
            .klass = hop->klass,
        };
    row->status = must_strdup(hop ? hop->status : "");
    row->text = must_strdup(hop ? hop->text : "");
    store_op(p, op, WAIT_NOTHING);
}

static int64_t rest_of(const struct pipeline *p, const struct batch *b, const struct outcome *why,
                       uint32_t failures)
{
    struct rule_question question = {.address = slice_str(b->rcpts[0].address),
                                     .host = slice_str(b->rule_host),
                                     .klass = why->klass};
    struct retry_rule rule;
    rules_retry(&p->config->rules, &question, &rule);
    return p->now_ms + rules_wait(&rule, failures, slice_str(why->text), (uint64_t)p->now_ms);
}

static void miss(struct pipeline *p, const char *name, const struct batch *b,
                 const struct outcome *why, bool is_probe)
{
    uint32_t failures = standby_count(p->standby, name, is_probe, p->now_ms);
    if (failures == 0)
        return;
    int64_t until_ms = rest_of(p, b, why, failures);
    standby_failed(p->standby, name, why, p->now_ms, until_ms);
    store(p, name);
    if (failures > 1)
        return;
    struct buf text;
    char until[TIME_TEXT_SIZE];
    buf_init(&text, 4 * OUTCOME_TEXT_SIZE);
    text_escape(slice_str(why->text), &text);
    time_format_iso(until_ms, until);
    effect_logf(p, LOG_LEVEL_WARNING,
                "next hop %s does not work, others of its list are tried first until %s: %s", name,
                until, buf_slice(&text).p);
    buf_close(&text);
}

static void works(struct pipeline *p, const char *name)
{
    if (!standby_works(p->standby, name))
        return;
    store(p, name);
    effect_logf(p, LOG_LEVEL_INFO, "next hop %s works again", name);
}

void nexthops_learn(struct pipeline *p, const struct session *s, const struct nexthops *chosen,
                    const struct batch *b, bool reached)
{
    struct buf name;
    uint32_t count;
    const struct plan_miss *misses = session_misses(s, &count);
    if (!chosen->has_choice)
        return;
    buf_init(&name, 64 * 1024);
    for (uint32_t i = 0; i < count; i++) {
        const struct target *t = session_target(s, misses[i].target);
        bool is_probe = chosen->is_probe && misses[i].target == chosen->first;
        if (!is_choice(t) || (reached && misses[i].target == session_target_at(s)))
            continue; // one of its addresses did it
        miss(p, name_of(t, b->rule_domain, &name), b, &misses[i].why, is_probe);
    }
    if (reached)
        works(p, name_of(session_target(s, session_target_at(s)), b->rule_domain, &name));
    if (chosen->is_probe)
        standby_no_word(p->standby,
                        name_of(session_target(s, chosen->first), b->rule_domain, &name));
    buf_close(&name);
}

// ---- the spool, operators ----------------------------------------------------------------------

static int64_t at_most(int64_t ms, int64_t max_ms)
{
    return ms < max_ms ? ms : max_ms;
}

bool nexthops_load(struct pipeline *p, const struct op_health_row *row)
{
    const char *name = nexthops_stored_name(row->name);
    if (!name)
        return false;
    if (row->rest_until_ms + STANDBY_OLD_MS < p->now_ms) { // no row of route names it any more
        store(p, name);
        return true;
    }
    // What lies ahead of its time was written by a clock that was wrong.
    int64_t latest_ms = p->now_ms + rules_longest_wait(&p->config->rules);
    struct standby_hop hop = {
        .failures = row->failures,
        .since_ms = at_most(row->since_ms, p->now_ms),
        .last_ms = at_most(row->last_probe_ms, p->now_ms),
        .rest_until_ms = row->rest_until_ms <= latest_ms ? row->rest_until_ms : p->now_ms,
        .klass = row->klass,
    };
    snprintf(hop.status, sizeof hop.status, "%s", row->status);
    snprintf(hop.text, sizeof hop.text, "%s", row->text);
    standby_learn(p->standby, name, &hop);
    return true;
}

void nexthops_wake(struct pipeline *p, const struct route_row *row, const char *domain)
{
    struct buf name;
    if (!row) {
        standby_wake(p->standby, NULL, p->now_ms);
        return;
    }
    buf_init(&name, 64 * 1024);
    for (uint32_t i = 0; i < row->target_count && is_choice(&row->targets[i]); i++)
        standby_wake(p->standby, name_of(&row->targets[i], domain, &name), p->now_ms);
    buf_close(&name);
}
