// SPDX-License-Identifier: BSD-2-Clause
// sts: MTA-STS policies of domains (RFC 8461): who asks for them, and what is kept. See
// sts.h. What a policy says is deliver/mta_sts's, what it does to a conversation
// deliver/guard's.
//
// A conversation asks before it connects to a host that the DNS named. The domain's TXT record is
// asked for as all names are, through the cache of answers; its id says whether the policy that is
// known is still the one. If not, the policy is fetched while the conversation waits, and others
// for the same domain with it; so the first mail to a domain is protected as well (5.1 would let
// it go without). A domain without a record costs one question for as long as the answer holds.
//
// (T1) A policy that was fetched holds until it expires, whatever cannot be fetched or asked: an
//      attacker may have kept the record or the server from us (3.3). So it stands in the spool,
//      and nothing is started before the spool has said which there are.
// (T2) Nobody waits for a fetch that has failed lately, nor for one that only renews a policy whose
//      id has not changed.
// (T3) What is remembered is bounded: STS_DOMAINS_MAX and MX_BYTES_MAX, the first learnt goes
// first. (T4) A policy holds for HOLD_MIN_MS, whatever it says: else its domain could have each
// conversation
//      wait for a fetch.
#include "pipeline/sts.h"

#include "core/text.h"
#include "deliver/mta_sts.h"
#include "pipeline/carrier.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    STS_DOMAINS_MAX = 10000, // some 400 bytes each, and what follows
    MX_BYTES_MAX = 4 << 20,  // of all policies' patterns: one may have 16 KiB
    HOLD_MIN_MS = 5 * TIME_MINUTE_MS,
    RETRY_MS = 5 * TIME_MINUTE_MS, // RFC 8461 3.3
    RENEW_MS = TIME_DAY_MS,        // likewise; so that an expiry never comes as a surprise
    RENEW_AGAIN_MS = TIME_HOUR_MS,
    NAME_SIZE = 300,
};

enum entry_state {
    ENTRY_QUIET,
    ENTRY_ASKING,  // for the TXT record
    ENTRY_FETCHING // the policy
};

struct sts_entry {
    UT_hash_handle hh;
    enum entry_state state;
    uint64_t check;           // what is under way; who waits for it knows this number
    char id[STS_ID_MAX + 1];  // the last one that was fetched for, be it in vain
    int64_t retry_ms;         // that id is not fetched for before this
    struct sts_policy policy; // domain NULL: none is known
    char domain[];
};

struct sts {
    struct sts_entry *entries; // in the order of learning
    size_t mx_bytes;           // of their policies
};

static size_t mx_bytes(const struct sts_entry *e)
{
    return e->policy.domain ? strlen(e->policy.mx) : 0;
}

static void set_policy(struct pipeline *p, struct sts_entry *e, const struct sts_policy *policy)
{
    p->sts->mx_bytes -= mx_bytes(e);
    sts_policy_close(&e->policy);
    e->policy = *policy;
    p->sts->mx_bytes += mx_bytes(e);
}

static void forget(struct pipeline *p, struct sts_entry *e)
{
    HASH_DEL(p->sts->entries, e);
    set_policy(p, e, &(struct sts_policy){0});
    free(e);
}

void sts_open(struct pipeline *p)
{
    p->sts = must_zalloc(sizeof *p->sts);
}

void sts_close(struct pipeline *p)
{
    while (p->sts->entries)
        forget(p, p->sts->entries);
    free(p->sts);
}

static struct sts_entry *find(const struct pipeline *p, const char *domain)
{
    struct sts_entry *e;
    HASH_FIND_STR(p->sts->entries, domain, e);
    return e;
}

static const struct sts_policy *valid_policy(const struct pipeline *p, const struct sts_entry *e)
{
    return e && e->policy.domain && p->now_ms < e->policy.expires_ms ? &e->policy : NULL;
}

const struct sts_policy *sts_known(const struct pipeline *p, const char *domain)
{
    return valid_policy(p, find(p, domain));
}

// ---- the spool -------------------------------------------------------------------------------

static void store(struct pipeline *p, const struct sts_policy *policy, bool is_over)
{
    struct op *op = op_new(OP_STS);
    sts_policy_copy(&op->sts.row, policy);
    op->sts.is_over = is_over;
    store_op(p, op, WAIT_NOTHING);
}

// (T3)
static void make_room(struct pipeline *p)
{
    struct sts_entry *e, *next;
    HASH_ITER(hh, p->sts->entries, e, next)
    {
        if (HASH_COUNT(p->sts->entries) < STS_DOMAINS_MAX && p->sts->mx_bytes <= MX_BYTES_MAX)
            return;
        if (e->state != ENTRY_QUIET)
            continue;
        if (e->policy.domain)
            store(p, &e->policy, true);
        forget(p, e);
    }
}

