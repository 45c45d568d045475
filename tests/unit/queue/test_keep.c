// SPDX-License-Identifier: BSD-2-Clause
// What the spool keeps beside the queue: destinations' health, history, counts; and its views.
#include "spool.h"

#include "core/time.h"

static struct op *health_op(const char *name, uint32_t failures)
{
    struct op *op = op_new(OP_HEALTH);
    op->health.row = (struct op_health_row){
        .name = must_strdup(name),
        .failures = failures,
        .since_ms = NOW,
        .last_probe_ms = NOW + 1000,
        .rest_until_ms = NOW + 60000,
        .klass = CLASS_HOST,
        .status = must_strdup("4.4.1"),
        .text = must_strdup("connect: refused"),
    };
    return op;
}

static void test_health(void **state)
{
    struct spool *p = *state;
    assert_int_equal(spool_write_free(p, health_op("y.example", 1)), FP_OK);
    assert_int_equal(spool_write_free(p, health_op("smtp://relay:25", 2)), FP_OK);
    assert_int_equal(spool_write_free(p, health_op("y.example", 3)), FP_OK);
    spool_reopen(p);
    struct op *op = op_new(OP_HEALTHS);
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->healths.row_count, 2);
    const struct op_health_row *row = &op->healths.rows[1];
    assert_string_equal(row->name, "y.example");
    assert_int_equal(row->failures, 3);
    assert_int_equal(row->since_ms, NOW);
    assert_int_equal(row->last_probe_ms, NOW + 1000);
    assert_int_equal(row->rest_until_ms, NOW + 60000);
    assert_int_equal(row->klass, CLASS_HOST);
    assert_string_equal(row->status, "4.4.1");
    assert_string_equal(row->text, "connect: refused");
    op_free(op);
    spool_assert_text(p, "SELECT class || ' ' || rest_until FROM destinations WHERE failures = 3",
                      "host 2026-11-22T00:01:00Z");
    assert_int_equal(spool_write_free(p, health_op("y.example", 0)), FP_OK);
    assert_int_equal(spool_write_free(p, health_op("never.example", 0)), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM destinations"), 1);
}

static struct op *suspend_op(enum suspension_kind kind, const char *name, int64_t until_ms)
{
    struct op *op = op_new(OP_SUSPEND);
    suspension_copy(&op->suspend.row, &(struct suspension){.kind = kind,
                                                           .name = (char *)(uintptr_t)name,
                                                           .since_ms = NOW,
                                                           .until_ms = until_ms,
                                                           .reason = "it moves",
                                                           .who = "root"});
    return op;
}

static void test_suspensions(void **state)
{
    struct spool *p = *state;
    struct op *op;
    assert_int_equal(
        spool_write_free(p, suspend_op(SUSPENSION_DESTINATION, "y.example", TIME_NEVER)), FP_OK);
    assert_int_equal(
        spool_write_free(p, suspend_op(SUSPENSION_DESTINATION, "y.example", NOW + 60000)), FP_OK);
    assert_int_equal(spool_write_free(p, suspend_op(SUSPENSION_SENDER, "", TIME_NEVER)), FP_OK);
    assert_int_equal(spool_write_free(p, suspend_op(SUSPENSION_EVERYTHING, "", NOW)), FP_OK);
    spool_reopen(p);
    op = op_new(OP_SUSPENSIONS);
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->suspensions.row_count, 3);
    const struct suspension *row = op->suspensions.rows;
    assert_int_equal(row[0].kind, SUSPENSION_DESTINATION);
    assert_string_equal(row[0].name, "y.example");
    assert_int_equal(row[0].since_ms, NOW);
    assert_int_equal(row[0].until_ms, NOW + 60000);
    assert_string_equal(row[0].reason, "it moves");
    assert_string_equal(row[0].who, "root");
    assert_int_equal(row[1].kind, SUSPENSION_SENDER);
    assert_true(row[1].until_ms == TIME_NEVER);
    op_free(op);
    spool_assert_text(p, "SELECT kind || ' ' || until FROM suspensions WHERE name = 'y.example'",
                      "destination 2026-11-22T00:01:00Z");
    assert_int_equal(spool_number(p, "SELECT count(*) FROM suspensions WHERE until IS NULL"), 1);
    op = suspend_op(SUSPENSION_DESTINATION, "y.example", NOW);
    op->suspend.is_over = true;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM suspensions"), 2);
}

