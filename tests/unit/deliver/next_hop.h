// SPDX-License-Identifier: BSD-2-Clause
// next_hop: a scripted SMTP host and the world around a session, in virtual time. For tests.
//
// A script has a greeting and replies by verb; what it does not mention is answered right. A reply
// may end in <CLOSE>, <RST> or <HANG>. Nothing sleeps: when nobody has anything to say, the clock
// jumps to the session's deadline.
#ifndef FP_TESTS_DELIVER_NEXT_HOP_H
#define FP_TESTS_DELIVER_NEXT_HOP_H

#include "core/dot.h"
#include "core/must.h"
#include "core/time.h"
#include "deliver/session.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS_MAX = 40, CONNECTIONS_MAX = 40, RCPTS_MAX = 400 };

struct script_step {
    const char *verb, *reply; // "EHLO" "HELO" "MAIL" "RCPT" "DATA" "." "RSET" "QUIT"
};

struct script {
    const char *connect; // NULL: taken; "refused", "hang"
    const char *banner;  // NULL: "220 ready\r\n"
    const char *ehlo;    // NULL: with PIPELINING
    const char *tls;     // NULL: works; "hang", "reset"; else why it fails, with "!" before it only
                         // when the certificate must be right, with "?" by our own fault
    struct script_step steps[STEPS_MAX]; // used in order, each once, by verb
};

struct world_event {
    struct session_event event;
    char *bytes, *name; // owned
    struct world_event *next;
};

struct world_dns {
    const char *name;
    enum dns_type type;
    enum dns_result result;
    const char *values[8]; // addresses, or "10 mx.example", or "3 1 1" with some digest
    bool is_plain;         // not secure, though dns_is_secure
    const char *canonical; // NULL: the name itself
};

struct world {
    // given
    const struct script *scripts; // one for each connection, the last one for all further ones
    uint32_t script_count;
    const struct world_dns *dns; // ends with a NULL name; not found: NXDOMAIN
    bool dns_is_secure;
    struct slice body;
    size_t piece_size;               // of the body; 0: in one
    size_t chunk_size;               // of what the host says; 0: in one
    bool body_fails;                 // the spool cannot give it
    const struct sts_policy *policy; // of every domain; NULL: it has none
    enum eight_bit eight_bit;
    bool chunking;
    // of folders and programs; NULL: they are there, and all went well
    const struct handover_result *at_open, *at_end;
    bool never_ends;
    // What AUTH is to say, in order; with "!" before it why there is nothing to be said. Behind the
    // last one the server has nothing left to prove.
    const char *responses[STEPS_MAX];
    bool is_unbound; // nothing can be bound to TLS
    bool is_kept;    // the secret, when it is asked for first
    // inside
    struct session *session;
    struct session_settings settings;
    int64_t now_ms;
    struct world_event *first, *last;
    const struct script *script;
    bool used[STEPS_MAX];
    bool is_handover, is_connected, is_silent, in_data, has_rcpt;
    size_t body_at;
    size_t chunk_left; // octets of a BDAT that are to come; its command is answered behind them
    bool in_chunk, is_last_chunk;
    uint32_t next_response;
    bool begins_with_tls;
    struct buf line; // of commands, or content
    // seen
    struct buf trace; // one line for each thing that happened
    struct buf wire;  // everything sent, over all connections
    uint32_t connections, sends, body_asked, asked_dns, outcome_count, done_count, disconnects;
    struct outcome outcomes[RCPTS_MAX];
    bool has_outcome[RCPTS_MAX];
    enum outcome_scope scope;
    bool can_reuse, has_ended, has_host_failure, broke_signature;
    struct outcome host_failure;
    struct buf content; // what the host took, un-stuffed, of the last message
    uint32_t accepted;  // messages the host said 2xx to
    size_t slices_most;
};

static inline void world_push(struct world *w, struct session_event event, const char *bytes,
                              size_t n)
{
    struct world_event *e = must_zalloc(sizeof *e);
    e->event = event;
    if (bytes) {
        e->bytes = must_memdup(bytes, n);
        e->event.bytes = slice_of(e->bytes, n);
    }
    if (w->last)
        w->last->next = e;
    else
        w->first = e;
    w->last = e;
}

