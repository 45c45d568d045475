// SPDX-License-Identifier: BSD-2-Clause
// account: what was tried for a recipient, what holds it, what comes. See account.h.
#include "pipeline/account.h"

#include "core/must.h"
#include "core/time.h"
#include "pipeline/past.h"

#include <stdlib.h>

static struct why_try try_of(const struct op_attempt *a)
{
    return (struct why_try){
        .nr = a->nr,
        .at_ms = a->at_ms,
        .ended_ms = a->ended_ms,
        .next_ms = a->next_ms,
        .host = a->host,
        .tls = a->tls,
        .stage = outcome_stage_name(a->stage),
        .klass = outcome_class_name(a->klass),
        .status = a->status,
        .reply = a->reply,
        .rule = a->rule,
        .in_doubt = a->in_doubt,
    };
}

// Attempts are in order of their recipients: those of n begin at `from`. Returns where they end.
static uint32_t take_tries(const struct op_history *h, uint32_t n, uint32_t from,
                           struct why_try *tries, struct why_recipient *ret)
{
    while (from < h->attempt_count && h->attempts[from].n < n)
        from++;
    uint32_t end = from;
    for (; end < h->attempt_count && h->attempts[end].n == n; end++)
        tries[end] = try_of(&h->attempts[end]);
    ret->tries = &tries[from];
    ret->try_count = end - from;
    return end;
}

static struct rule_question question_of(const struct account *a, const struct recipient *r)
{
    const struct explain *x = a->explain;
    struct rule_question q = rule_question(r->address, a->row->message.sender, r->last_class);
    if (x->site)
        q.host = slice_str(x->site(x->arg, r->domain));
    return q;
}

// Mail of the null sender, and our last word to the postmaster, have nobody to be warned.
static int64_t next_warning(const struct message *m, const struct recipient *r,
                            const struct retry_rule *rule)
{
    bool has_sender = m->sender[0] && m->kind == MESSAGE_MAIL;
    if (!has_sender || r->warned >= rule->warn_count || r->state == RECIPIENT_HELD)
        return 0;
    return m->arrival_ms + rule->warn_after_ms[r->warned];
}

static void name_rest(const struct account *a, const struct recipient *r,
                      const struct why_hold *hold, struct buf *words)
{
    struct explain_choice choice = {.question = question_of(a, r), .is_rest = true};
    choice.question.has_sender = false;
    choice.question.klass = hold->klass;
    choice.failures = hold->failures;
    choice.reply = slice_str(hold->reason);
    explain_choice(&a->explain->config->rules, &choice, words);
}

// The row that gives what the destination may have. Fewer connections than that are its own doing.
static void name_limit(const struct account *a, const struct why_hold *hold, struct buf *words)
{
    const struct rules *rules = &a->explain->config->rules;
    struct limit_rule limit;
    if (!hold->destination)
        return;
    rules_limit(rules, hold->destination, &limit);
    if (hold->kind == WHY_RATE) {
        buf_add_str(words, ", ");
        rules_name_limit(rules, limit.row[LIMIT_RATE], words);
    } else if (hold->allowed >= limit.connections) {
        rules_name_limit(rules, limit.row[LIMIT_CONNECTIONS], words);
    }
}

// Who chose the next time: the rest of its destination where that lasts longer, else what was
// decided behind its last attempt. Nobody has where it waits for a word of an operator.
static void name_choice(const struct account *a, const struct recipient *r,
                        const struct why_recipient *to, struct buf *words)
{
    const struct why_hold *hold = &to->hold;
    if (hold->kind == WHY_HELD || hold->kind == WHY_ON_FLUSH || hold->kind == WHY_ACTIVE ||
        to->next_ms == TIME_NEVER)
        return;
    if (hold->kind == WHY_RATE) {
        buf_add_str(words, "the rate of its destination, an estimate");
        name_limit(a, hold, words);
        return;
    }
    if (hold->kind == WHY_CONCURRENCY) {
        name_limit(a, hold, words);
        return;
    }
    if (hold->kind == WHY_RESTING && hold->until_ms > r->next_attempt_ms) {
        name_rest(a, r, hold, words);
        return;
    }
    if (hold->kind == WHY_SUSPENDED && to->next_ms == hold->until_ms) {
        buf_add_str(words, "the end of the suspension");
        return;
    }
    if (hold->kind == WHY_SUSPENDED && to->next_ms > r->next_attempt_ms) {
        buf_add_str(words, "rest of the destination");
        return;
    }
    if (hold->kind == WHY_BLOCKED && hold->until_ms >= r->next_attempt_ms)
        buf_add_str(words, "a rest, as it is our own doing");
    if (hold->kind == WHY_BLOCKED || to->try_count == 0)
        return;
    const struct why_try *last = &to->tries[to->try_count - 1];
    if (last->next_ms == r->next_attempt_ms)
        buf_add_str(words, last->rule);
    else
        buf_add_str(words, "an operator, or a trouble of our own");
}

