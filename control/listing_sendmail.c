// SPDX-License-Identifier: BSD-2-Clause
// listing_sendmail: the text of sendmail's own `mailq`, for scripts that know only that.
//
// Without its first line, which counts the requests before they are read. Addresses and reasons are
// not cut as sendmail cuts them: what is cut cannot be searched for.
#include "control/listing_formats.h"
#include "control/summary.h"
#include "core/time.h"

enum { ID_WIDTH = 14, BYTES_WIDTH = 8, DATE_CHARS = 16, RECIPIENT_COLUMN = 41 };

static void add_nothing(const struct listing *l, struct column *c)
{
    (void)l;
    (void)c;
}

static void add_address(const char *address, struct column *c)
{
    column_str(c, "<");
    column_text(c, address);
    column_str(c, ">");
}

static void add_envelope(const struct listing *l, const struct listing_row *row,
                         const struct summary *s, struct column *c)
{
    const char *sender = row->message->sender;
    char id[MESSAGE_ID_DIGITS + 1], date[TIME_TEXT_SIZE];
    message_id_format(row->message->id, id);
    time_format_asctime(row->message->arrival_ms, l->utc_offset_s, date);
    column_blanks(c, ID_WIDTH - MESSAGE_ID_DIGITS);
    column_str(c, id);
    column_str(c, s->is_active ? "*" : " ");
    column_number(c, row->message->size, BYTES_WIDTH);
    column_str(c, " ");
    column_add(c, slice_of(date, DATE_CHARS)); // without seconds
    column_str(c, " ");
    if (sender && sender[0])
        add_address(sender, c);
    else
        column_str(c, "MAILER-DAEMON");
    column_str(c, "\n");
}

// sendmail knows one reason for a message: that of the last try, or what the untried waits for.
static const char *find_reason(const struct listing_row *row, const struct summary *s)
{
    const char *reason = s->last ? summary_reason(s->last) : "";
    for (uint32_t i = 0; !s->last && !reason[0] && i < row->rcpt_count; i++)
        reason = summary_reason(&row->rcpts[i]);
    return reason;
}

// NULL: nobody said.
static const char *find_held_why(const struct listing_row *row)
{
    for (uint32_t i = 0; i < row->rcpt_count; i++)
        if (row->rcpts[i].held_why)
            return row->rcpts[i].held_why;
    return NULL;
}

// All of it is held; why takes the place of the reason.
static void add_quarantine(const char *held_why, struct column *c)
{
    column_str(c, "     QUARANTINE: ");
    column_text(c, held_why ? held_why : "held by an operator");
    column_str(c, "\n");
}

static void add_reason(const struct listing_row *row, const struct summary *s, struct column *c)
{
    const char *held_why = s->is_held ? find_held_why(row) : NULL;
    const char *reason = held_why ? "" : find_reason(row, s);
    bool is_8bit = row->message->is_8bit;
    if (s->is_held)
        add_quarantine(held_why, c);
    if (reason[0] == '\0' && !is_8bit)
        return;
    column_str(c, is_8bit ? "      8BITMIME" : "              ");
    if (reason[0]) {
        column_str(c, "   (Deferred: ");
        column_text(c, reason);
        column_str(c, ")");
    }
    column_str(c, "\n");
}

static void add_row(const struct listing *l, const struct listing_row *row, struct column *c)
{
    struct summary s = summary_of(row);
    if (l->messages == 0)
        column_str(
            c,
            "-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n");
    add_envelope(l, row, &s, c);
    add_reason(row, &s, c);
    for (uint32_t i = 0; i < row->rcpt_count; i++) {
        column_blanks(c, RECIPIENT_COLUMN);
        add_address(row->rcpts[i].rcpt->address, c);
        column_str(c, "\n");
    }
}

static void add_end(const struct listing *l, struct column *c)
{
    if (l->messages == 0)
        column_str(c, "Mail queue is empty\n");
    column_str(c, "\t\tTotal requests: ");
    column_number(c, l->messages, 0);
    column_str(c, "\n");
}

const struct listing_writer listing_sendmail = {
    .begin = add_nothing, .row = add_row, .end = add_end};