static inline void world_push_kind(struct world *w, enum session_event_kind kind)
{
    world_push(w, (struct session_event){.kind = kind}, NULL, 0);
}

static inline void world_forget_events(struct world *w)
{
    while (w->first) {
        struct world_event *e = w->first;
        w->first = e->next;
        free(e->name);
        free(e->bytes);
        free(e);
    }
    w->last = NULL;
}

// ---- the host ------------------------------------------------------------------------------

static inline void host_say(struct world *w, const char *text)
{
    const char *tag = strchr(text, '<');
    while (tag && strcmp(tag, "<CLOSE>") != 0 && strcmp(tag, "<RST>") != 0 &&
           strcmp(tag, "<HANG>") != 0)
        tag = strchr(tag + 1, '<');
    size_t n = tag ? (size_t)(tag - text) : strlen(text);
    size_t step = w->chunk_size ? w->chunk_size : n;
    for (size_t at = 0; at < n; at += step)
        world_push(w, (struct session_event){.kind = SESSION_BYTES}, text + at,
                   n - at < step ? n - at : step);
    if (!tag)
        return;
    w->is_silent = true;
    if (tag[1] == 'C')
        world_push_kind(w, SESSION_EOF);
    else if (tag[1] == 'R')
        world_push(w,
                   (struct session_event){.kind = SESSION_RESET,
                                          .fault = FAULT_RESET,
                                          .detail = "Connection reset by peer"},
                   NULL, 0);
}

static inline const char *host_default(const struct world *w, const char *verb)
{
    if (strcmp(verb, "EHLO") == 0 || strcmp(verb, "LHLO") == 0)
        return w->script->ehlo ? w->script->ehlo : "250-mx\r\n250 PIPELINING\r\n";
    if (strcmp(verb, "DATA") == 0)
        return w->has_rcpt ? "354 go\r\n" : "503 no recipients\r\n";
    if (strcmp(verb, "QUIT") == 0)
        return "221 bye\r\n<CLOSE>";
    if (strcmp(verb, "AUTH") == 0)
        return "235 2.7.0 welcome\r\n";
    return strcmp(verb, ".") == 0 ? "250 2.0.0 Ok: queued as ABC\r\n" : "250 ok\r\n";
}

static inline void host_answer(struct world *w, const char *verb)
{
    const char *reply = NULL;
    for (int i = 0; i < STEPS_MAX && w->script->steps[i].verb && !reply; i++)
        if (!w->used[i] && strcmp(w->script->steps[i].verb, verb) == 0) {
            w->used[i] = true;
            reply = w->script->steps[i].reply;
        }
    reply = reply ? reply : host_default(w, verb);
    w->in_data = strcmp(verb, "DATA") == 0 && reply[0] == '3';
    w->has_rcpt |= strcmp(verb, "RCPT") == 0 && reply[0] == '2';
    w->has_rcpt &= strcmp(verb, "MAIL") != 0;
    w->accepted += strcmp(verb, ".") == 0 && reply[0] == '2';
    host_say(w, reply);
}

static inline bool host_take_content(struct world *w)
{
    struct slice all = buf_slice(&w->line);
    size_t end = 0;
    if (all.n >= 3 && memcmp(all.p, ".\r\n", 3) == 0) {
        end = 3;
    } else {
        const char *mark = all.n >= 5 ? memmem(all.p, all.n, "\r\n.\r\n", 5) : NULL;
        if (!mark)
            return false;
        end = (size_t)(mark - all.p) + 5;
    }
    struct dot_reader r;
    dot_reader_init(&r);
    buf_reset(&w->content);
    dot_read(&r, slice_of(all.p, end), &w->content);
    buf_drop(&w->line, end);
    w->in_data = false;
    host_answer(w, ".");
    return true;
}

