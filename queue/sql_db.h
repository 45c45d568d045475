// SPDX-License-Identifier: BSD-2-Clause
// sql: what the files behind store_db.h share: the open store, its statements, and calling them.
// Private to queue/*_db.c and their tests.
//
//     struct sql_call c = sql_call(s, SQL_MESSAGE_GET);   statement, reset and unbound
//     sql_int(&c, id);                                    parameters ?1, ?2 ... in order
//     while (sql_step(&c))                                rows; columns are read in order, too
//         version = sql_column_int(&c);
//     return sql_end(&c);                                 releases it; the first error, or FP_OK
//
// After an error every further step of a call does nothing, so only the end needs to be looked at.
// Bound bytes are borrowed until sql_end.
#ifndef FP_QUEUE_SQL_DB_H
#define FP_QUEUE_SQL_DB_H

#include "queue/ballast_fs.h"
#include "queue/lockfile_fs.h"
#include "queue/store_db.h"

#include <sqlite3.h>

// Every statement with a fixed text; the texts are in statements_db.c. What a filter asks for is
// put together in filter_db.c.
enum sql_id {
    SQL_BEGIN_WRITE,
    SQL_BEGIN_READ,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SAVEPOINT,
    SQL_SAVEPOINT_UNDO,
    SQL_SAVEPOINT_END,
    // accept, append, discard
    SQL_META_GET,
    SQL_META_PUT,
    SQL_MESSAGE_INSERT,
    SQL_RECIPIENT_INSERT,
    SQL_CHUNK_INSERT,
    SQL_CHUNK_COUNT,
    SQL_CHUNK_DELETE_ALL,
    SQL_INCOMING_INSERT,
    SQL_INCOMING_DELETE,
    SQL_INCOMING_FIRST,
    // settle, change
    SQL_MESSAGE_VERSION,
    SQL_MESSAGE_TOUCH,
    SQL_MESSAGE_TOUCH_WARNED,
    SQL_MESSAGE_DELETE,
    SQL_RECIPIENT_COUNT,
    SQL_RECIPIENTS_LEFT,
    SQL_RECIPIENT_DEFER,
    SQL_RECIPIENT_POSTPONE,
    SQL_RECIPIENT_WARN,
    SQL_RECIPIENT_DELETE,
    SQL_RECIPIENT_HOLD,
    SQL_RECIPIENT_RELEASE,
    SQL_RECIPIENT_REQUEUE,
    SQL_RECIPIENT_DUE,
    SQL_RECIPIENT_MARK,
    SQL_FINISHED_INSERT,
    SQL_ATTEMPT_INSERT,
    SQL_ATTEMPT_TRIM,
    // health, maintain
    SQL_DESTINATION_PUT,
    SQL_DESTINATION_DELETE,
    SQL_DESTINATION_LIST,
    SQL_DESTINATION_OLD,
    SQL_SUSPENSION_PUT,
    SQL_SUSPENSION_DELETE,
    SQL_SUSPENSION_LIST,
    SQL_STS_PUT,
    SQL_STS_DELETE,
    SQL_STS_LIST,
    SQL_STS_OLD,
    SQL_ARRIVAL_SHIFT,
    SQL_ARRIVAL_PAST,
    SQL_FINISHED_OLD,
    SQL_FINISHED_DELETE,
    SQL_ATTEMPT_DELETE,
    // reading
    SQL_MESSAGE_GET,
    SQL_RECIPIENTS_OF,
    SQL_CHUNK_LAST,
    SQL_CHUNK_GET,
    SQL_DOMAIN_NEXT,
    SQL_DUE_PAGE,
    SQL_DUE_WALK,
    SQL_RECIPIENT_GET,
    SQL_DUE_NEXT,
    SQL_DUE_SKIPPED,
    SQL_OVERDUE_PAGE,
    SQL_DELIVER_BY,
    SQL_RECIPIENTS_FROM,
    SQL_LEVEL_NEXT,
    SQL_PAGE_BOUND,
    SQL_STATS_MESSAGES,
    SQL_STATS_DOMAIN,
    SQL_STATS_RECIPIENTS,
    SQL_STATS_HELD,
    SQL_STATS_PAGES,
    SQL_ATTEMPTS_OF,
    SQL_FINISHED_OF,
    SQL_FINISHED_BEFORE,
    SQL_HISTORY_LAST,
    SQL_FIND_PAGE,
    SQL_MESSAGE_UID,
    SQL_PLAN_RECIPIENTS,
    SQL_COUNT
};

extern const char *const sql_texts[SQL_COUNT];

