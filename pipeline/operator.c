// SPDX-License-Identifier: BSD-2-Clause
// operator: an operator's session on the local socket: requests in, pages of answers out.
//
// One request at a time; lists and changes go page by page, each page when the previous one is out,
// so that neither a slow reader nor a huge queue costs memory. Requests that come meanwhile wait:
// in `input` up to INPUT_HIGH, then in the socket. See pipeline_internal.h.
#include "control/request_idn.h"
#include "control/wire_json.h"
#include "core/header.h"
#include "pipeline/operator_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum {
    ANSWER_MAX = 16 * 1024 * 1024,
    CHANGE_PAGE = 500,
    SAMPLE_MAX = 10,
    INPUT_HIGH = 64 * 1024,
    FLUSH_WAIT_MS = 5 * 1000, // for the spool, behind a start
    SAID_MAX = 64 * 1024,     // then the client is to take the answers before more is answered
};

static void next_request(struct pipeline *p, struct operator_session *s);

struct operator_session *operator_new(struct pipeline *p, uint64_t conn, int64_t uid,
                                      const char *user_name, bool is_operator)
{
    (void)p;
    struct operator_session *s = must_zalloc(sizeof *s);
    s->conn = conn;
    s->caller = (struct request_caller){.uid = uid, .is_operator = is_operator};
    s->is_reading = true;
    if (user_name[0])
        snprintf(s->who, sizeof s->who, "%s", user_name);
    else
        snprintf(s->who, sizeof s->who, "uid=%lld", (long long)uid);
    alarm_init(&s->alarm, ALARM_OPERATOR, s);
    buf_init(&s->input, WIRE_LINE_MAX + INPUT_HIGH);
    buf_init(&s->text, ANSWER_MAX);
    return s;
}

void operator_free(struct pipeline *p, struct operator_session *s)
{
    if (!s)
        return;
    heap_remove(&p->alarms, &s->alarm.node);
    list_forget(s);
    why_forget(s);
    plan_forget(s);
    route_forget(p, s);
    withheld_free(s->withheld);
    buf_close(&s->input);
    buf_close(&s->text);
    free(s);
}

static void send_text(struct pipeline *p, struct operator_session *s, struct slice text)
{
    struct buf line;
    buf_init(&line, 8 * (size_t)ANSWER_MAX);
    wire_format_text(text, &line);
    effect_send(p, s->conn, buf_slice(&line), false);
    s->said += line.n;
    buf_close(&line);
}

static void send_stream(struct pipeline *p, struct operator_session *s, struct slice text)
{
    while (text.n > 0) {
        struct buf head;
        size_t n = text.n < WIRE_BYTES_MAX ? text.n : WIRE_BYTES_MAX;
        buf_init(&head, 64);
        wire_format_bytes(n, &head);
        struct slice *slices = effect_slices(p, 2);
        slices[0] = effect_keep(p, buf_slice(&head));
        slices[1] = effect_keep(p, slice_of(text.p, n));
        struct pipeline_effect *e = effect_add(p, PIPELINE_SEND);
        e->conn = s->conn;
        e->slices = slices;
        e->slice_count = 2;
        s->said += head.n + n;
        buf_close(&head);
        text = slice_from(text, n);
    }
}

void answer_flush(struct pipeline *p, struct operator_session *s, bool wants_sent)
{
    struct slice text = buf_slice(&s->text);
    if (s->request.is_streamed)
        send_stream(p, s, text);
    else if (text.n > 0)
        send_text(p, s, text);
    buf_reset(&s->text);
    if (wants_sent)
        effect_send(p, s->conn, SLICE_LIT(""), true);
}

void answer_end(struct pipeline *p, struct operator_session *s, int code)
{
    answer_flush(p, s, false);
    struct buf line;
    buf_init(&line, 256);
    wire_format_exit(code, &line);
    s->said += line.n;
    s->is_unheard = s->said > SAID_MAX;
    effect_send(p, s->conn, buf_slice(&line), s->is_unheard);
    buf_close(&line);
    s->is_busy = false;
    next_request(p, s);
}

void answer_error(struct pipeline *p, struct operator_session *s, int code, const char *text)
{
    answer_flush(p, s, false);
    struct buf line;
    buf_init(&line, 64 * 1024);
    wire_format_error(slice_str(text), &line);
    s->said += line.n;
    effect_send(p, s->conn, buf_slice(&line), false);
    buf_close(&line);
    answer_end(p, s, code);
}

