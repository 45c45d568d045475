// SPDX-License-Identifier: BSD-2-Clause
// carriers: conversations with destinations, and the batches they carry. See pipeline_internal.h.
//
// A carrier is one deliver/session with what it needs from the world: a connection, answers of the
// DNS, pieces of the body. What it does between batches stands in lingering.c.
#include "pipeline/carrier.h"
#include "pipeline/sts.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    SMALL_SLICE = 1024, // shorter pieces of a body are copied, longer ones borrowed (L1)
};

static void pump(struct pipeline *p, struct carrier *h);

static struct carrier *carrier_new(struct pipeline *p, const struct batch *b,
                                   const struct route_row *row)
{
    struct carrier *h = must_zalloc(sizeof *h);
    h->number = p->next_tag++;
    h->destination = must_strdup(b->destination);
    h->domain = must_strdup(b->rule_domain);
    p->seed = p->seed * 6364136223846793005U + 1442695040888963407U;
    h->session =
        session_new(&p->session_settings, row->targets, row->target_count, b->rule_domain, p->seed);
    h->idle_until_ms = TIME_NEVER;
    alarm_init(&h->alarm, ALARM_CARRIER, h);
    DL_APPEND(p->carriers, h);
    p->carrier_count++;
    return h;
}

void carrier_free(struct pipeline *p, struct carrier *h)
{
    carrier_unidle(p, h);
    carrier_unlinger(p, h);
    heap_remove(&p->alarms, &h->alarm.node);
    carrier_forget_body(p, h);
    if (h->batch) {
        body_unref(p, h->batch->body);
        h->batch->body = NULL;
        batch_free(h->batch);
    }
    if (h->conn)
        conn_forget(p, h->conn);
    carrier_note_closed(p, h);
    session_free(h->session);
    free(h->outcomes);
    free(h->is_settled);
    free(h->addresses);
    free(h->dsn);
    free(h->destination);
    free(h->domain);
    DL_DELETE(p->carriers, h);
    p->carrier_count--;
    free(h);
}

// Slots are freed before outcomes are committed: the recipients stay in flight until they are.
static void finish_batch(struct pipeline *p, const struct sched_event *done,
                         struct outcome *outcomes, bool *is_settled,
                         const struct settle_times *times)
{
    struct batch *b = done->batch;
    blocking_learn(p, b, outcomes);
    windows_feed(p, done);
    int64_t host_retry_ms = 0;
    struct destination_view view;
    if ((done->host_failure || done->is_local_failure) &&
        scheduler_destination(p->scheduler, b->destination, &view))
        host_retry_ms = view.state == DESTINATION_OPEN ? p->now_ms + PACE_RETRY_MS // others work
                                                       : view.rest_until_ms;
    carrier_leave_out(b, outcomes, is_settled);
    if (!relaying_ended(p, b, outcomes, times, host_retry_ms))
        settling_begin(p, b, outcomes, times, host_retry_ms);
}

// Nobody can be asked: the configuration has no route for mail that waits.
static void fail_without_route(struct pipeline *p, struct batch *b)
{
    struct outcome *outcomes = must_alloc(b->rcpt_count * sizeof *outcomes);
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        outcome_set(&outcomes[i], OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.3.5",
                    "no row of \"route\" in the configuration fits this address");
    struct settle_times times = {p->now_ms, p->now_ms, p->now_ms, p->now_ms};
    struct outcome why = outcomes[0];
    struct sched_event done = {.kind = SCHED_DONE, .batch = b, .host_failure = &why};
    finish_batch(p, &done, outcomes, NULL, &times);
}

static struct session_dsn *dsn_of(const struct batch *b)
{
    uint32_t i = 0;
    while (i < b->rcpt_count && !b->rcpts[i].notify && !b->rcpts[i].orcpt)
        i++;
    if (i == b->rcpt_count)
        return NULL;
    struct session_dsn *dsn = must_alloc(b->rcpt_count * sizeof *dsn);
    for (i = 0; i < b->rcpt_count; i++)
        dsn[i] = (struct session_dsn){b->rcpts[i].notify, b->rcpts[i].orcpt};
    return dsn;
}

