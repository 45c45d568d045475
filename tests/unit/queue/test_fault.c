// SPDX-License-Identifier: BSD-2-Clause
// A disk that fails: the n-th read, write, sync or truncation of a fixed story goes wrong, for
// every n until the story ends without having met it. After each, the file is opened again and must
// hold exactly what was answered: nothing that was promised is missing, nothing that was refused is
// there, a notice exists just when its settle was stored.
#include "spool.h"

#include "fault_vfs.h"
#include "queue/writer_db.h"

#include <semaphore.h>

enum { STORY_MESSAGES = 3 };

struct story {
    uint64_t ids[STORY_MESSAGES], notices[STORY_MESSAGES];
    enum fp_err accepted[STORY_MESSAGES], settled[STORY_MESSAGES], late;
    uint64_t late_id;
};

static sem_t finished;

static void wake(void *arg)
{
    (void)arg;
    sem_post(&finished);
}

// Hands a list over and waits for all of it.
static void run_list(struct worker *w, struct op *first)
{
    size_t count = 0, done = 0;
    for (struct op *op = first; op; op = op->next)
        count++;
    worker_push_list(w, first);
    while (done < count) {
        sem_wait(&finished);
        for (struct op *op = worker_take(w); op; op = op->next)
            done++;
    }
}

static struct op *settle_with_notice(struct spool *p, uint64_t id, uint64_t *ret_notice)
{
    struct op *op = settle_op(id, 1, 3, SETTLE_DEFER);
    op->settle.changes[0].action = SETTLE_DELIVERED;
    op->settle.changes[1].action = SETTLE_FAIL;
    *ret_notice = ids_next(&p->ids, NOW);
    op->settle.notices[0] = entry_of(*ret_notice, NOW, "", "s@x.example", 3000);
    return op;
}

// Accepts all messages in one batch, settles all in another, accepts one more. The list is the
// caller's again when the worker has finished it, but its links are not.
static void tell(struct spool *p, struct worker *w, struct story *t)
{
    struct op *ops[STORY_MESSAGES];
    for (int i = 0; i < STORY_MESSAGES; i++) {
        t->ids[i] = ids_next(&p->ids, NOW);
        ops[i] = accept_op(
            entry_of(t->ids[i], NOW, "s@x.example", "a@y.example b@y.example c@y.example", 5000));
        if (i > 0)
            ops[i - 1]->next = ops[i];
    }
    run_list(w, ops[0]);
    for (int i = 0; i < STORY_MESSAGES; i++) {
        t->accepted[i] = ops[i]->err;
        op_free(ops[i]);
    }
    for (int i = 0; i < STORY_MESSAGES; i++) {
        ops[i] = settle_with_notice(p, t->ids[i], &t->notices[i]);
        if (i > 0)
            ops[i - 1]->next = ops[i];
    }
    run_list(w, ops[0]);
    for (int i = 0; i < STORY_MESSAGES; i++) {
        t->settled[i] = ops[i]->err;
        op_free(ops[i]);
    }
    t->late_id = ids_next(&p->ids, NOW);
    ops[0] = accept_op(entry_of(t->late_id, NOW, "", "a@y.example", 100));
    run_list(w, ops[0]);
    t->late = ops[0]->err;
    op_free(ops[0]);
}

static void assert_kept(struct spool *p, const struct story *t, int at)
{
    (void)at;
    spool_assert_text(p, "PRAGMA integrity_check", "ok");
    for (int i = 0; i < STORY_MESSAGES; i++) {
        struct op *op = spool_get(p, t->ids[i]);
        bool is_accepted = t->accepted[i] == FP_OK, is_settled = t->settled[i] == FP_OK;
        assert_int_equal(op != NULL, is_accepted);
        assert_int_equal(spool_has(p, t->notices[i]), is_settled);
        if (op)
            assert_int_equal(op->read.row->rcpt_count, is_settled ? 1 : 3);
        if (!is_accepted)
            assert_true(t->settled[i] != FP_OK);
        op_free(op);
    }
    assert_int_equal(spool_has(p, t->late_id), t->late == FP_OK);
}

static void tell_with_fault(struct spool *p, enum fault_call call, int at, int code,
                            struct story *t)
{
    spool_make_dir(p);
    struct store_options options = {.role = STORE_WRITER, .is_durable = true};
    struct buf why;
    buf_init(&why, 1000);
    assert_int_equal(store_open(p->path, &options, &p->store, &why), FP_OK);
    ids_init(&p->ids, 0);
    p->store->log_pages_max = 4; // sync a lot
    struct worker_options worker = {.store = p->store, .batch_max = 100, .wake = wake};
    fault_arm(call, at, code);
    struct worker *w = worker_start(&worker);
    tell(p, w, t);
    assert_null(worker_stop(w));
    p->store = NULL;
}

