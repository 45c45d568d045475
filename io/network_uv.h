// SPDX-License-Identifier: BSD-2-Clause
// network: says when a way out of this machine appears: an address or a route was added
// (rtnetlink(7)). A laptop's mail goes out then, and not at the end of a rest that began without a
// network.
//
//     err = network_open(loop, on_appeared, arg, &n);     not fatal when it fails
//     ... on_appeared(arg), at most once in NETWORK_QUIET_MS, when things have been quiet so long
//     ... network_close(n);                                   idempotent; NULL is fine
//
// A cable that is plugged in makes a dozen messages in a second: they are one appearance, told when
// it is over. Messages that the kernel could not keep for us (ENOBUFS) count as one. Only the
// kernel is believed: other processes can send to a netlink socket, too.
#ifndef FP_IO_NETWORK_UV_H
#define FP_IO_NETWORK_UV_H

#include "core/err.h"

#include <uv.h>

enum { NETWORK_QUIET_MS = 1000 };

struct network;
typedef void network_appeared(void *arg);

// Errors: FP_IO when there is no such socket to be had; the program goes on without.
enum fp_err network_open(uv_loop_t *loop, network_appeared *on_appeared, void *arg,
                         struct network **ret);
void network_close(struct network *n);

#endif
