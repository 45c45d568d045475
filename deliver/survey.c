// SPDX-License-Identifier: BSD-2-Clause
// survey: see survey.h.
#include "deliver/survey.h"

#include "core/must.h"
#include "deliver/guard.h"
#include "deliver/plan.h"

#include <stdlib.h>
#include <strings.h>

struct survey {
    struct session_settings settings;
    struct plan plan;
    struct guard guard;
    char *sender, *rcpt;
    const char *rcpts[1];
    struct survey_step *steps;
    uint32_t count, size;
    uint32_t tries;
    bool is_cut;
    char *asked; // the question that was pulled last
};

static struct survey_step *add(struct survey *s, enum survey_kind kind)
{
    if (s->count == s->size) {
        s->size = s->size ? 2 * s->size : 8;
        s->steps = must_realloc(s->steps, s->size * sizeof *s->steps);
    }
    struct survey_step *step = &s->steps[s->count++];
    *step = (struct survey_step){.kind = kind, .target = s->plan.target};
    return step;
}

// ---- the way through the plan ----------------------------------------------------------------

// The command's words stand one behind the other, each with its NUL.
static char *join_words(const struct handover_order *order)
{
    char *text = must_memdup(order->words, order->words_n);
    for (size_t i = 0; i + 1 < order->words_n; i++)
        if (!text[i])
            text[i] = ' ';
    return text;
}

static void add_try(struct survey *s)
{
    const struct hop *hop = &s->plan.hop;
    struct survey_step *step = add(s, SURVEY_TRY);
    s->tries++;
    s->is_cut |= s->plan.tries == PLAN_TRIES_MAX;
    step->host = must_strdup(hop->host);
    step->ip = must_strdup(hop->ip);
    step->port = hop->port;
    step->by_mx = plan_is_by_mx(&s->plan);
    step->by_dns = plan_policy(&s->plan, PROTECT_DANE);
    if (hop->path)
        step->path = must_strdup(hop->path);
    step->asks_policy = guard_wants_policy(&s->guard, &s->plan);
    if (!hop->order)
        return;
    step->is_command = hop->order->words_n > 0;
    step->path = step->is_command ? join_words(hop->order) : must_strdup(hop->order->path);
}

// What the plan noted since `before` is said where it came up; together they weigh as they do for a
// session. A row's own word (error:, discard:) is the last, whatever came before.
static void take_note(struct survey *s, uint32_t target, bool had_failure,
                      const struct outcome *before)
{
    struct plan *p = &s->plan;
    if (p->has_failure) {
        struct outcome *note = must_alloc(sizeof *note);
        *note = p->failure;
        struct survey_step *it = add(s, SURVEY_NOTE);
        it->note = note;
        if (target_is_final(&p->targets[p->target]))
            return;
        it->target = target; // the plan has gone on
    }
    if (!had_failure)
        return;
    struct outcome latest = p->failure;
    bool has_latest = p->has_failure;
    p->has_failure = true;
    p->failure = *before;
    if (has_latest)
        plan_note_failure(p, &latest);
}

typedef void survey_move(struct survey *s, const char *name, const struct dns_answer *answer);

static void step(struct survey *s, survey_move *move, const char *name,
                 const struct dns_answer *answer)
{
    bool had_failure = s->plan.has_failure;
    uint32_t target = s->plan.target;
    struct outcome before;
    if (had_failure)
        before = s->plan.failure;
    s->plan.has_failure = false;
    move(s, name, answer);
    take_note(s, target, had_failure, &before);
}

static void begin(struct survey *s, const char *name, const struct dns_answer *answer)
{
    (void)name, (void)answer;
    plan_begin(&s->plan, s->plan.seed, 0);
}

static void go_on(struct survey *s, const char *name, const struct dns_answer *answer)
{
    (void)name, (void)answer;
    plan_next_address(&s->plan);
}

static void give(struct survey *s, const char *name, const struct dns_answer *answer)
{
    plan_answer(&s->plan, name, answer);
}

static void walk(struct survey *s)
{
    while (s->plan.state == PLAN_ADDRESS) {
        add_try(s);
        step(s, go_on, NULL, NULL);
    }
}

