// SPDX-License-Identifier: BSD-2-Clause
// change: an operator's hold, release, remove, requeue and "due now", one page at a time.
//
// The page is read to the end first, then changed exactly as read: what --dry-run shows is what the
// verb does, and no cursor runs over a table that changes under it. Every change raises the
// message's version, so that an attempt under way comes back as a conflict and is computed again
// from what is there then (W5).
#include "queue/sql_db.h"

#include "core/must.h"

#include <stdlib.h>

static const struct {
    const char *condition; // which recipients the verb can do anything for
    enum sql_id sql;
    enum { NOTHING, TIME, REASON } takes;
} verbs[] = {
    [CHANGE_HOLD] = {" AND +r.state = 0", SQL_RECIPIENT_HOLD, REASON},
    [CHANGE_RELEASE] = {" AND +r.state = 1", SQL_RECIPIENT_RELEASE, TIME},
    [CHANGE_REMOVE] = {"", SQL_COUNT, NOTHING}, // by finish_recipient
    [CHANGE_REQUEUE] = {"", SQL_RECIPIENT_REQUEUE, TIME},
    [CHANGE_DUE] = {" AND +r.state = 0", SQL_RECIPIENT_DUE, TIME},
};

enum { CHANGE_MESSAGES_MAX = 1000 };

static void add_row(struct op_change *change, const struct recipient *r)
{
    change->rows = rows_grow(change->rows, change->row_count, sizeof *change->rows);
    change->rows[change->row_count++] = (struct op_change_row){
        .message = r->message,
        .n = r->n,
        .state = r->state,
        .domain = must_strdup(r->domain),
        .address = must_strdup(r->address),
    };
}

static enum fp_err apply_one(struct store *s, const struct op_change *change,
                             const struct op_change_row *row)
{
    if (change->verb == CHANGE_REMOVE) {
        struct finish f = {
            .message = row->message,
            .n = row->n,
            .outcome = FINISHED_REMOVED,
            .now_ms = change->now_ms,
            .reason = change->reason,
        };
        bool is_gone;
        return finish_recipient(s, &f, &is_gone);
    }
    bool is_mark = change->verb == CHANGE_DUE && change->mark;
    struct sql_call c = sql_call(s, is_mark ? SQL_RECIPIENT_MARK : verbs[change->verb].sql);
    sql_int(&c, (int64_t)row->message);
    sql_int(&c, row->n);
    if (is_mark)
        sql_int(&c, change->mark);
    else if (verbs[change->verb].takes == TIME)
        sql_int(&c, change->now_ms);
    else if (verbs[change->verb].takes == REASON)
        sql_text(&c, change->reason);
    return sql_run(&c);
}

static enum fp_err change_message(struct store *s, struct op_change *change,
                                  const struct op_row *message)
{
    enum fp_err err = FP_OK;
    uint32_t first = change->row_count;
    for (uint32_t i = 0; i < message->rcpt_count; i++)
        add_row(change, &message->rcpts[i]);
    change->message_count++;
    if (change->dry_run)
        return FP_OK;
    for (uint32_t i = first; i < change->row_count && !err; i++)
        err = apply_one(s, change, &change->rows[i]);
    bool is_removed = false;
    if (!err)
        err = finish_message(s, message->message.id, false, &is_removed);
    change->rows[change->row_count - 1].is_last = is_removed;
    return err;
}

static void forget_answer(struct op_change *change) // of a run that was rolled back
{
    for (uint32_t i = 0; i < change->row_count; i++) {
        free(change->rows[i].domain);
        free(change->rows[i].address);
    }
    free(change->rows);
    change->rows = NULL;
    change->row_count = change->message_count = 0;
    change->last = change->after;
    change->is_done = false;
}

// Only the daemon knows what is under way. Leaving the term out would change far more than was
// asked for, so such a filter has to be turned into ids before it comes here.
static bool asks_for_active(const struct filter *filter)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter->terms[i].key == FILTER_STATE && filter->terms[i].number == FILTER_ACTIVE)
            return true;
    return false;
}

static enum fp_err run_page(struct store *s, struct op_change *change, struct op_page *page)
{
    struct filter_options o = {
        .filter = &change->filter,
        .extra = verbs[change->verb].condition,
        .now_ms = change->now_ms,
        .uid = change->uid,
        .after = change->after,
        .limit = change->limit < CHANGE_MESSAGES_MAX ? change->limit : CHANGE_MESSAGES_MAX,
    };
    enum fp_err err = filter_read(s, &o, page, &change->last, &change->is_done);
    for (uint32_t i = 0; i < page->row_count && !err; i++)
        err = change_message(s, change, &page->rows[i]);
    return err;
}

enum fp_err change_run(struct store *s, struct op *op)
{
    struct op_change *change = &op->change;
    struct op_page page = {0};
    must((size_t)change->verb < sizeof verbs / sizeof *verbs);
    forget_answer(change);
    if (asks_for_active(&change->filter))
        return FP_INVALID;
    enum fp_err err = run_page(s, change, &page);
    op_page_close(&page);
    return err;
}
