// SPDX-License-Identifier: BSD-2-Clause
// statements: every statement of the spool with a fixed text, in one place.
//
// tests/unit/queue/test_statements.c prepares them all and looks at their query plans: one that
// would read a whole table where an index should serve does not pass.
#include "queue/sql_db.h"

// A body's chunks have the ids message << 12 | n, so they lie side by side.
#define CHUNKS_OF "id BETWEEN ?1 << 12 AND (?1 << 12) | 4095"

static const char settle_defer[] =
    "UPDATE recipient SET next_attempt = ?3, warned = ?4, attempts = attempts + 1,"
    " last_attempt = ?5, in_doubt = in_doubt | ?6, last_class = ?7, last_status = ?8,"
    " last_reply = ?9, last_host = ?10 WHERE message = ?1 AND n = ?2";

// No attempt was made: what is known is shown, but the time and the number of attempts stay.
static const char settle_postpone[] =
    "UPDATE recipient SET next_attempt = ?3, warned = ?4, in_doubt = in_doubt | ?5,"
    " last_class = CASE WHEN ?6 THEN ?7 ELSE last_class END,"
    " last_status = CASE WHEN ?6 THEN ?8 ELSE last_status END,"
    " last_reply = CASE WHEN ?6 THEN ?9 ELSE last_reply END,"
    " last_host = CASE WHEN ?6 THEN ?10 ELSE last_host END WHERE message = ?1 AND n = ?2";

static const char requeue[] =
    "UPDATE recipient SET state = 0, next_attempt = ?3, attempts = 0, warned = 0,"
    " last_attempt = 0, last_class = 0, last_status = '', last_reply = '', last_host = '',"
    " held_why = ''"
    " WHERE message = ?1 AND n = ?2";

#define STATS_FROM                                                                                 \
    " FROM recipient INDEXED BY recipient_due"                                                     \
    " WHERE state = ?1 AND domain = ?2 AND (next_attempt, message, n) > (?3, ?4, ?5)"              \
    " ORDER BY next_attempt, message, n LIMIT ?6"

// NULL parameters: the recipient's own memory of its last attempt.
static const char finished_insert[] =
    "INSERT INTO finished(message, n, sender, address, outcome, arrival, at, attempts, in_doubt,"
    " status, reply, host, reason, class, stage, tls, uid)"
    " SELECT r.message, r.n, m.sender, r.address, ?3, m.arrival, ?4, r.attempts + ?5,"
    " r.in_doubt | ?6, coalesce(?7, r.last_status), coalesce(?8, r.last_reply),"
    " coalesce(?9, r.last_host), ?10, coalesce(?11, r.last_class), ?12, ?13, m.uid"
    " FROM recipient r JOIN message m ON m.id = r.message WHERE r.message = ?1 AND r.n = ?2";

// Attempts are numbered, not keyed by time: a clock set back must not make two of them collide.
static const char attempt_insert[] =
    "INSERT INTO attempt(message, n, nr, at, ended, class, in_doubt, status, reply, host,"
    " scope, stage, next, tls, rule)"
    " SELECT ?1, ?2, coalesce(max(nr), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14"
    " FROM attempt WHERE message = ?1 AND n = ?2";

// In due order. The row value lets one index range begin right behind the last row of the page
// before; `attempted_before` only matters for a flush.
static const char due_page[] =
    "SELECT " RECIPIENT_COLUMNS " FROM recipient r INDEXED BY recipient_due"
    " WHERE r.state = 0 AND r.domain = ?1 AND (r.next_attempt, r.message, r.n) > (?2, ?3, ?4)"
    " AND r.next_attempt <= ?5 AND r.last_attempt < ?6"
    " ORDER BY r.next_attempt, r.message, r.n LIMIT ?7";

// The index alone: what is passed over costs no more than that.
static const char due_walk[] =
    "SELECT next_attempt, message, n, sender_key, priority FROM recipient INDEXED BY recipient_due"
    " WHERE state = 0 AND domain = ?1 AND (next_attempt, message, n) > (?2, ?3, ?4)"
    " AND next_attempt <= ?5 ORDER BY next_attempt, message, n";

