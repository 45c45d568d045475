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

struct message_sent {
    int64_t at_ms;
    bool is_delivered;
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
    struct message_sent *sent; // by number
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

static const char *destination_of(const struct play *p, struct slice address, const char *sender)
{
    return scene_destination(&p->scene, address, sender);
}

static void remember(struct play *p, const struct entry *e)
{
    struct known *k = must_zalloc(sizeof *k);
    k->id = e->message.id;
    k->is_notice = e->message.kind != MESSAGE_MAIL;
    k->destination = e->rcpt_count > 0
                         ? destination_of(p, slice_str(e->rcpts[0].address), e->message.sender)
                         : "";
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
static void tell_discarded(struct play *p, bool is_notice, const char *destination,
                           const char *text)
{
    tell(p, is_notice ? TIMELINE_NOTICES : TIMELINE_DELIVERED, destination, text);
    p->sum.delivered += !is_notice;
    p->sum.attempts++;
}

// What a failed notice says goes to the postmaster: no message comes back by that. The third kind
// is of arrival, for whoever asked, and mail of the simulation never does.
static void on_notice(struct play *p, bool is_about_notice, int i, const struct entry *e)
{
    remember(p, e);
    if (i == 2)
        return;
    tell(p,
         i == 1            ? TIMELINE_WARNED
         : is_about_notice ? TIMELINE_POSTMASTER
                           : TIMELINE_RETURNED,
         "", "");
    p->sum.warnings += i == 1;
    p->sum.returned += i == 0 && !is_about_notice;
    p->sum.to_postmaster += i == 0 && is_about_notice;
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
            tell_discarded(p, k->is_notice, k->destination, c->outcome.text);
    }
    for (int i = 0; i < OP_NOTICES; i++)
        if (s->notices[i])
            on_notice(p, k && k->is_notice, i, s->notices[i]);
    if (k && s->is_removed) {
        p->held -= k->is_held;
        HASH_DEL(p->known, k);
        free(k);
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

static enum weather_kind judge(const struct place *place, struct slice rcpt, int64_t now_ms)
{
    return scene_judge(&place->play->scene, place->scene, rcpt, now_ms);
}

static bool is_relay(const struct place *place, int64_t now_ms)
{
    return scene_is_of_relay(&place->play->scene, place->scene, WEATHER_REFUSE, now_ms);
}

static const char *on_rcpt(const struct host *h, struct slice rcpt, int64_t now_ms, void *arg)
{
    (void)h;
    switch (judge(arg, rcpt, now_ms)) {
    case WEATHER_GREYLIST:
        return "450 4.7.1 greylisted, come back later";
    case WEATHER_FULL:
        return "452 4.2.2 mailbox full";
    case WEATHER_REJECT:
        return "550 5.1.1 no such user";
    case WEATHER_REFUSE:
        return is_relay(arg, now_ms) ? "554 5.7.1 relay access denied"
                                     : "550 5.7.1 we do not take mail from you";
    default:
        return NULL;
    }
}

// What a folder, or a program, ends with (sysexits.h).
static const struct handover_result *on_end(const struct host *h, struct slice rcpt, int64_t now_ms,
                                            void *arg)
{
    static const struct handover_result over_quota = {HANDOVER_QUOTA, 0, 0, "Disk quota exceeded"};
    static const struct handover_result full = {HANDOVER_DONE, EX_TEMPFAIL, 0, "mailbox full"};
    static const struct handover_result busy = {HANDOVER_DONE, EX_TEMPFAIL, 0, "busy"};
    static const struct handover_result unknown = {HANDOVER_DONE, EX_NOUSER, 0, "no such user"};
    static const struct handover_result refused = {HANDOVER_DONE, EX_NOPERM, 0,
                                                   "we do not take mail from you"};
    const struct place *place = arg;
    (void)h;
    if (scene_state(&place->play->scene, place->scene, now_ms) == HOST_BUSY)
        return &busy;
    switch (judge(place, rcpt, now_ms)) {
    case WEATHER_FULL:
        return place->scene->kind == TARGET_MAILDIR ? &over_quota : &full;
    case WEATHER_REJECT:
        return &unknown;
    case WEATHER_REFUSE:
        return &refused;
    default:
        return NULL;
    }
}

static struct host *on_folder(void *arg, const struct handover_order *order)
{
    struct play *p = arg;
    const struct scene_host *h = scene_folder(&p->scene, order);
    return h ? p->places[h - p->scene.hosts].host : NULL;
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
    const char *destination = destination_of(p, slice_str(m->rcpts), m->sender);
    p->sum.attempts++;
    if (number == UINT32_MAX) {
        tell(p, TIMELINE_NOTICES, destination, "");
        return;
    }
    p->sent[number].is_delivered = true;
    int64_t wait_ms = m->at_ms - p->sent[number].at_ms;
    if (wait_ms > p->sum.longest_wait_ms)
        p->sum.longest_wait_ms = wait_ms;
    p->sum.delivered++;
    tell(p, TIMELINE_DELIVERED, destination, "");
}

// ---- the course
// ----------------------------------------------------------------------------------

static struct host *build(struct world *w, const struct scene_host *h)
{
    char place[WORLD_PLACE_MAX];
    struct buf name;
    buf_init(&name, 4096);
    world_place(h->ip, h->port, place);
    if (h->ip[0])
        buf_add_str(&name, place);
    else
        buf_add_all(&name,
                    h->kind == TARGET_PIPE      ? "pipe:"
                    : h->kind == TARGET_MAILDIR ? "maildir:"
                                                : "",
                    h->name);
    struct host *built = world_host(w, name.p);
    buf_close(&name);
    return built;
}

static void build_hosts(struct play *p)
{
    p->places = must_zalloc((p->scene.host_count + 1) * sizeof *p->places);
    for (uint32_t i = 0; i < p->scene.host_count; i++) {
        const struct scene_host *s = &p->scene.hosts[i];
        struct host *h = build(p->world, s);
        p->places[i] = (struct place){.play = p, .host = h, .scene = s};
        h->weather = on_connect;
        h->judge = on_rcpt;
        h->ends = on_end;
        h->took = on_taken;
        h->weather_arg = h->watch_arg = &p->places[i];
        h->keeps_nothing = true;
        h->has_tls = true;
    }
}

static void name_hosts(struct play *p)
{
    for (uint32_t i = 0; i < p->scene.host_count; i++) {
        const struct scene_host *s = &p->scene.hosts[i];
        if (s->is_named)
            world_name(p->world, s->name, s->ip);
    }
    world_dns_vouches(p->world);
    for (uint32_t i = 0; i < p->scene.domain_count; i++)
        world_mx(p->world, p->scene.domains[i].name, 10, p->scene.domains[i].mx);
}

static void set_up(struct play *p)
{
    p->scene.start_ms = p->world->now_ms;
    build_hosts(p);
    name_hosts(p);
    p->world->stored = on_stored;
    p->world->stored_arg = p;
    p->world->folder = on_folder;
    p->world->folder_arg = p;
}

// In mode "interactive" nothing is stored of mail that a route discards while its client waits.
static bool is_gone_unseen(const struct play *p, uint64_t id, uint32_t number)
{
    struct known *k;
    HASH_FIND(hh, p->known, &id, sizeof id, k);
    return world_config(p->world)->mode == MODE_INTERACTIVE && !k && !p->sent[number].is_delivered;
}

static void submit(struct play *p, uint32_t number)
{
    const char *domain = p->options.domains[number % p->options.domain_count];
    uint32_t turn = number / p->options.domain_count; // so that each sender writes to each domain
    const char *sender = p->options.senders[turn % p->options.sender_count];
    struct buf rcpt, text;
    buf_init(&rcpt, 1024);
    buf_init(&text, 4096);
    buf_addf(&rcpt, "rcpt%u@%s", number, domain);
    buf_addf(&text, "From: <%s>\r\nTo: <%s>\r\nSubject: message %u\r\n\r\nA simulated message.\r\n",
             sender, rcpt.p, number);
    p->sent[number].at_ms = p->world->now_ms;
    uint64_t id = world_submit(p->world, sender, rcpt.p, text.p);
    if (id != 0) {
        p->sum.accepted++;
        timeline_add(&p->timeline, TIMELINE_ACCEPTED, destination_of(p, buf_slice(&rcpt), sender),
                     "", since_start(p, p->sent[number].at_ms), 0);
        if (is_gone_unseen(p, id, number))
            tell_discarded(p, false, destination_of(p, buf_slice(&rcpt), sender), "discarded");
    } else {
        char reply[128];
        snprintf(reply, sizeof reply, "%.*s", (int)strcspn(world_last_reply(p->world), "\r\n"),
                 world_last_reply(p->world));
        tell(p, TIMELINE_TURNED_AWAY, destination_of(p, buf_slice(&rcpt), sender), reply);
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
    p->sent = must_zalloc(p->options.messages * sizeof *p->sent);
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
    free(p->sent);
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
