// SPDX-License-Identifier: BSD-2-Clause
// The writer and the reader thread: batches, order, back-pressure, a full disk, stopping.
#include "spool.h"

#include "queue/writer_db.h"

#include <semaphore.h>

static void wake(void *arg)
{
    sem_post(arg);
}

struct crew {
    struct spool spool;
    struct worker *writer, *reader;
    sem_t woken, reader_woken;
    int wakes;
};

static int crew_setup(void **state)
{
    struct crew *c = must_zalloc(sizeof *c);
    spool_make_dir(&c->spool);
    spool_open(&c->spool);
    sem_init(&c->woken, 0, 0);
    sem_init(&c->reader_woken, 0, 0);
    *state = c;
    return 0;
}

static void start_patient_writer(struct crew *c, uint32_t batch_max, uint32_t patience_ms)
{
    struct worker_options o = {.store = c->spool.store,
                               .batch_max = batch_max,
                               .patience_ms = patience_ms,
                               .wake = wake,
                               .wake_arg = &c->woken};
    c->writer = worker_start(&o);
}

static void start_gathering_writer(struct crew *c, uint32_t gather_us)
{
    struct worker_options o = {
        .store = c->spool.store, .gather_us = gather_us, .wake = wake, .wake_arg = &c->woken};
    c->writer = worker_start(&o);
}

static void start_writer(struct crew *c, uint32_t batch_max)
{
    start_patient_writer(c, batch_max, 0);
}

static struct op *stop_writer(struct crew *c)
{
    struct op *left = worker_stop(c->writer);
    c->writer = NULL;
    c->spool.store = NULL;
    return left;
}

static int crew_teardown(void **state)
{
    struct crew *c = *state;
    if (c->writer)
        stop_writer(c);
    spool_close(&c->spool);
    spool_remove_dir(&c->spool);
    free(c);
    return 0;
}

// Takes finished ops until there are `count` of them, in order, linked.
static struct op *collect(struct worker *w, sem_t *woken, size_t count, int *ret_wakes)
{
    struct op *first = NULL, **end = &first;
    for (size_t done = 0; done < count;) {
        sem_wait(woken);
        if (ret_wakes)
            ++*ret_wakes;
        *end = worker_take(w);
        for (; *end; end = &(*end)->next)
            done++;
    }
    return first;
}

static struct op *new_accept(struct crew *c, uint64_t tag, size_t size)
{
    uint64_t id = ids_next(&c->spool.ids, NOW);
    struct op *op = accept_op(entry_of(id, NOW, "", "a@y.example b@z.example", size));
    op->tag = tag;
    return op;
}

static void free_list(struct op *first)
{
    while (first) {
        struct op *next = first->next;
        op_free(first);
        first = next;
    }
}

static void test_order_of_four_producers(void **state)
{
    struct crew *c = *state;
    enum { PRODUCERS = 4, EACH = 250 };
    start_writer(c, 64);
    for (uint64_t i = 0; i < PRODUCERS * EACH; i++)
        worker_push(c->writer, new_accept(c, i % PRODUCERS << 32 | i / PRODUCERS, 200));
    struct op *all = collect(c->writer, &c->woken, PRODUCERS * EACH, NULL);
    uint64_t next[PRODUCERS] = {0};
    for (struct op *op = all; op; op = op->next) {
        assert_int_equal(op->err, FP_OK);
        assert_int_equal(op->tag & 0xffffffff, next[op->tag >> 32]);
        next[op->tag >> 32]++;
    }
    free_list(all);
    assert_int_equal(spool_number(&c->spool, "SELECT count(*) FROM message"), PRODUCERS * EACH);
}

// What is there together is committed together, up to the maximum.
static void test_batches(void **state)
{
    struct crew *c = *state;
    start_writer(c, 32);
    struct op *first = NULL;
    for (int i = 0; i < 100; i++) {
        struct op *op = new_accept(c, 0, 10);
        op->next = first;
        first = op;
    }
    worker_push_list(c->writer, first);
    int wakes = 0;
    free_list(collect(c->writer, &c->woken, 100, &wakes));
    assert_true(wakes <= 4); // 32 + 32 + 32 + 4; several wakes may be seen at once
    free_list(stop_writer(c));
}

