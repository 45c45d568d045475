// SPDX-License-Identifier: BSD-2-Clause
// list: the queue for people, a page at a time, each page in a transaction of its own: a long one
// would keep the log from shrinking (3 s under load: 781 MB).
#include "queue/sql_db.h"

enum { LIST_MESSAGES_MAX = 1000, LIST_RECIPIENTS_MAX = 10000 };

static enum fp_err read_page(struct store *s, struct filter_page *page, struct rows *rows,
                             uint32_t *ret_done)
{
    enum fp_err err = FP_OK;
    uint32_t i = 0;
    for (; i < page->count && !err && rows->rcpt_count < LIST_RECIPIENTS_MAX; i++) {
        err = rows_add_message(s, rows, page->ids[i]);
        if (!err)
            err = filter_page_recipients(page, page->ids[i], rows);
    }
    *ret_done = i;
    return err;
}

enum fp_err list_run(struct store *s, struct op *op)
{
    struct op_list *list = &op->list;
    struct rows rows = {0};
    uint32_t done;
    struct filter_page page;
    enum fp_err err = filter_page_open(
        s,
        &(struct filter_page_options){
            .filter = &list->filter,
            .extra = "",
            .now_ms = list->now_ms,
            .uid = list->uid,
            .after = list->after,
            .limit = list->limit < LIST_MESSAGES_MAX ? list->limit : LIST_MESSAGES_MAX,
        },
        &page);
    if (err)
        return err;
    err = read_page(s, &page, &rows, &done);
    if (!err)
        filter_page_end(&page, done, &list->last, &list->is_done);
    list->rows = rows.items;
    list->row_count = rows.count;
    filter_page_close(&page);
    return err;
}
