// SPDX-License-Identifier: BSD-2-Clause
// way: the text for people. See way.h.
#include "control/way.h"

#include "core/time.h"

#include <stdio.h>

enum { NAME_WIDTH = 13, LIMIT_WIDTH = 26, VALUE_WIDTH = 14 };

static void add_name(struct column *c, const char *name)
{
    column_str(c, "  ");
    column_left(c, name, NAME_WIDTH);
}

static void add_line(struct column *c, const char *name, const char *value)
{
    add_name(c, name);
    column_text(c, value);
    column_str(c, "\n");
}

static void add_health(const struct way *w, int64_t now_ms, int utc_offset_s, struct column *c)
{
    add_name(c, "health:");
    column_str(c, w->state ? w->state : "not known while no daemon runs");
    if (w->until_ms > 0 && w->until_ms != TIME_NEVER) {
        column_str(c, " until ");
        column_time(c, w->until_ms, utc_offset_s);
        column_str(c, " (");
        column_until(c, w->until_ms, now_ms);
        column_str(c, ")");
    }
    if (w->reason && w->reason[0]) {
        column_str(c, ": ");
        column_text(c, w->reason);
    }
    column_str(c, "\n");
}

static void add_hops(const struct way *w, int64_t now_ms, int utc_offset_s, struct column *c)
{
    for (uint32_t i = 0; i < w->hop_count; i++) {
        add_name(c, "passed over:");
        why_hop_text(&w->hops[i], now_ms, utc_offset_s, c);
        column_str(c, "\n");
    }
}

static void add_retry(const struct way *w, struct column *c)
{
    if (!w->schedule)
        return;
    add_name(c, "retry:");
    column_str(c, w->schedule);
    column_str(c, ", by ");
    column_str(c, w->schedule_rule);
    column_str(c, "\n");
}

static void add_limits(const struct way *w, struct column *c)
{
    if (w->limit_count > 0)
        column_str(c, "  limits:\n");
    for (uint32_t i = 0; i < w->limit_count; i++) {
        const struct why_limit *l = &w->limits[i];
        column_str(c, "    ");
        column_left(c, l->name, LIMIT_WIDTH);
        column_left(c, l->value, VALUE_WIDTH);
        column_str(c, l->rule);
        column_str(c, "\n");
    }
}

static void add_ttl(const struct way_step *s, struct column *c)
{
    if (s->ttl_s > 0) {
        column_str(c, ", for ");
        column_rough(c, (int64_t)s->ttl_s * TIME_SECOND_MS);
    }
    column_str(c, s->is_cached ? ", from the cache" : "");
    column_str(c, s->is_secure ? ", secure" : "");
}

static void add_record(const struct way_step *s, const struct way_record *r, struct column *c)
{
    bool is_mx = strcmp(s->type, "MX") == 0;
    column_str(c, "      ");
    if (is_mx) {
        column_number(c, r->preference, 5);
        column_str(c, " ");
    }
    column_text(c, r->value[0] ? r->value : ".");
    if (r->left_out) {
        column_str(c, "  left out: ");
        column_str(c, r->left_out);
    }
    column_str(c, "\n");
}

static void add_answer(const struct way_step *s, struct column *c)
{
    column_str(c, "    ");
    column_text(c, s->name);
    column_str(c, " ");
    column_str(c, s->type);
    if (s->canonical) {
        column_str(c, " (an alias of ");
        column_text(c, s->canonical);
        column_str(c, ")");
    }
    if (s->failure) {
        column_str(c, ": ");
        column_str(c, s->failure);
    }
    add_ttl(s, c);
    column_str(c, "\n");
    for (uint32_t i = 0; i < s->record_count; i++)
        add_record(s, &s->records[i], c);
}

static bool has_step(const struct way *w, enum way_kind kind)
{
    for (uint32_t i = 0; i < w->step_count; i++)
        if (w->steps[i].kind == kind)
            return true;
    return false;
}

static void add_answers(const struct way *w, struct column *c)
{
    if (has_step(w, WAY_ANSWER))
        column_str(c, "  names:\n");
    for (uint32_t i = 0; i < w->step_count; i++)
        if (w->steps[i].kind == WAY_ANSWER)
            add_answer(&w->steps[i], c);
}

static void add_try(const struct way_step *s, uint32_t number, struct column *c)
{
    column_number(c, number, 5);
    column_str(c, "  ");
    column_text(c, s->where);
    column_str(c, "  by ");
    column_str(c, s->protocol);
    if (s->tls) {
        column_str(c, ", TLS ");
        column_str(c, s->tls);
        column_str(c, " (");
        column_text(c, s->tls_rule);
        column_str(c, ")");
    }
    if (s->user) {
        column_str(c, ", as ");
        column_text(c, s->user);
    }
    column_str(c, "\n");
}

static void add_note(const struct way_step *s, struct column *c)
{
    column_str(c, "       ");
    column_str(c, s->status);
    column_str(c, " ");
    column_text(c, s->text);
    column_str(c, "\n");
}

// Notes stand where they come up: between two addresses they say why a host has none.
static void add_tries(const struct way *w, struct column *c)
{
    uint32_t number = 0;
    if (has_step(w, WAY_TRY) || has_step(w, WAY_NOTE))
        column_str(c, "  in this order:\n");
    for (uint32_t i = 0; i < w->step_count; i++) {
        if (w->steps[i].kind == WAY_TRY)
            add_try(&w->steps[i], ++number, c);
        else if (w->steps[i].kind == WAY_NOTE)
            add_note(&w->steps[i], c);
    }
    if (w->is_cut)
        column_str(c, "       and no more in one attempt\n");
}

void way_text(const struct way *w, int64_t now_ms, int utc_offset_s, struct buf *to)
{
    struct column c = column_begin(to);
    column_text(&c, w->address);
    if (w->sender) {
        column_str(&c, " from <");
        column_text(&c, w->sender);
        column_str(&c, ">");
    }
    column_str(&c, "\n");
    if (w->site)
        add_line(&c, "behind:", w->site);
    add_line(&c, "row:", w->row ? w->row : "none fits");
    if (w->row) {
        add_line(&c, "next hops:", w->targets);
        add_line(&c, "destination:", w->destination);
        add_health(w, now_ms, utc_offset_s, &c);
        add_hops(w, now_ms, utc_offset_s, &c);
        add_retry(w, &c);
        add_limits(w, &c);
    }
    add_answers(w, &c);
    add_tries(w, &c);
    add_line(&c, "so:", w->end);
    column_commit(&c);
}
