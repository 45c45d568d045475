// SPDX-License-Identifier: BSD-2-Clause
// world: the second driver of the pipeline. See world.h.
#include "world.h"

#include "core/heap.h"
#include "core/must.h"
#include "daemon/config_conf.h"
#include "host.h"
#include "queue/store_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    TRACE_MAX = 512 * 1024 * 1024,
    CLIENT_MAX = 256 * 1024 * 1024,
    RECORDS = 64,
    CLIENT_PIECE = 64 * 1024
};

enum happening_kind {
    HAPPENS_EVENT,
    HAPPENS_WRITER,
    HAPPENS_READER,
    HAPPENS_AT_HOST,
    HAPPENS_CLOSE_AT_HOST
};

// Something that is on its way.
struct happening {
    struct heap_node node; // ordered by time, then by order of making
    enum happening_kind kind;
    struct pipeline_event event;
    char *bytes;
    size_t size;
    char name[256];
    struct dns_answer *answer;
    struct op *op;
    uint64_t conn;
};

struct record {
    char name[256];
    char value[256];
    bool is_mx;
    uint16_t preference;
};

struct world_inside {
    struct config config;
    struct pipeline *pipeline;
    struct store *writer, *reader;
    char directory[64];
    char spool[128];
    struct heap happenings;
    uint64_t order;
    uint64_t random;
    int64_t start_ms, latency_ms, offset_ms; // offset: by how much the wall clock jumped
    uint32_t batches_max;
    bool keeps_trace, dns_fails, spool_fails, spool_is_full, wants_crash, is_stopped;
    struct op *writes, **writes_last;
    bool writer_called;
    int64_t commit_ms;      // of a slow disk
    int64_t sent_ms;        // of slow hosts
    int64_t reader_slow_ms; // more time until a reader is heard
    struct record records[RECORDS];
    uint32_t dns_ttl_s;
    size_t record_count;
    struct host_conn *conns;
    uint64_t next_client;
    uint64_t client; // the connection of world_submit and world_ask
    struct buf client_in;
    struct intake_marks intake;
    bool client_closed, client_is_stopped; // stopped: nobody reads what the client sends
    int64_t last_at[2];                    // per direction: bytes do not overtake each other
};

static void step_effects(struct world *w);

static uint64_t draw(struct world *w)
{
    // splitmix64: small, and the same everywhere
    uint64_t z = (w->in->random += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static struct happening *later(struct world *w, enum happening_kind kind, int64_t at_ms)
{
    struct happening *h = must_zalloc(sizeof *h);
    h->kind = kind;
    h->node.owner = h;
    int64_t key = (at_ms - w->in->start_ms) << 20 | (int64_t)(w->in->order++ & 0xFFFFF);
    heap_set(&w->in->happenings, &h->node, key);
    return h;
}

static struct happening *event_later(struct world *w, enum pipeline_event_kind kind, uint64_t conn,
                                     int64_t at_ms)
{
    struct happening *h = later(w, HAPPENS_EVENT, at_ms);
    h->event.kind = kind;
    h->event.conn = conn;
    h->event.detail = "";
    return h;
}

// One way over the network; what is sent later does not arrive earlier.
static int64_t arrival(struct world *w, int direction)
{
    int64_t at =
        w->now_ms + w->in->latency_ms + (int64_t)(draw(w) % (uint64_t)(w->in->latency_ms + 1));
    if (at < w->in->last_at[direction])
        at = w->in->last_at[direction];
    w->in->last_at[direction] = at;
    return at;
}

static void world_say(struct world *w, const char *text, size_t n)
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
    struct happening *h = event_later(w, PIPELINE_STORED, 0, w->now_ms);
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
            later(w, HAPPENS_WRITER, w->now_ms + in->latency_ms + in->commit_ms);
        in->writer_called = true;
        return;
    }
    // A reader may look early and be heard late: what it says is then old news (rule W2).
    later(w, HAPPENS_READER, w->now_ms + (int64_t)(draw(w) % 3))->op = op;
}

