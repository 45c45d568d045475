// SPDX-License-Identifier: BSD-2-Clause
// simulate: what would become of mail. See simulate_db.h.
//
// What is told comes from two places: from the ops that were committed (mail that came in, attempts
// that failed, notices, the rest of destinations), and from the hosts (what they took; in mode
// "interactive" the spool hears nothing of that).
#include "simulate/simulate_db.h"

#include "core/hash.h"
#include "core/must.h"
#include "core/time.h"
#include "simulate/options.h"
#include "simulate/scene.h"
#include "simulate/timeline_json.h"
#include "simulate/world_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

// A message in the spool.
struct known {
    uint64_t id;
    const char *destination;
    bool is_notice, is_held;
    UT_hash_handle hh;
};

struct play;
struct place {
    struct play *play;
    struct host *host;
    const struct scene_host *scene;
};

struct play {
    struct simulate_options options;
    struct scene scene;
    struct world *world;
    struct place *places; // one for each host of the scene
    struct timeline timeline;
    struct timeline_summary sum;
    int64_t *submitted_ms; // by number of the message
    struct known *known;
    uint32_t held; // of them
};

static int64_t since_start(const struct play *p, int64_t ms)
{
    return ms - p->scene.start_ms;
}

static void tell(struct play *p, enum timeline_kind kind, const char *about, const char *text)
{
    timeline_add(&p->timeline, kind, about, text, since_start(p, p->world->now_ms), 0);
}

// ---- what the spool stored
// -----------------------------------------------------------------------

static const char *destination_of(const struct play *p, struct slice address)
{
    struct buf key;
    buf_init(&key, 1024);
    address_domain_key(address, &key);
    const struct scene_domain *d = scene_domain(&p->scene, buf_slice(&key).p);
    buf_close(&key);
    return d ? d->destination : "";
}

static void remember(struct play *p, const struct entry *e)
{
    struct known *k = must_zalloc(sizeof *k);
    k->id = e->message.id;
    k->is_notice = e->message.kind != MESSAGE_MAIL;
    k->destination = e->rcpt_count > 0 ? destination_of(p, slice_str(e->rcpts[0].address)) : "";
    HASH_ADD(hh, p->known, id, sizeof k->id, k);
}

static void on_failure(struct play *p, const struct known *k, const struct settle_change *c)
{
    bool is_too_old = c->outcome.klass == CLASS_EXPIRED;
    tell(p, is_too_old ? TIMELINE_GAVE_UP : TIMELINE_REFUSED, k->destination, c->outcome.text);
    if (k->is_notice)
        return;
    p->sum.gave_up += is_too_old;
    p->sum.refused += !is_too_old;
}

static void on_hold(struct play *p, struct known *k, const struct settle_change *c)
{
    tell(p, TIMELINE_HELD, k->destination, c->outcome.text);
    p->held += !k->is_held;
    k->is_held = true;
}

// A route that takes everything, and has no host that could tell.
static void on_discard(struct play *p, const struct known *k, const struct settle_change *c)
{
    tell(p, k->is_notice ? TIMELINE_NOTICES : TIMELINE_DELIVERED, k->destination, c->outcome.text);
    p->sum.delivered += !k->is_notice;
    p->sum.attempts++;
}

static void on_settled(struct play *p, const struct op_settle *s)
{
    struct known *k;
    HASH_FIND(hh, p->known, &s->message, sizeof s->message, k);
    for (uint32_t i = 0; k && i < s->change_count; i++) {
        const struct settle_change *c = &s->changes[i];
        // Deliveries are told by the hosts.
        p->sum.attempts += c->is_attempt && c->action != SETTLE_DELIVERED;
        if (c->action == SETTLE_DEFER)
            tell(p, TIMELINE_DEFERRED, k->destination, c->outcome.text);
        if (c->action == SETTLE_FAIL)
            on_failure(p, k, c);
        if (c->action == SETTLE_HOLD)
            on_hold(p, k, c);
        if (c->action == SETTLE_DELIVERED && !c->outcome.host[0] && !c->outcome.ip[0])
            on_discard(p, k, c);
    }
    if (k && s->is_removed) {
        p->held -= k->is_held;
        HASH_DEL(p->known, k);
        free(k);
    }
    for (int i = 0; i < OP_NOTICES; i++) {
        if (!s->notices[i])
            continue;
        remember(p, s->notices[i]);
        if (i == 2) // of arrival, for whoever asked: mail of the simulation never does
            continue;
        tell(p, i == 0 ? TIMELINE_RETURNED : TIMELINE_WARNED, "", "");
        p->sum.returned += i == 0;
        p->sum.warnings += i == 1;
    }
}

