// SPDX-License-Identifier: BSD-2-Clause
// session: ties plan (whom to call), client (how to talk) and tally (what came of it) together. See
// session.h.
//
// Effects are not queued: what is to be pulled follows from the flags below, in the order of
// session_pull. So nothing can be forgotten in a queue, and a batch costs no allocation here.
#include "deliver/lmtp.h"
#include "deliver/session_state.h"

#include "core/must.h"
#include "core/time.h"

#include <stdlib.h>

#define M(state) (1u << (state))

static const unsigned allowed[STATE_COUNT] = {
    [STATE_IDLE] = M(STATE_RESOLVING) | M(STATE_CONNECTING) | M(STATE_TALKING) | M(STATE_IDLE) |
                   M(STATE_CLOSING) | M(STATE_ENDED),
    [STATE_RESOLVING] = M(STATE_RESOLVING) | M(STATE_CONNECTING) | M(STATE_TALKING) |
                        M(STATE_IDLE) | M(STATE_ENDED),
    [STATE_CONNECTING] = M(STATE_CONNECTING) | M(STATE_RESOLVING) | M(STATE_TALKING) |
                         M(STATE_IDLE) | M(STATE_ENDED),
    [STATE_TALKING] = M(STATE_IDLE) | M(STATE_RESOLVING) | M(STATE_CONNECTING) | M(STATE_ENDED),
    [STATE_CLOSING] = M(STATE_ENDED),
    [STATE_ENDED] = 0,
};

static void move_to(struct session *s, enum session_state to)
{
    must(allowed[s->state] & M(to));
    s->state = to;
}

struct session *session_new(const struct session_settings *settings, const struct target *targets,
                            uint32_t target_count, const char *domain, uint64_t seed)
{
    struct session *s = must_zalloc(sizeof *s);
    s->settings = *settings;
    s->seed = seed;
    guard_init(&s->guard, settings->protect, settings->credentials);
    plan_init(&s->plan, &s->settings, targets, target_count, domain);
    client_init(&s->client, &s->settings);
    return s;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    plan_close(&s->plan);
    client_close(&s->client);
    tally_close(&s->tally);
    guard_close(&s->guard);
    free(s);
}

void session_set_domain(struct session *s, const char *domain)
{
    must(s->state == STATE_IDLE);
    plan_set_domain(&s->plan, domain);
    guard_forget_policy(&s->guard);
}

// ---- the end of a batch and of the session -------------------------------------------------

static void disconnect(struct session *s)
{
    if (s->client.state != CLIENT_CLOSED) // else it may still have a QUIT to hand out
        client_drop(&s->client);
    s->needs_connect = false;
    s->needs_disconnect |= s->is_open;
    s->is_open = false;
}

static void end(struct session *s)
{
    disconnect(s);
    move_to(s, STATE_ENDED);
    s->has_ended = true;
}

static void say_quit(struct session *s)
{
    const struct session_event quit = {.kind = SESSION_QUIT, .now_ms = s->now_ms};
    client_feed(&s->client, &quit);
    move_to(s, STATE_CLOSING);
}

static void finish_batch(struct session *s)
{
    must(s->tally.is_settled);
    s->times.done_ms = s->now_ms;
    s->has_results = true;
    s->next_outcome = 0;
    move_to(s, STATE_IDLE);
    if (!client_is_ready(&s->client))
        end(s);
    else if (s->wants_quit)
        say_quit(s);
}

// ---- finding somebody to talk to -----------------------------------------------------------

static void connect_plain_or_not(struct session *s, bool in_clear)
{
    move_to(s, STATE_CONNECTING);
    s->is_in_clear = in_clear;
    s->needs_connect = true;
    s->connect_deadline_ms = s->now_ms + s->settings.connect_ms;
}

// False: not yet, or not that one.
static bool may_connect(struct session *s)
{
    struct outcome why;
    s->needs_policy = s->awaits_policy = guard_wants_policy(&s->guard, &s->plan);
    s->is_reusing = false;
    if (s->awaits_policy) {
        move_to(s, STATE_RESOLVING);
        return false;
    }
    if (guard_allows(&s->guard, &s->plan, &why))
        return true;
    plan_note_failure(&s->plan, &why);
    plan_next_host(&s->plan);
    return false;
}