static struct op *sts_op(const char *domain, const char *id, int64_t expires_ms)
{
    struct op *op = op_new(OP_STS);
    sts_policy_copy(&op->sts.row, &(struct sts_policy){.domain = (char *)(uintptr_t)domain,
                                                       .id = (char *)(uintptr_t)id,
                                                       .mode = STS_ENFORCE,
                                                       .mx = " mx.y.example *.y.example ",
                                                       .fetched_ms = expires_ms - 1000,
                                                       .expires_ms = expires_ms});
    return op;
}

static void test_sts_policies(void **state)
{
    struct spool *p = *state;
    assert_int_equal(spool_write_free(p, sts_op("y.example", "1", NOW)), FP_OK);
    assert_int_equal(spool_write_free(p, sts_op("z.example", "2", NOW - 1)), FP_OK);
    assert_int_equal(spool_write_free(p, sts_op("x.example", "3", NOW - 1)), FP_OK);
    assert_int_equal(spool_write_free(p, sts_op("x.example", "4", NOW + 60000)), FP_OK);
    spool_reopen(p);
    struct op *op = op_new(OP_STS_ALL);
    op->sts_all.limit = 2;
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->sts_all.row_count, 2);
    const struct sts_policy *row = op->sts_all.rows;
    assert_string_equal(row[0].domain, "x.example");
    assert_string_equal(row[0].id, "4");
    assert_int_equal(row[0].mode, STS_ENFORCE);
    assert_string_equal(row[0].mx, " mx.y.example *.y.example ");
    assert_int_equal(row[0].fetched_ms, NOW + 59000);
    assert_int_equal(row[0].expires_ms, NOW + 60000);
    assert_string_equal(row[1].domain, "y.example");
    op_free(op);
    spool_assert_text(p,
                      "SELECT mode || ' ' || mx || ' ' || expires FROM sts_policies"
                      " WHERE domain = 'x.example'",
                      "enforce mx.y.example *.y.example 2026-11-22T00:01:00Z");
    op = op_new(OP_MAINTAIN);
    op->maintain.now_ms = NOW;
    op->maintain.history_ms = -1;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM sts_policies"), 2); // z has expired
    op = sts_op("y.example", "1", NOW);
    op->sts.is_over = true;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM sts_policies"), 1);
}

static struct op *clock_op(int64_t latest_ms, uint32_t limit)
{
    struct op *op = op_new(OP_CLOCK);
    op->clock.now_ms = NOW;
    op->clock.latest_ms = latest_ms;
    op->clock.limit = limit;
    return op;
}

// What a clock that was ahead has left is due; what is right stays as it is.
static void test_clock(void **state)
{
    enum { MESSAGES = 1200 };
    struct spool *p = *state;
    uint64_t changed = 0;
    uint32_t pages = 0, domains = 0;
    for (int i = 0; i < MESSAGES; i++)
        if (i % 2)
            spool_accept_at(p, NOW + 400 * TIME_DAY_MS, "s@x.example", "a@late.example");
        else
            spool_accept_at(p, NOW - 5, "s@x.example", "b@right.example");
    // What a sender has set for delivery counts from the arrival.
    assert_int_equal(
        sqlite3_exec(p->store->db,
                     "UPDATE message SET deliver_by = arrival + 60000 WHERE id % 3 = 0", NULL, NULL,
                     NULL),
        SQLITE_OK);
    int64_t right = spool_number(p, "SELECT sum(next_attempt) FROM recipient"
                                    " WHERE domain = 'right.example'");
    char *after = NULL;
    for (bool is_done = false; !is_done; pages++) {
        struct op *op = clock_op(NOW + TIME_DAY_MS, 1);
        op->clock.after = after;
        assert_int_equal(spool_write(p, op), FP_OK);
        is_done = op->clock.is_done;
        changed += op->clock.changed;
        domains += op->clock.domain_count;
        for (uint32_t i = 0; i < op->clock.domain_count; i++)
            assert_string_equal(op->clock.domains[i], "late.example");
        after = op->clock.after;
        op->clock.after = NULL;
        op_free(op);
        assert_true(pages < 10);
    }
    free(after);
    assert_int_equal(changed, MESSAGES / 2);
    assert_int_equal(domains, 2); // 500 at a time
    assert_int_equal(spool_number(p, "SELECT max(next_attempt) FROM recipient"), NOW);
    assert_int_equal(spool_number(p, "SELECT max(arrival) FROM message"), NOW);
    assert_int_equal(
        spool_number(p, "SELECT sum(next_attempt) FROM recipient WHERE domain = 'right.example'"),
        right);
    struct op *op = clock_op(NOW + TIME_DAY_MS, 10);
    op->clock.shift_from_ms = NOW - 10;
    op->clock.shift_to_ms = NOW;
    op->clock.shift_by_ms = 5;
    op->clock.now_ms = NOW + TIME_DAY_MS;
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_int_equal(spool_number(p, "SELECT min(arrival) FROM message"), NOW);
    assert_int_equal(spool_number(p, "SELECT max(arrival) FROM message"), NOW + 5);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM message WHERE deliver_by <>"
                                     " CASE id % 3 WHEN 0 THEN arrival + 60000 ELSE 0 END"),
                     0);
}

