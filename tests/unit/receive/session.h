// SPDX-License-Identifier: BSD-2-Clause
// session: drives a server machine as the daemon does, answers its questions, and writes down what
// it does as text, one effect a line. A spool is played by a list of the messages it was given.
//
// Trace: "S: 250 ..." per reply line, with "S- " in front of each SEND; "ask ADDRESS", "begin",
// "chunk N SIZE", "end ID from=<> to=a,b size=N", "abort ID", "close", "note TEXT".
#ifndef FP_TESTS_RECEIVE_SESSION_H
#define FP_TESTS_RECEIVE_SESSION_H

#include "core/buf.h"
#include "core/must.h"
#include "receive/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SESSION_MESSAGES_MAX = 8,
    SESSION_BODY_MAX = 64 * 1024 * 1024,
    SESSION_ENVELOPE = 200, // bytes that a sender and a recipient or two take
};

struct session {
    struct server_settings settings;
    struct server_peer peer;
    struct server *server;
    struct server_event answer; // waits to be fed
    bool has_answer;
    bool is_slow;     // answers come only after all effects were taken
    bool is_silent;   // answers never come by themselves
    size_t read_size; // bytes per read; 0: all at once
    size_t chunk_max; // said with the bytes
    bool is_busy;     // likewise
    enum fp_err store_err;
    enum server_verdict begin_verdict;
    int64_t now_ms;
    uint64_t next_id;
    struct buf trace;
    struct buf body; // chunks of the message that is arriving
    struct buf bodies[SESSION_MESSAGES_MAX];
    struct entry *entries[SESSION_MESSAGES_MAX];
    uint32_t count;                 // messages accepted
    uint32_t begun, ended, aborted; // what the machine did; (V4) says how they go together
    uint32_t sends;
    size_t memory_max;
    int last_code;
    bool is_closed;
};

static inline void session_init(struct session *s)
{
    *s = (struct session){
        .settings = {.hostname = "mx.local.example",
                     .message_size_max = 50 * 1024 * 1024,
                     .rcpts_max = 1000,
                     .messages_max = 100,
                     .errors_max = 20,
                     .received_max = 100,
                     .line_max = 1024 * 1024,
                     .command_ms = 300000,
                     .data_ms = 180000},
        .peer = {.ip = "192.0.2.7", .uid = -1, .user_name = ""},
        .now_ms = 1795304400000, // Sat, 21 Nov 2026 23:40:00 +0000
        .next_id = 0xA1,
    };
    buf_init(&s->trace, SESSION_BODY_MAX);
    buf_init(&s->body, SESSION_BODY_MAX);
}

static inline void session_forget_messages(struct session *s)
{
    for (; s->count > 0; s->count--) {
        buf_close(&s->bodies[s->count - 1]);
        entry_free(s->entries[s->count - 1]);
    }
}

static inline void session_close(struct session *s)
{
    server_free(s->server);
    buf_close(&s->trace);
    buf_close(&s->body);
    session_forget_messages(s);
}

static inline void session_trace_send(struct session *s, struct slice bytes)
{
    s->sends++;
    buf_add_str(&s->trace, "S-");
    while (bytes.n > 0) {
        const char *lf = memchr(bytes.p, '\n', bytes.n);
        must(lf && lf > bytes.p && lf[-1] == '\r');
        int n = (int)(lf - bytes.p) - 1;
        if (n > 3 && bytes.p[3] == ' ')
            s->last_code = atoi(bytes.p);
        buf_addf(&s->trace, " %.*s\n", n, bytes.p);
        bytes = slice_from(bytes, (size_t)n + 2);
        if (bytes.n > 0)
            buf_add_str(&s->trace, "S:");
    }
}

static inline enum server_verdict session_verdict(struct slice address)
{
    if (memmem(address.p, address.n, "@denied.", 8))
        return VERDICT_RELAY_DENIED;
    if (memmem(address.p, address.n, "nosuch", 6))
        return VERDICT_REFUSED;
    return memmem(address.p, address.n, "@busy.", 6) ? VERDICT_BUSY : VERDICT_OK;
}

static inline void session_keep(struct session *s, struct entry *e)
{
    if (s->store_err) {
        entry_free(e);
        buf_reset(&s->body);
        return;
    }
    if (s->count == SESSION_MESSAGES_MAX)
        session_forget_messages(s);
    buf_add(&s->body, e->tail ? e->tail : "", e->tail_size);
    must(s->body.n == e->message.size);
    s->entries[s->count] = e;
    s->bodies[s->count++] = s->body;
    buf_init(&s->body, SESSION_BODY_MAX);
}

