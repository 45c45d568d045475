// SPDX-License-Identifier: BSD-2-Clause
// envelope: see envelope.h.
//
// (E1) Which recipients are asked is fixed while a transaction runs: `sent` and `answered` walk the
//      same list, so a recipient that `sent` walked over may be decided only by its own reply.
#include "deliver/envelope.h"

#include "core/must.h"
#include "deliver/deadline.h"
#include "deliver/smtputf8.h"

static struct envelope_place rcpt_from(const struct envelope *e, uint32_t i)
{
    while (i < e->tally->batch->rcpt_count && !tally_is_open(e->tally, i))
        i++;
    if (i < e->tally->batch->rcpt_count)
        return (struct envelope_place){STEP_RCPT, i};
    return (struct envelope_place){e->is_chunked ? STEP_END : STEP_DATA, 0};
}

static struct envelope_place next_place(const struct envelope *e, struct envelope_place p)
{
    switch (p.step) {
    case STEP_RSET:
        return (struct envelope_place){STEP_MAIL, 0};
    case STEP_MAIL:
        return rcpt_from(e, 0);
    case STEP_RCPT:
        return rcpt_from(e, p.rcpt + 1);
    case STEP_DATA:
    case STEP_END:
        break;
    }
    return (struct envelope_place){STEP_END, 0};
}

void envelope_begin(struct envelope *e, const struct tally *tally, const struct ehlo_caps *caps,
                    bool needs_rset, bool is_chunked)
{
    struct envelope_place first = {needs_rset ? STEP_RSET : STEP_MAIL, 0};
    *e = (struct envelope){tally, caps, first, first, is_chunked};
}

static void add_mail(const struct envelope *e, struct buf *to)
{
    const struct session_batch *b = e->tally->batch;
    must(buf_add_all(to, "MAIL FROM:<", b->sender, ">") == FP_OK);
    if (e->caps->has_size)
        must(buf_add_str(to, " SIZE=") == FP_OK && buf_add_number(to, b->size) == FP_OK);
    if (e->caps->has_8bitmime && b->is_8bit)
        must(buf_add_str(to, " BODY=8BITMIME") == FP_OK);
    if (e->caps->has_smtputf8 && smtputf8_is_wanted(b))
        must(buf_add_str(to, " SMTPUTF8") == FP_OK);
    deadline_add(b, e->caps, e->now_ms, to);
    if (e->caps->has_requiretls && (b->traits & (MESSAGE_REQUIRE_TLS | MESSAGE_PREFER_TLS)))
        must(buf_add_str(to, " REQUIRETLS") == FP_OK);
    if (e->caps->has_mt_priority && b->priority < 0)
        must(buf_add_str(to, " MT-PRIORITY=-") == FP_OK &&
             buf_add_number(to, (uint64_t)-b->priority) == FP_OK);
    else if (e->caps->has_mt_priority && b->priority > 0)
        must(buf_add_str(to, " MT-PRIORITY=") == FP_OK &&
             buf_add_number(to, (uint64_t)b->priority) == FP_OK);
    if (e->caps->has_dsn && b->ret)
        must(buf_add_all(to, " RET=", dsn_ret_name(b->ret)) == FP_OK);
    if (e->caps->has_dsn && b->envid && b->envid[0])
        must(buf_add_all(to, " ENVID=", b->envid) == FP_OK);
    must(buf_add_str(to, "\r\n") == FP_OK);
}

static void add_rcpt(const struct envelope *e, struct buf *to)
{
    const struct session_batch *b = e->tally->batch;
    uint32_t i = e->sent.rcpt;
    const struct session_dsn *dsn = e->caps->has_dsn && b->dsn ? &b->dsn[i] : NULL;
    must(buf_add_all(to, "RCPT TO:<", b->rcpts[i], ">") == FP_OK);
    if (dsn && dsn->notify) {
        must(buf_add_str(to, " NOTIFY=") == FP_OK);
        dsn_notify_add(dsn->notify, to);
    }
    if (dsn && dsn->orcpt && dsn->orcpt[0])
        must(buf_add_all(to, " ORCPT=", dsn->orcpt) == FP_OK);
    must(buf_add_str(to, "\r\n") == FP_OK);
}

static void add_command(const struct envelope *e, struct buf *to)
{
    switch (e->sent.step) {
    case STEP_RSET:
        must(buf_add_str(to, "RSET\r\n") == FP_OK);
        break;
    case STEP_MAIL:
        add_mail(e, to);
        break;
    case STEP_RCPT:
        add_rcpt(e, to);
        break;
    case STEP_DATA:
        must(buf_add_str(to, "DATA\r\n") == FP_OK);
        break;
    case STEP_END:
        break;
    }
}

void envelope_add_group(struct envelope *e, struct buf *to)
{
    must(e->sent.step != STEP_END);
    for (uint32_t rcpts = 0; e->sent.step != STEP_END && rcpts < ENVELOPE_GROUP_MAX;) {
        rcpts += e->sent.step == STEP_RCPT;
        add_command(e, to);
        e->sent = next_place(e, e->sent);
        if (!e->caps->has_pipelining)
            break;
    }
}

bool envelope_is_answered(const struct envelope *e)
{
    return e->answered.step == e->sent.step && e->answered.rcpt == e->sent.rcpt;
}

void envelope_advance(struct envelope *e)
{
    must(!envelope_is_answered(e));
    e->answered = next_place(e, e->answered);
}

enum outcome_stage envelope_stage(const struct envelope *e)
{
    switch (e->answered.step) {
    case STEP_RSET:
    case STEP_MAIL:
        return STAGE_MAIL;
    case STEP_RCPT:
        return STAGE_RCPT;
    case STEP_DATA:
    case STEP_END:
        break;
    }
    return STAGE_DATA;
}

bool envelope_is_speakable(const char *address)
{
    return strlen(address) <= MESSAGE_ADDRESS_MAX && !strpbrk(address, "\r\n");
}
