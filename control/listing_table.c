// SPDX-License-Identifier: BSD-2-Clause
// listing_table: the queue for people: when it is tried next, how often it was tried, when it is
// given up.
//
// Rows come one by one, so the widths are fixed; a wider value pushes the rest of its line.
#include "control/listing_formats.h"
#include "control/summary.h"
#include "core/time.h"

enum {
    STATE_WIDTH = 8,
    AGE_WIDTH = 7,
    BYTES_WIDTH = 6,
    TRIES_WIDTH = 5,
    NEXT_WIDTH = 9,
    GIVES_UP_WIDTH = 25,
    GAP = 2
};

// Pads the cell that began at `from`; says where the next one begins.
static size_t end_cell(struct column *c, size_t from, size_t width)
{
    column_pad(c, from, width);
    column_blanks(c, GAP);
    return c->to->n;
}

static void add_begin(const struct listing *l, struct column *c)
{
    (void)l;
    (void)c; // the head line comes with the first row: an empty queue is one sentence
}

static void add_head(struct column *c)
{
    column_str(c, "ID            STATE     AGE      SIZE    TRIES  NEXT TRY   GIVES UP             "
                  "      SENDER\n");
}

static void add_envelope(const struct listing *l, const struct listing_row *row,
                         const struct summary *s, struct column *c)
{
    const struct message *m = row->message;
    char id[MESSAGE_ID_DIGITS + 1];
    message_id_format(m->id, id);
    column_str(c, id);
    size_t from = end_cell(c, c->to->n, 0);
    column_str(c, summary_state(s));
    from = end_cell(c, from, STATE_WIDTH);
    column_rough(c, l->now_ms - m->arrival_ms);
    from = end_cell(c, from, AGE_WIDTH);
    column_size(c, m->size);
    from = end_cell(c, from, BYTES_WIDTH);
    column_number(c, s->attempts, 0);
    from = end_cell(c, from, TRIES_WIDTH);
    if (!s->is_active && !s->is_held && s->next_attempt_ms == TIME_NEVER)
        column_str(c, s->waits_for_resume ? "on resume" : "on flush");
    else
        column_until(c, s->is_active ? l->now_ms : s->next_attempt_ms, l->now_ms);
    from = end_cell(c, from, NEXT_WIDTH);
    column_time_near(c, s->expires_ms, l->now_ms, l->utc_offset_s);
    end_cell(c, from, GIVES_UP_WIDTH);
    column_text(c, m->sender && m->sender[0] ? m->sender : "<>");
    column_str(c, "\n");
}

static void add_line(const char *label, const char *text, struct column *c)
{
    column_str(c, "\n       ");
    column_str(c, label);
    column_text(c, text);
}

// Who decides about held mail wants to know both: why it is held, and what its next hop said.
static void add_reasons(const struct listing_recipient *r, struct column *c)
{
    if (r->is_active)
        return;
    if (r->held_why)
        add_line("held: ", r->held_why, c);
    if (r->reason && r->reason[0])
        add_line("", r->reason, c);
}

static void add_recipient(const struct listing_recipient *r, const struct summary *s,
                          struct column *c)
{
    column_str(c, "    to ");
    column_text(c, r->rcpt->address);
    if (strcmp(listing_state(r), summary_state(s)) !=
        0) { // different from the message's own column
        column_str(c, "  [");
        column_str(c, listing_state(r));
        column_str(c, "]");
    }
    if (r->rcpt->in_doubt)
        column_str(c, "  [possibly delivered]");
    add_reasons(r, c);
    column_str(c, "\n");
}

static void add_row(const struct listing *l, const struct listing_row *row, struct column *c)
{
    struct summary s = summary_of(row);
    if (l->messages == 0)
        add_head(c);
    add_envelope(l, row, &s, c);
    for (uint32_t i = 0; i < row->rcpt_count; i++)
        add_recipient(&row->rcpts[i], &s, c);
}

static void add_end(const struct listing *l, struct column *c)
{
    if (l->messages == 0) {
        column_str(c, l->is_filtered ? "No mail in the queue fits.\n" : "The queue is empty.\n");
        return;
    }
    column_number(c, l->messages, 0);
    column_str(c, l->messages == 1 ? " message, " : " messages, ");
    column_size(c, l->bytes);
    column_str(c, l->bytes < 10000 ? " bytes\n" : "\n");
}

const struct listing_writer listing_table = {.begin = add_begin, .row = add_row, .end = add_end};
