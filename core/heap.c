// SPDX-License-Identifier: BSD-2-Clause
// heap: things that wait for a moment, earliest first. See heap.h.
#include "core/heap.h"

#include "core/must.h"

#include <stdlib.h>

void heap_close(struct heap *h)
{
    free(h->nodes);
    *h = (struct heap){0};
}

static void place(struct heap *h, size_t i, struct heap_node *node)
{
    h->nodes[i] = node;
    node->index = i + 1;
}

static void sift_up(struct heap *h, size_t i)
{
    struct heap_node *node = h->nodes[i];
    while (i > 0) {
        size_t parent = (i - 1) / 2;
        if (h->nodes[parent]->at_ms <= node->at_ms)
            break;
        place(h, i, h->nodes[parent]);
        i = parent;
    }
    place(h, i, node);
}

static void sift_down(struct heap *h, size_t i)
{
    struct heap_node *node = h->nodes[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && h->nodes[child + 1]->at_ms < h->nodes[child]->at_ms)
            child++;
        if (h->nodes[child]->at_ms >= node->at_ms)
            break;
        place(h, i, h->nodes[child]);
        i = child;
    }
    place(h, i, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (node->index == 0)
        return;
    size_t i = node->index - 1;
    must(i < h->count && h->nodes[i] == node);
    node->index = 0;
    struct heap_node *last = h->nodes[--h->count];
    if (last == node)
        return;
    place(h, i, last);
    sift_down(h, i);
    sift_up(h, last->index - 1);
}

void heap_set(struct heap *h, struct heap_node *node, int64_t at_ms)
{
    if (at_ms == INT64_MAX) {
        heap_remove(h, node);
        return;
    }
    int64_t before = node->at_ms;
    node->at_ms = at_ms;
    if (node->index == 0) {
        if (h->count == h->cap) {
            h->cap = h->cap ? 2 * h->cap : 64;
            h->nodes = must_realloc(h->nodes, h->cap * sizeof(struct heap_node *));
        }
        place(h, h->count++, node);
        sift_up(h, h->count - 1);
    } else if (at_ms < before) {
        sift_up(h, node->index - 1);
    } else if (at_ms > before) {
        sift_down(h, node->index - 1);
    }
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count ? h->nodes[0] : NULL;
}
