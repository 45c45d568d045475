// SPDX-License-Identifier: BSD-2-Clause
// shell: executes the pipeline's effects. See shell_uv.h; start and stop are in start_uv.c.
#include "daemon/fetching_uv.h"
#include "daemon/handing_uv.h"
#include "daemon/proving_uv.h"
#include "daemon/shell_internal_uv.h"

#include <stdlib.h>
#include <utlist.h>

enum { TIMER_MAX_MS = 60 * 1000 }; // so that a jump of the wall clock is noticed within a minute

static struct link *link_find(struct shell *sh, uint64_t conn)
{
    struct link *l;
    HASH_FIND(hh, sh->links, &conn, sizeof conn, l);
    return l;
}

// The clocks are read once a millisecond of the loop, not for every event of a round.
struct pipeline_event shell_event(struct shell *sh, enum pipeline_event_kind kind)
{
    uint64_t tick_ms = uv_now(&sh->loop);
    if (tick_ms != sh->tick_ms || sh->now_ms == 0) {
        sh->tick_ms = tick_ms;
        sh->now_ms = system_now_ms();
        sh->monotonic_ms = system_monotonic_ms();
        sh->utc_offset_s = system_utc_offset_s(sh->now_ms);
    }
    return (struct pipeline_event){.kind = kind,
                                   .now_ms = sh->now_ms,
                                   .monotonic_ms = sh->monotonic_ms,
                                   .utc_offset_s = sh->utc_offset_s};
}

// A stream that still lives after its link was forgotten only flushes and closes.
static void on_gone(void *arg)
{
    free(arg);
}

static void link_forget(struct shell *sh, struct link *l, bool flush)
{
    HASH_DEL(sh->links, l);
    l->is_gone = true;
    proving_drop(l);
    if (l->tls)
        tls_close(l->tls, flush); // on_gone frees the link
    else if (l->stream)
        stream_close(l->stream, flush); // likewise
    else if (handing_is(l))
        handing_close(l);
    else
        free(l);
}

static void send_bytes(struct shell *sh, const struct pipeline_effect *fx)
{
    struct link *l = link_find(sh, fx->conn);
    if (l && handing_is(l))
        handing_send(l, fx);
    if (!l || !l->stream)
        return;
    bool is_out = l->tls ? tls_write(l->tls, fx->slices, fx->slice_count)
                         : stream_write(l->stream, fx->slices, fx->slice_count);
    if (!fx->wants_sent)
        return;
    is_out = is_out && stream_unsent(l->stream) == 0; // nothing new, and older bytes still wait
    l->wants_sent = !is_out;
    if (!is_out)
        return;
    if (sh->sent_count == sh->sent_cap) {
        sh->sent_cap = sh->sent_cap ? 2 * sh->sent_cap : 64;
        sh->sent = must_realloc(sh->sent, sh->sent_cap * sizeof *sh->sent);
    }
    sh->sent[sh->sent_count++] = fx->conn;
}

static void connect_out(struct shell *sh, const struct pipeline_effect *fx)
{
    struct link *l = link_add(sh, fx->conn);
    snprintf(l->ip, sizeof l->ip, "%s", fx->ip ? fx->ip : "");
    l->stream = fx->path ? stream_connect_unix(&sh->loop, fx->path, &l->handler)
                         : stream_connect_tcp(&sh->loop, fx->ip, fx->port, &l->handler);
}

static void on_tls_ready(void *arg, const struct tls_result *result)
{
    struct link *l = arg;
    if (l->is_gone)
        return;
    struct pipeline_event e = shell_event(l->shell, PIPELINE_TLS_READY);
    e.conn = l->conn;
    e.tls = result;
    shell_feed(l->shell, &e);
}

static void start_tls(struct shell *sh, const struct pipeline_effect *fx)
{
    struct link *l = link_find(sh, fx->conn);
    if (!l || !l->stream)
        return;
    if (!sh->tls)
        sh->tls = tls_engine_new();
    l->tls = tls_start(sh->tls, l->stream, fx->tls_terms, &l->handler, on_tls_ready);
}