// A relay may refuse us with single mails and take others, so that it does not rest.
static void take_own_doing(const struct recipient *r, struct why_hold *hold)
{
    const char *what = outcome_behind_blocked(r->last_reply);
    if (hold->kind == WHY_NOT_DUE && what)
        *hold =
            (struct why_hold){.kind = WHY_BLOCKED, .reason = what, .until_ms = r->next_attempt_ms};
}

static void add_queued(const struct account *a, const struct recipient *r,
                       const struct listing_recipient *shown, struct why_recipient *one,
                       struct why *w, struct buf *to)
{
    const struct message *m = &a->row->message;
    struct rule_question question = question_of(a, r);
    struct retry_rule rule;
    struct buf words;
    buf_init(&words, 64 * 1024);
    rules_retry(&a->explain->config->rules, &question, &rule);
    one->message = m->id;
    one->sender = m->sender;
    one->address = r->address;
    one->arrival_ms = m->arrival_ms;
    one->attempts = r->attempts;
    one->in_doubt = r->in_doubt;
    one->is_queued = true;
    one->state = listing_state(shown);
    one->next_ms = shown->next_attempt_ms;
    one->expires_ms = shown->expires_ms;
    one->warn_ms = next_warning(m, r, &rule);
    one->attempts_max = rule.attempts_max;
    a->hold(a->arg, m, r, &one->hold);
    take_own_doing(r, &one->hold);
    if (one->hold.kind == WHY_RATE)
        one->next_ms = one->hold.until_ms;
    name_choice(a, r, one, &words);
    one->rule = buf_slice(&words).p;
    why_recipient(w, one, to);
    buf_close(&words);
}

static void add_end(const struct op_end *e, struct why_recipient *one, struct why *w,
                    struct buf *to)
{
    one->message = e->message;
    one->sender = e->sender;
    one->address = e->address;
    one->arrival_ms = e->arrival_ms;
    one->attempts = e->attempts;
    one->in_doubt = e->in_doubt;
    one->end = past_end(e);
    one->end_status = e->status;
    one->end_class = outcome_class_name(e->klass);
    one->end_stage = outcome_stage_name(e->stage);
    one->end_tls = e->tls;
    why_recipient(w, one, to);
}

static bool is_in_range(const struct op_history *h, uint32_t n)
{
    return n >= h->from_n && n - h->from_n < h->count;
}

// Recipients that are in the queue and those that have left, merged by their numbers.
static void add_all(const struct account *a, const struct listing_recipient *shown,
                    struct why_try *tries, struct why *w, struct buf *to)
{
    const struct op_history *h = a->history;
    uint32_t open = 0, end = 0, at = 0, count = a->row ? a->row->rcpt_count : 0;
    while (open < count || end < h->end_count) {
        bool is_open =
            open < count && (end == h->end_count || a->row->rcpts[open].n <= h->ends[end].n);
        uint32_t n = is_open ? a->row->rcpts[open].n : h->ends[end].n;
        bool is_theirs = is_open || a->uid < 0 || h->ends[end].uid == a->uid;
        struct why_recipient one = {.rule = ""};
        if (is_in_range(h, n) && is_theirs) {
            at = take_tries(h, n, at, tries, &one);
            if (is_open)
                add_queued(a, &a->row->rcpts[open], &shown[open], &one, w, to);
            else
                add_end(&h->ends[end], &one, w, to);
        }
        open += is_open;
        end += !is_open || (end < h->end_count && h->ends[end].n == n);
    }
}

void account_add(const struct account *a, struct why *w, struct buf *to)
{
    uint32_t count = a->row ? a->row->rcpt_count : 0;
    struct listing_recipient *shown = must_alloc((count + 1) * sizeof *shown);
    struct why_try *tries = must_alloc((a->history->attempt_count + 1) * sizeof *tries);
    if (a->row)
        explain_row(a->explain, a->row, shown);
    add_all(a, shown, tries, w, to);
    free(shown);
    free(tries);
}
