// SPDX-License-Identifier: BSD-2-Clause
// operator_why: why something waits: of a message, an address, or a destination. See
// operator_internal.h.
//
// A message is read once, and its history in pages of WHY_RCPTS recipients. Of an address the
// newest recipients in the queue are found, then the last ones that left it, and each is told of
// like a message. All of it goes page by page, each when the client has taken the one before.
#include "core/address.h"
#include "core/hostname.h"
#include "core/message.h"
#include "pipeline/account.h"
#include "pipeline/operator_internal.h"
#include "pipeline/past.h"

#include <stdlib.h>
#include <sysexits.h>

enum {
    WHY_RCPTS = 50,
    WHY_FIND_PAGE = 2000,
    WHY_ENDS_PAGE = 5000,
    WHY_ENDS_LOOK = 2000000, // ends to look at for an address: 1.5 us each
    WHY_ENDS = 10,           // and to tell of
};

struct operator_why {
    struct why writer;
    struct why_place *place; // DESTINATION; owned
    bool is_address;
    struct op_row *row;     // the message that is told of, as it was read; NULL: it has left
    uint64_t message;       // which one
    uint32_t from_n, count; // recipients of it
    bool is_last_part;      // nothing of the message is left to be told
    char *address;          // ADDRESS; owned
    struct op_found list[FIND_MAX + WHY_ENDS];
    uint32_t list_count, list_at;
    uint64_t total; // in the queue
    uint32_t shown; // of them
    uint32_t ends_looked;
    bool is_cut; // history goes on behind what was looked at
};

void why_forget(struct operator_session *s)
{
    if (!s->why)
        return;
    op_rows_free(s->why->row, s->why->row ? 1 : 0);
    free(s->why->address);
    why_place_free(s->why->place);
    free(s->why);
    s->why = NULL;
}

struct why operator_why_writer(const struct pipeline *p, const struct operator_session *s)
{
    return (struct why){
        .is_json = s->request.format == LISTING_JSON,
        .now_ms = p->now_ms,
        .utc_offset_s = p->utc_offset_s,
    };
}

struct why_place *operator_place(struct operator_session *s)
{
    return s->why ? s->why->place : NULL;
}

