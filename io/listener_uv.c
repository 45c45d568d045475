// SPDX-License-Identifier: BSD-2-Clause
// listener: takes new connections and makes streams of them. Making the socket is
// listener_bind_uv.c. See stream_uv.h.
//
// uv_listen is not used: when descriptors run out, libuv either accepts and drops everybody who
// waits, or tries again without a rest, and it offers no way to pause. Here the listening socket is
// polled, and a pause leaves the connections in the kernel's queue.
#include "io/endpoint_sys.h"
#include "io/listener_bind_uv.h"
#include "io/stream_uv.h"

#include "core/must.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LISTENER_MAGIC = 0x6c736e31,
    ACCEPTS_PER_TURN = 64, // then the other sockets of the loop have their turn
    PAUSE_MS = 100,
};

struct listener {
    uint32_t magic;
    uv_poll_t poll;
    uv_timer_t pause;
    uint32_t open_handles; // whose close callback is still to come
    bool is_closing;
    struct bound bound;
    char *path; // of a Unix socket, else NULL
    struct listener_handler handler;
};

static void start(struct listener *l);

static struct listener *listener_of(const void *data)
{
    struct listener *l = (struct listener *)data;
    must(l->magic == LISTENER_MAGIC);
    return l;
}

static void on_pause_over(uv_timer_t *timer)
{
    struct listener *l = listener_of(timer->data);
    if (!l->is_closing)
        start(l);
}

static void pause_accepting(struct listener *l, int error)
{
    uv_poll_stop(&l->poll);
    must(uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0) == 0);
    if (l->handler.on_pause)
        l->handler.on_pause(l->handler.arg, strerror(error));
}

// What accept(2) reports of the one connection that it was about to return, and not of us.
static bool is_of_one_connection(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPERM: // a firewall's rule
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP:
        return true;
    default:
        return false;
    }
}

static void take(struct listener *l, int fd, const union endpoint *peer)
{
    struct stream *s = stream_adopt(l->poll.loop, fd, l->path ? NULL : peer);
    stream_read(s, true); // before, so that the handler may say otherwise
    l->handler.on_accept(l->handler.arg, s);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *l = listener_of(poll->data);
    (void)status; // accept says it better
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && !l->is_closing; i++) {
        union endpoint peer = {0};
        socklen_t n = sizeof peer;
        int fd = accept4(l->bound.fd, l->path ? NULL : &peer.any, l->path ? NULL : &n,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(l, fd, &peer);
        } else if (errno == EAGAIN) {
            return;
        } else if (!is_of_one_connection(errno)) {
            pause_accepting(l, errno);
            return;
        }
    }
}

static void start(struct listener *l)
{
    must(uv_poll_start(&l->poll, UV_READABLE, on_readable) == 0);
}

enum fp_err listener_open(uv_loop_t *loop, const char *address, int mode, int backlog,
                          const struct listener_handler *h, struct listener **ret, struct buf *why)
{
    struct bound bound;
    enum fp_err err = listener_bind(address, mode, backlog, &bound, why);
    if (err)
        return err;
    struct listener *l = must_zalloc(sizeof *l);
    l->magic = LISTENER_MAGIC;
    l->bound = bound;
    l->handler = *h;
    l->path = bound.path ? must_strdup(bound.path) : NULL;
    must(uv_poll_init(loop, &l->poll, bound.fd) == 0);
    must(uv_timer_init(loop, &l->pause) == 0);
    l->open_handles = 2;
    l->poll.data = l;
    l->pause.data = l;
    start(l);
    *ret = l;
    return FP_OK;
}

uint16_t listener_port(const struct listener *l)
{
    return listener_of(l)->bound.port;
}

// Only the file that was made here goes: a successor may have put its own in its place.
static void unlink_own(const struct listener *l)
{
    struct stat st;
    if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->bound.dev &&
        st.st_ino == l->bound.ino)
        unlink(l->path);
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *l = listener_of(handle->data);
    must(l->open_handles > 0);
    if (--l->open_handles > 0)
        return;
    l->magic = 0;
    free(l->path);
    free(l);
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    if (listener_of(l)->is_closing)
        return;
    l->is_closing = true;
    unlink_own(l);
    uv_close((uv_handle_t *)&l->poll, on_closed);
    uv_close((uv_handle_t *)&l->pause, on_closed);
    close(l->bound.fd); // libuv has let go of it; the address is free again at once
}
