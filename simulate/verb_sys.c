// SPDX-License-Identifier: BSD-2-Clause
// verb: `fermoposta simulate`. See verb_sys.h.
#include "simulate/verb_sys.h"

#include "simulate/simulate_db.h"

#include <stdio.h>
#include <sysexits.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

static void watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

// As the signal would have ended it, now that the folder is gone.
static void end_by_signal(void)
{
    signal(caught, SIG_DFL);
    raise(caught);
}

static void say_notes(struct slice notes)
{
    while (notes.n > 0) {
        const char *end = memchr(notes.p, '\n', notes.n);
        size_t n = end ? (size_t)(end - notes.p) + 1 : notes.n;
        fprintf(stderr, "simulate: %.*s", (int)n, notes.p);
        notes = slice_from(notes, n);
    }
}

int verb_run(struct config *config, const char *const *words, size_t count)
{
    watch_signals();
    struct simulate_task task = {.config = config, .words = words, .count = count, .stop = &caught};
    struct buf out, notes;
    buf_init(&out, SIMULATE_OUTPUT_MAX);
    buf_init(&notes, SIMULATE_NOTES_MAX);
    int code = simulate_run(&task, &out, &notes);
    if (caught)
        end_by_signal();
    say_notes(buf_slice(&notes));
    bool is_out = fwrite(buf_slice(&out).p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    buf_close(&out);
    buf_close(&notes);
    return code || is_out ? code : EX_IOERR;
}
