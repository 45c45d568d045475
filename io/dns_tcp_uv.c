// SPDX-License-Identifier: BSD-2-Clause
// dns_tcp: one DNS packet to one server over TCP, and its answer. See dns_tcp_uv.h.
//
// A connection for each question: truncated answers are rare, and reusing connections (RFC 7766
// 6.2.1) would save little of the work and cost a pool.
#include "io/dns_tcp_uv.h"

#include "core/buf.h"
#include "core/must.h"
#include "io/stream_uv.h"

#include <stdlib.h>

enum { DNS_TCP_MAGIC = 0x64746331, LENGTH_SIZE = 2, PACKET_MAX = 65535 };

struct dns_tcp {
    uint32_t magic;
    struct stream *stream;
    dns_packet *on_packet;
    void *arg;
    struct buf received; // of one answer, with its length before it
};

static struct dns_tcp *tcp_of(void *arg)
{
    struct dns_tcp *t = arg;
    must(t->magic == DNS_TCP_MAGIC);
    return t;
}

static void give_up(struct dns_tcp *t)
{
    t->on_packet(t->arg, slice_of("", 0));
}

static void on_failed(void *arg, enum stream_fault fault, const char *detail)
{
    (void)fault;
    (void)detail;
    give_up(tcp_of(arg));
}

static void on_eof(void *arg)
{
    give_up(tcp_of(arg));
}

// What does not fit the buffer is beyond the one answer that is waited for.
static void on_bytes(void *arg, struct slice bytes)
{
    struct dns_tcp *t = tcp_of(arg);
    size_t room = t->received.max - t->received.n;
    must(buf_add(&t->received, bytes.p, bytes.n < room ? bytes.n : room) == FP_OK);
    if (t->received.n < LENGTH_SIZE)
        return;
    const unsigned char *p = (const unsigned char *)t->received.p;
    size_t n = (size_t)(p[0] << 8 | p[1]);
    if (n == 0)
        give_up(t);
    else if (t->received.n >= LENGTH_SIZE + n)
        t->on_packet(t->arg, slice_of(t->received.p + LENGTH_SIZE, n));
}

static void on_closed(void *arg)
{
    struct dns_tcp *t = tcp_of(arg);
    buf_close(&t->received);
    t->magic = 0;
    free(t);
}

struct dns_tcp *dns_tcp_ask(uv_loop_t *loop, const union endpoint *server, struct slice packet,
                            dns_packet *on_packet, void *arg)
{
    struct dns_tcp *t = must_zalloc(sizeof *t);
    t->magic = DNS_TCP_MAGIC;
    t->on_packet = on_packet;
    t->arg = arg;
    buf_init(&t->received, LENGTH_SIZE + PACKET_MAX);
    const struct stream_handler handler = {
        .arg = t,
        .on_connect_failed = on_failed,
        .on_bytes = on_bytes,
        .on_eof = on_eof,
        .on_fault = on_failed,
        .on_closed = on_closed,
    };
    t->stream = stream_connect(loop, server, &handler);
    must(packet.n <= PACKET_MAX);
    char length[LENGTH_SIZE] = {(char)(packet.n >> 8), (char)packet.n};
    struct slice parts[] = {slice_of(length, LENGTH_SIZE), packet};
    stream_write(t->stream, parts,
                 2); // kept until connected, then sent as one segment (RFC 7766 8)
    return t;
}

void dns_tcp_close(struct dns_tcp *t)
{
    if (t)
        stream_close(tcp_of(t)->stream, false);
}
