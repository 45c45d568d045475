// SPDX-License-Identifier: BSD-2-Clause
// guide_tell: what guide.c has found, as an answer of control/way. See guide.h.
#include "config/explain.h"
#include "control/way.h"
#include "core/must.h"
#include "deliver/dane.h"
#include "deliver/mta_sts.h"
#include "pipeline/guide_internal.h"
#include "pipeline/limit_words.h"

#include <stdlib.h>
#include <sysexits.h>

static const char *left_out(enum survey_use use)
{
    static const char *const words[] = {
        [SURVEY_USED] = NULL,
        [SURVEY_OWN] = "that is this host",
        [SURVEY_NOT_BETTER] = "no better than this host, which the DNS names too",
        [SURVEY_UNUSABLE] = "no name of a host that may be asked",
    };
    return words[use];
}

static const char *failure_of(enum dns_result result)
{
    static const char *const words[] = {
        [DNS_ANSWER_OK] = NULL,
        [DNS_ANSWER_NODATA] = "no such record",
        [DNS_ANSWER_NXDOMAIN] = "no such name",
        [DNS_ANSWER_SERVFAIL] = "the name servers cannot tell",
        [DNS_ANSWER_TIMEOUT] = "no name server answered in time",
        [DNS_ANSWER_BAD] = "an answer that makes no sense",
        [DNS_ANSWER_ALIAS_LOOP] = "its aliases (CNAME) lead round in a circle",
        [DNS_ANSWER_NOBODY] = "no name server of ours answers anything",
    };
    return words[result];
}

static const char *type_name(enum dns_type type)
{
    return type == DNS_TYPE_MX     ? "MX"
           : type == DNS_TYPE_AAAA ? "AAAA"
           : type == DNS_TYPE_TLSA ? "TLSA"
                                   : "A";
}

// The steps of the answer, and what they borrow until it is written.
struct steps {
    const struct guide *guide;
    const struct sts_policy *policy; // of the domain; NULL: none is known
    struct way_step *rows;
    struct way_record **records; // by row, NULL but of answers
    char **texts;                // two by row, of tries and of TLSA records; NULL: none
    uint32_t count;
};

// "3 1 1 0b9f...": as a zone has it. All of them in one text, each with its NUL.
static void take_tlsa(struct steps *s, uint32_t i, const struct dns_answer *a,
                      struct way_record *records)
{
    struct buf all;
    buf_init(&all, SIZE_MAX);
    for (uint32_t k = 0; k < a->count; k++) {
        const struct dns_tlsa *t = &a->records[k].tlsa;
        buf_addf(&all, "%u %u %u ", t->usage, t->selector, t->matching);
        for (uint16_t b = 0; b < t->size; b++)
            buf_addf(&all, "%02x", t->data[b]);
        buf_add_byte(&all, '\0');
    }
    char *text = s->texts[2 * i] = buf_steal(&all, NULL);
    for (uint32_t k = 0; k < a->count; k++, text += strlen(text) + 1) {
        records[k].value = text;
        if (!a->is_secure)
            records[k].left_out = "not secured by DNSSEC";
        else if (!dane_is_usable(&a->records[k].tlsa))
            records[k].left_out = "of no use for mail (RFC 7672)";
    }
}

static void take_answer(struct steps *s, uint32_t i, const struct survey_step *from)
{
    const struct dns_answer *a = from->answer;
    struct way_step *to = &s->rows[i];
    struct way_record *records = must_zalloc((a->count + 1) * sizeof *records);
    bool is_mx = a->type == DNS_TYPE_MX;
    if (a->type == DNS_TYPE_TLSA)
        take_tlsa(s, i, a, records);
    for (uint32_t k = 0; a->type != DNS_TYPE_TLSA && k < a->count; k++) {
        const struct dns_record *r = &a->records[k];
        records[k] = (struct way_record){
            .value = is_mx ? r->name : r->ip,
            .preference = r->preference,
            .left_out = from->uses ? left_out((enum survey_use)from->uses[k]) : NULL,
        };
        if (is_mx && !r->name[0])
            records[k].left_out = "no mail is taken here (RFC 7505)";
    }
    s->records[i] = records;
    bool is_alias = a->canonical[0] && strcasecmp(a->canonical, from->name) != 0;
    to->kind = WAY_ANSWER;
    to->name = from->name;
    to->type = type_name(a->type);
    to->canonical = is_alias ? a->canonical : NULL;
    to->failure = failure_of(a->result);
    to->ttl_s = a->ttl_s;
    to->is_cached = from->is_cached;
    to->is_secure = a->is_secure;
    to->records = records;
    to->record_count = a->count;
}

