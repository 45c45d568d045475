// SPDX-License-Identifier: BSD-2-Clause
// buf: a growing run of bytes that was born with its maximum.
//
// Whatever a stranger sends ends up in one of these; the maximum is the promise that it cannot grow
// without bound. A call that would exceed it returns FP_TOO_BIG and changes nothing. The bytes are
// always followed by one NUL that does not count, so `p` may be printed when it holds text.
#ifndef FP_CORE_BUF_H
#define FP_CORE_BUF_H

#include "core/err.h"
#include "core/slice.h"

#include <stdint.h>

struct buf {
    char *p;    // NULL until something was added
    size_t n;   // bytes in use
    size_t cap; // bytes allocated
    size_t max; // bytes n may reach
};

void buf_init(struct buf *b, size_t max);
void buf_close(struct buf *b); // frees; the buffer may be used again as if new
void buf_reset(struct buf *b); // empties, keeps the memory

enum fp_err buf_add(struct buf *b, const void *p, size_t n);
enum fp_err buf_add_slice(struct buf *b, struct slice s);
enum fp_err buf_add_str(struct buf *b, const char *s);
enum fp_err buf_add_byte(struct buf *b, char c);
enum fp_err buf_add_number(struct buf *b, uint64_t n); // in decimal digits
enum fp_err buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Adds texts one behind the other, all of them or none. Where every message passes: printf costs
// ten times as much.
#define buf_add_all(b, ...) buf_add_texts(b, (const char *const[]){__VA_ARGS__, NULL})
enum fp_err buf_add_texts(struct buf *b, const char *const *texts); // NULL ends the list

void buf_drop(struct buf *b, size_t n); // removes n bytes at the front; n <= b->n

// Hands the memory over: returns what buf_close would have freed (NULL if empty) and leaves the
// buffer as if new. The caller frees it.
char *buf_steal(struct buf *b, size_t *ret_n);

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->p ? b->p : "", b->n};
}

#endif
