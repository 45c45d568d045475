// SPDX-License-Identifier: BSD-2-Clause
// spool_bench: how fast the spool alone is: batches of accepts, then of settles that deliver.
//
//     spool_bench DIRECTORY [messages] [batch] [body-bytes] [durable] [careful]
//
// Prints pairs per second of wall time and processor time per pair. No network, no scheduler.
#include "core/must.h"
#include "queue/ids.h"
#include "queue/store_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench {
    struct store *store;
    struct ids ids;
    uint32_t batch;
    size_t body_bytes;
    bool is_careful;
};

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int64_t now_ms(void)
{
    return (int64_t)(seconds(CLOCK_REALTIME) * 1000);
}

static struct op *make_accept(struct bench *b)
{
    struct op *op = op_new(OP_ACCEPT);
    struct entry *e = op->accept.entry = entry_new();
    e->message.arrival_ms = now_ms();
    e->message.id = ids_next(&b->ids, e->message.arrival_ms);
    e->message.size = b->body_bytes;
    e->message.sender = must_strdup("sender@origin.example");
    e->rcpts = must_zalloc(sizeof *e->rcpts);
    e->rcpt_count = 1;
    e->rcpts[0] = (struct recipient){
        .address = must_strdup("somebody@dest.example"),
        .domain = must_strdup("dest.example"),
        .next_attempt_ms = e->message.arrival_ms,
    };
    e->tail = must_zalloc(b->body_bytes);
    e->tail_size = b->body_bytes;
    return op;
}

static struct op *make_settle(uint64_t id)
{
    struct op *op = op_new(OP_SETTLE);
    op->settle.message = id;
    op->settle.version = 1;
    op->settle.now_ms = now_ms();
    op->settle.change_count = 1;
    op->settle.changes = must_zalloc(sizeof *op->settle.changes);
    op->settle.changes[0].is_attempt = true;
    op->settle.changes[0].action = SETTLE_DELIVERED;
    outcome_set(&op->settle.changes[0].outcome, OUTCOME_DELIVERED, SCOPE_NONE, CLASS_NONE, "2.0.0",
                "250 2.0.0 Ok: queued as 0123456789AB");
    return op;
}

static void run(struct bench *b, struct op **ops)
{
    enum fp_err err = b->is_careful ? store_begin_careful(b->store) : store_begin(b->store);
    must(!err);
    for (uint32_t i = 0; i < b->batch; i++)
        store_run(b->store, ops[i]);
    must(store_commit(b->store) == FP_OK);
    store_checkpoint(b->store);
    for (uint32_t i = 0; i < b->batch; i++)
        must(ops[i]->err == FP_OK);
}

static void run_pair(struct bench *b)
{
    struct op *accepts[b->batch], *settles[b->batch];
    for (uint32_t i = 0; i < b->batch; i++)
        accepts[i] = make_accept(b);
    run(b, accepts);
    for (uint32_t i = 0; i < b->batch; i++) {
        settles[i] = make_settle(accepts[i]->accept.entry->message.id);
        op_free(accepts[i]);
    }
    run(b, settles);
    for (uint32_t i = 0; i < b->batch; i++)
        op_free(settles[i]);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 64;
    uint32_t messages = argc > 2 ? (uint32_t)atoi(argv[2]) : 100000;
    struct bench b = {
        .batch = argc > 3 ? (uint32_t)atoi(argv[3]) : 32,
        .body_bytes = argc > 4 ? (size_t)atoi(argv[4]) : 5 * 1024,
        .is_careful = argc > 6 && atoi(argv[6]),
    };
    struct store_options options = {.role = STORE_WRITER, .is_durable = argc > 5 && atoi(argv[5])};
    struct buf why, path;
    buf_init(&why, 1024);
    buf_init(&path, 4096);
    buf_addf(&path, "%s/spool.db", argv[1]);
    if (store_open(path.p, &options, &b.store, &why) != FP_OK) {
        fprintf(stderr, "%s\n", why.p);
        return 71;
    }
    ids_init(&b.ids, store_id_high_water(b.store));
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    uint32_t done = 0;
    for (; done < messages; done += b.batch)
        run_pair(&b);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("%u pairs, batch %u, %zu bytes: %.0f/s, %.1f us CPU each\n", done, b.batch, b.body_bytes,
           done / wall, cpu * 1e6 / done);
    store_close(b.store);
    buf_close(&path);
    buf_close(&why);
    return 0;
}