static void on_health(struct play *p, const struct op_health_row *row)
{
    enum timeline_kind kind = row->failures == 0   ? TIMELINE_ANSWERS
                              : row->failures == 1 ? TIMELINE_RESTS
                                                   : TIMELINE_PROBE_FAILED;
    timeline_add(&p->timeline, kind, row->name, row->failures ? row->text : "",
                 since_start(p, p->world->now_ms),
                 row->failures ? since_start(p, row->rest_until_ms) : 0);
}

static void on_stored(void *arg, const struct op *op)
{
    struct play *p = arg;
    if (op->err)
        return;
    if (op->kind == OP_ACCEPT)
        remember(p, op->accept.entry);
    if (op->kind == OP_SETTLE)
        on_settled(p, &op->settle);
    if (op->kind == OP_HEALTH)
        on_health(p, &op->health.row);
}

// ---- what hosts say and took
// ---------------------------------------------------------------------

static enum host_state on_connect(const struct host *h, int64_t now_ms, void *arg)
{
    struct place *place = arg;
    (void)h;
    place->host->slow_ms = scene_slowness(&place->play->scene, place->scene, now_ms);
    place->host->pace = place->host->slow_ms ? PACE_SLOW_MAIL : PACE_QUICK;
    return scene_state(&place->play->scene, place->scene, now_ms);
}

static const char *on_rcpt(const struct host *h, struct slice rcpt, int64_t now_ms, void *arg)
{
    struct place *place = arg;
    (void)h;
    return scene_judge(&place->play->scene, place->scene, rcpt, now_ms);
}

// The number of a message of ours by its recipient; UINT32_MAX: it is a notice.
static uint32_t number_of(const struct play *p, const char *rcpt)
{
    for (uint32_t i = 0; i < p->options.sender_count; i++)
        if (strcmp(rcpt, p->options.senders[i]) == 0)
            return UINT32_MAX;
    if (strncmp(rcpt, "rcpt", 4) != 0)
        return UINT32_MAX;
    unsigned long n = strtoul(rcpt + 4, NULL, 10);
    return n < p->options.messages ? (uint32_t)n : UINT32_MAX;
}

static void on_taken(const struct host *h, const struct host_message *m, void *arg)
{
    struct place *place = arg;
    struct play *p = place->play;
    (void)h;
    uint32_t number = number_of(p, m->rcpts);
    const char *destination = destination_of(p, slice_str(m->rcpts));
    p->sum.attempts++;
    if (number == UINT32_MAX) {
        tell(p, TIMELINE_NOTICES, destination, "");
        return;
    }
    int64_t wait_ms = m->at_ms - p->submitted_ms[number];
    if (wait_ms > p->sum.longest_wait_ms)
        p->sum.longest_wait_ms = wait_ms;
    p->sum.delivered++;
    tell(p, TIMELINE_DELIVERED, destination, "");
}

// ---- the course
// ----------------------------------------------------------------------------------

static void set_up(struct play *p)
{
    struct world *w = p->world;
    p->scene.start_ms = w->now_ms;
    p->places = must_zalloc((p->scene.host_count + 1) * sizeof *p->places);
    for (uint32_t i = 0; i < p->scene.host_count; i++) {
        const struct scene_host *s = &p->scene.hosts[i];
        bool is_socket = s->name[0] == '/';
        struct host *h = world_host(w, is_socket ? s->name : s->ip);
        p->places[i] = (struct place){.play = p, .host = h, .scene = s};
        h->weather = on_connect;
        h->judge = on_rcpt;
        h->took = on_taken;
        h->weather_arg = h->watch_arg = &p->places[i];
        h->keeps_nothing = true;
        if (!is_socket && strcmp(s->name, s->ip) != 0)
            world_name(w, s->name, s->ip);
    }
    for (uint32_t i = 0; i < p->scene.domain_count; i++)
        world_mx(w, p->scene.domains[i].name, 10, p->scene.domains[i].mx);
    w->stored = on_stored;
    w->stored_arg = p;
}

