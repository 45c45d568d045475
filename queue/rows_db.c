// SPDX-License-Identifier: BSD-2-Clause
// rows: messages and recipients as they come out of their tables.
#include "queue/sql_db.h"

#include "core/must.h"

void *rows_grow(void *items, uint32_t count, size_t size)
{
    bool is_full = (count & (count - 1)) == 0; // room doubles whenever the count is a power of two
    return is_full ? must_realloc(items, (count ? (size_t)count * 2 : 1) * size) : items;
}

static struct op_row *add_row(struct rows *rows)
{
    rows->items = rows_grow(rows->items, rows->count, sizeof *rows->items);
    struct op_row *row = &rows->items[rows->count++];
    *row = (struct op_row){0};
    return row;
}

// NULL where there is none, as nearly always.
static char *read_rare(struct sql_call *c, struct pool *pool)
{
    size_t n;
    const char *p = sql_column_peek(c, &n);
    return n == 0 ? NULL : pool ? pool_add(pool, p, n) : must_memdup(p, n);
}

static void read_message(struct message *m, struct sql_call *c, struct pool *pool)
{
    m->id = (uint64_t)sql_column_int(c);
    m->version = (uint32_t)sql_column_int(c);
    m->arrival_ms = sql_column_int(c);
    m->size = (uint64_t)sql_column_int(c);
    m->kind = (enum message_kind)sql_column_int(c);
    m->is_8bit = sql_column_int(c) != 0;
    m->traits = (uint8_t)sql_column_int(c);
    m->uid = sql_column_int(c);
    m->priority = (int8_t)sql_column_int(c);
    m->ret = (enum dsn_ret)sql_column_int(c);
    m->deliver_by_ms = sql_column_int(c);
    m->envid = read_rare(c, pool);
    m->sender = sql_column_pooled(c, pool);
}

enum fp_err rows_add_message(struct store *s, struct rows *rows, uint64_t id)
{
    struct sql_call c = sql_call(s, SQL_MESSAGE_GET);
    sql_int(&c, (int64_t)id);
    bool is_found = sql_step(&c);
    if (is_found)
        read_message(&add_row(rows)->message, &c, NULL);
    enum fp_err err = sql_end(&c);
    return err ? err : is_found ? FP_OK : FP_NOT_FOUND;
}

static void read_recipient(struct recipient *r, struct sql_call *c, struct pool *pool)
{
    r->message = (uint64_t)sql_column_int(c);
    r->n = (uint32_t)sql_column_int(c);
    r->state = (enum recipient_state)sql_column_int(c);
    r->attempts = (uint32_t)sql_column_int(c);
    r->warned = (uint32_t)sql_column_int(c);
    r->next_attempt_ms = sql_column_int(c);
    r->last_attempt_ms = sql_column_int(c);
    r->last_class = (uint8_t)sql_column_int(c);
    r->in_doubt = sql_column_int(c) != 0;
    r->sender_key = (uint32_t)sql_column_int(c);
    r->address = sql_column_pooled(c, pool);
    r->domain = sql_column_pooled(c, pool);
    r->last_status = sql_column_pooled(c, pool);
    r->last_reply = sql_column_pooled(c, pool);
    r->last_host = sql_column_pooled(c, pool);
    r->held_why = sql_column_pooled(c, pool);
    r->notify = (uint8_t)sql_column_int(c);
    r->orcpt = read_rare(c, pool);
}

void rows_add_recipient(struct rows *rows, struct sql_call *c)
{
    must(rows->count > 0);
    struct op_row *row = &rows->items[rows->count - 1];
    row->rcpts = rows_grow(row->rcpts, row->rcpt_count, sizeof *row->rcpts);
    read_recipient(&row->rcpts[row->rcpt_count++], c, NULL);
    rows->rcpt_count++;
}

enum fp_err rows_add_all_recipients(struct store *s, struct rows *rows, uint64_t id)
{
    struct sql_call c = sql_call(s, SQL_RECIPIENTS_OF);
    sql_int(&c, (int64_t)id);
    while (sql_step(&c))
        rows_add_recipient(rows, &c);
    return sql_end(&c);
}

enum { MESSAGE_COLUMN_COUNT = 13 };

static bool is_on_page(const struct op_page *page, uint64_t message)
{
    return page->row_count > 0 && page->rows[page->row_count - 1].message.id == message;
}

void page_add(struct op_page *page, struct sql_call *c)
{
    uint64_t message = (uint64_t)sql_column_int(c);
    c->at = 0;
    if (!is_on_page(page, message)) {
        page->rows = rows_grow(page->rows, page->row_count, sizeof *page->rows);
        struct op_row *row = &page->rows[page->row_count++];
        *row = (struct op_row){0};
        read_message(&row->message, c, &page->texts);
    }
    c->at = MESSAGE_COLUMN_COUNT;
    page->rcpts = rows_grow(page->rcpts, page->rcpt_count, sizeof *page->rcpts);
    read_recipient(&page->rcpts[page->rcpt_count++], c, &page->texts);
    page->rows[page->row_count - 1].rcpt_count++;
}

// Only now do the recipients stay where they are.
void page_end(struct op_page *page)
{
    struct recipient *next = page->rcpts;
    for (uint32_t i = 0; i < page->row_count; i++) {
        page->rows[i].rcpts = next;
        next += page->rows[i].rcpt_count;
    }
}
