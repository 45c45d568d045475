// SPDX-License-Identifier: BSD-2-Clause
// writer, reader: the two threads that run ops against the spool.
//
// Hand an op over with x_push, from one thread only (the loop). Finished ops are collected with
// x_take on the same thread after `wake` was called (from the worker thread: it may only signal,
// e.g. uv_async_send). The writer forms its batches by itself: everything that was pushed while
// the previous commit was syncing is the next batch. Ops that nobody waits for (OP_LAZY, see op.h)
// begin none by themselves: they are held up to `patience_ms`, and go with the first that somebody
// waits for. All are committed in the order in which they came. At FP_FULL and FP_IO the batch's
// outcomes (SETTLE, DISCARD, HEALTH) are run again first, on the ballast's room; accepts then fail
// with FP_FULL. The reader takes one op at a time, those that can wait (op_can_wait) behind all
// others.
#ifndef FP_QUEUE_WRITER_DB_H
#define FP_QUEUE_WRITER_DB_H

#include "queue/store_db.h"

struct worker; // the writer and the reader are both workers

struct worker_options {
    struct store *store;     // owned by the worker from now on; closed by worker_stop
    uint32_t batch_max;      // ops per commit at most (writer); 1024
    uint32_t patience_ms;    // how long lazy ops wait for company (writer); 0: not at all
    uint32_t gather_us;      // how long the first that somebody waits for does so, too (writer)
    void (*wake)(void *arg); // called after ops have finished; must be async-signal-like cheap
    void *wake_arg;
};

// What happened to the spool as a whole since it was last asked. Outcomes are run again after a
// failure, so that a failed sync may spoil no operation; the log must speak of it all the same.
struct worker_news {
    enum fp_err failed; // a batch failed as it had not before; FP_OK: none did
    bool is_over;       // batches succeed again
};

struct worker *worker_start(const struct worker_options *options);
void worker_push(struct worker *w, struct op *op);         // ownership goes to the worker
void worker_push_list(struct worker *w, struct op *first); // linked by op->next; one lock
// From now on so many ops that somebody waits for are likely to come within gather_us: they are to
// share a commit. 0 or 1: none waits for others.
void worker_expect(struct worker *w, uint32_t count);
struct op *worker_take(struct worker *w);              // all finished ones, linked; NULL when none
struct worker_news worker_take_news(struct worker *w); // told once; has it changed, wake was called
size_t worker_pending_bytes(struct worker *w);         // body bytes pushed and not yet finished
// Finishes everything that was pushed, commits, closes the store, joins the thread.
// Finished ops that were not taken are returned, linked.
struct op *worker_stop(struct worker *w);

#endif
