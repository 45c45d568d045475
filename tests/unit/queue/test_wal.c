// SPDX-License-Identifier: BSD-2-Clause
// The log: what of it is written together, that nothing of it is held back, and that it stays
// short.
#include "fault_vfs.h"
#include "spool.h"

#include <sys/stat.h>

// A file that tells what is done with it: "w4120@32" is so many octets written there.
struct told {
    sqlite3_file base;
    char text[4000];
    bool fails;
};

static void tell(sqlite3_file *f, const char *what, int n, sqlite3_int64 at)
{
    struct told *t = (struct told *)f;
    size_t used = strlen(t->text);
    snprintf(t->text + used, sizeof t->text - used, "%s%s%d@%lld", used ? " " : "", what, n,
             (long long)at);
}

static int told_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    (void)p;
    tell(f, "w", n, at);
    return ((struct told *)f)->fails ? SQLITE_FULL : SQLITE_OK;
}

static int told_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    memset(p, 0, (size_t)n);
    tell(f, "r", n, at);
    return SQLITE_OK;
}

static int told_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    tell(f, "t", 0, size);
    return SQLITE_OK;
}

static int told_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    tell(f, "s", 0, 0);
    return SQLITE_OK;
}

static int told_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    *ret = 0;
    tell(f, "z", 0, 0);
    return SQLITE_OK;
}

static int told_close(sqlite3_file *f)
{
    tell(f, "c", 0, 0);
    return SQLITE_OK;
}

static const sqlite3_io_methods told_methods = {
    .iVersion = 1,
    .xClose = told_close,
    .xRead = told_read,
    .xWrite = told_write,
    .xTruncate = told_truncate,
    .xSync = told_sync,
    .xFileSize = told_size,
};

// h: head of a frame, H: of a commit's last, p: page, P: the log's own head; each goes behind the
// one before unless "@n" says where. r, s, t, z: read, sync, truncate, ask for the size.
static void play(sqlite3_file *f, const char *script)
{
    static char bytes[4096];
    sqlite3_int64 at = 0, size;
    while (*script) {
        char what = *script++;
        if (*script == '@')
            at = strtol(script + 1, (char **)(uintptr_t)&script, 10);
        int n = what == 'p' ? 4096 : what == 'P' ? 32 : 24;
        bytes[7] = what == 'H';
        switch (what) {
        case 'r':
            f->pMethods->xRead(f, bytes, 24, at);
            break;
        case 's':
            f->pMethods->xSync(f, 0);
            break;
        case 't':
            f->pMethods->xTruncate(f, at);
            break;
        case 'z':
            f->pMethods->xFileSize(f, &size);
            break;
        case ' ':
            break;
        default:
            f->pMethods->xWrite(f, bytes, n, at);
            at += n;
        }
    }
}

