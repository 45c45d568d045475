// SPDX-License-Identifier: BSD-2-Clause
// settling: what became of an attempt, or of growing old, on its way into the spool (P2).
//
// Decides (queue/settle), composes the notices that are due (bounce/), stores all of it in one op,
// and only when that is committed tells the log and the scheduler. A conflict means that somebody
// changed the message meanwhile: it is read and decided again. See pipeline_internal.h.
//
// (S7) As long as something here holds a destination's mail up, and until that mail was really
// tried
//      afterwards, the sweep lets none of it expire: what settle calls the epoch (S1) is for it the
//      last failure of our own.
//
// States: HEADER (the original's header is read, for a notice) → STORING → done;
//         STORING → READING (conflict) → HEADER or STORING; STORING → WAITING (spool trouble) →
//         STORING.
#include "pipeline/explain.h"
#include "pipeline/settling_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum { RETRY_MS = 1000, LAST_CALL_MS = 60 * 1000 };

static void proceed(struct pipeline *p, struct settling *s);

static struct settling *settling_new(struct pipeline *p, struct message *m, struct recipient *rcpts,
                                     uint32_t count)
{
    struct settling *s = must_zalloc(sizeof *s);
    s->message = *m;
    s->rcpts = rcpts;
    s->rcpt_count = s->counted = count;
    s->plans = must_zalloc(count * sizeof *s->plans);
    alarm_init(&s->alarm, ALARM_RETRY, s);
    *m = (struct message){0};
    DL_APPEND(p->settlings, s);
    p->settling_rcpts += count;
    if (p->settling_rcpts > BUDGET_SETTLING_RCPTS)
        brake_set(p, BRAKE_SETTLING, true); // a slow disk: attempts end faster than it takes that
    return s;
}

void settling_free(struct pipeline *p, struct settling *s)
{
    DL_DELETE(p->settlings, s);
    p->settling_rcpts -= s->counted;
    heap_remove(&p->alarms, &s->alarm.node);
    body_unref(p, s->body);
    message_close(&s->message);
    for (uint32_t i = 0; i < s->rcpt_count; i++)
        recipient_close(&s->rcpts[i]);
    free(s->rcpts);
    free(s->outcomes);
    free(s->plans);
    free(s->withheld);
    free(s);
}

static void finish(struct pipeline *p, struct settling *s)
{
    settling_done *done = s->done;
    void *arg = s->done_arg;
    settling_free(p, s);
    if (p->settling_rcpts <= BUDGET_SETTLING_RCPTS / 2)
        brake_set(p, BRAKE_SETTLING, false);
    if (done)
        done(p, arg);
}

// Once for each attempt, however often it is decided: the brake counts.
static void withhold(struct pipeline *p, struct settling *s)
{
    for (uint32_t i = 0; i < s->rcpt_count; i++) {
        const char *why = withholding_judge(p, &s->message, &s->rcpts[i], &s->outcomes[i]);
        if (why && !s->withheld)
            s->withheld = must_zalloc(s->rcpt_count * sizeof *s->withheld);
        if (why)
            s->withheld[i] = why;
    }
}

void settling_begin(struct pipeline *p, struct batch *b, struct outcome *outcomes,
                    const struct settle_times *times, int64_t host_retry_ms)
{
    struct settling *s = settling_new(p, &b->message, b->rcpts, b->rcpt_count);
    s->outcomes = outcomes;
    s->times = *times;
    s->queued_ms = b->queued_ms;
    s->host_retry_ms = host_retry_ms;
    s->body = b->body;
    b->body = NULL;
    b->rcpts = NULL;
    b->rcpt_count = 0;
    batch_free(b);
    withhold(p, s);
    proceed(p, s);
}

void settling_one(struct pipeline *p, const struct batch *b, uint32_t i, const struct outcome *o,
                  const struct settle_times *times)
{
    struct message m;
    struct recipient *rcpt = must_alloc(sizeof *rcpt);
    message_copy(&m, &b->message);
    recipient_copy(rcpt, &b->rcpts[i]);
    struct settling *s = settling_new(p, &m, rcpt, 1);
    s->outcomes = (struct outcome *)must_memdup(o, sizeof *o);
    s->times = *times;
    s->queued_ms = b->queued_ms;
    proceed(p, s);
}

static struct settling *from_row(struct pipeline *p, struct op_row *row, settling_done *done,
                                 void *arg)
{
    struct settling *s = settling_new(p, &row->message, row->rcpts, row->rcpt_count);
    s->times = (struct settle_times){p->now_ms, p->now_ms, p->now_ms, p->now_ms};
    s->queued_ms = s->message.arrival_ms;
    s->done = done;
    s->done_arg = arg;
    row->rcpts = NULL;
    row->rcpt_count = 0;
    return s;
}

