// SPDX-License-Identifier: BSD-2-Clause
// client: states, what comes in and goes out. See client.h; what replies mean is in
// client_reply.c.
#include "deliver/client_state.h"

#include "core/must.h"
#include "core/time.h"
#include "deliver/authenticate.h"
#include "deliver/chunking.h"
#include "deliver/handover.h"

#define M(state) (1u << (state))

static const unsigned allowed[CLIENT_STATE_COUNT] = {
    [CLIENT_CLOSED] = M(CLIENT_GREETING) | M(CLIENT_HANDSHAKE) | M(CLIENT_READY),
    [CLIENT_GREETING] = M(CLIENT_EHLO) | M(CLIENT_CLOSED),
    [CLIENT_EHLO] = M(CLIENT_HELO) | M(CLIENT_STARTTLS) | M(CLIENT_RESPONSE) | M(CLIENT_READY) |
                    M(CLIENT_CLOSED),
    [CLIENT_STARTTLS] =
        M(CLIENT_HANDSHAKE) | M(CLIENT_RESPONSE) | M(CLIENT_READY) | M(CLIENT_CLOSED),
    [CLIENT_HANDSHAKE] = M(CLIENT_GREETING) | M(CLIENT_EHLO) | M(CLIENT_CLOSED),
    [CLIENT_HELO] = M(CLIENT_READY) | M(CLIENT_CLOSED),
    [CLIENT_RESPONSE] = M(CLIENT_AUTH) | M(CLIENT_CLOSED),
    [CLIENT_AUTH] = M(CLIENT_AUTH) | M(CLIENT_RESPONSE) | M(CLIENT_READY) | M(CLIENT_CLOSED),
    [CLIENT_READY] = M(CLIENT_ENVELOPE) | M(CLIENT_BODY) | M(CLIENT_QUIT) | M(CLIENT_CLOSED),
    [CLIENT_ENVELOPE] = M(CLIENT_READY) | M(CLIENT_BODY) | M(CLIENT_VOID) | M(CLIENT_CLOSED),
    [CLIENT_BODY] = M(CLIENT_DOT) | M(CLIENT_CLOSED),
    [CLIENT_DOT] = M(CLIENT_READY) | M(CLIENT_CLOSED),
    [CLIENT_VOID] = M(CLIENT_READY) | M(CLIENT_CLOSED),
    [CLIENT_QUIT] = M(CLIENT_CLOSED),
};

void client_move(struct client *c, enum client_state to, int64_t wait_ms)
{
    must(allowed[c->state] & M(to));
    c->state = to;
    client_wait(c, wait_ms);
}

void client_wait(struct client *c, int64_t wait_ms)
{
    c->deadline_ms = wait_ms == TIME_NEVER ? TIME_NEVER : c->now_ms + wait_ms;
    bool has_limit = c->hop.order && (c->state == CLIENT_BODY || c->state == CLIENT_DOT);
    if (has_limit && (c->state == CLIENT_DOT || c->handover_until_ms < c->deadline_ms) &&
        c->handover_until_ms != TIME_NEVER)
        c->deadline_ms = c->handover_until_ms;
}

void client_init(struct client *c, const struct session_settings *settings)
{
    *c = (struct client){.settings = settings, .deadline_ms = TIME_NEVER};
    buf_init(&c->commands, ENVELOPE_COMMANDS_MAX);
    authenticate_init(c);
    reply_init(&c->reply);
}

void client_close(struct client *c)
{
    buf_close(&c->commands);
    content_close(&c->content);
    authenticate_close(c);
    client_end_body(c);
}

void client_connected(struct client *c, const struct hop *hop,
                      const struct client_protection *protection, int64_t now_ms)
{
    c->now_ms = now_ms;
    c->hop = *hop;
    c->protection = *protection;
    c->is_protected = c->has_binding = false;
    c->caps = (struct ehlo_caps){0};
    c->has_partial = c->is_reused = c->needs_rset = false;
    c->delivered_count = 0;
    reply_init(&c->reply);
    if (hop->order) {
        client_move(c, CLIENT_READY, TIME_NEVER);
        c->news = NEWS_READY;
    } else if (protection->is_implicit) {
        client_begin_handshake(c);
    } else {
        client_move(c, CLIENT_GREETING, c->settings->greeting_ms);
    }
}

bool client_is_ready(const struct client *c)
{
    return c->state == CLIENT_READY;
}

enum outcome_stage client_stage(const struct client *c)
{
    switch (c->state) {
    case CLIENT_CLOSED:
        return STAGE_CONNECT;
    case CLIENT_GREETING:
        return STAGE_GREETING;
    case CLIENT_EHLO:
    case CLIENT_HELO:
        return STAGE_EHLO;
    case CLIENT_STARTTLS:
    case CLIENT_HANDSHAKE:
        return STAGE_STARTTLS;
    case CLIENT_RESPONSE:
    case CLIENT_AUTH:
        return STAGE_AUTH;
    case CLIENT_ENVELOPE:
        return envelope_stage(&c->envelope);
    case CLIENT_VOID:
        return STAGE_DATA;
    case CLIENT_BODY:
        return STAGE_BODY;
    case CLIENT_DOT:
        return STAGE_DOT;
    case CLIENT_READY:
        return STAGE_MAIL;
    case CLIENT_QUIT:
    case CLIENT_STATE_COUNT:
        break;
    }
    return STAGE_QUIT;
}