enum { ATTEMPTS_KEPT = 50 }; // of each recipient, the newest: a maximum for what peers make us keep

struct store {
    sqlite3 *db; // NULL when reopening has failed
    sqlite3_stmt *stmts[SQL_COUNT];
    char *path;
    struct store_options options;
    struct lockfile lock;
    struct ballast ballast;
    bool is_in_batch;
    bool is_careful;         // each operation of this batch runs in a SAVEPOINT
    bool is_poisoned;        // a commit met FP_IO
    bool wants_checkpoint;   // MAINTAIN asked for one
    int log_pages;           // in the log, as of the last commit
    int log_pages_max;       // more are taken into the file
    enum fp_err batch_err;   // why the open batch can only be rolled back; FP_OK while it is sound
    uint64_t id_mark;        // high-water mark as this transaction sees it
    uint64_t id_mark_stored; // and as committed
    uint32_t discarded;
};

struct sql_call {
    sqlite3 *db;
    sqlite3_stmt *stmt; // NULL after an error in preparing
    int at;             // parameter or column that comes next
    enum fp_err err;
};

// rc (extended) as an fp_err. Aborts for what can only be our mistake.
enum fp_err sql_err(sqlite3 *db, int rc);

struct sql_call sql_call(struct store *s, enum sql_id id);
void sql_int(struct sql_call *c, int64_t value);
void sql_text(struct sql_call *c, const char *text); // NULL is stored as ""
void sql_null(struct sql_call *c);
void sql_blob(struct sql_call *c, const void *p, size_t n);
bool sql_step(struct sql_call *c);
int64_t sql_column_int(struct sql_call *c);
bool sql_column_is_null(const struct sql_call *c);              // looks, does not move on
char *sql_column_text(struct sql_call *c);                      // a copy; "" for NULL
char *sql_column_pooled(struct sql_call *c, struct pool *pool); // in the pool; NULL: a copy
const char *sql_column_peek(struct sql_call *c, size_t *ret_n); // lives until the next step
enum fp_err sql_end(struct sql_call *c);
enum fp_err sql_run(struct sql_call *c); // for statements without rows: step and end
enum fp_err sql_run_id(struct store *s, enum sql_id id, int64_t argument);
// One integer of a one-row answer; `otherwise` when there is no row or it is NULL.
enum fp_err sql_get_int(struct sql_call *c, int64_t otherwise, int64_t *ret);
// The one number that a statement of our own gives, outside the cache: pragmas.
enum fp_err sql_number(sqlite3 *db, const char *sql, int64_t *ret);
void sql_forget_all(struct store *s); // finalizes the statements

// schema_db.c
struct migration {
    int version; // 1, 2, ...
    const char *sql;
};
extern const struct migration schema_migrations[];
extern const int schema_migration_count;
// Brings the database to the newest version; a non-empty older one is copied to
// PATH.v<N>.backup first. FP_NEWER, FP_CORRUPT with a sentence in why.
enum fp_err schema_migrate(sqlite3 *db, const char *path, const struct migration *migrations,
                           int count, struct buf *why);
// Empty, or a spool of ours that is not newer than `newest`? Writes nothing.
enum fp_err schema_recognise(sqlite3 *db, const char *path, int newest, struct buf *why);
// For readers: is it a spool of exactly this version? FP_NOT_FOUND for an empty file, FP_AGAIN for
// an older version.
enum fp_err schema_check(sqlite3 *db, const char *path, int version, struct buf *why);

// connection_db.c: opening and closing the handle itself
enum fp_err connection_open(struct store *s, struct buf *why);
void connection_close(struct store *s);
enum fp_err connection_check(struct store *s, struct buf *why); // reads the whole file

// wal_db.c: what is written to the log is written together
void wal_join(sqlite3 *db);          // of a connection that has been read with, in WAL mode
void wal_join_file(sqlite3_file *f); // the log itself

// rows_db.c: rows of messages and recipients
struct rows {
    struct op_row *items;
    uint32_t count;
    uint32_t rcpt_count;
};
// Room for one more behind `count` items, all of which were added with this.
void *rows_grow(void *items, uint32_t count, size_t size);
// Reads message `id` into a new row. FP_NOT_FOUND.
enum fp_err rows_add_message(struct store *s, struct rows *rows, uint64_t id);
// The columns of RECIPIENT_COLUMNS, into the last row.
void rows_add_recipient(struct rows *rows, struct sql_call *c);
enum fp_err rows_add_all_recipients(struct store *s, struct rows *rows, uint64_t id);
#define MESSAGE_COLUMNS                                                                            \
    "m.id, m.version, m.arrival, m.size, m.kind, m.is_8bit, m.traits, m.uid, m.priority, m.ret, "  \
    "m.deliver_by, m.envid, m.sender"