void settling_sweep(struct pipeline *p, struct op_row *row, settling_done *done, void *arg)
{
    proceed(p, from_row(p, row, done, arg));
}

// The sender of what the bounce brake held is told what the next hop said, as without the brake.
static void say_returned(const struct recipient *r, const char *reason, struct outcome *ret)
{
    if (reason[0] || !withholding_held(r)) {
        outcome_set(ret, OUTCOME_FAILED, SCOPE_RECIPIENT, CLASS_OPERATOR, "5.0.0", "%s",
                    reason[0] ? reason
                              : "returned to the sender by the operator of this mail system");
        return;
    }
    settle_last_outcome(r, ret);
    ret->result = OUTCOME_FAILED;
    ret->scope = SCOPE_RECIPIENT;
    ret->klass = CLASS_OPERATOR;
}

void settling_bounce(struct pipeline *p, struct op_row *row, const char *reason,
                     settling_done *done, void *arg)
{
    struct settling *s = from_row(p, row, done, arg);
    s->is_operator = true;
    s->outcomes = must_alloc(s->rcpt_count * sizeof *s->outcomes);
    for (uint32_t i = 0; i < s->rcpt_count; i++)
        say_returned(&s->rcpts[i], reason, &s->outcomes[i]);
    proceed(p, s);
}

// What the rules say after the outcome that is given, or else after the last one that is known.
static void find_rule(const struct pipeline *p, const struct settling *s, uint32_t i,
                      struct retry_rule *ret)
{
    const struct recipient *r = &s->rcpts[i];
    enum outcome_class klass = s->outcomes ? s->outcomes[i].klass : r->last_class;
    struct rule_question question = rule_question(r->address, s->message.sender, klass);
    question.host = slice_str(site_of(p, r->domain));
    rules_retry(&p->config->rules, &question, ret);
}

static void copy_rule(const struct retry_rule *rule, struct settle_rule *ret)
{
    *ret = (struct settle_rule){
        .expire_after_ms = rule->expire_after_ms,
        .attempts_max = rule->attempts_max,
    };
    ret->warn_count =
        rule->warn_count < SETTLE_WARN_TIMES_MAX ? rule->warn_count : SETTLE_WARN_TIMES_MAX;
    for (uint32_t i = 0; i < ret->warn_count; i++)
        ret->warn_after_ms[i] = rule->warn_after_ms[i];
}

// A last attempt is made while there is time for it, and what is late then is given back at once.
static int64_t by_deadline(const struct message *m, int64_t now_ms, int64_t retry_at_ms)
{
    bool is_bound = m->deliver_by_ms != 0 && (m->traits & MESSAGE_BY_RETURN);
    if (!is_bound || retry_at_ms <= m->deliver_by_ms - LAST_CALL_MS)
        return retry_at_ms;
    if (now_ms < m->deliver_by_ms - LAST_CALL_MS)
        return m->deliver_by_ms - LAST_CALL_MS;
    return retry_at_ms < m->deliver_by_ms || now_ms >= m->deliver_by_ms ? retry_at_ms
                                                                        : m->deliver_by_ms;
}

// Host-scope failures follow the destination's clock, all others the recipient's own schedule.
static int64_t retry_time(const struct pipeline *p, const struct settling *s, uint32_t i,
                          const struct retry_rule *rule)
{
    const struct outcome *o = &s->outcomes[i];
    if (o->scope >= SCOPE_HOST && s->host_retry_ms > 0)
        return s->host_retry_ms;
    if (settle_wants_rest(s->outcomes, s->rcpt_count, i))
        return p->now_ms + TIME_SECOND_MS; // together, when all of them are stored
    const struct recipient *r = &s->rcpts[i];
    uint64_t salt = r->message * 31 + r->n * 7 + r->attempts;
    // What failed here was no attempt: it is soon over, however long the mail was tried before.
    uint32_t attempts = o->scope == SCOPE_LOCAL ? 1 : r->attempts + 1;
    return p->now_ms + rules_wait(rule, attempts, slice_str(o->text), salt);
}

