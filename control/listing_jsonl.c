// SPDX-License-Identifier: BSD-2-Clause
// listing_jsonl: each message as a JSON object (RFC 8259), one a line, or as elements of an array.
//
// Written by hand: to build a tree of values for each of a million messages and to print it takes
// five times as long. Strings that a stranger chose are escaped by column_text first, which leaves
// valid UTF-8 without controls; then only quotes and backslashes mean something to JSON.
#include "control/listing_formats.h"
#include "control/summary.h"
#include "core/time.h"

static size_t count_octets(struct slice s, char which)
{
    size_t n = 0;
    for (const char *at; (at = memchr(s.p, which, s.n)); n++)
        s = slice_from(s, (size_t)(at - s.p) + 1);
    return n;
}

// Puts a backslash before each quote and backslash of what was added from `at` on.
static void escape_from(size_t at, struct column *c)
{
    struct slice text = slice_of(c->to->p + at, c->to->n - at);
    size_t extra = count_octets(text, '"') + count_octets(text, '\\');
    if (extra == 0)
        return;
    column_blanks(c, extra);
    if (c->is_full)
        return;
    char *from = c->to->p + at + text.n, *to = from + extra;
    while (to > from) { // from the end, until nothing is to be moved any more
        *--to = *--from;
        if (*to == '"' || *to == '\\')
            *--to = '\\';
    }
}

static void add_text(const char *s, struct column *c)
{
    column_str(c, "\"");
    size_t at = c->to->n;
    column_text(c, s ? s : "");
    if (!c->is_full)
        escape_from(at, c);
    column_str(c, "\"");
}

static void add_time(int64_t ms, struct column *c)
{
    if (ms <= 0 || ms == TIME_NEVER) {
        column_str(c, "null");
        return;
    }
    column_str(c, "\"");
    column_time_utc(c, ms);
    column_str(c, "\"");
}

static void add_recipients(const struct listing_row *row, struct column *c)
{
    for (uint32_t i = 0; i < row->rcpt_count; i++) {
        const char *reason = summary_reason(&row->rcpts[i]);
        column_str(c, i > 0 ? ", {\"address\": " : "{\"address\": ");
        add_text(row->rcpts[i].rcpt->address, c);
        if (reason[0]) {
            column_str(c, ", \"delay_reason\": ");
            add_text(reason, c);
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
    add_text(m->sender && m->sender[0] ? m->sender : "MAILER-DAEMON", c);
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
    add_time(s.next_attempt_ms, c);
    column_str(c, ", \"expires\": ");
    add_time(s.expires_ms, c);
    column_str(c, ", \"last_status\": ");
    add_text(s.last ? s.last->status : "", c);
    column_str(c, ", \"last_host\": ");
    add_text(s.last ? s.last->host : "", c);
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
