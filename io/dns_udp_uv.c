// SPDX-License-Identifier: BSD-2-Clause
// dns_udp: one DNS packet to one server from a fresh port. See dns_udp_uv.h.
//
// Each question has a socket of its own, so the kernel picks a random port for it (RFC 5452 9.2),
// and the socket is connected: the kernel drops what comes from elsewhere (9.1), and a server that
// is not running is known at once from its ICMP message instead of after a time limit.
#include "io/dns_udp_uv.h"

#include "core/must.h"

#include <stdlib.h>

enum { DNS_UDP_MAGIC = 0x64756431, DATAGRAM_MAX = 4096 };

struct dns_udp {
    uint32_t magic;
    uv_udp_t handle;
    dns_packet *on_packet;
    void *arg;
};

static struct dns_udp *udp_of(const uv_handle_t *handle)
{
    struct dns_udp *u = handle->data;
    must(u->magic == DNS_UDP_MAGIC);
    return u;
}

// As in stream_uv.c: one buffer for a loop's thread.
static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    static _Thread_local char bytes[DATAGRAM_MAX];
    (void)handle;
    (void)size;
    *ret = uv_buf_init(bytes, sizeof bytes);
}

static void on_receive(uv_udp_t *handle, ssize_t n, const uv_buf_t *buf,
                       const struct sockaddr *from, unsigned flags)
{
    struct dns_udp *u = udp_of((uv_handle_t *)handle);
    if (uv_is_closing((uv_handle_t *)handle))
        return;
    if (n < 0)
        u->on_packet(u->arg, slice_of("", 0));
    else if (n > 0 && from && !(flags & UV_UDP_PARTIAL)) // a cut one is nobody's honest answer
        u->on_packet(u->arg, slice_of(buf->base, (size_t)n));
}

static int send_question(struct dns_udp *u, const union endpoint *server, struct slice packet)
{
    int r = uv_udp_connect(&u->handle, &server->any);
    if (r < 0)
        return r;
    uv_buf_t buf = uv_buf_init((char *)packet.p, (unsigned)packet.n);
    r = uv_udp_try_send(&u->handle, &buf, 1, NULL);
    if (r < 0)
        return r;
    return uv_udp_recv_start(&u->handle, on_alloc, on_receive);
}

int dns_udp_ask(uv_loop_t *loop, const union endpoint *server, struct slice packet,
                dns_packet *on_packet, void *arg, struct dns_udp **ret)
{
    struct dns_udp *u = must_zalloc(sizeof *u);
    u->magic = DNS_UDP_MAGIC;
    u->on_packet = on_packet;
    u->arg = arg;
    must(uv_udp_init(loop, &u->handle) == 0);
    u->handle.data = u;
    int r = send_question(u, server, packet);
    if (r < 0) {
        dns_udp_close(u);
        return r;
    }
    *ret = u;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct dns_udp *u = udp_of(handle);
    u->magic = 0;
    free(u);
}

void dns_udp_close(struct dns_udp *u)
{
    if (!u)
        return;
    must(u->magic == DNS_UDP_MAGIC);
    uv_close((uv_handle_t *)&u->handle, on_closed);
}
