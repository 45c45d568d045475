// SPDX-License-Identifier: BSD-2-Clause
// host: a scripted next hop for the simulation. See host.h.
#include "simulate/host.h"

#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { HOST_BUFFER = 64 * 1024 * 1024 };

struct host *host_new(const char *ip)
{
    struct host *h = must_zalloc(sizeof *h);
    h->ip = must_strdup(ip);
    return h;
}

static struct host_conn *begin(struct host *h, uint64_t conn, enum host_state state)
{
    struct host_conn *c = must_zalloc(sizeof *c);
    c->host = h;
    c->conn = conn;
    c->state = state;
    buf_init(&c->in, HOST_BUFFER);
    buf_init(&c->out, HOST_BUFFER);
    buf_init(&c->content, HOST_BUFFER);
    buf_init(&c->rcpts, HOST_BUFFER);
    h->connections++;
    if (++h->connections_open > h->connections_peak)
        h->connections_peak = h->connections_open;
    return c;
}

struct host_conn *host_conn_folder(struct host *h, uint64_t conn,
                                   const struct handover_order *order)
{
    struct host_conn *c = begin(h, conn, HOST_UP);
    c->is_folder = true;
    c->sender = must_strdup(order->sender);
    buf_add_str(&c->rcpts, order->rcpt);
    return c;
}

struct host_conn *host_conn_new(struct host *h, uint64_t conn, enum host_state state)
{
    struct host_conn *c = begin(h, conn, state);
    if (state == HOST_BUSY) {
        buf_add_str(&c->out, "421 4.3.2 busy\r\n");
        c->wants_close = true;
    } else if (state == HOST_BARRED) {
        buf_add_str(&c->out, "554 5.7.1 go away\r\n");
    } else if (state != HOST_SILENT) {
        buf_add_str(&c->out, "220 host ESMTP\r\n");
    }
    return c;
}

static void reset(struct host_conn *c)
{
    free(c->sender);
    c->sender = NULL;
    c->rcpt_count = 0;
    buf_reset(&c->rcpts);
    buf_reset(&c->content);
}

void host_conn_leave(struct host_conn *c)
{
    c->host->connections_open -= !c->is_left;
    c->is_left = true;
}

void host_conn_free(struct host_conn *c)
{
    host_conn_leave(c);
    reset(c);
    buf_close(&c->in);
    buf_close(&c->out);
    buf_close(&c->content);
    buf_close(&c->rcpts);
    free(c);
}

static void forget(struct host_message *m)
{
    free(m->sender);
    free(m->rcpts);
    free(m->content);
    free(m);
}

void host_free(struct host *h)
{
    while (h->received) {
        struct host_message *m = h->received;
        h->received = m->next;
        forget(m);
    }
    free(h->ip);
    free(h);
}

void host_conn_take(struct host_conn *c, int64_t now_ms)
{
    struct host_message *m = must_zalloc(sizeof *m);
    m->sender = must_strdup(c->sender ? c->sender : "");
    m->rcpts = must_memdup(c->rcpts.p ? c->rcpts.p : "", c->rcpts.n);
    m->content = must_memdup(c->content.p ? c->content.p : "", c->content.n);
    m->size = c->content.n;
    m->at_ms = now_ms;
    m->state = c->state;
    c->host->received_count++;
    c->host->received_in_tls += c->in_tls;
    c->host->received_known += c->is_known;
    if (c->host->took)
        c->host->took(c->host, m, c->host->watch_arg);
    if (c->host->keeps_nothing) {
        forget(m);
        return;
    }
    m->next = c->host->received;
    c->host->received = m;
}

// RFC 2033 4.2: each recipient has an answer of its own.
static void answer_data(struct host_conn *c, const char *answer)
{
    for (uint32_t i = 0; i < (c->is_lmtp ? c->rcpt_count : 1); i++)
        buf_add_str(&c->out, answer);
}