static inline void session_trace_end(struct session *s, const struct entry *e)
{
    buf_addf(&s->trace, "end %" PRIX64 " from=<%s> to=", e->message.id, e->message.sender);
    for (uint32_t i = 0; i < e->rcpt_count; i++)
        buf_addf(&s->trace, "%s%s", i ? "," : "", e->rcpts[i].address);
    if (e->message.priority != 0)
        buf_addf(&s->trace, " priority %d", e->message.priority);
    buf_addf(&s->trace, "%s\n", e->message.is_8bit ? " 8bit" : "");
}

static inline void session_answer(struct session *s, struct server_event event)
{
    event.now_ms = s->now_ms;
    s->answer = event;
    s->has_answer = true;
}

static inline void session_execute(struct session *s, const struct server_effect *e)
{
    switch (e->kind) {
    case SERVER_SEND:
        session_trace_send(s, e->bytes);
        break;
    case SERVER_CHECK_RCPT:
        buf_addf(&s->trace, "ask %.*s\n", (int)e->address.n, e->address.p);
        session_answer(s, (struct server_event){.kind = SERVER_RCPT_ANSWER,
                                                .verdict = session_verdict(e->address)});
        break;
    case SERVER_BEGIN:
        buf_add_str(&s->trace, "begin\n");
        s->begun += s->begin_verdict == VERDICT_OK;
        session_answer(s, (struct server_event){.kind = SERVER_BEGIN_ANSWER,
                                                .verdict = s->begin_verdict,
                                                .id = s->next_id++});
        break;
    case SERVER_CHUNK:
        buf_addf(&s->trace, "chunk %u %zu\n", e->chunk, e->size);
        buf_add(&s->body, e->data, e->size);
        free(e->data);
        session_answer(s, (struct server_event){.kind = SERVER_CHUNK_STORED, .err = s->store_err});
        break;
    case SERVER_END:
        s->ended++;
        session_trace_end(s, e->entry);
        session_keep(s, e->entry);
        session_answer(s, (struct server_event){.kind = SERVER_ACCEPTED, .err = s->store_err});
        break;
    case SERVER_ABORT:
        s->aborted++;
        buf_addf(&s->trace, "abort %" PRIX64 "\n", e->id);
        buf_reset(&s->body);
        break;
    case SERVER_CLOSE:
        buf_add_str(&s->trace, "close\n");
        s->is_closed = true;
        break;
    case SERVER_NOTE:
        buf_addf(&s->trace, "note %.*s\n", (int)e->bytes.n, e->bytes.p);
        break;
    }
}

static inline void session_feed_answer(struct session *s)
{
    s->has_answer = false;
    must(server_feed(s->server, &s->answer) == 0);
}

static inline void session_pull(struct session *s)
{
    struct server_effect e;
    while (server_pull(s->server, &e)) {
        session_execute(s, &e);
        if (s->has_answer && !s->is_slow && !s->is_silent)
            session_feed_answer(s);
    }
    if (server_memory(s->server) > s->memory_max)
        s->memory_max = server_memory(s->server);
}

static inline void session_settle(struct session *s)
{
    session_pull(s);
    while (s->has_answer && !s->is_silent) {
        session_feed_answer(s);
        session_pull(s);
    }
}

static inline void session_event(struct session *s, enum server_event_kind kind)
{
    struct server_event e = {.kind = kind, .now_ms = s->now_ms};
    server_feed(s->server, &e);
    session_settle(s);
}

static inline void session_open(struct session *s)
{
    s->server = server_new(&s->settings, &s->peer, s->now_ms);
    session_settle(s);
}

// As one read: what is not used is fed again, as long as the machine wants it.
static inline void session_read(struct session *s, struct slice bytes)
{
    bool wants = true;
    while (bytes.n > 0 && wants) {
        struct server_event e = {.kind = SERVER_BYTES, .now_ms = s->now_ms, .bytes = bytes};
        e.chunk_max = s->chunk_max;
        e.is_busy = s->is_busy;
        size_t used = server_feed(s->server, &e);
        session_settle(s);
        wants = server_wants_input(s->server);
        must(used > 0 || !wants || s->is_slow); // no standstill
        bytes = slice_from(bytes, used);
    }
    must(bytes.n == 0 || s->is_silent || s->is_closed);
}

static inline void session_send(struct session *s, struct slice bytes)
{
    size_t size = s->read_size ? s->read_size : bytes.n;
    while (bytes.n > 0) {
        struct slice piece = {bytes.p, size < bytes.n ? size : bytes.n};
        session_read(s, piece);
        bytes = slice_from(bytes, piece.n);
    }
}

static inline void session_say(struct session *s, const char *text)
{
    session_send(s, slice_str(text));
}

#endif
