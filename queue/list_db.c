// SPDX-License-Identifier: BSD-2-Clause
// list: the queue for people, a page at a time, each page in a transaction of its own: a long one
// would keep the log from shrinking (3 s under load: 781 MB).
#include "queue/sql_db.h"

enum { LIST_MESSAGES_MAX = 1000 };

enum fp_err list_run(struct store *s, struct op *op)
{
    struct op_list *list = &op->list;
    struct filter_options o = {
        .filter = &list->filter,
        .extra = "",
        .now_ms = list->now_ms,
        .uid = list->uid,
        .after = list->after,
        .limit = list->limit < LIST_MESSAGES_MAX ? list->limit : LIST_MESSAGES_MAX,
    };
    return filter_read(s, &o, &list->page, &list->last, &list->is_done);
}