static void follow_plan(struct session *s)
{
    while (s->plan.state == PLAN_ADDRESS && !may_connect(s))
        if (s->awaits_policy)
            return;
    switch (s->plan.state) {
    case PLAN_ASKING:
        move_to(s, STATE_RESOLVING);
        return;
    case PLAN_ADDRESS:
        connect_plain_or_not(s, false);
        return;
    case PLAN_OVER:
        must(s->plan.has_failure);
        *tally_settle(&s->tally) = s->plan.failure;
        finish_batch(s);
        return;
    case PLAN_IDLE:
    case PLAN_STATE_COUNT:
        break;
    }
    must_never("a plan that was not begun");
}

static void start_plan(struct session *s)
{
    plan_set_mail(&s->plan, s->tally.batch->sender, s->tally.batch->rcpts,
                  s->tally.batch->rcpt_count);
    guard_forget_policy(&s->guard);
    plan_set_last(&s->plan, s->tally.batch->last);
    plan_begin(&s->plan, s->seed++, s->now_ms);
    follow_plan(s);
}

static void on_connect_failed(struct session *s, enum deliver_fault fault, const char *detail)
{
    struct outcome o;
    families_note_fault(s->settings.families, s->plan.hop.ip, fault, s->now_ms);
    classify_fault(STAGE_CONNECT, fault, detail, &s->plan.hop, &o);
    plan_note_failure(&s->plan, &o);
    plan_next_address(&s->plan);
    follow_plan(s);
}

// ---- talking -------------------------------------------------------------------------------

// TLS failed where it is not required: the same address, in clear. Nothing of the batch was said
// yet.
static bool falls_back(struct session *s, const struct outcome *why)
{
    if (why->klass != CLASS_TLS || s->client.protection.policy != PROTECT_MAY ||
        credential_wants_tls(s->client.protection.credential))
        return false;
    if (s->settings.fallback)
        fallback_note(s->settings.fallback, s->plan.hop.host, s->now_ms);
    connect_plain_or_not(s, true);
    return true;
}

// The connection broke with a batch under way, or the host does not want us.
static void on_lost(struct session *s)
{
    const struct outcome *why = &s->client.failure;
    disconnect(s);
    if (!s->tally.is_settled && (s->body_began || tally_is_refused(&s->tally)))
        *tally_settle(&s->tally) = *why; // C3, or nobody is left to ask for
    if (s->tally.is_settled) {
        finish_batch(s);
        return;
    }
    if (s->client.is_reused && !s->client.was_answered && !s->has_reopened) {
        s->has_reopened = true;
        start_plan(s);
        return;
    }
    if (falls_back(s, why))
        return;
    guard_explain(&s->guard, &s->client.failure);
    plan_note_failure(&s->plan, why);
    // The host spoke for all of its addresses.
    if (why->has_reply || why->klass == CLASS_TLS || why->klass == CLASS_AUTH)
        plan_next_host(&s->plan);
    else
        plan_next_address(&s->plan);
    follow_plan(s);
}

static void follow_client(struct session *s)
{
    switch (client_take_news(&s->client)) {
    case NEWS_NONE:
        break;
    case NEWS_READY:
        s->times.ready_ms = s->now_ms;
        tally_restart(&s->tally);
        client_begin(&s->client, &s->tally, s->now_ms);
        follow_client(s); // the message may be larger than the host takes
        break;
    case NEWS_DONE:
        if (!client_is_ready(&s->client))
            disconnect(s);
        finish_batch(s);
        break;
    case NEWS_LOST:
        if (s->state == STATE_IDLE || s->awaits_policy)
            disconnect(s);
        else
            on_lost(s);
        break;
    case NEWS_BYE:
        end(s);
        break;
    }
}