static void run_reader(struct world *w, struct op *op)
{
    store_run(w->in->reader, op);
    must(op->err == FP_OK || op->err == FP_NOT_FOUND);
    if (w->in->spool_fails)
        op->err = FP_IO;
    int64_t heard_ms = w->now_ms + w->in->reader_slow_ms + (int64_t)(draw(w) % 5);
    struct happening *h = event_later(w, PIPELINE_STORED, 0, heard_ms);
    h->event.op = op;
}

// Names.

void world_name(struct world *w, const char *name, const char *ip)
{
    must(w->in->record_count < RECORDS);
    struct record *r = &w->in->records[w->in->record_count++];
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->value, sizeof r->value, "%s", ip);
    r->is_mx = false;
}

void world_mx(struct world *w, const char *domain, uint16_t preference, const char *host)
{
    world_name(w, domain, host);
    struct record *r = &w->in->records[w->in->record_count - 1];
    r->is_mx = true;
    r->preference = preference;
}

void world_dns_ttl(struct world *w, uint32_t ttl_s)
{
    w->in->dns_ttl_s = ttl_s;
}

void world_dns_fails(struct world *w, bool fails)
{
    w->in->dns_fails = fails;
}

void world_spool_fails(struct world *w, bool fails)
{
    w->in->spool_fails = fails;
}

void world_spool_is_full(struct world *w, bool is_full)
{
    w->in->spool_is_full = is_full;
}

void world_reader_slow(struct world *w, int64_t by_ms)
{
    w->in->reader_slow_ms = by_ms;
}

void world_hosts_slow(struct world *w, int64_t by_ms)
{
    w->in->sent_ms = by_ms;
}

void world_spool_slow(struct world *w, int64_t by_ms)
{
    w->in->commit_ms = by_ms;
}

static struct dns_answer *answer_for(struct world *w, const char *name, enum dns_type type)
{
    struct dns_answer *a = must_zalloc(sizeof *a + RECORDS * sizeof a->records[0]);
    bool exists = false;
    a->type = type;
    a->ttl_s = w->in->dns_ttl_s;
    snprintf(a->canonical, sizeof a->canonical, "%s", name);
    for (size_t i = 0; i < w->in->record_count; i++) {
        const struct record *r = &w->in->records[i];
        if (strcasecmp(r->name, name) != 0)
            continue;
        exists = true;
        if (r->is_mx ? type != DNS_TYPE_MX : type != DNS_TYPE_A)
            continue;
        struct dns_record *to = &a->records[a->count++];
        to->preference = r->preference;
        snprintf(to->name, sizeof to->name, "%s", r->is_mx ? r->value : "");
        snprintf(to->ip, sizeof to->ip, "%.45s", r->is_mx ? "" : r->value);
    }
    a->result = w->in->dns_fails ? DNS_ANSWER_SERVFAIL
                : a->count       ? DNS_ANSWER_OK
                : exists         ? DNS_ANSWER_NODATA
                                 : DNS_ANSWER_NXDOMAIN;
    if (w->in->dns_fails)
        a->count = 0;
    return a;
}

static void look_up(struct world *w, const struct pipeline_effect *fx)
{
    w->lookups++;
    struct happening *h = event_later(w, PIPELINE_ANSWER, 0, arrival(w, 1));
    h->event.lookup = fx->lookup;
    snprintf(h->name, sizeof h->name, "%s", fx->name);
    h->answer = answer_for(w, fx->name, fx->type);
}

// Hosts.

