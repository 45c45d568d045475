// SPDX-License-Identifier: BSD-2-Clause
// stats: counts of what is in the queue, page by page. The recipients by a walk along
// recipient_due, domain by domain, which carries all that is needed: a million recipients take
// about a fifth of a second.
//
// What is held is looked up in its table besides, where it is told what for: a microsecond each.
//
// A recipient's age is taken from its message's id, which is its time of arrival but for a jump of
// the clock: counting by age is worth no look-up of a million messages.
#include "queue/sql_db.h"

#include "core/must.h"
#include "core/time.h"
#include "queue/ids.h"

#include <stdlib.h>
#include <string.h>

enum { DOMAIN_COST = 20 }; // finding a domain takes as long as counting so many recipients

struct stats_ages {
    uint64_t first_id[STATS_AGES]; // a message with at least this id is at most so old
};

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
    if (at >= stats->domain_limit)
        return;
    if (stats->row_count == stats->domain_limit)
        free(stats->rows[--stats->row_count].domain);
    memmove(&stats->rows[at + 1], &stats->rows[at], (stats->row_count - at) * sizeof *stats->rows);
    stats->rows[at] = *row;
    stats->rows[at].domain = must_strdup(row->domain);
    stats->row_count++;
}

static void spend(uint32_t *left, uint32_t cost)
{
    *left -= cost < *left ? cost : *left;
}

static enum fp_err count_messages(struct store *s, struct op_stats *stats, uint32_t *left)
{
    uint32_t count = 0;
    struct sql_call c = sql_call(s, SQL_STATS_MESSAGES);
    sql_int(&c, (int64_t)stats->at.message);
    sql_int(&c, *left);
    for (; sql_step(&c); count++) {
        stats->at.message = (uint64_t)sql_column_int(&c);
        stats->bytes += (uint64_t)sql_column_int(&c);
        int64_t arrival_ms = sql_column_int(&c);
        if (stats->messages++ == 0 || arrival_ms < stats->oldest_arrival_ms)
            stats->oldest_arrival_ms = arrival_ms;
    }
    stats->at.has_messages = count < *left;
    spend(left, count);
    return sql_end(&c);
}

static enum fp_err next_domain(struct store *s, enum recipient_state state, const char *after,
                               char **ret)
{
    struct sql_call c = sql_call(s, SQL_STATS_DOMAIN);
    sql_int(&c, state);
    sql_text(&c, after);
    *ret = sql_step(&c) ? sql_column_text(&c) : NULL;
    return sql_end(&c);
}

// The first domain behind the last one that has open or held recipients; none: all is counted.
static enum fp_err begin_domain(struct store *s, struct op_stats *stats)
{
    char *names[] = {[RECIPIENT_OPEN] = NULL, [RECIPIENT_HELD] = NULL};
    enum fp_err err = next_domain(s, RECIPIENT_OPEN, stats->at.row.domain, &names[RECIPIENT_OPEN]);
    if (!err)
        err = next_domain(s, RECIPIENT_HELD, stats->at.row.domain, &names[RECIPIENT_HELD]);
    bool is_held = !names[RECIPIENT_OPEN] ||
                   (names[RECIPIENT_HELD] && compare(slice_str(names[RECIPIENT_HELD]),
                                                     slice_str(names[RECIPIENT_OPEN])) < 0);
    free(stats->at.row.domain);
    stats->at.row = (struct op_stats_row){.domain = names[is_held]};
    free(names[!is_held]);
    stats->at.is_within = stats->at.row.domain != NULL;
    stats->is_done = !err && !stats->at.is_within;
    return err;
}

static void begin_state(struct op_stats *stats, enum recipient_state state)
{
    stats->at.state = state;
    stats->at.next_attempt_ms = INT64_MIN;
    stats->at.rcpt_message = stats->at.n = 0;
}

static void count_one(struct op_stats *stats, struct sql_call *c, const struct stats_ages *ages)
{
    stats->at.next_attempt_ms = sql_column_int(c);
    stats->at.rcpt_message = (uint64_t)sql_column_int(c);
    stats->at.n = (uint32_t)sql_column_int(c);
    bool was_tried = sql_column_int(c) > 0;
    if (stats->at.state == RECIPIENT_HELD)
        stats->held++;
    else if (was_tried)
        stats->deferred++;
    else
        stats->queued++;
    stats->at.row.by_age[age_of(ages, stats->at.rcpt_message)]++;
    stats->at.row.total++;
}

static void take_withheld(struct op_stats *stats, struct sql_call *c)
{
    size_t n;
    const char *why = sql_column_peek(c, &n);
    if (!slice_equal(slice_of(why, n), slice_str(stats->held_why)))
        return;
    stats->withheld = rows_grow(stats->withheld, stats->withheld_count, sizeof *stats->withheld);
    struct op_withheld *one = &stats->withheld[stats->withheld_count++];
    one->address = sql_column_pooled(c, &stats->texts);
    one->reply = sql_column_pooled(c, &stats->texts);
    one->host = sql_column_pooled(c, &stats->texts);
    one->at_ms = sql_column_int(c);
}

// Recipients of one domain and one state, as many as may be.
static enum fp_err count_some(struct store *s, struct op_stats *stats,
                              const struct stats_ages *ages, uint32_t *left)
{
    uint32_t count = 0;
    bool is_told = stats->held_why && stats->at.state == RECIPIENT_HELD;
    struct sql_call c = sql_call(s, is_told ? SQL_STATS_HELD : SQL_STATS_RECIPIENTS);
    sql_int(&c, stats->at.state);
    sql_text(&c, stats->at.row.domain);
    sql_int(&c, stats->at.next_attempt_ms);
    sql_int(&c, (int64_t)stats->at.rcpt_message);
    sql_int(&c, stats->at.n);
    sql_int(&c, *left);
    for (; sql_step(&c); count++) {
        count_one(stats, &c, ages);
        if (is_told)
            take_withheld(stats, &c);
    }
    enum fp_err err = sql_end(&c);
    bool is_end = count < *left;
    spend(left, count);
    if (err || !is_end)
        return err;
    if (stats->at.state == RECIPIENT_OPEN) {
        begin_state(stats, RECIPIENT_HELD);
    } else {
        keep_largest(stats, &stats->at.row);
        stats->at.is_within = false;
    }
    return FP_OK;
}

static enum fp_err count_recipients(struct store *s, struct op_stats *stats, uint32_t *left)
{
    struct stats_ages ages;
    enum fp_err err = FP_OK;
    ages_init(&ages, stats->now_ms);
    while (!err && !stats->is_done && *left > 0) {
        if (stats->at.is_within) {
            err = count_some(s, stats, &ages, left);
        } else {
            err = begin_domain(s, stats);
            begin_state(stats, RECIPIENT_OPEN);
            spend(left, DOMAIN_COST);
        }
    }
    return err;
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
    uint32_t left = stats->limit ? stats->limit : UINT32_MAX;
    enum fp_err err = FP_OK;
    if (!stats->rows)
        stats->rows = must_zalloc(((size_t)stats->domain_limit + 1) * sizeof *stats->rows);
    if (!stats->at.has_messages)
        err = count_messages(s, stats, &left);
    if (!err && left > 0)
        err = count_recipients(s, stats, &left);
    return err || !stats->is_done ? err : count_pages(s, stats);
}
