// SPDX-License-Identifier: BSD-2-Clause
// What history answers: of a message, of an address page by page; and which recipients of an
// address are in the queue.
#include "spool.h"

static struct op *history(struct spool *p, uint64_t message, uint32_t from_n, uint32_t count)
{
    struct op *op = op_new(OP_HISTORY);
    op->history.message = message;
    op->history.from_n = from_n;
    op->history.count = count;
    assert_int_equal(spool_read(p, op), FP_OK);
    return op;
}

// One recipient, deferred twice and then delivered: every attempt and the end, with all they say.
static void test_of_a_message(void **state)
{
    struct spool *p = *state;
    struct entry *e = entry_of(ids_next(&p->ids, NOW), NOW, "a@x.example", "b@y.example", 100);
    uint64_t id = e->message.id;
    e->message.uid = 1000;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    for (uint32_t version = 1; version <= 2; version++) {
        struct op *op = settle_op(id, version, 1, SETTLE_DEFER);
        struct settle_change *c = &op->settle.changes[0];
        c->began_ms = NOW + version;
        c->outcome.stage = STAGE_RCPT;
        snprintf(c->rule, sizeof c->rule, "retry \"*\", f.conf:%u", version);
        assert_int_equal(spool_write_free(p, op), FP_OK);
    }
    struct op *op = history(p, id, 0, 10);
    const struct op_history *h = &op->history;
    assert_true(h->is_queued && h->is_done);
    assert_int_equal(h->uid, 1000);
    assert_int_equal(h->end_count, 0);
    assert_int_equal(h->attempt_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct op_attempt *a = &h->attempts[i];
        assert_int_equal(a->n, 0);
        assert_int_equal(a->nr, i + 1);
        assert_int_equal(a->at_ms, NOW + i + 1);
        assert_int_equal(a->ended_ms, NOW + 1000);
        assert_int_equal(a->next_ms, NOW + 5 * TIME_MINUTE_MS);
        assert_int_equal(a->klass, CLASS_GREYLIST);
        assert_int_equal(a->scope, SCOPE_RECIPIENT);
        assert_int_equal(a->stage, STAGE_RCPT);
        assert_string_equal(a->status, "4.7.1");
        assert_string_equal(a->reply, "450 4.7.1 come back later");
        assert_string_equal(a->host, "mx.example[192.0.2.1]:25");
        assert_string_equal(a->tls, "");
        assert_string_equal(a->rule, i ? "retry \"*\", f.conf:2" : "retry \"*\", f.conf:1");
    }
    op_free(op);
    assert_int_equal(spool_settle(p, id, 3, 1, SETTLE_DELIVERED), FP_OK);
    op = history(p, id, 0, 10);
    assert_false(op->history.is_queued);
    assert_int_equal(op->history.attempt_count, 2);
    assert_int_equal(op->history.end_count, 1);
    const struct op_end *end = &op->history.ends[0];
    assert_int_equal(end->message, id);
    assert_int_equal(end->outcome, FINISHED_DELIVERED);
    assert_int_equal(end->arrival_ms, NOW);
    assert_int_equal(end->at_ms, NOW + 1000);
    assert_int_equal(end->uid, 1000);
    assert_int_equal(end->attempts, 3);
    assert_string_equal(end->sender, "a@x.example");
    assert_string_equal(end->address, "b@y.example");
    assert_string_equal(end->reply, "250 ok");
    op_free(op);
}

