// SPDX-License-Identifier: BSD-2-Clause
// connection: the SQLite handle of a store: how it is opened, and the rules it is held to.
//
// (C1) One connection commits and checkpoints: the writer's, under PATH.lock. SQLite up to 3.51.2
//      can damage a WAL database when one connection checkpoints while another commits
//      (sqlite.org/wal.html#walresetbug). Every reader is query_only, never checkpoints by itself,
//      and not on closing either.
// (C2) A commit is durable when it returns: WAL with synchronous=FULL. The setting is read back: a
//      silent failure here would make every 250 a lie.
#include "queue/sql_db.h"

#include "core/must.h"
#include "queue/err_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 5000, SYNCHRONOUS_FULL = 2 };

static enum fp_err say(struct store *s, int rc, const char *doing, struct buf *why)
{
    enum fp_err err = sql_err(s->db, rc);
    if (err == FP_CORRUPT)
        buf_addf(why, "%s is not a spool: %s", s->path, sqlite3_errmsg(s->db));
    else if (err == FP_NOT_FOUND && s->options.role == STORE_READER)
        buf_addf(why, "there is no spool %s", s->path);
    else
        buf_addf(why, "cannot %s the spool %s: %s", doing, s->path, sqlite3_errmsg(s->db));
    return err;
}

static bool has_number(sqlite3 *db, const char *sql, int64_t want)
{
    int64_t n = 0;
    return sql_number(db, sql, &n) == FP_OK && n == want;
}

static bool is_wal(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    bool yes = false;
    if (sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        yes = strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
    sqlite3_finalize(stmt);
    return yes;
}

static enum fp_err sync_directory_of(const char *path)
{
    char *copy = must_strdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0)
        return FP_IO;
    int rc = fsync(fd);
    close(fd);
    return rc == 0 ? FP_OK : FP_IO;
}

// SQLite gives -wal and -shm the mode of the database. It is made here, before SQLite opens it, so
// that there is no moment at which others can read it; its directory entry is made durable too.
static enum fp_err create_file(const char *path, struct buf *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return FP_OK;
    if (fd < 0) {
        int e = errno;
        buf_addf(why, "cannot create the spool %s: %s", path, strerror(e));
        return fs_err(e, FP_IO);
    }
    close(fd);
    enum fp_err err = sync_directory_of(path);
    if (err)
        buf_addf(why, "cannot sync the directory of the spool %s", path);
    return err;
}

// Only once it is known to be a spool; by name, because to open and close the file would drop the
// POSIX locks that this process has on it.
static enum fp_err restrict_mode(const char *path, struct buf *why)
{
    struct stat st;
    if (stat(path, &st) != 0 || !(st.st_mode & 077) || chmod(path, 0600) == 0)
        return FP_OK;
    buf_addf(why, "others may read the spool %s, and that cannot be changed: %s", path,
             strerror(errno));
    return FP_DENIED;
}

// Called by SQLite at the end of each commit.
static int note_log(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct store *s = arg;
    (void)db;
    (void)name;
    s->log_pages = pages;
    return SQLITE_OK;
}

// page_size and auto_vacuum must be said before anything is written, WAL mode included.
static enum fp_err set_up_writer(struct store *s, struct buf *why)
{
    static const char before[] = "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;"
                                 "PRAGMA journal_mode = WAL;";
    // Debian compiles secure_delete ON, which would rewrite each page that becomes free; who can
    // read the file may read the mail in it anyway. Sub-journals stay in memory. A larger cache
    // saves nothing, neither with a million messages nor without; with 4 MiB batches of outcomes
    // begin to be written early, and again.
    static const char after[] =
        "PRAGMA secure_delete = OFF; PRAGMA journal_size_limit = 67108864;"
        "PRAGMA cache_size = -8192; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;";
    int rc = sqlite3_exec(s->db, before, NULL, NULL, NULL);
    if (rc == SQLITE_OK && !is_wal(s->db)) {
        buf_addf(why, "the file system of the spool %s does not allow a write-ahead log", s->path);
        return FP_IO;
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(s->db, after, NULL, NULL, NULL);
    const char *synchronous =
        s->options.is_durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF";
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(s->db, synchronous, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return say(s, rc, "set up", why);
    sqlite3_wal_hook(s->db, note_log, s); // instead of checkpoints inside of commits
    must(!s->options.is_durable || has_number(s->db, "PRAGMA synchronous", SYNCHRONOUS_FULL)); // C2
    return FP_OK;
}

static enum fp_err set_up_reader(struct store *s, struct buf *why)
{
    static const char text[] = "PRAGMA query_only = 1; PRAGMA cache_size = -8192;"
                               "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;";
    int off = 0;
    int rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &off);
    must(rc == SQLITE_OK && off == 1); // C1
    rc = sqlite3_wal_autocheckpoint(s->db, 0);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return say(s, rc, "read", why);
    must(has_number(s->db, "PRAGMA query_only", 1)); // C1
    return FP_OK;
}

static enum fp_err open_handle(struct store *s, struct buf *why)
{
    // Statistics of memory that nobody reads take a lock at each allocation. Said before the first
    // connection of the process; later it changes nothing.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    // One thread at a time uses a store, so SQLite's own mutexes are not needed.
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(s->path, &s->db, flags, NULL);
    must(s->db);
    if (rc != SQLITE_OK)
        return say(s, rc, "open", why);
    sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
    // What stands in a damaged or planted file must not run functions or pass strings as names.
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    return FP_OK;
}

static enum fp_err open_and_check(struct store *s, struct buf *why)
{
    enum fp_err err = open_handle(s, why);
    if (err)
        return err;
    int newest = schema_migrations[schema_migration_count - 1].version;
    if (s->options.role == STORE_READER) {
        err = set_up_reader(s, why);
        return err ? err : schema_check(s->db, s->path, newest, why);
    }
    err = schema_recognise(s->db, s->path, newest, why); // before anything is written to it
    if (!err)
        err = restrict_mode(s->path, why);
    if (!err)
        err = set_up_writer(s, why);
    if (!err)
        err = schema_migrate(s->db, s->path, schema_migrations, schema_migration_count, why);
    if (!err)
        wal_join(s->db);
    return err;
}

enum fp_err connection_open(struct store *s, struct buf *why)
{
    must(!s->db);
    enum fp_err err = s->options.role == STORE_WRITER ? create_file(s->path, why) : FP_OK;
    if (!err)
        err = open_and_check(s, why);
    if (err)
        connection_close(s);
    return err;
}

void connection_close(struct store *s)
{
    sql_forget_all(s);
    if (!s->db)
        return;
    int rc = sqlite3_close(s->db);
    must(rc == SQLITE_OK); // a statement that was not given back is ours to find
    s->db = NULL;
}

enum fp_err connection_check(struct store *s, struct buf *why)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    bool is_sound =
        rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
    if (!is_sound)
        buf_addf(why, "the spool %s is damaged: %s", s->path,
                 rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0)
                                  : sqlite3_errmsg(s->db));
    enum fp_err err = is_sound ? FP_OK : rc == SQLITE_ROW ? FP_CORRUPT : sql_err(s->db, rc);
    sqlite3_finalize(stmt);
    return err;
}
