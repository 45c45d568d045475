// SPDX-License-Identifier: BSD-2-Clause
// listing_postfix: what `mailq` prints: Postfix's text for short queue ids, and one line more.
//
// Scripts cut this text by columns and regular expressions, so each blank counts: the id with its
// mark in 11 columns (ours are wider and push the rest), the size in 7, the date in 20, recipients
// in column 42. The line "Total requests" is what sendmail prints; with it monitoring programs that
// take us for sendmail count right too.
#include "control/listing_formats.h"
#include "control/summary.h"
#include "core/time.h"

enum { ID_WIDTH = 11, BYTES_WIDTH = 7, DATE_WIDTH = 20, RECIPIENT_COLUMN = 41, REASON_WIDTH = 76 };

static void add_nothing(const struct listing *l, struct column *c)
{
    (void)l;
    (void)c;
}

// `*` an attempt is under way, `!` an operator holds all of it.
static void add_id(const struct listing_row *row, const struct summary *s, struct column *c)
{
    char id[MESSAGE_ID_DIGITS + 2];
    message_id_format(row->message->id, id);
    id[MESSAGE_ID_DIGITS] = s->is_active ? '*' : s->is_held ? '!' : '\0';
    id[MESSAGE_ID_DIGITS + 1] = '\0';
    column_left(c, id, ID_WIDTH);
}

static void add_envelope(const struct listing *l, const struct listing_row *row,
                         const struct summary *s, struct column *c)
{
    const char *sender = row->message->sender;
    char date[TIME_TEXT_SIZE];
    time_format_asctime(row->message->arrival_ms, l->utc_offset_s, date);
    add_id(row, s, c);
    column_str(c, " ");
    column_number(c, row->message->size, BYTES_WIDTH);
    column_str(c, " ");
    column_left(c, date, DATE_WIDTH);
    column_str(c, " ");
    column_text(c, sender && sender[0] ? sender : "MAILER-DAEMON");
    column_str(c, "\n");
}

// What stands in parentheses: nothing for a recipient that was not tried or is being tried.
static const char *reason_of(const struct listing_recipient *r)
{
    const char *reason = summary_reason(r);
    if (reason[0] || r->is_active || r->rcpt->attempts == 0)
        return reason;
    return "reason unavailable";
}

// The width is that of the escaped text, so it is written first and moved to the right then.
static void add_reason(const char *reason, struct column *c)
{
    size_t from = c->to->n;
    column_str(c, "(");
    column_text(c, reason);
    column_shift(c, from, REASON_WIDTH + 1);
    column_str(c, ")\n");
}

static void add_recipient(const struct listing_recipient *r, struct column *c)
{
    column_blanks(c, RECIPIENT_COLUMN);
    column_text(c, r->rcpt->address);
    column_str(c, "\n");
}

// A reason holds until the next one, so recipients that have none come first: behind another's
// reason they would seem to share it.
static void add_recipients(const struct listing_row *row, struct column *c)
{
    const char *shown = "";
    for (uint32_t i = 0; i < row->rcpt_count; i++)
        if (reason_of(&row->rcpts[i])[0] == '\0')
            add_recipient(&row->rcpts[i], c);
    for (uint32_t i = 0; i < row->rcpt_count; i++) {
        const char *reason = reason_of(&row->rcpts[i]);
        if (reason[0] == '\0')
            continue;
        if (strcmp(reason, shown) != 0)
            add_reason(reason, c);
        shown = reason;
        add_recipient(&row->rcpts[i], c);
    }
}

static void add_row(const struct listing *l, const struct listing_row *row, struct column *c)
{
    struct summary s = summary_of(row);
    if (l->messages == 0)
        column_str(c, "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n");
    add_envelope(l, row, &s, c);
    add_recipients(row, c);
    column_str(c, "\n");
}

static void add_end(const struct listing *l, struct column *c)
{
    if (l->messages == 0) {
        column_str(c, "Mail queue is empty\n");
        return;
    }
    column_str(c, "\t\tTotal requests: ");
    column_number(c, l->messages, 0);
    column_str(c, "\n-- ");
    column_number(c, l->bytes / 1024, 0);
    column_str(c, " Kbytes in ");
    column_number(c, l->messages, 0);
    column_str(c, l->messages == 1 ? " Request.\n" : " Requests.\n");
}

const struct listing_writer listing_postfix = {
    .begin = add_nothing, .row = add_row, .end = add_end};