// "BDAT" is the verb of a script for chunks before the last; that is ".", as the end mark is.
static inline bool host_take_chunk(struct world *w)
{
    size_t n = w->line.n < w->chunk_left ? w->line.n : w->chunk_left;
    must(buf_add(&w->content, w->line.p, n) == FP_OK);
    buf_drop(&w->line, n);
    w->chunk_left -= n;
    if (w->chunk_left > 0)
        return false;
    w->in_chunk = false;
    host_answer(w, w->is_last_chunk ? "." : "BDAT");
    return true;
}

static inline void host_begin_chunk(struct world *w, const char *line)
{
    w->in_chunk = true;
    w->chunk_left = strtoul(line + 5, NULL, 10);
    w->is_last_chunk = strstr(line, " LAST\r") != NULL;
    if (w->chunk_left == 0)
        host_take_chunk(w);
}

static inline bool host_take_line(struct world *w)
{
    struct slice all = buf_slice(&w->line);
    const char *nl = all.n ? memchr(all.p, '\n', all.n) : NULL;
    if (!nl)
        return false;
    char verb[5] = {0};
    memcpy(verb, all.p, all.n < 4 ? all.n : 4);
    buf_addf(&w->trace, "C %.*s\n", (int)(nl - all.p) - 1, all.p);
    char line[64] = {0};
    memcpy(line, all.p,
           (size_t)(nl - all.p) < sizeof line ? (size_t)(nl - all.p) : sizeof line - 1);
    buf_drop(&w->line, (size_t)(nl - all.p) + 1);
    if (strcmp(verb, "MAIL") == 0)
        buf_reset(&w->content);
    if (strcmp(verb, "BDAT") == 0)
        host_begin_chunk(w, line);
    else
        host_answer(w, verb);
    return true;
}

static inline void host_hear(struct world *w, struct slice bytes)
{
    must(buf_add_slice(&w->line, bytes) == FP_OK);
    while (!w->is_silent && w->line.n > 0 &&
           (w->in_data    ? host_take_content(w)
            : w->in_chunk ? host_take_chunk(w)
                          : host_take_line(w)))
        ;
}

// ---- effects -------------------------------------------------------------------------------

static inline void host_greet(struct world *w)
{
    host_say(w, w->script->banner ? w->script->banner : "220 ready\r\n");
}

static inline void world_connect(struct world *w, const struct session_effect *e)
{
    uint32_t i = w->connections < w->script_count ? w->connections : w->script_count - 1;
    must(!w->is_connected); // C2
    if (e->path)
        buf_addf(&w->trace, "CONNECT %s\n", e->path);
    else
        buf_addf(&w->trace, "CONNECT %s:%u\n", e->ip, e->port);
    w->connections++;
    w->is_handover = false;
    w->script = &w->scripts[i];
    memset(w->used, 0, sizeof w->used);
    w->is_silent = w->in_data = w->has_rcpt = false;
    buf_reset(&w->line);
    if (w->script->connect && strcmp(w->script->connect, "refused") == 0) {
        world_push(w,
                   (struct session_event){.kind = SESSION_CONNECT_FAILED,
                                          .fault = FAULT_REFUSED,
                                          .detail = "Connection refused"},
                   NULL, 0);
        return;
    }
    w->is_connected = true;
    if (w->script->connect)
        return;
    world_push_kind(w, SESSION_CONNECTED);
    w->begins_with_tls = e->begins_with_tls;
    if (!e->begins_with_tls)
        host_greet(w);
}

static inline void world_hand_over(struct world *w, const struct session_effect *e)
{
    must(!w->is_connected); // C2
    buf_addf(&w->trace, "HAND OVER %s standing %u\n", e->order->path, e->order->standing_n);
    w->is_connected = w->is_handover = true;
    w->connections++;
    world_push(w,
               (struct session_event){.kind = w->at_open ? SESSION_RESULT : SESSION_CONNECTED,
                                      .result = w->at_open},
               NULL, 0);
}

static inline void world_finish(struct world *w)
{
    static const struct handover_result done = {.text = ""};
    must(w->is_connected && w->is_handover);
    buf_addf(&w->trace, "FINISH\n");
    if (w->never_ends)
        return;
    world_push(
        w, (struct session_event){.kind = SESSION_RESULT, .result = w->at_end ? w->at_end : &done},
        NULL, 0);
}

