// SPDX-License-Identifier: BSD-2-Clause
// spool: what the tests of queue/ share: a spool of their own in a scratch folder, and short ways
// to say "accept this", "settle that". Only for tests.
#ifndef FP_TEST_SPOOL_H
#define FP_TEST_SPOOL_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "core/must.h"
#include "core/time.h"
#include "queue/ids.h"
#include "queue/sql_db.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW ((int64_t)1795305600000) // 2026-11-22T00:00:00Z

struct spool {
    char dir[256], path[320];
    struct store *store, *reader;
    struct ids ids;
};

static inline void spool_open_reader(struct spool *p)
{
    struct buf why;
    buf_init(&why, 1024);
    enum fp_err err =
        store_open(p->path, &(struct store_options){.role = STORE_READER}, &p->reader, &why);
    if (err)
        print_error("%s\n", why.p);
    assert_int_equal(err, FP_OK);
    buf_close(&why);
}

static inline void spool_open(struct spool *p)
{
    struct buf why;
    buf_init(&why, 1024);
    struct store_options options = {.role = STORE_WRITER};
    enum fp_err err = store_open(p->path, &options, &p->store, &why);
    if (err)
        print_error("%s\n", why.p);
    assert_int_equal(err, FP_OK);
    buf_close(&why);
    ids_init(&p->ids, store_id_high_water(p->store));
}

static inline void spool_close(struct spool *p)
{
    store_close(p->reader);
    store_close(p->store);
    p->store = p->reader = NULL;
}

static inline void spool_make_dir(struct spool *p)
{
    const char *base = getenv("TMPDIR");
    snprintf(p->dir, sizeof p->dir, "%s/fp-queue-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof p->path, "%.256s/spool.db", p->dir);
}

static inline void spool_remove_dir(struct spool *p)
{
    DIR *d = opendir(p->dir);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", p->dir, e->d_name);
        unlink(path);
    }
    closedir(d);
    rmdir(p->dir);
}

static inline int spool_setup(void **state)
{
    struct spool *p = must_zalloc(sizeof *p);
    spool_make_dir(p);
    spool_open(p);
    *state = p;
    return 0;
}

static inline int spool_teardown(void **state)
{
    struct spool *p = *state;
    spool_close(p);
    spool_remove_dir(p);
    free(p);
    return 0;
}

static inline void spool_reopen(struct spool *p)
{
    spool_close(p);
    spool_open(p);
}

// Runs a reader's op.
static inline enum fp_err spool_read(struct spool *p, struct op *op)
{
    if (!p->reader)
        spool_open_reader(p);
    store_run(p->reader, op);
    return op->err;
}

// Runs a writer's op in a batch of its own.
static inline enum fp_err spool_write(struct spool *p, struct op *op)
{
    enum fp_err err = store_begin(p->store);
    if (err)
        return op->err = err;
    store_run(p->store, op);
    err = store_commit(p->store);
    return op->err = op->err ? op->err : err;
}

static inline enum fp_err spool_write_free(struct spool *p, struct op *op)
{
    enum fp_err err = spool_write(p, op);
    op_free(op);
    return err;
}

// An entry from `sender` to the addresses in `to`, separated by blanks; the body is `size` times x.
static inline struct entry *entry_of(uint64_t id, int64_t arrival_ms, const char *sender,
                                     const char *to, size_t size)
{
    struct entry *e = entry_new();
    e->message.id = id;
    e->message.arrival_ms = arrival_ms;
    e->message.size = size;
    e->message.sender = must_strdup(sender);
    char *list = must_strdup(to), *rest = NULL;
    for (char *a = strtok_r(list, " ", &rest); a; a = strtok_r(NULL, " ", &rest)) {
        e->rcpts = must_realloc(e->rcpts, (e->rcpt_count + 1) * sizeof *e->rcpts);
        e->rcpts[e->rcpt_count] = (struct recipient){
            .n = e->rcpt_count,
            .address = must_strdup(a),
            .domain = must_strdup(strchr(a, '@') + 1),
            .next_attempt_ms = arrival_ms,
        };
        e->rcpt_count++;
    }
    free(list);
    e->tail = must_alloc(size + 1);
    memset(e->tail, 'x', size);
    e->tail_size = size;
    return e;
}

static inline struct op *accept_op(struct entry *e)
{
    struct op *op = op_new(OP_ACCEPT);
    op->accept.entry = e;
    return op;
}

static inline uint64_t spool_accept_at(struct spool *p, int64_t arrival_ms, const char *sender,
                                       const char *to)
{
    uint64_t id = ids_next(&p->ids, arrival_ms);
    enum fp_err err = spool_write_free(p, accept_op(entry_of(id, arrival_ms, sender, to, 100)));
    assert_int_equal(err, FP_OK);
    return id;
}

static inline uint64_t spool_accept(struct spool *p, const char *sender, const char *to)
{
    return spool_accept_at(p, NOW, sender, to);
}

// A settle of `count` recipients 0, 1, ... with one action; the outcome fits it.
static inline struct op *settle_op(uint64_t message, uint32_t version, uint32_t count,
                                   enum settle_action action)
{
    struct op *op = op_new(OP_SETTLE);
    op->settle.message = message;
    op->settle.version = version;
    op->settle.now_ms = NOW + 1000;
    op->settle.change_count = count;
    op->settle.changes = must_zalloc((count ? count : 1) * sizeof *op->settle.changes);
    for (uint32_t i = 0; i < count; i++) {
        struct settle_change *c = &op->settle.changes[i];
        c->n = i;
        c->action = action;
        c->is_attempt = action != SETTLE_WARN;
        c->began_ms = NOW + 500;
        c->next_attempt_ms = NOW + 5 * TIME_MINUTE_MS;
        if (action == SETTLE_DELIVERED)
            outcome_set(&c->outcome, OUTCOME_DELIVERED, SCOPE_NONE, CLASS_NONE, "2.0.0", "250 ok");
        else if (action == SETTLE_FAIL)
            outcome_set(&c->outcome, OUTCOME_FAILED, SCOPE_RECIPIENT, CLASS_REFUSED, "5.1.1",
                        "550 5.1.1 no such user");
        else if (action == SETTLE_DEFER)
            outcome_set(&c->outcome, OUTCOME_DEFERRED, SCOPE_RECIPIENT, CLASS_GREYLIST, "4.7.1",
                        "450 4.7.1 come back later");
        snprintf(c->outcome.host, sizeof c->outcome.host, "mx.example");
        snprintf(c->outcome.ip, sizeof c->outcome.ip, "192.0.2.1");
        c->outcome.port = 25;
    }
    return op;
}

static inline enum fp_err spool_settle(struct spool *p, uint64_t message, uint32_t version,
                                       uint32_t count, enum settle_action action)
{
    return spool_write_free(p, settle_op(message, version, count, action));
}

// The message with its recipients, NULL when it is not there; to be freed with op_free.
static inline struct op *spool_get(struct spool *p, uint64_t message)
{
    struct op *op = op_new(OP_READ);
    op->read.message = message;
    if (spool_read(p, op) == FP_OK)
        return op;
    assert_int_equal(op->err, FP_NOT_FOUND);
    op_free(op);
    return NULL;
}

static inline bool spool_has(struct spool *p, uint64_t message)
{
    struct op *op = spool_get(p, message);
    op_free(op);
    return op != NULL;
}

// One number or text out of the file, by any SQL, on a connection of its own.
static inline int64_t spool_number(struct spool *p, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

static inline void spool_assert_text(struct spool *p, const char *sql, const char *want)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), want);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

#endif
