// SPDX-License-Identifier: BSD-2-Clause
// Operators' changes and listings: verbs, filters, pages.
#include "spool.h"

#include <stdarg.h>

static struct filter_term term(enum filter_key key, enum filter_relation relation, int64_t number)
{
    return (struct filter_term){.key = key, .relation = relation, .number = number};
}

static struct filter_term text(enum filter_key key, const char *pattern)
{
    struct filter_term t = {.key = key, .relation = FILTER_MATCH};
    snprintf(t.text, sizeof t.text, "%s", pattern);
    return t;
}

static void add(struct filter *f, struct filter_term t)
{
    f->terms[f->count++] = t;
}

static struct op *list_op(uint32_t limit)
{
    struct op *op = op_new(OP_LIST);
    op->list.now_ms = NOW + TIME_HOUR_MS;
    op->list.limit = limit;
    return op;
}

static struct op *change_op(enum change_verb verb)
{
    struct op *op = op_new(OP_CHANGE);
    op->change.verb = verb;
    op->change.now_ms = NOW + TIME_HOUR_MS;
    op->change.limit = 100;
    return op;
}

// What a listing with one or two terms selects, as "address address ...".
static void assert_selects(struct spool *p, struct filter_term a, const struct filter_term *b,
                           const char *want)
{
    struct op *op = list_op(100);
    struct buf got;
    buf_init(&got, 10000);
    buf_add_str(&got, "");
    add(&op->list.filter, a);
    if (b)
        add(&op->list.filter, *b);
    assert_int_equal(spool_read(p, op), FP_OK);
    for (uint32_t i = 0; i < op->list.page.row_count; i++)
        for (uint32_t k = 0; k < op->list.page.rows[i].rcpt_count; k++)
            buf_addf(&got, "%s%s", got.n ? " " : "", op->list.page.rows[i].rcpts[k].address);
    assert_true(op->list.is_done);
    assert_string_equal(buf_slice(&got).p, want);
    buf_close(&got);
    op_free(op);
}

// Message 1: open and never tried; 2: deferred once; 3: held.
static void fill(struct spool *p, uint64_t ids[3])
{
    struct entry *e;
    ids[0] = spool_accept_at(p, NOW, "Ann@x.example", "b1@y.example B_2@z.example");
    ids[1] = spool_accept_at(p, NOW + 1000, "ben@x.example", "c%1@y.example c*2@y.example");
    ids[2] = ids_next(&p->ids, NOW + 2000);
    e = entry_of(ids[2], NOW + 2000, "", "d[1]@Sub.y.example", 2000);
    e->message.uid = 1000;
    e->rcpts[0].state = RECIPIENT_HELD;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    assert_int_equal(spool_settle(p, ids[1], 1, 1, SETTLE_DEFER), FP_OK);
}

