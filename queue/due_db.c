// SPDX-License-Identifier: BSD-2-Clause
// due: what the scheduler reads: domains with open mail, due recipients of one domain in due order,
// and messages of certain ages. Reading claims nothing and writes nothing.
#include "queue/sql_db.h"

#include "core/must.h"
#include "core/time.h"

#include <stdlib.h>

enum { WALK_MAX = 10000 }; // index entries in one reading: some milliseconds

// The index is jumped through from domain to domain: a million recipients of ten domains cost ten
// look-ups. The first entry of a domain is its earliest.
static bool next_domain(struct store *s, const char *after, struct op_domain_row *ret,
                        enum fp_err *ret_err)
{
    struct sql_call c = sql_call(s, SQL_DOMAIN_NEXT);
    sql_text(&c, after);
    bool is_found = sql_step(&c);
    if (is_found) {
        ret->domain = sql_column_text(&c);
        ret->next_attempt_ms = sql_column_int(&c);
    }
    *ret_err = sql_end(&c);
    return is_found;
}

enum fp_err domains_run(struct store *s, struct op *op)
{
    struct op_domains *domains = &op->domains;
    const char *after = domains->after;
    enum fp_err err = FP_OK;
    domains->rows = must_zalloc(domains->limit * sizeof *domains->rows);
    while (domains->row_count < domains->limit) {
        struct op_domain_row *row = &domains->rows[domains->row_count];
        if (!next_domain(s, after, row, &err)) {
            domains->is_done = !err;
            break;
        }
        after = row->domain;
        domains->row_count++;
    }
    return err;
}

static enum fp_err get_next_due(struct store *s, struct op_due *due)
{
    struct sql_call c = sql_call(s, SQL_DUE_NEXT);
    sql_text(&c, due->domain);
    sql_int(&c, due->horizon_ms);
    enum fp_err err = sql_get_int(&c, TIME_NEVER, &due->next_due_ms);
    if (err || due->attempted_before_ms == INT64_MAX)
        return err;
    // A flush leaves out what was tried since: that is still to come, at its own time.
    int64_t skipped = TIME_NEVER;
    c = sql_call(s, SQL_DUE_SKIPPED);
    sql_text(&c, due->domain);
    sql_int(&c, due->horizon_ms);
    sql_int(&c, due->attempted_before_ms);
    err = sql_get_int(&c, TIME_NEVER, &skipped);
    if (!err && skipped < due->next_due_ms)
        due->next_due_ms = skipped;
    return err;
}

static enum fp_err add_due(struct store *s, struct rows *rows, struct sql_call *c)
{
    uint64_t message = (uint64_t)sql_column_int(c);
    c->at = 0; // rows_add_recipient reads it again
    enum fp_err err = FP_OK;
    if (rows->count == 0 || rows->items[rows->count - 1].message.id != message)
        err = rows_add_message(s, rows, message);
    if (err)
        return err == FP_NOT_FOUND ? FP_CORRUPT : err; // a recipient without its message
    rows_add_recipient(rows, c);
    return FP_OK;
}

static enum fp_err read_due(struct store *s, struct op_due *due, struct rows *rows)
{
    struct sql_call c = sql_call(s, SQL_DUE_PAGE);
    sql_text(&c, due->domain);
    sql_int(&c, due->after_ms);
    sql_int(&c, (int64_t)due->after_message);
    sql_int(&c, due->after_n);
    sql_int(&c, due->horizon_ms);
    sql_int(&c, due->attempted_before_ms);
    sql_int(&c, (int64_t)due->limit + 1); // one more, to see whether there is more
    enum fp_err err = FP_OK;
    due->is_done = true;
    while (!err && sql_step(&c)) {
        due->is_done = rows->rcpt_count < due->limit;
        if (!due->is_done)
            break;
        err = add_due(s, rows, &c);
    }
    enum fp_err end = sql_end(&c);
    return err ? err : end;
}

