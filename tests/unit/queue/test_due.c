// SPDX-License-Identifier: BSD-2-Clause
// What the scheduler reads: domains, due recipients in pages, old messages.
#include "core/sender_key.h"
#include "spool.h"

// Accepts one message whose recipients are due at `due`, in order; addresses as entry_of.
static uint64_t accept_due(struct spool *p, const char *to, const int64_t *due)
{
    uint64_t id = ids_next(&p->ids, NOW);
    struct entry *e = entry_of(id, NOW, "s@x.example", to, 10);
    for (uint32_t i = 0; i < e->rcpt_count; i++)
        e->rcpts[i].next_attempt_ms = due[i];
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    return id;
}

static struct op *due_op(const char *domain, int64_t horizon_ms, uint32_t limit)
{
    struct op *op = op_new(OP_DUE);
    op->due.domain = must_strdup(domain);
    op->due.horizon_ms = horizon_ms;
    op->due.limit = limit;
    return op;
}

static void test_due_order_and_grouping(void **state)
{
    struct spool *p = *state;
    uint64_t a = accept_due(p, "a0@y.example a1@y.example a2@z.example a3@y.example",
                            (int64_t[]){NOW, NOW, NOW, NOW + 20});
    uint64_t b = accept_due(p, "b0@y.example", (int64_t[]){NOW + 10});
    struct op *op = due_op("y.example", NOW + 20, 100);
    assert_int_equal(spool_read(p, op), FP_OK);
    const struct op_due *due = &op->due;
    assert_int_equal(due->row_count, 3); // a with two, b, a again
    assert_int_equal(due->rcpt_count, 4);
    assert_int_equal(due->rows[0].message.id, a);
    assert_string_equal(due->rows[0].message.sender, "s@x.example");
    assert_int_equal(due->rows[0].rcpt_count, 2);
    assert_string_equal(due->rows[0].rcpts[1].address, "a1@y.example");
    assert_int_equal(due->rows[1].message.id, b);
    assert_int_equal(due->rows[2].message.id, a);
    assert_int_equal(due->rows[2].rcpts[0].n, 3);
    assert_true(due->is_done);
    assert_true(due->next_due_ms == TIME_NEVER);
    op_free(op);
}

static void test_due_horizon(void **state)
{
    struct spool *p = *state;
    accept_due(p, "a@y.example b@y.example c@y.example", (int64_t[]){NOW, NOW + 500, NOW + 400});
    struct op *op = due_op("y.example", NOW + 399, 100);
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->due.rcpt_count, 1);
    assert_true(op->due.is_done);
    assert_int_equal(op->due.next_due_ms, NOW + 400);
    op_free(op);
    op = due_op("nobody.example", NOW, 100);
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->due.row_count, 0);
    assert_true(op->due.is_done && op->due.next_due_ms == TIME_NEVER);
    op_free(op);
}

// Pages of every size give the same recipients in the same order.
static void test_due_pages(void **state)
{
    struct spool *p = *state;
    enum { MESSAGES = 7 };
    for (int i = 0; i < MESSAGES; i++)
        accept_due(p, "a@y.example b@y.example c@y.example",
                   (int64_t[]){NOW + i % 3, NOW, NOW + i % 2});
    for (uint32_t limit = 1; limit <= 3 * MESSAGES + 1; limit++) {
        int64_t ms = INT64_MIN;
        uint64_t message = 0;
        uint32_t n = 0, count = 0, pages = 0;
        bool is_done = false;
        for (; !is_done; pages++) {
            struct op *op = due_op("y.example", NOW + 10, limit);
            op->due.after_ms = ms;
            op->due.after_message = message;
            op->due.after_n = n;
            assert_int_equal(spool_read(p, op), FP_OK);
            assert_true(op->due.rcpt_count <= limit);
            for (uint32_t i = 0; i < op->due.row_count; i++)
                for (uint32_t k = 0; k < op->due.rows[i].rcpt_count; k++, count++) {
                    const struct recipient *r = &op->due.rows[i].rcpts[k];
                    assert_true(r->next_attempt_ms > ms ||
                                (r->next_attempt_ms == ms &&
                                 (r->message > message || (r->message == message && r->n > n))));
                    ms = r->next_attempt_ms;
                    message = r->message;
                    n = r->n;
                }
            is_done = op->due.is_done;
            op_free(op);
        }
        assert_int_equal(count, 3 * MESSAGES);
        assert_int_equal(pages, (3 * MESSAGES + limit - 1) / limit);
    }
}

// One recipient each, due one after the other.
static void accept_from(struct spool *p, const char *sender, int8_t priority, int64_t due_ms,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct entry *e = entry_of(ids_next(&p->ids, NOW), NOW, sender, "r@y.example", 10);
        e->message.priority = priority;
        e->rcpts[0].next_attempt_ms = due_ms + i;
        assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    }
}

