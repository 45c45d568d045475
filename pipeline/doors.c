// SPDX-License-Identifier: BSD-2-Clause
// doors: connections that come in: the SMTP listener's and the local socket's.
//
// A door of the local socket begins with a line that says what it wants: "SMTP", "SUBMIT 1" (SMTP
// of a client that sends everything at once) or "CONTROL 1"; then it is a receive/server machine or
// an operator's session. See pipeline_internal.h.
//
// While too much is on its way to the spool (intake.h) no client is read. That ends at whole
// commands and chunks: what was read and not looked at is kept, and goes first.
//
// A client that sends commands and does not read the replies costs memory: when DOOR_SAID_MAX
// octets of replies have been written, nothing more of it is looked at until the kernel has taken
// them.
#include "core/address.h"
#include "pipeline/pipeline_internal.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    GREETING_LINE_MAX = 64,
    PENDING_MAX = 256 * 1024,
    DOOR_SAID_MAX = 64 * 1024,
};

struct door {
    uint64_t conn;
    struct server *server;             // NULL while undecided, or when an operator
    struct operator_session *operator; // NULL unless CONTROL
    struct buf pending;                // bytes that the server has not consumed yet
    int64_t uid;
    bool is_operator, is_trusted, is_reading, is_closed;
    bool is_unheard; // replies wait until the client takes them
    size_t said;     // octets of replies since it was last known to have taken all
    size_t held;     // in p->intake
    char user_name[64];
    struct alarm alarm;
    struct door *prev, *next; // p->clients: those with a server
};

struct operator_session *door_operator(struct door *d)
{
    return d ? d->operator: NULL;
}

static void pump(struct pipeline *p, struct door *d);

static void start_server(struct pipeline *p, struct door *d, struct server_peer peer)
{
    peer.is_trusted = d->is_trusted;
    peer.uid = d->uid;
    peer.user_name = d->user_name;
    d->server = server_new(&p->server_settings, &peer, p->now_ms);
    DL_APPEND(p->clients, d);
}

// Users of this machine and the network do not crowd out one another, and nobody crowds out
// operators.
static bool is_crowded(const struct pipeline *p, const struct pipeline_event *e)
{
    if (e->door == DOOR_LOCAL)
        return !e->is_operator && p->local_door_count >= DOORS_MAX;
    return p->is_stopping || p->door_count >= DOORS_MAX;
}

static uint32_t *counter(struct pipeline *p, const struct door *d)
{
    return d->uid >= 0 ? &p->local_door_count : &p->door_count;
}

void door_open(struct pipeline *p, const struct pipeline_event *e)
{
    bool is_local = e->door == DOOR_LOCAL;
    if (is_crowded(p, e)) {
        effect_send(p, e->conn, SLICE_LIT("421 4.3.2 Too many connections, try again later\r\n"),
                    false);
        effect_close(p, e->conn, true);
        return;
    }
    struct door *d = must_zalloc(sizeof *d);
    d->conn = e->conn;
    d->uid = is_local ? e->uid : -1;
    d->is_operator = e->is_operator;
    d->is_trusted = is_local || e->is_trusted;
    d->is_reading = true;
    buf_init(&d->pending, PENDING_MAX);
    alarm_init(&d->alarm, ALARM_DOOR, d);
    if (e->user_name) {
        size_t n = strnlen(e->user_name, sizeof d->user_name - 1);
        memcpy(d->user_name, e->user_name, n);
    }
    conn_add(p, e->conn, CONN_DOOR)->door = d;
    ++*counter(p, d);
    if (is_local) {
        alarm_set(p, &d->alarm, p->now_ms + p->server_settings.command_ms);
    } else {
        start_server(p, d, (struct server_peer){.ip = e->ip});
        pump(p, d);
    }
}

void door_free(struct pipeline *p, struct door *d)
{
    heap_remove(&p->alarms, &d->alarm.node);
    if (d->server)
        DL_DELETE(p->clients, d);
    p->intake.held -= d->held;
    server_free(d->server);
    operator_free(p, d->operator);
    buf_close(&d->pending);
    --*counter(p, d);
    free(d);
}

