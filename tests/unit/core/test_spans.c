// SPDX-License-Identifier: BSD-2-Clause
// Stretches of time that are put together.
#include "core/spans.h"

#include "row.h"

static void assert_spans(const char *name, const struct spans *s, const int64_t *want, size_t count)
{
    row_number(name, s->count, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        row_number(name, s->items[i].first_ms, want[2 * i]);
        row_number(name, s->items[i].last_ms, want[2 * i + 1]);
    }
}

static void test_what_meets_is_one(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct span add; // to 10-20, 40-50, 70-80
        size_t count;
        int64_t want[8];
    } rows[] = {
        {"nothing", {5, 4}, 3, {10, 20, 40, 50, 70, 80}},
        {"before", {1, 8}, 4, {1, 8, 10, 20, 40, 50, 70, 80}},
        {"side by side, before", {1, 9}, 3, {1, 20, 40, 50, 70, 80}},
        {"overlaps the beginning", {5, 10}, 3, {5, 20, 40, 50, 70, 80}},
        {"within", {12, 13}, 3, {10, 20, 40, 50, 70, 80}},
        {"side by side, behind", {21, 21}, 3, {10, 21, 40, 50, 70, 80}},
        {"between", {22, 38}, 4, {10, 20, 22, 38, 40, 50, 70, 80}},
        {"joins two", {21, 39}, 2, {10, 50, 70, 80}},
        {"joins three", {15, 75}, 1, {10, 80}},
        {"covers one", {39, 51}, 3, {10, 20, 39, 51, 70, 80}},
        {"covers all", {INT64_MIN, INT64_MAX}, 1, {INT64_MIN, INT64_MAX}},
        {"from the beginning of time", {INT64_MIN, 45}, 2, {INT64_MIN, 50, 70, 80}},
        {"to its end", {81, INT64_MAX}, 3, {10, 20, 40, 50, 70, INT64_MAX}},
        {"behind", {90, 91}, 4, {10, 20, 40, 50, 70, 80, 90, 91}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct spans s = {.count = 0};
        spans_add(&s, 40, 50);
        spans_add(&s, 70, 80);
        spans_add(&s, 10, 20);
        spans_add(&s, rows[i].add.first_ms, rows[i].add.last_ms);
        assert_spans(rows[i].name, &s, rows[i].want, rows[i].count);
    }
}

static void test_cut(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t last;
        size_t count;
        int64_t want[4];
    } rows[] = {
        {"before all", 9, 0, {0}},
        {"at a beginning", 10, 1, {10, 10}},
        {"within", 45, 2, {10, 20, 40, 45}},
        {"between", 30, 1, {10, 20}},
        {"behind all", 50, 2, {10, 20, 40, 50}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct spans s = {.count = 0};
        spans_add(&s, 10, 20);
        spans_add(&s, 40, 50);
        spans_cut(&s, rows[i].last);
        assert_spans(rows[i].name, &s, rows[i].want, rows[i].count);
    }
}

// Too many: the nearest become one, and nothing that was put in is ever outside.
static void test_too_many(void **state)
{
    (void)state;
    struct spans s = {.count = 0};
    for (int i = 0; i < SPANS_MAX; i++)
        spans_add(&s, 1000 * i, 1000 * i + (i == 7 ? 900 : 0));
    assert_int_equal(s.count, SPANS_MAX);
    spans_add(&s, INT64_MIN, INT64_MIN);
    assert_int_equal(s.count, SPANS_MAX);
    assert_true(s.items[0].first_ms == INT64_MIN && s.items[0].last_ms == INT64_MIN);
    assert_int_equal(s.items[8].first_ms, 7000);
    assert_int_equal(s.items[8].last_ms, 8000);
    uint64_t random = 1;
    for (int i = 0; i < 2000; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        int64_t at = (int64_t)(random >> 33);
        spans_add(&s, at, at);
        assert_true(s.count <= SPANS_MAX);
        bool is_in = false;
        for (uint32_t k = 0; k < s.count; k++) {
            is_in = is_in || (s.items[k].first_ms <= at && at <= s.items[k].last_ms);
            assert_true(k == 0 || s.items[k - 1].last_ms < s.items[k].first_ms);
        }
        assert_true(is_in);
    }
}

static void test_all_of_another(void **state)
{
    (void)state;
    struct spans s = {.count = 0}, other = {.count = 0};
    spans_add(&s, 10, 20);
    spans_add(&other, 1, 2);
    spans_add(&other, 15, 30);
    spans_add_all(&s, &other);
    assert_spans("both", &s, (const int64_t[]){1, 2, 10, 30}, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_meets_is_one),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_all_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
