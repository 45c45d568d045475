// SPDX-License-Identifier: BSD-2-Clause
// timeline: what happened in a simulation, for people. See timeline.h.
#include "simulate/timeline.h"

#include "core/hash.h"
#include "core/must.h"
#include "core/outcome.h"
#include "core/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { GAP_MS = 60 * 1000, KEY_MAX = 2048 };

struct timeline_key {
    char *text;
    uint32_t line;
    UT_hash_handle hh;
};

static const char *const kind_names[TIMELINE_KINDS] = {
    [TIMELINE_ACCEPTED] = "accepted",
    [TIMELINE_TURNED_AWAY] = "turned-away",
    [TIMELINE_RESTS] = "rests",
    [TIMELINE_PROBE_FAILED] = "probe-failed",
    [TIMELINE_ANSWERS] = "answers",
    [TIMELINE_DELIVERED] = "delivered",
    [TIMELINE_NOTICES] = "notices-delivered",
    [TIMELINE_DEFERRED] = "deferred",
    [TIMELINE_REFUSED] = "refused",
    [TIMELINE_HELD] = "held",
    [TIMELINE_GAVE_UP] = "gave-up",
    [TIMELINE_WARNED] = "warned",
    [TIMELINE_RETURNED] = "returned",
    [TIMELINE_POSTMASTER] = "told-postmaster",
};

const char *timeline_kind_name(enum timeline_kind kind)
{
    return kind_names[kind];
}

void timeline_close(struct timeline *t)
{
    struct timeline_key *key, *next;
    HASH_ITER(hh, t->keys, key, next)
    {
        HASH_DEL(t->keys, key);
        free(key->text);
        free(key);
    }
    for (uint32_t i = 0; i < t->count; i++) {
        free(t->lines[i].about);
        free(t->lines[i].text);
    }
    free(t->lines);
    *t = (struct timeline){0};
}

static struct timeline_key *key_of(struct timeline *t, enum timeline_kind kind, const char *about,
                                   const char *text)
{
    char name[KEY_MAX];
    snprintf(name, sizeof name, "%d %s %s", kind, about, text);
    struct timeline_key *key;
    HASH_FIND_STR(t->keys, name, key);
    if (!key) {
        key = must_zalloc(sizeof *key);
        key->text = must_strdup(name);
        key->line = UINT32_MAX;
        HASH_ADD_KEYPTR(hh, t->keys, key->text, strlen(key->text), key);
    }
    return key;
}

// What a line about a destination's health goes on counting.
static enum timeline_kind counted(enum timeline_kind kind)
{
    switch (kind) {
    case TIMELINE_RESTS:
    case TIMELINE_PROBE_FAILED:
        return TIMELINE_DEFERRED;
    case TIMELINE_ANSWERS:
        return TIMELINE_DELIVERED;
    default:
        return kind;
    }
}

static void begin_line(struct timeline *t, const struct timeline_line *line)
{
    if (t->count == t->size) {
        t->size = t->size ? 2 * t->size : 64;
        t->lines = must_realloc(t->lines, t->size * sizeof *t->lines);
    }
    struct timeline_line *to = &t->lines[t->count++];
    *to = *line;
    to->number = t->count;
    to->about = must_strdup(line->about);
    to->text = must_strdup(line->text);
}

// What is blocked here is tried each minute for as long as that lasts, which is one thing.
static int64_t gap_ms(const char *text)
{
    return outcome_behind_blocked(text) ? 2 * (int64_t)GAP_MS : GAP_MS;
}

void timeline_add(struct timeline *t, enum timeline_kind kind, const char *about, const char *text,
                  int64_t at_ms, int64_t next_ms)
{
    struct timeline_key *key = key_of(t, counted(kind), about, text);
    struct timeline_line *line = key->line != UINT32_MAX ? &t->lines[key->line] : NULL;
    bool is_health = kind != counted(kind);
    if (line && !is_health && at_ms - line->till_ms < gap_ms(text)) {
        line->count++;
        line->till_ms = at_ms;
        return;
    }
    // The first of them may have been told before the spool heard of the destination.
    if (line && is_health && line->kind == counted(kind) && at_ms - line->from_ms < GAP_MS) {
        line->kind = kind;
        line->next_ms = next_ms;
        return;
    }
    key->line = t->count;
    begin_line(t, &(struct timeline_line){.kind = kind,
                                          .about = (char *)about,
                                          .text = (char *)text,
                                          .from_ms = at_ms,
                                          .till_ms = at_ms,
                                          .next_ms = next_ms,
                                          .count = !is_health});
}