void carrier_start(struct pipeline *p, struct batch *b)
{
    if (!windows_still_fits(p, b)) { // what the DNS says has changed while it waited
        windows_give_back(p, b);
        return;
    }
    const struct route_row *row =
        windows_route(p, b->rcpts[0].address, b->rcpts[0].domain, b->message.sender);
    if (!row) {
        fail_without_route(p, b);
        return;
    }
    p->counters.attempts++;
    struct nexthops nexthops;
    nexthops_choose(p, row, b->rule_domain, &nexthops);
    struct carrier *h = NULL;
    if (!nexthops.is_probe)
        h = carrier_take_idle(p, b, &row->targets[nexthops.first]);
    if (!h)
        h = carrier_new(p, b, row);
    h->nexthops = nexthops;
    struct limit_rule limit;
    rules_limit(&p->config->rules, b->destination, &limit);
    h->messages_max = limit.messages_per_connection;
    h->batch = b;
    h->is_cut = false;
    h->outcomes = must_alloc(b->rcpt_count * sizeof *h->outcomes);
    h->addresses = must_alloc(b->rcpt_count * sizeof *h->addresses);
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        h->addresses[i] = b->rcpts[i].address;
    h->dsn = dsn_of(b);
    carrier_begin_body(h);
    const struct message *m = &b->message;
    h->offer = (struct session_batch){.sender = m->sender,
                                      .rcpts = h->addresses,
                                      .rcpt_count = b->rcpt_count,
                                      .size = m->size,
                                      .is_8bit = m->is_8bit,
                                      .priority = m->priority,
                                      .traits = m->traits,
                                      .deliver_by_ms = m->deliver_by_ms,
                                      .ret = m->ret,
                                      .envid = m->envid,
                                      .dsn = h->dsn,
                                      .last = nexthops.last};
    session_feed(h->session, &(struct session_event){
                                 .kind = SESSION_BATCH, .now_ms = p->now_ms, .batch = &h->offer});
    pump(p, h);
}

static bool speaks_of_rate(const struct outcome *outcomes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (outcomes[i].klass == CLASS_RATE && !settle_wants_rest(outcomes, count, i))
            return true;
    return false;
}

// The host's own part in what became of the batch; NULL: all of it was our own doing. That a relay
// refuses one recipient for our sake says nothing about the host, that takes others.
static const struct outcome *widest_of_host(const struct outcome *outcomes, uint32_t count)
{
    const struct outcome *widest = NULL;
    for (uint32_t i = 0; i < count; i++)
        if (outcomes[i].scope != SCOPE_LOCAL && (!widest || outcomes[i].scope > widest->scope))
            widest = &outcomes[i];
    return widest;
}

// Beyond the greeting it is about what was asked: others may be luckier.
static bool is_in_transaction(const struct outcome *o)
{
    return o->stage >= STAGE_MAIL && o->stage <= STAGE_DOT;
}

static bool is_of_login(const struct outcome *o)
{
    return o->stage == STAGE_AUTH && o->has_reply;
}

static void warn_of_signature(struct pipeline *p, const struct carrier *h)
{
    char id[MESSAGE_ID_DIGITS + 1];
    message_id_format(h->batch->message.id, id);
    effect_logf(p, LOG_LEVEL_WARNING,
                "%s: warning: 8-bit content was encoded for %s, which does not offer 8BITMIME; a "
                "signature in it does not fit any more (see eight_bit)",
                id, session_host(h->session));
}

