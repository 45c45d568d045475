// SPDX-License-Identifier: BSD-2-Clause
// plan: see plan.h.
#include "deliver/plan_inside.h"

#include "core/hostname.h"
#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>

#define M(state) (1u << (state))

static const unsigned allowed[PLAN_STATE_COUNT] = {
    [PLAN_IDLE] = M(PLAN_IDLE) | M(PLAN_ASKING) | M(PLAN_ADDRESS) | M(PLAN_OVER),
    [PLAN_ASKING] = M(PLAN_IDLE) | M(PLAN_ASKING) | M(PLAN_ADDRESS) | M(PLAN_OVER),
    [PLAN_ADDRESS] = M(PLAN_IDLE) | M(PLAN_ASKING) | M(PLAN_ADDRESS) | M(PLAN_OVER),
    [PLAN_OVER] = M(PLAN_IDLE),
};

static void start_target(struct plan *p);
static void start_host(struct plan *p);

void plan_move_to(struct plan *p, enum plan_state to)
{
    must(allowed[p->state] & M(to));
    p->state = to;
}

void plan_init(struct plan *p, const struct session_settings *settings,
               const struct target *targets, uint32_t target_count, const char *domain)
{
    must(target_count > 0);
    p->settings = settings;
    p->targets = must_alloc(target_count * sizeof targets[0]);
    p->target_count = target_count;
    for (uint32_t i = 0; i < target_count; i++)
        target_copy(&targets[i], &p->targets[i]);
    p->domain = must_strdup(domain);
    p->state = PLAN_IDLE;
}

void plan_set_mail(struct plan *p, const char *sender, const char *const *rcpts, uint32_t count)
{
    p->sender = sender;
    p->rcpts = rcpts;
    p->rcpt_count = count;
}

void plan_set_domain(struct plan *p, const char *domain)
{
    if (strcmp(p->domain, domain) == 0)
        return;
    free(p->domain);
    p->domain = must_strdup(domain);
}

void plan_close(struct plan *p)
{
    for (uint32_t i = 0; i < p->target_count; i++)
        target_close(&p->targets[i]);
    free(p->targets);
    free(p->dane);
    free(p->misses);
    handover_close(&p->handover);
    free(p->hosts);
    free(p->domain);
}

bool plan_begins_with_tls(const struct plan *p)
{
    return p->targets[p->target].kind == TARGET_SMTPS;
}

bool plan_is_by_mx(const struct plan *p)
{
    return p->targets[p->target].kind == TARGET_MX;
}

static void put_text(char *to, size_t size, struct slice from)
{
    size_t n = from.n < size ? from.n : size - 1;
    memcpy(to, from.p, n);
    to[n] = '\0';
}

// ---- failures ------------------------------------------------------------------------------

// A failure that may pass outweighs one that will not: as long as one host might take the mail
// tomorrow, it is not given back. What is wrong here outweighs both: without it that host might
// have taken it. But a network that is missing is so for all, and one answer disproves it.
static int weight(const struct outcome *o)
{
    if (o->result == OUTCOME_FAILED)
        return 0;
    if (o->blocked == BLOCKED_NETWORK)
        return 1;
    return o->scope == SCOPE_LOCAL ? 3 : 2;
}

// Another of the list may do better, and is to be tried first for a while. That the network or our
// name servers are missing says nothing about a target.
static bool is_of_target(const struct outcome *o)
{
    return o->scope == SCOPE_HOST ||
           (o->scope == SCOPE_LOCAL &&
            (o->blocked == BLOCKED_CREDENTIALS || o->blocked == BLOCKED_SECRET ||
             o->blocked == BLOCKED_RELAY || o->blocked == BLOCKED_TLS));
}

static void note_miss(struct plan *p, const struct outcome *o)
{
    uint32_t i = 0;
    while (i < p->miss_count && p->misses[i].target != p->target)
        i++;
    if (i == p->miss_count) {
        p->misses = must_realloc(p->misses, (i + 1) * sizeof *p->misses);
        p->miss_count++;
    }
    p->misses[i] = (struct plan_miss){p->target, *o};
}

void plan_note_failure(struct plan *p, const struct outcome *o)
{
    if (p->target_count > 1 && is_of_target(o))
        note_miss(p, o);
    if (p->has_failure && weight(o) < weight(&p->failure))
        return;
    p->has_failure = true;
    p->failure = *o;
}

static void note_dns(struct plan *p, enum dns_fault fault, const char *name)
{
    struct outcome o;
    classify_dns(fault, name, &o);
    plan_note_failure(p, &o);
}

bool plan_is_temporary(enum dns_result result)
{
    return result == DNS_ANSWER_SERVFAIL || result == DNS_ANSWER_TIMEOUT ||
           result == DNS_ANSWER_BAD || result == DNS_ANSWER_ALIAS_LOOP ||
           result == DNS_ANSWER_NOBODY;
}