static struct op *maintain_op(int64_t now_ms, int64_t history_ms, uint32_t budget)
{
    struct op *op = op_new(OP_MAINTAIN);
    op->maintain.now_ms = now_ms;
    op->maintain.history_ms = history_ms;
    op->maintain.budget = budget;
    return op;
}

static void test_old_destinations_are_forgotten(void **state)
{
    struct spool *p = *state;
    assert_int_equal(spool_write_free(p, health_op("gone.example", 9)), FP_OK);
    int64_t kept_until = NOW + 60000 + 7 * TIME_DAY_MS;
    assert_int_equal(spool_write_free(p, maintain_op(kept_until, -1, 10)), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM destinations"), 1);
    assert_int_equal(spool_write_free(p, maintain_op(kept_until + 1, -1, 10)), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM destinations"), 0);
}

static void test_history_is_purged_by_age(void **state)
{
    struct spool *p = *state;
    for (int i = 0; i < 5; i++) { // finished at NOW + 1000 + i, each with one deferral before
        uint64_t id = spool_accept(p, "", "a@y.example");
        assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DEFER), FP_OK);
        struct op *op = settle_op(id, 2, 1, SETTLE_DELIVERED);
        op->settle.now_ms += i;
        assert_int_equal(spool_write_free(p, op), FP_OK);
    }
    assert_int_equal(spool_number(p, "SELECT count(*) FROM history"), 10);
    static const struct {
        int64_t now, history;
        uint32_t budget;
        bool more;
        int64_t left;
    } steps[] = {
        {NOW + TIME_DAY_MS, -1, 100, false, 10}, // keep all
        {NOW + 1000 + 60000, 60000, 100, false, 10},
        {NOW + 1003 + 60000, 60000, 2, true, 6},
        {NOW + 1003 + 60000, 60000, 2, false, 4},
        {NOW + TIME_DAY_MS, 0, 0, false, 4}, // no budget
        {NOW + TIME_DAY_MS, 0, 100, false, 0},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct op *op = maintain_op(steps[i].now, steps[i].history, steps[i].budget);
        assert_int_equal(spool_write(p, op), FP_OK);
        assert_int_equal(op->maintain.more, steps[i].more);
        op_free(op);
        assert_int_equal(spool_number(p, "SELECT count(*) FROM history"), steps[i].left);
    }
    assert_int_equal(spool_number(p, "SELECT count(*) FROM attempt"), 0);
}

// Attempts of what is still in the queue are no history yet.
static void test_purge_leaves_the_queue_alone(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "", "a@y.example");
    assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DEFER), FP_OK);
    assert_int_equal(spool_write_free(p, maintain_op(NOW + TIME_DAY_MS, 0, 100)), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM attempt"), 1);
    assert_true(spool_has(p, id));
}

static void test_room_goes_back(void **state)
{
    struct spool *p = *state;
    enum { MESSAGES = 40 };
    uint64_t ids[MESSAGES];
    for (int i = 0; i < MESSAGES; i++) {
        ids[i] = ids_next(&p->ids, NOW);
        struct entry *e = entry_of(ids[i], NOW, "", "a@y.example", MESSAGE_CHUNK_MAX);
        assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    }
    int64_t pages = spool_number(p, "PRAGMA page_count");
    for (int i = 0; i < MESSAGES; i++)
        assert_int_equal(spool_settle(p, ids[i], 1, 1, SETTLE_DELIVERED), FP_OK);
    assert_int_equal(spool_number(p, "PRAGMA page_count"), pages);
    int rounds = 0;
    for (bool more = true; more; rounds++) {
        struct op *op = maintain_op(NOW, -1, 1000);
        assert_int_equal(spool_write(p, op), FP_OK);
        more = op->maintain.more;
        op_free(op);
    }
    assert_true(rounds > 1);
    int64_t left = spool_number(p, "PRAGMA page_count");
    assert_true(left < pages / 2 && left >= 1024); // some room is kept for what comes next
    spool_assert_text(p, "PRAGMA integrity_check", "ok");
}

