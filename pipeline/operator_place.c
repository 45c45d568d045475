// SPDX-License-Identifier: BSD-2-Clause
// operator_place: why, asked about a destination: its health and limits, and how much waits for it.
// See operator_internal.h.
//
// What waits is counted along the spool's index by domain: what is due, then all of it. Of a
// destination that is no domain that is a walk over all domains, for those that go there by today's
// routes; a route for single addresses is not seen by that.
#include "core/hostname.h"
#include "core/text.h"
#include "core/time.h"
#include "pipeline/limit_words.h"
#include "pipeline/operator_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum {
    PLACE_PAGE = 5000,
    PLACE_ENDS_LOOK = 1000000, // ends to look at for the last delivery: 1.5 us each
};

struct why_place {
    char *asked;       // as it was typed; owned
    char *domain;      // the domain that is asked about; NULL: a next hop's name; owned
    char *destination; // owned
    bool has_due;      // what is due is counted, the rest is being counted
    uint64_t due, waiting;
    int64_t first_ms;
    uint32_t ends_looked;
    int64_t delivered_ms; // 0: not known
};

void why_place_free(struct why_place *place)
{
    if (!place)
        return;
    free(place->asked);
    free(place->domain);
    free(place->destination);
    free(place);
}

static void ask_count(struct pipeline *p, struct operator_session *s, const struct why_place *y)
{
    struct op *op = op_new(OP_PLAN);
    op->plan.until_ms = y->has_due ? INT64_MAX : p->now_ms;
    op->plan.domain = y->domain ? must_strdup(y->domain) : NULL;
    op->plan.limit = PLACE_PAGE;
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

// Next hops are called by what routes say: "smtp://relay:25", "mx:mx.example".
static bool is_domain(struct slice word)
{
    static const char colon = ':';
    return memchr(word.p, colon, word.n) == NULL || word.p[0] == '[';
}

static char *lower_case(struct slice word)
{
    char *text = must_memdup(word.p, word.n);
    for (char *c = text; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return text;
}

// As routes write it, in whatever case it was asked for; hosts are in lower case.
static void add_next_hop(const struct pipeline *p, struct slice word, struct buf *to)
{
    const struct routes *routes = &p->config->routes;
    for (uint32_t i = 0; i < routes->count; i++)
        if (slice_equal_nocase(word, slice_str(routes->rows[i].name))) {
            buf_add_str(to, routes->rows[i].name);
            return;
        }
    bool is_host = slice_starts_nocase(word, SLICE_LIT("mx:"));
    char *host = is_host ? lower_case(hostname_without_root(word)) : NULL;
    buf_add_slice(to, host ? slice_str(host) : word);
    free(host);
}

struct why_place *place_begin(struct pipeline *p, struct operator_session *s, struct slice word)
{
    struct why_place *y = must_zalloc(sizeof *y);
    struct buf name;
    buf_init(&name, 64 * 1024);
    y->asked = must_memdup(word.p, word.n);
    y->first_ms = TIME_NEVER;
    if (is_domain(word)) {
        y->domain = lower_case(hostname_without_root(word));
        windows_destination(p, y->domain, y->domain, NULL, &name);
    } else {
        add_next_hop(p, word, &name);
    }
    y->destination = must_memdup(buf_slice(&name).p, name.n);
    buf_close(&name);
    ask_count(p, s, y);
    return y;
}

// ---- the answer --------------------------------------------------------------------------------

static void say_nothing_known(struct pipeline *p, struct operator_session *s,
                              const struct why_place *y)
{
    struct buf text;
    buf_init(&text, 64 * 1024);
    buf_add_str(&text, "nothing is known of ");
    text_escape(slice_str(y->asked), &text);
    buf_add_str(&text,
                ": it is no queue id and no address, no mail for such a destination is in the "
                "queue, none was delivered or has failed lately, and no route names it");
    if (y->domain && y->destination[0] && strcmp(y->domain, y->destination) != 0) {
        buf_add_str(&text, "; mail for it would go to ");
        text_escape(slice_str(y->destination), &text);
    }
    why_forget(s);
    answer_error(p, s, EX_NOINPUT, buf_slice(&text).p);
    buf_close(&text);
}

static void take_view(const struct destination_view *v, struct why_destination *d)
{
    static const char *const states[] = {[DESTINATION_OPEN] = "open",
                                         [DESTINATION_RESTING] = "resting",
                                         [DESTINATION_PROBING] = "probing"};
    d->state = states[v->state];
    d->failures = v->failures;
    d->since_ms = v->since_ms;
    d->last_probe_ms = v->last_probe_ms;
    d->rest_until_ms = v->rest_until_ms;
    d->status = v->why ? v->why->status : "";
    d->reply = v->why ? v->why->text : "";
    d->running = v->running;
    d->connections = v->connections;
    d->allowed = v->limit > 0 ? v->allowed : 0;
    d->in_memory = v->waiting;
}

static void name_rest(const struct pipeline *p, const struct why_place *y,
                      const struct destination_view *v, struct buf *to)
{
    struct explain_choice choice = {
        .question = {.address = slice_str(y->domain ? y->domain : ""),
                     .host = route_destination_host(y->destination),
                     .klass = v->why ? v->why->klass : CLASS_NONE},
        .failures = v->failures,
        .reply = slice_str(v->why ? v->why->text : ""),
    };
    explain_choice(&p->config->rules, &choice, to);
}

static void find_hold(struct pipeline *p, const struct why_place *y,
                      const struct why_destination *d, struct why_hold *ret)
{
    const struct suspensions *all = scheduler_suspensions(p->scheduler);
    *ret = (struct why_hold){.kind = WHY_TURN, .destination = d->name};
    if (operator_why_stopped(p)) {
        ret->kind = WHY_STOPPED;
        ret->reason = operator_why_stopped(p);
    } else if (p->config->mode == MODE_QUEUE) {
        ret->kind = WHY_ON_FLUSH;
    }
    operator_take_blocked(p, y->destination, ret);
    operator_take_suspension(p, suspensions_holding(all, y->destination, y->domain, NULL), ret);
}

// Next hops are asked about by the name of their list.
static const struct route_row *route_of(const struct pipeline *p, const struct why_place *y)
{
    const struct routes *r = &p->config->routes;
    if (y->domain)
        return windows_route(p, y->domain, y->domain, NULL);
    for (uint32_t i = 0; i < r->count; i++)
        if (strcmp(r->rows[i].name, y->destination) == 0)
            return &r->rows[i];
    return NULL;
}

static void tell(struct pipeline *p, struct operator_session *s, const struct why_place *y,
                 const struct destination_view *view)
{
    struct limit_words limits;
    struct buf rest;
    buf_init(&rest, 64 * 1024);
    name_rest(p, y, view, &rest);
    struct limit_rule rule;
    rules_limit(&p->config->rules, y->destination, &rule);
    limit_words_find(&p->config->rules, &rule, &limits);
    struct why writer = operator_why_writer(p, s);
    const struct route_row *route = route_of(p, y);
    struct why_hop hops[WHY_HOPS_MAX];
    struct why_destination d = {
        .asked = y->asked,
        .name = y->destination[0] ? y->destination : "nowhere: no route fits",
        .route = y->domain && route ? route->pattern : NULL,
        .rule = buf_slice(&rest).p,
        .hops = hops,
        .hop_count = operator_hops(p, s, route, y->domain ? y->domain : "", hops),
        .limits = limits.rows,
        .limit_count = LIMIT_FIELDS,
        .waiting = y->waiting,
        .due = y->due,
        .first_ms = y->first_ms,
        .delivered_ms = y->delivered_ms,
    };
    take_view(view, &d);
    find_hold(p, y, &d, &d.hold);
    why_destination(&writer, &d, &s->text);
    limit_words_close(&limits);
    buf_close(&rest);
}

static void count(struct pipeline *p, struct why_place *y, const struct op_plan *plan)
{
    struct buf name;
    buf_init(&name, 64 * 1024);
    for (uint32_t i = 0; i < plan->row_count; i++) {
        const struct op_plan_row *row = &plan->rows[i];
        buf_reset(&name);
        if (!y->domain && (!windows_destination(p, row->domain, row->domain, NULL, &name) ||
                           strcmp(buf_slice(&name).p, y->destination) != 0))
            continue;
        if (!y->has_due)
            y->due += row->count;
        else
            y->waiting += row->count;
        if (row->first_ms < y->first_ms)
            y->first_ms = row->first_ms;
    }
    buf_close(&name);
}

static bool has_hops(const struct pipeline *p, const struct operator_session *s,
                     const struct why_place *y)
{
    struct why_hop hops[WHY_HOPS_MAX];
    const char *domain = y->domain ? y->domain : "";
    return operator_hops(p, s, route_of(p, y), domain, hops) > 0;
}

// Some row leads there, and not just because it is for everybody.
static bool is_named(const struct pipeline *p, const struct why_place *y)
{
    return y->domain ? route_is_own(&p->config->routes, slice_str(y->domain))
                     : route_of(p, y) != NULL;
}

// Where mail of all domains goes is known, but that says nothing of this one.
static bool is_known(const struct pipeline *p, const struct operator_session *s,
                     const struct why_place *y, struct destination_view *ret)
{
    const struct suspensions *all = scheduler_suspensions(p->scheduler);
    bool has_destination = scheduler_destination(p->scheduler, y->destination, ret);
    bool is_own = !y->domain || strcmp(y->domain, y->destination) == 0 ||
                  route_is_own(&p->config->routes, slice_str(y->domain));
    return y->waiting > 0 || y->delivered_ms > 0 || is_named(p, y) || (has_destination && is_own) ||
           has_hops(p, s, y) ||
           suspensions_find(all, SUSPENSION_DESTINATION, y->domain ? y->domain : y->destination);
}

static void answer(struct pipeline *p, struct operator_session *s, const struct why_place *y)
{
    struct destination_view view = {.state = DESTINATION_OPEN};
    if (!is_known(p, s, y, &view)) {
        say_nothing_known(p, s, y);
        return;
    }
    tell(p, s, y, &view);
    why_forget(s);
    answer_end(p, s, EX_OK);
}

static void ask_delivered(struct pipeline *p, struct operator_session *s, const struct why_place *y)
{
    struct op *op = op_new(OP_ENDED);
    op->ended.domain = must_strdup(y->domain);
    op->ended.limit = PLACE_PAGE;
    op->ended.max = 1;
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

void place_ended(struct pipeline *p, struct operator_session *s, struct op *op)
{
    struct why_place *y = operator_place(s);
    const struct op_ended *e = &op->ended;
    y->ends_looked += PLACE_PAGE;
    if (e->end_count == 0 && !e->is_done && y->ends_looked < PLACE_ENDS_LOOK) {
        store_op(p, op_ended_rest(op), WAIT_OPERATOR)->conn = s->conn;
        return;
    }
    y->delivered_ms = e->end_count > 0 ? e->ends[0].at_ms : 0;
    answer(p, s, y);
}

void place_counted(struct pipeline *p, struct operator_session *s, struct op *op)
{
    struct why_place *y = operator_place(s);
    count(p, y, &op->plan);
    if (!op->plan.is_done) {
        store_op(p, op_plan_rest(op), WAIT_OPERATOR)->conn = s->conn;
        return;
    }
    if (!y->has_due) {
        y->has_due = true;
        ask_count(p, s, y);
        return;
    }
    if (y->domain && y->waiting == 0)
        ask_delivered(p, s, y);
    else
        answer(p, s, y);
}
