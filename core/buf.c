// SPDX-License-Identifier: BSD-2-Clause
// buf: a growing run of bytes that was born with its maximum. See buf.h.
#include "core/buf.h"

#include "core/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST_CAP = 64 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_close(struct buf *b)
{
    if (!b)
        return;
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    if (b->p)
        b->p[0] = '\0';
}

static enum fp_err buf_reserve(struct buf *b, size_t more)
{
    if (more > b->max - b->n)
        return FP_TOO_BIG;
    if (b->n + more + 1 <= b->cap)
        return FP_OK;
    size_t cap = b->cap ? b->cap : BUF_FIRST_CAP;
    while (cap < b->n + more + 1)
        cap *= 2;
    b->p = must_realloc(b->p, cap);
    b->cap = cap;
    return FP_OK;
}

enum fp_err buf_add(struct buf *b, const void *p, size_t n)
{
    enum fp_err err = buf_reserve(b, n);
    if (err)
        return err;
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return FP_OK;
}

enum fp_err buf_add_slice(struct buf *b, struct slice s)
{
    return buf_add(b, s.p, s.n);
}

enum fp_err buf_add_str(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

enum fp_err buf_add_byte(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

enum fp_err buf_addf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(n >= 0);
    enum fp_err err = buf_reserve(b, (size_t)n);
    if (!err) {
        vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
    return err;
}

void buf_drop(struct buf *b, size_t n)
{
    must(n <= b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
    b->p[b->n] = '\0';
}

char *buf_steal(struct buf *b, size_t *ret_n)
{
    char *p = b->p;
    if (ret_n)
        *ret_n = b->n;
    *b = (struct buf){.max = b->max};
    return p;
}
