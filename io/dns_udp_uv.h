// SPDX-License-Identifier: BSD-2-Clause
// dns_udp: one DNS packet to one server from a fresh port, and what comes back from there.
#ifndef FP_IO_DNS_UDP_UV_H
#define FP_IO_DNS_UDP_UV_H

#include "core/slice.h"
#include "io/endpoint_sys.h"

#include <uv.h>

struct dns_udp;

// A packet (borrowed during the call), as often as they come; or one of no bytes at all: there is
// nothing to wait for, the server refuses. Only from the loop, and not after dns_udp_close.
typedef void dns_packet(void *arg, struct slice packet);

// 0, or the UV_ code why the question could not be sent (then no callback comes).
int dns_udp_ask(uv_loop_t *loop, const union endpoint *server, struct slice packet,
                dns_packet *on_packet, void *arg, struct dns_udp **ret);
void dns_udp_close(struct dns_udp *u); // NULL is allowed; frees itself from the loop

#endif
