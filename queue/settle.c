// SPDX-License-Identifier: BSD-2-Clause
// settle: what an attempt's outcomes mean for each recipient. See settle.h for S1 to S4, and:
//
// (S5) A held recipient is neither warned about nor expired: an operator has stopped it, and his
//      release, not the clock, is what it waits for. Delivered or refused by an attempt that was
//      under way, it leaves all the same.
// (S6) A failure of our own (SCOPE_LOCAL) is no attempt: it counts nothing, it is nobody's reason
//      to expire, but it is remembered, so that the listing shows what the mail waits for.
//
// (S7) Mail that its sender wants back at a certain time (DELIVERBY) is given back then, tried or
// not: no
//      host would get it any more. Not while it is suspended, though (the epoch is never then).
//
// It does not decide whether a notice is sent (bounce/decide) nor when the next attempt is
// (scheduler/rules): both come in or go out as values.
#include "queue/settle.h"

#include "core/time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

// RFC 3463 3.5: X.4.7 is "delivery time expired", a persistent *transient* failure, hence class 4
// although it is final; parsers of notices know 4.4.7 and read 5.4.7 as something else.
static const char status_expired[] = "4.4.7";

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

void settle_apply_deliver_by(struct settle_rule *rule, const struct message *m)
{
    if (m->deliver_by_ms == 0)
        return;
    if (m->traits & MESSAGE_BY_RETURN) {
        rule->expire_after_ms = message_expires_ms(m, rule->expire_after_ms) - m->arrival_ms;
    } else {
        rule->warn_after_ms[0] = m->deliver_by_ms - m->arrival_ms;
        rule->warn_count = 1;
    }
}

// S7
static bool is_overdue(const struct message *m, int64_t now_ms)
{
    return m->deliver_by_ms != 0 && (m->traits & MESSAGE_BY_RETURN) && m->deliver_by_ms <= now_ms;
}

static uint32_t warnings_passed(const struct settle_rule *rule, int64_t arrival_ms, int64_t now_ms)
{
    uint32_t passed = 0;
    while (passed < rule->warn_count &&
           add_saturated(arrival_ms, rule->warn_after_ms[passed]) <= now_ms)
        passed++;
    return passed;
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

// "host[ip]:port", as the spool keeps it, into its parts; anything else is all name.
static void parse_host(const char *text, struct outcome *o)
{
    const char *open = strchr(text, '[');
    const char *shut = open ? strstr(open, "]:") : NULL;
    if (!shut) {
        copy_text(o->host, sizeof o->host, text);
        return;
    }
    snprintf(o->host, sizeof o->host, "%.*s", (int)(open - text), text);
    snprintf(o->ip, sizeof o->ip, "%.*s", (int)(shut - open - 1), open + 1);
    for (const char *p = shut + 2; isdigit((unsigned char)*p); p++)
        o->port = (uint16_t)(o->port * 10 + (*p - '0'));
}

// A stored text that begins with a reply code was a reply; our own words never begin so.
static bool is_reply(const char *text)
{
    return isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]) &&
           isdigit((unsigned char)text[2]) && (text[3] == ' ' || text[3] == '-' || !text[3]);
}

void settle_last_outcome(const struct recipient *r, struct outcome *o)
{
    *o = (struct outcome){.result = OUTCOME_DEFERRED, .klass = r->last_class};
    copy_text(o->status, sizeof o->status, r->last_status);
    copy_text(o->text, sizeof o->text, r->last_reply);
    o->has_reply = is_reply(o->text);
    parse_host(r->last_host ? r->last_host : "", o);
}

// The last thing that is known about why it could not be delivered becomes the notice's reason.
static void plan_expiry(struct settle_plan *plan, const struct settle_input *in,
                        const struct outcome *why, int64_t now_ms)
{
    struct outcome *o = &plan->change.outcome;
    *o = *why;
    o->result = OUTCOME_FAILED;
    o->klass = CLASS_EXPIRED;
    o->in_doubt = why->in_doubt || in->rcpt->in_doubt;
    copy_text(o->status, sizeof o->status, status_expired);
    if (!o->text[0])
        copy_text(o->text, sizeof o->text, "delivery time expired");
    plan->change.action = SETTLE_FAIL;
    plan->change.expired_by = plan->is_overdue             ? "the time that its sender set"
                              : plan->expires_ms <= now_ms ? "its age"
                                                           : "the number of its attempts";
    plan->is_expired = true;
    plan->is_warning = false; // S3
}

