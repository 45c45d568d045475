// SPDX-License-Identifier: BSD-2-Clause
// sender_key: see sender_key.h.
#include "core/sender_key.h"

#include "core/fnv.h"

enum { KEY_BITS = 0x7fffffff };

static size_t local_size(struct slice sender)
{
    for (size_t i = sender.n; i > 0; i--)
        if (sender.p[i - 1] == '@')
            return i - 1;
    return sender.n;
}

uint32_t sender_key(struct slice sender)
{
    uint32_t hash = FNV_BEGIN;
    size_t local = local_size(sender);
    for (size_t i = 0; i < local && sender.p[i] != '+' && sender.p[i] != '='; i++)
        if (sender.p[i] < '0' || sender.p[i] > '9')
            hash = fnv_add_lower(hash, sender.p[i]);
    for (size_t i = local; i < sender.n; i++)
        hash = fnv_add_lower(hash, sender.p[i]);
    return hash & KEY_BITS;
}