static void ask(struct pipeline *p, struct operator_session *s, struct op *op)
{
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

// ---- the answer --------------------------------------------------------------------------------

static void next_message(struct pipeline *p, struct operator_session *s);

static void say_nothing_known(struct pipeline *p, struct operator_session *s)
{
    const struct operator_why *y = s->why;
    struct buf text;
    buf_init(&text, 64 * 1024);
    if (y->is_address) {
        buf_add_str(&text, "no mail to ");
        text_escape(slice_str(y->address), &text);
        buf_add_str(&text, " is in the queue, and history knows of none");
        buf_add_str(&text, y->is_cut ? " among the last that left it" : "");
    } else {
        buf_add_str(&text, "no such message in the queue, and history does not know it");
    }
    why_forget(s);
    answer_error(p, s, EX_NOINPUT, buf_slice(&text).p);
    buf_close(&text);
}

static void end(struct pipeline *p, struct operator_session *s)
{
    struct operator_why *y = s->why;
    bool is_gone = !y->is_address && !y->row;
    if (y->writer.count == 0) {
        say_nothing_known(p, s);
        return;
    }
    why_end(&y->writer, y->total - y->shown,
            y->is_cut ? "History goes further back than was looked: it is long." : "", &s->text);
    why_forget(s);
    answer_end(p, s, is_gone ? EX_NOINPUT : EX_OK);
}

static void ask_history(struct pipeline *p, struct operator_session *s)
{
    struct op *op = op_new(OP_HISTORY);
    op->history.message = s->why->message;
    op->history.from_n = s->why->from_n;
    op->history.count = s->why->count;
    ask(p, s, op);
}

// Tells of recipients from_n ... of a message, as many as there are up to `count` at a time.
static void begin_message(struct pipeline *p, struct operator_session *s, uint64_t message,
                          uint32_t from_n, uint32_t count)
{
    struct operator_why *y = s->why;
    op_rows_free(y->row, y->row ? 1 : 0);
    y->row = NULL;
    y->message = message;
    y->from_n = from_n;
    y->count = count;
    struct op *op = op_new(OP_READ);
    op->read.message = message;
    ask(p, s, op);
}

void why_read(struct pipeline *p, struct operator_session *s, struct op *op)
{
    int64_t uid = request_scope_uid(&s->caller);
    bool is_there = !op->err && op->read.row;
    if (is_there && (uid < 0 || op->read.row->message.uid == uid)) {
        s->why->row = op->read.row;
        op->read.row = NULL;
    }
    ask_history(p, s);
}

void why_history(struct pipeline *p, struct operator_session *s, struct op *op)
{
    struct operator_why *y = s->why;
    struct explain x = operator_explain(p, s);
    struct account account = {
        .explain = &x,
        .uid = request_scope_uid(&s->caller),
        .row = y->row,
        .history = &op->history,
        .hold = s->caller.is_operator ? operator_hold : operator_hold_discreet,
        .arg = p,
    };
    account_add(&account, &y->writer, &s->text);
    y->from_n += y->count;
    y->is_last_part = y->is_address || op->history.is_done;
    answer_flush(p, s, true); // goes on in why_continue
}

void why_continue(struct pipeline *p, struct operator_session *s)
{
    struct operator_why *y = s->why;
    if (!y)
        return;
    if (!y->is_last_part)
        ask_history(p, s);
    else if (y->is_address)
        next_message(p, s);
    else
        end(p, s);
}

// ---- an address --------------------------------------------------------------------------------

static void next_message(struct pipeline *p, struct operator_session *s)
{
    struct operator_why *y = s->why;
    if (y->list_at == y->list_count) {
        end(p, s);
        return;
    }
    const struct op_found *f = &y->list[y->list_at++];
    begin_message(p, s, f->message, f->n, 1);
}

static void ask_ends(struct pipeline *p, struct operator_session *s)
{
    struct op *op = op_new(OP_ENDED);
    op->ended.address = must_strdup(s->why->address);
    op->ended.uid = request_scope_uid(&s->caller);
    op->ended.limit = WHY_ENDS_PAGE;
    op->ended.max = WHY_ENDS;
    ask(p, s, op);
}

void why_found(struct pipeline *p, struct operator_session *s, struct op *op)
{
    struct operator_why *y = s->why;
    const struct op_find *f = &op->find;
    if (!f->is_done) {
        ask(p, s, op_find_rest(op));
        return;
    }
    memcpy(y->list, f->found, sizeof f->found);
    y->list_count = y->shown = f->found_count;
    y->total = f->total;
    ask_ends(p, s);
}

void why_ended(struct pipeline *p, struct operator_session *s, struct op *op)
{
    struct operator_why *y = s->why;
    const struct op_ended *e = &op->ended;
    if (y->place) {
        place_ended(p, s, op);
        return;
    }
    uint32_t ends = y->list_count - y->shown;
    for (uint32_t i = 0; i < e->end_count && ends < WHY_ENDS; i++, ends++)
        y->list[y->list_count++] = (struct op_found){e->ends[i].message, e->ends[i].n};
    y->ends_looked += WHY_ENDS_PAGE;
    if (!e->is_done && ends < WHY_ENDS && y->ends_looked < WHY_ENDS_LOOK) {
        ask(p, s, op_ended_rest(op));
        return;
    }
    y->is_cut = !e->is_done && ends < WHY_ENDS;
    next_message(p, s);
}

static void begin_address(struct pipeline *p, struct operator_session *s, struct slice address)
{
    struct buf domain;
    buf_init(&domain, FILTER_TEXT_MAX + 1);
    address_domain_key(address, &domain);
    s->why->is_address = true;
    s->why->address = must_memdup(address.p, address.n);
    struct op *op = op_new(OP_FIND);
    op->find.address = must_memdup(address.p, address.n);
    op->find.domain = must_strdup(buf_slice(&domain).p);
    op->find.uid = request_scope_uid(&s->caller);
    op->find.limit = WHY_FIND_PAGE;
    ask(p, s, op);
    buf_close(&domain);
}

// ---- what is asked about -----------------------------------------------------------------------

// "<a@b>" is what logs and notices show.
static struct slice without_brackets(struct slice word)
{
    bool has_both = word.n > 2 && word.p[0] == '<' && word.p[word.n - 1] == '>';
    return has_both ? slice_of(word.p + 1, word.n - 2) : word;
}

static void begin(struct pipeline *p, struct operator_session *s, struct slice word)
{
    uint64_t id;
    why_forget(s);
    s->why = must_zalloc(sizeof *s->why);
    s->why->writer = operator_why_writer(p, s);
    if (message_id_parse(word, &id))
        begin_message(p, s, id, 0, WHY_RCPTS);
    else if (memchr(word.p, '@', word.n))
        begin_address(p, s, hostname_without_root(word));
    else
        s->why->place = place_begin(p, s, word);
}

void answer_why(struct pipeline *p, struct operator_session *s)
{
    struct slice word = without_brackets(slice_str(s->request.subject));
    uint64_t id;
    bool is_mail = message_id_parse(word, &id) || memchr(word.p, '@', word.n);
    if (is_mail || s->caller.is_operator)
        begin(p, s, word);
    else
        answer_error(p, s, EX_NOPERM,
                     "what waits for a destination is everybody's mail: that is for root, the "
                     "service user and operators; ask about a message or an address");
}