// Who chose the next time, for people; cut to fit. failures: of the destination.
static void name_rule(const struct pipeline *p, struct settling *s, uint32_t i, uint32_t failures)
{
    const struct outcome *o = &s->outcomes[i];
    const struct recipient *r = &s->rcpts[i];
    if (settle_wants_rest(s->outcomes, s->rcpt_count, i)) {
        snprintf(
            s->plans[i].change.rule, SETTLE_RULE_SIZE,
            "what the host wants: others in one transaction are enough for it, the rest at once");
        return;
    }
    bool is_rest = o->scope >= SCOPE_HOST && s->host_retry_ms > 0;
    struct explain_choice choice = {
        .question = rule_question(r->address, s->message.sender, o->klass),
        .failures = is_rest ? failures : r->attempts + 1,
        .reply = slice_str(o->text),
        .is_rest = is_rest,
    };
    choice.question.has_sender = !is_rest;
    choice.question.host = slice_str(site_of(p, r->domain));
    struct buf words;
    buf_init(&words, 64 * 1024);
    if (is_rest && failures == 0 && o->scope == SCOPE_HOST)
        buf_add_str(&words, "a short wait, as its destination takes other mail");
    else
        explain_choice(&p->config->rules, &choice, &words);
    snprintf(s->plans[i].change.rule, SETTLE_RULE_SIZE, "%s", buf_slice(&words).p);
    buf_close(&words);
}

static void decide_one(struct pipeline *p, struct settling *s, uint32_t i)
{
    const struct recipient *r = &s->rcpts[i];
    struct settle_input in = {.rcpt = r, .began_ms = s->times.began_ms};
    struct retry_rule rule;
    find_rule(p, s, i, &rule);
    copy_rule(&rule, &in.rule);
    settle_apply_deliver_by(&in.rule, &s->message);
    if (s->outcomes) {
        in.outcome = &s->outcomes[i];
        in.held_why = s->withheld ? s->withheld[i] : NULL;
        in.retry_at_ms = by_deadline(&s->message, p->now_ms, retry_time(p, s, i, &rule));
    }
    struct buf name;
    struct outcome blocked;
    struct destination_view view = {.failures = 0};
    buf_init(&name, 64 * 1024);
    int64_t epoch_ms = suspending_epoch(p, &s->message, r);
    if (windows_destination(p, r->address, r->domain, s->message.sender, &name) &&
        scheduler_destination(p->scheduler, name.p, &view) && view.failures > 0) {
        in.last_probe_ms = view.last_probe_ms;
        in.probe = view.why;
    }
    if (clock_holds_warning(p, &in)) {
        in.rule.warn_count = 0;
        sweep_again(p, &s->message);
    }
    if (!s->outcomes && view.local_ms >= epoch_ms) { // S7
        epoch_ms = view.local_ms + 1;
        if (blocking_reason(p, name.p, &view, &blocked)) {
            in.last_probe_ms = view.local_ms;
            in.probe = &blocked;
        }
    }
    settle_decide(&s->message, &in, p->now_ms, epoch_ms, &s->plans[i]);
    if (s->is_operator)
        s->plans[i].change.is_attempt = false;
    struct settle_change *change = &s->plans[i].change;
    if (change->is_attempt && change->action == SETTLE_DEFER)
        name_rule(p, s, i, view.failures);
    else if (change->action == SETTLE_HOLD)
        snprintf(change->rule, sizeof change->rule, "the bounce brake");
    buf_close(&name);
}

static bool needs_header(const struct settling *s)
{
    if (s->message.kind == MESSAGE_POSTMASTER ||
        (s->message.kind == MESSAGE_MAIL && !s->message.sender[0]))
        return false; // nobody is told anyway
    for (uint32_t i = 0; i < s->rcpt_count; i++)
        if (s->plans[i].is_needed &&
            (s->plans[i].is_warning || s->plans[i].change.action == SETTLE_FAIL ||
             settling_tells_arrival(s, i)))
            return true;
    return false;
}

static void store(struct pipeline *p, struct settling *s)
{
    struct op *op = op_new(OP_SETTLE);
    struct op_settle *st = &op->settle;
    st->message = s->message.id;
    st->version = s->message.version;
    // Attempts and sweeps have claimed their recipients. An operator's bounce may meet an attempt.
    st->keeps_version = !s->is_operator;
    st->wants_all = s->is_operator;
    st->now_ms = p->now_ms;
    st->changes = must_alloc(s->rcpt_count * sizeof *st->changes);
    for (uint32_t i = 0; i < s->rcpt_count; i++)
        if (s->plans[i].is_needed)
            st->changes[st->change_count++] = s->plans[i].change;
    notices_make(p, s, st);
    s->state = SETTLING_STORING;
    store_op(p, op, WAIT_SETTLING)->settling = s;
}

