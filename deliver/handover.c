// SPDX-License-Identifier: BSD-2-Clause
// handover: see handover.h.
#include "deliver/handover.h"

#include "core/must.h"
#include "core/time.h"
#include "deliver/client_state.h"
#include "deliver/placeholder.h"

enum { TEXT_MAX = 64 * 1024 };

void handover_close(struct handover *h)
{
    buf_close(&h->text);
    h->order = (struct handover_order){.path = NULL};
}

// ---- a Maildir -----------------------------------------------------------------------------

// Folders are made where the recipient's name is in theirs, and the last one; what stands above
// must be there, lest a disk that is not mounted is filled on the wrong one.
static uint32_t standing(struct slice text)
{
    size_t n = placeholder_first(text);
    while (n > 1 && (n == text.n || text.p[n] != '/'))
        n--;
    return (uint32_t)n;
}

static bool make_maildir(struct handover *h, struct slice text, const char *hostname,
                         const char *rcpt)
{
    if (!placeholder_expand(text, PLACEHOLDER_PATH, "", rcpt, &h->text))
        return false;
    h->order.kind = HANDOVER_MAILDIR;
    h->order.path = h->text.p;
    h->order.standing_n = standing(text);
    h->order.hostname = hostname;
    return true;
}

// ---- a program -----------------------------------------------------------------------------

static bool make_command(struct handover *h, struct slice text, const char *sender,
                         const char *rcpt)
{
    while (text.n > 0) {
        const char *blank = memchr(text.p, ' ', text.n);
        struct slice word = slice_of(text.p, blank ? (size_t)(blank - text.p) : text.n);
        text = slice_from(text, word.n + 1);
        if (word.n == 0)
            continue;
        if (!placeholder_expand(word, PLACEHOLDER_WORD, sender, rcpt, &h->text))
            return false;
        must(buf_add_byte(&h->text, '\0') == FP_OK);
    }
    h->order.kind = HANDOVER_PIPE;
    h->order.path = h->order.words = h->text.p;
    h->order.words_n = (uint32_t)h->text.n;
    return true;
}

bool handover_make(struct handover *h, const struct target *t, const char *hostname,
                   const char *sender, const char *rcpt)
{
    handover_close(h);
    buf_init(&h->text, TEXT_MAX);
    h->order.sender = sender;
    h->order.rcpt = rcpt;
    if (t->kind == TARGET_PIPE)
        return make_command(h, slice_str(t->text), sender, rcpt);
    return make_maildir(h, slice_str(t->text), hostname, rcpt);
}

// ---- the content ---------------------------------------------------------------------------

static void add_fields(const struct session_batch *batch, struct buf *to)
{
    must(buf_add_all(to, "Return-Path: <", batch->sender, ">\nDelivered-To: ", batch->rcpts[0],
                     "\n") == FP_OK);
}

void handover_begin(struct client *c)
{
    must(c->tally->batch->rcpt_count == 1 && c->slice_count == 0);
    tally_accept(c->tally, 0);
    buf_reset(&c->commands);
    add_fields(c->tally->batch, &c->commands);
    content_begin_plain(&c->content, buf_slice(&c->commands));
    c->handover_until_ms =
        c->hop.order->kind == HANDOVER_PIPE ? c->now_ms + c->settings->pipe_ms : TIME_NEVER;
    client_move(c, CLIENT_BODY, TIME_NEVER);
    client_ask_body(c);
}

static void decided(struct client *c)
{
    c->delivered_count++;
    client_drop(c);
    c->news = NEWS_DONE;
}

bool handover_on_timer(struct client *c)
{
    if (!c->hop.order || c->now_ms < c->handover_until_ms ||
        (c->state != CLIENT_BODY && c->state != CLIENT_DOT))
        return false;
    classify_too_slow(c->hop.order, c->settings->pipe_ms, tally_settle(c->tally));
    decided(c);
    return true;
}

void handover_on_result(struct client *c, const struct handover_result *result)
{
    if (c->state != CLIENT_BODY && c->state != CLIENT_DOT)
        return;
    classify_handover(c->hop.order, result, tally_settle(c->tally));
    decided(c);
}