struct host *world_host(struct world *w, const char *ip)
{
    for (struct host *h = w->hosts; h; h = h->next)
        if (strcmp(h->ip, ip) == 0)
            return h;
    struct host *h = must_zalloc(sizeof *h);
    h->ip = must_strdup(ip);
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

static void conn_drop(struct world *w, struct host_conn *conn)
{
    for (struct host_conn **at = &w->in->conns; *at; at = &(*at)->next)
        if (*at == conn) {
            *at = conn->next;
            host_conn_free(conn);
            return;
        }
}

// Carries what the host said back to the pipeline.
static void carry_replies(struct world *w, struct host_conn *c)
{
    if (c->out.n > 0) {
        int64_t at = c->delay_ms ? w->now_ms + c->delay_ms : arrival(w, 1);
        struct happening *h = event_later(w, PIPELINE_BYTES, c->conn, at);
        c->delay_ms = 0;
        h->bytes = buf_steal(&c->out, &h->size);
    }
    if (c->wants_reset) {
        struct happening *h = event_later(w, PIPELINE_FAULT, c->conn, arrival(w, 1));
        h->event.fault = FAULT_RESET;
        h->event.detail = "Connection reset by peer";
        conn_drop(w, c);
    } else if (c->wants_close) {
        event_later(w, PIPELINE_EOF, c->conn, arrival(w, 1));
        conn_drop(w, c);
    }
}

static void connect_host(struct world *w, const struct pipeline_effect *fx)
{
    struct host *host = world_host(w, fx->ip);
    enum host_state state =
        host->weather ? host->weather(host, w->now_ms, host->weather_arg) : host->state;
    if (state == HOST_DOWN) {
        struct happening *h = event_later(w, PIPELINE_CONNECT_FAILED, fx->conn, arrival(w, 1));
        h->event.fault = FAULT_REFUSED;
        h->event.detail = "Connection refused";
        return;
    }
    int64_t slow_ms = host->pace == PACE_SLOW_CONNECT ? host->slow_ms : 0;
    event_later(w, PIPELINE_CONNECTED, fx->conn, slow_ms ? w->now_ms + slow_ms : arrival(w, 1));
    struct host_conn *c = host_conn_new(host, fx->conn, state);
    c->delay_ms = slow_ms ? slow_ms + 1 : 0;
    c->next = w->in->conns;
    w->in->conns = c;
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
    buf_init(&all, CLIENT_MAX);
    for (uint32_t i = 0; i < fx->slice_count; i++)
        buf_add_slice(&all, fx->slices[i]);
    if (fx->wants_sent && (fx->conn != w->in->client || client_takes(w)))
        event_later(w, PIPELINE_SENT, fx->conn,
                    w->now_ms + (fx->conn % 2 == 0 ? w->in->sent_ms : 0));
    if (fx->conn == w->in->client) {
        buf_add_slice(&w->in->client_in, buf_slice(&all));
        buf_close(&all);
        return;
    }
    struct happening *h = later(w, HAPPENS_AT_HOST, arrival(w, 0));
    h->conn = fx->conn;
    h->bytes = buf_steal(&all, &h->size);
}

static bool is_of_others(const struct world *w, const struct pipeline_effect *fx)
{
    bool is_on_conn =
        fx->kind == PIPELINE_SEND || fx->kind == PIPELINE_READ || fx->kind == PIPELINE_CLOSE;
    return w->others && is_on_conn && fx->conn % 2 == 1 && fx->conn != w->in->client;
}

static void execute(struct world *w, const struct pipeline_effect *fx)
{
    if (is_of_others(w, fx)) {
        w->others(w->others_arg, fx);
        if (fx->kind == PIPELINE_SEND && fx->wants_sent)
            event_later(w, PIPELINE_SENT, fx->conn, w->now_ms);
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
            later(w, HAPPENS_CLOSE_AT_HOST, arrival(w, 0))->conn = fx->conn;
        break;
    case PIPELINE_CONNECT:
        connect_host(w, fx);
        break;
    case PIPELINE_LOOKUP:
        look_up(w, fx);
        break;
    case PIPELINE_STORE:
        store_op_later(w, fx->op);
        break;
    case PIPELINE_LOG:
        world_say(w, fx->text.p, fx->text.n);
        break;
    case PIPELINE_STOPPED:
        w->in->is_stopped = true;
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

static void feed(struct world *w, struct pipeline_event *e)
{
    e->now_ms = w->now_ms + w->in->offset_ms;
    pipeline_feed(w->in->pipeline, e);
    step_effects(w);
}

static void happening_free(struct happening *h)
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
    feed(w, &e);
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
    case HAPPENS_CLOSE_AT_HOST:
        if ((c = conn_find(w, h->conn)))
            conn_drop(w, c);
        break;
    }
    happening_free(h);
}

static int64_t next_at(struct world *w)
{
    struct heap_node *first = heap_first(&w->in->happenings);
    int64_t at = first ? (first->at_ms >> 20) + w->in->start_ms : TIME_NEVER;
    int64_t deadline = pipeline_deadline(w->in->pipeline);
    if (deadline != TIME_NEVER && deadline - w->in->offset_ms < at)
        at = deadline - w->in->offset_ms;
    return at;
}

// Lets the next thing happen, if it does before `until`.
static bool step(struct world *w, int64_t until)
{
    if (w->in->wants_crash) {
        world_crash(w);
        return true;
    }
    int64_t at = next_at(w);
    if (at > until)
        return false;
    if (at > w->now_ms)
        w->now_ms = at;
    struct heap_node *first = heap_first(&w->in->happenings);
    if (first && (first->at_ms >> 20) + w->in->start_ms <= at) {
        heap_remove(&w->in->happenings, first);
        happen(w, first->owner);
    } else {
        struct pipeline_event e = {.kind = PIPELINE_TIMER};
        feed(w, &e);
    }
    return true;
}

void world_run(struct world *w, int64_t for_ms)
{
    int64_t until = w->now_ms + for_ms;
    while (step(w, until))
        ;
    w->now_ms = until;
}

static uint64_t count_queued(struct world *w, uint32_t limit);

bool world_run_until_empty(struct world *w, int64_t for_ms)
{
    int64_t until = w->now_ms + for_ms;
    for (uint64_t steps = 0; count_queued(w, 1) > 0;) {
        bool more = true;
        for (int i = 0; more && i < 50; i++, steps++)
            more = step(w, until);
        if (!more)
            return world_queued(w) == 0;
    }
    return true;
}

// Life and death.

static void open_spool(struct world *w)
{
    struct buf why;
    buf_init(&why, 4096);
    struct store_options options = {.role = STORE_WRITER};
    enum fp_err err = store_open(w->in->spool, &options, &w->in->writer, &why);
    if (!err) {
        options.role = STORE_READER;
        err = store_open(w->in->spool, &options, &w->in->reader, &why);
    }
    if (err)
        fprintf(stderr, "world: %s\n", buf_slice(&why).p);
    must(err == FP_OK);
    buf_close(&why);
}

static void begin(struct world *w)
{
    struct world_inside *in = w->in;
    open_spool(w);
    in->writes = NULL;
    in->writes_last = &in->writes;
    in->writer_called = in->wants_crash = in->is_stopped = false;
    struct pipeline_options options = {
        .config = &in->config,
        .id_high_water = store_id_high_water(in->writer),
        .seed = draw(w),
        .now_ms = w->now_ms + in->offset_ms,
        .batches_max = in->batches_max,
        .intake = in->intake,
    };
    in->pipeline = pipeline_new(&options);
    struct pipeline_event e = {.kind = PIPELINE_START};
    feed(w, &e);
}

static void end(struct world *w)
{
    struct world_inside *in = w->in;
    struct heap_node *first;
    while ((first = heap_first(&in->happenings))) {
        heap_remove(&in->happenings, first);
        struct happening *h = first->owner;
        if (h->kind == HAPPENS_EVENT && h->event.op)
            op_free(h->event.op);
        happening_free(h);
    }
    while (in->writes) {
        struct op *next = in->writes->next;
        op_free(in->writes);
        in->writes = next;
    }
    while (in->conns)
        conn_drop(w, in->conns);
    pipeline_free(in->pipeline);
    in->pipeline = NULL;
    in->client_closed = true;
    store_close(in->reader);
    store_close(in->writer);
}

void world_crash(struct world *w)
{
    w->crashes++;
    world_say(w, "-- crash --", 11);
    end(w);
    begin(w);
}

void world_restart(struct world *w)
{
    struct pipeline_event e = {.kind = PIPELINE_SHUTDOWN};
    uint32_t crashes = w->crashes;
    feed(w, &e);
    while (!w->in->is_stopped && w->crashes == crashes && step(w, w->now_ms + TIME_HOUR_MS))
        ;
    if (w->crashes != crashes)
        return; // one that was due came first, and it was started anew
    must(w->in->is_stopped);
    end(w);
    begin(w);
}

void world_jump(struct world *w, int64_t by_ms)
{
    w->in->offset_ms += by_ms;
}

static void load_config(struct world *w, const char *text)
{
    struct world_inside *in = w->in;
    char path[160];
    snprintf(path, sizeof path, "%s/conf", in->directory);
    FILE *f = fopen(path, "w");
    must(f != NULL);
    fprintf(f, "hostname = \"sim.example\"\nspool = \"%s\"\nsocket = \"%s/socket\"\n%s\n",
            in->spool, in->directory, text ? text : "");
    fclose(f);
    struct buf problems;
    buf_init(&problems, 64 * 1024);
    enum fp_err err = config_load(path, &in->config, &problems);
    if (err)
        fprintf(stderr, "world: %s\n", buf_slice(&problems).p);
    must(err == FP_OK);
    buf_close(&problems);
    unlink(path);
}

void world_reload(struct world *w, const char *config)
{
    struct config old = w->in->config;
    load_config(w, config);
    struct pipeline_event e = {.kind = PIPELINE_RELOAD, .config = &w->in->config};
    feed(w, &e);
    config_close(&old);
}

struct world *world_new(const struct world_options *options)
{
    struct world *w = must_zalloc(sizeof *w);
    struct world_inside *in = w->in = must_zalloc(sizeof *in);
    in->random = options->seed;
    in->start_ms = options->start_ms ? options->start_ms : 1767225600000; // 2026-01-01
    in->latency_ms = options->latency_ms ? options->latency_ms : 1;
    in->batches_max = options->batches_max;
    in->intake = options->intake;
    in->keeps_trace = options->keeps_trace;
    in->next_client = 1;
    w->now_ms = in->start_ms;
    w->client_takes = UINT32_MAX;
    buf_init(&w->trace, TRACE_MAX);
    buf_init(&in->client_in, CLIENT_MAX);
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(in->directory, sizeof in->directory, "%s/fp-sim-XXXXXX", base);
    must(mkdtemp(in->directory) != NULL);
    snprintf(in->spool, sizeof in->spool, "%s/spool.db", in->directory);
    load_config(w, options->config);
    begin(w);
    return w;
}

static void remove_files(struct world *w)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock", ".ballast"};
    char path[192];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s%s", w->in->spool, suffixes[i]);
        unlink(path);
    }
    rmdir(w->in->directory);
}

