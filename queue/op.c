// SPDX-License-Identifier: BSD-2-Clause
// op: making and releasing requests to the spool. See op.h.
#include "queue/op.h"

#include "core/must.h"

#include <stddef.h>
#include <stdlib.h>

// The filter of an operator's request makes an op 5 KiB large, and those of mail, which have none,
// are under way by the thousand: so an op has as much memory as its kind needs.
#define UP_TO(member) (offsetof(struct op, member) + sizeof((struct op *)0)->member)
static const size_t sizes[OP_KIND_COUNT] = {
    [OP_APPEND] = UP_TO(append),     [OP_ACCEPT] = UP_TO(accept),
    [OP_DISCARD] = UP_TO(discard),   [OP_SETTLE] = UP_TO(settle),
    [OP_CHANGE] = UP_TO(change),     [OP_HEALTH] = UP_TO(health),
    [OP_DOMAINS] = UP_TO(domains),   [OP_MAINTAIN] = UP_TO(maintain),
    [OP_DUE] = UP_TO(due),           [OP_OVERDUE] = UP_TO(overdue),
    [OP_READ] = UP_TO(read),         [OP_CHUNK] = UP_TO(chunk),
    [OP_HEALTHS] = UP_TO(healths),   [OP_LIST] = UP_TO(list),
    [OP_STATS] = UP_TO(stats),       [OP_HISTORY] = UP_TO(history),
    [OP_ENDED] = UP_TO(ended),       [OP_FIND] = UP_TO(find),
    [OP_PLAN] = UP_TO(plan),         [OP_SUSPEND] = UP_TO(suspend),
    [OP_POSTPONE] = UP_TO(postpone), [OP_SUSPENSIONS] = UP_TO(suspensions),
    [OP_CLOCK] = UP_TO(clock),       [OP_STS] = UP_TO(sts),
    [OP_STS_ALL] = UP_TO(sts_all),
};

struct op *op_new(enum op_kind kind)
{
    must((unsigned)kind < OP_KIND_COUNT);
    struct op *op = must_zalloc(sizes[kind] ? sizes[kind] : sizeof *op);
    op->kind = kind;
    if (kind == OP_CHANGE)
        op->change.uid = -1;
    else if (kind == OP_LIST)
        op->list.uid = -1;
    else if (kind == OP_DUE) {
        op->due.attempted_before_ms = INT64_MAX;
        op->due.after_ms = INT64_MIN;
    } else if (kind == OP_OVERDUE)
        op->overdue.from_ms = INT64_MIN;
    else if (kind == OP_ENDED) {
        op->ended.uid = -1;
        op->ended.at_ms = INT64_MAX;
    } else if (kind == OP_FIND)
        op->find.uid = -1;
    return op;
}

// Of an attempt alone: a sweep and an operator, who make none, wait for their next page.
static bool is_attempt_only(const struct op_settle *settle)
{
    for (uint32_t i = 0; i < settle->change_count; i++)
        if (!settle->changes[i].is_attempt)
            return false;
    return !settle->notices[0] && !settle->notices[1] && !settle->notices[2];
}

enum op_haste op_haste(const struct op *op)
{
    switch (op->kind) {
    case OP_DISCARD:
    case OP_HEALTH:
    case OP_POSTPONE:
    case OP_STS:
        return OP_LAZY;
    case OP_SETTLE:
        return is_attempt_only(&op->settle) ? OP_LAZY : OP_URGENT;
    default:
        return OP_URGENT;
    }
}

void op_rows_free(struct op_row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        message_close(&rows[i].message);
        for (uint32_t k = 0; k < rows[i].rcpt_count; k++)
            recipient_close(&rows[i].rcpts[k]);
        free(rows[i].rcpts);
    }
    free(rows);
}

void op_page_close(struct op_page *page)
{
    free(page->rows);
    free(page->rcpts);
    pool_close(&page->texts);
    *page = (struct op_page){0};
}

static void health_row_close(struct op_health_row *row)
{
    free(row->name);
    free(row->status);
    free(row->text);
}

static void settle_close(struct op_settle *settle)
{
    free(settle->changes);
    free(settle->is_gone);
    for (int i = 0; i < OP_NOTICES; i++)
        entry_free(settle->notices[i]);
}

static void change_close(struct op_change *change)
{
    for (uint32_t i = 0; i < change->row_count; i++) {
        free(change->rows[i].domain);
        free(change->rows[i].address);
    }
    free(change->rows);
    free(change->reason);
}

static void domains_close(struct op_domains *domains)
{
    for (uint32_t i = 0; i < domains->row_count; i++)
        free(domains->rows[i].domain);
    free(domains->rows);
    free(domains->after);
}

static void due_close(struct op_due *due)
{
    op_rows_free(due->rows, due->row_count);
    free(due->domain);
    free(due->sharing);
}

static void healths_close(struct op_healths *healths)
{
    for (uint32_t i = 0; i < healths->row_count; i++)
        health_row_close(&healths->rows[i]);
    free(healths->rows);
}

static void clock_close(struct op_clock *clock)
{
    for (uint32_t i = 0; i < clock->domain_count; i++)
        free(clock->domains[i]);
    free(clock->domains);
    free(clock->after);
}

