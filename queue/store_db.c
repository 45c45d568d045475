// SPDX-License-Identifier: BSD-2-Clause
// store: opening, batches, and handing each operation to its function. See store_db.h.
//
// Savepoints (W3). An operation finds out that it cannot be done (a conflict, a missing message)
// before it changes anything, so the first run of a batch needs none: what else can go wrong spoils
// the batch, which is rolled back and run again with a savepoint around each operation
// (store_begin_careful). Savepoints in every batch would make SQLite keep a copy of each page that
// an operation is the first to touch: 27 us of processor time for an accept and its settle instead
// of 18.5 us (bench/spool_bench.c, batches of 32, 5 KiB bodies).
#include "queue/sql_db.h"

#include "core/must.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_PAGES_MAX = 4096 }; // 16 MiB

static char *path_with(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    char *text = must_alloc(n + m + 1);
    memcpy(text, path, n);
    memcpy(text + n, suffix, m + 1);
    return text;
}

static enum fp_err load_id_mark(struct store *s)
{
    struct sql_call c = sql_call(s, SQL_META_GET);
    sql_text(&c, "id_high_water");
    int64_t mark = 0;
    enum fp_err err = sql_get_int(&c, 0, &mark);
    s->id_mark = s->id_mark_stored = (uint64_t)mark;
    return err;
}

// Bodies whose sealing transaction never came: nobody was promised anything about them.
static enum fp_err repair(struct store *s)
{
    uint32_t count = 0;
    enum fp_err err = store_begin(s);
    if (err)
        return err;
    err = incoming_discard_all(s, &count);
    if (err)
        store_rollback(s);
    else
        err = store_commit(s);
    if (!err)
        s->discarded = count;
    return err;
}

static enum fp_err open_writer(struct store *s, struct buf *why)
{
    enum fp_err err = connection_open(s, why);
    if (err)
        return err;
    err = load_id_mark(s);
    if (!err)
        err = repair(s);
    if (err == FP_FULL && !s->ballast.is_held)
        err = FP_OK; // leftovers only take room; mail that leaves makes some
    if (err) {
        buf_addf(why, "cannot read the spool %s: %s", s->path, sqlite3_errmsg(s->db));
        connection_close(s);
    }
    return err;
}

static enum fp_err open_locked(struct store *s, struct buf *why)
{
    char *lock = path_with(s->path, ".lock");
    enum fp_err err = lockfile_take(lock, &s->lock, why);
    free(lock);
    if (err)
        return err;
    if (s->options.has_ballast) {
        char *ballast = path_with(s->path, ".ballast");
        ballast_init(&s->ballast, ballast);
        free(ballast);
    }
    err = open_writer(s, why);
    if (err == FP_FULL && s->ballast.is_held) {
        buf_reset(why);
        ballast_release(&s->ballast);
        err = open_writer(s, why);
    }
    return err;
}

enum fp_err store_open(const char *path, const struct store_options *options,
                       struct store **ret_store, struct buf *why)
{
    struct store *s = must_zalloc(sizeof *s);
    s->path = must_strdup(path);
    s->options = *options;
    s->lock = LOCKFILE_NONE;
    s->log_pages_max = LOG_PAGES_MAX;
    enum fp_err err = options->role == STORE_WRITER ? open_locked(s, why) : connection_open(s, why);
    if (err) {
        store_close(s);
        return err;
    }
    *ret_store = s;
    return FP_OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->is_in_batch)
        store_rollback(s);
    connection_close(s);
    ballast_close(&s->ballast);
    lockfile_release(&s->lock);
    free(s->path);
    free(s);
}

