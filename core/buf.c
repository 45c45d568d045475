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

static void cut(struct buf *b, size_t n)
{
    b->n = n;
    if (b->p)
        b->p[n] = '\0';
}

void buf_reset(struct buf *b)
{
    cut(b, 0);
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

enum fp_err buf_add_number(struct buf *b, uint64_t n)
{
    char digits[20]; // UINT64_MAX has so many
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return buf_add(b, digits + at, sizeof digits - at);
}

enum fp_err buf_add_texts(struct buf *b, const char *const *texts)
{
    size_t before = b->n;
    for (; *texts; texts++) {
        enum fp_err err = buf_add_str(b, *texts);
        if (err) {
            cut(b, before);
            return err;
        }
    }
    return FP_OK;
}

// Into the room that is there, which is nearly always enough; else once more into what it takes.
enum fp_err buf_addf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = b->cap - b->n;
    int n = vsnprintf(room > 0 ? b->p + b->n : NULL, room, format, args);
    va_end(args);
    must(n >= 0);
    enum fp_err err = buf_reserve(b, (size_t)n);
    if (err)
        cut(b, b->n);
    else if ((size_t)n >= room)
        vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
    b->n += err ? 0 : (size_t)n;
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