// ---- going out -----------------------------------------------------------------------------

void client_send_text(struct client *c, const char *text)
{
    must(c->slice_count == 0);
    buf_reset(&c->commands);
    must(buf_add_str(&c->commands, text) == FP_OK);
    client_send_commands(c);
}

void client_send_commands(struct client *c)
{
    c->slices[0] = buf_slice(&c->commands);
    c->slice_count = 1;
}

static void send_content(struct client *c)
{
    c->slice_count = content_slices(&c->content, c->slices);
    bool may_hear = chunking_awaits(c);
    if (c->envelope.is_chunked)
        chunking_count(c);
    if (c->content.is_over && c->has_partial && !may_hear) {
        client_lose_by(c, FAULT_GARBAGE, "early reply"); // K1: no answer to the mark has begun
        return;
    }
    if (!c->content.is_over && c->slice_count == 0) { // a CR that waits for its LF
        client_ask_body(c);
        return;
    }
    if (!c->content.is_over) {
        client_wait(c, c->settings->block_ms);
        return;
    }
    client_move(c, CLIENT_DOT, c->settings->dot_ms); // K2
    c->needs_finish = c->hop.order != NULL;
}

void client_ask_body(struct client *c)
{
    c->needs_body = true;
    client_wait(c, TIME_NEVER); // for our own spool: it answers, or says that it cannot
}

void client_begin_body(struct client *c)
{
    if (c->envelope.is_chunked)
        content_begin_chunks(&c->content);
    else
        content_begin(&c->content);
    if (c->converts)
        c->convert = convert_new();
    client_move(c, CLIENT_BODY, TIME_NEVER);
    client_ask_body(c);
}

void client_end_body(struct client *c)
{
    if (c->convert)
        c->broke_signature = convert_breaks_signature(c->convert);
    convert_free(c->convert);
    c->convert = NULL;
}

// Is there content to send? What the converter makes of a piece comes in pieces of its own.
static bool has_content(struct client *c)
{
    struct slice out;
    bool is_end;
    while (content_is_taken(&c->content) && c->convert && convert_next(c->convert, &out, &is_end))
        content_piece(&c->content, out, is_end);
    return !content_is_taken(&c->content);
}

static void go_on_with_body(struct client *c)
{
    if (has_content(c))
        send_content(c);
    else
        client_ask_body(c);
}

static void on_body(struct client *c, const struct session_event *event)
{
    if (c->state != CLIENT_BODY || !c->has_asked)
        return; // the answer to a question of a connection that was lost meanwhile
    c->has_asked = false;
    if (c->convert)
        convert_piece(c->convert, event->bytes, event->is_last);
    else
        content_piece(&c->content, event->bytes, event->is_last);
    go_on_with_body(c);
}

static void on_sent(struct client *c)
{
    if (c->state != CLIENT_BODY || c->needs_body || c->has_asked || c->slice_count > 0)
        return;
    go_on_with_body(c);
}

bool client_body_is_taken(const struct client *c)
{
    return c->slice_count == 0 && content_is_taken(&c->content) &&
           (!c->convert || convert_is_taken(c->convert));
}

bool client_pull(struct client *c, struct session_effect *ret)
{
    if (c->slice_count > 0) {
        ret->kind = SESSION_SEND;
        memcpy(ret->slices, c->slices, c->slice_count * sizeof c->slices[0]);
        ret->slice_count = c->slice_count;
        ret->wants_sent = c->state == CLIENT_BODY; // more of the body is to follow
        c->slice_count = 0;
        return true;
    }
    if (c->needs_finish) {
        ret->kind = SESSION_FINISH;
        c->needs_finish = false;
        return true;
    }
    if (authenticate_pull(c, ret))
        return true;
    if (c->needs_tls) {
        ret->kind = SESSION_START_TLS;
        c->needs_tls = false;
        return true;
    }
    if (c->needs_body) {
        ret->kind = SESSION_NEED_BODY;
        c->needs_body = false;
        c->has_asked = true;
        return true;
    }
    return false;
}

// ---- coming in -----------------------------------------------------------------------------

void client_drop(struct client *c)
{
    if (c->state != CLIENT_CLOSED)
        client_move(c, CLIENT_CLOSED, TIME_NEVER);
    c->slice_count = 0;
    c->needs_tls = c->needs_body = c->has_asked = c->needs_finish = false;
    authenticate_drop(c);
    c->tally = NULL;
    client_end_body(c);
}

