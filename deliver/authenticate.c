// SPDX-License-Identifier: BSD-2-Clause
// authenticate: see authenticate.h.
#include "deliver/authenticate.h"

#include "core/must.h"
#include "core/time.h"
#include "deliver/credential.h"

#include <stdio.h>

enum {
    ROUNDS_MAX = 10,              // challenges; no mechanism has more than three
    COMMAND_MAX = 512,            // RFC 5321 4.5.3.1.4: a longer initial response has to wait
    RESPONSE_MAX = 12 * 1024 - 2, // RFC 4954 4
};

static void order(struct client *c, enum auth_step step)
{
    c->auth.order.step = step;
    c->auth.has_order = true;
}

// Secrets stay in memory no longer than they are needed.
static void wipe(struct buf *b)
{
    if (b->p)
        memset(b->p, 0, b->cap);
    buf_reset(b);
}

// ---- the end -------------------------------------------------------------------------------

// Nobody waits for the host's answer. farewell: with "*" before it where the host waits for ours.
static void leave(struct client *c, const struct outcome *why, const char *farewell)
{
    bool has_begun = c->auth.order.mechanism != NULL;
    client_lose(c, why);
    if (has_begun) {
        order(c, AUTH_STEP_REFUSED);
        c->auth.order.host = c->failure.host; // the next host may be under way when it is pulled
        c->auth.order.ip = c->failure.ip;
    }
    if (farewell)
        client_send_text(c, farewell);
}

// H3, in our own words.
static void give_up(struct client *c, const char *why)
{
    bool is_our_turn = c->auth.rounds > 0;
    classify_no_auth(why, &c->hop, &c->failure);
    leave(c, &c->failure, is_our_turn ? "*\r\nQUIT\r\n" : "QUIT\r\n");
}

// What history tells of the conversation. A name without end is left out.
static void describe(struct client *c)
{
    size_t n = c->is_protected ? strlen(c->tls) : 0, room = sizeof c->tls - n;
    const struct auth_order *o = &c->auth.order;
    const char *how = c->is_protected ? "" : "in clear";
    int used = snprintf(c->tls + n, room, "%s, %s by %s", how, o->user, o->mechanism);
    if (used < 0 || (size_t)used >= room)
        snprintf(c->tls + n, room, "%s, authenticated", how);
    c->hop.tls = c->tls;
}

static void be_accepted(struct client *c)
{
    if (!c->auth.is_complete) { // H2
        c->auth.rounds = 0;
        give_up(c, "the host says yes before it has proved that it knows the password");
        return;
    }
    describe(c);
    wipe(&c->commands);
    order(c, AUTH_STEP_ACCEPTED);
    client_be_ready(c);
}

// ---- what we say ---------------------------------------------------------------------------

static void send(struct client *c)
{
    (void)buf_add_str(&c->commands, "\r\n");
    client_send_commands(c);
    client_move(c, CLIENT_AUTH, c->settings->command_ms);
}

static void say_auth(struct client *c, struct slice initial)
{
    const struct auth_order *o = &c->auth.order;
    bool fits = strlen("AUTH ") + strlen(o->mechanism) + 1 + initial.n + 2 <= COMMAND_MAX;
    wipe(&c->commands);
    buf_add_all(&c->commands, "AUTH ", o->mechanism);
    if (o->has_initial && fits) {
        buf_add_str(&c->commands, initial.n > 0 ? " " : " ="); // RFC 4954 4
        buf_add_slice(&c->commands, initial);
    } else if (o->has_initial) {
        buf_add_slice(&c->auth.held, initial);
    }
    send(c);
}

static void say_response(struct client *c, struct slice text)
{
    wipe(&c->commands);
    buf_add_slice(&c->commands, text);
    send(c);
}

void authenticate_on_response(struct client *c, const struct auth_response *response)
{
    if (c->state != CLIENT_RESPONSE)
        return; // the answer to a question of a connection that was lost meanwhile
    c->auth.is_complete = response->is_complete;
    c->auth.is_kept = response->is_kept;
    if (response->why)
        give_up(c, response->why);
    else if (response->text.n > RESPONSE_MAX)
        give_up(c, "the secret is too long for SMTP");
    else if (c->auth.order.step == AUTH_STEP_BEGIN)
        say_auth(c, response->text);
    else
        say_response(c, response->text);
}

// ---- what the host says --------------------------------------------------------------------

