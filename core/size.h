// SPDX-License-Identifier: BSD-2-Clause
// size: byte counts as configuration and filters write them: "512" "64K" "10M" "1G" (powers of
// 1024).
#ifndef FP_CORE_SIZE_H
#define FP_CORE_SIZE_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdint.h>

// K, M, G, T in either case; nothing behind them. FP_INVALID, or FP_TOO_BIG beyond INT64_MAX.
enum fp_err size_parse(struct slice text, int64_t *ret_bytes);
void size_format(int64_t bytes, struct buf *to); // "1536", "64K": the largest unit that is exact

#endif
