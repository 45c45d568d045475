// SPDX-License-Identifier: BSD-2-Clause
// statistics in JSON. See statistics_json.h. Strings that a stranger chose are escaped first
// (core/text), which also makes them the valid UTF-8 that JSON asks for; jansson does the rest.
#include "control/statistics_json.h"

#include "control/column.h"
#include "core/must.h"
#include "core/time.h"

#include <jansson.h>

// One object under construction. Keys are our own ASCII, so that jansson need not check them.
static void put(json_t *object, const char *key, json_t *value)
{
    must(value && json_object_set_new_nocheck(object, key, value) == 0);
}

static json_t *new_integer(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *new_text(const char *s)
{
    struct slice text = slice_str(s ? s : "");
    struct buf escaped;
    buf_init(&escaped, 4 * text.n + 1);
    struct column c = column_begin(&escaped);
    column_text(&c, text.n > 0 ? s : "");
    json_t *value = json_stringn_nocheck(buf_slice(&escaped).p, escaped.n);
    buf_close(&escaped);
    return value;
}

static json_t *new_time(int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    if (ms <= 0 || ms == TIME_NEVER)
        return json_null();
    time_format_iso(ms, text);
    return json_string_nocheck(text);
}

static int add_piece(const char *p, size_t n, void *data)
{
    column_add(data, slice_of(p, n));
    return 0;
}

static void dump(const json_t *value, struct column *c)
{
    must(json_dump_callback(value, add_piece, c, 0) == 0);
}

static json_t *new_domains(const struct statistics *s)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->row_count; i++) {
        json_t *o = json_object(), *ages = json_array();
        for (int age = 0; age < STATISTICS_AGES; age++)
            must(json_array_append_new(ages, new_integer(s->rows[i].by_age[age])) == 0);
        put(o, "domain", new_text(s->rows[i].domain));
        put(o, "total", new_integer(s->rows[i].total));
        put(o, "by_age", ages);
        must(json_array_append_new(list, o) == 0);
    }
    return list;
}

static json_t *new_destinations(const struct statistics *s)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->destination_count; i++) {
        const struct statistics_destination *d = &s->destinations[i];
        json_t *o = json_object();
        put(o, "name", new_text(d->name));
        put(o, "state", new_text(d->state));
        put(o, "rest_until", new_time(d->rest_until_ms));
        put(o, "failures", new_integer(d->failures));
        put(o, "running", new_integer(d->running));
        put(o, "reason", new_text(d->why));
        must(json_array_append_new(list, o) == 0);
    }
    return list;
}

static json_t *new_blocked(const struct statistics *s)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->blocked_count; i++) {
        const struct statistics_blocked *b = &s->blocked[i];
        json_t *o = json_object();
        put(o, "kind", new_text(b->kind));
        put(o, "destination", b->destination[0] ? new_text(b->destination) : json_null());
        put(o, "since", new_time(b->since_ms));
        put(o, "reason", new_text(b->why));
        must(json_array_append_new(list, o) == 0);
    }
    return list;
}

static json_t *new_brakes(const struct statistics *s)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->brake_count; i++) {
        json_t *o = json_object();
        put(o, "host", new_text(s->brakes[i].host));
        put(o, "since", new_time(s->brakes[i].since_ms));
        put(o, "held", new_integer(s->brakes[i].held));
        put(o, "reply", new_text(s->brakes[i].text));
        must(json_array_append_new(list, o) == 0);
    }
    return list;
}

static json_t *new_ages(void)
{
    static const int bounds[STATISTICS_AGES - 1] = {5, 10, 20, 40, 80, 160, 320, 640, 1280};
    json_t *list = json_array();
    for (int age = 0; age < STATISTICS_AGES - 1; age++)
        must(json_array_append_new(list, json_integer(bounds[age])) == 0);
    return list;
}

static json_t *new_daemon(const struct statistics *s)
{
    if (s->started_ms == 0)
        return json_null();
    json_t *o = json_object();
    put(o, "started", new_time(s->started_ms));
    put(o, "accepted", new_integer(s->accepted));
    put(o, "delivered", new_integer(s->delivered));
    put(o, "deferrals", new_integer(s->deferrals));
    put(o, "bounced", new_integer(s->bounced));
    put(o, "body_memory", new_integer(s->body_memory));
    put(o, "body_memory_max", new_integer(s->body_memory_max));
    put(o, "incoming", new_integer(s->on_way));
    put(o, "incoming_max", new_integer(s->on_way_max));
    put(o, "incoming_in_sessions", new_integer(s->in_sessions));
    put(o, "sessions", new_integer(s->sessions));
    put(o, "sessions_unread", new_integer(s->unread_sessions));
    put(o, "writer_operations", new_integer(s->writer_ops));
    put(o, "reading_stopped", new_integer(s->stops));
    put(o, "refused_for_room", new_integer(s->refusals));
    return o;
}

void statistics_json(const struct statistics *s, struct buf *to)
{
    struct column c = column_begin(to);
    json_t *o = json_object();
    put(o, "time", new_time(s->now_ms));
    put(o, "messages", new_integer(s->messages));
    put(o, "bytes", new_integer(s->bytes));
    put(o, "queued", new_integer(s->queued));
    put(o, "deferred", new_integer(s->deferred));
    put(o, "active", new_integer(s->active));
    put(o, "held", new_integer(s->held));
    put(o, "oldest_arrival", new_time(s->oldest_arrival_ms));
    put(o, "spool_bytes", new_integer(s->spool_bytes));
    put(o, "free_bytes", new_integer(s->free_bytes));
    put(o, "daemon", new_daemon(s));
    put(o, "age_bounds_min", new_ages());
    put(o, "domains", new_domains(s));
    put(o, "destinations", new_destinations(s));
    put(o, "blocked", new_blocked(s));
    put(o, "bounce_brake", new_brakes(s));
    dump(o, &c);
    column_str(&c, "\n");
    json_decref(o);
    column_commit(&c);
}