static void test_filters(void **state)
{
    struct spool *p = *state;
    uint64_t ids[3];
    fill(p, ids);
    static const char all[] = "b1@y.example B_2@z.example c%1@y.example c*2@y.example "
                              "d[1]@Sub.y.example";
    const struct {
        struct filter_term term;
        const char *want;
    } cases[] = {
        {term(FILTER_ID, FILTER_EQUAL, (int64_t)ids[1]), "c%1@y.example c*2@y.example"},
        {term(FILTER_ID, FILTER_EQUAL, 5), ""},
        {text(FILTER_FROM, "*"), all},
        {text(FILTER_FROM, "ANN@X.example"), "b1@y.example B_2@z.example"},
        {text(FILTER_FROM, "*@x.example"),
         "b1@y.example B_2@z.example c%1@y.example c*2@y.example"},
        {text(FILTER_FROM, ""), "d[1]@Sub.y.example"},
        {text(FILTER_TO, "b_2@*"), "B_2@z.example"}, // _ is no wildcard
        {text(FILTER_TO, "_1@y.example"), ""},
        {text(FILTER_TO, "c%1*"), "c%1@y.example"},
        {text(FILTER_TO, "%"), ""},
        {text(FILTER_TO, "c?1@y.example"), ""},
        {text(FILTER_TO, "d[1]@*"), "d[1]@Sub.y.example"},
        {text(FILTER_TO, "c*@y.example"), "c%1@y.example c*2@y.example"},
        {text(FILTER_TO, "\\"), ""},
        {text(FILTER_TO, "x' OR 1=1 --"), ""},
        {text(FILTER_DOMAIN, "Y.EXAMPLE"), "b1@y.example c%1@y.example c*2@y.example"},
        {text(FILTER_DOMAIN, "*.y.example"), "d[1]@Sub.y.example"},
        {term(FILTER_STATE, FILTER_EQUAL, FILTER_QUEUED),
         "b1@y.example B_2@z.example c*2@y.example"},
        {term(FILTER_STATE, FILTER_EQUAL, FILTER_DEFERRED), "c%1@y.example"},
        {term(FILTER_STATE, FILTER_EQUAL, FILTER_HELD), "d[1]@Sub.y.example"},
        {term(FILTER_STATE, FILTER_EQUAL, FILTER_ACTIVE), all}, // the caller's to filter
        {term(FILTER_AGE, FILTER_GREATER_EQUAL, TIME_HOUR_MS), "b1@y.example B_2@z.example"},
        {term(FILTER_AGE, FILTER_LESS, TIME_HOUR_MS - 1000), "d[1]@Sub.y.example"},
        {term(FILTER_SIZE, FILTER_GREATER, 1999), "d[1]@Sub.y.example"},
        {term(FILTER_SIZE, FILTER_GREATER, 2000), ""},
        {term(FILTER_ATTEMPTS, FILTER_GREATER_EQUAL, 1), "c%1@y.example"},
        {text(FILTER_ERROR, "COME back"), "c%1@y.example"},
        {text(FILTER_ERROR, "come*later"), ""}, // no wildcard here
        {text(FILTER_ERROR, "450 4_7"), ""},
        {term(FILTER_NEXT, FILTER_LESS, -59 * TIME_MINUTE_MS),
         "b1@y.example B_2@z.example c*2@y.example"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_selects(p, cases[i].term, NULL, cases[i].want);
    struct filter_term both = text(FILTER_TO, "*2@*");
    assert_selects(p, text(FILTER_DOMAIN, "y.example"), &both, "c*2@y.example");
    assert_selects(p, text(FILTER_FROM, "ben*"), &both, "c*2@y.example");
}

static void test_filters_that_make_no_sense(void **state)
{
    struct spool *p = *state;
    const struct filter_term cases[] = {
        term(FILTER_AGE, FILTER_MATCH, 5),
        term(FILTER_STATE, FILTER_LESS, FILTER_HELD),
        term(FILTER_STATE, FILTER_EQUAL, 17),
        {.key = FILTER_FROM, .relation = FILTER_LESS, .text = "x"},
        {.key = (enum filter_key)99},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct op *op = list_op(10);
        add(&op->list.filter, cases[i]);
        assert_int_equal(spool_read(p, op), FP_INVALID);
        op_free(op);
    }
    // A change on what only the daemon knows must not become a change of everything.
    spool_accept(p, "", "a@y.example");
    struct op *op = change_op(CHANGE_REMOVE);
    add(&op->change.filter, term(FILTER_STATE, FILTER_EQUAL, FILTER_ACTIVE));
    assert_int_equal(spool_write_free(p, op), FP_INVALID);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM recipient"), 1);
}

static void test_full_filter(void **state) // the most terms, each as long as can be
{
    struct spool *p = *state;
    struct op *op = list_op(10);
    for (int i = 0; i < FILTER_TERMS_MAX; i++) {
        struct filter_term t = text(FILTER_ERROR, "");
        memset(t.text, '%', FILTER_TEXT_MAX);
        add(&op->list.filter, t);
    }
    spool_accept(p, "", "a@y.example");
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->list.page.row_count, 0);
    op_free(op);
}

static void test_list_by_user(void **state)
{
    struct spool *p = *state;
    uint64_t ids[3];
    fill(p, ids);
    struct op *op = list_op(10);
    op->list.uid = 1000;
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->list.page.row_count, 1);
    assert_int_equal(op->list.page.rows[0].message.id, ids[2]);
    op_free(op);
}