// Counted to the end, `limit` at a time.
static struct op *count_all(struct spool *p, int64_t now, uint32_t limit, uint32_t *ret_pages)
{
    struct op *op = op_new(OP_STATS);
    op->stats.now_ms = now;
    op->stats.domain_limit = 2;
    op->stats.limit = limit;
    for (*ret_pages = 1;; ++*ret_pages) {
        assert_int_equal(spool_read(p, op), FP_OK);
        if (op->stats.is_done)
            return op;
        struct op *rest = op_stats_rest(op);
        op_free(op);
        op = rest;
    }
}

static void test_stats(void **state)
{
    struct spool *p = *state;
    int64_t now = NOW + TIME_HOUR_MS;
    spool_accept_at(p, now - 300 * TIME_MINUTE_MS, "", "a@y.example b@y.example c@x.example");
    uint64_t id = spool_accept_at(p, now - 12 * TIME_MINUTE_MS, "", "a@y.example d@z.example");
    assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DEFER), FP_OK);
    struct entry *e =
        entry_of(ids_next(&p->ids, now), now, "", "h@y.example i@a.example j@a.example", 50);
    for (int i = 0; i < 3; i++)
        e->rcpts[i].state = RECIPIENT_HELD;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);

    static const uint32_t limits[] = {0, 1, 2, 3, 4, 5, 21, 23, 1000}; // the same on any pages
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        uint32_t pages;
        struct op *op = count_all(p, now, limits[i], &pages);
        assert_true(limits[i] == 0 || limits[i] == 1000 ? pages == 1 : pages > 1);
        const struct op_stats *s = &op->stats;
        assert_int_equal(s->messages, 3);
        assert_int_equal(s->bytes, 250);
        assert_int_equal(s->queued, 4);
        assert_int_equal(s->deferred, 1);
        assert_int_equal(s->held, 3);
        assert_int_equal(s->oldest_arrival_ms, now - 300 * TIME_MINUTE_MS);
        assert_int_equal(s->row_count, 2);
        assert_string_equal(s->rows[0].domain, "y.example");
        assert_int_equal(s->rows[0].total, 4);
        assert_int_equal(s->rows[0].by_age[0], 1); // up to 5 minutes
        assert_int_equal(s->rows[0].by_age[2], 1); // up to 20
        assert_int_equal(s->rows[0].by_age[6], 2); // up to 320
        assert_string_equal(s->rows[1].domain, "a.example");
        assert_int_equal(s->rows[1].total, 2);
        assert_int_equal(s->spool_bytes, 4096 * spool_number(p, "PRAGMA page_count"));
        assert_int_equal(s->free_bytes, 4096 * spool_number(p, "PRAGMA freelist_count"));
        op_free(op);
    }
}

// Those that are held for one reason are told of, each once, on whatever page.
static void test_stats_tell_of_what_is_held(void **state)
{
    struct spool *p = *state;
    static const char why[] = "a reason";
    struct entry *e =
        entry_of(ids_next(&p->ids, NOW), NOW, "", "a@y.example b@y.example c@x.example", 50);
    e->rcpts[0].state = RECIPIENT_HELD;
    uint64_t id = e->message.id;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    struct op *hold = op_new(OP_CHANGE);
    hold->change.verb = CHANGE_HOLD;
    hold->change.filter = (struct filter){.count = 1};
    hold->change.filter.terms[0] = (struct filter_term){.key = FILTER_ID, .number = (int64_t)id};
    hold->change.now_ms = NOW;
    hold->change.limit = 100;
    hold->change.reason = must_strdup(why);
    assert_int_equal(spool_write_free(p, hold), FP_OK);
    for (uint32_t limit = 0; limit < 30; limit++) {
        uint32_t found = 0;
        struct op *op = op_new(OP_STATS);
        op->stats.now_ms = NOW;
        op->stats.domain_limit = 2;
        op->stats.limit = limit;
        op->stats.held_why = why;
        for (bool is_done = false; !is_done;) {
            assert_int_equal(spool_read(p, op), FP_OK);
            for (uint32_t i = 0; i < op->stats.withheld_count; i++)
                found += strcmp(op->stats.withheld[i].address,
                                found ? "b@y.example" : "c@x.example") == 0;
            is_done = op->stats.is_done;
            struct op *rest = is_done ? NULL : op_stats_rest(op);
            assert_true(is_done || rest->stats.withheld_count == 0);
            assert_true(!is_done || op->stats.held == 3);
            op_free(op);
            op = rest;
        }
        assert_int_equal(found, 2);
    }
}

