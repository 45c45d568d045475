// SPDX-License-Identifier: BSD-2-Clause
// store: the spool file, synchronously, on the caller's thread. All SQL is behind this.
//
//     store_open(path, STORE_WRITER, &store, &why)     one per spool, ever: it holds the lock file
//     store_begin(store); store_run(store, op); ... store_commit(store)   a batch of writer ops
//     store_checkpoint(store)                          behind it
//     store_open(path, STORE_READER, ...); store_run(store, op)           any reader op, any number
//     store_close(store)
//
// The writer and the reader thread (queue/writer_db.h) and the simulation
// all drive these same functions; there is no second implementation.
//
// An op's failure leaves the rest of its batch alone (W3) when it is FP_CONFLICT, FP_GONE,
// FP_NOT_FOUND, FP_INVALID or FP_TOO_BIG: those are found before anything is changed. Any other one
// from an op or from the commit rolls the whole batch back; the caller decides what to run again:
// after FP_FULL and FP_IO the outcomes first, after others everything with store_begin_careful,
// where each op has a SAVEPOINT. After FP_IO from a commit the handle is poisoned: every later call
// gives FP_IO until store_reopen has succeeded (an fsync error is final on Linux).
// While the ballast is given up and not yet made again, OP_ACCEPT and OP_APPEND get FP_FULL.
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
    bool is_durable;  // synchronous=FULL; false only in the simulation (OFF)
    bool has_ballast; // keep PATH.ballast, 16 MiB given back when the disk is full
};

struct store;

// why gets one plain sentence when it fails: FP_BUSY second daemon, FP_NEWER newer schema,
// FP_CORRUPT no database, FP_NOT_FOUND (reader: no spool yet; writer: no such directory), FP_AGAIN
// (reader: an older schema, which only the writer brings forward), FP_DENIED, FP_FULL, FP_IO.
enum fp_err store_open(const char *path, const struct store_options *options,
                       struct store **ret_store, struct buf *why);
void store_close(struct store *s);

// Makes a poisoned writer usable again: closes the handle (the lock stays), opens it, checks the
// file and commits once. On failure it stays poisoned and may be tried again.
enum fp_err store_reopen(struct store *s, struct buf *why);
bool store_is_poisoned(const struct store *s);
bool store_is_writer(const struct store *s);

uint64_t store_id_high_water(struct store *s);
// What the startup repair found: incoming bodies that were never sealed (they are removed).
uint32_t store_discarded_count(struct store *s);

enum fp_err store_begin(struct store *s);         // BEGIN IMMEDIATE
enum fp_err store_begin_careful(struct store *s); // the same; each op then runs in a SAVEPOINT
void store_run(struct store *s, struct op *op);   // sets op->err
enum fp_err store_commit(struct store *s);        // on failure the batch is rolled back
void store_rollback(struct store *s);
// Between batches, once everybody has his answer: takes the log into the file if it has grown long,
// or MAINTAIN wants it. Inside of a commit, where SQLite would do it, clients would wait for it.
void store_checkpoint(struct store *s);
// Between batches: frees the ballast's room after FP_FULL, or makes it again when there is room.
void store_ballast_release(struct store *s);
void store_ballast_restore(struct store *s);

#endif
