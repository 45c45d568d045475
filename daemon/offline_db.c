// SPDX-License-Identifier: BSD-2-Clause
// offline: list, show, stats and why while no daemon runs. See offline_db.h.
#include "daemon/offline_db.h"

#include "bounce/brake.h"
#include "control/request_idn.h"
#include "control/statistics_json.h"
#include "control/suspended.h"
#include "control/suspended_json.h"
#include "core/header.h"
#include "core/must.h"
#include "io/system_sys.h"
#include "pipeline/account.h"
#include "pipeline/brakes.h"
#include "pipeline/explain.h"
#include "pipeline/past.h"
#include "queue/store_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum {
    PAGE = 1000,
    TEXT_MAX = 64 * 1024 * 1024,
    STATS_DOMAINS = 100,
    STATS_PAGE = 5000,
    GONE_RCPTS_MAX = 10,
    WHY_RCPTS = 50,
};

struct offline {
    const struct config *config;
    struct store *store;
    struct request request;
    struct op *healths;
    struct suspensions suspensions;
    int64_t now_ms;
    int utc_offset_s;
    struct buf text;
    struct buf name; // of the suspension that was told of last
    uint64_t messages;
};

static int compare_name(const void *name, const void *row)
{
    return strcmp(name, ((const struct op_health_row *)row)->name);
}

// The rows are in order of their names.
static bool find_health(void *arg, const char *destination, struct explain_health *ret)
{
    const struct op_healths *all = &((struct offline *)arg)->healths->healths;
    const struct op_health_row *row = NULL;
    if (all->row_count > 0)
        row = bsearch(destination, all->rows, all->row_count, sizeof *row, compare_name);
    if (!row || row->failures == 0)
        return false;
    *ret = (struct explain_health){
        .last_probe_ms = row->last_probe_ms,
        .rest_until_ms = row->rest_until_ms,
        .status = row->status,
        .text = row->text,
    };
    return true;
}

static enum sched_place all_in_spool(void *arg, uint64_t message, uint32_t n)
{
    (void)arg, (void)message, (void)n;
    return SCHED_IN_SPOOL;
}

static void print(struct offline *o)
{
    fwrite(buf_slice(&o->text).p, 1, o->text.n, stdout);
    buf_reset(&o->text);
}

static struct explain explain_of(struct offline *o)
{
    return (struct explain){
        .config = o->config,
        .arg = o,
        .health = find_health,
        .place = all_in_spool,
        .now_ms = o->now_ms,
        .suspensions = &o->suspensions,
    };
}

// Shows one message: as a row of the listing, or by itself where there is none.
static void explain_and(struct offline *o, const struct op_row *row, struct listing *l)
{
    struct explain x = explain_of(o);
    struct listing_recipient *rcpts = must_alloc(row->rcpt_count * sizeof *rcpts);
    explain_row(&x, row, rcpts);
    struct listing_row lr = {
        .message = &row->message, .rcpts = rcpts, .rcpt_count = row->rcpt_count};
    if (l)
        listing_row(l, &lr, &o->text);
    else
        listing_show(&lr, o->now_ms, o->utc_offset_s, &o->text);
    free(rcpts);
}

static int trouble(const struct op *op)
{
    fprintf(stderr, "fermoposta: the spool cannot be read: %s\n", fp_err_text(op->err));
    return EX_IOERR;
}

static int no_such_message(struct offline *o)
{
    struct op *op = op_new(OP_HISTORY);
    op->history.message = filter_id(&o->request.filter);
    op->history.count = GONE_RCPTS_MAX;
    store_run(o->store, op);
    struct buf text;
    buf_init(&text, 64 * 1024);
    past_sentence(&op->history, -1, &o->request.filter, o->utc_offset_s, &text);
    fprintf(stderr, "fermoposta: %s\n", buf_slice(&text).p);
    buf_close(&text);
    op_free(op);
    return EX_NOINPUT;
}

static int list(struct offline *o)
{
    struct listing l;
    listing_init(&l, o->request.format, o->now_ms, o->utc_offset_s);
    l.is_filtered = o->request.filter.count > 0;
    listing_begin(&l, &o->text);
    uint64_t after = 0;
    bool is_done = filter_names_active(&o->request.filter); // nothing is, without a daemon
    while (!is_done) {
        struct op *op = op_new(OP_LIST);
        op->list.filter = o->request.filter;
        op->list.now_ms = o->now_ms;
        op->list.after = after;
        op->list.limit = PAGE;
        store_run(o->store, op);
        if (op->err) {
            int code = trouble(op);
            op_free(op);
            return code;
        }
        for (uint32_t i = 0; i < op->list.page.row_count; i++)
            explain_and(o, &op->list.page.rows[i], &l);
        o->messages += op->list.page.row_count;
        after = op->list.last;
        is_done = op->list.is_done;
        op_free(op);
        print(o);
    }
    if (o->messages == 0 && filter_names_id(&o->request.filter))
        return no_such_message(o);
    listing_end(&l, &o->text);
    print(o);
    return EX_OK;
}