static void answered(void *arg, const char *name, const struct dns_answer *answer)
{
    struct question *q = arg;
    struct shell *sh = q->shell;
    struct pipeline_event e = shell_event(sh, PIPELINE_ANSWER);
    e.lookup = q->lookup;
    e.answer_name = name;
    e.answer = answer;
    DL_DELETE(sh->questions, q);
    free(q);
    if (e.lookup != 0)
        shell_feed(sh, &e);
}

static void look_up(struct shell *sh, const struct pipeline_effect *fx)
{
    struct question *q = must_zalloc(sizeof *q);
    q->shell = sh;
    q->lookup = fx->lookup;
    DL_APPEND(sh->questions, q);
    dns_ask(sh->dns, fx->name, fx->type, answered, q);
}

static void store(struct shell *sh, struct op *op)
{
    struct op_chain *list = op_is_writer(op) ? &sh->to_writer : &sh->to_reader;
    op->next = NULL;
    if (list->last)
        list->last->next = op;
    else
        list->first = op;
    list->last = op;
}

static void execute(struct shell *sh, const struct pipeline_effect *fx)
{
    struct link *l;
    switch (fx->kind) {
    case PIPELINE_SEND:
        send_bytes(sh, fx);
        break;
    case PIPELINE_READ:
        if ((l = link_find(sh, fx->conn)) && l->tls)
            tls_read(l->tls, fx->is_on);
        else if (l && l->stream)
            stream_read(l->stream, fx->is_on);
        break;
    case PIPELINE_CLOSE:
        if ((l = link_find(sh, fx->conn)))
            link_forget(sh, l, fx->flush);
        break;
    case PIPELINE_CONNECT:
        connect_out(sh, fx);
        break;
    case PIPELINE_HAND_OVER:
        handing_start(sh, fx);
        break;
    case PIPELINE_FINISH:
        if ((l = link_find(sh, fx->conn)) && handing_is(l))
            handing_finish(l);
        break;
    case PIPELINE_START_TLS:
        start_tls(sh, fx);
        break;
    case PIPELINE_AUTH:
        if ((l = link_find(sh, fx->conn)))
            proving_execute(l, fx->auth);
        break;
    case PIPELINE_LOOKUP:
        look_up(sh, fx);
        break;
    case PIPELINE_FETCH:
        fetching_start(sh, fx);
        break;
    case PIPELINE_STORE:
        store(sh, fx->op);
        break;
    case PIPELINE_LOG:
        shell_log(sh, fx->level, fx->text);
        break;
    case PIPELINE_STOPPED:
        if (fx->begins_again)
            shell_begin_again(sh);
        else
            shell_stopped(sh);
        break;
    }
}

static void push_ops(struct shell *sh)
{
    if (sh->to_writer.first) {
        worker_expect(sh->writer, pipeline_commit_size(sh->pipeline));
        worker_push_list(sh->writer, sh->to_writer.first);
    }
    if (sh->to_reader.first)
        worker_push_list(sh->reader, sh->to_reader.first);
    sh->to_writer = sh->to_reader = (struct op_chain){0};
}

static void on_timer(uv_timer_t *timer)
{
    struct shell *sh = timer->data;
    sh->armed_ms = INT64_MAX;
    struct pipeline_event e = shell_event(sh, PIPELINE_TIMER);
    shell_feed(sh, &e);
}

// A timer that rings too early only costs a wake-up, so it is started anew only for an earlier
// moment.
static void arm(struct shell *sh, int64_t monotonic_ms)
{
    int64_t at = pipeline_deadline(sh->pipeline), now_ms = pipeline_now(sh->pipeline);
    int64_t delay_ms = at <= now_ms ? 0 : at - now_ms < TIMER_MAX_MS ? at - now_ms : TIMER_MAX_MS;
    if (monotonic_ms + delay_ms >= sh->armed_ms)
        return;
    sh->armed_ms = monotonic_ms + delay_ms;
    uv_update_time(&sh->loop);
    uv_timer_start(&sh->timer, on_timer, (uint64_t)delay_ms, 0);
}

static void run_effects(struct shell *sh)
{
    struct pipeline_effect fx;
    while (pipeline_pull(sh->pipeline, &fx))
        execute(sh, &fx);
}