static inline void world_start_tls(struct world *w, const struct session_effect *e)
{
    const struct tls_result result = {.version = "TLSv1.3",
                                      .cipher = "TLS_AES_256_GCM_SHA384",
                                      .bits = 256,
                                      .is_verified =
                                          e->tls_terms->must_verify || e->tls_terms->tlsa_count > 0,
                                      .is_by_dane = e->tls_terms->tlsa_count > 0,
                                      .has_binding = !w->is_unbound};
    const char *how = w->script->tls;
    buf_addf(&w->trace, "TLS %s%s", e->tls_terms->server_name,
             e->tls_terms->must_verify ? " verify" : "");
    for (uint32_t i = 0; e->tls_terms->must_verify && i < e->tls_terms->name_count; i++)
        buf_addf(&w->trace, " %s", e->tls_terms->names[i]);
    buf_add_str(&w->trace, "\n");
    if (how && strcmp(how, "hang") == 0)
        return;
    if (how && strcmp(how, "reset") == 0) {
        world_push(
            w, (struct session_event){.kind = SESSION_RESET, .fault = FAULT_RESET, .detail = ""},
            NULL, 0);
        return;
    }
    if (how && how[0] == '?') {
        world_push(w,
                   (struct session_event){
                       .kind = SESSION_RESET, .fault = FAULT_TLS_SET_UP, .detail = how + 1},
                   NULL, 0);
        return;
    }
    if (how && (how[0] != '!' || e->tls_terms->must_verify)) {
        world_push(w,
                   (struct session_event){
                       .kind = SESSION_RESET, .fault = FAULT_TLS, .detail = how + (how[0] == '!')},
                   NULL, 0);
        return;
    }
    world_push(w, (struct session_event){.kind = SESSION_TLS_READY}, (const char *)&result,
               sizeof result);
    w->last->event.tls = (const struct tls_result *)w->last->bytes;
    if (w->begins_with_tls)
        host_greet(w);
}

static inline void world_record(enum dns_type type, const char *value, struct dns_record *ret)
{
    char *end;
    if (type == DNS_TYPE_MX) {
        ret->preference = (uint16_t)strtoul(value, &end, 10);
        snprintf(ret->name, sizeof ret->name, "%s", end + 1);
    } else if (type == DNS_TYPE_TLSA) {
        ret->tlsa.usage = (uint8_t)(value[0] - '0');
        ret->tlsa.selector = (uint8_t)(value[2] - '0');
        ret->tlsa.matching = (uint8_t)(value[4] - '0');
        ret->tlsa.size = 32;
    } else {
        snprintf(ret->ip, sizeof ret->ip, "%s", value);
    }
}

static inline void world_auth(struct world *w, const struct session_effect *e)
{
    static const char *const steps[] = {"BEGIN", "CHALLENGE", "ACCEPTED", "REFUSED"};
    static struct auth_response response;
    const struct auth_order *o = e->auth;
    must(w->is_connected);
    buf_addf(&w->trace, "AUTH %s %s %s at %s[%s]:%u%s", steps[o->step], o->mechanism, o->user,
             o->host, o->ip, o->port, o->binds ? " bound" : "");
    if (o->step == AUTH_STEP_BEGIN && o->renews)
        buf_add_str(&w->trace, " renewed");
    if (o->step == AUTH_STEP_CHALLENGE)
        buf_addf(&w->trace, " \"%.*s\"", (int)o->challenge.n, o->challenge.p);
    buf_add_str(&w->trace, "\n");
    if (o->step == AUTH_STEP_ACCEPTED || o->step == AUTH_STEP_REFUSED)
        return;
    w->next_response = o->step == AUTH_STEP_BEGIN ? 0 : w->next_response + 1;
    const char *text = w->responses[w->next_response] ? w->responses[w->next_response] : "";
    response = (struct auth_response){.text = slice_str(text)};
    response.why = text[0] == '!' ? text + 1 : NULL;
    response.is_kept = w->is_kept && !o->renews;
    response.is_complete = !w->responses[w->next_response + 1];
    world_push(w, (struct session_event){.kind = SESSION_AUTH_RESPONSE, .auth_response = &response},
               NULL, 0);
}