static struct op *shared_op(uint32_t limit, uint32_t left_each)
{
    struct op *op = due_op("y.example", NOW + 1000, limit);
    op->due.sharing = must_zalloc(sizeof *op->due.sharing);
    op->due.sharing->left_each = left_each;
    return op;
}

// Runs it; `want` are the senders of the rows, one word each.
static void expect_rows(struct spool *p, struct op *op, bool is_done, const char *want)
{
    char got[1024] = "";
    assert_int_equal(spool_read(p, op), FP_OK);
    for (uint32_t i = 0; i < op->due.row_count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", i ? " " : "",
                 (int)strcspn(op->due.rows[i].message.sender, "@"), op->due.rows[i].message.sender);
    assert_string_equal(got, want);
    assert_int_equal(op->due.is_done, is_done);
}

// Where the next page begins.
static void go_on_behind(struct op *op, const struct due_key *key)
{
    op->due.after_ms = key->ms;
    op->due.after_message = key->message;
    op->due.after_n = key->n;
}

static void test_shared_pages_take_a_little_of_each(void **state)
{
    struct spool *p = *state;
    accept_from(p, "news@x.example", 0, NOW, 6);
    accept_from(p, "ann@x.example", 0, NOW + 10, 1);
    accept_from(p, "news@x.example", 0, NOW + 20, 1);
    accept_from(p, "news@x.example", 5, NOW + 30, 1); // at another priority it is another
    accept_from(p, "bob@x.example", 0, NOW + 40, 3);
    accept_from(p, "later@x.example", 0, NOW + 2000, 1);

    struct op *op = shared_op(100, 2);
    expect_rows(p, op, true, "news news ann news bob bob");
    assert_int_equal(op->due.next_due_ms, NOW + 2000);
    assert_int_equal(op->due.last.ms, NOW + 42); // all of it was looked at
    const struct due_sharing *sharing = op->due.sharing;
    assert_int_equal(sharing->count, 4);
    struct due_key from = sharing->senders[0].from;
    assert_int_equal(sharing->senders[0].left, 0);
    assert_int_equal(from.ms, NOW + 2); // right in front of the third
    assert_true(sharing->senders[1].from.ms == INT64_MAX);
    assert_int_equal(sharing->senders[3].from.ms, NOW + 42);
    op_free(op);

    op = shared_op(100, 100); // one who is to be passed over, from the beginning
    op->due.sharing->senders[0] =
        (struct due_sender){sender_key(slice_str("news@x.example")), 0, 0, from};
    op->due.sharing->count = 1;
    expect_rows(p, op, true, "ann news bob bob bob");
    assert_int_equal(op->due.sharing->senders[0].from.ms, NOW);
    op_free(op);
}

static void test_shared_pages_end_where_they_are_full(void **state)
{
    struct spool *p = *state;
    accept_from(p, "news@x.example", 0, NOW, 3);
    accept_from(p, "ann@x.example", 0, NOW + 10, 3);
    struct op *op = shared_op(3, 2);
    expect_rows(p, op, false, "news news ann");
    assert_int_equal(op->due.last.ms, NOW + 10);
    struct op *next = shared_op(3, 2);
    go_on_behind(next, &op->due.last);
    expect_rows(p, next, true, "ann ann");
    op_free(op);
    op_free(next);
}

// From where a sender was passed over, up to the cursor.
static void test_a_lane_is_one_senders(void **state)
{
    struct spool *p = *state;
    accept_from(p, "news@x.example", 0, NOW, 3);
    accept_from(p, "ann@x.example", 0, NOW + 10, 3);
    accept_from(p, "news@x.example", 0, NOW + 20, 3);
    static const struct {
        uint32_t limit;
        int64_t until_ms;
        bool is_done;
        const char *want;
    } cases[] = {{2, NOW + 500, false, "news news"},
                 {4, NOW + 500, false, "news news news news"},
                 {9, NOW + 500, true, "news news news news news"},
                 {9, NOW + 20, true, "news news news"},
                 {2, NOW + 2, true, "news news"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct op *op = shared_op(cases[i].limit, 0);
        op->due.sharing->is_only = true;
        op->due.sharing->until = (struct due_key){cases[i].until_ms, INT64_MAX, UINT32_MAX};
        op->due.sharing->senders[0] =
            (struct due_sender){sender_key(slice_str("news@x.example")), 0, UINT32_MAX, DUE_END};
        op->due.sharing->count = 1;
        go_on_behind(op, &(struct due_key){NOW, INT64_MAX, UINT32_MAX});
        expect_rows(p, op, cases[i].is_done, cases[i].want);
        op_free(op);
    }
}

static void test_senders_beyond_the_table_are_taken(void **state)
{
    struct spool *p = *state;
    for (int i = 0; i < DUE_SENDERS_MAX + 2; i++) {
        char sender[32];
        snprintf(sender, sizeof sender, "%c@x.example", 'a' + i);
        accept_from(p, sender, 0, NOW + 10 * i, 2);
    }
    struct op *op = shared_op(100, 1);
    expect_rows(p, op, true, "a b c d e f g h i j k l m n o p q q r r");
    op_free(op);
}

static void test_held_is_not_due(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    struct entry *e = entry_of(id, NOW, "", "a@y.example b@y.example", 10);
    e->rcpts[0].state = RECIPIENT_HELD;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    struct op *op = due_op("y.example", NOW, 10);
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->due.rcpt_count, 1);
    assert_int_equal(op->due.rows[0].rcpts[0].n, 1);
    op_free(op);
}