void world_free(struct world *w)
{
    end(w);
    remove_files(w);
    while (w->hosts) {
        struct host *h = w->hosts;
        w->hosts = h->next;
        host_free(h);
    }
    config_close(&w->in->config);
    heap_close(&w->in->happenings);
    buf_close(&w->in->client_in);
    buf_close(&w->trace);
    free(w->in);
    free(w);
}

// The world as a client of the local socket.

uint64_t world_number(struct world *w)
{
    uint64_t conn = w->in->next_client;
    w->in->next_client += 2;
    return conn;
}

void world_feed(struct world *w, struct pipeline_event *e)
{
    feed(w, e);
}

struct pipeline *world_pipeline(struct world *w)
{
    return w->in->pipeline;
}

static void client_open(struct world *w)
{
    struct world_inside *in = w->in;
    in->client = world_number(w);
    in->client_closed = in->client_is_stopped = false;
    buf_reset(&in->client_in);
    struct pipeline_event e = {.kind = PIPELINE_ACCEPTED, .conn = in->client, .door = DOOR_LOCAL};
    e.user_name = "sim";
    e.is_operator = true;
    feed(w, &e);
}

// Piece by piece, as a socket would give it, and only while somebody reads.
static void client_send(struct world *w, const char *text, size_t n)
{
    uint32_t crashes = w->crashes;
    for (size_t at = 0; at < n && w->crashes == crashes && !w->in->client_closed;) {
        if (w->in->client_is_stopped) {
            must(step(w, w->now_ms + TIME_HOUR_MS));
            continue;
        }
        size_t piece = n - at < CLIENT_PIECE ? n - at : CLIENT_PIECE;
        struct pipeline_event e = {
            .kind = PIPELINE_BYTES, .conn = w->in->client, .bytes = {text + at, piece}};
        feed(w, &e);
        at += piece;
    }
}

