// SPDX-License-Identifier: BSD-2-Clause
// loop: what the tests of io/ share: a loop that gives up instead of hanging, and that must be
// empty at the end. Nothing asserts inside a callback (cmocka leaves by longjmp).
#ifndef FP_TESTS_UNIT_IO_LOOP_H
#define FP_TESTS_UNIT_IO_LOOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

enum { LOOP_LIMIT_MS = 20 * 1000 };

static uv_loop_t loop;
static uv_timer_t loop_guard;
static bool loop_gave_up;

static void loop_on_guard(uv_timer_t *timer)
{
    loop_gave_up = true;
    uv_stop(timer->loop);
}

static void loop_begin(void)
{
    loop_gave_up = false;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_timer_init(&loop, &loop_guard), 0);
    assert_int_equal(uv_timer_start(&loop_guard, loop_on_guard, LOOP_LIMIT_MS, 0), 0);
    uv_unref((uv_handle_t *)&loop_guard);
}

// Runs until nothing is left to do.
static void loop_run(void)
{
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_false(loop_gave_up);
}

// Every handle that was opened is closed.
static void loop_end(void)
{
    loop_run();
    uv_close((uv_handle_t *)&loop_guard, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

#endif