static void test_pending_bytes(void **state)
{
    struct crew *c = *state;
    start_writer(c, 32);
    assert_int_equal(worker_pending_bytes(c->writer), 0);
    for (int i = 0; i < 50; i++)
        worker_push(c->writer, new_accept(c, 0, 1000));
    assert_true(worker_pending_bytes(c->writer) <= 50000);
    free_list(collect(c->writer, &c->woken, 50, NULL));
    assert_int_equal(worker_pending_bytes(c->writer), 0);
}

static void test_stop_finishes_everything(void **state)
{
    struct crew *c = *state;
    enum { MESSAGES = 300 };
    start_writer(c, 16);
    for (int i = 0; i < MESSAGES; i++)
        worker_push(c->writer, new_accept(c, 0, 100));
    struct op *left = stop_writer(c);
    size_t count = 0;
    for (struct op *op = left; op; op = op->next, count++)
        assert_int_equal(op->err, FP_OK);
    assert_int_equal(count, MESSAGES);
    free_list(left);
    assert_int_equal(spool_number(&c->spool, "SELECT count(*) FROM message"), MESSAGES);
}

// A reader at work beside the writer sees whole messages only, and is never in its way.
static void test_reader_beside_writer(void **state)
{
    struct crew *c = *state;
    enum { ROUNDS = 60, EACH = 10 };
    spool_open_reader(&c->spool);
    struct worker_options o = {
        .store = c->spool.reader, .wake = wake, .wake_arg = &c->reader_woken};
    c->reader = worker_start(&o);
    c->spool.reader = NULL;
    start_writer(c, 32);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++)
            worker_push(c->writer, new_accept(c, 0, 300));
        struct op *list = op_new(OP_LIST);
        list->list.limit = 1000;
        worker_push(c->reader, list);
        free_list(collect(c->writer, &c->woken, EACH, NULL));
        list = collect(c->reader, &c->reader_woken, 1, NULL);
        assert_int_equal(list->err, FP_OK);
        assert_true(list->list.page.row_count >= (uint32_t)round * EACH);
        for (uint32_t i = 0; i < list->list.page.row_count; i++)
            assert_int_equal(list->list.page.rows[i].rcpt_count, 2);
        op_free(list);
    }
    free_list(worker_stop(c->reader));
}

// Mail before people: what can wait goes behind what cannot, each kind in its own order.
static void test_reader_takes_mail_first(void **state)
{
    struct crew *c = *state;
    static const enum op_kind asked[] = {OP_LIST, OP_OVERDUE, OP_DOMAINS, OP_STATS, OP_HEALTHS},
                              want[] = {OP_DOMAINS, OP_HEALTHS, OP_LIST, OP_OVERDUE, OP_STATS};
    enum { COUNT = sizeof asked / sizeof *asked };
    spool_open_reader(&c->spool);
    struct worker_options o = {
        .store = c->spool.reader, .wake = wake, .wake_arg = &c->reader_woken};
    c->reader = worker_start(&o);
    c->spool.reader = NULL;
    for (int round = 0; round < 20; round++) {
        struct op *first = NULL;
        for (size_t i = COUNT; i-- > 0;) {
            struct op *op = op_new(asked[i]);
            op->next = first;
            first = op;
        }
        worker_push_list(c->reader, first);
        first = collect(c->reader, &c->reader_woken, COUNT, NULL);
        const struct op *op = first;
        for (size_t i = 0; i < COUNT; i++, op = op->next) {
            assert_int_equal(op->err, FP_OK);
            assert_int_equal(op->kind, want[i]);
        }
        free_list(first);
    }
    free_list(worker_stop(c->reader));
}

