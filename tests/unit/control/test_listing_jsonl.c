// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/listing_jsonl and statistics_json: whole listings against tests/golden, and that
// each line is JSON that another reader takes, whatever the peers said.
#include "control/listing.h"
#include "control/statistics_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/control/queue.h"
#include "tests/unit/golden.h"

enum { TEXT_MAX = 64 * 1024 };

static void list(enum listing_format format, size_t rows, struct buf *to)
{
    struct listing l;
    buf_init(to, TEXT_MAX);
    listing_init(&l, format, NOW, QUEUE_OFFSET_S);
    listing_begin(&l, to);
    for (size_t i = 0; i < rows; i++)
        listing_row(&l, &queue_rows[i], to);
    listing_end(&l, to);
}

static void lines(void **state)
{
    (void)state;
    struct buf got;
    list(LISTING_JSONL, QUEUE_ROWS, &got);
    golden_check("listing-jsonl.txt", buf_slice(&got));
    buf_close(&got);
    list(LISTING_JSONL, 0, &got);
    assert_int_equal(got.n, 0); // as `postqueue -j` prints an empty queue
    buf_close(&got);
}

static void array(void **state)
{
    (void)state;
    for (size_t rows = 0; rows <= QUEUE_ROWS; rows++) {
        struct buf got;
        list(LISTING_JSON, rows, &got);
        json_t *a = json_loadb(got.p, got.n, JSON_REJECT_DUPLICATES, NULL);
        assert_true(json_is_array(a));
        assert_int_equal(json_array_size(a), rows);
        json_decref(a);
        if (rows == 2)
            golden_check("listing-json.json", buf_slice(&got));
        buf_close(&got);
    }
}

static void strangers_cannot_break_out(void **state)
{
    (void)state;
    struct buf got;
    list(LISTING_JSONL, QUEUE_ROWS, &got);
    for (size_t i = 0; i < got.n; i++)
        assert_true((unsigned char)got.p[i] >= ' ' || got.p[i] == '\n');
    size_t count = 0;
    for (const char *line = got.p; *line; line = strchr(line, '\n') + 1, count++) {
        json_t *o = json_loadb(line, strcspn(line, "\n"), JSON_REJECT_DUPLICATES, NULL);
        assert_true(json_is_object(o));
        assert_int_equal(json_object_size(o), 13);
        json_decref(o);
    }
    assert_int_equal(count, QUEUE_ROWS);
    buf_close(&got);
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    (void)state;
    struct listing l;
    struct buf to;
    listing_init(&l, LISTING_JSONL, NOW, 0);
    for (size_t row = 0; row < QUEUE_ROWS; row++)
        for (size_t max = 4; max < 300; max++) {
            buf_init(&to, max);
            buf_add_str(&to, "here");
            listing_row(&l, &queue_rows[row], &to);
            assert_string_equal(to.p, "here");
            buf_close(&to);
        }
}

static void statistics_in_json(void **state)
{
    (void)state;
    static const uint64_t ages[STATISTICS_AGES] = {1, 0, 2};
    const struct statistics_row rows[] = {{"dest.example", 3, ages}};
    const struct statistics_destination resting[] = {
        {"dest.example", "resting", "refused\x1b", NOW + MINUTE, 4, 1}};
    struct statistics s = {.now_ms = NOW,
                           .started_ms = NOW - 60 * MINUTE,
                           .messages = 3,
                           .bytes = 4096,
                           .queued = 1,
                           .deferred = 2,
                           .body_memory = 5000,
                           .body_memory_max = 12582912,
                           .on_way = 4000,
                           .on_way_max = 8388608,
                           .in_sessions = 3000,
                           .sessions = 20,
                           .unread_sessions = 10,
                           .writer_ops = 5,
                           .stops = 2,
                           .refusals = 1,
                           .rows = rows,
                           .row_count = 1,
                           .destinations = resting,
                           .destination_count = 1};
    struct buf got;
    buf_init(&got, TEXT_MAX);
    statistics_json(&s, &got);
    golden_check("statistics.json", buf_slice(&got));
    buf_close(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(array),
        cmocka_unit_test(strangers_cannot_break_out),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
        cmocka_unit_test(statistics_in_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
