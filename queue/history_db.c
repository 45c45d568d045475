// SPDX-License-Identifier: BSD-2-Clause
// history: what was tried for a message's recipients, and what became of them; and the same for all
// mail to an address.
//
// By message it is two look-ups. By address ends are looked at one by one, newest first, a page at
// a time: an index by address would cost every message a few microseconds of the writer, so that
// once a week somebody who asks waits a second less.
#include "queue/sql_db.h"

#include "core/address.h"
#include "core/slice.h"

static void read_attempt(struct sql_call *c, struct op_attempt *a, struct pool *texts)
{
    *a = (struct op_attempt){.n = (uint32_t)sql_column_int(c)};
    a->nr = (uint32_t)sql_column_int(c);
    a->at_ms = sql_column_int(c);
    a->ended_ms = sql_column_int(c);
    a->next_ms = sql_column_int(c);
    a->klass = (uint8_t)sql_column_int(c);
    a->scope = (uint8_t)sql_column_int(c);
    a->stage = (uint8_t)sql_column_int(c);
    a->in_doubt = sql_column_int(c) != 0;
    a->status = sql_column_pooled(c, texts);
    a->reply = sql_column_pooled(c, texts);
    a->host = sql_column_pooled(c, texts);
    a->tls = sql_column_pooled(c, texts);
    a->rule = sql_column_pooled(c, texts);
}

static void read_key(struct sql_call *c, struct op_end *e)
{
    *e = (struct op_end){.message = (uint64_t)sql_column_int(c)};
    e->n = (uint32_t)sql_column_int(c);
    e->outcome = (enum finished_outcome)sql_column_int(c);
    e->arrival_ms = sql_column_int(c);
    e->at_ms = sql_column_int(c);
    e->uid = sql_column_int(c);
    e->attempts = (uint32_t)sql_column_int(c);
    e->klass = (uint8_t)sql_column_int(c);
    e->stage = (uint8_t)sql_column_int(c);
    e->in_doubt = sql_column_int(c) != 0;
}

static void read_texts(struct sql_call *c, struct op_end *e, struct pool *texts)
{
    e->sender = sql_column_pooled(c, texts);
    e->address = sql_column_pooled(c, texts);
    e->status = sql_column_pooled(c, texts);
    e->reply = sql_column_pooled(c, texts);
    e->host = sql_column_pooled(c, texts);
    e->tls = sql_column_pooled(c, texts);
    e->reason = sql_column_pooled(c, texts);
}

static struct sql_call call_range(struct store *s, enum sql_id id, const struct op_history *h)
{
    struct sql_call c = sql_call(s, id);
    sql_int(&c, (int64_t)h->message);
    sql_int(&c, h->from_n);
    sql_int(&c, (int64_t)h->from_n + h->count - 1);
    return c;
}

static enum fp_err read_attempts(struct store *s, struct op_history *h)
{
    struct sql_call c = call_range(s, SQL_ATTEMPTS_OF, h);
    while (sql_step(&c)) {
        h->attempts = rows_grow(h->attempts, h->attempt_count, sizeof *h->attempts);
        read_attempt(&c, &h->attempts[h->attempt_count++], &h->texts);
    }
    return sql_end(&c);
}

static enum fp_err read_ends(struct store *s, struct op_history *h)
{
    struct sql_call c = call_range(s, SQL_FINISHED_OF, h);
    while (sql_step(&c)) {
        h->ends = rows_grow(h->ends, h->end_count, sizeof *h->ends);
        struct op_end *e = &h->ends[h->end_count++];
        read_key(&c, e);
        read_texts(&c, e, &h->texts);
    }
    return sql_end(&c);
}

static enum fp_err read_last(struct store *s, struct op_history *h)
{
    int64_t last[2] = {-1, -1}; // in the queue, gone
    struct sql_call c = sql_call(s, SQL_HISTORY_LAST);
    sql_int(&c, (int64_t)h->message);
    for (int i = 0; i < 2 && sql_step(&c); i++)
        last[i] = sql_column_is_null(&c) ? -1 : sql_column_int(&c);
    int64_t end = (int64_t)h->from_n + h->count;
    h->is_done = last[0] < end && last[1] < end;
    return sql_end(&c);
}

static enum fp_err read_uid(struct store *s, struct op_history *h)
{
    struct sql_call c = sql_call(s, SQL_MESSAGE_UID);
    sql_int(&c, (int64_t)h->message);
    h->is_queued = sql_step(&c);
    h->uid = h->is_queued ? sql_column_int(&c) : -1;
    return sql_end(&c);
}

enum fp_err history_run(struct store *s, struct op *op)
{
    struct op_history *h = &op->history;
    enum fp_err err = read_attempts(s, h);
    if (!err)
        err = read_ends(s, h);
    if (!err)
        err = read_uid(s, h);
    return err ? err : read_last(s, h);
}

static bool is_meant(struct sql_call *c, const struct op_ended *ended, const struct op_end *e)
{
    enum { ADDRESS_COLUMN = 11 };
    size_t n;
    if (ended->uid >= 0 && e->uid != ended->uid)
        return false;
    int at = c->at;
    c->at = ADDRESS_COLUMN;
    const char *p = sql_column_peek(c, &n);
    c->at = at;
    struct slice address = slice_of(p, n);
    if (ended->domain)
        return e->outcome == FINISHED_DELIVERED &&
               slice_equal_nocase(address_domain(address), slice_str(ended->domain));
    return slice_equal_nocase(address, slice_str(ended->address));
}

enum fp_err ended_run(struct store *s, struct op *op)
{
    struct op_ended *ended = &op->ended;
    uint32_t looked = 0;
    struct sql_call c = sql_call(s, SQL_FINISHED_BEFORE);
    sql_int(&c, ended->at_ms);
    sql_int(&c, (int64_t)ended->at_message);
    sql_int(&c, ended->at_n);
    sql_int(&c, ended->limit);
    for (; ended->end_count < ended->max && sql_step(&c); looked++) {
        struct op_end e;
        read_key(&c, &e);
        ended->at_ms = e.at_ms;
        ended->at_message = e.message;
        ended->at_n = e.n;
        if (!is_meant(&c, ended, &e))
            continue;
        read_texts(&c, &e, &ended->texts);
        ended->ends = rows_grow(ended->ends, ended->end_count, sizeof *ended->ends);
        ended->ends[ended->end_count++] = e;
    }
    ended->is_done = ended->end_count < ended->max && looked < ended->limit;
    return sql_end(&c);
}
