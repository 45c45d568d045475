// SPDX-License-Identifier: BSD-2-Clause
// stream: one connected TCP or Unix socket on a libuv loop, and listeners that make them.
//
// Knows nothing of mail. Callbacks come from the loop, never from within a call of this interface
// (also not from stream_write or stream_close). After stream_close no callback comes any more but `on_closed`.
#ifndef FP_IO_STREAM_UV_H
#define FP_IO_STREAM_UV_H

#include "core/err.h"
#include "core/buf.h"
#include "core/slice.h"

#include <stdint.h>
#include <uv.h>

struct stream;

enum stream_fault { STREAM_REFUSED, STREAM_UNREACHABLE, STREAM_TIMEOUT, STREAM_RESET, STREAM_OTHER };

struct stream_handler {
    void *arg;
    void (*on_connected)(void *arg);
    void (*on_connect_failed)(void *arg, enum stream_fault fault, const char *detail);
    void (*on_bytes)(void *arg, struct slice bytes); // borrowed during the call
    void (*on_eof)(void *arg);
    void (*on_fault)(void *arg, enum stream_fault fault, const char *detail); // reset while open
    void (*on_drained)(void *arg); // everything written so far is out (only after a write could not be finished at once)
    void (*on_closed)(void *arg);  // last callback: the stream is gone; may be NULL
};

// Begins to connect: on_connected or on_connect_failed follows. TCP_NODELAY is set. ip is plain text.
struct stream *stream_connect_tcp(uv_loop_t *loop, const char *ip, uint16_t port, const struct stream_handler *h);

// Writes all slices with one system call where the kernel takes them; what it does not take is
// copied and sent later. Returns true when everything went out at once; false: on_drained follows.
bool stream_write(struct stream *s, const struct slice *slices, uint32_t count);
size_t stream_unsent(const struct stream *s);
void stream_read(struct stream *s, bool on); // off: back-pressure; on at first for accepted and connected ones
// Closes when everything written is out (flush), or at once. Idempotent.
void stream_close(struct stream *s, bool flush);
void stream_set_handler(struct stream *s, const struct stream_handler *h);

struct stream_peer { char ip[46]; uint16_t port; int64_t uid; /* Unix socket: SO_PEERCRED; else -1 */ };
void stream_peer(const struct stream *s, struct stream_peer *ret);

struct listener;
struct listener_handler {
    void *arg;
    // A new connection; set its handler within the call. Reading starts after it.
    void (*on_accept)(void *arg, struct stream *s);
};
// "127.0.0.1:25", "[::1]:25", "unix:/path" (mode: of the socket file; an unconnected old file is replaced,
// one with a living listener gives FP_BUSY). why: one sentence.
enum fp_err listener_open(uv_loop_t *loop, const char *address, int mode, int backlog,
                          const struct listener_handler *h, struct listener **ret, struct buf *why);
uint16_t listener_port(const struct listener *l); // the one that was bound (port 0 asks for a free one)
void listener_close(struct listener *l);          // also unlinks a Unix socket's file

#endif
