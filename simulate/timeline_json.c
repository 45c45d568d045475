// SPDX-License-Identifier: BSD-2-Clause
// timeline_json: a simulation for programs. See timeline_json.h.
#include "simulate/timeline_json.h"

#include "core/must.h"
#include "core/text.h"

#include <jansson.h>

static void put(json_t *object, const char *key, json_t *value)
{
    must(value && json_object_set_new_nocheck(object, key, value) == 0);
}

static void put_number(json_t *object, const char *key, uint64_t n)
{
    put(object, key, json_integer((json_int_t)n));
}

static void put_seconds(json_t *object, const char *key, int64_t ms)
{
    put(object, key, json_integer((json_int_t)(ms / 1000)));
}

static void put_text(json_t *object, const char *key, const char *text)
{
    struct buf escaped;
    buf_init(&escaped, 64 * 1024);
    text_escape(slice_str(text), &escaped);
    put(object, key, json_string_nocheck(buf_slice(&escaped).p));
    buf_close(&escaped);
}

static json_t *new_event(const struct timeline_line *l)
{
    json_t *o = json_object();
    put_seconds(o, "at", l->from_ms);
    put_seconds(o, "until", l->till_ms);
    put_text(o, "event", timeline_kind_name(l->kind));
    put_number(o, "count", l->count);
    if (l->about[0])
        put_text(o, "destination", l->about);
    if (l->text[0])
        put_text(o, "text", l->text);
    if (l->next_ms)
        put_seconds(o, "next_probe", l->next_ms);
    return o;
}

static json_t *new_summary(const struct timeline_summary *s)
{
    json_t *o = json_object();
    put_number(o, "seed", s->seed);
    put_number(o, "messages", s->messages);
    put_number(o, "accepted", s->accepted);
    put_number(o, "delivered", s->delivered);
    put_seconds(o, "longest_wait", s->longest_wait_ms);
    put_number(o, "refused", s->refused);
    put_number(o, "gave_up", s->gave_up);
    put_number(o, "waiting", s->waiting);
    put_number(o, "held", s->held);
    put_number(o, "warnings", s->warnings);
    put_number(o, "returned", s->returned);
    put_number(o, "to_postmaster", s->to_postmaster);
    put_number(o, "attempts", s->attempts);
    put_number(o, "connections", s->connections);
    put_number(o, "connections_peak", s->connections_peak);
    put_seconds(o, "end", s->end_ms);
    return o;
}

static int add_piece(const char *p, size_t n, void *to)
{
    return buf_add(to, p, n) == FP_OK ? 0 : -1;
}

void timeline_json(const struct timeline *t, const struct timeline_summary *s, struct buf *to)
{
    json_t *all = json_object(), *events = json_array();
    for (uint32_t i = 0; i < t->count; i++)
        must(json_array_append_new(events, new_event(&t->lines[i])) == 0);
    put(all, "events", events);
    put(all, "summary", new_summary(s));
    must(json_dump_callback(all, add_piece, to, JSON_INDENT(2)) == 0);
    buf_add_byte(to, '\n');
    json_decref(all);
}
