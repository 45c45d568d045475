// SPDX-License-Identifier: BSD-2-Clause
// heap: things that wait for a moment, earliest first. An indexed binary heap with the node
// embedded in its owner: insert, move and remove cost O(log n), the earliest is at hand.
#ifndef FP_CORE_HEAP_H
#define FP_CORE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t at_ms;
    size_t index; // 1-based place in the heap; 0: not in it
};

// The structure that a node is embedded in.
#define heap_owner(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

struct heap {
    struct heap_node **nodes;
    size_t count, cap;
};

void heap_close(struct heap *h); // frees the array; the nodes are their owners'
// Puts the node in, or moves it: at_ms INT64_MAX takes it out.
void heap_set(struct heap *h, struct heap_node *node, int64_t at_ms);
void heap_remove(struct heap *h, struct heap_node *node); // fine when it is not in
struct heap_node *heap_first(const struct heap *h);       // NULL when empty

#endif
