// SPDX-License-Identifier: BSD-2-Clause
// dns_tcp: one DNS packet to one server over TCP, and its answer. RFC 7766.
#ifndef FP_IO_DNS_TCP_UV_H
#define FP_IO_DNS_TCP_UV_H

#include "io/dns_udp_uv.h"

struct dns_tcp;

// Calls back as dns_udp_ask does: with a packet, or with none when the connection came to nothing.
struct dns_tcp *dns_tcp_ask(uv_loop_t *loop, const union endpoint *server, struct slice packet,
                            dns_packet *on_packet, void *arg);
void dns_tcp_close(struct dns_tcp *t); // NULL is allowed; frees itself from the loop

#endif
