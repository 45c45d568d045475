// SPDX-License-Identifier: BSD-2-Clause
// pipeline: events in, effects out; who a conversation or a finished op belongs to. See pipeline.h.
#include "pipeline/crowding.h"
#include "pipeline/nexthops.h"
#include "pipeline/pipeline_internal.h"
#include "pipeline/stopping.h"
#include "pipeline/sts.h"

#include <stdlib.h>

enum {
    MAINTAIN_EVERY_MS = 10 * 1000,
    MAINTAIN_IDLE_MS = 5 * 60 * 1000, // once nothing happens any more: an idle machine may sleep
    MAINTAIN_AGAIN_MS = 50,           // while nobody has mail to do: some 20 MiB a second go back
    MAINTAIN_BUDGET = 2048,
};

// Conversations borrow the hostname and outlive the configuration that they began with.
static const char *keep_hostname(struct pipeline *p, const char *text)
{
    for (const struct kept_name *k = p->hostnames; k; k = k->next)
        if (strcmp(k->text, text) == 0)
            return k->text;
    size_t size = strlen(text) + 1;
    struct kept_name *k = must_alloc(sizeof *k + size);
    memcpy(k->text, text, size);
    k->next = p->hostnames;
    p->hostnames = k;
    return k->text;
}

static void free_hostnames(struct pipeline *p)
{
    while (p->hostnames) {
        struct kept_name *k = p->hostnames;
        p->hostnames = k->next;
        free(k);
    }
}

static void settings_from_config(struct pipeline *p)
{
    const struct config *c = p->config;
    const char *hostname = keep_hostname(p, c->hostname);
    struct buf own;
    buf_init(&own, SIZE_MAX);
    config_own_places(c, &own);
    p->server_settings = (struct server_settings){
        .hostname = hostname,
        .message_size_max = (uint64_t)c->message_size_max,
        .rcpts_max = c->rcpts_max,
        .messages_max = 0,
        .errors_max = 20,
        .received_max = 100,
        .line_max = 1024 * 1024,
        .command_ms = 5 * TIME_MINUTE_MS,
        .data_ms = 3 * TIME_MINUTE_MS,
    };
    p->session_settings = (struct session_settings){
        .hostname = hostname,
        .own_places = keep_hostname(p, own.p),
        .smtp_port = c->smtp_port,
        .connect_ms = 30 * TIME_SECOND_MS,
        .greeting_ms = 5 * TIME_MINUTE_MS,
        .crowded_ms = 30 * TIME_SECOND_MS,
        .command_ms = 5 * TIME_MINUTE_MS,
        .data_ms = 2 * TIME_MINUTE_MS,
        .block_ms = 3 * TIME_MINUTE_MS,
        .dot_ms = 10 * TIME_MINUTE_MS,
        .pipe_ms = c->pipe_ms,
        .quit_ms = 5 * TIME_SECOND_MS,
        .eight_bit = c->eight_bit,
        .chunking = c->chunking,
        .protect = c->protect,
        .credentials = c->credentials,
        .fallback = p->fallback,
        .families = &p->families,
    };
    buf_close(&own);
}

static struct scheduler_settings scheduler_settings_of(const struct pipeline *p)
{
    return (struct scheduler_settings){
        .rules = &p->config->rules,
        .batches_max = p->batches_max ? p->batches_max : p->config->sessions_max,
        .window_rcpts_max = BUDGET_WINDOW_RCPTS,
        .page_size = BUDGET_PAGE_RCPTS,
        .is_manual = p->config->mode == MODE_QUEUE,
    };
}

struct pipeline *pipeline_new(const struct pipeline_options *options)
{
    struct pipeline *p = must_zalloc(sizeof *p);
    p->config = options->config;
    p->seed = options->seed;
    clock_init(p, options);
    p->batches_max = options->batches_max;
    p->body_memory_max = options->body_memory_max ? options->body_memory_max : BUDGET_BODIES;
    p->next_conn = 2;
    p->next_tag = 1;
    ids_init(&p->ids, options->id_high_water);
    p->fallback = fallback_new();
    p->standby = standby_new();
    settings_from_config(p);
    struct scheduler_settings settings = scheduler_settings_of(p);
    p->scheduler = scheduler_new(&settings, p->now_ms);
    p->dnscache = dnscache_new(0);
    p->sites = sites_new();
    sts_open(p);
    sites_reload(p);
    p->bounce_brake = brake_new();
    p->blocked = blocked_new();
    resolver_reload(p);
    alarm_init(&p->alarm_scheduler, ALARM_SCHEDULER, NULL);
    alarm_init(&p->alarm_sweep, ALARM_SWEEP, NULL);
    alarm_init(&p->alarm_maintain, ALARM_MAINTAIN, NULL);
    alarm_init(&p->alarm_domains, ALARM_DOMAINS, NULL);
    alarm_init(&p->alarm_intake, ALARM_INTAKE, NULL);
    alarm_init(&p->alarm_turns, ALARM_TURNS, NULL);
    alarm_init(&p->alarm_loading, ALARM_LOADING, NULL);
    alarm_init(&p->alarm_suspending, ALARM_SUSPENDING, NULL);
    alarm_init(&p->alarm_network, ALARM_NETWORK, NULL);
    alarm_init(&p->alarm_crowding, ALARM_CROWDING, NULL);
    alarm_init(&p->alarm_stop, ALARM_STOP, NULL);
    intake_init(&p->intake, &options->intake);
    p->intake_patience_ms = BUDGET_INTAKE_PATIENCE_MS;
    return p;
}

