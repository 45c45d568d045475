// SPDX-License-Identifier: BSD-2-Clause
// stats: counts of what is in the queue. One walk along recipient_due, in order of domain, which
// carries all that is needed: a million recipients take about a fifth of a second.
//
// A recipient's age is taken from its message's id, which is its time of arrival but for a jump of
// the clock: counting by age is worth no look-up of a million messages.
#include "queue/sql_db.h"

#include "core/must.h"
#include "core/time.h"
#include "queue/ids.h"

#include <stdlib.h>
#include <string.h>

// One state's recipients, in order of domain, and the one that is next.
struct stats_cursor {
    struct sql_call call;
    bool has_row;
    const char *domain; // lives until the next step
    size_t domain_n;
    uint64_t message;
    int64_t attempts;
};

struct stats_ages {
    uint64_t first_id[STATS_AGES]; // a message with at least this id is at most so old
};

static void cursor_step(struct stats_cursor *cursor)
{
    cursor->has_row = sql_step(&cursor->call);
    if (!cursor->has_row)
        return;
    cursor->domain = sql_column_peek(&cursor->call, &cursor->domain_n);
    cursor->message = (uint64_t)sql_column_int(&cursor->call);
    cursor->attempts = sql_column_int(&cursor->call);
}

static int compare(struct slice a, struct slice b) // as SQLite's BINARY orders text
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static void ages_init(struct stats_ages *ages, int64_t now_ms)
{
    int64_t age_ms = 5 * TIME_MINUTE_MS;
    for (int i = 0; i < STATS_AGES - 1; i++, age_ms *= 2)
        ages->first_id[i] = ids_at(now_ms - age_ms);
    ages->first_id[STATS_AGES - 1] = 0;
}

static int age_of(const struct stats_ages *ages, uint64_t id)
{
    int i = 0;
    while (i < STATS_AGES - 1 && id < ages->first_id[i])
        i++;
    return i;
}

// The largest domains, largest first; as many as were asked for.
static void keep_largest(struct op_stats *stats, const struct op_stats_row *row)
{
    uint32_t at = stats->row_count;
    while (at > 0 && stats->rows[at - 1].total < row->total)
        at--;
    if (at >= stats->domain_limit) {
        free(row->domain);
        return;
    }
    if (stats->row_count == stats->domain_limit)
        free(stats->rows[--stats->row_count].domain);
    memmove(&stats->rows[at + 1], &stats->rows[at], (stats->row_count - at) * sizeof *stats->rows);
    stats->rows[at] = *row;
    stats->row_count++;
}

static void count_one(struct op_stats *stats, const struct stats_cursor *cursor, bool is_held)
{
    if (is_held)
        stats->held++;
    else if (cursor->attempts > 0)
        stats->deferred++;
    else
        stats->queued++;
}

// All recipients of the domain that comes first among both cursors.
static void count_domain(struct op_stats *stats, struct stats_cursor cursors[2],
                         const struct stats_ages *ages)
{
    const struct stats_cursor *first = &cursors[0];
    if (!first->has_row ||
        (cursors[1].has_row && compare(slice_of(cursors[1].domain, cursors[1].domain_n),
                                       slice_of(first->domain, first->domain_n)) < 0))
        first = &cursors[1];
    struct op_stats_row row = {.domain = must_memdup(first->domain, first->domain_n)};
    struct slice domain = slice_of(row.domain, first->domain_n);
    for (int state = 0; state < 2; state++) {
        struct stats_cursor *cursor = &cursors[state];
        while (cursor->has_row && slice_equal(slice_of(cursor->domain, cursor->domain_n), domain)) {
            count_one(stats, cursor, state == RECIPIENT_HELD);
            row.by_age[age_of(ages, cursor->message)]++;
            row.total++;
            cursor_step(cursor);
        }
    }
    keep_largest(stats, &row);
}

// The same statement twice at once, so these two are prepared here.
static void cursor_open(struct store *s, struct stats_cursor *cursor, enum recipient_state state)
{
    *cursor = (struct stats_cursor){.call.db = s->db};
    cursor->call.err = sql_err(s->db, sqlite3_prepare_v2(s->db, sql_texts[SQL_STATS_RECIPIENTS], -1,
                                                         &cursor->call.stmt, NULL));
    sql_int(&cursor->call, state);
    cursor_step(cursor);
}

static enum fp_err count_recipients(struct store *s, struct op_stats *stats)
{
    struct stats_ages ages;
    struct stats_cursor cursors[2];
    ages_init(&ages, stats->now_ms);
    cursor_open(s, &cursors[0], RECIPIENT_OPEN);
    cursor_open(s, &cursors[1], RECIPIENT_HELD);
    while (cursors[0].has_row || cursors[1].has_row)
        count_domain(stats, cursors, &ages);
    enum fp_err err = FP_OK;
    for (int i = 0; i < 2; i++) {
        enum fp_err end = sql_end(&cursors[i].call);
        err = err ? err : end;
        sqlite3_finalize(cursors[i].call.stmt);
    }
    return err;
}

static enum fp_err count_messages(struct store *s, struct op_stats *stats)
{
    struct sql_call c = sql_call(s, SQL_STATS_MESSAGES);
    if (sql_step(&c)) {
        stats->messages = (uint64_t)sql_column_int(&c);
        stats->bytes = (uint64_t)sql_column_int(&c);
        stats->oldest_arrival_ms = sql_column_int(&c);
    }
    return sql_end(&c);
}

static enum fp_err count_pages(struct store *s, struct op_stats *stats)
{
    struct sql_call c = sql_call(s, SQL_STATS_PAGES);
    if (sql_step(&c)) {
        stats->spool_bytes = (uint64_t)sql_column_int(&c);
        stats->free_bytes = (uint64_t)sql_column_int(&c);
    }
    return sql_end(&c);
}

enum fp_err stats_run(struct store *s, struct op *op)
{
    struct op_stats *stats = &op->stats;
    stats->rows = must_zalloc(((size_t)stats->domain_limit + 1) * sizeof *stats->rows);
    enum fp_err err = count_messages(s, stats);
    if (!err)
        err = count_recipients(s, stats);
    return err ? err : count_pages(s, stats);
}
