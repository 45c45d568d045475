// SPDX-License-Identifier: BSD-2-Clause
// schema: the spool's tables and views, and bringing an older spool forward.
//
// `user_version` numbers the schema, `application_id` says that it is a spool. Tables are private;
// the views mailq, history and destinations are a public, read-only interface (docs/spool.md), and
// their columns only ever grow.
//
// A migration is never edited once it has been released: a new one is added behind it.
#include "queue/sql_db.h"

#include "core/must.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SPOOL_APPLICATION_ID "0x46504f53" // "FPOS"
enum { SPOOL_APPLICATION = 0x46504f53, COPY_PAGES = 4096 };

// Why the tables are as they are:
// - message.warned is the lowest `warned` of its open recipients and NULL when all are held: the
//   sweep reads message_warned by arrival, and held mail is none of its business. Among a million
//   messages it finds those that passed a certain age since the last minute, and reads no others.
// - chunk.id is message << 12 | n: a body's chunks are neighbours, without an index.
// - recipient has no rowid: its recipients lie side by side under the message. recipient_due names
//   message and n itself, in order to carry attempts behind them: due order needs the first five,
//   counting queued and deferred needs the last, and neither touches the table.
// - attempt is numbered (nr), not keyed by time, and has no foreign key: it outlives its message.
// - finished_at is what lets history be purged by age, and found by time. One by id alone, as ids
//   are nearly times, would keep history too long after a jump of the clock.
static const char tables_1[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE message("
    " id INTEGER PRIMARY KEY, version INTEGER NOT NULL, arrival INTEGER NOT NULL,"
    " size INTEGER NOT NULL, kind INTEGER NOT NULL, is_8bit INTEGER NOT NULL,"
    " uid INTEGER NOT NULL, warned INTEGER, sender TEXT NOT NULL) STRICT;"
    "CREATE INDEX message_warned ON message(warned, arrival);"
    "CREATE TABLE chunk(id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;"
    "CREATE TABLE incoming(message INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE recipient("
    " message INTEGER NOT NULL, n INTEGER NOT NULL, state INTEGER NOT NULL, domain TEXT NOT NULL,"
    " next_attempt INTEGER NOT NULL, attempts INTEGER NOT NULL, warned INTEGER NOT NULL,"
    " last_attempt INTEGER NOT NULL, last_class INTEGER NOT NULL, in_doubt INTEGER NOT NULL,"
    " address TEXT NOT NULL, last_status TEXT NOT NULL, last_reply TEXT NOT NULL,"
    " last_host TEXT NOT NULL, PRIMARY KEY(message, n)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX recipient_due"
    " ON recipient(state, domain, next_attempt, message, n, attempts);"
    "CREATE TABLE attempt("
    " message INTEGER NOT NULL, n INTEGER NOT NULL, nr INTEGER NOT NULL, at INTEGER NOT NULL,"
    " ended INTEGER NOT NULL, class INTEGER NOT NULL, in_doubt INTEGER NOT NULL,"
    " status TEXT NOT NULL, reply TEXT NOT NULL, host TEXT NOT NULL,"
    " PRIMARY KEY(message, n, nr)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE finished("
    " message INTEGER NOT NULL, n INTEGER NOT NULL, sender TEXT NOT NULL, address TEXT NOT NULL,"
    " outcome INTEGER NOT NULL, arrival INTEGER NOT NULL, at INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, in_doubt INTEGER NOT NULL, status TEXT NOT NULL,"
    " reply TEXT NOT NULL, host TEXT NOT NULL, reason TEXT NOT NULL,"
    " PRIMARY KEY(message, n)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX finished_at ON finished(at);"
    "CREATE TABLE destination("
    " name TEXT PRIMARY KEY, failures INTEGER NOT NULL, since INTEGER NOT NULL,"
    " last_probe INTEGER NOT NULL, rest_until INTEGER NOT NULL, class INTEGER NOT NULL,"
    " status TEXT NOT NULL, reply TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX destination_rest ON destination(rest_until);";

// - recipient.sender_key (core/sender_key.h) is the message's: due mail is shared out among senders
//   by the index alone. So is priority.
// - attempt.next is what was decided behind it, and rule who decided.
// - suspension.kind is enum suspension_kind.
static const char tables_2[] =
    "ALTER TABLE message ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recipient ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recipient ADD COLUMN sender_key INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recipient ADD COLUMN held_why TEXT NOT NULL DEFAULT '';"
    "DROP INDEX recipient_due;"
    "CREATE INDEX recipient_due ON recipient("
    " state, domain, next_attempt, message, n, attempts, sender_key, priority);"
    "ALTER TABLE attempt ADD COLUMN scope INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt ADD COLUMN next INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt ADD COLUMN tls TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE attempt ADD COLUMN rule TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE finished ADD COLUMN class INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE finished ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE finished ADD COLUMN tls TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE suspension("
    " kind INTEGER NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,"
    " reason TEXT NOT NULL, who TEXT NOT NULL, PRIMARY KEY(kind, name)) STRICT, WITHOUT ROWID;";

// - finished.uid is its message's: who submitted mail may ask what became of it.
static const char tables_3[] = "ALTER TABLE finished ADD COLUMN uid INTEGER NOT NULL DEFAULT -1;";

// - RET and ENVID are the message's, NOTIFY and ORCPT each recipient's (RFC 3461), as they came.
static const char tables_4[] = "ALTER TABLE message ADD COLUMN ret INTEGER NOT NULL DEFAULT 0;"
                               "ALTER TABLE message ADD COLUMN envid TEXT NOT NULL DEFAULT '';"
                               "ALTER TABLE recipient ADD COLUMN notify INTEGER NOT NULL DEFAULT 0;"
                               "ALTER TABLE recipient ADD COLUMN orcpt TEXT NOT NULL DEFAULT '';";

// - message.traits is flags of enum message_trait. Hardly a message has a deliver_by: its index
// costs
//   the others nothing.
static const char tables_5[] =
    "ALTER TABLE message ADD COLUMN traits INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN deliver_by INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX message_deliver_by ON message(deliver_by) WHERE deliver_by <> 0;";

// - sts_policy: MTA-STS policies (RFC 8461), which must outlive a restart: that a policy cannot be
//   fetched is no reason to do without the one that was. mode is enum sts_mode.
static const char tables_6[] =
    "CREATE TABLE sts_policy("
    " domain TEXT PRIMARY KEY, id TEXT NOT NULL, mode INTEGER NOT NULL, mx TEXT NOT NULL,"
    " fetched INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

// Times are stored as milliseconds; 0 stands for never.
#define ISO(ms) "strftime('%Y-%m-%dT%H:%M:%SZ', nullif(" ms ", 0) / 1000, 'unixepoch')"
#define ID(n)   "printf('%012X', " n ")"
// As core/outcome.h names them; a test holds the two against each other.
#define CLASS(n)                                                                                   \
    "CASE " n " WHEN 0 THEN 'none' WHEN 1 THEN 'host' WHEN 2 THEN 'tls' WHEN 3 THEN 'auth'"        \
    " WHEN 4 THEN 'dns' WHEN 5 THEN 'greylist' WHEN 6 THEN 'mailbox-full' WHEN 7 THEN 'rate'"      \
    " WHEN 8 THEN 'message' WHEN 9 THEN 'refused' WHEN 10 THEN 'address' WHEN 11 THEN 'expired'"   \
    " WHEN 12 THEN 'operator' END"

static const char drop_views[] = "DROP VIEW IF EXISTS mailq; DROP VIEW IF EXISTS history;"
                                 "DROP VIEW IF EXISTS destinations;"
                                 "DROP VIEW IF EXISTS suspensions;"
                                 "DROP VIEW IF EXISTS sts_policies;";

// Made anew behind each migration, so that migrations are about tables only.
// As enum outcome_stage.
#define STAGE(n)                                                                                   \
    "CASE " n " WHEN 0 THEN '' WHEN 1 THEN 'connect' WHEN 2 THEN 'greeting' WHEN 3 THEN 'ehlo'"    \
    " WHEN 4 THEN 'starttls' WHEN 5 THEN 'auth' WHEN 6 THEN 'mail' WHEN 7 THEN 'rcpt'"             \
    " WHEN 8 THEN 'data' WHEN 9 THEN 'body' WHEN 10 THEN 'end of data' WHEN 11 THEN 'dns' END"

// clang-format off
static const char create_views[] =
    // One row for each recipient that is still in the queue.
    "CREATE VIEW mailq AS SELECT"
    " " ID("m.id") " AS id, m.id AS message, r.n AS n, m.sender AS sender,"
    " r.address AS recipient, r.domain AS domain,"
    " CASE WHEN r.state = 1 THEN 'held' WHEN r.attempts = 0 THEN 'queued' ELSE 'deferred' END"
    " AS state, m.size AS size, " ISO("m.arrival") " AS arrival, r.attempts AS attempts,"
    " CASE WHEN r.state = 0 THEN " ISO("r.next_attempt") " END AS next_attempt,"
    " " ISO("r.last_attempt") " AS last_attempt, " CLASS("r.last_class") " AS class,"
    " r.last_status AS status, r.last_reply AS reply, r.last_host AS host,"
    " r.in_doubt AS in_doubt, r.warned AS warnings, r.priority AS priority,"
    " r.held_why AS held_because, r.notify AS notify, r.orcpt AS orcpt, m.ret AS ret,"
    " m.envid AS envid, (m.traits & 1) <> 0 AS smtputf8,"
    " (m.traits & 16) <> 0 AS requiretls, (m.traits & 32) <> 0 AS tls_optional,"
    " " ISO("m.deliver_by") " AS deliver_by,"
    " CASE WHEN m.deliver_by = 0 THEN '' WHEN m.traits & 4 THEN 'return' ELSE 'notify' END"
    " AS deliver_by_mode"
    " FROM message m JOIN recipient r ON r.message = m.id;"
    // One row for each end of a recipient's way,
    "CREATE VIEW history AS SELECT"
    " " ID("f.message") " AS id, f.message AS message, f.n AS n, f.sender AS sender,"
    " f.address AS recipient, " ISO("f.arrival") " AS arrival, f.at AS at_ms,"
    " " ISO("f.at") " AS at, CASE f.outcome WHEN 0 THEN 'delivered' WHEN 1 THEN 'failed'"
    " WHEN 2 THEN 'expired' WHEN 3 THEN 'removed' WHEN 4 THEN 'bounced' END AS outcome,"
    " f.attempts AS attempts, f.in_doubt AS in_doubt, f.status AS status, f.reply AS reply,"
    " f.host AS host, f.reason AS reason, " CLASS("f.class") " AS class,"
    " " STAGE("f.stage") " AS stage, f.tls AS tls, '' AS rule, NULL AS next_attempt"
    " FROM finished f"
    // and for each attempt before it.
    " UNION ALL SELECT"
    " " ID("a.message") ", a.message, a.n, coalesce(m.sender, f.sender),"
    " coalesce(r.address, f.address), " ISO("coalesce(m.arrival, f.arrival)") ", a.at,"
    " " ISO("a.at") ", 'deferred', a.nr, a.in_doubt, a.status, a.reply, a.host, '',"
    " " CLASS("a.class") ", " STAGE("a.stage") ", a.tls, a.rule, " ISO("a.next") ""
    " FROM attempt a LEFT JOIN message m ON m.id = a.message"
    " LEFT JOIN recipient r ON r.message = a.message AND r.n = a.n"
    " LEFT JOIN finished f ON f.message = a.message AND f.n = a.n;"
    // One row for each destination that is not healthy.
    "CREATE VIEW destinations AS SELECT name, failures, " ISO("since") " AS since,"
    " " ISO("last_probe") " AS last_probe, " ISO("rest_until") " AS rest_until,"
    " " CLASS("class") " AS class, status, reply FROM destination;"
    // One row for each destination, sender or everything that an operator has suspended.
    "CREATE VIEW suspensions AS SELECT CASE kind WHEN 0 THEN 'destination' WHEN 1 THEN 'sender'"
    " WHEN 2 THEN 'everything' END AS kind, name, " ISO("since") " AS since,"
    " " ISO("until") " AS until, reason, who FROM suspension;"
    // One row for each domain whose MTA-STS policy is known.
    "CREATE VIEW sts_policies AS SELECT domain, id, CASE mode WHEN 0 THEN 'none'"
    " WHEN 1 THEN 'testing' WHEN 2 THEN 'enforce' END AS mode, trim(mx) AS mx,"
    " " ISO("fetched") " AS fetched, " ISO("expires") " AS expires FROM sts_policy;";
// clang-format on

const struct migration schema_migrations[] = {{1, tables_1}, {2, tables_2}, {3, tables_3},
                                              {4, tables_4}, {5, tables_5}, {6, tables_6}};
const int schema_migration_count = 6;

struct identity {
    int64_t application, version, objects;
};

static enum fp_err get_identity(sqlite3 *db, struct identity *ret)
{
    struct identity id = {0};
    enum fp_err err = sql_number(db, "PRAGMA application_id", &id.application);
    if (!err)
        err = sql_number(db, "PRAGMA user_version", &id.version);
    if (!err)
        err = sql_number(db, "SELECT count(*) FROM sqlite_schema", &id.objects);
    if (!err)
        *ret = id;
    return err;
}

static bool is_empty(const struct identity *id)
{
    return id->objects == 0 && id->version == 0;
}

static enum fp_err say_failure(sqlite3 *db, enum fp_err err, const char *path, struct buf *why)
{
    if (err == FP_CORRUPT)
        buf_addf(why, "%s is not a spool: %s", path, sqlite3_errmsg(db));
    else
        buf_addf(why, "cannot use the spool %s: %s", path, sqlite3_errmsg(db));
    return err;
}

// Is it ours, and not from the future?
static enum fp_err check_identity(const struct identity *id, const char *path, int newest,
                                  struct buf *why)
{
    if (!is_empty(id) && id->application != SPOOL_APPLICATION) {
        buf_addf(why, "%s is not a spool: it is an SQLite database of some other program", path);
        return FP_CORRUPT;
    }
    if (id->version > newest) {
        buf_addf(why,
                 "the spool %s has schema version %lld, this program knows versions up to %d: "
                 "use the newer program that wrote it",
                 path, (long long)id->version, newest);
        return FP_NEWER;
    }
    return FP_OK;
}

static enum fp_err copy_into(sqlite3 *db, const char *to)
{
    // Made with the spool's own mode before SQLite opens it.
    unlink(to);
    int fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return FP_IO;
    close(fd);
    sqlite3 *copy = NULL;
    int rc = sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_backup *backup = rc == SQLITE_OK ? sqlite3_backup_init(copy, "main", db, "main") : NULL;
    if (backup) {
        do
            rc = sqlite3_backup_step(backup, COPY_PAGES);
        while (rc == SQLITE_OK);
        rc = sqlite3_backup_finish(backup);
    }
    enum fp_err err = backup ? sql_err(copy, rc) : FP_IO;
    sqlite3_close(copy);
    return err;
}

static enum fp_err back_up(sqlite3 *db, const char *path, int version, struct buf *why)
{
    struct buf to;
    buf_init(&to, 4096);
    enum fp_err err = buf_addf(&to, "%s.v%d.backup", path, version);
    if (!err)
        err = copy_into(db, to.p);
    if (err)
        buf_addf(why, "cannot copy the spool %s to %s before bringing it to a newer version: %s",
                 path, to.p, fp_err_text(err));
    buf_close(&to);
    return err;
}

static int run_migrations(sqlite3 *db, const struct migration *migrations, int count, int from)
{
    int rc = sqlite3_exec(db, drop_views, NULL, NULL, NULL);
    for (int i = 0; i < count && rc == SQLITE_OK; i++)
        if (migrations[i].version > from)
            rc = sqlite3_exec(db, migrations[i].sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, create_views, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "PRAGMA application_id = " SPOOL_APPLICATION_ID, NULL, NULL, NULL);
    char version[64]; // a pragma takes no parameters
    snprintf(version, sizeof version, "PRAGMA user_version = %d", migrations[count - 1].version);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, version, NULL, NULL, NULL);
    return rc;
}

static enum fp_err migrate_from(sqlite3 *db, const char *path, const struct migration *migrations,
                                int count, int from, struct buf *why)
{
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = run_migrations(db, migrations, count, from);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return FP_OK;
    enum fp_err err = say_failure(db, sql_err(db, rc), path, why);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

static enum fp_err identify(sqlite3 *db, const char *path, int newest, struct identity *ret,
                            struct buf *why)
{
    enum fp_err err = get_identity(db, ret);
    return err ? say_failure(db, err, path, why) : check_identity(ret, path, newest, why);
}

enum fp_err schema_recognise(sqlite3 *db, const char *path, int newest, struct buf *why)
{
    struct identity id;
    return identify(db, path, newest, &id, why);
}

enum fp_err schema_migrate(sqlite3 *db, const char *path, const struct migration *migrations,
                           int count, struct buf *why)
{
    must(count > 0);
    int newest = migrations[count - 1].version;
    struct identity id;
    enum fp_err err = identify(db, path, newest, &id, why);
    if (err || id.version == newest)
        return err;
    if (!is_empty(&id))
        err = back_up(db, path, (int)id.version, why);
    return err ? err : migrate_from(db, path, migrations, count, (int)id.version, why);
}

enum fp_err schema_check(sqlite3 *db, const char *path, int version, struct buf *why)
{
    struct identity id;
    enum fp_err err = identify(db, path, version, &id, why);
    if (err || id.version == version)
        return err;
    if (is_empty(&id)) {
        buf_addf(why, "%s is empty: there is no spool yet", path);
        return FP_NOT_FOUND;
    }
    buf_addf(why, "the spool %s has schema version %lld: start the daemon once to bring it to %d",
             path, (long long)id.version, version);
    return FP_AGAIN;
}
