// SPDX-License-Identifier: BSD-2-Clause
// operator_suspend: suspend and resume. See operator_internal.h; what comes of them is in
// suspending.c.
//
// A destination that nobody has heard of is more likely a slip of the pen than a plan, so suspend
// says so, and which name it may have been; --force insists. Known is what has a route of its own
// or is a next hop of one, what the scheduler knows, and a domain with mail in the queue.
#include "control/suspended.h"
#include "control/suspended_json.h"
#include "pipeline/operator_internal.h"

#include <stdlib.h>
#include <sysexits.h>

static const struct suspensions *all(const struct pipeline *p)
{
    return scheduler_suspensions(p->scheduler);
}

static enum suspension_kind kind_of(const struct request *r)
{
    return r->all ? SUSPENSION_EVERYTHING : r->target.kind;
}

static void list_all(struct pipeline *p, struct operator_session *s)
{
    if (s->request.format != LISTING_TABLE) {
        suspended_json(all(p)->rows, all(p)->count, s->request.format == LISTING_JSONL, &s->text);
    } else if (all(p)->count == 0) {
        buf_add_str(&s->text, "Nothing is suspended\n");
    } else {
        struct column c = column_begin(&s->text);
        suspended_table(all(p)->rows, all(p)->count, p->now_ms, &c);
        column_commit(&c);
    }
    answer_end(p, s, EX_OK);
}

// What the answers call it; harmless.
static void add_name(const struct request *r, struct buf *to)
{
    struct suspension row = {.kind = kind_of(r), .name = (char *)(uintptr_t)r->target.name};
    struct buf name;
    buf_init(&name, SUSPENSION_NAME_MAX + 16);
    suspension_name(&row, &name);
    text_escape(buf_slice(&name), to);
    buf_close(&name);
}

static int64_t end_of(const struct pipeline *p, const struct request *r)
{
    return r->target.for_ms ? p->now_ms + r->target.for_ms : TIME_NEVER;
}

static void add_end(int64_t until_ms, struct buf *to)
{
    if (until_ms == TIME_NEVER) {
        buf_add_str(to, " until it is resumed");
    } else {
        char text[TIME_TEXT_SIZE];
        time_format_iso(until_ms, text);
        buf_addf(to, " until %s", text);
    }
}

static void say_dry(struct pipeline *p, struct operator_session *s)
{
    buf_addf(&s->text, "would %s ", request_verb_name(s->request.verb));
    add_name(&s->request, &s->text);
    if (s->request.verb == VERB_SUSPEND)
        add_end(end_of(p, &s->request), &s->text);
    buf_add_byte(&s->text, '\n');
    answer_end(p, s, EX_OK);
}