static void test_list_pages(void **state)
{
    struct spool *p = *state;
    for (int i = 0; i < 7; i++)
        spool_accept(p, "", i % 2 ? "a@y.example" : "a@z.example");
    for (uint32_t limit = 1; limit < 9; limit++) {
        uint64_t after = 0;
        uint32_t count = 0;
        for (bool is_done = false; !is_done;) {
            struct op *op = list_op(limit);
            op->list.after = after;
            add(&op->list.filter, text(FILTER_DOMAIN, "z.example"));
            assert_int_equal(spool_read(p, op), FP_OK);
            count += op->list.page.row_count;
            assert_true(op->list.last >= after);
            after = op->list.last;
            is_done = op->list.is_done;
            op_free(op);
        }
        assert_int_equal(count, 4);
    }
}

// A page ends behind 10,000 recipients, but not within a message.
static void test_pages_of_many_recipients(void **state)
{
    struct spool *p = *state;
    enum { RCPTS = 6000 };
    static const uint32_t want[] = {2, 1, 0};
    struct buf to;
    buf_init(&to, 1024 * 1024);
    for (int i = 0; i < RCPTS; i++)
        buf_addf(&to, "r%d@y.example ", i);
    for (int i = 0; i < 3; i++)
        spool_accept(p, "", to.p);
    buf_close(&to);
    uint64_t after = 0;
    for (size_t i = 0; want[i] > 0; i++) {
        struct op *op = list_op(100);
        op->list.after = after;
        assert_int_equal(spool_read(p, op), FP_OK);
        assert_int_equal(op->list.page.row_count, want[i]);
        for (uint32_t k = 0; k < want[i]; k++) {
            const struct op_row *row = &op->list.page.rows[k];
            assert_int_equal(row->rcpt_count, RCPTS);
            assert_string_equal(row->rcpts[RCPTS - 1].address, "r5999@y.example");
            assert_int_equal(row->rcpts[0].message, row->message.id);
        }
        after = op->list.last;
        assert_int_equal(op->list.is_done, want[i + 1] == 0);
        op_free(op);
    }
}

static const struct recipient *get_rcpt(struct spool *p, uint64_t id, uint32_t i, struct op **op)
{
    *op = spool_get(p, id);
    assert_non_null(*op);
    return &(*op)->read.row->rcpts[i];
}

static void test_hold_and_release(void **state)
{
    struct spool *p = *state;
    uint64_t ids[3];
    fill(p, ids);
    struct op *op = change_op(CHANGE_HOLD), *get;
    add(&op->change.filter, text(FILTER_DOMAIN, "y.example"));
    assert_int_equal(spool_write(p, op), FP_OK);
    assert_int_equal(op->change.message_count, 2);
    assert_int_equal(op->change.row_count, 3);
    assert_string_equal(op->change.rows[0].address, "b1@y.example");
    assert_string_equal(op->change.rows[0].domain, "y.example");
    assert_int_equal(op->change.rows[0].state, RECIPIENT_OPEN);
    assert_true(op->change.is_done);
    op_free(op);
    assert_int_equal(get_rcpt(p, ids[0], 0, &get)->state, RECIPIENT_HELD);
    assert_int_equal(get->read.row->rcpts[1].state, RECIPIENT_OPEN);
    assert_int_equal(get->read.row->message.version, 2);
    op_free(get);
    // All of the second are held: the sweep is done with it until they are released.
    assert_int_equal(spool_number(p, "SELECT count(*) FROM message WHERE warned IS NULL"), 2);

    op = change_op(CHANGE_HOLD); // again: nothing is open there any more
    add(&op->change.filter, text(FILTER_DOMAIN, "y.example"));
    assert_int_equal(spool_write(p, op), FP_OK);
    assert_int_equal(op->change.row_count, 0);
    assert_int_equal(op->change.message_count, 0);
    op_free(op);

    op = change_op(CHANGE_RELEASE);
    assert_int_equal(spool_write(p, op), FP_OK);
    assert_int_equal(op->change.row_count, 4);
    op_free(op);
    assert_int_equal(get_rcpt(p, ids[2], 0, &get)->state, RECIPIENT_OPEN);
    assert_int_equal(get->read.row->rcpts[0].next_attempt_ms, NOW + TIME_HOUR_MS);
    op_free(get);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM message WHERE warned = 0"), 3);
}