static void free_conversations(struct pipeline *p)
{
    struct conn *c, *next;
    HASH_ITER(hh, p->conns, c, next)
    {
        if (c->kind == CONN_DOOR)
            door_free(p, c->door);
        HASH_DEL(p->conns, c);
        free(c);
    }
    while (p->carriers)
        carrier_free(p, p->carriers);
    while (p->settlings)
        settling_free(p, p->settlings);
    relaying_close(p);
}

static void free_waiters(struct pipeline *p)
{
    struct waiter *w, *next;
    HASH_ITER(hh, p->waiters, w, next)
    {
        HASH_DEL(p->waiters, w);
        free(w->domain);
        free(w);
    }
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    free_conversations(p);
    // Dropping the windows gives their batches back as effects, which free the bodies. It may ask
    // for pages, too, so what waits for an answer is freed behind it.
    struct scheduler_settings settings = scheduler_settings_of(p);
    windows_feed(p, &(struct sched_event){.kind = SCHED_SETTINGS, .settings = settings});
    free_waiters(p);
    suspending_close(p);
    scheduler_free(p->scheduler);
    dnscache_free(p->dnscache);
    sites_close(p);
    sts_close(p);
    brake_free(p->bounce_brake);
    blocked_free(p->blocked);
    resolver_close(p);
    bodies_bury(p);
    effects_close(p);
    heap_close(&p->alarms);
    sweep_close(p);
    free_hostnames(p);
    fallback_free(p->fallback);
    standby_free(p->standby);
    free(p);
}

struct conn *conn_add(struct pipeline *p, uint64_t id, enum conn_kind kind)
{
    struct conn *c = must_zalloc(sizeof *c);
    c->id = id;
    c->kind = kind;
    HASH_ADD(hh, p->conns, id, sizeof c->id, c);
    return c;
}

struct conn *conn_find(struct pipeline *p, uint64_t id)
{
    struct conn *c;
    HASH_FIND(hh, p->conns, &id, sizeof id, c);
    return c;
}

void conn_forget(struct pipeline *p, uint64_t id)
{
    struct conn *c = conn_find(p, id);
    if (!c)
        return;
    HASH_DEL(p->conns, c);
    free(c);
}

void alarm_init(struct alarm *a, enum alarm_kind kind, void *owner)
{
    *a = (struct alarm){.kind = kind, .owner = owner};
}

void alarm_set(struct pipeline *p, struct alarm *a, int64_t at_ms)
{
    heap_set(&p->alarms, &a->node, at_ms);
}

struct waiter *store_op(struct pipeline *p, struct op *op, enum waiter_kind kind)
{
    struct waiter *w = must_zalloc(sizeof *w);
    w->tag = op->tag = p->next_tag++;
    w->kind = kind;
    p->writer_ops += op_is_writer(op);
    HASH_ADD(hh, p->waiters, tag, sizeof w->tag, w);
    effect_add(p, PIPELINE_STORE)->op = op;
    return w;
}

static void maintain(struct pipeline *p)
{
    struct op *op = op_new(OP_MAINTAIN);
    op->maintain.now_ms = clock_purge_ms(p);
    op->maintain.history_ms = p->config->history_ms;
    op->maintain.budget = MAINTAIN_BUDGET;
    store_op(p, op, WAIT_MAINTAIN);
}

// Room is given back, and history purged, step by step while nobody needs the writer; beside mail
// one step now and then.
static void maintained(struct pipeline *p, const struct op *op)
{
    uint64_t done =
        p->counters.accepted + p->counters.delivered + p->counters.deferred + p->counters.failed;
    bool is_idle = done == p->done_at_maintain;
    p->done_at_maintain = done;
    bool again = !op->err && op->maintain.more && is_idle;
    int64_t wait_ms = again ? MAINTAIN_AGAIN_MS : is_idle ? MAINTAIN_IDLE_MS : MAINTAIN_EVERY_MS;
    alarm_set(p, &p->alarm_maintain, p->now_ms + wait_ms);
}

