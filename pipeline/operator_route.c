// SPDX-License-Identifier: BSD-2-Clause
// operator_route: which way mail to an address would go. See operator_internal.h and guide.h.
//
// Names come out of the cache that mail uses, and go into it.
#include "pipeline/guide.h"
#include "pipeline/nexthops.h"
#include "pipeline/operator_internal.h"
#include "pipeline/sts.h"

#include <stdlib.h>
#include <sysexits.h>
#include <utlist.h>

struct operator_route {
    uint64_t lookup; // number of its questions
    struct operator_session *session;
    struct guide *guide;
    const char *at;   // in the request: the address that is asked about
    const char *rest; // those behind it
    int code;         // of the first that did not go well
    bool is_pumping;
    struct operator_route *prev, *next;
};

void route_forget(struct pipeline *p, struct operator_session *s)
{
    struct operator_route *r = s->route;
    if (!r)
        return;
    DL_DELETE(p->routes_asked, r);
    guide_free(r->guide);
    free(r);
    s->route = NULL;
}

static void take_code(struct operator_route *r, int code)
{
    if (r->code == EX_OK)
        r->code = code;
}

// What a next hop said of somebody's mail is for operators.
static void find_health(struct pipeline *p, const struct operator_session *s, const struct guide *g,
                        struct guide_health *ret)
{
    static const char *const states[] = {[DESTINATION_OPEN] = "open",
                                         [DESTINATION_RESTING] = "resting",
                                         [DESTINATION_PROBING] = "probing"};
    struct explain x = operator_explain(p, s);
    struct explain_health health;
    struct destination_view view;
    const char *destination = guide_destination(g);
    const char *sender = s->request.has_sender ? s->request.sender : NULL;
    *ret = (struct guide_health){.state = "open"};
    if (scheduler_destination(p->scheduler, destination, &view))
        ret->state = states[view.state];
    if (x.health(x.arg, destination, &health)) {
        ret->reason = s->caller.is_operator ? health.text : NULL;
        ret->until_ms = view.state == DESTINATION_OPEN ? 0 : health.rest_until_ms;
    }
    const struct suspension *by =
        suspensions_holding(x.suspensions, destination, guide_domain(g), sender);
    if (!by)
        return;
    *ret =
        (struct guide_health){.state = "suspended", .reason = by->text, .until_ms = by->until_ms};
}

static void tell(struct pipeline *p, struct operator_session *s)
{
    struct operator_route *r = s->route;
    struct guide_health health;
    struct why_hop hops[WHY_HOPS_MAX];
    struct guide_form form = {.is_json = s->request.format == LISTING_JSON,
                              .now_ms = p->now_ms,
                              .utc_offset_s = p->utc_offset_s};
    if (s->text.n > 0 && !form.is_json)
        buf_add_byte(&s->text, '\n');
    find_health(p, s, r->guide, &health);
    health.hops = hops;
    health.policy = sts_known(p, guide_domain(r->guide));
    health.hop_count = operator_hops(p, s, guide_row(r->guide), guide_domain(r->guide), hops);
    take_code(r, guide_tell(r->guide, &health, &form, &s->text));
}

static void complain(struct pipeline *p, struct operator_session *s, const char *why)
{
    route_forget(p, s);
    answer_error(p, s, EX_DATAERR, why);
}

static uint32_t find_last(void *arg, const struct route_row *row, const char *domain)
{
    return nexthops_last(arg, row, domain);
}

static bool next_address(struct pipeline *p, struct operator_session *s)
{
    struct operator_route *r = s->route;
    struct buf why;
    size_t n = strcspn(r->rest, "\n");
    char *address = must_memdup(r->rest, n);
    r->at = r->rest;
    r->rest += n + (r->rest[n] == '\n');
    guide_free(r->guide);
    r->guide = NULL;
    buf_init(&why, 4096);
    enum fp_err err =
        guide_new(p->config, address, s->request.has_sender ? s->request.sender : NULL,
                  &(struct guide_order){find_last, p}, &r->guide, &why);
    if (err)
        complain(p, s, buf_slice(&why).p);
    buf_close(&why);
    free(address);
    return !err;
}

static void ask(struct pipeline *p, const struct operator_route *r, const char *name,
                enum dns_type type)
{
    struct slice kept = effect_keep(p, slice_str(name));
    struct pipeline_effect *e = effect_add(p, PIPELINE_LOOKUP);
    e->lookup = r->lookup;
    e->name = kept.p;
    e->type = type;
}

static void pump(struct pipeline *p, struct operator_session *s)
{
    struct operator_route *r = s->route;
    const char *name;
    enum dns_type type;
    for (;;) {
        while (guide_pull_question(r->guide, &name, &type)) {
            const struct dns_answer *known = dnscache_find(p->dnscache, name, type, p->now_ms);
            if (known)
                guide_answer(r->guide, name, known, true);
            else
                ask(p, r, name, type);
        }
        if (!guide_is_over(r->guide))
            return; // goes on in operator_answered
        tell(p, s);
        if (!r->rest[0])
            break;
        if (!next_address(p, s))
            return;
    }
    int code = r->code;
    route_forget(p, s);
    answer_end(p, s, code);
}

void answer_route(struct pipeline *p, struct operator_session *s)
{
    struct operator_route *r = must_zalloc(sizeof *r);
    route_forget(p, s);
    s->route = r;
    r->session = s;
    r->lookup = p->next_tag++;
    r->rest = s->request.subject;
    DL_APPEND(p->routes_asked, r);
    if (next_address(p, s))
        pump(p, s);
}

void operator_answered(struct pipeline *p, uint64_t lookup, const char *name,
                       const struct dns_answer *answer)
{
    struct operator_route *r;
    DL_SEARCH_SCALAR(p->routes_asked, r, lookup, lookup);
    if (!r)
        return;
    guide_answer(r->guide, name, answer, false);
    pump(p, r->session);
}

// What a guide has found are rows of the configuration by which it was begun.
void routes_begin_again(struct pipeline *p)
{
    struct operator_route *r, *next;
    DL_FOREACH_SAFE(p->routes_asked, r, next)
    {
        r->lookup = p->next_tag++; // answers that are under way are to questions of the old
        r->rest = r->at;
        if (next_address(p, r->session))
            pump(p, r->session);
    }
}
