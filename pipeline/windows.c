// SPDX-License-Identifier: BSD-2-Clause
// windows: what is due, between the spool and the scheduler. See pipeline_internal.h.
//
// Rows of the spool become batches here, by today's routes; the scheduler's questions become ops.
#include "pipeline/crowding.h"
#include "pipeline/nexthops.h"

#include <stdlib.h>

enum {
    DOMAINS_PAGE = 1000,
    DOMAINS_RETRY_MS = 1000,
    PAGE_QUIET_MS = 60 * 1000, // between words about pages that cannot be read
};

static void flush_domain(struct pipeline *p, const char *domain, int64_t at_ms, bool is_marked);

// Mail that no row of `route` fits (the table was changed while it waited) waits under this name.
static const char no_route[] = "(no route)";

static void store_health(struct pipeline *p, const struct sched_effect *fx)
{
    struct op *op = op_new(OP_HEALTH);
    struct op_health_row *row = &op->health.row;
    *row = (struct op_health_row){
        .name = must_strdup(fx->health.name),
        .failures = fx->health.failures,
        .since_ms = fx->health.since_ms,
        .last_probe_ms = fx->health.last_probe_ms,
        .rest_until_ms = fx->health.rest_until_ms,
    };
    const struct outcome *why = fx->health.why;
    row->klass = (uint8_t)(why ? why->klass : CLASS_NONE);
    row->status = must_strdup(why ? why->status : "");
    row->text = must_strdup(why ? why->text : "");
    store_op(p, op, WAIT_NOTHING);
}

static void read_due(struct pipeline *p, const struct sched_effect *fx)
{
    struct op *op = op_new(OP_DUE);
    op->due = (struct op_due){
        .domain = must_strdup(fx->due.domain),
        .horizon_ms = fx->due.horizon_ms,
        .attempted_before_ms = fx->due.attempted_before_ms,
        .after_ms = fx->due.after_ms,
        .after_message = fx->due.after_message,
        .after_n = fx->due.after_n,
        .limit = fx->due.limit,
    };
    if (fx->due.sharing) {
        op->due.sharing = must_alloc(sizeof *op->due.sharing);
        *op->due.sharing = *fx->due.sharing;
    }
    store_op(p, op, WAIT_PAGE)->domain = must_strdup(fx->due.domain);
}

static void discard(struct pipeline *p, struct batch *b)
{
    if (relaying_given_back(p, b))
        return;
    body_unref(p, b->body);
    b->body = NULL;
    batch_free(b);
}

static void execute(struct pipeline *p, const struct sched_effect *fx)
{
    switch (fx->kind) {
    case SCHED_START:
        turns_started(p);
        carrier_start(p, fx->batch);
        break;
    case SCHED_READ_DUE:
        read_due(p, fx);
        break;
    case SCHED_STORE_HEALTH:
        store_health(p, fx);
        break;
    case SCHED_DISCARD:
        discard(p, fx->batch);
        break;
    case SCHED_SUSPENSION_OVER:
        suspending_over(p, fx->suspension);
        break;
    }
}

void windows_feed(struct pipeline *p, const struct sched_event *event)
{
    struct sched_event e = *event;
    e.now_ms = p->now_ms;
    scheduler_feed(p->scheduler, &e);
    if (p->is_pumping)
        return; // the loop below is further up the stack and will pull
    p->is_pumping = true;
    struct sched_effect fx;
    while (scheduler_pull(p->scheduler, &fx))
        execute(p, &fx);
    p->is_pumping = false;
    crowding_notice(p);
    alarm_set(p, &p->alarm_scheduler, scheduler_deadline(p->scheduler));
}

void brake_set(struct pipeline *p, enum brake_cause cause, bool is_on)
{
    bool was_on = p->brakes != 0;
    p->brakes = is_on ? p->brakes | cause : p->brakes & ~(uint32_t)cause;
    if ((p->brakes != 0) != was_on)
        windows_feed(p, &(struct sched_event){.kind = SCHED_BRAKE, .is_braked = p->brakes != 0});
}

void windows_timer(struct pipeline *p)
{
    windows_feed(p, &(struct sched_event){.kind = SCHED_TIMER});
}

// Cables are plugged in once, but some machines change their addresses all day.
enum { NETWORK_EVERY_MS = 60 * 1000 };