static const char destination_put[] =
    "INSERT INTO destination(name, failures, since, last_probe, rest_until, class, status, reply)"
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(name) DO UPDATE SET"
    " failures = excluded.failures, since = excluded.since, last_probe = excluded.last_probe,"
    " rest_until = excluded.rest_until, class = excluded.class, status = excluded.status,"
    " reply = excluded.reply";

#define FINISHED_COLUMNS                                                                           \
    "message, n, outcome, arrival, at, uid, attempts, class, stage, in_doubt, sender, address,"    \
    " status, reply, host, tls, reason"

// Looked at one by one, newest first, for those of one address.
static const char finished_before[] =
    "SELECT " FINISHED_COLUMNS " FROM finished INDEXED BY finished_at"
    " WHERE (at, message, n) < (?1, ?2, ?3) ORDER BY at DESC, message DESC, n DESC LIMIT ?4";

static const char attempts_of[] =
    "SELECT n, nr, at, ended, next, class, scope, stage, in_doubt, status, reply, host, tls, rule"
    " FROM attempt WHERE message = ?1 AND n BETWEEN ?2 AND ?3 ORDER BY n, nr";

// The highest number of a recipient in the queue, and of one that has left it.
static const char history_last[] = "SELECT max(n) FROM recipient WHERE message = ?1"
                                   " UNION ALL SELECT max(n) FROM finished WHERE message = ?1";

