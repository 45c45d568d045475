// SPDX-License-Identifier: BSD-2-Clause
// world: the second driver of the pipeline: executes effects, and lets things happen in their
// order. See world_db.h; how a world begins and ends is in life_db.c, its client in client_db.c,
// what can be set about it while it runs in knobs_db.c.
#include "simulate/world_db.h"

#include "core/must.h"
#include "queue/store_db.h"
#include "simulate/world_internal_db.h"

#include <stdio.h>
#include <stdlib.h>

static void step_effects(struct world *w);

uint64_t world_draw(struct world *w)
{
    // splitmix64: small, and the same everywhere
    uint64_t z = (w->in->random += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

struct happening *world_later(struct world *w, enum happening_kind kind, int64_t at_ms)
{
    struct happening *h = must_zalloc(sizeof *h);
    h->kind = kind;
    int64_t key = (at_ms - w->in->start_ms) << 20 | (int64_t)(w->in->order++ & 0xFFFFF);
    heap_set(&w->in->happenings, &h->node, key);
    return h;
}

struct happening *world_event_later(struct world *w, enum pipeline_event_kind kind, uint64_t conn,
                                    int64_t at_ms)
{
    struct happening *h = world_later(w, HAPPENS_EVENT, at_ms);
    h->event.kind = kind;
    h->event.conn = conn;
    h->event.detail = "";
    return h;
}

// One way over the network; what is sent later does not arrive earlier.
int64_t world_arrival(struct world *w, int direction)
{
    int64_t at = w->now_ms + w->in->latency_ms +
                 (int64_t)(world_draw(w) % (uint64_t)(w->in->latency_ms + 1));
    if (at < w->in->last_at[direction])
        at = w->in->last_at[direction];
    w->in->last_at[direction] = at;
    return at;
}

void world_say(struct world *w, const char *text, size_t n)
{
    if (!w->in->keeps_trace)
        return;
    int64_t s = (w->now_ms - w->in->start_ms) / 1000;
    buf_addf(&w->trace, "+%lldd%02lld:%02lld:%02lld ", (long long)(s / 86400),
             (long long)(s / 3600 % 24), (long long)(s / 60 % 60), (long long)(s % 60));
    buf_add(&w->trace, text, n);
    buf_add_byte(&w->trace, '\n');
}

static void count_effect(struct world *w)
{
    if (++w->effects == w->crash_after)
        w->in->wants_crash = true;
}

// The spool.

static void finish_op(struct world *w, struct op *op)
{
    if (w->stored)
        w->stored(w->stored_arg, op);
    struct happening *h = world_event_later(w, PIPELINE_STORED, 0, w->now_ms);
    h->event.op = op;
}

static void fail_batch(struct world *w, struct op *first)
{
    while (first) {
        struct op *next = first->next;
        first->err = FP_IO;
        finish_op(w, first);
        first = next;
    }
}

static void run_batch(struct world *w)
{
    struct world_inside *in = w->in;
    struct op *first = in->writes;
    in->writer_called = false;
    in->writes = NULL;
    in->writes_last = &in->writes;
    if (!first)
        return;
    if (in->spool_fails) {
        fail_batch(w, first);
        return;
    }
    must(store_begin(in->writer) == FP_OK);
    for (struct op *op = first; op; op = op->next) {
        if (in->spool_is_full && (op->kind == OP_ACCEPT || op->kind == OP_APPEND)) {
            op->err = FP_FULL;
            continue;
        }
        store_run(in->writer, op);
        must(op->err != FP_IO && op->err != FP_CORRUPT);
    }
    count_effect(w); // a crash may come before the commit
    if (in->wants_crash) {
        store_rollback(in->writer);
        fail_batch(w, first); // nobody hears it: the crash is next
        return;
    }
    must(store_commit(in->writer) == FP_OK);
    store_checkpoint(in->writer);
    count_effect(w); // or just after it
    while (first) {
        struct op *next = first->next;
        first->next = NULL;
        finish_op(w, first);
        first = next;
    }
}

static void store_op_later(struct world *w, struct op *op)
{
    struct world_inside *in = w->in;
    op->next = NULL;
    w->ops[op->kind]++;
    if (op_is_writer(op)) {
        *in->writes_last = op;
        in->writes_last = &op->next;
        if (!in->writer_called)
            world_later(w, HAPPENS_WRITER, w->now_ms + in->latency_ms + in->commit_ms);
        in->writer_called = true;
        return;
    }
    // A reader may look early and be heard late: what it says is then old news (rule W2).
    world_later(w, HAPPENS_READER, w->now_ms + (int64_t)(world_draw(w) % 3))->op = op;
}

static void run_reader(struct world *w, struct op *op)
{
    store_run(w->in->reader, op);
    must(op->err == FP_OK || op->err == FP_NOT_FOUND);
    if (w->in->spool_fails)
        op->err = FP_IO;
    int64_t heard_ms = w->now_ms + w->in->reader_slow_ms + (int64_t)(world_draw(w) % 5);
    struct happening *h = world_event_later(w, PIPELINE_STORED, 0, heard_ms);
    h->event.op = op;
}

// Names.

static void look_up(struct world *w, const struct pipeline_effect *fx)
{
    w->lookups++;
    struct happening *h = world_event_later(w, PIPELINE_ANSWER, 0, world_arrival(w, 1));
    h->event.lookup = fx->lookup;
    snprintf(h->name, sizeof h->name, "%s", fx->name);
    h->answer = names_answer(&w->in->names, fx->name, fx->type);
}

static void fetch(struct world *w, const struct pipeline_effect *fx)
{
    const char *text = w->policy ? w->policy(w->policy_arg, fx->name) : NULL;
    struct happening *h = world_event_later(w, PIPELINE_FETCHED, 0, world_arrival(w, 1));
    w->fetches++;
    h->event.lookup = fx->lookup;
    h->event.detail = text ? NULL : "its server cannot be reached";
    snprintf(h->name, sizeof h->name, "%s", fx->name);
    if (text) {
        h->size = strlen(text);
        h->bytes = must_memdup(text, h->size);
    }
}

// Hosts.

static struct host *find_host(struct world *w, const char *place)
{
    for (struct host *h = w->hosts; h; h = h->next)
        if (strcmp(h->ip, place) == 0)
            return h;
    return NULL;
}

struct host *world_host(struct world *w, const char *place)
{
    struct host *h = find_host(w, place);
    if (h)
        return h;
    h = host_new(place);
    h->next = w->hosts;
    w->hosts = h;
    return h;
}

static struct host_conn *conn_find(struct world *w, uint64_t conn)
{
    for (struct host_conn *c = w->in->conns; c; c = c->next)
        if (c->conn == conn)
            return c;
    return NULL;
}

void world_drop_conn(struct world *w, struct host_conn *conn)
{
    for (struct host_conn **at = &w->in->conns; *at; at = &(*at)->next)
        if (*at == conn) {
            *at = conn->next;
            w->connections_open -= !conn->is_folder;
            host_conn_free(conn);
            return;
        }
}

// Carries what the host said back to the pipeline.
static void carry_replies(struct world *w, struct host_conn *c)
{
    int64_t late_ms = c->out.n > 0 ? c->delay_ms : 0;
    if (c->out.n > 0) {
        int64_t at = c->delay_ms ? w->now_ms + c->delay_ms : world_arrival(w, 1);
        struct happening *h = world_event_later(w, PIPELINE_BYTES, c->conn, at);
        c->delay_ms = 0;
        h->bytes = buf_steal(&c->out, &h->size);
    }
    if (c->wants_reset) {
        struct happening *h = world_event_later(w, PIPELINE_FAULT, c->conn, world_arrival(w, 1));
        h->event.fault = FAULT_RESET;
        h->event.detail = "Connection reset by peer";
        world_drop_conn(w, c);
    } else if (c->wants_close && late_ms) { // with its last word
        world_event_later(w, PIPELINE_EOF, c->conn, w->now_ms + late_ms);
        world_later(w, HAPPENS_CLOSE_AT_HOST, w->now_ms + late_ms)->conn = c->conn;
    } else if (c->wants_close) {
        world_event_later(w, PIPELINE_EOF, c->conn, world_arrival(w, 1));
        world_drop_conn(w, c);
    }
}

// Who listens on that port, or else on all of that address.
static struct host *host_at(struct world *w, const struct pipeline_effect *fx)
{
    char place[WORLD_PLACE_MAX];
    if (fx->path)
        return world_host(w, fx->path);
    world_place(fx->ip, fx->port, place);
    struct host *h = find_host(w, place);
    return h ? h : world_host(w, fx->ip);
}

static void connect_host(struct world *w, const struct pipeline_effect *fx)
{
    struct host *host = host_at(w, fx);
    enum host_state state =
        host->weather ? host->weather(host, w->now_ms, host->weather_arg) : host->state;
    if (w->in->network_is_down) {
        struct happening *h = world_event_later(w, PIPELINE_CONNECT_FAILED, fx->conn, w->now_ms);
        h->event.fault = FAULT_NO_NETWORK;
        h->event.detail = "Network is unreachable";
        return;
    }
    if (state == HOST_DOWN) {
        struct happening *h =
            world_event_later(w, PIPELINE_CONNECT_FAILED, fx->conn, world_arrival(w, 1));
        h->event.fault = FAULT_REFUSED;
        h->event.detail = "Connection refused";
        return;
    }
    int64_t slow_ms = host->pace == PACE_SLOW_CONNECT ? host->slow_ms : 0;
    world_event_later(w, PIPELINE_CONNECTED, fx->conn,
                      slow_ms ? w->now_ms + slow_ms : world_arrival(w, 1));
    struct host_conn *c = host_conn_new(host, fx->conn, state);
    w->connections++;
    if (++w->connections_open > w->connections_peak)
        w->connections_peak = w->connections_open;
    c->delay_ms = slow_ms ? slow_ms + 1 : 0;
    c->next = w->in->conns;
    w->in->conns = c;
    if (!fx->begins_with_tls) // else what it greets with waits
        carry_replies(w, c);
}

// The handshake is between two lines of talk: what was said before it has arrived.
static void start_tls(struct world *w, const struct pipeline_effect *fx)
{
    static const struct tls_result verified = {"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, true,
                                               false};
    static const struct tls_result by_dane = {"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, true, false,
                                              true};
    static const struct tls_result result = {"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, false,
                                             false};
    bool must_verify = fx->tls_terms->must_verify;
    struct host_conn *c = conn_find(w, fx->conn);
    const char *why = c ? host_conn_shake_hands(c, must_verify) : "the host is gone";
    struct happening *h = world_event_later(w, why ? PIPELINE_FAULT : PIPELINE_TLS_READY, fx->conn,
                                            world_arrival(w, 1));
    h->event.tls = fx->tls_terms->tlsa_count > 0 ? &by_dane : must_verify ? &verified : &result;
    h->event.fault = FAULT_TLS;
    h->event.detail = why ? why : "";
    if (c && !why)
        carry_replies(w, c);
}

static bool client_takes(struct world *w)
{
    if (w->client_takes == 0)
        return false;
    if (w->client_takes < UINT32_MAX)
        w->client_takes--;
    return true;
}

static void send_bytes(struct world *w, const struct pipeline_effect *fx)
{
    struct buf all;
    buf_init(&all, WORLD_CLIENT_MAX);
    for (uint32_t i = 0; i < fx->slice_count; i++)
        buf_add_slice(&all, fx->slices[i]);
    if (fx->wants_sent && (fx->conn != w->in->client || client_takes(w)))
        world_event_later(w, PIPELINE_SENT, fx->conn,
                          w->now_ms + (fx->conn % 2 == 0 ? w->in->sent_ms : 0));
    if (fx->conn == w->in->client) {
        buf_add_slice(&w->in->client_in, buf_slice(&all));
        buf_close(&all);
        return;
    }
    struct happening *h = world_later(w, HAPPENS_AT_HOST, world_arrival(w, 0));
    h->conn = fx->conn;
    h->bytes = buf_steal(&all, &h->size);
}

static void close_at_host(struct world *w, uint64_t conn)
{
    struct host_conn *c = conn_find(w, conn);
    if (c)
        host_conn_leave(c);
    world_later(w, HAPPENS_CLOSE_AT_HOST, world_arrival(w, 0))->conn = conn;
}

static bool is_of_others(const struct world *w, const struct pipeline_effect *fx)
{
    bool is_on_conn =
        fx->kind == PIPELINE_SEND || fx->kind == PIPELINE_READ || fx->kind == PIPELINE_CLOSE;
    return w->others && is_on_conn && fx->conn % 2 == 1 && fx->conn != w->in->client;
}

static void execute(struct world *w, const struct pipeline_effect *fx)
{
    struct host_conn *c;
    if (is_of_others(w, fx)) {
        w->others(w->others_arg, fx);
        if (fx->kind == PIPELINE_SEND && fx->wants_sent)
            world_event_later(w, PIPELINE_SENT, fx->conn, w->now_ms);
        return;
    }
    switch (fx->kind) {
    case PIPELINE_SEND:
        send_bytes(w, fx);
        break;
    case PIPELINE_READ:
        if (fx->conn == w->in->client)
            w->in->client_is_stopped = !fx->is_on;
        break;
    case PIPELINE_CLOSE:
        if (fx->conn == w->in->client)
            w->in->client_closed = true;
        else
            close_at_host(w, fx->conn);
        break;
    case PIPELINE_CONNECT:
        connect_host(w, fx);
        break;
    case PIPELINE_HAND_OVER:
        world_hand_to(w, fx);
        break;
    case PIPELINE_FINISH:
        if ((c = conn_find(w, fx->conn)))
            world_finish(w, c);
        break;
    case PIPELINE_START_TLS:
        start_tls(w, fx);
        break;
    case PIPELINE_AUTH:
        world_authenticate(w, fx);
        break;
    case PIPELINE_LOOKUP:
        look_up(w, fx);
        break;
    case PIPELINE_FETCH:
        fetch(w, fx);
        break;
    case PIPELINE_STORE:
        store_op_later(w, fx->op);
        break;
    case PIPELINE_LOG:
        world_say(w, fx->text.p, fx->text.n);
        break;
    case PIPELINE_STOPPED:
        w->in->is_stopped = true;
        w->in->wants_again = fx->begins_again;
        break;
    }
}

static void step_effects(struct world *w)
{
    struct pipeline_effect fx;
    while (pipeline_pull(w->in->pipeline, &fx)) {
        if (w->in->wants_crash) {
            if (fx.kind == PIPELINE_STORE)
                op_free(fx.op);
            continue; // it never happened
        }
        execute(w, &fx);
        count_effect(w);
    }
}

void world_feed(struct world *w, struct pipeline_event *e)
{
    e->now_ms = w->now_ms + w->in->offset_ms;
    e->monotonic_ms = w->now_ms;
    w->in->fed_ms = w->now_ms;
    w->in->has_jumped = false;
    pipeline_feed(w->in->pipeline, e);
    step_effects(w);
}

void world_forget_happening(struct happening *h)
{
    op_free(h->op);
    free(h->answer);
    free(h->bytes);
    free(h);
}

static void happen_event(struct world *w, struct happening *h)
{
    h->event.bytes = (struct slice){h->bytes, h->size};
    h->event.answer = h->answer;
    h->event.answer_name = h->name;
    struct pipeline_event e = h->event;
    h->event.op = NULL;
    world_feed(w, &e);
}

static void happen(struct world *w, struct happening *h)
{
    struct host_conn *c;
    struct op *op;
    switch (h->kind) {
    case HAPPENS_EVENT:
        happen_event(w, h);
        break;
    case HAPPENS_WRITER:
        run_batch(w);
        break;
    case HAPPENS_READER:
        op = h->op;
        h->op = NULL;
        run_reader(w, op);
        break;
    case HAPPENS_AT_HOST:
        if ((c = conn_find(w, h->conn))) {
            host_conn_bytes(c, (struct slice){h->bytes, h->size}, w->now_ms);
            carry_replies(w, c);
        }
        break;
    case HAPPENS_FINISH:
        if ((c = conn_find(w, h->conn)))
            world_finished(w, c);
        break;
    case HAPPENS_CLOSE_AT_HOST:
        if ((c = conn_find(w, h->conn)))
            world_drop_conn(w, c);
        break;
    }
    world_forget_happening(h);
}

static int64_t next_at(struct world *w)
{
    struct heap_node *first = heap_first(&w->in->happenings);
    int64_t at = first ? (first->at_ms >> 20) + w->in->start_ms : TIME_NEVER;
    int64_t deadline = pipeline_deadline(w->in->pipeline);
    // The pipeline's own clock stands where it was at the last feed. A jump of the other one is
    // noticed within a minute, as by the daemon.
    int64_t wait_ms =
        deadline == TIME_NEVER ? TIME_NEVER : deadline - pipeline_now(w->in->pipeline);
    if (w->in->has_jumped && wait_ms > TIME_MINUTE_MS)
        wait_ms = TIME_MINUTE_MS;
    if (wait_ms != TIME_NEVER && w->in->fed_ms + wait_ms < at)
        at = w->in->fed_ms + wait_ms;
    return at;
}

bool world_step(struct world *w, int64_t until_ms)
{
    if (w->stop && *w->stop)
        return false;
    if (w->in->wants_crash) {
        world_crash(w);
        return true;
    }
    if (w->in->wants_again) {
        world_begin_again(w);
        return true;
    }
    int64_t at = next_at(w);
    if (at > until_ms)
        return false;
    if (at > w->now_ms)
        w->now_ms = at;
    struct heap_node *first = heap_first(&w->in->happenings);
    if (first && (first->at_ms >> 20) + w->in->start_ms <= at) {
        heap_remove(&w->in->happenings, first);
        happen(w, heap_owner(first, struct happening, node));
    } else {
        struct pipeline_event e = {.kind = PIPELINE_TIMER};
        world_feed(w, &e);
    }
    return true;
}

void world_run(struct world *w, int64_t for_ms)
{
    int64_t until = w->now_ms + for_ms;
    while (world_step(w, until))
        ;
    w->now_ms = until;
}

bool world_run_while(struct world *w, int64_t for_ms, bool (*wants_more)(void *), void *arg)
{
    int64_t until = w->now_ms + for_ms;
    while (wants_more(arg))
        if (!world_step(w, until)) {
            w->now_ms = until;
            return false;
        }
    return true;
}

// Counting a long queue at every turn would take longer than all that is simulated.
static uint64_t count_queued(struct world *w, uint32_t limit)
{
    struct op *op = op_new(OP_STATS);
    op->stats.now_ms = w->now_ms;
    op->stats.limit = limit;
    store_run(w->in->reader, op);
    must(op->err == FP_OK);
    uint64_t n = op->stats.messages;
    op_free(op);
    return n;
}

uint64_t world_queued(struct world *w)
{
    return count_queued(w, 0);
}

void world_count(struct world *w, uint64_t *ret_waiting, uint64_t *ret_held)
{
    struct op *op = op_new(OP_STATS);
    op->stats.now_ms = w->now_ms;
    store_run(w->in->reader, op);
    must(op->err == FP_OK);
    *ret_waiting = op->stats.queued + op->stats.deferred;
    *ret_held = op->stats.held;
    op_free(op);
}

bool world_run_until_empty(struct world *w, int64_t for_ms)
{
    int64_t until = w->now_ms + for_ms;
    for (uint64_t steps = 0; count_queued(w, 1) > 0;) {
        bool more = true;
        for (int i = 0; more && i < 50; i++, steps++)
            more = world_step(w, until);
        if (!more)
            return world_queued(w) == 0;
    }
    return true;
}
