// SPDX-License-Identifier: BSD-2-Clause
// why_quoted: the answers of `why` as JSON. See why.h and quote.h. Times that are not known are
// null, texts that are not known are "".
#include "control/quote.h"
#include "control/why.h"
#include "core/time.h"

static void add_hold(const struct why_hold *h, struct column *c)
{
    column_str(c, "{\"what\": ");
    quote_text(c, why_kind_name(h->kind));
    quote_member_text(c, "destination", h->destination);
    quote_member_text(c, "reason", h->reason);
    quote_member_time(c, "since", h->since_ms);
    quote_member_time(c, "until", h->until_ms);
    quote_member_number(c, "failures", h->failures);
    if (h->kind >= WHY_RATE && h->kind <= WHY_TURN) {
        quote_member_number(c, "before", h->before);
        quote_member_flag(c, "at_least", h->is_in_spool);
        quote_member_number(c, "allowed", h->allowed);
        quote_member_flag(c, "is_estimate", h->kind == WHY_RATE);
    }
    column_str(c, "}");
}

// "name[ip]:port": what stands in the brackets.
static void add_ip(const char *host, struct column *c)
{
    const char *open = strchr(host, '['), *shut = open ? strstr(open, "]:") : NULL;
    quote_name(c, "ip");
    column_str(c, "\"");
    if (shut)
        column_add(c, slice_of(open + 1, (size_t)(shut - open - 1)));
    column_str(c, "\"");
}

static void add_try(const struct why_try *t, struct column *c)
{
    column_str(c, "{\"number\": ");
    quote_number(c, t->nr);
    quote_member_time(c, "began", t->at_ms);
    quote_member_time(c, "ended", t->ended_ms);
    quote_member_text(c, "host", t->host);
    add_ip(t->host, c);
    quote_member_text(c, "tls", t->tls);
    quote_member_text(c, "stage", t->stage);
    quote_member_text(c, "class", t->klass);
    quote_member_text(c, "status", t->status);
    quote_member_text(c, "reply", t->reply);
    quote_member_flag(c, "in_doubt", t->in_doubt);
    quote_member_time(c, "next_attempt", t->next_ms);
    quote_member_text(c, "rule", t->rule);
    column_str(c, "}");
}

static void add_queued(const struct why_recipient *r, struct column *c)
{
    quote_name(c, "now");
    add_hold(&r->hold, c);
    quote_member_time(c, "next_attempt", r->next_ms);
    quote_member_text(c, "rule", r->rule);
    quote_member_time(c, "next_warning", r->warn_ms);
    quote_member_time(c, "expires", r->expires_ms);
    quote_name(c, "max_attempts");
    if (r->attempts_max > 0)
        quote_number(c, r->attempts_max);
    else
        column_str(c, "null");
}

static void add_end(const struct why_recipient *r, struct column *c)
{
    quote_name(c, "end");
    column_str(c, "{\"at\": ");
    quote_time(c, r->end.at_ms);
    quote_member_text(c, "host", r->end.host);
    add_ip(r->end.host, c);
    quote_member_text(c, "tls", r->end_tls);
    quote_member_text(c, "stage", r->end_stage);
    quote_member_text(c, "class", r->end_class);
    quote_member_text(c, "status", r->end_status);
    quote_member_text(c, "reply", r->end.reply);
    quote_member_text(c, "reason", r->end.reason);
    column_str(c, "}");
}

void why_recipient_json(const struct why *w, const struct why_recipient *r, struct column *c)
{
    char id[MESSAGE_ID_DIGITS + 1];
    (void)w;
    message_id_format(r->message, id);
    column_str(c, "{\"queue_id\": ");
    quote_text(c, id);
    quote_member_text(c, "sender", r->sender);
    quote_member_text(c, "recipient", r->address);
    quote_member_time(c, "arrival", r->arrival_ms);
    quote_member_flag(c, "queued", r->is_queued);
    quote_member_text(c, "state", r->is_queued ? r->state : gone_name(r->end.how));
    quote_member_number(c, "attempts", r->attempts);
    quote_member_flag(c, "in_doubt", r->in_doubt);
    if (r->is_queued)
        add_queued(r, c);
    else
        add_end(r, c);
    quote_name(c, "tries");
    column_str(c, "[");
    for (uint32_t i = 0; i < r->try_count; i++) {
        column_str(c, i > 0 ? ", " : "");
        add_try(&r->tries[i], c);
    }
    column_str(c, "]}");
}

static void add_limits(const struct why_destination *d, struct column *c)
{
    quote_name(c, "limits");
    column_str(c, "[");
    for (uint32_t i = 0; i < d->limit_count; i++) {
        column_str(c, i > 0 ? ", {\"name\": " : "{\"name\": ");
        quote_text(c, d->limits[i].name);
        quote_member_text(c, "value", d->limits[i].value);
        quote_member_text(c, "rule", d->limits[i].rule);
        column_str(c, "}");
    }
    column_str(c, "]");
}

void why_hops_json(const struct why_hop *hops, uint32_t count, struct column *c)
{
    quote_name(c, "passed_over");
    column_str(c, "[");
    for (uint32_t i = 0; i < count; i++) {
        column_str(c, i ? ", {\"next_hop\": " : "{\"next_hop\": ");
        quote_text(c, hops[i].name);
        quote_member_flag(c, "probing", hops[i].is_probing);
        quote_member_time(c, "until", hops[i].until_ms);
        quote_member_number(c, "failures", hops[i].failures);
        quote_member_text(c, "reason", hops[i].reason);
        column_str(c, "}");
    }
    column_str(c, "]");
}

void why_destination_json(const struct why_destination *d, struct column *c)
{
    column_str(c, "{\"asked\": ");
    quote_text(c, d->asked);
    quote_member_text(c, "destination", d->name);
    quote_member_text(c, "route", d->route);
    quote_member_text(c, "state", d->state);
    quote_name(c, "now");
    add_hold(&d->hold, c);
    quote_member_number(c, "failures", d->failures);
    quote_member_time(c, "since", d->since_ms);
    quote_member_time(c, "last_probe", d->last_probe_ms);
    quote_member_time(c, "next_probe", d->rest_until_ms);
    quote_member_time(c, "last_delivered", d->delivered_ms);
    quote_member_text(c, "rule", d->rule);
    quote_member_text(c, "status", d->status);
    quote_member_text(c, "reply", d->reply);
    quote_member_number(c, "waiting", d->waiting);
    quote_member_number(c, "due", d->due);
    quote_member_time(c, "first_due", d->first_ms);
    quote_member_number(c, "in_memory", d->in_memory);
    quote_member_number(c, "running", d->running);
    quote_member_number(c, "connections", d->connections);
    quote_member_number(c, "connections_allowed", d->allowed);
    why_hops_json(d->hops, d->hop_count, c);
    add_limits(d, c);
    column_str(c, "}\n");
}
