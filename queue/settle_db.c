// SPDX-License-Identifier: BSD-2-Clause
// settle: stores what became of an attempt, all in one transaction (P2): recipients' outcomes and
// next times, history, notices, and the removal of the message when nobody is left.
#include "queue/sql_db.h"

#include "core/must.h"

#include <stdlib.h>
#include <string.h>

static enum fp_err read_version(struct store *s, uint64_t message, int64_t *ret)
{
    struct sql_call c = sql_call(s, SQL_MESSAGE_VERSION);
    sql_int(&c, (int64_t)message);
    return sql_get_int(&c, -1, ret);
}

static enum fp_err check_version(struct store *s, const struct op_settle *settle)
{
    int64_t version = -1;
    enum fp_err err = read_version(s, settle->message, &version);
    if (err)
        return err;
    if (version < 0)
        return FP_GONE;
    return version == (int64_t)settle->version ? FP_OK : FP_CONFLICT;
}

// A commit that failed and holds after all, as it may when the disk fails while the log is taken
// in, has stored this already; the version that was kept does not tell.
static enum fp_err check_notices(struct store *s, const struct op_settle *settle)
{
    enum fp_err err = FP_OK;
    for (size_t i = 0; i < sizeof settle->notices / sizeof *settle->notices && !err; i++) {
        int64_t version = -1;
        if (settle->notices[i])
            err = read_version(s, settle->notices[i]->message.id, &version);
        if (version >= 0)
            err = FP_CONFLICT;
    }
    return err;
}

static enum fp_err check_recipients(struct store *s, const struct op_settle *settle)
{
    for (uint32_t i = 0; i < settle->change_count; i++) {
        struct sql_call c = sql_call(s, SQL_RECIPIENT_COUNT);
        sql_int(&c, (int64_t)settle->message);
        sql_int(&c, settle->changes[i].n);
        int64_t count = 0;
        enum fp_err err = sql_get_int(&c, 0, &count);
        if (err || count == 0)
            return err ? err : FP_CONFLICT;
    }
    return FP_OK;
}

static enum finished_outcome outcome_of(const struct settle_change *change)
{
    if (change->action == SETTLE_DELIVERED)
        return FINISHED_DELIVERED;
    switch (change->outcome.klass) {
    case CLASS_EXPIRED:
        return FINISHED_EXPIRED;
    case CLASS_OPERATOR:
        return FINISHED_BOUNCED;
    default:
        return FINISHED_FAILED;
    }
}

static enum fp_err run_finish(struct store *s, const struct op_settle *settle,
                              const struct settle_change *change, bool *ret_is_gone)
{
    struct finish f = {
        .message = settle->message,
        .n = change->n,
        .outcome = outcome_of(change),
        .now_ms = settle->now_ms,
        .is_attempt = change->is_attempt,
        .said = &change->outcome,
        .reason = change->expired_by,
    };
    return finish_recipient(s, &f, ret_is_gone);
}

static enum fp_err attempt_insert(struct store *s, const struct op_settle *settle,
                                  const struct settle_change *change, const char *host)
{
    const struct outcome *o = &change->outcome;
    struct sql_call c = sql_call(s, SQL_ATTEMPT_INSERT);
    sql_int(&c, (int64_t)settle->message);
    sql_int(&c, change->n);
    sql_int(&c, change->began_ms);
    sql_int(&c, settle->now_ms);
    sql_int(&c, o->klass);
    sql_int(&c, o->in_doubt);
    sql_text(&c, o->status);
    sql_text(&c, o->text);
    sql_text(&c, host);
    sql_int(&c, o->scope);
    sql_int(&c, o->stage);
    sql_int(&c, change->next_attempt_ms);
    sql_text(&c, o->tls);
    sql_text(&c, change->rule);
    enum fp_err err = sql_run(&c);
    if (err)
        return err;
    c = sql_call(s, SQL_ATTEMPT_TRIM);
    sql_int(&c, (int64_t)settle->message);
    sql_int(&c, change->n);
    sql_int(&c, ATTEMPTS_KEPT);
    return sql_run(&c);
}

// An attempt was made and will be made again.
static enum fp_err run_defer(struct store *s, const struct op_settle *settle,
                             const struct settle_change *change, bool *ret_is_gone)
{
    const struct outcome *o = &change->outcome;
    char host[FINISH_HOST_SIZE];
    finish_host_text(o, host);
    struct sql_call c = sql_call(s, SQL_RECIPIENT_DEFER);
    sql_int(&c, (int64_t)settle->message);
    sql_int(&c, change->n);
    sql_int(&c, change->next_attempt_ms);
    sql_int(&c, change->warned);
    sql_int(&c, change->began_ms);
    sql_int(&c, o->in_doubt);
    sql_int(&c, o->klass);
    sql_text(&c, o->status);
    sql_text(&c, o->text);
    sql_text(&c, host);
    enum fp_err err = sql_run(&c);
    *ret_is_gone = !err && sqlite3_changes(s->db) == 0;
    return err || *ret_is_gone ? err : attempt_insert(s, settle, change, host);
}

