// SPDX-License-Identifier: BSD-2-Clause
// sites: domains by the host that takes their mail. See sites.h.
#include "deliver/sites.h"

#include "core/hash.h"

#include <stdlib.h>
#include <strings.h>

struct site_entry {
    UT_hash_handle hh;
    int64_t until_ms;
    const char *host; // one of the hosts; NULL: none of them
    char domain[];
};

struct sites {
    char **hosts;
    uint32_t count;
    struct site_entry *domains; // hash by domain, in the order in which they were learnt
};

struct sites *sites_new(void)
{
    return must_zalloc(sizeof(struct sites));
}

static void forget(struct sites *s, struct site_entry *e)
{
    HASH_DEL(s->domains, e);
    free(e);
}

static void forget_all(struct sites *s)
{
    while (s->domains)
        forget(s, s->domains);
    for (uint32_t i = 0; i < s->count; i++)
        free(s->hosts[i]);
    free(s->hosts);
    s->hosts = NULL;
    s->count = 0;
}

void sites_free(struct sites *s)
{
    if (!s)
        return;
    forget_all(s);
    free(s);
}

void sites_watch(struct sites *s, const char *const *hosts, uint32_t count)
{
    forget_all(s);
    s->hosts = must_alloc((count + 1) * sizeof *s->hosts);
    for (uint32_t i = 0; i < count; i++)
        s->hosts[s->count++] = must_strdup(hosts[i]);
}

bool sites_is_watching(const struct sites *s)
{
    return s->count > 0;
}

struct site sites_find(const struct sites *s, const char *domain, int64_t now_ms)
{
    struct site_entry *e;
    HASH_FIND_STR(s->domains, domain, e);
    if (!e)
        return (struct site){.wants_asking = sites_is_watching(s)};
    return (struct site){.host = e->host, .is_known = true, .wants_asking = e->until_ms <= now_ms};
}

static bool is_same_host(const char *watched, const char *name)
{
    size_t n = strlen(name);
    n -= n > 0 && name[n - 1] == '.';
    return strlen(watched) == n && strncasecmp(watched, name, n) == 0;
}

static uint16_t best_preference(const struct dns_answer *answer)
{
    uint16_t best = UINT16_MAX;
    for (uint32_t i = 0; i < answer->count; i++)
        if (answer->records[i].preference < best)
            best = answer->records[i].preference;
    return best;
}

static bool is_best_host(const struct dns_answer *answer, const char *domain, const char *watched)
{
    if (answer->result == DNS_ANSWER_NODATA)
        return is_same_host(watched, domain); // RFC 5321 5.1: the implicit MX
    if (answer->result != DNS_ANSWER_OK)
        return false;
    uint16_t best = best_preference(answer);
    for (uint32_t i = 0; i < answer->count; i++)
        if (answer->records[i].preference == best && is_same_host(watched, answer->records[i].name))
            return true;
    return false;
}

static int64_t valid_for(const struct dns_answer *answer)
{
    if (answer->result != DNS_ANSWER_OK && answer->result != DNS_ANSWER_NODATA)
        return SITES_RETRY_MS;
    int64_t ms = (int64_t)answer->ttl_s * 1000;
    if (ms < SITES_TTL_MIN_MS)
        return SITES_TTL_MIN_MS;
    return ms < SITES_TTL_MAX_MS ? ms : SITES_TTL_MAX_MS;
}

static struct site_entry *get(struct sites *s, const char *domain)
{
    struct site_entry *e;
    HASH_FIND_STR(s->domains, domain, e);
    if (e)
        return e;
    if (HASH_COUNT(s->domains) >= SITES_DOMAINS_MAX)
        forget(s, s->domains);
    size_t n = strlen(domain) + 1;
    e = must_zalloc(sizeof *e + n);
    memcpy(e->domain, domain, n);
    HASH_ADD_STR(s->domains, domain, e);
    return e;
}

void sites_learn(struct sites *s, const char *domain, const struct dns_answer *answer,
                 int64_t now_ms)
{
    struct site_entry *e = get(s, domain);
    e->host = NULL;
    e->until_ms = now_ms + valid_for(answer);
    for (uint32_t i = 0; i < s->count && !e->host; i++)
        if (is_best_host(answer, domain, s->hosts[i]))
            e->host = s->hosts[i];
}
