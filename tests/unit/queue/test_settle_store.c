// SPDX-License-Identifier: BSD-2-Clause
// settle, stored: outcomes, next times, history, notices and removal in one transaction (P2), and
// what happens when others were quicker (W1, W5).
#include "spool.h"

static struct entry *notice_of(struct spool *p, const char *to)
{
    struct entry *e = entry_of(ids_next(&p->ids, NOW), NOW, "", to, 700);
    e->message.kind = MESSAGE_NOTICE;
    return e;
}

static void test_delivered_leaves_for_history(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example");
    struct op *op = settle_op(id, 1, 1, SETTLE_DELIVERED);
    assert_int_equal(spool_write(p, op), FP_OK);
    assert_true(op->settle.is_removed);
    assert_int_equal(op->settle.gone_count, 0);
    op_free(op);
    assert_false(spool_has(p, id));
    assert_int_equal(spool_number(p, "SELECT count(*) FROM chunk"), 0);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM recipient"), 0);
    spool_assert_text(
        p,
        "SELECT sender || ' ' || recipient || ' ' || outcome || ' ' || attempts || ' '"
        " || status || ' ' || reply || ' ' || host || ' ' || at FROM history",
        "a@x.example b@y.example delivered 1 2.0.0 250 ok mx.example[192.0.2.1]:25 "
        "2026-11-22T00:00:01Z");
}

static void test_deferred_stays(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example");
    struct op *op = settle_op(id, 1, 1, SETTLE_DEFER);
    op->settle.changes[0].warned = 1;
    op->settle.changes[0].outcome.in_doubt = true;
    assert_int_equal(spool_write(p, op), FP_OK);
    assert_false(op->settle.is_removed);
    assert_int_equal(op->settle.new_version, 2);
    op_free(op);
    op = spool_get(p, id);
    const struct recipient *r = &op->read.row->rcpts[0];
    assert_int_equal(op->read.row->message.version, 2);
    assert_int_equal(r->attempts, 1);
    assert_int_equal(r->warned, 1);
    assert_int_equal(r->next_attempt_ms, NOW + 5 * TIME_MINUTE_MS);
    assert_int_equal(r->last_attempt_ms, NOW + 500);
    assert_int_equal(r->last_class, CLASS_GREYLIST);
    assert_true(r->in_doubt);
    assert_string_equal(r->last_status, "4.7.1");
    assert_string_equal(r->last_reply, "450 4.7.1 come back later");
    assert_string_equal(r->last_host, "mx.example[192.0.2.1]:25");
    op_free(op);
    // In doubt once is in doubt for ever, whatever later attempts say.
    assert_int_equal(spool_settle(p, id, 2, 1, SETTLE_DEFER), FP_OK);
    op = spool_get(p, id);
    assert_true(op->read.row->rcpts[0].in_doubt);
    assert_int_equal(op->read.row->rcpts[0].attempts, 2);
    op_free(op);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM history WHERE outcome = 'deferred'"), 2);
    assert_int_equal(spool_number(p, "SELECT warned FROM message"), 0);
}

static void test_our_own_failure_counts_nothing(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "", "b@y.example");
    assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DEFER), FP_OK);
    struct op *op = settle_op(id, 2, 1, SETTLE_DEFER);
    op->settle.changes[0].is_attempt = false;
    op->settle.changes[0].next_attempt_ms = NOW + 77;
    outcome_set(&op->settle.changes[0].outcome, OUTCOME_DEFERRED, SCOPE_LOCAL, CLASS_DNS, "4.4.3",
                "no name server answers");
    assert_int_equal(spool_write_free(p, op), FP_OK);
    op = settle_op(id, 3, 1, SETTLE_DEFER); // one with nothing to say changes no text
    op->settle.changes[0].is_attempt = false;
    op->settle.changes[0].next_attempt_ms = NOW + 78;
    op->settle.changes[0].outcome = (struct outcome){.result = OUTCOME_DEFERRED};
    assert_int_equal(spool_write_free(p, op), FP_OK);
    op = spool_get(p, id);
    const struct recipient *r = &op->read.row->rcpts[0];
    assert_int_equal(r->attempts, 1);
    assert_int_equal(r->last_attempt_ms, NOW + 500);
    assert_int_equal(r->next_attempt_ms, NOW + 78);
    assert_string_equal(r->last_reply, "no name server answers");
    assert_int_equal(r->last_class, CLASS_DNS);
    op_free(op);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM attempt"), 1);
}