static struct op *settle_with_notice(void)
{
    struct op *op = settle_op(1, 1, 1, SETTLE_FAIL);
    op->settle.notices[0] = entry_of(2, NOW, "", "sender@x.example", 10);
    return op;
}

static struct op *settle_by_sweep(void)
{
    struct op *op = settle_op(1, 1, 2, SETTLE_FAIL);
    op->settle.changes[1].is_attempt = false;
    return op;
}

static void test_haste(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct op *op;
        enum op_haste want;
    } rows[] = {
        {"accept", op_new(OP_ACCEPT), OP_URGENT},
        {"append", op_new(OP_APPEND), OP_URGENT},
        {"discard", op_new(OP_DISCARD), OP_LAZY},
        {"delivered", settle_op(1, 1, 2, SETTLE_DELIVERED), OP_LAZY},
        {"deferred", settle_op(1, 1, 1, SETTLE_DEFER), OP_LAZY},
        {"failed, and nobody is told", settle_op(1, 1, 1, SETTLE_FAIL), OP_LAZY},
        {"failed, with a notice", settle_with_notice(), OP_URGENT},
        {"a warning's mark", settle_op(1, 1, 1, SETTLE_WARN), OP_URGENT},
        {"given up by a sweep", settle_by_sweep(), OP_URGENT},
        {"an operator's change", op_new(OP_CHANGE), OP_URGENT},
        {"health", op_new(OP_HEALTH), OP_LAZY},
        {"maintain", op_new(OP_MAINTAIN), OP_URGENT},
        {"a reader's", op_new(OP_DUE), OP_URGENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (op_haste(rows[i].op) != rows[i].want)
            fail_msg("%s", rows[i].name);
        op_free(rows[i].op);
    }
}

// Held for an hour unless somebody comes; then it goes first, and in the same commit.
static void test_lazy_goes_with_company(void **state)
{
    struct crew *c = *state;
    uint64_t sent = spool_accept(&c->spool, "", "a@y.example");
    start_patient_writer(c, 32, 3600 * 1000);
    struct op *settle = settle_op(sent, 1, 1, SETTLE_DELIVERED), *accept = new_accept(c, 0, 100);
    worker_push(c->writer, settle);
    worker_push(c->writer, accept);
    struct op *all = collect(c->writer, &c->woken, 2, NULL);
    assert_ptr_equal(all, settle);
    assert_ptr_equal(settle->next, accept);
    assert_true(settle->settle.is_removed);
    free_list(all);
    assert_null(stop_writer(c));
    assert_int_equal(sem_trywait(&c->woken), -1); // one commit, one wake
}

// Two of one message, the first held, the second urgent: the second finds what the first left.
static void test_order_within_a_message(void **state)
{
    struct crew *c = *state;
    uint64_t id = spool_accept(&c->spool, "s@x.example", "a@y.example b@y.example");
    start_patient_writer(c, 32, 3600 * 1000);
    struct op *first = settle_op(id, 1, 1, SETTLE_DELIVERED),
              *last = settle_op(id, 1, 1, SETTLE_FAIL);
    first->settle.keeps_version = last->settle.keeps_version = true;
    last->settle.changes[0].n = 1;
    last->settle.notices[0] = entry_of(ids_next(&c->spool.ids, NOW), NOW, "", "s@x.example", 100);
    worker_push(c->writer, first);
    worker_push(c->writer, last);
    struct op *all = collect(c->writer, &c->woken, 2, NULL);
    assert_ptr_equal(all, first);
    assert_false(first->settle.is_removed);
    assert_true(last->settle.is_removed);
    free_list(all);
}

static void test_lazy_alone(void **state)
{
    struct crew *c = *state;
    uint64_t id = spool_accept(&c->spool, "", "a@y.example");
    start_patient_writer(c, 32, 1);
    for (uint32_t version = 1; version < 6; version++) {
        worker_push(c->writer, settle_op(id, version, 1, SETTLE_DEFER));
        struct op *op = collect(c->writer, &c->woken, 1, NULL);
        assert_int_equal(op->err, FP_OK);
        op_free(op);
    }
}

