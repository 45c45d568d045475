// SPDX-License-Identifier: BSD-2-Clause
// Tests of scheduler/suspensions: what a suspension holds, which one counts, and when it ends.
#include "scheduler/suspensions.h"

#include "core/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void put(struct suspensions *all, enum suspension_kind kind, const char *name,
                int64_t until_ms)
{
    suspensions_put(all, &(struct suspension){.kind = kind,
                                              .name = (char *)(uintptr_t)name,
                                              .until_ms = until_ms,
                                              .reason = "",
                                              .who = "root"});
}

static void test_holding(void **state)
{
    static const struct {
        enum suspension_kind kind;
        const char *name, *destination, *domain, *sender;
        bool holds;
    } rows[] = {
        {SUSPENSION_DESTINATION, "a.example", "a.example", "a.example", "x@s.example", true},
        {SUSPENSION_DESTINATION, "A.example", "a.example", "a.example", "x@s.example", true},
        {SUSPENSION_DESTINATION, "a.example", "smtp://r:25", "a.example", "x@s.example", true},
        {SUSPENSION_DESTINATION, "smtp://r:25", "smtp://r:25", "a.example", "", true},
        {SUSPENSION_DESTINATION, "smtp://r:25", "smtp://r:26", "a.example", "", false},
        {SUSPENSION_DESTINATION, "example", "a.example", "a.example", "", false},
        {SUSPENSION_DESTINATION, "a.example", NULL, "a.example", NULL, true},
        {SUSPENSION_DESTINATION, "s.example", "a.example", "a.example", "x@s.example", false},
        {SUSPENSION_SENDER, "x@s.example", "a.example", "a.example", "X@S.example", true},
        {SUSPENSION_SENDER, "*@s.example", "a.example", "a.example", "x@s.example", true},
        {SUSPENSION_SENDER, "*@s.example", "a.example", "a.example", "x@ss.example", false},
        {SUSPENSION_SENDER, "*@s.example", "a.example", "a.example", "", false},
        {SUSPENSION_SENDER, "", "a.example", "a.example", "", true},
        {SUSPENSION_SENDER, "", "a.example", "a.example", "x@s.example", false},
        {SUSPENSION_SENDER, "*", "a.example", "a.example", "", true},
        {SUSPENSION_EVERYTHING, "", "a.example", "a.example", "x@s.example", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct suspensions all = {0};
        put(&all, rows[i].kind, rows[i].name, TIME_NEVER);
        assert_int_equal(
            suspensions_holding(&all, rows[i].destination, rows[i].domain, rows[i].sender) != NULL,
            rows[i].holds);
        suspensions_close(&all);
    }
}

static void test_replaced_and_removed(void **state)
{
    (void)state;
    struct suspensions all = {0};
    put(&all, SUSPENSION_DESTINATION, "a.example", 1000);
    put(&all, SUSPENSION_SENDER, "a.example", TIME_NEVER);
    put(&all, SUSPENSION_DESTINATION, "A.EXAMPLE", 2000);
    assert_int_equal(all.count, 2);
    assert_true(suspensions_next_end(&all) == 2000);
    assert_null(suspensions_find_over(&all, 1999));
    assert_non_null(suspensions_find_over(&all, 2000));
    assert_true(suspensions_holding(&all, NULL, "a.example", "a.example")->until_ms == TIME_NEVER);
    assert_true(suspensions_remove(&all, SUSPENSION_DESTINATION, "a.example"));
    assert_false(suspensions_remove(&all, SUSPENSION_DESTINATION, "a.example"));
    assert_false(suspensions_has(&all, SUSPENSION_DESTINATION));
    assert_true(suspensions_has(&all, SUSPENSION_SENDER));
    assert_true(suspensions_next_end(&all) == TIME_NEVER);
    suspensions_close(&all);
}

static void test_texts(void **state)
{
    static const struct {
        struct suspension row;
        const char *name, *text;
    } rows[] = {
        {{SUSPENSION_DESTINATION, "a.example", 0, 1767225600000, "it moves", "root", NULL},
         "a.example",
         "suspended until 2026-01-01T00:00:00Z by root: it moves"},
        {{SUSPENSION_SENDER, "", 0, TIME_NEVER, "", "anna", NULL}, "from=<>", "suspended by anna"},
        {{SUSPENSION_EVERYTHING, "", 0, TIME_NEVER, "", "", NULL}, "everything", "suspended"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct suspension copy;
        struct buf name;
        buf_init(&name, 1024);
        suspension_copy(&copy, &rows[i].row);
        suspension_name(&copy, &name);
        assert_string_equal(name.p, rows[i].name);
        assert_string_equal(copy.text, rows[i].text);
        buf_close(&name);
        suspension_close(&copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holding),
        cmocka_unit_test(test_replaced_and_removed),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
