// SPDX-License-Identifier: BSD-2-Clause
// sender_pattern: which senders a row of the configuration is for (`from`). Pure.
//
// A pattern is "user@example.com", "example.com", ".example.com" (everything below it), "<>" (the
// null sender: notices) or "*". Letters' case does not count.
#ifndef FP_CORE_SENDER_PATTERN_H
#define FP_CORE_SENDER_PATTERN_H

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

// How exact it is: more is more exact; 0, and with NULL, when it fits anybody.
uint32_t sender_pattern_rank(const char *from);
// sender: "" is the null sender.
bool sender_pattern_fits(const char *from, struct slice sender);

#endif
