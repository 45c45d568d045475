// SPDX-License-Identifier: BSD-2-Clause
// sender_key: see sender_key.h.
#include "core/sender_key.h"

enum { HASH_FIRST = 0x811c9dc5, HASH_PRIME = 0x01000193, HASH_BITS = 0x7fffffff }; // FNV-1a

static uint32_t add(uint32_t hash, char c)
{
    unsigned char lower = (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return (hash ^ lower) * (uint32_t)HASH_PRIME;
}

static size_t local_size(struct slice sender)
{
    for (size_t i = sender.n; i > 0; i--)
        if (sender.p[i - 1] == '@')
            return i - 1;
    return sender.n;
}

uint32_t sender_key(struct slice sender)
{
    uint32_t hash = (uint32_t)HASH_FIRST;
    size_t local = local_size(sender);
    for (size_t i = 0; i < local && sender.p[i] != '+' && sender.p[i] != '='; i++)
        if (sender.p[i] < '0' || sender.p[i] > '9')
            hash = add(hash, sender.p[i]);
    for (size_t i = local; i < sender.n; i++)
        hash = add(hash, sender.p[i]);
    return hash & HASH_BITS;
}
