// SPDX-License-Identifier: BSD-2-Clause
// dot_scan: where the next CR and the next LF of a read stand, each octet looked at once.
//
// Internal to dot*.c. A memchr for both at every line would be quadratic for text that holds only
// one of the two, which a stranger may well send; so what was found is remembered until passed.
#ifndef FP_CORE_DOT_SCAN_H
#define FP_CORE_DOT_SCAN_H

#include "core/slice.h"

#include <stdint.h>

struct dot_scan {
    const char *p;
    size_t n;
    size_t cr, lf; // the next of each, n when there is none
};

static inline size_t dot_scan_find(const struct dot_scan *s, char c, size_t from)
{
    const char *hit = from < s->n ? memchr(s->p + from, c, s->n - from) : NULL;
    return hit ? (size_t)(hit - s->p) : s->n;
}

static inline struct dot_scan dot_scan_of(struct slice bytes)
{
    struct dot_scan s = {.p = bytes.p, .n = bytes.n};
    s.cr = dot_scan_find(&s, '\r', 0);
    s.lf = dot_scan_find(&s, '\n', 0);
    return s;
}

// From here on only octets at or behind `at` matter.
static inline void dot_scan_pass(struct dot_scan *s, size_t at)
{
    if (s->cr < at)
        s->cr = dot_scan_find(s, '\r', at);
    if (s->lf < at)
        s->lf = dot_scan_find(s, '\n', at);
}

// Eight octets at a time: one by one they would be most of the work on a message.
static inline bool dot_has_high_bit(const char *p, size_t n)
{
    uint64_t seen = 0, word;
    for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
        memcpy(&word, p, sizeof word);
        seen |= word;
    }
    for (; n > 0; p++, n--)
        seen |= (unsigned char)*p;
    return (seen & UINT64_C(0x8080808080808080)) != 0;
}

#endif
