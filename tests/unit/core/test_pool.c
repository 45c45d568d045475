// SPDX-License-Identifier: BSD-2-Clause
// Tests of core/pool: texts stay what and where they are, whatever comes behind them.
#include "core/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXTS = 2000, LONGEST = 100 * 1000 };

// Of every length: none, some octets, just what a block has left, more than a block.
static size_t size_of_text(size_t i)
{
    if (i % 500 == 499)
        return LONGEST - i;
    return i % 7 == 0 ? 0 : i * 37 % 9000;
}

static void texts_stay(void **state)
{
    (void)state;
    struct pool p = POOL_EMPTY;
    char *texts[TEXTS], *bytes = malloc(LONGEST);
    for (size_t i = 0; i < TEXTS; i++) {
        memset(bytes, (int)('a' + i % 26), LONGEST);
        texts[i] = pool_add(&p, bytes, size_of_text(i));
    }
    for (size_t i = 0; i < TEXTS; i++) {
        size_t n = size_of_text(i);
        assert_int_equal(strlen(texts[i]), n);
        assert_true(n == 0 ||
                    (texts[i][0] == (char)('a' + i % 26) && texts[i][n - 1] == texts[i][0]));
    }
    pool_close(&p);
    free(bytes);
}

static void a_long_text_comes_first(void **state)
{
    (void)state;
    struct pool p = POOL_EMPTY;
    char *bytes = calloc(1, LONGEST);
    memset(bytes, 'x', LONGEST);
    const char *first = pool_add(&p, bytes, LONGEST);
    const char *second = pool_add(&p, "y", 1);
    assert_memory_equal(first, bytes, LONGEST);
    assert_int_equal(first[LONGEST], '\0');
    assert_string_equal(second, "y");
    pool_close(&p);
    free(bytes);
}

static void an_empty_one_is_closed(void **state)
{
    (void)state;
    struct pool p = POOL_EMPTY;
    pool_close(&p);
    assert_string_equal(pool_add(&p, NULL, 0), "");
    pool_close(&p);
    pool_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_stay),
        cmocka_unit_test(a_long_text_comes_first),
        cmocka_unit_test(an_empty_one_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