void answer_trouble(struct pipeline *p, struct operator_session *s, enum fp_err err)
{
    answer_error(p, s, EX_TEMPFAIL,
                 err == FP_FULL ? "no space left on the spool's disk"
                                : "the spool could not be read or changed");
}

// A request on an id that is not there is an error; an empty selection is not.
static void end_of_selection(struct pipeline *p, struct operator_session *s)
{
    if (s->messages == 0 && filter_names_id(&s->request.filter))
        answer_gone(p, s);
    else
        answer_end(p, s, EX_OK);
}

// Changes: hold, release, remove, requeue, and flush of a selection.

static enum change_verb change_of(enum request_verb verb)
{
    switch (verb) {
    case VERB_HOLD:
        return CHANGE_HOLD;
    case VERB_RELEASE:
        return CHANGE_RELEASE;
    case VERB_REMOVE:
        return CHANGE_REMOVE;
    case VERB_REQUEUE:
        return CHANGE_REQUEUE;
    default:
        return CHANGE_DUE;
    }
}

static void ask_change(struct pipeline *p, struct operator_session *s)
{
    struct op *op = op_new(OP_CHANGE);
    op->change.filter = s->request.filter;
    op->change.verb = change_of(s->request.verb);
    op->change.dry_run = s->request.dry_run;
    op->change.now_ms = p->now_ms;
    op->change.mark = p->config->mode == MODE_QUEUE ? scheduler_mark(p->now_ms) : 0;
    op->change.uid = request_scope_uid(&s->caller);
    op->change.reason = s->request.reason[0] ? must_strdup(s->request.reason) : NULL;
    op->change.after = s->after;
    op->change.limit = CHANGE_PAGE;
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

void answer_sample(struct operator_session *s, uint64_t message, const char *address)
{
    char id[MESSAGE_ID_DIGITS + 1];
    if (!s->request.dry_run || s->samples++ >= SAMPLE_MAX)
        return;
    message_id_format(message, id);
    buf_addf(&s->text, "%s  ", id);
    text_escape(slice_str(address), &s->text);
    buf_add_byte(&s->text, '\n');
}

static void log_removed(struct pipeline *p, uint64_t message)
{
    struct buf line;
    buf_init(&line, LOGLINE_MAX);
    logline_removed(message, &line);
    effect_log(p, LOG_LEVEL_INFO, &line);
    buf_close(&line);
}

void operator_changed(struct pipeline *p, const struct op_change *c)
{
    for (uint32_t i = 0; i < c->row_count && !c->dry_run; i++) {
        const struct op_change_row *row = &c->rows[i];
        if (c->verb == CHANGE_HOLD || c->verb == CHANGE_REMOVE) {
            windows_drop(p, row->message, row->n, row->domain);
            if (row->is_last)
                log_removed(p, row->message);
        } else {
            if (c->verb == CHANGE_DUE && c->mark)
                windows_flush_marked(p, row->domain, c->now_ms);
            else
                windows_due(p, row->domain, p->now_ms);
            windows_wake(p, row->address, row->domain);
        }
    }
}

// The reason is the operator's text, and may hold line ends.
static void log_change(struct pipeline *p, const struct operator_session *s)
{
    struct buf reason;
    buf_init(&reason, 4 * sizeof s->request.reason);
    text_escape(slice_str(s->request.reason), &reason);
    effect_logf(p, LOG_LEVEL_INFO, "operator %s: %s: %llu recipients of %llu messages, reason: %s",
                s->who, request_verb_name(s->request.verb), (unsigned long long)s->rcpts,
                (unsigned long long)s->messages, reason.n > 0 ? reason.p : "none given");
    buf_close(&reason);
}

void answer_summary(struct pipeline *p, struct operator_session *s)
{
    if (!s->request.dry_run && s->messages > 0)
        log_change(p, s);
    buf_addf(&s->text, "%s%s: %llu recipient%s of %llu message%s\n",
             request_verb_name(s->request.verb), s->request.dry_run ? " would change" : "",
             (unsigned long long)s->rcpts, s->rcpts == 1 ? "" : "s",
             (unsigned long long)s->messages, s->messages == 1 ? "" : "s");
}

static void change_stored(struct pipeline *p, struct operator_session *s, struct op *op)
{
    struct op_change *c = &op->change;
    for (uint32_t i = 0; i < c->row_count; i++)
        answer_sample(s, c->rows[i].message, c->rows[i].address);
    s->messages += c->message_count;
    s->rcpts += c->row_count;
    s->after = c->last;
    if (!c->is_done) {
        ask_change(p, s);
        return;
    }
    if (s->messages > 0 || !filter_names_id(&s->request.filter))
        answer_summary(p, s);
    if (s->messages > 0 && s->request.verb == VERB_FLUSH)
        answer_suspended(p, s);
    end_of_selection(p, s);
}

// What is woken now would rest again as soon as the spool has said who rests. A spool that says
// nothing is not waited for: then the flush is what tells of the trouble.
static bool is_too_early(struct pipeline *p, struct operator_session *s)
{
    bool is_loading = p->brakes & BRAKE_LOADING;
    s->is_early = is_loading && p->now_ms - p->started_ms < FLUSH_WAIT_MS;
    if (s->is_early)
        alarm_set(p, &s->alarm, p->now_ms + OPERATOR_EARLY_MS);
    return s->is_early;
}

static void flush(struct pipeline *p, struct operator_session *s)
{
    if (is_too_early(p, s))
        return;
    bool everything = s->request.filter.count == 0 && s->caller.is_operator && !s->request.dry_run;
    if (!everything) {
        ask_change(p, s);
        return;
    }
    struct scheduler_counts counts;
    scheduler_count(p->scheduler, &counts);
    s->domains = 0;
    s->resting = counts.resting;
    effect_logf(p, LOG_LEVEL_INFO, "operator %s: flush", s->who);
    windows_flush(p, s->conn);
}

void operator_flushing(struct operator_session *s, uint32_t domains)
{
    s->domains += domains;
}

static void say_flushed(struct operator_session *s)
{
    if (s->domains == 0) {
        buf_add_str(&s->text, "flush: no mail waits to be tried\n");
        return;
    }
    buf_addf(&s->text, "flush: what waits for %u domain%s is due now", s->domains,
             s->domains == 1 ? "" : "s");
    if (s->resting == 1)
        buf_add_str(&s->text, "; a destination that rested is tried with one message first");
    else if (s->resting > 1)
        buf_addf(&s->text, "; %u destinations that rested are tried with one message each first",
                 s->resting);
    buf_add_byte(&s->text, '\n');
}

void operator_flushed(struct pipeline *p, struct operator_session *s, enum fp_err err)
{
    if (err) {
        answer_trouble(p, s, err);
        return;
    }
    say_flushed(s);
    answer_suspended(p, s);
    answer_end(p, s, EX_OK);
}

static void start(struct pipeline *p, struct operator_session *s)
{
    struct buf why;
    buf_init(&why, 4096);
    enum fp_err err = request_check(&s->request, &why);
    if (err) {
        answer_error(p, s, EX_USAGE, buf_slice(&why).p);
        buf_close(&why);
        return;
    }
    buf_close(&why);
    if (request_changes(s->request.verb) && filter_names_active(&s->request.filter)) {
        answer_error(p, s, EX_USAGE,
                     "state=active selects what is being tried at this moment: it can be listed, "
                     "not changed; name the id instead");
        return;
    }
    switch (s->request.verb) {
    case VERB_LIST:
        answer_list(p, s);
        break;
    case VERB_SHOW:
        answer_show(p, s);
        break;
    case VERB_STATS:
        answer_stats(p, s);
        break;
    case VERB_WHY:
        answer_why(p, s);
        break;
    case VERB_PLAN:
        answer_plan(p, s);
        break;
    case VERB_ROUTE:
        answer_route(p, s);
        break;
    case VERB_BOUNCE:
        answer_bounce(p, s);
        break;
    case VERB_FLUSH:
        flush(p, s);
        break;
    case VERB_SUSPEND:
    case VERB_RESUME:
        answer_suspend(p, s);
        break;
    default:
        ask_change(p, s);
        break;
    }
}

static void take_request(struct pipeline *p, struct operator_session *s, struct slice line)
{
    struct buf why;
    buf_init(&why, 4096);
    s->is_busy = true;
    s->after = s->messages = s->rcpts = s->samples = 0;
    enum fp_err err = wire_parse_request(line, &s->request, &why);
    buf_drop(&s->input, line.n + 1);
    request_idn(&s->request);
    if (err)
        answer_error(p, s, EX_USAGE, buf_slice(&why).p);
    else
        start(p, s);
    buf_close(&why);
}

static bool may_take(const struct operator_session *s)
{
    return !s->is_busy && !s->is_unheard;
}

static void set_reading(struct pipeline *p, struct operator_session *s)
{
    bool wanted = may_take(s) || s->input.n < INPUT_HIGH;
    if (wanted != s->is_reading)
        effect_read(p, s->conn, wanted);
    s->is_reading = wanted;
}

// Many requests may be answered at once, so this is a loop, and what ends an answer within it only
// leaves.
static void next_request(struct pipeline *p, struct operator_session *s)
{
    const char *end;
    if (s->is_looping)
        return;
    s->is_looping = true;
    while (may_take(s) && s->input.n > 0 && (end = memchr(s->input.p, '\n', s->input.n)))
        take_request(p, s, (struct slice){s->input.p, (size_t)(end - s->input.p)});
    if (may_take(s) && s->input.n > WIRE_LINE_MAX) {
        buf_reset(&s->input);
        answer_error(p, s, EX_USAGE, "the request is too long");
        s->is_deaf = true; // what comes is the rest of that line
    }
    s->is_looping = false;
    if (may_take(s) && s->has_eof) { // over, when the answers are out
        s->is_unheard = true;
        buf_reset(&s->input);
        effect_send(p, s->conn, SLICE_LIT(""), true);
    }
    set_reading(p, s);
}

void operator_bytes(struct pipeline *p, struct operator_session *s, struct slice bytes)
{
    if (s->is_deaf)
        return;
    must(buf_add_slice(&s->input, bytes) == FP_OK); // reading stops in time, see set_reading
    next_request(p, s);
}

void operator_eof(struct pipeline *p, struct operator_session *s)
{
    s->has_eof = true;
    next_request(p, s);
}

bool operator_sent(struct pipeline *p, struct operator_session *s)
{
    if (s->is_unheard) {
        s->is_unheard = false;
        s->said = 0;
        if (s->has_eof && s->input.n == 0)
            return false;
        next_request(p, s);
    } else if (s->is_busy && s->request.verb == VERB_LIST) {
        list_sent(p, s);
    } else if (s->is_busy && s->request.verb == VERB_SHOW) {
        show_continue(p, s);
    } else if (s->is_busy && s->request.verb == VERB_WHY) {
        why_continue(p, s);
    }
    return true;
}

void operator_timer(struct pipeline *p, struct operator_session *s)
{
    if (s->is_early && s->request.verb == VERB_FLUSH)
        flush(p, s);
    else if (s->is_early)
        answer_suspend(p, s);
    else
        list_timer(p, s);
}

void operator_stored(struct pipeline *p, struct operator_session *s, struct op *op)
{
    if (op->kind == OP_LIST && s->request.verb == VERB_LIST) {
        list_read(p, s, op);
        return;
    }
    if (op->err && op->err != FP_NOT_FOUND) {
        answer_trouble(p, s, op->err);
        return;
    }
    switch (op->kind) {
    case OP_LIST:
        if (s->request.verb == VERB_SUSPEND)
            suspend_mail_read(p, s, op);
        else
            bounce_listed(p, s, op);
        break;
    case OP_SUSPEND:
        suspend_stored(p, s, op);
        break;
    case OP_READ:
        (s->request.verb == VERB_WHY ? why_read : show_read)(p, s, op);
        break;
    case OP_CHUNK:
        show_chunk(p, s, op);
        break;
    case OP_STATS:
        stats_read(p, s, op);
        break;
    case OP_CHANGE:
        change_stored(p, s, op);
        break;
    case OP_HISTORY:
        (s->request.verb == VERB_WHY ? why_history : gone_read)(p, s, op);
        break;
    case OP_FIND:
        why_found(p, s, op);
        break;
    case OP_ENDED:
        why_ended(p, s, op);
        break;
    case OP_PLAN:
        (s->request.verb == VERB_PLAN ? plan_counted : place_counted)(p, s, op);
        break;
    default:
        must(false);
    }
}