static struct sts_entry *add(struct pipeline *p, const char *domain)
{
    size_t n = strlen(domain) + 1;
    make_room(p);
    struct sts_entry *e = must_zalloc(sizeof *e + n);
    memcpy(e->domain, domain, n);
    HASH_ADD_STR(p->sts->entries, domain, e);
    return e;
}

void sts_load(struct pipeline *p)
{
    brake_set(p, BRAKE_LOADING, true); // T1
    struct op *op = op_new(OP_STS_ALL);
    op->sts_all.limit = STS_DOMAINS_MAX;
    store_op(p, op, WAIT_LOADING);
}

void sts_loaded(struct pipeline *p, struct op *op)
{
    if (op->err) {
        effect_logf(p, LOG_LEVEL_ERROR,
                    "spool: MTA-STS policies could not be read: %s; trying again",
                    fp_err_text(op->err));
        alarm_set(p, &p->alarm_loading, p->now_ms + TIME_SECOND_MS);
        return;
    }
    for (uint32_t i = op->sts_all.row_count; i-- > 0;) { // the first learnt first
        struct sts_policy *row = &op->sts_all.rows[i];
        struct sts_entry *e = find(p, row->domain);
        if (!e)
            e = add(p, row->domain);
        snprintf(e->id, sizeof e->id, "%s", row->id);
        set_policy(p, e, row);
        *row = (struct sts_policy){0};
    }
    suspending_load(p); // which goes on
}

// ---- answers to conversations ----------------------------------------------------------------

// Looked for from the beginning each time: what goes on may start others, and free them.
static struct carrier *find_waiting(const struct pipeline *p, uint64_t check)
{
    struct carrier *h = p->carriers;
    while (h && h->sts_check != check)
        h = h->next;
    return h;
}

// Those who wait are told. The entry may be gone when it is over.
static void tell_waiting(struct pipeline *p, struct sts_entry *e)
{
    struct sts_policy policy = {0};
    const struct sts_policy *valid = valid_policy(p, e);
    uint64_t check = e->check;
    struct carrier *h;
    if (valid)
        sts_policy_copy(&policy, valid);
    if (e->state == ENTRY_QUIET && !e->policy.domain && e->retry_ms <= p->now_ms)
        forget(p, e);
    while ((h = find_waiting(p, check))) {
        h->sts_check = 0;
        carrier_feed(p, h,
                     (struct session_event){.kind = SESSION_POLICY,
                                            .policy = policy.domain ? &policy : NULL});
    }
    sts_policy_close(&policy);
}

// ---- asking and fetching ---------------------------------------------------------------------

static void record_name(const char *domain, char ret[NAME_SIZE])
{
    snprintf(ret, NAME_SIZE, "_mta-sts.%s", domain);
}

static void ask(struct pipeline *p, struct sts_entry *e, const char *name)
{
    e->state = ENTRY_ASKING;
    e->check = p->next_tag++;
    struct slice kept = effect_keep(p, slice_str(name));
    struct pipeline_effect *fx = effect_add(p, PIPELINE_LOOKUP);
    fx->lookup = e->check;
    fx->name = kept.p;
    fx->type = DNS_TYPE_TXT;
}

static void fetch(struct pipeline *p, struct sts_entry *e, const char *id)
{
    const struct protect_row *row = protect_find(p->config->protect, e->domain, "", true);
    if (e->state == ENTRY_QUIET)
        e->check = p->next_tag++;
    e->state = ENTRY_FETCHING;
    snprintf(e->id, sizeof e->id, "%s", id);
    struct slice domain = effect_keep(p, slice_str(e->domain));
    struct slice ca_file = effect_keep(p, slice_str(row->ca_file ? row->ca_file : ""));
    struct pipeline_effect *fx = effect_add(p, PIPELINE_FETCH);
    fx->lookup = e->check;
    fx->name = domain.p;
    fx->ca_file = ca_file.p;
}

// The record is known. True: the policy that is known counts, or that there is none; else it is
// being fetched, and that is to be waited for (T2).
static bool judge(struct pipeline *p, struct sts_entry *e, const char *domain,
                  const struct dns_answer *txt)
{
    char id[STS_ID_MAX + 1];
    const struct sts_policy *valid = valid_policy(p, e);
    if (!mta_sts_record_id(txt, id))
        return true;
    bool is_known = valid && strcmp(valid->id, id) == 0;
    bool has_failed = e && strcmp(e->id, id) == 0 && p->now_ms < e->retry_ms;
    if (has_failed || (is_known && p->now_ms - valid->fetched_ms < RENEW_MS))
        return true;
    if (!e)
        e = add(p, domain);
    fetch(p, e, id);
    return is_known;
}