static void test_joined(void **state)
{
    (void)state;
    static const struct {
        const char *name, *script, *want;
    } cases[] = {
        {"a commit of three pages", "P hphpHp s", "w32@0 w12360@32 s0@0"},
        {"of one", "P Hp s", "w32@0 w4120@32 s0@0"},
        {"the next one goes on", "P Hp s Hp s", "w32@0 w4120@32 s0@0 w4120@4152 s0@0"},
        {"without a sync, too", "P hpHp hpHp", "w32@0 w8240@32 w8240@8272"},
        {"what does not follow is written at once", "h@4152 pHp s", "w24@4152 w8216@4176 s0@0"},
        {"a commit's last page alone", "H@4152 p s", "w24@4152 w4096@4176 s0@0"},
        {"not its last yet", "P hphp", "w32@0"},
        {"a page written once more", "P hphp p@56 h@8272 p Hp s",
         "w32@0 w8240@32 w4096@56 w24@8272 w8216@8296 s0@0"},
        {"heads that are corrected", "P hpHp r@32 h@32 r@4152 H@4152 s",
         "w32@0 w8240@32 r24@32 w24@32 r24@4152 w24@4152 s0@0"},
        {"read in between", "P hp r@32 h@4152 p Hp s", "w32@0 w4120@32 r24@32 w8240@4152 s0@0"},
        {"asked for its size", "P hp z", "w32@0 w4120@32 z0@0"},
        {"cut", "P hp t@32", "w32@0 w4120@32 t0@32"},
        {"more than is kept",
         "P hphphphphphphphphphphphphphphphphphphphphphphphphphphphphphphphphpHp",
         "w32@0 w127744@32 w12336@127776"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told = {.base.pMethods = &told_methods};
        wal_join_file(&told.base);
        play(&told.base, cases[i].script);
        if (strcmp(told.text, cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].name, told.text);
        told.base.pMethods->xClose(&told.base);
        assert_ptr_equal(told.base.pMethods, &told_methods);
    }
}

// The error of a joined write is that of the commit's last one, and what failed is not tried again.
static void test_failing_write(void **state)
{
    (void)state;
    struct told told = {.base.pMethods = &told_methods, .fails = true};
    char page[4096] = {0}, head[24] = {0}, last[24] = {[7] = 1};
    sqlite3_file *f = &told.base;
    wal_join_file(f);
    f->pMethods->xWrite(f, head, 24, 32);
    told.text[0] = '\0';
    assert_int_equal(f->pMethods->xWrite(f, page, 4096, 56), SQLITE_OK);
    assert_int_equal(f->pMethods->xWrite(f, last, 24, 4152), SQLITE_OK);
    assert_int_equal(f->pMethods->xWrite(f, page, 4096, 4176), SQLITE_FULL);
    assert_int_equal(f->pMethods->xSync(f, 0), SQLITE_OK);
    assert_string_equal(told.text, "w8216@56 s0@0");
    f->pMethods->xClose(f);
}

static int durable_setup(void **state)
{
    struct spool *p = must_zalloc(sizeof *p);
    spool_make_dir(p);
    struct store_options options = {.role = STORE_WRITER, .is_durable = true};
    struct buf why;
    buf_init(&why, 1000);
    assert_int_equal(store_open(p->path, &options, &p->store, &why), FP_OK);
    ids_init(&p->ids, 0);
    *state = p;
    return 0;
}

static int count(struct spool *p, enum fault_call call)
{
    fault_arm(call, 1 << 30, SQLITE_OK);
    spool_accept(p, "s@x.example", "a@y.example b@y.example");
    return fault.seen;
}

static void test_one_write_one_sync(void **state)
{
    struct spool *p = *state;
    spool_accept(p, "", "a@y.example");
    assert_int_equal(count(p, FAULT_WRITE), 1);
    assert_int_equal(count(p, FAULT_SYNC), 1);
}

// A transaction too large for the cache writes pages early, reads them again and writes them twice.
static void test_larger_than_the_cache(void **state)
{
    struct spool *p = *state;
    enum { CHUNKS = 40 };
    sqlite3_exec(p->store->db, "PRAGMA cache_size = 10", NULL, NULL, NULL);
    uint64_t id = ids_next(&p->ids, NOW);
    struct op *chunks[CHUNKS];
    assert_int_equal(store_begin(p->store), FP_OK);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        chunks[i] = op_new(OP_APPEND);
        chunks[i]->append =
            (struct op_append){.message = id, .chunk = i, .data = must_alloc(50000), .size = 50000};
        memset(chunks[i]->append.data, 'a' + (int)(i % 26), 50000);
        store_run(p->store, chunks[i]);
        assert_int_equal(chunks[i]->err, FP_OK);
        op_free(chunks[i]);
        struct op *accept = accept_op(entry_of(ids_next(&p->ids, NOW), NOW, "", "a@y.example", 9));
        store_run(p->store, accept);
        assert_int_equal(accept->err, FP_OK);
        op_free(accept);
    }
    assert_int_equal(store_commit(p->store), FP_OK);
    spool_assert_text(p, "PRAGMA integrity_check", "ok");
    assert_int_equal(spool_number(p, "SELECT count(*) FROM message"), CHUNKS);
    assert_int_equal(
        spool_number(p, "SELECT sum(length(data)) FROM chunk WHERE length(data) > 100"),
        CHUNKS * 50000);
}

// However much goes through it. A commit syncs the log alone: itself, and the log's head when it
// begins anew.
static void test_stays_short(void **state)
{
    struct spool *p = *state;
    char log[400];
    struct stat st;
    snprintf(log, sizeof log, "%s-wal", p->path);
    p->store->log_pages_max = 50;
    for (int i = 0; i < 100; i++) {
        assert_in_range(count(p, FAULT_SYNC), 1, 2);
        store_checkpoint(p->store);
    }
    assert_int_equal(stat(log, &st), 0);
    assert_true(st.st_size < 80 * 4120);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM message"), 100);
}

int main(void)
{
#define WAL_TEST(f) cmocka_unit_test_setup_teardown(f, durable_setup, spool_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joined),     cmocka_unit_test(test_failing_write),
        WAL_TEST(test_one_write_one_sync), WAL_TEST(test_larger_than_the_cache),
        WAL_TEST(test_stays_short),
    };
    fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
