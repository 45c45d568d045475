// SPDX-License-Identifier: BSD-2-Clause
// accept, append, discard, read, chunk; ids and their high-water mark.
#include "spool.h"

static void test_accept_is_read_back(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    struct entry *e = entry_of(id, NOW, "a@x.example", "b@y.example C@z.example", 5000);
    e->message.kind = MESSAGE_NOTICE;
    e->message.is_8bit = true;
    e->message.traits = MESSAGE_UTF8 | MESSAGE_UTF8_HEADER;
    e->message.deliver_by_ms = 123456;
    e->message.uid = 1000;
    e->message.ret = DSN_RET_HDRS;
    e->message.envid = must_strdup("QQ+31");
    e->rcpts[1].notify = DSN_SUCCESS | DSN_DELAY;
    e->rcpts[1].orcpt = must_strdup("rfc822;x@y");
    e->rcpts[1].state = RECIPIENT_HELD;
    e->rcpts[1].next_attempt_ms = NOW + 7;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);

    struct op *op = spool_get(p, id);
    const struct op_row *row = op->read.row;
    assert_int_equal(row->message.id, id);
    assert_int_equal(row->message.version, 1);
    assert_int_equal(row->message.kind, MESSAGE_NOTICE);
    assert_true(row->message.is_8bit);
    assert_int_equal(row->message.traits, MESSAGE_UTF8 | MESSAGE_UTF8_HEADER);
    assert_int_equal(row->message.deliver_by_ms, 123456);
    assert_int_equal(row->message.uid, 1000);
    assert_int_equal(row->message.ret, DSN_RET_HDRS);
    assert_string_equal(row->message.envid, "QQ+31");
    assert_int_equal(row->rcpts[0].notify, 0);
    assert_null(row->rcpts[0].orcpt);
    assert_int_equal(row->rcpts[1].notify, DSN_SUCCESS | DSN_DELAY);
    assert_string_equal(row->rcpts[1].orcpt, "rfc822;x@y");
    assert_int_equal(row->message.size, 5000);
    assert_int_equal(row->message.arrival_ms, NOW);
    assert_string_equal(row->message.sender, "a@x.example");
    assert_int_equal(row->rcpt_count, 2);
    assert_int_equal(row->rcpts[0].message, id);
    assert_int_equal(row->rcpts[1].n, 1);
    assert_string_equal(row->rcpts[1].address, "C@z.example");
    assert_string_equal(row->rcpts[1].domain, "z.example");
    assert_int_equal(row->rcpts[1].state, RECIPIENT_HELD);
    assert_int_equal(row->rcpts[1].next_attempt_ms, NOW + 7);
    assert_int_equal(row->rcpts[1].attempts, 0);
    assert_string_equal(row->rcpts[1].last_reply, "");
    assert_int_equal(op->read.chunk_count, 1);
    op_free(op);
}

// A fresh message goes to delivery from memory, not from the spool: its first outcomes must not
// look as if somebody had changed it meanwhile.
static void test_accepted_entry_knows_its_version(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    struct op *accept = accept_op(entry_of(id, NOW, "a@x.example", "b@y.example", 10));
    assert_int_equal(spool_write(p, accept), FP_OK);
    struct op *op = spool_get(p, id);
    assert_int_equal(accept->accept.entry->message.version, op->read.row->message.version);
    op_free(op);
    op_free(accept);
}

static struct op *append_op(uint64_t id, uint32_t chunk, char fill)
{
    struct op *op = op_new(OP_APPEND);
    op->append.message = id;
    op->append.chunk = chunk;
    op->append.size = MESSAGE_CHUNK_MAX;
    op->append.data = must_alloc(MESSAGE_CHUNK_MAX);
    memset(op->append.data, fill, MESSAGE_CHUNK_MAX);
    return op;
}

static enum fp_err read_chunk(struct spool *p, uint64_t id, uint32_t chunk, size_t *ret_size,
                              char *ret_first)
{
    struct op *op = op_new(OP_CHUNK);
    op->chunk.message = id;
    op->chunk.chunk = chunk;
    enum fp_err err = spool_read(p, op);
    if (!err) {
        *ret_size = op->chunk.size;
        *ret_first = op->chunk.data[0];
    }
    op_free(op);
    return err;
}

