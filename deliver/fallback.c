// SPDX-License-Identifier: BSD-2-Clause
// fallback: see fallback.h.
#include "deliver/fallback.h"

#include "core/hash.h"
#include "core/must.h"

#include <ctype.h>
#include <stdlib.h>

struct fallback_host {
    int64_t until_ms;
    UT_hash_handle hh; // in the order of adding
    char name[];
};

struct fallback {
    struct fallback_host *hosts;
};

struct fallback *fallback_new(void)
{
    return must_zalloc(sizeof(struct fallback));
}

static void forget(struct fallback *f, struct fallback_host *h)
{
    HASH_DEL(f->hosts, h);
    free(h);
}

void fallback_clear(struct fallback *f)
{
    while (f->hosts)
        forget(f, f->hosts);
}

void fallback_free(struct fallback *f)
{
    if (!f)
        return;
    fallback_clear(f);
    free(f);
}

static struct fallback_host *make(const char *host, size_t n)
{
    struct fallback_host *h = must_zalloc(sizeof *h + n + 1);
    for (size_t i = 0; i < n; i++)
        h->name[i] = (char)tolower((unsigned char)host[i]);
    return h;
}

static struct fallback_host *find(const struct fallback *f, const struct fallback_host *like)
{
    struct fallback_host *h;
    HASH_FIND_STR(f->hosts, like->name, h);
    return h;
}

void fallback_note(struct fallback *f, const char *host, int64_t now_ms)
{
    struct fallback_host *h = make(host, strlen(host)), *old = find(f, h);
    if (old)
        forget(f, old);
    else if (HASH_COUNT(f->hosts) >= FALLBACK_HOSTS_MAX)
        forget(f, f->hosts); // the first one is the oldest
    h->until_ms = now_ms + FALLBACK_MS;
    HASH_ADD_KEYPTR(hh, f->hosts, h->name, strlen(h->name), h);
}

bool fallback_has(const struct fallback *f, const char *host, int64_t now_ms)
{
    if (!f->hosts)
        return false;
    struct fallback_host *like = make(host, strlen(host)), *h = find(f, like);
    free(like);
    return h && now_ms < h->until_ms;
}
