// SPDX-License-Identifier: BSD-2-Clause
// The scheduler under random events, by seed: nothing is started twice, no limit is exceeded, the
// deadline is always ahead (all three checked by the world), and once all hosts are healthy
// everything that is still there is started.
#include "scheduler/destination.h"
#include "tests/unit/scheduler/world.h"

enum { SEEDS = 20, STEPS = 600, DESTINATIONS = 6 };

// What state.h promises (I1, I2), counted again.
static void check_invariants(const struct world *w)
{
    const struct scheduler *s = w->s;
    uint32_t batches = 0, rcpts = 0, parked = 0, resting = 0, running = 0, reading = 0;
    for (const struct destination *d = s->destinations; d; d = d->hh.next) {
        uint32_t own_rcpts = 0, own_paged = 0;
        for (const struct batch *b = NULL; (b = senders_each(&d->senders, b));) {
            batches++;
            own_rcpts += b->rcpt_count;
            own_paged += b->is_fresh ? 0 : b->rcpt_count;
        }
        assert_int_equal(d->window_rcpts, own_rcpts);
        assert_int_equal(d->paged_rcpts, own_paged);
        rcpts += own_rcpts;
        parked += d->state == DESTINATION_OPEN ? 0 : own_rcpts;
        resting += d->state != DESTINATION_OPEN;
        running += d->running;
        reading += d->reading;
        if (list_is_member(&d->run)) // nothing that could start was left standing
            assert_true(
                s->running == s->settings.batches_max ||
                (s->untried >= scheduler_untried_max(&s->settings) && !destination_answers(d)));
    }
    assert_int_equal(s->window_batches, batches);
    assert_int_equal(s->window_rcpts, rcpts);
    assert_int_equal(s->parked_rcpts, parked);
    assert_int_equal(s->resting, resting);
    assert_int_equal(s->running, running);
    assert_true(s->untried <= scheduler_untried_max(&s->settings));
    assert_int_equal(s->reading, reading);
    assert_int_equal(s->running, w->running);
    assert_int_equal(s->reading, w->reads);
}

static void reload(struct world *w)
{
    w->settings.page_size = 1 + world_random(w, 20);
    w->settings.window_rcpts_max = 1 + world_random(w, 200);
    w->limit.connections = 1 + world_random(w, 5);
    w->limit.recipients_per_message = 1 + world_random(w, 5);
    for (int d = 0; d < WORLD_DOMAINS; d++)
        w->destination_of[d] = (int)world_random(w, DESTINATIONS);
    w->has_user_routes = world_random(w, 2);
    w->user_route = (int)world_random(w, DESTINATIONS);
    world_feed(w, (struct sched_event){.kind = SCHED_SETTINGS, .settings = w->settings});
    world_tell_domains(w);
}

static void break_something(struct world *w)
{
    static const enum verdict verdicts[] = {HOST_DOWN, HOST_DOWN, WE_ARE_DOWN, DEFERS};
    if (w->outage_count == WORLD_OUTAGES)
        w->outage_count = 0;
    world_break(w, (int)world_random(w, DESTINATIONS), world_random(w, 40) * TIME_MINUTE_MS,
                verdicts[world_random(w, COUNT(verdicts))]);
}

static void drop_something(struct world *w)
{
    if (w->row_count == 0)
        return;
    struct row *row = &w->rows[world_random(w, w->row_count)];
    if (!row->is_gone && row->is_told) // its acceptance was committed first
        world_drop(w, row);
}

static void flush_something(struct world *w)
{
    char name[32];
    snprintf(name, sizeof name, "d%u.example", (unsigned)world_random(w, WORLD_DOMAINS));
    world_flush(w, world_random(w, 2) ? name : NULL);
}

static void become_somebody(struct world *w)
{
    static const char *const senders[] = {"", "list@example.org", "ann@example.org"};
    static char other[32];
    uint32_t who = world_random(w, 8);
    snprintf(other, sizeof other, "%c%c@example.org", 'a' + (int)world_random(w, 26),
             'a' + (int)world_random(w, 2));
    w->sender = who < COUNT(senders) ? senders[who] : other;
    w->priority = (int8_t)(world_random(w, 2) ? 0 : (int)world_random(w, 19) - 9);
}

static void do_something(struct world *w)
{
    int domain = (int)world_random(w, WORLD_DOMAINS);
    switch (world_random(w, 16)) {
    case 0:
        break_something(w);
        break;
    case 1:
        drop_something(w);
        break;
    case 2:
        flush_something(w);
        break;
    case 3:
        w->read_failures = world_random(w, 3);
        break;
    case 4:
        if (world_random(w, 8) == 0)
            reload(w);
        else if (world_random(w, 8) == 0)
            world_restart(w);
        break;
    case 5:
    case 6:
    case 7:
        become_somebody(w);
        for (uint32_t i = world_random(w, 30); i > 0; i--)
            world_accept_later(w, domain, 1 + world_random(w, 12), world_random(w, 20));
        break;
    default:
        world_run(w, world_random(w, world_random(w, 2) ? 200 : 600000));
    }
}

static void run_seed(uint64_t seed)
{
    struct world *w = world_new();
    w->seed = seed;
    reload(w);
    for (int i = 0; i < STEPS && w->row_count + 400 < WORLD_ROWS; i++) {
        buf_reset(&w->trace);
        do_something(w);
        check_invariants(w);
    }
    w->outage_count = 0;
    w->read_failures = 0;
    buf_reset(&w->trace);
    world_run(w, 2 * TIME_HOUR_MS); // every rest and every deferral ends within
    assert_int_equal(world_open_rows(w), 0);
    assert_int_equal(w->running, 0);
    world_feed(w, (struct sched_event){.kind = SCHED_TIMER});
    struct scheduler_counts c;
    scheduler_count(w->s, &c);
    assert_int_equal(c.running + c.window_batches + c.window_rcpts + c.domains, 0);
    assert_int_equal(c.resting, c.destinations); // unhealthy ones without mail stay known
    for (int i = 0; i < WORLD_DOMAINS; i++) {
        struct destination_view view = {.failures = 0};
        scheduler_destination(w->s, w->destinations[i].name, &view);
        assert_int_equal(w->destinations[i].stored_failures, view.failures);
    }
    print_message("seed %u: %u rows, %u pages, %u given back\n", (unsigned)seed,
                  (unsigned)w->row_count, (unsigned)w->read_total, (unsigned)w->discards);
    world_free(w);
}

static void anything_may_happen(void **state)
{
    (void)state;
    // Slow builds (sanitizers) say FP_EFFORT=low.
    uint64_t seeds = getenv("FP_EFFORT") ? SEEDS / 5 : SEEDS;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        run_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(anything_may_happen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