static void store(struct pipeline *p, struct operator_session *s)
{
    const struct request *r = &s->request;
    if (r->dry_run) {
        say_dry(p, s);
        return;
    }
    struct op *op = op_new(OP_SUSPEND);
    struct suspension row = {
        .kind = kind_of(r),
        .name = (char *)(uintptr_t)(r->all ? "" : r->target.name),
        .since_ms = p->now_ms,
        .until_ms = end_of(p, r),
        .reason = (char *)(uintptr_t)r->reason,
        .who = s->who,
    };
    op->suspend.is_over = r->verb == VERB_RESUME;
    suspension_copy(&op->suspend.row, &row);
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

// ---- suspend ---------------------------------------------------------------------------------

static bool is_route_of(const struct pipeline *p, const char *name)
{
    const struct routes *routes = &p->config->routes;
    for (uint32_t i = 0; i < routes->count; i++) {
        const struct route_row *row = &routes->rows[i];
        const char *domain = strrchr(row->pattern, '@');
        if (strcmp(name, domain ? domain + 1 : row->pattern) == 0 ||
            slice_equal_nocase(slice_str(name), slice_str(row->name)))
            return true;
    }
    return false;
}

static bool is_known(const struct pipeline *p, const char *name)
{
    return scheduler_knows(p->scheduler, name) || is_route_of(p, name) ||
           suspensions_find(all(p), SUSPENSION_DESTINATION, name);
}

static const char *nearest_route(const struct pipeline *p, const char *name)
{
    const struct routes *routes = &p->config->routes;
    const char **names = must_alloc((2 * (size_t)routes->count + 1) * sizeof *names);
    size_t count = 0;
    for (uint32_t i = 0; i < routes->count; i++) {
        names[count++] = routes->rows[i].name;
        if (strcmp(routes->rows[i].pattern, "*") != 0)
            names[count++] = routes->rows[i].pattern;
    }
    const char *nearest = count > 0 ? text_nearest(name, names, count) : NULL;
    free(names);
    return nearest;
}

static void refuse_unknown(struct pipeline *p, struct operator_session *s)
{
    struct buf why;
    buf_init(&why, 16 * 1024);
    const char *nearest = nearest_route(p, s->request.target.name);
    add_name(&s->request, &why);
    buf_add_str(&why, " is no destination that is known here: no mail in the queue goes to it, and "
                      "no route names it");
    if (nearest)
        buf_addf(&why, "; did you mean %s?", nearest);
    else
        buf_add_str(&why, "; --force suspends it all the same");
    answer_error(p, s, EX_NOINPUT, buf_slice(&why).p);
    buf_close(&why);
}

static void ask_mail(struct pipeline *p, struct operator_session *s)
{
    struct op *op = op_new(OP_LIST);
    struct filter_term *term = &op->list.filter.terms[0];
    op->list.filter.count = 1;
    *term = (struct filter_term){.key = FILTER_DOMAIN, .relation = FILTER_EQUAL};
    size_t n = strlen(s->request.target.name);
    must(n <= FILTER_TEXT_MAX);
    memcpy(term->text, s->request.target.name, n + 1);
    op->list.now_ms = p->now_ms;
    op->list.limit = 1;
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

void suspend_mail_read(struct pipeline *p, struct operator_session *s, const struct op *op)
{
    if (op->list.page.row_count > 0)
        store(p, s);
    else
        refuse_unknown(p, s);
}

static void suspend(struct pipeline *p, struct operator_session *s)
{
    const struct request_target *t = &s->request.target;
    enum suspension_kind kind = kind_of(&s->request);
    if (all(p)->count >= SUSPENSIONS_MAX && !suspensions_find(all(p), kind, t->name))
        answer_error(p, s, EX_DATAERR,
                     "1000 suspensions are the most there can be; fermoposta resume ends one");
    else if (kind != SUSPENSION_DESTINATION || t->is_forced || is_known(p, t->name))
        store(p, s);
    else if (strlen(t->name) <= FILTER_TEXT_MAX && !strchr(t->name, '/'))
        ask_mail(p, s);
    else
        refuse_unknown(p, s);
}

// ---- resume ----------------------------------------------------------------------------------

static const char *nearest_suspended(const struct pipeline *p, const char *name)
{
    const char *names[SUSPENSIONS_MAX + 1];
    size_t count = 0;
    for (uint32_t i = 0; i < all(p)->count && count < SUSPENSIONS_MAX; i++)
        if (all(p)->rows[i].kind != SUSPENSION_EVERYTHING)
            names[count++] = all(p)->rows[i].name;
    return count > 0 ? text_nearest(name, names, count) : NULL;
}

static void resume(struct pipeline *p, struct operator_session *s)
{
    const char *name = s->request.all ? "" : s->request.target.name;
    if (suspensions_find(all(p), kind_of(&s->request), name)) {
        store(p, s);
        return;
    }
    struct buf why;
    buf_init(&why, 16 * 1024);
    const char *nearest = s->request.all ? NULL : nearest_suspended(p, name);
    add_name(&s->request, &why);
    buf_add_str(&why, " is not suspended");
    if (nearest) {
        buf_add_str(&why, "; did you mean ");
        text_escape(slice_str(nearest), &why);
        buf_add_byte(&why, '?');
    } else {
        buf_add_str(&why, "; fermoposta suspend lists what is");
    }
    answer_error(p, s, EX_NOINPUT, buf_slice(&why).p);
    buf_close(&why);
}

void answer_suspend(struct pipeline *p, struct operator_session *s)
{
    s->is_early = p->brakes & BRAKE_LOADING;
    if (s->is_early)
        alarm_set(p, &s->alarm, p->now_ms + OPERATOR_EARLY_MS);
    else if (!s->caller.is_operator)
        answer_error(p, s, EX_NOPERM,
                     "only root, the service user and operators may suspend and resume");
    else if (s->request.verb == VERB_RESUME)
        resume(p, s);
    else if (s->request.all || s->request.target.is_given)
        suspend(p, s);
    else
        list_all(p, s);
}

void suspend_stored(struct pipeline *p, struct operator_session *s, const struct op *op)
{
    struct destination_view view;
    buf_add_str(&s->text, op->suspend.is_over ? "resumed: " : "suspended: ");
    add_name(&s->request, &s->text);
    if (!op->suspend.is_over)
        add_end(op->suspend.row.until_ms, &s->text);
    if (!op->suspend.is_over && scheduler_destination(p->scheduler, op->suspend.row.name, &view) &&
        view.running > 0)
        buf_addf(&s->text, "; %u attempt%s under way, and will end", view.running,
                 view.running == 1 ? " is" : "s are");
    buf_add_byte(&s->text, '\n');
    if (op->suspend.is_over)
        answer_suspended(p, s);
    answer_end(p, s, EX_OK);
}

void answer_suspended(struct pipeline *p, struct operator_session *s)
{
    uint32_t count = all(p)->count;
    if (count > 0 && s->caller.is_operator)
        buf_addf(&s->text, "still suspended, and not tried: %u; fermoposta suspend lists %s\n",
                 count, count == 1 ? "it" : "them");
}