static void test_long_body_comes_in_chunks(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    assert_int_equal(spool_write_free(p, append_op(id, 0, 'a')), FP_OK);
    assert_int_equal(spool_write_free(p, append_op(id, 1, 'b')), FP_OK);
    assert_false(spool_has(p, id)); // not before it is sealed
    struct entry *e = entry_of(id, NOW, "", "b@y.example", 3);
    e->chunks_before = 2;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM incoming"), 0);

    struct op *op = spool_get(p, id);
    assert_int_equal(op->read.chunk_count, 3);
    op_free(op);
    static const struct {
        size_t size;
        char first;
    } want[] = {{MESSAGE_CHUNK_MAX, 'a'}, {MESSAGE_CHUNK_MAX, 'b'}, {3, 'x'}};
    for (uint32_t i = 0; i < 3; i++) {
        size_t size;
        char first;
        assert_int_equal(read_chunk(p, id, i, &size, &first), FP_OK);
        assert_int_equal(size, want[i].size);
        assert_int_equal(first, want[i].first);
    }
    size_t size;
    char first;
    assert_int_equal(read_chunk(p, id, 3, &size, &first), FP_NOT_FOUND);
    // The next id's first chunk is the neighbour of this one's last possible.
    assert_int_equal(read_chunk(p, id, MESSAGE_CHUNKS_MAX, &size, &first), FP_NOT_FOUND);
}

// Somebody who is short of memory reads it in parts.
static void test_chunk_is_read_in_parts(void **state)
{
    static const struct {
        uint32_t offset, size_max;
        size_t want;
        bool is_end;
    } rows[] = {
        {0, 0, 10, true},  {0, 9, 9, false}, {0, 10, 10, true},
        {0, 11, 10, true}, {9, 9, 1, true},  {4, 5, 5, false},
        {4, 6, 6, true},   {10, 5, 0, true}, {UINT32_MAX, 5, 0, true},
    };
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    struct entry *e = entry_of(id, NOW, "", "b@y.example", 10);
    memcpy(e->tail, "0123456789", 10);
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct op *op = op_new(OP_CHUNK);
        op->chunk.message = id;
        op->chunk.offset = rows[i].offset;
        op->chunk.size_max = rows[i].size_max;
        assert_int_equal(spool_read(p, op), FP_OK);
        assert_int_equal(op->chunk.size, rows[i].want);
        assert_int_equal(op->chunk.is_end, rows[i].is_end);
        if (rows[i].want > 0)
            assert_memory_equal(op->chunk.data, "0123456789" + rows[i].offset, rows[i].want);
        op_free(op);
    }
}

static void test_missing_chunk_is_refused(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    assert_int_equal(spool_write_free(p, append_op(id, 0, 'a')), FP_OK);
    struct entry *e = entry_of(id, NOW, "", "b@y.example", 3);
    e->chunks_before = 2;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_INVALID);
    assert_false(spool_has(p, id));
}

static void test_chunk_number_has_a_maximum(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    assert_int_equal(spool_write_free(p, append_op(id, MESSAGE_CHUNKS_MAX - 1, 'z')), FP_OK);
    assert_int_equal(spool_write_free(p, append_op(id, MESSAGE_CHUNKS_MAX, 'z')), FP_TOO_BIG);
}

static struct op *discard_op(uint64_t id)
{
    struct op *op = op_new(OP_DISCARD);
    op->discard.message = id;
    return op;
}

static void test_discard(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW), sealed = spool_accept(p, "", "b@y.example");
    assert_int_equal(spool_write_free(p, append_op(id, 0, 'a')), FP_OK);
    assert_int_equal(spool_write_free(p, discard_op(id)), FP_OK);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM incoming"), 0);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM chunk"), 1);
    assert_int_equal(spool_write_free(p, discard_op(id)), FP_NOT_FOUND);
    assert_int_equal(spool_write_free(p, discard_op(sealed)), FP_NOT_FOUND);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM chunk"), 1);
}

static void test_unsealed_bodies_go_at_start(void **state)
{
    struct spool *p = *state;
    uint64_t kept = spool_accept(p, "", "b@y.example");
    for (int i = 0; i < 3; i++) {
        uint64_t id = ids_next(&p->ids, NOW);
        assert_int_equal(spool_write_free(p, append_op(id, 0, 'a')), FP_OK);
        assert_int_equal(spool_write_free(p, append_op(id, 1, 'a')), FP_OK);
    }
    spool_reopen(p);
    assert_int_equal(store_discarded_count(p->store), 3);
    assert_int_equal(spool_number(p, "SELECT count(*) FROM chunk"), 1);
    assert_true(spool_has(p, kept));
    spool_reopen(p);
    assert_int_equal(store_discarded_count(p->store), 0);
}