// NULL: not one of those that are told apart.
static struct due_sender *find_sender(struct due_sharing *sharing, uint32_t key, int32_t priority)
{
    for (uint32_t i = 0; i < sharing->count; i++)
        if (sharing->senders[i].sender == key && sharing->senders[i].priority == priority)
            return &sharing->senders[i];
    if (sharing->is_only || sharing->count == DUE_SENDERS_MAX)
        return NULL;
    struct due_sender *added = &sharing->senders[sharing->count++];
    *added = (struct due_sender){key, priority, sharing->left_each, DUE_END};
    return added;
}

static void pass_over(struct due_sender *sender, struct due_key key)
{
    struct due_key before = due_before(key);
    if (due_is_before(&before, &sender->from))
        sender->from = before;
}

static enum fp_err add_one(struct store *s, struct rows *rows, const struct due_key *key)
{
    struct sql_call c = sql_call(s, SQL_RECIPIENT_GET);
    sql_int(&c, (int64_t)key->message);
    sql_int(&c, key->n);
    enum fp_err err = sql_step(&c) ? add_due(s, rows, &c) : FP_OK;
    enum fp_err end = sql_end(&c);
    return err ? err : end;
}

struct due_entry { // of the index
    struct due_key key;
    uint32_t sender;
    int32_t priority;
};

static bool next_entry(struct sql_call *walk, struct due_entry *ret)
{
    if (!sql_step(walk))
        return false;
    ret->key.ms = sql_column_int(walk);
    ret->key.message = (uint64_t)sql_column_int(walk);
    ret->key.n = (uint32_t)sql_column_int(walk);
    ret->sender = (uint32_t)sql_column_int(walk);
    ret->priority = (int32_t)sql_column_int(walk);
    return true;
}

// Takes it, passes it over, or, when the page is full, leaves it for the next one: is_done is false
// then.
static enum fp_err look_at(struct store *s, struct op_due *due, const struct due_entry *entry,
                           struct rows *rows)
{
    struct due_sender *sender = find_sender(due->sharing, entry->sender, entry->priority);
    bool is_taken = sender ? sender->left > 0 : !due->sharing->is_only;
    due->is_done = !is_taken || rows->rcpt_count < due->limit;
    if (!due->is_done)
        return FP_OK;
    due->last = entry->key;
    if (!is_taken && sender)
        pass_over(sender, entry->key);
    if (!is_taken)
        return FP_OK;
    if (sender)
        sender->left--;
    return add_one(s, rows, &entry->key);
}

static bool is_within(const struct due_sharing *sharing, const struct due_key *key)
{
    return !sharing->is_only || !due_is_before(&sharing->until, key);
}

static enum fp_err read_shared(struct store *s, struct op_due *due, struct rows *rows)
{
    struct sql_call c = sql_call(s, SQL_DUE_WALK);
    struct due_entry entry;
    enum fp_err err = FP_OK;
    sql_text(&c, due->domain);
    sql_int(&c, due->after_ms);
    sql_int(&c, (int64_t)due->after_message);
    sql_int(&c, due->after_n);
    sql_int(&c, due->horizon_ms);
    due->is_done = true;
    due->last = (struct due_key){due->after_ms, due->after_message, due->after_n};
    for (uint32_t walked = 0; !err && due->is_done && next_entry(&c, &entry); walked++) {
        if (!is_within(due->sharing, &entry.key))
            break;
        due->is_done = walked < WALK_MAX;
        if (due->is_done)
            err = look_at(s, due, &entry, rows);
    }
    enum fp_err end = sql_end(&c);
    return err ? err : end;
}

enum fp_err due_run(struct store *s, struct op *op)
{
    struct op_due *due = &op->due;
    struct rows rows = {0};
    enum fp_err err = due->sharing ? read_shared(s, due, &rows) : read_due(s, due, &rows);
    due->rows = rows.items;
    due->row_count = rows.count;
    due->rcpt_count = rows.rcpt_count;
    due->next_due_ms = TIME_NEVER;
    return err || !due->is_done ? err : get_next_due(s, due);
}