void shell_feed(struct shell *sh, const struct pipeline_event *event)
{
    if (sh->is_closing)
        return;
    pipeline_feed(sh->pipeline, event);
    run_effects(sh);
    while (sh->sent_count > 0 && !sh->is_closing) {
        push_ops(sh); // a listing reads its next page while this one is made into text
        struct pipeline_event e = *event;
        e.kind = PIPELINE_SENT;
        e.conn = sh->sent[--sh->sent_count];
        pipeline_feed(sh->pipeline, &e);
        run_effects(sh);
    }
    push_ops(sh);
    if (!sh->is_closing)
        arm(sh, event->monotonic_ms);
}

// What the streams tell.

static enum deliver_fault fault_of(enum stream_fault fault)
{
    static const enum deliver_fault faults[] = {
        [STREAM_REFUSED] = FAULT_REFUSED, [STREAM_UNREACHABLE] = FAULT_UNREACHABLE,
        [STREAM_TIMEOUT] = FAULT_TIMEOUT, [STREAM_RESET] = FAULT_RESET,
        [STREAM_OTHER] = FAULT_OTHER,     [STREAM_SHORTAGE] = FAULT_SHORTAGE,
        [STREAM_TLS] = FAULT_TLS,         [STREAM_TLS_SET_UP] = FAULT_TLS_SET_UP,
    };
    return faults[fault];
}

static void feed_conn(struct link *l, enum pipeline_event_kind kind, struct slice bytes,
                      enum stream_fault fault, const char *detail)
{
    if (l->is_gone)
        return;
    struct pipeline_event e = shell_event(l->shell, kind);
    e.conn = l->conn;
    e.bytes = bytes;
    e.fault = fault_of(fault);
    e.detail = detail;
    shell_feed(l->shell, &e);
}

static void on_connected(void *arg)
{
    feed_conn(arg, PIPELINE_CONNECTED, (struct slice){0}, STREAM_OTHER, "");
}

static void on_connect_failed(void *arg, enum stream_fault fault, const char *detail)
{
    struct link *l = arg;
    if (l->is_gone)
        return;
    struct shell *sh = l->shell;
    struct pipeline_event e = shell_event(sh, PIPELINE_CONNECT_FAILED);
    e.conn = l->conn;
    e.fault = fault_of(fault);
    if (fault == STREAM_UNREACHABLE && !wayout_exists(l->ip))
        e.fault = FAULT_NO_NETWORK;
    e.detail = detail;
    link_forget(sh, l, false);
    shell_feed(sh, &e);
}

static void on_bytes(void *arg, struct slice bytes)
{
    feed_conn(arg, PIPELINE_BYTES, bytes, STREAM_OTHER, "");
}

static void on_eof(void *arg)
{
    feed_conn(arg, PIPELINE_EOF, (struct slice){0}, STREAM_OTHER, "");
}

static void on_fault(void *arg, enum stream_fault fault, const char *detail)
{
    feed_conn(arg, PIPELINE_FAULT, (struct slice){0}, fault, detail);
}

static void on_drained(void *arg)
{
    struct link *l = arg;
    if (!l->wants_sent)
        return;
    l->wants_sent = false;
    feed_conn(l, PIPELINE_SENT, (struct slice){0}, STREAM_OTHER, "");
}

struct link *link_add(struct shell *sh, uint64_t conn)
{
    struct link *l = must_zalloc(sizeof *l);
    l->shell = sh;
    l->conn = conn;
    l->handler = (struct stream_handler){
        .arg = l,
        .on_connected = on_connected,
        .on_connect_failed = on_connect_failed,
        .on_bytes = on_bytes,
        .on_eof = on_eof,
        .on_fault = on_fault,
        .on_drained = on_drained,
        .on_closed = on_gone,
    };
    HASH_ADD(hh, sh->links, conn, sizeof l->conn, l);
    return l;
}

void links_close(struct shell *sh)
{
    struct link *l, *next;
    HASH_ITER(hh, sh->links, l, next)
    link_forget(sh, l, true);
}