static void end_of_data(struct host_conn *c, int64_t now_ms)
{
    c->in_data = false;
    if (c->host->pace == PACE_SLOW_DOT)
        c->delay_ms = c->host->slow_ms;
    switch (c->state) {
    case HOST_REFUSE:
        answer_data(c, "554 5.7.1 not wanted\r\n");
        break;
    case HOST_TEMP:
        answer_data(c, "451 4.3.0 not now\r\n");
        break;
    case HOST_LOST:
        host_conn_take(c, now_ms);
        c->wants_reset = true;
        break;
    default:
        host_conn_take(c, now_ms);
        answer_data(c, "250 2.0.0 taken\r\n");
        c->wants_close = c->state == HOST_ONCE;
    }
    reset(c);
}

static struct slice path_of(struct slice line)
{
    const char *from = memchr(line.p, '<', line.n);
    const char *to = from ? memchr(from, '>', line.n - (size_t)(from - line.p)) : NULL;
    return to ? (struct slice){from + 1, (size_t)(to - from - 1)} : SLICE_LIT("");
}

static void rcpt(struct host_conn *c, struct slice line, int64_t now_ms)
{
    const struct host *h = c->host;
    const char *answer = h->judge ? h->judge(h, path_of(line), now_ms, h->watch_arg) : NULL;
    if (answer) {
        buf_add_all(&c->out, answer, "\r\n");
        return;
    }
    switch (c->state) {
    case HOST_GREYLIST:
        buf_add_str(&c->out, "450 4.7.1 greylisted, come back later\r\n");
        return;
    case HOST_REJECT:
        buf_add_str(&c->out, "550 5.1.1 no such user\r\n");
        return;
    case HOST_FULL:
        buf_add_str(&c->out, "452 4.2.2 mailbox full\r\n");
        return;
    case HOST_AUTH:
    case HOST_AUTH_REFUSE:
        if (c->is_known)
            break;
        buf_add_str(&c->out, "503 5.5.1 need MAIL\r\n");
        return;
    case HOST_NO_RELAY:
        buf_add_str(&c->out, "554 5.7.1 relay access denied\r\n");
        return;
    default:
        break;
    }
    if (c->rcpt_count++ > 0)
        buf_add_byte(&c->rcpts, ' ');
    buf_add_slice(&c->rcpts, path_of(line));
    buf_add_str(&c->out, "250 2.1.5 ok\r\n");
}

static bool offers_tls(const struct host_conn *c)
{
    bool by_state = c->state >= HOST_TLS && c->state <= HOST_TLS_EXPIRED;
    return !c->in_tls && (by_state || c->host->has_tls);
}

const char *host_conn_shake_hands(struct host_conn *c, bool must_verify)
{
    c->host->handshakes++;
    if (c->state == HOST_TLS_BROKEN)
        return "handshake failure";
    if (c->state == HOST_TLS_EXPIRED && must_verify)
        return "certificate has expired";
    c->in_tls = true;
    return NULL;
}

static void answer_auth(struct host_conn *c)
{
    c->in_auth = false;
    c->is_known = c->state != HOST_AUTH_REFUSE;
    buf_add_str(&c->out, c->is_known ? "235 2.7.0 welcome\r\n" : "535 5.7.8 not you\r\n");
}

// All mechanisms are the same to it: it asks for something where nothing came along.
static void auth(struct host_conn *c, struct slice mechanism)
{
    c->in_auth = !memchr(mechanism.p, ' ', mechanism.n);
    if (c->in_auth)
        buf_add_str(&c->out, "334 \r\n");
    else
        answer_auth(c);
}

static bool wants_to_know(const struct host_conn *c)
{
    return (c->state == HOST_AUTH || c->state == HOST_AUTH_REFUSE) && !c->is_known;
}