// A flush reads what is not due yet, but nothing that was tried since it began.
static void test_flush_leaves_out_what_was_tried_since(void **state)
{
    struct spool *p = *state;
    uint64_t a = accept_due(p, "a@y.example", (int64_t[]){NOW + TIME_HOUR_MS});
    uint64_t b = accept_due(p, "b@y.example", (int64_t[]){NOW + TIME_HOUR_MS});
    assert_int_equal(spool_settle(p, a, 1, 1, SETTLE_DEFER), FP_OK); // began at NOW + 500
    struct op *op = due_op("y.example", INT64_MAX, 10);
    op->due.attempted_before_ms = NOW + 500;
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->due.rcpt_count, 1);
    assert_int_equal(op->due.rows[0].message.id, b);
    assert_int_equal(op->due.next_due_ms, NOW + 5 * TIME_MINUTE_MS); // a's own time
    op_free(op);
    op = due_op("y.example", INT64_MAX, 10);
    op->due.attempted_before_ms = NOW + 501;
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->due.rcpt_count, 2);
    op_free(op);
}

static void test_domains(void **state)
{
    struct spool *p = *state;
    accept_due(p, "a@y.example b@x.example c@z.example d@x.example",
               (int64_t[]){NOW + 5, NOW + 9, NOW, NOW + 3});
    uint64_t id = ids_next(&p->ids, NOW);
    struct entry *e = entry_of(id, NOW, "", "a@held.example", 10);
    e->rcpts[0].state = RECIPIENT_HELD;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    static const struct {
        const char *domain;
        int64_t due;
    } want[] = {{"x.example", NOW + 3}, {"y.example", NOW + 5}, {"z.example", NOW}};
    for (uint32_t limit = 1; limit <= 4; limit++) {
        char *after = NULL;
        uint32_t at = 0;
        for (bool is_done = false; !is_done;) {
            struct op *op = op_new(OP_DOMAINS);
            op->domains.limit = limit;
            op->domains.after = after;
            assert_int_equal(spool_read(p, op), FP_OK);
            after = NULL;
            for (uint32_t i = 0; i < op->domains.row_count; i++, at++) {
                assert_string_equal(op->domains.rows[i].domain, want[at].domain);
                assert_int_equal(op->domains.rows[i].next_attempt_ms, want[at].due);
                free(after);
                after = must_strdup(op->domains.rows[i].domain);
            }
            is_done = op->domains.is_done;
            op_free(op);
        }
        free(after);
        assert_int_equal(at, 3);
    }
}

static struct op *overdue_op(uint32_t level, int64_t last_ms, uint32_t limit)
{
    struct op *op = op_new(OP_OVERDUE);
    op->overdue.level = level;
    spans_add(&op->overdue.spans, INT64_MIN, last_ms);
    op->overdue.limit = limit;
    return op;
}

// The page behind the one that `op` is.
static struct op *overdue_next(struct op *op)
{
    struct op *next = op_new(OP_OVERDUE);
    next->overdue.level = op->overdue.level;
    next->overdue.spans = op->overdue.spans;
    next->overdue.limit = op->overdue.limit;
    next->overdue.from_ms = op->overdue.from_ms;
    next->overdue.from_id = op->overdue.from_id;
    next->overdue.from_n = op->overdue.from_n;
    op_free(op);
    return next;
}

