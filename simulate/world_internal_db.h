// SPDX-License-Identifier: BSD-2-Clause
// world_internal: what the files of the world share: what is on its way, and the driver's steps.
#ifndef FP_SIMULATE_WORLD_INTERNAL_DB_H
#define FP_SIMULATE_WORLD_INTERNAL_DB_H

#include "core/heap.h"
#include "simulate/names.h"
#include "simulate/world_db.h"

enum { WORLD_CLIENT_MAX = 256 * 1024 * 1024 }; // octets that the world's own client is told

enum happening_kind {
    HAPPENS_EVENT,
    HAPPENS_WRITER,
    HAPPENS_READER,
    HAPPENS_AT_HOST,
    HAPPENS_FINISH,
    HAPPENS_CLOSE_AT_HOST
};

// Something that is on its way.
struct happening {
    struct heap_node node; // ordered by time, then by order of making
    enum happening_kind kind;
    struct pipeline_event event;
    char *bytes;
    size_t size;
    char name[256];
    struct dns_answer *answer;
    struct op *op;
    uint64_t conn;
};

struct world_inside {
    struct config config;
    struct pipeline *pipeline;
    struct store *writer, *reader;
    char *folder; // of this world alone, removed with it
    char *spool;
    struct heap happenings;
    uint64_t order;
    uint64_t random;
    int64_t fed_ms;                          // when the pipeline was fed last
    bool has_jumped;                         // since then
    int64_t start_ms, latency_ms, offset_ms; // offset: by how much the wall clock jumped
    uint32_t batches_max;
    bool keeps_trace, spool_fails, spool_is_full, network_is_down, wants_crash, is_stopped;
    bool wants_again; // the pipeline stopped for a new one
    bool secrets_are_gone;
    struct op *writes, **writes_last;
    bool writer_called;
    int64_t commit_ms;      // of a slow disk
    int64_t sent_ms;        // of slow hosts
    int64_t reader_slow_ms; // more time until a reader is heard
    struct names names;
    struct host_conn *conns;
    uint64_t next_client;
    uint64_t client; // the connection of world_submit and world_ask
    struct buf client_in;
    struct intake_marks intake;
    bool client_closed, client_is_stopped; // stopped: nobody reads what the client sends
    int64_t last_at[2];                    // per direction: bytes do not overtake each other
};

void world_begin_again(struct world *w); // a new pipeline takes the place of one that stopped
uint64_t world_draw(struct world *w);    // the next random number
// One way over the network, 0 to a host, 1 from one; what is sent later does not arrive earlier.
int64_t world_arrival(struct world *w, int direction);
struct happening *world_later(struct world *w, enum happening_kind kind, int64_t at_ms);
struct happening *world_event_later(struct world *w, enum pipeline_event_kind kind, uint64_t conn,
                                    int64_t at_ms);
void world_say(struct world *w, const char *text, size_t n);
void world_drop_conn(struct world *w, struct host_conn *conn);
void world_forget_happening(struct happening *h); // with what it holds
// handing_db.c
void world_hand_to(struct world *w, const struct pipeline_effect *fx); // HAND_OVER
void world_finish(struct world *w, struct host_conn *c);               // FINISH,
void world_finished(struct world *w, struct host_conn *c);             // which comes there later
// knowing_db.c
void world_authenticate(struct world *w, const struct pipeline_effect *fx); // AUTH
// Lets the next thing happen, if it does before `until_ms`; false: nothing did.
bool world_step(struct world *w, int64_t until_ms);

#endif
