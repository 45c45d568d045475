// SPDX-License-Identifier: BSD-2-Clause
// listing_jsonl: each message as a JSON object (RFC 8259), one a line, or as elements of an array.
//
// Written by hand: to build a tree of values for each of a million messages and to print it takes
// five times as long (control/quote).
#include "control/listing_formats.h"
#include "control/quote.h"
#include "control/summary.h"
#include "core/time.h"

#include <stdlib.h>

static void add_recipients(const struct listing_row *row, struct column *c)
{
    for (uint32_t i = 0; i < row->rcpt_count; i++) {
        const char *reason = summary_reason(&row->rcpts[i]);
        column_str(c, i > 0 ? ", {\"address\": " : "{\"address\": ");
        quote_text(c, row->rcpts[i].rcpt->address);
        if (reason[0]) {
            column_str(c, ", \"delay_reason\": ");
            quote_text(c, reason);
        }
        column_str(c, "}");
    }
}

static void add_envelope(const struct message *m, const struct summary *s, struct column *c)
{
    char id[MESSAGE_ID_DIGITS + 1];
    message_id_format(m->id, id);
    column_str(c, "{\"queue_name\": \"");
    column_str(c, summary_queue(s));
    column_str(c, "\", \"queue_id\": \"");
    column_add(c, slice_of(id, MESSAGE_ID_DIGITS));
    column_str(c, "\", \"arrival_time\": ");
    column_number(c, m->arrival_ms > 0 ? (uint64_t)(m->arrival_ms / TIME_SECOND_MS) : 0, 0);
    column_str(c, ", \"message_size\": ");
    column_number(c, m->size, 0);
    column_str(c, ", \"forced_expire\": false, \"sender\": ");
    quote_text(c, m->sender && m->sender[0] ? m->sender : "MAILER-DAEMON");
}

// The members and their order are Postfix's up to `recipients`; programs are told to ignore what
// follows when they do not know it.
static void add_object(const struct listing_row *row, struct column *c)
{
    struct summary s = summary_of(row);
    add_envelope(row->message, &s, c);
    column_str(c, ", \"recipients\": [");
    add_recipients(row, c);
    column_str(c, "], \"state\": \"");
    column_str(c, summary_state(&s));
    column_str(c, "\", \"attempts\": ");
    column_number(c, s.attempts, 0);
    column_str(c, ", \"next_attempt\": ");
    quote_time(c, s.next_attempt_ms);
    column_str(c, ", \"expires\": ");
    quote_time(c, s.expires_ms);
    column_str(c, ", \"last_status\": ");
    quote_text(c, s.last ? s.last->status : "");
    column_str(c, ", \"last_host\": ");
    quote_text(c, s.last ? s.last->host : "");
    if (row->message->priority != 0) {
        column_str(c, row->message->priority < 0 ? ", \"priority\": -" : ", \"priority\": ");
        column_number(c, (uint64_t)abs(row->message->priority), 0);
    }
    column_str(c, "}");
}

static void add_nothing(const struct listing *l, struct column *c)
{
    (void)l;
    (void)c;
}

static void add_line(const struct listing *l, const struct listing_row *row, struct column *c)
{
    (void)l;
    add_object(row, c);
    column_str(c, "\n");
}

static void begin_array(const struct listing *l, struct column *c)
{
    (void)l;
    column_str(c, "[");
}

static void add_element(const struct listing *l, const struct listing_row *row, struct column *c)
{
    column_str(c, l->messages == 0 ? "\n" : ",\n");
    add_object(row, c);
}

static void end_array(const struct listing *l, struct column *c)
{
    (void)l;
    column_str(c, "\n]\n");
}

const struct listing_writer listing_json = {
    .begin = begin_array, .row = add_element, .end = end_array};
const struct listing_writer listing_jsonl = {
    .begin = add_nothing, .row = add_line, .end = add_nothing};
