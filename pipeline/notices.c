// SPDX-License-Identifier: BSD-2-Clause
// notices: from what was decided about recipients to complete entries for the spool: who is told
// (bounce/decide), what it says (bounce/compose). See settling_internal.h.
#include "bounce/compose.h"
#include "bounce/decide.h"
#include "core/address.h"
#include "core/header.h"
#include "core/utf8.h"
#include "pipeline/settling_internal.h"

#include <stdlib.h>

enum {
    RETURNED_HEADER_MAX = 64 * 1024, // of the original's header block
    RETURNED_FULL_MAX = 100 * 1024,  // a longer original comes back with its header only
};

bool settling_tells_arrival(const struct settling *s, uint32_t i)
{
    const struct settle_change *change = &s->plans[i].change;
    uint8_t notify = s->rcpts[i].notify, onward = change->outcome.onward;
    if (change->action != SETTLE_DELIVERED)
        return false;
    return onward == ONWARD_TRACED ? !(notify & DSN_NEVER)
                                   : (notify & DSN_SUCCESS) && onward != ONWARD_PROMISED;
}

// Did the sender ask for it, or leave it to us (RFC 3461 4.1)?
static bool is_wanted(const struct recipient *r, uint8_t notify)
{
    return r->notify == 0 || (r->notify & notify);
}

static bool is_named(const struct settling *s, uint32_t i, enum notice_kind kind)
{
    const struct settle_plan *plan = &s->plans[i];
    if (!plan->is_needed)
        return false;
    if (kind == NOTICE_ARRIVED)
        return settling_tells_arrival(s, i);
    return kind == NOTICE_FAILED
               ? plan->change.action == SETTLE_FAIL && is_wanted(&s->rcpts[i], DSN_FAILURE)
               : plan->is_warning && is_wanted(&s->rcpts[i], DSN_DELAY);
}

// 0: nobody knows.
static int64_t next_attempt(const struct pipeline *p, const struct settling *s, uint32_t i)
{
    const struct settle_change *change = &s->plans[i].change;
    if (p->config->mode == MODE_QUEUE)
        return 0;
    return change->action == SETTLE_DEFER ? change->next_attempt_ms : s->rcpts[i].next_attempt_ms;
}

// What is suspended is not tried, and not given up, before that ends; nobody knows when where it
// has no end. The spool's time of a sender's mail is our own putting off.
static void take_suspension(const struct pipeline *p, const struct settling *s, uint32_t i,
                            struct notice_recipient *to)
{
    const struct suspension *by = suspending_holds(p, &s->message, &s->rcpts[i]);
    if (!by)
        return;
    bool is_later = by->until_ms > to->next_attempt_ms;
    if (p->config->mode != MODE_QUEUE && (is_later || by->kind == SUSPENSION_SENDER))
        to->next_attempt_ms = by->until_ms;
    if (by->until_ms > to->expires_ms)
        to->expires_ms = by->until_ms;
}

static void name_recipient(const struct pipeline *p, const struct settling *s, uint32_t i,
                           struct notice_recipient *to)
{
    const struct settle_plan *plan = &s->plans[i];
    const struct recipient *r = &s->rcpts[i];
    const struct outcome *o = &plan->change.outcome;
    *to = (struct notice_recipient){
        .address = r->address,
        .status = o->status,
        .text = o->text,
        .text_is_reply = o->has_reply,
        .host = o->host,
        .last_attempt_ms = s->outcomes && !s->is_operator ? s->times.began_ms : r->last_attempt_ms,
        .next_attempt_ms = next_attempt(p, s, i),
        .expires_ms = plan->expires_ms,
        .expired = plan->is_expired,
        .orcpt = r->orcpt,
        .is_relayed = o->onward == ONWARD_RELAYED || o->onward == ONWARD_TRACED,
        .in_doubt = (o->in_doubt || r->in_doubt) && plan->change.action != SETTLE_DELIVERED,
    };
    take_suspension(p, s, i, to);
}

// RFC 3461 4.3: what RET says is about failures; without one headers are enough.
static enum notice_return choose_return(const struct pipeline *p, const struct settling *s,
                                        enum notice_kind kind)
{
    enum notice_return ret = p->config->notice_return;
    bool is_asked = s->message.ret != DSN_RET_NONE;
    if (s->message.traits & MESSAGE_REQUIRE_TLS) // RFC 8689 5: the notice may go in clear
        return ret == RETURN_FULL ? RETURN_HEADERS : ret;
    if (kind == NOTICE_FAILED && is_asked)
        return s->message.ret == DSN_RET_FULL ? RETURN_FULL : RETURN_HEADERS;
    bool is_at_most_header = kind == NOTICE_ARRIVED || is_asked;
    return kind != NOTICE_FAILED && is_at_most_header && ret == RETURN_FULL ? RETURN_HEADERS : ret;
}

