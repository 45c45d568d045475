// SPDX-License-Identifier: BSD-2-Clause
// time: how moments and lengths of time are written. Moments are int64_t milliseconds since the
// epoch, lengths int64_t milliseconds; `now` always comes in as a value.
#ifndef FP_CORE_TIME_H
#define FP_CORE_TIME_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdint.h>

#define TIME_SECOND_MS ((int64_t)1000)
#define TIME_MINUTE_MS (60 * TIME_SECOND_MS)
#define TIME_HOUR_MS   (60 * TIME_MINUTE_MS)
#define TIME_DAY_MS    (24 * TIME_HOUR_MS)
#define TIME_NEVER     INT64_MAX // a deadline that does not exist

#define TIME_DURATION_MAX_MS (36525 * TIME_DAY_MS) // 100 years

// A duration as configuration and filters write it: "90s" "30m" "4h" "5d" "1w" "500ms", or several
// parts from large to small: "1h30m". "0" alone is zero. FP_INVALID for anything else, FP_TOO_BIG
// beyond 100 years.
enum fp_err time_parse_duration(struct slice text, int64_t *ret_ms);
// The exact form in days and smaller that time_parse_duration reads back: "7d", "4h", "1h30m",
// "0s".
void time_format_duration(int64_t ms, struct buf *to);
// For people: the two largest units, rounded down: "3h12m", "45s", "2d4h"; what is
// negative is "0s".
void time_format_rough(int64_t ms, struct buf *to);

enum { TIME_TEXT_SIZE = 40 };
// "Sat, 21 Nov 2026 23:40:00 +0100" (RFC 5322 3.3)
void time_format_rfc5322(int64_t ms, int utc_offset_s, char text[TIME_TEXT_SIZE]);
// "2026-11-21T22:40:00Z", milliseconds dropped
void time_format_iso(int64_t ms, char text[TIME_TEXT_SIZE]);
// "Sat Nov 21 23:40:00" in local time: the first 19 characters of asctime, day padded with a blank
void time_format_asctime(int64_t ms, int utc_offset_s, char text[TIME_TEXT_SIZE]);

// A clock that is never set back: it follows the wall clock forward. While that is behind, it goes
// on with the monotonic one, an eighth slower, so that an hour is caught up in eight and waits grow
// no more than by their jitter. Zero it before the first call.
struct time_steady {
    int64_t now_ms, monotonic_ms;
    int64_t eighths; // of milliseconds that it is still to lose
};
int64_t time_steady_now(struct time_steady *t, int64_t wall_ms, int64_t monotonic_ms);

#endif