static void test_overdue(void **state)
{
    struct spool *p = *state;
    uint64_t old = spool_accept_at(p, NOW - 9000, "", "a@y.example b@y.example");
    spool_accept_at(p, NOW, "", "a@y.example");
    // A clock that was set back: the id is later, the arrival is not.
    uint64_t jumped = spool_accept_at(p, NOW - 8000, "", "a@y.example");
    struct op *op = overdue_op(0, NOW - 8000, 2);
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->overdue.row_count, 1);
    assert_int_equal(op->overdue.rows[0].message.id, old);
    assert_int_equal(op->overdue.rows[0].rcpt_count, 2);
    assert_false(op->overdue.is_done);
    op = overdue_next(op);
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->overdue.row_count, 1);
    assert_int_equal(op->overdue.rows[0].message.id, jumped);
    assert_true(op->overdue.is_done);
    assert_int_equal(op->overdue.next_level, UINT32_MAX);
    op_free(op);

    struct op *warn = settle_op(old, 1, 2, SETTLE_WARN);
    warn->settle.changes[0].warned = warn->settle.changes[1].warned = 3;
    assert_int_equal(spool_write_free(p, warn), FP_OK);
    static const struct {
        uint32_t level;
        uint32_t want, next;
    } cases[] = {{0, 1, 3}, {1, 0, 3}, {3, 1, UINT32_MAX}, {4, 0, UINT32_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        op = overdue_op(cases[i].level, NOW - 8000, 10);
        assert_int_equal(spool_read(p, op), FP_OK);
        assert_int_equal(op->overdue.row_count, cases[i].want);
        assert_int_equal(op->overdue.next_level, cases[i].next);
        op_free(op);
    }
}

// Whatever the spans and the size of the pages: each recipient that arrived within a span comes
// once, in order of arrival.
static void test_overdue_pages(void **state)
{
    struct spool *p = *state;
    enum { MESSAGES = 9 };
    int64_t arrivals[MESSAGES];
    for (int i = 0; i < MESSAGES; i++) { // two at each second, with 1 to 3 recipients
        arrivals[i] = NOW + i / 2 * 1000;
        spool_accept_at(p, arrivals[i], "",
                        i % 3 == 0   ? "a@y.example"
                        : i % 3 == 1 ? "a@y.example b@y.example"
                                     : "a@y.example b@y.example c@y.example");
    }
    for (unsigned chosen = 0; chosen < 1 << 5; chosen++) // which of the five seconds
        for (uint32_t limit = 1; limit < 7; limit++) {
            struct op *op = overdue_op(0, INT64_MIN, limit);
            op->overdue.spans.count = 0;
            uint32_t want = 0, got = 0;
            for (int second = 0; second < 5; second++)
                if (chosen >> second & 1)
                    spans_add(&op->overdue.spans, NOW + second * 1000 - 1, NOW + second * 1000);
            for (int i = 0; i < MESSAGES; i++)
                want += chosen >> (i / 2) & 1 ? (uint32_t)(i % 3 + 1) : 0;
            uint64_t last = 0;
            for (bool is_done = false; !is_done;) {
                assert_int_equal(spool_read(p, op), FP_OK);
                uint32_t on_page = 0;
                for (uint32_t i = 0; i < op->overdue.row_count; i++) {
                    const struct op_row *row = &op->overdue.rows[i];
                    for (uint32_t k = 0; k < row->rcpt_count; k++) {
                        uint64_t key = row->message.id << 4 | row->rcpts[k].n;
                        assert_true(key > last);
                        last = key;
                    }
                    on_page += row->rcpt_count;
                }
                assert_true(on_page <= limit);
                got += on_page;
                is_done = op->overdue.is_done;
                op = overdue_next(op);
            }
            op_free(op);
            assert_int_equal(got, want);
        }
}

// Held mail is not swept; with one open recipient, all of them come along.
static void test_overdue_leaves_held_alone(void **state)
{
    struct spool *p = *state;
    for (int open = 0; open < 2; open++) {
        struct entry *e =
            entry_of(ids_next(&p->ids, NOW - 9000), NOW - 9000, "", "a@y.example b@y.example", 10);
        e->rcpts[0].state = RECIPIENT_HELD;
        e->rcpts[1].state = open ? RECIPIENT_OPEN : RECIPIENT_HELD;
        assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    }
    struct op *op = overdue_op(0, NOW, 10);
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->overdue.row_count, 1);
    assert_int_equal(op->overdue.rows[0].rcpt_count, 2);
    op_free(op);
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, spool_setup, spool_teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(test_due_order_and_grouping),
        SPOOL_TEST(test_due_horizon),
        SPOOL_TEST(test_due_pages),
        SPOOL_TEST(test_shared_pages_take_a_little_of_each),
        SPOOL_TEST(test_shared_pages_end_where_they_are_full),
        SPOOL_TEST(test_a_lane_is_one_senders),
        SPOOL_TEST(test_senders_beyond_the_table_are_taken),
        SPOOL_TEST(test_held_is_not_due),
        SPOOL_TEST(test_flush_leaves_out_what_was_tried_since),
        SPOOL_TEST(test_domains),
        SPOOL_TEST(test_overdue),
        SPOOL_TEST(test_overdue_pages),
        SPOOL_TEST(test_overdue_leaves_held_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