static void take_challenge(struct client *c)
{
    struct slice text = slice_trim(slice_of(c->reply.text, c->reply.text_n));
    bool is_whole = c->reply.lines == 1 && c->reply.text_n < REPLY_TEXT_MAX;
    if (++c->auth.rounds > ROUNDS_MAX || !is_whole) {
        give_up(c, is_whole ? "the host does not come to an end with its challenges"
                            : "the host's challenge is too long");
        return;
    }
    if (c->auth.held.n > 0) {
        say_response(c, buf_slice(&c->auth.held));
        wipe(&c->auth.held);
        return;
    }
    buf_reset(&c->auth.challenge);
    buf_add_slice(&c->auth.challenge, text);
    c->auth.order.challenge = buf_slice(&c->auth.challenge);
    order(c, AUTH_STEP_CHALLENGE);
    client_move(c, CLIENT_RESPONSE, TIME_NEVER); // the world has its own time limits
}

// A token that was kept may have run out meanwhile: that is no refusal of us. Once.
static bool may_be_out_of_date(const struct client *c, const struct outcome *o)
{
    return c->auth.is_kept && !c->auth.order.renews && o->blocked == BLOCKED_CREDENTIALS;
}

static void begin_again(struct client *c)
{
    c->auth.rounds = 0;
    c->auth.is_complete = false;
    c->auth.order.renews = true;
    order(c, AUTH_STEP_BEGIN);
    client_move(c, CLIENT_RESPONSE, TIME_NEVER);
}

void authenticate_on_reply(struct client *c)
{
    struct outcome o;
    if (!c->reply.is_malformed && c->reply.code == 334) {
        take_challenge(c);
        return;
    }
    classify_reply(STAGE_AUTH, &c->reply, &c->hop, &o);
    if (o.result == OUTCOME_DELIVERED)
        be_accepted(c);
    else if (may_be_out_of_date(c, &o))
        begin_again(c);
    else
        leave(c, &o, !o.has_reply || c->reply.code == 421 ? NULL : "QUIT\r\n");
}

// ---- from outside --------------------------------------------------------------------------

static void take_orders_of(struct client *c, const struct credential_row *row,
                           enum auth_mechanism mechanism)
{
    c->auth.order = (struct auth_order){
        .mechanism = auth_name(mechanism),
        .user = row->user,
        .has_initial = auth_has_initial(mechanism),
        .binds = auth_binds(mechanism),
        .host = c->hop.host,
        .ip = c->hop.ip,
        .port = c->hop.port,
        .secret = {.file = row->file,
                   .words = (const char *const *)row->words,
                   .service_secret = row->service_secret,
                   .timeout_ms = row->timeout_ms,
                   .keep_ms = row->keep_ms},
    };
}

bool authenticate_begin(struct client *c)
{
    const struct credential_row *row = c->protection.credential;
    if (!row)
        return false;
    c->auth.order = (struct auth_order){.mechanism = NULL};
    c->auth.rounds = 0;
    c->auth.is_complete = false;
    const struct auth_wish wish = {
        .allowed = row->mechanisms ? row->mechanisms : AUTH_ALL,
        .is_token = row->is_token,
        .is_protected = c->is_protected,
        .has_binding = c->has_binding,
        .permits_clear = row->permits_clear,
    };
    enum auth_mechanism mechanism = auth_choose(c->caps.mechanisms, &wish);
    if (mechanism == AUTH_NONE) { // H1
        give_up(c, auth_why_none(c->caps.mechanisms, &wish));
        return true;
    }
    take_orders_of(c, row, mechanism);
    order(c, AUTH_STEP_BEGIN);
    client_move(c, CLIENT_RESPONSE, TIME_NEVER);
    return true;
}

bool authenticate_pull(struct client *c, struct session_effect *ret)
{
    if (!c->auth.has_order)
        return false;
    c->auth.has_order = false;
    ret->kind = SESSION_AUTH;
    ret->auth = &c->auth.order;
    return true;
}

void authenticate_drop(struct client *c)
{
    c->auth.has_order = false;
    wipe(&c->auth.held);
}

void authenticate_init(struct client *c)
{
    buf_init(&c->auth.held, RESPONSE_MAX);
    buf_init(&c->auth.challenge, REPLY_TEXT_MAX);
}

void authenticate_close(struct client *c)
{
    wipe(&c->auth.held);
    buf_close(&c->auth.held);
    buf_close(&c->auth.challenge);
}
