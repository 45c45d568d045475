// SPDX-License-Identifier: BSD-2-Clause
// client: what a reply means in each state. See client.h.
#include "deliver/client_state.h"

#include "core/must.h"
#include "core/time.h"
#include "deliver/authenticate.h"
#include "deliver/chunking.h"
#include "deliver/deadline.h"
#include "deliver/handover.h"
#include "deliver/lmtp.h"
#include "deliver/requiretls.h"
#include "deliver/smtputf8.h"

#include <stdio.h>

// True when the reply ends the connection: 421 and whatever else is the host's failure, and what is
// no proper reply to the command at all. A relay that refuses us may still take what others send.
static bool is_lost_by(struct client *c, const struct outcome *o)
{
    if (o->has_reply && o->scope != SCOPE_HOST)
        return false;
    client_lose(c, o);
    return true;
}

static bool is_positive(const struct outcome *o)
{
    return o->result == OUTCOME_DELIVERED;
}

static void classify(struct client *c, struct outcome *ret)
{
    classify_reply(client_stage(c), &c->reply, &c->hop, ret);
}

// ---- greeting ------------------------------------------------------------------------------

static void send_hello(struct client *c, const char *verb, enum client_state state)
{
    char line[600];
    snprintf(line, sizeof line, "%s %.*s\r\n", verb, 500, c->settings->hostname);
    client_send_text(c, line);
    client_move(c, state, c->settings->command_ms);
}

void client_send_hello(struct client *c)
{
    send_hello(c, c->hop.is_lmtp ? "LHLO" : "EHLO", CLIENT_EHLO);
}

// The host will not talk to us. RFC 5321 3.1 wants a QUIT even so; nobody waits for its answer.
static void leave(struct client *c, const struct outcome *why)
{
    bool is_421 = c->reply.code == 421 || !why->has_reply;
    client_lose(c, why);
    if (!is_421)
        client_send_text(c, "QUIT\r\n");
}

static void on_greeting(struct client *c)
{
    classify(c, &c->failure);
    if (is_positive(&c->failure))
        client_send_hello(c);
    else
        leave(c, &c->failure);
}

void client_be_ready(struct client *c)
{
    client_move(c, CLIENT_READY, TIME_NEVER);
    c->news = NEWS_READY;
}

// As well protected as it will be.
static void be_known(struct client *c)
{
    if (!authenticate_begin(c))
        client_be_ready(c);
}

static void leave_without_tls(struct client *c, const struct reply_parser *refusal)
{
    classify_no_tls(refusal, &c->hop, &c->failure);
    client_lose(c, &c->failure);
    client_send_text(c, "QUIT\r\n");
}

// The host has said what it can do.
static void on_greeted(struct client *c)
{
    c->caps.has_requiretls &= c->is_protected; // RFC 8689 2: in clear it is no offer
    if (c->is_protected || c->protection.policy == PROTECT_NONE) {
        be_known(c);
    } else if (c->caps.has_starttls) {
        client_send_text(c, "STARTTLS\r\n");
        client_move(c, CLIENT_STARTTLS, c->settings->command_ms);
    } else if (c->protection.policy == PROTECT_MAY) {
        be_known(c);
    } else {
        leave_without_tls(c, NULL);
    }
}

static void on_starttls(struct client *c)
{
    classify(c, &c->failure);
    if (is_positive(&c->failure))
        client_begin_handshake(c);
    else if (!c->failure.has_reply || c->reply.code == 421)
        leave(c, &c->failure);
    else if (c->protection.policy == PROTECT_MAY)
        be_known(c); // RFC 3207 4.1: it is ours to decide
    else
        leave_without_tls(c, &c->reply);
}

static void on_hello(struct client *c)
{
    classify(c, &c->failure);
    if (is_positive(&c->failure)) {
        if (c->state == CLIENT_EHLO)
            ehlo_parse(&c->reply, &c->caps);
        on_greeted(c);
    } else if (c->state == CLIENT_EHLO && !c->hop.is_lmtp && c->failure.has_reply &&
               c->reply.code / 100 == 5) {
        c->hop.was_helo = true;
        send_hello(c, "HELO", CLIENT_HELO); // RFC 5321 3.2
    } else {
        leave(c, &c->failure);
    }
}

