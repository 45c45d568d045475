// SPDX-License-Identifier: BSD-2-Clause
// accept: new entries and their bodies: append, accept (P1), discard.
//
// A body's full chunks may come before their entry; a row in `incoming` marks them until the entry
// seals them, so that what was never sealed can be told from what was.
#include "queue/sql_db.h"

#include "core/must.h"
#include "core/sender_key.h"
#include "queue/ids.h"

enum fp_err id_mark_store(struct store *s, uint64_t mark)
{
    struct sql_call c = sql_call(s, SQL_META_PUT);
    sql_text(&c, "id_high_water");
    sql_int(&c, (int64_t)mark);
    enum fp_err err = sql_run(&c);
    if (!err)
        s->id_mark = mark;
    return err;
}

// Ids that are told to clients without a transaction of their own are kept out of the way of later
// starts beforehand; at a clean end the mark comes back to what was used.
enum fp_err reserve_run(struct store *s, struct op *op)
{
    uint64_t mark = op->reserve.id_mark;
    must(mark > 0 && mark >> 48 == 0);
    return mark == s->id_mark ? FP_OK : id_mark_store(s, mark);
}

// The transaction that first uses an id at or beyond the mark raises it, by a block, so that a
// restart begins above every id that was ever told to anybody.
static enum fp_err id_note(struct store *s, uint64_t id)
{
    must(id > 0 && id >> 48 == 0);
    return id < s->id_mark ? FP_OK : id_mark_store(s, id + IDS_BLOCK);
}

static enum fp_err chunk_insert(struct store *s, uint64_t message, uint32_t chunk, const char *data,
                                size_t size)
{
    must(size <= MESSAGE_CHUNK_MAX && chunk < MESSAGE_CHUNKS_MAX);
    struct sql_call c = sql_call(s, SQL_CHUNK_INSERT);
    sql_int(&c, (int64_t)(message << 12 | chunk));
    sql_blob(&c, data, size);
    return sql_run(&c);
}

enum fp_err append_run(struct store *s, struct op *op)
{
    const struct op_append *a = &op->append;
    if (a->chunk >= MESSAGE_CHUNKS_MAX)
        return FP_TOO_BIG;
    enum fp_err err = id_note(s, a->message);
    if (!err)
        err = sql_run_id(s, SQL_INCOMING_INSERT, (int64_t)a->message);
    return err ? err : chunk_insert(s, a->message, a->chunk, a->data, a->size);
}

static bool lowest_warned(const struct entry *e, uint32_t *ret)
{
    bool has_open = false;
    for (uint32_t i = 0; i < e->rcpt_count; i++) {
        const struct recipient *r = &e->rcpts[i];
        if (r->state == RECIPIENT_OPEN && (!has_open || r->warned < *ret)) {
            *ret = r->warned;
            has_open = true;
        }
    }
    return has_open;
}

static enum fp_err message_insert(struct store *s, const struct entry *e)
{
    const struct message *m = &e->message;
    uint32_t warned = 0;
    struct sql_call c = sql_call(s, SQL_MESSAGE_INSERT);
    sql_int(&c, (int64_t)m->id);
    sql_int(&c, MESSAGE_VERSION_FIRST);
    sql_int(&c, m->arrival_ms);
    sql_int(&c, (int64_t)m->size);
    sql_int(&c, m->kind);
    sql_int(&c, m->is_8bit);
    sql_int(&c, m->uid);
    if (lowest_warned(e, &warned))
        sql_int(&c, warned);
    else
        sql_null(&c);
    sql_text(&c, m->sender);
    sql_int(&c, m->priority);
    sql_int(&c, m->ret);
    sql_text(&c, m->envid);
    sql_int(&c, m->traits);
    sql_int(&c, m->deliver_by_ms);
    return sql_run(&c);
}

static enum fp_err recipient_insert(struct store *s, const struct message *m, uint32_t sender_key,
                                    const struct recipient *r)
{
    struct sql_call c = sql_call(s, SQL_RECIPIENT_INSERT);
    sql_int(&c, (int64_t)m->id);
    sql_int(&c, r->n);
    sql_int(&c, r->state);
    sql_text(&c, r->domain);
    sql_int(&c, r->next_attempt_ms);
    sql_int(&c, r->warned);
    sql_text(&c, r->address);
    sql_int(&c, m->priority);
    sql_int(&c, sender_key);
    sql_int(&c, r->notify);
    sql_text(&c, r->orcpt);
    return sql_run(&c);
}

// Are the chunks that came before still all there? (They are not when an append failed.)
static enum fp_err chunks_check(struct store *s, const struct entry *e)
{
    if (e->chunks_before == 0)
        return FP_OK;
    struct sql_call c = sql_call(s, SQL_CHUNK_COUNT);
    sql_int(&c, (int64_t)e->message.id);
    int64_t count = 0;
    enum fp_err err = sql_get_int(&c, 0, &count);
    return !err && count != e->chunks_before ? FP_INVALID : err;
}

// The entry learns its version: it goes to delivery from memory, and its first outcomes, settled
// with another version than the spool's, would be taken for a conflict and read and settled again.
enum fp_err entry_insert(struct store *s, struct entry *e)
{
    const uint64_t id = e->message.id;
    must(e->rcpt_count > 0);
    enum fp_err err = id_note(s, id);
    if (!err && e->chunks_before > 0)
        err = sql_run_id(s, SQL_INCOMING_DELETE, (int64_t)id);
    if (!err)
        err = message_insert(s, e);
    uint32_t key = sender_key(slice_str(e->message.sender));
    for (uint32_t i = 0; i < e->rcpt_count && !err; i++)
        err = recipient_insert(s, &e->message, key, &e->rcpts[i]);
    if (!err && e->tail_size > 0)
        err = chunk_insert(s, id, e->chunks_before, e->tail, e->tail_size);
    if (!err)
        e->message.version = MESSAGE_VERSION_FIRST;
    return err;
}

enum fp_err accept_run(struct store *s, struct op *op)
{
    struct entry *e = op->accept.entry;
    if (e->chunks_before + (e->tail_size > 0) > MESSAGE_CHUNKS_MAX)
        return FP_TOO_BIG;
    enum fp_err err = chunks_check(s, e);
    return err ? err : entry_insert(s, e);
}

enum fp_err body_delete(struct store *s, uint64_t message)
{
    return sql_run_id(s, SQL_CHUNK_DELETE_ALL, (int64_t)message);
}

// Only what `incoming` knows: a discard that comes too late must never reach a sealed body.
enum fp_err discard_run(struct store *s, struct op *op)
{
    enum fp_err err = sql_run_id(s, SQL_INCOMING_DELETE, (int64_t)op->discard.message);
    if (!err && sqlite3_changes(s->db) == 0)
        return FP_NOT_FOUND;
    return err ? err : body_delete(s, op->discard.message);
}

static enum fp_err incoming_first(struct store *s, int64_t *ret)
{
    struct sql_call c = sql_call(s, SQL_INCOMING_FIRST);
    return sql_get_int(&c, 0, ret);
}

enum fp_err incoming_discard_all(struct store *s, uint32_t *ret_count)
{
    uint32_t count = 0;
    for (;; count++) {
        int64_t id = 0;
        enum fp_err err = incoming_first(s, &id);
        if (!err && id != 0)
            err = body_delete(s, (uint64_t)id);
        if (!err && id != 0)
            err = sql_run_id(s, SQL_INCOMING_DELETE, id);
        if (err)
            return err;
        if (id == 0)
            break;
    }
    *ret_count = count;
    return FP_OK;
}
