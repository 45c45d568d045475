// SPDX-License-Identifier: BSD-2-Clause
// handing: mail of the world that goes to folders and programs. Each is a host (host.h) to which
// nothing is said but content, and its states are what becomes of that. See world_internal_db.h.
#include "simulate/world_internal_db.h"

static const struct handover_result done = {.text = ""};
static const struct handover_result full = {.fault = HANDOVER_FULL, .text = "No space left"};
static const struct handover_result missing = {.fault = HANDOVER_MISSING, .text = "Not there"};

static void answer(struct world *w, uint64_t conn, const struct handover_result *result)
{
    world_event_later(w, PIPELINE_RESULT, conn, world_arrival(w, 1))->event.result = result;
}

void world_hand_to(struct world *w, const struct pipeline_effect *fx)
{
    struct host *h = w->folder ? w->folder(w->folder_arg, &fx->order) : NULL;
    h = h ? h : world_host(w, fx->order.path);
    enum host_state state = h->weather ? h->weather(h, w->now_ms, h->weather_arg) : h->state;
    if (state == HOST_DOWN || state == HOST_FULL) {
        answer(w, fx->conn, state == HOST_FULL ? &full : &missing);
        return;
    }
    struct host_conn *c = host_conn_folder(h, fx->conn, &fx->order);
    c->next = w->in->conns;
    w->in->conns = c;
    world_event_later(w, PIPELINE_CONNECTED, fx->conn, world_arrival(w, 1));
}

// A slow one has not taken the message before it is done: its time may be over by then.
void world_finish(struct world *w, struct host_conn *c)
{
    int64_t slow_ms = c->host->pace == PACE_QUICK ? 0 : c->host->slow_ms;
    int64_t at_ms = slow_ms ? w->now_ms + slow_ms : world_arrival(w, 0);
    world_later(w, HAPPENS_FINISH, at_ms)->conn = c->conn;
}

void world_finished(struct world *w, struct host_conn *c)
{
    struct host *h = c->host;
    const struct handover_result *result =
        h->ends ? h->ends(h, buf_slice(&c->rcpts), w->now_ms, h->watch_arg) : NULL;
    if (!result) {
        w->handed_over++;
        host_conn_take(c, w->now_ms);
    }
    answer(w, c->conn, result ? result : &done);
    world_drop_conn(w, c);
}
