// SPDX-License-Identifier: BSD-2-Clause
// Tests of deliver/standby: who rests, who is probed, and for how many.
#include "deliver/standby.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct outcome why = {.klass = CLASS_HOST, .status = "4.4.1", .text = "refused"};

static void note(struct standby *s, const char *name, int64_t now_ms)
{
    standby_failed(s, name, &why, now_ms, now_ms + 100);
}

static void story(void **state)
{
    (void)state;
    struct standby *s = standby_new();
    assert_int_equal(standby_turn(s, "a", 0), STANDBY_WELL);
    assert_int_equal(standby_count(s, "a", false, 0), 1);
    note(s, "a", 0);
    assert_int_equal(standby_turn(s, "a", 99), STANDBY_RESTS);
    assert_int_equal(standby_turn(s, "b", 99), STANDBY_WELL);
    assert_int_equal(standby_count(s, "a", false, 99), 0); // began before the rest
    assert_int_equal(standby_turn(s, "a", 100), STANDBY_DUE);
    standby_probe(s, "a");
    assert_int_equal(standby_turn(s, "a", 100), STANDBY_RESTS); // for all others
    assert_int_equal(standby_count(s, "a", false, 100), 0);
    assert_int_equal(standby_count(s, "a", true, 100), 2);
    standby_no_word(s, "a");
    assert_int_equal(standby_turn(s, "a", 100), STANDBY_DUE);
    assert_int_equal(standby_count(s, "a", false, 100), 2); // who came to it in its list's order
    note(s, "a", 150);
    const char *name;
    const struct standby_hop *hop = standby_find(s, "a", &name);
    assert_string_equal(name, "a");
    assert_int_equal(hop->failures, 2);
    assert_int_equal(hop->since_ms, 0);
    assert_int_equal(hop->last_ms, 150);
    assert_int_equal(hop->rest_until_ms, 250);
    assert_string_equal(hop->text, "refused");
    standby_wake(s, "b", 160);
    assert_int_equal(standby_turn(s, "a", 160), STANDBY_RESTS);
    standby_wake(s, "a", 160);
    assert_int_equal(standby_turn(s, "a", 160), STANDBY_DUE);
    assert_true(standby_works(s, "a"));
    assert_false(standby_works(s, "a"));
    assert_null(standby_find(s, "a", NULL));
    standby_free(s);
    standby_free(NULL);
}

static void bounded(void **state)
{
    (void)state;
    struct standby *s = standby_new();
    char name[32];
    uint32_t count = 0;
    const void *at = NULL;
    const char *first;
    for (int i = 0; i <= STANDBY_HOPS_MAX; i++) {
        snprintf(name, sizeof name, "mx of d%d.example", i);
        note(s, name, i);
    }
    while (standby_each(s, &at, &first))
        if (count++ == 0)
            assert_string_equal(first, "mx of d1.example");
    assert_int_equal(count, STANDBY_HOPS_MAX);
    standby_wake(s, NULL, 1);
    assert_int_equal(standby_turn(s, name, 1), STANDBY_DUE);
    standby_free(s);
}

static void choice(void **state)
{
    (void)state;
    struct target t[] = {{.kind = TARGET_MX},
                         {.kind = TARGET_SMTP, .name = (char *)"smtp://a"},
                         {.kind = TARGET_DISCARD}};
    struct buf name;
    assert_false(standby_has_choice(&(struct route_row){.targets = t, .target_count = 1}));
    assert_true(standby_has_choice(&(struct route_row){.targets = t, .target_count = 2}));
    assert_true(standby_has_choice(&(struct route_row){.targets = t, .target_count = 3}));
    assert_false(standby_has_choice(&(struct route_row){.targets = t + 1, .target_count = 2}));
    assert_false(standby_has_choice(&(struct route_row){.targets = t + 2, .target_count = 1}));
    buf_init(&name, 100);
    standby_name(&t[0], "d.example", &name);
    assert_string_equal(name.p, "mx of d.example");
    buf_reset(&name);
    standby_name(&t[1], "d.example", &name);
    assert_string_equal(name.p, "smtp://a");
    buf_close(&name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(story), cmocka_unit_test(bounded),
                                       cmocka_unit_test(choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
