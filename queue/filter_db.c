// SPDX-License-Identifier: BSD-2-Clause
// filter: one page of what an operator's filter selects.
//
// The texts that are put together here are all our own; what the operator typed is bound as a
// parameter. A page looks at no more than FILTER_SCAN_MAX messages even when few of them fit, so
// that neither a reader's snapshot lasts long (the log cannot shrink behind it) nor the writer
// stalls.
#include "queue/sql_db.h"

#include "core/must.h"

#include <stdlib.h>

enum { FILTER_SCAN_MAX = 20000, FILTER_SQL_MAX = 8192, PATTERN_MAX = 2 * FILTER_TEXT_MAX + 2 };

// In both statements term i has parameter FIRST_TERM + i.
enum {
    PARAMETER_AFTER = 1,   // messages
    PARAMETER_MESSAGE = 1, // recipients
    PARAMETER_BOUND = 2,
    PARAMETER_LIMIT = 3,
    PARAMETER_UID = 4,
    PARAMETER_NOW = 5,
    FIRST_TERM = 6,
};
#define NOW "?5"

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

static enum fp_err terms_init(struct terms *t, const struct filter_page_options *o)
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
static void bind_shared(struct sql_call *c, const struct filter_page_options *o)
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

static struct sql_call prepare(struct store *s, const struct buf *text,
                               const struct filter_page_options *o)
{
    struct sql_call c = {.db = s->db};
    c.err = sql_err(s->db, sqlite3_prepare_v2(s->db, text->p, (int)text->n, &c.stmt, NULL));
    bind_shared(&c, o);
    return c;
}

static struct sql_call prepare_messages(struct store *s, const struct terms *t,
                                        const struct filter_page_options *o)
{
    struct buf text;
    buf_init(&text, 3 * FILTER_SQL_MAX);
    enum fp_err err =
        buf_addf(&text,
                 "SELECT m.id FROM message m WHERE m.id > ?1 AND m.id <= ?2%s AND EXISTS"
                 " (SELECT 1 FROM recipient r WHERE r.message = m.id%s) ORDER BY m.id LIMIT ?3",
                 buf_slice(&t->message).p, buf_slice(&t->recipient).p);
    must(!err); // FILTER_TERMS_MAX terms are far shorter
    struct sql_call c = prepare(s, &text, o);
    buf_close(&text);
    return c;
}

static struct sql_call prepare_recipients(struct store *s, const struct terms *t,
                                          const struct filter_page_options *o)
{
    struct buf text;
    buf_init(&text, 2 * FILTER_SQL_MAX);
    enum fp_err err = buf_addf(
        &text, "SELECT " RECIPIENT_COLUMNS " FROM recipient r WHERE r.message = ?1%s ORDER BY r.n",
        buf_slice(&t->recipient).p);
    must(!err);
    struct sql_call c = prepare(s, &text, o);
    buf_close(&text);
    return c;
}

static enum fp_err find_bound(struct store *s, const struct filter_page_options *o, int64_t *ret)
{
    *ret = INT64_MAX;
    for (size_t i = 0; i < o->filter->count; i++)
        if (o->filter->terms[i].key == FILTER_ID && o->filter->terms[i].relation == FILTER_EQUAL)
            return FP_OK; // one look-up: nothing to be limited
    struct sql_call c = sql_call(s, SQL_PAGE_BOUND);
    sql_int(&c, (int64_t)o->after);
    sql_int(&c, FILTER_SCAN_MAX - 1);
    return sql_get_int(&c, INT64_MAX, ret);
}

static enum fp_err read_ids(struct sql_call *c, const struct filter_page_options *o, int64_t bound,
                            struct filter_page *page)
{
    sql_int(c, (int64_t)o->after);
    sql_int(c, bound);
    sql_int(c, o->limit);
    while (sql_step(c))
        page->ids[page->count++] = (uint64_t)sql_column_int(c);
    enum fp_err err = sql_end(c);
    sqlite3_finalize(c->stmt);
    return err;
}

enum fp_err filter_page_open(struct store *s, const struct filter_page_options *o,
                             struct filter_page *ret)
{
    struct terms terms;
    struct filter_page page = {.after = o->after, .limit = o->limit};
    enum fp_err err = terms_init(&terms, o);
    if (!err)
        err = find_bound(s, o, &page.bound);
    if (!err) {
        page.ids = must_alloc(o->limit * sizeof *page.ids);
        struct sql_call messages = prepare_messages(s, &terms, o);
        err = read_ids(&messages, o, page.bound, &page);
    }
    if (!err) {
        page.recipients = prepare_recipients(s, &terms, o);
        err = page.recipients.err;
    }
    terms_close(&terms);
    if (err)
        filter_page_close(&page);
    else
        *ret = page;
    return err;
}

enum fp_err filter_page_recipients(struct filter_page *page, uint64_t message, struct rows *rows)
{
    struct sql_call *c = &page->recipients;
    c->at = PARAMETER_MESSAGE - 1;
    sql_int(c, (int64_t)message);
    while (sql_step(c))
        rows_add_recipient(rows, c);
    return sql_end(c);
}

void filter_page_end(const struct filter_page *page, uint32_t done, uint64_t *ret_last,
                     bool *ret_is_done)
{
    bool is_cut = done < page->count || page->count == page->limit;
    *ret_is_done = !is_cut && page->bound == INT64_MAX;
    if (!is_cut && !*ret_is_done)
        *ret_last = (uint64_t)page->bound; // everything up to there was looked at
    else
        *ret_last = done > 0 ? page->ids[done - 1] : page->after;
}

void filter_page_close(struct filter_page *page)
{
    sqlite3_finalize(page->recipients.stmt);
    free(page->ids);
    *page = (struct filter_page){0};
}