static void on_connected(struct session *s)
{
    s->times.connected_ms = s->now_ms;
    struct client_protection protection;
    families_note_reached(s->settings.families, s->plan.hop.ip);
    guard_connected(&s->guard, &s->plan, s->is_in_clear, s->settings.fallback, s->now_ms,
                    &protection);
    client_connected(&s->client, &s->plan.hop, &protection, s->now_ms);
    move_to(s, STATE_TALKING);
    follow_client(s); // a folder says nothing first
}

// ---- batches -------------------------------------------------------------------------------

static void talk(struct session *s)
{
    move_to(s, STATE_TALKING);
    client_begin(&s->client, &s->tally, s->now_ms);
    follow_client(s);
}

// It may have been made for another domain.
static void use_connection(struct session *s)
{
    s->times.connected_ms = s->times.ready_ms = s->now_ms;
    s->is_reusing = guard_wants_policy_again(&s->guard, &s->plan);
    s->needs_policy = s->awaits_policy = s->is_reusing;
    if (s->awaits_policy)
        move_to(s, STATE_RESOLVING);
    else
        talk(s);
}

static void on_batch(struct session *s, const struct session_batch *batch)
{
    must(s->state == STATE_IDLE && !s->has_results);
    tally_begin(&s->tally, batch);
    s->has_reopened = s->body_began = false;
    s->plan.miss_count = 0;
    s->guard.traits = batch->traits;
    s->times = (struct session_times){.started_ms = s->now_ms};
    if (tally_refuse_unspeakable(&s->tally)) {
        finish_batch(s);
    } else if (client_is_ready(&s->client)) {
        use_connection(s);
    } else {
        start_plan(s);
    }
}

static void on_quit(struct session *s)
{
    s->wants_quit = true;
    if (s->state != STATE_IDLE)
        return; // a batch is under way: then
    if (client_is_ready(&s->client))
        say_quit(s);
    else
        end(s);
}

static void give_up(struct session *s, const char *why)
{
    bool is_talking = s->state == STATE_TALKING;
    if (s->tally.batch && !s->tally.is_settled)
        classify_local(is_talking ? client_stage(&s->client) : STAGE_CONNECT, why,
                       is_talking ? &s->client.hop : NULL, tally_settle(&s->tally));
    bool has_batch = s->tally.batch && !s->has_results;
    s->needs_policy = false;
    disconnect(s);
    if (has_batch)
        finish_batch(s);
    else
        end(s);
}

// ---- events --------------------------------------------------------------------------------

static void on_timer(struct session *s, const struct session_event *event)
{
    if (s->state != STATE_CONNECTING) {
        client_feed(&s->client, event);
        follow_client(s);
    } else if (s->now_ms >= s->connect_deadline_ms) {
        disconnect(s);
        on_connect_failed(s, FAULT_TIMEOUT, "");
    }
}

static void on_answer(struct session *s, const struct session_event *event)
{
    if (s->state != STATE_RESOLVING || s->awaits_policy)
        return;
    plan_answer(&s->plan, event->answer_name, event->answer);
    follow_plan(s);
}

static void on_policy(struct session *s, const struct session_event *event)
{
    if (s->state != STATE_RESOLVING || !s->awaits_policy)
        return;
    s->awaits_policy = false;
    guard_take_policy(&s->guard, event->policy);
    if (!s->is_reusing) {
        follow_plan(s);
    } else if (client_is_ready(&s->client) && guard_meets_policy(&s->guard, s->client.hop.host)) {
        talk(s);
    } else {
        disconnect(s);
        start_plan(s);
    }
}

// Before anything was sent the next target may do.
static void on_result(struct session *s, const struct session_event *event)
{
    if (s->state == STATE_TALKING) {
        client_feed(&s->client, event);
        follow_client(s);
    } else if (s->state == STATE_CONNECTING && s->plan.hop.order) {
        struct outcome o;
        classify_handover(s->plan.hop.order, event->result, &o);
        disconnect(s);
        if (event->result->fault == HANDOVER_DONE) { // it wanted to read nothing
            *tally_settle(&s->tally) = o;
            finish_batch(s);
            return;
        }
        plan_note_failure(&s->plan, &o);
        plan_next_host(&s->plan);
        follow_plan(s);
    }
}