void windows_network(struct pipeline *p)
{
    if (!p->is_started || p->is_stopping)
        return;
    int64_t next_ms = p->network_ms ? p->network_ms + NETWORK_EVERY_MS : p->now_ms;
    if (p->now_ms < next_ms) {
        alarm_set(p, &p->alarm_network, next_ms);
        return;
    }
    p->network_ms = p->now_ms;
    dnscache_clear(p->dnscache);        // other networks know other names
    p->families = (struct families){0}; // and other ways
    struct scheduler_counts counts;
    scheduler_count(p->scheduler, &counts);
    if (counts.resting > 0)
        effect_logf(p, LOG_LEVEL_INFO,
                    "a network has appeared: %u resting destination%s tried now where that may "
                    "have been the reason",
                    counts.resting, counts.resting == 1 ? " is" : "s are");
    nexthops_wake(p, NULL, NULL);
    windows_feed(p, &(struct sched_event){.kind = SCHED_NETWORK});
}

const struct route_row *windows_route(const struct pipeline *p, const char *address,
                                      const char *domain, const char *sender)
{
    return route_find(&p->config->routes, &(struct route_question){.address = slice_str(address),
                                                                   .sender = sender,
                                                                   .host = site_of(p, domain)});
}

bool windows_destination(const struct pipeline *p, const char *address, const char *domain,
                         const char *sender, struct buf *to)
{
    const struct route_row *row = windows_route(p, address, domain, sender);
    if (row)
        route_destination(row, slice_str(domain), site_of(p, domain), to);
    return row != NULL;
}

static char *destination_of(const struct pipeline *p, const char *sender, const struct recipient *r)
{
    struct buf name;
    buf_init(&name, 64 * 1024);
    if (!windows_destination(p, r->address, r->domain, sender, &name))
        buf_add_str(&name, no_route);
    return buf_steal(&name, NULL);
}

static struct batch *batch_begin(struct pipeline *p, const struct message *m, char *destination,
                                 const char *domain, uint32_t rcpts_max)
{
    struct batch *b = batch_new();
    message_copy(&b->message, m);
    b->rcpts = must_alloc(rcpts_max * sizeof *b->rcpts);
    b->destination = destination;
    b->rule_domain = must_strdup(domain);
    struct slice host = route_destination_host(destination);
    b->rule_host = host.p ? must_memdup(host.p, host.n) : NULL;
    b->queued_ms = p->now_ms;
    return b;
}

// Domains behind one host need not have all hosts in common: where that one does not answer, each
// domain has its own others. So a batch is for one of them.
static bool goes_with(const struct batch *b, const struct recipient *r, const char *name)
{
    return strcmp(name, b->destination) == 0 &&
           (!b->rule_host || strcmp(r->domain, b->rule_domain) == 0);
}

// A folder or a program takes one recipient at a time.
static bool takes_one(const struct pipeline *p, const char *sender, const struct recipient *r)
{
    const struct route_row *row = windows_route(p, r->address, r->domain, sender);
    return row && route_takes_one(row);
}

bool windows_still_fits(struct pipeline *p, const struct batch *b)
{
    bool fits = true;
    if (!sites_is_watching(p->sites)) // nothing but a reload changes routes, and that empties them
        return true;
    for (uint32_t i = 0; i < b->rcpt_count && fits; i++) {
        char *name = destination_of(p, b->message.sender, &b->rcpts[i]);
        fits = strcmp(name, b->destination) == 0;
        free(name);
    }
    return fits;
}

static void read_again(struct pipeline *p, const char *sender, const struct recipient *r)
{
    windows_settled(p, sender, r, false, p->now_ms);
    if (p->config->mode != MODE_QUEUE)
        return;
    if (r->next_attempt_ms < 0)
        windows_flush_marked(p, r->domain, r->next_attempt_ms - scheduler_mark(0));
    else
        flush_domain(p, r->domain, p->now_ms, false);
}

// A probe has to say something: its destination rests a moment longer, and loses no other mail.
void windows_give_back(struct pipeline *p, struct batch *b)
{
    windows_feed(p, &(struct sched_event){.kind = SCHED_DONE,
                                          .batch = b,
                                          .is_cut_short = !b->is_probe,
                                          .is_local_failure = b->is_probe});
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        read_again(p, b->message.sender, &b->rcpts[i]);
    discard(p, b);
}