static void show_content(struct offline *o, uint64_t id, uint32_t chunks)
{
    for (uint32_t i = 0; i < chunks; i++) {
        struct op *op = op_new(OP_CHUNK);
        op->chunk.message = id;
        op->chunk.chunk = i;
        store_run(o->store, op);
        struct slice data = {op->chunk.data, op->err ? 0 : op->chunk.size};
        size_t header = i == 0 ? header_block_size(data) : 0;
        if (o->request.part == SHOW_HEADERS)
            data.n = header;
        else if (o->request.part == SHOW_BODY)
            data = slice_from(data, header);
        explain_content(data, &o->text);
        op_free(op);
        print(o);
        if (o->request.part == SHOW_HEADERS)
            break;
    }
}

static int show(struct offline *o)
{
    struct op *op = op_new(OP_READ);
    op->read.message = (uint64_t)o->request.filter.terms[0].number;
    store_run(o->store, op);
    int code = EX_OK;
    if (op->err == FP_NOT_FOUND) {
        code = no_such_message(o);
    } else if (op->err) {
        code = trouble(op);
    } else {
        if (o->request.part == SHOW_ALL || o->request.part == SHOW_ENVELOPE)
            explain_and(o, op->read.row, NULL);
        if (o->request.part == SHOW_ALL)
            buf_add_byte(&o->text, '\n');
        print(o);
        if (o->request.part != SHOW_ENVELOPE)
            show_content(o, op->read.message, op->read.chunk_count);
    }
    op_free(op);
    return code;
}

static struct op *count_queue(struct offline *o, struct withheld *withheld)
{
    struct op *op = op_new(OP_STATS);
    op->stats.now_ms = o->now_ms;
    op->stats.domain_limit = STATS_DOMAINS;
    op->stats.limit = STATS_PAGE;
    op->stats.held_why = brake_held_why;
    store_run(o->store, op);
    while (!op->err && !op->stats.is_done) {
        brakes_count(withheld, &op->stats);
        struct op *rest = op_stats_rest(op);
        op_free(op);
        op = rest;
        store_run(o->store, op);
    }
    brakes_count(withheld, &op->stats);
    return op;
}

static int stats(struct offline *o)
{
    struct withheld *withheld = withheld_new();
    struct op *op = count_queue(o, withheld);
    if (op->err) {
        int code = trouble(op);
        withheld_free(withheld);
        op_free(op);
        return code;
    }
    const struct op_stats *s = &op->stats;
    struct statistics_row *rows = must_alloc(s->row_count * sizeof *rows);
    for (uint32_t i = 0; i < s->row_count; i++)
        rows[i] = (struct statistics_row){s->rows[i].domain, s->rows[i].total, s->rows[i].by_age};
    struct statistics st = {
        .now_ms = o->now_ms,
        .messages = s->messages,
        .bytes = s->bytes,
        .queued = s->queued,
        .deferred = s->deferred,
        .held = s->held,
        .oldest_arrival_ms = s->oldest_arrival_ms,
        .spool_bytes = s->spool_bytes,
        .free_bytes = s->free_bytes,
        .rows = rows,
        .row_count = s->row_count,
        .suspensions = o->suspensions.rows,
        .suspension_count = o->suspensions.count,
    };
    struct statistics_brake brakes[BRAKES_MAX];
    st.brakes = brakes;
    st.brake_count = brakes_list(withheld, brakes);
    if (o->request.format == LISTING_JSON || o->request.format == LISTING_JSONL)
        statistics_json(&st, &o->text);
    else
        statistics_format(&st, &o->text);
    print(o);
    free(rows);
    withheld_free(withheld);
    op_free(op);
    return EX_OK;
}

static void read_suspensions(struct offline *o)
{
    struct op *op = op_new(OP_SUSPENSIONS);
    store_run(o->store, op);
    for (uint32_t i = 0; !op->err && i < op->suspensions.row_count; i++)
        suspensions_put(&o->suspensions, &op->suspensions.rows[i]);
    op_free(op);
}

static int list_suspensions(struct offline *o)
{
    const struct suspensions *all = &o->suspensions;
    struct column c = column_begin(&o->text);
    if (o->request.format != LISTING_TABLE)
        suspended_json(all->rows, all->count, o->request.format == LISTING_JSONL, &o->text);
    else if (all->count == 0)
        buf_add_str(&o->text, "Nothing is suspended\n");
    else
        suspended_table(all->rows, all->count, o->now_ms, &c);
    print(o);
    return EX_OK;
}

static int need_daemon(const struct offline *o)
{
    fprintf(stderr, "fermoposta: %s needs the running daemon\n",
            request_verb_name(o->request.verb));
    return EX_TEMPFAIL;
}