static void batch_done(struct pipeline *p, struct carrier *h, const struct session_effect *fx)
{
    struct session_times st;
    session_times(h->session, &st);
    struct settle_times times = {st.started_ms, st.connected_ms, st.ready_ms, st.done_ms};
    struct outcome *outcomes = h->outcomes;
    const struct outcome *of_host = widest_of_host(outcomes, h->batch->rcpt_count);
    struct outcome why;
    if (of_host && of_host->scope == SCOPE_HOST)
        why = *of_host;
    struct sched_event done = {
        .kind = SCHED_DONE,
        .batch = h->batch,
        .host_failure = of_host && of_host->scope == SCOPE_HOST ? &why : NULL,
        .is_local_failure = !of_host,
        .is_local_refusal = !of_host && is_in_transaction(&outcomes[0]),
        .is_login_refusal = !of_host && is_of_login(&outcomes[0]),
        .blocked = of_host ? BLOCKED_NOT : outcomes[0].blocked,
        .is_cut_short = h->is_cut,
        .is_too_fast = fx->scope < SCOPE_HOST && speaks_of_rate(outcomes, h->batch->rcpt_count),
    };
    if (fx->broke_signature)
        warn_of_signature(p, h);
    nexthops_learn(p, h->session, &h->nexthops, h->batch,
                   of_host && !done.host_failure && st.ready_ms > 0);
    carrier_forget_body(p, h);
    free(h->addresses);
    free(h->dsn);
    h->addresses = NULL;
    h->dsn = NULL;
    h->batch = NULL;
    h->outcomes = NULL;
    bool *is_settled = h->is_settled;
    h->is_settled = NULL;
    if (fx->can_reuse && !p->is_stopping && session_delivered_count(h->session) < h->messages_max)
        carrier_idle(p, h);
    else
        session_feed(h->session,
                     &(struct session_event){.kind = SESSION_QUIT, .now_ms = p->now_ms});
    done.is_closing = h->is_closing = !h->is_idle && h->conn;
    carrier_linger(p, h);
    finish_batch(p, &done, outcomes, is_settled, &times);
}

static void open_connection(struct pipeline *p, struct carrier *h, const struct session_effect *fx)
{
    h->conn = p->next_conn;
    p->next_conn += 2;
    carrier_begin_body(h);
    if (fx->outcome)
        protecting_failed(p, fx->outcome);
    conn_add(p, h->conn, CONN_CARRIER)->carrier = h;
    struct slice ip = effect_keep(p, slice_str(fx->ip));
    struct pipeline_effect *e = effect_add(p, PIPELINE_CONNECT);
    e->conn = h->conn;
    e->ip = ip.p;
    e->port = fx->port;
    e->begins_with_tls = fx->begins_with_tls;
    e->path = fx->path ? effect_keep(p, slice_str(fx->path)).p : NULL;
}

static void hand_over(struct pipeline *p, struct carrier *h, const struct handover_order *order)
{
    h->conn = p->next_conn;
    p->next_conn += 2;
    carrier_begin_body(h);
    conn_add(p, h->conn, CONN_CARRIER)->carrier = h;
    struct handover_order kept = *order;
    kept.path = effect_keep(p, slice_str(order->path)).p;
    kept.hostname = effect_keep(p, slice_str(order->hostname)).p;
    kept.words = effect_keep(p, (struct slice){order->words, order->words_n}).p;
    struct pipeline_effect *e = effect_add(p, PIPELINE_HAND_OVER);
    e->conn = h->conn;
    e->order = kept;
}

static bool is_within(const struct body *b, struct slice s)
{
    return b && b->data && s.p >= b->data && s.p < b->data + b->size;
}

// Bodies stay where they are until the effects are executed; the session's own bytes may not.
static struct slice keep(struct pipeline *p, struct carrier *h, struct slice s)
{
    bool may_borrow = is_within(h->piece, s) || (h->uses_body && is_within(h->batch->body, s));
    return may_borrow && s.n > SMALL_SLICE ? s : effect_keep(p, s);
}

