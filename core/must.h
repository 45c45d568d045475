// SPDX-License-Identifier: BSD-2-Clause
// must: assertions that are always on, and allocation that never fails.
//
// A broken assumption of our own stops the program: the spool is the state, and a restart recovers
// everything that was promised. For the same reason running out of memory aborts; what a stranger
// can make grow has a maximum elsewhere. Not for bad input: that is data and gets an answer.
#ifndef FP_CORE_MUST_H
#define FP_CORE_MUST_H

#include <stddef.h>

// Aborts, naming the expression and the place on standard error through the C library's own assert.
#define must(expr) ((expr) ? (void)0 : must_fail(#expr, __FILE__, __LINE__, __func__))

// For a place that is never reached, with the words why.
#define must_never(why) must_fail(why, __FILE__, __LINE__, __func__)

_Noreturn void must_fail(const char *expr, const char *file, int line, const char *func);

// As malloc, calloc, realloc, strdup and strndup, but never NULL; free() releases them.
void *must_alloc(size_t size);
void *must_zalloc(size_t size);
void *must_realloc(void *p, size_t size);
char *must_strdup(const char *s);
char *must_memdup(const void *p, size_t n); // n bytes and a terminating NUL

#endif