static const char *protocol_of(const struct target *t)
{
    static const char *const names[] = {
        [TARGET_MX] = "smtp",   [TARGET_SMTP] = "smtp",      [TARGET_SMTPS] = "smtps",
        [TARGET_LMTP] = "lmtp", [TARGET_LMTP_UNIX] = "lmtp", [TARGET_MAILDIR] = "maildir",
        [TARGET_PIPE] = "pipe", [TARGET_ERROR] = "error",    [TARGET_DISCARD] = "discard",
    };
    return names[t->kind];
}

// Of a policy that is known.
static bool is_enforced(const struct steps *s)
{
    return s->policy && s->policy->mode == STS_ENFORCE;
}

static const char *by_policy(const struct steps *s, const struct survey_step *from)
{
    return !s->policy        ? "; and by the domain's MTA-STS policy"
           : !is_enforced(s) ? "; the domain's MTA-STS policy asks for no more"
           : mta_sts_allows(s->policy, from->host)
               ? "; the domain's MTA-STS policy wants it verified"
               : "; the domain's MTA-STS policy does not name this host: nothing is sent to it";
}

// As a session would have it: encryption comes first by smtps, whatever the row says.
static void take_tls(struct steps *s, uint32_t i, const struct survey_step *from,
                     const struct target *t)
{
    const struct guide *g = s->guide;
    struct way_step *to = &s->rows[i];
    if (from->path)
        return;
    const struct protect_row *row =
        protect_find(g->config->protect, g->domain, from->host, from->by_mx);
    bool is_raised = t->kind == TARGET_SMTPS && row->policy < PROTECT_ENCRYPT;
    to->tls = protect_policy_name(is_raised ? PROTECT_ENCRYPT : row->policy);
    struct buf words;
    buf_init(&words, 4096);
    if (is_raised)
        buf_add_str(&words, "smtps");
    else if (row->pattern)
        buf_addf(&words, "tls \"%s\"", row->pattern);
    else
        buf_add_str(&words, "the default");
    if (row->policy >= PROTECT_DANE)
        buf_add_str(&words, from->by_dns == PROTECT_VERIFY ? "; verified by TLSA records"
                            : from->by_dns == PROTECT_ENCRYPT
                                ? "; TLSA records of no use: encrypted"
                                : "; no TLSA records: as \"may\"");
    if (from->asks_policy && is_enforced(s))
        to->tls = protect_policy_name(PROTECT_VERIFY);
    if (from->asks_policy)
        buf_add_str(&words, by_policy(s, from));
    to->tls_rule = s->texts[2 * i + 1] = buf_steal(&words, NULL);
}

// Hosts found by MX are told nothing (deliver/guard).
static const char *user_of(const struct guide *g, const struct survey_step *from)
{
    const struct credential_row *row = from->by_mx || from->path || !from->host
                                           ? NULL
                                           : credential_find(g->config->credentials, from->host);
    return row ? row->user : NULL;
}

static void take_try(struct steps *s, uint32_t i, const struct survey_step *from)
{
    const struct target *t = &s->guide->row->targets[from->target];
    struct way_step *to = &s->rows[i];
    struct buf where;
    buf_init(&where, 64 * 1024);
    if (from->path)
        buf_add_str(&where, from->path);
    else
        buf_addf(&where, "%s[%s]:%u", from->host, from->ip, from->port);
    to->kind = WAY_TRY;
    to->where = s->texts[2 * i] = buf_steal(&where, NULL);
    to->protocol = protocol_of(t);
    to->user = user_of(s->guide, from);
    take_tls(s, i, from, t);
}

static void take_note(struct steps *s, uint32_t i, const struct survey_step *from)
{
    struct way_step *to = &s->rows[i];
    to->kind = WAY_NOTE;
    to->status = from->note->status;
    to->text = from->note->text;
}

static void steps_take(struct steps *s, const struct guide *g, const struct sts_policy *policy)
{
    uint32_t count;
    const struct survey_step *from = survey_steps(g->survey, &count);
    *s = (struct steps){.guide = g, .policy = policy, .count = count};
    s->rows = must_zalloc((count + 1) * sizeof *s->rows);
    s->records = must_zalloc((count + 1) * sizeof *s->records);
    s->texts = must_zalloc((2 * count + 1) * sizeof *s->texts);
    for (uint32_t i = 0; i < count; i++) {
        s->rows[i].target = g->row->targets[from[i].target].name;
        if (from[i].kind == SURVEY_ANSWER)
            take_answer(s, i, &from[i]);
        else if (from[i].kind == SURVEY_TRY)
            take_try(s, i, &from[i]);
        else
            take_note(s, i, &from[i]);
    }
}

