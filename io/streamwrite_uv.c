// SPDX-License-Identifier: BSD-2-Clause
// streamwrite: sending on a stream. One writev where the kernel takes everything; the rest is
// copied into a request of our own. See stream_uv.h.
#include "io/stream_inner_uv.h"

#include "core/must.h"

#include <stdlib.h>

enum { WRITE_SLICES_MAX = 64 }; // in one system call; more make more calls

struct write_request {
    uv_write_t request;
    struct stream *stream;
    char bytes[];
};

// Where in an array of slices the unsent part begins.
struct write_position {
    uint32_t slice;
    size_t byte;
};

static bool can_write(const struct stream *s)
{
    return s->state == STREAM_OPEN || s->state == STREAM_CONNECTING;
}

static void advance(struct write_position *at, const struct slice *slices, uint32_t count, size_t n)
{
    while (at->slice < count && n >= slices[at->slice].n - at->byte) {
        n -= slices[at->slice].n - at->byte;
        at->slice++;
        at->byte = 0;
    }
    at->byte += n;
}

// Offers as many slices as fit into one call. Says false when the kernel would not take them all;
// an error is left to the queued request, which meets it again and tells it from the loop.
static bool try_some(struct stream *s, const struct slice *slices, uint32_t count,
                     struct write_position *at)
{
    uv_buf_t bufs[WRITE_SLICES_MAX];
    unsigned used = 0;
    size_t offered = 0;
    for (uint32_t i = at->slice; i < count && used < WRITE_SLICES_MAX; i++) {
        struct slice rest = slice_from(slices[i], i == at->slice ? at->byte : 0);
        if (rest.n > 0)
            bufs[used++] = uv_buf_init((char *)rest.p, (unsigned)rest.n);
        offered += rest.n;
    }
    if (offered == 0) { // only empty ones were left
        at->slice = count;
        return true;
    }
    int sent = uv_try_write(&s->u.stream, bufs, used);
    if (sent > 0)
        advance(at, slices, count, (size_t)sent);
    return sent >= 0 && (size_t)sent == offered;
}

static void on_write(uv_write_t *request, int status)
{
    struct write_request *w = request->data;
    struct stream *s = w->stream;
    must(s->magic == STREAM_MAGIC && s->writes > 0);
    free(w);
    s->writes--;
    if (status < 0) {
        stream_write_failed(s, status);
        return;
    }
    if (s->writes > 0)
        return;
    if (s->state == STREAM_FLUSHING)
        stream_close_now(s);
    else if (s->state == STREAM_OPEN && s->handler.on_drained)
        s->handler.on_drained(s->handler.arg);
}

static void queue_rest(struct stream *s, const struct slice *slices, uint32_t count,
                       struct write_position at)
{
    size_t n = 0;
    for (uint32_t i = at.slice; i < count; i++)
        n += slices[i].n - (i == at.slice ? at.byte : 0);
    struct write_request *w = must_alloc(sizeof *w + n);
    size_t filled = 0;
    for (uint32_t i = at.slice; i < count; i++) {
        struct slice rest = slice_from(slices[i], i == at.slice ? at.byte : 0);
        if (rest.n > 0)
            memcpy(w->bytes + filled, rest.p, rest.n);
        filled += rest.n;
    }
    w->stream = s;
    w->request.data = w;
    uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)n);
    s->writes++;
    if (uv_write(&w->request, &s->u.stream, &buf, 1, on_write) == 0)
        return;
    // Only where the connect failed at once is there no socket to queue on; the loop is to say so.
    must(s->state == STREAM_CONNECTING);
    s->writes--;
    free(w);
}

bool stream_write(struct stream *s, const struct slice *slices, uint32_t count)
{
    must(s->magic == STREAM_MAGIC);
    if (!can_write(s))
        return true; // nobody is there to read it, and the handler knows or will be told
    struct write_position at = {0};
    if (s->writes == 0 && s->state == STREAM_OPEN)
        while (at.slice < count && try_some(s, slices, count, &at))
            ;
    advance(&at, slices, count, 0); // empty slices at the end are no reason to wait
    if (at.slice == count)
        return true;
    queue_rest(s, slices, count, at);
    return false;
}

size_t stream_unsent(const struct stream *s)
{
    must(s->magic == STREAM_MAGIC);
    return s->writes > 0 ? uv_stream_get_write_queue_size(&s->u.stream) : 0;
}
