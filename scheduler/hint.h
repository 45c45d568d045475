// SPDX-License-Identifier: BSD-2-Clause
// hint: "try again in 300 seconds": when a reply's text says how long it wants to be left alone.
//
// No RFC gives this a form, so it is looked for as greylisting programs and large providers word
// it. A number counts only when words of waiting stand before it ("try again in", "retry after",
// "come back in", "wait", "greylisted for") and a unit behind it, or when it is a clock
// ("00:05:00"); directly behind "Retry-After:" it needs no unit and counts seconds. Nothing else
// in a reply is taken for a hint: a wrong one would cost more than a missed one.
#ifndef FP_SCHEDULER_HINT_H
#define FP_SCHEDULER_HINT_H

#include "core/slice.h"

#include <stdint.h>

enum { HINT_SECONDS_MAX = 30 * 24 * 3600 }; // a longer one is nonsense and not heard

// The first wait that the text asks for, in milliseconds, at least a second. False: it says
// nothing.
bool hint_find(struct slice text, int64_t *ret_ms);

#endif
