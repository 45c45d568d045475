// SPDX-License-Identifier: BSD-2-Clause
// dnscache: answers of the DNS that are still good. See dnscache.h.
#include "deliver/dnscache.h"

#include "core/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEY_SIZE = 264 }; // "15 name" in lower case

struct cached {
    int64_t until_ms;
    size_t size; // of this and its answer
    struct dns_answer *answer;
    UT_hash_handle hh;
    char key[];
};

struct dnscache {
    struct cached *entries; // uthash keeps the order of making: the first is the oldest
    size_t bytes, bytes_max;
};

struct dnscache *dnscache_new(size_t bytes_max)
{
    struct dnscache *c = must_zalloc(sizeof *c);
    c->bytes_max = bytes_max ? bytes_max : DNSCACHE_BYTES_MAX;
    return c;
}

static void drop(struct dnscache *c, struct cached *e)
{
    HASH_DEL(c->entries, e);
    c->bytes -= e->size;
    free(e->answer);
    free(e);
}

void dnscache_clear(struct dnscache *c)
{
    while (c->entries)
        drop(c, c->entries);
}

void dnscache_free(struct dnscache *c)
{
    if (!c)
        return;
    dnscache_clear(c);
    free(c);
}

static void make_key(const char *name, enum dns_type type, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "%d %.255s", (int)type, name);
    for (char *p = key; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
}

static struct cached *find(const struct dnscache *c, const char *name, enum dns_type type)
{
    char key[KEY_SIZE];
    struct cached *e;
    make_key(name, type, key);
    HASH_FIND_STR(c->entries, key, e);
    return e;
}

// For how long an answer of this kind may be believed.
static uint32_t keep_s(const struct dns_answer *a)
{
    uint32_t most = 0;
    if (a->result == DNS_ANSWER_OK)
        most = DNSCACHE_TTL_MAX_S;
    else if (a->result == DNS_ANSWER_NODATA || a->result == DNS_ANSWER_NXDOMAIN)
        most = DNSCACHE_NEGATIVE_MAX_S;
    return a->ttl_s < most ? a->ttl_s : most;
}

void dnscache_put(struct dnscache *c, const char *name, const struct dns_answer *answer,
                  int64_t now_ms)
{
    struct cached *e = find(c, name, answer->type);
    if (e)
        drop(c, e);
    char key[KEY_SIZE];
    make_key(name, answer->type, key);
    size_t key_size = strlen(key) + 1;
    size_t answer_size = sizeof *answer + answer->count * sizeof answer->records[0];
    size_t size = sizeof *e + key_size + answer_size;
    if (keep_s(answer) == 0 || size > c->bytes_max)
        return;
    while (c->bytes + size > c->bytes_max)
        drop(c, c->entries);
    e = must_zalloc(sizeof *e + key_size);
    memcpy(e->key, key, key_size);
    e->until_ms = now_ms + (int64_t)keep_s(answer) * 1000;
    e->size = size;
    e->answer = must_alloc(answer_size);
    memcpy(e->answer, answer, answer_size);
    c->bytes += size;
    HASH_ADD_STR(c->entries, key, e);
}

const struct dns_answer *dnscache_find(const struct dnscache *c, const char *name,
                                       enum dns_type type, int64_t now_ms)
{
    const struct cached *e = find(c, name, type);
    return e && now_ms < e->until_ms ? e->answer : NULL;
}

size_t dnscache_bytes(const struct dnscache *c)
{
    return c->bytes;
}
