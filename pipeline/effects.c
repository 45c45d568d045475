// SPDX-License-Identifier: BSD-2-Clause
// effects: the queue of effects and the bytes they point at. See pipeline_internal.h.
//
// Effects are made while an event is fed and executed before the next one is. What they point at is
// copied into blocks that are reused at the next feed; only long pieces of bodies are borrowed.
#include "pipeline/pipeline_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 64 * 1024, BLOCK_ALIGN = 16 };

struct pipeline_effect *effect_add(struct pipeline *p, enum pipeline_effect_kind kind)
{
    struct effect_queue *q = &p->effects;
    if (q->count == q->cap) {
        size_t cap = q->cap ? 2 * q->cap : 64;
        struct pipeline_effect *ring = must_alloc(cap * sizeof *ring);
        for (size_t i = 0; i < q->count; i++)
            ring[i] = q->ring[(q->head + i) % q->cap];
        free(q->ring);
        q->ring = ring;
        q->head = 0;
        q->cap = cap;
    }
    struct pipeline_effect *e = &q->ring[(q->head + q->count++) % q->cap];
    *e = (struct pipeline_effect){.kind = kind};
    return e;
}

bool pipeline_pull(struct pipeline *p, struct pipeline_effect *ret)
{
    struct effect_queue *q = &p->effects;
    if (q->count == 0)
        return false;
    *ret = q->ring[q->head];
    q->head = (q->head + 1) % q->cap;
    q->count--;
    return true;
}

static char *block_room(struct effect_queue *q, size_t size)
{
    size_t n = (size + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    // Oversized pieces get a block of their own in front of the one that is being filled.
    if (q->block_count == q->block_cap) {
        q->block_cap = q->block_cap ? 2 * q->block_cap : 8;
        q->blocks = must_realloc(q->blocks, q->block_cap * sizeof *q->blocks);
    }
    bool fits = q->block_count > 0 && q->block_used + n <= BLOCK_SIZE;
    if (!fits) {
        q->blocks[q->block_count++] = must_alloc(n > BLOCK_SIZE ? n : BLOCK_SIZE);
        q->block_used = 0;
    }
    char *room = q->blocks[q->block_count - 1] + q->block_used;
    q->block_used += n;
    return room;
}

struct slice effect_keep(struct pipeline *p, struct slice bytes)
{
    if (bytes.n == 0)
        return (struct slice){"", 0};
    char *room = block_room(&p->effects, bytes.n + 1);
    memcpy(room, bytes.p, bytes.n);
    room[bytes.n] = '\0';
    return (struct slice){room, bytes.n};
}

void effects_release(struct pipeline *p)
{
    struct effect_queue *q = &p->effects;
    must(q->count == 0);
    // One block stays for the next feed, unless it was an oversized one.
    while (q->block_count > 1)
        free(q->blocks[--q->block_count]);
    if (q->block_count == 1 && q->block_used > BLOCK_SIZE) {
        free(q->blocks[0]);
        q->block_count = 0;
    }
    q->block_used = 0;
}

void effects_close(struct pipeline *p)
{
    struct effect_queue *q = &p->effects;
    for (size_t i = 0; i < q->count; i++) {
        struct pipeline_effect *e = &q->ring[(q->head + i) % q->cap];
        if (e->kind == PIPELINE_STORE)
            op_free(e->op);
    }
    while (q->block_count > 0)
        free(q->blocks[--q->block_count]);
    free(q->blocks);
    free(q->ring);
    buf_close(&q->line);
    *q = (struct effect_queue){0};
}

struct slice *effect_slices(struct pipeline *p, uint32_t count)
{
    return (struct slice *)(void *)block_room(&p->effects, count * sizeof(struct slice));
}

void effect_send(struct pipeline *p, uint64_t conn, struct slice bytes, bool wants_sent)
{
    struct slice *kept = effect_slices(p, 1);
    *kept = effect_keep(p, bytes);
    struct pipeline_effect *e = effect_add(p, PIPELINE_SEND);
    e->conn = conn;
    e->slices = kept;
    e->slice_count = 1;
    e->wants_sent = wants_sent;
}

void effect_close(struct pipeline *p, uint64_t conn, bool flush)
{
    struct pipeline_effect *e = effect_add(p, PIPELINE_CLOSE);
    e->conn = conn;
    e->flush = flush;
}

void effect_read(struct pipeline *p, uint64_t conn, bool is_on)
{
    struct pipeline_effect *e = effect_add(p, PIPELINE_READ);
    e->conn = conn;
    e->is_on = is_on;
}

struct buf *effect_line(struct pipeline *p)
{
    struct buf *line = &p->effects.line;
    line->max = LOGLINE_MAX;
    buf_reset(line);
    return line;
}

void effect_log(struct pipeline *p, enum log_level level, const struct buf *line)
{
    struct slice kept = effect_keep(p, buf_slice(line));
    struct pipeline_effect *e = effect_add(p, PIPELINE_LOG);
    e->level = level;
    e->text = kept;
}

void effect_logf(struct pipeline *p, enum log_level level, const char *format, ...)
{
    char line[LOGLINE_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    must(n >= 0);
    size_t used = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    struct slice kept = effect_keep(p, (struct slice){line, used});
    struct pipeline_effect *e = effect_add(p, PIPELINE_LOG);
    e->level = level;
    e->text = kept;
}