#define RECIPIENT_COLUMNS                                                                          \
    "r.message, r.n, r.state, r.attempts, r.warned, r.next_attempt, r.last_attempt, "              \
    "r.last_class, r.in_doubt, r.sender_key, r.address, r.domain, r.last_status, r.last_reply, "   \
    "r.last_host, r.held_why, r.notify, r.orcpt"
// The columns of MESSAGE_COLUMNS and RECIPIENT_COLUMNS: one more recipient on the page, and its
// message before it unless it is the last one there already. rows[].rcpts are set by page_end.
void page_add(struct op_page *page, struct sql_call *c);
void page_end(struct op_page *page);

// filter_db.c: one page of what a filter selects
struct filter_options {
    const struct filter *filter;
    const char *extra; // a further fixed condition on r (" AND ..."), "" for none
    int64_t now_ms, uid;
    uint64_t after;
    uint32_t limit; // messages
};
// Reads messages with at least one recipient that is selected, in order, and those recipients; not
// more than 10,000 of them, but for the last message's. ret_last: where to go on. FP_INVALID for
// terms that make no sense (age~"x"). The page is the caller's to close, also after a failure.
enum fp_err filter_read(struct store *s, const struct filter_options *o, struct op_page *page,
                        uint64_t *ret_last, bool *ret_is_done);

// The operations, one function each; store_run's table calls them. Those of the writer find out
// FP_CONFLICT, FP_GONE, FP_NOT_FOUND, FP_INVALID and FP_TOO_BIG before they change anything.
enum fp_err append_run(struct store *s, struct op *op);
enum fp_err accept_run(struct store *s, struct op *op);
enum fp_err discard_run(struct store *s, struct op *op);
enum fp_err settle_run(struct store *s, struct op *op);
enum fp_err change_run(struct store *s, struct op *op);
enum fp_err health_run(struct store *s, struct op *op);
enum fp_err maintain_run(struct store *s, struct op *op);
enum fp_err reserve_run(struct store *s, struct op *op);
enum fp_err domains_run(struct store *s, struct op *op);
enum fp_err due_run(struct store *s, struct op *op);
enum fp_err overdue_run(struct store *s, struct op *op);
enum fp_err read_run(struct store *s, struct op *op);
enum fp_err chunk_run(struct store *s, struct op *op);
enum fp_err healths_run(struct store *s, struct op *op);
enum fp_err list_run(struct store *s, struct op *op);
enum fp_err stats_run(struct store *s, struct op *op);
enum fp_err history_run(struct store *s, struct op *op);
enum fp_err ended_run(struct store *s, struct op *op);
enum fp_err find_run(struct store *s, struct op *op);
enum fp_err plan_run(struct store *s, struct op *op);
enum fp_err suspend_run(struct store *s, struct op *op);
enum fp_err sts_run(struct store *s, struct op *op);
enum fp_err sts_all_run(struct store *s, struct op *op);
enum fp_err clock_run(struct store *s, struct op *op);
enum fp_err postpone_run(struct store *s, struct op *op);
enum fp_err suspensions_run(struct store *s, struct op *op);

// accept_db.c
enum fp_err id_mark_store(struct store *s, uint64_t mark);
enum fp_err entry_insert(struct store *s, struct entry *e); // also for notices
enum fp_err body_delete(struct store *s, uint64_t message);
enum fp_err incoming_discard_all(struct store *s, uint32_t *ret_count);

// finish_db.c: leaving the queue
struct finish {
    uint64_t message;
    uint32_t n;
    enum finished_outcome outcome;
    int64_t now_ms;
    bool is_attempt;
    const struct outcome *said; // NULL: what the recipient remembers
    const char *reason;         // an operator's, or what it expired by; NULL: none
};
// ret_is_gone: the recipient was not there.
enum fp_err finish_recipient(struct store *s, const struct finish *f, bool *ret_is_gone);
// After changes to a message's recipients: new version and lowest warned, or its removal.
enum fp_err finish_message(struct store *s, uint64_t message, bool keeps_version,
                           bool *ret_is_removed);
// "host[ip]:port" or "host"
enum { FINISH_HOST_SIZE = OUTCOME_HOST_SIZE + OUTCOME_IP_SIZE + 10 };
void finish_host_text(const struct outcome *o, char text[FINISH_HOST_SIZE]);

#endif