static void steps_free(struct steps *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        free(s->records[i]);
        free(s->texts[2 * i]);
        free(s->texts[2 * i + 1]);
    }
    free(s->rows);
    free(s->records);
    free(s->texts);
}

// ---- what becomes of it ------------------------------------------------------------------------

static int conclude(const struct guide *g, struct way *w, struct buf *words)
{
    const struct outcome *end = g->survey ? survey_end(g->survey) : NULL;
    uint32_t tries = g->survey ? survey_tries(g->survey) : 0;
    int code = EX_OK;
    if (!g->row) {
        w->result = "deferred";
        buf_add_str(words, "it waits: no row of \"route\" in the configuration fits this address");
        code = EX_CONFIG;
    } else if (tries > 0) {
        w->result = "tried";
        buf_addf(words, tries == 1 ? "it is tried there" : "it is tried at %u places, in turn",
                 tries);
    } else if (!end || end->result == OUTCOME_DEFERRED) {
        w->result = "deferred";
        buf_add_str(words, "nobody can be tried, it waits");
        code = EX_TEMPFAIL;
    } else if (end->result == OUTCOME_FAILED) {
        w->result = "failed";
        buf_add_str(words, "it is given back to its sender");
        code = EX_UNAVAILABLE;
    } else {
        w->result = "delivered";
        buf_add_str(words, "it counts as delivered, and nobody gets it");
    }
    if (tries == 0 && end && end->result != OUTCOME_DELIVERED)
        buf_addf(words, ": %s %s", end->status, end->text);
    w->end = buf_slice(words).p;
    return code;
}

// ---- the answer --------------------------------------------------------------------------------

struct words {
    struct buf row, schedule, rule, end;
};

static void take_retry(const struct guide *g, struct words *words, struct way *w)
{
    struct retry_rule rule;
    struct rule_question q = {.address = slice_str(g->address),
                              .sender = slice_str(g->sender ? g->sender : ""),
                              .has_sender = g->sender != NULL,
                              .host = slice_str(g->site ? g->site : "")};
    rules_retry(&g->config->rules, &q, &rule);
    config_explain_schedule(&rule.schedule, &words->schedule);
    rules_name_retry(&g->config->rules, rule.row[RULE_SCHEDULE], &words->rule);
    w->schedule = buf_slice(&words->schedule).p;
    w->schedule_rule = buf_slice(&words->rule).p;
}

static void write(const struct way *w, const struct guide_form *form, struct buf *to)
{
    if (form->is_json)
        way_json(w, to);
    else
        way_text(w, form->now_ms, form->utc_offset_s, to);
}

static void take_row(const struct guide *g, const struct guide_health *health,
                     const struct limit_words *limits, struct words *words, struct way *w)
{
    route_describe(g->row, &words->row);
    w->row = buf_slice(&words->row).p;
    w->targets = g->row->name ? g->row->name : "mx";
    w->destination = g->destination;
    w->state = health->state;
    w->reason = health->reason;
    w->until_ms = health->until_ms;
    w->hops = health->hops;
    w->hop_count = health->hop_count;
    w->is_cut = survey_is_cut(g->survey);
    if (target_is_final(&g->row->targets[0]))
        return;
    w->limits = limits->rows;
    w->limit_count = LIMIT_FIELDS;
    take_retry(g, words, w);
}

int guide_tell(const struct guide *g, const struct guide_health *health,
               const struct guide_form *form, struct buf *to)
{
    struct steps steps = {.guide = g};
    struct limit_words limits;
    struct limit_rule limit;
    struct words words;
    struct way w = {
        .address = g->is_domain ? g->domain : g->address, .sender = g->sender, .site = g->site};
    buf_init(&words.row, 64 * 1024);
    buf_init(&words.schedule, 64 * 1024);
    buf_init(&words.rule, 64 * 1024);
    buf_init(&words.end, 64 * 1024);
    rules_limit(&g->config->rules, g->destination ? g->destination : "", &limit);
    limit_words_find(&g->config->rules, &limit, &limits);
    if (g->row) {
        steps_take(&steps, g, health->policy);
        take_row(g, health, &limits, &words, &w);
    }
    w.steps = steps.rows;
    w.step_count = steps.count;
    int code = conclude(g, &w, &words.end);
    write(&w, form, to);
    steps_free(&steps);
    limit_words_close(&limits);
    buf_close(&words.row);
    buf_close(&words.schedule);
    buf_close(&words.rule);
    buf_close(&words.end);
    return code;
}