// Many are not held.
static void test_lazy_many(void **state)
{
    struct crew *c = *state;
    enum { MESSAGES = 200 };
    uint64_t ids[MESSAGES];
    for (int i = 0; i < MESSAGES; i++)
        ids[i] = spool_accept(&c->spool, "", "a@y.example");
    start_patient_writer(c, 1024, 3600 * 1000);
    for (int i = 0; i < MESSAGES; i++)
        worker_push(c->writer, settle_op(ids[i], 1, 1, SETTLE_DELIVERED));
    struct op *some = collect(c->writer, &c->woken, MESSAGES / 2, NULL);
    for (struct op *op = some; op; op = op->next)
        assert_true(op->settle.is_removed);
    free_list(some);
    free_list(stop_writer(c)); // and stopping leaves none behind
    assert_int_equal(spool_number(&c->spool, "SELECT count(*) FROM message"), 0);
}

// An hour is waited for the three that are likely to come; more than that is not waited for.
static void test_gathers_what_is_expected(void **state)
{
    struct crew *c = *state;
    start_gathering_writer(c, UINT32_MAX);
    worker_expect(c->writer, 3);
    for (int i = 0; i < 3; i++)
        worker_push(c->writer, new_accept(c, 0, 100));
    free_list(collect(c->writer, &c->woken, 3, NULL));
    assert_int_equal(sem_trywait(&c->woken), -1); // one commit, one wake
    worker_expect(c->writer, 1);
    worker_push(c->writer, new_accept(c, 0, 100));
    free_list(collect(c->writer, &c->woken, 1, NULL));
    worker_expect(c->writer, 3);
    worker_push(c->writer, new_accept(c, 0, 100));
    free_list(stop_writer(c)); // stopping waits for nobody
    assert_int_equal(spool_number(&c->spool, "SELECT count(*) FROM message"), 5);
}

// Of those that are expected some may never come.
static void test_gathers_for_a_while(void **state)
{
    struct crew *c = *state;
    start_gathering_writer(c, 1000);
    worker_expect(c->writer, 100);
    for (int i = 0; i < 5; i++) {
        worker_push(c->writer, new_accept(c, 0, 100));
        free_list(collect(c->writer, &c->woken, 1, NULL));
    }
}

