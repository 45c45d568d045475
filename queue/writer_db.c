// SPDX-License-Identifier: BSD-2-Clause
// writer, reader: the two threads that run ops against the spool. See writer_db.h.
//
// One mutex guards the two lists and the counters; the store is touched by the worker's own thread
// alone. The reader shares nothing between ops, so it runs each by itself, and what can wait behind
// what cannot. What somebody waits for needs no timer to share a commit: while one waits for the
// disk, the next batch gathers. What nobody waits for (OP_LAZY) is held until there is company, or
// `patience_ms` have gone by.
//
// With many clients a commit would still begin with the first two or three of them, as a disk
// takes less time than a round of the loop. When more are likely to come (worker_expect) the first
// waits `gather_us` for them at most.
//
// The thread sleeps in two ways. It dozes, with nothing to do and no clock: whoever brings anything
// wakes it. Or it watches: it will look again by itself, so that a lazy op, of which one follows
// nearly every accept, costs no signal. It watches when it holds something, and for one patience
// behind each batch.
#include "queue/writer_db.h"

#include "core/must.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct op_queue {
    struct op *first, *last;
};

struct worker {
    struct worker_options options;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t has_work;    // by the monotonic clock
    struct op_queue todo, done; // under the mutex
    uint32_t todo_urgent;       // under the mutex: of `todo`, those that somebody waits for
    uint32_t todo_lazy;         // and those that nobody waits for
    uint32_t expected;          // under the mutex: so many urgent ones are likely to come together
    int64_t gather_until_us;    // under the mutex: the first of `todo_urgent` waits no longer
    int64_t watch_until_us;     // under the mutex: what is held is committed then, at the latest
    size_t pending_bytes;       // under the mutex
    bool is_dozing;             // under the mutex
    bool is_stopping;           // under the mutex
    struct worker_news news;    // under the mutex: not told yet
    bool is_in_trouble;         // the thread's own
};