// A message leaves between the first page and the second, be it counted already or not.
static void test_stats_of_a_queue_that_changes(void **state)
{
    struct spool *p = *state;
    enum { MESSAGES = 6 };
    for (uint32_t limit = 1; limit <= 40; limit++) {
        uint64_t ids[MESSAGES];
        for (int i = 0; i < MESSAGES; i++)
            ids[i] = spool_accept(p, "", "a@x.example b@y.example");
        struct op *op = op_new(OP_STATS);
        op->stats.now_ms = NOW;
        op->stats.limit = limit;
        op->stats.domain_limit = 5;
        assert_int_equal(spool_read(p, op), FP_OK);
        for (int i = 0; i < MESSAGES; i++)
            if (i != 3)
                assert_int_equal(spool_settle(p, ids[i], 1, 2, SETTLE_DELIVERED), FP_OK);
        while (!op->stats.is_done) {
            struct op *rest = op_stats_rest(op);
            op_free(op);
            op = rest;
            assert_int_equal(spool_read(p, op), FP_OK);
        }
        assert_in_range(op->stats.messages, 1, MESSAGES);
        assert_in_range(op->stats.queued, 2, 2 * MESSAGES);
        op_free(op);
        assert_int_equal(spool_settle(p, ids[3], 1, 2, SETTLE_DELIVERED), FP_OK);
    }
}

static void test_stats_of_nothing(void **state)
{
    struct spool *p = *state;
    struct op *op = op_new(OP_STATS);
    op->stats.now_ms = NOW;
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->stats.messages, 0);
    assert_int_equal(op->stats.oldest_arrival_ms, 0);
    assert_int_equal(op->stats.row_count, 0);
    assert_true(op->stats.is_done);
    op_free(op);
}

static void test_mailq_view(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "s@x.example", "a@y.example b@y.example");
    assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DEFER), FP_OK);
    char digits[MESSAGE_ID_DIGITS + 1], sql[300];
    message_id_format(id, digits);
    snprintf(sql, sizeof sql,
             "SELECT recipient || ' ' || state || ' ' || class || ' ' || next_attempt || ' ' ||"
             " last_attempt FROM mailq WHERE id = '%s' AND n = 0",
             digits);
    spool_assert_text(p, sql,
                      "a@y.example deferred greylist 2026-11-22T00:05:00Z 2026-11-22T00:00:00Z");
    spool_assert_text(p,
                      "SELECT recipient || ' ' || state || ' ' || arrival || ' ' ||"
                      " coalesce(last_attempt, '-') FROM mailq WHERE n = 1",
                      "b@y.example queued 2026-11-22T00:00:00Z -");
}

// The views' words for classes are those of core/outcome.h.
static void test_class_names(void **state)
{
    struct spool *p = *state;
    for (int klass = 0; klass < CLASS_COUNT; klass++) {
        struct op *op = health_op("y.example", 1);
        op->health.row.klass = (uint8_t)klass;
        assert_int_equal(spool_write_free(p, op), FP_OK);
        spool_assert_text(p, "SELECT class FROM destinations",
                          outcome_class_name((enum outcome_class)klass));
    }
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, spool_setup, spool_teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(test_health),
        SPOOL_TEST(test_suspensions),
        SPOOL_TEST(test_sts_policies),
        SPOOL_TEST(test_clock),
        SPOOL_TEST(test_old_destinations_are_forgotten),
        SPOOL_TEST(test_history_is_purged_by_age),
        SPOOL_TEST(test_purge_leaves_the_queue_alone),
        SPOOL_TEST(test_room_goes_back),
        SPOOL_TEST(test_stats),
        SPOOL_TEST(test_stats_tell_of_what_is_held),
        SPOOL_TEST(test_stats_of_a_queue_that_changes),
        SPOOL_TEST(test_stats_of_nothing),
        SPOOL_TEST(test_mailq_view),
        SPOOL_TEST(test_class_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
