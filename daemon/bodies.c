// SPDX-License-Identifier: BSD-2-Clause
// bodies: bodies of fresh messages that stay in memory until they are delivered, so that they need
// not be read back. A budget bounds them; beyond it the spool is read. See pipeline_internal.h.
//
// Effects borrow from bodies until the next feed, so a body that is not needed any more is buried
// only then.
#include "daemon/pipeline_internal.h"

#include <stdlib.h>

bool body_has_room(const struct pipeline *p, size_t size)
{
    return p->body_memory + size <= p->body_memory_max;
}

struct body *body_new(struct pipeline *p, char *data, size_t size)
{
    struct body *b = must_alloc(sizeof *b);
    *b = (struct body){.data = data, .size = size, .refs = 1};
    p->body_memory += size;
    return b;
}

struct body *body_ref(struct body *b)
{
    if (b)
        b->refs++;
    return b;
}

static void body_free(struct pipeline *p, struct body *b)
{
    p->body_memory -= b->size;
    free(b->data);
    free(b);
}

void body_unref(struct pipeline *p, struct body *b)
{
    if (!b || --b->refs > 0)
        return;
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
