// SPDX-License-Identifier: BSD-2-Clause
// sql: calling prepared statements, and SQLite's codes as ours. See sql_db.h.
#include "queue/sql_db.h"

#include "core/must.h"
#include "queue/err_fs.h"

enum fp_err sql_err(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return FP_OK;
    case SQLITE_FULL:
        return FP_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return FP_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: // our own texts are tested: it is the tables that do not fit them
        return FP_CORRUPT;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        return FP_DENIED;
    case SQLITE_CANTOPEN:
        return fs_err(sqlite3_system_errno(db), FP_IO);
    case SQLITE_IOERR:
        // Making the shared memory file longer reports a full disk as an I/O error. A failed fsync
        // stays one whatever its errno is: the data may be lost (store_db.h).
        return rc == SQLITE_IOERR_SHMSIZE ? fs_err(sqlite3_system_errno(db), FP_IO) : FP_IO;
    case SQLITE_NOMEM:
    case SQLITE_CONSTRAINT: // an id twice, a number not a number
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG: // the maxima are far below SQLite's
        must_never("SQLite finds fault with how it is called, or memory has run out");
        return FP_IO;
    default:
        return FP_IO;
    }
}

struct sql_call sql_call(struct store *s, enum sql_id id)
{
    must((unsigned)id < SQL_COUNT && s->db);
    struct sql_call c = {.db = s->db};
    if (!s->stmts[id]) {
        int rc = sqlite3_prepare_v3(s->db, sql_texts[id], -1, SQLITE_PREPARE_PERSISTENT,
                                    &s->stmts[id], NULL);
        c.err = sql_err(s->db, rc);
    }
    c.stmt = s->stmts[id];
    must(!c.stmt || !sqlite3_stmt_busy(c.stmt)); // a statement is used by one caller at a time
    return c;
}

void sql_int(struct sql_call *c, int64_t value)
{
    if (!c->err)
        c->err = sql_err(c->db, sqlite3_bind_int64(c->stmt, ++c->at, value));
}

void sql_text(struct sql_call *c, const char *text)
{
    if (!c->err)
        c->err = sql_err(c->db,
                         sqlite3_bind_text(c->stmt, ++c->at, text ? text : "", -1, SQLITE_STATIC));
}

void sql_null(struct sql_call *c)
{
    if (!c->err)
        c->err = sql_err(c->db, sqlite3_bind_null(c->stmt, ++c->at));
}

void sql_blob(struct sql_call *c, const void *p, size_t n)
{
    if (!c->err)
        c->err = sql_err(c->db, sqlite3_bind_blob64(c->stmt, ++c->at, n ? p : "", (sqlite3_uint64)n,
                                                    SQLITE_STATIC));
}

bool sql_step(struct sql_call *c)
{
    if (c->err)
        return false;
    int rc = sqlite3_step(c->stmt);
    c->err = sql_err(c->db, rc);
    c->at = 0;
    return rc == SQLITE_ROW;
}

int64_t sql_column_int(struct sql_call *c)
{
    return sqlite3_column_int64(c->stmt, c->at++);
}

bool sql_column_is_null(const struct sql_call *c)
{
    return sqlite3_column_type(c->stmt, c->at) == SQLITE_NULL;
}

const char *sql_column_peek(struct sql_call *c, size_t *ret_n)
{
    const char *p = sqlite3_column_blob(c->stmt, c->at); // TEXT is UTF-8 already: bytes as stored
    *ret_n = (size_t)sqlite3_column_bytes(c->stmt, c->at++);
    return p ? p : "";
}

char *sql_column_text(struct sql_call *c)
{
    size_t n;
    const char *p = sql_column_peek(c, &n);
    return must_memdup(p, n);
}

char *sql_column_pooled(struct sql_call *c, struct pool *pool)
{
    size_t n;
    const char *p = sql_column_peek(c, &n);
    return pool ? pool_add(pool, p, n) : must_memdup(p, n);
}

enum fp_err sql_end(struct sql_call *c)
{
    if (c->stmt)
        sqlite3_reset(c->stmt); // its code repeats what the step said
    return c->err;
}

enum fp_err sql_run(struct sql_call *c)
{
    bool has_row = sql_step(c);
    must(!has_row);
    return sql_end(c);
}

enum fp_err sql_run_id(struct store *s, enum sql_id id, int64_t argument)
{
    struct sql_call c = sql_call(s, id);
    sql_int(&c, argument);
    return sql_run(&c);
}

enum fp_err sql_get_int(struct sql_call *c, int64_t otherwise, int64_t *ret)
{
    int64_t value = otherwise;
    if (sql_step(c) && !sql_column_is_null(c))
        value = sql_column_int(c);
    enum fp_err err = sql_end(c);
    if (!err)
        *ret = value;
    return err;
}

enum fp_err sql_number(sqlite3 *db, const char *sql, int64_t *ret)
{
    struct sql_call c = {.db = db};
    c.err = sql_err(db, sqlite3_prepare_v2(db, sql, -1, &c.stmt, NULL));
    enum fp_err err = sql_get_int(&c, 0, ret);
    sqlite3_finalize(c.stmt);
    return err;
}

void sql_forget_all(struct store *s)
{
    for (int i = 0; i < SQL_COUNT; i++) {
        sqlite3_finalize(s->stmts[i]);
        s->stmts[i] = NULL;
    }
}