enum dns_fault plan_temporary_fault(enum dns_result result)
{
    return result == DNS_ANSWER_NOBODY       ? DNS_NO_RESOLVER
           : result == DNS_ANSWER_TIMEOUT    ? DNS_TIMEOUT
           : result == DNS_ANSWER_BAD        ? DNS_BAD_ANSWER
           : result == DNS_ANSWER_ALIAS_LOOP ? DNS_ALIAS_LOOP
                                             : DNS_SERVFAIL;
}

// The host under way has no address. P2 decides what that means.
static void note_no_address(struct plan *p)
{
    const char *name = p->hosts[p->host].name;
    bool is_relay = p->targets[p->target].kind != TARGET_MX, is_known = false;
    for (uint32_t i = 0; i < p->question_count; i++) {
        if (plan_is_temporary(p->questions[i].result)) {
            note_dns(p, plan_temporary_fault(p->questions[i].result), name);
            return;
        }
        is_known |= p->questions[i].result != DNS_ANSWER_NXDOMAIN;
    }
    struct outcome o;
    if (is_relay)
        classify_relay_unknown(name, &o);
    else if (p->is_implicit)
        classify_dns(is_known ? DNS_NODATA : DNS_NXDOMAIN, name, &o);
    else
        classify_dns(DNS_MX_UNUSABLE, p->domain, &o);
    plan_note_failure(p, &o);
}

// ---- addresses -----------------------------------------------------------------------------

uint16_t plan_port(const struct plan *p)
{
    const struct target *t = &p->targets[p->target];
    return t->kind == TARGET_MX ? p->settings->smtp_port : t->port;
}

void plan_try_address(struct plan *p)
{
    if (p->tries == PLAN_TRIES_MAX) {
        p->host_count = p->host + 1; // that was enough of this target
        plan_next_host(p);
        return;
    }
    const struct target *t = &p->targets[p->target];
    p->tries++;
    p->hop = (struct hop){
        .host = p->hosts[p->host].name,
        .ip = p->ips[p->address],
        .port = plan_port(p),
        .path = t->kind == TARGET_LMTP_UNIX ? t->text : NULL,
        .is_lmtp = t->kind == TARGET_LMTP || t->kind == TARGET_LMTP_UNIX,
        .is_relay = t->kind == TARGET_SMTP || t->kind == TARGET_SMTPS,
    };
    plan_move_to(p, PLAN_ADDRESS);
}

// ---- which of them, and in which order -----------------------------------------------------

static void add_ip(struct plan *p, const char *ip)
{
    if (p->ip_count < PLAN_ADDRESSES_MAX)
        put_text(p->ips[p->ip_count++], OUTCOME_IP_SIZE, slice_str(ip));
}