// The connection is over; what the spool has been given stays (W4).
static void shut(struct pipeline *p, struct door *d, bool flush)
{
    effect_close(p, d->conn, flush);
    conn_forget(p, d->conn);
    d->is_closed = true;
}

// Every host answers for its postmaster (RFC 5321 4.5.1). Where the setting names somebody
// elsewhere, mail to postmaster@HOSTNAME goes there.
static bool is_postmaster_here(const struct pipeline *p, struct slice address)
{
    const char *hostname = p->config->hostname;
    struct slice domain = address_domain(address);
    return slice_equal_nocase(address_local(address), SLICE_LIT("postmaster")) &&
           slice_equal_nocase(domain, slice_str(hostname)) &&
           !slice_equal_nocase(address_domain(slice_str(config_postmaster_address(p->config))),
                               domain);
}

static void redirect_postmaster(const struct pipeline *p, struct entry *entry)
{
    const char *address = config_postmaster_address(p->config);
    for (uint32_t i = 0; i < entry->rcpt_count; i++) {
        struct recipient *r = &entry->rcpts[i];
        if (!is_postmaster_here(p, slice_str(r->address)))
            continue;
        struct buf domain;
        buf_init(&domain, ADDRESS_DOMAIN_MAX);
        address_domain_key(slice_str(address), &domain);
        free(r->address);
        free(r->domain);
        r->address = must_strdup(address);
        r->domain = buf_steal(&domain, NULL);
    }
}

static enum server_verdict check_rcpt(struct pipeline *p, const struct door *d,
                                      struct slice address)
{
    if (is_postmaster_here(p, address))
        return VERDICT_OK;
    // What counts here are rows for anybody: who is not trusted may call himself what he likes.
    const struct route_row *row =
        route_find(&p->config->routes, &(struct route_question){.address = address});
    if (d->is_trusted)
        return row ? VERDICT_OK : VERDICT_REFUSED;
    if (!route_is_own(&p->config->routes, address))
        return VERDICT_RELAY_DENIED;
    return route_refuses(row) ? VERDICT_REFUSED : VERDICT_OK; // a notice might go to anybody
}

static bool is_busy(const struct pipeline *p)
{
    return intake_is_busy(&p->intake) || p->is_stopping;
}

static void answer_rcpt(struct pipeline *p, struct door *d, struct slice address)
{
    struct server_event e = {.kind = SERVER_RCPT_ANSWER, .now_ms = p->now_ms};
    e.verdict = intake_is_busy(&p->intake) ? VERDICT_BUSY : check_rcpt(p, d, address);
    server_feed(d->server, &e);
}

static void answer_begin(struct pipeline *p, struct door *d)
{
    struct server_event e = {.kind = SERVER_BEGIN_ANSWER, .now_ms = p->now_ms};
    e.verdict = is_busy(p) ? VERDICT_BUSY : VERDICT_OK;
    e.id = ids_next(&p->ids, p->now_ms);
    e.utc_offset_s = p->utc_offset_s;
    server_feed(d->server, &e);
}

static void stop_reading(struct pipeline *p);

static void send_off(struct pipeline *p, size_t size)
{
    p->intake.on_way += size;
    if (intake_must_stop(&p->intake))
        stop_reading(p);
}

static void store_chunk(struct pipeline *p, struct door *d, const struct server_effect *fx)
{
    struct op *op = op_new(OP_APPEND);
    op->append = (struct op_append){
        .message = fx->id, .chunk = fx->chunk, .data = fx->data, .size = fx->size};
    store_op(p, op, WAIT_DOOR_CHUNK)->conn = d->conn;
    send_off(p, fx->size);
}

void door_store(struct pipeline *p, uint64_t conn, struct entry *entry)
{
    struct op *op = op_new(OP_ACCEPT);
    op->accept.entry = entry;
    store_op(p, op, WAIT_DOOR_ACCEPT)->conn = conn;
    send_off(p, entry_memory(entry));
}

static void take_entry(struct pipeline *p, struct door *d, struct entry *entry)
{
    redirect_postmaster(p, entry);
    if (!relaying_begin(p, d->conn, entry))
        door_store(p, d->conn, entry);
}

