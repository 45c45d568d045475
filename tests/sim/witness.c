// SPDX-License-Identifier: BSD-2-Clause
// witness: remembers the first promise that was broken. See witness.h.
#include "tests/sim/witness.h"

#include "core/hash.h"
#include "core/must.h"
#include "simulate/world_internal_db.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RCPT_MAX = 128,
    // Between the decision to rest and its commit attempts may begin that nobody could have held,
    // and an operator may end it.
    REST_SLACK_MS = 2000,
};

struct seen {
    char rcpt[RCPT_MAX];
    bool is_expected, is_delivered, is_failed, may_be_removed;
    bool was_in_doubt;   // some host took it without saying so
    uint32_t deliveries; // at hosts
    uint32_t life;       // of the world, at the last of them
    UT_hash_handle hh;
};

// What the spool has: message and number to recipient.
struct stored {
    struct {
        uint64_t message;
        uint64_t n;
    } key;
    char rcpt[RCPT_MAX];
    bool is_notice;
    int64_t accepted_ms;
    UT_hash_handle hh;
};

struct watched {
    struct witness *witness;
    char destination[RCPT_MAX];
    enum host_state (*weather)(const struct host *h, int64_t now_ms, void *arg);
    void *weather_arg;
    int64_t rest_from_ms, rest_until_ms; // 0: none
    struct watched *next;
};

struct witness {
    struct world *world;
    struct witness_options options;
    struct seen *seen;
    struct stored *stored;
    struct watched *watched;
    int64_t disturbed_ms, freed_ms;
    uint32_t restarts; // lives of the pipeline that ended in order
    uint32_t crashes;  // that were noticed
    uint32_t delivered, failed;
    char broken[512];
};

