// SPDX-License-Identifier: BSD-2-Clause
// filter: one page of what an operator's filter selects.
//
// The texts that are put together here are all our own; what the operator typed is bound as a
// parameter. A page looks at no more than FILTER_SCAN_MAX messages even when few of them fit, so
// that neither a reader's snapshot lasts long (the log cannot shrink behind it) nor the writer
// stalls.
//
// One statement reads a page in one pass: messages and recipients lie in the same order. Terms on
// the message walk along the messages and look for the recipients of those that fit; all others
// walk along the recipients, which is faster than the other way round even when all of them fit
// (0.8 us instead of 1.0 us a message).
#include "queue/sql_db.h"

#include "core/must.h"

#include <stdlib.h>

enum {
    FILTER_SCAN_MAX = 5000,
    FILTER_RECIPIENTS_MAX = 10000,
    FILTER_SQL_MAX = 8192,
    PATTERN_MAX = 2 * FILTER_TEXT_MAX + 2
};

// Term i has parameter FIRST_TERM + i.
enum {
    PARAMETER_AFTER = 1,
    PARAMETER_BOUND = 2,
    PARAMETER_UID = 3,
    PARAMETER_NOW = 4,
    FIRST_TERM = 5,
};
#define NOW "?4"

struct terms {
    struct buf message;   // conditions on m
    struct buf recipient; // conditions on r
};

static const char *relation_sql(enum filter_relation relation)
{
    switch (relation) {
    case FILTER_EQUAL:
        return "=";
    case FILTER_LESS:
        return "<";
    case FILTER_LESS_EQUAL:
        return "<=";
    case FILTER_GREATER:
        return ">";
    case FILTER_GREATER_EQUAL:
        return ">=";
    case FILTER_MATCH:
        break;
    }
    return NULL;
}

static enum fp_err add_number(const struct filter_term *term, const char *expression, int parameter,
                              struct buf *to)
{
    const char *relation = relation_sql(term->relation);
    return relation ? buf_addf(to, " AND %s %s ?%d", expression, relation, parameter) : FP_INVALID;
}

// LIKE ignores ASCII case, which is how addresses and domains are compared here.
static enum fp_err add_text(const struct filter_term *term, const char *column, int parameter,
                            struct buf *to)
{
    if (term->relation != FILTER_EQUAL && term->relation != FILTER_MATCH)
        return FP_INVALID;
    return buf_addf(to, " AND %s LIKE ?%d ESCAPE '\\'", column, parameter);
}

// The plus keeps SQLite from looking for a message's recipients in recipient_due, by their state:
// it knows no counts, and of a million open ones that took 43 ms for each message.
static enum fp_err add_state(const struct filter_term *term, struct buf *to)
{
    if (term->relation != FILTER_EQUAL)
        return FP_INVALID;
    switch (term->number) {
    case FILTER_QUEUED:
        return buf_add_str(to, " AND +r.state = 0 AND r.attempts = 0");
    case FILTER_DEFERRED:
        return buf_add_str(to, " AND +r.state = 0 AND r.attempts > 0");
    case FILTER_HELD:
        return buf_add_str(to, " AND +r.state = 1");
    case FILTER_ACTIVE: // the caller's; see op.h
        return FP_OK;
    default:
        return FP_INVALID;
    }
}

static enum fp_err add_term(struct terms *t, const struct filter_term *term, int parameter)
{
    switch (term->key) {
    case FILTER_ID:
        return add_number(term, "m.id", parameter, &t->message);
    case FILTER_FROM:
        return add_text(term, "m.sender", parameter, &t->message);
    case FILTER_AGE:
        return add_number(term, NOW " - m.arrival", parameter, &t->message);
    case FILTER_SIZE:
        return add_number(term, "m.size", parameter, &t->message);
    case FILTER_TO:
        return add_text(term, "r.address", parameter, &t->recipient);
    case FILTER_DOMAIN:
        return add_text(term, "r.domain", parameter, &t->recipient);
    case FILTER_STATE:
        return add_state(term, &t->recipient);
    case FILTER_ATTEMPTS:
        return add_number(term, "r.attempts", parameter, &t->recipient);
    case FILTER_ERROR:
        return add_text(term, "r.last_reply", parameter, &t->recipient);
    case FILTER_NEXT: // a held recipient has no next attempt
        return add_number(term, "+r.state = 0 AND r.next_attempt - " NOW, parameter, &t->recipient);
    }
    return FP_INVALID;
}

