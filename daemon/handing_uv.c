// SPDX-License-Identifier: BSD-2-Clause
// handing: see handing_uv.h.
#include "daemon/handing_uv.h"

#include <stdlib.h>

static void feed(struct link *l, enum pipeline_event_kind kind,
                 const struct handover_result *result)
{
    if (l->is_gone)
        return;
    struct pipeline_event e = shell_event(l->shell, kind);
    e.conn = l->conn;
    e.result = result;
    shell_feed(l->shell, &e);
}

static void on_open(void *arg)
{
    feed(arg, PIPELINE_CONNECTED, NULL);
}

static void on_drained(void *arg)
{
    struct link *l = arg;
    if (!l->wants_sent)
        return;
    l->wants_sent = false;
    feed(l, PIPELINE_SENT, NULL);
}

static void on_result(void *arg, const struct handover_result *result)
{
    feed(arg, PIPELINE_RESULT, result);
}

static void on_closed(void *arg)
{
    free(arg);
}

void handing_start(struct shell *sh, const struct pipeline_effect *fx)
{
    struct link *l = link_add(sh, fx->conn);
    const struct handover_handler handler = {
        .arg = l,
        .on_open = on_open,
        .on_drained = on_drained,
        .on_result = on_result,
        .on_closed = on_closed,
    };
    if (fx->order.kind == HANDOVER_PIPE)
        l->process = process_start(&sh->loop, &fx->order, &handler);
    else
        l->maildir = maildir_open(&sh->loop, &fx->order, &handler);
}

bool handing_is(const struct link *l)
{
    return l->maildir || l->process;
}

void handing_send(struct link *l, const struct pipeline_effect *fx)
{
    l->wants_sent = fx->wants_sent;
    if (l->process)
        process_write(l->process, fx->slices, fx->slice_count);
    else
        maildir_write(l->maildir, fx->slices, fx->slice_count);
}

void handing_finish(struct link *l)
{
    if (l->process)
        process_finish(l->process);
    else
        maildir_finish(l->maildir);
}

void handing_close(struct link *l)
{
    if (l->process)
        process_close(l->process);
    else
        maildir_close(l->maildir);
}
