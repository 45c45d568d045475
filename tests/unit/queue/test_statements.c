// SPDX-License-Identifier: BSD-2-Clause
// Every statement of the spool: does it fit the tables, and does an index serve it? A statement
// that reads a whole table, or sorts, may be right for ten messages and a stand-still for a
// million.
#include "spool.h"

// Those that are meant to read everything.
static const enum sql_id scanners[] = {
    SQL_INCOMING_FIRST,   // at start; the lowest key
    SQL_PAGE_BOUND,       // counts along the key, 20,000 at most
    SQL_STATS_PAGES,      // a pragma
    SQL_DESTINATION_LIST, // only those that are not healthy are there
    SQL_SUSPENSION_LIST,  // a few, made by hand
    SQL_STS_LIST,         // at start; a bounded number
    SQL_STS_OLD,          // of these
};

static bool may_scan(enum sql_id id)
{
    for (size_t i = 0; i < sizeof scanners / sizeof *scanners; i++)
        if (scanners[i] == id)
            return true;
    return false;
}

static bool is_control(enum sql_id id)
{
    return id <= SQL_SAVEPOINT_END;
}

// The plan's lines, one after the other, of a statement.
static void plan_of(sqlite3 *db, const char *sql, char *to, size_t size)
{
    char text[4096];
    sqlite3_stmt *stmt = NULL;
    snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql);
    if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    size_t n = 0;
    to[0] = '\0';
    while (sqlite3_step(stmt) == SQLITE_ROW && n < size)
        n += (size_t)snprintf(to + n, size - n, "%s; ", (const char *)sqlite3_column_text(stmt, 3));
    sqlite3_finalize(stmt);
}

static bool is_bad_plan(const char *plan)
{
    return strstr(plan, "SCAN") || strstr(plan, "TEMP B-TREE");
}

static void test_no_statement_reads_a_whole_table(void **state)
{
    struct spool *p = *state;
    char plan[4096];
    for (enum sql_id id = 0; id < SQL_COUNT; id++) {
        assert_non_null(sql_texts[id]);
        if (is_control(id))
            continue;
        plan_of(p->store->db, sql_texts[id], plan, sizeof plan);
        if (is_bad_plan(plan) && !may_scan(id))
            fail_msg("%s\n%s", sql_texts[id], plan);
    }
}

static void test_every_statement_can_be_prepared(void **state)
{
    struct spool *p = *state;
    for (enum sql_id id = 0; id < SQL_COUNT; id++) {
        struct sql_call c = sql_call(p->store, id);
        assert_int_equal(c.err, FP_OK);
        assert_int_equal(sql_end(&c), FP_OK);
    }
}

// The check itself must be able to fail.
static void test_the_check_finds_a_scan(void **state)
{
    struct spool *p = *state;
    char plan[4096];
    plan_of(p->store->db, "SELECT 1 FROM recipient WHERE last_attempt < 5", plan, sizeof plan);
    assert_true(is_bad_plan(plan));
    plan_of(p->store->db,
            "SELECT 1 FROM recipient WHERE state = 0 AND domain = 'x' ORDER BY next_attempt, n",
            plan, sizeof plan);
    assert_true(is_bad_plan(plan));
}

// What the whole design of the due index is for, said literally.
static void test_plans_that_matter(void **state)
{
    static const struct {
        enum sql_id id;
        const char *want;
    } cases[] = {
        {SQL_DUE_PAGE, "SEARCH r USING INDEX recipient_due (state=? AND domain=? AND "},
        {SQL_DUE_WALK, "SEARCH recipient USING COVERING INDEX recipient_due (state=? AND domain=? "
                       "AND (next_attempt,message,n)>(?,?,?) AND next_attempt<?)"},
        {SQL_DUE_NEXT, "SEARCH recipient USING COVERING INDEX recipient_due (state=? AND domain=? "
                       "AND next_attempt>?)"},
        {SQL_DOMAIN_NEXT,
         "SEARCH recipient USING COVERING INDEX recipient_due (state=? AND domain>?)"},
        {SQL_OVERDUE_PAGE, "SEARCH message USING COVERING INDEX message_warned (warned=? AND "
                           "arrival>? AND arrival<?)"},
        {SQL_STATS_RECIPIENTS, "SEARCH recipient USING COVERING INDEX recipient_due (state=? AND "
                               "domain=? AND (next_attempt,message,n)>(?,?,?))"},
        {SQL_CHUNK_DELETE_ALL, "SEARCH chunk USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
        {SQL_FINISHED_BEFORE, "SEARCH finished USING INDEX finished_at ((at,message,n)<(?,?,?)); "},
        {SQL_FIND_PAGE, "SEARCH r USING INDEX recipient_due (state=? AND domain=? AND "
                        "(next_attempt,message,n)>(?,?,?)); "},
        {SQL_PLAN_RECIPIENTS,
         "SEARCH recipient USING COVERING INDEX recipient_due (state=? AND domain=? AND "},
        {SQL_FINISHED_OLD, "SEARCH finished USING COVERING INDEX finished_at (at<?)"},
    };
    struct spool *p = *state;
    char plan[4096];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan_of(p->store->db, sql_texts[cases[i].id], plan, sizeof plan);
        if (strncmp(plan, cases[i].want, strlen(cases[i].want)) != 0)
            fail_msg("want %s\n got %s", cases[i].want, plan);
    }
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, spool_setup, spool_teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(test_no_statement_reads_a_whole_table),
        SPOOL_TEST(test_every_statement_can_be_prepared),
        SPOOL_TEST(test_the_check_finds_a_scan),
        SPOOL_TEST(test_plans_that_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
