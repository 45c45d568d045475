// SPDX-License-Identifier: BSD-2-Clause
// The marks of mail that comes in: what follows at a mark, and one octet beyond it.
#include "core/message.h"
#include "pipeline/budget.h"
#include "pipeline/intake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct intake make(void)
{
    struct intake in;
    intake_init(&in, &(struct intake_marks){.stop = 1000, .small = 300, .refuse = 2000});
    return in;
}

static void test_stop(void **state)
{
    (void)state;
    struct intake in = make();
    in.on_way = 1000;
    assert_false(intake_must_stop(&in));
    in.on_way = 1001;
    assert_true(intake_must_stop(&in));
    intake_stop(&in);
    assert_false(intake_must_stop(&in)); // it is
    in.on_way = 501;
    assert_false(intake_may_resume(&in));
    in.on_way = 500;
    assert_true(intake_may_resume(&in));
    in.is_refusing = true;
    intake_resume(&in);
    assert_false(intake_may_resume(&in));
    assert_false(in.is_refusing);
    assert_int_equal(in.stops, 1);
}

static void test_busy(void **state)
{
    (void)state;
    static const struct {
        size_t on_way, held;
        bool is_refusing, want;
    } rows[] = {
        {0, 0, false, false},      {1000, 1000, false, false}, {1001, 1000, false, true},
        {1000, 1001, false, true}, {0, 2000, false, false},    {0, 2001, false, true},
        {2001, 0, false, true},    {0, 0, true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct intake in = make();
        in.on_way = rows[i].on_way;
        in.held = rows[i].held;
        in.is_refusing = rows[i].is_refusing;
        assert_int_equal(intake_is_busy(&in), rows[i].want);
    }
}

static void test_chunks(void **state)
{
    (void)state;
    struct intake in = make();
    in.held = 300;
    assert_int_equal(intake_chunk_max(&in), MESSAGE_CHUNK_MAX);
    in.held = 301;
    assert_int_equal(intake_chunk_max(&in), BUDGET_CHUNK_SMALL);
}

static void test_defaults(void **state)
{
    (void)state;
    struct intake in;
    intake_init(&in, &(struct intake_marks){0});
    assert_int_equal(in.marks.stop, BUDGET_INTAKE_STOP);
    assert_int_equal(in.marks.small, BUDGET_INTAKE_SMALL);
    assert_int_equal(in.marks.refuse, BUDGET_INTAKE_REFUSE);
    // Clients wait before any is refused, and one chunk of everybody's does not stop twenty.
    assert_true(in.marks.stop < in.marks.refuse);
    assert_true(in.marks.stop > (size_t)20 * MESSAGE_CHUNK_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