static void test_in_parts(void **state)
{
    struct spool *p = *state;
    uint64_t id =
        spool_accept(p, "", "a@y.example b@y.example c@y.example d@y.example e@y.example");
    assert_int_equal(spool_settle(p, id, 1, 3, SETTLE_FAIL), FP_OK);
    static const struct {
        uint32_t from, count, ends;
        bool is_done;
    } cases[] = {{0, 2, 2, false}, {2, 2, 1, false}, {4, 2, 0, true}, {0, 5, 3, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct op *op = history(p, id, cases[i].from, cases[i].count);
        assert_int_equal(op->history.end_count, cases[i].ends);
        assert_int_equal(op->history.is_done, cases[i].is_done);
        op_free(op);
    }
    struct op *op = history(p, 4711, 0, 10); // never heard of
    assert_false(op->history.is_queued);
    assert_true(op->history.is_done);
    assert_int_equal(op->history.end_count + op->history.attempt_count, 0);
    op_free(op);
}

static uint64_t deliver(struct spool *p, int64_t at_ms, int64_t uid, const char *to)
{
    struct entry *e = entry_of(ids_next(&p->ids, at_ms), at_ms, "s@x.example", to, 10);
    uint64_t id = e->message.id;
    uint32_t count = e->rcpt_count;
    e->message.uid = uid;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    struct op *op = settle_op(id, 1, count, SETTLE_DELIVERED);
    op->settle.now_ms = at_ms;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    return id;
}

// All pages, `limit` at a time; the ids as they come, newest first.
static uint32_t ended(struct spool *p, const char *address, int64_t uid, uint32_t limit,
                      uint64_t *ids, uint32_t max)
{
    uint32_t count = 0;
    struct op *op = op_new(OP_ENDED);
    op->ended.address = must_strdup(address);
    op->ended.uid = uid;
    op->ended.limit = limit;
    op->ended.max = max;
    for (;;) {
        assert_int_equal(spool_read(p, op), FP_OK);
        for (uint32_t i = 0; i < op->ended.end_count && count < max; i++)
            ids[count++] = op->ended.ends[i].message;
        if (op->ended.is_done || count == max)
            break;
        struct op *rest = op_ended_rest(op);
        op_free(op);
        op = rest;
    }
    op_free(op);
    return count;
}

static void test_of_an_address(void **state)
{
    struct spool *p = *state;
    uint64_t ids[6], want[6];
    for (int i = 0; i < 6; i++) // the last two at the same time
        want[i] = deliver(p, NOW + (i < 5 ? i : 4), 1000 + i % 2,
                          i % 3 ? "o@y.example Ann@y.example" : "o@y.example ann@y.EXAMPLE");
    for (uint32_t limit = 1; limit < 20; limit++) {
        assert_int_equal(ended(p, "ann@y.example", -1, limit, ids, 6), 6);
        for (int i = 0; i < 6; i++)
            assert_int_equal(ids[i], want[5 - i]);
        assert_int_equal(ended(p, "ann@y.example", 1001, limit, ids, 6), 3);
        assert_int_equal(ids[0], want[5]);
        assert_int_equal(ended(p, "ann@y.example", -1, limit, ids, 2), 2);
        assert_int_equal(ids[1], want[4]);
        assert_int_equal(ended(p, "nn@y.example", -1, limit, ids, 6), 0);
    }
}

static void test_in_the_queue(void **state)
{
    enum { MESSAGES = FIND_MAX + 5 };
    struct spool *p = *state;
    uint64_t ids[MESSAGES];
    for (int i = 0; i < MESSAGES; i++) {
        struct entry *e = entry_of(ids_next(&p->ids, NOW + i), NOW + i, "", // due in reverse order
                                   "x@y.example Ann@y.example ann@z.example", 10);
        ids[i] = e->message.id;
        e->message.uid = i % 5 == 0 ? 1000 : -1;
        e->rcpts[1].next_attempt_ms = NOW - i;
        if (i == 7)
            e->rcpts[1].state = RECIPIENT_HELD;
        assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    }
    for (uint32_t limit = 1; limit < 80; limit += limit < 5 ? 1 : 13)
        for (int64_t uid = -1; uid <= 1001; uid += 1001) { // everybody's, 1000's
            struct op *op = op_new(OP_FIND);
            op->find.address = must_strdup("ann@Y.example");
            op->find.domain = must_strdup("y.example");
            op->find.uid = uid;
            op->find.limit = limit;
            while (spool_read(p, op) == FP_OK && !op->find.is_done) {
                struct op *rest = op_find_rest(op);
                op_free(op);
                op = rest;
            }
            assert_int_equal(op->err, FP_OK);
            assert_int_equal(op->find.total, uid < 0 ? MESSAGES : 5);
            assert_int_equal(op->find.found_count, uid < 0 ? FIND_MAX : 5);
            for (uint32_t i = 0; i < op->find.found_count; i++) {
                uint32_t of = uid < 0 ? MESSAGES - 1 - i : 5 * (4 - i);
                assert_int_equal(op->find.found[i].message, ids[of]);
                assert_int_equal(op->find.found[i].n, 1);
            }
            op_free(op);
        }
}

// What is due, by domain, on any pages.
static void test_plan(void **state)
{
    struct spool *p = *state;
    static const struct {
        const char *to;
        int64_t next_ms;
    } mail[] = {{"a@a.example b@a.example a@c.example", NOW},
                {"c@a.example", NOW + TIME_MINUTE_MS},
                {"d@a.example a@b.example", NOW + TIME_DAY_MS}};
    for (size_t i = 0; i < sizeof mail / sizeof *mail; i++) {
        struct entry *e = entry_of(ids_next(&p->ids, NOW), NOW, "", mail[i].to, 10);
        for (uint32_t k = 0; k < e->rcpt_count; k++)
            e->rcpts[k].next_attempt_ms = mail[i].next_ms;
        assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    }
    static const struct {
        const char *only;
        uint32_t count;
        struct op_plan_row rows[3];
    } cases[] = {
        {NULL,
         3,
         {{"a.example", 3, NOW, NOW + TIME_MINUTE_MS},
          {"b.example", 0, NOW + TIME_DAY_MS, 0},
          {"c.example", 1, NOW, NOW}}},
        {"a.example", 1, {{"a.example", 3, NOW, NOW + TIME_MINUTE_MS}}},
        {"nobody.example", 0, {{NULL, 0, 0, 0}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t limit = 1; limit < 100; limit += limit < 5 ? 1 : 16) {
            uint32_t count = 0;
            struct op *op = op_new(OP_PLAN);
            op->plan.until_ms = NOW + TIME_HOUR_MS;
            op->plan.domain = cases[i].only ? must_strdup(cases[i].only) : NULL;
            op->plan.limit = limit;
            for (;;) {
                assert_int_equal(spool_read(p, op), FP_OK);
                for (uint32_t k = 0; k < op->plan.row_count; k++, count++) {
                    const struct op_plan_row *got = &op->plan.rows[k],
                                             *want = &cases[i].rows[count];
                    assert_true(count < cases[i].count);
                    assert_string_equal(got->domain, want->domain);
                    assert_int_equal(got->count, want->count);
                    assert_int_equal(got->first_ms, want->first_ms);
                    assert_int_equal(got->last_ms, want->last_ms);
                }
                if (op->plan.is_done)
                    break;
                struct op *rest = op_plan_rest(op);
                op_free(op);
                op = rest;
            }
            op_free(op);
            assert_int_equal(count, cases[i].count);
        }
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, spool_setup, spool_teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(test_of_a_message), SPOOL_TEST(test_in_parts), SPOOL_TEST(test_of_an_address),
        SPOOL_TEST(test_in_the_queue), SPOOL_TEST(test_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