void door_discard(struct pipeline *p, uint64_t message)
{
    struct op *op = op_new(OP_DISCARD);
    op->discard.message = message;
    store_op(p, op, WAIT_NOTHING);
}

static void say(struct pipeline *p, struct door *d, struct slice bytes)
{
    d->said += bytes.n;
    bool is_much = d->said > DOOR_SAID_MAX;
    effect_send(p, d->conn, bytes, is_much);
    if (is_much) {
        d->said = 0;
        d->is_unheard = true;
    }
}

static void execute(struct pipeline *p, struct door *d, const struct server_effect *fx)
{
    switch (fx->kind) {
    case SERVER_SEND:
        say(p, d, fx->bytes);
        break;
    case SERVER_CHECK_RCPT:
        answer_rcpt(p, d, fx->address);
        break;
    case SERVER_BEGIN:
        answer_begin(p, d);
        break;
    case SERVER_CHUNK:
        store_chunk(p, d, fx);
        break;
    case SERVER_END:
        take_entry(p, d, fx->entry);
        break;
    case SERVER_ABORT:
        door_discard(p, fx->id);
        break;
    case SERVER_CLOSE:
        shut(p, d, true);
        break;
    case SERVER_NOTE:
        effect_logf(p, LOG_LEVEL_INFO, "%.*s", (int)fx->bytes.n, fx->bytes.p);
        break;
    }
}

// When clients have waited for long, those that are between messages are read all the same, and
// told to come again.
static bool is_held_back(const struct pipeline *p, const struct door *d)
{
    return p->intake.is_stopped && !(p->intake.is_refusing && server_is_idle(d->server));
}

static bool wants_input(const struct pipeline *p, const struct door *d)
{
    return !d->is_unheard && server_wants_input(d->server) && !is_held_back(p, d);
}

static void set_alarm(struct pipeline *p, struct door *d)
{
    // The client cannot do anything about a wait of ours.
    alarm_set(p, &d->alarm, is_held_back(p, d) ? TIME_NEVER : server_deadline(d->server));
}

// Reading stops when something has come that cannot be taken, not before: nearly every client waits
// for its reply, and nothing comes. So one read is kept back at most.
static void set_reading(struct pipeline *p, struct door *d)
{
    bool wanted = d->pending.n == 0 && !is_held_back(p, d);
    if (wanted == d->is_reading)
        return;
    d->is_reading = wanted;
    effect_read(p, d->conn, wanted);
}

static void weigh(struct pipeline *p, struct door *d)
{
    if (d->pending.n == 0 && d->pending.cap > 0)
        buf_close(&d->pending); // a buffer for each client that once needed one would be many
    size_t held = server_memory(d->server) + d->pending.cap;
    p->intake.held += held - d->held;
    d->held = held;
    p->intake.refusals += server_take_refusals(d->server);
}

static void execute_all(struct pipeline *p, struct door *d)
{
    struct server_effect fx;
    while (server_pull(d->server, &fx))
        execute(p, d, &fx);
}

// As far as it wants to hear, from where they stand: a group of commands costs no copy. Returns
// what is left.
static struct slice feed_bytes(struct pipeline *p, struct door *d, struct slice bytes)
{
    size_t used = 1;
    while (used > 0 && bytes.n > 0 && !d->is_closed && wants_input(p, d)) {
        struct server_event e = {.kind = SERVER_BYTES, .now_ms = p->now_ms, .bytes = bytes};
        e.chunk_max = intake_chunk_max(&p->intake);
        e.is_busy = is_busy(p);
        used = server_feed(d->server, &e);
        bytes = slice_from(bytes, used);
        execute_all(p, d);
    }
    return bytes;
}

// Executes the server's effects and feeds it what was kept back, until neither brings anything new.
static void pump(struct pipeline *p, struct door *d)
{
    execute_all(p, d);
    struct slice rest = feed_bytes(p, d, buf_slice(&d->pending));
    buf_drop(&d->pending, d->pending.n - rest.n);
    weigh(p, d);
    if (d->is_closed) {
        door_free(p, d);
        return;
    }
    set_reading(p, d);
    set_alarm(p, d);
}