void client_lose(struct client *c, const struct outcome *why)
{
    if (why != &c->failure)
        c->failure = *why;
    client_drop(c);
    c->news = NEWS_LOST;
}

void client_lose_by(struct client *c, enum deliver_fault fault, const char *detail)
{
    enum outcome_stage stage = client_stage(c);
    // In TLS 1.3 the host may reject us when we think that the handshake is over.
    if (stage == STAGE_EHLO && c->is_protected && fault == FAULT_TLS)
        stage = STAGE_STARTTLS;
    if (fault == FAULT_TLS_SET_UP)
        classify_tls_set_up(detail, &c->hop, &c->failure);
    else
        classify_fault(stage, fault, detail, &c->hop, &c->failure);
    client_lose(c, &c->failure);
}

void client_begin_handshake(struct client *c)
{
    c->needs_tls = true;
    client_move(c, CLIENT_HANDSHAKE, c->settings->command_ms);
}

static void on_fault(struct client *c, enum deliver_fault fault, const char *detail)
{
    if (c->state == CLIENT_QUIT) {
        client_drop(c);
        c->news = NEWS_BYE;
    } else if (c->state != CLIENT_CLOSED) {
        client_lose_by(c, fault, detail);
    }
}

// K1: has everything been handed out that a reply now could answer?
static bool may_reply(const struct client *c)
{
    return c->slice_count == 0 && c->state != CLIENT_READY && c->state != CLIENT_HANDSHAKE &&
           c->state != CLIENT_RESPONSE;
}

// What is done stays done; what has only begun does not begin on such a connection.
static void on_surplus(struct client *c)
{
    if (c->news == NEWS_READY)
        client_lose_by(c, FAULT_GARBAGE, "reply without a command");
    else
        client_drop(c);
}

static void on_bytes(struct client *c, struct slice bytes)
{
    while (bytes.n > 0 && c->state != CLIENT_CLOSED && c->news == NEWS_NONE) {
        if (c->state == CLIENT_HANDSHAKE) { // K4
            client_lose_by(c, FAULT_TLS, "the reply to STARTTLS was followed by more in clear");
            return;
        }
        if (!may_reply(c)) {
            client_lose_by(c, FAULT_GARBAGE, "reply without a command");
            return;
        }
        bytes = slice_from(bytes, reply_feed(&c->reply, bytes));
        c->has_partial = !reply_is_complete(&c->reply);
        if (c->has_partial)
            return;
        client_on_reply(c);
        reply_init(&c->reply);
    }
    if (bytes.n > 0 && c->state != CLIENT_CLOSED) // K1, behind the reply that made the news
        on_surplus(c);
}

static void on_tls_ready(struct client *c, const struct tls_result *result)
{
    if (c->state != CLIENT_HANDSHAKE)
        return;
    c->is_protected = true;
    c->has_binding = result->has_binding;
    c->caps = (struct ehlo_caps){0}; // K4
    protect_describe(result, c->protection.is_strict, c->tls, sizeof c->tls);
    c->hop.tls = c->tls;
    if (c->protection.is_implicit)
        client_move(c, CLIENT_GREETING, c->settings->greeting_ms);
    else
        client_send_hello(c);
}

void client_feed(struct client *c, const struct session_event *event)
{
    must(c->news == NEWS_NONE);
    c->now_ms = event->now_ms;
    switch (event->kind) {
    case SESSION_BYTES:
        on_bytes(c, event->bytes);
        break;
    case SESSION_EOF:
        on_fault(c, FAULT_CLOSED, event->detail);
        break;
    case SESSION_RESET:
        on_fault(c, event->fault, event->detail);
        break;
    case SESSION_TIMER:
        if (!handover_on_timer(c) && c->now_ms >= c->deadline_ms)
            on_fault(c, FAULT_TIMEOUT, "");
        break;
    case SESSION_CROWDED:
        if (c->state == CLIENT_GREETING &&
            c->now_ms >= c->deadline_ms - c->settings->greeting_ms + c->settings->crowded_ms)
            on_fault(c, FAULT_TIMEOUT, "");
        break;
    case SESSION_BODY:
        on_body(c, event);
        break;
    case SESSION_SENT:
        on_sent(c);
        break;
    case SESSION_RESULT:
        handover_on_result(c, event->result);
        break;
    case SESSION_TLS_READY:
        on_tls_ready(c, event->tls);
        break;
    case SESSION_AUTH_RESPONSE:
        authenticate_on_response(c, event->auth_response);
        break;
    case SESSION_QUIT:
        if (c->state == CLIENT_READY) {
            client_send_text(c, "QUIT\r\n");
            client_move(c, CLIENT_QUIT, c->settings->quit_ms);
        }
        break;
    default:
        must_never("an event that is the session's");
    }
}

enum client_news client_take_news(struct client *c)
{
    enum client_news news = c->news;
    c->news = NEWS_NONE;
    return news;
}
