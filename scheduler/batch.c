// SPDX-License-Identifier: BSD-2-Clause
// batch: one message with those of its recipients that go to one destination. See scheduler.h.
#include "scheduler/batch.h"

#include "core/must.h"

#include <stdlib.h>

struct batch *batch_new(void)
{
    return must_zalloc(sizeof(struct batch));
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    must(b->body == NULL);
    message_close(&b->message);
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        recipient_close(&b->rcpts[i]);
    free(b->rcpts);
    free(b->destination);
    free(b->rule_domain);
    free(b->rule_host);
    free(b);
}

static void drop_front(struct batch *b, uint32_t k)
{
    b->rcpt_count -= k;
    memmove(b->rcpts, b->rcpts + k, b->rcpt_count * sizeof *b->rcpts);
}

struct batch *batch_split(struct batch *b, uint32_t k)
{
    must(k > 0 && k < b->rcpt_count);
    struct batch *part = batch_new();
    *part = *b;
    part->next = part->prev = NULL;
    part->line = NULL;
    message_copy(&part->message, &b->message);
    part->destination = must_strdup(b->destination);
    part->rule_domain = must_strdup(b->rule_domain);
    part->rule_host = b->rule_host ? must_strdup(b->rule_host) : NULL;
    part->rcpts = must_alloc(k * sizeof *b->rcpts);
    memcpy(part->rcpts, b->rcpts, k * sizeof *b->rcpts);
    part->rcpt_count = k;
    drop_front(b, k);
    b->body = NULL;
    return part;
}

struct recipient *batch_find_rcpt(const struct batch *b, uint32_t n)
{
    uint32_t i = 0;
    while (i < b->rcpt_count && b->rcpts[i].n != n)
        i++;
    must(i < b->rcpt_count);
    return &b->rcpts[i];
}

void batch_remove_rcpt(struct batch *b, struct recipient *r)
{
    recipient_close(r);
    b->rcpt_count--;
    memmove(r, r + 1, (size_t)(b->rcpts + b->rcpt_count - r) * sizeof *r);
}