static void suspensions_close(struct op_suspensions *all)
{
    for (uint32_t i = 0; i < all->row_count; i++)
        suspension_close(&all->rows[i]);
    free(all->rows);
}

static void sts_all_close(struct op_sts_all *all)
{
    for (uint32_t i = 0; i < all->row_count; i++)
        sts_policy_close(&all->rows[i]);
    free(all->rows);
}

static void stats_close(struct op_stats *stats)
{
    for (uint32_t i = 0; i < stats->row_count; i++)
        free(stats->rows[i].domain);
    free(stats->rows);
    free(stats->at.row.domain);
    free(stats->withheld);
    pool_close(&stats->texts);
}

static void history_close(struct op_history *history)
{
    free(history->attempts);
    free(history->ends);
    pool_close(&history->texts);
}

static void ended_close(struct op_ended *ended)
{
    free(ended->address);
    free(ended->domain);
    free(ended->ends);
    pool_close(&ended->texts);
}

static void find_close(struct op_find *find)
{
    free(find->address);
    free(find->domain);
}

static void plan_close(struct op_plan *plan)
{
    for (uint32_t i = 0; i < plan->row_count; i++)
        free(plan->rows[i].domain);
    free(plan->rows);
    free(plan->domain);
    free(plan->at.row.domain);
}

struct op *op_ended_rest(struct op *op)
{
    must(op->kind == OP_ENDED && !op->err && !op->ended.is_done);
    struct op *rest = op_new(OP_ENDED);
    rest->ended = op->ended;
    rest->ended.ends = NULL;
    rest->ended.end_count = 0;
    rest->ended.texts = POOL_EMPTY;
    op->ended.address = op->ended.domain = NULL;
    return rest;
}

struct op *op_find_rest(struct op *op)
{
    must(op->kind == OP_FIND && !op->err && !op->find.is_done);
    struct op *rest = op_new(OP_FIND);
    rest->find = op->find;
    op->find.address = op->find.domain = NULL;
    return rest;
}

struct op *op_plan_rest(struct op *op)
{
    must(op->kind == OP_PLAN && !op->err && !op->plan.is_done);
    struct op *rest = op_new(OP_PLAN);
    rest->plan = op->plan;
    rest->plan.rows = NULL;
    rest->plan.row_count = 0;
    op->plan.domain = op->plan.at.row.domain = NULL;
    return rest;
}

struct op *op_stats_rest(struct op *op)
{
    must(op->kind == OP_STATS && !op->err && !op->stats.is_done);
    struct op *rest = op_new(OP_STATS);
    rest->stats = op->stats;
    rest->stats.withheld = NULL;
    rest->stats.withheld_count = 0;
    rest->stats.texts = POOL_EMPTY;
    op->stats = (struct op_stats){.withheld = op->stats.withheld,
                                  .withheld_count = op->stats.withheld_count,
                                  .texts = op->stats.texts};
    return rest;
}

static void op_close_writer(struct op *op)
{
    switch (op->kind) {
    case OP_APPEND:
        free(op->append.data);
        break;
    case OP_ACCEPT:
        entry_free(op->accept.entry);
        break;
    case OP_SETTLE:
        settle_close(&op->settle);
        break;
    case OP_CHANGE:
        change_close(&op->change);
        break;
    case OP_HEALTH:
        health_row_close(&op->health.row);
        break;
    case OP_SUSPEND:
        suspension_close(&op->suspend.row);
        break;
    case OP_CLOCK:
        clock_close(&op->clock);
        break;
    case OP_POSTPONE:
        free(op->postpone.rows);
        break;
    case OP_STS:
        sts_policy_close(&op->sts.row);
        break;
    default: // DISCARD, MAINTAIN and RESERVE own nothing
        break;
    }
}

static void op_close_reader(struct op *op)
{
    switch (op->kind) {
    case OP_DOMAINS:
        domains_close(&op->domains);
        break;
    case OP_DUE:
        due_close(&op->due);
        break;
    case OP_OVERDUE:
        op_rows_free(op->overdue.rows, op->overdue.row_count);
        break;
    case OP_READ:
        op_rows_free(op->read.row, op->read.row ? 1 : 0);
        break;
    case OP_CHUNK:
        free(op->chunk.data);
        break;
    case OP_HEALTHS:
        healths_close(&op->healths);
        break;
    case OP_LIST:
        op_page_close(&op->list.page);
        break;
    case OP_HISTORY:
        history_close(&op->history);
        break;
    case OP_ENDED:
        ended_close(&op->ended);
        break;
    case OP_FIND:
        find_close(&op->find);
        break;
    case OP_PLAN:
        plan_close(&op->plan);
        break;
    case OP_SUSPENSIONS:
        suspensions_close(&op->suspensions);
        break;
    case OP_STS_ALL:
        sts_all_close(&op->sts_all);
        break;
    default:
        stats_close(&op->stats);
        break;
    }
}

void op_free(struct op *op)
{
    if (!op)
        return;
    if (op_is_writer(op))
        op_close_writer(op);
    else
        op_close_reader(op);
    free(op);
}
