// SPDX-License-Identifier: BSD-2-Clause
// server: states, events and effects of the receiving side of SMTP. See server.h.
//
// Effects are flags rather than a queue: whenever one is set no more input is read until it was
// taken, so there is never more than one of a kind, and their order is fixed: what is given up
// first, then what is asked, then what is said, then the close.
//
// (S1) server_move alone changes the state.
// (S2) A state that waits for an answer has no deadline: the wait is ours, not the client's.
// (S3) Nothing is said while an answer is awaited or while the caller still holds octets that came
//      with the last read: so the replies to one group of commands leave in one SEND (V5). Replies
//      beyond SERVER_OUT_HIGH do not wait.
#include "receive/server_inside.h"

#include "core/must.h"
#include "core/text.h"
#include "core/time.h"

#include <stdlib.h>

#define TO(state) (1U << (state))

static const unsigned allowed_moves[STATE_COUNT] = {
    [STATE_GREETING] = TO(STATE_COMMAND) | TO(STATE_CLOSED),
    [STATE_COMMAND] =
        TO(STATE_ASKING_RCPT) | TO(STATE_ASKING_BEGIN) | TO(STATE_DATA) | TO(STATE_CLOSED),
    [STATE_ASKING_RCPT] = TO(STATE_COMMAND) | TO(STATE_CLOSED),
    [STATE_ASKING_BEGIN] = TO(STATE_DATA) | TO(STATE_COMMAND) | TO(STATE_CLOSED),
    [STATE_DATA] = TO(STATE_CHUNKING) | TO(STATE_STORING) | TO(STATE_COMMAND) | TO(STATE_CLOSED),
    [STATE_CHUNKING] = TO(STATE_DATA) | TO(STATE_CLOSED),
    [STATE_STORING] = TO(STATE_COMMAND) | TO(STATE_CLOSED),
    [STATE_CLOSED] = 0,
};

void server_await(struct server *s, int64_t wait_ms)
{
    s->deadline_ms = s->now_ms + wait_ms;
    s->message.recent = 0;
}

void server_move(struct server *s, enum server_state to)
{
    must(allowed_moves[s->state] & TO(to));
    s->state = to;
    s->deadline_ms = TIME_NEVER;
    if (to == STATE_COMMAND)
        server_await(s, s->settings.command_ms);
    if (to == STATE_DATA)
        server_await(s, server_data_wait_ms(s));
}

struct server *server_new(const struct server_settings *settings, const struct server_peer *peer,
                          int64_t now_ms)
{
    struct server *s = must_zalloc(sizeof *s);
    s->settings = *settings;
    s->peer = *peer;
    size_t ip_n = peer->ip ? strnlen(peer->ip, sizeof s->ip - 1) : 0;
    if (ip_n > 0)
        memcpy(s->ip, peer->ip, ip_n);
    s->user_name = must_strdup(peer->user_name ? peer->user_name : "");
    s->peer.ip = s->ip;
    s->peer.user_name = s->user_name;
    s->now_ms = now_ms;
    s->deadline_ms = TIME_NEVER;
    s->last_verb = "CONNECT";
    buf_init(&s->line.text, SERVER_LINE_MAX);
    buf_init(&s->note, SERVER_NOTE_MAX);
    buf_init(&s->out, SERVER_OUT_MAX);
    buf_add_all(&s->out, "220 ", settings->hostname, " ESMTP Fermoposta\r\n");
    if (peer->sends_at_once) { // (V7): the banner goes with the other replies
        server_move(s, STATE_COMMAND);
        s->is_esmtp = true;
    }
    return s;
}

static void drop_question(struct server *s)
{
    if (s->has_question) {
        free(s->question.data);
        entry_free(s->question.entry);
    }
    s->has_question = false;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    drop_question(s);
    server_envelope_reset(s);
    server_data_reset(s);
    buf_close(&s->line.text);
    buf_close(&s->note);
    buf_close(&s->out);
    free(s->helo);
    free(s->user_name);
    free(s);
}

void server_reply(struct server *s, const char *text)
{
    if (text[0] == '5')
        s->errors++;
    if (text[0] >= '4')
        s->has_refused = true;
    if (slice_starts_nocase(slice_str(text), SLICE_LIT(SERVER_NO_ROOM)))
        s->refusals++;
    must(buf_add_all(&s->out, text, "\r\n") == FP_OK);
}

void server_ask(struct server *s, enum server_state state, struct server_effect question)
{
    must(!s->has_question);
    s->question = question;
    s->has_question = true;
    server_move(s, state);
}

static void note_peer(struct server *s)
{
    if (s->peer.is_local)
        buf_addf(&s->note, "userid %lld", (long long)s->peer.uid);
    else
        buf_addf(&s->note, "unknown[%s]", s->ip);
}