static void take_suspension(struct offline *o, const struct suspension *by, struct why_hold *ret)
{
    buf_reset(&o->name);
    suspension_name(by, &o->name);
    *ret = (struct why_hold){.kind = WHY_SUSPENDED,
                             .destination = buf_slice(&o->name).p,
                             .reason = by->reason,
                             .since_ms = by->since_ms,
                             .until_ms = by->until_ms};
}

static void find_hold(void *arg, const struct message *m, const struct recipient *r,
                      struct why_hold *ret)
{
    struct offline *o = arg;
    struct explain x = explain_of(o);
    const struct suspension *by = explain_suspended(&x, m, r);
    *ret = (struct why_hold){.kind = WHY_NO_DAEMON};
    if (r->state == RECIPIENT_HELD)
        *ret = (struct why_hold){.kind = WHY_HELD, .reason = r->held_why};
    else if (by)
        take_suspension(o, by, ret);
}

// One page of the message's recipients; true: there is another one.
static bool tell_why(struct offline *o, struct account *account, struct why *w, uint32_t from_n,
                     uint64_t message)
{
    struct op *op = op_new(OP_HISTORY);
    op->history.message = message;
    op->history.from_n = from_n;
    op->history.count = WHY_RCPTS;
    store_run(o->store, op);
    account->history = &op->history;
    if (!op->err)
        account_add(account, w, &o->text);
    bool has_more = !op->err && !op->history.is_done;
    op_free(op);
    print(o);
    return has_more;
}

static int why_message(struct offline *o, uint64_t message)
{
    struct explain x = explain_of(o);
    struct op *op = op_new(OP_READ);
    op->read.message = message;
    store_run(o->store, op);
    struct account account = {
        .explain = &x, .uid = -1, .row = op->read.row, .hold = find_hold, .arg = o};
    struct why w = {.is_json = o->request.format == LISTING_JSON,
                    .now_ms = o->now_ms,
                    .utc_offset_s = o->utc_offset_s};
    uint32_t from_n = 0;
    while (tell_why(o, &account, &w, from_n, message))
        from_n += WHY_RCPTS;
    int code = op->read.row ? EX_OK : EX_NOINPUT;
    op_free(op);
    if (w.count > 0)
        why_end(&w, 0, "", &o->text);
    else
        fprintf(stderr, "fermoposta: no such message in the queue, and history does not know it\n");
    print(o);
    return code;
}

static int why(struct offline *o)
{
    uint64_t message;
    if (message_id_parse(slice_str(o->request.subject), &message))
        return why_message(o, message);
    fprintf(stderr, "fermoposta: without the running daemon why tells of a queue id only\n");
    return EX_TEMPFAIL;
}

static int run(struct offline *o)
{
    read_suspensions(o);
    o->healths = op_new(OP_HEALTHS);
    store_run(o->store, o->healths);
    int code;
    switch (o->request.verb) {
    case VERB_LIST:
        code = list(o);
        break;
    case VERB_SHOW:
        code = show(o);
        break;
    case VERB_STATS:
        code = stats(o);
        break;
    case VERB_WHY:
        code = why(o);
        break;
    case VERB_PLAN:
        code = need_daemon(o);
        break;
    default:
        code = request_does_change(&o->request) ? need_daemon(o) : list_suspensions(o);
    }
    op_free(o->healths);
    suspensions_close(&o->suspensions);
    return code;
}

static int open_code(enum fp_err err)
{
    switch (err) {
    case FP_DENIED:
        return EX_NOPERM;
    case FP_NOT_FOUND:
        return EX_NOINPUT;
    case FP_CORRUPT:
    case FP_NEWER:
        return EX_DATAERR; // as the daemon says it
    default:
        return EX_IOERR;
    }
}

int offline_run(const struct config *config, const char *verb, const char *const *words,
                size_t count)
{
    struct offline o = {.config = config, .now_ms = system_now_ms()};
    o.utc_offset_s = system_utc_offset_s(o.now_ms);
    struct buf why;
    buf_init(&why, 64 * 1024);
    buf_init(&o.text, TEXT_MAX);
    buf_init(&o.name, SUSPENSION_NAME_MAX + 16);
    int code = EX_OK;
    if (!request_verb_parse(verb, &o.request.verb)) {
        buf_addf(&why, "unknown verb \"%s\"", verb);
        code = EX_USAGE;
    } else if (request_parse_words(&o.request, words, count, &why) ||
               request_check(&o.request, &why)) {
        code = EX_USAGE;
    } else {
        request_idn(&o.request);
        struct store_options options = {.role = STORE_READER, .is_durable = true};
        enum fp_err err = store_open(config->spool, &options, &o.store, &why);
        code = err == FP_OK ? run(&o) : open_code(err);
        if (err == FP_OK)
            store_close(o.store);
        if (err == FP_DENIED)
            buf_add_str(&why, "; while no daemon runs, only root and its user may read the spool");
    }
    if (why.n > 0)
        fprintf(stderr, "fermoposta: %s\n", why.p);
    buf_close(&why);
    buf_close(&o.text);
    buf_close(&o.name);
    return code;
}