static void test_failed_makes_its_notice(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example");
    struct op *op = settle_op(id, 1, 1, SETTLE_FAIL);
    op->settle.notices[0] = notice_of(p, "a@x.example");
    uint64_t notice = op->settle.notices[0]->message.id;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_false(spool_has(p, id));
    op = spool_get(p, notice);
    assert_non_null(op);
    assert_int_equal(op->read.row->message.kind, MESSAGE_NOTICE);
    assert_string_equal(op->read.row->rcpts[0].address, "a@x.example");
    assert_int_equal(op->read.chunk_count, 1);
    op_free(op);
    spool_assert_text(p, "SELECT outcome || ' ' || reply FROM history",
                      "failed 550 5.1.1 no such user");
}

static void test_outcomes_in_history(void **state)
{
    static const struct {
        enum outcome_class klass;
        const char *want;
    } cases[] = {
        {CLASS_REFUSED, "failed"},
        {CLASS_ADDRESS, "failed"},
        {CLASS_EXPIRED, "expired"},
        {CLASS_OPERATOR, "bounced"},
    };
    struct spool *p = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t id = spool_accept(p, "a@x.example", "b@y.example");
        struct op *op = settle_op(id, 1, 1, SETTLE_FAIL);
        op->settle.changes[0].outcome.klass = cases[i].klass;
        op->settle.changes[0].outcome.in_doubt = true;
        assert_int_equal(spool_write_free(p, op), FP_OK);
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT outcome || in_doubt FROM history WHERE message = %llu",
                 (unsigned long long)id);
        char want[32];
        snprintf(want, sizeof want, "%s1", cases[i].want);
        spool_assert_text(p, sql, want);
    }
}

static void test_stale_version_changes_nothing(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example c@y.example");
    assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DEFER), FP_OK);
    struct op *op = settle_op(id, 1, 2, SETTLE_FAIL);
    op->settle.notices[0] = notice_of(p, "a@x.example");
    uint64_t notice = op->settle.notices[0]->message.id;
    assert_int_equal(spool_write_free(p, op), FP_CONFLICT);
    assert_false(spool_has(p, notice));
    assert_int_equal(spool_number(p, "SELECT count(*) FROM recipient"), 2);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM finished"), 0);
    assert_int_equal(spool_number(p, "SELECT version FROM message"), 2);
}

static void test_a_conflict_leaves_its_batch_alone(void **state)
{
    struct spool *p = *state;
    uint64_t a = spool_accept(p, "", "b@y.example"), b = spool_accept(p, "", "b@y.example");
    struct op *ops[] = {settle_op(a, 9, 1, SETTLE_DELIVERED), settle_op(b, 1, 1, SETTLE_DELIVERED),
                        settle_op(b, 1, 1, SETTLE_DELIVERED)};
    static const enum fp_err want[] = {FP_CONFLICT, FP_OK, FP_GONE};
    assert_int_equal(store_begin(p->store), FP_OK);
    for (int i = 0; i < 3; i++)
        store_run(p->store, ops[i]);
    assert_int_equal(store_commit(p->store), FP_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ops[i]->err, want[i]);
        op_free(ops[i]);
    }
    assert_true(spool_has(p, a));
    assert_false(spool_has(p, b));
}

static void test_removed_message_stores_no_notice(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example");
    assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DELIVERED), FP_OK);
    struct op *op = settle_op(id, 1, 1, SETTLE_FAIL);
    op->settle.notices[0] = notice_of(p, "a@x.example");
    uint64_t notice = op->settle.notices[0]->message.id;
    assert_int_equal(spool_write_free(p, op), FP_GONE);
    assert_false(spool_has(p, notice));
}

// Two destinations of one message end at the same time: the second one computes again, and only the
// one that really is last removes the message (W1).
static void test_two_settles_of_one_message(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example c@z.example");
    struct op *first = settle_op(id, 1, 1, SETTLE_DELIVERED);
    struct op *second = settle_op(id, 1, 1, SETTLE_DELIVERED);
    second->settle.changes[0].n = 1;
    assert_int_equal(store_begin(p->store), FP_OK);
    store_run(p->store, first);
    store_run(p->store, second);
    assert_int_equal(store_commit(p->store), FP_OK);
    assert_int_equal(first->err, FP_OK);
    assert_false(first->settle.is_removed);
    assert_int_equal(second->err, FP_CONFLICT);
    second->settle.version = first->settle.new_version;
    assert_int_equal(spool_write(p, second), FP_OK);
    assert_true(second->settle.is_removed);
    assert_false(spool_has(p, id));
    op_free(first);
    op_free(second);
}

