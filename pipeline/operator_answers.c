// SPDX-License-Identifier: BSD-2-Clause
// operator_answers: show, stats and bounce: what is asked of the spool for them, and the texts of
// control/ that answer. See operator_internal.h.
#include "control/statistics_json.h"
#include "core/header.h"
#include "pipeline/brakes.h"
#include "pipeline/operator_internal.h"

#include <stdlib.h>
#include <sysexits.h>

enum {
    BOUNCE_PAGE = 50,
    STATS_DOMAINS = 100,
    STATS_PAGE = 5000, // messages and recipients: a millisecond, when they are in memory
    STATS_DESTINATIONS_MAX = 100,
};

// What the scheduler shows lives until it is fed next.
static bool ask_health(void *arg, const char *destination, struct explain_health *ret)
{
    struct destination_view view;
    struct pipeline *p = arg;
    if (!scheduler_destination(p->scheduler, destination, &view))
        return false;
    const char *blocked = blocking_text(p, destination, &view);
    if (blocked) {
        *ret = (struct explain_health){.last_probe_ms = view.local_ms,
                                       .rest_until_ms = view.rest_until_ms,
                                       .status = "",
                                       .text = blocked};
        return true;
    }
    if (view.failures == 0)
        return false;
    *ret = (struct explain_health){
        .last_probe_ms = view.last_probe_ms,
        .rest_until_ms = view.rest_until_ms,
        .status = view.why ? view.why->status : NULL,
        .text = view.why ? view.why->text : NULL,
    };
    return true;
}

const char *operator_discreet(struct pipeline *p, const char *text)
{
    struct buf plain;
    if (!text || !strchr(text, '@'))
        return text;
    buf_init(&plain, 64 * 1024);
    text_hide_addresses(slice_str(text), &plain);
    const char *kept = effect_keep(p, buf_slice(&plain)).p;
    buf_close(&plain);
    return kept;
}

static bool ask_health_discreet(void *arg, const char *destination, struct explain_health *ret)
{
    bool is_known = ask_health(arg, destination, ret);
    if (is_known)
        ret->text = operator_discreet(arg, ret->text);
    return is_known;
}

static enum sched_place ask_place(void *arg, uint64_t message, uint32_t n)
{
    return scheduler_place(((struct pipeline *)arg)->scheduler, message, n);
}

static const char *ask_site(void *arg, const char *domain)
{
    return site_of(arg, domain);
}

struct explain operator_explain(struct pipeline *p, const struct operator_session *s)
{
    return (struct explain){.config = p->config,
                            .arg = p,
                            .health = s->caller.is_operator ? ask_health : ask_health_discreet,
                            .site = ask_site,
                            .place = ask_place,
                            .now_ms = p->now_ms,
                            .suspensions = scheduler_suspensions(p->scheduler)};
}

