// SPDX-License-Identifier: BSD-2-Clause
// senders: the batches of a destination's window, by priority and sender. See senders.h.
#include "scheduler/senders.h"

#include "core/must.h"
#include "core/sender_key.h"
#include "scheduler/destination.h"

#include <stdlib.h>

static struct sender_line *line_of(struct list *link)
{
    return list_owner(link, struct sender_line, in_class);
}

static struct sender_line *first_line(const struct sender_class *c)
{
    return line_of(list_first(&c->lines));
}

// Where the pointer to that line stands, or would stand.
static struct sender_line **find(struct sender_lines *lines, const struct sender_line_key *key)
{
    uint64_t hash = ((uint64_t)(uintptr_t)key->destination >> 4) ^ ((uint64_t)key->sender << 20) ^
                    ((uint64_t)(uint32_t)key->priority << 52);
    hash *= 0x9e3779b97f4a7c15U;
    struct sender_line **at = &lines->buckets[(hash >> 32) % SENDERS_BUCKETS];
    while (*at && ((*at)->key.destination != key->destination || (*at)->key.sender != key->sender ||
                   (*at)->key.priority != key->priority))
        at = &(*at)->next_in_bucket;
    return at;
}

static struct sender_line_key key_of(struct destination *d, uint32_t sender, int32_t priority)
{
    return (struct sender_line_key){
        .destination = d,
        .sender = sender,
        .priority = priority < -SENDERS_HIGHEST  ? -SENDERS_HIGHEST
                    : priority > SENDERS_HIGHEST ? SENDERS_HIGHEST
                                                 : priority,
    };
}

static struct sender_line_key key_of_batch(struct destination *d, const struct batch *b)
{
    return key_of(d, sender_key(slice_str(b->message.sender)), b->message.priority);
}

struct sender_line *senders_find(struct sender_lines *lines, struct destination *d, uint32_t sender,
                                 int32_t priority)
{
    struct sender_line_key key = key_of(d, sender, priority);
    return *find(lines, &key);
}

// Found, or made in its place.
static struct sender_class *get_class(struct senders *senders, int32_t priority)
{
    struct sender_class **at = &senders->highest;
    while (*at && (*at)->priority > priority)
        at = &(*at)->lower;
    if (*at && (*at)->priority == priority)
        return *at;
    struct sender_class *c = must_zalloc(sizeof *c);
    c->priority = priority;
    list_init(&c->lines);
    c->lower = *at;
    *at = c;
    return c;
}

static void free_class(struct senders *senders, struct sender_class *c)
{
    struct sender_class **at = &senders->highest;
    while (*at != c)
        at = &(*at)->lower;
    *at = c->lower;
    free(c);
}

static struct sender_line *get_line(struct sender_lines *lines, const struct sender_line_key *key)
{
    struct sender_line **at = find(lines, key);
    if (*at)
        return *at;
    struct sender_line *line = must_zalloc(sizeof *line);
    *at = line;
    line->key = *key;
    line->class = get_class(&key->destination->senders, key->priority);
    list_put_last(&line->class->lines, &line->in_class);
    return line;
}

static void look_at(struct senders *senders, struct sender_line *line)
{
    if (!senders->heaviest || line->rcpts > senders->heaviest->rcpts)
        senders->heaviest = line;
}

void senders_add(struct sender_lines *lines, struct destination *d, struct batch *b)
{
    struct sender_line_key key = key_of_batch(d, b);
    struct sender_line *line = get_line(lines, &key);
    b->line = line;
    b->next = NULL;
    b->prev = line->last;
    *(line->last ? &line->last->next : &line->first) = b;
    line->last = b;
    line->rcpts += b->rcpt_count;
    line->paged += b->is_fresh ? 0 : b->rcpt_count;
    look_at(&d->senders, line);
}

static void free_line(struct sender_lines *lines, struct senders *senders, struct sender_line *line)
{
    struct sender_class *c = line->class;
    list_remove(&line->in_class);
    *find(lines, &line->key) = line->next_in_bucket;
    if (senders->heaviest == line)
        senders->heaviest = NULL;
    free(line);
    if (list_is_empty(&c->lines))
        free_class(senders, c);
}

void senders_shrink(struct batch *b, uint32_t n)
{
    b->line->rcpts -= n;
    b->line->paged -= b->is_fresh ? 0 : n;
}

void senders_remove(struct sender_lines *lines, struct destination *d, struct batch *b)
{
    struct sender_line *line = b->line;
    *(b->prev ? &b->prev->next : &line->first) = b->next;
    *(b->next ? &b->next->prev : &line->last) = b->prev;
    senders_shrink(b, b->rcpt_count);
    b->next = b->prev = NULL;
    b->line = NULL;
    if (!line->first)
        free_line(lines, &d->senders, line);
}

static int64_t rank(const struct sender_class *c)
{
    return (int64_t)c->priority * SENDERS_RISE + c->waited;
}

// D7. All others wait once more.
static struct sender_class *choose(struct senders *senders)
{
    struct sender_class *best = senders->highest;
    for (struct sender_class *c = best; c; c = c->lower) {
        best = rank(c) > rank(best) ? c : best;
        c->waited++;
    }
    if (best)
        best->waited = 0;
    return best;
}

struct batch *senders_take_turn(struct senders *senders)
{
    struct sender_class *c = choose(senders);
    if (!c)
        return NULL;
    struct sender_line *line = first_line(c);
    list_remove(&line->in_class);
    list_put_last(&c->lines, &line->in_class);
    look_at(senders, line);
    return line->first;
}

static struct batch *first_of_class(const struct sender_class *c)
{
    return c ? first_line(c)->first : NULL;
}

struct batch *senders_each(const struct senders *senders, const struct batch *after)
{
    if (!after)
        return first_of_class(senders->highest);
    if (after->next)
        return after->next;
    const struct sender_line *line = after->line;
    if (line->in_class.next != &line->class->lines)
        return line_of(line->in_class.next)->first;
    return first_of_class(line->class->lower);
}

struct sender_line *senders_heaviest(const struct senders *senders)
{
    const struct sender_class *lowest = senders->highest;
    if (senders->heaviest || !lowest)
        return senders->heaviest;
    while (lowest->lower)
        lowest = lowest->lower;
    return line_of(lowest->lines.prev);
}

uint32_t senders_load(struct sender_lines *lines, struct destination *d, const struct batch *b)
{
    struct sender_line_key key = key_of_batch(d, b);
    struct sender_line *line = *find(lines, &key);
    return line ? line->rcpts : 0;
}