static enum fp_err terms_init(struct terms *t, const struct filter_options *o)
{
    buf_init(&t->message, FILTER_SQL_MAX);
    buf_init(&t->recipient, FILTER_SQL_MAX);
    enum fp_err err = FP_OK;
    must(o->filter->count <= FILTER_TERMS_MAX);
    for (size_t i = 0; i < o->filter->count && !err; i++)
        err = add_term(t, &o->filter->terms[i], FIRST_TERM + (int)i);
    if (!err && o->uid >= 0)
        err = buf_addf(&t->message, " AND m.uid = ?%d", PARAMETER_UID);
    return err ? err : buf_add_str(&t->recipient, o->extra);
}

static void terms_close(struct terms *t)
{
    buf_close(&t->message);
    buf_close(&t->recipient);
}

// Of the characters that mean something to LIKE none comes from outside unescaped; only * is a
// wildcard, and not even that where a text is looked for anywhere in a reply.
static void pattern_of(const struct filter_term *term, struct buf *to)
{
    bool is_anywhere = term->key == FILTER_ERROR;
    if (is_anywhere)
        buf_add_byte(to, '%');
    for (const char *p = term->text; *p; p++) {
        bool is_wild = *p == '*' && !is_anywhere;
        if (strchr("%_\\", *p))
            buf_add_byte(to, '\\');
        buf_add_byte(to, is_wild ? '%' : *p);
    }
    if (is_anywhere)
        buf_add_byte(to, '%');
}

static bool is_text(enum filter_key key)
{
    return key == FILTER_FROM || key == FILTER_TO || key == FILTER_DOMAIN || key == FILTER_ERROR;
}

static int bind_term(sqlite3_stmt *stmt, int parameter, const struct filter_term *term)
{
    if (!is_text(term->key))
        return sqlite3_bind_int64(stmt, parameter, term->number);
    struct buf pattern;
    buf_init(&pattern, PATTERN_MAX);
    pattern_of(term, &pattern);
    struct slice p = buf_slice(&pattern);
    int rc = sqlite3_bind_text(stmt, parameter, p.p, (int)p.n, SQLITE_TRANSIENT);
    buf_close(&pattern);
    return rc;
}

// A statement has the parameters up to the highest that it names.
static void bind_shared(struct sql_call *c, const struct filter_options *o)
{
    if (c->err)
        return;
    int count = sqlite3_bind_parameter_count(c->stmt), rc = SQLITE_OK;
    if (count >= PARAMETER_UID)
        rc = sqlite3_bind_int64(c->stmt, PARAMETER_UID, o->uid);
    if (count >= PARAMETER_NOW && rc == SQLITE_OK)
        rc = sqlite3_bind_int64(c->stmt, PARAMETER_NOW, o->now_ms);
    for (size_t i = 0; i < o->filter->count && rc == SQLITE_OK; i++)
        if (count >= FIRST_TERM + (int)i)
            rc = bind_term(c->stmt, FIRST_TERM + (int)i, &o->filter->terms[i]);
    c->err = sql_err(c->db, rc);
}

enum walk { ALONG_MESSAGES, ALONG_RECIPIENTS };