static void submit(struct play *p, uint32_t number)
{
    const char *domain = p->options.domains[number % p->options.domain_count];
    const char *sender = p->options.senders[number % p->options.sender_count];
    struct buf rcpt, text;
    buf_init(&rcpt, 1024);
    buf_init(&text, 4096);
    buf_addf(&rcpt, "rcpt%u@%s", number, domain);
    buf_addf(&text, "From: <%s>\r\nTo: <%s>\r\nSubject: message %u\r\n\r\nA simulated message.\r\n",
             sender, rcpt.p, number);
    p->submitted_ms[number] = p->world->now_ms;
    if (world_submit(p->world, sender, rcpt.p, text.p) != 0) {
        p->sum.accepted++;
        timeline_add(&p->timeline, TIMELINE_ACCEPTED, destination_of(p, buf_slice(&rcpt)), "",
                     since_start(p, p->submitted_ms[number]), 0);
    } else {
        char reply[128];
        snprintf(reply, sizeof reply, "%.*s", (int)strcspn(world_last_reply(p->world), "\r\n"),
                 world_last_reply(p->world));
        tell(p, TIMELINE_TURNED_AWAY, destination_of(p, buf_slice(&rcpt)), reply);
    }
    buf_close(&rcpt);
    buf_close(&text);
}

static bool is_stopped(const struct world *w)
{
    return w->stop && *w->stop;
}

static bool is_waiting(void *arg)
{
    const struct play *p = arg;
    return HASH_COUNT(p->known) > p->held; // nobody releases what is held
}

static void run(struct play *p)
{
    struct world *w = p->world;
    const struct simulate_options *o = &p->options;
    int64_t start_ms = w->now_ms, end_ms = start_ms + o->for_ms;
    for (uint32_t i = 0; i < o->messages && !is_stopped(w); i++) {
        int64_t at_ms = start_ms + o->over_ms * i / o->messages;
        if (at_ms >= end_ms)
            break;
        if (at_ms > w->now_ms)
            world_run(w, at_ms - w->now_ms);
        submit(p, i);
    }
    if (end_ms > w->now_ms)
        world_run_while(w, end_ms - w->now_ms, is_waiting, p);
}

static void sum_up(struct play *p)
{
    struct timeline_summary *sum = &p->sum;
    sum->seed = p->options.seed;
    sum->messages = p->options.messages;
    sum->connections = p->world->connections;
    sum->connections_peak = p->world->connections_peak;
    sum->end_ms = since_start(p, p->world->now_ms);
    world_count(p->world, &sum->waiting, &sum->held);
}

static void print(struct play *p, struct buf *out)
{
    timeline_end(&p->timeline);
    if (p->options.is_json) {
        timeline_json(&p->timeline, &p->sum, out);
    } else {
        timeline_text(&p->timeline, out);
        timeline_summary_text(&p->sum, out);
    }
}

static int begin(struct play *p, const struct simulate_task *task, struct buf *notes)
{
    if (simulate_options_parse(task->words, task->count, &p->options, notes) != FP_OK) {
        buf_add_byte(notes, '\n');
        return EX_USAGE;
    }
    scene_make(&p->scene, task->config, &p->options, notes);
    if (task->config->mode == MODE_QUEUE)
        buf_add_str(notes,
                    "mode = \"queue\": nothing is tried until it is flushed, and here nobody "
                    "flushes\n");
    p->submitted_ms = must_zalloc(p->options.messages * sizeof *p->submitted_ms);
    p->world =
        world_try(&(struct world_options){.seed = p->options.seed, .ready = task->config}, notes);
    if (!p->world) {
        buf_add_byte(notes, '\n');
        return EX_CANTCREAT;
    }
    p->world->stop = task->stop;
    return EX_OK;
}

static void finish(struct play *p)
{
    if (p->world)
        world_free(p->world);
    simulate_options_close(&p->options);
    scene_close(&p->scene);
    timeline_close(&p->timeline);
    struct known *k, *next;
    HASH_ITER(hh, p->known, k, next)
    {
        HASH_DEL(p->known, k);
        free(k);
    }
    free(p->places);
    free(p->submitted_ms);
}

int simulate_run(const struct simulate_task *task, struct buf *out, struct buf *notes)
{
    struct play p = {0};
    int code = begin(&p, task, notes);
    if (!code) {
        set_up(&p);
        run(&p);
        sum_up(&p);
        print(&p, out);
    }
    finish(&p);
    return code;
}
