// SPDX-License-Identifier: BSD-2-Clause
// finish: how recipients and messages leave the queue. Whether a recipient was the last one is
// asked of the database, inside the transaction (W1).
#include "queue/sql_db.h"

#include <stdio.h>

void finish_host_text(const struct outcome *o, char text[FINISH_HOST_SIZE])
{
    if (o->ip[0])
        snprintf(text, FINISH_HOST_SIZE, "%s[%s]:%u", o->host, o->ip, o->port);
    else
        snprintf(text, FINISH_HOST_SIZE, "%s", o->host);
}

static enum fp_err finished_insert(struct store *s, const struct finish *f)
{
    char host[FINISH_HOST_SIZE];
    struct sql_call c = sql_call(s, SQL_FINISHED_INSERT);
    sql_int(&c, (int64_t)f->message);
    sql_int(&c, f->n);
    sql_int(&c, f->outcome);
    sql_int(&c, f->now_ms);
    sql_int(&c, f->is_attempt);
    sql_int(&c, f->said && f->said->in_doubt);
    if (f->said) {
        finish_host_text(f->said, host);
        sql_text(&c, f->said->status);
        sql_text(&c, f->said->text);
        sql_text(&c, host);
    } else {
        sql_null(&c);
        sql_null(&c);
        sql_null(&c);
    }
    sql_text(&c, f->reason);
    if (f->said)
        sql_int(&c, f->said->klass);
    else
        sql_null(&c);
    sql_int(&c, f->said ? f->said->stage : STAGE_NONE);
    sql_text(&c, f->said ? f->said->tls : "");
    return sql_run(&c);
}

enum fp_err finish_recipient(struct store *s, const struct finish *f, bool *ret_is_gone)
{
    enum fp_err err = finished_insert(s, f);
    if (err)
        return err;
    bool is_gone = sqlite3_changes(s->db) == 0;
    if (!is_gone) {
        struct sql_call c = sql_call(s, SQL_RECIPIENT_DELETE);
        sql_int(&c, (int64_t)f->message);
        sql_int(&c, f->n);
        err = sql_run(&c);
    }
    *ret_is_gone = is_gone;
    return err;
}

struct left {
    int64_t recipients;
    int64_t lowest_warned; // of the open ones; -1: none is open
    int64_t stored_warned; // likewise
};

static enum fp_err count_left(struct store *s, uint64_t message, struct left *ret)
{
    struct sql_call c = sql_call(s, SQL_RECIPIENTS_LEFT);
    sql_int(&c, (int64_t)message);
    if (sql_step(&c)) {
        ret->recipients = sql_column_int(&c);
        ret->lowest_warned = sql_column_is_null(&c) ? (c.at++, -1) : sql_column_int(&c);
        ret->stored_warned = sql_column_is_null(&c) ? -1 : sql_column_int(&c);
    }
    return sql_end(&c);
}

// The index on `warned` is left alone unless the value is another one: SQLite would take its entry
// out and put the same one back.
static enum fp_err touch(struct store *s, uint64_t message, bool keeps_version,
                         const struct left *left)
{
    bool keeps_warned = left->lowest_warned == left->stored_warned;
    if (keeps_warned && keeps_version)
        return FP_OK;
    if (keeps_warned)
        return sql_run_id(s, SQL_MESSAGE_TOUCH, (int64_t)message);
    struct sql_call c = sql_call(s, SQL_MESSAGE_TOUCH_WARNED);
    sql_int(&c, (int64_t)message);
    if (left->lowest_warned < 0)
        sql_null(&c);
    else
        sql_int(&c, left->lowest_warned);
    sql_int(&c, !keeps_version);
    return sql_run(&c);
}

enum fp_err finish_message(struct store *s, uint64_t message, bool keeps_version,
                           bool *ret_is_removed)
{
    struct left left = {0};
    enum fp_err err = count_left(s, message, &left);
    if (err)
        return err;
    *ret_is_removed = left.recipients == 0;
    if (left.recipients > 0)
        return touch(s, message, keeps_version, &left);
    err = body_delete(s, message);
    return err ? err : sql_run_id(s, SQL_MESSAGE_DELETE, (int64_t)message);
}
