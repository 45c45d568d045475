// SPDX-License-Identifier: BSD-2-Clause
// Opening a spool: what it refuses and how it says so, migrations, the rules of connections, and
// what a crash leaves.
#include "spool.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct store_options writer = {.role = STORE_WRITER};
static const struct store_options reader = {.role = STORE_READER};

static void assert_refused(const char *path, const struct store_options *options, enum fp_err want,
                           const char *says)
{
    struct store *s = NULL;
    struct buf why;
    buf_init(&why, 4096);
    assert_int_equal(store_open(path, options, &s, &why), want);
    assert_null(s);
    assert_non_null(why.p);
    if (!strstr(why.p, says))
        fail_msg("\"%s\" is not in \"%s\"", says, why.p);
    assert_null(strchr(why.p, '\n')); // one sentence
    buf_close(&why);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_not_a_database(void **state)
{
    struct spool *p = *state;
    spool_close(p);
    char text[5000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    write_file(p->path, text);
    assert_refused(p->path, &writer, FP_CORRUPT, "is not a spool");
    assert_refused(p->path, &reader, FP_CORRUPT, "is not a spool");
}

static void test_a_database_of_others_is_left_as_it_is(void **state)
{
    struct spool *p = *state;
    spool_close(p);
    spool_remove_dir(p);
    spool_make_dir(p);
    run_sql(p->path, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    chmod(p->path, 0644);
    assert_refused(p->path, &writer, FP_CORRUPT, "database of some other program");
    assert_refused(p->path, &reader, FP_CORRUPT, "database of some other program");
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    spool_assert_text(p, "PRAGMA journal_mode", "delete");
}

static void test_newer(void **state)
{
    struct spool *p = *state;
    spool_close(p);
    run_sql(p->path, "PRAGMA user_version = 9");
    assert_refused(p->path, &writer, FP_NEWER, "schema version 9");
    assert_refused(p->path, &writer, FP_NEWER, "up to 6");
    assert_refused(p->path, &reader, FP_NEWER, "schema version 9");
}

static void test_second_writer(void **state)
{
    struct spool *p = *state;
    char pid[64];
    snprintf(pid, sizeof pid, "locked by process %ld:", (long)getpid());
    assert_refused(p->path, &writer, FP_BUSY, pid);
    spool_open_reader(p); // readers are welcome
    spool_reopen(p);      // and the lock goes with its holder
}

static void test_nothing_there(void **state)
{
    struct spool *p = *state;
    char path[400];
    snprintf(path, sizeof path, "%s/none.db", p->dir);
    assert_refused(path, &reader, FP_NOT_FOUND, "there is no spool");
    assert_int_not_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/none/spool.db", p->dir);
    assert_refused(path, &writer, FP_NOT_FOUND, "none/spool.db");
    snprintf(path, sizeof path, "%s/empty.db", p->dir);
    write_file(path, "");
    assert_refused(path, &reader, FP_NOT_FOUND, "there is no spool yet");
}

static void test_reader_does_not_migrate(void **state)
{
    struct spool *p = *state;
    spool_close(p);
    run_sql(p->path, "PRAGMA user_version = 0");
    assert_refused(p->path, &reader, FP_AGAIN, "start the daemon");
}

static void test_mode(void **state)
{
    struct spool *p = *state;
    struct stat st;
    char path[400];
    spool_accept(p, "", "a@y.example");
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", p->path, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    spool_close(p);
    chmod(p->path, 0644); // restored from somewhere
    spool_open(p);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static int64_t pragma(struct store *s, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

static void test_pragmas(void **state)
{
    struct spool *p = *state;
    static const struct {
        const char *sql;
        int64_t writer, reader; // -1: not looked at
    } cases[] = {
        {"PRAGMA page_size", 4096, 4096},
        {"PRAGMA auto_vacuum", 2, 2},
        {"PRAGMA synchronous", 2, -1},
        {"PRAGMA wal_autocheckpoint", 0, 0}, // see store_checkpoint
        {"PRAGMA journal_size_limit", 67108864, -1},
        {"PRAGMA secure_delete", 0, -1},
        {"PRAGMA cache_size", -8192, -8192},
        {"PRAGMA mmap_size", 0, 0},
        {"PRAGMA query_only", 0, 1},
    };
    spool_close(p);
    struct buf why;
    buf_init(&why, 1000);
    struct store_options durable = {.role = STORE_WRITER, .is_durable = true};
    assert_int_equal(store_open(p->path, &durable, &p->store, &why), FP_OK);
    spool_open_reader(p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(pragma(p->store, cases[i].sql), cases[i].writer);
        if (cases[i].reader >= 0)
            assert_int_equal(pragma(p->reader, cases[i].sql), cases[i].reader);
    }
    assert_int_equal(sqlite3_exec(p->reader->db, "DELETE FROM message", NULL, NULL, NULL),
                     SQLITE_READONLY);
}

// Migrations -----------------------------------------------------------------------------------

static void migrate(struct spool *p, const struct migration *m, int count, enum fp_err want,
                    const char *says)
{
    sqlite3 *db = NULL;
    struct buf why;
    buf_init(&why, 4096);
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(schema_migrate(db, p->path, m, count, &why), want);
    if (says && !strstr(buf_slice(&why).p, says))
        fail_msg("\"%s\" is not in \"%s\"", says, buf_slice(&why).p);
    sqlite3_close(db);
    buf_close(&why);
}

static void test_migrations(void **state)
{
    static const struct migration steps[] = {
        {1, "CREATE TABLE one(x)"},
        {2, "CREATE TABLE two(x); INSERT INTO two SELECT x FROM one"},
        {3, "ALTER TABLE two ADD COLUMN y DEFAULT 7"},
    };
    struct spool *p = *state;
    spool_close(p);
    spool_remove_dir(p);
    spool_make_dir(p);
    migrate(p, steps, 1, FP_OK, NULL);
    run_sql(p->path, "INSERT INTO one VALUES(42)");
    migrate(p, steps, 3, FP_OK, NULL);
    assert_int_equal(spool_number(p, "PRAGMA user_version"), 3);
    assert_int_equal(spool_number(p, "SELECT x + y FROM two"), 49);
    migrate(p, steps, 3, FP_OK, NULL); // nothing more to do
    migrate(p, steps, 2, FP_NEWER, "schema version 3, this program knows versions up to 2");

    // What it was before stands beside it.
    struct spool copy = *p;
    struct stat st;
    snprintf(copy.path, sizeof copy.path, "%.300s.v1.backup", p->path);
    assert_int_equal(spool_number(&copy, "SELECT x FROM one"), 42);
    assert_int_equal(spool_number(&copy, "PRAGMA user_version"), 1);
    assert_int_equal(spool_number(&copy, "SELECT count(*) FROM sqlite_schema WHERE name = 'two'"),
                     0);
    assert_int_equal(stat(copy.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

// A spool of version 1 with mail in it: nothing of it is lost, and it is due as it was.
static void test_from_version_1(void **state)
{
    struct spool *p = *state;
    spool_close(p);
    spool_remove_dir(p);
    spool_make_dir(p);
    migrate(p, schema_migrations, 1, FP_OK, NULL);
    run_sql(p->path,
            "INSERT INTO message(id, version, arrival, size, kind, is_8bit, uid, warned, sender)"
            " VALUES(77, 3, 1000, 5, 0, 0, -1, 0, 's@x.example');"
            "INSERT INTO recipient(message, n, state, domain, next_attempt, attempts, warned,"
            " last_attempt, last_class, in_doubt, address, last_status, last_reply, last_host)"
            " VALUES(77, 0, 0, 'y.example', 2000, 2, 0, 1500, 1, 0, 'a@y.example', '4.4.1', 'no',"
            " 'h'), (77, 1, 1, 'y.example', 0, 0, 0, 0, 0, 0, 'b@y.example', '', '', '')");
    spool_open(p);
    assert_int_equal(spool_number(p, "PRAGMA user_version"), schema_migration_count);
    struct op *op = op_new(OP_DUE);
    op->due.domain = must_strdup("y.example");
    op->due.horizon_ms = 2000;
    op->due.attempted_before_ms = INT64_MAX;
    op->due.after_ms = INT64_MIN;
    op->due.limit = 10;
    store_run(p->store, op);
    assert_int_equal(op->err, FP_OK);
    assert_int_equal(op->due.rcpt_count, 1);
    assert_int_equal(op->due.rows[0].message.version, 3);
    assert_int_equal(op->due.rows[0].rcpts[0].attempts, 2);
    assert_string_equal(op->due.rows[0].rcpts[0].held_why, "");
    op_free(op);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM mailq WHERE held_because = ''"), 2);
}

static void test_migration_is_all_or_nothing(void **state)
{
    static const struct migration steps[] = {
        {1, "CREATE TABLE one(x)"},
        {2, "CREATE TABLE two(x)"},
        {3, "INSERT INTO missing VALUES(1)"},
    };
    struct spool *p = *state;
    spool_close(p);
    spool_remove_dir(p);
    spool_make_dir(p);
    migrate(p, steps, 1, FP_OK, NULL);
    migrate(p, steps, 3, FP_CORRUPT, "missing");
    assert_int_equal(spool_number(p, "PRAGMA user_version"), 1);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM sqlite_schema WHERE name = 'two'"), 0);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM sqlite_schema WHERE type = 'view'"),
                     5); // kept too
}

static void test_new_spool_has_no_backup(void **state)
{
    struct spool *p = *state;
    char path[400];
    snprintf(path, sizeof path, "%s.v0.backup", p->path);
    assert_int_not_equal(access(path, F_OK), 0);
}

// Crashes --------------------------------------------------------------------------------------

enum { COMMITTED = 5 };

// A child accepts COMMITTED messages, then dies in the middle of a batch.
static void child_dies(struct spool *p, bool by_signal)
{
    spool_close(p);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        spool_open(p);
        for (int i = 0; i < COMMITTED; i++)
            spool_accept_at(p, NOW + i, "", "a@y.example b@y.example");
        store_begin(p->store);
        for (int i = 0; i < 3; i++) {
            struct op *op = accept_op(entry_of(ids_next(&p->ids, NOW), NOW, "", "c@y.example", 99));
            store_run(p->store, op);
        }
        if (by_signal)
            raise(SIGKILL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

// A reader that closes last would checkpoint, if it were let: the log must still be there.
static void test_reader_leaves_the_log_alone(void **state)
{
    struct spool *p = *state;
    char wal[400];
    struct stat before, after;
    snprintf(wal, sizeof wal, "%s-wal", p->path);
    child_dies(p, true); // a writer that cannot close
    assert_int_equal(stat(wal, &before), 0);
    assert_true(before.st_size > 0);
    struct op *op = op_new(OP_LIST);
    op->list.limit = 100;
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->list.page.row_count, COMMITTED);
    op_free(op);
    spool_close(p);
    assert_int_equal(stat(wal, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
}

static void assert_after_crash(struct spool *p)
{
    spool_open(p);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM message"), COMMITTED);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM recipient"), 2 * COMMITTED);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM chunk"), COMMITTED);
    assert_int_equal(
        spool_number(p, "SELECT count(*) FROM recipient WHERE address = 'c@y.example'"), 0);
    spool_assert_text(p, "PRAGMA integrity_check", "ok");
    uint64_t id = spool_accept(p, "", "a@y.example"); // must not meet an id of before
    assert_true((int64_t)id > spool_number(p, "SELECT min(id) FROM message"));
}

static void test_killed_in_a_batch(void **state)
{
    struct spool *p = *state;
    child_dies(p, true);
    assert_after_crash(p);
}

static void test_exit_in_a_batch(void **state)
{
    struct spool *p = *state;
    child_dies(p, false);
    assert_after_crash(p);
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, spool_setup, spool_teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(test_not_a_database),
        SPOOL_TEST(test_a_database_of_others_is_left_as_it_is),
        SPOOL_TEST(test_newer),
        SPOOL_TEST(test_second_writer),
        SPOOL_TEST(test_nothing_there),
        SPOOL_TEST(test_reader_does_not_migrate),
        SPOOL_TEST(test_mode),
        SPOOL_TEST(test_pragmas),
        SPOOL_TEST(test_reader_leaves_the_log_alone),
        SPOOL_TEST(test_migrations),
        SPOOL_TEST(test_migration_is_all_or_nothing),
        SPOOL_TEST(test_from_version_1),
        SPOOL_TEST(test_new_spool_has_no_backup),
        SPOOL_TEST(test_killed_in_a_batch),
        SPOOL_TEST(test_exit_in_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
