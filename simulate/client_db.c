// SPDX-License-Identifier: BSD-2-Clause
// client: the world as a client of the local socket: mail in, and operators' requests.
#include "core/must.h"
#include "simulate/world_db.h"
#include "simulate/world_internal_db.h"

#include <stdlib.h>

enum { CLIENT_PIECE = 64 * 1024 };

uint64_t world_number(struct world *w)
{
    uint64_t conn = w->in->next_client;
    w->in->next_client += 2;
    return conn;
}

struct pipeline *world_pipeline(struct world *w)
{
    return w->in->pipeline;
}

const struct config *world_config(const struct world *w)
{
    return &w->in->config;
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
    world_feed(w, &e);
}

// Piece by piece, as a socket would give it, and only while somebody reads.
static void client_send(struct world *w, const char *text, size_t n)
{
    uint32_t crashes = w->crashes;
    for (size_t at = 0; at < n && w->crashes == crashes && !w->in->client_closed;) {
        if (w->in->client_is_stopped) {
            bool goes_on = world_step(w, w->now_ms + TIME_HOUR_MS);
            must(goes_on || (w->stop && *w->stop));
            if (!goes_on)
                return;
            continue;
        }
        size_t piece = n - at < CLIENT_PIECE ? n - at : CLIENT_PIECE;
        struct pipeline_event e = {
            .kind = PIPELINE_BYTES, .conn = w->in->client, .bytes = {text + at, piece}};
        world_feed(w, &e);
        at += piece;
    }
}

static void client_leave(struct world *w)
{
    struct pipeline_event e = {.kind = PIPELINE_EOF, .conn = w->in->client};
    if (!w->in->client_closed)
        world_feed(w, &e);
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
        if (w->in->client_closed || !world_step(w, until))
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
    buf_addf(to, "SMTP\nEHLO sim\r\nMAIL FROM:<%s%s\r\n", sender, strchr(sender, '>') ? "" : ">");
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
    buf_init(&text, WORLD_CLIENT_MAX);
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
    buf_init(&line, WORLD_CLIENT_MAX);
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
    world_feed(w, &e);
    w->in->client = 0;
}

const char *world_ask(struct world *w, const char *verb, const char *const *words, size_t count,
                      int *ret_exit)
{
    world_request(w, verb, words, count);
    *ret_exit = -1;
    if (client_wait(w, "{\"exit\":"))
        *ret_exit = (int)strtol(strstr(w->in->client_in.p, "{\"exit\":") + 8, NULL, 10);
    client_leave(w);
    return world_last_reply(w);
}
