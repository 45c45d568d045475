// SPDX-License-Identifier: BSD-2-Clause
// golden: whole outputs compared byte for byte with files in tests/golden.
//
// UPDATE_GOLDEN=1 in the environment writes the files anew instead; read the difference before it
// is committed. Included after cmocka.h.
#ifndef FP_TESTS_UNIT_GOLDEN_H
#define FP_TESTS_UNIT_GOLDEN_H

#include "core/buf.h"

#include <stdio.h>
#include <stdlib.h>

enum { GOLDEN_SIZE_MAX = 8 * 1024 * 1024, GOLDEN_PATH_MAX = 4096 };

static inline void golden_read(const char *path, struct buf *to)
{
    char piece[4096];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s cannot be read; UPDATE_GOLDEN=1 makes it", path);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        assert_int_equal(buf_add(to, piece, n), FP_OK);
    fclose(f);
}

static inline void golden_write(const char *path, struct slice got)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(got.p, 1, got.n, f), got.n);
    assert_int_equal(fclose(f), 0);
}

// Where got and want part, in words that lead to the line.
static inline void golden_fail(const char *path, struct slice got, struct slice want)
{
    size_t at = 0, line = 1, start = 0;
    while (at < got.n && at < want.n && got.p[at] == want.p[at]) {
        if (got.p[at++] == '\n') {
            line++;
            start = at;
        }
    }
    size_t got_n = strcspn(got.p + start, "\r\n"), want_n = strcspn(want.p + start, "\r\n");
    fail_msg("%s:%zu: got \"%.*s\", want \"%.*s\"", path, line, (int)got_n, got.p + start,
             (int)want_n, want.p + start);
}

static inline void golden_check(const char *name, struct slice got)
{
    char path[GOLDEN_PATH_MAX];
    struct buf want;
    snprintf(path, sizeof path, "%s/golden/%s", FP_TESTS_DIR, name);
    if (getenv("UPDATE_GOLDEN")) {
        golden_write(path, got);
        return;
    }
    buf_init(&want, GOLDEN_SIZE_MAX);
    golden_read(path, &want);
    if (!slice_equal(got, buf_slice(&want)))
        golden_fail(path, got, buf_slice(&want));
    buf_close(&want);
}

#endif