void sts_answered(struct pipeline *p, uint64_t lookup, const char *name,
                  const struct dns_answer *answer)
{
    const char *dot = strchr(name, '.');
    struct sts_entry *e = dot ? find(p, dot + 1) : NULL;
    if (!e || e->state != ENTRY_ASKING || e->check != lookup)
        return;
    if (!judge(p, e, e->domain, answer))
        return; // who waits waits on
    if (e->state == ENTRY_ASKING)
        e->state = ENTRY_QUIET;
    tell_waiting(p, e);
}

static void tell_at_once(struct pipeline *p, struct carrier *h, const struct sts_policy *policy)
{
    session_feed(h->session, &(struct session_event){
                                 .kind = SESSION_POLICY, .now_ms = p->now_ms, .policy = policy});
}

void sts_ask(struct pipeline *p, struct carrier *h, const char *domain)
{
    char name[NAME_SIZE];
    record_name(domain, name);
    struct sts_entry *e = find(p, domain);
    const struct dns_answer *txt = dnscache_find(p->dnscache, name, DNS_TYPE_TXT, p->now_ms);
    bool is_known = e && e->state == ENTRY_FETCHING && valid_policy(p, e) &&
                    strcmp(e->policy.id, e->id) == 0; // it is only being renewed
    if (is_known || ((!e || e->state == ENTRY_QUIET) && txt && judge(p, e, domain, txt))) {
        tell_at_once(p, h, valid_policy(p, find(p, domain)));
        return;
    }
    if (!e)
        e = find(p, domain); // judge may have made it
    if (!e)
        e = add(p, domain);
    if (e->state == ENTRY_QUIET)
        ask(p, e, name);
    h->sts_check = e->check;
}

// ---- what was fetched ------------------------------------------------------------------------

static void say_policy(struct pipeline *p, const struct sts_policy *policy, uint32_t age_s)
{
    effect_logf(p, LOG_LEVEL_INFO, "MTA-STS policy of %s: %s, for %u s, mx:%s", policy->domain,
                sts_mode_name(policy->mode), age_s, policy->mx[0] ? policy->mx : " none");
}

static void take_policy(struct pipeline *p, struct sts_entry *e, struct sts_policy *policy,
                        uint32_t age_s)
{
    policy->domain = must_strdup(e->domain);
    policy->id = must_strdup(e->id);
    policy->fetched_ms = p->now_ms;
    int64_t age_ms = (int64_t)age_s * TIME_SECOND_MS;
    policy->expires_ms = p->now_ms + (age_ms > HOLD_MIN_MS ? age_ms : HOLD_MIN_MS); // T4
    bool is_news = !e->policy.domain || e->policy.mode != policy->mode ||
                   strcmp(e->policy.mx, policy->mx) != 0;
    if (is_news)
        say_policy(p, policy, age_s);
    set_policy(p, e, policy);
    e->retry_ms = 0;
    store(p, policy, false);
    make_room(p); // e is not quiet yet, and stays
}

static void note_failure(struct pipeline *p, struct sts_entry *e, const char *why)
{
    const struct sts_policy *valid = valid_policy(p, e);
    bool is_renewal = valid && strcmp(valid->id, e->id) == 0;
    e->retry_ms = p->now_ms + (is_renewal ? RENEW_AGAIN_MS : RETRY_MS);
    if (valid && valid->mode == STS_NONE)
        return;
    struct buf text;
    buf_init(&text, SIZE_MAX);
    text_escape(slice_str(why), &text); // it may quote what a stranger wrote
    effect_logf(p, LOG_LEVEL_WARNING, "the MTA-STS policy of %s cannot be fetched: %s; %s",
                e->domain, buf_slice(&text).p,
                valid ? "the one that is known holds on" : "mail goes on as without");
    buf_close(&text);
}

void sts_fetched(struct pipeline *p, const struct pipeline_event *event)
{
    struct sts_entry *e = find(p, event->answer_name);
    if (!e || e->state != ENTRY_FETCHING || e->check != event->lookup)
        return;
    struct buf why;
    struct sts_policy policy;
    uint32_t age_s;
    buf_init(&why, 1000);
    if (event->detail)
        buf_add_str(&why, event->detail);
    else if (mta_sts_parse(event->bytes, &policy, &age_s, &why) == FP_OK)
        take_policy(p, e, &policy, age_s);
    buf_add(&why, "", 1);
    if (why.n > 1)
        note_failure(p, e, why.p);
    buf_close(&why);
    e->state = ENTRY_QUIET;
    tell_waiting(p, e);
}