// Its operator may have gone meanwhile; what it has changed holds all the same.
static void on_operator_op(struct pipeline *p, uint64_t conn, struct op *op)
{
    if (op->kind == OP_CHANGE && !op->err)
        operator_changed(p, &op->change);
    if (op->kind == OP_SUSPEND && !op->err)
        suspending_stored(p, &op->suspend);
    struct conn *c = conn_find(p, conn);
    if (c && door_operator(c->door))
        operator_stored(p, door_operator(c->door), op);
}

static struct waiter *take_waiter(struct pipeline *p, const struct op *op)
{
    struct waiter *w;
    HASH_FIND(hh, p->waiters, &op->tag, sizeof op->tag, w);
    must(w != NULL);
    HASH_DEL(p->waiters, w);
    return w;
}

// What must be known before anything is started, one after the other.
static void on_loaded(struct pipeline *p, struct op *op)
{
    if (op->kind == OP_STS_ALL)
        sts_loaded(p, op);
    else
        suspending_loaded(p, op);
}

static void on_stored(struct pipeline *p, struct op *op)
{
    struct waiter *w = take_waiter(p, op);
    p->writer_ops -= op_is_writer(op);
    trouble_heard(p, op);
    sweep_heard(p, op);
    switch (w->kind) {
    case WAIT_DOOR_CHUNK:
        door_chunk_stored(p, w->conn, op);
        break;
    case WAIT_DOOR_ACCEPT:
        door_accept_stored(p, w->conn, op);
        break;
    case WAIT_NOTHING:
        break;
    case WAIT_PAGE:
        windows_page_read(p, w->domain, op);
        break;
    case WAIT_DOMAINS:
        windows_domains_read(p, op);
        break;
    case WAIT_FLUSH:
        windows_flush_read(p, w->flush_ms, w->conn, op);
        break;
    case WAIT_HEALTHS:
        windows_healths_read(p, op);
        break;
    case WAIT_CARRIER_CHUNK:
        if (w->carrier)
            carrier_chunk_read(p, w->carrier, op);
        break;
    case WAIT_SETTLING:
        settling_stored(p, w->settling, op);
        break;
    case WAIT_SWEEP:
        sweep_read(p, op);
        break;
    case WAIT_OPERATOR:
        on_operator_op(p, w->conn, op);
        break;
    case WAIT_RESERVE:
        relaying_reserved(p, op);
        break;
    case WAIT_MAINTAIN:
        maintained(p, op);
        break;
    case WAIT_REPAIR:
        repair_stored(p, op);
        break;
    case WAIT_LOADING:
        on_loaded(p, op);
        break;
    case WAIT_SUSPENDING:
        suspending_came_back(p, op);
        break;
    }
    free(w->domain);
    free(w);
    op_free(op);
}

static void on_conn(struct pipeline *p, struct conn *c, const struct pipeline_event *e)
{
    struct door *d = c->door;
    struct carrier *h = c->carrier;
    bool is_door = c->kind == CONN_DOOR;
    switch (e->kind) {
    case PIPELINE_CONNECTED:
        carrier_connected(p, h);
        break;
    case PIPELINE_CONNECT_FAILED:
        conn_forget(p, e->conn);
        carrier_connect_failed(p, h, e->fault, e->detail);
        break;
    case PIPELINE_TLS_READY:
        carrier_tls_ready(p, h, e->tls);
        break;
    case PIPELINE_AUTH_RESPONSE:
        carrier_auth_response(p, h, e->auth_response);
        break;
    case PIPELINE_BYTES:
        is_door ? door_bytes(p, d, e->bytes) : carrier_bytes(p, h, e->bytes);
        break;
    case PIPELINE_EOF:
        is_door ? door_eof(p, d) : carrier_eof(p, h);
        break;
    case PIPELINE_FAULT:
        is_door ? door_lost(p, d) : carrier_fault(p, h, e->fault, e->detail);
        break;
    case PIPELINE_RESULT:
        carrier_result(p, h, e->result);
        break;
    case PIPELINE_SENT:
        is_door ? door_sent(p, d) : carrier_sent(p, h);
        break;
    default:
        must(false);
    }
}

