// SPDX-License-Identifier: BSD-2-Clause
// life: how a simulated world begins and ends, crashes and starts anew.
#include "config/config_conf.h"
#include "core/must.h"
#include "queue/store_db.h"
#include "simulate/scratch_fs.h"
#include "simulate/world_db.h"
#include "simulate/world_internal_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRACE_MAX = 512 * 1024 * 1024 };

static enum fp_err open_spool(struct world *w, struct buf *why)
{
    struct store_options options = {.role = STORE_WRITER};
    enum fp_err err = store_open(w->in->spool, &options, &w->in->writer, why);
    options.role = STORE_READER;
    return err ? err : store_open(w->in->spool, &options, &w->in->reader, why);
}

static enum fp_err try_begin(struct world *w, struct buf *why)
{
    struct world_inside *in = w->in;
    enum fp_err err = open_spool(w, why);
    if (err)
        return err;
    in->writes = NULL;
    in->writes_last = &in->writes;
    in->writer_called = in->wants_crash = in->is_stopped = in->wants_again = false;
    struct pipeline_options options = {
        .config = &in->config,
        .id_high_water = store_id_high_water(in->writer),
        .seed = world_draw(w),
        .now_ms = w->now_ms + in->offset_ms,
        .monotonic_ms = w->now_ms,
        .batches_max = in->batches_max,
        .intake = in->intake,
    };
    in->pipeline = pipeline_new(&options);
    struct pipeline_event e = {.kind = PIPELINE_START};
    world_feed(w, &e);
    return FP_OK;
}

static void begin(struct world *w)
{
    struct buf why;
    buf_init(&why, 4096);
    if (try_begin(w, &why) != FP_OK)
        fprintf(stderr, "world: %s\n", buf_slice(&why).p);
    must(w->in->pipeline);
    buf_close(&why);
}

static void end(struct world *w)
{
    struct world_inside *in = w->in;
    struct heap_node *first;
    while ((first = heap_first(&in->happenings))) {
        heap_remove(&in->happenings, first);
        struct happening *h = heap_owner(first, struct happening, node);
        if (h->kind == HAPPENS_EVENT && h->event.op)
            op_free(h->event.op);
        world_forget_happening(h);
    }
    while (in->writes) {
        struct op *next = in->writes->next;
        op_free(in->writes);
        in->writes = next;
    }
    while (in->conns)
        world_drop_conn(w, in->conns);
    pipeline_free(in->pipeline);
    in->pipeline = NULL;
    in->client_closed = true;
    store_close(in->reader);
    store_close(in->writer);
}

void world_crash(struct world *w)
{
    w->crashes++;
    world_say(w, "-- crash --", 11);
    end(w);
    begin(w);
}

void world_begin_again(struct world *w)
{
    world_say(w, "-- begins again --", 18);
    end(w);
    begin(w);
}

void world_restart(struct world *w)
{
    struct pipeline_event e = {.kind = PIPELINE_SHUTDOWN};
    uint32_t crashes = w->crashes;
    world_feed(w, &e);
    while (!w->in->is_stopped && w->crashes == crashes && world_step(w, w->now_ms + TIME_HOUR_MS))
        ;
    if (w->crashes != crashes)
        return; // one that was due came first, and it was started anew
    must(w->in->is_stopped);
    end(w);
    begin(w);
}

void world_jump(struct world *w, int64_t by_ms)
{
    w->in->offset_ms += by_ms;
    w->in->has_jumped = true;
}

static void load_config(struct world *w, const char *text)
{
    struct world_inside *in = w->in;
    char *path = scratch_path(in->folder, "conf");
    FILE *f = fopen(path, "w");
    must(f != NULL);
    fprintf(f, "hostname = \"sim.example\"\nspool = \"%s\"\nsocket = \"%s/socket\"\n%s\n",
            in->spool, in->folder, text ? text : "");
    fclose(f);
    struct buf problems;
    buf_init(&problems, 64 * 1024);
    enum fp_err err = config_load(path, &in->config, &problems);
    if (err)
        fprintf(stderr, "world: %s\n", buf_slice(&problems).p);
    must(err == FP_OK);
    buf_close(&problems);
    unlink(path);
    free(path);
}

void world_reload(struct world *w, const char *config)
{
    struct config old = w->in->config;
    load_config(w, config);
    struct pipeline_event e = {.kind = PIPELINE_RELOAD, .config = &w->in->config};
    world_feed(w, &e);
    config_close(&old);
}

static void release(struct world *w)
{
    if (w->in->folder)
        scratch_remove(w->in->folder);
    while (w->hosts) {
        struct host *h = w->hosts;
        w->hosts = h->next;
        host_free(h);
    }
    config_close(&w->in->config);
    names_close(&w->in->names);
    free(w->in->folder);
    free(w->in->spool);
    heap_close(&w->in->happenings);
    buf_close(&w->in->client_in);
    buf_close(&w->trace);
    free(w->in);
    free(w);
}

struct world *world_try(const struct world_options *options, struct buf *why)
{
    struct world *w = must_zalloc(sizeof *w);
    struct world_inside *in = w->in = must_zalloc(sizeof *in);
    in->random = options->seed;
    in->start_ms = options->start_ms ? options->start_ms : 1767225600000; // 2026-01-01
    in->latency_ms = options->latency_ms ? options->latency_ms : 1;
    in->batches_max = options->batches_max;
    in->intake = options->intake;
    in->keeps_trace = options->keeps_trace;
    in->next_client = 1;
    w->now_ms = in->start_ms;
    w->client_takes = UINT32_MAX;
    buf_init(&w->trace, TRACE_MAX);
    buf_init(&in->client_in, WORLD_CLIENT_MAX);
    if (scratch_new(&in->folder, why) != FP_OK) {
        release(w);
        return NULL;
    }
    in->spool = scratch_path(in->folder, "spool.db");
    if (options->ready) {
        in->config = *options->ready;
        *options->ready = (struct config){0};
    } else {
        load_config(w, options->config);
    }
    if (try_begin(w, why) == FP_OK)
        return w;
    store_close(in->writer);
    release(w);
    return NULL;
}

struct world *world_new(const struct world_options *options)
{
    struct buf why;
    buf_init(&why, 4096);
    struct world *w = world_try(options, &why);
    if (!w)
        fprintf(stderr, "world: %s\n", buf_slice(&why).p);
    must(w != NULL);
    buf_close(&why);
    return w;
}

void world_free(struct world *w)
{
    end(w);
    release(w);
}