static inline void world_lookup(struct world *w, const struct session_effect *e)
{
    static struct {
        struct dns_answer answer;
        struct dns_record room[8];
    } store;
    const struct world_dns *d = w->dns;
    while (d && d->name && (strcasecmp(d->name, e->name) != 0 || d->type != e->type))
        d++;
    memset(&store, 0, sizeof store);
    w->asked_dns++;
    buf_addf(&w->trace, "LOOKUP %s %d\n", e->name, (int)e->type);
    struct dns_answer *a = &store.answer;
    a->type = e->type;
    a->result = d && d->name ? d->result : DNS_ANSWER_NXDOMAIN;
    struct dns_record *records = (struct dns_record *)&store.room;
    a->is_secure = w->dns_is_secure && !(d && d->is_plain);
    snprintf(a->canonical, sizeof a->canonical, "%s", d && d->canonical ? d->canonical : e->name);
    for (int i = 0; d && d->name && i < 8 && d->values[i]; i++, a->count++)
        world_record(e->type, d->values[i], &records[i]);
    world_push(w, (struct session_event){.kind = SESSION_ANSWER}, (const char *)&store,
               sizeof store);
    w->last->name = must_strdup(e->name);
    w->last->event.answer = (const struct dns_answer *)w->last->bytes;
    w->last->event.answer_name = w->last->name;
}

static inline void world_send(struct world *w, const struct session_effect *e)
{
    w->sends++;
    must(w->is_connected && e->slice_count > 0 && e->slice_count <= SESSION_SLICES_MAX);
    w->slices_most = e->slice_count > w->slices_most ? e->slice_count : w->slices_most;
    world_push_kind(w, SESSION_SENT);
    for (uint32_t i = 0; i < e->slice_count; i++) {
        must(buf_add_slice(&w->wire, e->slices[i]) == FP_OK);
        if (!w->is_handover)
            host_hear(w, e->slices[i]);
    }
}

static inline void world_body(struct world *w)
{
    w->body_asked++;
    if (w->body_fails) {
        world_push_kind(w, SESSION_BODY_FAILED);
        return;
    }
    size_t left = w->body.n - w->body_at;
    size_t n = w->piece_size && w->piece_size < left ? w->piece_size : left;
    struct session_event e = {.kind = SESSION_BODY, .is_last = n == left};
    e.bytes = slice_of(w->body.p + w->body_at, n); // borrowed until SENT: not a copy
    world_push(w, e, NULL, 0);
    w->body_at += n;
}

static inline void world_execute(struct world *w, const struct session_effect *e)
{
    switch (e->kind) {
    case SESSION_LOOKUP:
        world_lookup(w, e);
        break;
    case SESSION_ASK_POLICY:
        buf_addf(&w->trace, "POLICY %s\n", e->name);
        world_push(w, (struct session_event){.kind = SESSION_POLICY, .policy = w->policy}, NULL, 0);
        break;
    case SESSION_CONNECT:
        world_connect(w, e);
        break;
    case SESSION_HAND_OVER:
        world_hand_over(w, e);
        break;
    case SESSION_FINISH:
        world_finish(w);
        break;
    case SESSION_START_TLS:
        world_start_tls(w, e);
        break;
    case SESSION_AUTH:
        world_auth(w, e);
        break;
    case SESSION_SEND:
        world_send(w, e);
        break;
    case SESSION_NEED_BODY:
        world_body(w);
        break;
    case SESSION_DECIDED:
        must(e->outcome->result == OUTCOME_DELIVERED);
        buf_addf(&w->trace, "DECIDED %u\n", e->index);
        break;
    case SESSION_OUTCOME:
        must(e->index < RCPTS_MAX && !w->has_outcome[e->index]); // C1
        w->has_outcome[e->index] = true;
        w->outcomes[e->index] = *e->outcome;
        w->outcome_count++;
        break;
    case SESSION_BATCH_DONE:
        w->done_count++;
        w->scope = e->scope;
        w->can_reuse = e->can_reuse;
        w->broke_signature = e->broke_signature;
        w->has_host_failure = e->outcome != NULL;
        if (e->outcome)
            w->host_failure = *e->outcome;
        break;
    case SESSION_DISCONNECT:
        must(w->is_connected);
        buf_add_str(&w->trace, "DISCONNECT\n");
        w->is_connected = false;
        w->disconnects++;
        world_forget_events(w); // what the host said meanwhile is never read
        break;
    case SESSION_ENDED:
        w->has_ended = true;
        break;
    }
}