struct survey *survey_new(const struct session_settings *settings, const struct survey_mail *mail)
{
    struct survey *s = must_zalloc(sizeof *s);
    s->settings = *settings;
    s->sender = must_strdup(mail->sender);
    s->rcpt = must_strdup(mail->rcpt);
    s->rcpts[0] = s->rcpt;
    guard_init(&s->guard, settings->protect, settings->credentials);
    plan_init(&s->plan, &s->settings, mail->targets, mail->target_count, mail->domain);
    plan_set_mail(&s->plan, s->sender, s->rcpts, 1);
    s->plan.seed = mail->seed;
    plan_set_last(&s->plan, mail->last);
    step(s, begin, NULL, NULL);
    walk(s);
    return s;
}

void survey_free(struct survey *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->count; i++) {
        struct survey_step *it = &s->steps[i];
        free(it->name);
        free(it->answer);
        free(it->uses);
        free(it->host);
        free(it->ip);
        free(it->path);
        free(it->note);
    }
    free(s->steps);
    plan_close(&s->plan);
    guard_close(&s->guard);
    free(s->sender);
    free(s->rcpt);
    free(s->asked);
    free(s);
}

// ---- questions and answers -------------------------------------------------------------------

bool survey_pull_question(struct survey *s, const char **ret_name, enum dns_type *ret_type)
{
    const char *name;
    if (!plan_pull_question(&s->plan, &name, ret_type))
        return false;
    free(s->asked);
    s->asked = must_strdup(name);
    *ret_name = s->asked;
    return true;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    n -= n > 0 && a[n - 1] == '.';
    m -= m > 0 && b[m - 1] == '.';
    return n == m && strncasecmp(a, b, n) == 0;
}

static bool is_host(const struct plan *p, const char *name)
{
    for (uint32_t i = 0; i < p->host_count; i++)
        if (same_name(p->hosts[i].name, name))
            return true;
    return false;
}

static enum survey_use use_of(const struct survey *s, const struct dns_answer *mx, uint32_t i)
{
    const char *own = s->settings.hostname ? s->settings.hostname : "";
    if (mx->records[i].name[0] && same_name(mx->records[i].name, own))
        return SURVEY_OWN;
    for (uint32_t k = 0; k < mx->count; k++)
        if (mx->records[k].name[0] && same_name(mx->records[k].name, own) &&
            mx->records[k].preference <= mx->records[i].preference)
            return SURVEY_NOT_BETTER;
    return SURVEY_UNUSABLE;
}

// The plan has chosen its hosts by now, unless none was left and it has gone on to what comes next.
static void judge_records(const struct survey *s, struct survey_step *it)
{
    bool is_here = s->plan.target == it->target && s->plan.state != PLAN_OVER;
    it->uses = must_zalloc(it->answer->count + 1);
    for (uint32_t i = 0; i < it->answer->count; i++)
        if (!is_here || !is_host(&s->plan, it->answer->records[i].name))
            it->uses[i] = (uint8_t)use_of(s, it->answer, i);
}

static bool is_asked(const struct plan *p, const char *name, enum dns_type type)
{
    for (uint32_t i = 0; p->state == PLAN_ASKING && i < p->question_count; i++) {
        const struct plan_question *q = &p->questions[i];
        if (q->is_pulled && !q->is_answered && q->type == type && strcasecmp(q->name, name) == 0)
            return true;
    }
    return false;
}

void survey_answer(struct survey *s, const char *name, const struct dns_answer *answer,
                   bool is_cached)
{
    if (!is_asked(&s->plan, name, answer->type))
        return;
    uint32_t at = s->count;
    size_t size = sizeof *answer + answer->count * sizeof answer->records[0];
    struct survey_step *it = add(s, SURVEY_ANSWER);
    it->name = must_strdup(name);
    it->answer = must_alloc(size);
    memcpy(it->answer, answer, size);
    it->is_cached = is_cached;
    step(s, give, it->name, it->answer);
    if (answer->type == DNS_TYPE_MX)
        judge_records(s, &s->steps[at]); // steps may have moved
    walk(s);
}

bool survey_is_over(const struct survey *s)
{
    return s->plan.state == PLAN_OVER;
}

const struct survey_step *survey_steps(const struct survey *s, uint32_t *ret_count)
{
    *ret_count = s->count;
    return s->steps;
}

uint32_t survey_tries(const struct survey *s)
{
    return s->tries;
}

bool survey_is_cut(const struct survey *s)
{
    return s->is_cut;
}

const struct outcome *survey_end(const struct survey *s)
{
    return s->plan.has_failure ? &s->plan.failure : NULL;
}