static void send_slices(struct pipeline *p, struct carrier *h, const struct session_effect *fx)
{
    struct slice *kept = effect_slices(p, fx->slice_count);
    for (uint32_t i = 0; i < fx->slice_count; i++)
        kept[i] = keep(p, h, fx->slices[i]);
    struct pipeline_effect *e = effect_add(p, PIPELINE_SEND);
    e->conn = h->conn;
    e->slices = kept;
    e->slice_count = fx->slice_count;
    // Of the last piece nobody waits to hear, but a large one counts until it is out.
    e->wants_sent = fx->wants_sent || h->sending > BUDGET_PIECE_SMALL;
    if (!e->wants_sent)
        carrier_forget_sending(p, h);
}

void carrier_close_connection(struct pipeline *p, struct carrier *h)
{
    if (!h->conn)
        return;
    effect_close(p, h->conn, true);
    conn_forget(p, h->conn);
    carrier_forget_sending(p, h);
    h->conn = 0;
    carrier_note_closed(p, h);
}

static void look_up(struct pipeline *p, struct carrier *h, const struct session_effect *fx)
{
    struct slice name = effect_keep(p, slice_str(fx->name));
    const struct dns_answer *known = dnscache_find(p->dnscache, name.p, fx->type, p->now_ms);
    if (known) {
        struct session_event e = {.kind = SESSION_ANSWER, .now_ms = p->now_ms};
        e.answer = known;
        e.answer_name = name.p;
        session_feed(h->session, &e);
        return;
    }
    struct pipeline_effect *e = effect_add(p, PIPELINE_LOOKUP);
    e->lookup = h->number;
    e->name = name.p;
    e->type = fx->type;
}

static void execute(struct pipeline *p, struct carrier *h, const struct session_effect *fx)
{
    switch (fx->kind) {
    case SESSION_LOOKUP:
        look_up(p, h, fx);
        break;
    case SESSION_ASK_POLICY:
        sts_ask(p, h, fx->name);
        break;
    case SESSION_CONNECT:
        open_connection(p, h, fx);
        break;
    case SESSION_HAND_OVER:
        hand_over(p, h, fx->order);
        break;
    case SESSION_FINISH:
        effect_add(p, PIPELINE_FINISH)->conn = h->conn;
        break;
    case SESSION_START_TLS:
        protecting_start(p, h->conn, fx->tls_terms);
        break;
    case SESSION_AUTH:
        authenticating_order(p, h->conn, fx->auth);
        break;
    case SESSION_SEND:
        send_slices(p, h, fx);
        break;
    case SESSION_NEED_BODY:
        carrier_need_body(p, h);
        break;
    case SESSION_OUTCOME:
        h->outcomes[fx->index] = *fx->outcome;
        break;
    case SESSION_DECIDED:
        carrier_decided(p, h, fx->index, fx->outcome);
        break;
    case SESSION_BATCH_DONE:
        batch_done(p, h, fx);
        break;
    case SESSION_DISCONNECT:
        carrier_close_connection(p, h);
        break;
    case SESSION_ENDED:
        h->is_ended = true;
        break;
    }
}

static void pump(struct pipeline *p, struct carrier *h)
{
    struct session_effect fx;
    h->depth++;
    while (!h->is_ended && session_pull(h->session, &fx))
        execute(p, h, &fx);
    h->depth--;
    if (h->depth > 0)
        return;
    if (h->is_ended) {
        carrier_close_connection(p, h);
        carrier_free(p, h);
        return;
    }
    if (session_body_is_taken(h->session)) // the socket has it, or a copy of it
        carrier_forget_piece(p, h);
    int64_t at = session_deadline(h->session);
    alarm_set(p, &h->alarm, h->idle_until_ms < at ? h->idle_until_ms : at);
}

void carrier_feed(struct pipeline *p, struct carrier *h, struct session_event e)
{
    e.now_ms = p->now_ms;
    session_feed(h->session, &e);
    pump(p, h);
}

