// SPDX-License-Identifier: BSD-2-Clause
// sites: domains whose mail one host takes are one destination, where a row of the configuration
// names that host. See deliver/sites.h and pipeline_internal.h.
//
// Mail of a domain whose host is not known yet stays in the spool until the DNS has said it; then
// the domain is told to the scheduler, under the destination that it belongs to. Nothing of this is
// done while no row says "mx:HOST".
#include "pipeline/pipeline_internal.h"

#include "core/hostname.h"

#include <stdlib.h>

enum {
    ASKING_MAX = 200,    // domains at the same time
    ASK_LATER_MS = 1000, // the others
};

struct site_question {
    UT_hash_handle hh;
    char domain[];
};

const char *site_of(const struct pipeline *p, const char *domain)
{
    return sites_is_watching(p->sites) ? sites_find(p->sites, domain, p->now_ms).host : NULL;
}

static void ask(struct pipeline *p, const char *domain)
{
    struct site_question *q;
    HASH_FIND_STR(p->site_questions, domain, q);
    if (q)
        return;
    size_t n = strlen(domain) + 1;
    q = must_alloc(sizeof *q + n);
    memcpy(q->domain, domain, n);
    HASH_ADD_STR(p->site_questions, domain, q);
    struct slice name = effect_keep(p, slice_str(domain));
    struct pipeline_effect *e = effect_add(p, PIPELINE_LOOKUP);
    e->lookup = p->next_tag++;
    e->name = name.p;
    e->type = DNS_TYPE_MX;
}

bool site_is_awaited(struct pipeline *p, const char *domain)
{
    struct slice ip;
    if (!sites_is_watching(p->sites) || hostname_is_literal(slice_str(domain), &ip))
        return false;
    struct site site = sites_find(p->sites, domain, p->now_ms);
    bool has_room = HASH_COUNT(p->site_questions) < ASKING_MAX;
    if (site.wants_asking && has_room)
        ask(p, domain);
    if (!site.is_known && !has_room)
        windows_due(p, domain, p->now_ms + ASK_LATER_MS);
    return !site.is_known;
}

void site_answered(struct pipeline *p, const char *name, const struct dns_answer *answer)
{
    struct site_question *q;
    if (answer->type != DNS_TYPE_MX || !sites_is_watching(p->sites))
        return;
    HASH_FIND_STR(p->site_questions, name, q);
    struct site before = sites_find(p->sites, name, p->now_ms);
    sites_learn(p->sites, name, answer, p->now_ms);
    bool is_news = !before.is_known || before.host != site_of(p, name);
    if (q && is_news)
        windows_due(p, q->domain, p->now_ms);
    if (q) {
        HASH_DEL(p->site_questions, q);
        free(q);
    }
}

static void forget_questions(struct pipeline *p)
{
    struct site_question *q, *next;
    HASH_ITER(hh, p->site_questions, q, next)
    {
        HASH_DEL(p->site_questions, q);
        free(q);
    }
}

// Answers to questions of before come to nobody, or are welcome: they are asked again.
void sites_reload(struct pipeline *p)
{
    forget_questions(p);
    sites_watch(p->sites, p->config->mx_hosts, p->config->mx_host_count);
}

void sites_close(struct pipeline *p)
{
    forget_questions(p);
    sites_free(p->sites);
}
