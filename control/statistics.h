// SPDX-License-Identifier: BSD-2-Clause
// statistics: the text of `stats`: counts by state, then the table that qshape prints. Pure.
#ifndef FP_CONTROL_STATISTICS_H
#define FP_CONTROL_STATISTICS_H

#include "core/buf.h"
#include "core/suspension.h"

#include <stdint.h>

enum { STATISTICS_AGES = 10 };
struct statistics_row {
    const char *domain;
    uint64_t total;
    const uint64_t *by_age;
};
struct statistics_destination {
    const char *name, *state, *why;
    int64_t rest_until_ms;
    uint32_t failures;
    uint64_t running;
};
// Why mail waits that nobody else is to blame for.
struct statistics_blocked {
    const char *kind, *destination, *why; // destination: "" where it is about all
    int64_t since_ms;
};
// Refusals that are held for an operator.
struct statistics_brake {
    const char *host, *text;
    int64_t since_ms;
    uint64_t held;
};
struct statistics {
    int64_t now_ms, started_ms; // started 0: the daemon is not running
    uint64_t messages, bytes, queued, deferred, active, held;
    int64_t oldest_arrival_ms;
    uint64_t spool_bytes, free_bytes;
    uint64_t accepted, delivered, deferrals, bounced; // since the start
    uint64_t body_memory, body_memory_max;            // bytes
    uint64_t on_way, on_way_max; // bytes of mail that the writer has; beyond it clients wait
    uint64_t in_sessions;        // bytes that these hold
    uint64_t sessions, unread_sessions;
    uint64_t writer_ops;      // handed to the writer, not finished
    uint64_t stops, refusals; // since the start: of reading; 452 for lack of room
    const struct statistics_row *rows;
    uint32_t row_count;
    const struct statistics_destination *destinations;
    uint32_t destination_count; // not healthy ones
    const struct statistics_blocked *blocked;
    uint32_t blocked_count;
    const struct statistics_brake *brakes;
    uint32_t brake_count;
    const struct suspension *suspensions;
    uint32_t suspension_count;
};
void statistics_format(const struct statistics *s, struct buf *to);

#endif
