// SPDX-License-Identifier: BSD-2-Clause
// statistics: the text of `stats`. See statistics.h. The table is the one that Postfix's qshape
// prints: domains by age in minutes, each column up to its head.
#include "control/statistics.h"

#include "control/suspended.h"
#include "core/time.h"

enum { LABEL_WIDTH = 12, DOMAIN_WIDTH_MIN = 24, DOMAIN_WIDTH_MAX = 64, NUMBER_WIDTH_MIN = 5 };

static const char *const age_heads[STATISTICS_AGES] = {"5",   "10",  "20",  "40",   "80",
                                                       "160", "320", "640", "1280", "1280+"};

static void add_count(struct column *c, const char *label, uint64_t n, const char *behind)
{
    column_left(c, label, LABEL_WIDTH);
    column_number(c, n, 0);
    column_str(c, behind);
}

static void add_recipients(struct column *c, const char *label, uint64_t n, const char *behind)
{
    add_count(c, label, n, n == 1 ? " recipient" : " recipients");
    column_str(c, behind);
}

static void add_counts(const struct statistics *s, struct column *c)
{
    add_count(c, "messages", s->messages, ", ");
    column_number(c, s->bytes, 0);
    column_str(c, " bytes\n");
    add_recipients(c, "queued", s->queued, ", not tried yet\n");
    add_recipients(c, "deferred", s->deferred, ", tried before\n");
    add_recipients(c, "active", s->active, ", an attempt is under way\n");
    add_recipients(c, "held", s->held, "\n");
    if (s->oldest_arrival_ms > 0) {
        column_left(c, "oldest", LABEL_WIDTH);
        column_time_utc(c, s->oldest_arrival_ms);
        column_str(c, ", ");
        time_format_rough(s->now_ms > s->oldest_arrival_ms ? s->now_ms - s->oldest_arrival_ms : 0,
                          c->to);
        column_str(c, " old\n");
    }
    add_count(c, "spool", s->spool_bytes, " bytes, ");
    column_number(c, s->free_bytes, 0);
    column_str(c, " of them free for use again\n");
}

static void add_daemon(const struct statistics *s, struct column *c)
{
    column_left(c, "daemon", LABEL_WIDTH);
    if (s->started_ms == 0) {
        column_str(c, "not running\n");
        return;
    }
    column_str(c, "running since ");
    column_time_utc(c, s->started_ms);
    column_str(c, "; since then ");
    column_number(c, s->accepted, 0);
    column_str(c, " accepted, ");
    column_number(c, s->delivered, 0);
    column_str(c, " delivered, ");
    column_number(c, s->deferrals, 0);
    column_str(c, " deferred, ");
    column_number(c, s->bounced, 0);
    column_str(c, " bounced\n");
}

static void add_share(struct column *c, uint64_t n, uint64_t max)
{
    column_number(c, n, 0);
    column_str(c, " of ");
    column_number(c, max, 0);
    column_str(c, " bytes ");
}

static void add_times(struct column *c, uint64_t n)
{
    column_number(c, n, 0);
    column_str(c, n == 1 ? " time" : " times");
}

// What waits for what, inside the daemon.
static void add_flow(const struct statistics *s, struct column *c)
{
    if (s->started_ms == 0)
        return;
    column_left(c, "bodies", LABEL_WIDTH);
    add_share(c, s->body_memory, s->body_memory_max);
    column_str(c, "of memory, on their way out\n");
    column_left(c, "incoming", LABEL_WIDTH);
    add_share(c, s->on_way, s->on_way_max);
    column_str(c, "on their way to the spool, ");
    column_number(c, s->in_sessions, 0);
    column_str(c, " more in sessions\n");
    add_count(c, "sessions", s->sessions, " open, ");
    column_number(c, s->unread_sessions, 0);
    column_str(c, " of them not being read\n");
    add_count(c, "writer", s->writer_ops,
              s->writer_ops == 1 ? " operation waiting\n" : " operations waiting\n");
    column_left(c, "pressure", LABEL_WIDTH);
    column_str(c, "reading stopped ");
    add_times(c, s->stops);
    column_str(c, ", 452 said ");
    add_times(c, s->refusals);
    column_str(c, " for lack of room\n");
}

// --- the table ---

struct shape {
    size_t domain_width, number_width;
    uint64_t total, by_age[STATISTICS_AGES];
};

static size_t count_digits(uint64_t n)
{
    size_t digits = 1;
    while (n >= 10)
        n /= 10, digits++;
    return digits;
}

