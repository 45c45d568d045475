// SPDX-License-Identifier: BSD-2-Clause
// reason: why a destination rests, remembered in as many bytes as were said. See reason.h.
#include "scheduler/reason.h"

#include "core/must.h"

#include <stdlib.h>
#include <string.h>

enum { REASON_TEXTS = 4 }; // status, host, ip, text: one after the other, each with its NUL

struct reason {
    uint8_t result, klass, scope;
    bool in_doubt, has_reply;
    uint16_t port;
    struct reason_shown *shown; // since the last release, or NULL
    char texts[];
};

struct reason_shown {
    struct reason_shown *next;
    struct reason *of; // NULL: freed meanwhile
    struct outcome outcome;
};

struct reason *reason_new(const struct outcome *o)
{
    const char *texts[REASON_TEXTS] = {o->status, o->host, o->ip, o->text};
    size_t n = 0;
    for (int i = 0; i < REASON_TEXTS; i++)
        n += strlen(texts[i]) + 1;
    struct reason *r = must_alloc(sizeof *r + n);
    r->result = (uint8_t)o->result;
    r->klass = (uint8_t)o->klass;
    r->scope = (uint8_t)o->scope;
    r->in_doubt = o->in_doubt;
    r->has_reply = o->has_reply;
    r->port = o->port;
    r->shown = NULL;
    char *to = r->texts;
    for (int i = 0; i < REASON_TEXTS; i++) {
        size_t size = strlen(texts[i]) + 1;
        memcpy(to, texts[i], size);
        to += size;
    }
    return r;
}

void reason_free(struct reason *r)
{
    if (r && r->shown)
        r->shown->of = NULL;
    free(r);
}

// They came out of arrays of these sizes, so they fit.
static void expand(const struct reason *r, struct outcome *ret)
{
    *ret = (struct outcome){
        .result = (enum outcome_result)r->result,
        .klass = (enum outcome_class)r->klass,
        .scope = (enum outcome_scope)r->scope,
        .in_doubt = r->in_doubt,
        .has_reply = r->has_reply,
        .port = r->port,
    };
    char *to[REASON_TEXTS] = {ret->status, ret->host, ret->ip, ret->text};
    const char *from = r->texts;
    for (int i = 0; i < REASON_TEXTS; i++) {
        size_t n = strlen(from) + 1;
        memcpy(to[i], from, n);
        from += n;
    }
}

// Once for each reason: a listing asks for the same one with every message, and an idle daemon may
// release none for hours.
const struct outcome *reasons_show(struct reasons *all, struct reason *r)
{
    if (!r)
        return NULL;
    if (!r->shown) {
        r->shown = must_alloc(sizeof *r->shown);
        expand(r, &r->shown->outcome);
        r->shown->of = r;
        r->shown->next = all->first;
        all->first = r->shown;
    }
    return &r->shown->outcome;
}

void reasons_release(struct reasons *all)
{
    while (all->first) {
        struct reason_shown *next = all->first->next;
        if (all->first->of)
            all->first->of->shown = NULL;
        free(all->first);
        all->first = next;
    }
}
