// SPDX-License-Identifier: BSD-2-Clause
// slice: a borrowed run of bytes.
//
// A slice never owns what it points at and need not end in NUL. Who hands one out says how long it
// lives; slices in a machine's effect live until the machine is fed again.
#ifndef FP_CORE_SLICE_H
#define FP_CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *p;
    size_t n;
};

#define SLICE_LIT(lit) ((struct slice){(lit), sizeof(lit) - 1})

static inline struct slice slice_of(const char *p, size_t n)
{
    return (struct slice){p, n};
}

static inline struct slice slice_str(const char *s)
{
    return (struct slice){s, s ? strlen(s) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

// ASCII case only, in the "C" locale.
static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_starts_nocase(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || strncasecmp(s.p, prefix.p, prefix.n) == 0);
}

static inline struct slice slice_from(struct slice s, size_t from)
{
    return from >= s.n ? (struct slice){s.p + s.n, 0} : (struct slice){s.p + from, s.n - from};
}

static inline struct slice slice_trim(struct slice s) // blanks, tabs, CR and LF at both ends
{
    while (s.n > 0 && memchr(" \t\r\n", s.p[0], 4))
        s.p++, s.n--;
    while (s.n > 0 && memchr(" \t\r\n", s.p[s.n - 1], 4))
        s.n--;
    return s;
}

#endif
