// SPDX-License-Identifier: BSD-2-Clause
// listing_csv: one line for each recipient, for spreadsheets and scripts. RFC 4180: CRLF line ends,
// fields with a quote, a comma or a line end in quotes, quotes doubled. Times are ISO 8601 in UTC.
#include "control/listing_formats.h"
#include "control/summary.h"
#include "core/must.h"

#include <stdlib.h>

static void add_head(const struct listing *l, struct column *c)
{
    (void)l;
    column_str(c, "queue_id,queue_name,arrival_time,message_size,sender,recipient,state,attempts,"
                  "last_attempt,next_attempt,expires,last_status,last_host,delay_reason\r\n");
}

static void add_quoted(struct slice s, struct column *c)
{
    column_str(c, "\"");
    for (size_t n; s.n > 0; s = slice_from(s, n)) {
        const char *quote = memchr(s.p, '"', s.n);
        n = quote ? (size_t)(quote - s.p) + 1 : s.n;
        column_add(c, slice_of(s.p, n));
        column_str(c, quote ? "\"" : "");
    }
    column_str(c, "\"");
}

// Whether quotes are needed is seen in the escaped text; hardly ever they are.
static void add_field(const char *text, struct column *c)
{
    column_str(c, ",");
    if (!text || !text[0])
        return;
    size_t from = c->to->n;
    column_text(c, text);
    if (c->is_full || !strpbrk(c->to->p + from, "\",\r\n"))
        return;
    char *copy = must_memdup(c->to->p + from, c->to->n - from);
    struct slice escaped = slice_of(copy, c->to->n - from);
    c->to->n = from;
    add_quoted(escaped, c);
    free(copy);
}

static void add_time(int64_t ms, struct column *c)
{
    column_str(c, ",");
    column_time_utc(c, ms);
}

static void add_recipient(const struct message *m, const struct summary *s,
                          const struct listing_recipient *r, struct column *c)
{
    char id[MESSAGE_ID_DIGITS + 1];
    message_id_format(m->id, id);
    column_str(c, id);
    add_field(summary_queue(s), c);
    add_time(m->arrival_ms, c);
    column_str(c, ",");
    column_number(c, m->size, 0);
    add_field(m->sender, c);
    add_field(r->rcpt->address, c);
    add_field(listing_state(r), c);
    column_str(c, ",");
    column_number(c, r->rcpt->attempts, 0);
    add_time(r->rcpt->last_attempt_ms, c);
    add_time(r->rcpt->state == RECIPIENT_HELD ? 0 : r->next_attempt_ms, c);
    add_time(r->expires_ms, c);
    add_field(r->status, c);
    add_field(r->host, c);
    add_field(summary_reason(r), c);
    column_str(c, "\r\n");
}

static void add_row(const struct listing *l, const struct listing_row *row, struct column *c)
{
    struct summary s = summary_of(row);
    (void)l;
    for (uint32_t i = 0; i < row->rcpt_count; i++)
        add_recipient(row->message, &s, &row->rcpts[i], c);
}

static void add_end(const struct listing *l, struct column *c)
{
    (void)l;
    (void)c;
}

const struct listing_writer listing_csv = {.begin = add_head, .row = add_row, .end = add_end};
