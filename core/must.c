// SPDX-License-Identifier: BSD-2-Clause
// must: assertions that are always on, and allocation that never fails. See must.h.
#include "core/must.h"

#undef NDEBUG // <assert.h> declares its reporter only without it
#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void must_fail(const char *expr, const char *file, int line, const char *func)
{
    // The C library's reporter is used directly, so that NDEBUG cannot switch it off.
    __assert_fail(expr, file, (unsigned)line, func);
}

void *must_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    must(p != NULL);
    return p;
}

void *must_zalloc(size_t size)
{
    // Not calloc, which passes by the C library's free lists of the thread. What is so large that
    // its pages would come from the kernel, zeroed already, is not asked for by anybody here.
    return memset(must_alloc(size), 0, size);
}

void *must_realloc(void *p, size_t size)
{
    void *q = realloc(p, size ? size : 1);
    must(q != NULL);
    return q;
}

char *must_memdup(const void *p, size_t n)
{
    char *s = must_alloc(n + 1);
    if (n > 0)
        memcpy(s, p, n);
    s[n] = '\0';
    return s;
}

char *must_strdup(const char *s)
{
    return must_memdup(s, strlen(s));
}