static void test_remove(void **state)
{
    struct spool *p = *state;
    uint64_t ids[3];
    fill(p, ids);
    struct op *op = change_op(CHANGE_REMOVE);
    op->change.reason = must_strdup("spam run");
    add(&op->change.filter, text(FILTER_TO, "c%1*"));
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_true(spool_has(p, ids[1])); // one recipient is left
    spool_assert_text(p,
                      "SELECT recipient || ' ' || attempts || ' ' || status || ' ' || reason || ' '"
                      " || reply FROM history WHERE outcome = 'removed'",
                      "c%1@y.example 1 4.7.1 spam run 450 4.7.1 come back later");
    op = change_op(CHANGE_REMOVE);
    add(&op->change.filter, term(FILTER_ID, FILTER_EQUAL, (int64_t)ids[1]));
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_false(spool_has(p, ids[1]));
    assert_int_equal(spool_number(p, "SELECT count(*) FROM chunk"), 2);
    assert_true(spool_has(p, ids[0]));
}

static void test_remove_wins_over_an_attempt(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "", "a@y.example b@y.example");
    struct op *op = change_op(CHANGE_REMOVE);
    add(&op->change.filter, text(FILTER_TO, "a@*"));
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_int_equal(spool_settle(p, id, 1, 2, SETTLE_DEFER), FP_CONFLICT);
    op = settle_op(id, 2, 2, SETTLE_DEFER);
    assert_int_equal(spool_write(p, op), FP_OK);
    assert_true(op->settle.is_gone[0] && !op->settle.is_gone[1]);
    op_free(op);
}

static void test_dry_run(void **state)
{
    struct spool *p = *state;
    uint64_t ids[3];
    fill(p, ids);
    static const enum change_verb verbs[] = {CHANGE_HOLD, CHANGE_RELEASE, CHANGE_REMOVE,
                                             CHANGE_REQUEUE, CHANGE_DUE};
    static const uint32_t want[] = {4, 1, 5, 5, 4};
    for (size_t i = 0; i < 5; i++) {
        struct op *op = change_op(verbs[i]);
        op->change.dry_run = true;
        assert_int_equal(spool_write(p, op), FP_OK);
        assert_int_equal(op->change.row_count, want[i]);
        op_free(op);
    }
    assert_int_equal(spool_number(p, "SELECT sum(version) FROM message"), 4); // as fill left it
    assert_int_equal(spool_number(p, "SELECT count(*) FROM finished"), 0);
}

static void test_requeue_and_due(void **state)
{
    struct spool *p = *state;
    uint64_t id = spool_accept(p, "", "a@y.example b@y.example");
    struct op *op = settle_op(id, 1, 1, SETTLE_DEFER), *get;
    op->settle.changes[0].warned = 1;
    op->settle.changes[0].next_attempt_ms = NOW + TIME_DAY_MS;
    op->settle.changes[0].outcome.in_doubt = true;
    assert_int_equal(spool_write_free(p, op), FP_OK);

    assert_int_equal(spool_write_free(p, change_op(CHANGE_DUE)), FP_OK);
    const struct recipient *r = get_rcpt(p, id, 0, &get);
    assert_int_equal(r->attempts, 1);
    assert_int_equal(r->next_attempt_ms, NOW + TIME_HOUR_MS);
    assert_int_equal(get->read.row->rcpts[1].next_attempt_ms, NOW); // it keeps its place
    op_free(get);

    for (int64_t mark = -7; mark <= -5; mark += 2) { // a mark replaces what was there, later or not
        op = change_op(CHANGE_DUE);
        op->change.mark = mark;
        assert_int_equal(spool_write_free(p, op), FP_OK);
        r = get_rcpt(p, id, 0, &get);
        assert_int_equal(r->next_attempt_ms, mark);
        op_free(get);
    }
    assert_int_equal(spool_number(p, "SELECT count(*) FROM mailq WHERE next_attempt IS NULL"), 0);
    op = change_op(CHANGE_DUE);
    op->change.mark = -((int64_t)1 << 53) + NOW; // as they are in earnest
    assert_int_equal(spool_write_free(p, op), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM mailq WHERE next_attempt IS NULL"), 2);

    assert_int_equal(spool_write_free(p, change_op(CHANGE_HOLD)), FP_OK);
    assert_int_equal(spool_write_free(p, change_op(CHANGE_REQUEUE)), FP_OK);
    r = get_rcpt(p, id, 0, &get);
    assert_int_equal(r->state, RECIPIENT_OPEN);
    assert_int_equal(r->attempts, 0);
    assert_int_equal(r->warned, 0);
    assert_int_equal(r->last_attempt_ms, 0);
    assert_int_equal(r->last_class, CLASS_NONE);
    assert_string_equal(r->last_reply, "");
    assert_string_equal(r->last_status, "");
    assert_string_equal(r->last_host, "");
    assert_int_equal(r->next_attempt_ms, NOW + TIME_HOUR_MS);
    assert_true(r->in_doubt); // a fact that nobody can take back
    assert_int_equal(get->read.row->message.version, 8);
    op_free(get);
}

static void test_change_pages(void **state)
{
    struct spool *p = *state;
    for (int i = 0; i < 5; i++)
        spool_accept(p, "", "a@y.example b@y.example");
    uint64_t after = 0;
    uint32_t messages = 0, pages = 0;
    for (bool is_done = false; !is_done; pages++) {
        struct op *op = change_op(CHANGE_REMOVE);
        op->change.limit = 2;
        op->change.after = after;
        assert_int_equal(spool_write(p, op), FP_OK);
        messages += op->change.message_count;
        after = op->change.last;
        is_done = op->change.is_done;
        op_free(op);
    }
    assert_int_equal(messages, 5);
    assert_int_equal(pages, 3);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM message"), 0);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM finished"), 10);
}

