// SPDX-License-Identifier: BSD-2-Clause
// tally: see tally.h.
#include "deliver/tally.h"

#include "core/must.h"
#include "deliver/envelope.h"

#include <stdlib.h>
#include <string.h>

static void forget(struct tally_rcpt *r)
{
    free(r->own);
    *r = (struct tally_rcpt){0};
}

void tally_end(struct tally *t)
{
    for (uint32_t i = 0; t->batch && i < t->batch->rcpt_count; i++)
        forget(&t->rcpts[i]);
    t->batch = NULL;
    t->accepted_count = 0;
    t->is_settled = false;
}

void tally_close(struct tally *t)
{
    tally_end(t);
    free(t->rcpts);
    t->rcpts = NULL;
    t->capacity = 0;
}

void tally_begin(struct tally *t, const struct session_batch *batch)
{
    must(!t->batch && batch->rcpt_count > 0);
    if (batch->rcpt_count > t->capacity) {
        t->rcpts = must_realloc(t->rcpts, batch->rcpt_count * sizeof t->rcpts[0]);
        memset(t->rcpts + t->capacity, 0, (batch->rcpt_count - t->capacity) * sizeof t->rcpts[0]);
        t->capacity = batch->rcpt_count;
    }
    t->batch = batch;
}

void tally_restart(struct tally *t)
{
    for (uint32_t i = 0; i < t->batch->rcpt_count; i++) {
        struct tally_rcpt *r = &t->rcpts[i];
        r->is_accepted = false;
        if (r->own && r->own->result != OUTCOME_FAILED)
            forget(r);
    }
    t->accepted_count = 0;
    t->is_settled = false;
}

bool tally_is_open(const struct tally *t, uint32_t i)
{
    return !t->rcpts[i].own && !t->rcpts[i].is_accepted;
}

bool tally_is_refused(const struct tally *t)
{
    for (uint32_t i = 0; i < t->batch->rcpt_count; i++)
        if (!t->rcpts[i].own)
            return false;
    return true;
}

void tally_accept(struct tally *t, uint32_t i)
{
    must(tally_is_open(t, i));
    t->rcpts[i].is_accepted = true;
    t->accepted_count++;
}

void tally_refuse(struct tally *t, uint32_t i, const struct outcome *o)
{
    must(tally_is_open(t, i) && o->result != OUTCOME_DELIVERED);
    t->rcpts[i].own = (struct outcome *)must_memdup(o, sizeof *o);
}

void tally_decide(struct tally *t, uint32_t i, const struct outcome *o)
{
    must(t->rcpts[i].is_accepted && !t->rcpts[i].own);
    t->rcpts[i].own = (struct outcome *)must_memdup(o, sizeof *o);
}

struct outcome *tally_settle(struct tally *t)
{
    must(t->batch && !t->is_settled);
    t->is_settled = true;
    return &t->rest;
}

const struct outcome *tally_outcome(const struct tally *t, uint32_t i)
{
    must(t->is_settled && i < t->batch->rcpt_count);
    return t->rcpts[i].own ? t->rcpts[i].own : &t->rest;
}

enum outcome_scope tally_scope(const struct tally *t)
{
    enum outcome_scope widest = SCOPE_NONE;
    for (uint32_t i = 0; i < t->batch->rcpt_count; i++) {
        enum outcome_scope scope = tally_outcome(t, i)->scope;
        widest = scope > widest ? scope : widest;
    }
    return widest;
}

bool tally_refuse_unspeakable(struct tally *t)
{
    const struct session_batch *b = t->batch;
    struct outcome o;
    if (!envelope_is_speakable(b->sender)) {
        classify_unspeakable(true, tally_settle(t));
        return true;
    }
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        if (!envelope_is_speakable(b->rcpts[i])) {
            classify_unspeakable(false, &o);
            tally_refuse(t, i, &o);
        }
    if (!tally_is_refused(t))
        return false;
    *tally_settle(t) = *t->rcpts[0].own;
    return true;
}