// The recipients of a message, as many as there is room for; when it has more, the next page begins
// with the first of those.
static enum fp_err add_overdue(struct store *s, struct op_overdue *overdue, struct rows *rows)
{
    enum fp_err err = rows_add_message(s, rows, overdue->from_id);
    if (err)
        return err;
    struct sql_call c = sql_call(s, SQL_RECIPIENTS_FROM);
    sql_int(&c, (int64_t)overdue->from_id);
    sql_int(&c, overdue->from_n);
    sql_int(&c, (int64_t)(overdue->limit - rows->rcpt_count) + 1); // one more, to see whether
    bool is_whole = true;
    while (is_whole && sql_step(&c)) {
        is_whole = rows->rcpt_count < overdue->limit;
        if (is_whole)
            rows_add_recipient(rows, &c);
    }
    if (is_whole) {
        overdue->from_id++;
        overdue->from_n = 0;
    } else {
        const struct op_row *row = &rows->items[rows->count - 1];
        overdue->from_n = row->rcpts[row->rcpt_count - 1].n + 1;
    }
    overdue->is_done = is_whole;
    return sql_end(&c);
}

// Messages of one span, from where the page before has ended.
static enum fp_err read_overdue(struct store *s, struct op_overdue *overdue,
                                const struct span *span, struct rows *rows)
{
    bool is_within = overdue->from_ms >= span->first_ms;
    struct sql_call c = sql_call(s, SQL_OVERDUE_PAGE);
    sql_int(&c, overdue->level);
    sql_int(&c, is_within ? overdue->from_ms : span->first_ms);
    sql_int(&c, is_within ? (int64_t)overdue->from_id : 0);
    sql_int(&c, span->last_ms);
    enum fp_err err = FP_OK;
    while (!err && overdue->is_done && sql_step(&c)) {
        int64_t arrival_ms = sql_column_int(&c);
        uint64_t id = (uint64_t)sql_column_int(&c);
        if (arrival_ms != overdue->from_ms || id != overdue->from_id)
            overdue->from_n = 0;
        overdue->from_ms = arrival_ms;
        overdue->from_id = id;
        overdue->is_done = rows->rcpt_count < overdue->limit;
        if (overdue->is_done)
            err = add_overdue(s, overdue, rows);
    }
    enum fp_err end = sql_end(&c);
    return err ? err : end;
}

static enum fp_err find_next_level(struct store *s, struct op_overdue *overdue)
{
    int64_t level = UINT32_MAX;
    struct sql_call c = sql_call(s, SQL_LEVEL_NEXT);
    sql_int(&c, overdue->level);
    enum fp_err err = sql_get_int(&c, UINT32_MAX, &level);
    overdue->next_level = (uint32_t)level;
    return err;
}

static enum fp_err add_deliver_by(struct store *s, struct op_overdue *overdue)
{
    struct sql_call c = sql_call(s, SQL_DELIVER_BY);
    sql_int(&c, overdue->by_from_ms);
    sql_int(&c, overdue->by_until_ms);
    while (sql_step(&c)) {
        int64_t arrival_ms = sql_column_int(&c);
        spans_add(&overdue->by, arrival_ms, arrival_ms);
    }
    spans_add_all(&overdue->spans, &overdue->by);
    return sql_end(&c);
}

enum fp_err overdue_run(struct store *s, struct op *op)
{
    struct op_overdue *overdue = &op->overdue;
    struct rows rows = {0};
    enum fp_err err = FP_OK;
    overdue->is_done = true;
    if (overdue->by_until_ms != 0)
        err = add_deliver_by(s, overdue);
    for (uint32_t i = 0; i < overdue->spans.count && !err && overdue->is_done; i++)
        if (overdue->spans.items[i].last_ms >= overdue->from_ms)
            err = read_overdue(s, overdue, &overdue->spans.items[i], &rows);
    overdue->rows = rows.items;
    overdue->row_count = rows.count;
    return err || !overdue->is_done ? err : find_next_level(s, overdue);
}
