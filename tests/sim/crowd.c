// SPDX-License-Identifier: BSD-2-Clause
// crowd: many SMTP clients at once. See crowd.h.
#include "crowd.h"

#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PIECE = 16 * 1024, // of a text, in one read
    STEP_MS = 10,
    WAIT_MS = 200, // while nobody is read
    MESSAGES_MAX = 64,
    REPLIES_MAX = 64 * 1024
};

enum stage { GREETED, HELLO, MAIL, RCPT, DATA, TEXT, DOT, OVER };

struct crowd_client {
    uint64_t conn;
    enum stage stage; // what was said, and is to be answered; TEXT is being sent
    bool is_read;
    uint32_t number, message;
    size_t sent; // of the text
    struct buf in;
    uint64_t accepted; // one bit a message
};

void crowd_rcpt(const struct crowd *c, uint32_t client, uint32_t message, char to[64])
{
    snprintf(to, 64, "%c%u-m%u@example.com", c->options.name, client, message);
}

bool crowd_was_accepted(const struct crowd *c, uint32_t client, uint32_t message)
{
    return c->clients[client].accepted >> message & 1;
}

static struct crowd_client *find(const struct crowd *c, uint64_t conn)
{
    for (uint32_t i = 0; i < c->options.clients; i++)
        if (c->clients[i].conn == conn)
            return &c->clients[i];
    return NULL;
}

static void on_effect(void *arg, const struct pipeline_effect *fx)
{
    struct crowd *c = arg;
    struct crowd_client *k = find(c, fx->conn);
    if (!k) {
        if (c->before)
            c->before(c->before_arg, fx);
        return;
    }
    if (fx->kind == PIPELINE_READ)
        k->is_read = fx->is_on;
    if (fx->kind == PIPELINE_SEND)
        for (uint32_t i = 0; i < fx->slice_count; i++)
            buf_add_slice(&k->in, fx->slices[i]);
    if (fx->kind == PIPELINE_CLOSE) {
        c->over += k->stage != OVER;
        c->closed += k->stage != OVER;
        k->stage = OVER;
        k->conn = 0;
    }
}

struct crowd *crowd_new(struct world *w, const struct crowd_options *options)
{
    must(options->messages <= MESSAGES_MAX);
    struct crowd *c = must_zalloc(sizeof *c);
    c->world = w;
    c->options = *options;
    c->clients = must_zalloc(options->clients * sizeof *c->clients);
    c->before = w->others;
    c->before_arg = w->others_arg;
    w->others = on_effect;
    w->others_arg = c;
    for (uint32_t i = 0; i < options->clients; i++) {
        struct crowd_client *k = &c->clients[i];
        k->conn = world_number(w);
        k->number = i;
        k->is_read = true;
        buf_init(&k->in, REPLIES_MAX);
        struct pipeline_event e = {.kind = PIPELINE_ACCEPTED,
                                   .conn = k->conn,
                                   .door = DOOR_SMTP,
                                   .ip = "192.0.2.99",
                                   .is_trusted = true};
        world_feed(w, &e);
    }
    return c;
}

void crowd_free(struct crowd *c)
{
    c->world->others = c->before;
    c->world->others_arg = c->before_arg;
    for (uint32_t i = 0; i < c->options.clients; i++)
        buf_close(&c->clients[i].in);
    free(c->clients);
    free(c);
}

static void say(struct crowd *c, struct crowd_client *k, const char *text, size_t n)
{
    struct pipeline_event e = {.kind = PIPELINE_BYTES, .conn = k->conn, .bytes = {text, n}};
    world_feed(c->world, &e);
}