static inline void world_feed(struct world *w, struct session_event event)
{
    struct session_effect effect;
    event.now_ms = w->now_ms;
    session_feed(w->session, &event);
    while (session_pull(w->session, &effect))
        world_execute(w, &effect);
}

// Until nothing happens any more, not even by waiting.
static inline void world_run(struct world *w)
{
    for (int i = 0; i < 2000000; i++) {
        struct world_event *e = w->first;
        if (e) {
            w->first = e->next;
            w->last = e->next ? w->last : NULL;
            world_feed(w, e->event);
            free(e->name);
            free(e->bytes);
            free(e);
        } else if (session_deadline(w->session) != TIME_NEVER) {
            int64_t deadline = session_deadline(w->session);
            w->now_ms = deadline > w->now_ms ? deadline : w->now_ms;
            world_feed(w, (struct session_event){.kind = SESSION_TIMER});
        } else {
            return;
        }
    }
    must(!"a session that never comes to rest");
}

// ---- from tests ----------------------------------------------------------------------------

static inline void world_open(struct world *w, const struct target *targets, uint32_t count,
                              const char *domain)
{
    buf_init(&w->trace, 1 << 22);
    buf_init(&w->wire, 1 << 26);
    buf_init(&w->line, 1 << 26);
    buf_init(&w->content, 1 << 26);
    w->now_ms = 1000000;
    struct session_settings given = w->settings;
    w->settings = (struct session_settings){
        .hostname = "me.example",
        .smtp_port = 25,
        .connect_ms = 30 * TIME_SECOND_MS,
        .greeting_ms = 5 * TIME_MINUTE_MS,
        .crowded_ms = 30 * TIME_SECOND_MS,
        .command_ms = 5 * TIME_MINUTE_MS,
        .data_ms = 2 * TIME_MINUTE_MS,
        .block_ms = 3 * TIME_MINUTE_MS,
        .dot_ms = 10 * TIME_MINUTE_MS,
        .pipe_ms = 5 * TIME_MINUTE_MS,
        .quit_ms = 5 * TIME_SECOND_MS,
        .eight_bit = w->eight_bit,
        .chunking = w->chunking,
        .protect = given.protect,
        .credentials = given.credentials,
        .fallback = given.fallback,
        .families = given.families,
    };
    w->session = session_new(&w->settings, targets, count, domain, 7);
}

// A table of `tls` in which one policy is everybody's.
static inline struct protect_table *world_protection(enum protect_policy policy)
{
    struct protect_table *t = protect_table_new();
    t->rows = must_zalloc(sizeof *t->rows);
    t->rows[t->count++] = (struct protect_row){must_strdup("*"), policy};
    protect_table_index(t);
    return t;
}

static inline void world_close(struct world *w)
{
    session_free(w->session);
    fallback_free(w->settings.fallback);
    protect_table_unref(w->settings.protect);
    credentials_unref(w->settings.credentials);
    world_forget_events(w);
    buf_close(&w->trace);
    buf_close(&w->wire);
    buf_close(&w->line);
    buf_close(&w->content);
}

static inline void world_give(struct world *w, const struct session_batch *batch)
{
    memset(w->has_outcome, 0, sizeof w->has_outcome);
    w->outcome_count = w->done_count = w->body_asked = 0;
    w->body_at = 0;
    world_feed(w, (struct session_event){.kind = SESSION_BATCH, .batch = batch});
    world_run(w);
}

#endif