static void test_change_by_user(void **state)
{
    struct spool *p = *state;
    uint64_t ids[3];
    fill(p, ids);
    struct op *op = change_op(CHANGE_REMOVE);
    op->change.uid = 1000;
    assert_int_equal(spool_write(p, op), FP_OK);
    assert_int_equal(op->change.message_count, 1);
    op_free(op);
    assert_false(spool_has(p, ids[2]));
    assert_true(spool_has(p, ids[0]) && spool_has(p, ids[1]));
}

// A filter that selects little must not hold the writer, or a snapshot, for the whole queue.
static void test_pages_look_at_so_many_at_most(void **state)
{
    struct spool *p = *state;
    enum { MESSAGES = 5000 };
    assert_int_equal(store_begin(p->store), FP_OK);
    for (int i = 0; i < MESSAGES + 1; i++) {
        uint64_t id = ids_next(&p->ids, NOW);
        struct op *op =
            accept_op(entry_of(id, NOW, "", i == MESSAGES ? "last@z.example" : "a@y.example", 1));
        store_run(p->store, op);
        op_free(op);
    }
    assert_int_equal(store_commit(p->store), FP_OK);
    struct op *op = list_op(10);
    add(&op->list.filter, text(FILTER_DOMAIN, "z.example"));
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->list.page.row_count, 0);
    assert_false(op->list.is_done);
    uint64_t last = op->list.last;
    op_free(op);
    op = list_op(10);
    op->list.after = last;
    add(&op->list.filter, text(FILTER_DOMAIN, "z.example"));
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->list.page.row_count, 1);
    assert_true(op->list.is_done);
    op_free(op);
}

// All that ran on a connection since, to be looked at.
struct trace {
    char *texts[64];
    int count;
};

static int on_statement(unsigned what, void *arg, void *stmt, void *sql)
{
    (void)what, (void)sql;
    struct trace *t = arg;
    if (t->count < 64)
        t->texts[t->count++] = must_strdup(sqlite3_sql(stmt));
    return 0;
}

