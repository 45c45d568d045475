// SPDX-License-Identifier: BSD-2-Clause
// resolver: a question that no name server could answer: is it that name, or is it our name
// servers? See pipeline_internal.h.
//
// One domain's servers may be silent or broken: that is the domain's, and its mail is given back
// some day. When our own resolver is gone, every domain looks like that, and nobody's mail is to
// suffer. So before a failure is believed, the resolver is asked something that has nothing to do
// with any domain: the root, which every resolver knows or can ask for. While that *canary* is out,
// failures wait for it. When it fails too, and nothing else was answered meanwhile, the answer
// becomes DNS_ANSWER_NOBODY, which is our own failure.
//
// A name server that is up and answers this with a failure, too, may be one that knows nothing but
// its own zones. So such an answer counts only of a resolver that has answered the canary well
// before, which is asked once when the first name was answered, to know. Silence counts of all.
//
// A verdict holds for a while, so that a thousand broken names are not a thousand questions more:
// a good one a few seconds, a bad one for half a minute, or until anything is answered.
//
// Counting failures of different names was rejected: with little mail there are too few of them to
// tell, and a quiet night with three dead domains in the queue looks like an outage.
#include "pipeline/pipeline_internal.h"
#include "pipeline/sts.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    ALIVE_HOLDS_MS = 5 * 1000,
    DEAD_HOLDS_MS = 30 * 1000,
};
static const char canary_name[] = ".";

struct unjudged {
    struct unjudged *next;
    uint64_t lookup;
    enum dns_type type;
    enum dns_result result;
    char name[];
};

static bool is_failure(const struct dns_answer *answer)
{
    return answer->result == DNS_ANSWER_SERVFAIL || answer->result == DNS_ANSWER_TIMEOUT ||
           answer->result == DNS_ANSWER_BAD || answer->result == DNS_ANSWER_ALIAS_LOOP;
}

static void hand_on(struct pipeline *p, uint64_t lookup, const char *name,
                    const struct dns_answer *answer)
{
    site_answered(p, name, answer);
    carrier_answer(p, lookup, name, answer);
    operator_answered(p, lookup, name, answer);
    sts_answered(p, lookup, name, answer);
}

static void hand_on_failure(struct pipeline *p, const struct unjudged *u)
{
    const struct resolver *r = &p->resolver;
    struct dns_answer answer = {.type = u->type, .result = u->result};
    // Whoever says that it cannot tell is there.
    if (r->is_dead && (r->is_trusted || u->result == DNS_ANSWER_TIMEOUT))
        answer.result = DNS_ANSWER_NOBODY;
    hand_on(p, u->lookup, u->name, &answer);
}

static void say_dead(struct pipeline *p)
{
    struct buf why;
    buf_init(&why, OUTCOME_TEXT_SIZE);
    outcome_say_blocked(BLOCKED_RESOLVER, &why);
    blocking_begin(p, BLOCKED_RESOLVER, "", buf_slice(&why).p);
    buf_close(&why);
}

// All that waited for it goes on, and not each by a probe of its own.
static void say_alive(struct pipeline *p)
{
    blocking_end(p, BLOCKED_RESOLVER, "");
    windows_feed(p, &(struct sched_event){.kind = SCHED_UNBLOCK, .blocked = BLOCKED_RESOLVER});
}

static void judge(struct pipeline *p, bool is_dead)
{
    struct resolver *r = &p->resolver;
    bool was_dead = r->is_dead;
    r->canary = 0;
    r->is_dead = is_dead;
    r->judged_ms = p->now_ms;
    if (is_dead)
        say_dead(p);
    else
        blocking_end(p, BLOCKED_RESOLVER, "");
    struct unjudged *u, *next, *list = r->unjudged;
    r->unjudged = NULL;
    LL_FOREACH_SAFE(list, u, next)
    {
        hand_on_failure(p, u);
        free(u);
    }
    if (was_dead && !is_dead)
        say_alive(p);
}

// Silence takes its time: that something was there some seconds ago is not enough then.
static bool is_judged(const struct pipeline *p, const struct unjudged *u)
{
    const struct resolver *r = &p->resolver;
    if (r->canary || r->judged_ms == INT64_MIN)
        return false;
    if (!r->is_dead && u->result == DNS_ANSWER_TIMEOUT)
        return false;
    return p->now_ms - r->judged_ms < (r->is_dead ? DEAD_HOLDS_MS : ALIVE_HOLDS_MS);
}

static void ask_canary(struct pipeline *p)
{
    p->resolver.canary = p->next_tag++;
    p->resolver.is_contradicted = false;
    struct pipeline_effect *e = effect_add(p, PIPELINE_LOOKUP);
    e->lookup = p->resolver.canary;
    e->name = canary_name;
    e->type = DNS_TYPE_MX;
}

static struct unjudged *unjudged_new(uint64_t lookup, const char *name,
                                     const struct dns_answer *answer)
{
    size_t n = strlen(name) + 1;
    struct unjudged *u = must_zalloc(sizeof *u + n);
    u->lookup = lookup;
    u->type = answer->type;
    u->result = answer->result;
    memcpy(u->name, name, n);
    return u;
}

static void on_failure(struct pipeline *p, uint64_t lookup, const char *name,
                       const struct dns_answer *answer)
{
    struct resolver *r = &p->resolver;
    struct unjudged *u = unjudged_new(lookup, name, answer);
    if (is_judged(p, u)) {
        hand_on_failure(p, u);
        free(u);
        return;
    }
    LL_PREPEND(r->unjudged, u);
    if (!r->canary)
        ask_canary(p);
}

// Without anything that waits for it, it was asked out of curiosity: it proves nothing.
static void on_canary(struct pipeline *p, const struct dns_answer *answer)
{
    struct resolver *r = &p->resolver;
    bool is_bad = answer->result == DNS_ANSWER_TIMEOUT || (is_failure(answer) && r->is_trusted);
    r->is_trusted |= !is_failure(answer);
    if (r->unjudged || !is_bad)
        judge(p, is_bad && !r->is_contradicted);
    r->canary = 0;
}

void resolver_answer(struct pipeline *p, uint64_t lookup, const char *name,
                     const struct dns_answer *answer)
{
    struct resolver *r = &p->resolver;
    if (r->canary && lookup == r->canary) {
        on_canary(p, answer);
        return;
    }
    if (is_failure(answer)) {
        on_failure(p, lookup, name, answer);
        return;
    }
    bool was_dead = r->is_dead;
    r->is_contradicted = true;
    if (was_dead) {
        r->is_dead = false;
        r->judged_ms = INT64_MIN;
    }
    if (r->is_curious && !r->canary)
        ask_canary(p);
    r->is_curious = false;
    hand_on(p, lookup, name, answer);
    if (was_dead)
        say_alive(p);
}

void resolver_reload(struct pipeline *p)
{
    p->resolver.judged_ms = INT64_MIN;
    p->resolver.is_curious = true;
    p->resolver.is_trusted = false;
}

void resolver_close(struct pipeline *p)
{
    struct unjudged *u, *next;
    LL_FOREACH_SAFE(p->resolver.unjudged, u, next)
    free(u);
    p->resolver.unjudged = NULL;
}