// The part of the original that comes back with the notice. Of one that comes back without any, the
// header is known all the same: whether a program sent it, and what the notice answers.
static void take_original(const struct pipeline *p, const struct settling *s, struct notice *n)
{
    n->ret = choose_return(p, s, n->kind);
    n->original_is_8bit = s->message.is_8bit;
    n->is_utf8 = (s->message.traits & MESSAGE_UTF8) != 0;
    struct slice body =
        s->body && s->body->data ? (struct slice){s->body->data, s->body->size} : SLICE_LIT("");
    if (body.n == 0) {
        n->ret = RETURN_NONE;
        return;
    }
    if (n->ret == RETURN_FULL && body.n == s->message.size && body.n <= RETURNED_FULL_MAX) {
        n->original = body;
        n->original_is_full = true;
        return;
    }
    if (n->ret == RETURN_FULL)
        n->ret = RETURN_HEADERS;
    size_t size = header_block_size(body);
    n->original = (struct slice){body.p, size < RETURNED_HEADER_MAX ? size : RETURNED_HEADER_MAX};
}

// People's own mail goes first.
enum { NOTICE_PRIORITY = -1 };

// Its own header holds UTF-8 where the address of the sender does, in To.
static uint8_t traits_of(const struct notice *n)
{
    bool has_utf8_header = n->is_utf8 && !utf8_is_ascii(slice_str(n->sender));
    return (uint8_t)((n->is_utf8 ? MESSAGE_UTF8 : 0) | (has_utf8_header ? MESSAGE_UTF8_HEADER : 0));
}

static struct entry *make_entry(struct pipeline *p, const struct notice *n,
                                enum decide_action action, struct buf *content, bool is_8bit)
{
    struct entry *e = entry_new();
    e->message.id = n->id;
    e->message.kind = decide_entry_kind(action);
    e->message.is_8bit = is_8bit;
    e->message.traits = traits_of(n);
    e->message.arrival_ms = p->now_ms;
    e->message.size = content->n;
    e->message.priority = NOTICE_PRIORITY;
    e->message.sender = must_strdup("");
    e->rcpts = must_zalloc(sizeof *e->rcpts);
    e->rcpt_count = 1;
    e->rcpts[0].address = must_strdup(n->sender);
    e->rcpts[0].next_attempt_ms = p->now_ms;
    struct buf domain;
    buf_init(&domain, ADDRESS_DOMAIN_MAX);
    address_domain_key(slice_str(n->sender), &domain);
    e->rcpts[0].domain = buf_steal(&domain, NULL);
    if (!e->rcpts[0].domain)
        e->rcpts[0].domain = must_strdup("");
    e->tail = buf_steal(content, &e->tail_size);
    return e;
}

static struct entry *compose(struct pipeline *p, struct notice *n, enum decide_action action)
{
    struct buf content;
    bool is_8bit = false;
    buf_init(&content, MESSAGE_CHUNK_MAX);
    enum fp_err err = compose_notice(n, &content, &is_8bit);
    if (err == FP_TOO_BIG) {
        // The original's part is what can be left out.
        buf_reset(&content);
        n->ret = RETURN_NONE;
        err = compose_notice(n, &content, &is_8bit);
    }
    must(err == FP_OK);
    return make_entry(p, n, action, &content, is_8bit);
}

static struct entry *make(struct pipeline *p, struct settling *s, enum notice_kind kind)
{
    struct notice_recipient *rcpts = must_alloc(s->rcpt_count * sizeof *rcpts);
    struct notice n = {.kind = kind, .rcpts = rcpts};
    for (uint32_t i = 0; i < s->rcpt_count; i++)
        if (is_named(s, i, kind))
            name_recipient(p, s, i, &rcpts[n.rcpt_count++]);
    struct entry *entry = NULL;
    take_original(p, s, &n);
    enum decide_action action =
        n.rcpt_count > 0 ? decide_notice(&s->message, kind, n.original) : DECIDE_DROP;
    if (action == DECIDE_DROP && kind == NOTICE_FAILED && n.rcpt_count > 0)
        effect_logf(p, LOG_LEVEL_WARNING,
                    "%012llX: from=<>, undeliverable, nobody is told: dropped",
                    (unsigned long long)s->message.id);
    if (action != DECIDE_DROP) {
        n.id = ids_next(&p->ids, p->now_ms);
        n.original_id = s->message.id;
        n.envid = s->message.envid;
        n.hostname = p->config->hostname;
        n.postmaster = config_postmaster_address(p->config);
        n.to_postmaster = action == DECIDE_TO_POSTMASTER;
        n.sender = n.to_postmaster ? n.postmaster : s->message.sender;
        n.arrival_ms = s->message.arrival_ms;
        n.now_ms = p->now_ms;
        n.utc_offset_s = p->utc_offset_s;
        n.seed = p->seed ^ n.id * 0x9E3779B97F4A7C15U;
        entry = compose(p, &n, action);
        if (s->message.traits & (MESSAGE_REQUIRE_TLS | MESSAGE_PREFER_TLS))
            entry->message.traits |= MESSAGE_PREFER_TLS;
    }
    free(rcpts);
    return entry;
}

void notices_make(struct pipeline *p, struct settling *s, struct op_settle *st)
{
    st->notices[0] = make(p, s, NOTICE_FAILED);
    st->notices[1] = make(p, s, NOTICE_DELAYED);
    st->notices[2] = make(p, s, NOTICE_ARRIVED);
}
