// SPDX-License-Identifier: BSD-2-Clause
// The log: what of it is written together, that nothing of it is held back, and that it stays
// short.
#include "fault_vfs.h"
#include "spool.h"

#include <sys/stat.h>

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
        WAL_TEST(test_stays_short),
    };
    fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
