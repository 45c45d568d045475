// SPDX-License-Identifier: BSD-2-Clause
// standby: see standby.h.
#include "deliver/standby.h"

#include "core/hash.h"
#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>

struct entry {
    struct standby_hop hop;
    UT_hash_handle hh; // in the order of adding
    char name[];
};

struct standby {
    struct entry *entries;
};

struct standby *standby_new(void)
{
    return must_zalloc(sizeof(struct standby));
}

static void forget(struct standby *s, struct entry *e)
{
    HASH_DEL(s->entries, e);
    free(e);
}

void standby_free(struct standby *s)
{
    if (!s)
        return;
    while (s->entries)
        forget(s, s->entries);
    free(s);
}

bool standby_has_choice(const struct route_row *row)
{
    uint32_t count = row->target_count;
    if (count > 0 && target_is_final(&row->targets[count - 1])) // only the last one can be
        count--;
    return count > 1;
}

void standby_name(const struct target *t, const char *domain, struct buf *to)
{
    if (t->kind == TARGET_MX)
        must(!buf_add_str(to, "mx of ") && !buf_add_str(to, domain));
    else
        must(!buf_add_str(to, t->name));
}

static struct entry *find(const struct standby *s, const char *name)
{
    struct entry *e;
    HASH_FIND_STR(s->entries, name, e);
    return e;
}

const struct standby_hop *standby_find(const struct standby *s, const char *name,
                                       const char **ret_name)
{
    const struct entry *e = find(s, name);
    if (e && ret_name)
        *ret_name = e->name;
    return e ? &e->hop : NULL;
}

const struct standby_hop *standby_each(const struct standby *s, const void **at,
                                       const char **ret_name)
{
    const struct entry *e = *at ? ((const struct entry *)*at)->hh.next : s->entries;
    *at = e;
    *ret_name = e ? e->name : NULL;
    return e ? &e->hop : NULL;
}

enum standby_turn standby_turn(const struct standby *s, const char *name, int64_t now_ms)
{
    const struct entry *e = find(s, name);
    if (!e)
        return STANDBY_WELL;
    return e->hop.is_probing || now_ms < e->hop.rest_until_ms ? STANDBY_RESTS : STANDBY_DUE;
}

static void set_probing(struct standby *s, const char *name, bool is_probing)
{
    struct entry *e = find(s, name);
    if (e)
        e->hop.is_probing = is_probing;
}

void standby_probe(struct standby *s, const char *name)
{
    set_probing(s, name, true);
}

void standby_no_word(struct standby *s, const char *name)
{
    set_probing(s, name, false);
}

uint32_t standby_count(const struct standby *s, const char *name, bool is_probe, int64_t now_ms)
{
    const struct entry *e = find(s, name);
    if (!e)
        return 1;
    return is_probe || standby_turn(s, name, now_ms) == STANDBY_DUE ? e->hop.failures + 1 : 0;
}

static struct entry *make(struct standby *s, const char *name)
{
    struct entry *e = find(s, name);
    if (e)
        return e;
    if (HASH_COUNT(s->entries) >= STANDBY_HOPS_MAX)
        forget(s, s->entries); // the first one is the oldest
    size_t n = strlen(name) + 1;
    e = must_zalloc(sizeof *e + n);
    memcpy(e->name, name, n);
    HASH_ADD_KEYPTR(hh, s->entries, e->name, n - 1, e);
    return e;
}

void standby_failed(struct standby *s, const char *name, const struct outcome *why, int64_t now_ms,
                    int64_t rest_until_ms)
{
    struct standby_hop *hop = &make(s, name)->hop;
    if (hop->failures++ == 0)
        hop->since_ms = now_ms;
    hop->last_ms = now_ms;
    hop->rest_until_ms = rest_until_ms;
    hop->is_probing = false;
    hop->klass = (uint8_t)why->klass;
    memcpy(hop->status, why->status, sizeof hop->status);
    snprintf(hop->text, sizeof hop->text, "%.*s", STANDBY_TEXT_SIZE - 1, why->text);
}

bool standby_works(struct standby *s, const char *name)
{
    struct entry *e = find(s, name);
    if (e)
        forget(s, e);
    return e != NULL;
}

void standby_learn(struct standby *s, const char *name, const struct standby_hop *hop)
{
    make(s, name)->hop = *hop;
}

void standby_wake(struct standby *s, const char *name, int64_t now_ms)
{
    for (struct entry *e = name ? find(s, name) : s->entries; e; e = name ? NULL : e->hh.next)
        if (e->hop.rest_until_ms > now_ms)
            e->hop.rest_until_ms = now_ms;
}