// Moves recipient i of the row, and all later ones that go to the same destination, into a batch.
static struct batch *gather(struct pipeline *p, const struct message *m, struct recipient *rcpts,
                            char **names, uint32_t count, uint32_t i)
{
    uint32_t end = takes_one(p, m->sender, &rcpts[i]) ? i + 1 : count;
    struct batch *b = batch_begin(p, m, names[i], rcpts[i].domain, end - i);
    for (uint32_t k = i; k < end; k++) {
        if (!names[k] || (k != i && !goes_with(b, &rcpts[k], names[k])))
            continue;
        b->rcpts[b->rcpt_count++] = rcpts[k];
        rcpts[k] = (struct recipient){0};
        if (k != i)
            free(names[k]);
        names[k] = NULL;
    }
    b->rcpts = must_realloc(b->rcpts, b->rcpt_count * sizeof *b->rcpts);
    return b;
}

// What somebody waits for, or has asked for once, goes without knowing whose neighbour it is.
static bool is_awaited(struct pipeline *p, const struct parcel *parcel, const struct recipient *r)
{
    bool is_now = parcel->only_if_open || p->config->mode == MODE_QUEUE;
    return route_wants_host(&p->config->routes, slice_str(r->address), parcel->message->sender) &&
           site_is_awaited(p, r->domain) && !is_now;
}