// Its time is over, and it stays all the same: it was not tried yet (S1). Soon it may be.
static void watch(struct pipeline *p, struct settling *s, uint32_t i)
{
    if (s->plans[i].expires_ms <= p->now_ms && s->rcpts[i].state != RECIPIENT_HELD &&
        !suspending_holds(p, &s->message, &s->rcpts[i])) // its end makes us look at everything
        sweep_again(p, &s->message);
}

// Nothing became of a recipient that was claimed for a look: it is the scheduler's again.
static void release(struct pipeline *p, struct settling *s, uint32_t i)
{
    watch(p, s, i);
    windows_settled(p, s->message.sender, &s->rcpts[i], false, s->rcpts[i].next_attempt_ms);
}

static void proceed(struct pipeline *p, struct settling *s)
{
    bool is_needed = false;
    for (uint32_t i = 0; i < s->rcpt_count; i++) {
        decide_one(p, s, i);
        is_needed |= s->plans[i].is_needed;
    }
    if (!is_needed) {
        for (uint32_t i = 0; i < s->rcpt_count; i++)
            release(p, s, i);
        finish(p, s);
        return;
    }
    if (needs_header(s) && !(s->body && s->body->data)) {
        struct op *op = op_new(OP_CHUNK);
        op->chunk.message = s->message.id;
        s->state = SETTLING_HEADER;
        store_op(p, op, WAIT_SETTLING)->settling = s;
        return;
    }
    store(p, s);
}

static void reread(struct pipeline *p, struct settling *s)
{
    struct op *op = op_new(OP_READ);
    op->read.message = s->message.id;
    s->state = SETTLING_READING;
    store_op(p, op, WAIT_SETTLING)->settling = s;
}

void settling_log(struct pipeline *p, const struct settling_attempt *a)
{
    const struct settle_times *t = a->times;
    int64_t arrival_ms = a->message->arrival_ms;
    struct logline_delivery d = {
        .id = a->message->id,
        .address = a->rcpt->address,
        .outcome = a->outcome,
        .delay_ms = p->now_ms - arrival_ms,
    };
    // Stages that were not reached took no time.
    int64_t ready_ms = t->ready_ms ? t->ready_ms : t->done_ms;
    d.delays_ms[0] = a->queued_ms - arrival_ms;
    d.delays_ms[1] = t->began_ms - a->queued_ms;
    d.delays_ms[2] = ready_ms - t->began_ms;
    d.delays_ms[3] = t->done_ms - ready_ms;
    struct buf *line = effect_line(p);
    logline_delivery(&d, line);
    effect_log(p, LOG_LEVEL_INFO, line);
}

// When it was an attempt and not only a decision.
static void log_attempt(struct pipeline *p, struct settling *s, uint32_t i)
{
    if (s->outcomes)
        settling_log(p, &(struct settling_attempt){.message = &s->message,
                                                   .rcpt = &s->rcpts[i],
                                                   .outcome = &s->outcomes[i],
                                                   .times = &s->times,
                                                   .queued_ms = s->queued_ms});
}

// The recipient was taken away during the attempt (W5). Only that it had the mail all the same is
// still of interest: whoever took it away will be asked.
static void log_gone(struct pipeline *p, struct settling *s, uint32_t i)
{
    if (s->outcomes && s->outcomes[i].result == OUTCOME_DELIVERED)
        log_attempt(p, s, i);
}

// The message has gone, and what became of the attempt changes nothing any more (W5).
static void forget(struct pipeline *p, struct settling *s)
{
    for (uint32_t i = 0; i < s->rcpt_count; i++) {
        log_gone(p, s, i);
        windows_settled(p, s->message.sender, &s->rcpts[i], true, 0);
    }
    finish(p, s);
}

// Refused, but not given back: whoever counts bounces is not to count it.
static void log_held(struct pipeline *p, struct settling *s, uint32_t i)
{
    struct outcome *o = &s->outcomes[i];
    struct buf text;
    buf_init(&text, 4 * OUTCOME_TEXT_SIZE);
    buf_addf(&text, "held by the bounce brake: ");
    outcome_describe(o, &text);
    snprintf(o->text, sizeof o->text, "%s", text.p);
    buf_close(&text);
    o->has_reply = false;
    o->result = OUTCOME_DEFERRED;
    o->status[0] = '4';
    log_attempt(p, s, i);
}

static void log_change(struct pipeline *p, struct settling *s, uint32_t i)
{
    const struct settle_plan *plan = &s->plans[i];
    if (plan->change.action == SETTLE_WARN)
        return;
    if (plan->change.action == SETTLE_HOLD) {
        log_held(p, s, i);
        return;
    }
    log_attempt(p, s, i);
    if (!plan->is_expired)
        return;
    struct buf *line = effect_line(p);
    logline_expired(s->message.id, s->message.sender, line);
    effect_log(p, LOG_LEVEL_INFO, line);
}