static void __attribute__((format(printf, 2, 3))) broke(struct witness *v, const char *format, ...)
{
    if (v->broken[0])
        return;
    int64_t s = (v->world->now_ms - v->world->in->start_ms) / 1000;
    int n = snprintf(v->broken, sizeof v->broken, "+%lldd%02d:%02d:%02d ", (long long)(s / 86400),
                     (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(v->broken + n, sizeof v->broken - (size_t)n, format, arguments);
    va_end(arguments);
}

static struct seen *see(struct witness *v, const char *rcpt)
{
    struct seen *s;
    HASH_FIND_STR(v->seen, rcpt, s);
    if (!s) {
        s = must_zalloc(sizeof *s);
        snprintf(s->rcpt, sizeof s->rcpt, "%s", rcpt);
        HASH_ADD_STR(v->seen, rcpt, s);
    }
    return s;
}

// ---- the spool
// -----------------------------------------------------------------------------------

static struct stored *find(struct witness *v, uint64_t message, uint32_t n)
{
    struct stored *s, key = {.key = {message, n}};
    HASH_FIND(hh, v->stored, &key.key, sizeof key.key, s);
    return s;
}

static void on_entry(struct witness *v, const struct entry *e)
{
    for (uint32_t i = 0; i < e->rcpt_count; i++) {
        struct stored *s = must_zalloc(sizeof *s);
        s->key.message = e->message.id;
        s->key.n = e->rcpts[i].n;
        s->is_notice = e->message.kind != MESSAGE_MAIL;
        s->accepted_ms = v->world->now_ms;
        snprintf(s->rcpt, sizeof s->rcpt, "%s", e->rcpts[i].address);
        HASH_ADD(hh, v->stored, key, sizeof s->key, s);
    }
}

static void on_end(struct witness *v, struct stored *s, bool is_failure)
{
    if (v->crashes != v->world->crashes)
        witness_disturbed(v);
    v->crashes = v->world->crashes;
    int64_t since_ms = s->accepted_ms > v->disturbed_ms ? s->accepted_ms : v->disturbed_ms;
    if (v->options.expire_ms && v->world->now_ms - since_ms > v->options.expire_ms)
        broke(v, "V7: the end of %s came %lld s after the last disturbance", s->rcpt,
              (long long)(v->world->now_ms - since_ms) / 1000);
    if (!s->is_notice) {
        struct seen *r = see(v, s->rcpt);
        if (r->is_failed || (r->is_delivered && !is_failure))
            broke(v, "V3: something became of %s after its end", s->rcpt);
        r->is_failed |= is_failure;
        r->is_delivered |= !is_failure;
        v->failed += is_failure;
        v->delivered += !is_failure;
    }
    HASH_DEL(v->stored, s);
    free(s);
}

static void on_settle(struct witness *v, const struct op_settle *o)
{
    for (uint32_t i = 0; i < o->change_count; i++) {
        const struct settle_change *c = &o->changes[i];
        struct stored *s = find(v, o->message, c->n);
        if (o->is_gone && o->is_gone[i])
            continue;
        if (!s) {
            broke(v, "V3: something became of a recipient that is not there");
            return;
        }
        if (c->action == SETTLE_FAIL && !s->is_notice && !o->notices[0])
            broke(v, "V3: %s is given back and nobody is told", s->rcpt);
        if (c->action == SETTLE_FAIL || c->action == SETTLE_DELIVERED)
            on_end(v, s, c->action == SETTLE_FAIL);
    }
    for (int i = 0; i < OP_NOTICES; i++)
        if (o->notices[i])
            on_entry(v, o->notices[i]);
}

static void on_change(struct witness *v, const struct op_change *o)
{
    for (uint32_t i = 0; o->verb == CHANGE_REMOVE && !o->dry_run && i < o->row_count; i++) {
        struct stored *s = find(v, o->rows[i].message, o->rows[i].n);
        if (!s)
            continue;
        if (!s->is_notice && !see(v, s->rcpt)->may_be_removed)
            broke(v, "V1: %s was removed and nobody had asked", s->rcpt);
        HASH_DEL(v->stored, s);
        free(s);
    }
}

static void on_health(struct witness *v, const struct op_health_row *row)
{
    if (v->freed_ms && v->world->now_ms <= v->freed_ms + REST_SLACK_MS)
        return;
    for (struct watched *h = v->watched; h; h = h->next)
        if (strcmp(h->destination, row->name) == 0) {
            h->rest_from_ms = row->failures ? v->world->now_ms : 0;
            // The pipeline's clock, which is ahead of a wall clock that was set back; ours is the
            // world's.
            int64_t ahead_ms = pipeline_now(v->world->in->pipeline) - v->world->in->fed_ms;
            h->rest_until_ms = row->failures ? row->rest_until_ms - ahead_ms : 0;
        }
}

static void on_stored(void *arg, const struct op *op)
{
    struct witness *v = arg;
    if (op->err)
        return;
    if (op->kind == OP_ACCEPT)
        on_entry(v, op->accept.entry);
    if (op->kind == OP_SETTLE)
        on_settle(v, &op->settle);
    if (op->kind == OP_CHANGE)
        on_change(v, &op->change);
    if (op->kind == OP_HEALTH)
        on_health(v, &op->health.row);
}

// ---- hosts
// ---------------------------------------------------------------------------------------

static enum host_state on_connect(const struct host *h, int64_t now_ms, void *arg)
{
    struct watched *place = arg;
    struct witness *v = place->witness;
    if (place->rest_from_ms && now_ms > place->rest_from_ms + REST_SLACK_MS &&
        now_ms < place->rest_until_ms)
        broke(v, "V5: %s is connected to %lld s before its rest is over", place->destination,
              (long long)(place->rest_until_ms - now_ms) / 1000);
    if (v->options.connections && h->connections_open >= v->options.connections)
        broke(v, "V6: %s has %u connections", place->destination, h->connections_open + 1);
    return place->weather ? place->weather(h, now_ms, place->weather_arg) : h->state;
}

static bool holds_word(const char *words, struct slice word)
{
    for (const char *at = words; at && *at; at += *at == ' ') {
        size_t n = strcspn(at, " ");
        if (slice_equal((struct slice){at, n}, word))
            return true;
        at += n;
    }
    return false;
}

static const char *on_rcpt(const struct host *h, struct slice rcpt, int64_t now_ms, void *arg)
{
    struct watched *place = arg;
    struct witness *v = place->witness;
    (void)h;
    (void)now_ms;
    for (const struct host_conn *c = v->world->in->conns; c; c = c->next)
        if (c->sender && c->sender[0] && !c->is_left && c->rcpts.n > 0 &&
            holds_word(buf_slice(&c->rcpts).p, rcpt))
            broke(v, "V4: %.*s is under way twice", (int)rcpt.n, rcpt.p);
    return NULL;
}

static uint32_t life_of(const struct witness *v)
{
    return v->world->crashes + v->restarts;
}

static void on_delivery(struct witness *v, const char *rcpt, enum host_state state)
{
    struct seen *s = see(v, rcpt);
    if (s->deliveries > 0 && s->life == life_of(v) && !s->was_in_doubt)
        broke(v, "V2: %s is delivered to again", rcpt);
    s->deliveries++;
    s->life = life_of(v);
    s->was_in_doubt |= state == HOST_LOST;
}

static void on_taken(const struct host *h, const struct host_message *m, void *arg)
{
    struct watched *place = arg;
    char rcpt[RCPT_MAX];
    (void)h;
    for (const char *at = m->rcpts; m->sender[0] && *at; at += *at == ' ') {
        size_t n = strcspn(at, " ");
        snprintf(rcpt, sizeof rcpt, "%.*s", (int)n, at);
        on_delivery(place->witness, rcpt, m->state);
        at += n;
    }
}

// ---- for the test
// --------------------------------------------------------------------------------

struct witness *witness_new(struct world *w, const struct witness_options *options)
{
    struct witness *v = must_zalloc(sizeof *v);
    v->world = w;
    v->options = *options;
    v->disturbed_ms = w->now_ms;
    w->stored = on_stored;
    w->stored_arg = v;
    return v;
}

void witness_watch(struct witness *v, const char *ip, const char *destination)
{
    struct host *h = world_host(v->world, ip);
    struct watched *place = must_zalloc(sizeof *place);
    place->witness = v;
    place->weather = h->weather;
    place->weather_arg = h->weather_arg;
    snprintf(place->destination, sizeof place->destination, "%s", destination);
    place->next = v->watched;
    v->watched = place;
    h->weather = on_connect;
    h->judge = on_rcpt;
    h->took = on_taken;
    h->weather_arg = h->watch_arg = place;
}

void witness_expect(struct witness *v, const char *rcpt)
{
    see(v, rcpt)->is_expected = true;
}

void witness_removes(struct witness *v, const char *rcpt)
{
    see(v, rcpt)->may_be_removed = true;
}

void witness_disturbed(struct witness *v)
{
    v->disturbed_ms = v->world->now_ms;
}

void witness_frees(struct witness *v)
{
    witness_disturbed(v);
    v->freed_ms = v->world->now_ms;
    for (struct watched *h = v->watched; h; h = h->next)
        h->rest_from_ms = h->rest_until_ms = 0;
}

void witness_restarted(struct witness *v)
{
    witness_disturbed(v);
    v->restarts++;
}

void witness_end(struct witness *v)
{
    for (const struct seen *s = v->seen; s; s = s->hh.next)
        if (s->is_expected && !s->deliveries && !s->is_failed && !s->may_be_removed)
            broke(v, "V1: %s was lost", s->rcpt);
    for (const struct stored *s = v->stored; s; s = s->hh.next)
        broke(v, "V1: %s is still there", s->rcpt);
}

const char *witness_broken(const struct witness *v)
{
    return v->broken;
}

void witness_count(const struct witness *v, uint32_t *ret_delivered, uint32_t *ret_failed)
{
    *ret_delivered = v->delivered;
    *ret_failed = v->failed;
}

void witness_free(struct witness *v)
{
    struct seen *s, *next;
    HASH_ITER(hh, v->seen, s, next)
    {
        HASH_DEL(v->seen, s);
        free(s);
    }
    struct stored *o, *o_next;
    HASH_ITER(hh, v->stored, o, o_next)
    {
        HASH_DEL(v->stored, o);
        free(o);
    }
    while (v->watched) {
        struct watched *h = v->watched;
        v->watched = h->next;
        free(h);
    }
    free(v);
}