static void limit_pages(struct crew *c, int64_t more)
{
    char sql[80];
    int64_t pages = spool_number(&c->spool, "PRAGMA page_count");
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)(pages + more));
    assert_int_equal(sqlite3_exec(c->spool.store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

// On a full disk new mail is refused, outcomes are recorded, and an operator can make room.
static void test_full(void **state)
{
    struct crew *c = *state;
    uint64_t sent = spool_accept(&c->spool, "", "a@y.example");
    uint64_t late = spool_accept(&c->spool, "", "a@y.example");
    uint64_t old = spool_accept(&c->spool, "", "a@y.example");
    limit_pages(c, 2);
    start_writer(c, 32);
    struct op *big = new_accept(c, 0, 200000), *done = settle_op(sent, 1, 1, SETTLE_DELIVERED),
              *later = settle_op(late, 1, 1, SETTLE_DEFER), *clear = op_new(OP_CHANGE);
    clear->change.verb = CHANGE_REMOVE;
    clear->change.limit = 10;
    clear->change.filter.count = 1;
    clear->change.filter.terms[0] =
        (struct filter_term){.key = FILTER_ID, .relation = FILTER_EQUAL, .number = (int64_t)old};
    done->next = big;
    big->next = later;
    later->next = clear;
    worker_push_list(c->writer, done);
    struct op *all = collect(c->writer, &c->woken, 4, NULL);
    assert_ptr_equal(all, done); // still in order
    assert_int_equal(done->err, FP_OK);
    assert_true(done->settle.is_removed);
    assert_int_equal(big->err, FP_FULL);
    assert_int_equal(later->err, FP_OK);
    assert_int_equal(clear->err, FP_OK);
    assert_int_equal(clear->change.row_count, 1);
    uint64_t refused = big->accept.entry->message.id;
    free_list(all);
    worker_push(c->writer, new_accept(c, 0, 100)); // a small one fits
    all = collect(c->writer, &c->woken, 1, NULL);
    assert_int_equal(all->err, FP_OK);
    free_list(all);
    free_list(stop_writer(c));
    spool_open(&c->spool);
    assert_false(spool_has(&c->spool, sent));
    assert_true(spool_has(&c->spool, late));
    assert_false(spool_has(&c->spool, old));
    assert_false(spool_has(&c->spool, refused));
}

// The ballast is given up at FULL; until it stands again its room is not for new mail.
static void test_ballast(void **state)
{
    struct crew *c = *state;
    struct buf why;
    buf_init(&why, 1000);
    char path[400];
    snprintf(path, sizeof path, "%s.ballast", c->spool.path);
    spool_close(&c->spool);
    struct store_options options = {.role = STORE_WRITER, .has_ballast = true};
    assert_int_equal(store_open(c->spool.path, &options, &c->spool.store, &why), FP_OK);
    struct store *s = c->spool.store;
    assert_int_equal(access(path, F_OK), 0);
    uint64_t id = spool_accept(&c->spool, "", "a@y.example");
    store_ballast_release(s);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(spool_write_free(&c->spool, new_accept(c, 0, 10)), FP_FULL);
    assert_int_equal(spool_settle(&c->spool, id, 1, 1, SETTLE_DELIVERED), FP_OK);
    store_ballast_restore(s);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(spool_write_free(&c->spool, new_accept(c, 0, 10)), FP_OK);
    buf_close(&why);
}

// A batch in which one operation meets a damaged page is run again with savepoints: the others go
// through.
static void test_damage_is_one_operations_own(void **state)
{
    struct crew *c = *state;
    struct spool *p = &c->spool;
    uint64_t id = ids_next(&p->ids, NOW);
    assert_int_equal(spool_write_free(p, accept_op(entry_of(id, NOW, "", "a@y.example", 200000))),
                     FP_OK);
    // A recipient without its message cannot be settled or read, but is nobody else's concern: here
    // the history table is taken away, so that finishing fails and deferring does not.
    uint64_t other = spool_accept(p, "", "b@y.example");
    assert_int_equal(
        sqlite3_exec(p->store->db, "DROP VIEW history; DROP TABLE finished", NULL, NULL, NULL),
        SQLITE_OK);
    start_writer(c, 32);
    struct op *bad = settle_op(id, 1, 1, SETTLE_DELIVERED),
              *good = settle_op(other, 1, 1, SETTLE_DEFER);
    good->next = bad;
    worker_push_list(c->writer, good);
    struct op *all = collect(c->writer, &c->woken, 2, NULL);
    assert_int_equal(good->err, FP_OK);
    assert_int_equal(bad->err, FP_CORRUPT);
    free_list(all);
    assert_int_equal(spool_number(p, "SELECT sum(attempts) FROM recipient"), 1);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM recipient"), 2);
}

int main(void)
{
#define CREW_TEST(f) cmocka_unit_test_setup_teardown(f, crew_setup, crew_teardown)
    const struct CMUnitTest tests[] = {
        CREW_TEST(test_order_of_four_producers),
        CREW_TEST(test_batches),
        CREW_TEST(test_pending_bytes),
        CREW_TEST(test_stop_finishes_everything),
        CREW_TEST(test_reader_beside_writer),
        CREW_TEST(test_reader_takes_mail_first),
        cmocka_unit_test(test_haste),
        CREW_TEST(test_lazy_goes_with_company),
        CREW_TEST(test_order_within_a_message),
        CREW_TEST(test_lazy_alone),
        CREW_TEST(test_lazy_many),
        CREW_TEST(test_gathers_what_is_expected),
        CREW_TEST(test_gathers_for_a_while),
        CREW_TEST(test_full),
        CREW_TEST(test_ballast),
        CREW_TEST(test_damage_is_one_operations_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
