// SPDX-License-Identifier: BSD-2-Clause
// spans: a small set of stretches of time, in order.
//
// What overlaps, or lies side by side, is one stretch. When there are too many, the two with the
// least between them become one: the set may be wider than what was put in, never narrower.
#ifndef FP_CORE_SPANS_H
#define FP_CORE_SPANS_H

#include <stdint.h>

enum { SPANS_MAX = 64 };

struct span {
    int64_t first_ms, last_ms; // both are in it
};

struct spans {
    struct span items[SPANS_MAX + 1]; // ascending; one more while it is being put in
    uint32_t count;
};

void spans_add(struct spans *s, int64_t first_ms, int64_t last_ms); // nothing, when last < first
void spans_add_all(struct spans *s, const struct spans *other);
void spans_cut(struct spans *s, int64_t last_ms); // takes out what lies behind that

#endif