static void command(struct host_conn *c, struct slice line, int64_t now_ms)
{
    bool is_lhlo = slice_starts_nocase(line, SLICE_LIT("LHLO"));
    if (is_lhlo || slice_starts_nocase(line, SLICE_LIT("EHLO"))) {
        c->is_lmtp = is_lhlo;
        struct slice name = slice_trim(slice_from(line, 4));
        snprintf(c->host->helo, sizeof c->host->helo, "%.*s", (int)name.n, name.p);
        buf_add_str(&c->out, offers_tls(c) ? "250-host\r\n250-STARTTLS\r\n" : "250-host\r\n");
        buf_add_str(&c->out, "250-PIPELINING\r\n250-8BITMIME\r\n250-AUTH SCRAM-SHA-256 PLAIN LOGIN "
                             "CRAM-MD5 OAUTHBEARER XOAUTH2\r\n250 SIZE 104857600\r\n");
    } else if (slice_starts_nocase(line, SLICE_LIT("MAIL"))) {
        must(c->sender == NULL); // the client never nests transactions
        if (wants_to_know(c)) {
            buf_add_str(&c->out, "530 5.7.0 authentication required\r\n");
            return;
        }
        struct slice path = path_of(line);
        c->sender = must_memdup(path.p, path.n);
        if (c->host->pace == PACE_SLOW_MAIL)
            c->delay_ms = c->host->slow_ms;
        buf_add_str(&c->out, "250 2.1.0 ok\r\n");
    } else if (slice_starts_nocase(line, SLICE_LIT("RCPT"))) {
        rcpt(c, line, now_ms);
    } else if (slice_starts_nocase(line, SLICE_LIT("DATA"))) {
        c->in_data = c->rcpt_count > 0;
        buf_add_str(&c->out, c->in_data ? "354 go on\r\n" : "554 5.5.1 no valid recipients\r\n");
        if (!c->in_data)
            reset(c);
    } else if (slice_starts_nocase(line, SLICE_LIT("AUTH "))) {
        auth(c, slice_from(line, 5));
    } else if (slice_starts_nocase(line, SLICE_LIT("STARTTLS"))) {
        buf_add_str(&c->out, "220 2.0.0 go on\r\n");
    } else if (slice_starts_nocase(line, SLICE_LIT("QUIT"))) {
        buf_add_str(&c->out, "221 2.0.0 bye\r\n");
        if (c->host->pace == PACE_SLOW_QUIT)
            c->delay_ms = c->host->slow_ms;
        c->wants_close = true;
    } else {
        reset(c);
        buf_add_str(&c->out, "250 2.0.0 ok\r\n");
    }
}

static void line_of_data(struct host_conn *c, struct slice line, int64_t now_ms)
{
    if (line.n == 1 && line.p[0] == '.') {
        end_of_data(c, now_ms);
        return;
    }
    if (line.n > 0 && line.p[0] == '.')
        line = slice_from(line, 1);
    buf_add_slice(&c->content, line);
    buf_add_str(&c->content, "\r\n");
}

void host_conn_bytes(struct host_conn *c, struct slice bytes, int64_t now_ms)
{
    if (c->state == HOST_SILENT || c->state == HOST_BUSY)
        return;
    if (c->is_folder) {
        must(buf_add_slice(&c->content, bytes) == FP_OK);
        return;
    }
    must(buf_add_slice(&c->in, bytes) == FP_OK);
    size_t at = 0;
    while (!c->wants_close && !c->wants_reset) {
        const char *end = memmem(c->in.p + at, c->in.n - at, "\r\n", 2);
        if (!end)
            break;
        struct slice line = {c->in.p + at, (size_t)(end - (c->in.p + at))};
        at += line.n + 2;
        if (c->in_data)
            line_of_data(c, line, now_ms);
        else if (c->in_auth)
            answer_auth(c);
        else
            command(c, line, now_ms);
    }
    buf_drop(&c->in, at);
}

uint32_t host_count_to(const struct host *h, const char *rcpt)
{
    uint32_t n = 0;
    for (const struct host_message *m = h->received; m; m = m->next)
        n += strstr(m->rcpts, rcpt) != NULL;
    return n;
}

uint32_t host_count_notices(const struct host *h, const char *action, const char *about)
{
    uint32_t n = 0;
    for (const struct host_message *m = h->received; m; m = m->next) {
        const char *id = strcasestr(m->content, "\r\nMessage-ID:");
        if (m->sender[0] || !id || !strstr(m->content, action) || !strstr(m->content, about))
            continue;
        size_t size = strcspn(id + 2, "\r");
        bool seen = false;
        for (const struct host_message *o = h->received; o != m; o = o->next) {
            const char *other = strcasestr(o->content, "\r\nMessage-ID:");
            seen |= other && strncmp(other, id, size + 2) == 0;
        }
        n += !seen;
    }
    return n;
}
