// SPDX-License-Identifier: BSD-2-Clause
// find: the recipients of one address that are in the queue, and of these the newest.
//
// A walk along recipient_due over the address's domain, open ones first, then held ones. There is
// no index by address: each message would pay for it.
#include "queue/sql_db.h"

#include "core/slice.h"

#include <string.h>

static bool is_newer(const struct op_found *a, const struct op_found *b)
{
    return a->message != b->message ? a->message > b->message : a->n < b->n;
}

static void keep_newest(struct op_find *find, struct op_found one)
{
    uint32_t at = find->found_count;
    find->total++;
    while (at > 0 && is_newer(&one, &find->found[at - 1]))
        at--;
    if (at == FIND_MAX)
        return;
    uint32_t last = find->found_count < FIND_MAX ? find->found_count++ : FIND_MAX - 1;
    memmove(&find->found[at + 1], &find->found[at], (last - at) * sizeof *find->found);
    find->found[at] = one;
}

static enum fp_err is_theirs(struct store *s, const struct op_find *find, uint64_t message,
                             bool *ret)
{
    int64_t uid = -1;
    enum fp_err err = FP_OK;
    if (find->uid >= 0) {
        struct sql_call c = sql_call(s, SQL_MESSAGE_UID);
        sql_int(&c, (int64_t)message);
        err = sql_get_int(&c, -1, &uid);
    }
    *ret = find->uid < 0 || uid == find->uid;
    return err;
}

static struct sql_call call_page(struct store *s, const struct op_find *find, uint32_t limit)
{
    struct sql_call c = sql_call(s, SQL_FIND_PAGE);
    sql_int(&c, find->at.state);
    sql_text(&c, find->domain);
    sql_int(&c, find->at.next_attempt_ms);
    sql_int(&c, (int64_t)find->at.message);
    sql_int(&c, find->at.n);
    sql_int(&c, limit);
    return c;
}

// Recipients of one state, as many as may be.
static enum fp_err look(struct store *s, struct op_find *find, uint32_t *left)
{
    uint32_t looked = 0;
    struct sql_call c = call_page(s, find, *left);
    for (; sql_step(&c); looked++) {
        size_t n;
        bool is_meant;
        find->at.next_attempt_ms = sql_column_int(&c);
        find->at.message = (uint64_t)sql_column_int(&c);
        find->at.n = (uint32_t)sql_column_int(&c);
        const char *p = sql_column_peek(&c, &n);
        if (!slice_equal_nocase(slice_of(p, n), slice_str(find->address)))
            continue;
        enum fp_err err = is_theirs(s, find, find->at.message, &is_meant);
        if (err) {
            sql_end(&c);
            return err;
        }
        if (is_meant)
            keep_newest(find, (struct op_found){find->at.message, find->at.n});
    }
    find->at.has_begun = looked == *left; // else the next state begins
    *left -= looked;
    return sql_end(&c);
}

static void begin_state(struct op_find *find)
{
    find->at.has_begun = true;
    find->at.next_attempt_ms = INT64_MIN;
    find->at.message = find->at.n = 0;
}

enum fp_err find_run(struct store *s, struct op *op)
{
    struct op_find *find = &op->find;
    uint32_t left = find->limit;
    enum fp_err err = FP_OK;
    while (!err && !find->is_done && left > 0) {
        if (!find->at.has_begun)
            begin_state(find);
        err = look(s, find, &left);
        if (find->at.has_begun)
            continue;
        find->is_done = find->at.state == RECIPIENT_HELD;
        find->at.state = RECIPIENT_HELD;
    }
    return err;
}
