// SPDX-License-Identifier: BSD-2-Clause
// Bodies in memory: how many may be there, and which go first.
#include "pipeline/pipeline_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX = 1000, PATIENCE_MS = 2000 };

static int setup(void **state)
{
    struct pipeline *p = must_zalloc(sizeof *p);
    p->now_ms = 1000000;
    p->body_memory_max = MAX;
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pipeline *p = *state;
    bodies_bury(p);
    bool is_clean = p->body_memory == 0 && p->spare_bodies == NULL;
    free(p);
    return is_clean ? 0 : 1;
}

static struct body *make(struct pipeline *p, size_t size)
{
    struct body *b = body_new(p, must_zalloc(size), size);
    body_spare(p, b);
    return b;
}

static void test_room_at_the_limit(void **state)
{
    struct pipeline *p = *state;
    struct body *b = make(p, MAX - 10);
    assert_true(body_make_room(p, 10));
    assert_false(body_make_room(p, 11));
    p->sending = 1; // what a socket has not taken counts
    assert_false(body_make_room(p, 10));
    assert_true(body_make_room(p, 9));
    body_weigh(p, b, MAX);
    assert_false(body_make_room(p, 1));
    body_unref(p, b);
    assert_false(body_make_room(p, 1)); // its bytes live until the next feed
    bodies_bury(p);
    assert_true(body_make_room(p, MAX - 1));
    p->sending = 0;
}

static void test_the_oldest_goes_first(void **state)
{
    struct pipeline *p = *state;
    struct body *b[3];
    for (int i = 0; i < 3; i++) {
        b[i] = make(p, 300);
        p->now_ms += 100;
    }
    assert_false(body_make_room(p, 300)); // nobody has waited long enough
    p->now_ms += PATIENCE_MS - 300 - 1;
    assert_false(body_make_room(p, 300));
    p->now_ms += 1;
    assert_true(body_make_room(p, 300));
    assert_null(b[0]->data);
    assert_non_null(b[1]->data);
    assert_false(body_use(p, b[0]));
    p->now_ms += PATIENCE_MS;
    assert_true(body_make_room(p, 1)); // not more than is needed
    assert_non_null(b[1]->data);
    assert_true(body_make_room(p, MAX));
    assert_null(b[1]->data);
    assert_null(b[2]->data);
    assert_int_equal(p->body_memory, 0);
    for (int i = 0; i < 3; i++)
        body_unref(p, b[i]);
}

static void test_what_is_used_stays(void **state)
{
    struct pipeline *p = *state;
    struct body *used = make(p, 400);
    struct body *kept = body_new(p, must_zalloc(400), 400); // nobody said that it is spare
    assert_true(body_use(p, used));
    assert_true(body_use(p, used));
    p->now_ms += 10 * PATIENCE_MS;
    assert_false(body_make_room(p, 201));
    body_leave(p, used);
    p->now_ms += PATIENCE_MS;
    assert_false(body_make_room(p, 201));
    body_leave(p, used);
    assert_false(body_make_room(p, 201)); // it has only begun to wait
    p->now_ms += PATIENCE_MS;
    assert_true(body_make_room(p, 201));
    assert_null(used->data);
    assert_non_null(kept->data);
    body_unref(p, used);
    body_unref(p, kept);
}

// When memory is short a conversation still gets a piece, but a small one.
static void test_pieces(void **state)
{
    struct pipeline *p = *state;
    p->body_memory_max = 2 * MESSAGE_CHUNK_MAX;
    assert_int_equal(body_piece_max(p, UINT64_MAX), MESSAGE_CHUNK_MAX);
    p->sending = MESSAGE_CHUNK_MAX;
    assert_int_equal(body_piece_max(p, UINT64_MAX), MESSAGE_CHUNK_MAX);
    p->sending = MESSAGE_CHUNK_MAX + 1;
    assert_int_equal(body_piece_max(p, UINT64_MAX), BUDGET_PIECE_SMALL);
    assert_int_equal(body_piece_max(p, MESSAGE_CHUNK_MAX - 1), MESSAGE_CHUNK_MAX); // it fits
    p->sending = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_room_at_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_used_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
