// SPDX-License-Identifier: BSD-2-Clause
// brake: stops a flood of bounces that has one cause. See brake.h.
//
// Of each signature the last `failures` refusals are kept: when, and hashes of whose mail and which
// domain it was. A pair of hashes that collide makes the brake a little slower to close, no more.
#include "bounce/brake.h"

#include "bounce/signature.h"
#include "core/fnv.h"
#include "core/hash.h"

#include <stdlib.h>
#include <utlist.h>

const char brake_held_why[] = "bounce brake: too many mails were refused like this";

struct refusal {
    int64_t at_ms;
    uint32_t sender, domain; // hashes
};

struct entry {
    UT_hash_handle hh;
    struct entry *prev, *next; // by when it was heard of last, oldest first
    struct refusal *ring;      // the newest `count` refusals; grows up to the setting
    uint32_t cap, count, head; // head: where the next one goes
    int64_t last_ms;
    int64_t closed_ms; // 0: open
    char signature[];
};

struct brake {
    struct entry *entries; // hash by signature
    struct entry *oldest;
};

struct brake *brake_new(void)
{
    return must_zalloc(sizeof(struct brake));
}

static void forget(struct brake *b, struct entry *e)
{
    HASH_DEL(b->entries, e);
    DL_DELETE(b->oldest, e);
    free(e->ring);
    free(e);
}

void brake_free(struct brake *b)
{
    if (!b)
        return;
    while (b->oldest)
        forget(b, b->oldest);
    free(b);
}

static uint32_t hash_of(struct slice s)
{
    uint32_t hash = FNV_BEGIN;
    for (size_t i = 0; i < s.n; i++)
        hash = fnv_add_lower(hash, s.p[i]);
    return hash;
}

static struct slice domain_of(struct slice address)
{
    const char *at = address.n > 0 ? memrchr(address.p, '@', address.n) : NULL;
    return at ? slice_from(address, (size_t)(at - address.p) + 1) : address;
}

static struct entry *add(struct brake *b, struct slice signature)
{
    if (HASH_COUNT(b->entries) >= BRAKE_SIGNATURES_MAX)
        forget(b, b->oldest); // K1
    struct entry *e = must_zalloc(sizeof *e + signature.n + 1);
    memcpy(e->signature, signature.p, signature.n);
    HASH_ADD_STR(b->entries, signature, e);
    DL_APPEND(b->oldest, e);
    return e;
}

static struct entry *find_or_add(struct brake *b, const struct brake_failure *f)
{
    struct entry *e;
    struct buf signature;
    buf_init(&signature, SIGNATURE_MAX);
    signature_add(f->outcome, f->rcpt, &signature);
    HASH_FIND_STR(b->entries, buf_slice(&signature).p, e);
    if (!e)
        e = add(b, buf_slice(&signature));
    buf_close(&signature);
    return e;
}

// The ring follows the setting: at a change what was counted begins anew.
static void fit(struct entry *e, uint32_t failures)
{
    if (e->cap == failures)
        return;
    free(e->ring);
    e->ring = must_zalloc(failures * sizeof *e->ring);
    e->cap = failures;
    e->count = e->head = 0;
}

static void note(struct entry *e, const struct brake_failure *f, int64_t now_ms)
{
    e->ring[e->head] = (struct refusal){
        .at_ms = now_ms, .sender = hash_of(f->sender), .domain = hash_of(domain_of(f->rcpt))};
    e->head = (e->head + 1) % e->cap;
    e->count += e->count < e->cap;
    e->last_ms = now_ms;
}

// Are there `wanted` different ones among the first `count` of the refusals? Few are asked for, so
// the different ones found so far are compared one by one.
static bool has_different(const struct entry *e, uint32_t wanted, bool by_domain)
{
    uint32_t seen[BRAKE_SENDERS_MAX], found = 0;
    for (uint32_t i = 0; i < e->count && found < wanted; i++) {
        uint32_t hash = by_domain ? e->ring[i].domain : e->ring[i].sender, k = 0;
        while (k < found && seen[k] != hash)
            k++;
        if (k == found)
            seen[found++] = hash;
    }
    return found >= wanted;
}

static bool is_about_the_address(const struct outcome *o)
{
    return strncmp(o->status, "5.1.", 4) == 0 || strncmp(o->status, "5.2.", 4) == 0;
}

// Full, recent, and of several senders.
static bool is_flood(const struct entry *e, const struct brake_settings *s, const struct outcome *o,
                     int64_t now_ms)
{
    if (e->count < s->failures)
        return false;
    int64_t oldest_ms = e->ring[e->head].at_ms; // the next one goes where the oldest stands
    return now_ms - oldest_ms <= s->within_ms && has_different(e, s->senders, false) &&
           (!is_about_the_address(o) || has_different(e, s->senders, true));
}

static bool is_closed(const struct entry *e, const struct brake_settings *s, int64_t now_ms)
{
    return e->closed_ms != 0 && now_ms - e->last_ms <= s->within_ms;
}

static void open_again(struct entry *e)
{
    e->closed_ms = 0;
    e->count = e->head = 0;
}

enum brake_verdict brake_judge(struct brake *b, const struct brake_settings *settings,
                               const struct brake_failure *failure, int64_t now_ms)
{
    if (settings->failures == 0)
        return BRAKE_OPEN;
    must(settings->failures <= BRAKE_FAILURES_MAX && settings->senders <= BRAKE_SENDERS_MAX);
    struct entry *e = find_or_add(b, failure);
    DL_DELETE(b->oldest, e);
    DL_APPEND(b->oldest, e);
    bool was_closed = is_closed(e, settings, now_ms);
    if (!was_closed && e->closed_ms != 0)
        open_again(e);
    fit(e, settings->failures);
    note(e, failure, now_ms);
    if (!was_closed && !is_flood(e, settings, failure->outcome, now_ms))
        return BRAKE_OPEN;
    if (!was_closed)
        e->closed_ms = now_ms;
    return was_closed ? BRAKE_CLOSED : BRAKE_CLOSES;
}