static void check_fault(struct spool *p, enum fault_call call, int at, int code, struct story *t)
{
    tell_with_fault(p, call, at, code, t);
    bool has_fired = fault.has_fired;
    fault_arm(call, 0, 0);
    spool_open(p);
    assert_kept(p, t, at);
    spool_close(p);
    spool_remove_dir(p);
    fault.has_fired = has_fired;
}

struct fault_case {
    const char *name;
    enum fault_call call;
    int code;
    int at_least; // so many calls the story must have
};

static const struct fault_case cases[] = {
    {"read error", FAULT_READ, SQLITE_IOERR_READ, 0},
    {"write error", FAULT_WRITE, SQLITE_IOERR_WRITE, 20},
    {"disk full", FAULT_WRITE, SQLITE_FULL, 20},
    {"sync error", FAULT_SYNC, SQLITE_IOERR_FSYNC, 5},
    {"truncate error", FAULT_TRUNCATE, SQLITE_IOERR_TRUNCATE, 0},
};

static void test_every_call(void **state)
{
    const struct fault_case *c = *state;
    struct spool p = {0};
    struct story t;
    int at = 0;
    do {
        t = (struct story){0};
        check_fault(&p, c->call, ++at, c->code, &t);
        // One fault spoils one batch: what comes two batches later works again.
        if (t.accepted[0] != FP_OK)
            assert_int_equal(t.late, FP_OK);
        // Outcomes are run again, so a single fault does not lose one.
        for (int i = 0; i < STORY_MESSAGES; i++)
            if (t.accepted[i] == FP_OK)
                assert_int_equal(t.settled[i], FP_OK);
    } while (fault.has_fired);
    assert_true(at > c->at_least);
    for (int i = 0; i < STORY_MESSAGES; i++)
        assert_int_equal(t.settled[i], FP_OK);
}

// An fsync that has failed is final: nothing more is promised on that handle.
static void test_poisoned_until_reopened(void **state)
{
    (void)state;
    struct spool p = {0};
    spool_make_dir(&p);
    struct store_options options = {.role = STORE_WRITER, .is_durable = true};
    struct buf why;
    buf_init(&why, 1000);
    assert_int_equal(store_open(p.path, &options, &p.store, &why), FP_OK);
    ids_init(&p.ids, 0);
    uint64_t kept = spool_accept(&p, "", "a@y.example");
    fault_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC);
    uint64_t lost = ids_next(&p.ids, NOW);
    assert_int_equal(spool_write_free(&p, accept_op(entry_of(lost, NOW, "", "a@y.example", 9))),
                     FP_IO);
    assert_true(store_is_poisoned(p.store));
    for (int i = 0; i < 3; i++)
        assert_int_equal(store_begin(p.store), FP_IO);
    struct op *op = op_new(OP_DISCARD);
    store_run(p.store, op);
    assert_int_equal(op->err, FP_IO);
    op_free(op);
    // Reopening may itself meet a failure, at any of its syncs, and may be tried again.
    int failed = 0;
    for (int at = 1; at < 10; at++) {
        fault_arm(FAULT_SYNC, at, SQLITE_IOERR_FSYNC);
        enum fp_err err = store_reopen(p.store, &why);
        assert_int_equal(store_is_poisoned(p.store), err != FP_OK);
        failed += err != FP_OK;
        if (err)
            assert_int_equal(store_begin(p.store), FP_IO);
    }
    assert_true(failed > 0);
    fault_arm(FAULT_SYNC, 0, 0);
    assert_int_equal(store_reopen(p.store, &why), FP_OK);
    assert_true(spool_has(&p, kept));
    assert_false(spool_has(&p, lost));
    spool_accept(&p, "", "a@y.example");
    spool_close(&p);
    spool_remove_dir(&p);
    buf_close(&why);
}

int main(void)
{
    enum { CASES = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[CASES + 1] = {cmocka_unit_test(test_poisoned_until_reopened)};
    for (size_t i = 0; i < CASES; i++)
        tests[i + 1] = (struct CMUnitTest){.name = cases[i].name,
                                           .test_func = test_every_call,
                                           .initial_state = (void *)&cases[i]};
    fault_install();
    sem_init(&finished, 0, 0);
    return _cmocka_run_group_tests("a disk that fails", tests, CASES + 1, NULL, NULL);
}