// Takes the recipients; those whose destination is not known yet stay in the spool.
void windows_offer(struct pipeline *p, const struct parcel *parcel)
{
    struct recipient *rcpts = parcel->rcpts;
    uint32_t count = suspending_filter(p, parcel->message, rcpts, parcel->rcpt_count);
    if (count == 0)
        return;
    char **names = must_alloc(count * sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        names[i] = is_awaited(p, parcel, &rcpts[i])
                       ? NULL
                       : destination_of(p, parcel->message->sender, &rcpts[i]);
    for (uint32_t i = 0; i < count; i++) {
        if (!names[i])
            continue;
        struct batch *b = gather(p, parcel->message, rcpts, names, count, i);
        b->body = body_ref(parcel->body);
        b->only_if_open = parcel->only_if_open;
        windows_feed(p, &(struct sched_event){.kind = parcel->kind, .batch = b});
    }
    for (uint32_t i = 0; i < count; i++)
        recipient_close(&rcpts[i]); // but for those of batches, which were zeroed
    free(names);
}

void windows_announce(struct pipeline *p, const struct message *m, uint32_t rcpt_count)
{
    struct buf *line = effect_line(p);
    logline_accepted(m, rcpt_count, line);
    effect_log(p, LOG_LEVEL_INFO, line);
}

bool windows_try_by_themselves(const struct pipeline *p)
{
    return p->is_started && !p->is_stopping && p->config->mode != MODE_QUEUE;
}

void windows_fresh(struct pipeline *p, struct entry *e)
{
    windows_announce(p, &e->message, e->rcpt_count);
    if (!windows_try_by_themselves(p))
        return;                            // durable: the next start, or flush, finds it
    if (e->rcpt_count > FRESH_RCPTS_MAX) { // it is read page by page, as there is room
        for (uint32_t i = 0; i < e->rcpt_count; i++)
            windows_due(p, e->rcpts[i].domain, p->now_ms);
        return;
    }
    struct body *body = NULL;
    if (e->chunks_before == 0 && e->tail && body_make_room(p, entry_tail_memory(e))) {
        body = body_new(p, e->tail, e->tail_size);
        body_weigh(p, body, entry_tail_memory(e));
        e->tail = NULL;
    }
    for (uint32_t i = 0; i < e->rcpt_count; i++) {
        e->rcpts[i].message = e->message.id;
        e->rcpts[i].n = i;
    }
    windows_offer(p, &(struct parcel){.kind = SCHED_FRESH,
                                      .message = &e->message,
                                      .rcpts = e->rcpts,
                                      .rcpt_count = e->rcpt_count,
                                      .body = body});
    body_spare(p, body);
    body_unref(p, body);
    suspending_flush(p);
}

static void feed_page_row(struct pipeline *p, struct op_row *row)
{
    windows_offer(p, &(struct parcel){.kind = SCHED_PAGE,
                                      .message = &row->message,
                                      .rcpts = row->rcpts,
                                      .rcpt_count = row->rcpt_count});
}

// What comes while everything is being flushed was not meant.
static bool came_after_flush(const struct pipeline *p, const struct op_due *due,
                             const struct op_row *row)
{
    return p->config->mode == MODE_QUEUE && due->attempted_before_ms != INT64_MAX &&
           row->message.arrival_ms > due->attempted_before_ms;
}

void windows_page_read(struct pipeline *p, const char *domain, struct op *op)
{
    struct op_due *due = &op->due;
    struct sched_event end = {.kind = SCHED_PAGE_END};
    end.page.domain = domain;
    end.page.is_ok = op->err == FP_OK;
    end.page.is_done = due->is_done;
    end.page.next_due_ms = due->next_due_ms;
    if (!op->err && due->row_count > 0) {
        const struct op_row *last = &due->rows[due->row_count - 1];
        const struct recipient *r = &last->rcpts[last->rcpt_count - 1];
        end.page.last_ms = r->next_attempt_ms;
        end.page.last_message = last->message.id;
        end.page.last_n = r->n;
    }
    if (due->sharing) {
        end.page.sharing = due->sharing;
        end.page.last_ms = due->last.ms;
        end.page.last_message = due->last.message;
        end.page.last_n = due->last.n;
    }
    for (uint32_t i = 0; !op->err && i < due->row_count; i++)
        if (!came_after_flush(p, due, &due->rows[i]))
            feed_page_row(p, &due->rows[i]);
    suspending_flush(p);
    windows_feed(p, &end);
    if (op->err && p->now_ms >= p->page_quiet_ms) { // each second it is tried for many domains
        effect_logf(p, LOG_LEVEL_ERROR, "spool: due mail could not be read: %s; trying again",
                    fp_err_text(op->err));
        p->page_quiet_ms = p->now_ms + PAGE_QUIET_MS;
    }
}

static struct waiter *ask_domains_for(struct pipeline *p, const char *after, enum waiter_kind kind)
{
    struct op *op = op_new(OP_DOMAINS);
    op->domains.after = after ? must_strdup(after) : NULL;
    op->domains.limit = DOMAINS_PAGE;
    return store_op(p, op, kind);
}

static void ask_domains(struct pipeline *p, const char *after)
{
    ask_domains_for(p, after, WAIT_DOMAINS);
}

void windows_start(struct pipeline *p)
{
    store_op(p, op_new(OP_HEALTHS), WAIT_HEALTHS);
    repair_begin(p, 0, 0);
}

void windows_reload(struct pipeline *p)
{
    ask_domains(p, NULL);
}

void windows_healths_read(struct pipeline *p, struct op *op)
{
    int64_t latest_ms = p->now_ms + rules_longest_wait(&p->config->rules);
    for (uint32_t i = 0; !op->err && i < op->healths.row_count; i++) {
        const struct op_health_row *row = &op->healths.rows[i];
        struct outcome why;
        if (nexthops_load(p, row))
            continue;
        outcome_set(&why, OUTCOME_DEFERRED, SCOPE_HOST,
                    row->klass < CLASS_COUNT ? row->klass : CLASS_HOST, row->status, "%s",
                    row->text);
        struct sched_event e = {.kind = SCHED_HEALTH};
        e.health.name = row->name;
        e.health.failures = row->failures;
        // What lies ahead of its time was written by a clock that was wrong.
        e.health.since_ms = row->since_ms < p->now_ms ? row->since_ms : p->now_ms;
        e.health.last_probe_ms =
            row->last_probe_ms < p->now_ms ? row->last_probe_ms : p->now_ms - 1;
        e.health.rest_until_ms = row->rest_until_ms <= latest_ms ? row->rest_until_ms : p->now_ms;
        e.health.why = &why;
        windows_feed(p, &e);
    }
    if (op->err)
        effect_logf(p, LOG_LEVEL_ERROR, "spool: destinations could not be read: %s",
                    fp_err_text(op->err));
    brake_set(p, BRAKE_LOADING, false); // U1
    ask_domains(p, NULL);
}

// A route may name single addresses; the domain's own destination stands for where its mail is
// read, each recipient is routed by itself when its row has been read.
static char *destination_of_domain(const struct pipeline *p, const char *domain)
{
    struct recipient r = {.address = NULL, .domain = NULL};
    struct buf address;
    buf_init(&address, 1024);
    buf_addf(&address, "postmaster@%s", domain);
    r.address = address.p;
    r.domain = (char *)(uintptr_t)domain;
    char *destination = destination_of(p, NULL, &r);
    buf_close(&address);
    return destination;
}

void windows_due(struct pipeline *p, const char *domain, int64_t next_due_ms)
{
    char *destination = destination_of_domain(p, domain);
    struct sched_event e = {.kind = SCHED_DOMAIN};
    e.domain.name = domain;
    e.domain.destination = destination;
    e.domain.next_due_ms = next_due_ms;
    windows_feed(p, &e);
    free(destination);
}

static void flush_domain(struct pipeline *p, const char *domain, int64_t at_ms, bool is_marked)
{
    char *destination = destination_of_domain(p, domain);
    struct sched_event e = {.kind = SCHED_FLUSH};
    e.flush.domain = domain;
    e.flush.destination = destination;
    e.flush.at_ms = at_ms;
    e.flush.is_marked = is_marked;
    windows_feed(p, &e);
    free(destination);
}

void windows_flush_marked(struct pipeline *p, const char *domain, int64_t flush_ms)
{
    flush_domain(p, domain, flush_ms, true);
}

static void ask_flush_page(struct pipeline *p, const char *after, int64_t flush_ms, uint64_t conn)
{
    struct waiter *w = ask_domains_for(p, after, WAIT_FLUSH);
    w->flush_ms = flush_ms;
    w->conn = conn;
}

// The scheduler need not know every domain: not yet after a start, none in mode "queue".
void windows_flush(struct pipeline *p, uint64_t conn)
{
    nexthops_wake(p, NULL, NULL);
    windows_feed(p, &(struct sched_event){.kind = SCHED_FLUSH, .flush.at_ms = p->now_ms});
    ask_flush_page(p, NULL, p->now_ms, conn);
}

void windows_flush_read(struct pipeline *p, int64_t flush_ms, uint64_t conn, struct op *op)
{
    const struct op_domains *d = &op->domains;
    for (uint32_t i = 0; !op->err && i < d->row_count; i++)
        flush_domain(p, d->rows[i].domain, flush_ms, false);
    struct conn *c = conn_find(p, conn);
    struct operator_session *who = c ? door_operator(c->door) : NULL;
    if (!op->err && who)
        operator_flushing(who, d->row_count);
    if (!op->err && !d->is_done && d->row_count > 0) {
        ask_flush_page(p, d->rows[d->row_count - 1].domain, flush_ms, conn);
        return;
    }
    if (who)
        operator_flushed(p, who, op->err);
}

void windows_domains_read(struct pipeline *p, struct op *op)
{
    if (op->err) {
        effect_logf(p, LOG_LEVEL_ERROR, "spool: domains could not be read: %s; trying again",
                    fp_err_text(op->err));
        alarm_set(p, &p->alarm_domains, p->now_ms + DOMAINS_RETRY_MS);
        return;
    }
    for (uint32_t i = 0; i < op->domains.row_count; i++)
        windows_due(p, op->domains.rows[i].domain, op->domains.rows[i].next_attempt_ms);
    if (!op->domains.is_done && op->domains.row_count > 0)
        ask_domains(p, op->domains.rows[op->domains.row_count - 1].domain);
}

void windows_settled(struct pipeline *p, const char *sender, const struct recipient *r,
                     bool is_gone, int64_t next_attempt_ms)
{
    char *destination = destination_of(p, sender, r);
    struct sched_event e = {.kind = SCHED_SETTLED};
    e.settled.message = r->message;
    e.settled.n = r->n;
    e.settled.is_gone = is_gone;
    e.settled.domain = r->domain;
    e.settled.destination = destination;
    e.settled.next_attempt_ms = next_attempt_ms;
    windows_feed(p, &e);
    free(destination);
}

void windows_drop(struct pipeline *p, uint64_t message, uint32_t n, const char *domain)
{
    struct sched_event e = {.kind = SCHED_DROP};
    e.settled.message = message;
    e.settled.n = n;
    e.settled.is_gone = true;
    e.settled.domain = domain; // a page on its way may still hold it
    windows_feed(p, &e);
}

void windows_wake(struct pipeline *p, const char *address, const char *domain)
{
    struct buf name;
    struct route_walk w;
    const struct route_row *row;
    const char *host = site_of(p, domain);
    buf_init(&name, 64 * 1024);
    route_walk_init(&w, &p->config->routes,
                    &(struct route_question){.address = slice_str(address), .host = host});
    while ((row = route_walk_next(&w))) {
        struct sched_event e = {.kind = SCHED_WAKE};
        buf_reset(&name);
        nexthops_wake(p, row, domain);
        route_destination(row, slice_str(domain), host, &name);
        e.settled.destination = buf_slice(&name).p;
        windows_feed(p, &e);
        if (!row->from)
            break; // who has no row of his own goes by this one
    }
    buf_close(&name);
}
