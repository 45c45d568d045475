// SPDX-License-Identifier: BSD-2-Clause
// fnv: the FNV-1a hash of 32 bits, octet by octet. Spreads names over tables and times, and is no
// protection against somebody who chooses them.
#ifndef FP_CORE_FNV_H
#define FP_CORE_FNV_H

#include <stdint.h>

#define FNV_BEGIN 2166136261U // the hash of nothing

static inline uint32_t fnv_add(uint32_t hash, char c)
{
    return (hash ^ (unsigned char)c) * 16777619U;
}

static inline uint32_t fnv_add_lower(uint32_t hash, char c) // ASCII case ignored
{
    return fnv_add(hash, c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c);
}

#endif