// It was refused, and whether it goes back to the sender is for an operator to say.
static enum fp_err run_hold(struct store *s, const struct op_settle *settle,
                            const struct settle_change *change, bool *ret_is_gone)
{
    enum fp_err err = run_defer(s, settle, change, ret_is_gone);
    if (err || *ret_is_gone)
        return err;
    struct sql_call c = sql_call(s, SQL_RECIPIENT_HOLD);
    sql_int(&c, (int64_t)settle->message);
    sql_int(&c, change->n);
    sql_text(&c, change->held_why);
    return sql_run(&c);
}

// No attempt was made (our own failure): it waits, and the listing shows why.
static enum fp_err run_postpone(struct store *s, const struct op_settle *settle,
                                const struct settle_change *change, bool *ret_is_gone)
{
    const struct outcome *o = &change->outcome;
    char host[FINISH_HOST_SIZE];
    finish_host_text(o, host);
    struct sql_call c = sql_call(s, SQL_RECIPIENT_POSTPONE);
    sql_int(&c, (int64_t)settle->message);
    sql_int(&c, change->n);
    sql_int(&c, change->next_attempt_ms);
    sql_int(&c, change->warned);
    sql_int(&c, o->in_doubt);
    sql_int(&c, o->status[0] || o->text[0]); // has it anything to say?
    sql_int(&c, o->klass);
    sql_text(&c, o->status);
    sql_text(&c, o->text);
    sql_text(&c, host);
    enum fp_err err = sql_run(&c);
    *ret_is_gone = !err && sqlite3_changes(s->db) == 0;
    return err;
}

static enum fp_err run_warn(struct store *s, const struct op_settle *settle,
                            const struct settle_change *change, bool *ret_is_gone)
{
    struct sql_call c = sql_call(s, SQL_RECIPIENT_WARN);
    sql_int(&c, (int64_t)settle->message);
    sql_int(&c, change->n);
    sql_int(&c, change->warned);
    enum fp_err err = sql_run(&c);
    *ret_is_gone = !err && sqlite3_changes(s->db) == 0;
    return err;
}

static enum fp_err run_one(struct store *s, const struct op_settle *settle,
                           const struct settle_change *change, bool *ret_is_gone)
{
    switch (change->action) {
    case SETTLE_DELIVERED:
    case SETTLE_FAIL:
        return run_finish(s, settle, change, ret_is_gone);
    case SETTLE_DEFER:
        return change->is_attempt ? run_defer(s, settle, change, ret_is_gone)
                                  : run_postpone(s, settle, change, ret_is_gone);
    case SETTLE_HOLD:
        return run_hold(s, settle, change, ret_is_gone);
    case SETTLE_WARN:
        return run_warn(s, settle, change, ret_is_gone);
    }
    must_never("an action that does not exist");
    return FP_INVALID;
}

static void mark_gone(struct op_settle *settle, uint32_t i)
{
    if (!settle->is_gone)
        settle->is_gone = must_zalloc(settle->change_count * sizeof *settle->is_gone);
    settle->is_gone[i] = true;
    settle->gone_count++;
}

static enum fp_err run_changes(struct store *s, struct op_settle *settle)
{
    for (uint32_t i = 0; i < settle->change_count; i++) {
        bool is_gone = false;
        enum fp_err err = run_one(s, settle, &settle->changes[i], &is_gone);
        if (err)
            return err;
        if (is_gone)
            mark_gone(settle, i);
    }
    return FP_OK;
}

static void forget_answer(struct op_settle *settle) // of a run that was rolled back
{
    free(settle->is_gone);
    settle->is_gone = NULL;
    settle->gone_count = settle->new_version = 0;
    settle->is_removed = false;
}

enum fp_err settle_run(struct store *s, struct op *op)
{
    struct op_settle *settle = &op->settle;
    forget_answer(settle);
    enum fp_err err = check_version(s, settle);
    if (!err && settle->keeps_version)
        err = check_notices(s, settle);
    if (!err && settle->wants_all)
        err = check_recipients(s, settle);
    if (!err)
        err = run_changes(s, settle);
    if (!err)
        err = finish_message(s, settle->message, settle->keeps_version, &settle->is_removed);
    for (size_t i = 0; i < sizeof settle->notices / sizeof *settle->notices && !err; i++)
        if (settle->notices[i])
            err = entry_insert(s, settle->notices[i]);
    if (!err)
        settle->new_version = settle->version + !settle->keeps_version;
    return err;
}