// ---- envelope ------------------------------------------------------------------------------

static void finish(struct client *c)
{
    client_move(c, CLIENT_READY, TIME_NEVER);
    c->tally = NULL;
    c->is_reused = true;
    client_end_body(c);
    c->news = NEWS_DONE;
}

static void send_group(struct client *c)
{
    must(c->slice_count == 0);
    buf_reset(&c->commands);
    envelope_add_group(&c->envelope, &c->commands);
    client_send_commands(c);
}

void client_begin(struct client *c, struct tally *tally, int64_t now_ms)
{
    const struct session_batch *batch = tally->batch;
    must(client_is_ready(c));
    c->now_ms = now_ms;
    c->tally = tally;
    c->was_answered = c->mail_refused = c->rcpt_was_taken = c->dot_delivered = false;
    c->dot_rcpt = c->dot_told = c->chunks_open = 0;
    c->broke_signature = false;
    if (c->hop.order) {
        handover_begin(c);
        return;
    }
    envelope_begin(&c->envelope, tally, &c->caps, c->needs_rset, chunking_is_wanted(c));
    client_move(c, CLIENT_ENVELOPE, c->settings->command_ms);
    if (c->caps.size_max > 0 && batch->size > c->caps.size_max) {
        classify_too_big(batch->size, c->caps.size_max, &c->hop, tally_settle(tally));
        finish(c);
        return;
    }
    bool is_narrow = batch->is_8bit && !c->caps.has_8bitmime;
    c->converts = is_narrow && c->settings->eight_bit == EIGHT_BIT_CONVERT;
    if (is_narrow && c->settings->eight_bit == EIGHT_BIT_BOUNCE) {
        classify_no_8bit(&c->hop, tally_settle(tally));
        finish(c);
        return;
    }
    c->envelope.now_ms = c->now_ms;
    if (requiretls_refuse(c, tally) || smtputf8_refuse(tally, &c->caps, &c->hop) ||
        deadline_refuse(tally, &c->caps, &c->hop, c->now_ms)) {
        finish(c);
        return;
    }
    send_group(c);
}

static void on_mail(struct client *c)
{
    struct outcome o;
    classify(c, &o);
    if (is_lost_by(c, &o))
        return;
    c->was_answered = true;
    c->needs_rset = is_positive(&o);
    if (!is_positive(&o)) {
        c->mail_refused = true;
        *tally_settle(c->tally) = o;
    }
}

static void on_rcpt(struct client *c)
{
    uint32_t i = c->envelope.answered.rcpt;
    if (!c->reply.is_malformed && c->reply.code / 100 == 2) {
        c->rcpt_was_taken = true;
        if (!c->mail_refused)
            tally_accept(c->tally, i);
        return;
    }
    struct outcome o;
    classify(c, &o);
    if (!is_lost_by(c, &o) &&
        !c->mail_refused) // after a refused MAIL, 503 says nothing of the recipient
        tally_refuse(c->tally, i, &o);
}

// 354 although nobody was accepted, which only a pipelined DATA can meet: RFC 2920 3.1 wants a lone
// dot. Not where the host took a recipient after refusing MAIL: an empty message might arrive. Nor
// by LMTP, where a host that says so cannot be asked how many replies will follow.
static void on_void_go_ahead(struct client *c)
{
    if (c->rcpt_was_taken || c->hop.is_lmtp) {
        finish(c);
        client_drop(c);
        return;
    }
    client_send_text(c, ".\r\n");
    client_move(c, CLIENT_VOID, c->settings->dot_ms);
}

static void settle_unless_done(struct client *c, const struct outcome *o)
{
    if (!c->tally->is_settled)
        *tally_settle(c->tally) = *o;
}

static void on_data(struct client *c)
{
    bool is_void = c->mail_refused || c->tally->accepted_count == 0;
    struct outcome o;
    classify(c, &o);
    if (is_lost_by(c, &o))
        return;
    if (is_void)
        settle_unless_done(c, &o); // all have refusals of their own: nobody reads this one
    if (is_positive(&o) && is_void) {
        on_void_go_ahead(c);
    } else if (is_positive(&o)) {
        client_begin_body(c);
    } else {
        settle_unless_done(c, &o);
        finish(c);
    }
}

