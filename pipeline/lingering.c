// SPDX-License-Identifier: BSD-2-Clause
// lingering: conversations without a batch. After a batch one waits a moment, idle, for the next to
// its destination; then it says goodbye. The scheduler's limits are limits of connections: an idle
// one stands for the next that would be opened, one that says goodbye counts until it is closed.
#include "pipeline/carrier.h"

#include <stdlib.h>
#include <strings.h>
#include <utlist.h>

struct idle_carriers {
    char *destination;
    struct carrier *first;
    UT_hash_handle hh;
};

void carrier_idle(struct pipeline *p, struct carrier *h)
{
    struct idle_carriers *i;
    HASH_FIND_STR(p->idle, h->destination, i);
    if (!i) {
        i = must_zalloc(sizeof *i);
        i->destination = must_strdup(h->destination);
        HASH_ADD_KEYPTR(hh, p->idle, i->destination, strlen(i->destination), i);
    }
    DL_APPEND2(i->first, h, idle_prev, idle_next);
    h->is_idle = true;
    h->idle_until_ms = p->now_ms + p->config->idle_ms;
    p->idle_count++;
}

void carrier_unidle(struct pipeline *p, struct carrier *h)
{
    if (!h->is_idle)
        return;
    struct idle_carriers *i;
    HASH_FIND_STR(p->idle, h->destination, i);
    must(i != NULL);
    DL_DELETE2(i->first, h, idle_prev, idle_next);
    h->is_idle = false;
    h->idle_until_ms = TIME_NEVER;
    p->idle_count--;
    if (i->first)
        return;
    HASH_DEL(p->idle, i);
    free(i->destination);
    free(i);
}

// Its list begins there today; or the domain has nobody there, which is no failure, and the one
// behind it serves.
static bool is_where_lists_begin(const struct carrier *h, const struct target *first)
{
    uint32_t misses, at = session_target_at(h->session);
    session_misses(h->session, &misses);
    if (strcmp(session_target(h->session, at)->name, first->name) == 0)
        return true;
    return misses == 0 &&
           strcmp(session_target(h->session, h->nexthops.first)->name, first->name) == 0;
}

// Of a host that takes mail of several domains any conversation will do; but where that did not
// answer, others may have been asked that are one domain's alone.
static bool can_take(const struct pipeline *p, const struct carrier *h, const struct batch *b,
                     const struct target *first)
{
    if (b->message.traits & MESSAGE_REQUIRE_TLS) // nobody remembers what a connection has proved
        return false;
    if (!session_suits(h->session, &p->session_settings, b->rule_domain) ||
        !is_where_lists_begin(h, first))
        return false;
    return !b->rule_host || strcmp(h->domain, b->rule_domain) == 0 ||
           strcasecmp(session_host(h->session), b->rule_host) == 0;
}

static void set_domain(struct carrier *h, const char *domain)
{
    if (strcmp(h->domain, domain) == 0)
        return;
    free(h->domain);
    h->domain = must_strdup(domain);
    session_set_domain(h->session, domain);
}

struct carrier *carrier_take_idle(struct pipeline *p, const struct batch *b,
                                  const struct target *first)
{
    struct idle_carriers *i;
    struct carrier *h = NULL;
    HASH_FIND_STR(p->idle, b->destination, i);
    for (h = i ? i->first : NULL; h && !can_take(p, h, b, first);)
        h = h->idle_next;
    if (!h)
        return NULL;
    carrier_unidle(p, h);
    carrier_unlinger(p, h);
    if (b->rule_host)
        set_domain(h, b->rule_domain);
    return h;
}

void carrier_unlinger(struct pipeline *p, struct carrier *h)
{
    if (!h->is_lingering)
        return;
    DL_DELETE2(p->lingering, h, linger_prev, linger_next);
    p->lingering_count--;
    h->is_lingering = false;
}

static struct carrier *oldest_idle(const struct pipeline *p)
{
    struct carrier *h = p->lingering;
    while (!h->is_idle)
        h = h->linger_next;
    return h;
}

// Mail for thousands of destinations would leave as many conversations behind it in two seconds:
// the oldest goes for each that comes, first with a word and then without.
void carrier_linger(struct pipeline *p, struct carrier *h)
{
    DL_APPEND2(p->lingering, h, linger_prev, linger_next);
    p->lingering_count++;
    h->is_lingering = true;
    if (p->idle_count > p->config->idle_connections)
        carrier_quit(p, oldest_idle(p));
    for (int i = 0; i < 2 && p->lingering_count > BUDGET_LINGERING; i++) {
        struct carrier *oldest = p->lingering;
        if (oldest->is_idle)
            carrier_quit(p, oldest);
        else
            carrier_feed(p, oldest, (struct session_event){.kind = SESSION_ABORT});
    }
}

void carrier_quit(struct pipeline *p, struct carrier *h)
{
    carrier_unidle(p, h);
    if (h->conn && !h->is_closing) {
        h->is_closing = true;
        h->depth++; // what starts now may end at once, and linger: h stays until its own word
        windows_feed(
            p, &(struct sched_event){.kind = SCHED_CLOSING, .closing_destination = h->destination});
        h->depth--;
    }
    carrier_feed(p, h, (struct session_event){.kind = SESSION_QUIT});
}

void carrier_note_closed(struct pipeline *p, struct carrier *h)
{
    if (!h->is_closing)
        return;
    h->is_closing = false;
    windows_feed(
        p, &(struct sched_event){.kind = SCHED_CLOSED, .closing_destination = h->destination});
}

void carriers_postpone(struct pipeline *p, int64_t by_ms)
{
    for (struct carrier *h = p->carriers; h; h = h->next) {
        session_postpone(h->session, by_ms);
        if (h->idle_until_ms != TIME_NEVER)
            h->idle_until_ms += by_ms;
    }
}

// Looked for from the beginning each time: what ends may start others, and free them.
void carriers_quit_idle(struct pipeline *p)
{
    while (p->idle_count > 0)
        carrier_quit(p, oldest_idle(p));
}