// Where a connection to `ip` ends: the addresses of nobody lead to this machine's loopback.
static const char *led_to(const char *ip)
{
    if (strncasecmp(ip, "::ffff:", 7) == 0 && strchr(ip, '.'))
        ip += 7;
    if (strcmp(ip, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(ip, "::") == 0 ? "::1" : ip;
}

// Is it an address on which we ourselves take mail? Whoever named it, the DNS or a route: mail
// would go round and round.
static bool is_own(const struct plan *p, const char *ip)
{
    char word[OUTCOME_IP_SIZE + 10];
    snprintf(word, sizeof word, " %s:%u ", led_to(ip), plan_port(p));
    return p->settings->own_places && strstr(p->settings->own_places, word);
}

static bool is_ourselves(const struct plan *p)
{
    for (uint32_t i = 0; i < p->v6_count; i++)
        if (is_own(p, p->v6[i]))
            return true;
    for (uint32_t i = 0; i < p->v4_count; i++)
        if (is_own(p, p->v4[i]))
            return true;
    return false;
}

// RFC 5321 5.1: neither ourselves nor what is not better than we are; hosts are in order.
static void leave_out_from_here(struct plan *p)
{
    note_dns(p, DNS_LOOP, p->domain);
    p->host_count = p->host + 1;
    plan_next_host(p);
}

static void use_addresses(struct plan *p)
{
    p->ip_count = p->address = 0;
    if (is_ourselves(p)) {
        leave_out_from_here(p);
        return;
    }
    for (uint32_t i = 0; i < p->v6_count || i < p->v4_count; i++) {
        if (p->v4_first && i < p->v4_count)
            add_ip(p, p->v4[i]);
        if (i < p->v6_count)
            add_ip(p, p->v6[i]);
        if (!p->v4_first && i < p->v4_count)
            add_ip(p, p->v4[i]);
    }
    if (p->ip_count > 0) {
        plan_find_protection(p);
        return;
    }
    note_no_address(p);
    plan_next_host(p);
}

static void use_literal(struct plan *p, struct slice ip)
{
    p->ip_count = 1;
    p->address = 0;
    put_text(p->ips[0], OUTCOME_IP_SIZE, ip);
    if (is_own(p, p->ips[0]))
        leave_out_from_here(p);
    else
        plan_use_protection(p);
}

void plan_next_address(struct plan *p)
{
    must(p->state == PLAN_ADDRESS);
    if (p->address + 1 < p->ip_count) {
        p->address++;
        plan_try_address(p);
    } else {
        plan_next_host(p);
    }
}

// ---- hosts and targets ---------------------------------------------------------------------

void plan_ask(struct plan *p, const char *name, enum dns_type type)
{
    struct plan_question *q = &p->questions[p->question_count++];
    put_text(q->name, sizeof q->name, slice_str(name));
    q->type = type;
    q->is_pulled = q->is_answered = false;
    q->result = DNS_ANSWER_SERVFAIL;
}

static void start_host(struct plan *p)
{
    const char *name = p->hosts[p->host].name;
    struct slice ip = slice_str(name);
    free(p->dane);
    p->dane = NULL;
    p->is_host_secure = false;
    if (p->targets[p->target].kind == TARGET_LMTP_UNIX) {
        use_literal(p, (struct slice){"", 0});
        return;
    }
    if (hostname_is_ipv4(ip) || hostname_is_ipv6(ip) || hostname_is_literal(ip, &ip)) {
        use_literal(p, ip);
        return;
    }
    p->question_count = p->v4_count = p->v6_count = 0;
    p->is_host_secure = true; // until an answer with addresses is not
    put_text(p->base, sizeof p->base, ip);
    plan_ask(p, name, DNS_TYPE_AAAA);
    plan_ask(p, name, DNS_TYPE_A);
    plan_move_to(p, PLAN_ASKING);
}

// Those that do well, those that rest, and at the end who decides in any case.
static uint32_t rank_of(const struct plan *p, uint32_t target)
{
    if (target_is_final(&p->targets[target]))
        return 2;
    return target < 32 && (p->last >> target & 1);
}

static uint32_t target_at(const struct plan *p, uint32_t place)
{
    for (uint32_t rank = 0; rank <= 2; rank++)
        for (uint32_t i = 0; i < p->target_count; i++)
            if (rank_of(p, i) == rank && place-- == 0)
                return i;
    must_never("a place behind all targets");
}

void plan_set_last(struct plan *p, uint32_t last)
{
    p->last = last;
}

void plan_next_host(struct plan *p)
{
    must(p->state != PLAN_OVER);
    if (p->host + 1 < p->host_count) {
        p->host++;
        start_host(p);
    } else if (p->place + 1 < p->target_count) {
        p->place++;
        p->target = target_at(p, p->place);
        start_target(p);
    } else {
        plan_move_to(p, PLAN_OVER);
    }
}

static void use_hosts(struct plan *p, const struct host *hosts, uint32_t count)
{
    p->hosts = must_realloc(p->hosts, count * sizeof *hosts);
    memcpy(p->hosts, hosts, count * sizeof *hosts);
    p->host_count = count;
    start_host(p);
}

// A folder or a program: a hop that has no address.
static void start_handover(struct plan *p, const struct target *t)
{
    struct outcome o;
    bool is_made = p->rcpt_count == 1 &&
                   handover_make(&p->handover, t, p->settings->hostname, p->sender, p->rcpts[0]);
    if (is_made && p->tries < PLAN_TRIES_MAX) {
        p->tries++;
        p->hop =
            (struct hop){.host = p->handover.order.path, .ip = "", .order = &p->handover.order};
        p->ip_count = p->address = 0;
        plan_move_to(p, PLAN_ADDRESS);
        return;
    }
    if (p->rcpt_count == 1)
        classify_no_folder(&o);
    else
        classify_local(STAGE_NONE, "several recipients at once", NULL, &o);
    plan_note_failure(p, &o);
    plan_next_host(p);
}

static void one_host(struct plan *p, struct slice name)
{
    struct host host = {.preference = 0};
    put_text(host.name, sizeof host.name, name);
    use_hosts(p, &host, 1);
}

static void find_mx(struct plan *p)
{
    struct slice ip;
    if (hostname_is_literal(slice_str(p->domain), &ip)) {
        one_host(p, ip); // RFC 5321 4.1.3: the address says it all
        return;
    }
    p->question_count = 0;
    plan_ask(p, p->domain, DNS_TYPE_MX);
    plan_move_to(p, PLAN_ASKING);
}

// The configuration's own word, whatever failed before.
static void decide(struct plan *p, const struct target *t)
{
    p->has_failure = true;
    if (t->kind == TARGET_ERROR)
        classify_route_error(t->text, &p->failure);
    else
        classify_discarded(&p->failure);
    plan_move_to(p, PLAN_OVER);
}

static void start_target(struct plan *p)
{
    const struct target *t = &p->targets[p->target];
    p->host = p->host_count = p->tries = 0;
    p->is_implicit = false;
    switch (t->kind) {
    case TARGET_MX:
        find_mx(p);
        break;
    case TARGET_SMTP:
    case TARGET_SMTPS:
    case TARGET_LMTP:
        one_host(p, slice_str(t->host));
        break;
    case TARGET_LMTP_UNIX:
        one_host(p, slice_str(t->text));
        break;
    case TARGET_MAILDIR:
    case TARGET_PIPE:
        start_handover(p, t);
        break;
    case TARGET_ERROR:
    case TARGET_DISCARD:
        decide(p, t);
        break;
    }
}

void plan_begin(struct plan *p, uint64_t seed, int64_t now_ms)
{
    plan_move_to(p, PLAN_IDLE);
    p->seed = seed;
    p->v4_first = families_v4_first(p->settings->families, now_ms);
    p->place = p->tries = p->question_count = p->miss_count = 0;
    p->target = target_at(p, 0);
    p->has_failure = false;
    start_target(p);
}

void plan_call(const struct plan *p, struct session_effect *ret)
{
    const struct hop *hop = &p->hop;
    must(p->state == PLAN_ADDRESS);
    ret->kind = hop->order ? SESSION_HAND_OVER : SESSION_CONNECT;
    ret->order = hop->order;
    ret->ip = hop->ip;
    ret->port = hop->port;
    ret->path = hop->path;
    ret->begins_with_tls = plan_begins_with_tls(p);
}

// ---- questions and answers -----------------------------------------------------------------

bool plan_pull_question(struct plan *p, const char **ret_name, enum dns_type *ret_type)
{
    for (uint32_t i = 0; p->state == PLAN_ASKING && i < p->question_count; i++) {
        struct plan_question *q = &p->questions[i];
        if (q->is_pulled)
            continue;
        q->is_pulled = true;
        *ret_name = q->name;
        *ret_type = q->type;
        return true;
    }
    return false;
}

static struct plan_question *find_question(struct plan *p, const char *name, enum dns_type type)
{
    for (uint32_t i = 0; p->state == PLAN_ASKING && i < p->question_count; i++) {
        struct plan_question *q = &p->questions[i];
        if (q->is_pulled && !q->is_answered && q->type == type && strcasecmp(q->name, name) == 0)
            return q;
    }
    return NULL;
}

static void take_addresses(struct plan *p, const struct dns_answer *answer)
{
    bool is_v6 = answer->type == DNS_TYPE_AAAA;
    uint32_t *count = is_v6 ? &p->v6_count : &p->v4_count;
    char(*to)[OUTCOME_IP_SIZE] = is_v6 ? p->v6 : p->v4;
    p->is_host_secure &= answer->is_secure;
    if (hostname_is_valid(slice_str(answer->canonical))) // who publishes aliases is a stranger
        put_text(p->base, sizeof p->base, slice_str(answer->canonical));
    for (uint32_t i = 0; i < answer->count && *count < PLAN_ADDRESSES_MAX; i++)
        if (answer->records[i].ip[0])
            put_text(to[(*count)++], OUTCOME_IP_SIZE, slice_str(answer->records[i].ip));
}

static void on_mx(struct plan *p, const struct dns_answer *mx)
{
    enum dns_fault fault;
    struct host_list found;
    enum fp_err err =
        hosts_from_mx(mx, slice_str(p->domain), p->settings->hostname, p->seed, &found, &fault);
    p->is_implicit = mx->result != DNS_ANSWER_OK || mx->count == 0;
    p->is_mx_secure = mx->is_secure;
    if (err == FP_OK) {
        use_hosts(p, found.hosts, found.count);
        return;
    }
    note_dns(p, fault, p->domain);
    plan_next_host(p);
}

static void on_address(struct plan *p, const struct dns_answer *answer)
{
    if (answer->result == DNS_ANSWER_OK)
        take_addresses(p, answer);
    if (p->questions[0].is_answered && p->questions[1].is_answered)
        use_addresses(p);
}

void plan_answer(struct plan *p, const char *name, const struct dns_answer *answer)
{
    struct plan_question *q = find_question(p, name, answer->type);
    if (!q)
        return; // to a question of an earlier plan
    q->is_answered = true;
    q->result = answer->result;
    if (answer->type == DNS_TYPE_MX)
        on_mx(p, answer);
    else if (answer->type == DNS_TYPE_TLSA)
        plan_on_tlsa(p, answer);
    else
        on_address(p, answer);
}
