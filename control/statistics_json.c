// SPDX-License-Identifier: BSD-2-Clause
// statistics in JSON. See statistics_json.h.
#include "control/statistics_json.h"

#include "control/suspended_json.h"
#include "core/must.h"

static json_t *new_integer(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *new_domains(const struct statistics *s)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->row_count; i++) {
        json_t *o = json_object(), *ages = json_array();
        for (int age = 0; age < STATISTICS_AGES; age++)
            must(json_array_append_new(ages, new_integer(s->rows[i].by_age[age])) == 0);
        value_put(o, "domain", value_text(s->rows[i].domain));
        value_put(o, "total", new_integer(s->rows[i].total));
        value_put(o, "by_age", ages);
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
        value_put(o, "name", value_text(d->name));
        value_put(o, "state", value_text(d->state));
        value_put(o, "rest_until", value_time(d->rest_until_ms));
        value_put(o, "failures", new_integer(d->failures));
        value_put(o, "running", new_integer(d->running));
        value_put(o, "reason", value_text(d->why));
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
        value_put(o, "kind", value_text(b->kind));
        value_put(o, "destination", b->destination[0] ? value_text(b->destination) : json_null());
        value_put(o, "since", value_time(b->since_ms));
        value_put(o, "reason", value_text(b->why));
        must(json_array_append_new(list, o) == 0);
    }
    return list;
}

static json_t *new_brakes(const struct statistics *s)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->brake_count; i++) {
        json_t *o = json_object();
        value_put(o, "host", value_text(s->brakes[i].host));
        value_put(o, "since", value_time(s->brakes[i].since_ms));
        value_put(o, "held", new_integer(s->brakes[i].held));
        value_put(o, "reply", value_text(s->brakes[i].text));
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
    value_put(o, "started", value_time(s->started_ms));
    value_put(o, "accepted", new_integer(s->accepted));
    value_put(o, "delivered", new_integer(s->delivered));
    value_put(o, "deferrals", new_integer(s->deferrals));
    value_put(o, "bounced", new_integer(s->bounced));
    value_put(o, "body_memory", new_integer(s->body_memory));
    value_put(o, "body_memory_max", new_integer(s->body_memory_max));
    value_put(o, "incoming", new_integer(s->on_way));
    value_put(o, "incoming_max", new_integer(s->on_way_max));
    value_put(o, "incoming_in_sessions", new_integer(s->in_sessions));
    value_put(o, "sessions", new_integer(s->sessions));
    value_put(o, "sessions_unread", new_integer(s->unread_sessions));
    value_put(o, "writer_operations", new_integer(s->writer_ops));
    value_put(o, "reading_stopped", new_integer(s->stops));
    value_put(o, "refused_for_room", new_integer(s->refusals));
    return o;
}

void statistics_json(const struct statistics *s, struct buf *to)
{
    struct column c = column_begin(to);
    json_t *o = json_object();
    value_put(o, "time", value_time(s->now_ms));
    value_put(o, "messages", new_integer(s->messages));
    value_put(o, "bytes", new_integer(s->bytes));
    value_put(o, "queued", new_integer(s->queued));
    value_put(o, "deferred", new_integer(s->deferred));
    value_put(o, "active", new_integer(s->active));
    value_put(o, "held", new_integer(s->held));
    value_put(o, "oldest_arrival", value_time(s->oldest_arrival_ms));
    value_put(o, "spool_bytes", new_integer(s->spool_bytes));
    value_put(o, "free_bytes", new_integer(s->free_bytes));
    value_put(o, "daemon", new_daemon(s));
    value_put(o, "age_bounds_min", new_ages());
    value_put(o, "domains", new_domains(s));
    value_put(o, "destinations", new_destinations(s));
    value_put(o, "suspensions", suspended_values(s->suspensions, s->suspension_count));
    value_put(o, "blocked", new_blocked(s));
    value_put(o, "bounce_brake", new_brakes(s));
    value_dump(o, &c);
    column_str(&c, "\n");
    json_decref(o);
    column_commit(&c);
}