static void feed_server(struct pipeline *p, struct door *d, struct server_event *e)
{
    e->now_ms = p->now_ms;
    server_feed(d->server, e);
    pump(p, d);
}

static void server_bytes(struct pipeline *p, struct door *d, struct slice bytes)
{
    if (d->pending.n == 0)
        bytes = feed_bytes(p, d, bytes);
    if (!d->is_closed && bytes.n > 0 && buf_add_slice(&d->pending, bytes) != FP_OK) {
        // Reading was stopped long ago; nobody who keeps to the protocol gets here.
        feed_server(p, d, &(struct server_event){.kind = SERVER_EOF});
        return;
    }
    pump(p, d);
}

static void greet_unknown(struct pipeline *p, struct door *d)
{
    effect_send(p, d->conn,
                SLICE_LIT("500 5.5.1 The first line is to be SMTP, SUBMIT 1 or CONTROL 1\r\n"),
                false);
    shut(p, d, true);
    door_free(p, d);
}

static void start_operator(struct pipeline *p, struct door *d, struct slice rest)
{
    d->operator= operator_new(p, d->conn, d->uid, d->user_name, d->is_operator);
    heap_remove(&p->alarms, &d->alarm.node);
    if (rest.n > 0)
        operator_bytes(p, d->operator, rest);
}

// The first line on the local socket says what its caller wants; rest stands behind it.
static void decide(struct pipeline *p, struct door *d, struct slice line, struct slice rest)
{
    bool is_at_once = slice_equal(line, SLICE_LIT("SUBMIT 1"));
    if (is_at_once || slice_equal(line, SLICE_LIT("SMTP"))) {
        start_server(p, d,
                     (struct server_peer){.ip = "", .is_local = true, .sends_at_once = is_at_once});
        server_bytes(p, d, rest);
    } else if (slice_equal(line, SLICE_LIT("CONTROL 1"))) {
        start_operator(p, d, rest);
    } else {
        greet_unknown(p, d);
    }
}

static void first_bytes(struct pipeline *p, struct door *d, struct slice bytes)
{
    struct buf kept = d->pending; // of a line that comes in pieces
    buf_init(&d->pending, PENDING_MAX);
    if (kept.n > 0) {
        must(buf_add_slice(&kept, bytes) == FP_OK); // no read is that large
        bytes = buf_slice(&kept);
    }
    const char *end = memchr(bytes.p, '\n', bytes.n);
    if (end) {
        size_t n = (size_t)(end - bytes.p) + 1;
        decide(p, d, slice_trim(slice_of(bytes.p, n)), slice_from(bytes, n));
    } else if (bytes.n > GREETING_LINE_MAX) {
        greet_unknown(p, d);
    } else {
        buf_add_slice(&d->pending, bytes);
    }
    buf_close(&kept);
}

void door_bytes(struct pipeline *p, struct door *d, struct slice bytes)
{
    if (d->operator)
        operator_bytes(p, d->operator, bytes);
    else if (d->server)
        server_bytes(p, d, bytes);
    else
        first_bytes(p, d, bytes);
}

void door_lost(struct pipeline *p, struct door *d)
{
    if (d->server) {
        feed_server(p, d, &(struct server_event){.kind = SERVER_EOF});
        return;
    }
    shut(p, d, false);
    door_free(p, d);
}

// An operator's client may close its direction behind the last request: the answers go out first.
void door_eof(struct pipeline *p, struct door *d)
{
    if (d->operator)
        operator_eof(p, d->operator);
    else
        door_lost(p, d);
}

void door_sent(struct pipeline *p, struct door *d)
{
    if (d->server && d->is_unheard) {
        d->is_unheard = false;
        pump(p, d);
    } else if (d->operator&& !operator_sent(p, d->operator)) {
        shut(p, d, true);
        door_free(p, d);
    }
}

void door_timer(struct pipeline *p, struct door *d)
{
    if (d->server) {
        feed_server(p, d, &(struct server_event){.kind = SERVER_TIMER});
        return;
    }
    shut(p, d, false);
    door_free(p, d);
}

void door_postpone(struct door *d, int64_t by_ms)
{
    if (d->server)
        server_postpone(d->server, by_ms);
}