// The listing shows what is stored, and a warning tells it: they are to say whose doing it is.
static void put_blame(struct outcome *o)
{
    struct buf text;
    buf_init(&text, 4 * OUTCOME_TEXT_SIZE);
    outcome_describe(o, &text);
    copy_text(o->text, sizeof o->text, text.p);
    buf_close(&text);
    o->has_reply = false;
}

static void decide_attempt(const struct settle_input *in, int64_t now_ms, int64_t epoch_ms,
                           struct settle_plan *plan)
{
    const struct outcome *o = in->outcome;
    bool is_local = o->result == OUTCOME_DEFERRED && o->scope == SCOPE_LOCAL;
    plan->is_needed = true;
    plan->change.is_attempt = !is_local; // S6
    plan->change.began_ms = in->began_ms;
    plan->change.outcome = *o;
    if (o->result == OUTCOME_DELIVERED) {
        plan->change.action = SETTLE_DELIVERED;
        plan->is_warning = false;
        return;
    }
    if (o->result == OUTCOME_FAILED && !o->in_doubt) {
        plan->change.action = in->held_why ? SETTLE_HOLD : SETTLE_FAIL;
        plan->change.held_why = in->held_why;
        plan->is_warning = false; // S3
        return;
    }
    plan->change.action = SETTLE_DEFER;
    plan->change.next_attempt_ms = in->retry_at_ms;
    if (o->blocked)
        put_blame(&plan->change.outcome);
    if (o->result == OUTCOME_FAILED) { // S4; classify makes none, but a lost mail is not the price
        plan->change.outcome.result = OUTCOME_DEFERRED;
        plan->change.outcome.status[0] = '4'; // the class digit agrees with the result
    }
    bool is_real = plan->is_overdue || (!is_local && in->began_ms >= epoch_ms); // S1
    bool is_last = in->rule.attempts_max > 0 && !o->in_doubt &&
                   in->rcpt->attempts + 1 >= in->rule.attempts_max;
    if (is_real && (is_last || plan->expires_ms <= now_ms) && in->rcpt->state != RECIPIENT_HELD)
        plan_expiry(plan, in, o, now_ms);
}

static void decide_sweep(const struct settle_input *in, int64_t now_ms, int64_t epoch_ms,
                         struct settle_plan *plan)
{
    const struct recipient *r = in->rcpt;
    // What lies ahead was before the clock was set back.
    bool tried =
        r->last_attempt_ms > 0 && r->last_attempt_ms >= epoch_ms && r->last_attempt_ms <= now_ms;
    bool probed = in->last_probe_ms > 0 && in->last_probe_ms >= epoch_ms;
    plan->is_needed = plan->is_warning;
    plan->change.action = SETTLE_WARN;
    struct outcome why;
    settle_last_outcome(r, &why);
    if (in->probe && in->last_probe_ms > r->last_attempt_ms)
        why = *in->probe;
    plan->change.outcome = why; // what a warning tells as the reason
    if (r->state == RECIPIENT_HELD || plan->expires_ms > now_ms ||
        !(tried || probed || plan->is_overdue))
        return;
    plan->is_needed = true;
    plan_expiry(plan, in, &why, now_ms);
}

static bool is_one_too_many(const struct outcome *o)
{
    return o->result == OUTCOME_DEFERRED && o->stage == STAGE_RCPT && o->klass == CLASS_RATE &&
           (strcmp(o->status, "4.5.3") == 0 || strcasestr(o->text, "too many recipients"));
}

bool settle_wants_rest(const struct outcome *outcomes, uint32_t count, uint32_t i)
{
    bool took_others = false;
    for (uint32_t k = 0; is_one_too_many(&outcomes[i]) && k < count && !took_others; k++)
        took_others = outcomes[k].result == OUTCOME_DELIVERED;
    return took_others;
}

void settle_decide(const struct message *m, const struct settle_input *in, int64_t now_ms,
                   int64_t epoch_ms, struct settle_plan *ret)
{
    uint32_t passed = warnings_passed(&in->rule, m->arrival_ms, now_ms);
    bool is_late = passed > in->rcpt->warned && in->rcpt->state != RECIPIENT_HELD; // S2, S5
    *ret = (struct settle_plan){
        .change = {.n = in->rcpt->n, .warned = is_late ? passed : in->rcpt->warned},
        .is_warning = is_late,
        .expires_ms = add_saturated(m->arrival_ms, in->rule.expire_after_ms),
        .is_overdue = is_overdue(m, now_ms) && epoch_ms != TIME_NEVER,
    };
    if (in->outcome)
        decide_attempt(in, now_ms, epoch_ms, ret);
    else
        decide_sweep(in, now_ms, epoch_ms, ret);
}
