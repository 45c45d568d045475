// SPDX-License-Identifier: BSD-2-Clause
// stream: one connected TCP or Unix socket on a libuv loop, and listeners that make them.
//
// Knows nothing of mail, and has no time limits of its own: who waits for a connection or for bytes
// closes when it has waited long enough. Callbacks come from the loop, never from within a call of
// this interface (also not from stream_write or stream_close), and may close the stream. After
// stream_close no callback comes any more but `on_closed`. The first stream makes the process
// ignore SIGPIPE unless a handler was set.
#ifndef FP_IO_STREAM_UV_H
#define FP_IO_STREAM_UV_H

#include "core/buf.h"
#include "core/err.h"
#include "core/slice.h"

#include <stdint.h>
#include <uv.h>

struct stream;

enum stream_fault {
    STREAM_REFUSED,
    STREAM_UNREACHABLE,
    STREAM_TIMEOUT,
    STREAM_RESET,
    STREAM_OTHER,
    STREAM_SHORTAGE,   // of descriptors or memory: our own fault, whoever was to be reached
    STREAM_TLS,        // only of io/tls_uv.h, as the next one
    STREAM_TLS_SET_UP, // it cannot even begin: files of ours are not as they must be
};

// Any member but arg may be NULL. detail is what the C library says ("Connection refused").
struct stream_handler {
    void *arg;
    void (*on_connected)(void *arg);
    void (*on_connect_failed)(void *arg, enum stream_fault fault, const char *detail);
    void (*on_bytes)(void *arg, struct slice bytes); // borrowed during the call
    void (*on_eof)(void *arg); // the peer has finished; writing may still work
    // Lost while open; once, and the last callback before on_closed. What the peer had sent before
    // was given to on_bytes first, as long as reading was on (a 421 before a reset is not lost).
    void (*on_fault)(void *arg, enum stream_fault fault, const char *detail);
    // Everything written so far is out (only after a write that could not be finished at once).
    void (*on_drained)(void *arg);
    void (*on_closed)(void *arg); // the stream is gone
};

union endpoint; // io/endpoint_sys.h

// Begins to connect: on_connected or on_connect_failed follows. TCP_NODELAY is set. ip is plain
// text.
struct stream *stream_connect_tcp(uv_loop_t *loop, const char *ip, uint16_t port,
                                  const struct stream_handler *h);
// The same to an address that is known already, and to a Unix socket by its path.
struct stream *stream_connect(uv_loop_t *loop, const union endpoint *to,
                              const struct stream_handler *h);
struct stream *stream_connect_unix(uv_loop_t *loop, const char *path,
                                   const struct stream_handler *h);

// Makes a stream of a connected socket, which it owns from now on; peer is NULL for a Unix socket.
// It has no handler and does not read: stream_set_handler, then stream_read(s, true).
struct stream *stream_adopt(uv_loop_t *loop, int fd, const union endpoint *peer);

// Writes all slices with one system call where the kernel takes them; what it does not take is
// copied and sent later, without a limit: who writes much waits for on_drained. Returns true when
// everything went out at once; false: on_drained (or on_fault, on_connect_failed) follows. While
// connecting everything is kept. After a fault or stream_close the bytes are dropped and the answer
// is true.
bool stream_write(struct stream *s, const struct slice *slices, uint32_t count);
size_t stream_unsent(const struct stream *s); // bytes that were copied and are not out yet

// Off: back-pressure; on at first for accepted and connected ones.
void stream_read(struct stream *s, bool on);

// Closes when everything written is out (flush; after 30 s in any case), or at once. A stream that
// is not open (still connecting, or lost) is closed at once. Idempotent; without flush it also cuts
// a flush under way short. Nothing is read any more.
void stream_close(struct stream *s, bool flush);
void stream_close_within(struct stream *s,
                         int64_t limit_ms); // flush with another limit; 0: at once
void stream_set_handler(struct stream *s, const struct stream_handler *h);

struct stream_peer {
    char ip[46]; // "" for a Unix socket; IPv4 that came in over IPv6 is written as IPv4
    uint16_t port;
    int64_t uid; // Unix socket: SO_PEERCRED; else -1
};
void stream_peer(const struct stream *s, struct stream_peer *ret);

uv_loop_t *stream_loop(const struct stream *s);

struct listener;
struct listener_handler {
    void *arg;
    // A new connection; set its handler within the call, or close it. It is being read, unless the
    // handler stops that.
    void (*on_accept)(void *arg, struct stream *s);
    // Accepting pauses for 100 ms: no file descriptors or no memory. The connections wait in the
    // kernel's queue meanwhile. May be NULL.
    void (*on_pause)(void *arg, const char *why);
};

// "127.0.0.1:25", "[::1]:25", "unix:/path" (mode: of the socket file; an unconnected old file is
// replaced). "[::]:25" is IPv6 alone, so that it can stand beside "0.0.0.0:25". backlog 0: 511.
// FP_INVALID: no such form, or something else is at the path; FP_BUSY: somebody listens there
// already; FP_DENIED: not permitted; FP_NOT_FOUND: not an address of this machine, or no such
// folder; FP_IO: else. why: one sentence that says what would be right.
enum fp_err listener_open(uv_loop_t *loop, const char *address, int mode, int backlog,
                          const struct listener_handler *h, struct listener **ret, struct buf *why);
// The port that was bound (port 0 asks for a free one); 0 for a Unix socket.
uint16_t listener_port(const struct listener *l);
// Also unlinks a Unix socket's file, if it is still this one. Idempotent until the loop runs; may
// be called from on_accept. NULL is allowed.
void listener_close(struct listener *l);

#endif
