// SPDX-License-Identifier: BSD-2-Clause
// tls: a TLS client above a connected stream, with OpenSSL. TLS 1.2 at least (RFC 8996).
//
//     t = tls_start(engine, stream, &terms, &handler, on_ready);
//     after on_ready: tls_write, tls_read, tls_close, as with the stream; bytes are those inside
//
// Its rules are those of io/stream_uv.h: callbacks come from the loop, never from within a call;
// after tls_close only on_closed comes. OpenSSL never touches the socket: it works on memory, so
// nothing blocks; what it wants to send goes to the stream at once, and what the stream has not
// sent yet is told as by stream_write. It is loaded and set up by the first tls_start.
#ifndef FP_IO_TLS_UV_H
#define FP_IO_TLS_UV_H

#include "core/tls.h"
#include "io/stream_uv.h"

// What connections of one loop share: files that were read, and sessions that can be resumed, as
// long as an hour and up to a bounded number of them.
struct tls_engine;
struct tls_engine *tls_engine_new(void);
void tls_engine_free(struct tls_engine *e);  // NULL is fine; connections may live on
void tls_engine_renew(struct tls_engine *e); // the files may have changed: they are read again

struct tls;
typedef void tls_ready(void *arg, const struct tls_result *result); // borrowed

// Takes over the stream, which must be connected, with its handler. Either on_ready or on_fault
// follows (STREAM_TLS: the handshake failed, STREAM_TLS_SET_UP: our files are at fault, detail says
// why; or what else may befall a stream).
// on_connected and on_connect_failed are never called. The terms are borrowed for the call only.
struct tls *tls_start(struct tls_engine *e, struct stream *s, const struct tls_terms *terms,
                      const struct stream_handler *h, tls_ready *on_ready);

// What ties authentication to this connection, so that nobody in between can pass it on: of TLS 1.3
// "tls-exporter" (RFC 9266), of TLS 1.2 "tls-unique" (RFC 5929) where it is safe (RFC 7627).
enum { TLS_BINDING_MAX = 64 };
struct tls_binding {
    char bytes[TLS_BINDING_MAX];
    size_t n; // 0: there is none
    bool is_unique;
};
void tls_binding(const struct tls *t, struct tls_binding *ret); // only after on_ready

bool tls_write(struct tls *t, const struct slice *slices, uint32_t count); // only after on_ready
size_t tls_unsent(const struct tls *t);
void tls_read(struct tls *t, bool on);
void tls_close(struct tls *t, bool flush); // closes the stream, too

#endif