// The lines of a statement's plan, in order.
static void plan_of(sqlite3 *db, const char *sql, struct buf *to)
{
    struct buf text;
    sqlite3_stmt *stmt = NULL;
    buf_init(&text, 10000);
    buf_addf(&text, "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(db, text.p, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        buf_addf(to, "%s; ", (const char *)sqlite3_column_text(stmt, 3));
    sqlite3_finalize(stmt);
    buf_close(&text);
}

#define ALONG_MESSAGES   "SEARCH m USING INTEGER PRIMARY KEY (rowid>? AND rowid<?); "
#define ALONG_RECIPIENTS "SEARCH r USING PRIMARY KEY (message>? AND message<?); "
#define ITS_MESSAGE      "SEARCH m USING INTEGER PRIMARY KEY (rowid=?); "
#define ITS_RECIPIENTS   "SEARCH r USING PRIMARY KEY (message=?); "

static void assert_plans(const struct trace *t, sqlite3 *db, const char *want, int want_count)
{
    int count = 0;
    for (int i = 0; i < t->count; i++) {
        struct buf plan;
        buf_init(&plan, 10000);
        if (strstr(t->texts[i], " CROSS JOIN ")) {
            plan_of(db, t->texts[i], &plan);
            if (strcmp(plan.p, want) != 0)
                fail_msg("%s\nwant %s\n got %s", t->texts[i], want, plan.p);
            count++;
        }
        free(t->texts[i]);
        buf_close(&plan);
    }
    assert_int_equal(count, want_count);
}

// A page is read along one table, and the other is looked into by its key: never by walking through
// all recipients that are open, never sorting.
static void test_plans_of_filters(void **state)
{
    struct spool *p = *state;
    static const struct filter_term none = {.key = (enum filter_key)99};
    const struct filter_term queued = term(FILTER_STATE, FILTER_EQUAL, FILTER_QUEUED);
    const struct filter_term an_id = term(FILTER_ID, FILTER_EQUAL, 5);
    const struct {
        struct filter_term a, b;
        const char *want;
    } cases[] = {
        {none, none, ALONG_RECIPIENTS ITS_MESSAGE},
        {queued, none, ALONG_RECIPIENTS ITS_MESSAGE},
        {queued, text(FILTER_DOMAIN, "y.example"), ALONG_RECIPIENTS ITS_MESSAGE},
        {term(FILTER_STATE, FILTER_EQUAL, FILTER_HELD), text(FILTER_TO, "a@y.example"),
         ALONG_RECIPIENTS ITS_MESSAGE},
        {term(FILTER_NEXT, FILTER_LESS, 5), term(FILTER_ATTEMPTS, FILTER_GREATER, 5),
         ALONG_RECIPIENTS ITS_MESSAGE},
        {text(FILTER_ERROR, "refused"), none, ALONG_RECIPIENTS ITS_MESSAGE},
        {text(FILTER_FROM, "*"), none, ALONG_MESSAGES ITS_RECIPIENTS},
        {text(FILTER_FROM, "*"), queued, ALONG_MESSAGES ITS_RECIPIENTS},
        {term(FILTER_AGE, FILTER_GREATER, 5), term(FILTER_SIZE, FILTER_LESS, 5),
         ALONG_MESSAGES ITS_RECIPIENTS},
        {an_id, none, ITS_MESSAGE ITS_RECIPIENTS},
        {an_id, queued, ITS_MESSAGE ITS_RECIPIENTS},
        {queued, an_id, ITS_MESSAGE ITS_RECIPIENTS},
    };
    spool_accept(p, "", "a@y.example");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trace t = {0};
        sqlite3_trace_v2(p->store->db, SQLITE_TRACE_STMT, on_statement, &t);
        for (int verb = CHANGE_HOLD; verb <= CHANGE_DUE; verb++) {
            struct op *op = change_op((enum change_verb)verb);
            op->change.dry_run = true;
            if (cases[i].a.key != none.key)
                add(&op->change.filter, cases[i].a);
            if (cases[i].b.key != none.key)
                add(&op->change.filter, cases[i].b);
            assert_int_equal(spool_write_free(p, op), FP_OK);
        }
        sqlite3_trace_v2(p->store->db, 0, NULL, NULL);
        assert_plans(&t, p->store->db, cases[i].want, CHANGE_DUE + 1);
    }
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, spool_setup, spool_teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(test_filters),
        SPOOL_TEST(test_filters_that_make_no_sense),
        SPOOL_TEST(test_full_filter),
        SPOOL_TEST(test_plans_of_filters),
        SPOOL_TEST(test_list_by_user),
        SPOOL_TEST(test_list_pages),
        SPOOL_TEST(test_pages_of_many_recipients),
        SPOOL_TEST(test_hold_and_release),
        SPOOL_TEST(test_remove),
        SPOOL_TEST(test_remove_wins_over_an_attempt),
        SPOOL_TEST(test_dry_run),
        SPOOL_TEST(test_requeue_and_due),
        SPOOL_TEST(test_change_pages),
        SPOOL_TEST(test_change_by_user),
        SPOOL_TEST(test_pages_look_at_so_many_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