// Readers of the log know these lines from Postfix: "NOQUEUE: reject: RCPT from ...".
void server_note_reject(struct server *s, const char *stage, const char *reply, const char *rcpt)
{
    char id[MESSAGE_ID_DIGITS + 1] = "NOQUEUE";
    if (s->message.is_begun)
        message_id_format(s->message.id, id);
    buf_addf(&s->note, "%s: reject: %s from ", id, stage);
    note_peer(s);
    buf_addf(&s->note, ": %s; from=<", reply);
    text_escape_address(slice_str(s->envelope.sender), &s->note);
    if (rcpt) {
        buf_add_str(&s->note, "> to=<");
        text_escape_address(slice_str(rcpt), &s->note);
    }
    buf_addf(&s->note, "> proto=%s", s->is_esmtp ? "ESMTP" : "SMTP");
    if (s->helo) {
        buf_add_str(&s->note, " helo=<");
        text_escape_address(slice_str(s->helo), &s->note);
        buf_add_byte(&s->note, '>');
    }
    buf_add_byte(&s->note, '\n');
}

void server_note_end(struct server *s, const char *what)
{
    buf_addf(&s->note, "%s after %s from ", what, s->last_verb);
    note_peer(s);
    buf_add_byte(&s->note, '\n');
}

// (V4)
void server_abandon(struct server *s)
{
    if (s->message.is_begun) {
        s->has_abort = true;
        s->abort_id = s->message.id;
        s->message.is_begun = false;
    }
}

void server_hang_up(struct server *s, const char *text)
{
    if (text)
        server_reply(s, text);
    server_abandon(s);
    drop_question(s);
    server_move(s, STATE_CLOSED);
    s->has_close = true;
}

void server_message_done(struct server *s, const char *reply)
{
    server_reply(s, reply);
    server_data_reset(s);
    server_envelope_reset(s);
    server_move(s, STATE_COMMAND);
}

bool server_must_leave(struct server *s)
{
    if (s->state != STATE_COMMAND)
        return s->state == STATE_CLOSED;
    if (s->has_eof || s->is_shutting) {
        server_hang_up(s, s->has_eof ? NULL : "421 4.3.2 Shutting down");
        return true;
    }
    if (s->peer.sends_at_once && s->has_refused) { // (V7)
        server_hang_up(s, NULL);
        return true;
    }
    if (!s->peer.is_local && s->errors > s->settings.errors_max) {
        server_note_end(s, "too many errors");
        server_hang_up(s, "421 4.7.0 Too many errors");
        return true;
    }
    return false;
}

static bool has_note(const struct server *s)
{
    return s->note_taken < s->note.n;
}

static bool is_reading(const struct server *s)
{
    return (s->state == STATE_COMMAND || s->state == STATE_DATA) && !s->has_question &&
           !s->has_abort && !has_note(s) && !s->has_close &&
           (s->out_is_taken || s->out.n < SERVER_OUT_HIGH);
}

static size_t on_bytes(struct server *s, const struct server_event *event)
{
    struct slice bytes = event->bytes;
    size_t used = 0;
    s->chunk_max = event->chunk_max;
    s->is_busy = event->is_busy;
    while (used < bytes.n && is_reading(s)) {
        struct slice rest = slice_from(bytes, used);
        used += s->state == STATE_DATA ? server_data_take(s, rest) : server_command_take(s, rest);
    }
    s->has_rest = used < bytes.n;
    return s->state == STATE_CLOSED ? bytes.n : used;
}

// What is not complete is given up, and an answer that is still under way finds the machine closed.
// A complete message stays, and its sender, who may have closed one direction only, hears of it.
static void on_eof(struct server *s)
{
    s->has_eof = true;
    if (s->state == STATE_CLOSED || s->state == STATE_STORING)
        return;
    if (s->state == STATE_DATA || s->state == STATE_CHUNKING || s->envelope.sender)
        server_note_end(s, "lost connection");
    server_hang_up(s, NULL);
}

static void on_timer(struct server *s)
{
    if (s->now_ms < s->deadline_ms)
        return;
    server_note_end(s, "timeout");
    server_hang_up(s, "421 4.4.2 Timeout, closing the connection");
}

static void on_shutdown(struct server *s)
{
    s->is_shutting = true;
    if (s->state == STATE_GREETING) {
        buf_reset(&s->out); // RFC 5321 3.8: 421 in place of the greeting
        server_hang_up(s, "421 4.3.2 Shutting down");
    } else {
        server_must_leave(s);
    }
}