// Settlements that have their recipients to themselves are no conflict for one another.
static void test_version_is_kept(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example c@z.example d@z.example");
    static const enum settle_action actions[] = {SETTLE_DELIVERED, SETTLE_DEFER, SETTLE_FAIL};
    for (uint32_t i = 0; i < 3; i++) {
        struct op *op = settle_op(id, 1, 1, actions[i]);
        op->settle.changes[0].n = i;
        op->settle.changes[0].warned = 1;
        op->settle.keeps_version = true;
        assert_int_equal(spool_write(p, op), FP_OK);
        assert_int_equal(op->settle.new_version, 1);
        assert_int_equal(op->settle.gone_count, 0);
        op_free(op);
    }
    assert_int_equal(spool_number(p, "SELECT version FROM message"), 1);
    assert_int_equal(spool_number(p, "SELECT warned FROM message"), 1);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM finished"), 2);
}

static void test_all_are_wanted(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example c@z.example");
    struct op *op = settle_op(id, 1, 1, SETTLE_DELIVERED);
    op->settle.changes[0].n = 1;
    op->settle.keeps_version = true;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    op = settle_op(id, 1, 2, SETTLE_FAIL);
    op->settle.wants_all = true;
    assert_int_equal(spool_write_free(p, op), FP_CONFLICT);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM finished"), 1);
}

// Run again after a commit that failed and holds all the same: no second notice.
static void test_notice_that_is_there(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example c@z.example");
    struct op *op = settle_op(id, 1, 1, SETTLE_FAIL);
    op->settle.keeps_version = true;
    op->settle.notices[0] = notice_of(p, "a@x.example");
    assert_int_equal(spool_write(p, op), FP_OK);
    assert_int_equal(spool_write(p, op), FP_CONFLICT);
    op_free(op);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM message"), 2);
}

static void test_recipient_that_is_gone(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example c@z.example d@z.example");
    struct op *op = settle_op(id, 1, 1, SETTLE_DELIVERED);
    op->settle.changes[0].n = 1;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    static const enum settle_action actions[] = {SETTLE_DEFER, SETTLE_WARN, SETTLE_FAIL,
                                                 SETTLE_DELIVERED};
    for (uint32_t i = 0; i < 4; i++) {
        op = settle_op(id, 2 + i, 3, SETTLE_DEFER);
        op->settle.changes[1].action = actions[i];
        op->settle.notices[0] = notice_of(p, "a@x.example");
        assert_int_equal(spool_write(p, op), FP_OK);
        assert_int_equal(op->settle.gone_count, 1);
        assert_false(op->settle.is_gone[0]);
        assert_true(op->settle.is_gone[1]);
        assert_false(op->settle.is_gone[2]);
        op_free(op);
    }
    assert_int_equal(spool_number(p, "SELECT count(*) FROM finished"), 1);
}

static void test_notice_although_all_are_gone(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example c@z.example");
    assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DELIVERED), FP_OK);
    struct op *op = settle_op(id, 2, 1, SETTLE_FAIL);
    op->settle.notices[1] = notice_of(p, "a@x.example");
    uint64_t notice = op->settle.notices[1]->message.id;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_true(spool_has(p, notice));
    assert_true(spool_has(p, id));
}

static void test_held_stays_held_when_deferred(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    struct entry *e = entry_of(id, NOW, "", "b@y.example c@y.example", 10);
    e->rcpts[0].state = e->rcpts[1].state = RECIPIENT_HELD;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DEFER), FP_OK);
    struct op *op = spool_get(p, id);
    assert_int_equal(op->read.row->rcpts[0].state, RECIPIENT_HELD);
    assert_int_equal(op->read.row->rcpts[0].attempts, 1);
    op_free(op);
    assert_int_equal(spool_settle(p, id, 2, 2, SETTLE_DELIVERED), FP_OK);
    assert_false(spool_has(p, id));
}