static void say_line(struct crowd *c, struct crowd_client *k, enum stage stage)
{
    char rcpt[64], line[128];
    static const char *const lines[] = {
        [HELLO] = "EHLO c\r\n", [MAIL] = "MAIL FROM:<a@example.org>\r\n", [DATA] = "DATA\r\n"};
    crowd_rcpt(c, k->number, k->message, rcpt);
    if (stage == RCPT)
        snprintf(line, sizeof line, "RCPT TO:<%s>\r\n", rcpt);
    else
        snprintf(line, sizeof line, "%s", lines[stage]);
    k->stage = stage;
    say(c, k, line, strlen(line));
}

static void next_message(struct crowd *c, struct crowd_client *k)
{
    k->sent = 0;
    if (++k->message < c->options.messages) {
        say_line(c, k, MAIL);
        return;
    }
    k->stage = OVER;
    c->over++;
}

// The first digit of a complete reply; 0: there is none.
static char take_reply(struct crowd_client *k)
{
    for (size_t at = 0; at + 4 < k->in.n;) {
        const char *lf = memchr(k->in.p + at, '\n', k->in.n - at);
        if (!lf)
            break;
        char digit = k->in.p[at];
        bool is_last = k->in.p[at + 3] == ' ';
        at = (size_t)(lf - k->in.p) + 1;
        if (!is_last)
            continue;
        buf_drop(&k->in, at);
        return digit;
    }
    return 0;
}

static void on_reply(struct crowd *c, struct crowd_client *k, char digit)
{
    if (digit == '4') {
        c->refused++;
        next_message(c, k);
        return;
    }
    must(digit == (k->stage == DATA ? '3' : '2'));
    switch (k->stage) {
    case GREETED:
        say_line(c, k, HELLO);
        break;
    case HELLO:
        say_line(c, k, MAIL);
        break;
    case MAIL:
        say_line(c, k, RCPT);
        break;
    case RCPT:
        say_line(c, k, DATA);
        break;
    case DATA:
        k->stage = TEXT;
        break;
    case DOT:
        c->accepted++;
        k->accepted |= UINT64_C(1) << k->message;
        next_message(c, k);
        break;
    case TEXT:
    case OVER:
        must(false);
    }
}

static void send_text(struct crowd *c, struct crowd_client *k)
{
    static char lines[PIECE];
    if (!lines[0]) {
        memset(lines, 'x', sizeof lines);
        for (size_t at = 62; at + 2 <= sizeof lines; at += 64)
            memcpy(lines + at, "\r\n", 2);
    }
    if (k->sent == 0) {
        k->sent = 64;
        say(c, k, "Subject: x\r\n\r\n", 14);
        return;
    }
    size_t end = c->options.stop_at ? c->options.stop_at : c->options.size;
    size_t left = (end - k->sent) / 64 * 64;
    if (left > 0) {
        size_t n = left < sizeof lines ? left : sizeof lines;
        k->sent += n;
        say(c, k, lines, n);
        return;
    }
    if (c->options.stop_at)
        return;
    k->stage = DOT;
    say(c, k, ".\r\n", 3);
}

// Who is not read can say nothing, whatever he has heard.
static void act(struct crowd *c, struct crowd_client *k)
{
    char digit;
    while (k->is_read && k->stage != TEXT && k->stage != OVER && (digit = take_reply(k)))
        on_reply(c, k, digit);
    if (k->stage == TEXT && k->is_read)
        send_text(c, k);
}

void crowd_run(struct crowd *c, int64_t for_ms)
{
    int64_t until = c->world->now_ms + for_ms;
    while (c->over < c->options.clients && c->world->now_ms < until) {
        for (uint32_t i = 0; i < c->options.clients; i++) {
            if (c->clients[i].conn && c->clients[i].stage != OVER)
                act(c, &c->clients[i]);
            if (c->watch)
                c->watch(c->watch_arg);
        }
        world_run(c->world, crowd_unread(c) == c->options.clients ? WAIT_MS : STEP_MS);
    }
}

uint32_t crowd_unread(const struct crowd *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->options.clients; i++)
        n += c->clients[i].conn && !c->clients[i].is_read;
    return n;
}
