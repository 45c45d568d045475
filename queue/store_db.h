// SPDX-License-Identifier: BSD-2-Clause
// store: the spool file, synchronously, on the caller's thread. All SQL is behind this.
//
//     store_open(path, STORE_WRITER, &store, &why)     one per spool, ever: it holds the lock file
//     store_begin(store); store_run(store, op); ... store_commit(store)   a batch of writer ops
//     store_open(path, STORE_READER, ...); store_run(store, op)           any reader op, any number
//     store_close(store)
//
// The writer thread (queue/writer_db.h), the reader thread (queue/reader_db.h) and the simulation
// all drive these same functions; there is no second implementation.
//
// Each writer op runs in a SAVEPOINT (W3). FP_FULL and FP_IO from any op of a batch or from the
// commit roll the whole batch back; the caller decides what to run again. After FP_IO from a commit
// the handle is poisoned: every later call gives FP_IO until it is closed and opened again
// (an fsync error is final on Linux).
#ifndef FP_QUEUE_STORE_DB_H
#define FP_QUEUE_STORE_DB_H

#include "core/buf.h"
#include "queue/op.h"

enum store_role {
    STORE_WRITER, // creates and migrates the file, takes PATH.lock exclusively
    STORE_READER, // query_only, no checkpoints
};

struct store_options {
    enum store_role role;
    bool is_durable;     // synchronous=FULL; false only in the simulation (OFF)
    bool has_ballast;    // keep PATH.ballast, 16 MiB given back when the disk is full
};

struct store;

// why gets one plain sentence when it fails: FP_BUSY second daemon, FP_NEWER newer schema,
// FP_CORRUPT no database, FP_NOT_FOUND (reader: no spool yet), FP_DENIED, FP_FULL, FP_IO.
enum fp_err store_open(const char *path, const struct store_options *options,
                       struct store **ret_store, struct buf *why);
void store_close(struct store *s);

uint64_t store_id_high_water(struct store *s);
// What the startup repair found: incoming bodies that were never sealed (they are removed).
uint32_t store_discarded_count(struct store *s);

enum fp_err store_begin(struct store *s);  // BEGIN IMMEDIATE
void store_run(struct store *s, struct op *op); // sets op->err
enum fp_err store_commit(struct store *s); // on failure the batch is rolled back
void store_rollback(struct store *s);
// Between batches: frees the ballast's room after FP_FULL, or makes it again when there is room.
void store_ballast_release(struct store *s);
void store_ballast_restore(struct store *s);

#endif
