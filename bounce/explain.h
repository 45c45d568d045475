// SPDX-License-Identifier: BSD-2-Clause
// explain: the part of a notice for people: what happened, to whom, why, and what to do. Pure.
//
// Plain words, 7 bits, lines of at most 76 columns; what a host said is quoted and said to be its
// words.
#ifndef FP_BOUNCE_EXPLAIN_H
#define FP_BOUNCE_EXPLAIN_H

#include "bounce/sheet.h"
#include "core/notice.h"

// Adds the text; recipients beyond COMPOSE_RCPTS_MAX are counted, not named. `omitted` are those
// that the notice had no room for at all.
void explain_notice(struct sheet *s, const struct notice *n, uint32_t omitted);

// "2026-11-21 23:40:00 +0100": for people who may sit in another time zone. `text` as in
// core/time.h.
void explain_time(int64_t ms, int utc_offset_s, char *text);

#endif