void door_shutdown(struct pipeline *p, struct door *d)
{
    if (d->server)
        feed_server(p, d, &(struct server_event){.kind = SERVER_SHUTDOWN});
}

// ---- back-pressure ---------------------------------------------------------------------------

static void stop_reading(struct pipeline *p)
{
    struct door *d;
    intake_stop(&p->intake);
    alarm_set(p, &p->alarm_intake, p->now_ms + p->intake_patience_ms);
    DL_FOREACH(p->clients, d)
    {
        if (d->is_closed)
            continue;
        set_reading(p, d);
        set_alarm(p, d);
    }
}

// In turn: who has had his is the last of the next time. What comes of it may be too much again.
static void read_again(struct pipeline *p)
{
    struct door *d;
    uint32_t count;
    DL_COUNT(p->clients, d, count);
    while (count-- > 0 && !(p->intake.is_stopped && !p->intake.is_refusing) && (d = p->clients)) {
        DL_DELETE(p->clients, d);
        DL_APPEND(p->clients, d);
        feed_server(p, d, &(struct server_event){.kind = SERVER_RESUMED});
    }
}

void doors_resume(struct pipeline *p)
{
    if (!intake_may_resume(&p->intake))
        return;
    if (p->intake.is_refusing)
        effect_logf(p, LOG_LEVEL_INFO, "spool: new mail is stored again");
    intake_resume(&p->intake);
    heap_remove(&p->alarms, &p->alarm_intake.node);
    read_again(p);
}

void doors_refuse(struct pipeline *p)
{
    effect_logf(p, LOG_LEVEL_WARNING,
                "spool: %zu bytes of new mail have waited for %lld seconds to be stored: clients "
                "get 452 until they are",
                p->intake.on_way, (long long)(p->intake_patience_ms / TIME_SECOND_MS));
    p->intake.is_refusing = true;
    read_again(p);
}

uint32_t doors_count(const struct pipeline *p, uint32_t *ret_unread)
{
    const struct door *d;
    uint32_t count = 0;
    *ret_unread = 0;
    DL_FOREACH(p->clients, d)
    {
        count++;
        *ret_unread += !d->is_reading;
    }
    return count;
}

static struct door *find(struct pipeline *p, uint64_t conn)
{
    struct conn *c = conn_find(p, conn);
    return c && c->kind == CONN_DOOR && c->door->server ? c->door : NULL;
}

void door_chunk_stored(struct pipeline *p, uint64_t conn, struct op *op)
{
    p->intake.on_way -= op->append.size;
    struct door *d = find(p, conn);
    if (d)
        feed_server(p, d, &(struct server_event){.kind = SERVER_CHUNK_STORED, .err = op->err});
}

// A disk that keeps failing is told once, not once a message.
static void note_room(struct pipeline *p, enum fp_err err)
{
    if (err == p->accept_err)
        return;
    p->accept_err = err;
    trouble_with_room(p, err);
    if (err == FP_OK)
        effect_logf(p, LOG_LEVEL_INFO, "spool: new mail can be stored again");
    else if (err == FP_FULL)
        effect_logf(p, LOG_LEVEL_ERROR,
                    "spool: no space left on the disk: new mail gets 452 until there is room");
    else
        effect_logf(p, LOG_LEVEL_ERROR, "spool: new mail cannot be stored: %s", fp_err_text(err));
}

void door_answer(struct pipeline *p, uint64_t conn, enum fp_err err)
{
    struct door *d = find(p, conn);
    if (d)
        feed_server(p, d, &(struct server_event){.kind = SERVER_ACCEPTED, .err = err});
}

void door_accept_stored(struct pipeline *p, uint64_t conn, struct op *op)
{
    struct entry *entry = op->accept.entry;
    p->intake.on_way -= entry_memory(entry);
    note_room(p, op->err);
    door_answer(p, conn, op->err);
    if (op->err && entry->chunks_before > 0)
        door_discard(p, entry->message.id);
    if (!op->err)
        p->counters.accepted++;
    if (!op->err)
        turns_mail_came(p);
    if (!relaying_stored(p, entry->message.id, op->err) && !op->err)
        windows_fresh(p, entry);
}