static void on_answer(struct server *s, const struct server_event *event)
{
    static const enum server_state wanted[] = {
        [SERVER_RCPT_ANSWER] = STATE_ASKING_RCPT,
        [SERVER_BEGIN_ANSWER] = STATE_ASKING_BEGIN,
        [SERVER_CHUNK_STORED] = STATE_CHUNKING,
        [SERVER_ACCEPTED] = STATE_STORING,
    };
    if (s->state == STATE_CLOSED) {
        if (event->kind == SERVER_BEGIN_ANSWER && event->verdict == VERDICT_OK) {
            s->has_abort = true; // (V4) the client went away while we asked
            s->abort_id = event->id;
        }
        return;
    }
    must(s->state == wanted[event->kind] && !s->has_question);
    if (event->kind == SERVER_RCPT_ANSWER)
        server_command_on_rcpt_answer(s, event->verdict);
    else if (event->kind == SERVER_BEGIN_ANSWER)
        server_data_on_begin_answer(s, event);
    else if (event->kind == SERVER_CHUNK_STORED)
        server_data_on_chunk_stored(s, event->err);
    else
        server_data_on_accepted(s, event->err);
    server_must_leave(s);
}

static void forget_taken(struct server *s)
{
    if (s->out_is_taken)
        buf_reset(&s->out);
    s->out_is_taken = false;
    if (!has_note(s)) {
        buf_reset(&s->note);
        s->note_taken = 0;
    }
}

size_t server_feed(struct server *s, const struct server_event *event)
{
    s->now_ms = event->now_ms;
    forget_taken(s);
    switch (event->kind) {
    case SERVER_BYTES:
        return on_bytes(s, event);
    case SERVER_EOF:
        on_eof(s);
        break;
    case SERVER_TIMER:
        on_timer(s);
        break;
    case SERVER_SHUTDOWN:
        on_shutdown(s);
        break;
    case SERVER_RESUMED:
        if (s->state == STATE_COMMAND || s->state == STATE_DATA)
            server_await(s, s->state == STATE_DATA ? s->settings.data_ms : s->settings.command_ms);
        break;
    case SERVER_RCPT_ANSWER:
    case SERVER_BEGIN_ANSWER:
    case SERVER_CHUNK_STORED:
    case SERVER_ACCEPTED:
        on_answer(s, event);
        break;
    }
    return 0;
}

static bool is_waiting(const struct server *s)
{
    return s->state == STATE_ASKING_RCPT || s->state == STATE_ASKING_BEGIN ||
           s->state == STATE_CHUNKING || s->state == STATE_STORING;
}

// (S3)
static bool may_send(const struct server *s)
{
    if (s->out.n == 0 || s->out_is_taken)
        return false;
    return s->out.n >= SERVER_OUT_HIGH || s->state == STATE_CLOSED ||
           (!is_waiting(s) && (!s->has_rest || s->state == STATE_GREETING));
}

static bool pull_note(struct server *s, struct server_effect *ret)
{
    struct slice rest = slice_from(buf_slice(&s->note), s->note_taken);
    const char *end = memchr(rest.p, '\n', rest.n);
    size_t n = end ? (size_t)(end - rest.p) : rest.n;
    *ret = (struct server_effect){.kind = SERVER_NOTE, .bytes = {rest.p, n}};
    s->note_taken += end ? n + 1 : n;
    return true;
}

static bool pull_send(struct server *s, struct server_effect *ret)
{
    *ret = (struct server_effect){.kind = SERVER_SEND, .bytes = buf_slice(&s->out)};
    s->out_is_taken = true;
    if (s->state == STATE_GREETING)
        server_move(s, STATE_COMMAND);
    return true;
}

bool server_pull(struct server *s, struct server_effect *ret)
{
    if (s->has_abort) {
        *ret = (struct server_effect){.kind = SERVER_ABORT, .id = s->abort_id};
        s->has_abort = false;
        return true;
    }
    if (has_note(s))
        return pull_note(s, ret);
    if (s->has_question) {
        *ret = s->question;
        s->has_question = false;
        return true;
    }
    if (may_send(s))
        return pull_send(s, ret);
    if (s->has_close) {
        *ret = (struct server_effect){.kind = SERVER_CLOSE};
        s->has_close = false;
        return true;
    }
    return false;
}

int64_t server_deadline(const struct server *s)
{
    return s->deadline_ms;
}

void server_postpone(struct server *s, int64_t by_ms)
{
    if (s->deadline_ms != TIME_NEVER)
        s->deadline_ms += by_ms;
}

bool server_wants_input(const struct server *s)
{
    return is_reading(s);
}

bool server_is_idle(const struct server *s)
{
    return !s->message.is_begun && s->state != STATE_ASKING_BEGIN && s->state != STATE_STORING;
}

size_t server_memory(const struct server *s)
{
    return s->message.body.cap + rcptset_memory(&s->envelope.rcpts);
}

uint32_t server_take_refusals(struct server *s)
{
    uint32_t n = s->refusals;
    s->refusals = 0;
    return n;
}