static void client_leave(struct world *w)
{
    struct pipeline_event e = {.kind = PIPELINE_EOF, .conn = w->in->client};
    if (!w->in->client_closed)
        feed(w, &e);
    w->in->client = 0;
}

// Waits until what has come in contains the text. False: closed, crashed, or nothing more happens.
static bool client_wait(struct world *w, const char *text)
{
    uint32_t crashes = w->crashes;
    int64_t until = w->now_ms + TIME_HOUR_MS;
    while (w->crashes == crashes) {
        if (w->in->client_in.n > 0 && strstr(w->in->client_in.p, text))
            return true;
        if (w->in->client_closed || !step(w, until))
            return false;
    }
    return false;
}

const char *world_last_reply(const struct world *w)
{
    return buf_slice(&w->in->client_in).p;
}

static void add_envelope(struct buf *to, const char *sender, const char *rcpts)
{
    buf_addf(to, "SMTP\nEHLO sim\r\nMAIL FROM:<%s>\r\n", sender);
    while (*rcpts) {
        size_t n = strcspn(rcpts, " ");
        buf_addf(to, "RCPT TO:<%.*s>\r\n", (int)n, rcpts);
        rcpts += n + (rcpts[n] == ' ');
    }
    buf_add_str(to, "DATA\r\n");
}

