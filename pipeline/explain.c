// SPDX-License-Identifier: BSD-2-Clause
// explain: what the spool does not say about a recipient. See explain.h.
#include "pipeline/explain.h"

#include "core/time.h"

// Where it goes by today's routes; NULL: nowhere.
static const char *find_destination(const struct explain *x, const struct message *m,
                                    const struct recipient *r, char room[ROUTE_ROOM])
{
    const char *host = x->site ? x->site(x->arg, r->domain) : NULL;
    const struct route_row *route =
        route_find(&x->config->routes, &(struct route_question){.address = slice_str(r->address),
                                                                .sender = m->sender,
                                                                .host = host});
    return route ? route_destination_name(route, r->domain, host, room) : NULL;
}

static bool find_health(const struct explain *x, const struct message *m, const struct recipient *r,
                        struct explain_health *ret)
{
    char room[ROUTE_ROOM];
    const char *destination = find_destination(x, m, r, room);
    return destination && x->health(x->arg, destination, ret);
}

const struct suspension *explain_suspended(const struct explain *x, const struct message *m,
                                           const struct recipient *r)
{
    char room[ROUTE_ROOM];
    if (!x->suspensions || x->suspensions->count == 0)
        return NULL;
    return suspensions_holding(x->suspensions, find_destination(x, m, r, room), r->domain,
                               m->sender);
}

// Nothing is tried before its end, and that is what it waits for; nor does it expire (S5 of
// queue/settle.h, U2 of suspending.c).
static void explain_suspension(const struct explain *x, const struct message *m,
                               const struct recipient *r, struct listing_recipient *to)
{
    if (r->state == RECIPIENT_HELD)
        return;
    const struct suspension *by = explain_suspended(x, m, r);
    if (!by)
        return;
    to->reason = by->text;
    to->expires_ms = 0;
    to->waits_for_resume = by->until_ms == TIME_NEVER;
    if (to->next_attempt_ms < by->until_ms)
        to->next_attempt_ms = by->until_ms;
}

// Nor does it before one real attempt behind a trouble of our own.
static void explain_blocked(struct listing_recipient *to)
{
    if (to->reason && outcome_behind_blocked(to->reason))
        to->expires_ms = 0;
}

static void explain_hold(const struct recipient *r, struct listing_recipient *to)
{
    if (r->state != RECIPIENT_HELD)
        return;
    to->expires_ms = 0;
    if (r->held_why && r->held_why[0])
        to->held_why = r->held_why;
}

// Its own next attempt. What a flush had picked is due; mail of a suspended sender was put off by
// us, for longer than it lasts where that was changed meanwhile.
static int64_t own_time(const struct explain *x, const struct message *m, const struct recipient *r,
                        enum sched_place place)
{
    const struct suspension *by =
        x->suspensions ? suspensions_find_sender(x->suspensions, m->sender) : NULL;
    int64_t at_ms = r->next_attempt_ms < 0 ? m->arrival_ms : r->next_attempt_ms;
    if (place == SCHED_IN_LINE && at_ms > x->now_ms) // a flush: nothing is stored for that
        at_ms = x->now_ms;
    return by && by->until_ms < at_ms ? by->until_ms : at_ms;
}

static void explain_recipient(const struct explain *x, const struct message *m,
                              const struct recipient *r, struct listing_recipient *to)
{
    struct rule_question question = rule_question(r->address, m->sender, r->last_class);
    enum sched_place place = x->place(x->arg, r->message, r->n);
    if (x->site)
        question.host = slice_str(x->site(x->arg, r->domain));
    *to = (struct listing_recipient){
        .rcpt = r,
        .is_active = place == SCHED_UNDER_WAY,
        .next_attempt_ms = own_time(x, m, r, place),
        .expires_ms = message_expires_ms(m, rules_expire_after(&x->config->rules, &question)),
        .reason = r->last_reply,
        .status = r->last_status,
        .host = r->last_host,
    };
    bool is_flushed_only = x->config->mode == MODE_QUEUE;
    if (is_flushed_only)
        to->next_attempt_ms = TIME_NEVER;
    struct explain_health health;
    if (!find_health(x, m, r, &health))
        return;
    if (health.rest_until_ms > to->next_attempt_ms && !is_flushed_only)
        to->next_attempt_ms = health.rest_until_ms;
    // What holds it now is the rest, unless its own last attempt is more recent.
    if (health.text && r->last_attempt_ms < health.last_probe_ms) {
        to->reason = health.text;
        to->status = health.status;
    }
}

void explain_row(const struct explain *x, const struct op_row *row, struct listing_recipient *rcpts)
{
    for (uint32_t i = 0; i < row->rcpt_count; i++) {
        explain_recipient(x, &row->message, &row->rcpts[i], &rcpts[i]);
        explain_blocked(&rcpts[i]);
        explain_suspension(x, &row->message, &row->rcpts[i], &rcpts[i]);
        explain_hold(&row->rcpts[i], &rcpts[i]);
    }
}

static void add_bound(const struct rules *rules, const struct retry_rule *rule,
                      enum rules_hearing heard, struct buf *to)
{
    bool is_least = heard == HEARS_SHORTEST;
    buf_add_str(to, is_least ? "the least that is heard of a reply, "
                             : "the most that is heard of a reply, ");
    time_format_duration(is_least ? rule->hint_min_ms : rule->hint_max_ms, to);
    buf_add_str(to, ": ");
    rules_name_retry(rules, rule->row[RULE_HINT], to);
}

void explain_choice(const struct rules *rules, const struct explain_choice *c, struct buf *to)
{
    struct retry_rule rule;
    rules_retry(rules, &c->question, &rule);
    buf_add_str(to, c->is_rest ? "rest of the destination: " : "");
    enum rules_hearing heard = rules_hears(&rule, c->failures, c->reply);
    if (heard == HEARS_HINT)
        buf_add_str(to, "what the reply asks for");
    else if (heard == HEARS_NOTHING)
        rules_name_retry(rules, rule.row[RULE_SCHEDULE], to);
    else
        add_bound(rules, &rule, heard, to);
}

void explain_content(struct slice content, struct buf *to)
{
    for (size_t i = 0; i < content.n;) {
        const char *cr = memchr(content.p + i, '\r', content.n - i);
        size_t n = cr ? (size_t)(cr - (content.p + i)) : content.n - i;
        buf_add(to, content.p + i, n);
        i += n + (cr ? 1 : 0);
    }
}
