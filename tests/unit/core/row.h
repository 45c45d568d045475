// SPDX-License-Identifier: BSD-2-Clause
// row: comparing within tables, so that a failure names its row and shows both sides.
#ifndef FP_TESTS_UNIT_CORE_ROW_H
#define FP_TESTS_UNIT_CORE_ROW_H

#include "core/buf.h"
#include "core/slice.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static inline void row_print(const char *what, struct slice s)
{
    print_error("    %s \"", what);
    for (size_t i = 0; i < s.n && i < 4096; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '\r' || c == '\n')
            print_error(c == '\r' ? "\\r" : "\\n");
        else
            print_error(c >= 32 && c < 127 ? "%c" : "\\x%02x", c);
    }
    print_error("\"\n");
}

static inline void row_text(const char *name, struct slice got, struct slice want)
{
    if (slice_equal(got, want))
        return;
    print_error("row \"%s\":\n", name);
    row_print("got ", got);
    row_print("want", want);
    fail();
}

static inline void row_buf(const char *name, const struct buf *got, const char *want)
{
    row_text(name, buf_slice(got), slice_str(want));
}

static inline void row_number(const char *name, long long got, long long want)
{
    if (got == want)
        return;
    print_error("row \"%s\": got %lld, want %lld\n", name, got, want);
    fail();
}

#endif