// An id must not come back, whatever was deleted and wherever the clock went.
static void test_high_water_mark_outlives_everything(void **state)
{
    struct spool *p = *state;
    assert_int_equal(store_id_high_water(p->store), 0);
    uint64_t id = spool_accept(p, "", "b@y.example");
    uint64_t mark = store_id_high_water(p->store);
    assert_true(mark > id);
    assert_int_equal(spool_settle(p, id, 1, 1, SETTLE_DELIVERED), FP_OK);
    spool_reopen(p);
    assert_int_equal(store_id_high_water(p->store), mark);
    uint64_t again = spool_accept_at(p, NOW - TIME_DAY_MS, "", "b@y.example");
    assert_true(again > id);
    assert_true(store_id_high_water(p->store) > again);
}

static void test_high_water_mark_of_a_rolled_back_batch(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    struct op *op = accept_op(entry_of(id, NOW, "", "b@y.example", 10));
    assert_int_equal(store_begin(p->store), FP_OK);
    store_run(p->store, op);
    store_rollback(p->store);
    assert_int_equal(store_id_high_water(p->store), 0);
    assert_int_equal(spool_write(p, op), FP_OK); // and it is raised when it is run again
    op_free(op);
    assert_true(spool_number(p, "SELECT value FROM meta WHERE key = 'id_high_water'") >
                (int64_t)id);
}

static void test_append_raises_the_mark_too(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    assert_int_equal(spool_write_free(p, append_op(id, 0, 'a')), FP_OK);
    assert_true(store_id_high_water(p->store) > id);
}

// Ids that nothing is stored under: the mark is put where it is asked for, and can come back.
static void test_reserved_ids(void **state)
{
    struct spool *p = *state;
    static const uint64_t marks[] = {5000, 90000, 7000};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        struct op *op = op_new(OP_RESERVE);
        op->reserve.id_mark = marks[i];
        assert_int_equal(spool_write_free(p, op), FP_OK);
        spool_reopen(p);
        assert_int_equal(store_id_high_water(p->store), marks[i]);
    }
    uint64_t id = spool_accept(p, "", "b@y.example"); // far beyond it
    assert_true(store_id_high_water(p->store) > id);
}

// What is left of a message that others have already keeps its recipients' numbers.
static void test_recipients_keep_their_numbers(void **state)
{
    struct spool *p = *state;
    uint64_t id = ids_next(&p->ids, NOW);
    struct entry *e = entry_of(id, NOW, "a@x.example", "b@y.example c@y.example", 10);
    e->rcpts[0].n = 3;
    e->rcpts[1].n = 7;
    assert_int_equal(spool_write_free(p, accept_op(e)), FP_OK);
    struct op *op = op_new(OP_READ);
    op->read.message = id;
    assert_int_equal(spool_read(p, op), FP_OK);
    assert_int_equal(op->read.row->rcpt_count, 2);
    assert_int_equal(op->read.row->rcpts[0].n, 3);
    assert_string_equal(op->read.row->rcpts[0].address, "b@y.example");
    assert_int_equal(op->read.row->rcpts[1].n, 7);
    op_free(op);
}

static void test_ids(void **state)
{
    (void)state;
    struct ids ids;
    ids_init(&ids, 100);
    assert_int_equal(ids_next(&ids, 0), 101); // clock before the mark
    assert_int_equal(ids_next(&ids, -5), 102);
    assert_int_equal(ids_next(&ids, 16), 1000); // 16 ms are 1000 ticks of 16 us
    assert_int_equal(ids_next(&ids, 16), 1001);
    assert_int_equal(ids_next(&ids, 15), 1002);
    assert_int_equal(ids_at(16), 1000);
    assert_int_equal(ids_at(-1), 0);
    assert_int_equal(ids_time(ids_at(NOW)), NOW);
    assert_int_equal(ids_at(INT64_MAX), ((uint64_t)1 << 48) - 1);
    assert_true(ids_at(4481000000000) < ((uint64_t)1 << 48)); // the year 2111
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, spool_setup, spool_teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(test_accept_is_read_back),
        SPOOL_TEST(test_accepted_entry_knows_its_version),
        SPOOL_TEST(test_long_body_comes_in_chunks),
        SPOOL_TEST(test_chunk_is_read_in_parts),
        SPOOL_TEST(test_missing_chunk_is_refused),
        SPOOL_TEST(test_chunk_number_has_a_maximum),
        SPOOL_TEST(test_discard),
        SPOOL_TEST(test_unsealed_bodies_go_at_start),
        SPOOL_TEST(test_high_water_mark_outlives_everything),
        SPOOL_TEST(test_high_water_mark_of_a_rolled_back_batch),
        SPOOL_TEST(test_append_raises_the_mark_too),
        SPOOL_TEST(test_reserved_ids),
        SPOOL_TEST(test_recipients_keep_their_numbers),
        cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