static void go_on(struct client *c)
{
    bool has_all = c->envelope.sent.step == STEP_END, is_chunked = c->envelope.is_chunked;
    bool are_asked = has_all || c->envelope.sent.step == STEP_DATA;
    bool is_hopeless = c->mail_refused || (are_asked && c->tally->accepted_count == 0);
    client_wait(c, client_stage(c) == STAGE_DATA ? c->settings->data_ms : c->settings->command_ms);
    if (!envelope_is_answered(&c->envelope))
        return;
    must(!has_all || is_chunked);
    if (!is_hopeless) {
        if (has_all)
            client_begin_body(c);
        else
            send_group(c);
        return;
    }
    if (!c->tally->is_settled)
        tally_settle(c->tally)->result = OUTCOME_DEFERRED; // all have refusals of their own
    finish(c);
}

static void on_envelope(struct client *c)
{
    switch (c->envelope.answered.step) {
    case STEP_RSET:
        if (c->reply.is_malformed || c->reply.code / 100 != 2)
            client_lose_by(c, FAULT_GARBAGE, "RSET refused");
        c->needs_rset = false;
        break;
    case STEP_MAIL:
        on_mail(c);
        break;
    case STEP_RCPT:
        on_rcpt(c);
        break;
    case STEP_DATA:
        envelope_advance(&c->envelope);
        on_data(c);
        return;
    case STEP_END:
        must_never("a reply nobody waits for");
    }
    if (c->state == CLIENT_ENVELOPE) {
        envelope_advance(&c->envelope);
        go_on(c);
    }
}

// ---- content -------------------------------------------------------------------------------

// The host speaks while content goes out. A refusal that comes early is its right to say and ours
// to keep as the reason; the transaction cannot be ended cleanly any more, so nobody is accepted.
static void on_early_reply(struct client *c)
{
    classify(c, &c->failure);
    client_lose(c, &c->failure);
}

// LMTP ends at a mailbox.
void client_note_onward(const struct client *c, struct outcome *o)
{
    if (!c->hop.is_lmtp && deadline_is_told(c->tally->batch, &c->caps)) {
        o->onward = ONWARD_TRACED;
        return;
    }
    o->onward = c->caps.has_dsn ? ONWARD_PROMISED : c->hop.is_lmtp ? ONWARD_FINAL : ONWARD_RELAYED;
}

static void on_dot(struct client *c)
{
    struct outcome o;
    if (c->hop.is_lmtp) {
        if (!lmtp_on_dot(c))
            return;
        c->needs_rset = false;
        finish(c);
        return;
    }
    classify(c, &o);
    if (is_lost_by(c, &o))
        return;
    c->needs_rset = false;
    c->delivered_count += is_positive(&o);
    client_note_onward(c, &o);
    *tally_settle(c->tally) = o;
    finish(c);
}

static void on_void(struct client *c)
{
    struct outcome o;
    classify_reply(STAGE_DOT, &c->reply, &c->hop, &o);
    c->needs_rset = false;
    finish(c);
    if (!o.has_reply || o.scope == SCOPE_HOST)
        client_drop(c);
}

void client_on_reply(struct client *c)
{
    switch (c->state) {
    case CLIENT_GREETING:
        on_greeting(c);
        break;
    case CLIENT_EHLO:
    case CLIENT_HELO:
        on_hello(c);
        break;
    case CLIENT_STARTTLS:
        on_starttls(c);
        break;
    case CLIENT_AUTH:
        authenticate_on_reply(c);
        break;
    case CLIENT_ENVELOPE:
        on_envelope(c);
        break;
    case CLIENT_BODY:
    case CLIENT_DOT:
        if (chunking_awaits(c))
            chunking_on_reply(c);
        else if (c->state == CLIENT_BODY)
            on_early_reply(c);
        else
            on_dot(c);
        break;
    case CLIENT_VOID:
        on_void(c);
        break;
    case CLIENT_QUIT:
        client_drop(c);
        c->news = NEWS_BYE;
        break;
    case CLIENT_CLOSED:
    case CLIENT_HANDSHAKE:
    case CLIENT_RESPONSE:
    case CLIENT_READY:
    case CLIENT_STATE_COUNT:
        must_never("a reply in a state that takes none");
    }
}