// Refused, and held for an operator: the attempt stands in history, and the reason beside it.
static void test_refusal_is_held(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "a@x.example", "b@y.example c@y.example");
    struct op *op = settle_op(id, 1, 2, SETTLE_FAIL);
    op->settle.changes[0].action = SETTLE_HOLD;
    op->settle.changes[0].held_why = "bounce brake";
    op->settle.changes[0].next_attempt_ms = 0;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    spool_assert_text(p,
                      "SELECT recipient || ' ' || state || ' ' || attempts || ' ' || reply"
                      " || ' ' || held_because FROM mailq",
                      "b@y.example held 1 550 5.1.1 no such user bounce brake");
    spool_assert_text(p,
                      "SELECT recipient || ' ' || status || ' ' || class || ' ' || "
                      "coalesce(next_attempt, 'never') FROM history WHERE outcome = 'deferred'",
                      "b@y.example 5.1.1 refused never");
    // The sweep passes it by, and nobody else of the message is left.
    assert_int_equal(spool_number(p, "SELECT count(*) FROM message WHERE warned IS NULL"), 1);
}

static void test_lowest_warned_follows(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "", "b@y.example c@y.example");
    struct op *op = settle_op(id, 1, 2, SETTLE_WARN);
    op->settle.changes[0].warned = 2;
    op->settle.changes[1].warned = 1;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_int_equal(spool_number(p, "SELECT warned FROM message"), 1);
    assert_int_equal(spool_number(p, "SELECT max(attempts) FROM recipient"), 0);
    // The one with the lowest leaves: what remains counts.
    op = settle_op(id, 2, 1, SETTLE_DELIVERED);
    op->settle.changes[0].n = 1;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_int_equal(spool_number(p, "SELECT warned FROM message"), 2);
}

static void test_attempts_kept_have_a_maximum(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "", "b@y.example");
    for (uint32_t i = 0; i < ATTEMPTS_KEPT + 3; i++) // all with one time: none replaces another
        assert_int_equal(spool_settle(p, id, 1 + i, 1, SETTLE_DEFER), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM attempt"), ATTEMPTS_KEPT);
    assert_int_equal(spool_number(p, "SELECT min(nr) FROM attempt"), 4);
    assert_int_equal(spool_number(p, "SELECT attempts FROM recipient"), ATTEMPTS_KEPT + 3);
}

// The same answer whether each operation has a savepoint or not.
static void test_careful_batch(void **state)
{
    struct spool *p = *state;
    uint64_t a = spool_accept(p, "", "b@y.example"), b = spool_accept(p, "", "b@y.example");
    struct op *good = settle_op(a, 1, 1, SETTLE_DELIVERED);
    struct op *stale = settle_op(b, 7, 1, SETTLE_DELIVERED);
    assert_int_equal(store_begin_careful(p->store), FP_OK);
    store_run(p->store, stale);
    store_run(p->store, good);
    assert_int_equal(store_commit(p->store), FP_OK);
    assert_int_equal(good->err, FP_OK);
    assert_int_equal(stale->err, FP_CONFLICT);
    op_free(good);
    op_free(stale);
    assert_false(spool_has(p, a));
    assert_true(spool_has(p, b));
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, spool_setup, spool_teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(test_delivered_leaves_for_history),
        SPOOL_TEST(test_deferred_stays),
        SPOOL_TEST(test_our_own_failure_counts_nothing),
        SPOOL_TEST(test_failed_makes_its_notice),
        SPOOL_TEST(test_outcomes_in_history),
        SPOOL_TEST(test_stale_version_changes_nothing),
        SPOOL_TEST(test_a_conflict_leaves_its_batch_alone),
        SPOOL_TEST(test_removed_message_stores_no_notice),
        SPOOL_TEST(test_two_settles_of_one_message),
        SPOOL_TEST(test_version_is_kept),
        SPOOL_TEST(test_all_are_wanted),
        SPOOL_TEST(test_notice_that_is_there),
        SPOOL_TEST(test_recipient_that_is_gone),
        SPOOL_TEST(test_notice_although_all_are_gone),
        SPOOL_TEST(test_held_stays_held_when_deferred),
        SPOOL_TEST(test_refusal_is_held),
        SPOOL_TEST(test_lowest_warned_follows),
        SPOOL_TEST(test_attempts_kept_have_a_maximum),
        SPOOL_TEST(test_careful_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
