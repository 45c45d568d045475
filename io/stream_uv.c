// SPDX-License-Identifier: BSD-2-Clause
// stream: the life of one connected socket: connecting, reading, closing. Not writing
// (streamwrite_uv.c), not accepting (listener_uv.c). See stream_uv.h.
//
// (T1) No callback runs within a call of the interface: what fails at once is told by a timer of 0
// ms. (T2) After stream_close only on_closed is called, from the last close callback, which also
// frees. (T3) A failed write is told after what the peer had said is read: a server that answers
// "421" and
//      closes makes our pipelined commands fail, and the 421 is worth more than "Broken pipe".
#include "io/stream_inner_uv.h"

#include "core/must.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/un.h>

enum { STREAM_READ_SIZE = 64 * 1024, STREAM_FLUSH_LIMIT_MS = 30 * 1000 };

static const bool stream_moves[STREAM_STATE_COUNT][STREAM_STATE_COUNT] = {
    [STREAM_CONNECTING] = {[STREAM_OPEN] = true, [STREAM_FAILED] = true, [STREAM_CLOSING] = true},
    [STREAM_OPEN] = {[STREAM_BROKEN] = true,
                     [STREAM_FAILED] = true,
                     [STREAM_FLUSHING] = true,
                     [STREAM_CLOSING] = true},
    [STREAM_BROKEN] = {[STREAM_FAILED] = true, [STREAM_CLOSING] = true},
    [STREAM_FAILED] = {[STREAM_CLOSING] = true},
    [STREAM_FLUSHING] = {[STREAM_CLOSING] = true},
};

void stream_set_state(struct stream *s, enum stream_state to)
{
    must(stream_moves[s->state][to]);
    s->state = to;
}

static struct stream *stream_of(const void *data)
{
    struct stream *s = (struct stream *)data;
    must(s->magic == STREAM_MAGIC);
    return s;
}

const char *stream_error_text(int error)
{
    // Beyond the range of errno are codes of libuv's own, such as UV_EOF.
    return error > UV_EAI_ADDRFAMILY ? strerror(-error) : uv_strerror(error);
}

enum stream_fault stream_error_fault(int error)
{
    switch (error) {
    case UV_ECONNREFUSED:
    case UV_ENOENT: // a Unix socket that is not there
    case UV_EAGAIN: // a Unix socket whose backlog is full
        return STREAM_REFUSED;
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_ENETDOWN:
    case UV_EHOSTDOWN:
    case UV_EADDRNOTAVAIL: // no address of our own in that family
    case UV_EAFNOSUPPORT:
        return STREAM_UNREACHABLE;
    case UV_ETIMEDOUT:
        return STREAM_TIMEOUT;
    case UV_ECONNRESET:
    case UV_EPIPE:
        return STREAM_RESET;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOBUFS:
    case UV_ENOMEM:
        return STREAM_SHORTAGE;
    default:
        return STREAM_OTHER;
    }
}

