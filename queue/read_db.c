// SPDX-License-Identifier: BSD-2-Clause
// read: one message, and one chunk of a body.
#include "queue/sql_db.h"

#include "core/must.h"

static enum fp_err count_chunks(struct store *s, uint64_t message, uint32_t *ret)
{
    struct sql_call c = sql_call(s, SQL_CHUNK_LAST);
    sql_int(&c, (int64_t)message);
    int64_t last = -1;
    enum fp_err err = sql_get_int(&c, -1, &last);
    if (!err)
        *ret = (uint32_t)(last + 1);
    return err;
}

enum fp_err read_run(struct store *s, struct op *op)
{
    struct op_read *read = &op->read;
    struct rows rows = {0};
    enum fp_err err = rows_add_message(s, &rows, read->message);
    if (!err)
        err = rows_add_all_recipients(s, &rows, read->message);
    if (!err)
        err = count_chunks(s, read->message, &read->chunk_count);
    if (err)
        op_rows_free(rows.items, rows.count);
    else
        read->row = rows.items;
    return err;
}

enum fp_err chunk_run(struct store *s, struct op *op)
{
    struct op_chunk *chunk = &op->chunk;
    if (chunk->chunk >= MESSAGE_CHUNKS_MAX)
        return FP_NOT_FOUND;
    struct sql_call c = sql_call(s, SQL_CHUNK_GET);
    sql_int(&c, (int64_t)(chunk->message << 12 | chunk->chunk));
    bool is_found = sql_step(&c);
    if (is_found) {
        size_t size;
        const char *p = sql_column_peek(&c, &size);
        size_t from = chunk->offset < size ? chunk->offset : size;
        bool is_part = chunk->size_max > 0 && size - from > chunk->size_max;
        chunk->size = is_part ? chunk->size_max : size - from;
        chunk->is_end = !is_part;
        chunk->data = must_memdup(p + from, chunk->size);
    }
    enum fp_err err = sql_end(&c);
    return err ? err : is_found ? FP_OK : FP_NOT_FOUND;
}
