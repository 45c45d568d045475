// SPDX-License-Identifier: BSD-2-Clause
// gone: what became of a message that is not in the queue any more, in sentences. Pure.
#ifndef FP_CONTROL_GONE_H
#define FP_CONTROL_GONE_H

#include "core/buf.h"

#include <stdint.h>

enum gone_how { GONE_DELIVERED, GONE_FAILED, GONE_EXPIRED, GONE_REMOVED, GONE_BOUNCED };
struct gone {
    enum gone_how how;
    int64_t at_ms;
    const char *address, *host, *reply, *reason; // "" where there is none
};

// "delivered", "failed", "expired", "removed", "bounced": as the spool's view `history` says it.
const char *gone_name(enum gone_how how);

// One recipient: "<b@example.com> was delivered to mx[192.0.2.1]:25 on 2026-11-22T01:00+00:00: 250
// ok". No line end.
void gone_sentence(const struct gone *g, int utc_offset_s, struct buf *to);

#endif
