// SPDX-License-Identifier: BSD-2-Clause
// More mail comes in than the disk takes: clients wait, then they are told to come again, and
// nothing is lost, and memory keeps to its marks.
#include "crowd.h"
#include "pipeline/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
    CLIENTS = 40,
    MESSAGES = 3,
    SIZE = 100 * 1024,
    STOP = 600 * 1024,
    REFUSE = 8 * 1024 * 1024,
    READ_MAX = 64 * 1024,
};

struct stage {
    struct world *w;
    struct crowd *crowd;
    struct pipeline_flow flow;
    size_t on_way_peak, held_peak, both_peak;
    uint32_t unread_peak;
    bool was_read; // somebody, while nobody should be
};

static const struct intake *intake(struct stage *s)
{
    pipeline_flow(world_pipeline(s->w), &s->flow);
    return &s->flow.intake;
}

static void watch(void *arg)
{
    struct stage *s = arg;
    const struct intake *in = intake(s);
    uint32_t unread = crowd_unread(s->crowd);
    s->on_way_peak = in->on_way > s->on_way_peak ? in->on_way : s->on_way_peak;
    s->held_peak = in->held > s->held_peak ? in->held : s->held_peak;
    s->both_peak = in->on_way + in->held > s->both_peak ? in->on_way + in->held : s->both_peak;
    s->was_read |= in->is_stopped && !in->is_refusing && unread < s->crowd->options.clients;
    s->unread_peak = unread > s->unread_peak ? unread : s->unread_peak;
}

static void begin(struct stage *s, struct intake_marks marks, struct crowd_options options)
{
    *s = (struct stage){0};
    s->w = world_new(&(struct world_options){
        .seed = 1,
        .config = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n",
        .intake = marks});
    s->crowd = crowd_new(s->w, &options);
    s->crowd->watch = watch;
    s->crowd->watch_arg = s;
}

// Everything that was accepted arrives once, and nothing else; then nothing is left in memory.
static void end(struct stage *s)
{
    world_spool_slow(s->w, 0);
    assert_true(world_run_until_empty(s->w, TIME_HOUR_MS));
    for (uint32_t client = 0; client < s->crowd->options.clients; client++)
        for (uint32_t m = 0; m < s->crowd->options.messages; m++) {
            char rcpt[64];
            crowd_rcpt(s->crowd, client, m, rcpt);
            assert_int_equal(host_count_to(world_host(s->w, "192.0.2.1"), rcpt),
                             crowd_was_accepted(s->crowd, client, m));
        }
    assert_int_equal(intake(s)->on_way, 0);
    assert_false(intake(s)->is_stopped);
    assert_int_equal(crowd_unread(s->crowd), 0);
    crowd_free(s->crowd);
    world_free(s->w);
}

// A disk that is merely slow: nobody is refused anything.
static void test_clients_wait(void **state)
{
    (void)state;
    struct stage s;
    begin(&s, (struct intake_marks){.stop = STOP, .refuse = REFUSE},
          (struct crowd_options){
              .name = 'c', .clients = CLIENTS, .messages = MESSAGES, .size = SIZE});
    world_spool_slow(s.w, 2 * TIME_SECOND_MS);
    crowd_run(s.crowd, TIME_HOUR_MS);
    assert_int_equal(s.crowd->accepted, CLIENTS * MESSAGES);
    assert_int_equal(s.crowd->refused, 0);
    assert_int_equal(s.crowd->closed, 0);
    // The message that passed the mark is the last one.
    assert_in_range(s.on_way_peak, STOP, STOP + 2 * SIZE);
    assert_in_range(s.both_peak, STOP, REFUSE);
    assert_int_equal(s.unread_peak, CLIENTS);
    assert_false(s.was_read);
    assert_in_range(intake(&s)->stops, 5, CLIENTS * MESSAGES);
    assert_int_equal(intake(&s)->refusals, 0);
    end(&s);
}

// A disk that hangs: clients that are between two messages hear of it; who has begun one waits, for
// longer than a client may be silent.
static void test_a_long_stall(void **state)
{
    (void)state;
    struct stage s;
    begin(&s, (struct intake_marks){.stop = STOP, .refuse = REFUSE},
          (struct crowd_options){
              .name = 'c', .clients = CLIENTS, .messages = MESSAGES, .size = SIZE});
    crowd_run(s.crowd, 50); // all are amid their first message
    world_spool_slow(s.w, 4 * TIME_MINUTE_MS);
    crowd_run(s.crowd, BUDGET_INTAKE_PATIENCE_MS - TIME_SECOND_MS);
    assert_true(intake(&s)->is_stopped);
    assert_int_equal(crowd_unread(s.crowd), CLIENTS);
    assert_false(intake(&s)->is_refusing);
    crowd_run(s.crowd, 5 * TIME_SECOND_MS);
    assert_true(intake(&s)->is_refusing);
    struct crowd *late = crowd_new(
        s.w, &(struct crowd_options){.name = 'l', .clients = 10, .messages = 2, .size = SIZE});
    crowd_run(late, TIME_MINUTE_MS);
    assert_int_equal(late->refused, 20);
    assert_int_equal(late->over, 10);
    assert_int_equal(intake(&s)->refusals, 20);
    crowd_free(late);
    crowd_run(s.crowd, 3 * TIME_HOUR_MS);
    assert_int_equal(s.crowd->closed, 0);
    assert_int_equal(s.crowd->accepted + s.crowd->refused, CLIENTS * MESSAGES);
    assert_in_range(s.crowd->accepted, CLIENTS, CLIENTS * MESSAGES);
    assert_in_range(s.on_way_peak, STOP, STOP + 2 * SIZE);
    end(&s);
}

// Clients that begin and do not go on: what each holds becomes small, and when all of it together
// is too much no more may begin.
static void test_clients_that_dawdle(void **state)
{
    (void)state;
    enum { SMALL = 1024 * 1024, DAWDLERS = 60, BEGUN = 200 * 1024 };
    struct stage s;
    begin(
        &s, (struct intake_marks){.small = SMALL, .refuse = 3 * SMALL / 2},
        (struct crowd_options){
            .name = 'c', .clients = DAWDLERS, .messages = 1, .size = 2 * BEGUN, .stop_at = BEGUN});
    crowd_run(s.crowd, TIME_MINUTE_MS);
    // A buffer grows by doubling, and a read may have come before the others' did.
    assert_in_range(s.held_peak, SMALL, SMALL + DAWDLERS * (2 * BUDGET_CHUNK_SMALL + 1024));
    assert_true(s.w->ops[OP_APPEND] > DAWDLERS);
    struct crowd *late = crowd_new(
        s.w, &(struct crowd_options){.name = 'l', .clients = 1, .messages = 1, .size = 1024});
    crowd_run(late, TIME_MINUTE_MS);
    assert_int_equal(late->refused, intake(&s)->held > 3 * SMALL / 2);
    crowd_free(late);
    end(&s); // nothing was accepted
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients_wait),
        cmocka_unit_test(test_a_long_stall),
        cmocka_unit_test(test_clients_that_dawdle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