enum {
    BATCH_MAX_DEFAULT = 1024,
    LAZY_MAX = 128, // more are not held: they keep a commit busy as it is
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void queue_add(struct op_queue *q, struct op *first, struct op *last)
{
    if (q->last)
        q->last->next = first;
    else
        q->first = first;
    q->last = last;
}

static size_t entry_bytes(const struct entry *e)
{
    return e ? e->tail_size : 0;
}

static size_t op_bytes(const struct op *op)
{
    switch (op->kind) {
    case OP_APPEND:
        return op->append.size;
    case OP_ACCEPT:
        return entry_bytes(op->accept.entry);
    case OP_SETTLE:
        return entry_bytes(op->settle.notices[0]) + entry_bytes(op->settle.notices[1]) +
               entry_bytes(op->settle.notices[2]);
    default:
        return 0;
    }
}

static bool is_outcome(const struct op *op)
{
    return op->kind == OP_SETTLE || op->kind == OP_DISCARD || op->kind == OP_HEALTH ||
           op->kind == OP_POSTPONE;
}

static bool is_new_mail(const struct op *op)
{
    return op->kind == OP_ACCEPT || op->kind == OP_APPEND;
}

static bool is_any(const struct op *op)
{
    return op != NULL;
}

typedef bool selects(const struct op *op);

static void fail_all(struct op *first, selects *which, enum fp_err err)
{
    for (struct op *op = first; op; op = op->next)
        if (which(op))
            op->err = err;
}

// One transaction for those of the list that `which` selects. Whatever goes wrong, each of them has
// its err set; the answer is what the batch as a whole came to.
static enum fp_err run_together(struct store *s, struct op *first, selects *which,
                                enum fp_err begin(struct store *))
{
    enum fp_err err = begin(s);
    if (!err) {
        for (struct op *op = first; op; op = op->next)
            if (which(op))
                store_run(s, op);
        err = store_commit(s);
    }
    if (err)
        fail_all(first, which, err);
    return err;
}

static void run_alone(struct store *s, struct op *op)
{
    enum fp_err err = store_begin(s);
    if (!err) {
        store_run(s, op);
        err = store_commit(s);
    }
    if (err)
        op->err = err;
}

static bool recover(struct store *s)
{
    struct buf why; // the store says FP_IO for every operation; there is nobody to tell more
    buf_init(&why, 1024);
    bool is_well = !store_is_poisoned(s) || store_reopen(s, &why) == FP_OK;
    buf_close(&why);
    return is_well;
}

// No room, or a disk that fails (W3): outcomes are recorded on the ballast's room before anything
// else, so that mail that was delivered is not sent again. What an operator removes makes room, so
// it comes next, and alone, as it may be what does not fit. New mail gets the error.
static void run_short(struct store *s, struct op *first, enum fp_err err)
{
    fail_all(first, is_any, err);
    if (err == FP_FULL)
        store_ballast_release(s);
    if (!recover(s))
        return;
    if (run_together(s, first, is_outcome, store_begin) != FP_OK)
        for (struct op *op = first; op; op = op->next)
            if (is_outcome(op) && recover(s))
                run_alone(s, op);
    for (struct op *op = first; op; op = op->next)
        if (!is_outcome(op) && !is_new_mail(op) && recover(s))
            run_alone(s, op);
}

// What the first try came to: the operations may know nothing of it.
static enum fp_err run_batch(struct store *s, struct op *first)
{
    if (!recover(s)) {
        fail_all(first, is_any, FP_IO);
        return FP_IO;
    }
    store_ballast_restore(s);
    enum fp_err err = run_together(s, first, is_any, store_begin);
    if (err && err != FP_FULL && err != FP_IO)
        err = run_together(s, first, is_any, store_begin_careful);
    if (err == FP_FULL || err == FP_IO)
        run_short(s, first, err);
    return err;
}

// A disk that fails must be heard of even when the second try went well.
static void note_news(struct worker *w, enum fp_err err)
{
    if (w->is_in_trouble == (err != FP_OK))
        return;
    w->is_in_trouble = err != FP_OK;
    pthread_mutex_lock(&w->mutex);
    if (err)
        w->news.failed = err;
    w->news.is_over = !err;
    pthread_mutex_unlock(&w->mutex);
}

// Takes out the one behind `before`; NULL: the first.
static struct op *queue_take(struct op_queue *q, struct op *before)
{
    struct op **at = before ? &before->next : &q->first;
    struct op *op = *at;
    *at = op->next;
    if (q->last == op)
        q->last = before;
    op->next = NULL;
    return op;
}

static bool must_begin(const struct worker *w)
{
    if (w->is_stopping || w->todo_lazy >= LAZY_MAX)
        return true;
    if (w->todo_urgent > 0 && (w->todo_urgent >= w->expected || now_us() >= w->gather_until_us))
        return true;
    return w->todo_lazy > 0 && now_us() >= w->watch_until_us;
}

static void await_work(struct worker *w)
{
    while (!must_begin(w)) {
        bool gathers = w->todo_urgent > 0;
        int64_t until = gathers ? w->gather_until_us : w->watch_until_us;
        struct timespec t = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
        if (gathers || w->todo_lazy > 0 || now_us() < until) {
            pthread_cond_timedwait(&w->has_work, &w->mutex, &t);
        } else {
            w->is_dozing = true;
            pthread_cond_wait(&w->has_work, &w->mutex);
            w->is_dozing = false;
        }
    }
}

static uint32_t *counter(struct worker *w, const struct op *op)
{
    return op_haste(op) == OP_LAZY ? &w->todo_lazy : &w->todo_urgent;
}

// The reader's: mail before people. Of those that can wait few are here at a time, one of the sweep
// and one of each operator, so that there is little to pass over.
static struct op *take_one(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    await_work(w);
    struct op *before = NULL, *op = w->todo.first;
    for (; op && op_can_wait(op); op = op->next)
        before = op;
    if (w->todo.first) {
        op = queue_take(&w->todo, op ? before : NULL);
        --*counter(w, op);
    }
    pthread_mutex_unlock(&w->mutex);
    return op;
}

// Takes up to batch_max of what is there, in order, so that what was held goes before what it was
// held for; waits for the first. NULL when stopping and all is done.
static struct op *take_batch(struct worker *w, size_t *ret_bytes)
{
    pthread_mutex_lock(&w->mutex);
    await_work(w);
    struct op *first = w->todo.first, *last = NULL;
    size_t bytes = 0;
    uint32_t n = 0;
    for (struct op *op = first; op && n < w->options.batch_max; op = op->next, n++) {
        bytes += op_bytes(op);
        --*counter(w, op);
        last = op;
    }
    if (last) {
        w->todo.first = last->next;
        if (!last->next)
            w->todo.last = NULL;
        last->next = NULL;
    }
    pthread_mutex_unlock(&w->mutex);
    *ret_bytes = bytes;
    return first;
}

static void give_back(struct worker *w, struct op *first, size_t bytes)
{
    struct op *last = first;
    while (last->next)
        last = last->next;
    pthread_mutex_lock(&w->mutex);
    queue_add(&w->done, first, last);
    w->pending_bytes -= bytes;
    if (w->todo_lazy == 0)
        w->watch_until_us = now_us() + w->options.patience_ms * (int64_t)1000;
    pthread_mutex_unlock(&w->mutex);
    if (w->options.wake)
        w->options.wake(w->options.wake_arg);
}

static void *run_worker(void *arg)
{
    struct worker *w = arg;
    bool is_writer = store_is_writer(w->options.store);
    size_t bytes = 0;
    for (struct op *first; (first = is_writer ? take_batch(w, &bytes) : take_one(w));) {
        if (is_writer)
            note_news(w, run_batch(w->options.store, first));
        else
            store_run(w->options.store, first);
        give_back(w, first, bytes);
        if (is_writer)
            store_checkpoint(w->options.store);
    }
    return NULL;
}

// Signals are the main thread's: a new thread inherits the mask, so it is set around its creation.
static void start_thread(struct worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    must(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    must(pthread_create(&w->thread, NULL, run_worker, w) == 0);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

struct worker *worker_start(const struct worker_options *options)
{
    struct worker *w = must_zalloc(sizeof *w);
    w->options = *options;
    if (w->options.batch_max == 0)
        w->options.batch_max = BATCH_MAX_DEFAULT;
    must(pthread_mutex_init(&w->mutex, NULL) == 0);
    pthread_condattr_t steady;
    must(pthread_condattr_init(&steady) == 0);
    must(pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&w->has_work, &steady) == 0);
    pthread_condattr_destroy(&steady);
    start_thread(w);
    return w;
}

// Adds and says whether the thread has to be woken for it.
static bool add(struct worker *w, struct op *first, struct op *last, uint32_t urgent, uint32_t lazy)
{
    bool wakes = w->is_dozing || (urgent > 0 && w->todo_urgent == 0) ||
                 (w->todo_urgent < w->expected && w->todo_urgent + urgent >= w->expected) ||
                 (w->todo_lazy < LAZY_MAX && w->todo_lazy + lazy >= LAZY_MAX);
    if (w->todo_lazy == 0 && lazy > 0)
        w->watch_until_us = now_us() + w->options.patience_ms * (int64_t)1000;
    if (w->todo_urgent == 0 && urgent > 0)
        w->gather_until_us = now_us() + w->options.gather_us;
    queue_add(&w->todo, first, last);
    w->todo_urgent += urgent;
    w->todo_lazy += lazy;
    if (wakes)
        w->is_dozing = false; // whoever comes next need not wake it again
    return wakes;
}

void worker_expect(struct worker *w, uint32_t count)
{
    pthread_mutex_lock(&w->mutex);
    w->expected = count;
    pthread_mutex_unlock(&w->mutex);
}

void worker_push_list(struct worker *w, struct op *first)
{
    size_t bytes = 0;
    uint32_t urgent = 0, lazy = 0;
    struct op *last = NULL;
    for (struct op *op = first; op; op = op->next) {
        bytes += op_bytes(op);
        *(op_haste(op) == OP_LAZY ? &lazy : &urgent) += 1;
        last = op;
    }
    if (!last)
        return;
    pthread_mutex_lock(&w->mutex);
    w->pending_bytes += bytes;
    bool wakes = add(w, first, last, urgent, lazy);
    pthread_mutex_unlock(&w->mutex);
    if (wakes) // after the unlock: a thread that is woken into a locked mutex sleeps again
        pthread_cond_signal(&w->has_work);
}

void worker_push(struct worker *w, struct op *op)
{
    op->next = NULL;
    worker_push_list(w, op);
}

struct op *worker_take(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    struct op *first = w->done.first;
    w->done = (struct op_queue){0};
    pthread_mutex_unlock(&w->mutex);
    return first;
}

struct worker_news worker_take_news(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    struct worker_news news = w->news;
    w->news = (struct worker_news){.failed = FP_OK};
    pthread_mutex_unlock(&w->mutex);
    return news;
}

size_t worker_pending_bytes(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    size_t bytes = w->pending_bytes;
    pthread_mutex_unlock(&w->mutex);
    return bytes;
}

struct op *worker_stop(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    w->is_stopping = true;
    pthread_cond_signal(&w->has_work);
    pthread_mutex_unlock(&w->mutex);
    must(pthread_join(w->thread, NULL) == 0);
    struct op *first = w->done.first;
    store_close(w->options.store);
    pthread_cond_destroy(&w->has_work);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return first;
}