static enum fp_err add_statement(enum walk walk, const struct terms *t, struct buf *to)
{
    static const struct {
        const char *tables, *key;
    } walks[] = {
        [ALONG_MESSAGES] = {"message m CROSS JOIN recipient r ON r.message = m.id", "m.id"},
        [ALONG_RECIPIENTS] = {"recipient r CROSS JOIN message m ON m.id = r.message", "r.message"},
    };
    const char *key = walks[walk].key;
    return buf_addf(to,
                    "SELECT " MESSAGE_COLUMNS ", " RECIPIENT_COLUMNS
                    " FROM %s WHERE %s > ?1 AND %s <= ?2%s%s ORDER BY %s, r.n",
                    walks[walk].tables, key, key, buf_slice(&t->message).p,
                    buf_slice(&t->recipient).p, key);
}

static struct sql_call prepare(struct store *s, const struct terms *t,
                               const struct filter_options *o)
{
    struct sql_call c = {.db = s->db};
    struct buf text;
    buf_init(&text, 3 * FILTER_SQL_MAX);
    enum fp_err err = add_statement(t->message.n > 0 ? ALONG_MESSAGES : ALONG_RECIPIENTS, t, &text);
    must(!err); // FILTER_TERMS_MAX terms are far shorter
    c.err = sql_err(s->db, sqlite3_prepare_v2(s->db, text.p, (int)text.n, &c.stmt, NULL));
    buf_close(&text);
    bind_shared(&c, o);
    return c;
}

static bool has_id(const struct filter *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->terms[i].key == FILTER_ID && f->terms[i].relation == FILTER_EQUAL)
            return true;
    return false;
}

// The last id to be looked at; INT64_MAX where nothing is to be limited, as every message fits, or
// one at most.
static enum fp_err find_bound(struct store *s, const struct terms *t,
                              const struct filter_options *o, int64_t *ret)
{
    bool fits_all = t->message.n == 0 && t->recipient.n == 0;
    *ret = INT64_MAX;
    if (fits_all || has_id(o->filter))
        return FP_OK;
    struct sql_call c = sql_call(s, SQL_PAGE_BOUND);
    sql_int(&c, (int64_t)o->after);
    sql_int(&c, FILTER_SCAN_MAX - 1);
    return sql_get_int(&c, INT64_MAX, ret);
}

// Is there room for the row that the call stands at? A message's recipients stay together.
static bool has_room(const struct op_page *page, struct sql_call *c, uint32_t limit)
{
    uint64_t message = (uint64_t)sql_column_int(c);
    c->at = 0;
    if (page->row_count > 0 && page->rows[page->row_count - 1].message.id == message)
        return true;
    return page->row_count < limit && page->rcpt_count < FILTER_RECIPIENTS_MAX;
}

static enum fp_err read_rows(struct sql_call *c, uint32_t limit, struct op_page *page,
                             bool *ret_is_cut)
{
    bool is_cut = false;
    while (!is_cut && sql_step(c)) {
        is_cut = !has_room(page, c, limit);
        if (!is_cut)
            page_add(page, c);
    }
    page_end(page);
    enum fp_err err = sql_end(c);
    sqlite3_finalize(c->stmt);
    *ret_is_cut = is_cut;
    return err;
}

enum fp_err filter_read(struct store *s, const struct filter_options *o, struct op_page *page,
                        uint64_t *ret_last, bool *ret_is_done)
{
    struct terms terms;
    int64_t bound = 0;
    bool is_cut = false;
    enum fp_err err = terms_init(&terms, o);
    if (!err)
        err = find_bound(s, &terms, o, &bound);
    if (!err) {
        struct sql_call c = prepare(s, &terms, o);
        sql_int(&c, (int64_t)o->after);
        sql_int(&c, bound);
        err = read_rows(&c, o->limit, page, &is_cut);
    }
    terms_close(&terms);
    if (err)
        return err;
    *ret_is_done = !is_cut && bound == INT64_MAX;
    if (!is_cut && bound != INT64_MAX)
        *ret_last = (uint64_t)bound; // everything up to there was looked at
    else
        *ret_last = page->row_count > 0 ? page->rows[page->row_count - 1].message.id : o->after;
    return FP_OK;
}