void carrier_connected(struct pipeline *p, struct carrier *h)
{
    carrier_feed(p, h, (struct session_event){.kind = SESSION_CONNECTED});
}

void carrier_connect_failed(struct pipeline *p, struct carrier *h, enum deliver_fault fault,
                            const char *detail)
{
    h->conn = 0;
    carrier_feed(
        p, h,
        (struct session_event){.kind = SESSION_CONNECT_FAILED, .fault = fault, .detail = detail});
}

void carrier_tls_ready(struct pipeline *p, struct carrier *h, const struct tls_result *result)
{
    protecting_began(p, session_hop(h->session), result, session_is_strict(h->session));
    carrier_feed(p, h, (struct session_event){.kind = SESSION_TLS_READY, .tls = result});
}

void carrier_bytes(struct pipeline *p, struct carrier *h, struct slice bytes)
{
    carrier_feed(p, h, (struct session_event){.kind = SESSION_BYTES, .bytes = bytes});
}

// The connection is gone. A conversation without a batch has nothing left to do then.
static void lose(struct pipeline *p, struct carrier *h, struct session_event e)
{
    bool was_idle = h->is_idle;
    carrier_unidle(p, h);
    e.now_ms = p->now_ms;
    session_feed(h->session, &e);
    if (was_idle)
        session_feed(h->session,
                     &(struct session_event){.kind = SESSION_QUIT, .now_ms = p->now_ms});
    pump(p, h);
}

void carrier_eof(struct pipeline *p, struct carrier *h)
{
    lose(p, h, (struct session_event){.kind = SESSION_EOF});
}

void carrier_fault(struct pipeline *p, struct carrier *h, enum deliver_fault fault,
                   const char *detail)
{
    lose(p, h, (struct session_event){.kind = SESSION_RESET, .fault = fault, .detail = detail});
}

void carrier_result(struct pipeline *p, struct carrier *h, const struct handover_result *result)
{
    carrier_feed(p, h, (struct session_event){.kind = SESSION_RESULT, .result = result});
}

void carrier_sent(struct pipeline *p, struct carrier *h)
{
    carrier_forget_sending(p, h);
    carrier_feed(p, h, (struct session_event){.kind = SESSION_SENT});
}

void carrier_timer(struct pipeline *p, struct carrier *h)
{
    if (h->is_idle && h->idle_until_ms <= p->now_ms) {
        carrier_quit(p, h);
        return;
    }
    carrier_feed(p, h, (struct session_event){.kind = SESSION_TIMER});
}

void carrier_answer(struct pipeline *p, uint64_t lookup, const char *name,
                    const struct dns_answer *answer)
{
    struct carrier *h;
    dnscache_put(p->dnscache, name, answer, p->now_ms);
    DL_SEARCH_SCALAR(p->carriers, h, number, lookup);
    if (h)
        carrier_feed(
            p, h,
            (struct session_event){.kind = SESSION_ANSWER, .answer = answer, .answer_name = name});
}

// Each ends by it, and may take others along that linger.
void carriers_abort(struct pipeline *p)
{
    while (p->carriers)
        carrier_feed(p, p->carriers, (struct session_event){.kind = SESSION_ABORT});
}

static struct carrier *find_cuttable(const struct pipeline *p, uint64_t message)
{
    struct carrier *h;
    DL_FOREACH(p->carriers, h)
    {
        if (h->batch && h->batch->message.id == message && !h->is_cut &&
            !session_awaits_verdict(h->session))
            break;
    }
    return h;
}

// Looked for from the beginning each time: what ends may start others, and free them.
void carriers_cut(struct pipeline *p, uint64_t message)
{
    struct carrier *h;
    while ((h = find_cuttable(p, message))) {
        h->is_cut = true;
        carrier_feed(p, h, (struct session_event){.kind = SESSION_ABORT});
    }
}
