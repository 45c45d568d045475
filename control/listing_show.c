// SPDX-License-Identifier: BSD-2-Clause
// listing_show: one message for people: its envelope, and for each recipient what was tried and
// what comes.
#include "control/column.h"
#include "control/listing.h"
#include "control/summary.h"
#include "core/outcome.h"
#include "core/time.h"

#include <stdlib.h>

static const char *describe_kind(enum message_kind kind)
{
    switch (kind) {
    case MESSAGE_NOTICE:
        return "notice to a sender";
    case MESSAGE_POSTMASTER:
        return "notice to the postmaster";
    default:
        return "mail";
    }
}

static void add_since(struct column *c, int64_t ms, int64_t now_ms)
{
    column_str(c, " (");
    time_format_rough(now_ms > ms ? now_ms - ms : 0, c->to);
    column_str(c, " ago)");
}

static void add_origin(const struct message *m, struct column *c)
{
    if (m->uid < 0) {
        column_str(c, m->kind == MESSAGE_MAIL ? "the network" : "this system");
        return;
    }
    column_str(c, "user id ");
    column_number(c, (uint64_t)m->uid, 0);
}

static void show_envelope(const struct listing_row *row, int64_t now_ms, int utc_offset_s,
                          struct column *c)
{
    const struct message *m = row->message;
    struct summary s = summary_of(row);
    char id[MESSAGE_ID_DIGITS + 1];
    message_id_format(m->id, id);
    column_str(c, "Queue id:    ");
    column_str(c, id);
    column_str(c, "\nState:       ");
    column_str(c, summary_state(&s));
    column_str(c, "\nArrived:     ");
    column_time_near(c, m->arrival_ms, now_ms, utc_offset_s);
    add_since(c, m->arrival_ms, now_ms);
    column_str(c, "\nSize:        ");
    column_number(c, m->size, 0);
    column_str(c, m->is_8bit ? " bytes, 8 bits\nKind:        " : " bytes\nKind:        ");
    column_str(c, describe_kind(m->kind));
    if (m->priority != 0) {
        column_str(c, m->priority < 0 ? "\nPriority:    -" : "\nPriority:    ");
        column_number(c, (uint64_t)abs(m->priority), 0);
    }
    if (m->traits & MESSAGE_REQUIRE_TLS)
        column_str(c, "\nTLS:         required by its sender");
    if (m->deliver_by_ms != 0) {
        column_str(c, "\nDeliver by:  ");
        column_time_near(c, m->deliver_by_ms, now_ms, utc_offset_s);
        column_str(c,
                   m->traits & MESSAGE_BY_RETURN ? ", else returned" : ", else its sender is told");
    }
    column_str(c, "\nFrom:        ");
    add_origin(m, c);
    column_str(c, "\nSender:      <");
    column_text(c, m->sender ? m->sender : "");
    column_str(c, ">\nRecipients:  ");
    column_number(c, row->rcpt_count, 0);
    column_str(c, "\n");
}

static void show_state(const struct listing_recipient *r, struct column *c)
{
    column_str(c, "\n    state:      ");
    column_str(c, listing_state(r));
    column_str(c, ", ");
    column_number(c, r->rcpt->attempts, 0);
    column_str(c, r->rcpt->attempts == 1 ? " try" : " tries");
}

static void show_text(const char *label, const char *text, struct column *c)
{
    if (!text || !text[0])
        return;
    column_str(c, label);
    column_text(c, text);
}

static const char *why_not_given_up(const struct listing_recipient *r)
{
    if (r->rcpt->state == RECIPIENT_HELD)
        return "not while it is held";
    bool is_blocked = r->reason && outcome_behind_blocked(r->reason);
    return is_blocked ? "not while it is blocked here" : "not while it is suspended";
}

static void show_times(const struct listing_recipient *r, int64_t now_ms, int utc_offset_s,
                       struct column *c)
{
    if (r->rcpt->last_attempt_ms > 0) {
        column_str(c, "\n    last try:   ");
        column_time_near(c, r->rcpt->last_attempt_ms, now_ms, utc_offset_s);
        add_since(c, r->rcpt->last_attempt_ms, now_ms);
    }
    show_text("\n    host:       ", r->host, c);
    column_str(c, "\n    next try:   ");
    if (r->is_active) {
        column_str(c, "under way");
    } else if (r->rcpt->state == RECIPIENT_HELD) {
        column_str(c, "when it is released");
    } else if (r->next_attempt_ms == TIME_NEVER) {
        column_str(c, r->waits_for_resume ? "when it is resumed" : "when it is flushed");
    } else {
        column_time_near(c, r->next_attempt_ms, now_ms, utc_offset_s);
        column_str(c, " (");
        column_until(c, r->next_attempt_ms, now_ms);
        column_str(c, ")");
    }
    column_str(c, "\n    gives up:   ");
    if (r->expires_ms > 0)
        column_time_near(c, r->expires_ms, now_ms, utc_offset_s);
    else
        column_str(c, why_not_given_up(r));
}

static void show_recipient(const struct listing_recipient *r, int64_t now_ms, int utc_offset_s,
                           struct column *c)
{
    column_str(c, "\n<");
    column_text(c, r->rcpt->address);
    column_str(c, ">");
    show_state(r, c);
    show_times(r, now_ms, utc_offset_s, c);
    show_text("\n    held:       ", r->held_why, c);
    show_text("\n    status:     ", r->status, c);
    show_text(r->held_why ? "\n    last reply: " : "\n    reason:     ", r->reason, c);
    if (r->rcpt->in_doubt)
        column_str(
            c,
            "\n    in doubt:   an earlier try ended without an answer, it may have been delivered");
    column_str(c, "\n");
}

void listing_show(const struct listing_row *row, int64_t now_ms, int utc_offset_s, struct buf *to)
{
    struct column c = column_begin(to);
    show_envelope(row, now_ms, utc_offset_s, &c);
    for (uint32_t i = 0; i < row->rcpt_count; i++)
        show_recipient(&row->rcpts[i], now_ms, utc_offset_s, &c);
    column_commit(&c);
}
