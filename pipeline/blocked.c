// SPDX-License-Identifier: BSD-2-Clause
// blocked: see blocked.h. Few at any time: one for each cause, and for a relay's refusal one for
// each relay; so a list.
#include "pipeline/blocked.h"

#include "core/must.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct cause {
    struct cause *prev, *next; // by when it was heard of last, oldest first
    enum outcome_blocked kind;
    bool is_over, was_loud;
    int64_t since_ms, last_ms;
    int64_t loud_ms; // INT64_MIN: never
    char *why;
    char destination[];
};

struct blocked {
    struct cause *causes;
    uint32_t count, under_way;
};

struct blocked *blocked_new(void)
{
    return must_zalloc(sizeof(struct blocked));
}

static void forget(struct blocked *b, struct cause *c)
{
    DL_DELETE(b->causes, c);
    b->count--;
    b->under_way -= !c->is_over;
    free(c->why);
    free(c);
}

void blocked_free(struct blocked *b)
{
    if (!b)
        return;
    while (b->causes)
        forget(b, b->causes);
    free(b);
}

static struct cause *find(const struct blocked *b, enum outcome_blocked kind,
                          const char *destination)
{
    struct cause *c;
    DL_FOREACH(b->causes, c)
    {
        if (c->kind == kind && strcmp(c->destination, destination) == 0)
            break;
    }
    return c;
}

static struct cause *add(struct blocked *b, enum outcome_blocked kind, const char *destination)
{
    if (b->count == BLOCKED_MAX)
        forget(b, b->causes);
    size_t n = strlen(destination) + 1;
    struct cause *c = must_zalloc(sizeof *c + n);
    memcpy(c->destination, destination, n);
    c->kind = kind;
    c->is_over = true;
    c->loud_ms = INT64_MIN;
    DL_APPEND(b->causes, c);
    b->count++;
    return c;
}

static void begin(struct cause *c, int64_t now_ms)
{
    c->is_over = false;
    c->since_ms = now_ms;
    c->was_loud = c->loud_ms == INT64_MIN || now_ms - c->loud_ms >= BLOCKED_QUIET_MS;
    if (c->was_loud)
        c->loud_ms = now_ms;
}

bool blocked_begin(struct blocked *b, enum outcome_blocked kind, const char *destination,
                   const char *why, int64_t now_ms)
{
    must(kind != BLOCKED_NOT);
    struct cause *c = find(b, kind, destination);
    if (!c)
        c = add(b, kind, destination);
    DL_DELETE(b->causes, c);
    DL_APPEND(b->causes, c);
    bool is_long_ago = now_ms - c->last_ms >= BLOCKED_QUIET_MS; // no mail has met it meanwhile
    c->last_ms = now_ms;
    if (!c->why || strcmp(c->why, why) != 0) {
        free(c->why);
        c->why = must_strdup(why);
    }
    if (!c->is_over && !is_long_ago)
        return false;
    b->under_way += c->is_over;
    begin(c, now_ms);
    return c->was_loud;
}

bool blocked_end(struct blocked *b, enum outcome_blocked kind, const char *destination,
                 int64_t now_ms)
{
    struct cause *c = find(b, kind, destination);
    if (!c || c->is_over)
        return false;
    c->is_over = true;
    c->last_ms = now_ms;
    b->under_way--;
    return c->was_loud;
}

uint32_t blocked_count(const struct blocked *b)
{
    return b->under_way;
}

uint32_t blocked_list(const struct blocked *b, struct blocked_view *rows, uint32_t max)
{
    uint32_t count = 0;
    const struct cause *c;
    DL_FOREACH(b->causes, c)
    {
        if (!c->is_over && count < max)
            rows[count++] = (struct blocked_view){
                .kind = c->kind,
                .destination = c->destination,
                .why = c->why,
                .since_ms = c->since_ms,
                .last_ms = c->last_ms,
            };
    }
    return count;
}

const char *blocked_why(const struct blocked *b, enum outcome_blocked kind, const char *destination)
{
    const struct cause *c = find(b, kind, destination);
    return c ? c->why : NULL;
}