static void on_timer(struct pipeline *p)
{
    struct heap_node *node;
    // At most as many rings as there are alarms: one that sets itself into the past again waits for
    // the next feed, so that nothing spins here.
    size_t rings = p->alarms.count;
    while (rings-- > 0 && (node = heap_first(&p->alarms)) && node->at_ms <= p->now_ms) {
        struct alarm *a = heap_owner(node, struct alarm, node);
        heap_remove(&p->alarms, node);
        switch (a->kind) {
        case ALARM_DOOR:
            door_timer(p, a->owner);
            break;
        case ALARM_CARRIER:
            carrier_timer(p, a->owner);
            break;
        case ALARM_SCHEDULER:
            windows_timer(p);
            break;
        case ALARM_SWEEP:
            sweep_timer(p);
            break;
        case ALARM_MAINTAIN:
            maintain(p);
            break;
        case ALARM_RETRY:
            settling_timer(p, a->owner);
            break;
        case ALARM_DOMAINS:
            windows_reload(p);
            break;
        case ALARM_RELAY:
            relaying_timer(p, a->owner);
            break;
        case ALARM_OPERATOR:
            operator_timer(p, a->owner);
            break;
        case ALARM_TURNS:
            turns_timer(p);
            break;
        case ALARM_NETWORK:
            windows_network(p);
            break;
        case ALARM_CROWDING:
            crowding_timer(p);
            break;
        case ALARM_LOADING:
            sts_load(p);
            break;
        case ALARM_SUSPENDING:
            suspending_timer(p);
            break;
        case ALARM_INTAKE:
            doors_refuse(p);
            break;
        case ALARM_STOP:
            stopping_grace_over(p);
            break;
        }
    }
}

void pipeline_read_again(struct pipeline *p)
{
    struct scheduler_settings settings = scheduler_settings_of(p);
    windows_feed(p, &(struct sched_event){.kind = SCHED_SETTINGS, .settings = settings});
    windows_reload(p);
}

static void on_reload(struct pipeline *p, const struct config *config)
{
    p->config = config;
    fallback_clear(p->fallback); // rows may say something else now
    nexthops_wake(p, NULL, NULL);
    settings_from_config(p);
    dnscache_clear(p->dnscache); // other name servers may say other things
    resolver_reload(p);
    sites_reload(p);
    carriers_quit_idle(p);
    pipeline_read_again(p);
    sweep_arm(p);
    relaying_reserve(p);
    routes_begin_again(p);
}

static void on_start(struct pipeline *p)
{
    p->is_started = true;
    clock_start(p);
    sts_load(p);
    sweep_arm(p);
    relaying_reserve(p);
    alarm_set(p, &p->alarm_maintain, p->now_ms + MAINTAIN_EVERY_MS);
}

void pipeline_feed(struct pipeline *p, const struct pipeline_event *e)
{
    effects_release(p);
    bodies_bury(p);
    clock_take(p, e);
    struct conn *c;
    switch (e->kind) {
    case PIPELINE_START:
        on_start(p);
        break;
    case PIPELINE_TIMER:
        on_timer(p);
        break;
    case PIPELINE_ACCEPTED:
        door_open(p, e);
        break;
    case PIPELINE_ANSWER:
        resolver_answer(p, e->lookup, e->answer_name, e->answer);
        break;
    case PIPELINE_FETCHED:
        sts_fetched(p, e);
        break;
    case PIPELINE_STORED:
        on_stored(p, e->op);
        break;
    case PIPELINE_NETWORK:
        windows_network(p);
        break;
    case PIPELINE_RELOAD:
        on_reload(p, e->config);
        break;
    case PIPELINE_SHUTDOWN:
        stopping_begin(p);
        break;
    case PIPELINE_CONNECTED:
    case PIPELINE_CONNECT_FAILED:
    case PIPELINE_TLS_READY:
    case PIPELINE_AUTH_RESPONSE:
    case PIPELINE_BYTES:
    case PIPELINE_EOF:
    case PIPELINE_FAULT:
    case PIPELINE_RESULT:
    case PIPELINE_SENT:
        c = conn_find(p, e->conn);
        if (c)
            on_conn(p, c, e);
        break;
    }
    doors_resume(p);
    pipeline_check_stopped(p);
}

void pipeline_flow(const struct pipeline *p, struct pipeline_flow *ret)
{
    *ret = (struct pipeline_flow){
        .body_memory = p->body_memory + p->sending,
        .body_memory_max = p->body_memory_max,
        .intake = p->intake,
        .writer_ops = p->writer_ops,
    };
    ret->sessions = doors_count(p, &ret->unread_sessions);
}

int64_t pipeline_deadline(const struct pipeline *p)
{
    struct heap_node *first = heap_first(&p->alarms);
    return first ? first->at_ms : TIME_NEVER;
}
