// SPDX-License-Identifier: BSD-2-Clause
// stream_inner: what stream_uv.c (life and reading) and streamwrite_uv.c (writing) share. Not for
// anybody else.
#ifndef FP_IO_STREAM_INNER_UV_H
#define FP_IO_STREAM_INNER_UV_H

#include "io/endpoint_sys.h"
#include "io/stream_uv.h"

enum { STREAM_MAGIC = 0x73747231 };

enum stream_state {
    STREAM_CONNECTING, // connect is under way, or has failed at once and the loop is to say so
    STREAM_OPEN,
    STREAM_BROKEN,   // writing failed; what the peer said last is still read, then on_fault
    STREAM_FAILED,   // the handler was told; only stream_close is left
    STREAM_FLUSHING, // closed by the owner; unsent bytes go out within the limit
    STREAM_CLOSING,  // uv_close was called
    STREAM_STATE_COUNT
};

struct stream {
    uint32_t magic;
    enum stream_state state;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } u;
    uv_connect_t connect;
    uv_timer_t timer; // set up when first needed: flush limit, or a connect that failed at once
    bool has_timer;   // the timer is set up
    uint32_t open_handles; // whose close callback is still to come
    bool wants_read;       // what stream_read asked for
    bool is_reading;       // what libuv does
    bool is_eof;
    int error;       // UV_ code that is still to be told
    uint32_t writes; // uv_write requests without their callback
    struct stream_handler handler;
    union endpoint peer; // all zero for a Unix socket
    int64_t uid;
};

// The only places where a stream's state and its reading change.
void stream_set_state(struct stream *s, enum stream_state to);
void stream_update_reading(struct stream *s);

// A write failed, with a UV_ code; called from the loop only.
void stream_write_failed(struct stream *s, int error);
// The last unsent byte of a stream in STREAM_FLUSHING is out.
void stream_close_now(struct stream *s);

// The words for a UV_ code, as the C library says them ("Connection refused").
const char *stream_error_text(int error);
enum stream_fault stream_error_fault(int error);

#endif