static struct shape shape_of(const struct statistics *s)
{
    struct shape shape = {.domain_width = DOMAIN_WIDTH_MIN};
    for (uint32_t i = 0; i < s->row_count; i++) {
        size_t n = strlen(s->rows[i].domain);
        if (n > shape.domain_width)
            shape.domain_width = n < DOMAIN_WIDTH_MAX ? n : DOMAIN_WIDTH_MAX;
        shape.total += s->rows[i].total;
        for (int age = 0; age < STATISTICS_AGES; age++)
            shape.by_age[age] += s->rows[i].by_age[age];
    }
    size_t digits = count_digits(shape.total);
    shape.number_width = digits > NUMBER_WIDTH_MIN ? digits : NUMBER_WIDTH_MIN;
    return shape;
}

static void add_right(struct column *c, const char *text, size_t width)
{
    size_t n = strlen(text);
    if (n < width)
        column_blanks(c, width - n);
    column_text(c, text);
}

static void add_shape_row(struct column *c, const struct shape *shape, const char *name,
                          uint64_t total, const uint64_t *by_age)
{
    add_right(c, name, shape->domain_width);
    column_str(c, " ");
    column_number(c, total, shape->number_width);
    for (int age = 0; age < STATISTICS_AGES; age++) {
        column_str(c, " ");
        column_number(c, by_age[age], shape->number_width);
    }
    column_str(c, "\n");
}

static void add_table(const struct statistics *s, struct column *c)
{
    struct shape shape = shape_of(s);
    column_str(c, "\n");
    column_blanks(c, shape.domain_width + 1);
    add_right(c, "T", shape.number_width);
    for (int age = 0; age < STATISTICS_AGES; age++) {
        column_str(c, " ");
        add_right(c, age_heads[age], shape.number_width);
    }
    column_str(c, "\n");
    add_shape_row(c, &shape, "TOTAL", shape.total, shape.by_age);
    for (uint32_t i = 0; i < s->row_count; i++)
        add_shape_row(c, &shape, s->rows[i].domain, s->rows[i].total, s->rows[i].by_age);
}

static void add_destination(const struct statistics *s, const struct statistics_destination *d,
                            struct column *c)
{
    column_str(c, "    ");
    column_text(c, d->name);
    column_str(c, ": ");
    column_str(c, d->state);
    if (d->rest_until_ms > s->now_ms && d->rest_until_ms != TIME_NEVER) {
        column_str(c, " until ");
        column_time_utc(c, d->rest_until_ms);
        column_str(c, " (");
        column_until(c, d->rest_until_ms, s->now_ms);
        column_str(c, ")");
    }
    if (d->failures > 0) {
        column_str(c, ", ");
        column_number(c, d->failures, 0);
        column_str(c, d->failures == 1 ? " failure" : " failures in a row");
    }
    if (d->running > 0) {
        column_str(c, ", ");
        column_number(c, d->running, 0);
        column_str(c, d->running == 1 ? " attempt under way" : " attempts under way");
    }
    if (d->why && d->why[0]) {
        column_str(c, "\n        ");
        column_text(c, d->why);
    }
    column_str(c, "\n");
}

static void add_since(struct column *c, int64_t since_ms)
{
    column_str(c, "    since ");
    column_time_utc(c, since_ms);
    column_str(c, ": ");
}

static void add_blocked(const struct statistics_blocked *b, struct column *c)
{
    add_since(c, b->since_ms);
    column_str(c, b->kind);
    if (b->destination[0]) {
        column_str(c, ": ");
        column_text(c, b->destination);
    }
    if (b->why[0]) {
        column_str(c, "\n        ");
        column_text(c, b->why);
    }
    column_str(c, "\n");
}

static void add_brake(const struct statistics_brake *b, struct column *c)
{
    add_since(c, b->since_ms);
    column_number(c, b->held, 0);
    column_str(c, b->held == 1 ? " recipient held that " : " recipients held that ");
    column_text(c, b->host);
    column_str(c, " refused:\n        ");
    column_text(c, b->text);
    column_str(c, "\n");
}

void statistics_format(const struct statistics *s, struct buf *to)
{
    struct column c = column_begin(to);
    add_counts(s, &c);
    add_daemon(s, &c);
    add_flow(s, &c);
    add_table(s, &c);
    if (s->destination_count > 0)
        column_str(&c, "\nDestinations that are not well:\n");
    for (uint32_t i = 0; i < s->destination_count; i++)
        add_destination(s, &s->destinations[i], &c);
    if (s->blocked_count > 0)
        column_str(&c, "\nBlocked here (nothing is given back for it):\n");
    for (uint32_t i = 0; i < s->blocked_count; i++)
        add_blocked(&s->blocked[i], &c);
    if (s->brake_count > 0)
        column_str(&c, "\nBounce brake (to be decided by release or bounce):\n");
    for (uint32_t i = 0; i < s->brake_count; i++)
        add_brake(&s->brakes[i], &c);
    if (s->suspension_count > 0)
        column_str(&c, "\nSuspended:\n");
    suspended_table(s->suspensions, s->suspension_count, s->now_ms, &c);
    column_commit(&c);
}