// False: it did not come to the text.
static bool client_say(struct world *w, const char *sender, const char *rcpts, const char *content)
{
    struct buf text;
    buf_init(&text, CLIENT_MAX);
    add_envelope(&text, sender, rcpts);
    client_open(w);
    client_send(w, buf_slice(&text).p, text.n);
    bool goes_on = client_wait(w, "\r\n354 ");
    if (goes_on) {
        buf_reset(&text);
        buf_addf(&text, "%s.\r\n", content);
        client_send(w, text.p, text.n);
    }
    buf_close(&text);
    return goes_on;
}

uint64_t world_submitted(const struct world *w)
{
    uint64_t id = 0;
    const char *at = strstr(buf_slice(&w->in->client_in).p, "queued as ");
    if (at)
        message_id_parse((struct slice){at + 10, MESSAGE_ID_DIGITS}, &id);
    return id;
}

uint64_t world_submit(struct world *w, const char *sender, const char *rcpts, const char *content)
{
    uint64_t id = 0;
    if (client_say(w, sender, rcpts, content) && client_wait(w, "queued as "))
        id = world_submitted(w);
    client_leave(w);
    return id;
}

void world_hand_over(struct world *w, const char *sender, const char *rcpts, const char *content,
                     bool goes_away)
{
    must(client_say(w, sender, rcpts, content));
    if (goes_away)
        client_leave(w);
}

void world_request(struct world *w, const char *verb, const char *const *words, size_t count)
{
    struct buf line;
    buf_init(&line, CLIENT_MAX);
    buf_addf(&line, "CONTROL 1\n{\"verb\": \"%s\", \"words\": [", verb);
    for (size_t i = 0; i < count; i++)
        buf_addf(&line, "%s\"%s\"", i ? ", " : "", words[i]);
    buf_addf(&line, "]%s}\n", w->wants_stream ? ", \"stream\": true" : "");
    client_open(w);
    client_send(w, line.p, line.n);
    buf_close(&line);
}

void world_tell(struct world *w, const char *verb, const char *const *words, size_t count)
{
    world_request(w, verb, words, count);
    struct pipeline_event e = {.kind = PIPELINE_FAULT, .conn = w->in->client};
    feed(w, &e);
    w->in->client = 0;
}

const char *world_ask(struct world *w, const char *verb, const char *const *words, size_t count,
                      int *ret_exit)
{
    world_request(w, verb, words, count);
    *ret_exit = -1;
    if (client_wait(w, "{\"exit\":"))
        *ret_exit = atoi(strstr(w->in->client_in.p, "{\"exit\":") + 8);
    client_leave(w);
    return world_last_reply(w);
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
