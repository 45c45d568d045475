// SPDX-License-Identifier: BSD-2-Clause
// listener_bind: from the text of an address to a listening socket, with a sentence for everything
// that can be wrong about it. What happens on the socket is listener_uv.c.
#ifndef FP_IO_LISTENER_BIND_UV_H
#define FP_IO_LISTENER_BIND_UV_H

#include "core/buf.h"

#include <stdint.h>
#include <sys/stat.h>

struct bound {
    int fd; // listening, non-blocking, close-on-exec
    uint16_t port;
    const char *path; // of a Unix socket, borrowed from the address; else NULL
    dev_t dev;        // of the socket file, to know it again
    ino_t ino;
};

// Errors as for listener_open.
enum fp_err listener_bind(const char *address, int mode, int backlog, struct bound *ret,
                          struct buf *why);

#endif
