// SPDX-License-Identifier: BSD-2-Clause
// blocking: what of ourselves holds mail up, found out from attempts, said once in the log, and
// listed. See pipeline/blocked.h and pipeline_internal.h.
//
// What is about one relay ends when that relay answers anything else. A missing network or a
// shortage ends with the first host that is reached, wherever it is; a resolver that is gone, with
// the first name that it tells something about (resolver.c); a spool that cannot be written, when
// it can (trouble.c).
#include "pipeline/pipeline_internal.h"

enum { FRESH_MS = 3 * 60 * 1000 };

static bool is_about_all(enum outcome_blocked kind)
{
    return kind == BLOCKED_RESOLVER || kind == BLOCKED_NETWORK || kind == BLOCKED_SPOOL ||
           kind == BLOCKED_SHORTAGE;
}

void blocking_begin(struct pipeline *p, enum outcome_blocked kind, const char *destination,
                    const char *why)
{
    if (!blocked_begin(p->blocked, kind, destination, why, p->now_ms))
        return;
    struct buf *line = effect_line(p);
    buf_add_str(line, why);
    if (destination[0])
        buf_addf(line, " (mail for %s waits; nothing of it is used up or given back)", destination);
    else
        buf_add_str(line, " (mail waits; nothing of it is used up or given back)");
    effect_log(p, LOG_LEVEL_ERROR, line);
}

void blocking_end(struct pipeline *p, enum outcome_blocked kind, const char *destination)
{
    if (!blocked_end(p->blocked, kind, destination, p->now_ms))
        return;
    struct buf *line = effect_line(p);
    buf_addf(line, "no longer blocked here: %s", outcome_blocked_text(kind));
    if (destination[0])
        buf_addf(line, " (%s)", destination);
    effect_log(p, LOG_LEVEL_INFO, line);
}

// What is between one relay and us. What was heard last counts: it is one thing at a time.
static const enum outcome_blocked of_relays[] = {BLOCKED_CREDENTIALS, BLOCKED_SECRET, BLOCKED_RELAY,
                                                 BLOCKED_TLS};
enum { OF_RELAYS = sizeof of_relays / sizeof *of_relays };

static void end_others(struct pipeline *p, enum outcome_blocked kind, const char *destination)
{
    for (size_t i = 0; i < OF_RELAYS; i++)
        if (of_relays[i] != kind)
            blocked_end(p->blocked, of_relays[i], destination, p->now_ms);
}

static void learn_blocked(struct pipeline *p, const struct batch *b, const struct outcome *o)
{
    enum outcome_blocked kind = (enum outcome_blocked)o->blocked;
    struct buf why;
    buf_init(&why, 4 * OUTCOME_TEXT_SIZE);
    if (kind == BLOCKED_RESOLVER) // that name is one of many
        outcome_say_blocked(kind, &why);
    else
        outcome_describe(o, &why);
    blocking_begin(p, kind, is_about_all(kind) ? "" : b->destination, why.p);
    if (!is_about_all(kind))
        end_others(p, kind, b->destination);
    buf_close(&why);
}

static bool is_elsewhere(const struct outcome *o)
{
    return o->ip[0] && strncmp(o->ip, "127.", 4) != 0 && strcmp(o->ip, "::1") != 0;
}

static void learn_well(struct pipeline *p, const struct batch *b, const struct outcome *o)
{
    if (o->stage == STAGE_NONE || o->stage == STAGE_DNS)
        return; // nobody was asked
    blocking_end(p, BLOCKED_SHORTAGE, "");
    if (is_elsewhere(o))
        blocking_end(p, BLOCKED_NETWORK, "");
    if (o->stage == STAGE_CONNECT || o->scope == SCOPE_HOST)
        return; // it may refuse us still
    for (size_t k = 0; k < OF_RELAYS; k++)
        blocking_end(p, of_relays[k], b->destination);
}

void blocking_learn(struct pipeline *p, const struct batch *b, const struct outcome *outcomes)
{
    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        const struct outcome *o = &outcomes[i];
        if (o->scope == SCOPE_LOCAL && o->blocked)
            learn_blocked(p, b, o);
        else if (o->scope != SCOPE_LOCAL && blocked_count(p->blocked) > 0)
            learn_well(p, b, o);
    }
}

// A destination that does not rest, and whose mail waits for a later time, may be forgotten until
// then. Such mail is tried each half minute.
static bool is_fresh(const struct pipeline *p, const struct blocked_view *row)
{
    struct destination_view view;
    bool is_known = scheduler_destination(p->scheduler, row->destination, &view);
    return (!is_known || view.failures == 0) && p->now_ms - row->last_ms < FRESH_MS;
}

// In mode "queue" destinations are forgotten between flushes, and their mail waits all the same.
bool blocking_is_felt(const struct pipeline *p, const struct blocked_view *row)
{
    if (p->config->mode == MODE_QUEUE || row->kind == BLOCKED_SPOOL ||
        row->kind == BLOCKED_SHORTAGE)
        return true;
    if (is_about_all(row->kind))
        return scheduler_is_blocked(p->scheduler, NULL, (uint8_t)row->kind);
    return scheduler_is_blocked(p->scheduler, row->destination, (uint8_t)row->kind) ||
           is_fresh(p, row);
}

const char *blocking_text(const struct pipeline *p, const char *destination,
                          const struct destination_view *view)
{
    enum outcome_blocked kind = (enum outcome_blocked)view->blocked;
    if (kind == BLOCKED_NOT || view->state == DESTINATION_OPEN)
        return NULL;
    return blocked_why(p->blocked, kind, is_about_all(kind) ? "" : destination);
}

const char *blocking_of_some(const struct pipeline *p, const char *destination)
{
    struct blocked_view rows[BLOCKED_MAX];
    uint32_t count = blocked_list(p->blocked, rows, BLOCKED_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].destination, destination) == 0 && blocking_is_felt(p, &rows[i]))
            return rows[i].why;
    return NULL;
}

bool blocking_reason(const struct pipeline *p, const char *destination,
                     const struct destination_view *view, struct outcome *ret)
{
    const char *text = blocking_text(p, destination, view);
    if (text)
        outcome_set(ret, OUTCOME_DEFERRED, SCOPE_LOCAL, CLASS_HOST, "4.3.0", "%s", text);
    return text != NULL;
}