void operator_ask_list(struct pipeline *p, struct operator_session *s, uint32_t limit)
{
    struct op *op = op_new(OP_LIST);
    op->list.filter = s->request.filter;
    op->list.now_ms = p->now_ms;
    op->list.uid = request_scope_uid(&s->caller);
    op->list.after = s->after;
    op->list.limit = limit;
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

void answer_show(struct pipeline *p, struct operator_session *s)
{
    struct op *op = op_new(OP_READ);
    op->read.message = (uint64_t)s->request.filter.terms[0].number;
    s->after = op->read.message;
    s->show_chunk = 0;
    s->show_given = 0;
    s->in_body = false;
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

static void ask_chunk(struct pipeline *p, struct operator_session *s)
{
    struct op *op = op_new(OP_CHUNK);
    op->chunk.message = s->after;
    op->chunk.chunk = s->show_chunk++;
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

void show_read(struct pipeline *p, struct operator_session *s, struct op *op)
{
    struct op_row *row = op->read.row;
    int64_t uid = request_scope_uid(&s->caller);
    if (op->err || !row || (uid >= 0 && row->message.uid != uid)) {
        answer_gone(p, s);
        return;
    }
    s->show_size = row->message.size;
    if (s->request.part == SHOW_ALL || s->request.part == SHOW_ENVELOPE) {
        struct explain x = operator_explain(p, s);
        struct listing_recipient *rcpts = must_alloc(row->rcpt_count * sizeof *rcpts);
        explain_row(&x, row, rcpts);
        struct listing_row lr = {
            .message = &row->message, .rcpts = rcpts, .rcpt_count = row->rcpt_count};
        listing_show(&lr, p->now_ms, p->utc_offset_s, &s->text);
        free(rcpts);
    }
    if (s->request.part == SHOW_ENVELOPE) {
        answer_end(p, s, EX_OK);
        return;
    }
    if (s->request.part == SHOW_ALL)
        buf_add_byte(&s->text, '\n');
    ask_chunk(p, s);
}

void show_chunk(struct pipeline *p, struct operator_session *s, struct op *op)
{
    struct slice data = {op->chunk.data, op->err ? 0 : op->chunk.size};
    s->show_given += data.n;
    bool is_last = data.n == 0 || s->show_given >= s->show_size || s->request.part == SHOW_HEADERS;
    if (!s->in_body) {
        size_t header = header_block_size(data);
        if (s->request.part == SHOW_HEADERS)
            data.n = header;
        else if (s->request.part == SHOW_BODY)
            data = slice_from(data, header);
        s->in_body = true;
    }
    explain_content(data, &s->text);
    if (is_last)
        answer_end(p, s, EX_OK);
    else
        answer_flush(p, s, true);
}

void show_continue(struct pipeline *p, struct operator_session *s)
{
    ask_chunk(p, s);
}

void answer_stats(struct pipeline *p, struct operator_session *s)
{
    if (!s->caller.is_operator) {
        answer_error(
            p, s, EX_NOPERM,
            "stats tells of everybody's mail: it is for root, the service user and operators");
        return;
    }
    struct op *op = op_new(OP_STATS);
    op->stats.now_ms = p->now_ms;
    op->stats.domain_limit = STATS_DOMAINS;
    op->stats.limit = STATS_PAGE;
    op->stats.held_why = brake_held_why;
    withheld_free(s->withheld);
    s->withheld = withheld_new();
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

static uint32_t resting_destinations(struct pipeline *p, struct statistics_destination *to)
{
    struct unhealthy rows[STATS_DESTINATIONS_MAX];
    uint32_t count = scheduler_unhealthy(p->scheduler, rows, STATS_DESTINATIONS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct destination_view *v = &rows[i].view;
        to[i] = (struct statistics_destination){
            .name = rows[i].name,
            .state = v->state == DESTINATION_PROBING ? "probing" : "resting",
            .why = v->why ? v->why->text : "",
            .rest_until_ms = v->rest_until_ms,
            .failures = v->failures,
            .running = v->running,
        };
    }
    return count + operator_passed_over(p, to + count, STATS_DESTINATIONS_MAX - count);
}

static uint32_t blocked_here(const struct pipeline *p, struct statistics_blocked *to)
{
    struct blocked_view views[BLOCKED_MAX];
    uint32_t listed = blocked_list(p->blocked, views, BLOCKED_MAX), count = 0;
    for (uint32_t i = 0; i < listed; i++)
        if (blocking_is_felt(p, &views[i]))
            to[count++] = (struct statistics_blocked){
                .kind = outcome_blocked_text(views[i].kind),
                .destination = views[i].destination,
                .why = views[i].why,
                .since_ms = views[i].since_ms,
            };
    return count;
}

static void add_flow(const struct pipeline *p, struct statistics *to)
{
    struct pipeline_flow flow;
    pipeline_flow(p, &flow);
    to->body_memory = flow.body_memory;
    to->body_memory_max = flow.body_memory_max;
    to->on_way = flow.intake.on_way;
    to->on_way_max = flow.intake.marks.stop;
    to->in_sessions = flow.intake.held;
    to->sessions = flow.sessions;
    to->unread_sessions = flow.unread_sessions;
    to->writer_ops = flow.writer_ops;
    to->stops = flow.intake.stops;
    to->refusals = flow.intake.refusals;
}

void stats_read(struct pipeline *p, struct operator_session *s, struct op *op)
{
    const struct op_stats *o = &op->stats;
    brakes_count(s->withheld, o);
    if (!o->is_done) {
        store_op(p, op_stats_rest(op), WAIT_OPERATOR)->conn = s->conn;
        return;
    }
    struct scheduler_counts counts;
    scheduler_count(p->scheduler, &counts);
    struct statistics_row *rows = must_alloc(o->row_count * sizeof *rows);
    for (uint32_t i = 0; i < o->row_count; i++)
        rows[i] = (struct statistics_row){o->rows[i].domain, o->rows[i].total, o->rows[i].by_age};
    struct statistics st = {
        .now_ms = p->now_ms,
        .started_ms = p->started_ms,
        .messages = o->messages,
        .bytes = o->bytes,
        .queued = o->queued,
        .deferred = o->deferred,
        .active = counts.active_rcpts,
        .held = o->held,
        .oldest_arrival_ms = o->oldest_arrival_ms,
        .spool_bytes = o->spool_bytes,
        .free_bytes = o->free_bytes,
        .accepted = p->counters.accepted,
        .delivered = p->counters.delivered,
        .deferrals = p->counters.deferred,
        .bounced = p->counters.failed,
        .rows = rows,
        .row_count = o->row_count,
    };
    add_flow(p, &st);
    struct statistics_destination resting[STATS_DESTINATIONS_MAX];
    st.destinations = resting;
    st.destination_count = resting_destinations(p, resting);
    struct statistics_blocked blocked[BLOCKED_MAX];
    st.blocked = blocked;
    st.blocked_count = blocked_here(p, blocked);
    struct statistics_brake brakes[BRAKES_MAX];
    st.brakes = brakes;
    st.brake_count = brakes_list(s->withheld, brakes);
    st.suspensions = scheduler_suspensions(p->scheduler)->rows;
    st.suspension_count = scheduler_suspensions(p->scheduler)->count;
    if (s->request.format == LISTING_JSON || s->request.format == LISTING_JSONL)
        statistics_json(&st, &s->text);
    else
        statistics_format(&st, &s->text);
    free(rows);
    answer_end(p, s, EX_OK);
}

// Bounce: what the selection lists is settled as failed, page by page.

void answer_bounce(struct pipeline *p, struct operator_session *s)
{
    operator_ask_list(p, s, BOUNCE_PAGE);
}

static void bounce_continue(struct pipeline *p, struct operator_session *s)
{
    if (s->under_way > 0)
        return;
    if (!s->is_last_page) {
        operator_ask_list(p, s, BOUNCE_PAGE);
        return;
    }
    if (s->messages == 0 && filter_names_id(&s->request.filter)) {
        answer_gone(p, s);
        return;
    }
    answer_summary(p, s);
    answer_end(p, s, EX_OK);
}

static void bounced(struct pipeline *p, void *arg)
{
    struct conn *c = conn_find(p, (uint64_t)(uintptr_t)arg);
    struct operator_session *s = c ? door_operator(c->door) : NULL;
    if (!s)
        return; // the operator has gone; what was asked is done all the same
    s->under_way--;
    bounce_continue(p, s);
}

static void bounce_row(struct pipeline *p, struct operator_session *s, const struct op_row *row)
{
    s->messages++;
    s->rcpts += row->rcpt_count;
    for (uint32_t i = 0; i < row->rcpt_count; i++)
        answer_sample(s, row->message.id, row->rcpts[i].address);
    if (s->request.dry_run)
        return;
    for (uint32_t from = 0; from < row->rcpt_count; from += SETTLE_RCPTS_MAX) {
        uint32_t count =
            row->rcpt_count - from < SETTLE_RCPTS_MAX ? row->rcpt_count - from : SETTLE_RCPTS_MAX;
        struct op_row part = {.rcpts = must_alloc(count * sizeof *part.rcpts), .rcpt_count = count};
        message_copy(&part.message, &row->message);
        for (uint32_t i = 0; i < count; i++) {
            recipient_copy(&part.rcpts[i], &row->rcpts[from + i]);
            // One that is being tried goes back all the same.
            scheduler_claim(p->scheduler, part.message.id, part.rcpts[i].n);
        }
        s->under_way++;
        settling_bounce(p, &part, s->request.reason, bounced, (void *)(uintptr_t)s->conn);
    }
}

void bounce_listed(struct pipeline *p, struct operator_session *s, struct op *op)
{
    s->after = op->list.last;
    s->is_last_page = op->list.is_done;
    s->under_way++; // see sweep.c: a settlement that ends at once must not ask for the next page
    for (uint32_t i = 0; i < op->list.page.row_count; i++)
        bounce_row(p, s, &op->list.page.rows[i]);
    s->under_way--;
    bounce_continue(p, s);
}
