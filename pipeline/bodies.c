// SPDX-License-Identifier: BSD-2-Clause
// bodies: bytes of messages in memory: bodies of fresh mail, so that they need not be read back,
// and pieces that were read from the spool. A budget bounds them. See pipeline_internal.h.
//
// (B1) What the maker calls spare and nobody uses may be given up: the spool has it. It is, oldest
//      first, when room is needed and it has waited BODY_PATIENCE_MS. So a destination that takes
//      its mail keeps what it is about to take, and one that does not loses it to the others. What
//      is younger stays, and the newcomer is read back: were it the other way round, a long line
//      for a fast destination would lose each body just before its turn.
// (B2) Effects borrow from bodies until the next feed, so a body that is not needed any more is
//      buried only then; and what was used in this feed has not waited.
// (B3) What was asked of the spool, and what a socket was given and has not taken, counts, too
//      (`sending`).
#include "pipeline/pipeline_internal.h"

#include <stdlib.h>
#include <utlist.h>

enum { BODY_PATIENCE_MS = 2000 };

static bool has_room(const struct pipeline *p, size_t size)
{
    return p->body_memory + p->sending + size <= p->body_memory_max;
}

static void unlist(struct pipeline *p, struct body *b)
{
    if (b->is_listed)
        DL_DELETE(p->spare_bodies, b);
    b->is_listed = false;
}

static void list_if_spare(struct pipeline *p, struct body *b)
{
    if (!b->is_spare || b->users > 0 || !b->data || b->is_listed)
        return;
    b->since_ms = p->now_ms;
    DL_APPEND(p->spare_bodies, b);
    b->is_listed = true;
}

static void give_up(struct pipeline *p, struct body *b)
{
    unlist(p, b);
    p->body_memory -= b->memory;
    free(b->data);
    b->data = NULL;
    b->size = b->memory = 0;
}

bool body_make_room(struct pipeline *p, size_t size)
{
    struct body *b;
    while (!has_room(p, size) && (b = p->spare_bodies) &&
           p->now_ms - b->since_ms >= BODY_PATIENCE_MS)
        give_up(p, b);
    return has_room(p, size);
}

size_t body_piece_max(struct pipeline *p, uint64_t left)
{
    size_t wanted = left < MESSAGE_CHUNK_MAX ? (size_t)left : MESSAGE_CHUNK_MAX;
    return body_make_room(p, wanted) ? MESSAGE_CHUNK_MAX : BUDGET_PIECE_SMALL;
}

struct body *body_new(struct pipeline *p, char *data, size_t size)
{
    struct body *b = must_alloc(sizeof *b);
    *b = (struct body){.data = data, .size = size, .memory = size, .refs = 1};
    p->body_memory += size;
    return b;
}

// Not shrunk to its size: what is cut off would be too small for the next body that comes in, and
// the heap would be full of holes of that size.
void body_weigh(struct pipeline *p, struct body *b, size_t memory)
{
    p->body_memory += memory - b->memory;
    b->memory = memory;
}

struct body *body_ref(struct body *b)
{
    if (b)
        b->refs++;
    return b;
}

void body_spare(struct pipeline *p, struct body *b)
{
    if (!b)
        return;
    b->is_spare = true;
    list_if_spare(p, b);
}

bool body_use(struct pipeline *p, struct body *b)
{
    if (!b || !b->data)
        return false;
    b->users++;
    unlist(p, b);
    return true;
}

void body_leave(struct pipeline *p, struct body *b)
{
    must(b->users > 0);
    b->users--;
    list_if_spare(p, b);
}

static void body_free(struct pipeline *p, struct body *b)
{
    p->body_memory -= b->memory;
    free(b->data);
    free(b);
}

void body_unref(struct pipeline *p, struct body *b)
{
    if (!b || --b->refs > 0)
        return;
    unlist(p, b);
    b->next_buried = p->graveyard;
    p->graveyard = b;
}

void bodies_bury(struct pipeline *p)
{
    while (p->graveyard) {
        struct body *b = p->graveyard;
        p->graveyard = b->next_buried;
        body_free(p, b);
    }
}
