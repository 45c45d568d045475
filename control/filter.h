// SPDX-License-Identifier: BSD-2-Clause
// filter: reads the operator's filter language. Pure.
//
// Words: a queue id, or KEY RELATION VALUE without blanks:
//   from=PATTERN to=PATTERN domain=PATTERN state=queued|deferred|active|held
//   age>4h size>1M attempts>=3 error~TEXT next<10m
//
// The relations are = < <= > >= ~, as fits the key. Keys and states are read in any case.
// from=<> (and from=) is the null sender.
#ifndef FP_CONTROL_FILTER_H
#define FP_CONTROL_FILTER_H

#include "core/buf.h"
#include "core/filter.h"

// why gets one sentence: what is wrong with which word and what would be right. FP_INVALID,
// FP_TOO_BIG.
enum fp_err filter_parse(const char *const *words, size_t count, struct filter *ret,
                         struct buf *why);

#endif