// Everything that was committed goes into the database file, written and synced anew, and the log
// starts again from nothing.
static enum fp_err empty_log(struct store *s)
{
    return sql_err(s->db,
                   sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

static enum fp_err prove_commit(struct store *s)
{
    enum fp_err err = load_id_mark(s);
    if (!err)
        err = store_begin(s);
    if (err)
        return err;
    s->batch_err = id_mark_store(s, s->id_mark);
    return store_commit(s);
}

// After a failed fsync the kernel calls the pages clean, whatever the disk holds. So the log, which
// may have a hole now, must not be written on behind: later commits would be lost with it. The old
// handle, which knows that the failed commit is none, tries first, lest a fresh one finds its
// frames in the log and takes them for good. Then the file is opened and checked, and a commit must
// succeed, before anything is promised again.
enum fp_err store_reopen(struct store *s, struct buf *why)
{
    must(s->options.role == STORE_WRITER);
    if (s->is_in_batch)
        store_rollback(s);
    if (s->db)
        (void)empty_log(s);
    connection_close(s);
    s->is_poisoned = true;
    enum fp_err err = connection_open(s, why);
    if (err)
        return err;
    err = empty_log(s);
    if (!err)
        err = connection_check(s, why);
    if (!err) {
        s->is_poisoned = false;
        err = prove_commit(s);
    }
    s->is_poisoned = err != FP_OK;
    return err;
}

bool store_is_poisoned(const struct store *s)
{
    return s->is_poisoned;
}

bool store_is_writer(const struct store *s)
{
    return s->options.role == STORE_WRITER;
}

uint64_t store_id_high_water(struct store *s)
{
    return s->id_mark_stored;
}

uint32_t store_discarded_count(struct store *s)
{
    return s->discarded;
}

static enum fp_err run_plain(struct store *s, enum sql_id id)
{
    struct sql_call c = sql_call(s, id);
    return sql_run(&c);
}

static enum fp_err begin(struct store *s, bool is_careful)
{
    must(s->options.role == STORE_WRITER && !s->is_in_batch);
    if (s->is_poisoned)
        return FP_IO;
    enum fp_err err = run_plain(s, SQL_BEGIN_WRITE);
    if (err)
        return err;
    s->is_in_batch = true;
    s->is_careful = is_careful;
    s->batch_err = FP_OK;
    s->wants_checkpoint = false;
    return FP_OK;
}

enum fp_err store_begin(struct store *s)
{
    return begin(s, false);
}

enum fp_err store_begin_careful(struct store *s)
{
    return begin(s, true);
}

void store_rollback(struct store *s)
{
    must(s->is_in_batch);
    // FULL and IOERR may have made SQLite roll back by itself already.
    if (!sqlite3_get_autocommit(s->db)) {
        enum fp_err err = run_plain(s, SQL_ROLLBACK);
        must(!err || sqlite3_get_autocommit(s->db));
    }
    s->is_in_batch = false;
    s->id_mark = s->id_mark_stored;
}

enum fp_err store_commit(struct store *s)
{
    must(s->is_in_batch);
    enum fp_err err = s->batch_err;
    if (!err) {
        err = run_plain(s, SQL_COMMIT);
        s->is_poisoned = err == FP_IO;
    }
    if (err) {
        store_rollback(s);
        return err;
    }
    s->is_in_batch = false;
    s->id_mark_stored = s->id_mark;
    return FP_OK;
}

// What does not get done now, because a reader is in the way or the disk fails, waits: the log has
// it all.
void store_checkpoint(struct store *s)
{
    must(!s->is_in_batch);
    if (s->is_poisoned || (!s->wants_checkpoint && s->log_pages <= s->log_pages_max))
        return;
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    s->wants_checkpoint = false;
    s->log_pages = 0; // until the next commit says how many there are
}

void store_ballast_release(struct store *s)
{
    ballast_release(&s->ballast);
}

// The log and pages that are free inside the file are the first places to get room from.
void store_ballast_restore(struct store *s)
{
    must(!s->is_in_batch);
    if (!ballast_is_spent(&s->ballast))
        return;
    ballast_restore(&s->ballast);
    if (s->ballast.is_held || s->is_poisoned)
        return;
    sqlite3_exec(s->db, "PRAGMA incremental_vacuum(4096)", NULL, NULL, NULL);
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    ballast_restore(&s->ballast);
}

typedef enum fp_err run_fn(struct store *s, struct op *op);

static run_fn *const runs[OP_KIND_COUNT] = {
    [OP_APPEND] = append_run,
    [OP_ACCEPT] = accept_run,
    [OP_DISCARD] = discard_run,
    [OP_SETTLE] = settle_run,
    [OP_CHANGE] = change_run,
    [OP_HEALTH] = health_run,
    [OP_MAINTAIN] = maintain_run,
    [OP_RESERVE] = reserve_run,
    [OP_DOMAINS] = domains_run,
    [OP_DUE] = due_run,
    [OP_OVERDUE] = overdue_run,
    [OP_READ] = read_run,
    [OP_CHUNK] = chunk_run,
    [OP_HEALTHS] = healths_run,
    [OP_LIST] = list_run,
    [OP_STATS] = stats_run,
    [OP_HISTORY] = history_run,
    [OP_ENDED] = ended_run,
    [OP_FIND] = find_run,
    [OP_PLAN] = plan_run,
    [OP_SUSPEND] = suspend_run,
    [OP_POSTPONE] = postpone_run,
    [OP_SUSPENSIONS] = suspensions_run,
    [OP_CLOCK] = clock_run,
    [OP_STS] = sts_run,
    [OP_STS_ALL] = sts_all_run,
};

static enum fp_err run_in_savepoint(struct store *s, struct op *op)
{
    enum fp_err err = run_plain(s, SQL_SAVEPOINT);
    if (err)
        return s->batch_err = err;
    enum fp_err result = runs[op->kind](s, op);
    // Only FULL and IO are the whole batch's (W3): there SQLite itself may have rolled back.
    if (result == FP_FULL || result == FP_IO || sqlite3_get_autocommit(s->db))
        return s->batch_err = result ? result : FP_IO;
    if (result) {
        err = run_plain(s, SQL_SAVEPOINT_UNDO);
        s->id_mark = s->id_mark_stored; // at worst raised once more
    }
    if (!err)
        err = run_plain(s, SQL_SAVEPOINT_END);
    if (err)
        s->batch_err = err;
    return err ? err : result;
}

static enum fp_err run_writer(struct store *s, struct op *op)
{
    must(s->is_in_batch);
    if (s->batch_err)
        return s->batch_err;
    // What the ballast gave up is for outcomes: new mail must not eat it.
    if ((op->kind == OP_ACCEPT || op->kind == OP_APPEND) && ballast_is_spent(&s->ballast))
        return FP_FULL;
    if (s->is_careful)
        return run_in_savepoint(s, op);
    enum fp_err err = runs[op->kind](s, op);
    if (fp_err_is_trouble(err)) // what it changed may be half a change
        s->batch_err = err;
    return err;
}

// All of an operation's reading sees one state of the spool.
static enum fp_err run_reader(struct store *s, struct op *op)
{
    if (s->is_in_batch)
        return runs[op->kind](s, op);
    enum fp_err err = run_plain(s, SQL_BEGIN_READ);
    if (err)
        return err;
    err = runs[op->kind](s, op);
    if (sqlite3_get_autocommit(s->db))
        return err;
    enum fp_err end = run_plain(s, SQL_COMMIT);
    return err ? err : end;
}

void store_run(struct store *s, struct op *op)
{
    if (s->is_poisoned || !s->db)
        op->err = FP_IO;
    else
        op->err = op_is_writer(op) ? run_writer(s, op) : run_reader(s, op);
}