// libuv writes with write(2), so a peer that has gone would end the process by SIGPIPE. A handler
// that somebody set on purpose stays; uv_spawn gives children the default back.
static void ignore_sigpipe(void)
{
    struct sigaction old;
    if (sigaction(SIGPIPE, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

static struct stream *stream_new(uv_loop_t *loop, bool is_unix, const struct stream_handler *h)
{
    static uv_once_t once = UV_ONCE_INIT;
    uv_once(&once, ignore_sigpipe);
    struct stream *s = must_zalloc(sizeof *s);
    s->magic = STREAM_MAGIC;
    s->state = STREAM_CONNECTING;
    s->wants_read = true;
    s->uid = -1;
    s->open_handles = 1;
    if (h)
        s->handler = *h;
    int r = is_unix ? uv_pipe_init(loop, &s->u.pipe, 0) : uv_tcp_init(loop, &s->u.tcp);
    must(r == 0);
    s->u.handle.data = s;
    s->connect.data = s;
    return s;
}

static void start_timer(struct stream *s, int64_t ms, uv_timer_cb callback)
{
    if (!s->has_timer) {
        must(uv_timer_init(s->u.handle.loop, &s->timer) == 0);
        s->timer.data = s;
        s->has_timer = true;
        s->open_handles++;
    }
    must(uv_timer_start(&s->timer, callback, ms > 0 ? (uint64_t)ms : 0, 0) == 0);
}

// Connecting

static void tell_connect_failed(struct stream *s, int error)
{
    stream_set_state(s, STREAM_FAILED);
    if (s->handler.on_connect_failed)
        s->handler.on_connect_failed(s->handler.arg, stream_error_fault(error),
                                     stream_error_text(error));
}

static void on_failed_at_once(uv_timer_t *timer)
{
    struct stream *s = stream_of(timer->data);
    if (s->state == STREAM_CONNECTING)
        tell_connect_failed(s, s->error);
}

static void fail_at_once(struct stream *s, int error)
{
    s->error = error;
    start_timer(s, 0, on_failed_at_once);
}

static void on_connect(uv_connect_t *request, int status)
{
    struct stream *s = stream_of(request->data);
    if (s->state != STREAM_CONNECTING)
        return;
    if (status < 0) {
        tell_connect_failed(s, status);
        return;
    }
    stream_set_state(s, STREAM_OPEN);
    if (s->handler.on_connected)
        s->handler.on_connected(s->handler.arg);
    stream_update_reading(s);
}

struct stream *stream_connect(uv_loop_t *loop, const union endpoint *to,
                              const struct stream_handler *h)
{
    struct stream *s = stream_new(loop, false, h);
    s->peer = *to;
    int r = uv_tcp_connect(&s->connect, &s->u.tcp, &to->any, on_connect);
    if (r < 0)
        fail_at_once(s, r);
    else // the socket exists only now; delaying small segments helps no dialogue
        uv_tcp_nodelay(&s->u.tcp, 1);
    return s;
}

struct stream *stream_connect_tcp(uv_loop_t *loop, const char *ip, uint16_t port,
                                  const struct stream_handler *h)
{
    union endpoint to;
    if (endpoint_from_ip(ip, port, &to) == FP_OK)
        return stream_connect(loop, &to, h);
    struct stream *s = stream_new(loop, false, h);
    fail_at_once(s, UV_EINVAL);
    return s;
}

struct stream *stream_connect_unix(uv_loop_t *loop, const char *path,
                                   const struct stream_handler *h)
{
    struct stream *s = stream_new(loop, true, h);
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        fail_at_once(s, UV_ENAMETOOLONG); // libuv would cut it and reach another socket
    else
        uv_pipe_connect(&s->connect, &s->u.pipe, path, on_connect);
    return s;
}

static int64_t unix_peer_uid(int fd)
{
    struct ucred cred;
    socklen_t n = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
        return -1;
    return (int64_t)cred.uid;
}

struct stream *stream_adopt(uv_loop_t *loop, int fd, const union endpoint *peer)
{
    struct stream *s = stream_new(loop, peer == NULL, NULL);
    int r = peer ? uv_tcp_open(&s->u.tcp, fd) : uv_pipe_open(&s->u.pipe, fd);
    must(r == 0);
    if (peer)
        s->peer = *peer;
    else
        s->uid = unix_peer_uid(fd);
    stream_set_state(s, STREAM_OPEN);
    return s;
}

// Reading

// One buffer serves all streams of a loop's thread: on_bytes borrows it only during the call.
static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    static _Thread_local char bytes[STREAM_READ_SIZE];
    (void)handle;
    (void)size;
    *ret = uv_buf_init(bytes, sizeof bytes);
}

static void tell_fault(struct stream *s, int error)
{
    stream_set_state(s, STREAM_FAILED);
    stream_update_reading(s);
    if (s->handler.on_fault)
        s->handler.on_fault(s->handler.arg, stream_error_fault(error), stream_error_text(error));
}

static void on_read_end(struct stream *s, int error)
{
    s->is_reading = false; // libuv has stopped by itself
    if (s->state == STREAM_BROKEN) {
        tell_fault(s, s->error);
    } else if (error != UV_EOF) {
        tell_fault(s, error);
    } else {
        s->is_eof = true;
        if (s->handler.on_eof)
            s->handler.on_eof(s->handler.arg);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = stream_of(stream->data);
    if (n == 0 || (s->state != STREAM_OPEN && s->state != STREAM_BROKEN))
        return;
    if (n < 0)
        on_read_end(s, (int)n);
    else if (s->handler.on_bytes)
        s->handler.on_bytes(s->handler.arg, slice_of(buf->base, (size_t)n));
}

void stream_update_reading(struct stream *s)
{
    bool is_wanted =
        s->wants_read && !s->is_eof && (s->state == STREAM_OPEN || s->state == STREAM_BROKEN);
    if (is_wanted == s->is_reading || s->state == STREAM_CLOSING)
        return;
    s->is_reading = is_wanted;
    if (is_wanted)
        must(uv_read_start(&s->u.stream, on_alloc, on_read) == 0);
    else
        uv_read_stop(&s->u.stream);
}

void stream_read(struct stream *s, bool on)
{
    stream_of(s);
    s->wants_read = on;
    if (s->state == STREAM_BROKEN && !on)
        return; // (T3): the end is near, and it is only seen by reading
    stream_update_reading(s);
}

void stream_write_failed(struct stream *s, int error)
{
    if (s->state == STREAM_FLUSHING) {
        stream_close_now(s);
    } else if (s->state == STREAM_OPEN && s->is_reading) {
        s->error = error;
        stream_set_state(s, STREAM_BROKEN);
    } else if (s->state == STREAM_OPEN) {
        tell_fault(s, error);
    }
}

// Closing

static void on_closed(uv_handle_t *handle)
{
    struct stream *s = stream_of(handle->data);
    must(s->open_handles > 0);
    if (--s->open_handles > 0)
        return;
    struct stream_handler handler = s->handler;
    s->magic = 0;
    free(s);
    if (handler.on_closed)
        handler.on_closed(handler.arg);
}

void stream_close_now(struct stream *s)
{
    stream_set_state(s, STREAM_CLOSING);
    uv_close(&s->u.handle, on_closed);
    if (s->has_timer)
        uv_close((uv_handle_t *)&s->timer, on_closed);
}

static void on_flush_limit(uv_timer_t *timer)
{
    struct stream *s = stream_of(timer->data);
    if (s->state == STREAM_FLUSHING)
        stream_close_now(s);
}

void stream_close_within(struct stream *s, int64_t limit_ms)
{
    stream_of(s);
    if (s->state == STREAM_CLOSING || (s->state == STREAM_FLUSHING && limit_ms > 0))
        return;
    if (s->state != STREAM_OPEN || s->writes == 0 || limit_ms <= 0) {
        stream_close_now(s);
        return;
    }
    stream_set_state(s, STREAM_FLUSHING);
    stream_update_reading(s);
    start_timer(s, limit_ms, on_flush_limit);
}

void stream_close(struct stream *s, bool flush)
{
    stream_close_within(s, flush ? STREAM_FLUSH_LIMIT_MS : 0);
}

void stream_set_handler(struct stream *s, const struct stream_handler *h)
{
    stream_of(s)->handler = *h;
}

void stream_peer(const struct stream *s, struct stream_peer *ret)
{
    stream_of(s);
    *ret = (struct stream_peer){.uid = s->uid, .port = endpoint_port(&s->peer)};
    endpoint_ip(&s->peer, ret->ip);
}

uv_loop_t *stream_loop(const struct stream *s)
{
    return stream_of(s)->u.handle.loop;
}