static int compare_lines(const void *a, const void *b)
{
    const struct timeline_line *x = a, *y = b;
    if (x->from_ms != y->from_ms)
        return x->from_ms < y->from_ms ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

void timeline_end(struct timeline *t)
{
    if (t->count > 0)
        qsort(t->lines, t->count, sizeof *t->lines, compare_lines);
}

// "+06:12:00", "+1d06:12:00"
static void add_time(struct buf *to, int64_t ms)
{
    int64_t s = ms / 1000;
    if (s >= 86400)
        buf_addf(to, "+%" PRId64 "d%02d:%02d:%02d", s / 86400, (int)(s / 3600 % 24),
                 (int)(s / 60 % 60), (int)(s % 60));
    else
        buf_addf(to, "+%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

// How long the line went on, where that is a second or more.
static void add_span(const struct timeline_line *l, struct buf *to)
{
    int64_t s = (l->till_ms - l->from_ms + 500) / 1000;
    if (s < 1)
        return;
    buf_add_str(to, " in ");
    if (s < 60)
        buf_addf(to, "%d s", (int)s);
    else
        time_format_rough(s * 1000, to);
}

static void add_count(const struct timeline_line *l, const char *what, struct buf *to)
{
    buf_addf(to, "%" PRIu32 " %s", l->count, what);
    add_span(l, to);
}

static void add_what(const struct timeline_line *l, struct buf *to)
{
    switch (l->kind) {
    case TIMELINE_ACCEPTED:
        buf_addf(to, "%" PRIu32 " message%s accepted", l->count, plural(l->count));
        add_span(l, to);
        break;
    case TIMELINE_TURNED_AWAY:
        add_count(l, "turned away", to);
        break;
    case TIMELINE_RESTS:
        buf_add_str(to, "fails");
        break;
    case TIMELINE_PROBE_FAILED:
        buf_add_str(to, "probe failed");
        break;
    case TIMELINE_ANSWERS:
        buf_add_str(to, "answers again");
        if (l->count > 0) {
            buf_add_str(to, ": ");
            add_count(l, "delivered", to);
        }
        break;
    case TIMELINE_DELIVERED:
        add_count(l, "delivered", to);
        break;
    case TIMELINE_NOTICES:
        buf_addf(to, "%" PRIu32 " notice%s delivered", l->count, plural(l->count));
        add_span(l, to);
        break;
    case TIMELINE_DEFERRED:
        add_count(l, "deferred", to);
        break;
    case TIMELINE_REFUSED:
        add_count(l, "refused for good", to);
        break;
    case TIMELINE_HELD:
        add_count(l, "refused for good, and held for an operator", to);
        break;
    case TIMELINE_GAVE_UP:
        add_count(l, "given up", to);
        break;
    case TIMELINE_WARNED:
        buf_addf(to, "%" PRIu32 " warning%s to senders", l->count, plural(l->count));
        add_span(l, to);
        break;
    case TIMELINE_RETURNED:
        buf_addf(to, "%" PRIu32 " message%s returned to senders", l->count, plural(l->count));
        add_span(l, to);
        break;
    case TIMELINE_POSTMASTER:
        buf_addf(to, "%" PRIu32 " failed notice%s told to the postmaster", l->count,
                 plural(l->count));
        add_span(l, to);
        break;
    case TIMELINE_KINDS:
        must_never("no such kind");
    }
}

static bool is_failure(enum timeline_kind kind)
{
    return kind == TIMELINE_RESTS || kind == TIMELINE_PROBE_FAILED;
}

void timeline_text(const struct timeline *t, struct buf *to)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct timeline_line *l = &t->lines[i];
        add_time(to, l->from_ms);
        buf_add_byte(to, ' ');
        if (l->about[0])
            buf_add_all(to, l->about, " ");
        add_what(l, to);
        if (l->text[0])
            buf_add_all(to, ": ", l->text);
        if (is_failure(l->kind)) {
            if (l->count > 0) // a next hop that others of its list stand in for defers nothing
                buf_addf(to, "; %" PRIu32 " deferred, next probe ", l->count);
            else
                buf_add_str(to, "; next probe ");
            add_time(to, l->next_ms);
        }
        buf_add_byte(to, '\n');
    }
}

void timeline_summary_text(const struct timeline_summary *s, struct buf *to)
{
    buf_addf(to, "\nmessages      %" PRIu32 ", accepted %" PRIu32 "\n", s->messages, s->accepted);
    buf_addf(to, "delivered     %" PRIu32, s->delivered);
    if (s->delivered > 0) {
        buf_add_str(to, ", the longest wait ");
        time_format_rough(s->longest_wait_ms, to);
    }
    buf_addf(to, "\nnot delivered %" PRIu32 " refused, %" PRIu32 " given up\n", s->refused,
             s->gave_up);
    buf_addf(to, "waiting       %" PRIu64, s->waiting);
    if (s->held > 0)
        buf_addf(to, ", held %" PRIu64, s->held);
    buf_addf(to, "\nnotices       %" PRIu32 " warnings, %" PRIu32 " returns", s->warnings,
             s->returned);
    if (s->to_postmaster > 0)
        buf_addf(to, ", %" PRIu32 " to the postmaster", s->to_postmaster);
    buf_add_byte(to, '\n');
    buf_addf(to, "attempts      %" PRIu32 "\n", s->attempts);
    buf_addf(to, "connections   %" PRIu32 ", at once at most %" PRIu32 "\n", s->connections,
             s->connections_peak);
    buf_add_str(to, "ended         ");
    add_time(to, s->end_ms);
    buf_addf(to, ", seed %" PRIu64 "\n", s->seed);
}