const char *const sql_texts[SQL_COUNT] = {
    [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SAVEPOINT] = "SAVEPOINT op",
    [SQL_SAVEPOINT_UNDO] = "ROLLBACK TO op",
    [SQL_SAVEPOINT_END] = "RELEASE op",

    [SQL_META_GET] = "SELECT value FROM meta WHERE key = ?1",
    [SQL_META_PUT] = "INSERT INTO meta(key, value) VALUES(?1, ?2)"
                     " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
    [SQL_MESSAGE_INSERT] =
        "INSERT INTO message(id, version, arrival, size, kind, is_8bit, uid, warned, sender,"
        " priority, ret, envid, traits, deliver_by)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [SQL_RECIPIENT_INSERT] =
        "INSERT INTO recipient(message, n, state, domain, next_attempt, attempts, warned,"
        " last_attempt, last_class, in_doubt, address, last_status, last_reply, last_host,"
        " priority, sender_key, notify, orcpt)"
        " VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6, 0, 0, 0, ?7, '', '', '', ?8, ?9, ?10, ?11)",
    [SQL_CHUNK_INSERT] = "INSERT INTO chunk(id, data) VALUES(?1, ?2)",
    [SQL_CHUNK_COUNT] = "SELECT count(*) FROM chunk WHERE " CHUNKS_OF,
    [SQL_CHUNK_DELETE_ALL] = "DELETE FROM chunk WHERE " CHUNKS_OF,
    [SQL_INCOMING_INSERT] = "INSERT OR IGNORE INTO incoming(message) VALUES(?1)",
    [SQL_INCOMING_DELETE] = "DELETE FROM incoming WHERE message = ?1",
    [SQL_INCOMING_FIRST] = "SELECT min(message) FROM incoming",

    [SQL_MESSAGE_VERSION] = "SELECT version FROM message WHERE id = ?1",
    [SQL_MESSAGE_TOUCH] = "UPDATE message SET version = version + 1 WHERE id = ?1",
    [SQL_MESSAGE_TOUCH_WARNED] =
        "UPDATE message SET version = version + ?3, warned = ?2 WHERE id = ?1",
    [SQL_MESSAGE_DELETE] = "DELETE FROM message WHERE id = ?1",
    [SQL_RECIPIENTS_LEFT] =
        "SELECT count(*), min(r.warned) FILTER (WHERE r.state = 0),"
        " (SELECT m.warned FROM message m WHERE m.id = ?1) FROM recipient r WHERE r.message = ?1",
    [SQL_RECIPIENT_COUNT] = "SELECT count(*) FROM recipient WHERE message = ?1 AND n = ?2",
    [SQL_RECIPIENT_DEFER] = settle_defer,
    [SQL_RECIPIENT_POSTPONE] = settle_postpone,
    [SQL_RECIPIENT_WARN] = "UPDATE recipient SET warned = ?3 WHERE message = ?1 AND n = ?2",
    [SQL_RECIPIENT_DELETE] = "DELETE FROM recipient WHERE message = ?1 AND n = ?2",
    [SQL_RECIPIENT_HOLD] =
        "UPDATE recipient SET state = 1, held_why = ?3 WHERE message = ?1 AND n = ?2",
    // It may have grown older than it may, and what was tried before it was held does not count.
    [SQL_RECIPIENT_RELEASE] = "UPDATE recipient SET state = 0, held_why = '', next_attempt = ?3,"
                              " last_attempt = 0 WHERE message = ?1 AND n = ?2",
    [SQL_RECIPIENT_REQUEUE] = requeue,
    [SQL_RECIPIENT_DUE] = "UPDATE recipient SET next_attempt = min(next_attempt, ?3)"
                          " WHERE message = ?1 AND n = ?2",
    [SQL_RECIPIENT_MARK] = "UPDATE recipient SET next_attempt = ?3 WHERE message = ?1 AND n = ?2",
    [SQL_FINISHED_INSERT] = finished_insert,
    [SQL_ATTEMPT_INSERT] = attempt_insert,
    [SQL_ATTEMPT_TRIM] = "DELETE FROM attempt WHERE message = ?1 AND n = ?2 AND nr <="
                         " (SELECT max(nr) FROM attempt WHERE message = ?1 AND n = ?2) - ?3",

    [SQL_DESTINATION_PUT] = destination_put,
    [SQL_DESTINATION_DELETE] = "DELETE FROM destination WHERE name = ?1",
    [SQL_DESTINATION_LIST] = "SELECT name, failures, since, last_probe, rest_until, class, status,"
                             " reply FROM destination ORDER BY name",
    [SQL_DESTINATION_OLD] = "DELETE FROM destination WHERE rest_until < ?1",
    [SQL_SUSPENSION_PUT] = "INSERT INTO suspension(kind, name, since, until, reason, who)"
                           " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(kind, name) DO UPDATE SET"
                           " since = excluded.since, until = excluded.until,"
                           " reason = excluded.reason, who = excluded.who",
    [SQL_SUSPENSION_DELETE] = "DELETE FROM suspension WHERE kind = ?1 AND name = ?2"
                              " AND (?3 IS NULL OR until = ?3)",
    [SQL_SUSPENSION_LIST] = "SELECT kind, name, since, until, reason, who FROM suspension"
                            " ORDER BY kind, name",
    [SQL_STS_PUT] = "INSERT OR REPLACE INTO sts_policy(domain, id, mode, mx, fetched, expires)"
                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_STS_DELETE] = "DELETE FROM sts_policy WHERE domain = ?1",
    [SQL_STS_LIST] = "SELECT domain, id, mode, mx, fetched, expires FROM sts_policy"
                     " ORDER BY fetched DESC LIMIT ?1",
    [SQL_STS_OLD] = "DELETE FROM sts_policy WHERE expires < ?1",
    [SQL_ARRIVAL_SHIFT] = "UPDATE message INDEXED BY message_warned SET arrival = arrival + ?4,"
                          " deliver_by = CASE deliver_by WHEN 0 THEN 0 ELSE deliver_by + ?4 END"
                          " WHERE warned = ?1 AND arrival >= ?2 AND arrival <= ?3",
    [SQL_ARRIVAL_PAST] = "UPDATE message INDEXED BY message_warned SET arrival = ?2,"
                         " deliver_by = CASE deliver_by WHEN 0 THEN 0"
                         " ELSE deliver_by + ?2 - arrival END"
                         " WHERE warned = ?1 AND arrival > ?2",
    [SQL_FINISHED_OLD] = "SELECT message, n FROM finished INDEXED BY finished_at"
                         " WHERE at < ?1 ORDER BY at LIMIT ?2",
    [SQL_FINISHED_DELETE] = "DELETE FROM finished WHERE message = ?1 AND n = ?2",
    [SQL_ATTEMPT_DELETE] = "DELETE FROM attempt WHERE message = ?1 AND n = ?2",

    [SQL_MESSAGE_GET] = "SELECT " MESSAGE_COLUMNS " FROM message m WHERE m.id = ?1",
    [SQL_RECIPIENTS_OF] =
        "SELECT " RECIPIENT_COLUMNS " FROM recipient r WHERE r.message = ?1 ORDER BY r.n",
    [SQL_CHUNK_LAST] = "SELECT max(id) & 4095 FROM chunk WHERE " CHUNKS_OF,
    [SQL_CHUNK_GET] = "SELECT data FROM chunk WHERE id = ?1",
    [SQL_DOMAIN_NEXT] = "SELECT domain, next_attempt FROM recipient INDEXED BY recipient_due"
                        " WHERE state = 0 AND domain > ?1 ORDER BY domain, next_attempt LIMIT 1",
    [SQL_DUE_PAGE] = due_page,
    [SQL_DUE_WALK] = due_walk,
    [SQL_RECIPIENT_GET] =
        "SELECT " RECIPIENT_COLUMNS " FROM recipient r WHERE r.message = ?1 AND r.n = ?2",
    [SQL_DUE_NEXT] =
        "SELECT next_attempt FROM recipient INDEXED BY recipient_due"
        " WHERE state = 0 AND domain = ?1 AND next_attempt > ?2 ORDER BY next_attempt LIMIT 1",
    [SQL_DUE_SKIPPED] = "SELECT next_attempt FROM recipient INDEXED BY recipient_due"
                        " WHERE state = 0 AND domain = ?1 AND next_attempt <= ?2"
                        " AND last_attempt >= ?3 ORDER BY next_attempt LIMIT 1",
    [SQL_OVERDUE_PAGE] =
        "SELECT arrival, id FROM message INDEXED BY message_warned WHERE warned = ?1"
        " AND (arrival, id) >= (?2, ?3) AND arrival <= ?4 ORDER BY arrival, id",
    [SQL_DELIVER_BY] = "SELECT arrival FROM message INDEXED BY message_deliver_by"
                       " WHERE deliver_by <> 0 AND deliver_by BETWEEN ?1 AND ?2",
    [SQL_RECIPIENTS_FROM] = "SELECT " RECIPIENT_COLUMNS " FROM recipient r"
                            " WHERE r.message = ?1 AND r.n >= ?2 ORDER BY r.n LIMIT ?3",
    [SQL_LEVEL_NEXT] =
        "SELECT min(warned) FROM message INDEXED BY message_warned WHERE warned > ?1",
    [SQL_PAGE_BOUND] = "SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2",
    [SQL_STATS_MESSAGES] = "SELECT id, size, arrival FROM message WHERE id > ?1 ORDER BY id"
                           " LIMIT ?2",
    [SQL_STATS_PAGES] =
        "SELECT page_count * page_size, freelist_count * page_size FROM pragma_page_count,"
        " pragma_freelist_count, pragma_page_size",
    [SQL_STATS_DOMAIN] = "SELECT domain FROM recipient INDEXED BY recipient_due"
                         " WHERE state = ?1 AND domain > ?2 ORDER BY domain LIMIT 1",
    [SQL_STATS_RECIPIENTS] = "SELECT next_attempt, message, n, attempts" STATS_FROM,
    [SQL_STATS_HELD] = "SELECT next_attempt, message, n, attempts, held_why, address, last_reply,"
                       " last_host, last_attempt" STATS_FROM,

    [SQL_ATTEMPTS_OF] = attempts_of,
    [SQL_FINISHED_OF] = "SELECT " FINISHED_COLUMNS " FROM finished"
                        " WHERE message = ?1 AND n BETWEEN ?2 AND ?3 ORDER BY n",
    [SQL_FINISHED_BEFORE] = finished_before,
    [SQL_HISTORY_LAST] = history_last,
    [SQL_FIND_PAGE] =
        "SELECT r.next_attempt, r.message, r.n, r.address FROM recipient r INDEXED BY recipient_due"
        " WHERE r.state = ?1 AND r.domain = ?2 AND (r.next_attempt, r.message, r.n) > (?3, ?4, ?5)"
        " ORDER BY r.next_attempt, r.message, r.n LIMIT ?6",
    [SQL_MESSAGE_UID] = "SELECT uid FROM message WHERE id = ?1",
    [SQL_PLAN_RECIPIENTS] =
        "SELECT next_attempt, message, n FROM recipient INDEXED BY recipient_due"
        " WHERE state = 0 AND domain = ?1 AND (next_attempt, message, n) > (?2, ?3, ?4)"
        " AND next_attempt <= ?5 ORDER BY next_attempt, message, n LIMIT ?6",
};