void session_feed(struct session *s, const struct session_event *event)
{
    if (s->state == STATE_ENDED)
        return;
    s->now_ms = event->now_ms;
    switch (event->kind) {
    case SESSION_BATCH:
        on_batch(s, event->batch);
        break;
    case SESSION_ANSWER:
        on_answer(s, event);
        break;
    case SESSION_POLICY:
        on_policy(s, event);
        break;
    case SESSION_CONNECTED:
        if (s->state == STATE_CONNECTING)
            on_connected(s);
        break;
    case SESSION_CONNECT_FAILED:
        if (s->state == STATE_CONNECTING) {
            s->is_open = false; // nothing to close
            on_connect_failed(s, event->fault, event->detail);
        }
        break;
    case SESSION_TIMER:
        on_timer(s, event);
        break;
    case SESSION_RESULT:
        on_result(s, event);
        break;
    case SESSION_CROWDED:
    case SESSION_TLS_READY:
    case SESSION_AUTH_RESPONSE:
    case SESSION_BYTES:
    case SESSION_EOF:
    case SESSION_RESET:
    case SESSION_BODY:
    case SESSION_SENT:
        client_feed(&s->client, event);
        follow_client(s);
        break;
    case SESSION_BODY_FAILED:
        if (s->state == STATE_TALKING && client_stage(&s->client) == STAGE_BODY)
            give_up(s, "the message cannot be read from the spool");
        break;
    case SESSION_QUIT:
        on_quit(s);
        break;
    case SESSION_ABORT:
        give_up(s, "attempt cut short by shutdown");
        break;
    }
}

// ---- effects -------------------------------------------------------------------------------

static bool pull_plan(struct session *s, struct session_effect *ret)
{
    if (s->needs_connect) {
        s->needs_connect = false;
        s->is_open = true;
        plan_call(&s->plan, ret);
        ret->outcome = s->is_in_clear ? &s->client.failure : NULL;
        return true;
    }
    if (s->needs_policy) {
        s->needs_policy = false;
        ret->kind = SESSION_ASK_POLICY;
        ret->name = s->plan.domain;
        return true;
    }
    ret->kind = SESSION_LOOKUP;
    return s->state == STATE_RESOLVING && !s->awaits_policy &&
           plan_pull_question(&s->plan, &ret->name, &ret->type);
}

static void pull_done(struct session *s, struct session_effect *ret)
{
    ret->kind = SESSION_BATCH_DONE;
    ret->scope = tally_scope(&s->tally);
    ret->outcome = ret->scope >= SCOPE_HOST ? &s->tally.rest : NULL;
    ret->broke_signature = s->client.broke_signature;
    ret->can_reuse = s->state == STATE_IDLE && client_is_ready(&s->client);
    s->has_results = false;
    tally_end(&s->tally); // `rest` stays as it is until the next batch
}

static bool pull_result(struct session *s, struct session_effect *ret)
{
    if (!s->has_results)
        return false;
    if (s->next_outcome == s->tally.batch->rcpt_count) {
        pull_done(s, ret);
        return true;
    }
    ret->kind = SESSION_OUTCOME;
    ret->index = s->next_outcome++;
    ret->outcome = tally_outcome(&s->tally, ret->index);
    return true;
}

bool session_pull(struct session *s, struct session_effect *ret)
{
    if (client_pull(&s->client, ret)) {
        s->body_began |= ret->kind == SESSION_NEED_BODY;
        if (ret->kind == SESSION_START_TLS)
            ret->tls_terms = guard_terms(&s->guard, &s->plan, &s->client.hop);
        return true;
    }
    if (s->needs_disconnect) {
        s->needs_disconnect = false;
        ret->kind = SESSION_DISCONNECT;
        return true;
    }
    if (s->state == STATE_TALKING && lmtp_take_decided(&s->client, &ret->index)) {
        ret->kind = SESSION_DECIDED;
        ret->outcome = s->tally.rcpts[ret->index].own;
        return true;
    }
    if (pull_plan(s, ret) || pull_result(s, ret))
        return true;
    if (s->has_ended) {
        s->has_ended = false;
        ret->kind = SESSION_ENDED;
        return true;
    }
    return false;
}
