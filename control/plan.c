// SPDX-License-Identifier: BSD-2-Clause
// plan: what will be tried when, by destination. See plan.h.
#include "control/plan.h"

#include "control/quote.h"
#include "core/time.h"

enum { NAME_WIDTH = 32, COUNT_WIDTH = 8, WHEN_WIDTH = 9 };

static bool delays(const struct plan_row *row)
{
    return row->hold.kind == WHY_RESTING || row->hold.kind == WHY_SUSPENDED ||
           row->hold.kind == WHY_RATE || row->hold.kind == WHY_BLOCKED;
}

static int64_t not_before_hold(const struct plan_row *row, int64_t ms)
{
    if (row->hold.kind == WHY_ON_FLUSH)
        return TIME_NEVER; // nobody can know
    int64_t hold_ms = delays(row) ? row->hold.until_ms : 0;
    if (hold_ms < row->rest_until_ms)
        hold_ms = row->rest_until_ms;
    return hold_ms > ms ? hold_ms : ms;
}

int64_t plan_first(const struct plan_row *row)
{
    return not_before_hold(row, row->first_ms);
}

int64_t plan_last(const struct plan_row *row, int64_t now_ms)
{
    int64_t last_ms = not_before_hold(row, row->last_ms), first_ms = plan_first(row);
    int64_t takes_ms = plan_takes(row);
    if (takes_ms == TIME_NEVER || first_ms == TIME_NEVER)
        return TIME_NEVER;
    if (takes_ms == 0)
        return last_ms;
    // It begins one beat before all of them have been.
    int64_t from_ms = first_ms > now_ms ? first_ms : now_ms;
    int64_t by_rate_ms = from_ms + takes_ms - row->rate_ms / row->rate_count;
    return by_rate_ms > last_ms ? by_rate_ms : last_ms;
}

int64_t plan_takes(const struct plan_row *row)
{
    if (row->rate_count == 0)
        return 0;
    uint64_t whole = row->recipients / row->rate_count, part = row->recipients % row->rate_count;
    if (whole > (uint64_t)(INT64_MAX / 2 / (row->rate_ms + 1)))
        return TIME_NEVER;
    return (int64_t)whole * row->rate_ms + (int64_t)part * row->rate_ms / row->rate_count;
}

static void add_cell(struct column *c, int64_t ms, int64_t now_ms)
{
    size_t from = c->to->n;
    column_until(c, ms, now_ms);
    column_pad(c, from, WHEN_WIDTH);
    column_blanks(c, 2);
}

static void add_rate(const struct plan_row *row, struct column *c)
{
    column_str(c, "rate ");
    column_number(c, row->rate_count, 0);
    column_str(c, "/");
    column_rough(c, row->rate_ms);
    if (plan_takes(row) < TIME_SECOND_MS)
        return; // it delays nothing
    column_str(c, ": takes up to ");
    column_rough(c, plan_takes(row));
}

// How long each takes nobody knows, so the last one's time is the earliest.
static void add_crowd(const struct plan_row *row, struct column *c)
{
    if (row->connections == 0 || row->recipients <= row->connections) {
        column_str(c, "-");
        return;
    }
    column_number(c, row->connections, 0);
    column_str(c, " at a time");
}

static void add_row(const struct plan *p, const struct plan_row *row, struct column *c)
{
    size_t from = c->to->n;
    bool is_held = row->hold.kind != WHY_TURN && row->hold.kind != WHY_RATE;
    column_text(c, row->destination);
    column_pad(c, from, NAME_WIDTH);
    column_number(c, row->recipients, COUNT_WIDTH);
    column_blanks(c, 2);
    add_cell(c, plan_first(row), p->now_ms);
    add_cell(c, plan_last(row, p->now_ms), p->now_ms);
    if (is_held)
        why_hold_text(&row->hold, p->now_ms, p->utc_offset_s, c);
    column_str(c, is_held && row->rate_count ? "; " : "");
    if (row->rate_count)
        add_rate(row, c);
    else if (!is_held)
        add_crowd(row, c);
    column_str(c, "\n");
}

static void add_sum(const struct plan *p, struct column *c)
{
    column_number(c, p->recipients, 0);
    column_str(c, p->recipients == 1 ? " recipient to " : " recipients to ");
    column_number(c, p->destinations, 0);
    column_str(c, p->destinations == 1 ? " destination within " : " destinations within ");
    column_rough(c, p->for_ms);
    column_str(c, ", until ");
    column_time_near(c, p->now_ms + p->for_ms, p->now_ms, p->utc_offset_s);
    if (p->destinations > p->row_count) {
        column_str(c, "; shown are the ");
        column_number(c, p->row_count, 0);
        column_str(c, " with most");
    }
    column_str(c, "\n");
}

void plan_format(const struct plan *p, struct buf *to)
{
    struct column c = column_begin(to);
    if (p->row_count > 0)
        column_str(&c,
                   "DESTINATION                        RCPTS  FIRST TRY  LAST TRY   DELAYED BY\n");
    for (uint32_t i = 0; i < p->row_count; i++)
        add_row(p, &p->rows[i], &c);
    if (p->row_count > 0) {
        add_sum(p, &c);
    } else {
        column_str(&c, "Nothing is due within ");
        column_rough(&c, p->for_ms);
        column_str(&c, ".\n");
    }
    column_str(&c, p->note ? p->note : "");
    column_str(&c, p->note ? "\n" : "");
    column_commit(&c);
}

static void add_object(const struct plan *p, const struct plan_row *row, struct column *c)
{
    column_str(c, "{\"destination\": ");
    quote_text(c, row->destination);
    quote_member_number(c, "recipients", row->recipients);
    quote_member_time(c, "first_due", row->first_ms);
    quote_member_time(c, "last_due", row->last_ms);
    quote_member_time(c, "first_try", plan_first(row));
    quote_member_time(c, "last_try", plan_last(row, p->now_ms));
    quote_member_text(c, "delayed_by",
                      row->hold.kind == WHY_TURN ? "" : why_kind_name(row->hold.kind));
    quote_member_time(c, "delayed_until", delays(row) ? row->hold.until_ms : 0);
    quote_member_text(c, "reason", row->hold.reason);
    quote_member_number(c, "connections", row->connections);
    quote_member_number(c, "rate_count", row->rate_count);
    quote_member_number(c, "rate_seconds", (uint64_t)(row->rate_ms / TIME_SECOND_MS));
    quote_member_number(c, "rate_takes_seconds", (uint64_t)(plan_takes(row) / TIME_SECOND_MS));
    column_str(c, "}");
}

void plan_json(const struct plan *p, struct buf *to)
{
    struct column c = column_begin(to);
    column_str(&c, "{\"until\": ");
    quote_time(&c, p->now_ms + p->for_ms);
    quote_member_number(&c, "recipients", p->recipients);
    quote_member_number(&c, "destinations", p->destinations);
    quote_member_text(&c, "note", p->note);
    quote_name(&c, "plan");
    column_str(&c, "[");
    for (uint32_t i = 0; i < p->row_count; i++) {
        column_str(&c, i > 0 ? ",\n" : "\n");
        add_object(p, &p->rows[i], &c);
    }
    column_str(&c, "\n]}\n");
    column_commit(&c);
}
