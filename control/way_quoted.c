// SPDX-License-Identifier: BSD-2-Clause
// way_quoted: the same as JSON. See way.h and quote.h.
#include "control/quote.h"
#include "control/way.h"

static void add_records(const struct way_step *s, struct column *c)
{
    quote_name(c, "records");
    column_str(c, "[");
    for (uint32_t i = 0; i < s->record_count; i++) {
        const struct way_record *r = &s->records[i];
        column_str(c, i ? ", {\"value\": " : "{\"value\": ");
        quote_text(c, r->value);
        if (strcmp(s->type, "MX") == 0)
            quote_member_number(c, "preference", r->preference);
        quote_member_text(c, "left_out", r->left_out);
        column_str(c, "}");
    }
    column_str(c, "]");
}

static void add_answer(const struct way_step *s, struct column *c)
{
    column_str(c, "{\"name\": ");
    quote_text(c, s->name);
    quote_member_text(c, "type", s->type);
    quote_member_text(c, "alias_of", s->canonical);
    quote_member_text(c, "failure", s->failure);
    quote_member_number(c, "ttl", s->ttl_s);
    quote_member_flag(c, "cached", s->is_cached);
    quote_member_flag(c, "secure", s->is_secure);
    add_records(s, c);
    column_str(c, "}");
}

static void add_try(const struct way_step *s, struct column *c)
{
    column_str(c, "{\"where\": ");
    quote_text(c, s->where);
    quote_member_text(c, "next_hop", s->target);
    quote_member_text(c, "protocol", s->protocol);
    quote_member_text(c, "tls", s->tls);
    quote_member_text(c, "tls_rule", s->tls_rule);
    quote_member_text(c, "user", s->user);
    column_str(c, "}");
}

static void add_note(const struct way_step *s, struct column *c)
{
    column_str(c, "{\"next_hop\": ");
    quote_text(c, s->target);
    quote_member_text(c, "status", s->status);
    quote_member_text(c, "text", s->text);
    column_str(c, "}");
}

static void add_steps(const struct way *w, enum way_kind kind, const char *name,
                      void (*add)(const struct way_step *, struct column *), struct column *c)
{
    bool is_first = true;
    quote_name(c, name);
    column_str(c, "[");
    for (uint32_t i = 0; i < w->step_count; i++) {
        if (w->steps[i].kind != kind)
            continue;
        column_str(c, is_first ? "" : ", ");
        is_first = false;
        add(&w->steps[i], c);
    }
    column_str(c, "]");
}

static void add_limits(const struct way *w, struct column *c)
{
    quote_name(c, "limits");
    column_str(c, "[");
    for (uint32_t i = 0; i < w->limit_count; i++) {
        column_str(c, i ? ", {\"name\": " : "{\"name\": ");
        quote_text(c, w->limits[i].name);
        quote_member_text(c, "value", w->limits[i].value);
        quote_member_text(c, "rule", w->limits[i].rule);
        column_str(c, "}");
    }
    column_str(c, "]");
}

void way_json(const struct way *w, struct buf *to)
{
    struct column c = column_begin(to);
    column_str(&c, "{\"address\": ");
    quote_text(&c, w->address);
    quote_name(&c, "sender");
    if (w->sender)
        quote_text(&c, w->sender);
    else
        column_str(&c, "null");
    quote_member_text(&c, "row", w->row);
    quote_member_text(&c, "next_hops", w->targets);
    quote_member_text(&c, "behind", w->site);
    quote_member_text(&c, "destination", w->destination);
    quote_member_text(&c, "state", w->state);
    quote_member_text(&c, "reason", w->reason);
    quote_member_time(&c, "until", w->until_ms);
    quote_member_text(&c, "schedule", w->schedule);
    quote_member_text(&c, "schedule_rule", w->schedule_rule);
    why_hops_json(w->hops, w->hop_count, &c);
    add_limits(w, &c);
    add_steps(w, WAY_ANSWER, "answers", add_answer, &c);
    add_steps(w, WAY_TRY, "tries", add_try, &c);
    add_steps(w, WAY_NOTE, "notes", add_note, &c);
    quote_member_flag(&c, "cut", w->is_cut);
    quote_member_text(&c, "result", w->result);
    quote_member_text(&c, "end", w->end);
    column_str(&c, "}\n");
    column_commit(&c);
}
