// SPDX-License-Identifier: BSD-2-Clause
// operator_list: a listing, page by page. See operator_internal.h.
//
// (A1) While one page is made into text and sent, the next one is read: a page is asked for as soon
//      as one has come in. Two are in memory at most, the one to be sent next and one ahead, and
//      none is made into text before the client has taken all text before it. So neither a slow
//      reader nor a huge queue costs memory, and nobody holds a snapshot of the spool meanwhile.
// (A2) Mail goes first. For each message that was accepted or tried since its last page a listing
//      waits a millisecond, up to PAUSE_MAX_MS. All listings share one row of turns, so that ten of
//      them take no more than one. A page costs 0.9 ms of processor time in all threads: a
//      twentieth of two processors at full load, and all of them when nothing else is to do. To
//      wait only when much mail has come since was rejected: where a listing slows mail down,
//      little mail comes.
#include "pipeline/operator_internal.h"

#include <stdlib.h>
#include <sysexits.h>

enum { LIST_PAGE = 500, ANSWER_PIECE = 256 * 1024, PAUSE_MAX_MS = 8 };

static void ask_ahead(struct pipeline *p, struct operator_session *s)
{
    // Behind the first one: else the daemon would live for as long as the listing is.
    bool is_cut = p->is_stopping && s->after > 0;
    if (s->is_asked || s->is_last_page || s->page_count == LIST_PAGES_MAX || is_cut)
        return;
    s->is_asked = true;
    operator_ask_list(p, s, LIST_PAGE);
}

void answer_list(struct pipeline *p, struct operator_session *s)
{
    s->is_last_page = false;
    s->mail_seen = p->counters.accepted + p->counters.attempts;
    listing_init(&s->listing, s->request.format, p->now_ms, p->utc_offset_s);
    s->listing.is_filtered = s->request.filter.count > 0;
    listing_begin(&s->listing, &s->text);
    ask_ahead(p, s);
}

static void wait_for_client(struct pipeline *p, struct operator_session *s)
{
    effect_send(p, s->conn, SLICE_LIT(""), true);
}

// (A2) When it is this listing's turn: now, unless there is mail to do.
static int64_t take_turn(struct pipeline *p, struct operator_session *s)
{
    uint64_t mail = p->counters.accepted + p->counters.attempts;
    uint64_t pause_ms = mail - s->mail_seen;
    s->mail_seen = mail;
    if (pause_ms == 0)
        return p->now_ms;
    if (p->list_turn_ms < p->now_ms)
        p->list_turn_ms = p->now_ms;
    p->list_turn_ms += pause_ms < PAUSE_MAX_MS ? (int64_t)pause_ms : PAUSE_MAX_MS;
    return p->list_turn_ms;
}

static void go_on(struct pipeline *p, struct operator_session *s)
{
    ask_ahead(p, s);
    if (s->page_count == 0 && !s->is_asked) {
        answer_error(p, s, EX_TEMPFAIL, "the daemon is stopping: this is not the whole queue");
        return;
    }
    if (s->page_count == 0 || s->is_waiting)
        return;
    s->is_waiting = true;
    int64_t at_ms = take_turn(p, s);
    if (at_ms > p->now_ms)
        alarm_set(p, &s->alarm, at_ms);
    else
        wait_for_client(p, s);
}

void list_timer(struct pipeline *p, struct operator_session *s)
{
    wait_for_client(p, s);
}

void list_read(struct pipeline *p, struct operator_session *s, struct op *op)
{
    must(s->page_count < LIST_PAGES_MAX);
    s->is_asked = false;
    s->after = op->list.last;
    s->is_last_page = op->err || op->list.is_done;
    s->pages[s->page_count++] =
        (struct list_page){.rows = op->list.page, .err = op->err, .is_last = s->is_last_page};
    op->list.page = (struct op_page){0};
    go_on(p, s);
}

// Terms on states that only the running daemon can tell apart.
static bool has_state(const struct filter *f, const struct listing_recipient *r)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->terms[i].key != FILTER_STATE)
            continue;
        bool wants_active = f->terms[i].number == FILTER_ACTIVE;
        if (wants_active != r->is_active)
            return false;
    }
    return true;
}

static void add_row(struct operator_session *s, const struct explain *x, const struct op_row *row,
                    struct listing_recipient *rcpts)
{
    uint32_t kept = 0;
    explain_row(x, row, rcpts);
    for (uint32_t i = 0; i < row->rcpt_count; i++)
        if (has_state(&s->request.filter, &rcpts[i]))
            rcpts[kept++] = rcpts[i];
    if (kept == 0)
        return;
    struct listing_row lr = {.message = &row->message, .rcpts = rcpts, .rcpt_count = kept};
    listing_row(&s->listing, &lr, &s->text);
    s->messages++;
}

static void add_rows(struct pipeline *p, struct operator_session *s, const struct op_page *page)
{
    struct explain x = operator_explain(p, s);
    struct listing_recipient *rcpts = must_alloc(page->rcpt_count * sizeof *rcpts);
    for (uint32_t i = 0; i < page->row_count; i++) {
        add_row(s, &x, &page->rows[i], rcpts);
        if (s->text.n > ANSWER_PIECE) // a page of messages with many recipients is long
            answer_flush(p, s, false);
    }
    free(rcpts);
}

static void end(struct pipeline *p, struct operator_session *s, enum fp_err err)
{
    if (err) {
        answer_trouble(p, s, err);
    } else if (s->messages == 0 && filter_names_id(&s->request.filter)) {
        answer_gone(p, s);
    } else {
        listing_end(&s->listing, &s->text);
        answer_end(p, s, EX_OK);
    }
}

void list_sent(struct pipeline *p, struct operator_session *s)
{
    must(s->is_waiting && s->page_count > 0);
    s->is_waiting = false;
    struct list_page page = s->pages[0];
    s->pages[0] = s->pages[1];
    s->page_count--;
    add_rows(p, s, &page.rows);
    op_page_close(&page.rows);
    if (page.is_last) {
        end(p, s, page.err);
        return;
    }
    answer_flush(p, s, false);
    go_on(p, s);
}

void list_forget(struct operator_session *s)
{
    while (s->page_count > 0)
        op_page_close(&s->pages[--s->page_count].rows);
}