static void count_change(struct pipeline *p, const struct settle_plan *plan)
{
    switch (plan->change.action) {
    case SETTLE_DELIVERED:
        p->counters.delivered++;
        break;
    case SETTLE_DEFER:
    case SETTLE_HOLD:
        p->counters.deferred++;
        break;
    case SETTLE_FAIL:
        p->counters.failed++;
        break;
    case SETTLE_WARN:
        break;
    }
}

static void committed(struct pipeline *p, struct settling *s, struct op_settle *st)
{
    for (uint32_t i = 0, k = 0; i < s->rcpt_count; i++) {
        const struct settle_plan *plan = &s->plans[i];
        if (!plan->is_needed) {
            release(p, s, i);
            continue;
        }
        bool was_gone = st->is_gone && st->is_gone[k];
        k++;
        if (was_gone) {
            log_gone(p, s, i);
        } else {
            log_change(p, s, i);
            count_change(p, plan);
        }
        if (!was_gone && plan->change.action == SETTLE_WARN) {
            release(p, s, i);
            continue;
        }
        bool is_gone = was_gone || plan->change.action != SETTLE_DEFER;
        if (!is_gone)
            watch(p, s, i);
        windows_settled(p, s->message.sender, &s->rcpts[i], is_gone, plan->change.next_attempt_ms);
    }
    if (st->is_removed) {
        struct buf *line = effect_line(p);
        logline_removed(s->message.id, line);
        effect_log(p, LOG_LEVEL_INFO, line);
    }
    for (int i = 0; i < OP_NOTICES; i++)
        if (st->notices[i])
            windows_fresh(p, st->notices[i]);
    finish(p, s);
}

static void on_stored(struct pipeline *p, struct settling *s, struct op *op)
{
    switch (op->err) {
    case FP_OK:
        committed(p, s, &op->settle);
        break;
    case FP_CONFLICT:
        reread(p, s);
        break;
    case FP_GONE:
        forget(p, s);
        break;
    default:
        s->state = SETTLING_WAITING;
        alarm_set(p, &s->alarm, p->now_ms + RETRY_MS);
    }
}

// Takes today's values of the recipients that are still there; the others have gone.
static void refresh(struct pipeline *p, struct settling *s, struct op_row *row)
{
    message_close(&s->message);
    message_copy(&s->message, &row->message);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->rcpt_count; i++) {
        uint32_t k = 0;
        while (k < row->rcpt_count && row->rcpts[k].n != s->rcpts[i].n)
            k++;
        if (k == row->rcpt_count) {
            log_gone(p, s, i);
            windows_settled(p, s->message.sender, &s->rcpts[i], true, 0);
            recipient_close(&s->rcpts[i]);
            continue;
        }
        recipient_close(&s->rcpts[i]);
        recipient_copy(&s->rcpts[kept], &row->rcpts[k]);
        if (s->outcomes)
            s->outcomes[kept] = s->outcomes[i];
        if (s->withheld)
            s->withheld[kept] = s->withheld[i];
        kept++;
    }
    s->rcpt_count = kept;
}

static void on_read(struct pipeline *p, struct settling *s, struct op *op)
{
    if (op->err == FP_NOT_FOUND) {
        forget(p, s);
        return;
    }
    if (op->err) {
        s->state = SETTLING_WAITING;
        alarm_set(p, &s->alarm, p->now_ms + RETRY_MS);
        return;
    }
    refresh(p, s, op->read.row);
    if (s->rcpt_count == 0)
        finish(p, s);
    else
        proceed(p, s);
}

static void on_header(struct pipeline *p, struct settling *s, struct op *op)
{
    // Without the header the notice is sent without its third part: better than none.
    body_unref(p, s->body);
    s->body = body_new(p, op->err ? NULL : op->chunk.data, op->err ? 0 : op->chunk.size);
    if (!op->err)
        op->chunk.data = NULL;
    store(p, s);
}

void settling_stored(struct pipeline *p, struct settling *s, struct op *op)
{
    switch (s->state) {
    case SETTLING_HEADER:
        on_header(p, s, op);
        break;
    case SETTLING_STORING:
        on_stored(p, s, op);
        break;
    case SETTLING_READING:
        on_read(p, s, op);
        break;
    case SETTLING_WAITING:
        must(false);
    }
}

void settling_timer(struct pipeline *p, struct settling *s)
{
    trouble_wait(p);
    reread(p, s); // the spool may have seen the message change meanwhile
}
