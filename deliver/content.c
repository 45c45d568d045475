// SPDX-License-Identifier: BSD-2-Clause
// content: see content.h.
#include "deliver/content.h"

#include "core/must.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SCRATCH_SIZE = 16 * 1024,
    COPY_MAX = 2048,                     // a longer run is worth a slice of its own
    DIRECT_MAX = CONTENT_SLICES_MAX - 2, // one is for the scratch buffer, one for the end mark
};

void content_close(struct content_writer *w)
{
    free(w->scratch);
    w->scratch = NULL;
}

void content_begin(struct content_writer *w)
{
    dot_writer_init(&w->dots);
    w->piece = w->run = (struct slice){"", 0};
    w->is_last = w->is_over = w->is_plain = w->is_chunked = w->has_cr = false;
}

void content_begin_plain(struct content_writer *w, struct slice head)
{
    content_begin(w);
    w->is_plain = true;
    w->head = head;
}

void content_begin_chunks(struct content_writer *w)
{
    content_begin(w);
    w->is_chunked = true;
}

void content_piece(struct content_writer *w, struct slice piece, bool is_last)
{
    must(content_is_taken(w) && !w->is_last);
    w->piece = piece;
    w->is_last = is_last;
}

bool content_is_taken(const struct content_writer *w)
{
    return w->run.n == 0 && w->piece.n == 0 && (!w->is_last || w->is_over);
}

static bool has_run(struct content_writer *w)
{
    if (w->run.n == 0 && w->piece.n > 0) {
        w->run = dot_write(&w->dots, &w->piece);
        if (w->run.n == 0)
            w->run = DOT_STUFF;
    }
    return w->run.n > 0;
}

static struct slice take_run(struct content_writer *w, size_t max)
{
    struct slice taken = {w->run.p, w->run.n < max ? w->run.n : max};
    w->run = slice_from(w->run, taken.n);
    return taken;
}

static size_t gather(struct content_writer *w)
{
    size_t n = 0;
    if (!w->scratch)
        w->scratch = must_alloc(SCRATCH_SIZE);
    while (n < SCRATCH_SIZE && has_run(w) && w->run.n <= COPY_MAX) {
        struct slice part = take_run(w, SCRATCH_SIZE - n);
        memcpy(w->scratch + n, part.p, part.n);
        n += part.n;
    }
    return n;
}

// CRLF becomes LF, across pieces too; a CR that is alone stays.
static size_t unfold(struct content_writer *w)
{
    size_t n = 0;
    if (!w->scratch)
        w->scratch = must_alloc(SCRATCH_SIZE);
    while (w->piece.n > 0 && n + 2 <= SCRATCH_SIZE) {
        char c = w->piece.p[0];
        w->piece = slice_from(w->piece, 1);
        if (w->has_cr && c != '\n')
            w->scratch[n++] = '\r';
        w->has_cr = c == '\r';
        if (!w->has_cr)
            w->scratch[n++] = c;
    }
    if (w->is_last && w->piece.n == 0 && w->has_cr && n < SCRATCH_SIZE) {
        w->scratch[n++] = '\r';
        w->has_cr = false;
    }
    return n;
}

static uint32_t plain_slices(struct content_writer *w, struct slice slices[CONTENT_SLICES_MAX])
{
    uint32_t count = 0;
    if (w->head.n > 0)
        slices[count++] = w->head;
    w->head.n = 0;
    size_t n = unfold(w);
    if (n > 0)
        slices[count++] = slice_of(w->scratch, n);
    w->is_over = w->is_last && w->piece.n == 0 && !w->has_cr;
    return count;
}

static uint32_t chunk_slices(struct content_writer *w, struct slice slices[CONTENT_SLICES_MAX])
{
    int n =
        snprintf(w->bdat, sizeof w->bdat, "BDAT %zu%s\r\n", w->piece.n, w->is_last ? " LAST" : "");
    slices[0] = slice_of(w->bdat, (size_t)n);
    slices[1] = w->piece;
    w->is_over = w->is_last;
    w->piece.n = 0;
    return slices[1].n > 0 ? 2 : 1;
}

uint32_t content_slices(struct content_writer *w, struct slice slices[CONTENT_SLICES_MAX])
{
    uint32_t count = 0;
    if (w->is_plain)
        return plain_slices(w, slices);
    if (w->is_chunked)
        return chunk_slices(w, slices);
    while (count < DIRECT_MAX && has_run(w))
        slices[count++] = take_run(w, SIZE_MAX);
    if (has_run(w)) {
        size_t n = gather(w);
        if (n > 0)
            slices[count++] = slice_of(w->scratch, n);
    }
    if (w->is_last && !w->is_over && !has_run(w)) {
        // The spool's bodies end in CRLF; were it ever otherwise, the mark would be read as text.
        slices[count++] = w->dots.at_line_start ? DOT_END : SLICE_LIT("\r\n.\r\n");
        w->is_over = true;
    }
    return count;
}
