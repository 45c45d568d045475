// SPDX-License-Identifier: BSD-2-Clause
// withheld: what the bounce brake holds, by its causes. See withheld.h. Refusals have one cause
// when their signatures are equal, as for the brake itself.
#include "bounce/withheld.h"

#include "bounce/signature.h"
#include "core/hash.h"

#include <stdio.h>
#include <stdlib.h>

struct cause {
    UT_hash_handle hh;
    int64_t since_ms;
    uint64_t held;
    char *host, *reply;
    char signature[];
};

struct withheld {
    struct cause *causes; // hash by signature
};

struct withheld *withheld_new(void)
{
    return must_zalloc(sizeof(struct withheld));
}

void withheld_free(struct withheld *w)
{
    struct cause *c, *next;
    if (!w)
        return;
    HASH_ITER(hh, w->causes, c, next)
    {
        HASH_DEL(w->causes, c);
        free(c->host);
        free(c->reply);
        free(c);
    }
    free(w);
}

// The name without address and port: a host with two addresses is one.
static void take_refusal(const struct withheld_one *one, struct outcome *ret)
{
    *ret = (struct outcome){0};
    snprintf(ret->host, sizeof ret->host, "%.*s", (int)strcspn(one->host, "["), one->host);
    snprintf(ret->text, sizeof ret->text, "%s", one->reply);
}

static struct cause *find(const struct withheld *w, struct slice signature)
{
    struct cause *c;
    HASH_FIND(hh, w->causes, signature.p, signature.n, c);
    return c;
}

static struct cause *add(struct withheld *w, struct slice signature, const struct outcome *o)
{
    if (HASH_COUNT(w->causes) == WITHHELD_MAX)
        return NULL;
    struct cause *c = must_zalloc(sizeof *c + signature.n + 1);
    memcpy(c->signature, signature.p, signature.n);
    c->since_ms = INT64_MAX;
    c->host = must_strdup(o->host);
    c->reply = must_strdup(o->text);
    HASH_ADD_KEYPTR(hh, w->causes, c->signature, signature.n, c);
    return c;
}

void withheld_add(struct withheld *w, const struct withheld_one *one)
{
    struct outcome o;
    struct buf signature;
    buf_init(&signature, SIGNATURE_MAX);
    take_refusal(one, &o);
    signature_add(&o, slice_str(one->address), &signature);
    struct cause *c = find(w, buf_slice(&signature));
    if (!c)
        c = add(w, buf_slice(&signature), &o);
    buf_close(&signature);
    if (!c)
        return;
    c->held++;
    if (one->at_ms < c->since_ms)
        c->since_ms = one->at_ms;
}

static int by_count(const struct cause *a, const struct cause *b)
{
    return (a->held < b->held) - (a->held > b->held);
}

uint32_t withheld_list(struct withheld *w, struct withheld_view *rows, uint32_t max)
{
    uint32_t count = 0;
    HASH_SORT(w->causes, by_count);
    for (const struct cause *c = w->causes; c && count < max; c = c->hh.next)
        rows[count++] = (struct withheld_view){c->host, c->reply, c->since_ms, c->held};
    return count;
}
