// SPDX-License-Identifier: BSD-2-Clause
// decide: what the scheduler alone costs. So many destinations, each with one message that is tried
// again every half hour; every third attempt fails, so that destinations rest and are probed.
//
//     decide DESTINATIONS DECISIONS
//
// A decision is one attempt with all that goes with it: the timer, the page that is read, the
// start, the outcome, the next time. Prints the bytes of heap per destination. Instructions are
// counted from outside: harness/decisions.py runs it under valgrind with two numbers of decisions
// and takes the difference.
#include "core/must.h"
#include "core/time.h"
#include "scheduler/scheduler.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { NAME_SIZE = 32, EVERY_MS = 30 * 60 * 1000 };

struct run {
    struct scheduler *s;
    struct rules rules;
    int64_t now_ms;
    int64_t *due_ms; // of each destination's message
    uint32_t decisions;
    struct batch *started;
};

static void name_of(uint32_t i, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "d%u.example.com", i);
}

static uint32_t index_of(const char *name)
{
    return (uint32_t)strtoul(name + 1, NULL, 10);
}

static void feed(struct run *r, struct sched_event e)
{
    e.now_ms = r->now_ms;
    scheduler_feed(r->s, &e);
}

static void tell(struct run *r, uint32_t i)
{
    char name[NAME_SIZE];
    name_of(i, name);
    struct sched_event e = {.kind = SCHED_DOMAIN};
    e.domain.name = e.domain.destination = name;
    e.domain.next_due_ms = r->due_ms[i];
    feed(r, e);
}

static struct batch *make_batch(const char *name, uint32_t i, int64_t due_ms)
{
    struct batch *b = batch_new();
    b->message = (struct message){.id = i + 1, .sender = must_strdup("a@example.org")};
    b->rcpts = must_zalloc(sizeof *b->rcpts);
    b->rcpts[0] = (struct recipient){.message = i + 1, .next_attempt_ms = due_ms};
    recipient_copy(&b->rcpts[0], &b->rcpts[0]); // strings of its own
    free(b->rcpts[0].domain);
    b->rcpts[0].domain = must_strdup(name);
    b->rcpt_count = 1;
    b->destination = must_strdup(name);
    b->rule_domain = must_strdup(name);
    return b;
}

static void answer(struct run *r, const struct sched_effect *fx)
{
    char name[NAME_SIZE];
    uint32_t i = index_of(fx->due.domain);
    name_of(i, name);
    struct sched_event end = {.kind = SCHED_PAGE_END};
    end.page.domain = name;
    end.page.is_ok = end.page.is_done = true;
    end.page.next_due_ms = TIME_NEVER;
    if (r->due_ms[i] <= fx->due.horizon_ms) {
        struct batch *b = make_batch(name, i, r->due_ms[i]);
        end.page.last_ms = r->due_ms[i];
        end.page.last_message = i + 1;
        feed(r, (struct sched_event){.kind = SCHED_PAGE, .batch = b});
    } else {
        end.page.next_due_ms = r->due_ms[i];
    }
    feed(r, end);
}

static void end_attempt(struct run *r, struct batch *b)
{
    struct outcome why;
    uint32_t i = index_of(b->destination);
    bool fails = ++r->decisions % 3 == 0;
    if (fails)
        outcome_set(&why, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.4.1", "Connection refused");
    feed(r,
         (struct sched_event){.kind = SCHED_DONE, .batch = b, .host_failure = fails ? &why : NULL});
    r->due_ms[i] = r->now_ms + EVERY_MS;
    struct destination_view view;
    if (fails && scheduler_destination(r->s, b->destination, &view))
        r->due_ms[i] = view.rest_until_ms;
    struct sched_event e = {.kind = SCHED_SETTLED};
    e.settled.message = b->message.id;
    e.settled.domain = e.settled.destination = b->destination;
    e.settled.next_attempt_ms = r->due_ms[i];
    feed(r, e);
    batch_free(b);
}

static bool pull_one(struct run *r)
{
    struct sched_effect fx;
    if (!scheduler_pull(r->s, &fx))
        return false;
    if (fx.kind == SCHED_READ_DUE)
        answer(r, &fx);
    else if (fx.kind == SCHED_START)
        end_attempt(r, fx.batch);
    else if (fx.kind == SCHED_DISCARD)
        batch_free(fx.batch);
    return true;
}

int main(int argc, char **argv)
{
    uint32_t count = argc == 3 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    uint32_t decisions = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    if (count == 0) {
        fprintf(stderr, "usage: decide DESTINATIONS DECISIONS\n");
        return EX_USAGE;
    }
    struct run r = {.now_ms = 1000000000};
    rules_index(&r.rules);
    r.due_ms = must_alloc(count * sizeof *r.due_ms);
    size_t before = mallinfo2().uordblks;
    r.s = scheduler_new(
        &(struct scheduler_settings){
            .rules = &r.rules, .batches_max = 200, .window_rcpts_max = 20000, .page_size = 200},
        r.now_ms);
    for (uint32_t i = 0; i < count; i++) {
        r.due_ms[i] = r.now_ms + 1 + (int64_t)i * EVERY_MS / count;
        tell(&r, i);
    }
    printf("%zu\n", (mallinfo2().uordblks - before) / count);
    while (r.decisions < decisions) {
        while (pull_one(&r))
            ;
        r.now_ms = scheduler_deadline(r.s);
        feed(&r, (struct sched_event){.kind = SCHED_TIMER});
    }
    scheduler_free(r.s);
    rules_close(&r.rules);
    free(r.due_ms);
    return 0;
}
