// SPDX-License-Identifier: BSD-2-Clause
// plan: which address is to be tried next. From targets to hosts to addresses. Pure.
//
//     plan_begin(&p, seed, now);      at a new batch without a connection
//     plan_next_address(&p);          or plan_next_host(&p), after a failure
//     PLAN_ASKING:  take plan_pull_question until false, give plan_answer
//     PLAN_ADDRESS: p.hop is to be tried
//     PLAN_OVER:    nothing is left; p.failure says why, or what the route wants instead
//
// Targets are tried in order. For "mx" the hosts come from hosts_from_mx; a host's A and AAAA are
// asked for at once and tried in turns, IPv6 first unless v4_first is set. Where the policy for the
// host is "dane", its TLSA records are asked for before it is called, if all answers so far were
// validated: below the name behind all aliases, then below its own (RFC 7672 2.2.3).
// (P1) Work per batch is bounded however many records a stranger publishes: PLAN_ADDRESSES_MAX per
// host, PLAN_TRIES_MAX for each target.
// (P2) That a name does not exist is final only for a recipient's own domain. A host that a route
// names is our configuration, and one host among others proves nothing. Internal to the session.
#ifndef FP_DELIVER_PLAN_H
#define FP_DELIVER_PLAN_H

#include "deliver/dane.h"
#include "deliver/handover.h"
#include "deliver/session.h"

enum { PLAN_ADDRESSES_MAX = 8, PLAN_TRIES_MAX = 20, PLAN_QUESTIONS_MAX = 2 };

enum plan_state { PLAN_IDLE, PLAN_ASKING, PLAN_ADDRESS, PLAN_OVER, PLAN_STATE_COUNT };

struct plan_question {
    char name[256];
    enum dns_type type;
    bool is_pulled, is_answered;
    enum dns_result result;
};

struct plan {
    // what it was made of
    const struct session_settings *settings;
    struct target *targets; // owned
    uint32_t target_count;
    char *domain;                      // owned
    const char *sender, *const *rcpts; // borrowed until the plan is over: for folders and programs
    uint32_t rcpt_count;
    struct handover handover; // of the target under way
    uint64_t seed;
    uint32_t last; // bits of targets that are tried after the others, because they rest
    // where it is
    enum plan_state state;
    uint32_t place;                        // of the target under way in the order of today
    uint32_t target, host, address, tries; // of each, the one under way
    struct host *hosts; // of that target; owned, as many as there are: conversations are many
    uint32_t host_count;
    bool is_implicit; // the domain itself stands in for its MX (RFC 5321 5.1)
    struct plan_question questions[PLAN_QUESTIONS_MAX];
    uint32_t question_count;
    char v6[PLAN_ADDRESSES_MAX][OUTCOME_IP_SIZE], v4[PLAN_ADDRESSES_MAX][OUTCOME_IP_SIZE];
    uint32_t v6_count, v4_count;
    bool v4_first; // as it was at plan_begin (deliver/families.h)
    char ips[PLAN_ADDRESSES_MAX][OUTCOME_IP_SIZE];
    uint32_t ip_count;
    struct hop hop; // PLAN_ADDRESS
    // What the host's DNS says of its TLS; NULL: nothing, or the policy does not ask. Owned.
    struct dane *dane;
    bool is_mx_secure, is_host_secure; // these answers were validated
    char base[DANE_NAME_SIZE];         // the host's name behind all aliases
    // why it was not the address before; at the end what becomes of the batch, and that need not be
    // a failure where a route says so
    bool has_failure;
    struct outcome failure;
    // Of a list: what each of its targets failed of, as hosts do. Owned.
    struct plan_miss *misses;
    uint32_t miss_count;
};

void plan_init(struct plan *p, const struct session_settings *settings,
               const struct target *targets, uint32_t target_count, const char *domain);
void plan_close(struct plan *p);
// Before plan_begin: whose mail it is.
void plan_set_mail(struct plan *p, const char *sender, const char *const *rcpts, uint32_t count);
// The host under way was found by the domain's MX; else a route names it.
bool plan_is_by_mx(const struct plan *p);
bool plan_begins_with_tls(const struct plan *p); // and not with its greeting
// How the host under way is to be protected: PROTECT_VERIFY at most, by what its DNS says where
// `row`, the policy of the row for it, leaves it to that.
enum protect_policy plan_policy(const struct plan *p, enum protect_policy row);
void plan_set_domain(struct plan *p, const char *domain); // before plan_begin

// Before plan_begin: these are tried last, though before one that decides in any case. Bits by
// target.
void plan_set_last(struct plan *p, uint32_t last);
void plan_begin(struct plan *p, uint64_t seed, int64_t now_ms);
void plan_next_address(struct plan *p);
void plan_next_host(struct plan *p);
// Something went wrong with the address under way. What is remembered as `failure` is the last one
// that may pass, or the last one at all when none may.
void plan_note_failure(struct plan *p, const struct outcome *o);

// PLAN_ADDRESS: the effect CONNECT or HAND_OVER, without its outcome.
void plan_call(const struct plan *p, struct session_effect *ret);

// True: ret_name and ret_type are to be looked up; the name lives until plan_begin.
bool plan_pull_question(struct plan *p, const char **ret_name, enum dns_type *ret_type);
void plan_answer(struct plan *p, const char *name, const struct dns_answer *answer);

#endif
